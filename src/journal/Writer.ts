/**
 * The one writer of a store. Staging is handing an entry to it; a barrier only awaits. It takes all that was staged,
 * gives each entry its number in the order of staging, and commits the whole batch as one transaction; it yields once
 * before it takes, so that runs that go on together are written together, and never lingers on a clock. If a batch
 * fails, each run's slice is tried alone, all or nothing. A run whose slice failed is lost: what it stages later is
 * dropped without being tried, so that no entry is ever written after a gap.
 *
 * An entry that claims of a limit that runs share is written, or another one in its place and with its number.
 */
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import type { Entry } from "../domain/Event.js"
import type { Answer, Blob, Driver, Shortage, Slice, Row as StoredRow } from "./Driver.js"
import { type Claim, JournalError, type Root, type Staged } from "./Journal.js"
import * as Lease from "./Lease.js"
import * as Ledger from "./Ledger.js"
import type * as MerkleTree from "./MerkleTree.js"
import { Live, type Owned, Pending, type Rest } from "./Owned.js"
import type * as Row from "./Row.js"
import * as RunIndex from "./RunIndex.js"

export interface Options {
  readonly clock: Clock.Clock
  readonly leaseMillis: number
  /** Lets timers and sockets of the process have a turn: commits may follow one another without end. */
  readonly breathe?: Effect.Effect<void> | undefined
  /** Past this many bytes not yet written, barriers wait also for what others staged. */
  readonly queueBytesMax: number
  /** Called after each commit, once for each run in it. */
  readonly published: (entries: ReadonlyArray<Entry>) => void
}

interface Placed {
  readonly pending: Pending
  readonly slice: Slice
  readonly entries: ReadonlyArray<Entry>
  /** Over all entries of the run and these. */
  readonly frontier: MerkleTree.Frontier
  /** Written too if the run is parked. */
  readonly parked: ReadonlyArray<Entry>
}

export interface Writer {
  /** A run that is added here is this writer's to write. */
  readonly live: Live
  readonly stage: (owned: Owned, staged: Staged) => void
  readonly discard: (owned: Owned, letter: string) => void
  readonly barrier: (owned: Owned) => Effect.Effect<void, JournalError>
  readonly park: (owned: Owned, staged: Staged) => Effect.Effect<boolean, JournalError>
  readonly release: (owned: Owned) => Effect.Effect<void>
}

const nothing: ReadonlyArray<never> = []
const written = Effect.succeed(true)
const lettersWaiting = Effect.succeed(false)

export const make = (driver: Driver, codec: Row.Codec, options: Options): Effect.Effect<Writer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const live = new Live()
    let queue: Array<Pending> = []
    let queueBytes = 0
    let wake: (() => void) | undefined
    let room: Deferred.Deferred<void> | undefined
    let ending = false
    let ended: JournalError | undefined

    /** Loses the run and drops what is under way: written now, it would follow a gap. */
    const drop = (owned: Owned, error: JournalError): void => {
      owned.lose(error)
      const exit = Exit.fail(error)
      owned.flying?.settle(exit)
      owned.pending?.settle(exit)
      owned.after?.settle(exit)
      owned.flying = undefined
      owned.pending = undefined
      owned.after = undefined
    }

    const close = (owned: Owned): void => {
      owned.closed = true
      live.delete(owned)
      owned.mail.ring()
      if (owned.after !== undefined) drop(owned, givenBack(owned))
    }

    const enqueue = (pending: Pending): void => {
      pending.owned.pending = pending
      queue.push(pending)
      queueBytes += pending.size
      wake?.()
    }

    /** Where the next thing of the run goes; undefined if it is dropped. */
    const open = (owned: Owned): Pending | undefined => {
      if (owned.failure !== undefined) return undefined
      if (ended !== undefined || owned.closed) {
        owned.lose(ended ?? givenBack(owned))
        return undefined
      }
      if (owned.isResting) {
        owned.after ??= new Pending(owned)
        return owned.after
      }
      if (owned.pending === undefined) enqueue(new Pending(owned))
      return owned.pending
    }

    const encode = (owned: Owned, staged: Staged): Row.Unplaced | undefined => {
      if (owned.failure !== undefined) return undefined
      const encoded = codec.encode(owned, staged)
      if (typeof encoded !== "number") return encoded
      owned.lose(tooLarge(owned, staged, encoded))
      return undefined
    }

    const stage: Writer["stage"] = (owned, staged) => {
      if (staged.claim !== undefined && owned.acquire !== undefined) {
        throw new Error(`run ${owned.run} claims before it has an entry`)
      }
      // Encoded before a slice is opened for it: what cannot be encoded leaves nothing behind.
      const unplaced = encode(owned, staged)
      if (unplaced === undefined) return
      const pending = open(owned)
      if (pending === undefined) return
      pending.unplaced.push(unplaced)
      if (staged.letter !== undefined) pending.letters.push(staged.letter)
      pending.size += unplaced.size
      // What waits for the answer to a `park` is counted when it joins the queue.
      if (pending !== owned.after) queueBytes += unplaced.size
    }

    /** Closes the slice in progress with `rest`, and awaits it. */
    const rest = (owned: Owned, how: Rest): Effect.Effect<boolean, JournalError> => {
      const pending = open(owned)
      if (pending === undefined) return fail(owned)
      pending.rest = how
      return pending.written
    }

    const release = (owned: Owned): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (owned.closed) return Effect.void
        const last = owned.pending ?? owned.flying
        // What is on its way comes first: the rest of a lost run, or a park that a letter may yet stop.
        if (last !== undefined && (owned.failure !== undefined || last.rest !== undefined)) {
          return Effect.zipRight(Effect.ignore(last.written), release(owned))
        }
        return owned.failure !== undefined || ended !== undefined || owned.isUnborn
          ? giveBack(owned)
          : Effect.catchAll(rest(owned, { _tag: "Release" }), () => giveBack(owned))
      })

    /** Best effort: a lease that cannot be given back runs out. */
    const giveBack = (owned: Owned): Effect.Effect<void> =>
      Effect.suspend(() => {
        close(owned)
        // A run that never came into being has no lease; if its id exists, that lease is somebody else's.
        return owned.acquire === undefined ? Effect.ignore(driver.giveBack(owned)) : Effect.void
      })

    const place = (pending: Pending, now: number): Placed => {
      const { letters, owned, rest, unplaced } = pending
      const writing = growing()
      const entries: Array<Entry> = []
      for (const one of unplaced) entries.push(put(writing, owned, one, owned.next + entries.length))
      const frontier = Ledger.grow(owned.frontier, writing.rows, entries, writing.roots)
      const parting = growing()
      const parked = rest?._tag === "Park" ? [put(parting, owned, rest.unplaced, owned.next + entries.length)] : nothing
      Ledger.grow(frontier, parting.rows, parked, parting.roots)
      // Field by field: spreading `writing` costs more than all else that is done here.
      const slice: Slice = {
        run: owned.run,
        epoch: owned.epoch,
        acquire: owned.acquire && { ...owned.acquire, expiresAt: now + options.leaseMillis },
        rows: writing.rows,
        roots: writing.roots,
        blobs: writing.blobs,
        letters,
        changes: writing.changes,
        rest: rest?._tag === "Park" ? { _tag: "Park", writing: { ...parting, letters: nothing } } : rest
      }
      return { pending, slice, entries, frontier, parked }
    }

    const put = (into: Growing, owned: Owned, unplaced: Row.Unplaced, seq: number): Entry => {
      const { at, claim, event } = unplaced.staged
      const entry = { run: owned.run, seq, at, epoch: owned.epoch, event }
      into.rows.push(codec.place(unplaced, seq))
      if (unplaced.blob !== null) into.blobs.push(unplaced.blob)
      for (const change of RunIndex.changes(entry))
        into.changes.push(claim === undefined ? change : claimed(change, claim))
      return entry
    }

    /** Once more, with what is written in place of claims that do not fit. */
    const denied = ({ pending, slice }: Placed, shorts: ReadonlyArray<Shortage>, now: number): Placed | undefined => {
      const { owned, unplaced } = pending
      const first = slice.rows[0]?.seq ?? 0
      for (const { seq, ...short } of shorts) {
        const claim = unplaced[seq - first]?.staged.claim
        const instead = claim === undefined ? undefined : encode(owned, claim.denied(short))
        // The store named an entry that claims nothing: whatever it is, the run cannot go on from there.
        if (instead === undefined) {
          drop(owned, owned.failure ?? hasDied(driver))
          return undefined
        }
        unplaced[seq - first] = instead
      }
      return place(pending, now)
    }

    const settle = (
      { entries, frontier, parked, pending, slice }: Placed,
      answer: Exclude<Answer, { readonly _tag: "Short" }>
    ): void => {
      const { owned } = pending
      if (answer._tag === "Refused") {
        drop(owned, slice.acquire === undefined ? Lease.takenOver(owned.run, answer.holder) : alreadyThere(owned))
        return
      }
      owned.flying = undefined
      const isParked = slice.rest?._tag === "Park" && answer._tag === "Written"
      owned.next += entries.length + (isParked ? parked.length : 0)
      // A parked run is closed: nothing is appended to it from here.
      owned.frontier = frontier
      if (slice.acquire !== undefined) {
        owned.acquire = undefined
        owned.expiresAt = slice.acquire.expiresAt
      }
      options.published(entries)
      if (isParked) options.published(parked)
      if (isParked || slice.rest?._tag === "Release") close(owned)
      else if (owned.after !== undefined) {
        enqueue(owned.after)
        owned.after = undefined
      }
      pending.settle(answer._tag === "Written" ? written : lettersWaiting)
    }

    const write = (batch: ReadonlyArray<Placed>, now: number): Effect.Effect<void> =>
      Effect.matchEffect(driver.commit(batch.map(({ slice }) => slice)), {
        onFailure: (error) => {
          // A store that is locked is locked for each of them, and each would wait for it once more.
          if (batch.length > 1 && error.reason !== "Locked") {
            return Effect.forEach(batch, (placed) => write([placed], now), { discard: true })
          }
          for (const { pending } of batch) drop(pending.owned, error)
          return Effect.void
        },
        onSuccess: (answers) => {
          const again: Array<Placed> = []
          for (let i = 0; i < batch.length; i++) {
            const answer = answers[i]!
            if (answer._tag !== "Short") settle(batch[i]!, answer)
            else {
              const placed = denied(batch[i]!, answer.shorts, now)
              if (placed !== undefined) again.push(placed)
            }
          }
          // Each time a claim fewer.
          return again.length === 0 ? Effect.void : write(again, now)
        }
      })

    const flush = Effect.suspend(() => {
      const now = options.clock.unsafeCurrentTimeMillis()
      const taken = queue
      queue = []
      queueBytes = 0
      const batch: Array<Placed> = []
      for (const pending of taken) {
        const { owned } = pending
        // A run may have been lost since.
        if (owned.pending !== pending) continue
        owned.pending = undefined
        owned.flying = pending
        batch.push(place(pending, now))
      }
      return batch.length === 0 ? Effect.void : write(batch, now)
    })

    const makeRoom = (): void => {
      if (room === undefined || (queueBytes > options.queueBytesMax && ended === undefined)) return
      Deferred.unsafeDone(room, Exit.void)
      room = undefined
    }

    const idle = Effect.async<void>((resume) => {
      // Looked at here and not before: the fiber may have yielded in between.
      if (queue.length > 0 || ending) return resume(Effect.void)
      wake = () => {
        wake = undefined
        resume(Effect.void)
      }
    })

    const loop = Effect.gen(function* () {
      for (let count = 1; ; count++) {
        if (queue.length === 0) {
          if (ending) return
          yield* idle
        }
        // Others that are about to stage get their turn first, and are then written together.
        yield* Effect.yieldNow()
        yield* flush
        makeRoom()
        if (count % flushesPerBreath === 0) yield* options.breathe ?? nextTurn
      }
    })

    const supervised = Effect.onExit(loop, (exit) =>
      Effect.sync(() => {
        // However it ended, nobody may wait for it any more.
        const error = Exit.isSuccess(exit) ? hasClosed(driver) : hasDied(driver)
        ended = error
        for (const owned of live) drop(owned, error)
        makeRoom()
      })
    )

    // Whoever closes the store has stopped its runs before, so what is still staged is the last there is: it is
    // written, and the leases are given back, before the writer ends.
    const finish = (fiber: Fiber.Fiber<void>): Effect.Effect<void> =>
      Effect.suspend(() => {
        for (const owned of live) {
          if (owned.failure !== undefined || owned.isResting || owned.isUnborn) continue
          const last = open(owned)
          if (last !== undefined) last.rest = { _tag: "Release" }
        }
        ending = true
        wake?.()
        return Effect.zipRight(Fiber.await(fiber), Effect.forEach(Array.from(live), giveBack, { discard: true }))
      })

    yield* Effect.acquireRelease(
      Effect.forkDaemon(Effect.withTracerEnabled(Effect.interruptible(supervised), false)),
      finish
    )

    return {
      live,
      stage,
      discard: (owned, letter) => {
        if (!owned.isUnborn) open(owned)?.letters.push(letter)
      },
      barrier: (owned) =>
        Effect.suspend((): Effect.Effect<void, JournalError> => {
          if (owned.failure !== undefined) return fail(owned)
          const last = owned.after ?? owned.pending ?? owned.flying
          if (last !== undefined) return Effect.asVoid(last.written)
          // This is where back-pressure applies: staging never waits, so an owner that writes faster than the store
          // is held at its next barrier until the queue is short again.
          if (queueBytes <= options.queueBytesMax || ended !== undefined) return Effect.void
          room ??= Deferred.unsafeMake(FiberId.none)
          return Deferred.await(room)
        }),
      park: (owned, staged) =>
        Effect.suspend(() => {
          const unplaced = encode(owned, staged)
          return unplaced === undefined ? fail(owned) : rest(owned, { _tag: "Park", unplaced })
        }),
      release
    }
  })

interface Growing {
  readonly rows: Array<StoredRow>
  readonly roots: Array<Root>
  readonly blobs: Array<Blob>
  readonly changes: Array<RunIndex.Change>
}

const growing = (): Growing => ({ rows: [], roots: [], blobs: [], changes: [] })

const flushesPerBreath = 16

const claimed = (change: RunIndex.Change, { pools }: Claim): RunIndex.Change => {
  const pool = change._tag === "PoolMoved" ? pools.find(({ name }) => name === change.pool) : undefined
  return pool === undefined || change._tag !== "PoolMoved" ? change : { ...change, limits: pool.limits }
}

/** Of the event loop. */
const nextTurn = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

const fail = (owned: Owned): Effect.Effect<never, JournalError> => Effect.fail(owned.failure ?? givenBack(owned))

const givenBack = ({ run }: Owned): JournalError =>
  new JournalError({ reason: "Conflict", where: `run ${run}`, detail: "its lease was given back" })

const alreadyThere = ({ run }: Owned): JournalError =>
  new JournalError({ reason: "Conflict", where: `run ${run}`, detail: "there is a run with this id already" })

const tooLarge = ({ run }: Owned, { event }: Staged, size: number): JournalError =>
  new JournalError({
    reason: "TooLarge",
    where: `run ${run}`,
    detail: `the payload of ${event.kind} at "${event.path}" has ${size} bytes, which is over the limit`
  })

const hasClosed = ({ name }: Driver): JournalError =>
  new JournalError({ reason: "Unavailable", where: name, detail: "the journal was closed" })

const hasDied = ({ name }: Driver): JournalError =>
  new JournalError({ reason: "Unavailable", where: name, detail: "the journal's writer has stopped" })
