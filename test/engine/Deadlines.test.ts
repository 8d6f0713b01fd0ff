/** What a deadline or a cancellation finds open, and what is tried again after one. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as Flujo from "../../src/engine/Flujo.js"
import { Journal } from "../../src/journal/Journal.js"
import * as JournalMake from "../../src/journal/JournalMake.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Tool from "../../src/pipeline/Tool.js"
import * as Models from "../agent/models.js"
import { pathsOf } from "../gate/logical.js"
import * as World from "../gate/world.js"

const agent = Agent.make("clerk", { model: "test:model", system: "Ask.", tools: [Tool.askUser] })
const asking = () => [{ name: "ask_user", arguments: JSON.stringify({ question: "Which one?" }) }]
const question = "research/turn[0]/tool[0]"

describe("a question that an agent asked", () => {
  it.effect("is closed with its step where the run is cancelled, and nobody is asked any more", () =>
    Effect.gen(function* () {
      const pipeline = Step.agent("research", agent).pipe(Pipeline.make("asks"))
      const first = yield* World.start(pipeline, "go")
      assert.strictEqual(first.tag, "Suspended")
      assert.deepStrictEqual(yield* World.openTasks, [question])
      yield* Flujo.cancel(World.runId, "enough")
      const { entries, tag } = yield* World.start(pipeline, "go")
      assert.strictEqual(tag, "Cancelled")
      assert.deepStrictEqual(pathsOf(entries, "TaskClosed"), [question])
      assert.deepStrictEqual(yield* World.openTasks, [])
    }).pipe(Effect.provide(World.make().boot()), Effect.provide(Models.layer(asking, [])))
  )

  it.effect("is closed with its step where that had a deadline", () =>
    Effect.gen(function* () {
      const pipeline = Step.agent("research", agent).pipe(Step.timeout("1 hour"), Pipeline.make("asks"))
      yield* World.start(pipeline, "go")
      yield* TestClock.adjust("2 hours")
      const { entries, tag } = yield* World.start(pipeline, "go")
      assert.strictEqual(tag, "Failed")
      assert.deepStrictEqual(pathsOf(entries, "TaskClosed"), [question])
      assert.deepStrictEqual(yield* World.openTasks, [])
    }).pipe(Effect.provide(World.make().boot()), Effect.provide(Models.layer(asking, [])))
  )
})

describe("a question about a step that was cut", () => {
  it.effect("is closed once where the run is cancelled before it is answered", () =>
    Effect.gen(function* () {
      const world = World.make()
      const pipeline = Step.make("pay", {
        input: Schema.Number,
        output: Schema.Number,
        onUncertain: "ask",
        run: (n) => Effect.succeed(n)
      }).pipe(Pipeline.make("pays"))
      const start = Effect.exit(World.start(pipeline, 1))
      yield* Effect.provide(start, world.boot({ commitsMax: 1 }))
      const { entries, tag } = yield* Effect.provide(
        Effect.gen(function* () {
          yield* start
          assert.deepStrictEqual(yield* World.openTasks, ["pay!uncertain"])
          yield* Flujo.cancel(World.runId, "enough")
          return yield* World.start(pipeline, 1)
        }),
        world.boot()
      )
      assert.strictEqual(tag, "Cancelled")
      assert.deepStrictEqual(pathsOf(entries, "TaskClosed"), ["pay!uncertain"])
    })
  )
})

describe("a step that is tried again after its deadline", () => {
  it.effect("and has none of the time of what it stands in left ends by that, also in a replay", () => {
    const driver = JournalMemory.makeDriver()
    let isLate = false
    const journal = Layer.scoped(
      Journal,
      JournalMake.make(
        {
          ...driver,
          // Between taking the run up and going on with it, hours go by.
          letters: (run) => Effect.zipRight(isLate ? TestClock.adjust("5 hours") : Effect.void, driver.letters(run))
        },
        { leaseMillis: 10 ** 12, mailPollMillis: 10 ** 12 }
      )
    )
    const pipeline = Step.approve<number>("ask", { message: "?" }).pipe(
      Step.timeout("1 minute"),
      Step.andThen(Step.pass<number>("on")),
      Step.named("all"),
      Step.timeout("4 hours"),
      Pipeline.make("twice")
    )
    return Effect.gen(function* () {
      yield* World.start(pipeline, 1)
      yield* TestClock.adjust("2 minutes")
      const failed = yield* World.start(pipeline, 1)
      assert.deepInclude(failed.error, { _tag: "StepTimedOut", path: "all/ask" })
      isLate = true
      const late = yield* World.start(pipeline, 1)
      assert.deepInclude(late.error, { _tag: "StepTimedOut", path: "all" })
      isLate = false
      const again = yield* World.start(pipeline, 1)
      assert.strictEqual(again.tag, "Suspended")
    }).pipe(Effect.provide(journal))
  })
})

describe("a step that is tried again", () => {
  it.effect("stays in the attempt that has begun, also where the clock was set back since", () =>
    Effect.gen(function* () {
      let tries = 0
      const draft = Step.make("draft", {
        input: Schema.String,
        output: Schema.String,
        error: Schema.Literal("late"),
        run: (text) => Effect.suspend(() => (tries++ === 0 ? Effect.fail("late" as const) : Effect.succeed(text)))
      })
      const pipeline = draft.pipe(
        Step.andThen(Step.ask("review", { message: "?", answer: Schema.String })),
        Step.named("both"),
        Step.retry({ times: 1, base: 0 }),
        Pipeline.make("again")
      )
      yield* TestClock.setTime(86_400_000)
      assert.strictEqual((yield* World.start(pipeline, "go")).tag, "Suspended")
      yield* TestClock.setTime(0)
      assert.strictEqual((yield* World.start(pipeline, "go")).tag, "Suspended")
      yield* World.answer("both#2/review", "fine")
      const { tag } = yield* World.start(pipeline, "go")
      assert.strictEqual(tag, "Completed")
      assert.strictEqual(tries, 2)
    }).pipe(Effect.provide(World.make().boot()))
  )
})
