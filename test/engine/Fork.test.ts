/** Forks: a run that begins as another did and goes on by itself. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import { Models } from "../../src/domain/Model.js"
import * as Once from "../../src/domain/Once.js"
import type { RunId } from "../../src/domain/RunId.js"
import type { StepPath } from "../../src/domain/StepPath.js"
import * as Flujo from "../../src/engine/Flujo.js"
import type { RunError } from "../../src/engine/RunError.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as Trace from "../../src/lens/Trace.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Runs from "../lens/Runs.js"

const at = (path: string) => path as StepPath
const number = { input: Schema.Number, output: Schema.Number }

/** A pipeline whose code steps tell what was run. */
const make = () => {
  const ran: Array<string> = []
  const code = (name: string, f: (n: number) => number) =>
    Step.make(name, {
      ...number,
      run: (n) =>
        Effect.sync(() => {
          ran.push(`${name} ${n}`)
          return f(n)
        })
    })
  const pipeline = code("add", (n) => n + 1).pipe(
    Step.andThen(code("double", (n) => n * 2)),
    Step.andThen(Step.fn("negate", (n: number) => -n)),
    Step.andThen(Step.approve("review", { message: (n: number) => `Go on with ${n}?` })),
    Step.andThen(code("half", (n) => n / 2)),
    Pipeline.make("numbers")
  )
  return { pipeline, ran }
}

/** A completed run of it: 3 → 4 → 8 → -8 → -4. */
const completed = Effect.gen(function* () {
  const { pipeline, ran } = make()
  const { runId } = yield* Runs.run(pipeline, 3)
  yield* Flujo.answer(runId, at("review"), { approved: true })
  assert.propertyVal(yield* Flujo.resume(pipeline, runId), "value", -4)
  const entries = yield* Runs.entriesOf(runId)
  ran.length = 0
  return { pipeline, ran, runId, entries }
})

const approve = (pipeline: ReturnType<typeof make>["pipeline"], run: RunId) =>
  Effect.zipRight(Flujo.answer(run, at("review"), { approved: true }), Flujo.resume(pipeline, run))

const refused = (pipeline: ReturnType<typeof make>["pipeline"], runId: RunId, options: Flujo.ForkOptions) =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(Flujo.fork(pipeline, runId, options))
    assert.propertyVal(error, "reason", "Fork")
    return (error as RunError).detail
  })

describe("a fork", () => {
  it.effect("does again what its parent did from a step on, and nothing before it; the parent stays as it was", () =>
    Effect.gen(function* () {
      const { entries, pipeline, ran, runId } = yield* completed
      const rested = yield* Flujo.fork(pipeline, runId, { from: at("double") })
      assert.strictEqual(rested._tag, "Suspended")
      const ended = yield* approve(pipeline, rested.run)
      assert.propertyVal(ended, "value", -4)
      assert.deepStrictEqual(ran, ["double 4", "half -8"])
      assert.notStrictEqual(rested.run, runId)
      assert.deepStrictEqual(yield* Runs.entriesOf(runId), entries)
      const [first] = yield* Runs.entriesOf(rested.run)
      assert.deepNestedPropertyVal(first, "event.data.parent", { run: runId, from: "double" })
      yield* Flujo.replay(pipeline, rested.run)
    }).pipe(Effect.provide(JournalMemory.layerMemory))
  )

  it.effect("goes on with another output, which is not computed", () =>
    Effect.gen(function* () {
      const { pipeline, ran, runId } = yield* completed
      const { run } = yield* Flujo.fork(pipeline, runId, { from: at("double"), edit: { _tag: "Output", value: 100 } })
      assert.propertyVal(yield* approve(pipeline, run), "value", -50)
      assert.deepStrictEqual(ran, ["half -100"])
      yield* Flujo.replay(pipeline, run)
    }).pipe(Effect.provide(JournalMemory.layerMemory))
  )

  it.effect("goes on with another input of a step, or of the run", () =>
    Effect.gen(function* () {
      const { pipeline, ran, runId } = yield* completed
      const step = yield* Flujo.fork(pipeline, runId, { from: at("double"), edit: { _tag: "Input", value: 10 } })
      assert.propertyVal(yield* approve(pipeline, step.run), "value", -10)
      assert.deepStrictEqual(ran, ["double 10", "half -20"])
      yield* Flujo.replay(pipeline, step.run)
      ran.length = 0
      const whole = yield* Flujo.fork(pipeline, runId, { from: at(""), edit: { _tag: "Input", value: 9 } })
      assert.propertyVal(yield* approve(pipeline, whole.run), "value", -10)
      assert.deepStrictEqual(ran, ["add 9", "double 10", "half -20"])
      yield* Flujo.replay(pipeline, whole.run)
    }).pipe(Effect.provide(JournalMemory.layerMemory))
  )

  it.effect("goes on with another answer, also where the parent still waits for one", () =>
    Effect.gen(function* () {
      const { pipeline, ran, runId } = yield* completed
      const edit = { _tag: "Answer", value: { approved: false, reason: "no" } } as const
      const rejected = yield* Effect.flip(Flujo.fork(pipeline, runId, { from: at("review"), edit }))
      assert.propertyVal(rejected, "_tag", "Rejected")
      const waiting = yield* Runs.run(pipeline, 1)
      ran.length = 0
      const yes = { _tag: "Answer", value: { approved: true } } as const
      const ended = yield* Flujo.fork(pipeline, waiting.runId, { from: at("review"), edit: yes })
      assert.propertyVal(ended, "value", -2)
      assert.deepStrictEqual(ran, ["half -4"])
    }).pipe(Effect.provide(JournalMemory.layerMemory))
  )

  it.effect("is refused, and leaves no run, where what is given does not fit", () =>
    Effect.gen(function* () {
      const { pipeline, runId } = yield* completed
      const from = (path: string, edit?: Flujo.ForkOptions["edit"]) =>
        refused(pipeline, runId, { from: at(path), edit })
      assert.include(yield* from("nowhere"), "did not come to nowhere")
      assert.include(yield* from("double", { _tag: "Output", value: "text" }), "does not fit its schema")
      assert.include(yield* from("double", { _tag: "Input", value: "text" }), "input")
      assert.include(yield* from("negate", { _tag: "Output", value: 1 }), "only code, agents and skills")
      assert.include(yield* from("double", { _tag: "Answer", value: true }), "asks nobody")
      assert.include(yield* from("", { _tag: "Output", value: 1 }), "only the input")
      const runs = yield* Effect.flatMap(
        Effect.promise(() => import("../../src/journal/Journal.js")),
        ({ Journal }) => Effect.flatMap(Journal, (journal) => journal.runs({ limit: 10 }))
      )
      assert.lengthOf(runs, 1)
    }).pipe(Effect.provide(JournalMemory.layerMemory))
  )

  it.effect("of a composite drops what was in the air beside it, and asks nothing again that was answered", () =>
    Effect.gen(function* () {
      const calls: Array<string> = []
      const paid = (name: string) =>
        Step.make(name, {
          ...number,
          run: (n) =>
            Once.run({ key: "pay", request: n, success: Schema.Number }, () =>
              Effect.sync(() => {
                calls.push(name)
                return n + 1
              })
            )
        })
      const both = Step.parallel("both", {
        a: paid("a").pipe(Step.andThen(Step.approve("ok", { message: () => "?" })), Step.andThen(paid("a2"))),
        b: paid("b").pipe(Step.timeout("1 hour"))
      })
      const pipeline = both.pipe(Pipeline.make("both"))
      const { runId } = yield* Runs.run(pipeline, 1)
      assert.deepStrictEqual([...calls].sort(), ["a", "b"])
      calls.length = 0
      const edit = { _tag: "Answer", value: { approved: true } } as const
      const ended = yield* Flujo.fork(pipeline, runId, { from: at("both/a/ok"), edit })
      assert.deepPropertyVal(ended, "value", { a: 3, b: 2 })
      assert.deepStrictEqual(calls, ["a2"])
      yield* Flujo.replay(pipeline, ended.run)
    }).pipe(Effect.provide(JournalMemory.layerMemory))
  )

  it.effect("replays with another reply of an agent than the model gave", () =>
    Effect.gen(function* () {
      const writer = Agent.make("writer", { model: "test:counter", system: "Write." })
      const pipeline = Step.agent("draft", writer).pipe(
        Step.andThen(Step.fn("size", (text: string) => text.length)),
        Pipeline.make("drafts")
      )
      const { runId } = yield* Runs.run(pipeline, "topic")
      const edit = { _tag: "Output", value: "another text" } as const
      const ended = yield* Flujo.fork(pipeline, runId, { from: at("draft"), edit })
      assert.propertyVal(ended, "value", 12)
      yield* Flujo.replay(pipeline, ended.run)
      // What was asked under the parent's idempotency key is remembered under it.
      const later = yield* Flujo.fork(pipeline, runId, { from: at("size") })
      assert.propertyVal(later, "value", 8)
      yield* Flujo.replay(pipeline, later.run)
      const trace = Trace.make(yield* Runs.entriesOf(ended.run), { held: false })
      assert.deepStrictEqual(Runs.nodeAt(trace, "draft").output, Option.some("another text"))
    }).pipe(Effect.provideService(Models, Runs.countingModel()), Effect.provide(JournalMemory.layerMemory))
  )
})
