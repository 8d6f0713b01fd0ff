/**
 * What cached steps answered, kept beside the runs under a key of what they were asked. It is no part of any run: a run
 * that takes it writes it into its own journal, so it may go at any time, and what cannot be read is not there.
 */
import * as Either from "effect/Either"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Digest } from "../domain/Digest.js"
import * as Json from "../domain/Json.js"
import { RunId } from "../domain/RunId.js"
import { StepPath } from "../domain/StepPath.js"

export const Answer = Schema.Struct({
  /** Who answered it. */
  run: RunId,
  path: StepPath,
  /** Absent: nothing. */
  output: Schema.optional(Json.Json),
  /** The context fields that were written on the way. */
  writes: Schema.Array(Schema.Struct({ field: Schema.String, json: Json.Json }))
})
export type Answer = typeof Answer.Type

export interface Kept {
  readonly key: Digest
  readonly answer: Answer
  /** Milliseconds since 1970. */
  readonly at: number
  /** From then on it may be removed. */
  readonly expiresAt: number
}

/** As it is stored; `value` is the answer as canonical JSON. */
export interface Row {
  readonly key: string
  readonly run: RunId
  readonly value: string
  readonly at: number
  readonly expiresAt: number
}

/** A store keeps so many of each tenant, the latest. */
export const rowsMax = 10_000

export const toRow = ({ answer, at, expiresAt, key }: Kept): Row => ({
  key,
  run: answer.run,
  value: Json.canonical(Either.getOrThrow(Json.fromUnknown(answer))),
  at,
  expiresAt
})

export const fromRow = (key: Digest, { at, expiresAt, value }: Row): Option.Option<Kept> =>
  Json.parse(value).pipe(
    Either.flatMap(Schema.decodeUnknownEither(Answer)),
    Either.map((answer) => ({ key, answer, at, expiresAt })),
    Either.getRight
  )
