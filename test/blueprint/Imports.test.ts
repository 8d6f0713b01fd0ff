import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import * as Blueprint from "../../src/blueprint/Blueprint.js"
import * as Diagnostics from "../../src/blueprint/Diagnostics.js"
import * as Imports from "../../src/blueprint/Imports.js"
import { RunId } from "../../src/domain/RunId.js"
import type { StepPath } from "../../src/domain/StepPath.js"
import * as Flujo from "../../src/engine/Flujo.js"
import { Journal } from "../../src/journal/Journal.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import { plan } from "./Marked.js"
import { options } from "./Skills.js"

type Texts = Readonly<Record<string, string>>

const bytes = (text: string) => new TextEncoder().encode(text)
const load = (texts: Texts, main = "pipeline.yaml") =>
  Imports.load({ path: main, text: texts[main]! }, (path) =>
    Effect.succeed(Object.hasOwn(texts, path) ? bytes(texts[path]!) : undefined)
  )

const check = (texts: Texts, main = "pipeline.yaml") =>
  Effect.runSync(
    Effect.map(load(texts, main), (files) =>
      Blueprint.check({ path: main, text: texts[main]! }, { ...options, files }, plan)
    )
  )

const found = (texts: Texts, main?: string) =>
  check(texts, main).diagnostics.map(
    ({ code, file, message, place }) => `${file}:${place.start.line}:${place.start.column} ${code} ${message}`
  )

const parsed = (texts: Texts, main = "pipeline.yaml") => {
  const files = Effect.runSync(load(texts, main))
  const blueprint = Blueprint.parse({ path: main, text: texts[main]! }, { ...options, files })
  if (Either.isLeft(blueprint)) throw new Error(Diagnostics.renderAll(blueprint.left))
  return blueprint.right
}

const main = (path: string, more = "") => `imports: { child: ${path} }
steps:
  - name: a
    uses: imports.child
${more}`

const child = "steps: [{ name: inner }]\n"

describe("a path", () => {
  it("goes from the file that it stands in, and stays inside the project", () => {
    assert.deepStrictEqual(
      found({ "pipeline.yaml": main("./parts/b.yaml"), "parts/b.yaml": main("../c.yaml"), "c.yaml": child }),
      []
    )
    for (const path of [
      "/etc/passwd",
      "../x.yaml",
      "a/../../x.yaml",
      "https://example.com/x",
      "'a\\b'",
      "~/x",
      "parts/",
      "C:/x"
    ]) {
      const [first, ...others] = found({ "pipeline.yaml": main(path) })
      assert.include(first, "V-I1", path)
      assert.deepStrictEqual(others, [])
    }
  })
  it("of a file that is not there is said where it is written", () => {
    assert.deepStrictEqual(found({ "pipeline.yaml": main("./b.yaml") }), [
      "pipeline.yaml:1:19 V-I1 there is no file b.yaml"
    ])
  })
  it("is not followed from a file outside the project", () => {
    assert.include(found({ "../pipeline.yaml": main("./b.yaml"), "../b.yaml": child }, "../pipeline.yaml")[0], "V-I1")
  })
})

describe("files that import one another", () => {
  it("in a circle are told with the way round, once", () => {
    const texts = { "pipeline.yaml": main("./b.yaml"), "b.yaml": main("./c.yaml"), "c.yaml": main("./b.yaml") }
    assert.deepStrictEqual(found(texts), ["c.yaml:1:19 V-I3 these files import one another: b.yaml → c.yaml → b.yaml"])
    assert.include(found({ "pipeline.yaml": main("pipeline.yaml") })[0], "pipeline.yaml → pipeline.yaml")
  })
  it("may meet in one: it is read once, and its findings are told once", () => {
    const top = `imports: { b: ./b.yaml, c: ./c.yaml }
steps: [{ name: x, uses: imports.b }, { name: y, uses: imports.c }]
`
    const texts = { "pipeline.yaml": top, "b.yaml": main("./d.yaml"), "c.yaml": main("./d.yaml"), "d.yaml": child }
    assert.deepStrictEqual(found(texts), [])
    assert.deepStrictEqual(
      parsed(texts).sources.map(({ path }) => path),
      ["pipeline.yaml", "b.yaml", "d.yaml", "c.yaml"]
    )
    const bad = { ...texts, "d.yaml": "steps:\n  - name: inner\n    input: '{{ nope }}'\n" }
    assert.deepStrictEqual(found(bad), ["d.yaml:3:16 FLJ-PLAN-7 there is no nope"])
  })
  it("have a limit", () => {
    const texts: Record<string, string> = { "pipeline.yaml": main("./f0.yaml") }
    for (let i = 0; i < 120; i++) texts[`f${i}.yaml`] = i === 119 ? child : main(`./f${i + 1}.yaml`)
    assert.deepStrictEqual(found(texts), [
      `f${Imports.filesMax - 1}.yaml:1:19 V-I1 more than ${Imports.filesMax} files are imported`
    ])
  })
})

describe("what is wrong with an imported file", () => {
  it("is told in that file, and nothing follows from it", () => {
    assert.deepStrictEqual(
      found({ "pipeline.yaml": main("./b.yaml", "  - name: z\n    nmae: y\n"), "b.yaml": "steps:\n  - nmae: x\n" }),
      [
        "pipeline.yaml:6:5 FLJ-BLUEPRINT-15 `nmae` is not a key of a step",
        "b.yaml:2:5 FLJ-BLUEPRINT-15 `nmae` is not a key of a step"
      ]
    )
    assert.deepStrictEqual(found({ "pipeline.yaml": main("./b.yaml"), "b.yaml": "\0" }).length, 1)
  })
  it("an import that nobody uses, or that is not there, is told", () => {
    assert.deepStrictEqual(
      found({ "pipeline.yaml": "imports: { c: ./c.yaml }\nsteps: [{ name: a }]", "c.yaml": child }),
      ["pipeline.yaml:1:12 FLJ-BLUEPRINT-26 no step uses the import `c`"]
    )
    const texts = {
      "pipeline.yaml": main("./b.yaml").replace("imports.child", "imports.chidl").replace("child:", "kid:"),
      "b.yaml": child
    }
    assert.deepStrictEqual(found(texts), ["pipeline.yaml:4:19 V-I2 there is no import `chidl`"])
  })
  it("a field that it does not have cannot be handed out", () => {
    const texts = { "pipeline.yaml": main("./b.yaml", "    config: { outputs: { nope: x } }\n"), "b.yaml": child }
    assert.deepStrictEqual(found(texts), ['pipeline.yaml:3:11 FLJ-PLAN-12 there is no field of its context "nope"'])
  })
})

describe("what a step says of an import that fails or pauses", () => {
  const said = (config: string, more = "") =>
    found({ "pipeline.yaml": main("./b.yaml", `    config: { ${config} }\n${more}`), "b.yaml": child })

  it("may be what is done anyway", () => {
    assert.deepStrictEqual(said("on_failure: abort, input_to: initial_prompt, propagate_hitl: true"), [])
  })
  it("is refused where nothing here can mean it", () => {
    assert.deepStrictEqual(said("input_to: both"), [
      "pipeline.yaml:5:25 FLJ-BLUEPRINT-19 `input_to` is `initial_prompt`, not `both`"
    ])
    assert.deepStrictEqual(said("propagate_hitl: false"), [
      "pipeline.yaml:5:31 FLJ-BLUEPRINT-19 `propagate_hitl` is true: a pause in an import is one of the whole run"
    ])
    assert.deepStrictEqual(said("on_failure: skipp"), [
      "pipeline.yaml:5:27 FLJ-BLUEPRINT-19 `on_failure` is `abort` or `skip` or `continue_with_default`, not `skipp`"
    ])
    assert.deepStrictEqual(said("input_scratchpad_key: x"), [
      "pipeline.yaml:5:15 FLJ-BLUEPRINT-15 `input_scratchpad_key` is not a key of `config`"
    ])
  })
  it("stands beside nothing that it contradicts", () => {
    assert.deepStrictEqual(said("on_failure: skip", "    fallback: { name: other }\n"), [
      "pipeline.yaml:5:27 FLJ-BLUEPRINT-20 `on_failure: skip` cannot stand beside `fallback`"
    ])
    assert.deepStrictEqual(said("on_failure: skip", "    sink_to: x\n"), [
      "pipeline.yaml:6:5 FLJ-BLUEPRINT-20 `sink_to` cannot stand beside `on_failure: skip`"
    ])
    assert.deepStrictEqual(said("on_failure: continue_with_default", "    sink_to: x\n"), [])
    assert.deepStrictEqual(said("on_failure: abort", "    fallback: { name: other }\n    sink_to: x\n"), [])
  })
  it("belongs to imports alone", () => {
    const text = "steps: [{ name: a, config: { on_failure: skip } }]\n"
    assert.deepStrictEqual(found({ "pipeline.yaml": text }), [
      "pipeline.yaml:1:30 FLJ-BLUEPRINT-15 `on_failure` is not a key of `config`"
    ])
  })
})

describe("a run of a blueprint that imports", () => {
  const texts = {
    "pipeline.yaml": `imports: { child: ./child.yaml }
steps:
  - name: topic
    input: "{{ input }}!"
    sink_to: topic
  - name: a
    uses: imports.child
    input: { n: "{{ previous_step }}" }
    config: { inherit_context: true, outputs: [{ from: answer, to: reply }] }
  - name: last
    input: "{{ context.reply }}, {{ context.topic }}, {{ steps.a }}"
`,
    "child.yaml": `input_schema: { type: object, required: [n] }
steps:
  - kind: hitl
    name: ask
    message: "{{ input.n }} of {{ context.topic }}?"
    sink_to: answer
  - name: end
    input: "{{ previous_step }}."
`
  }
  const layer = JournalMemory.layerMemory
  it.effect(
    "rests where an imported step waits, goes on from its kept texts, and hands out what it is told to",
    () =>
      Effect.gen(function* () {
        const run = RunId.make("r")
        const blueprint = parsed(texts)
        const sources = [...blueprint.sources]
        const first = yield* Flujo.run(blueprint.pipeline, "x", { runId: run, sources })
        assert.strictEqual(first._tag, "Suspended")
        const journal = yield* Journal
        const entries = Array.from(yield* Stream.runCollect(journal.read(run)))
        const opened = entries.find(({ event }) => event.kind === "TaskOpened")!.event
        assert.strictEqual(opened.path, "a/ask")
        assert.deepInclude(opened.payload, { message: "x! of x!?" })
        const started = entries[0]!.event
        const kept = started.kind === "RunStarted" ? started.payload.sources : []
        // The files are gone: what the run keeps is enough.
        const again = Blueprint.parse(kept[0]!, { ...options, files: Imports.fromSources(kept) })
        const { pipeline } = Either.getOrThrow(again)
        yield* Flujo.answer(run, "a/ask" as StepPath, "yes")
        const last = yield* Flujo.resume(pipeline, run)
        assert.deepInclude(last, { _tag: "Completed", value: "yes, x!, yes." })
        yield* Flujo.replay(pipeline, run)
      }).pipe(Effect.scoped, Effect.provide(layer)) as Effect.Effect<void>
  )
  for (const [how, value] of [
    ["skip", { m: "x!" }],
    ["continue_with_default", null]
  ] as const) {
    it.effect(
      `goes on where the imported one has failed and on_failure is ${how}, with nothing handed out`,
      () =>
        Effect.gen(function* () {
          const text = texts["pipeline.yaml"]
            .replace("{ n:", "{ m:")
            .replace("inherit_context: true", `inherit_context: true, on_failure: ${how}`)
            .replace(/input: "{{ context.reply.*/, `input: ["{{ context.reply | default('none') }}", "{{ steps.a }}"]`)
          const { pipeline } = parsed({ ...texts, "pipeline.yaml": text })
          const run = RunId.make("f")
          const done = yield* Flujo.run(pipeline, "x", { runId: run })
          assert.deepInclude(done, { _tag: "Completed", value: ["none", value] })
          yield* Flujo.replay(pipeline, run)
        }).pipe(Effect.scoped, Effect.provide(layer)) as Effect.Effect<void>
    )
  }
  it.effect(
    "fails where what it gives does not fit what the imported one takes",
    () =>
      Effect.gen(function* () {
        const { pipeline } = parsed({ ...texts, "pipeline.yaml": texts["pipeline.yaml"].replace("{ n:", "{ m:") })
        const failed = yield* Effect.flip(Flujo.run(pipeline, "x"))
        assert.deepInclude(failed, { _tag: "SchemaMismatch", path: "a", side: "input" })
      }).pipe(Effect.scoped, Effect.provide(layer)) as Effect.Effect<void>
  )
})
