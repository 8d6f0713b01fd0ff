/**
 * Signs checkpoints while a process writes: at most one a second, and one at the end. It never hinders a run: what it cannot
 * do it says once, in the log messages, and leaves to whoever seals next.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import type { Entry } from "../domain/Event.js"
import type { KeyHolder, Log } from "./Journal.js"
import * as Ledger from "./Ledger.js"

export interface Sealer {
  /** Entries that have committed. */
  readonly heard: (entries: ReadonlyArray<Entry>) => void
}

const pauseMillis = 1_000
/** A store that does not answer is not waited for when a process ends. */
const lastMillis = 2_000

export const make = (log: Log, holder: KeyHolder): Effect.Effect<Sealer, never, Scope.Scope> =>
  Effect.gen(function* () {
    let isDue = false
    let hasWarned = false
    let bell = Deferred.unsafeMake<void>(FiberId.none)
    const seal = Effect.suspend(() => {
      if (!isDue) return Effect.void
      isDue = false
      const again = Effect.sync(() => {
        isDue = true
      })
      return Effect.catchAll(
        Effect.onInterrupt(log.seal(holder), () => again),
        (error) => {
          isDue = true
          if (hasWarned) return Effect.void
          hasWarned = true
          return Effect.logWarning(`no checkpoint is signed: ${error.message}`)
        }
      )
    })
    yield* Effect.addFinalizer(() => Effect.ignore(Effect.timeout(Effect.interruptible(seal), lastMillis)))
    yield* Effect.gen(function* () {
      for (;;) {
        yield* Deferred.await(bell)
        yield* seal
        yield* Effect.sleep(pauseMillis)
        if (!isDue) bell = Deferred.unsafeMake<void>(FiberId.none)
      }
    }).pipe(Effect.withTracerEnabled(false), Effect.interruptible, Effect.forkScoped)
    return {
      heard: (entries) => {
        if (isDue || !entries.some(({ event, seq }) => Ledger.isDue(seq + 1, event.kind))) return
        isDue = true
        Deferred.unsafeDone(bell, Exit.void)
      }
    }
  })
