import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Blueprint from "../../src/blueprint/Blueprint.js"
import * as Compile from "../../src/blueprint/Compile.js"
import * as Imports from "../../src/blueprint/Imports.js"
import * as Print from "../../src/blueprint/Print.js"
import * as Digest from "../../src/domain/Digest.js"
import { TemplateError } from "../../src/expression/Template.js"
import type * as PriceTable from "../../src/governance/PriceTable.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Bound from "../../src/plan/Bound.js"
import * as Plan from "../../src/plan/Plan.js"
import * as Models from "../agent/models.js"
import * as Money from "../engine/money.js"
import * as World from "../gate/world.js"
import { plan } from "./Marked.js"
import { options } from "./Skills.js"

type Texts = Readonly<Record<string, string>>

const main = (prompt: string, input = "") => `name: drafts
agents:
  writer:
    model: "test:m"
    system_prompt: ${prompt}
steps:
  - name: topic
    input: "{{ input | upper }}"
  - name: draft
    uses: agents.writer${input}
`

const load = (texts: Texts) =>
  Effect.runSync(
    Imports.load({ path: "pipeline.yaml", text: texts["pipeline.yaml"]! }, (path) =>
      Effect.succeed(Object.hasOwn(texts, path) ? new TextEncoder().encode(texts[path]!) : undefined)
    )
  )

const check = (texts: Texts) =>
  Blueprint.check({ path: "pipeline.yaml", text: texts["pipeline.yaml"]! }, { ...options, files: load(texts) }, plan)

const found = (prompt: string, texts: Texts = {}) =>
  check({ "pipeline.yaml": main(prompt), ...texts }).diagnostics.map(
    ({ code, file, message, place }) => `${file}:${place.start.line}:${place.start.column} ${code} ${message}`
  )

const parsed = (texts: Texts) => check(texts).blueprint!

const file = "{ from_file: ./prompts/w.md, variables: { tone: formal, about: '{{ steps.topic }}' } }"
const text = "Write in a {{ tone }} tone\nabout {{ about }}, which was {{ input }}.\n"
const sound = { "pipeline.yaml": main(file), "prompts/w.md": text }

const twinOf = (source = text) =>
  Step.pass<string>("topic").pipe(
    Step.withInput("{{ input | upper }}"),
    Step.andThen(
      Step.agent(
        "draft",
        Agent.make("writer", {
          model: "test:m",
          system: Agent.prompt(source, { variables: { tone: "formal", about: "{{ steps.topic }}" } })
        })
      )
    ),
    Pipeline.make("drafts")
  )

describe("a prompt file", () => {
  it("is the same plan as a prompt in TypeScript, wherever it lies", () => {
    const { pipeline } = parsed(sound)
    assert.strictEqual(Plan.make(pipeline).text, Plan.make(twinOf()).text)
    const moved = parsed({ "pipeline.yaml": main(file.replace("prompts/w.md", "w.md")), "w.md": text })
    assert.strictEqual(Plan.make(moved.pipeline).digest, Plan.make(pipeline).digest)
    assert.notStrictEqual(Plan.make(twinOf("Write.")).digest, Plan.make(pipeline).digest)
  })

  it("is kept by a run, once, and read again from what it kept", () => {
    const texts = {
      ...sound,
      "pipeline.yaml": sound["pipeline.yaml"].replace(
        "steps:",
        `  other:${main(file).split("writer:")[1]!.split("steps:")[0]}steps:`
      )
    }
    const { sources } = parsed(texts)
    assert.deepStrictEqual(
      sources.map(({ path }) => path),
      ["pipeline.yaml", "prompts/w.md"]
    )
    const [first] = sources
    const again = Blueprint.parse(first!, { ...options, files: Imports.fromSources(sources) })
    assert.strictEqual(Plan.make(Either.getOrThrow(again).pipeline).text, Plan.make(parsed(texts).pipeline).text)
  })

  it("stays inside the project, and must be there and be a text", () => {
    assert.match(found("{ from_file: ../x.md }")[0]!, /^pipeline.yaml:5:33 FLJ-PROMPT-1 .* is no path to a file inside/)
    assert.match(found("{ from_file: /etc/passwd }")[0]!, /FLJ-PROMPT-1/)
    assert.match(found("{ from_file: 'http://x/y' }")[0]!, /FLJ-PROMPT-1/)
    assert.match(found("{ from_file: ./w.md }")[0]!, /FLJ-PROMPT-1 there is no file w.md/)
    assert.match(found("{ variables: {} }")[0]!, /FLJ-BLUEPRINT-16 `from_file` of the prompt is missing/)
    assert.match(found("{ from_file: ./w.md, variable: {} }", { "w.md": "x" })[0]!, /FLJ-BLUEPRINT-15/)
    const bad = found("{ from_file: ./w.md }", { "w.md": "a\u0000b" })
    assert.match(bad.find((one) => one.startsWith("w.md"))!, /^w.md:1:2 FLJ-BLUEPRINT-2 /)
  })

  it("is no blueprint: what it seems to import or to load is neither", () => {
    const texts = { "pipeline.yaml": main("{ from_file: ./w.md }"), "w.md": "imports: { a: ./b.yaml }", "b.yaml": "x" }
    assert.deepStrictEqual([...load(texts).keys()], ["w.md"])
    assert.deepStrictEqual(
      Imports.blueprints({ path: "pipeline.yaml", text: texts["pipeline.yaml"] }, load(texts)).map(({ path }) => path),
      ["pipeline.yaml"]
    )
  })

  it("has what is wrong with it at its own place, and with its variables at theirs", () => {
    const of = (text: string) => found(file, { "prompts/w.md": text })
    assert.deepStrictEqual(of(text), [])
    assert.match(of("Hi.\n  {{ tone | shout }}")[0]!, /^prompts\/w.md:2:13 V-T3 /)
    assert.match(of("Hi.\n{{ steps.topik }}")[0]!, /^prompts\/w.md:2:10 FLJ-PLAN-7 there is no step topik/)
    assert.match(of("{{ nobody }}")[0]!, /^prompts\/w.md:1:4 FLJ-PLAN-7 there is no nobody/)
    const named = (variables: string) => found(`{ from_file: ./w.md, variables: { ${variables} } }`, { "w.md": "x" })
    assert.match(named("x: '{{ steps.later }}'")[0]!, /^pipeline.yaml:5:67 FLJ-PLAN-7 there is no step later/)
    assert.match(named("input: 1")[0]!, /FLJ-BLUEPRINT-19 .*input.* is not a name for a variable/)
    assert.match(named("'a-b': 1")[0]!, /FLJ-BLUEPRINT-19/)
  })

  it("is printed with its file, and compiled with its text", () => {
    const { pipeline } = parsed(sound)
    const kept = Either.getOrThrow(Print.print(pipeline))
    assert.deepStrictEqual(kept.files, [{ path: "prompts/w.md", text }])
    assert.include(kept.text, "from_file: ./prompts/w.md")
    const fresh = Either.getOrThrow(Print.print(twinOf()))
    assert.deepStrictEqual(fresh.files, [{ path: "prompts/writer.md", text }])
    const code = Either.getOrThrow(Compile.toTypeScript(pipeline))
    assert.include(code, `Agent.prompt(${JSON.stringify(text)}, {`)
  })

  it("may be of any size once it is filled in, and a bound says so", () => {
    const prices = Money.table({ "test:m": Money.rate("1", "10") })
    const row = prices.rows[0]!
    const table: PriceTable.PriceTable = { ...prices, rows: [{ ...row, context: 100_000 }] }
    const tokens = (source: string) => Bound.make(twinOf(source), table, { inputBytes: 5 }).tokens
    assert.strictEqual(tokens("{{ input }}"), 100_000 + Agent.maxTokensDefault)
    assert.isBelow(tokens("Write.")!, 110_000)
  })
})

describe("when the agent is called", () => {
  const ran = (pipeline: Pipeline.Pipeline<string, unknown, unknown, never>, asked: Array<Models.Asked> = []) =>
    World.start(pipeline, "rain").pipe(
      Effect.provide(World.make().boot()),
      Effect.provide(Models.layer(() => "done", asked))
    )
  const any = (pipeline: object) => pipeline as Pipeline.Pipeline<string, unknown, unknown, never>

  it.effect("its values are filled in, and its digest is in the journal", () =>
    Effect.gen(function* () {
      const asked: Array<Models.Asked> = []
      const { entries } = yield* ran(any(parsed(sound).pipeline), asked)
      assert.strictEqual(asked[0]!.ask.messages[0]!.content, "Write in a formal tone\nabout RAIN, which was rain.\n")
      const started = entries.flatMap(({ event }) => (event.kind === "StepStarted" ? [event] : []))
      assert.deepStrictEqual(
        started.map(({ data }) => data.prompt),
        [Digest.ofText(text)]
      )
    })
  )

  it.effect("what it yields is not expanded again", () =>
    Effect.gen(function* () {
      const asked: Array<Models.Asked> = []
      const pipeline = Step.agent(
        "draft",
        Agent.make("writer", { model: "test:m", system: Agent.prompt("{{ a }}", { variables: { a: "{{ input }}" } }) })
      ).pipe(Pipeline.make("p"))
      yield* World.start(any(pipeline), "{{ input }}").pipe(
        Effect.provide(World.make().boot()),
        Effect.provide(Models.layer(() => "done", asked))
      )
      assert.strictEqual(asked[0]!.ask.messages[0]!.content, "{{ input }}")
    })
  )

  it.effect("what cannot be filled in is a typed failure, and no model is asked", () =>
    Effect.gen(function* () {
      const asked: Array<Models.Asked> = []
      const { error } = yield* ran(any(twinOf("{{ 1 / (input | length - 4) }}")), asked)
      assert.instanceOf(error, TemplateError)
      assert.deepStrictEqual(asked, [])
    })
  )
})
