/**
 * What a backend fills: encoded rows in, encoded rows out, each operation one transaction. Everything that is asked is
 * data, so that a backend may run it wherever its transactions live; the rules stand in `Lease`, `Inbox` and `RunIndex`
 * and hold for all backends. A driver serves one tenant.
 *
 * An operation that fails has written nothing.
 */
import type * as Effect from "effect/Effect"
import type { Digest } from "../domain/Digest.js"
import type { Short } from "../domain/Pool.js"
import type { RunId } from "../domain/RunId.js"
import type { StepPath } from "../domain/StepPath.js"
import type {
  JournalError,
  KeptPlan,
  Leaf,
  LogKey,
  Owner,
  PoolRow,
  Queued,
  Root,
  RunFilter,
  Sealed,
  StoreInfo
} from "./Journal.js"
import type * as Kept from "./Kept.js"
import type { Change, Difference, Projection, RunRow, RunStatus, TaskRow } from "./RunIndex.js"

/**
 * An entry as it is stored. `head` is canonical JSON and is what a ledger hashes; it names the payload only by a salted
 * commitment, so payload, salt and blob can be encrypted or erased without touching it.
 */
export interface Row {
  readonly seq: number
  readonly head: string
  /** Canonical JSON. */
  readonly payload: string | null
  readonly salt: Uint8Array | null
  /** Address of the payload in the run's blobs, when it is not in the row. */
  readonly blob: string | null
  /** Why payload and salt, which are null here, cannot be read: never of a backend's own; see `SealedDriver`. */
  readonly unread?: Unread | undefined
}

/** `Key`: they are encrypted, and the key is not here. `Corrupt`: they are not what was encrypted for this place. */
export interface Unread {
  readonly reason: "Key" | "Corrupt"
  readonly why: string
}

export interface Blob {
  readonly address: string
  readonly bytes: Uint8Array
}

/** Written together or not at all. */
export interface Writing {
  readonly rows: ReadonlyArray<Row>
  readonly roots: ReadonlyArray<Root>
  /** An address that the run has already is left alone. */
  readonly blobs: ReadonlyArray<Blob>
  /** Ids of letters taken. */
  readonly letters: ReadonlyArray<string>
  readonly changes: ReadonlyArray<Change>
}

/** A run's first entries bring its lease with them, so that a new run costs no commit of its own. */
export interface Acquire {
  readonly owner: Owner
  readonly expiresAt: number
  /** Keys the addresses of the run's blobs; see `RunKey` for what a backend stores of it. */
  readonly key: Uint8Array
  readonly plan: KeptPlan
}

/** `Park`: write this and give the lease back, but only if no letter is left untaken. `Release`: give it back. */
export type Rest = { readonly _tag: "Park"; readonly writing: Writing } | { readonly _tag: "Release" }

/** What one owner has in one batch. Written only if the lease has this epoch and is not given back. */
export interface Slice extends Writing {
  readonly run: RunId
  readonly epoch: number
  readonly acquire: Acquire | undefined
  readonly rest: Rest | undefined
}

/**
 * `Refused`: the lease is not ours (any more), or a new run's id is taken; nothing of the slice was written.
 * `LettersWaiting`: all was written but its `Park`. `Short`: claims that do not fit; nothing of the slice was written.
 */
export type Answer =
  | { readonly _tag: "Written" }
  | { readonly _tag: "LettersWaiting" }
  | { readonly _tag: "Short"; readonly shorts: ReadonlyArray<Shortage> }
  | { readonly _tag: "Refused"; readonly holder: Owner | null }

/** A claim that was not met, by the number of its entry. */
export interface Shortage extends Short {
  readonly seq: number
}

export interface LeaseRow {
  /** Null when given back. The row stays, so that epochs never go back. */
  readonly owner: Owner | null
  readonly epoch: number
  readonly expiresAt: number
}

export interface Taken {
  readonly epoch: number
  /** Sequence number of the next entry. */
  readonly next: number
  readonly key: Uint8Array
}

export interface LetterRow {
  readonly id: string
  /** The letter, as canonical JSON. */
  readonly data: string
  readonly at: number
}

export interface NewLetter extends LetterRow {
  readonly run: RunId
  readonly kind: "Answer" | "Cancel" | "Signal"
  /** Of the task that it answers. */
  readonly path: StepPath | null
}

/** `order` grows with every letter that is left in the store. */
export type Delivery =
  | { readonly _tag: "Left"; readonly order: number }
  | { readonly _tag: "Unknown" }
  | { readonly _tag: "Ended"; readonly status: RunStatus }
  | { readonly _tag: "NoTask"; readonly open: ReadonlyArray<StepPath> }
  | { readonly _tag: "Taken"; readonly first: LetterRow }

export interface Driver {
  /** Names the store in messages. */
  readonly name: string
  /** All slices in one transaction, one answer for each. Two that would make the same run are one and a refused one. */
  readonly commit: (slices: ReadonlyArray<Slice>) => Effect.Effect<ReadonlyArray<Answer>, JournalError>
  /** Rows with `seq >= from` in order, at most `limit`. */
  readonly select: (page: {
    readonly run: RunId
    readonly from: number
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<Row>, JournalError>
  /** Of the entries alone their heads, in the same order. */
  readonly heads: (page: {
    readonly run: RunId
    readonly from: number
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<string>, JournalError>
  /** Those of more than `after` entries, by size, at most `limit`. */
  readonly roots: (page: {
    readonly run: RunId
    readonly after: number
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<Root>, JournalError>
  readonly blob: (key: {
    readonly run: RunId
    readonly address: string
  }) => Effect.Effect<Uint8Array | undefined, JournalError>
  readonly lease: (run: RunId) => Effect.Effect<LeaseRow | undefined, JournalError>
  /** Gives the lease to `owner` with the next epoch, if it is still as `seen`. */
  readonly take: (wish: {
    readonly run: RunId
    readonly seen: LeaseRow
    readonly owner: Owner
    readonly expiresAt: number
  }) => Effect.Effect<Taken | undefined, JournalError>
  /** One statement for all; answers the leases among `runs` that `owner` still has. */
  readonly renew: (wish: {
    readonly runs: ReadonlyArray<RunId>
    readonly owner: Owner
    readonly expiresAt: number
  }) => Effect.Effect<ReadonlyArray<{ readonly run: string; readonly epoch: number }>, JournalError>
  /** Nothing happens if the lease has another epoch. */
  readonly giveBack: (lease: { readonly run: RunId; readonly epoch: number }) => Effect.Effect<void, JournalError>
  /** Locks the run, asks `Inbox.judge`, and leaves the letter; a suspended run becomes `ready`. */
  readonly deliver: (letter: NewLetter) => Effect.Effect<Delivery, JournalError>
  /** Letters not taken, oldest first. */
  readonly letters: (run: RunId) => Effect.Effect<ReadonlyArray<LetterRow>, JournalError>
  /** Those of `runs` that have a letter not taken, with the `order` of the last one. */
  readonly waiting: (
    runs: ReadonlyArray<RunId>
  ) => Effect.Effect<ReadonlyArray<{ readonly run: string; readonly order: number }>, JournalError>
  /** Undefined: there is no such run, or nothing is left of its key. */
  readonly runKey: (run: RunId) => Effect.Effect<Uint8Array | undefined, JournalError>
  /** By run, those after `after`. */
  readonly runKeys: (page: {
    readonly after: RunId | undefined
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<{ readonly run: RunId; readonly key: Uint8Array }>, JournalError>
  /** Puts `key` in place of `seen`; false, and nothing done, if the run has another one. */
  readonly putRunKey: (change: {
    readonly run: RunId
    readonly seen: Uint8Array
    readonly key: Uint8Array
  }) => Effect.Effect<boolean, JournalError>
  /** One that is there already is left alone. */
  readonly putPlan: (plan: KeptPlan) => Effect.Effect<void, JournalError>
  /** What a cached step answered under `key`. */
  readonly recall: (key: Digest) => Effect.Effect<Kept.Row | undefined, JournalError>
  /** Puts the row in place of the one with its key; removes what had expired by then, and the oldest over `max`. */
  readonly keep: (row: Kept.Row, max: number) => Effect.Effect<void, JournalError>
  readonly plan: (digest: Digest) => Effect.Effect<string | undefined, JournalError>
  readonly run: (run: RunId) => Effect.Effect<RunRow | undefined, JournalError>
  readonly runs: (filter: RunFilter) => Effect.Effect<ReadonlyArray<RunRow>, JournalError>
  readonly tasks: (filter: {
    readonly run?: RunId | undefined
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<TaskRow>, JournalError>
  readonly pools: (names: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<PoolRow>, JournalError>
  readonly shares: (run: RunId) => Effect.Effect<ReadonlyArray<PoolRow>, JournalError>
  /** Ids of all runs that have an entry or a row in a projection, in order, after `after`. */
  readonly ids: (page: {
    readonly after: RunId | undefined
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<RunId>, JournalError>
  /**
   * Puts the run's projection in place of what is stored, unless `isDry`, and answers which rows were different;
   * undefined, and nothing done, if the run does not have exactly `count` entries (any more).
   */
  readonly project: (made: {
    readonly run: RunId
    readonly count: number
    readonly projection: Projection
    readonly isDry: boolean
  }) => Effect.Effect<ReadonlyArray<Difference> | undefined, JournalError>
  /** Roots that are in no log yet, in the order in which they were written, after `after`. */
  readonly queued: (page: {
    readonly after: number
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<Queued>, JournalError>
  /** Leaves of the log from number `from` on, in order. */
  readonly log: (page: {
    readonly from: number
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<Leaf>, JournalError>
  readonly logOf: (run: RunId) => Effect.Effect<ReadonlyArray<Leaf>, JournalError>
  /**
   * Takes `leaves` off the queue, appends them to the log and keeps the checkpoint over them, all at once; false, and
   * nothing done, if the log does not have exactly `from` leaves (any more).
   */
  readonly seal: (sealing: {
    readonly from: number
    readonly leaves: ReadonlyArray<Queued>
    readonly sealed: Sealed
    /** Of the tree, as text. */
    readonly frontier: string
  }) => Effect.Effect<boolean, JournalError>
  readonly lastSealed: Effect.Effect<{ readonly sealed: Sealed; readonly frontier: string } | undefined, JournalError>
  /** By size, those of more than `after` leaves. */
  readonly checkpoints: (page: {
    readonly after: number
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<Sealed>, JournalError>
  /** In order. */
  readonly keys: Effect.Effect<ReadonlyArray<LogKey>, JournalError>
  /** False, and nothing done, if there is one of this number. */
  readonly putKey: (key: LogKey) => Effect.Effect<boolean, JournalError>
  readonly info: Effect.Effect<StoreInfo, JournalError>
  /** What the rows of a run hold: heads, payloads, blobs, letters. */
  readonly bytesOf: (run: RunId) => Effect.Effect<number, JournalError>
  /**
   * Removes every row of a run that has ended and is held by nobody, and queues a leaf that says so, all at once; false, and
   * nothing done, otherwise. Plans stay, what the log has, and what was spent of limits that runs share.
   */
  readonly forget: (run: RunId) => Effect.Effect<boolean, JournalError>
  /**
   * Appends an entry that says that the run was erased, and removes what was said in it, all at once: payloads and their
   * salts, blobs, letters, what the cache kept of it, open tasks, its key; then gives the lease back. False, and nothing done, if
   * the lease has another epoch.
   */
  readonly erase: (erasing: {
    readonly run: RunId
    readonly epoch: number
    readonly row: Row
    readonly roots: ReadonlyArray<Root>
    readonly changes: ReadonlyArray<Change>
  }) => Effect.Effect<boolean, JournalError>
  readonly vacuum: Effect.Effect<void, JournalError>
}

/** Of a driver: the log of its store, and what is asked of the store as such. */
export type LogOperations = Pick<
  Driver,
  | "queued"
  | "log"
  | "logOf"
  | "seal"
  | "lastSealed"
  | "checkpoints"
  | "keys"
  | "putKey"
  | "info"
  | "bytesOf"
  | "forget"
  | "vacuum"
>
