/**
 * The log of a store: the roots of all its runs, in the order in which they were sealed, as the leaves of one Merkle tree
 * (RFC 6962). A signed checkpoint says how many there are and what their root is, so whoever keeps one of a few hundred
 * bytes can hold every run below it to what it was. Roots queue for it in the transaction that writes them; whoever seals
 * takes what has queued, appends it and signs, in one transaction that only one of several sealers wins.
 *
 * Each key has a log origin of its own. The tree goes on under the next key: one that the last key signed for (rotation),
 * or, where that is lost, one that nobody vouches for, which is said wherever it matters.
 */
import * as Chunk from "effect/Chunk"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Json from "../domain/Json.js"
import type { Driver } from "./Driver.js"
import { JournalError, type KeyHolder, type Leaf, type Log, type Queued, type Sealed } from "./Journal.js"
import * as MerkleTree from "./MerkleTree.js"
import * as SignedNote from "./SignedNote.js"

const pageRows = 1_000

/** Canonical JSON. */
export const leafText = ({ gone, root, run, size }: Leaf): string =>
  Json.canonical(gone === true ? { gone, root, run, size } : { root, run, size })

const leafHash = (leaf: Leaf): MerkleTree.Hash => MerkleTree.leafHash(leafText(leaf))

export const make = (driver: Driver, clock: Clock.Clock): Log => {
  const now = () => clock.unsafeCurrentTimeMillis()

  const paged = <A>(
    next: (from: A | undefined) => Effect.Effect<ReadonlyArray<A>, JournalError>
  ): Stream.Stream<A, JournalError> =>
    Stream.paginateChunkEffect<A | undefined, A, JournalError, never>(undefined, (last) =>
      Effect.map(next(last), (page) => [
        Chunk.unsafeFromArray(page),
        page.length < pageRows ? Option.none() : Option.some(page[page.length - 1])
      ])
    )

  const leaves = (first: number): Stream.Stream<Leaf, JournalError> =>
    Stream.paginateChunkEffect(first, (from) =>
      Effect.map(driver.log({ from, limit: pageRows }), (page) => [
        Chunk.unsafeFromArray(page),
        page.length < pageRows ? Option.none() : Option.some(from + page.length)
      ])
    )

  const queued = paged<Queued>((last) => driver.queued({ after: last?.order ?? 0, limit: pageRows }))

  /** One page of the queue under a checkpoint; undefined if another sealer was faster. */
  const sealPage = (holder: KeyHolder) =>
    Effect.gen(function* () {
      // In this order: what another sealer takes off the queue after this look has made the log longer than `last` says.
      const last = yield* driver.lastSealed
      const fresh = yield* driver.queued({ after: 0, limit: pageRows })
      if (fresh.length === 0) return { last: last?.sealed, more: false }
      let keys = yield* driver.keys
      const signer = yield* holder(keys)
      const verifier = SignedNote.showVerifier(signer)
      const at = now()
      if (keys.length === 0) {
        yield* driver.putKey({ number: 0, verifier, vouched: null, size: 0, at })
        keys = yield* driver.keys
        if (keys[0]?.verifier !== verifier) return undefined
      }
      const before = last === undefined ? MerkleTree.empty : yield* frontierOf(driver.name, last)
      const frontier = MerkleTree.append(before, fresh.map(leafHash))
      const { size } = frontier
      const text = SignedNote.checkpointText({ origin: signer.name, size, root: MerkleTree.rootOf(frontier) })
      const sealed: Sealed = { origin: signer.name, size, note: SignedNote.make(text, signer), at }
      const isDone = yield* driver.seal({ from: before.size, leaves: fresh, sealed, frontier: printFrontier(frontier) })
      return isDone ? { last: sealed, more: fresh.length === pageRows } : undefined
    })

  const seal: Log["seal"] = Effect.fn("flujo.Log.seal")(function* (holder) {
    for (;;) {
      const done = yield* sealPage(holder)
      if (done !== undefined && !done.more) return Option.fromNullable(done.last)
    }
  })

  const adopt: Log["adopt"] = Effect.fn("flujo.Log.adopt")(function* ({ checkpoints, keys, leaves }) {
    if (keys.length === 0 || (yield* driver.keys).length > 0 || (yield* driver.lastSealed) !== undefined) return false
    const gone = new Set(leaves.filter((leaf) => leaf.gone === true).map(({ run }) => run))
    const orders = new Map<string, number>()
    yield* Stream.runForEach(queued, (one) => Effect.sync(() => orders.set(leafText(one), one.order)))
    const placed = leaves.flatMap((leaf): ReadonlyArray<Queued> => {
      const order = orders.get(leafText(leaf))
      // Of a run that was dropped there is nothing to wait for.
      return order === undefined
        ? leaf.gone === true || gone.has(leaf.run)
          ? [{ ...leaf, order: 0 }]
          : []
        : [{ ...leaf, order }]
    })
    if (placed.length !== leaves.length) return false
    for (const key of keys) yield* driver.putKey(key)
    let frontier = MerkleTree.empty
    for (const sealed of checkpoints) {
      const fresh = placed.slice(frontier.size, sealed.size)
      const from = frontier.size
      frontier = MerkleTree.append(frontier, fresh.map(leafHash))
      yield* driver.seal({ from, leaves: fresh, sealed, frontier: printFrontier(frontier) })
    }
    return true
  })

  return {
    adopt,
    leaves,
    leavesOf: driver.logOf,
    queued,
    checkpoints: paged<Sealed>((last) => driver.checkpoints({ after: last?.size ?? -1, limit: pageRows })),
    last: Effect.map(driver.lastSealed, (last) => Option.fromNullable(last?.sealed)),
    keys: driver.keys,
    addKey: (key) =>
      Effect.gen(function* () {
        const last = yield* driver.lastSealed
        return yield* driver.putKey({ ...key, size: last?.sealed.size ?? 0, at: now() })
      }),
    seal
  }
}

const printFrontier = ({ roots }: MerkleTree.Frontier): string => roots.map((root) => root.toString("hex")).join("")

const frontierOf = (
  store: string,
  { frontier, sealed }: { readonly sealed: Sealed; readonly frontier: string }
): Effect.Effect<MerkleTree.Frontier, JournalError> => {
  const roots = (frontier.match(/[0-9a-f]{64}/g) ?? []).map((text) => Buffer.from(text, "hex"))
  let bits = 0
  for (let rest = sealed.size; rest > 0; rest = Math.floor(rest / 2)) bits += rest % 2
  // One for each bit of the size; whether they are the right ones is for `verify` to find.
  return roots.length === bits && frontier.length === roots.length * 64
    ? Effect.succeed({ size: sealed.size, roots })
    : Effect.fail(new JournalError({ reason: "Corrupt", where: store, detail: "the last checkpoint cannot be read" }))
}

/** What a key signs for the one that comes after it. */
export const vouchText = (verifier: string): string => `flujo ledger: the next key of this log\n${verifier}\n`
