import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { RunId } from "../../src/domain/RunId.js"
import * as Flujo from "../../src/engine/Flujo.js"
import { RunError } from "../../src/engine/RunError.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as World from "../gate/world.js"

const id = RunId.make("a-run")

class Counter extends Context.Tag("test/Counter")<Counter, { readonly next: Effect.Effect<number> }>() {}

const counter = Layer.sync(Counter, () => {
  let n = 0
  return { next: Effect.sync(() => ++n) }
})

const counting = (message: string, name = "counting") =>
  Step.approve<number>("go", { message }).pipe(
    Step.andThen(
      Step.make("count", {
        input: Schema.Number,
        output: Schema.Number,
        run: (n) => Effect.flatMap(Counter, ({ next }) => Effect.map(next, (more) => n + more))
      })
    ),
    Pipeline.make(name)
  )

const counted = counting("Go?")

const refused = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.instanceOf(error, RunError)
    return error as RunError
  })

const inMemory = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provide(effect, Layer.merge(JournalMemory.layerMemory, counter))

describe("what cannot be run is refused in words, and nothing is written", () => {
  it.effect("an input that does not fit", () =>
    Effect.gen(function* () {
      const typed = Step.make("typed", { input: Schema.Int, output: Schema.Int, run: Effect.succeed })
      const error = yield* refused(Flujo.run(typed.pipe(Pipeline.make("p")), 1.5, { runId: id }))
      assert.deepInclude(error, { reason: "Input" })
      assert.include(error.message, "integer")
      assert.deepInclude(yield* refused(Flujo.replay(counted, id)), { reason: "Unknown" })
    }).pipe(inMemory)
  )

  it.effect("a pipeline with findings: the first one, and how many more", () =>
    Effect.gen(function* () {
      const twice = Step.pass<number>("a").pipe(Step.andThen(Step.pass("a")), Step.andThen(Step.pass("a")))
      const error = yield* refused(Flujo.run(twice.pipe(Pipeline.make("p")), 1))
      assert.deepInclude(error, { reason: "Plan", path: "a" })
      assert.include(error.message, "FLJ-PLAN-")
      assert.isString(error.hint)
    }).pipe(inMemory)
  )

  it.effect("an id that another run has: by its plan, by its input", () =>
    Effect.gen(function* () {
      yield* Flujo.run(counted, 1, { runId: id })
      const other = yield* refused(Flujo.run(counting("Really?"), 1, { runId: id }))
      assert.deepInclude(other, { reason: "Exists" })
      assert.include(other.message, "another pipeline or version")
      const input = yield* refused(Flujo.run(counted, 2, { runId: id }))
      assert.deepInclude(input, { reason: "Exists" })
      assert.include(input.message, "another input")
      const again = yield* Flujo.run(counted, 1, { runId: id })
      assert.strictEqual(again._tag, "Suspended")
    }).pipe(inMemory)
  )

  it.effect("a pipeline that is not the run's own: the first difference is told", () =>
    Effect.gen(function* () {
      yield* Flujo.run(counted, 1, { runId: id })
      const changed = counting("Really?")
      for (const attempt of [Effect.asVoid(Flujo.resume(changed, id)), Effect.asVoid(Flujo.replay(changed, id))]) {
        const error = yield* refused(attempt)
        assert.deepInclude(error, { reason: "Changed" })
        assert.include(error.message, 'go/message: "Go?" became "Really?"')
      }
      // The run is as it was.
      yield* Flujo.answer(id, World.at("go"), true)
      const { _tag } = yield* Flujo.resume(counted, id)
      assert.strictEqual(_tag, "Completed")
      for (const attempt of [Flujo.resume(counted, id), Flujo.run(counted, 1, { runId: id })]) {
        const error = yield* refused(attempt)
        assert.deepInclude(error, { reason: "Ended" })
        assert.include(error.message, "completed already")
      }
    }).pipe(inMemory)
  )

  it.live("a run that is driven: by whom", () =>
    Effect.gen(function* () {
      const slow = Step.make("slow", {
        input: Schema.Number,
        output: Schema.Number,
        run: (n) => Effect.as(Effect.sleep(50), n)
      }).pipe(Pipeline.make("slow"))
      const [one, other] = yield* Effect.all(
        [Flujo.run(slow, 1, { runId: id }), Effect.delay(refused(Flujo.resume(slow, id)), 20)],
        { concurrency: 2 }
      )
      assert.strictEqual(one._tag, "Completed")
      assert.deepInclude(other, { reason: "Held" })
      assert.include(other.message, `process ${process.pid}`)
    }).pipe(inMemory)
  )

  it.live("two runs of one id that start at once: one runs", () =>
    Effect.gen(function* () {
      let ran = 0
      const step = Step.make("step", {
        input: Schema.Number,
        output: Schema.Number,
        run: () => Effect.sync(() => ++ran)
      })
      const exits = yield* Effect.forEach(
        [1, 2, 3],
        () => Effect.either(Flujo.run(step.pipe(Pipeline.make("p")), 1, { runId: id })),
        { concurrency: 3 }
      )
      assert.strictEqual(exits.filter(({ _tag }) => _tag === "Right").length, 1)
      assert.strictEqual(ran, 1)
    }).pipe(inMemory)
  )
})

describe("stream", () => {
  it.live("gives the entries of this run only, the last being its rest or end; a failure comes after them", () =>
    Effect.gen(function* () {
      const kinds = (runId: RunId) =>
        Effect.map(Stream.runCollect(Flujo.stream(counted, 1, { runId })), (all) =>
          Array.from(all, ({ event }) => event.kind)
        )
      const both = yield* Effect.all([kinds(id), kinds(RunId.make("other"))], { concurrency: 2 })
      assert.deepStrictEqual(both[0], ["RunStarted", "TaskOpened", "RunSuspended"])
      assert.deepStrictEqual(both[1], both[0])
      yield* Flujo.answer(id, World.at("go"), false)
      const seen: Array<string> = []
      const error = yield* Flujo.stream(counted, 1, { runId: id }).pipe(
        Stream.runForEach(({ event }) => Effect.sync(() => seen.push(event.kind))),
        Effect.flip
      )
      assert.propertyVal(error, "_tag", "Rejected")
      assert.deepStrictEqual(seen, ["RunResumed", "TaskAnswered", "RunFailed"])
    }).pipe(inMemory)
  )

  it.live("ends the run's work when nobody reads any more, and the run can go on", () =>
    Effect.gen(function* () {
      const slow = Step.make("slow", { input: Schema.Number, output: Schema.Number, run: () => Effect.never })
      const pipeline = slow.pipe(Pipeline.make("slow"))
      yield* Stream.runDrain(Stream.take(Flujo.stream(pipeline, 1, { runId: id }), 2))
      const { _tag } = yield* Effect.flip(
        Effect.timeoutFail(Flujo.resume(pipeline, id), { duration: 20, onTimeout: () => ({ _tag: "Late" }) as const })
      )
      assert.strictEqual(_tag, "Late")
    }).pipe(inMemory)
  )
})

describe("pipelines by name", () => {
  const registry = Layer.provide(Flujo.layerPipelines(counted, counting("Other?", "other")), counter)

  it.effect("go on with whatever run has one of them, and need nothing more", () =>
    Effect.gen(function* () {
      yield* Effect.provide(Flujo.run(counted, 10, { runId: id }), counter)
      yield* Flujo.answer(id, World.at("go"), true)
      const { replay, resume } = yield* Flujo.Pipelines
      assert.deepInclude(yield* resume(id), { _tag: "Completed", value: 11 })
      assert.deepInclude(yield* replay(id), { end: "Completed" })
    }).pipe(Effect.provide(Layer.merge(JournalMemory.layerMemory, registry)))
  )

  it.effect("say that a run's pipeline is not among them, and leave the run as it was", () =>
    Effect.gen(function* () {
      yield* Effect.provide(Flujo.run(counting("Go on?"), 10, { runId: id }), counter)
      const { replay, resume } = yield* Flujo.Pipelines
      for (const attempt of [Effect.asVoid(resume(id)), Effect.asVoid(replay(id))]) {
        const error = yield* refused(attempt)
        assert.deepInclude(error, { reason: "Changed" })
        assert.include(error.message, "no pipeline counting with plan")
      }
      assert.deepInclude(yield* refused(resume(RunId.make("nobody"))), { reason: "Unknown" })
      const rested = yield* Effect.provide(Flujo.resume(counting("Go on?"), id), counter)
      assert.strictEqual(rested._tag, "Suspended")
    }).pipe(Effect.provide(Layer.merge(JournalMemory.layerMemory, registry)))
  )
})
