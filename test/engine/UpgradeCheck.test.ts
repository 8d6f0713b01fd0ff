/** A changed pipeline against what older versions of it have recorded: which change gets a run stuck, and where. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Flujo from "../../src/engine/Flujo.js"
import type { RunError } from "../../src/engine/RunError.js"
import { Journal } from "../../src/journal/Journal.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Runs from "../lens/Runs.js"

const number = { input: Schema.Number, output: Schema.Number }
const code = (name: string, f: (n: number) => number) =>
  Step.make(name, { ...number, run: (n) => Effect.succeed(f(n)) })
const first = code("first", (n) => n + 1)
const double = Step.fn("double", (n: number) => n * 2)
const review = Step.approve("review", { message: (n: number) => `Go on with ${n}?` })
const last = code("last", (n) => n - 1)

const before = first.pipe(Step.andThen(double), Step.andThen(review), Step.andThen(last), Pipeline.make("numbers"))

/** A run of `before` that waits for its review, and what `after` makes of it. */
const checked = <Out, E, R>(after: Pipeline.Pipeline<number, Out, E, R>) =>
  Effect.gen(function* () {
    const { runId } = yield* Runs.run(before, 1)
    const entries = yield* Runs.entriesOf(runId)
    const either = yield* Effect.either(Flujo.upgradeCheck(after, runId))
    // Looking changes nothing, and the run still goes on with the pipeline that it has.
    assert.deepStrictEqual(yield* Runs.entriesOf(runId), entries)
    const { deliver } = yield* Journal
    yield* deliver(runId, { _tag: "Answer", path: "review" as never, answer: { approved: true } })
    const ended = yield* Flujo.resume(before, runId)
    assert.strictEqual(ended._tag, "Completed")
    return either
  }).pipe(Effect.provide(JournalMemory.layerMemory))

const stuck = <Out, E, R>(after: Pipeline.Pipeline<number, Out, E, R>) =>
  Effect.map(checked(after), (either): RunError => {
    assert.strictEqual(either._tag, "Left")
    return (either as { readonly left: RunError }).left
  })

describe("an open run is compatible with a version", () => {
  it.effect("that changes only what is still to come", () =>
    Effect.gen(function* () {
      const after = first.pipe(
        Step.andThen(double),
        Step.andThen(review),
        Step.andThen(code("other", (n) => n * 10)),
        Step.andThen(last),
        Pipeline.make("numbers")
      )
      assert.propertyVal(yield* checked(after), "_tag", "Right")
    })
  )

  it.effect("whose finished code steps do something else: their results are recorded", () =>
    Effect.gen(function* () {
      const after = code("first", (n) => n + 100).pipe(
        Step.andThen(double),
        Step.andThen(review),
        Step.andThen(last),
        Pipeline.make("numbers")
      )
      assert.propertyVal(yield* checked(after), "_tag", "Right")
    })
  )
})

describe("an open run is stuck with a version", () => {
  it.effect("whose function answers otherwise, at that step, with both values", () =>
    Effect.gen(function* () {
      const after = first.pipe(
        Step.andThen(Step.fn("double", (n: number) => n * 3)),
        Step.andThen(review),
        Step.andThen(last),
        Pipeline.make("numbers")
      )
      const { detail, path, reason } = yield* stuck(after)
      assert.deepStrictEqual([reason, path], ["Upgrade", "double"])
      assert.include(detail, "recorded 4, now 6")
    })
  )

  it.effect("that asks another question", () =>
    Effect.gen(function* () {
      const after = first.pipe(
        Step.andThen(double),
        Step.andThen(Step.approve("review", { message: (n: number) => `Really ${n}?` })),
        Step.andThen(last),
        Pipeline.make("numbers")
      )
      assert.deepInclude(yield* stuck(after), { reason: "Upgrade", path: "review" })
    })
  )

  it.effect("that lost or renamed a finished step", () =>
    Effect.gen(function* () {
      const after = code("start", (n) => n + 1).pipe(
        Step.andThen(double),
        Step.andThen(review),
        Step.andThen(last),
        Pipeline.make("numbers")
      )
      assert.deepInclude(yield* stuck(after), { reason: "Upgrade", path: "first" })
    })
  )

  it.effect("that does not take the run's input", () =>
    Effect.gen(function* () {
      const after = Step.make("first", {
        input: Schema.Number.pipe(Schema.greaterThan(5)),
        output: Schema.Number,
        run: Effect.succeed
      }).pipe(Step.andThen(double), Step.andThen(review), Step.andThen(last), Pipeline.make("numbers"))
      assert.deepInclude(yield* stuck(after), { reason: "Input" })
    })
  )
})
