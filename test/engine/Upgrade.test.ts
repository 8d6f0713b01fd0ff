/** Runs that go on with another version of their pipeline: what that changes, what it does not, and who is refused. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Option, Schema, Stream } from "effect"
import type { RunId } from "../../src/domain/RunId.js"
import type { StepPath } from "../../src/domain/StepPath.js"
import * as Flujo from "../../src/engine/Flujo.js"
import type { RunError } from "../../src/engine/RunError.js"
import { Journal } from "../../src/journal/Journal.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as LedgerFile from "../../src/journal/LedgerFile.js"
import * as RunSummary from "../../src/lens/RunSummary.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Plan from "../../src/plan/Plan.js"
import * as Fixture from "../../src/testing/Fixture.js"
import * as Runs from "../lens/Runs.js"
import { cutAt, run as cutRun, withJournal } from "./driven.js"

const at = (path: string) => path as StepPath
const number = { input: Schema.Number, output: Schema.Number }

const ran: Array<string> = []
const code = (name: string, f: (n: number) => number) =>
  Step.make(name, {
    ...number,
    run: (n) =>
      Effect.sync(() => {
        ran.push(name)
        return f(n)
      })
  })
const first = code("first", (n) => n + 1)
const review = Step.approve("review", { message: (n: number) => `Go on with ${n}?` })
const sign = Step.approve("sign", { message: (n: number) => `Sign ${n}?` })
const last = code("last", (n) => n - 1)
const named = Pipeline.make("numbers")

const one = first.pipe(Step.andThen(review), Step.andThen(last), named)
/** As `one`, and then asks again. */
const two = first.pipe(Step.andThen(review), Step.andThen(last), Step.andThen(sign), named)
const three = first.pipe(
  Step.andThen(review),
  Step.andThen(last),
  Step.andThen(sign),
  Step.andThen(code("more", (n) => n * 10)),
  named
)
const other = code("start", (n) => n).pipe(Step.andThen(review), named)

const begun = Effect.map(Runs.run(one, 1, { sources: [{ path: "one.yaml", text: "one" }] }), ({ runId }) => {
  ran.length = 0
  return runId
})

const yes = (run: RunId, task: string) => Flujo.answer(run, at(task), { approved: true })

const refused = <Out, E, R>(pipeline: Pipeline.Pipeline<number, Out, E, R>, run: RunId) =>
  Effect.gen(function* () {
    const before = yield* Runs.entriesOf(run)
    const error = yield* Effect.flip(Flujo.resume(pipeline, run, { upgrade: true }))
    assert.deepStrictEqual(yield* Runs.entriesOf(run), before)
    return error as RunError
  })

const scoped = <A, E>(name: string, effect: Effect.Effect<A, E, Journal>) =>
  it.effect(name, () => Effect.provide(effect, JournalMemory.layerMemory))

describe("an upgraded run", () => {
  scoped(
    "goes on by the new version, and does nothing again",
    Effect.gen(function* () {
      const run = yield* begun
      yield* yes(run, "review")
      const sources = [{ path: "two.yaml", text: "two" }]
      const rested = yield* Flujo.resume(two, run, { upgrade: true, sources })
      assert.strictEqual(rested._tag, "Suspended")
      assert.deepStrictEqual(ran, ["last"])
      // The new version is what it is resumed, replayed and shown by; the old one is no more.
      assert.propertyVal(yield* Effect.flip(Flujo.resume(one, run)), "reason", "Changed")
      assert.propertyVal(yield* Effect.flip(Flujo.replay(one, run)), "reason", "Changed")
      yield* Flujo.replay(two, run)
      yield* yes(run, "sign")
      assert.propertyVal(yield* Flujo.resume(two, run), "value", 1)
      yield* Flujo.replay(two, run)
      yield* Flujo.replay(two, run, { until: at("first") })
      const entries = yield* Runs.entriesOf(run)
      const journal = yield* Journal
      const plan = Plan.make(two).digest
      assert.propertyVal(Option.getOrThrow(yield* journal.run(run)), "plan", plan)
      assert.deepInclude(RunSummary.make(entries, { held: false }), { plan, upgrades: 1 })
      assert.deepStrictEqual(yield* Fixture.sourcesOf(journal, run), sources)
      // What is told of many runs follows from the entries.
      assert.strictEqual(yield* journal.rebuild, 0)
      // `run` under its id is the run.
      assert.propertyVal(yield* Effect.flip(Flujo.run(one, 1, { runId: run })), "reason", "Exists")
      assert.propertyVal(yield* Effect.flip(Flujo.run(two, 1, { runId: run })), "reason", "Ended")
    })
  )

  scoped(
    "can be upgraded again, and to the version that it has, which changes nothing",
    Effect.gen(function* () {
      const run = yield* begun
      yield* Flujo.resume(two, run, { upgrade: true })
      const before = yield* Runs.entriesOf(run)
      yield* Flujo.resume(two, run, { upgrade: true })
      const added = (yield* Runs.entriesOf(run)).slice(before.length).map(({ event }) => event.data)
      assert.isFalse(added.some((data) => "plan" in data))
      yield* yes(run, "review")
      yield* yes(run, "sign").pipe(Effect.ignore)
      yield* Flujo.resume(three, run, { upgrade: true })
      yield* yes(run, "sign")
      assert.propertyVal(yield* Flujo.resume(three, run), "value", 10)
      yield* Flujo.replay(three, run)
      assert.strictEqual(RunSummary.make(yield* Runs.entriesOf(run), { held: false }).upgrades, 2)
    })
  )

  scoped(
    "is forked by the version that it goes by, before and after it was upgraded",
    Effect.gen(function* () {
      const run = yield* begun
      yield* yes(run, "review")
      yield* Flujo.resume(two, run, { upgrade: true, sources: [{ path: "two.yaml", text: "two" }] })
      yield* yes(run, "sign")
      yield* Flujo.resume(two, run)
      for (const from of ["first", "last", "sign"]) {
        const { run: fork } = yield* Flujo.fork(two, run, { from: at(from) })
        if (from === "first") yield* yes(fork, "review")
        if (from === "first") yield* Flujo.resume(two, fork)
        yield* yes(fork, "sign")
        assert.propertyVal(yield* Flujo.resume(two, fork), "value", 1)
        yield* Flujo.replay(two, fork)
        assert.deepStrictEqual(yield* Fixture.sourcesOf(yield* Journal, fork), [{ path: "two.yaml", text: "two" }])
      }
    })
  )

  scoped(
    "is exported with both of its plans, and replayed elsewhere",
    Effect.gen(function* () {
      const run = yield* begun
      yield* yes(run, "review")
      yield* Flujo.resume(two, run, { upgrade: true })
      const written = Either.getOrThrowWith(yield* LedgerFile.write(yield* Journal, run), (bad) => new Error(bad.why))
      const bytes = Stream.encodeText(written.text)
      const copy = Either.getOrThrowWith(yield* LedgerFile.read(bytes), ({ found }) => new Error(JSON.stringify(found)))
      assert.deepStrictEqual(
        copy.plans.map(({ digest }) => digest),
        [Plan.make(one).digest, Plan.make(two).digest]
      )
      const there = yield* Fixture.open(copy)
      yield* Effect.provideService(Flujo.replay(two, run), Journal, there)
      yield* Effect.provideService(Effect.zipRight(yes(run, "sign"), Flujo.resume(two, run)), Journal, there)
    }).pipe(Effect.scoped)
  )

  it.effect("that was cut right after it was upgraded goes on by the new version", () =>
    Effect.gen(function* () {
      const driver = JournalMemory.makeDriver()
      const entries = yield* withJournal(
        driver,
        Effect.gen(function* () {
          yield* Flujo.run(one, 1, { runId: cutRun })
          yield* yes(cutRun, "review")
          yield* Flujo.resume(two, cutRun, { upgrade: true })
          return yield* Runs.entriesOf(cutRun)
        })
      )
      const upgraded = entries.findIndex(({ event }) => event.kind === "RunResumed")
      const before = yield* cutAt(driver, upgraded)
      yield* withJournal(before, Effect.zipRight(yes(cutRun, "review"), Flujo.resume(one, cutRun)))
      const after = yield* cutAt(driver, upgraded + 1)
      assert.propertyVal(yield* withJournal(after, Effect.flip(Flujo.resume(one, cutRun))), "reason", "Changed")
      yield* withJournal(after, Effect.zipRight(yes(cutRun, "review"), Flujo.resume(two, cutRun)))
      yield* withJournal(after, Flujo.replay(two, cutRun))
    })
  )

  scoped(
    "that failed tries again what failed, by the version that mends it",
    Effect.gen(function* () {
      const broken = first.pipe(
        Step.andThen(Step.withInput("{{ 80 // (previous_step - 2) }}")(Step.pass<number>("sum"))),
        named
      )
      const mended = first.pipe(
        Step.andThen(Step.withInput("{{ previous_step + 40 }}")(Step.pass<number>("sum"))),
        named
      )
      const { exit, runId } = yield* Runs.run(broken, 1)
      assert.strictEqual(exit._tag, "Failure")
      ran.length = 0
      assert.propertyVal(yield* Flujo.resume(mended, runId, { upgrade: true }), "value", 42)
      assert.deepStrictEqual(ran, [])
      yield* Flujo.replay(mended, runId)
    })
  )
})

describe("an upgrade is refused, and nothing changes", () => {
  scoped(
    "where the new version does otherwise what is recorded, with the step and the field",
    Effect.gen(function* () {
      const run = yield* begun
      assert.deepInclude(yield* refused(other, run), { reason: "Upgrade", path: "first" })
      const asks = first.pipe(Step.andThen(Step.approve("review", { message: (n: number) => `Really ${n}?` })), named)
      const error = yield* refused(asks, run)
      assert.deepInclude(error, { reason: "Upgrade", path: "review", field: "/payload/message" })
      assert.include(error.detail, 'recorded "Go on with 2?", now "Really 2?"')
      yield* yes(run, "review")
      assert.propertyVal(yield* Flujo.resume(one, run), "value", 1)
    })
  )

  scoped(
    "where it is another pipeline, has findings, or the run has ended or is nowhere",
    Effect.gen(function* () {
      const run = yield* begun
      const elsewhere = first.pipe(Step.andThen(review), Step.andThen(last), Pipeline.make("elsewhere"))
      assert.include((yield* refused(elsewhere, run)).detail, "is called elsewhere")
      assert.propertyVal(yield* refused(first.pipe(Step.andThen(first), named), run), "reason", "Plan")
      yield* yes(run, "review")
      yield* Flujo.resume(one, run)
      assert.propertyVal(yield* refused(two, run), "reason", "Ended")
      assert.propertyVal(yield* Effect.flip(Flujo.resume(two, "none" as RunId, { upgrade: true })), "reason", "Unknown")
    })
  )

  scoped(
    "where steps would have limits, and what the run spent is not known",
    Effect.gen(function* () {
      const run = yield* begun
      const capped = first.pipe(
        Step.andThen(review),
        Step.andThen(last.pipe(Step.usageLimits({ maxTokens: 10 }))),
        named
      )
      assert.include((yield* refused(capped, run)).detail, "without any limit")
    })
  )

  it.effect("where somebody drives the run", () =>
    Effect.gen(function* () {
      const driver = JournalMemory.makeDriver()
      const owner = { id: "other", host: "elsewhere", pid: 1, started: "" }
      yield* withJournal(driver, Flujo.run(one, 1, { runId: cutRun }))
      const lease = yield* driver.lease(cutRun)
      yield* driver.take({ run: cutRun, seen: lease!, owner, expiresAt: 8_640_000_000_000_000 })
      const error = yield* withJournal(driver, Effect.flip(Flujo.resume(two, cutRun, { upgrade: true })))
      assert.propertyVal(error, "reason", "Held")
      assert.deepStrictEqual(yield* driver.plan(Plan.make(two).digest), undefined)
    })
  )
})
