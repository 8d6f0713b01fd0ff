/** Traps that others fell into, and those of the prototype (E-n in the design): each stays a test. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleInterval from "effect/ScheduleInterval"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import type { Entry } from "../../src/domain/Event.js"
import { canonical, type Json } from "../../src/domain/Json.js"
import * as Once from "../../src/domain/Once.js"
import * as Flujo from "../../src/engine/Flujo.js"
import { Journal, LetterRefused } from "../../src/journal/Journal.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import { events, logical, pathsOf } from "./logical.js"
import * as World from "./world.js"

class Bad extends Schema.TaggedError<Bad>("Bad")("Bad", { why: Schema.String }) {}
class Fatal extends Schema.TaggedError<Fatal>("Fatal")("Fatal", { why: Schema.String }) {}

type Info = { readonly attempt: number; readonly idempotencyKey: string; readonly path: string }

/** Steps that say when they ran. */
const bench = () => {
  const calls: Array<string> = []
  const count = (name: string) => calls.filter((call) => call === name).length
  const code = (
    name: string,
    f: (n: number, info: Info) => Effect.Effect<number, Bad, Once.Once> = (n) => Effect.succeed(n + 1)
  ) =>
    Step.make(name, {
      input: Schema.Number,
      output: Schema.Number,
      error: Bad,
      run: (n, info) =>
        Effect.suspend(() => {
          calls.push(name)
          return f(n, info)
        })
    })
  const bad = (name: string) => code(name, () => Effect.fail(new Bad({ why: name })))
  const slow = (name: string, millis: number) => code(name, (n) => Effect.as(Effect.sleep(millis), n))
  return { calls, count, code, bad, slow }
}

const approve = (name: string) => Step.approve<number>(name, { message: (n) => `${name} ${n}?` })

const total = (name: string) =>
  Step.fn(name, (parts: { readonly [key: string]: number }) => Object.values(parts).reduce((sum, n) => sum + n, 0))

const kinds = (entries: ReadonlyArray<Entry>) => entries.map(({ event }) => `${event.kind} ${event.path}`.trim())

const lastKind = (entries: ReadonlyArray<Entry>) => entries.at(-1)?.event.kind

/** In one store, as one process. */
const inOne = <A, E>(effect: Effect.Effect<A, E, Journal>, options?: { readonly payloadBytesMax: number }) =>
  Effect.provide(effect, World.make().boot(options))

/** A payload over this is refused where `values` are tried. */
const limit = 1 << 16

describe("composites", () => {
  it.live("E-21: ask ∥ bad ∥ slow fails once all rest, and the open task is closed", () =>
    Effect.gen(function* () {
      const { bad, code, count, slow } = bench()
      const pipeline = Step.parallel("gather", {
        ask: approve("ask").pipe(Step.andThen(code("paid"))),
        bad: bad("bad"),
        slow: slow("slow", 20)
      }).pipe(Step.andThen(total("sum")), Step.andThen(code("never")), Pipeline.make("e21"))
      yield* inOne(
        Effect.gen(function* () {
          const { entries, error, tag } = yield* World.start(pipeline, 1)
          assert.strictEqual(tag, "Failed")
          assert.deepStrictEqual(error, new Bad({ why: "bad" }))
          assert.deepStrictEqual(pathsOf(entries, "TaskClosed"), ["gather/ask/ask"])
          assert.deepStrictEqual(pathsOf(entries, "StepSucceeded"), ["gather/slow/slow"])
          assert.deepStrictEqual(yield* World.openTasks, [])
          const refused = yield* Effect.flip(World.answer("gather/ask/ask"))
          assert.instanceOf(refused, LetterRefused)
          assert.strictEqual(count("paid") + count("never"), 0)
        })
      )
      const cut = yield* World.everyCut(pipeline, 1, { answers: () => undefined })
      assert.isAbove(cut.points, 2)
    })
  )

  it.live("E-22: a deadline over a running step leaves no step without an end", () =>
    Effect.gen(function* () {
      const { code, count, slow } = bench()
      const pipeline = slow("slow", 60_000).pipe(Step.timeout(30), Step.fallback(code("cheap")), Pipeline.make("e22"))
      yield* inOne(
        Effect.gen(function* () {
          const { entries, tag, value } = yield* World.start(pipeline, 1)
          assert.strictEqual(tag, "Completed")
          assert.strictEqual(value, 2)
          assert.deepStrictEqual(pathsOf(entries, "StepInterrupted"), ["slow"])
          assert.deepStrictEqual(pathsOf(entries, "TimerFired"), ["slow!deadline"])
          assert.strictEqual(count("slow"), 1)
        })
      )
    })
  )

  it.live("E-22: a deadline over a parallel ends all that is below it", () =>
    Effect.gen(function* () {
      const { bad, code, count, slow } = bench()
      const pipeline = Step.parallel("gather", {
        ask: approve("ask").pipe(Step.andThen(code("paid"))),
        bad: bad("bad"),
        quick: code("quick"),
        slow: slow("slow", 60_000)
      }).pipe(
        Step.andThen(total("sum")),
        Step.named("all"),
        Step.timeout(40),
        Step.fallback(code("cheap")),
        Step.andThen(approve("after")),
        Pipeline.make("e22b")
      )
      yield* inOne(
        Effect.gen(function* () {
          const first = yield* World.start(pipeline, 1)
          assert.strictEqual(first.tag, "Suspended")
          assert.deepStrictEqual(pathsOf(first.entries, "TaskClosed"), ["all/gather/ask/ask"])
          assert.deepStrictEqual(pathsOf(first.entries, "StepInterrupted"), ["all/gather/slow/slow"])
          assert.deepStrictEqual(yield* World.openTasks, ["after"])
          yield* World.answer("after")
          const { tag, value } = yield* World.resume(pipeline)
          assert.strictEqual(tag, "Completed")
          assert.strictEqual(value, 2)
          assert.strictEqual(count("paid"), 0)
          assert.strictEqual(count("slow"), 1)
        })
      )
    })
  )

  it.live("E-23: an approval whose deadline passed while nobody drove it has timed out", () =>
    Effect.gen(function* () {
      const { code, count } = bench()
      const pipeline = approve("review").pipe(Step.timeout(40), Step.andThen(code("publish")), Pipeline.make("e23"))
      const world = World.make()
      const first = yield* Effect.provide(World.start(pipeline, 1, { parkAfterMillis: 0 }), world.boot())
      assert.strictEqual(first.tag, "Suspended")
      assert.strictEqual(lastKind(first.entries), "RunSuspended")
      yield* Effect.sleep(60)
      const second = yield* Effect.provide(World.resume(pipeline), world.boot())
      assert.strictEqual(second.tag, "Failed")
      assert.include(String(second.error), "did not end within 40 ms")
      assert.deepStrictEqual(pathsOf(second.entries, "TaskClosed"), ["review"])
      assert.deepStrictEqual(pathsOf(second.entries, "TimerFired"), ["review!deadline"])
      assert.strictEqual(count("publish"), 0)
      const late = yield* Effect.provide(Effect.flip(World.answer("review")), world.boot())
      assert.instanceOf(late, LetterRefused)
    })
  )

  it.live("an answer in time stands, however late the run is resumed", () =>
    Effect.gen(function* () {
      const { code } = bench()
      const pipeline = approve("review").pipe(Step.timeout(40), Step.andThen(code("publish")), Pipeline.make("in-time"))
      const world = World.make()
      yield* Effect.provide(World.start(pipeline, 1, { parkAfterMillis: 0 }), world.boot())
      yield* Effect.provide(World.answer("review"), world.boot())
      yield* Effect.sleep(60)
      const { tag, value } = yield* Effect.provide(World.resume(pipeline), world.boot())
      assert.strictEqual(tag, "Completed")
      assert.strictEqual(value, 2)
    })
  )

  it.live("E-27: a late answer starts nothing below a composite that failed", () =>
    Effect.gen(function* () {
      const { bad, code, count } = bench()
      const pipeline = Step.parallel("gather", {
        ask: approve("ask").pipe(Step.andThen(code("paid"))),
        bad: bad("bad")
      }).pipe(
        Step.andThen(total("sum")),
        Step.named("plan"),
        Step.fallback(code("cheap")),
        Step.andThen(approve("review")),
        Pipeline.make("e27")
      )
      yield* inOne(
        Effect.gen(function* () {
          const first = yield* World.start(pipeline, 1)
          assert.strictEqual(first.tag, "Suspended")
          assert.deepStrictEqual(yield* World.openTasks, ["review"])
          const refused = yield* Effect.flip(World.answer("plan/gather/ask/ask"))
          assert.instanceOf(refused, LetterRefused)
          yield* World.answer("review")
          const { entries, tag } = yield* World.resume(pipeline)
          assert.strictEqual(tag, "Completed")
          assert.strictEqual(count("paid"), 0)
          assert.deepStrictEqual(pathsOf(entries, "Closed"), ["plan/gather"])
        })
      )
      yield* World.everyCut(pipeline, 1, {
        answers: (task) => (task === "review" ? { approved: true } : undefined),
        after: () => assert.strictEqual(count("paid"), 0)
      })
    })
  )

  it.live("E-27: an answer that is in the inbox when its composite fails is put aside", () =>
    Effect.gen(function* () {
      const { code, count } = bench()
      const gate = Deferred.unsafeMake<void>(yield* Effect.fiberId)
      const pipeline = Step.parallel("gather", {
        ask: approve("ask").pipe(Step.andThen(code("paid"))),
        bad: code("bad", () => Effect.zipRight(Deferred.await(gate), Effect.fail(new Bad({ why: "bad" }))))
      }).pipe(
        Step.andThen(total("sum")),
        Step.named("plan"),
        Step.fallback(code("cheap")),
        Step.andThen(approve("review")),
        Pipeline.make("e27b")
      )
      yield* inOne(
        Effect.gen(function* () {
          const run = yield* Effect.fork(World.start(pipeline, 1))
          while ((yield* World.openTasks).length === 0) yield* Effect.sleep(2)
          // The letter is left, and before anybody looks the other branch fails.
          yield* Effect.zipRight(World.answer("plan/gather/ask/ask"), Deferred.succeed(gate, undefined))
          const first = yield* Fiber.join(run)
          assert.strictEqual(first.tag, "Suspended")
          yield* World.answer("review")
          const { entries, tag } = yield* World.resume(pipeline)
          assert.strictEqual(tag, "Completed")
          // Either the answer came first and the branch went on, or the task was closed: never both, never neither.
          const answered = pathsOf(entries, "TaskAnswered").includes("plan/gather/ask/ask")
          const closed = pathsOf(entries, "TaskClosed").includes("plan/gather/ask/ask")
          assert.notStrictEqual(answered, closed)
          if (closed) assert.strictEqual(count("paid"), 0)
        })
      )
    })
  )

  it.live("steps after a failure: the other branch comes to its end, nothing after the composite starts", () =>
    Effect.gen(function* () {
      const { bad, code, count } = bench()
      const pipeline = Step.parallel("both", {
        left: bad("bad").pipe(Step.andThen(code("afterBad"))),
        right: code("one", (n) => Effect.as(Effect.sleep(5), n)).pipe(Step.andThen(code("two")))
      }).pipe(Step.andThen(total("sum")), Step.andThen(code("last")), Pipeline.make("after-failure"))
      const { entries, tag } = yield* inOne(World.start(pipeline, 1))
      assert.strictEqual(tag, "Failed")
      assert.deepStrictEqual(pathsOf(entries, "StepSucceeded"), ["both/right/one", "both/right/two"])
      assert.strictEqual(count("afterBad") + count("last"), 0)
      yield* World.everyCut(pipeline, 1, { after: () => assert.strictEqual(count("afterBad") + count("last"), 0) })
    })
  )

  it.live("a composite fails as its first failing child in declared order, whatever failed first", () =>
    Effect.gen(function* () {
      const { bad, code } = bench()
      const pipeline = Step.parallel("both", {
        late: code("late", () => Effect.zipRight(Effect.sleep(15), Effect.fail(new Bad({ why: "late" })))),
        early: bad("early")
      }).pipe(Pipeline.make("declared-order"))
      const { entries, error } = yield* inOne(World.start(pipeline, 1))
      assert.deepStrictEqual(error, new Bad({ why: "late" }))
      const closed = entries.find(({ event }) => event.kind === "Closed")?.event
      assert.deepStrictEqual(closed?.data, { by: ["both/late/late", "both/early/early"] })
    })
  )

  it.live("the order in which branches end does not matter: 30 runs, one digest", () =>
    Effect.gen(function* () {
      const { code } = bench()
      const jittery = (name: string) =>
        code(name, (n) => Effect.flatMap(Random.nextIntBetween(0, 12), (millis) => Effect.as(Effect.sleep(millis), n)))
      const pipeline = Step.parallel("gather", {
        a: jittery("a").pipe(Step.andThen(jittery("a2"))),
        b: jittery("b"),
        c: jittery("c").pipe(Step.andThen(jittery("c2")))
      }).pipe(Step.andThen(total("sum")), Pipeline.make("orders"))
      const runs = yield* Effect.forEach(Array.from({ length: 30 }), () => inOne(World.start(pipeline, 1)), {
        concurrency: 10
      })
      assert.strictEqual(new Set(runs.map(({ entries }) => logical(entries))).size, 1)
      assert.isAbove(new Set(runs.map(({ entries }) => kinds(entries).join())).size, 3)
    })
  )

  it.live("a resume never runs both branches, even if the condition changes its mind", () =>
    Effect.gen(function* () {
      const { code, count } = bench()
      let mind: "left" | "right" = "left"
      const pipeline = Step.branch("way", {
        on: (_: number): "left" | "right" => mind,
        cases: {
          left: code("l1").pipe(Step.andThen(approve("wait")), Step.andThen(code("l2"))),
          right: code("r1")
        }
      }).pipe(Pipeline.make("one-way"))
      yield* inOne(
        Effect.gen(function* () {
          yield* World.start(pipeline, 1)
          yield* World.answer("way/left/wait")
          mind = "right"
          const changed = yield* Effect.flip(Flujo.resume(pipeline, World.runId))
          assert.propertyVal(changed, "reason", "Diverged")
          assert.propertyVal(changed, "path", "way")
          mind = "left"
          const { tag } = yield* World.resume(pipeline)
          assert.strictEqual(tag, "Completed")
          assert.deepStrictEqual([count("l1"), count("l2"), count("r1")], [1, 1, 0])
        })
      )
    })
  )
})

describe("waiting", () => {
  it.live("a pause in a loop in another pipeline in a fan-out resumes exactly there", () =>
    Effect.gen(function* () {
      const { calls, code } = bench()
      const inner = code("draft").pipe(
        Step.andThen(approve("check")),
        Step.andThen(code("polish")),
        Pipeline.make("inner")
      )
      const body = Step.loop("refine", Pipeline.asStep(inner, "import"), { until: (n) => n >= 14, max: 5 })
      const pipeline = Step.forEach("each", body, { concurrency: 2 }).pipe(Pipeline.make("deep"))
      const input = [10, 12]
      const task = (item: number, round: number) => `each[${item}]/refine[${round}]/import/check`
      yield* inOne(
        Effect.gen(function* () {
          const first = yield* World.start(pipeline, input)
          assert.strictEqual(first.tag, "Suspended")
          assert.deepStrictEqual(yield* World.openTasks, [task(0, 0), task(1, 0)])
          yield* World.answer(task(0, 0))
          const second = yield* World.resume(pipeline)
          assert.deepStrictEqual((yield* World.openTasks).toSorted(), [task(0, 1), task(1, 0)])
          assert.deepStrictEqual(pathsOf(second.entries, "IterationEnded"), ["each[0]/refine[0]"])
          yield* World.answer(task(1, 0))
          yield* World.answer(task(0, 1))
          const { tag, value } = yield* World.resume(pipeline)
          assert.strictEqual(tag, "Completed")
          assert.deepStrictEqual(value, [14, 14])
        })
      )
      assert.strictEqual(calls.filter((name) => name === "draft").length, 3)
      assert.strictEqual(calls.filter((name) => name === "polish").length, 3)
      const finished = new Map<string, number>()
      yield* World.everyCut(pipeline, input, { before: () => finished.clear() })
    })
  )

  it.live("items that wait free their place", () =>
    Effect.gen(function* () {
      const { code, count } = bench()
      const body = code("prepare").pipe(Step.andThen(approve("check")), Step.andThen(code("send")))
      const pipeline = Step.forEach("each", body, { concurrency: 1 }).pipe(Pipeline.make("places"))
      yield* inOne(
        Effect.gen(function* () {
          yield* World.start(pipeline, [1, 2, 3])
          assert.strictEqual(count("prepare"), 3)
          assert.strictEqual((yield* World.openTasks).length, 3)
          yield* World.answer("each[1]/check")
          yield* World.resume(pipeline)
          assert.deepStrictEqual(yield* World.openTasks, ["each[0]/check", "each[2]/check"])
          assert.strictEqual(count("send"), 1)
        })
      )
    })
  )

  it.live("no more items wait at once than allowed, and each answer lets the next one in", () =>
    Effect.gen(function* () {
      const { code, count } = bench()
      for (const concurrency of [1, 2, 8]) {
        const body = code("prepare").pipe(Step.andThen(approve("check")), Step.andThen(code("send")))
        const pipeline = Step.forEach("each", body, { concurrency, maxWaiting: 2 }).pipe(Pipeline.make("max-waiting"))
        const before = count("send")
        yield* inOne(
          Effect.gen(function* () {
            let rest = yield* World.start(pipeline, [1, 2, 3, 4, 5])
            for (let round = 0; round < 5; round++) {
              assert.strictEqual(rest.tag, "Suspended")
              const open = yield* World.openTasks
              assert.strictEqual(open.length, Math.min(2, 5 - round), `at ${concurrency}, round ${round}`)
              // The newest first: an item must not wait for an earlier one.
              yield* World.answer(open.at(-1)!)
              rest = yield* World.resume(pipeline)
            }
            assert.strictEqual(rest.tag, "Completed")
            assert.deepStrictEqual(rest.value, [3, 4, 5, 6, 7])
          })
        )
        assert.strictEqual(count("send") - before, 5)
      }
    })
  )

  it.live("a step replayed inside that ended before its composite failed is walked in a replay", () =>
    Effect.gen(function* () {
      const inside = (name: string, end: Effect.Effect<number, Bad>) =>
        Step.make(name, { input: Schema.Number, output: Schema.Number, error: Bad, replay: "inside", run: () => end })
      const pipeline = Step.parallel("all", {
        good: inside("good", Effect.succeed(1)),
        bad: inside("bad", Effect.fail(new Bad({ why: "bad" }))),
        ask: approve("ask")
      }).pipe(Pipeline.make("walked"))
      const { entries, tag } = yield* inOne(World.start(pipeline, 1))
      assert.strictEqual(tag, "Failed")
      assert.deepStrictEqual(pathsOf(entries, "StepSucceeded"), ["all/good/good"])
      assert.deepStrictEqual(pathsOf(entries, "StepInterrupted"), [])
    })
  )

  it.live("after a failure under `fail` no new item starts, and what had started is ended, also after a cut", () =>
    Effect.gen(function* () {
      const { code } = bench()
      const body = code("try", (n) =>
        n === 2 ? Effect.zipRight(Effect.sleep(5), Effect.fail(new Bad({ why: "two" }))) : Effect.succeed(n)
      ).pipe(Step.andThen(approve("check")))
      const pipeline = Step.forEach("each", body, { concurrency: 3 }).pipe(Pipeline.make("fail-items"))
      const { whole } = yield* World.everyCut(pipeline, [1, 2, 3], { answers: () => undefined })
      assert.strictEqual(whole.tag, "Failed")
      assert.deepStrictEqual(pathsOf(whole.entries, "TaskClosed"), ["each[0]/check", "each[2]/check"])
    })
  )

  it.live("after a failure the items that had not begun never begin: under `fail`, and only there", () =>
    Effect.gen(function* () {
      const tried = (onFailure: "fail" | "skip", concurrency: number) => {
        const { code, calls } = bench()
        const body = code("try", (n) => (n === 1 ? Effect.fail(new Bad({ why: "one" })) : Effect.succeed(n)))
        const each = Step.forEach("each", body, { concurrency, onFailure })
        const run = inOne(World.start(each.pipe(Pipeline.make("begin")), [0, 1, 2, 3, 4, 5]))
        return Effect.map(run, () => calls.length)
      }
      assert.strictEqual(yield* tried("fail", 1), 2)
      assert.isAtMost(yield* tried("fail", 2), 3)
      assert.strictEqual(yield* tried("skip", 1), 6)
    })
  )

  it.live("onFailure: skip leaves items out, collect answers an Either for each", () =>
    Effect.gen(function* () {
      const { code } = bench()
      const body = code("try", (n) => (n % 2 === 0 ? Effect.fail(new Bad({ why: `${n}` })) : Effect.succeed(n)))
      const skip = Step.forEach("each", body, { onFailure: "skip" }).pipe(Pipeline.make("skip"))
      const skipped = yield* inOne(World.start(skip, [1, 2, 3]))
      assert.deepStrictEqual(skipped.value, [1, 3])
      const collect = Step.forEach("each", body, { onFailure: "collect" }).pipe(Pipeline.make("collect"))
      const collected = yield* inOne(World.start(collect, [1, 2]))
      assert.deepStrictEqual(collected.value, [Either.right(1), Either.left(new Bad({ why: "2" }))])
      yield* World.everyCut(collect, [1, 2, 3, 4])
    })
  )

  it.live("an answer wakes its branch while a sibling is still at work", () =>
    Effect.gen(function* () {
      const { calls, code } = bench()
      const pipeline = Step.parallel("both", {
        ask: approve("ask").pipe(Step.andThen(code("next"))),
        busy: code("busy", (n) => Effect.as(Effect.sleep(80), n)).pipe(Step.andThen(code("last")))
      }).pipe(Pipeline.make("awake"))
      yield* inOne(
        Effect.gen(function* () {
          const run = yield* Effect.fork(World.start(pipeline, 1))
          while ((yield* World.openTasks).length === 0) yield* Effect.sleep(2)
          yield* World.answer("both/ask/ask")
          const { entries, tag } = yield* Fiber.join(run)
          assert.strictEqual(tag, "Completed")
          assert.deepStrictEqual(calls, ["busy", "next", "last"])
          assert.deepStrictEqual(pathsOf(entries, "RunSuspended"), [])
        })
      )
    })
  )

  it.live("a late answer is refused and says what is open; a second one names the first", () =>
    Effect.gen(function* () {
      const { code } = bench()
      const pipeline = approve("one").pipe(
        Step.andThen(approve("two")),
        Step.andThen(code("end")),
        Pipeline.make("late")
      )
      yield* inOne(
        Effect.gen(function* () {
          yield* World.start(pipeline, 1)
          yield* World.answer("one", { approved: true }, "Ada")
          const again = yield* Effect.flip(World.answer("one", { approved: false }, "Bob"))
          assert.propertyVal(again, "reason", "Taken")
          assert.include(String(again), "Ada")
          yield* World.resume(pipeline)
          assert.propertyVal(yield* Effect.flip(World.answer("one")), "reason", "Taken")
          const unknown = yield* Effect.flip(World.answer("three"))
          assert.propertyVal(unknown, "reason", "NoTask")
          assert.include(String(unknown), "two")
        })
      )
    })
  )

  it.live("an answer that does not fit fails the run, which asks again when it is resumed", () =>
    Effect.gen(function* () {
      const { code, count } = bench()
      const pipeline = code("before").pipe(
        Step.andThen(Step.ask("age", { message: "Age?", answer: Schema.Int })),
        Step.andThen(code("after")),
        Pipeline.make("misfit")
      )
      yield* inOne(
        Effect.gen(function* () {
          yield* World.start(pipeline, 1)
          yield* World.answer("age", "old")
          const failed = yield* World.resume(pipeline)
          assert.strictEqual(failed.tag, "Failed")
          assert.include(String(failed.error), "age: the answer does not fit")
          assert.strictEqual((yield* World.resume(pipeline)).tag, "Suspended")
          assert.deepStrictEqual(yield* World.openTasks, ["age#2"])
          yield* World.answer("age#2", 41)
          const { tag, value } = yield* World.resume(pipeline)
          assert.deepStrictEqual([tag, value], ["Completed", 42])
          assert.deepStrictEqual([count("before"), count("after")], [1, 1])
        })
      )
    })
  )

  it.live("sleeps are instants: an outage counts", () =>
    Effect.gen(function* () {
      const { code } = bench()
      const pipeline = Step.sleep<number>("nap", 50).pipe(Step.andThen(code("end")), Pipeline.make("nap"))
      const world = World.make()
      const first = yield* Effect.provide(World.start(pipeline, 1, { parkAfterMillis: 0 }), world.boot())
      assert.strictEqual(first.tag, "Suspended")
      yield* Effect.sleep(60)
      const [millis, { tag }] = yield* Effect.timed(Effect.provide(World.resume(pipeline), world.boot()))
      assert.strictEqual(tag, "Completed")
      assert.isBelow(Number(millis.value._tag === "Millis" ? millis.value.millis : 0), 45)
      yield* World.everyCut(pipeline, 1)
    })
  )

  it.live("what was rejected fails with the reason, and a fallback may answer it", () =>
    Effect.gen(function* () {
      const { code } = bench()
      const pipeline = approve("review").pipe(Step.fallback(code("redo")), Pipeline.make("reject"))
      yield* World.everyCut(pipeline, 1, {
        answers: () => ({ approved: false, reason: "no" }),
        after: ({ entries }) => assert.deepStrictEqual(pathsOf(entries, "StepSucceeded"), ["review!fallback/redo"])
      })
    })
  )
})

describe("cuts", () => {
  const { bad, calls, code } = bench()
  const flaky = code("flaky", (n, { attempt }) =>
    attempt < 3 ? Effect.fail(new Bad({ why: `${attempt}` })) : Effect.succeed(n)
  ).pipe(Step.retry({ times: 4, base: 1, jitter: false }))
  const all = code("first").pipe(
    Step.andThen(
      Step.parallel("gather", {
        a: code("a").pipe(Step.andThen(flaky)),
        b: bad("b").pipe(Step.fallback(code("plan_b"))),
        c: approve("c").pipe(Step.timeout("1 hour"), Step.andThen(code("after_c")))
      })
    ),
    Step.andThen(total("sum")),
    Step.andThen(Step.loop("count", code("inc"), { until: (n) => n >= 14, max: 9 })),
    Step.andThen(Step.fn("split", (n: number) => [n, n + 1, n + 2])),
    Step.andThen(Step.forEach("each", code("item"), { concurrency: 2 })),
    Step.andThen(Step.fn("join", (ns: ReadonlyArray<number>) => ns.reduce((sum, n) => sum + n, 0))),
    Step.andThen(Step.map(code("shown"), (n) => n * 2)),
    Pipeline.make("everything")
  )

  it.live("a run cut after any commit ends the same, and nothing that was finished runs again", () =>
    Effect.gen(function* () {
      const { points } = yield* World.everyCut(all, 1, {
        before: () => {
          calls.length = 0
        },
        after: ({ entries }) => {
          const finished = pathsOf(entries, "StepSucceeded").length + pathsOf(entries, "StepFailed").length
          assert.isAtMost(calls.length, finished + pathsOf(entries, "Recovered").length)
        }
      })
      assert.isAbove(points, 20)
    })
  )

  it.live("a journal cut after any entry replays as far as it goes", () =>
    Effect.gen(function* () {
      const whole = yield* inOne(World.finish(all, 1))
      for (let length = 1; length <= whole.entries.length; length++) {
        const part = whole.entries.slice(0, length)
        yield* inOne(
          Effect.gen(function* () {
            const journal = yield* Journal
            const first = part[0]!.event
            assert(first.kind === "RunStarted")
            const owned = yield* journal.create(World.runId, { digest: first.data.plan, json: "{}" })
            for (const { at, event } of part) {
              const payload = JSON.stringify(event.payload)
              journal.stage(owned, { at, event, payload: payload === "{}" ? undefined : payload })
            }
            yield* journal.release(owned)
            const replayed = yield* Effect.either(Flujo.replay(all, World.runId))
            if (Either.isLeft(replayed)) throw new Error(`after ${kinds(part).at(-1)}: ${replayed.left.message}`)
            const { entries, tag } = yield* World.finish(all, 1)
            assert.strictEqual(tag, "Completed")
            assert.strictEqual(logical(entries), logical(whole.entries))
          })
        )
      }
    })
  )
})

describe("resume of a failed run", () => {
  it.live("tries the failed step again as #2; finished branches stay, a closed task is asked again", () =>
    Effect.gen(function* () {
      const { calls, code, count } = bench()
      let isBroken = true
      const pipeline = code("before").pipe(
        Step.andThen(
          Step.parallel("gather", {
            ask: approve("ask").pipe(Step.andThen(code("paid"))),
            done: code("done"),
            flaky: code("flaky", (n) => (isBroken ? Effect.fail(new Bad({ why: "flaky" })) : Effect.succeed(n)))
          })
        ),
        Step.andThen(total("sum")),
        Pipeline.make("again")
      )
      yield* inOne(
        Effect.gen(function* () {
          const first = yield* World.start(pipeline, 1)
          assert.strictEqual(first.tag, "Failed")
          // Still broken: it fails as #2, and may be tried once more.
          const second = yield* World.resume(pipeline)
          assert.strictEqual(second.tag, "Failed")
          assert.deepStrictEqual(pathsOf(second.entries, "StepFailed"), ["gather/flaky/flaky", "gather/flaky/flaky#2"])
          isBroken = false
          const third = yield* World.resume(pipeline)
          assert.strictEqual(third.tag, "Suspended")
          assert.deepStrictEqual(yield* World.openTasks, ["gather/ask/ask#3"])
          yield* World.answer("gather/ask/ask#3")
          const { tag, value } = yield* World.resume(pipeline)
          assert.strictEqual(tag, "Completed")
          assert.strictEqual(value, 3 + 3 + 2)
          assert.deepStrictEqual([count("before"), count("done"), count("flaky"), count("paid")], [1, 1, 3, 1])
          const ended = yield* Effect.flip(Flujo.resume(pipeline, World.runId))
          assert.propertyVal(ended, "reason", "Ended")
        })
      )
      assert.strictEqual(calls.length, 6)
    })
  )

  it.live("gives what is tried again its time again, however long ago its deadline was", () =>
    Effect.gen(function* () {
      const { code } = bench()
      let isBroken = true
      const pipeline = code("x", (n) => (isBroken ? Effect.fail(new Bad({ why: "x" })) : Effect.succeed(n + 1))).pipe(
        Step.timeout(30),
        Step.andThen(approve("review").pipe(Step.timeout("1 hour"))),
        Pipeline.make("expired")
      )
      yield* inOne(
        Effect.gen(function* () {
          assert.strictEqual((yield* World.start(pipeline, 1)).tag, "Failed")
          yield* Effect.sleep(50)
          isBroken = false
          const second = yield* World.resume(pipeline)
          assert.strictEqual(second.tag, "Suspended")
          yield* Effect.sleep(50)
          yield* World.answer("review")
          assert.strictEqual((yield* World.resume(pipeline)).value, 2)
        })
      )
    })
  )

  it.live("works at any depth: retries, loops, fan-outs, fallbacks, deadlines", () =>
    Effect.gen(function* () {
      const { code, count } = bench()
      let isBroken = true
      const flaky = (name: string) =>
        code(name, (n) => (isBroken ? Effect.fail(new Bad({ why: name })) : Effect.succeed(n + 1)))
      const pipelines = {
        retry: flaky("x").pipe(Step.retry({ times: 1, base: 0, jitter: false })),
        loop: Step.loop("loop", code("in").pipe(Step.andThen(flaky("x"))), { until: (n) => n > 4, max: 9 }),
        fallback: flaky("x").pipe(Step.fallback(flaky("y"))),
        scope: flaky("x").pipe(Step.andThen(code("in")), Step.named("scope"), Step.retry({ times: 1, base: 0 })),
        deadline: code("x", (n) => (isBroken ? Effect.never : Effect.succeed(n))).pipe(Step.timeout(15)),
        each: Step.fn("list", (n: number) => [n, n]).pipe(
          Step.andThen(Step.forEach("each", code("in").pipe(Step.andThen(flaky("x"))), { concurrency: 1 })),
          Step.andThen(Step.fn("sum", (ns: ReadonlyArray<number>) => ns.length))
        ),
        exhausted: Step.loop(
          "loop",
          code("x", (n) => Effect.succeed(isBroken ? n : n + 10)),
          {
            until: (n) => n > 5,
            max: 2
          }
        ),
        branch: Step.branch("way", { on: (_: number) => "go" as const, cases: { go: flaky("x") } })
      }
      for (const [name, step] of Object.entries(pipelines)) {
        isBroken = true
        const pipeline = (step as typeof pipelines.retry).pipe(Step.andThen(code("last")), Pipeline.make(name))
        yield* inOne(
          Effect.gen(function* () {
            const before = count("last")
            assert.strictEqual((yield* World.start(pipeline, 1)).tag, "Failed", name)
            assert.strictEqual((yield* World.resume(pipeline)).tag, "Failed", name)
            isBroken = false
            assert.strictEqual((yield* World.resume(pipeline)).tag, "Completed", name)
            assert.strictEqual(count("last") - before, 1)
          })
        )
      }
    })
  )
})

describe("Once", () => {
  const ask = (
    key: string,
    more?: Partial<Once.Ask<number, number, Bad, { readonly _tag: "Bad"; readonly why: string }>>
  ) => ({
    key,
    request: { of: key },
    success: Schema.Number,
    failure: Bad,
    ...more
  })

  it.live("E-8: an answer holds for its step or its attempt; a refusal for its attempt only", () =>
    Effect.gen(function* () {
      const { code } = bench()
      const outside: Array<string> = []
      const keys: Array<string> = []
      const call = (key: string, per: "step" | "attempt", attempt: number) =>
        Once.run(ask(key, { per }), ({ idempotencyKey }) =>
          Effect.suspend(() => {
            outside.push(`${key}${attempt}`)
            keys.push(`${key} ${idempotencyKey}`)
            return key === "mail" && !outside.slice(0, -1).some((made) => made.startsWith("mail"))
              ? Effect.fail(new Bad({ why: "mail" }))
              : Effect.succeed(attempt)
          })
        )
      const pay = code("pay", (n, { attempt }) =>
        Effect.gen(function* () {
          const charged = yield* call("charge", "step", attempt)
          const told = yield* call("model", "attempt", attempt)
          const mailed = yield* call("mail", "step", attempt)
          return n + charged * 100 + told * 10 + mailed
        })
      )
      for (const pipeline of [
        pay.pipe(Step.retry({ times: 2, base: 0 }), Pipeline.make("once")),
        pay.pipe(
          Step.andThen(Step.pass("p")),
          Step.named("scope"),
          Step.retry({ times: 2, base: 0 }),
          Pipeline.make("o2")
        )
      ]) {
        outside.length = 0
        keys.length = 0
        const { entries, tag } = yield* inOne(World.start(pipeline, 1000))
        assert.strictEqual(tag, "Completed", pipeline.name)
        if (pipeline.name === "once") {
          assert.deepStrictEqual(outside, ["charge1", "model1", "mail1", "model2", "mail2"])
          assert.strictEqual(pathsOf(entries, "Answered").length, 4)
        }
        assert.strictEqual(outside.filter((key) => key.startsWith("charge")).length, 1)
        assert.strictEqual(new Set(keys).size, 3, "one key for each call")
      }
    })
  )

  it.live("an answered call is never made again, wherever the run is cut", () =>
    Effect.gen(function* () {
      const { code } = bench()
      const outside: Array<string> = []
      const call = (key: string) =>
        Once.run(ask(key), ({ idempotencyKey }) =>
          Effect.sync(() => {
            outside.push(`${key} ${idempotencyKey}`)
            return 1
          })
        )
      const pipeline = code("pay", () =>
        Effect.gen(function* () {
          const a = yield* call("a")
          yield* Effect.yieldNow()
          const b = yield* Once.run(ask("outer"), () => Effect.map(call("inner"), (n) => n + 1)).pipe(
            Effect.withSpan("outer")
          )
          return a + b
        })
      ).pipe(Pipeline.make("cut-once"))
      yield* World.everyCut(pipeline, 1, {
        before: () => {
          outside.length = 0
        },
        after: ({ entries }, first) => {
          assert.strictEqual(new Set(outside).size, 2)
          const answered = pathsOf(first, "Answered")
          const again = outside.length - 2
          assert.isAtMost(again, 1)
          if (answered.length === 3) assert.strictEqual(again, 0)
          assert.strictEqual(pathsOf(entries, "Answered").length, 3)
        }
      })
    })
  )

  const dies = (name: string, body: Effect.Effect<number, Bad, Once.Once>, says: string) =>
    it.live(name, () =>
      Effect.gen(function* () {
        const { code, count } = bench()
        const pipeline = code("step", () => body).pipe(Step.retry({ times: 3, base: 0 }), Pipeline.make("dies"))
        const { entries, error, tag } = yield* inOne(World.start(pipeline, 1), { payloadBytesMax: limit })
        assert.strictEqual(tag, "Failed")
        assert.propertyVal(error, "reason", "Defect")
        assert.include(String(error), says)
        assert.strictEqual(count("step"), 1, "a defect is never retried")
        assert.deepStrictEqual(pathsOf(entries, "StepFailed"), ["step"])
      })
    )

  dies(
    "an empty key is a defect",
    Once.run(ask(""), () => Effect.succeed(1)),
    "empty"
  )
  dies(
    "one key with another request is a defect",
    Effect.zipRight(
      Once.run(ask("k"), () => Effect.succeed(1)),
      Once.run(ask("k", { request: "other" }), () => Effect.succeed(2))
    ),
    "OnceDiverged"
  )
  dies(
    "one key twice at once is a defect",
    Effect.map(
      Effect.all(
        [0, 1].map(() => Once.run(ask("k"), () => Effect.as(Effect.sleep(5), 1))),
        { concurrency: 2 }
      ),
      ([n]) => n!
    ),
    "twice at once"
  )
  dies(
    "an answer over the limit is a defect",
    Effect.map(
      Once.run({ key: "big", request: null, success: Schema.String }, () => Effect.succeed("x".repeat(limit + 1))),
      (text) => text.length
    ),
    "limit"
  )

  it.live("the same key asked again in sequence gives the remembered answer", () =>
    Effect.gen(function* () {
      const { code } = bench()
      let calls = 0
      const call = Once.run(ask("k"), () => Effect.sync(() => ++calls))
      const pipeline = code("step", () => Effect.zipWith(call, call, (a, b) => a * 10 + b)).pipe(Pipeline.make("again"))
      const { value } = yield* inOne(World.start(pipeline, 1))
      assert.strictEqual(value, 11)
    })
  )

  it.live("a call after its step has ended is a defect, and is not made", () =>
    Effect.gen(function* () {
      const { code } = bench()
      let calls = 0
      const late = Deferred.unsafeMake<Exit.Exit<number, Bad>>(yield* Effect.fiberId)
      const pipeline = code("step", (n) =>
        Once.run(ask("late"), () => Effect.sync(() => ++calls)).pipe(
          Effect.delay(10),
          Effect.exit,
          Effect.flatMap((exit) => Deferred.succeed(late, exit)),
          Effect.forkDaemon,
          Effect.as(n)
        )
      ).pipe(Step.andThen(code("slow", (n) => Effect.as(Effect.sleep(25), n))), Pipeline.make("late-call"))
      yield* inOne(
        Effect.gen(function* () {
          const { tag } = yield* World.start(pipeline, 1)
          assert.strictEqual(tag, "Completed")
          const exit = yield* Deferred.await(late)
          assert(Exit.isFailure(exit))
          assert.include(Cause.pretty(exit.cause), "after its step had ended")
          assert.strictEqual(calls, 0)
        })
      )
    })
  )

  it.live("E-9: code that catches everything neither goes on nor hangs when the journal dies", () =>
    Effect.gen(function* () {
      const wraps: ReadonlyArray<
        readonly [string, (call: Effect.Effect<number, Bad, Once.Once>) => Effect.Effect<number, Bad, Once.Once>]
      > = [
        ["catchAllCause", (call) => Effect.catchAllCause(call, () => Effect.succeed(-1))],
        ["uninterruptible", (call) => Effect.uninterruptible(Effect.orElseSucceed(call, () => -1))],
        ["exit", (call) => Effect.as(Effect.exit(call), -1)],
        ["retry", (call) => Effect.retry(call, Schedule.forever)]
      ]
      for (const [name, wrap] of wraps) {
        const made = new Set<number>()
        for (let commitsMax = 0; commitsMax < 5; commitsMax++) {
          const { code } = bench()
          const went: Array<string> = []
          const pipeline = code("step", () =>
            Effect.gen(function* () {
              const a = yield* wrap(Once.run(ask("a"), () => Effect.sync(() => went.push("a"))))
              const b = yield* wrap(Once.run(ask("b"), () => Effect.sync(() => went.push("b"))))
              const c = yield* wrap(Once.run(ask("c"), () => Effect.sync(() => went.push("c"))))
              went.push("end")
              return a + b + c
            })
          ).pipe(Pipeline.make("dead"))
          const world = World.make()
          const exit = yield* Flujo.run(pipeline, 1, { runId: World.runId }).pipe(
            Effect.provide(world.boot({ commitsMax })),
            Effect.exit,
            Effect.timeoutFail({ duration: 2000, onTimeout: () => new Error(`${name}, ${commitsMax}: it hangs`) })
          )
          assert(Exit.isFailure(exit))
          const where = `${name}, ${commitsMax}`
          const before = yield* Effect.provide(World.entriesOf(World.runId), world.boot())
          // Made are the calls whose question is in the journal, and no others.
          assert.deepStrictEqual(
            went.filter((call) => call !== "end"),
            pathsOf(before, "Asked").map((path) => path.slice("step/".length)),
            where
          )
          made.add(pathsOf(before, "Asked").length)
          const { entries, tag } = yield* Effect.provide(World.finish(pipeline, 1), world.boot())
          assert.strictEqual(tag, "Completed")
          for (const key of ["a", "b", "c"]) {
            const unanswered =
              pathsOf(before, "Asked").includes(`step/${key}`) && !pathsOf(before, "Answered").includes(`step/${key}`)
            assert.strictEqual(went.filter((call) => call === key).length, unanswered ? 2 : 1, where)
          }
          assert.strictEqual(pathsOf(entries, "Answered").length, 3)
        }
        assert.deepStrictEqual(Array.from(made).toSorted(), [0, 1, 2, 3], `${name}: the power went off everywhere`)
      }
    })
  )

  it.live("a call inside a call lives below it, under any of the outer keys, and is answered with it", () =>
    Effect.gen(function* () {
      const made: Array<string> = []
      const inner = (key: string, per?: "attempt") =>
        Once.run(ask(key, { per }), ({ idempotencyKey }) =>
          Effect.sync(() => made.push(`${key} ${idempotencyKey}`)).pipe(Effect.as(1))
        )
      const step = Step.make("pay", {
        input: Schema.Number,
        output: Schema.Number,
        error: Bad,
        replay: "inside",
        run: (n, { attempt }) =>
          Effect.gen(function* () {
            // One inner key below two outer ones, and below a key of the same name.
            const a = yield* Once.run(ask("a"), () =>
              Effect.zipWith(inner("k"), inner("t", "attempt"), (x, y) => x + y)
            )
            const b = yield* Once.run(ask("b", { per: "attempt" }), () => inner("k"))
            const k = yield* Once.run(ask("k"), () => inner("k"))
            const c = Once.run(ask("c"), () =>
              Effect.flatMap(inner("k"), () => (attempt === 1 ? Effect.fail(new Bad({ why: "c" })) : Effect.succeed(5)))
            )
            return n + a + b + k + (yield* c)
          })
      })
      const pipeline = step.pipe(Step.retry({ times: 2, base: 0 }), Pipeline.make("nested"))
      yield* World.everyCut(pipeline, 1, {
        before: () => {
          made.length = 0
        },
        after: ({ entries, tag }, first) => {
          assert.strictEqual(tag, "Completed")
          assert.deepStrictEqual(pathsOf(entries, "Answered").toSorted(), [
            ...["pay#2/b", "pay/a", "pay/a/k", "pay/a/t", "pay/b", "pay/b/k", "pay/c", "pay/c/k", "pay/k", "pay/k/k"]
          ])
          // One more only where it was cut in flight.
          assert.isAtMost(made.length, first.length === 0 ? 5 : 6)
          assert.strictEqual(new Set(made).size, 5)
        }
      })
      const world = World.make()
      const boot = world.boot()
      yield* Effect.provide(World.start(pipeline, 1), boot)
      made.length = 0
      yield* Effect.provide(Flujo.replay(pipeline, World.runId), boot)
      assert.deepStrictEqual(made, [])
    })
  )

  it.live("a step replayed inside gives the same answers with the outside shut", () =>
    Effect.gen(function* () {
      let calls = 0
      const step = Step.make("inside", {
        input: Schema.Number,
        output: Schema.Number,
        error: Bad,
        replay: "inside",
        run: (n) =>
          Effect.gen(function* () {
            const a = yield* Once.run(ask("a"), () => Effect.sync(() => ++calls))
            const b = yield* Effect.either(
              Once.run(ask("b"), () => {
                calls += 1
                return Effect.fail(new Bad({ why: "b" }))
              })
            )
            return n + a + (Either.isLeft(b) ? 10 : 0)
          })
      })
      const pipeline = step.pipe(Pipeline.make("inside"))
      const { tag, value } = yield* inOne(World.start(pipeline, 1))
      assert.strictEqual(tag, "Completed")
      assert.strictEqual(value, 12)
      assert.strictEqual(calls, 2)
    })
  )
})

describe("uncertain steps", () => {
  const uncertain = (onUncertain: "retry" | "ask" | "fail") => {
    const keys: Array<string> = []
    let hold = true
    const pipeline = Step.make("pay", {
      input: Schema.Number,
      output: Schema.Number,
      onUncertain,
      run: (n, { idempotencyKey }) =>
        Effect.suspend(() => {
          keys.push(idempotencyKey)
          return hold ? Effect.never : Effect.succeed(n + 1)
        })
    }).pipe(Step.andThen(Step.fn("after", (n: number) => n * 10)), Pipeline.make("uncertain"))
    /** Leaves the step in flight, its process dead. */
    const crash = (world: World.World) =>
      Effect.gen(function* () {
        hold = true
        yield* Effect.provide(
          Effect.exit(Effect.timeout(Flujo.run(pipeline, 1, { runId: World.runId }), 20)),
          world.boot()
        )
        hold = false
        assert.strictEqual(keys.length, 1)
      })
    return { crash, keys, pipeline }
  }

  it.live("retry: runs again under the same key, and says so", () =>
    Effect.gen(function* () {
      const { crash, keys, pipeline } = uncertain("retry")
      const world = World.make()
      yield* crash(world)
      const { entries, value } = yield* Effect.provide(World.start(pipeline, 1), world.boot())
      assert.strictEqual(value, 20)
      assert.strictEqual(keys.length, 2)
      assert.strictEqual(new Set(keys).size, 1)
      assert.deepStrictEqual(pathsOf(entries, "Recovered"), ["pay"])
    })
  )

  it.live("fail: it fails without running again; a person's resume tries it as #2", () =>
    Effect.gen(function* () {
      const { crash, keys, pipeline } = uncertain("fail")
      const world = World.make()
      yield* crash(world)
      const { error, tag } = yield* Effect.provide(World.start(pipeline, 1), world.boot())
      assert.strictEqual(tag, "Failed")
      assert.propertyVal(error, "_tag", "StepUncertain")
      assert.strictEqual(keys.length, 1)
      const again = yield* Effect.provide(World.resume(pipeline), world.boot())
      assert.strictEqual(again.value, 20)
      assert.strictEqual(new Set(keys).size, 1)
    })
  )

  for (const approved of [true, false]) {
    it.live(`ask: a person decides, here ${approved ? "to run it again" : "not to"}`, () =>
      Effect.gen(function* () {
        const { crash, keys, pipeline } = uncertain("ask")
        const world = World.make()
        yield* crash(world)
        const asked = yield* Effect.provide(World.start(pipeline, 1), world.boot())
        assert.strictEqual(asked.tag, "Suspended")
        assert.strictEqual(keys.length, 1)
        // Resumed without an answer it goes on waiting.
        const still = yield* Effect.provide(World.resume(pipeline), world.boot())
        assert.strictEqual(still.tag, "Suspended")
        yield* Effect.provide(World.answer("pay!uncertain", { approved }), world.boot())
        const { entries, error, tag, value } = yield* Effect.provide(World.resume(pipeline), world.boot())
        assert.strictEqual(tag, approved ? "Completed" : "Failed")
        if (approved) assert.strictEqual(value, 20)
        else assert.propertyVal(error, "_tag", "StepUncertain")
        assert.strictEqual(keys.length, approved ? 2 : 1)
        assert.deepStrictEqual(pathsOf(entries, "Recovered"), ["pay"])
      })
    )
  }

  it.live("ask: cancelled while it waits, its task and its step are closed", () =>
    Effect.gen(function* () {
      const { crash, pipeline } = uncertain("ask")
      const world = World.make()
      yield* crash(world)
      yield* Effect.provide(World.start(pipeline, 1), world.boot())
      yield* Effect.provide(Flujo.cancel(World.runId, "enough"), world.boot())
      const { entries, tag } = yield* Effect.provide(World.resume(pipeline), world.boot())
      assert.strictEqual(tag, "Cancelled")
      assert.deepStrictEqual(pathsOf(entries, "TaskClosed"), ["pay!uncertain"])
      assert.deepStrictEqual(pathsOf(entries, "StepInterrupted"), ["pay"])
    })
  )
})

describe("values", () => {
  const fails = <In>(name: string, pipeline: Pipeline.Pipeline<In, unknown, unknown>, input: In, says: string) =>
    it.live(name, () =>
      Effect.gen(function* () {
        yield* inOne(
          Effect.gen(function* () {
            const { entries, error, tag } = yield* World.start(pipeline, input)
            assert.strictEqual(tag, "Failed")
            assert.propertyVal(error, "reason", "Defect")
            assert.include(String(error), says)
            assert.strictEqual(lastKind(entries), "RunFailed")
            // Not retried by itself; a person may, and it fails again the same.
            const again = yield* World.resume(pipeline)
            assert.strictEqual(again.tag, "Failed")
            assert.propertyVal(again.error, "reason", "Defect")
          }),
          { payloadBytesMax: limit }
        )
      })
    )
  const text = (name: string, value: string) =>
    Step.make(name, { input: Schema.Number, output: Schema.String, run: () => Effect.succeed(value) })

  fails(
    "NaN out of a step",
    bench()
      .code("nan", () => Effect.succeed(Number.NaN))
      .pipe(Step.retry({ times: 3, base: 0 }), Pipeline.make("nan")),
    1,
    "NaN"
  )
  fails("NaN out of a function", Step.fn("nan", (n: number) => n / 0).pipe(Pipeline.make("fn-nan")), 1, "NaN")
  fails("a lone surrogate out of a step", text("lone", "\ud800").pipe(Pipeline.make("lone")), 1, "surrogate")
  fails(
    "a lone surrogate that decides a branch",
    Step.branch("way", {
      on: (_: number) => "\ud800" as string,
      cases: { go: Step.pass<number>("p") } as Record<string, Step.Step<number, number>>
    }).pipe(Pipeline.make("branch-lone")),
    1,
    "surrogate"
  )
  fails(
    "an output over the limit",
    text("big", "x".repeat(limit + 1)).pipe(Step.retry({ times: 3, base: 0 }), Pipeline.make("big")),
    1,
    "limit"
  )
  fails(
    "a function's answer over the limit",
    Step.fn("big", (_: number) => "x".repeat(limit + 1)).pipe(Pipeline.make("fn-big")),
    1,
    "limit"
  )
  fails(
    "an input over the limit, put together of outputs that are not",
    Step.parallel("both", { a: text("big", "x".repeat(limit - 100)), b: text("big", "y".repeat(limit - 100)) }).pipe(
      Step.andThen(
        Step.make("join", {
          input: Schema.Struct({ a: Schema.String, b: Schema.String }),
          output: Schema.Number,
          run: ({ a, b }) => Effect.succeed(a.length + b.length)
        })
      ),
      Pipeline.make("big-input")
    ),
    1,
    "limit"
  )
  fails(
    "an endless message of a defect",
    bench()
      .code("noisy", () => Effect.die(new Error("e".repeat(limit + 1))))
      .pipe(Pipeline.make("noisy")),
    1,
    "eee"
  )
  fails(
    "an endless typed failure",
    bench()
      .code("noisy", () => Effect.fail(new Bad({ why: "e".repeat(limit + 1) })))
      .pipe(Pipeline.make("noisy-failure")),
    1,
    "limit"
  )
  fails(
    "a question over the limit",
    Step.approve<number>("review", { message: () => "x".repeat(limit + 1) }).pipe(Pipeline.make("big-question")),
    1,
    "limit"
  )

  it.live("whatever code throws or answers, the run ends and says where", () =>
    Effect.gen(function* () {
      const { code } = bench()
      const thrown: ReadonlyArray<readonly [unknown, string]> = [
        [undefined, "undefined"],
        [{ toString: null }, "an object that has no text"],
        [Symbol("s"), "a symbol that has no text"],
        [Object.assign(new Error("x"), { message: 5 }), "5"]
      ]
      for (const [value, says] of thrown) {
        const throwing = code("throws", () => {
          throw value
        })
        const { entries, error, tag } = yield* inOne(World.start(throwing.pipe(Pipeline.make("throws")), 1))
        assert.strictEqual(tag, "Failed")
        assert.include(String(error), says)
        assert.strictEqual(lastKind(entries), "RunFailed")
      }
      const { error } = yield* inOne(
        World.start(
          Step.approve<number>("ask", { message: () => 5 as unknown as string }).pipe(Pipeline.make("number")),
          1
        )
      )
      assert.propertyVal(error, "reason", "Defect")
      assert.propertyVal(error, "path", "ask")
      assert.include(String(error), "its message is not text")
    })
  )

  it.live("a step that fails with what it does not declare is broken, not failed", () =>
    Effect.gen(function* () {
      const pipeline = Step.make("liar", {
        input: Schema.Number,
        output: Schema.Number,
        error: Bad,
        run: () => Effect.fail(new Fatal({ why: "x" }) as unknown as Bad)
      }).pipe(Step.fallback(Step.pass<number>("p")), Pipeline.make("liar"))
      const { error, tag } = yield* inOne(World.start(pipeline, 1))
      assert.strictEqual(tag, "Failed")
      assert.propertyVal(error, "reason", "Defect")
    })
  )

  it.live("what goes on is what was written: a schema that drops a field drops it live, too", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const Narrow = Schema.Struct({ n: Schema.Number })
      const pipeline = Step.make("wide", {
        input: Schema.Number,
        output: Narrow,
        run: (n) => Effect.succeed({ n, extra: "x" } as { readonly n: number })
      }).pipe(
        Step.andThen(
          Step.fn("look", (value: { readonly n: number }) => {
            seen.push(Object.keys(value).join())
            return value
          })
        ),
        Step.andThen(Step.approve("review", { message: (value) => JSON.stringify(value) })),
        Pipeline.make("narrow")
      )
      yield* World.everyCut(pipeline, 1)
      assert.deepStrictEqual(Array.from(new Set(seen)), ["n"])
    })
  )

  it.live("so do answers and refusals of calls: what the step sees is what was written", () =>
    Effect.gen(function* () {
      const Small = Schema.Struct({ n: Schema.Number })
      const No = Schema.Struct({ _tag: Schema.Literal("No"), why: Schema.String })
      const seen: Array<unknown> = []
      const step = Step.make("see", {
        input: Schema.Number,
        output: Schema.Number,
        run: (n) =>
          Effect.gen(function* () {
            const answer = { n: 1, more: 2 }
            seen.push(yield* Once.run({ key: "a", request: null, success: Small }, () => Effect.succeed(answer)))
            const refusal = { _tag: "No" as const, why: "no", more: 2 }
            seen.push(
              yield* Effect.flip(
                Once.run({ key: "b", request: null, success: Small, failure: No }, () => Effect.fail(refusal))
              ).pipe(Effect.orDieWith(() => "it is refused"))
            )
            return n
          })
      })
      yield* World.everyCut(step.pipe(Pipeline.make("seen")), 1)
      for (const [i, value] of seen.entries()) {
        if (i > 1) assert.include([canonical(seen[0] as Json), canonical(seen[1] as Json)], canonical(value as Json))
      }
      assert.deepStrictEqual(seen.slice(0, 2), [{ n: 1 }, { _tag: "No", why: "no" }])
    })
  )

  it.live("-0 becomes 0, an absent value stays absent", () =>
    Effect.gen(function* () {
      const pipeline = Step.make("void", { input: Schema.Number, output: Schema.Void, run: () => Effect.void }).pipe(
        Step.andThen(Step.make("zero", { input: Schema.Void, output: Schema.Number, run: () => Effect.succeed(-0) })),
        Pipeline.make("edges")
      )
      const { entries, value } = yield* inOne(World.start(pipeline, 1))
      assert.isTrue(Object.is(value, 0))
      const ended = entries.find(({ event }) => event.kind === "StepSucceeded")?.event
      assert.deepStrictEqual(ended?.payload, { output: {} })
      yield* World.everyCut(pipeline, 1)
    })
  )
})

describe("retries", () => {
  it.live("what was decided stays decided, across cuts, with the attempts counted on", () =>
    Effect.gen(function* () {
      const { bad, calls } = bench()
      const pipeline = bad("x").pipe(Step.retry({ times: 2, base: 1 }), Pipeline.make("retries"))
      yield* World.everyCut(pipeline, 1, {
        before: () => {
          calls.length = 0
        },
        after: ({ entries, tag }) => {
          assert.strictEqual(tag, "Failed")
          assert.deepStrictEqual(pathsOf(entries, "StepFailed"), ["x", "x#2", "x#3"])
          assert.strictEqual(calls.length, 3 + pathsOf(entries, "Recovered").length)
        }
      })
    })
  )

  it.live("a schedule sees after a cut, and in a replay, the instants that it saw before", () =>
    Effect.gen(function* () {
      const { code } = bench()
      const drives: Array<Array<number>> = []
      // Its state is what it saw; it begins empty in each drive.
      const watching = Schedule.makeWithState<ReadonlyArray<number>, unknown, number>([], (now, _, seen) => {
        if (seen.length === 0) drives.push([])
        drives.at(-1)?.push(now)
        const at = now + 2
        return Effect.succeed([[...seen, now], seen.length, ScheduleDecision.continueWith(ScheduleInterval.after(at))])
      })
      const pipeline = code("flaky", (n, { attempt }) =>
        attempt < 4 ? Effect.fail(new Bad({ why: `${attempt}` })) : Effect.succeed(n)
      ).pipe(Step.retry(watching, { times: 5 }), Pipeline.make("watched"))
      let cuts = 0
      yield* World.everyCut(pipeline, 1, {
        before: () => {
          drives.length = 0
        },
        after: ({ entries }) => {
          const recorded = entries.flatMap(({ event }) => (event.kind === "RetryDecided" ? [event.data.now] : []))
          assert.strictEqual(recorded.length, 3)
          assert.isAbove(drives.length, 1, "resumed or replayed")
          // What a life saw that died before it was written is nowhere.
          const last = drives.slice(-2)
          for (const seen of last) assert.deepStrictEqual(seen, recorded.slice(0, seen.length))
          cuts += 1
        }
      })
      assert.isAbove(cuts, 5)
    })
  )

  it.live("an error that is not worth a retry is not retried, also when a person's try fails otherwise", () =>
    Effect.gen(function* () {
      let round = 0
      const pipeline = Step.make("x", {
        input: Schema.Number,
        output: Schema.Number,
        error: Schema.Union(Bad, Fatal),
        run: () =>
          Effect.suspend(
            (): Effect.Effect<never, Bad | Fatal> =>
              Effect.fail(round++ === 0 ? new Fatal({ why: "x" }) : new Bad({ why: "x" }))
          )
      }).pipe(Step.retry({ times: 3, base: 0, while: ["Bad"] }), Pipeline.make("not-worth"))
      yield* inOne(
        Effect.gen(function* () {
          const first = yield* World.start(pipeline, 1)
          assert.deepStrictEqual(pathsOf(first.entries, "StepFailed"), ["x"])
          const second = yield* World.resume(pipeline)
          assert.deepStrictEqual(pathsOf(second.entries, "StepFailed"), ["x", "x#2"])
        })
      )
    })
  )
})

describe("context", () => {
  class Report extends Pipeline.Context<Report>()("report", { topic: Schema.Number, note: Schema.Number }) {}

  it.live("a branch sees what was written before the branching and its own; merged in declared order", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const look = (name: string, delay = 0) =>
        Step.make(name, {
          input: Schema.Number,
          output: Schema.Number,
          run: (n) =>
            Effect.gen(function* () {
              if (delay > 0) yield* Effect.sleep(delay)
              const report = yield* Report
              seen.push(`${name} ${report.topic ?? "-"} ${report.note ?? "-"}`)
              return n + 1
            })
        })
      const pipeline = look("a").pipe(
        Step.sinkTo(Report, "topic"),
        Step.andThen(
          Step.parallel("both", {
            // Ends last and is declared first: the other one's write holds.
            left: look("l1", 15).pipe(Step.sinkTo(Report, "note", { reduce: "last" }), Step.andThen(look("l2"))),
            right: look("r1").pipe(
              Step.andThen(Step.fn("r", (n: number) => n * 100)),
              Step.sinkTo(Report, "note", { reduce: "last" }),
              Step.andThen(look("r2"))
            )
          })
        ),
        Step.andThen(total("sum")),
        Step.andThen(approve("wait")),
        Step.andThen(look("z")),
        Pipeline.make("context", { context: Report })
      )
      yield* World.everyCut(pipeline, 1, {
        before: () => {
          seen.length = 0
        },
        after: () => {
          assert.deepStrictEqual(Array.from(new Set(seen)).toSorted(), [
            "a - -",
            "l1 2 -",
            "l2 2 3",
            "r1 2 -",
            "r2 2 300",
            "z 2 300"
          ])
        }
      })
    })
  )
})

describe("cancel", () => {
  it.live("interrupts what runs, closes what waits, and says RunCancelled last", () =>
    Effect.gen(function* () {
      const { code, count } = bench()
      const pipeline = Step.parallel("both", {
        ask: approve("ask").pipe(Step.andThen(code("paid"))),
        busy: code("busy", () => Effect.never),
        done: code("done")
      }).pipe(Pipeline.make("cancel"))
      yield* inOne(
        Effect.gen(function* () {
          const run = yield* Effect.fork(World.start(pipeline, 1))
          while ((yield* World.openTasks).length === 0 || count("busy") === 0) yield* Effect.sleep(2)
          yield* Flujo.cancel(World.runId, "enough")
          const { entries, error, tag } = yield* Fiber.join(run)
          assert.strictEqual(tag, "Cancelled")
          assert.include(String(error), "enough")
          assert.strictEqual(lastKind(entries), "RunCancelled")
          assert.deepStrictEqual(pathsOf(entries, "StepInterrupted"), ["both/busy/busy"])
          assert.deepStrictEqual(pathsOf(entries, "TaskClosed"), ["both/ask/ask"])
          assert.deepStrictEqual(yield* World.openTasks, [])
          const ended = yield* Effect.flip(Flujo.resume(pipeline, World.runId))
          assert.propertyVal(ended, "reason", "Ended")
          assert.propertyVal(yield* Effect.flip(Flujo.cancel(World.runId, "again")), "reason", "Ended")
        })
      )
    })
  )

  it.live("of a resting run: it ends when next driven, and starts nothing, whatever was answered", () =>
    Effect.gen(function* () {
      const { code, count } = bench()
      const pipeline = Step.parallel("both", { a: approve("a"), b: approve("b") }).pipe(
        Step.andThen(total("sum")),
        Step.andThen(code("next")),
        Pipeline.make("cancel-resting")
      )
      yield* inOne(
        Effect.gen(function* () {
          yield* World.start(pipeline, 1)
          yield* World.answer("both/a/a")
          yield* World.answer("both/b/b")
          yield* Flujo.cancel(World.runId, "enough")
          const { entries, tag } = yield* World.resume(pipeline)
          assert.strictEqual(tag, "Cancelled")
          assert.strictEqual(lastKind(entries), "RunCancelled")
          assert.strictEqual(count("next"), 0)
          assert.notInclude(pathsOf(entries, "StepStarted"), "next")
        })
      )
    })
  )

  it.live("of a run that failed and was just taken up again: what had been closed is not closed twice", () =>
    Effect.gen(function* () {
      const { bad, count } = bench()
      const pipeline = Step.parallel("both", { ask: approve("go"), bad: bad("bad") }).pipe(Pipeline.make("lifted"))
      const cut = new Set<number>()
      for (let commitsMax = 0; commitsMax < 6; commitsMax++) {
        const world = World.make()
        const failed = yield* Effect.provide(World.start(pipeline, 1), world.boot())
        assert.strictEqual(failed.tag, "Failed")
        yield* Effect.exit(Effect.provide(Flujo.resume(pipeline, World.runId), world.boot({ commitsMax })))
        const { cancelled, entries, tag } = yield* Effect.provide(
          Effect.gen(function* () {
            const cancelled = yield* Effect.either(Flujo.cancel(World.runId, "enough"))
            const before = yield* World.entriesOf(World.runId)
            cut.add(before.length)
            if (Either.isLeft(cancelled)) return { cancelled, entries: before, tag: "Failed" }
            return { cancelled, ...(yield* World.resume(pipeline)) }
          }),
          world.boot()
        )
        assert.strictEqual(tag, Either.isRight(cancelled) ? "Cancelled" : "Failed", `${commitsMax}`)
        const open = pathsOf(entries, "TaskOpened")
        assert.deepStrictEqual(pathsOf(entries, "TaskClosed").toSorted(), open.toSorted(), `${commitsMax}`)
      }
      assert.isAbove(cut.size, 3, "the power went off everywhere")
      assert.isAbove(count("bad"), 6)
    })
  )
})

describe("telemetry", () => {
  it.live("with and without a tracer two journals of one run are the same", () =>
    Effect.gen(function* () {
      const spans: Array<string> = []
      const tracer = Tracer.make({
        span: (name, parent, context, links, startTime, kind) => {
          spans.push(name)
          const span: Tracer.Span = {
            _tag: "Span",
            name,
            spanId: String(spans.length),
            traceId: "1",
            parent,
            context,
            status: { _tag: "Started", startTime },
            attributes: new Map(),
            links,
            sampled: true,
            kind,
            end: () => {},
            attribute: () => {},
            event: () => {},
            addLinks: () => {}
          }
          return span
        },
        context: (f) => f()
      })
      const { code } = bench()
      const lucky = (name: string) => code(name, () => Random.nextIntBetween(0, 1_000_000))
      const pipeline = lucky("first").pipe(
        Step.andThen(
          Step.parallel("both", {
            a: lucky("a").pipe(Step.retry({ times: 1, base: 1 })),
            b: code("flaky", (n, { attempt }) =>
              attempt === 1 ? Effect.fail(new Bad({ why: "x" })) : Effect.succeed(n)
            ).pipe(Step.retry({ times: 2, base: 2 }))
          })
        ),
        Step.andThen(total("sum")),
        Step.andThen(lucky("last")),
        Pipeline.make("traced")
      )
      const run = Effect.suspend(() => Effect.withRandom(inOne(World.start(pipeline, 1)), Random.make("seed")))
      const plain = yield* run
      assert.strictEqual(spans.length, 0)
      const traced = yield* Effect.withTracer(run, tracer)
      assert.isAbove(spans.filter((name) => name === "flujo.Step.run").length, 4)
      assert.deepStrictEqual(kinds(traced.entries), kinds(plain.entries))
      assert.deepStrictEqual(events(traced.entries), events(plain.entries))
    })
  )
})
