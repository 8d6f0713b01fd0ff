/**
 * Model calls whose answer may be taken from the cache: of the same request, to the letter, not long ago. What is taken is
 * written down as the call's answer before anything follows from it, so a run that goes on, or is replayed, never looks again.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Digest from "../domain/Digest.js"
import type { Data } from "../domain/Event.js"
import type { Json } from "../domain/Json.js"
import type { RunId } from "../domain/RunId.js"
import * as StepPath from "../domain/StepPath.js"
import type { Kept } from "../journal/Kept.js"
import type * as Shape from "../pipeline/Shape.js"
import type { Cache } from "./Cache.js"
import type { Record } from "./Record.js"

export const keyOf = (request: Json): Digest.Digest => Digest.of(["model call", request])

export interface Taken {
  readonly value: Json
  readonly from: NonNullable<Data<"Answered">["from"]>
}

/**
 * What an earlier call was answered, where it is not too old and is an answer. A later attempt wants another one: that of
 * the first may have been why it failed.
 */
export const taken = (
  cache: Cache,
  key: Digest.Digest,
  at: StepPath.StepPath,
  { now, success, ttlMillis }: { readonly now: number; readonly success: Shape.Shape; readonly ttlMillis: number }
): Effect.Effect<Option.Option<Taken>> =>
  StepPath.standing(at) !== at
    ? Effect.succeedNone
    : Effect.map(cache.recall(key), (kept) =>
        Option.flatMap(kept, ({ answer: { output, path, run }, at }) =>
          now - at >= ttlMillis || output === undefined || Either.isLeft(success.decode(output))
            ? Option.none()
            : Option.some({ value: output, from: { run, path } })
        )
      )

/** Keeps an answer for others, once it is in the journal. */
export const kept = (
  { cache, record, run }: { readonly cache: Cache; readonly record: Record; readonly run: RunId },
  at: StepPath.StepPath,
  { answer, key, ttlMillis }: { readonly answer: Json; readonly key: Digest.Digest; readonly ttlMillis: number }
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const now = record.now()
    const one: Kept = {
      key,
      answer: { run, path: StepPath.standing(at), output: answer, writes: [] },
      at: now,
      expiresAt: now + ttlMillis
    }
    return Effect.catchAll(Effect.zipRight(record.barrier, cache.keep(one)), () => Effect.void).pipe(
      Effect.zipRight(Effect.sync(() => record.life({ path: at, kind: "CacheWritten", data: { key }, payload: {} })))
    )
  })
