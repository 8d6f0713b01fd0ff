/** What the trace tells of steps that are skipped, that wait for a signal, and of machines. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Flujo from "../../src/engine/Flujo.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as Trace from "../../src/lens/Trace.js"
import type { TraceNode } from "../../src/lens/TraceNode.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Runs from "./Runs.js"

const fails = Step.make("fails", {
  input: Schema.String,
  output: Schema.String,
  error: Schema.String,
  run: () => Effect.fail("no")
})

const pipeline = Step.pass<string>("left_out").pipe(
  Step.when(() => false),
  Step.named("group"),
  Step.andThen(Step.pass<string>("done").pipe(Step.when(() => true))),
  Step.andThen(
    Step.states("machine", {
      start: "try",
      states: { try: fails, other: Step.pass<string>("rescue") },
      ends: ["end"],
      transitions: [
        { from: "try", on: "failure", to: "other" },
        { on: "success", to: "end" }
      ]
    })
  ),
  Step.andThen(Step.parallel("both", { a: Step.pass<string>("x") }, { reduce: "first" })),
  Step.andThen(Step.signal("payment", { signal: "paid", data: Schema.Number })),
  Pipeline.make("language")
)

const shown = ({ children, kind, label, status }: TraceNode): unknown =>
  children.length === 0 ? `${label} ${kind} ${status}` : [`${label} ${kind} ${status}`, ...children.map(shown)]

describe("the trace", () => {
  it.live("tells what was skipped, that a machine went on after a failure, and which signal is awaited", () =>
    Effect.gen(function* () {
      const { entries, runId } = yield* Runs.run(pipeline, "x")
      const before = Trace.make(entries, { held: false })
      assert.deepStrictEqual(before.root.children.map(shown), [
        ["group group completed", "left_out step skipped"],
        "done fn completed",
        [
          "machine loop completed",
          ["[0] branch completed", ["try case failed", "fails code failed"]],
          ["[1] branch completed", ["other case completed", "rescue fn completed"]]
        ],
        ["both group completed", ["a group completed", "x fn completed"]],
        "payment signal waiting"
      ])
      assert.deepStrictEqual(before.root.children.at(-1)!.signal, Option.some("paid"))
      assert.deepStrictEqual(
        before.summary.signals.map(({ path, signal }) => [path as string, signal]),
        [["payment", "paid"]]
      )
      yield* Flujo.signal(runId, "other", 1)
      yield* Flujo.signal(runId, "paid", 5)
      assert.deepInclude(yield* Flujo.resume(pipeline, runId), { _tag: "Completed", value: 5 })
      const after = Trace.make(yield* Runs.entriesOf(runId), { held: false })
      const last = after.root.children.at(-1)!
      assert.deepStrictEqual([last.status, last.output], ["completed", Option.some(5)])
      assert.deepStrictEqual(after.summary.signals, [])
    }).pipe(Effect.scoped, Effect.provide(JournalMemory.layerMemory))
  )
})
