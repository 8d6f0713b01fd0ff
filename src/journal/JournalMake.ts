/**
 * A journal over any driver: the codec, the writer, the leases and the mail are the same for all of them.
 */
import { randomFillSync } from "node:crypto"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Entry, EventOf, Headed } from "../domain/Event.js"
import * as Json from "../domain/Json.js"
import type { RunId } from "../domain/RunId.js"
import * as StepPath from "../domain/StepPath.js"
import type { Blob, Driver, Row as StoredRow } from "./Driver.js"
import type { Encryption } from "./Encryption.js"
import * as Inbox from "./Inbox.js"
import {
  type Journal,
  JournalError,
  type KeyHolder,
  type Mended,
  type OwnedRun,
  type Owner,
  type Root,
  type RunCopy,
  type Stored,
  type StoredLetter
} from "./Journal.js"
import * as Kept from "./Kept.js"
import * as Lease from "./Lease.js"
import * as Ledger from "./Ledger.js"
import * as Log from "./Log.js"
import * as Mail from "./Mail.js"
import * as MerkleTree from "./MerkleTree.js"
import { Owned } from "./Owned.js"
import * as ProcessIdentity from "./ProcessIdentity.js"
import * as Row from "./Row.js"
import * as RunIndex from "./RunIndex.js"
import * as SealedDriver from "./SealedDriver.js"
import * as Sealer from "./Sealer.js"
import * as Writer from "./Writer.js"

export interface Options {
  readonly tenant?: string | undefined
  /** Of one payload; 16 MiB. */
  readonly payloadBytesMax?: number | undefined
  /** What may wait to be written before barriers hold their owners back; 16 MiB. */
  readonly queueBytesMax?: number | undefined
  /** How long a lease lasts unless renewed, which it is at a third of it; 15 s. */
  readonly leaseMillis?: number | undefined
  /** How often letters from other processes are looked for while a run waits; 200 ms. */
  readonly mailPollMillis?: number | undefined
  /** Entries that a reader of `committed` may be behind before it is cut off; a million. */
  readonly lagMax?: number | undefined
  /** Where salts and keys come from: bytes that nobody can guess. */
  readonly entropy?: ((size: number) => Uint8Array) | undefined
  readonly owner?: Owner | undefined
  /** Keys that what runs hold is encrypted with; see `SealedDriver`. Default: it is not. */
  readonly encryption?: Encryption | undefined
  /** Whether another process is gone. Default: as this machine says. */
  readonly isGone?: ((other: Owner, me: Owner) => boolean) | undefined
  /** Gives the rest of the process a turn between commits. Default: that of its event loop. */
  readonly breathe?: Effect.Effect<void> | undefined
  /** Signs checkpoints of the store's log over what is written, with the key that is answered. Default: nobody does. */
  readonly sealing?: KeyHolder | undefined
}

const pageRows = 256

export const make = (store: Driver, options: Options = {}): Effect.Effect<Journal["Type"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const entropy = options.entropy ?? pooledEntropy()
    const payloadBytesMax = options.payloadBytesMax ?? 16 * 1024 * 1024
    const tenant = options.tenant ?? "default"
    const { driver, keyring } = SealedDriver.make(store, { encryption: options.encryption, tenant, entropy })
    const clock = yield* Effect.clock
    const leasing: Lease.Options = {
      clock,
      millis: options.leaseMillis ?? 15_000,
      owner: options.owner ?? ProcessIdentity.owner(Buffer.from(entropy(16)).toString("hex")),
      isGone: options.isGone ?? ProcessIdentity.isGone
    }
    const codec = yield* Row.make({ tenant, payloadBytesMax, entropy })
    const subscribers = new Set<Subscriber>()
    const log = Log.make(driver, clock)
    // Before the writer, so that at the end it comes after the last commit.
    const sealer = options.sealing === undefined ? undefined : yield* Sealer.make(log, options.sealing)
    const published = (entries: ReadonlyArray<Entry>): void => {
      if (entries.length === 0) return
      for (const subscriber of subscribers) subscriber.offer(entries)
      sealer?.heard(entries)
    }
    const writer = yield* Writer.make(driver, codec, {
      clock,
      leaseMillis: leasing.millis,
      queueBytesMax: options.queueBytesMax ?? 16 * 1024 * 1024,
      breathe: options.breathe,
      published
    })
    const mail = yield* Mail.make(driver, writer.live, options.mailPollMillis ?? 200)
    yield* Lease.keep(driver, writer.live, leasing).pipe(
      Effect.withTracerEnabled(false),
      Effect.interruptible,
      Effect.forkScoped
    )

    const own = Effect.fn("flujo.Journal.own")(function* (run: RunId) {
      const taken = yield* Lease.take(driver, run, leasing)
      if (Option.isNone(taken)) return Option.none()
      const { epoch, key, next } = taken.value
      const expiresAt = clock.unsafeCurrentTimeMillis() + leasing.millis
      const frontier = yield* Effect.tapErrorCause(frontierOf(driver, run, next), () =>
        Effect.ignore(driver.giveBack({ run, epoch }))
      )
      const owned = new Owned(run, epoch, key, next, undefined, expiresAt, frontier)
      writer.live.add(owned)
      return Option.some(owned)
    }, Effect.uninterruptible)

    const read = (run: RunId, from = 0): Stream.Stream<Entry, JournalError> =>
      Stream.unfoldChunkEffect(start(from), (cursor) => page(driver, codec, run, cursor))

    const heads = (run: RunId, first: number): Stream.Stream<Entry<Headed>, JournalError> =>
      Stream.paginateChunkEffect(first, (from) =>
        Effect.gen(function* () {
          const texts = yield* driver.heads({ run, from, limit: pageRows })
          const entries: Array<Entry<Headed>> = []
          for (const [i, head] of texts.entries()) {
            const entry = codec.decodeHead(run, { seq: from + i, head })
            if (Either.isLeft(entry)) return yield* corrupt(run, `entry ${from + i} cannot be read: ${entry.left}`)
            entries.push(entry.right)
          }
          const next = texts.length < pageRows ? Option.none() : Option.some(from + texts.length)
          return [Chunk.unsafeFromArray(entries), next]
        })
      )

    const stored = (run: RunId, first: number): Stream.Stream<Stored, JournalError> =>
      Stream.unfoldChunkEffect(start(first), (cursor) => storedPage(driver, run, cursor))

    const roots = (run: RunId): Stream.Stream<Root, JournalError> =>
      Stream.paginateChunkEffect(0, (after) =>
        Effect.map(driver.roots({ run, after, limit: pageRows }), (page) => {
          const last = page.length < pageRows ? undefined : page.at(-1)
          return [Chunk.unsafeFromArray(page), Option.fromNullable(last?.size)]
        })
      )

    const ids: Stream.Stream<RunId, JournalError> = Stream.paginateChunkEffect(undefined, (after: RunId | undefined) =>
      Effect.map(driver.ids({ after, limit: pageRows }), (page) => [
        Chunk.unsafeFromArray(page),
        Option.fromNullable(page.length < pageRows ? undefined : page.at(-1))
      ])
    )

    const deliver = Effect.fn("flujo.Journal.deliver")(function* (run: RunId, letter: StoredLetter["letter"]) {
      const row = Inbox.toRow(run, letter, clock.unsafeCurrentTimeMillis())
      if (Buffer.byteLength(row.data) > payloadBytesMax) {
        return yield* new JournalError({
          reason: "TooLarge",
          where: `run ${run}`,
          detail: "the letter is over the limit"
        })
      }
      const delivery = yield* driver.deliver(row)
      if (delivery._tag !== "Left") return yield* Inbox.refusal(row, delivery)
      mail.arrived(run, delivery.order)
    })

    const letters = Effect.fn("flujo.Journal.letters")(function* (run: RunId) {
      const found: Array<StoredLetter> = []
      for (const row of yield* driver.letters(run)) {
        const letter = Inbox.fromRow(row)
        if (Option.isNone(letter)) return yield* corrupt(run, `its letter ${row.id} cannot be read`)
        found.push(letter.value)
      }
      return found
    })

    const plan: Journal["Type"]["plan"] = Effect.fn("flujo.Journal.plan")(function* (digest) {
      const text = yield* driver.plan(digest)
      if (text === undefined) return Option.none()
      const json = Json.parse(text)
      if (Either.isRight(json)) return Option.some(json.right)
      return yield* new JournalError({ reason: "Corrupt", where: driver.name, detail: `plan ${digest} cannot be read` })
    })

    /** The run may go on meanwhile; then it is read on, and tried again. */
    const rebuildRun = Effect.fnUntraced(function* (run: RunId, isDry: boolean) {
      let projection = RunIndex.empty
      let count = 0
      for (;;) {
        yield* Stream.runForEachChunk(heads(run, count), (entries) =>
          Effect.sync(() => {
            for (const entry of entries) {
              for (const change of RunIndex.changes(entry)) projection = RunIndex.apply(projection, change)
            }
            count += entries.length
          })
        )
        const different = yield* driver.project({ run, count, projection, isDry })
        if (different !== undefined) return { run, entries: count, differences: different, unreadable: undefined }
      }
    })

    const rebuild = Effect.gen(function* () {
      let different = 0
      let after: RunId | undefined
      for (;;) {
        const ids = yield* driver.ids({ after, limit: pageRows })
        for (const id of ids) different += (yield* rebuildRun(id, false)).differences.length
        if (ids.length < pageRows) return different
        after = ids[ids.length - 1]!
      }
    }).pipe(Effect.withSpan("flujo.Journal.rebuild"))

    const mend: Journal["Type"]["mend"] = ({ isDry, run }) =>
      Stream.mapEffect(run === undefined ? ids : Stream.filter(ids, (id) => id === run), (id) =>
        Effect.catchIf(
          rebuildRun(id, isDry),
          ({ reason }) => reason === "Corrupt",
          ({ detail }) => Effect.succeed<Mended>({ run: id, entries: 0, differences: [], unreadable: detail })
        )
      )

    const restore = Effect.fn("flujo.Journal.restore")(function* ({ entries, letters, plans, roots, run }: RunCopy) {
      const key = entropy(32)
      const [plan, ...more] = plans
      if (plan === undefined) return yield* corrupt(run, "the plan that it names is missing")
      const rows: Array<StoredRow> = []
      const blobs: Array<Blob> = []
      const changes: Array<RunIndex.Change> = []
      let epoch = 1
      const last = Ledger.readHead(entries.at(-1)?.head ?? "")
      const isErased = typeof last !== "string" && last.kind === "RunErased"
      for (const stored of entries) {
        const { blob, row } = codec.keep(key, stored)
        const entry = isErased ? codec.decodeHead(run, row) : codec.decode(run, row, blob?.bytes)
        if (Either.isLeft(entry)) return yield* corrupt(run, `entry ${row.seq} cannot be read: ${entry.left}`)
        rows.push(row)
        if (blob !== undefined) blobs.push(blob)
        changes.push(...RunIndex.changes(entry.right))
        epoch = Math.max(epoch, entry.right.epoch)
      }
      for (const one of more) yield* driver.putPlan(one)
      const expiresAt = clock.unsafeCurrentTimeMillis() + leasing.millis
      const [answer] = yield* driver.commit([
        {
          run,
          epoch,
          acquire: { owner: leasing.owner, expiresAt, key, plan },
          rest: letters.length === 0 ? { _tag: "Release" } : undefined,
          rows,
          roots,
          blobs,
          letters: [],
          changes
        }
      ])
      if (answer?._tag !== "Written") return false
      // Nobody drives it before its letters are here.
      for (const { at, letter } of letters) yield* driver.deliver(Inbox.toRow(run, letter, at))
      if (letters.length > 0) yield* driver.giveBack({ run, epoch })
      return true
    })

    const erase = Effect.fn("flujo.Journal.erase")(function* (
      run: RunId,
      { by, reason }: { readonly reason: string; readonly by: string | undefined }
    ) {
      if ((yield* driver.run(run))?.status === "erased") return Option.none()
      // Of the store itself: the key of the run is not wanted for this.
      const taken = yield* Lease.take(store, run, leasing)
      if (Option.isNone(taken)) return Option.none()
      const { epoch, key, next } = taken.value
      return yield* Effect.gen(function* () {
        const isOwing = (yield* driver.shares(run)).some(({ heldCost, heldTokens }) => heldCost + heldTokens > 0n)
        if (isOwing) {
          const detail = "of limits that runs share something is set aside for it; cancel it first, which settles that"
          return yield* new JournalError({ reason: "Conflict", where: `run ${run}`, detail })
        }
        let payloads = 0
        const frontier = yield* frontierOf(driver, run, next, (head) => {
          const read = Ledger.readHead(head)
          if (typeof read !== "string" && read.commitment !== undefined) payloads += 1
        })
        const at = clock.unsafeCurrentTimeMillis()
        const data = { reason, by, payloads }
        const event: EventOf<"RunErased"> = { path: StepPath.root, kind: "RunErased", ordinal: 0, data, payload: {} }
        const unplaced = codec.encode({ run, epoch, key }, { event, payload: undefined, at })
        if (typeof unplaced === "number") return yield* Effect.dieMessage("an entry without a payload is too large")
        const entry: Entry = { run, seq: next, at, epoch, event }
        const row = codec.place(unplaced, next)
        const roots: Array<Root> = []
        Ledger.grow(frontier, [row], [entry], roots)
        const isErased = yield* driver.erase({ run, epoch, row, roots, changes: RunIndex.changes(entry) })
        if (!isErased) return yield* Lease.takenOver(run)
        published([entry])
        return Option.some(payloads)
      }).pipe(Effect.tapErrorCause(() => Effect.ignore(driver.giveBack({ run, epoch }))))
    }, Effect.uninterruptible)

    return {
      limits: { payloadBytes: payloadBytesMax },
      create: (run, plan) =>
        Effect.sync(() => {
          const key = entropy(32)
          const owned = new Owned(run, 1, key, 0, { owner: leasing.owner, key, plan }, 0, MerkleTree.empty)
          writer.live.add(owned)
          return owned
        }),
      own,
      stage: (owned, staged) => writer.stage(ours(owned), staged),
      discard: (owned, letter) => writer.discard(ours(owned), letter),
      barrier: (owned) => writer.barrier(ours(owned)),
      park: (owned, staged) => writer.park(ours(owned), staged),
      release: (owned) => writer.release(ours(owned)),
      read,
      committed: committed(subscribers, options.lagMax ?? 1_000_000),
      deliver,
      letters,
      mail: (owned) => mail.wait(ours(owned)),
      recall: (key) =>
        Effect.map(driver.recall(key), (row) =>
          Option.flatMap(Option.fromNullable(row), (row) => Kept.fromRow(key, row))
        ),
      keep: (kept) => driver.keep(Kept.toRow(kept), Kept.rowsMax),
      keepPlan: driver.putPlan,
      plan,
      planText: (digest) => Effect.map(driver.plan(digest), Option.fromNullable),
      run: (run) => Effect.map(driver.run(run), Option.fromNullable),
      runs: driver.runs,
      tasks: driver.tasks,
      pools: driver.pools,
      shares: driver.shares,
      holder: (run) =>
        Effect.map(driver.lease(run), (lease) =>
          lease === undefined ? Option.none() : Lease.holder(lease, leasing, clock.unsafeCurrentTimeMillis())
        ),
      rebuild,
      mend,
      restore,
      heads,
      stored,
      entryOf: codec.read,
      roots,
      ids,
      store: {
        info: driver.info,
        parentOf: (run) => Effect.map(driver.heads({ run, from: 0, limit: 1 }), ([head]) => parentIn(head)),
        bytesOf: driver.bytesOf,
        forget: driver.forget,
        erase,
        vacuum: driver.vacuum,
        encryption: keyring.store
      },
      log
    }
  })

/** What the first head of a fork says of its parent. */
const parentIn = (head: string | undefined): string | undefined =>
  head === undefined ? undefined : Option.getOrUndefined(decodeParent(head))?.data.parent.run

const decodeParent = Schema.decodeUnknownOption(
  Schema.parseJson(Schema.Struct({ data: Schema.Struct({ parent: Schema.Struct({ run: Schema.String }) }) }))
)

/** A right to append is only ever made here; another one is a mistake of the program. */
const ours = (owned: OwnedRun): Owned => {
  if (owned instanceof Owned) return owned
  throw new Error(`run ${owned.run} is not owned through this journal`)
}

const corrupt = (run: RunId, detail: string): JournalError =>
  new JournalError({ reason: "Corrupt", where: `run ${run}`, detail })

/** Of a run that is taken: of its entries only what is needed to go on with its tree. */
const frontierOf: (
  driver: Driver,
  run: RunId,
  size: number,
  each?: (head: string) => void
) => Effect.Effect<MerkleTree.Frontier, JournalError> = Effect.fnUntraced(function* (driver, run, size, each) {
  let frontier = MerkleTree.empty
  for (;;) {
    const heads = yield* driver.heads({ run, from: frontier.size, limit: pageRows })
    if (each !== undefined) for (const head of heads) each(head)
    frontier = MerkleTree.append(frontier, heads.map(MerkleTree.leafHash))
    if (heads.length < pageRows) break
  }
  return frontier.size === size ? frontier : yield* corrupt(run, `it has ${frontier.size} entries and not ${size}`)
})

interface Cursor {
  readonly rows: ReadonlyArray<StoredRow>
  readonly index: number
  /** Number of the entry to come. */
  readonly next: number
  /** No rows after these. */
  readonly isLast: boolean
}

const start = (from: number): Cursor => ({ rows: [], index: 0, next: from, isLast: false })

/** With rows to come, read if need be; undefined where there are no more. */
const filling: (driver: Driver, run: RunId, cursor: Cursor) => Effect.Effect<Cursor | undefined, JournalError> =
  Effect.fnUntraced(function* (driver, run, cursor) {
    const { index, isLast, next, rows } = cursor
    if (index < rows.length) return cursor
    if (isLast) return undefined
    const more = yield* driver.select({ run, from: next, limit: pageRows })
    return { rows: more, index: 0, next, isLast: more.length < pageRows }
  })

/** What is already in memory up to the next large payload; each of those comes alone, so that only one is held. */
const page: (
  driver: Driver,
  codec: Row.Codec,
  run: RunId,
  cursor: Cursor
) => Effect.Effect<Option.Option<readonly [Chunk.Chunk<Entry>, Cursor]>, JournalError> = Effect.fnUntraced(
  function* (driver, codec, run, cursor) {
    const filled = yield* filling(driver, run, cursor)
    if (filled === undefined) return Option.none()
    let { index, next } = filled
    const { isLast, rows } = filled
    const entries: Array<Entry> = []
    while (index < rows.length) {
      const row = rows[index]!
      if (row.blob !== null && entries.length > 0) break
      if (row.seq !== next) return yield* corrupt(run, `entry ${next} is missing`)
      if (row.unread !== undefined) {
        if (entries.length > 0) break
        const { reason, why } = row.unread
        return yield* new JournalError({ reason, where: `run ${run}`, detail: `entry ${next} cannot be read: ${why}` })
      }
      const bytes = row.blob === null ? undefined : yield* driver.blob({ run, address: row.blob })
      const entry = codec.decode(run, row, bytes)
      // Those before it are handed out first, so that a reader knows where it is.
      if (Either.isLeft(entry) && entries.length > 0) break
      if (Either.isLeft(entry)) return yield* unreadable(driver, run, row, entry.left)
      entries.push(entry.right)
      index += 1
      next += 1
      if (row.blob !== null) break
    }
    return entries.length === 0
      ? Option.none()
      : Option.some([Chunk.unsafeFromArray(entries), { rows, index, next, isLast }])
  }
)

/** What was erased is not damaged: the last entry of its run says so. */
const unreadable: (driver: Driver, run: RunId, row: StoredRow, why: string) => Effect.Effect<never, JournalError> =
  Effect.fnUntraced(function* (driver, run, { payload, salt, seq }, why) {
    const entry = `entry ${seq} cannot be read`
    if (payload !== null || salt !== null || (yield* driver.run(run))?.status !== "erased") {
      return yield* corrupt(run, `${entry}: ${why}`)
    }
    const detail = `${entry}: ${yield* erasureOf(driver, run, seq)}`
    return yield* new JournalError({ reason: "Erased", where: `run ${run}`, detail })
  })

/** In words, as its entry has it. */
export const erasureOf: (driver: Driver, run: RunId, after: number) => Effect.Effect<string, JournalError> =
  Effect.fnUntraced(function* (driver, run, after) {
    for (let from = after; ; from += pageRows) {
      const heads = yield* driver.heads({ run, from, limit: pageRows })
      const found = heads.map((head) => decodeErasure(head)).find(Option.isSome)
      if (found !== undefined) {
        const { at, data, seq } = found.value
        const by = data.by === undefined ? "" : ` by ${data.by}`
        return `what was said in this run was erased ${new Date(at).toISOString()}${by} (entry ${seq}): ${data.reason}`
      }
      if (heads.length < pageRows) return "what was said in this run was erased"
    }
  })

const decodeErasure = Schema.decodeUnknownOption(
  Schema.parseJson(
    Schema.Struct({
      at: Schema.Int,
      data: Schema.Struct({ reason: Schema.String, by: Schema.optional(Schema.String) }),
      kind: Schema.Literal("RunErased"),
      seq: Schema.Int
    })
  )
)

/** The same of rows as they are, whatever stands in them. */
const storedPage: (
  driver: Driver,
  run: RunId,
  cursor: Cursor
) => Effect.Effect<Option.Option<readonly [Chunk.Chunk<Stored>, Cursor]>, JournalError> = Effect.fnUntraced(
  function* (driver, run, cursor) {
    const filled = yield* filling(driver, run, cursor)
    if (filled === undefined) return Option.none()
    let { index, next } = filled
    const { isLast, rows } = filled
    const all: Array<Stored> = []
    while (index < rows.length) {
      const { blob, head, payload, salt, seq, unread } = rows[index]!
      const isApart = blob !== null && unread === undefined
      if (isApart && all.length > 0) break
      const bytes = isApart ? yield* driver.blob({ run, address: blob }) : undefined
      // What stands in the row beside the address of a blob was not written by flujo: it is not left unseen.
      all.push({ seq, head, payload: payload ?? bytes ?? null, salt, ...(unread === undefined ? {} : { unread }) })
      index += 1
      next = seq + 1
      if (isApart) break
    }
    return all.length === 0 ? Option.none() : Option.some([Chunk.unsafeFromArray(all), { rows, index, next, isLast }])
  }
)

interface Subscriber {
  readonly offer: (entries: ReadonlyArray<Entry>) => void
}

/** Costs nothing while nobody listens. Who does not pull is cut off by a defect rather than left with a gap. */
const committed = (subscribers: Set<Subscriber>, lagMax: number): Stream.Stream<Entry> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<ReadonlyArray<Entry>>()
      let lag = 0
      let isCutOff = false
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          const subscriber: Subscriber = {
            offer: (entries) => {
              lag += entries.length
              isCutOff ||= lag > lagMax
              if (isCutOff) subscribers.delete(subscriber)
              queue.unsafeOffer(isCutOff ? [] : entries)
            }
          }
          subscribers.add(subscriber)
          return subscriber
        }),
        (subscriber) => Effect.sync(() => subscribers.delete(subscriber))
      )
      return Stream.repeatEffectChunk(
        Effect.flatMap(Queue.take(queue), (entries) => {
          if (isCutOff) return Effect.dieMessage(`a reader of committed entries fell more than ${lagMax} behind`)
          lag -= entries.length
          return Effect.succeed(Chunk.unsafeFromArray(entries))
        })
      )
    })
  )

/** Bytes of the operating system, asked for in larger pieces: one call for each salt would cost more than its hash. */
const pooledEntropy = (): ((size: number) => Uint8Array) => {
  let pool = new Uint8Array(0)
  let used = 0
  return (size) => {
    if (used + size > pool.length) {
      pool = randomFillSync(new Uint8Array(Math.max(size, 8192)))
      used = 0
    }
    used += size
    // Never written to again, so a view of it is as good as a copy.
    return pool.subarray(used - size, used)
  }
}
