/**
 * The journal: the append-only record of every run, and the only state there is. Entries of a run are numbered from 0
 * without gaps. A run has at most one owner, who holds its lease; only the owner appends, and every append carries the
 * lease's epoch. Everybody else leaves a letter in the inbox.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Deferred from "effect/Deferred"
import type * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { Digest } from "../domain/Digest.js"
import type { Entry, Event, Headed } from "../domain/Event.js"
import type { Json } from "../domain/Json.js"
import type { Letter } from "../domain/Letter.js"
import type * as Pool from "../domain/Pool.js"
import type { RunId } from "../domain/RunId.js"
import type { Kept } from "./Kept.js"
import type { Difference, RunRow, TaskRow } from "./RunIndex.js"
import type { Signer } from "./SignedNote.js"

/**
 * `Conflict`: another owner took the run; stop. `Corrupt`: what is stored cannot be read; stop and tell a person.
 * `Foreign`: the file is not a flujo database. `Newer`: it was written by a newer flujo. `Locked`, `ReadOnly`, `Full`:
 * as the names say. `TooLarge`: a payload over the limit. `Unavailable`: the store did not answer. `Key`: what is stored is
 * encrypted, or is to be, and the key is not here. Nothing was written.
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
    "Unavailable",
    "Key"
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
  /** Written only if it fits into each of these, for a run that has an entry already; else `denied` is written instead. */
  readonly claim?: Claim | undefined
}

/** What an entry takes out of limits that runs share. */
export interface Claim {
  readonly pools: ReadonlyArray<Pool.Pool>
  /** Called once, before the barrier behind the claim returns. */
  readonly denied: (short: Pool.Short) => Omit<Staged, "claim">
}

/** A limit that runs share, as it stands. */
export interface PoolRow extends Pool.Share {
  readonly pool: string
}

/** An entry as it is stored, its payload wherever that stands. */
export interface Stored {
  readonly seq: number
  readonly head: string
  /** Text, or its UTF-8. */
  readonly payload: string | Uint8Array | null
  readonly salt: Uint8Array | null
  /** Why payload and salt, which are null here, cannot be read; see `Driver.Unread`. */
  readonly unread?: { readonly reason: "Key" | "Corrupt"; readonly why: string } | undefined
}

/** Root of the Merkle tree over the first `size` entries of a run, in lower-case hexadecimal. See `Ledger.ts`. */
export interface Root {
  readonly size: number
  readonly root: string
}

/** A plan by its digest, its text canonical JSON. */
export interface KeptPlan {
  readonly digest: Digest
  readonly json: string
}

/** A whole run, as it is taken from one store to another. */
export interface RunCopy {
  readonly run: RunId
  /** Those that its entries name, in that order. */
  readonly plans: ReadonlyArray<KeptPlan>
  readonly entries: ReadonlyArray<Stored>
  readonly roots: ReadonlyArray<Root>
  /** Not taken yet. */
  readonly letters: ReadonlyArray<StoredLetter>
}

/** The root of the first `size` entries of a run; `gone`: its last one, when the run was dropped. */
export interface Leaf {
  readonly run: string
  readonly size: number
  readonly root: string
  readonly gone?: boolean | undefined
}

/** `order`: of the queue. */
export interface Queued extends Leaf {
  readonly order: number
}

/** A checkpoint as it is stored. */
export interface Sealed {
  readonly origin: string
  readonly size: number
  /** The signed note. */
  readonly note: string
  readonly at: number
}

/** A key of the log, from the leaf `size` on. */
export interface LogKey {
  readonly number: number
  /** `SignedNote.showVerifier`. */
  readonly verifier: string
  /** The note with which the key before vouches for this one; null for the first, and after a loss. */
  readonly vouched: string | null
  readonly size: number
  readonly at: number
}

/**
 * `Lost`: the store knows a key, and it is not here. `Unknown`: the key that is here is not the store's last one. `Unusable`:
 * it cannot be read, made or written. Nothing was signed.
 */
export class KeyError extends Data.TaggedError("KeyError")<{
  readonly reason: "Lost" | "Unknown" | "Unusable"
  readonly detail: string
}> {
  override get message(): string {
    return this.detail
  }
}

/** Answers the key to sign with, the store having these. */
export type KeyHolder = (keys: ReadonlyArray<LogKey>) => Effect.Effect<Signer, KeyError>

export interface Log {
  readonly leaves: (from: number) => Stream.Stream<Leaf, JournalError>
  readonly leavesOf: (run: RunId) => Effect.Effect<ReadonlyArray<Leaf>, JournalError>
  /** Roots that no checkpoint is over yet. */
  readonly queued: Stream.Stream<Queued, JournalError>
  /** By size. */
  readonly checkpoints: Stream.Stream<Sealed, JournalError>
  readonly last: Effect.Effect<Option.Option<Sealed>, JournalError>
  readonly keys: Effect.Effect<ReadonlyArray<LogKey>, JournalError>
  /** Another key from here on; false, and nothing done, if there are not `number` of them. */
  readonly addKey: (key: Omit<LogKey, "size" | "at">) => Effect.Effect<boolean, JournalError>
  /**
   * Takes in the log of another store, all of whose runs are here; false, and nothing done, where this one has a log of its own
   * already, or roots are missing.
   */
  readonly adopt: (copy: {
    readonly keys: ReadonlyArray<LogKey>
    readonly checkpoints: ReadonlyArray<Sealed>
    readonly leaves: ReadonlyArray<Leaf>
  }) => Effect.Effect<boolean, JournalError>
  /** Signs over all that has queued; the last checkpoint if nothing has. None: there is nothing at all. */
  readonly seal: (holder: KeyHolder) => Effect.Effect<Option.Option<Sealed>, JournalError | KeyError>
}

/** What is kept, in numbers. */
export interface StoreInfo {
  /** Of the tables, as this flujo knows them. */
  readonly version: number
  /** What all of it occupies. */
  readonly bytes: number
  readonly entries: number
  readonly runsByStatus: Readonly<Record<string, number>>
}

/** Of the store as such, beside its runs. */
export interface Store {
  readonly info: Effect.Effect<StoreInfo, JournalError>
  /** The run that this one is a fork of. */
  readonly parentOf: (run: RunId) => Effect.Effect<string | undefined, JournalError>
  /** What the entries, blobs and letters of a run hold. */
  readonly bytesOf: (run: RunId) => Effect.Effect<number, JournalError>
  /**
   * Drops a run that has ended, and that nobody drives; false, and nothing done, otherwise. That it is gone is a leaf of the
   * log, so that no other run can be made to have never been.
   */
  readonly forget: (run: RunId) => Effect.Effect<boolean, JournalError>
  /** Gives what was dropped back to the file system, as far as the store can. */
  readonly vacuum: Effect.Effect<void, JournalError>
  readonly encryption: StoreEncryption
}

/** The keys of the runs of a store. */
export interface StoreEncryption {
  /** How many runs each wrapping key wraps, as people know it; under undefined those that are not encrypted. */
  readonly runsByKey: Effect.Effect<ReadonlyMap<string | undefined, number>, JournalError>
  /** The key that wraps that of a run, as people know it; undefined where the run is not encrypted. */
  readonly keyOf: (run: RunId) => Effect.Effect<string | undefined, JournalError>
  /**
   * Wraps the keys of all runs with the current key; what runs hold stays as it is. Answers how many it wrapped: cut, it goes
   * on where it was when it is asked again. Fails with `Key` at the first run whose key none of those given opens.
   */
  readonly rewrap: Effect.Effect<number, JournalError>
  /** Fails with `Key` unless the current key is at hand, and is the one that its id had before. */
  readonly ready: Effect.Effect<void, JournalError>
}

/** What the index had of a run. */
export interface Mended {
  /** As it stands there; it may be no id. */
  readonly run: string
  readonly entries: number
  readonly differences: ReadonlyArray<Difference>
  /** Why its entries cannot be read, where they cannot: then its index is left as it is. */
  readonly unreadable: string | undefined
}

export interface RunFilter {
  readonly status?: ReadonlyArray<RunRow["status"]> | undefined
  /** Runs whose id starts so. */
  readonly prefix?: string | undefined
  readonly pipeline?: string | undefined
  /** Runs of pipelines in whose name this stands, in whatever letters. */
  readonly name?: string | undefined
  readonly label?: readonly [name: string, value: string] | undefined
  /** Runs that started at this instant or later. */
  readonly since?: number | undefined
  /** Runs that started before this instant. */
  readonly until?: number | undefined
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
    readonly create: (run: RunId, plan: KeptPlan) => Effect.Effect<OwnedRun>
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
    /** A plan that a run is about to go by; one that is kept already is left alone. */
    readonly keepPlan: (plan: KeptPlan) => Effect.Effect<void, JournalError>
    readonly plan: (digest: Digest) => Effect.Effect<Option.Option<Json>, JournalError>
    /** As it is stored, unread and unchecked. */
    readonly planText: (digest: Digest) => Effect.Effect<Option.Option<string>, JournalError>
    readonly run: (run: RunId) => Effect.Effect<Option.Option<RunRow>, JournalError>
    readonly runs: (filter: RunFilter) => Effect.Effect<ReadonlyArray<RunRow>, JournalError>
    /** Open tasks, oldest first; of one run or of all. */
    readonly tasks: (filter: {
      readonly run?: RunId | undefined
      readonly limit: number
    }) => Effect.Effect<ReadonlyArray<TaskRow>, JournalError>
    /** Who drives the run now, if anybody does. */
    readonly holder: (run: RunId) => Effect.Effect<Option.Option<Owner>, JournalError>
    /** What was spent and is set aside of these shared limits; one that nothing was taken from is left out. */
    readonly pools: (names: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<PoolRow>, JournalError>
    /** What a run has of each. */
    readonly shares: (run: RunId) => Effect.Effect<ReadonlyArray<PoolRow>, JournalError>
    /** Makes the projections (`runs`, `tasks`, `pools`) again from the entries alone; answers how many rows were different. */
    readonly rebuild: Effect.Effect<number, JournalError>
    /**
     * Makes them again run by run, of all or of one, and answers what was not as the entries make it; with `isDry` what
     * is not, and nothing changes. An index row of a run that has no entries, or whose id is none, is `extra`.
     */
    readonly mend: (given: {
      readonly run?: string | undefined
      readonly isDry: boolean
    }) => Stream.Stream<Mended, JournalError>
    /** Entries without their payloads, for which no key is needed. What is left of one that was erased. */
    readonly heads: (run: RunId, from: number) => Stream.Stream<Entry<Headed>, JournalError>
    /** Entries as they are stored, unread and unchecked: what the ledger is verified from. */
    readonly stored: (run: RunId, from: number) => Stream.Stream<Stored, JournalError>
    /**
     * One of them read, its payload, where it can be read, known to be the one that its head commits to. Left: what is wrong
     * with it.
     */
    readonly entryOf: (run: RunId, stored: Stored) => Either.Either<Entry<Headed>, string>
    /**
     * Takes in a run that was verified elsewhere, all at once; false, and nothing done, if its id is in use. What this
     * version cannot read, or what belongs to another tenant, fails as `Corrupt`.
     */
    readonly restore: (copy: RunCopy) => Effect.Effect<boolean, JournalError>
    /** Roots as they were written, by size. */
    readonly roots: (run: RunId) => Stream.Stream<Root, JournalError>
    /** Of all runs that have left anything, in order. */
    readonly ids: Stream.Stream<RunId, JournalError>
    /** The store as such. */
    readonly store: Store
    /** Of the whole store: the roots of its runs, under signed checkpoints. */
    readonly log: Log
  }
>() {}
