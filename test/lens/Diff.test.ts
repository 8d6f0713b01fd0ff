import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as Diff from "../../src/lens/Diff.js"
import * as RenderDiff from "../../src/lens/RenderDiff.js"
import type * as Text from "../../src/lens/Text.js"
import * as ViewJson from "../../src/lens/ViewJson.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Redaction from "../../src/redaction/Redaction.js"
import * as Runs from "./Runs.js"

const redaction = Redaction.make()
const options: Text.Options = { redaction, color: false, width: 200, previewLength: 80, verbose: false }

const word = Step.make("word", {
  input: Schema.String,
  output: Schema.String,
  run: (text) => Effect.succeed(text.toUpperCase())
})
const size = Step.fn("size", (text: string) => text.length)
const long = Step.fn("long", (n: number) => `long ${n}`)
const short = Step.fn("short", (n: number) => `short ${n}`)
const pipeline = word.pipe(
  Step.andThen(size),
  Step.andThen(Step.branch("kind", { on: (n: number) => (n > 3 ? "long" : "short"), cases: { long, short } })),
  Pipeline.make("words")
)

const diffOf = (before: string, after: string) =>
  Effect.gen(function* () {
    const [ours, theirs] = [yield* Runs.run(pipeline, before), yield* Runs.run(pipeline, after)]
    return { ours, theirs, view: Diff.make(Runs.traceOf(ours.entries), Runs.traceOf(theirs.entries)) }
  })

const outline = (view: Diff.Diff) =>
  view.rows.map(
    ({ changes, only, path }) => `${path} ${Option.getOrElse(only, () => changes.map((one) => one.field).join(","))}`
  )

describe("two runs", () => {
  it.effect("of one input do not differ, whatever they took", () =>
    Effect.gen(function* () {
      const { view } = yield* diffOf("word", "word")
      assert.deepStrictEqual([view.rows, view.run, view.isSamePlan], [[], [], true])
      assert.isAbove(view.sameCount, 3)
      assert.strictEqual(
        RenderDiff.lines(view, options).at(-1),
        `The runs do not differ: ${view.sameCount} steps are the same.`
      )
    }).pipe(Effect.provide(JournalMemory.layerMemory))
  )

  it.effect("differ where a branch went another way, and in what came out before and after it", () =>
    Effect.gen(function* () {
      const { view } = yield* diffOf("word", "abc")
      assert.deepStrictEqual(outline(view), [
        "word input,output",
        "size output",
        "kind decision",
        "kind/long before",
        "kind/long/long before",
        "kind/short after",
        "kind/short/short after"
      ])
      assert.deepStrictEqual(
        view.run.map(({ field }) => field),
        ["input", "output"]
      )
    }).pipe(Effect.provide(JournalMemory.layerMemory))
  )

  it.effect("are shown with both values, long ones from where they part", () =>
    Effect.gen(function* () {
      const same = "the same words again and again, "
      const { ours, theirs, view } = yield* diffOf(`${same.repeat(9)}a`, `${same.repeat(9)}b`)
      const lines = RenderDiff.lines(view, options)
      assert.include(lines[0], ours.runId)
      assert.include(lines[1], theirs.runId)
      const lead = same.repeat(9).toUpperCase().slice(-30)
      assert.include(lines, `  - "…${lead}A"`)
      assert.include(lines, `  + "…${lead}B"`)
      assert.isFalse(lines.some((line) => line.includes("different pipelines")))
    }).pipe(Effect.provide(JournalMemory.layerMemory))
  )

  it.effect("of different pipelines are said to be", () =>
    Effect.gen(function* () {
      const one = yield* Runs.run(Pipeline.make("a")(word), "x")
      const two = yield* Runs.run(Pipeline.make("a")(word.pipe(Step.andThen(size))), "x")
      const view = Diff.make(Runs.traceOf(one.entries), Runs.traceOf(two.entries))
      assert.isFalse(view.isSamePlan)
      assert.deepStrictEqual(outline(view), ["size after"])
      assert.include(RenderDiff.lines(view, options).join("\n"), "different versions of one")
    }).pipe(Effect.provide(JournalMemory.layerMemory))
  )

  it.effect("are masked and in JSON as they are shown", () =>
    Effect.gen(function* () {
      // What the two have in common is longer than what is shown before the place where they part.
      const token = `token=${"abcdefghij".repeat(5)}`
      const { view } = yield* diffOf(`${token}-123456`, `${token}-654321`)
      const json = JSON.stringify(ViewJson.diff(view, redaction))
      assert.notInclude(json, "123456")
      assert.notInclude(RenderDiff.lines(view, options).join("\n"), "654321")
      assert.include(json, '"same_plan":true')
    }).pipe(Effect.provide(JournalMemory.layerMemory))
  )
})
