/**
 * Drives an owned run until it ends or rests: walks, takes letters, sleeps through short waits and parks at long ones.
 * What ends it early (a cancellation, a divergence, a journal that cannot be written) comes from outside the walk.
 */
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Tracer from "effect/Tracer"
import type { Entry, EventOf, Wait } from "../domain/Event.js"
import * as StepPath from "../domain/StepPath.js"
import type { Version } from "../domain/Version.js"
import type { TemplateError, UndefinedVariables } from "../expression/Template.js"
import type { Journal, JournalError, OwnedRun } from "../journal/Journal.js"
import type { ContextSpec, Node } from "../pipeline/Node.js"
import * as Attributes from "../telemetry/Attributes.js"
import * as Cache from "./Cache.js"
import * as Compensate from "./Compensate.js"
import { closing } from "./Composite.js"
import * as Env from "./Env.js"
import { detailOf } from "./Failure.js"
import * as Outcome from "./Outcome.js"
import type { Drive, Walked } from "./Place.js"
import { Record } from "./Record.js"
import { Diverged } from "./RunError.js"
import { Spending, type Terms } from "./Spending.js"
import * as Walk from "./Walk.js"

/** Waits up to this long are slept through; longer ones let the run rest. */
export const parkAfterMillisDefault = 5000

export interface Cancelled {
  readonly _tag: "Cancelled"
  readonly reason: string
}

/** Why a walk is ended from outside. */
type Halt =
  | { readonly _tag: "Cancelling"; readonly reason: string; readonly letter: string | undefined }
  | { readonly _tag: "Diverged"; readonly error: Diverged }
  | { readonly _tag: "Lost"; readonly error: JournalError }

export type End = Outcome.Outcome | Cancelled

export interface Driven {
  /** Its name. */
  readonly pipeline: string
  readonly root: Node
  readonly context: ContextSpec | undefined
  readonly input: Outcome.Carried
  readonly undefinedVariables: UndefinedVariables
  /** Changes of the pipeline that the run came past before they were made; there it keeps the old way. */
  readonly keeps: ReadonlySet<string>
  readonly parkAfterMillis?: number | undefined
  /** What the run may spend; absent where nothing is limited. */
  readonly terms?: Terms | undefined
}

/** How a run begins or goes on: the first entry of this drive. */
export type Premise =
  | { readonly _tag: "Started"; readonly event: Pick<EventOf<"RunStarted">, "data" | "payload"> }
  | {
      readonly _tag: "Resumed"
      readonly history: ReadonlyArray<Entry>
      readonly again: ReadonlyArray<StepPath.StepPath>
      /** Another version, which it goes by from now on. */
      readonly upgrade?: Version | undefined
    }

/** What a run says that goes on. */
export const resumed = ({ again, upgrade }: Pick<Extract<Premise, { _tag: "Resumed" }>, "again" | "upgrade">) => {
  if (upgrade === undefined) return { kind: "RunResumed", data: { again }, payload: {} } as const
  const { keeps, plan, sources } = upgrade
  return {
    kind: "RunResumed",
    data: { again, plan, ...(keeps.length === 0 ? {} : { keeps }) },
    payload: { sources }
  } as const
}

/** Drives `owned`, and gives its lease back however it ends. */
export const live = (
  journal: Journal["Type"],
  owned: OwnedRun,
  driven: Driven,
  premise: Premise
): Effect.Effect<End, Diverged | JournalError, unknown> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const record = new Record(
      { _tag: "Live", journal, owned },
      clock,
      premise._tag === "Started" ? [] : premise.history
    )
    if (premise._tag === "Started") {
      record.life({ path: StepPath.root, kind: "RunStarted", ...premise.event })
    } else {
      record.life({ path: StepPath.root, ...resumed(premise) })
      for (const path of premise.again) record.again.set(path, record.now())
    }
    const history = premise._tag === "Started" ? [] : premise.history
    /** Why the run is being ended, once it is: what it did is taken back then, whatever else it is told. */
    const cancelling = Compensate.cancelling(history)
    let isUndoing = cancelling !== undefined
    let cancel: string | undefined
    const spending = driven.terms === undefined ? undefined : new Spending(record, driven.terms, history)
    let halted: Halt | undefined
    let walking: Fiber.RuntimeFiber<Outcome.Outcome, Diverged | JournalError> | undefined
    /** Ends the walk from outside; the first reason holds. */
    const halt = (why: Halt): void => {
      halted ??= why
      walking?.unsafeInterruptAsFork(FiberId.none)
    }
    const listeners = new Set<() => void>()
    const taking = Effect.unsafeMakeSemaphore(1)

    /** Turns letters into events. What came too late to mean anything is put aside. */
    const takeLetters = taking.withPermits(1)(
      Effect.gen(function* () {
        let answered = false
        for (const { id, letter } of yield* journal.letters(owned.run)) {
          if (letter._tag === "Cancel") {
            if (!isUndoing) halt({ _tag: "Cancelling", reason: letter.reason, letter: id })
            else if (id !== cancel) journal.discard(owned, id)
          } else if (letter._tag === "Signal") {
            if (record.isFullOfSignals) {
              yield* Effect.logWarning(`signal ${letter.signal} is put aside: too many wait to be taken`)
              journal.discard(owned, id)
            } else {
              answered = record.signal(letter.signal, { data: letter.data, by: letter.by }, id) || answered
            }
          } else if (!record.has(letter.path, "TaskAnswered")) {
            if (record.has(letter.path, "TaskOpened") && !record.has(letter.path, "TaskClosed")) {
              record.answer(letter.path, { answer: letter.answer, by: letter.by }, id)
              answered = true
            } else journal.discard(owned, id)
          }
        }
        if (answered) for (const listener of listeners) listener()
      })
    )
    /** Rung for a letter, and when the run is lost. */
    const carry = Effect.gen(function* () {
      yield* journal.mail(owned)
      const lost = yield* Deferred.poll(owned.lost)
      if (Option.isNone(lost)) {
        return yield* Effect.catchAll(takeLetters, (error) => Effect.logWarning("the inbox could not be read", error))
      }
      const error = yield* Effect.flip(lost.value)
      halt({ _tag: "Lost", error })
      return yield* Effect.never
    })

    const drive = driveOf(
      yield* Effect.context<never>(),
      yield* Effect.tracer,
      journal.limits.payloadBytes,
      owned.run,
      record,
      (error) => halt({ _tag: "Diverged", error }),
      driven,
      Cache.make(journal),
      spending,
      {
        isAnswered: (wait) =>
          wait._tag === "Task"
            ? record.has(wait.path, "TaskAnswered")
            : wait._tag === "Signal" && !record.deaf.has(wait.path) && record.hasSignal(wait.signal),
        listen: (onAnswer) => {
          listeners.add(onAnswer)
          return () => listeners.delete(onAnswer)
        }
      }
    )
    const undefinedVariables = driven.undefinedVariables
    const env = Env.make(driven.input, driven.context, {
      undefined: undefinedVariables,
      onUndefined: undefinedVariables === "warn" ? warning(yield* Effect.runtime<never>(), owned.run) : undefined
    })
    /** A walk; what failed is undone before it is over. */
    const walked: Walked = Effect.gen(function* () {
      const outcome = yield* Walk.walk(drive, driven.root, env, false)
      if (outcome._tag !== "Failed" || drive.undos.size === 0) return outcome
      isUndoing = true
      return (yield* Compensate.undoAll(drive)) ?? outcome
    })
    /** What was done is undone, and how the run ends is known before. */
    const undone: Walked = Effect.map(Compensate.undoAll(drive), (rests) => rests ?? Outcome.completed(driven.input))
    const toEnd = (walk: Walked): Walked =>
      Effect.gen(function* () {
        while (true) {
          const answers = record.answers
          const outcome = yield* walk
          if (outcome._tag !== "Suspended") return outcome
          yield* takeLetters
          if (record.answers > answers) continue
          const left = earliest(outcome.waits) - record.now()
          if (left <= drive.parkAfterMillis) {
            yield* record.barrier
            if (left > 0) yield* Effect.raceFirst(Effect.sleep(left), journal.mail(owned))
            continue
          }
          const event = {
            path: StepPath.root,
            kind: "RunSuspended",
            data: { waits: outcome.waits },
            payload: {}
          } as const
          const ordinal = record.ordinal(StepPath.root, "RunSuspended")
          const staged = { event: { ...event, ordinal }, payload: undefined, at: record.now() }
          if (yield* journal.park(owned, staged)) return outcome
        }
      })

    const carrier = yield* Effect.fork(Effect.interruptible(Effect.forever(carry)))
    if (premise._tag === "Resumed") yield* takeLetters
    /** How a walk ended, or what ended it from outside. */
    const attempt = (walk: Walked): Effect.Effect<Outcome.Outcome | Halt, Diverged | JournalError, unknown> =>
      Effect.gen(function* () {
        let exit: Exit.Exit<Outcome.Outcome, Diverged | JournalError> | undefined
        if (halted === undefined) {
          const fiber = yield* Effect.fork(Effect.interruptible(toEnd(walk)))
          walking = fiber
          // What ended it before it was known whom to tell is told now.
          if (halted !== undefined) fiber.unsafeInterruptAsFork(FiberId.none)
          exit = yield* Effect.onInterrupt(Fiber.await(fiber), () => Fiber.interrupt(fiber))
        }
        // A walk that came to its end was not halted, whatever was said meanwhile.
        const why: Halt | undefined = halted
        return why === undefined || (exit !== undefined && Exit.isSuccess(exit)) ? yield* exit! : why
      })
    const isTaken = cancelling !== undefined
    const walkedTo: Outcome.Outcome | Halt = isTaken
      ? { _tag: "Cancelling", reason: cancelling ?? "", letter: undefined }
      : yield* attempt(walked)
    let ended: Outcome.Outcome | Cancelled | Exclude<Halt, { readonly _tag: "Cancelling" }>
    if (walkedTo._tag === "Cancelling") {
      const { reason } = walkedTo
      cancel = walkedTo.letter
      isUndoing = true
      halted = undefined
      yield* closeAll(drive, driven, env)
      if (drive.undos.size > 0 && !isTaken) {
        record.life({ path: StepPath.root, kind: "RunCancelling", data: {}, payload: { reason }, letter: cancel })
      }
      const rest = drive.undos.size === 0 ? undefined : yield* attempt(undone)
      const isOver = rest === undefined || rest._tag === "Completed" || rest._tag === "Failed"
      ended = isOver || rest._tag === "Cancelling" ? { _tag: "Cancelled", reason } : rest
    } else ended = walkedTo
    carrier.unsafeInterruptAsFork(FiberId.none)
    switch (ended._tag) {
      case "Diverged":
      case "Lost":
        return yield* ended.error
      case "Suspended":
        return ended
      case "Completed":
        record.life({
          path: StepPath.root,
          kind: "RunCompleted",
          data: {},
          payload: { output: Outcome.payloadOf(ended.output) }
        })
        break
      case "Failed":
        record.life({
          path: StepPath.root,
          kind: "RunFailed",
          data: { reason: ended.reason, at: ended.at },
          payload: { error: ended.json }
        })
        break
      case "Cancelled": {
        const { reason } = ended
        const letter = drive.undos.size === 0 ? cancel : undefined
        record.life({ path: StepPath.root, kind: "RunCancelled", data: {}, payload: { reason }, letter })
        break
      }
    }
    yield* finish(journal, owned)
    return ended
  }).pipe(Effect.ensuring(journal.release(owned)))

/** The last entries and the end of the lease are one commit. */
const finish = (journal: Journal["Type"], owned: OwnedRun): Effect.Effect<void, JournalError> =>
  Effect.zipRight(journal.release(owned), journal.barrier(owned))

/** Ends what is still open: tasks, and steps that were cut. */
const closeAll = (drive: Drive, driven: Driven, env: Env.Env): Effect.Effect<void, Diverged | JournalError, unknown> =>
  Effect.gen(function* () {
    const outcome = yield* Walk.walk(drive, driven.root, env, true)
    const waits = outcome._tag === "Suspended" ? outcome.waits : []
    yield* drive.record.sayAll(false, closing(drive.record, waits, StepPath.root))
  })

export interface Replayed {
  readonly end: End["_tag"]
  /** How many entries the record has. */
  readonly entries: number
  /** Why the walk failed, where it did. */
  readonly failure: Outcome.Failed | undefined
  /** What the walk came to, where it did. */
  readonly completed: Outcome.Completed | undefined
}

/**
 * Walks a recorded run with the outside shut: nothing is called, nothing is written. Fails with `Diverged` at the first
 * event that is not as recorded.
 */
export const replay = (
  run: OwnedRun["run"],
  driven: Driven,
  history: ReadonlyArray<Entry>,
  { payloadBytes }: Journal["Type"]["limits"]
): Effect.Effect<Replayed, Diverged, unknown> =>
  Effect.gen(function* () {
    const last = lastEnd(history)
    const record = new Record({ _tag: "Replay", ended: last !== undefined }, yield* Effect.clock, history)
    const stop = Deferred.unsafeMake<never, Diverged>(FiberId.none)
    const mail = { isAnswered: () => false, listen: () => () => {} }
    const drive = driveOf(
      yield* Effect.context<never>(),
      yield* Effect.tracer,
      payloadBytes,
      run,
      record,
      (error) => Deferred.unsafeDone(stop, Exit.fail(error)),
      driven,
      undefined,
      undefined,
      mail
    )
    const env = Env.make(driven.input, driven.context, { undefined: driven.undefinedVariables })
    const walk = Effect.gen(function* () {
      if (last?.kind !== "RunCancelled" && Compensate.cancelling(history) === undefined) {
        const outcome = yield* Walk.walk(drive, driven.root, env, false)
        return outcome._tag === "Failed" ? ((yield* Compensate.undoAll(drive)) ?? outcome) : outcome
      }
      yield* closeAll(drive, driven, env)
      return yield* Compensate.undoAll(drive)
    })
    // Nothing is written in a replay, so nothing of the journal can fail.
    const walked = Effect.catchTag(walk, "JournalError", (error) => Effect.die(error))
    const outcome = yield* Effect.raceFirst(walked, Deferred.await(stop))
    const [unused] = record.unused(drive.answered)
    if (unused !== undefined) {
      const detail =
        outcome?._tag === "Failed" && outcome.reason === "Defect"
          ? `this is in the record, and the pipeline breaks before it, at ${outcome.at.join(", ")}: ${detailOf(outcome.error)}`
          : "this is in the record, and the pipeline does not come to it any more"
      return yield* new Diverged({ path: unused.path, kind: unused.kind, field: "", detail })
    }
    const end = outcome?._tag ?? "Cancelled"
    const isResting = history.at(-1)?.event.kind === "RunSuspended"
    const wanted = last !== undefined ? endTags[last.kind] : isResting ? "Suspended" : undefined
    // A record that stops in the middle does not say how the run would have ended.
    if (wanted !== undefined && end !== wanted) {
      const detail = `the record ends ${wanted.toLowerCase()}, this walk ${end.toLowerCase()}`
      return yield* new Diverged({ path: StepPath.root, kind: last?.kind ?? "RunSuspended", field: "", detail })
    }
    if (last !== undefined && outcome !== undefined) {
      const difference = record.differs(last, outcome)
      if (difference !== undefined) return yield* difference
    }
    return {
      end,
      entries: history.length,
      failure: outcome?._tag === "Failed" ? outcome : undefined,
      completed: outcome?._tag === "Completed" ? outcome : undefined
    }
  })

const endTags = { RunCompleted: "Completed", RunFailed: "Failed", RunCancelled: "Cancelled" } as const

/** The entry that ended the run for good, unless it was resumed since. */
export const lastEnd = (
  history: ReadonlyArray<Entry>
): EventOf<"RunCompleted"> | EventOf<"RunFailed"> | EventOf<"RunCancelled"> | undefined => {
  for (let i = history.length - 1; i >= 0; i--) {
    const { event } = history[i]!
    if (event.kind === "RunCompleted" || event.kind === "RunFailed" || event.kind === "RunCancelled") return event
    if (event.kind === "RunResumed" || event.kind === "RunSuspended" || event.kind === "RunStuck") return undefined
  }
  return undefined
}

const earliest = (waits: ReadonlyArray<Wait>): number => {
  let due = Number.POSITIVE_INFINITY
  for (const wait of waits) if (wait._tag === "Timer") due = Math.min(due, wait.due)
  return due
}

/** Each thing that is absent is logged once for a drive, which may walk the same template again. */
const warning = (runtime: Runtime.Runtime<never>, run: OwnedRun["run"]) => {
  const said = new Set<string>()
  return ({ message }: TemplateError): void => {
    if (said.has(message) || said.size >= warningsMax) return
    said.add(message)
    Runtime.runSync(runtime)(Effect.annotateLogs(Effect.logWarning(message), Attributes.runId, run))
  }
}

const warningsMax = 1_000

/** What stands around a value in the payload of an event. */
const wrappingBytes = 512

const driveOf = (
  services: Context.Context<never>,
  tracer: Tracer.Tracer,
  payloadBytes: number,
  run: OwnedRun["run"],
  record: Record,
  halt: Drive["halt"],
  driven: Driven,
  cache: Cache.Cache | undefined,
  spending: Spending | undefined,
  mail: Drive["mail"]
): Drive => {
  const drive: Drive = {
    run,
    record,
    services,
    halt,
    mail,
    cache,
    pipeline: driven.pipeline,
    keeps: driven.keeps,
    answered: new Set(),
    undos: new Map(),
    payloadBytes: payloadBytes - wrappingBytes,
    spending,
    parkAfterMillis: driven.parkAfterMillis ?? parkAfterMillisDefault,
    // A span costs more than a small step: none is made where no tracer of the user's would see it.
    traced:
      tracer === Context.get(DefaultServices.liveServices, Tracer.Tracer)
        ? (_, effect) => effect
        : ({ attempt, kind, path }, effect) =>
            Effect.withSpan(effect, "flujo.Step.run", {
              captureStackTrace: false,
              attributes: {
                [Attributes.runId]: run,
                [Attributes.stepPath]: path,
                [Attributes.stepAttempt]: attempt,
                [Attributes.stepKind]: kind
              }
            }),
    go: (node, place, input) => Walk.go(drive, node, place, input)
  }
  return drive
}
