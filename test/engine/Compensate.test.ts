/** Undos: which run, in which order, on what; that a process may die at any of them; what becomes of those that fail. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Entry } from "../../src/domain/Event.js"
import { RunId } from "../../src/domain/RunId.js"
import * as StepPath from "../../src/domain/StepPath.js"
import * as Flujo from "../../src/engine/Flujo.js"
import * as Render from "../../src/lens/Render.js"
import * as RunSummary from "../../src/lens/RunSummary.js"
import * as Trace from "../../src/lens/Trace.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Plan from "../../src/plan/Plan.js"
import * as Redaction from "../../src/redaction/Redaction.js"
import * as World from "../gate/world.js"

class Refused extends Schema.TaggedError<Refused>()("Refused", { by: Schema.String }) {}

const Undone = Schema.Struct({ input: Schema.String, output: Schema.String })

/** A small shop: what it did, in order, with the idempotency key of each. */
const shop = () => {
  const done: Array<string> = []
  const keys: Array<string> = []
  const broken = new Set<string>()
  const act = (name: string) =>
    Step.make(name, {
      input: Schema.String,
      output: Schema.String,
      error: Refused,
      run: (input, { idempotencyKey }) =>
        Effect.suspend(() => {
          done.push(`${name} ${input}`)
          keys.push(`${name} ${idempotencyKey}`)
          return broken.has(name) ? Effect.fail(new Refused({ by: name })) : Effect.succeed(`${input}+${name}`)
        })
    })
  const back = (name: string) =>
    Step.make(name, {
      input: Undone,
      output: Schema.String,
      error: Refused,
      run: ({ input, output }, { idempotencyKey }) =>
        Effect.suspend(() => {
          done.push(`${name} ${input}>${output}`)
          keys.push(`${name} ${idempotencyKey}`)
          return broken.has(name) ? Effect.fail(new Refused({ by: name })) : Effect.succeed(name)
        })
    })
  const order = act("book").pipe(
    Step.compensate(back("release")),
    Step.andThen(act("charge").pipe(Step.compensate(back("refund")))),
    Step.andThen(act("note")),
    Step.andThen(act("ship")),
    Pipeline.make("order")
  )
  return { act, back, broken, done, keys, order }
}

const quiet = Effect.provide(Logger.remove(Logger.defaultLogger))
const here = <A, E>(effect: Effect.Effect<A, E, Layer.Layer.Success<ReturnType<World.World["boot"]>>>) =>
  Effect.provide(effect, World.make().boot()).pipe(quiet)
const kindsOf = (entries: ReadonlyArray<Entry>) => entries.map(({ event }) => `${event.kind} ${event.path}`.trim())
const summary = (entries: ReadonlyArray<Entry>) => RunSummary.make(entries, { held: false })
const plain = { verbose: false, redaction: Redaction.make(), color: false, width: 200, previewLength: 200 }

describe("steps that can be undone", () => {
  it.live("are undone, the last first, where the run fails; each is given what its step was given and answered", () =>
    Effect.gen(function* () {
      const { broken, done, order } = shop()
      broken.add("ship")
      const { entries, error, tag } = yield* World.start(order, "x")
      assert.strictEqual(tag, "Failed")
      assert.deepStrictEqual(error, new Refused({ by: "ship" }))
      assert.deepStrictEqual(done.slice(3), [
        "ship x+book+charge+note",
        "refund x+book>x+book+charge",
        "release x>x+book"
      ])
      assert.strictEqual(entries.at(-1)?.event.kind, "RunFailed")
      assert.strictEqual(summary(entries).undone, 2)
    }).pipe(here)
  )

  it.live("stay as they are where the run completes", () =>
    Effect.gen(function* () {
      const { done, order } = shop()
      const { entries, tag } = yield* World.start(order, "x")
      assert.strictEqual(tag, "Completed")
      assert.strictEqual(done.length, 4)
      assert.deepStrictEqual(
        Trace.make(entries, { held: false }).root.children.flatMap(({ children }) => children),
        []
      )
    }).pipe(here)
  )

  it.live("a failure that something else stands in for undoes nothing", () =>
    Effect.gen(function* () {
      const { act, back, broken, done } = shop()
      broken.add("ship")
      const order = act("book").pipe(
        Step.compensate(back("release")),
        Step.andThen(act("ship")),
        Step.named("all"),
        Step.fallback(act("other")),
        Pipeline.make("order")
      )
      assert.strictEqual((yield* World.start(order, "x")).tag, "Completed")
      assert.deepStrictEqual(done, ["book x", "ship x+book", "other x"])
    }).pipe(here)
  )

  it.live("in the order in which they ended, which in branches is not the declared one", () =>
    Effect.gen(function* () {
      const { act, back, broken, done } = shop()
      broken.add("ship")
      const slow = Step.sleep<string>("rest", 20).pipe(Step.andThen(act("slow")), Step.named("late"))
      const order = Step.parallel("both", {
        a: slow.pipe(Step.compensate(back("unslow"))),
        b: act("fast").pipe(Step.compensate(back("unfast")))
      }).pipe(Step.andThen(Step.fn("join", () => "joined")), Step.andThen(act("ship")), Pipeline.make("order"))
      yield* World.start(order, "x")
      assert.deepStrictEqual(done.slice(3), ["unslow x>x+slow", "unfast x>x+fast"])
    }).pipe(here)
  )

  it.live("every attempt, iteration and item that ended well is undone by itself", () =>
    Effect.gen(function* () {
      const { act, back, broken, done } = shop()
      broken.add("ship")
      const twice = act("book").pipe(
        Step.compensate(back("release")),
        Step.andThen(act("ship")),
        Step.named("all"),
        Step.retry({ times: 1, base: 0 })
      )
      const { entries } = yield* World.start(twice.pipe(Pipeline.make("order")), "x")
      assert.strictEqual(done.filter((one) => one.startsWith("release")).length, 2)
      const undone = entries.flatMap(({ event }) => (event.kind === "Undone" ? [event.path as string] : []))
      assert.deepStrictEqual(undone, ["all#2/book!undo", "all/book!undo"])
    }).pipe(here)
  )

  it.live("a cancelled run takes back what ended well, and says last that it was cancelled", () =>
    Effect.gen(function* () {
      const { act, back, done } = shop()
      const order = act("book").pipe(
        Step.compensate(back("release")),
        Step.andThen(Step.approve<string>("sure", { message: "Sure?" })),
        Step.andThen(act("ship")),
        Pipeline.make("order")
      )
      assert.strictEqual((yield* World.start(order, "x")).tag, "Suspended")
      yield* Flujo.cancel(World.runId, "no more")
      const { entries, tag } = yield* World.resume(order)
      assert.strictEqual(tag, "Cancelled")
      assert.deepStrictEqual(done, ["book x", "release x>x+book"])
      assert.deepStrictEqual(kindsOf(entries).slice(-6), [
        "TaskClosed sure",
        "RunCancelling",
        "StepStarted book!undo/release",
        "StepSucceeded book!undo/release",
        "Undone book!undo",
        "RunCancelled"
      ])
      assert.deepStrictEqual(summary(entries).cancelled, Option.some("no more"))
      const again = yield* Effect.flip(Flujo.resume(order, World.runId))
      assert.include(String(again), "it was cancelled")
    }).pipe(here)
  )

  it.live("wherever the process dies, the rest is undone, and nothing that was undone is undone again", () =>
    Effect.gen(function* () {
      const { broken, done, keys, order } = shop()
      broken.add("ship")
      const forEach = (entries: ReadonlyArray<Entry>) =>
        new Set(entries.flatMap(({ event }) => (event.kind === "StepSucceeded" ? [StepPath.nameOf(event.path)] : [])))
      const cut = yield* World.everyCut(order, "x", {
        before: () => {
          done.length = 0
          keys.length = 0
        },
        after: (_, first) => {
          const before = forEach(first)
          const ran = done.map((one) => one.split(" ")[0]!)
          for (const name of ["refund", "release"]) {
            const count = ran.filter((one) => one === name).length
            assert.isAtLeast(count, 1, name)
            assert.isAtMost(count, before.has(name) ? 1 : 2, name)
            assert.strictEqual(new Set(keys.filter((key) => key.startsWith(name))).size, 1, name)
          }
        }
      })
      assert.isAbove(cut.points, 6)
      assert.strictEqual(cut.whole.tag, "Failed")
    }).pipe(quiet)
  )

  it.live("an undo that fails is told of, keeps no other back, and is no reason why the run failed", () =>
    Effect.gen(function* () {
      const { broken, done, order } = shop()
      broken.add("ship").add("refund")
      const { entries, error } = yield* World.start(order, "x")
      assert.deepStrictEqual(error, new Refused({ by: "ship" }))
      assert.strictEqual(done.at(-1), "release x>x+book")
      const { undoFailures, undone } = summary(entries)
      assert.strictEqual(undone, 1)
      assert.deepStrictEqual(undoFailures, [{ path: World.at("charge"), error: { _tag: "Refused", by: "refund" } }])
      const shown = Render.summary(summary(entries), plain).join("\n")
      assert.include(shown, "not undone charge: Refused")
      const traced = Render.trace(Trace.make(entries, { held: false }), plain).join("\n")
      assert.match(traced, /✓ charge.*\n.*✗ !undo/)
      assert.match(traced, /✓ book.*\n.*✓ !undo/)
    }).pipe(here)
  )

  it.live("an undo that failed is tried again when the run is resumed, and only that", () =>
    Effect.gen(function* () {
      const { broken, done, order } = shop()
      broken.add("ship").add("refund")
      yield* World.start(order, "x")
      broken.clear()
      done.length = 0
      const { entries, error, tag } = yield* World.resume(order)
      assert.strictEqual(tag, "Failed")
      assert.deepStrictEqual(error, new Refused({ by: "ship" }))
      assert.deepStrictEqual(done, ["refund x+book>x+book+charge"])
      assert.deepStrictEqual(summary(entries).undoFailures, [])
      assert.strictEqual(summary(entries).undone, 2)
      const again = yield* Effect.flip(Flujo.resume(order, World.runId))
      assert.include(String(again), "what it had done was undone")
    }).pipe(here)
  )

  it.live("an undo may wait for a person, and the run ends after that", () =>
    Effect.gen(function* () {
      const { act, back, broken, done } = shop()
      broken.add("ship")
      const order = act("book").pipe(
        Step.compensate(
          Step.approve<Step.Undoable<string, string>>("ask", { message: "Release?" }).pipe(
            Step.andThen(back("release"))
          )
        ),
        Step.andThen(act("ship")),
        Pipeline.make("order")
      )
      const rest = yield* World.start(order, "x")
      assert.strictEqual(rest.tag, "Suspended")
      assert.deepStrictEqual(yield* World.openTasks, ["book!undo/ask"])
      yield* World.answer("book!undo/ask")
      assert.strictEqual((yield* World.resume(order)).tag, "Failed")
      assert.strictEqual(done.at(-1), "release x>x+book")
    }).pipe(here)
  )

  it.live("a cancelled run may wait in an undo, too, and is cancelled once that is over", () =>
    Effect.gen(function* () {
      const { act } = shop()
      const ask = Step.approve<Step.Undoable<string, string>>("ask", { message: "Release?" })
      const order = act("book").pipe(
        Step.compensate(ask),
        Step.andThen(Step.approve<string>("sure", { message: "Sure?" })),
        Pipeline.make("order")
      )
      yield* World.start(order, "x")
      yield* Flujo.cancel(World.runId, "no")
      assert.strictEqual((yield* World.resume(order)).tag, "Suspended")
      yield* Flujo.cancel(World.runId, "once more")
      assert.strictEqual((yield* World.resume(order)).tag, "Suspended")
      yield* World.answer("book!undo/ask")
      const { entries, tag } = yield* World.resume(order)
      assert.strictEqual(tag, "Cancelled")
      assert.deepStrictEqual(summary(entries).cancelled, Option.some("no"))
    }).pipe(here)
  )

  it.live("a fork leaves what its parent did to its parent, and begins at no step that was taken back", () =>
    Effect.gen(function* () {
      const { broken, done, order } = shop()
      yield* World.start(order, "x")
      broken.add("ship")
      done.length = 0
      const run = RunId.make("the-fork")
      const forked = yield* Effect.either(Flujo.fork(order, World.runId, { from: World.at("charge"), runId: run }))
      assert.isTrue(Either.isLeft(forked))
      assert.deepStrictEqual(
        done.map((one) => one.split(" ")[0]),
        ["charge", "note", "ship", "refund"]
      )
      yield* Flujo.replay(order, run)
      // In the fork the charge was taken back, the booking is its parent's.
      const late = yield* Effect.flip(Flujo.fork(order, run, { from: World.at("ship") }))
      assert.include(String(late), "charge was undone there")
      const within = yield* Effect.flip(Flujo.fork(order, run, { from: World.at("charge!undo/refund") }))
      assert.include(String(within), "a fork cannot begin where steps are undone")
    }).pipe(here)
  )

  it("an undo has no undo, a step has one, and one that may be skipped has it inside of its condition", () => {
    const { act, back } = shop()
    const undo = back("b").pipe(Step.compensate(Step.fn("c", () => 1)))
    const wrong = [
      act("a").pipe(Step.compensate(undo)),
      act("a").pipe(Step.compensate(back("b")), Step.compensate(back("c"))),
      act("a").pipe(
        Step.when(() => true),
        Step.compensate(back("b"))
      )
    ]
    for (const step of wrong) {
      const plan = Plan.make(step.pipe(Pipeline.make("p")))
      assert.deepStrictEqual(
        Plan.errors(plan).map(({ code }) => code),
        ["FLJ-PLAN-13"]
      )
    }
  })
})
