/**
 * The journal: the append-only record of every run, and the only state there is. Entries of a run are numbered from 0
 * without gaps. A run has at most one owner, who holds its lease; only the owner appends, and every append carries the
 * lease's epoch. Everybody else leaves a letter in the inbox.
 */
import * as Context from "effect/Context"
import type * as Deferred from "effect/Deferred"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { Digest } from "../domain/Digest.js"
import type { Entry, Event } from "../domain/Event.js"
import type { Json } from "../domain/Json.js"
import type { Letter } from "../domain/Letter.js"
import type { RunId } from "../domain/RunId.js"
import type { Kept } from "./Kept.js"
import type { RunRow, TaskRow } from "./RunIndex.js"

/**
 * `Conflict`: another owner took the run; stop. `Corrupt`: what is stored cannot be read; stop and tell a person.
 * `Foreign`: the file is not a flujo database. `Newer`: it was written by a newer flujo. `Locked`, `ReadOnly`, `Full`:
 * as the names say. `TooLarge`: a payload over the limit. `Unavailable`: the store did not answer. Nothing was written.
 */
export class JournalError extends Schema.TaggedError<JournalError>("flujo/journal/JournalError")("JournalError", {
  reason: Schema.Literal(
    "Conflict",
    "Corrupt",
    "Foreign",
    "Newer",
    "Locked",
    "ReadOnly",
    "Full",
    "TooLarge",
    "Unavailable"
  ),
  /** Where: the store, or a run in it. */
  where: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.where}: ${this.detail}`
  }
}

/** Who drives a run. */
export const Owner = Schema.Struct({
  id: Schema.String,
  host: Schema.String,
  pid: Schema.Int,
  /** When the process started, as its system counts; a pid alone may be somebody else's by now. */
  started: Schema.String
})
export type Owner = typeof Owner.Type

/** Somebody else drives the run, and is alive as far as can be told from here. */
export class RunHeld extends Schema.TaggedError<RunHeld>("flujo/journal/RunHeld")("RunHeld", {
  run: Schema.String,
  owner: Owner,
  /** Until when, unless renewed: milliseconds since 1970. */
  expiresAt: Schema.Int
}) {
  override get message(): string {
    return `run ${this.run} is driven by process ${this.owner.pid} on ${this.owner.host}`
  }
}

/** `Unknown`: no such run. `Ended`: it takes no letters any more. `NoTask`: no such open task. `Taken`: answered before. */
export class LetterRefused extends Schema.TaggedError<LetterRefused>("flujo/journal/LetterRefused")("LetterRefused", {
  reason: Schema.Literal("Unknown", "Ended", "NoTask", "Taken"),
  run: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/** The right to append to one run, until released or lost. */
export interface OwnedRun {
  readonly run: RunId
  readonly epoch: number
  /** Fails as soon as an entry of this run could not be written: stop, whatever is in progress. */
  readonly lost: Deferred.Deferred<never, JournalError>
}

export interface StoredLetter {
  readonly id: string
  readonly letter: Letter
  readonly at: number
}

/** What is staged in one step of the owner, and commits in one transaction. */
export interface Staged {
  readonly event: Event
  /** Canonical text of `event.payload`, or undefined for none. */
  readonly payload: string | undefined
  /** Milliseconds since 1970. */
  readonly at: number
  /** Id of the letter that this event answers; marked as taken in the same transaction. */
  readonly letter?: string | undefined
}

/** An entry as it is stored, its payload wherever that stands. */
export interface Stored {
  readonly seq: number
  readonly head: string
  /** Text, or its UTF-8. */
  readonly payload: string | Uint8Array | null
  readonly salt: Uint8Array | null
}

/** Root of the Merkle tree over the first `size` entries of a run, in lower-case hexadecimal. See `Ledger.ts`. */
export interface Root {
  readonly size: number
  readonly root: string
}

export interface RunFilter {
  readonly status?: ReadonlyArray<RunRow["status"]> | undefined
  /** Runs whose id starts so. */
  readonly prefix?: string | undefined
  readonly pipeline?: string | undefined
  /** Newest first; the page after this one. */
  readonly before?: RunId | undefined
  readonly limit: number
}

export class Journal extends Context.Tag("flujo/journal/Journal")<
  Journal,
  {
    readonly limits: { readonly payloadBytes: number }
    /**
     * A run that does not exist yet. Nothing is written until its first entry commits; if the id is taken by then, the
     * run is lost with `Conflict`. `plan` is stored once per store, by digest.
     */
    readonly create: (run: RunId, plan: { readonly digest: Digest; readonly json: string }) => Effect.Effect<OwnedRun>
    /** Takes the lease of an existing run, if it is free, expired, or its owner on this host is dead. */
    readonly own: (run: RunId) => Effect.Effect<Option.Option<OwnedRun>, RunHeld | JournalError>
    /** Hands an entry to the writer, at once and in order; `barrier` awaits it. */
    readonly stage: (owned: OwnedRun, staged: Staged) => void
    /** Marks a letter as taken without an event: it came too late to mean anything. */
    readonly discard: (owned: OwnedRun, letter: string) => void
    /** Everything staged for the run so far is durable. */
    readonly barrier: (owned: OwnedRun) => Effect.Effect<void, JournalError>
    /**
     * Writes `RunSuspended` and gives the lease back, unless a letter waits: then nothing happens and the answer is
     * false. One transaction, so that no letter is ever left unread by a parked run.
     */
    readonly park: (owned: OwnedRun, staged: Staged) => Effect.Effect<boolean, JournalError>
    /** Writes what is staged and gives the lease back. Safe to call twice, and on a lost run. */
    readonly release: (owned: OwnedRun) => Effect.Effect<void>
    readonly read: (run: RunId, from?: number) => Stream.Stream<Entry, JournalError>
    /** Entries of any run as they commit in this process, from now on. */
    readonly committed: Stream.Stream<Entry>
    /** Leaves a letter; wakes the run if it is parked. */
    readonly deliver: (run: RunId, letter: Letter) => Effect.Effect<void, LetterRefused | JournalError>
    /** Letters not taken yet, oldest first. */
    readonly letters: (run: RunId) => Effect.Effect<ReadonlyArray<StoredLetter>, JournalError>
    /** Returns when a letter of the run may have come, from this process or another. */
    readonly mail: (owned: OwnedRun) => Effect.Effect<void>
    /** What a cached step answered under `key`, if it is kept: see `Kept`. */
    readonly recall: (key: Digest) => Effect.Effect<Option.Option<Kept>, JournalError>
    readonly keep: (kept: Kept) => Effect.Effect<void, JournalError>
    readonly plan: (digest: Digest) => Effect.Effect<Option.Option<Json>, JournalError>
    readonly run: (run: RunId) => Effect.Effect<Option.Option<RunRow>, JournalError>
    readonly runs: (filter: RunFilter) => Effect.Effect<ReadonlyArray<RunRow>, JournalError>
    /** Open tasks, oldest first; of one run or of all. */
    readonly tasks: (filter: {
      readonly run?: RunId | undefined
      readonly limit: number
    }) => Effect.Effect<ReadonlyArray<TaskRow>, JournalError>
    /** Who drives the run now, if anybody does. */
    readonly holder: (run: RunId) => Effect.Effect<Option.Option<Owner>, JournalError>
    /** Makes the projections (`runs`, `tasks`) again from the entries alone; answers how many rows were different. */
    readonly rebuild: Effect.Effect<number, JournalError>
    /** Entries as they are stored, unread and unchecked: what the ledger is verified from. */
    readonly stored: (run: RunId, from: number) => Stream.Stream<Stored, JournalError>
    /** Roots as they were written, by size. */
    readonly roots: (run: RunId) => Stream.Stream<Root, JournalError>
    /** Of all runs that have left anything, in order. */
    readonly ids: Stream.Stream<RunId, JournalError>
  }
>() {}
