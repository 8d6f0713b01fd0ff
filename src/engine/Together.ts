/**
 * Runs children side by side until each has come to rest. A child that waits for a person or a timer frees its place;
 * if what it waits for comes while a sibling is still at work, it goes on at once. At rest, the children tell how the
 * composite ended.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type { Wait } from "../domain/Event.js"
import type { Outcome, Suspended } from "./Outcome.js"

/** Tells of answers as they are recorded. */
export interface Mail {
  readonly isAnswered: (wait: Wait) => boolean
  /** Calls back after each answer; answers how to stop it. */
  readonly listen: (onAnswer: () => void) => () => void
}

export interface Options<E, R> {
  readonly count: number
  /** Children that have begun in an earlier walk: they are walked again, whatever happened since. */
  readonly begun: number
  readonly concurrency: number
  /** How many children may wait at once; one that runs may come to wait. */
  readonly maxWaiting: number
  /** No new child starts after one has failed. */
  readonly stopsAtFailure: boolean
  readonly mail: Mail
  readonly now: () => number
  readonly child: (index: number) => Effect.Effect<Outcome, E, R>
}

/** One outcome per child; none for a child that was not started. */
export const run = <E, R>(options: Options<E, R>): Effect.Effect<ReadonlyArray<Outcome | undefined>, E, R> =>
  Effect.suspend(() => {
    const { begun, child, concurrency, count, mail, maxWaiting, now, stopsAtFailure } = options
    const outcomes: Array<Outcome | undefined> = new Array(count).fill(undefined)
    const woken: Array<number> = []
    let next = 0
    let active = 0
    let waiting = 0
    let failed = false
    let atRest = false
    let stopListening: (() => void) | undefined
    let bell = Deferred.unsafeMake<void>(FiberId.none)

    const ring = (): void => {
      const rung = bell
      bell = Deferred.unsafeMake<void>(FiberId.none)
      Deferred.unsafeDone(rung, Effect.void)
    }
    const wake = (isDue: (outcome: Suspended) => boolean): void => {
      let any = false
      for (let i = 0; i < next; i++) {
        const outcome = outcomes[i]
        if (outcome?._tag === "Suspended" && isDue(outcome)) {
          outcomes[i] = undefined
          waiting -= 1
          woken.push(i)
          any = true
        }
      }
      if (any) ring()
    }
    const isAnswered = ({ waits }: Suspended) => waits.some(mail.isAnswered)
    const onAnswer = () => wake(isAnswered)
    const onTime = () => wake(({ waits }) => waits.some((wait) => wait._tag === "Timer" && wait.due <= now()))
    const earliest = (): number => {
      let due = Number.POSITIVE_INFINITY
      for (const outcome of outcomes) {
        if (outcome?._tag !== "Suspended") continue
        for (const wait of outcome.waits) if (wait._tag === "Timer") due = Math.min(due, wait.due)
      }
      return due
    }
    const pick = (): number | undefined => {
      if (woken.length > 0) return woken.shift()
      if (next < begun) return next++
      return next < count && waiting + active <= maxWaiting && !(stopsAtFailure && failed) ? next++ : undefined
    }
    const settle = (index: number, outcome: Outcome): void => {
      outcomes[index] = outcome
      if (outcome._tag === "Failed") failed = true
      if (outcome._tag !== "Suspended") return
      waiting += 1
      stopListening ??= mail.listen(onAnswer)
      // The answer may have come while the child was on its way here.
      if (isAnswered(outcome)) onAnswer()
    }
    const worker = Effect.gen(function* () {
      active += 1
      while (true) {
        const index = pick()
        if (index !== undefined) {
          settle(index, yield* child(index))
          continue
        }
        active -= 1
        if (active === 0) {
          atRest = true
          ring()
        }
        if (atRest || waiting === 0) return
        const due = earliest()
        const rung = Deferred.await(bell)
        yield* Number.isFinite(due)
          ? Effect.raceFirst(rung, Effect.sleep(Math.max(0, Math.min(due - now(), 2 ** 31 - 1))))
          : rung
        if (atRest) return
        onTime()
        active += 1
      }
    })
    const workers = Math.min(concurrency, count)
    const all =
      workers === 0
        ? Effect.void
        : workers === 1
          ? worker
          : Effect.all(new Array<typeof worker>(workers).fill(worker), { concurrency: "unbounded", discard: true })
    return Effect.as(
      Effect.ensuring(
        all,
        Effect.sync(() => stopListening?.())
      ),
      outcomes
    )
  })
