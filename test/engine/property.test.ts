/**
 * The oracle of the engine: a pipeline run in one go, cut at any entry and rebuilt from the journal, or replayed, is the
 * same (non-life events by logical key, without clock fields), and what was done is not done again.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Entry } from "../../src/domain/Event.js"
import * as Event from "../../src/domain/Event.js"
import type { Json } from "../../src/domain/Json.js"
import { canonical } from "../../src/domain/Json.js"
import { RunId } from "../../src/domain/RunId.js"
import type * as StepPath from "../../src/domain/StepPath.js"
import * as Flujo from "../../src/engine/Flujo.js"
import type { Driver } from "../../src/journal/Driver.js"
import { Journal } from "../../src/journal/Journal.js"
import * as JournalMake from "../../src/journal/JournalMake.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import { answersOfCache, type Generated, generate, hash, numbers } from "./generated.js"

const run = RunId.make("r")
const long = process.env.FLUJO_LONG === "1"
const pipelines = long ? 20_000 : 1_000
const cutsPerPipeline = long ? 8 : 3
const firstSeed = long ? hash(String(process.pid)) % 1_000_000 : 1

/** Whoever drove before is dead: its process does not exist. */
let owners = 0
const withJournal = <A, E>(driver: Driver, effect: Effect.Effect<A, E, Journal>): Effect.Effect<A, E> =>
  Effect.scoped(
    Effect.gen(function* () {
      const owner = { id: `owner ${owners++}`, host: "nowhere", pid: 1, started: String(owners) }
      const journal = yield* JournalMake.make(answersOfCache(driver), { owner, leaseMillis: 15_000 })
      return yield* Effect.provideService(effect, Journal, journal)
    })
  )

interface Ended {
  readonly outcome: string
  readonly entries: ReadonlyArray<Entry>
}

/** Runs to the end; whenever the run rests, answers one of the tasks that it waits for. */
const toEnd = ({ pipeline }: Generated) =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const known = yield* journal.run(run)
    let isNew = Option.isNone(known)
    for (let rests = 0; rests < 400; rests++) {
      const exit: Exit.Exit<Flujo.Completed<number> | Flujo.Suspended, unknown> = yield* Effect.exit(
        isNew ? Flujo.run(pipeline, 1, { runId: run }) : Flujo.resume(pipeline, run)
      )
      isNew = false
      if (Exit.isSuccess(exit) && exit.value._tag === "Suspended") {
        const waits = exit.value.waits.filter((wait) => wait._tag === "Task" || wait._tag === "Signal")
        const [wait] = waits.sort((a, b) => hash(a.path) - hash(b.path))
        if (wait!._tag === "Signal") {
          yield* Flujo.signal(run, wait!.signal, hash(wait!.signal) % 100, { id: `${rests} ${Math.random()}` })
        } else {
          const task = wait!.path
          yield* Flujo.answer(run, task, answerTo(task, yield* journal.read(run).pipe(Stream.runCollect)))
        }
        continue
      }
      const entries = Array.from(yield* Stream.runCollect(journal.read(run)))
      const outcome = Exit.isSuccess(exit) ? canonical(exit.value as unknown as Json) : Cause.pretty(exit.cause)
      return { outcome, entries } satisfies Ended as Ended
    }
    return yield* Effect.dieMessage("it never came to an end")
  })

const answerTo = (task: StepPath.StepPath, entries: Iterable<Entry>): Json => {
  const h = hash(task)
  for (const { event } of entries) {
    if (event.kind === "TaskOpened" && event.path === task && event.data.task === "ask") return h % 100
  }
  return h % 5 === 0 ? { approved: false, reason: "no" } : { approved: true }
}

/** Two executions are the same if this is equal (core rule 2). */
const logical = (entries: ReadonlyArray<Entry>): ReadonlyArray<string> =>
  entries
    .filter(({ event }) => !Event.kinds[event.kind].life)
    .map(({ event }) => {
      const data = Event.comparable(event.kind, event.data as never)
      return `${Event.key(event.path, event.kind, event.ordinal)} ${canonical(data)} ${canonical(event.payload as never)}`
    })
    .sort()

/** A store that holds the first `count` entries of `from`, as a process that died just then leaves it. */
const cutAt = (from: Driver, count: number) =>
  Effect.gen(function* () {
    const driver = JournalMemory.makeDriver()
    const rows = yield* from.select({ run, from: 0, limit: count })
    const entries = yield* withJournal(
      from,
      Effect.flatMap(Journal, (journal) => Stream.runCollect(Stream.take(journal.read(run), count)))
    )
    const { changes } = yield* Effect.promise(() => import("../../src/journal/RunIndex.js"))
    const [first] = Array.from(entries)
    const digest = first!.event.kind === "RunStarted" ? first!.event.data.plan : (undefined as never)
    yield* driver.commit([
      {
        run,
        epoch: 1,
        acquire: {
          owner: { id: "dead", host: "nowhere", pid: 1, started: "" },
          expiresAt: 0,
          key: new Uint8Array(32),
          plan: { digest, json: "{}" }
        },
        rows: rows.slice(0, count),
        roots: [],
        blobs: [],
        letters: [],
        changes: Array.from(entries).flatMap((entry) => changes(entry)),
        rest: undefined
      }
    ])
    return driver
  })

const finished = (entries: ReadonlyArray<Entry>): ReadonlySet<string> =>
  new Set(
    entries.flatMap(({ event }) => (event.kind === "StepSucceeded" || event.kind === "StepFailed" ? [event.path] : []))
  )

const answeredCalls = (entries: ReadonlyArray<Entry>): ReadonlySet<string> =>
  new Set(entries.flatMap(({ event }) => (event.kind === "Answered" ? [event.path] : [])))

const starts: ReadonlySet<string> = new Set([
  "StepStarted",
  "TaskOpened",
  "TaskAnswered",
  "SignalAwaited",
  "SignalTaken"
])

/** Steps that started below a composite after it was closed. */
const startedBelowClosed = (entries: ReadonlyArray<Entry>): ReadonlyArray<string> => {
  const closed: Array<StepPath.StepPath> = []
  const late: Array<string> = []
  for (const { event } of entries) {
    if (event.kind === "Closed") closed.push(event.path)
    // What is undone is, wherever it stands.
    if (!starts.has(event.kind) || event.path.includes("!undo")) continue
    const by = closed.find((path) => event.path.startsWith(`${path}/`) || event.path.startsWith(`${path}[`))
    if (by !== undefined) late.push(`${event.kind} ${event.path} below ${by}`)
  }
  return late
}

const check = (seed: number) =>
  Effect.gen(function* () {
    const generated = generate(seed)
    const { effects, pipeline } = generated
    const driver = JournalMemory.makeDriver()
    const whole = yield* withJournal(driver, toEnd(generated))
    const want = logical(whole.entries)
    const about = `seed ${seed}`
    assert.deepStrictEqual(startedBelowClosed(whole.entries), [], about)
    yield* withJournal(driver, Flujo.replay(pipeline, run))

    const next = numbers(seed + 7919)
    for (let cut = 0; cut < cutsPerPipeline; cut++) {
      const count = 1 + next(whole.entries.length - 1)
      const where = `${about}, cut after ${count} of ${whole.entries.length} entries`
      const cutDriver = yield* cutAt(driver, count)
      const before = whole.entries.slice(0, count)
      effects.steps.length = 0
      effects.calls.length = 0
      const again = yield* withJournal(cutDriver, toEnd(generated))
      assert.strictEqual(again.outcome, whole.outcome, where)
      assert.deepStrictEqual(logical(again.entries), want, where)
      const done = finished(before)
      assert.deepStrictEqual(
        effects.steps.filter((path) => done.has(path)),
        [],
        `${where}: finished steps ran again`
      )
      const answered = answeredCalls(before)
      assert.deepStrictEqual(
        effects.calls.filter((path) => answered.has(path)),
        [],
        `${where}: answered calls were made again`
      )
      assert.deepStrictEqual(startedBelowClosed(again.entries), [], where)
      yield* withJournal(cutDriver, Flujo.replay(pipeline, run))
    }
    return { entries: whole.entries.length, failed: whole.outcome.includes('"Completed"') ? 0 : 1 }
  })

describe("generated pipelines", () => {
  it.live(
    `run in one go, cut and rebuilt at random entries, or replayed: the same (${pipelines} pipelines from seed ${firstSeed})`,
    () =>
      Effect.gen(function* () {
        const results = yield* Effect.forEach(
          Array.from({ length: pipelines }, (_, i) => firstSeed + i),
          check,
          { concurrency: 16 }
        ).pipe(Logger.withMinimumLogLevel(LogLevel.None))
        const entries = results.reduce((sum, one) => sum + one.entries, 0)
        const failed = results.reduce((sum, one) => sum + one.failed, 0)
        console.log(
          `${pipelines} pipelines, ${failed} of them fail, ${entries} entries, ${pipelines * cutsPerPipeline} cuts`
        )
        // The generator is worth something only if both ends of a run are common.
        assert.isAbove(failed, pipelines / 10)
        assert.isBelow(failed, (pipelines * 9) / 10)
      }),
    long ? 7_200_000 : 900_000
  )
})
