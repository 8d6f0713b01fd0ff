/**
 * A store in memory that outlives its processes, so that crashes can be tried in one process: each `boot` is another
 * process on the same store, and the power of each may go off after a number of commits. An owner whose power went off
 * is a dead one to the next.
 */
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Entry } from "../../src/domain/Event.js"
import type { Json } from "../../src/domain/Json.js"
import * as RunId from "../../src/domain/RunId.js"
import * as StepPath from "../../src/domain/StepPath.js"
import * as Flujo from "../../src/engine/Flujo.js"
import type { Driver } from "../../src/journal/Driver.js"
import { Journal, JournalError } from "../../src/journal/Journal.js"
import * as JournalMake from "../../src/journal/JournalMake.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as ProcessIdentity from "../../src/journal/ProcessIdentity.js"
import type { Pipeline } from "../../src/pipeline/Pipeline.js"
import { isGapless, lines, logical } from "./logical.js"

export interface World {
  /** Commits that took place since the last `boot`. */
  readonly commits: () => number
  readonly boot: (options?: JournalMake.Options & { readonly commitsMax?: number }) => Layer.Layer<Journal>
}

/** `seen`: what is looked at after each commit, of whichever process. */
export const make = (seen: (driver: Driver) => Effect.Effect<void, JournalError> = () => Effect.void): World => {
  const driver = JournalMemory.makeDriver()
  let boots = 0
  let commits = 0
  return {
    commits: () => commits,
    boot: ({ commitsMax = Number.POSITIVE_INFINITY, ...options } = {}) =>
      Layer.scoped(
        Journal,
        Effect.suspend(() => {
          commits = 0
          boots += 1
          let own = 0
          const { started, ...me } = ProcessIdentity.owner(`process ${boots}`)
          // This pid, started at another time: it is gone.
          const owner = { ...me, started: started.replace(/\d+$/, String(boots)) }
          let off = false
          const whileOn = <A>(effect: Effect.Effect<A, JournalError>): Effect.Effect<A, JournalError> =>
            Effect.suspend(() => (off ? Effect.fail(powerIsOff) : effect))
          const cut: Driver = {
            ...driver,
            commit: (slices) =>
              Effect.suspend(() => {
                if (own >= commitsMax) off = true
                if (off) return Effect.fail(powerIsOff)
                own += 1
                commits += 1
                return Effect.tap(driver.commit(slices), seen(driver))
              }),
            take: (wish) => whileOn(driver.take(wish)),
            renew: (wish) => whileOn(driver.renew(wish)),
            giveBack: (lease) => whileOn(driver.giveBack(lease)),
            deliver: (letter) => whileOn(driver.deliver(letter))
          }
          return JournalMake.make(cut, { owner, mailPollMillis: 2, ...options })
        })
      )
  }
}

const powerIsOff = new JournalError({ reason: "Unavailable", where: "the world", detail: "the power is off" })

export const runId = RunId.RunId.make("the-run")

export const at = (text: string): StepPath.StepPath => Option.getOrThrow(StepPath.fromString(text))

export const entriesOf = (run: RunId.RunId): Effect.Effect<ReadonlyArray<Entry>, JournalError, Journal> =>
  Effect.flatMap(Journal, (journal) => Effect.map(Stream.runCollect(journal.read(run)), (chunk) => Array.from(chunk)))

export const openTasks: Effect.Effect<ReadonlyArray<string>, JournalError, Journal> = Effect.flatMap(
  Journal,
  (journal) => Effect.map(journal.tasks({ limit: 1000 }), (tasks) => tasks.map(({ path }) => path))
)

export type Answers = (task: StepPath.StepPath) => Json | undefined

export const yes: Answers = () => ({ approved: true })

/** How a run ended or rests, with all that was recorded; that its replay is equal is checked on the way. */
export interface Rested {
  readonly tag: "Completed" | "Suspended" | "Failed" | "Cancelled"
  readonly value: unknown
  readonly error: unknown
  readonly entries: ReadonlyArray<Entry>
}

const restOf = <A, E>(exit: Exit.Exit<Flujo.Completed<A> | Flujo.Suspended, E>) => {
  if (Exit.isSuccess(exit)) {
    return exit.value._tag === "Completed"
      ? { tag: "Completed" as const, value: exit.value.value, error: undefined }
      : { tag: "Suspended" as const, value: undefined, error: undefined }
  }
  const failure = Cause.failureOption(exit.cause)
  if (Option.isNone(failure)) throw new Error(`the run died: ${Cause.pretty(exit.cause)}`)
  const error: unknown = failure.value
  const isCancelled = typeof error === "object" && error !== null && "reason" in error && error.reason === "Cancelled"
  return { tag: isCancelled ? ("Cancelled" as const) : ("Failed" as const), value: undefined, error }
}

/** Awaits a drive of `run` and replays what it left. */
export const rested = <In, Out, E, R>(
  pipeline: Pipeline<In, Out, E, R>,
  run: RunId.RunId,
  drive: Effect.Effect<Flujo.Completed<unknown> | Flujo.Suspended, unknown, R | Journal>
): Effect.Effect<Rested, unknown, R | Journal> =>
  Effect.gen(function* () {
    const rest = restOf(yield* Effect.exit(drive))
    const entries = yield* entriesOf(run)
    assert.isTrue(isGapless(entries), "the journal has no gap")
    const replayed = yield* Effect.either(Flujo.replay(pipeline, run))
    if (Either.isLeft(replayed)) throw new Error(`replay: ${replayed.left.message}`, { cause: replayed.left })
    if (rest.tag !== "Failed" || !isTrouble(rest.error)) assert.strictEqual(replayed.right.end, rest.tag)
    return { ...rest, entries }
  })

/** The drive stopped without an end of its own. */
const isTrouble = (error: unknown): boolean =>
  typeof error === "object" &&
  error !== null &&
  "reason" in error &&
  (error.reason === "Journal" || error.reason === "Held")

export const start = <In, Out, E, R>(pipeline: Pipeline<In, Out, E, R>, input: In, options?: Flujo.RunOptions) =>
  rested(pipeline, runId, Flujo.run(pipeline, input, { runId, ...options }))

export const resume = <In, Out, E, R>(pipeline: Pipeline<In, Out, E, R>, options?: Flujo.RunOptions) =>
  rested(pipeline, runId, Flujo.resume(pipeline, runId, options))

export const answer = (task: string, value: Json = { approved: true }, by?: string) =>
  Flujo.answer(runId, at(task), value, by)

const hasEnded = Effect.flatMap(Journal, (journal) =>
  Effect.map(journal.run(runId), (row) =>
    Option.match(row, {
      onNone: () => false,
      onSome: ({ status }) => status === "completed" || status === "failed" || status === "cancelled"
    })
  )
)

/** Drives a run to its end, answering what it asks; one that has ended is left alone. */
export const finish = <In, Out, E, R>(
  pipeline: Pipeline<In, Out, E, R>,
  input: In,
  answers: Answers = yes
): Effect.Effect<Rested, unknown, R | Journal> =>
  Effect.gen(function* () {
    for (let round = 0; round < 50; round++) {
      if (yield* hasEnded) {
        const entries = yield* entriesOf(runId)
        const { end } = yield* Flujo.replay(pipeline, runId)
        return { tag: end, value: undefined, error: undefined, entries }
      }
      for (const task of yield* openTasks) {
        const value = answers(at(task))
        if (value !== undefined) yield* Effect.either(answer(task, value))
      }
      const rest = yield* start(pipeline, input)
      if (rest.tag !== "Suspended") return rest
    }
    throw new Error("the run does not come to an end")
  })

export interface Cut {
  /** How many points it was cut at. */
  readonly points: number
  readonly whole: Rested
}

/**
 * Runs a pipeline once in one go, then once for each of its commits with the power going off right after it, resumed by
 * another process; the ends and the logical events must all be the same.
 */
export const everyCut = <In, Out, E>(
  pipeline: Pipeline<In, Out, E>,
  input: In,
  options: {
    readonly answers?: Answers
    readonly before?: () => void
    readonly after?: (rested: Rested, first: ReadonlyArray<Entry>) => void
  } = {}
): Effect.Effect<Cut, unknown> =>
  Effect.gen(function* () {
    const finished = finish(pipeline, input, options.answers)
    const world = make()
    options.before?.()
    const { count, whole } = yield* Effect.provide(
      Effect.map(finished, (rested) => ({ whole: rested, count: world.commits() })),
      world.boot()
    )
    options.after?.(whole, [])
    for (let cut = 0; cut < count; cut++) {
      const other = make()
      options.before?.()
      const first = yield* Effect.provide(
        Effect.zipRight(Effect.exit(finished), entriesOf(runId)),
        other.boot({ commitsMax: cut })
      )
      const rest = yield* Effect.provide(finished, other.boot())
      const where = `cut after commit ${cut} of ${count}`
      assert.deepStrictEqual(lines(rest.entries), lines(whole.entries), where)
      assert.strictEqual(logical(rest.entries), logical(whole.entries), where)
      assert.strictEqual(rest.tag, whole.tag, where)
      assert.deepStrictEqual(rest.entries.slice(0, first.length), first, `${where}: what was written stays`)
      options.after?.(rest, first)
    }
    return { points: count, whole }
  })
