/**
 * What all calls to one provider share: how many run at once, how many begin in a while, and a circuit breaker. A
 * provider that failed so many times in a row is left alone for a while; then one call tries it, and its answer opens
 * the way again. A gate lives as long as its driver, so runs share it that share a `Models` layer.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import type { ModelError } from "../../domain/Model.js"
import { type Explain, type Failed, final } from "./Failure.js"

export interface GateLimits {
  /** Calls at once. */
  readonly concurrency?: number | undefined
  /** Calls that begin: at most `calls` within any time of `per`. Default: no limit. */
  readonly rate?: { readonly calls: number; readonly per: Duration.DurationInput } | undefined
  /** After `failures` in a row no call is made for `rest`. `false`: never. */
  readonly breaker?:
    | false
    | { readonly failures?: number | undefined; readonly rest?: Duration.DurationInput | undefined }
    | undefined
}

export const concurrencyDefault = 64
export const breakerDefault = { failures: 10, rest: "30 seconds" } as const

export interface Gate {
  /** Waits for a place, which is given back when the scope closes; fails at once while the provider is left alone. */
  readonly enter: (explain: Explain) => Effect.Effect<void, Failed, Scope.Scope>
  /** What came of it: `undefined` is a reply. */
  readonly saw: (reason: ModelError["reason"] | undefined) => Effect.Effect<void>
}

interface Health {
  readonly failuresInRow: number
  /** In milliseconds; calls before it are not made. */
  readonly closedUntil: number
}

const well: Health = { failuresInRow: 0, closedUntil: 0 }

export const make = (limits: GateLimits): Gate => {
  const places = Effect.unsafeMakeSemaphore(limits.concurrency ?? concurrencyDefault)
  const { failures = breakerDefault.failures, rest = breakerDefault.rest } =
    limits.breaker === false ? {} : (limits.breaker ?? {})
  const restMillis = Duration.toMillis(rest)
  const health = Ref.unsafeMake(well)
  const pace = limits.rate === undefined ? Effect.void : pacing(limits.rate.calls, Duration.toMillis(limits.rate.per))

  const look = (explain: Explain) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.flatten(
        Ref.modify(health, (state): readonly [Effect.Effect<void, Failed>, Health] => {
          if (state.failuresInRow < failures) return [Effect.void, state]
          const left = state.closedUntil - now
          // The one that comes after the rest tries; the others are kept away until it is known how that went.
          if (left <= 0) return [Effect.void, { ...state, closedUntil: now + restMillis }]
          const detail =
            `not asked: the provider failed ${state.failuresInRow} times in a row and is left alone for ` +
            Duration.format(Duration.millis(Math.ceil(left / 1000) * 1000))
          return [Effect.fail(final(explain("Overloaded", detail, undefined, left))), state]
        })
      )
    )

  return {
    enter: (explain) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.zipRight(
          restore(places.take(1)),
          Effect.addFinalizer(() => places.release(1))
        )
      ).pipe(
        // Looked at with the place in hand: what happened while waiting counts.
        Effect.zipRight(limits.breaker === false ? Effect.void : look(explain)),
        Effect.zipRight(pace)
      ),
    saw: (reason) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Ref.update(health, (state) => {
          if (reason === undefined || isAnswer(reason)) return well
          if (!isFailure(reason)) return state
          const failuresInRow = state.failuresInRow + 1
          return { failuresInRow, closedUntil: failuresInRow >= failures ? now + restMillis : 0 }
        })
      )
  }
}

/** The provider is not there, or not well. */
const isFailure = (reason: ModelError["reason"]): boolean =>
  reason === "Overloaded" || reason === "Network" || reason === "TimedOut"

/** The provider is well, and said no. Anything else says neither. */
const isAnswer = (reason: ModelError["reason"]): boolean =>
  reason === "Auth" || reason === "BadRequest" || reason === "Refused" || reason === "TooLong" || reason === "Unknown"

/** Waits so that no more than `calls` begin within `perMillis`: the time of each of the last `calls` is remembered. */
const pacing = (calls: number, perMillis: number): Effect.Effect<void> => {
  const begins = Ref.unsafeMake<ReadonlyArray<number>>([])
  return Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.flatten(
      Ref.modify(begins, (before): readonly [Effect.Effect<void>, ReadonlyArray<number>] => {
        const first = before.length < calls ? undefined : before[before.length - calls]
        const at = Math.max(now, first === undefined ? now : first + perMillis)
        return [Effect.sleep(Duration.millis(at - now)), [...before, at].slice(-calls)]
      })
    )
  )
}
