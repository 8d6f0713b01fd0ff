/**
 * The runs that this process owns, as far as this process knows: what is on its way to the store, what has come in the
 * mail, and whether the run is still ours. The writer, the lease and the mail each change their part; none of them
 * needs to know another.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type { RunId } from "../domain/RunId.js"
import type { Acquire } from "./Driver.js"
import type { JournalError, OwnedRun } from "./Journal.js"
import type * as MerkleTree from "./MerkleTree.js"
import type * as Row from "./Row.js"

/** What a run needs to come into being, but for the time its lease is to last. */
export type Birth = Omit<Acquire, "expiresAt">

/** A run that this process owns. */
export class Owned implements OwnedRun {
  readonly lost: Deferred.Deferred<never, JournalError> = Deferred.unsafeMake(FiberId.none)
  readonly mail = new Mailbox()
  /** What was staged and not yet taken. */
  pending: Pending | undefined
  /** What is being committed. */
  flying: Pending | undefined
  /** Staged while the answer to a `park` is still out. */
  after: Pending | undefined
  failure: JournalError | undefined
  /** The lease was given back, or never taken. */
  closed = false

  constructor(
    readonly run: RunId,
    readonly epoch: number,
    readonly key: Uint8Array,
    /** Number of the next entry. */
    public next: number,
    /** Until the first entry commits. */
    public acquire: Birth | undefined,
    public expiresAt: number,
    /** Over the entries before `next`. */
    public frontier: MerkleTree.Frontier
  ) {}

  get isResting(): boolean {
    return this.pending?.rest !== undefined || this.flying?.rest !== undefined
  }

  /** Created, and nothing staged yet: there is nothing to give back. */
  get isUnborn(): boolean {
    return this.acquire !== undefined && this.pending === undefined && this.flying === undefined
  }

  /** Nothing more is taken for the run. What was staged before is still written, if it can be: it happened. */
  lose(error: JournalError): void {
    if (this.failure !== undefined) return
    this.failure = error
    Deferred.unsafeDone(this.lost, Exit.fail(error))
    this.mail.ring()
  }
}

/** The letters of one run, as far as its owner has heard of them. Numbers are `order`s of letters. */
class Mailbox {
  arrived = 0
  rung = 0
  /** How many wait for `bell`. */
  waiting = 0
  bell: Deferred.Deferred<void> | undefined

  ring(): void {
    if (this.bell === undefined) return
    this.rung = this.arrived
    Deferred.unsafeDone(this.bell, Exit.void)
    this.bell = undefined
  }

  arrive(order: number): void {
    this.arrived = Math.max(this.arrived, order)
    if (this.arrived > this.rung) this.ring()
  }
}

interface Parking {
  readonly _tag: "Park"
  readonly unplaced: Row.Unplaced
}
export type Rest = Parking | { readonly _tag: "Release" }

/** False: all but the `park` was written. */
export type Written = Effect.Effect<boolean, JournalError>

/** What one run has in one batch, before its entries have numbers. */
export class Pending {
  readonly unplaced: Array<Row.Unplaced> = []
  readonly letters: Array<string> = []
  rest: Rest | undefined
  size = 0
  private readonly waiters: Array<(answer: Written) => void> = []
  private answer: Written | undefined

  constructor(readonly owned: Owned) {}

  /** Waiters are resumed by hand: a `Deferred` for each slice would be a tenth of all that the writer costs. */
  readonly written: Written = Effect.async((resume) => {
    if (this.answer === undefined) this.waiters.push(resume)
    else resume(this.answer)
  })

  settle(answer: Written): void {
    this.answer = answer
    for (const resume of this.waiters) resume(answer)
  }
}

/** Runs owned by this process and not given back. */
export class Live implements Iterable<Owned> {
  private readonly runs = new Set<Owned>()
  private added: (() => void) | undefined

  get size(): number {
    return this.runs.size
  }

  [Symbol.iterator](): Iterator<Owned> {
    return this.runs[Symbol.iterator]()
  }

  add(owned: Owned): void {
    this.runs.add(owned)
    this.added?.()
  }

  delete(owned: Owned): void {
    this.runs.delete(owned)
  }

  /** Returns as soon as a run is owned. One fiber may wait at a time. */
  readonly owning: Effect.Effect<void> = Effect.async((resume) => {
    if (this.runs.size > 0) return resume(Effect.void)
    this.added = () => {
      this.added = undefined
      resume(Effect.void)
    }
  })
}
