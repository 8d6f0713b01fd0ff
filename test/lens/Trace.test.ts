import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Option, Schema, TestClock } from "effect"
import { Models } from "../../src/domain/Model.js"
import * as Once from "../../src/domain/Once.js"
import * as RunIds from "../../src/domain/RunId.js"
import * as Usage from "../../src/domain/Usage.js"
import * as Flujo from "../../src/engine/Flujo.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Runs from "./Runs.js"

class Broken extends Schema.TaggedError<Broken>()("Broken", { detail: Schema.String }) {}

const number = { input: Schema.Number, output: Schema.Number }
const inc = Step.make("inc", { ...number, run: (n) => Effect.succeed(n + 1) })
const double = Step.make("double", { ...number, run: (n) => Effect.succeed(n * 2) })

/** Fails so many times, then answers its input. */
const flaky = (name: string, failures: number) => {
  let count = 0
  return Step.make(name, {
    ...number,
    error: Broken,
    run: (n) =>
      Effect.suspend(() =>
        count++ < failures ? Effect.fail(new Broken({ detail: `try ${count}` })) : Effect.succeed(n)
      )
  })
}
const broken = (name: string) => flaky(name, Number.POSITIVE_INFINITY)

const withJournal = Effect.provide(JournalMemory.layerMemory)

describe("the tree", () => {
  it.effect("has steps, functions, parallel branches and their places", () =>
    Effect.gen(function* () {
      const pipeline = double.pipe(
        Step.andThen(Step.parallel("both", { a: inc, b: double })),
        Step.andThen(Step.fn("sum", (x: { readonly a: number; readonly b: number }) => x.a + x.b)),
        Pipeline.make("p")
      )
      const { entries } = yield* Runs.run(pipeline, 5)
      const trace = Runs.traceOf(entries)
      assert.deepStrictEqual(Runs.outline(trace), [
        "p run completed",
        "  double code completed",
        "  both group completed",
        "    a group completed",
        "      inc code completed",
        "    b group completed",
        "      double code completed",
        "  sum fn completed"
      ])
      assert.deepStrictEqual(trace.root.input, Option.some(5))
      assert.deepStrictEqual(trace.root.output, Option.some(31))
      assert.deepStrictEqual(Runs.nodeAt(trace, "double").output, Option.some(10))
      // Recorded as the output of `double`, not once more.
      assert.deepStrictEqual(Runs.nodeAt(trace, "both/a/inc").input, Option.some(10))
      assert.deepStrictEqual(Runs.nodeAt(trace, "sum").output, Option.some(31))
      assert.strictEqual(trace.summary.stepsDone, 4)
    }).pipe(withJournal)
  )

  it.effect("has the branch taken and what decided", () =>
    Effect.gen(function* () {
      const pipeline = Step.branch("size", {
        on: (n: number) => (n > 3 ? "large" : "small"),
        cases: { large: double, small: inc }
      }).pipe(Pipeline.make("p"))
      const { entries } = yield* Runs.run(pipeline, 5)
      const trace = Runs.traceOf(entries)
      assert.deepStrictEqual(Runs.outline(trace), [
        "p run completed",
        "  size branch completed",
        "    large case completed",
        "      double code completed"
      ])
      const decision = Option.some({ _tag: "Branch", branch: "large", on: "large" })
      assert.deepStrictEqual(Runs.nodeAt(trace, "size").decision, decision as never)
    }).pipe(withJournal)
  )

  it.effect("has the iterations of a loop and how each ended", () =>
    Effect.gen(function* () {
      const pipeline = Step.loop("grow", inc, { until: (n) => n >= 3, max: 5 }).pipe(Pipeline.make("p"))
      const { entries } = yield* Runs.run(pipeline, 1)
      const trace = Runs.traceOf(entries)
      assert.deepStrictEqual(Runs.outline(trace), [
        "p run completed",
        "  grow loop completed",
        "    [0] iteration completed",
        "      inc code completed",
        "    [1] iteration completed",
        "      inc code completed"
      ])
      const end = (end: string) => Option.some({ _tag: "Iteration", end })
      assert.deepStrictEqual(Runs.nodeAt(trace, "grow[0]").decision, end("again") as never)
      assert.deepStrictEqual(Runs.nodeAt(trace, "grow[1]").decision, end("done") as never)
    }).pipe(withJournal)
  )

  it.effect("says that a loop failed which found no end, though nothing but the run's failure tells", () =>
    Effect.gen(function* () {
      const pipeline = Step.loop("grow", inc, { until: (n) => n >= 30, max: 2 }).pipe(Pipeline.make("p"))
      const { entries } = yield* Runs.run(pipeline, 1)
      const trace = Runs.traceOf(entries)
      const node = Runs.nodeAt(trace, "grow")
      assert.strictEqual(node.status, "failed")
      const failure = Option.getOrThrow(node.failure)
      assert.deepInclude(Option.getOrThrow(failure.error), { _tag: "LoopExhausted", max: 2 })
      assert.strictEqual(Runs.nodeAt(trace, "grow[1]").status, "completed")
    }).pipe(withJournal)
  )

  it.effect("has the items of a fan-out, and is completed though some of them failed, where they are left out", () =>
    Effect.gen(function* () {
      const odd = Step.make("odd", {
        ...number,
        error: Broken,
        run: (n) => (n % 2 === 0 ? Effect.fail(new Broken({ detail: "even" })) : Effect.succeed(n))
      })
      const pipeline = Step.forEach("each", odd, { onFailure: "skip" }).pipe(Pipeline.make("p"))
      const { entries } = yield* Runs.run(pipeline, [1, 2, 3])
      const trace = Runs.traceOf(entries)
      assert.deepStrictEqual(Runs.outline(trace), [
        "p run completed",
        "  each forEach completed",
        "    [0] item completed",
        "      odd code completed",
        "    [1] item failed",
        "      odd code failed",
        "    [2] item completed",
        "      odd code completed"
      ])
      assert.deepStrictEqual(Runs.nodeAt(trace, "each").decision, Option.some({ _tag: "Items", count: 3 }) as never)
      assert.deepStrictEqual(trace.root.output, Option.some([1, 3]))
    }).pipe(withJournal)
  )

  it.effect("has every attempt, with the error of each", () =>
    Effect.gen(function* () {
      const pipeline = flaky("call", 2).pipe(Step.retry({ times: 5, base: 0, jitter: false }), Pipeline.make("p"))
      const { entries } = yield* Runs.run(pipeline, 1)
      const trace = Runs.traceOf(entries)
      assert.deepStrictEqual(Runs.outline(trace), [
        "p run completed",
        "  call code completed",
        "    #1 code failed",
        "    #2 code failed",
        "    #3 code completed"
      ])
      const call = Runs.nodeAt(trace, "call")
      assert.strictEqual(call.attempts, 3)
      assert.deepStrictEqual(call.failure, Option.none())
      assert.deepStrictEqual(
        call.retries.map(({ again, attempt }) => [attempt, again]),
        [
          [1, true],
          [2, true]
        ]
      )
      const second = Option.getOrThrow(Runs.nodeAt(trace, "call#2").failure)
      assert.deepInclude(Option.getOrThrow(second.error), { _tag: "Broken", detail: "try 2" })
    }).pipe(withJournal)
  )

  it.effect("has an attempt as failed of which only the next one tells", () =>
    Effect.gen(function* () {
      let runs = 0
      const count = Step.make("count", { ...number, run: () => Effect.sync(() => runs++) })
      const pipeline = Step.loop("grow", count, { until: (n) => n > 0, max: 1 }).pipe(
        Step.retry({ times: 3, base: 0 }),
        Pipeline.make("p")
      )
      const { entries } = yield* Runs.run(pipeline, 1)
      assert.deepStrictEqual(Runs.outline(Runs.traceOf(entries)), [
        "p run completed",
        "  grow loop completed",
        "    #1 loop failed",
        "      [0] iteration completed",
        "        count code completed",
        "    #2 loop completed",
        "      [0] iteration completed",
        "        count code completed"
      ])
    }).pipe(withJournal)
  )

  it.effect("has what was run in place of a failed step, and the step is completed by it", () =>
    Effect.gen(function* () {
      const pipeline = broken("plan").pipe(Step.fallback(inc), Step.andThen(double), Pipeline.make("p"))
      const { entries } = yield* Runs.run(pipeline, 1)
      assert.deepStrictEqual(Runs.outline(Runs.traceOf(entries)), [
        "p run completed",
        "  plan code completed",
        "    #1 code failed",
        "    !fallback fallback completed",
        "      inc code completed",
        "  double code completed"
      ])
    }).pipe(withJournal)
  )

  it.effect("puts a fallback where it belongs: after all attempts, or within one of them", () =>
    Effect.gen(function* () {
      const retry = Step.retry({ times: 1, base: 0, jitter: false })
      const after = broken("plan").pipe(retry, Step.fallback(inc), Pipeline.make("after"))
      assert.deepStrictEqual(Runs.outline(Runs.traceOf((yield* Runs.run(after, 1)).entries)).slice(1), [
        "  plan code completed",
        "    #1 code failed",
        "    #2 code failed",
        "    !fallback fallback completed",
        "      inc code completed"
      ])
      const within = broken("plan").pipe(Step.fallback(flaky("cheap", 1)), retry, Pipeline.make("within"))
      assert.deepStrictEqual(Runs.outline(Runs.traceOf((yield* Runs.run(within, 1)).entries)).slice(1), [
        "  plan code completed",
        "    #1 code failed",
        "      !fallback fallback failed",
        "        cheap code failed",
        "    #2 code completed",
        "      !fallback fallback completed",
        "        cheap code completed"
      ])
    }).pipe(withJournal)
  )

  it.effect("has a failed parallel as failed, with the branches that went well", () =>
    Effect.gen(function* () {
      const pipeline = Step.parallel("both", { a: inc, b: broken("bad") }).pipe(Pipeline.make("p"))
      const { entries } = yield* Runs.run(pipeline, 1)
      const trace = Runs.traceOf(entries)
      assert.deepStrictEqual(Runs.outline(trace), [
        "p run failed",
        "  both group failed",
        "    a group completed",
        "      inc code completed",
        "    b group failed",
        "      bad code failed"
      ])
      const error = Option.getOrThrow(trace.summary.error)
      assert.strictEqual(error.reason, "Failure")
      assert.deepStrictEqual(error.at as ReadonlyArray<string>, ["both/b/bad"])
    }).pipe(withJournal)
  )

  it.effect("has failures of functions and templates, which write nothing themselves", () =>
    Effect.gen(function* () {
      const thrower = Step.fn("thrower", (_: number): number => {
        throw new Error("no")
      })
      const one = Runs.traceOf((yield* Runs.run(inc.pipe(Step.andThen(thrower), Pipeline.make("p")), 1)).entries)
      assert.deepStrictEqual(Runs.outline(one), ["p run failed", "  inc code completed", "  thrower step failed"])
      assert.deepInclude(Option.getOrThrow(Option.getOrThrow(Runs.nodeAt(one, "thrower").failure).error), {
        detail: "no"
      })
    }).pipe(withJournal)
  )
})

describe("agents", () => {
  it.effect("have their model calls below them, and tokens that add up", () =>
    Effect.gen(function* () {
      const writer = Agent.make("writer", { model: "test:counter", system: "Write." })
      const pipeline = Step.agent("draft", writer).pipe(
        Step.andThen(Step.parallel("reviews", { a: Step.agent("one", writer), b: Step.agent("two", writer) })),
        Pipeline.make("p")
      )
      const { entries } = yield* Runs.run(pipeline, "a topic")
      const trace = Runs.traceOf(entries)
      assert.deepStrictEqual(Runs.outline(trace), [
        "p run completed",
        "  draft agent completed",
        "    turn[0] model completed",
        "  reviews group completed",
        "    a group completed",
        "      one agent completed",
        "        turn[0] model completed",
        "    b group completed",
        "      two agent completed",
        "        turn[0] model completed"
      ])
      const turn = Runs.nodeAt(trace, "draft/turn[0]")
      assert.deepStrictEqual(turn.model, Option.some("counter-1"))
      assert.deepInclude(Option.getOrThrow(turn.input), { model: "test:counter" })
      assert.deepInclude(Option.getOrThrow(turn.output), { text: "writer 1" })
      assert.deepStrictEqual(Runs.nodeAt(trace, "draft").usage, {
        input: 100,
        cachedInput: 10,
        output: 1,
        reasoning: 0
      })
      assert.deepStrictEqual(Runs.nodeAt(trace, "reviews").usage, {
        input: 500,
        cachedInput: 20,
        output: 5,
        reasoning: 0
      })
      assert.deepStrictEqual(trace.root.usage, { input: 600, cachedInput: 30, output: 6, reasoning: 0 })
      assert.deepStrictEqual([...trace.summary.usageByModel], [["counter-1", trace.root.usage]])
      assert.strictEqual(Usage.total(trace.root.usage), 636)
    }).pipe(Effect.provide(Layer.merge(JournalMemory.layerMemory, Layer.succeed(Models, Runs.countingModel()))))
  )

  it.effect("a call of a user's own step stands below it, with its refusals", () =>
    Effect.gen(function* () {
      let tries = 0
      const charge = Step.make("charge", {
        ...number,
        error: Broken,
        run: (n) =>
          Once.run({ key: "card", request: { n }, success: Schema.Number, failure: Broken, per: "attempt" }, () =>
            tries++ === 0 ? Effect.fail(new Broken({ detail: "declined" })) : Effect.succeed(n)
          )
      })
      const pipeline = charge.pipe(Step.retry({ times: 1, base: 0 }), Pipeline.make("p"))
      const { entries } = yield* Runs.run(pipeline, 7)
      const trace = Runs.traceOf(entries)
      assert.deepStrictEqual(Runs.outline(trace), [
        "p run completed",
        "  charge code completed",
        "    #1 code failed",
        "      card call failed",
        "    #2 code completed",
        "      card call completed"
      ])
      assert.deepStrictEqual(Runs.nodeAt(trace, "charge#2/card").input, Option.some({ n: 7 }))
    }).pipe(withJournal)
  )
})

describe("waiting", () => {
  const pipeline = inc.pipe(
    Step.andThen(Step.approve("review", { message: (n) => `Publish ${n}?` })),
    Step.andThen(double),
    Pipeline.make("p")
  )

  it.effect("an approval waits with its message, and has its answer afterwards", () =>
    Effect.gen(function* () {
      const { entries, runId } = yield* Runs.run(pipeline, 1)
      const paused = Runs.traceOf(entries)
      assert.deepStrictEqual(Runs.outline(paused), ["p run waiting", "  inc code completed", "  review task waiting"])
      assert.strictEqual(paused.summary.status, "suspended")
      assert.deepStrictEqual(
        paused.summary.tasks.map(({ message, path, task }) => [path, task, message] as ReadonlyArray<string>),
        [["review", "approve", "Publish 2?"]]
      )
      yield* Flujo.answer(runId, Runs.nodeAt(paused, "review").path, { approved: true }, "ada")
      yield* Flujo.resume(pipeline, runId)
      const done = Runs.traceOf(yield* Runs.entriesOf(runId))
      assert.deepStrictEqual(Runs.outline(done), [
        "p run completed",
        "  inc code completed",
        "  review task completed",
        "  double code completed"
      ])
      const { answer } = Option.getOrThrow(Runs.nodeAt(done, "review").task)
      assert.deepInclude(Option.getOrThrow(answer), { value: { approved: true }, by: Option.some("ada") })
      assert.deepStrictEqual(done.summary.tasks, [])
      assert.strictEqual(done.summary.resumptions, 1)
    }).pipe(withJournal)
  )

  it.effect("a rejected approval failed", () =>
    Effect.gen(function* () {
      const { entries, runId } = yield* Runs.run(pipeline, 1)
      const review = Runs.nodeAt(Runs.traceOf(entries), "review").path
      yield* Flujo.answer(runId, review, { approved: false, reason: "too long" })
      yield* Effect.exit(Flujo.resume(pipeline, runId))
      const trace = Runs.traceOf(yield* Runs.entriesOf(runId))
      assert.deepStrictEqual(Runs.outline(trace), ["p run failed", "  inc code completed", "  review task failed"])
      const failure = Option.getOrThrow(Runs.nodeAt(trace, "review").failure)
      assert.deepInclude(Option.getOrThrow(failure.error), { _tag: "Rejected", reason: "too long" })
    }).pipe(withJournal)
  )

  it.effect("a rejection is a failure also where something else was run instead", () =>
    Effect.gen(function* () {
      const gate = Step.named("gate")(inc.pipe(Step.andThen(Step.approve("review", { message: () => "?" }))))
      const guarded = gate.pipe(Step.fallback(double), Pipeline.make("p"))
      const { entries, runId } = yield* Runs.run(guarded, 1)
      yield* Flujo.answer(runId, Runs.nodeAt(Runs.traceOf(entries), "gate/review").path, "rejected")
      yield* Flujo.resume(guarded, runId)
      assert.deepStrictEqual(Runs.outline(Runs.traceOf(yield* Runs.entriesOf(runId))), [
        "p run completed",
        "  gate group completed",
        "    #1 group failed",
        "      inc code completed",
        "      review task failed",
        "    !fallback fallback completed",
        "      double code completed"
      ])
    }).pipe(withJournal)
  )

  it.effect("tasks of a failed parallel are no longer needed", () =>
    Effect.gen(function* () {
      const both = Step.parallel("both", {
        a: Step.approve<number>("review", { message: () => "?" }),
        b: broken("bad")
      }).pipe(Pipeline.make("p"))
      const trace = Runs.traceOf((yield* Runs.run(both, 1)).entries)
      assert.strictEqual(Runs.nodeAt(trace, "both/a/review").status, "skipped")
      assert.strictEqual(Runs.nodeAt(trace, "both").status, "failed")
      assert.deepStrictEqual(trace.summary.tasks, [])
    }).pipe(withJournal)
  )

  it.effect("a sleep waits until its instant, and the run wakes then", () =>
    Effect.gen(function* () {
      const sleeper = inc.pipe(Step.andThen(Step.sleep("night", "1 hour")), Pipeline.make("p"))
      const { entries, runId } = yield* Runs.run(sleeper, 1)
      const trace = Runs.traceOf(entries)
      const night = Runs.nodeAt(trace, "night")
      assert.strictEqual(night.status, "waiting")
      assert.strictEqual(night.kind, "sleep")
      assert.strictEqual(night.timers[0]!.due, 3_600_000)
      assert.deepStrictEqual(trace.summary.wakeAt, Option.some(3_600_000))
      yield* TestClock.adjust("2 hours")
      yield* Flujo.resume(sleeper, runId)
      const done = Runs.traceOf(yield* Runs.entriesOf(runId))
      assert.strictEqual(Runs.nodeAt(done, "night").status, "completed")
      assert.deepStrictEqual(done.summary.wakeAt, Option.none())
      assert.strictEqual(done.root.durationMillis, 7_200_000)
    }).pipe(withJournal)
  )

  it.effect("a step between two attempts waits for the next one", () =>
    Effect.gen(function* () {
      const again = broken("call").pipe(
        Step.retry({ times: 1, base: "1 hour", jitter: false, max: "1 hour" }),
        Pipeline.make("p")
      )
      const { entries } = yield* Runs.run(again, 1)
      const trace = Runs.traceOf(entries)
      assert.deepStrictEqual(Runs.outline(trace), ["p run waiting", "  call code waiting", "    #1 code failed"])
      assert.deepStrictEqual(Runs.nodeAt(trace, "call").retries, [
        { attempt: 1, again: true, wakeAt: Option.some(3_600_000) }
      ])
    }).pipe(withJournal)
  )

  it.effect("a deadline that fired failed its step, whatever was running", () =>
    Effect.gen(function* () {
      const slow = Step.make("slow", { ...number, run: () => Effect.never }).pipe(
        Step.timeout("1 second"),
        Pipeline.make("p")
      )
      const fiber = yield* Effect.fork(Runs.run(slow, 1))
      for (let i = 0; i < 20; i++) yield* Effect.yieldNow()
      yield* TestClock.adjust("2 seconds")
      const { entries } = yield* Fiber.join(fiber)
      const trace = Runs.traceOf(entries)
      assert.deepStrictEqual(Runs.outline(trace), ["p run failed", "  slow code failed"])
      const slowNode = Runs.nodeAt(trace, "slow")
      assert.strictEqual(slowNode.timers[0]!.role, "deadline")
      assert.isTrue(Option.isSome(slowNode.timers[0]!.firedAt))
      const failure = Option.getOrThrow(slowNode.failure)
      assert.deepInclude(Option.getOrThrow(failure.error), { _tag: "StepTimedOut", millis: 1000 })
    }).pipe(withJournal)
  )
})

describe("runs that did not end", () => {
  it.effect("a step in flight is running while somebody drives the run, else it was cut", () =>
    Effect.gen(function* () {
      const reached = yield* Deferred.make<void>()
      const hanging = Step.make("hang", {
        ...number,
        run: () => Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never)
      })
      const pipeline = inc.pipe(Step.andThen(Step.named("outer")(hanging)), Pipeline.make("p"))
      const runId = yield* RunIds.make
      const fiber = yield* Effect.fork(Flujo.run(pipeline, 1, { runId }))
      yield* Deferred.await(reached)
      const entries = yield* Runs.entriesOf(runId)
      const outline = (status: string) => [
        `p run ${status}`,
        "  inc code completed",
        `  outer group ${status}`,
        `    hang code ${status}`
      ]
      assert.deepStrictEqual(Runs.outline(Runs.traceOf(entries, true)), outline("running"))
      assert.deepStrictEqual(Runs.outline(Runs.traceOf(entries, false)), outline("cut"))
      assert.strictEqual(Runs.traceOf(entries, false).summary.status, "cut")
      yield* Fiber.interrupt(fiber)
    }).pipe(withJournal)
  )

  it.effect("a composite has not ended because all that it began has", () =>
    Effect.gen(function* () {
      const two = Step.named("two")(inc.pipe(Step.andThen(double)))
      const pipeline = two.pipe(Step.andThen(Step.fn("last", (n: number) => n)), Pipeline.make("p"))
      const { entries } = yield* Runs.run(pipeline, 1)
      const upTo = (kind: string, path: string) =>
        entries.slice(0, entries.findIndex(({ event }) => event.kind === kind && event.path === path) + 1)
      const half = Runs.traceOf(upTo("StepSucceeded", "two/inc"))
      assert.deepStrictEqual(Runs.outline(half), ["p run cut", "  two group cut", "    inc code completed"])
      const after = Runs.traceOf(upTo("Computed", "last"))
      assert.strictEqual(Runs.nodeAt(after, "two").status, "completed")
      assert.strictEqual(Runs.traceOf(entries).root.status, "completed")
    }).pipe(withJournal)
  )

  it.effect("a run that failed and was resumed shows the new attempt, and that it completed", () =>
    Effect.gen(function* () {
      const pipeline = Step.parallel("both", { a: inc, b: flaky("bad", 1) }).pipe(Pipeline.make("p"))
      const { runId } = yield* Runs.run(pipeline, 1)
      yield* Flujo.resume(pipeline, runId)
      const trace = Runs.traceOf(yield* Runs.entriesOf(runId))
      assert.deepStrictEqual(Runs.outline(trace), [
        "p run completed",
        "  both group completed",
        "    a group completed",
        "      inc code completed",
        "    b group completed",
        "      bad code completed",
        "        #1 code failed",
        "        #2 code completed"
      ])
      assert.deepStrictEqual(trace.summary.error, Option.none())
    }).pipe(withJournal)
  )

  it.effect("a cancelled run ends what was open", () =>
    Effect.gen(function* () {
      const pipeline = inc.pipe(Step.andThen(Step.approve("review", { message: () => "?" })), Pipeline.make("p"))
      const { runId } = yield* Runs.run(pipeline, 1)
      yield* Flujo.cancel(runId, "not needed")
      yield* Effect.exit(Flujo.resume(pipeline, runId))
      const trace = Runs.traceOf(yield* Runs.entriesOf(runId))
      assert.deepStrictEqual(Runs.outline(trace), ["p run cancelled", "  inc code completed", "  review task skipped"])
      assert.strictEqual(trace.summary.status, "cancelled")
      assert.deepStrictEqual(trace.summary.cancelled, Option.some("not needed"))
    }).pipe(withJournal)
  )
})
