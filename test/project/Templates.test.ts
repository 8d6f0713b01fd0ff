import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Yaml from "yaml"
import * as Templates from "../../src/project/Templates.js"

const names = Object.keys(Templates.templates)
const done = (existing: ReadonlyMap<string, string | null>, actions: ReadonlyArray<Templates.Action>) =>
  new Map([
    ...existing,
    ...actions.flatMap(({ content, file }) => (content === undefined ? [] : [[file, content] as const]))
  ])
const actions = (existing: ReadonlyMap<string, string | null>, force: boolean) =>
  Object.fromEntries(Templates.plan(existing, { force }).map(({ action, file }) => [file, action]))

describe("templates", () => {
  it("an empty folder gets all of them", () => {
    assert.deepStrictEqual(names, ["flujo.toml", "pipeline.yaml", ".env.example", "README.md", ".gitignore"])
    assert.deepStrictEqual(new Set(Object.values(actions(new Map(), false))), new Set(["create"]))
  })

  it("what is there is kept, and overwritten only with force", () => {
    const existing = new Map([
      ["flujo.toml", "state_uri = 'memory://'\n"],
      ["README.md", "mine"],
      ["notes.txt", "mine"],
      [".gitignore", "node_modules/"]
    ])
    assert.deepStrictEqual(actions(existing, false), {
      "flujo.toml": "keep",
      "pipeline.yaml": "create",
      ".env.example": "create",
      "README.md": "keep",
      ".gitignore": "extend"
    })
    const forced = Templates.plan(existing, { force: true })
    assert.deepStrictEqual(actions(existing, true), {
      "flujo.toml": "overwrite",
      "pipeline.yaml": "create",
      ".env.example": "create",
      "README.md": "overwrite",
      ".gitignore": "extend"
    })
    assert.strictEqual(done(existing, forced).get(".gitignore"), "node_modules/\n.flujo/\n.env\n")
    assert.strictEqual(done(existing, forced).get("notes.txt"), "mine")
  })

  it("what is no text file is never touched", () => {
    const existing = new Map(names.map((name) => [name, null]))
    for (const force of [false, true]) {
      assert.deepStrictEqual(new Set(Object.values(actions(existing, force))), new Set(["blocked"]))
    }
  })

  it("doing a plan twice is doing it once, and nothing else is touched", () => {
    const folder = FastCheck.array(
      FastCheck.tuple(
        FastCheck.constantFrom(...names, "other.txt"),
        FastCheck.oneof(FastCheck.string(), FastCheck.constantFrom(null, ...Object.values(Templates.templates)))
      )
    ).map((entries) => new Map(entries))
    FastCheck.assert(
      FastCheck.property(folder, FastCheck.boolean(), (existing, force) => {
        const plan = Templates.plan(existing, { force })
        const after = done(existing, plan)
        assert.deepStrictEqual(done(after, Templates.plan(after, { force })), after)
        if (force && !Array.from(existing.values()).includes(null)) {
          assert.deepStrictEqual(new Set(Object.values(actions(after, force))), new Set(["unchanged"]))
        }
        for (const [name, content] of existing) {
          if (!names.includes(name)) assert.strictEqual(after.get(name), content)
          if (!force && name !== ".gitignore") assert.strictEqual(after.get(name), content)
          if (name === ".gitignore" && content !== null) assert.isTrue(after.get(name)?.startsWith(content))
        }
      }),
      { numRuns: 300 }
    )
  })

  it("the pipeline is the YAML it should be", () => {
    const pipeline = Yaml.parse(Templates.templates["pipeline.yaml"] ?? "", { strict: true })
    assert.strictEqual(pipeline.version, "0.1")
    assert.match(pipeline.agents.summarizer.model, /^offline:/)
    assert.deepStrictEqual(
      pipeline.steps.map((step: { readonly name: string }) => step.name),
      ["summarize", "as_text"]
    )
  })
})
