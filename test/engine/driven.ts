/**
 * What the property tests of the engine share: a run that is driven to its end whatever it waits for, a store that is cut
 * as a process leaves it that dies, and what of two executions is compared.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
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
import { answersOfCache, type Generated, hash } from "./generated.js"

export const run = RunId.make("r")

/** Whoever drove before is dead: its process does not exist. */
let owners = 0
export const withJournal = <A, E>(driver: Driver, effect: Effect.Effect<A, E, Journal>): Effect.Effect<A, E> =>
  Effect.scoped(
    Effect.gen(function* () {
      const owner = { id: `owner ${owners++}`, host: "nowhere", pid: 1, started: String(owners) }
      const journal = yield* JournalMake.make(answersOfCache(driver), { owner, leaseMillis: 15_000 })
      return yield* Effect.provideService(effect, Journal, journal)
    })
  )

export interface Ended {
  readonly outcome: string
  readonly entries: ReadonlyArray<Entry>
}

/** Runs to the end; whenever the run rests, answers one of the tasks that it waits for. */
export const toEnd = ({ pipeline }: Generated) =>
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
        if (wait === undefined) return yield* Effect.dieMessage(`nobody can answer ${JSON.stringify(exit.value.waits)}`)
        if (wait._tag === "Signal") {
          yield* Flujo.signal(run, wait.signal, hash(wait.signal) % 100, { id: `${rests} ${Math.random()}` })
        } else {
          const task = wait.path
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
export const logical = (entries: ReadonlyArray<Entry>): ReadonlyArray<string> =>
  entries
    .filter(({ event }) => !Event.kinds[event.kind].life)
    .map(({ event }) => {
      const data = Event.comparable(event.kind, event.data as never)
      return `${Event.key(event.path, event.kind, event.ordinal)} ${canonical(data)} ${canonical(event.payload as never)}`
    })
    .sort()

/** A store that holds the first `count` entries of `from`, as a process that died just then leaves it. */
export const cutAt = (from: Driver, count: number) =>
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

export const finished = (entries: ReadonlyArray<Entry>): ReadonlySet<string> =>
  new Set(
    entries.flatMap(({ event }) => (event.kind === "StepSucceeded" || event.kind === "StepFailed" ? [event.path] : []))
  )

export const answeredCalls = (entries: ReadonlyArray<Entry>): ReadonlySet<string> =>
  new Set(entries.flatMap(({ event }) => (event.kind === "Answered" ? [event.path] : [])))
