/**
 * The right to append to a run. A lease may be taken when it was given back, when it has run out, or when its owner is a
 * process of this very machine that is gone; each taking raises the epoch, and every append carries the epoch, so a
 * former owner that wakes up late can do no harm to the journal.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { RunId } from "../domain/RunId.js"
import type { Driver, LeaseRow, Taken } from "./Driver.js"
import { JournalError, type Owner, RunHeld } from "./Journal.js"
import type { Live } from "./Owned.js"

export interface Options {
  readonly owner: Owner
  readonly millis: number
  readonly clock: Clock.Clock
  /** Whether a process of this machine is gone, as far as can be told from here. */
  readonly isGone: (other: Owner, me: Owner) => boolean
}

/** Who holds it, as far as can be told from here. */
export const holder = (
  lease: LeaseRow,
  { isGone, owner: me }: Pick<Options, "isGone" | "owner">,
  now: number
): Option.Option<Owner> =>
  lease.owner === null || lease.expiresAt <= now || isGone(lease.owner, me) ? Option.none() : Option.some(lease.owner)

/** Two that take at once see each other's change and look again; more rounds than this mean something is broken. */
const roundsMax = 16

/** None: there is no such run. */
export const take = (
  driver: Driver,
  run: RunId,
  options: Options
): Effect.Effect<Option.Option<Taken>, RunHeld | JournalError> =>
  Effect.gen(function* () {
    for (let round = 0; round < roundsMax; round++) {
      const seen = yield* driver.lease(run)
      if (seen === undefined) return Option.none()
      const now = options.clock.unsafeCurrentTimeMillis()
      const held = holder(seen, options, now)
      if (Option.isSome(held)) return yield* new RunHeld({ run, owner: held.value, expiresAt: seen.expiresAt })
      const taken = yield* driver.take({ run, seen, owner: options.owner, expiresAt: now + options.millis })
      if (taken !== undefined) return Option.some(taken)
    }
    return yield* new JournalError({
      reason: "Unavailable",
      where: `run ${run}`,
      detail: "its lease changed hands at every try; try again"
    })
  })

/**
 * Renews the leases of all owned runs at a third of their time, until interrupted. A run whose lease is somebody
 * else's is lost at once; when renewing fails, runs are lost only as their leases run out.
 */
export const keep = (driver: Driver, live: Live, options: Options): Effect.Effect<never> =>
  live.owning.pipe(
    Effect.zipRight(Effect.sleep(Math.max(1, Math.floor(options.millis / 3)))),
    Effect.zipRight(
      Effect.suspend(() => {
        // A run that was created and has no entry yet has no lease row either.
        const kept = Array.from(live).filter((owned) => owned.acquire === undefined)
        if (kept.length === 0) return Effect.void
        const now = options.clock.unsafeCurrentTimeMillis()
        const expiresAt = now + options.millis
        return Effect.match(driver.renew({ runs: kept.map(({ run }) => run), owner: options.owner, expiresAt }), {
          onFailure: (error) => {
            for (const owned of kept) if (owned.expiresAt <= now) owned.lose(error)
          },
          onSuccess: (held) => {
            const epochs = new Map(held.map(({ epoch, run }) => [run, epoch]))
            for (const owned of kept) {
              if (epochs.get(owned.run) === owned.epoch) owned.expiresAt = expiresAt
              // It may have been given back while the answer was under way.
              else if (!owned.closed && !owned.isResting) owned.lose(takenOver(owned.run))
            }
          }
        })
      })
    ),
    Effect.forever
  )

export const takenOver = (run: RunId, by?: Owner | null): JournalError =>
  new JournalError({
    reason: "Conflict",
    where: `run ${run}`,
    detail:
      by === undefined || by === null
        ? "its lease was taken over by another owner"
        : `its lease was taken over by process ${by.pid} on ${by.host}`
  })
