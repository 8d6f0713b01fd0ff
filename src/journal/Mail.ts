/**
 * How an owner learns that a letter may have come: at once when it was left in this process, else by looking into the
 * store every so often, once for all runs that wait, and only while one does. A letter rings once; one that its run
 * cannot take yet does not keep it awake.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import type { Driver } from "./Driver.js"
import type { Live, Owned } from "./Owned.js"

export interface Mail {
  /** Answers at once for a run that is not owned any more. */
  readonly wait: (owned: Owned) => Effect.Effect<void>
  readonly arrived: (run: string, order: number) => void
}

export const make = (driver: Driver, live: Live, pollMillis: number): Effect.Effect<Mail, never, Scope.Scope> =>
  Effect.gen(function* () {
    let waiting = 0
    let wake: (() => void) | undefined

    const arrived: Mail["arrived"] = (run, order) => {
      for (const owned of live) if (owned.run === run) owned.mail.arrive(order)
    }

    const idle = Effect.async<void>((resume) => {
      if (waiting > 0) return resume(Effect.void)
      wake = () => {
        wake = undefined
        resume(Effect.void)
      }
    })

    const look = Effect.suspend(() => {
      const runs = Array.from(live).flatMap(({ mail, run }) => (mail.waiting > 0 ? [run] : []))
      if (runs.length === 0) return Effect.void
      // A look that fails is made again after the next pause; nobody's work depends on it before.
      return Effect.match(driver.waiting(runs), {
        onFailure: () => undefined,
        onSuccess: (found) => {
          for (const { order, run } of found) arrived(run, order)
        }
      })
    })

    yield* idle.pipe(
      Effect.zipRight(Effect.sleep(pollMillis)),
      Effect.zipRight(look),
      Effect.forever,
      Effect.withTracerEnabled(false),
      Effect.interruptible,
      Effect.forkScoped
    )

    return {
      arrived,
      wait: (owned) =>
        Effect.suspend(() => {
          const { mail } = owned
          if (owned.failure !== undefined || owned.closed) return Effect.void
          if (mail.arrived > mail.rung) {
            mail.rung = mail.arrived
            return Effect.void
          }
          mail.bell ??= Deferred.unsafeMake(FiberId.none)
          mail.waiting += 1
          waiting += 1
          wake?.()
          return Effect.ensuring(
            Deferred.await(mail.bell),
            Effect.sync(() => {
              mail.waiting -= 1
              waiting -= 1
            })
          )
        })
    }
  })
