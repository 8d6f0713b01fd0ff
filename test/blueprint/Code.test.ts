/** Code that a blueprint names: what there is to load, and what is said where it is not there. */
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Blueprint from "../../src/blueprint/Blueprint.js"
import * as Code from "../../src/blueprint/Code.js"
import { stringify } from "./Skills.js"

const loaded = (skills: ReadonlyArray<string>): Code.Loaded => ({
  skill: ({ name, path }) =>
    skills.includes(`${path}#${name}`)
      ? Either.right(stringify)
      : Either.left({ code: "FLJ-CODE-2", message: `${path}: there is no such file`, hint: "write it" }),
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
