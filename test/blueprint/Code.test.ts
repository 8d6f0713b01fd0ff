/** Code that a blueprint names: what there is to load, and what is said where it is not there. */
import { assert, describe, it } from "@effect/vitest"
import { Ajv } from "ajv"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Blueprint from "../../src/blueprint/Blueprint.js"
import * as Code from "../../src/blueprint/Code.js"
import * as LanguageSchema from "../../src/blueprint/LanguageSchema.js"
import * as Check from "../../src/check/Check.js"
import * as Kind from "../../src/pipeline/Kind.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Plan from "../../src/plan/Plan.js"
import { stringify } from "./Skills.js"

type Tree = { readonly name: string; readonly below: ReadonlyArray<Tree> }
const Tree: Schema.Schema<Tree> = Schema.Struct({
  name: Schema.String,
  below: Schema.Array(Schema.suspend(() => Tree))
}).annotations({ identifier: "Tree" })

const loaded = (skills: ReadonlyArray<string>): Code.Loaded => ({
  skill: ({ name, path }) =>
    skills.includes(`${path}#${name}`)
      ? Either.right(stringify)
      : Either.left({ code: "FLJ-CODE-2", message: `${path}: there is no such file`, hint: "write it" }),
  kind: () => undefined,
  kinds: [],
  unread: []
})
const found = (text: string, code?: Code.Loaded, path = "pipeline.yaml") => {
  const options: Blueprint.Options = { skills: () => undefined, skillIds: [], ...(code === undefined ? {} : { code }) }
  return Either.match(Blueprint.parse({ path, text }, options), {
    onLeft: (all) =>
      all.map(({ code, message, place }) => `${place.start.line}:${place.start.column} ${code} ${message}`),
    onRight: () => ["valid"]
  })
}

describe("code that a blueprint names", () => {
  it("is what stands in the place of a skill, wherever that is, and nothing else", () => {
    const text = `steps:
  - { name: a, skill: ./a.ts#one, params: { skill: ./no.ts } }
  - { name: b, agent: { id: ../lib/b.ts }, meta: { skill: ./no.ts } }
  - kind: conditional
    condition_expression: { skill: ./a.ts#two }
    branches: { x: { name: c, skill: acme.c, input: { id: ./no.ts } } }
  - kind: dynamic_router
    router: { router_agent: { id: ./a.ts#one }, branches: { y: [{ name: d, agent: { id: agents.d } }] } }
`
    const { ids, references } = Code.named([{ path: "flows/main.yaml", text }])
    assert.deepStrictEqual(
      references.map(({ name, path }) => `${path}#${name}`),
      ["flows/a.ts#one", "lib/b.ts#default", "flows/a.ts#two"]
    )
    assert.deepStrictEqual(ids, ["acme.c"])
  })

  it("is looked for from the file on that names it", () => {
    const text = 'steps: [{ name: a, skill: "../lib/a.ts#one" }]'
    assert.deepStrictEqual(found(text, loaded(["lib/a.ts#one"]), "flows/main.yaml"), ["valid"])
    assert.deepStrictEqual(found(text, loaded(["a.ts#one"])), [
      "1:27 FLJ-CODE-1 `../lib/a.ts#one`: this is no path to a file inside the project"
    ])
  })

  it("is refused where none is handed over, as where blueprints come from strangers", () => {
    assert.deepStrictEqual(found('steps: [{ name: a, skill: "./a.ts#one" }]'), [
      "1:27 FLJ-CODE-1 `./a.ts#one`: no code is loaded here"
    ])
  })

  it("that could not be loaded is a finding at its name", () => {
    const text =
      "steps:\n  - kind: conditional\n    condition_expression: { skill: ./a.ts }\n    branches: { x: { name: c } }\n"
    assert.deepStrictEqual(found(text, loaded([])), ["3:36 FLJ-CODE-2 a.ts: there is no such file"])
  })

  it("that was not read may have the skill that is missed, and is told of", () => {
    const text = "steps: [{ name: a, skill: acme.a }]"
    const code = { ...loaded([]), unread: ["skills/a.ts:1:1: it throws"] }
    assert.deepStrictEqual(found(text, code), [
      "1:27 FLJ-CODE-2 there is no skill `acme.a` among those that could be loaded"
    ])
    assert.deepStrictEqual(found(text, loaded([])), ["1:27 V-A6 there is no skill `acme.a`"])
  })
})

describe("a kind of the project's own", () => {
  const kind = Kind.make({
    about: "Says a text some times.",
    document: Schema.Struct({ times: Schema.Number, words: Schema.Array(Schema.String) }),
    example: { times: 1, words: ["a"] },
    make: ({ times, words }, { name }) => {
      if (times === 0) throw new Error("never is too seldom")
      const say = (word: string) => Step.fn(word, (text: string) => `${text} ${word}`.repeat(times))
      const [first, ...others] = words.map(say)
      return others.reduce((all, one) => Step.andThen(all, one), first!).pipe(Pipeline.make(name))
    }
  })
  const code: Code.Loaded = {
    ...loaded([]),
    kind: (name) =>
      name === "say"
        ? Either.right(kind)
        : name === "gone"
          ? Either.left({ code: "FLJ-CODE-2", message: "kinds/gone.ts: there is no such file", hint: undefined })
          : undefined,
    kinds: ["say", "gone"]
  }
  const options: Blueprint.Options = { skills: () => undefined, skillIds: [], code }
  const checked = (text: string) =>
    Check.check({ path: "pipeline.yaml", text }, options).diagnostics.map(
      ({ code, message, place }) => `${place.start.line}:${place.start.column} ${code} ${message}`
    )

  it("makes the plan that its pipeline makes as a step", () => {
    const text = "steps: [{ kind: say, name: a, times: 2, words: [x, y] }]"
    const blueprint = Either.getOrThrow(Blueprint.parse({ path: "pipeline.yaml", text }, options))
    const inner = Either.getOrThrow(kind.expand({ times: 2, words: ["x", "y"] }, "a"))
    const twin = Pipeline.make("pipeline")(Pipeline.asStep(inner, "a"))
    assert.strictEqual(Plan.make(blueprint.pipeline).digest, Plan.make(twin).digest)
  })

  it("says at the value what does not fit, and at the kind where its function throws", () => {
    assert.deepStrictEqual(checked("steps: [{ kind: say, name: a, times: 2, words: [x, 3] }]"), [
      "1:52 FLJ-KIND-1 words.1: Expected string, actual 3"
    ])
    assert.deepStrictEqual(checked("steps: [{ kind: say, name: a, words: [x] }]"), [
      "1:17 FLJ-KIND-1 times: is missing"
    ])
    assert.deepStrictEqual(checked("steps: [{ kind: say, name: a, times: 0, words: [x] }]"), [
      "1:17 FLJ-KIND-2 the kind `say` makes nothing of this: never is too seldom"
    ])
    assert.deepStrictEqual(
      checked("steps: [{ kind: say, name: a, times: 1, words: [] }]")[0]?.slice(0, 15),
      "1:17 FLJ-KIND-2"
    )
  })

  it("has what is wrong with its pipeline at the step, also behind what stands around that", () => {
    const found = ["1:28 FLJ-PLAN-2 two steps stand at a/x"]
    assert.deepStrictEqual(checked("steps: [{ kind: say, name: a, times: 2, words: [x, x] }]"), found)
    const around =
      "steps: [{ kind: say, name: a, times: 2, words: [x, x], config: { max_retries: 1 }, sink_to: b, when: input }]"
    assert.deepStrictEqual(checked(around), found)
  })

  it("that could not be loaded, or that there is none of, is told of at its name", () => {
    assert.deepStrictEqual(checked("steps: [{ kind: gone, name: a, words: [] }]"), [
      "1:17 FLJ-CODE-2 kinds/gone.ts: there is no such file"
    ])
    const [first] = checked("steps: [{ kind: sya, name: a }]")
    assert.strictEqual(first, "1:17 FLJ-BLUEPRINT-18 there is no kind `sya`")
    assert.deepStrictEqual(
      checked("steps: [{ kind: say, name: a, times: 1, wrods: [x] }]")[0],
      "1:17 FLJ-KIND-1 words: is missing"
    )
  })

  it("has its keys in the schema for editors", () => {
    const nested = Kind.make({
      about: "A tree.",
      document: Schema.Struct({ tree: Tree }),
      example: { tree: { name: "a", below: [] } },
      make: (_, { name }) => Step.pass<string>("x").pipe(Pipeline.make(name))
    })
    const fits = new Ajv({ strict: false }).compile(
      LanguageSchema.make(
        new Map([
          ["say", kind],
          ["grow", nested]
        ])
      )
    )
    const step = (step: object) => fits({ steps: [step] })
    assert.isTrue(step({ kind: "say", name: "a", times: 1, words: ["x"], sink_to: "b" }))
    assert.isFalse(step({ kind: "say", name: "a", times: "1", words: ["x"] }))
    assert.isFalse(step({ kind: "say", name: "a", times: 1 }))
    assert.isFalse(step({ kind: "say", name: "a", times: 1, words: [], more: 1 }))
    assert.isTrue(step({ kind: "grow", tree: { name: "a", below: [{ name: "b", below: [] }] } }))
    assert.isFalse(step({ kind: "grow", tree: { name: "a", below: [{ name: 1, below: [] }] } }))
  })
})
