/**
 * The cache as a drive sees it: a cache that cannot be read or written is one that has nothing, and of steps that ask
 * it the same at once in one process, one works and the others wait for what it answers.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type { Digest } from "../domain/Digest.js"
import type { Journal } from "../journal/Journal.js"
import type { Kept } from "../journal/Kept.js"

export interface Cache {
  readonly recall: (key: Digest) => Effect.Effect<Option.Option<Kept>>
  readonly keep: (kept: Kept) => Effect.Effect<void>
  /** Runs `effect` when nobody else in this process does under `key`. */
  readonly alone: <A, E, R>(key: Digest, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

export const make = (journal: Journal["Type"]): Cache => {
  const flying = flights.get(journal) ?? new Map<Digest, Deferred.Deferred<void>>()
  flights.set(journal, flying)
  const alone: Cache["alone"] = (key, effect) =>
    Effect.suspend(() => {
      const other = flying.get(key)
      if (other !== undefined) return Effect.zipRight(Deferred.await(other), alone(key, effect))
      const mine = Deferred.unsafeMake<void>(FiberId.none)
      return Effect.acquireUseRelease(
        Effect.sync(() => flying.set(key, mine)),
        () => effect,
        () =>
          Effect.sync(() => {
            flying.delete(key)
            Deferred.unsafeDone(mine, Exit.void)
          })
      )
    })
  return {
    recall: (key) =>
      Effect.catchAll(journal.recall(key), (error) =>
        Effect.as(Effect.logWarning("the cache could not be read", error), Option.none())
      ),
    keep: (kept) =>
      Effect.catchAll(journal.keep(kept), (error) => Effect.logWarning("the cache could not be written", error)),
    alone
  }
}

const flights = new WeakMap<Journal["Type"], Map<Digest, Deferred.Deferred<void>>>()
