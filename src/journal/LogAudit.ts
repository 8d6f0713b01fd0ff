/**
 * The log of a store, verified: every leaf against every checkpoint, every signature against the keys, each key against the
 * one before it, and the roots of each run against its leaves. What is kept elsewhere (a checkpoint, a key) is what makes it
 * evidence against somebody who can write in the store.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { RunId } from "../domain/RunId.js"
import type { Journal, JournalError, Leaf, LogKey, Sealed } from "./Journal.js"
import * as Log from "./Log.js"
import * as MerkleTree from "./MerkleTree.js"
import * as SignedNote from "./SignedNote.js"

export interface Sound {
  /** Leaves under the last checkpoint. */
  readonly size: number
  readonly last: Option.Option<Sealed>
  /** Roots that no checkpoint is over yet. */
  readonly waiting: number
  /** Keys, after the first, that the one before does not vouch for: where each begins, in leaves. */
  readonly unvouched: ReadonlyArray<number>
}

/** What does not hold. */
export interface Bad {
  readonly why: string
}

export interface Claims {
  /** A checkpoint that was kept elsewhere: the log must have it. */
  readonly checkpoint?: SignedNote.Note | undefined
  /** A key that was kept elsewhere: the last checkpoint must be signed by it. */
  readonly verifier?: SignedNote.Verifier | undefined
}

export const isBad = (found: Sound | Bad): found is Bad => "why" in found

/** Each leaf is handed to `each`, in order. */
export const verify = (
  journal: Journal["Type"],
  claims: Claims = {},
  each: (leaf: Leaf) => void = () => {}
): Effect.Effect<Sound | Bad, JournalError> =>
  Effect.gen(function* () {
    const { log } = journal
    const keys = yield* log.keys
    const verifiers = new Map<string, SignedNote.Verifier>()
    const unvouched: Array<number> = []
    for (const [i, key] of keys.entries()) {
      const verifier = SignedNote.verifierOf(key.verifier)
      if (verifier === undefined || key.number !== i) return bad(`key ${i} of the log cannot be read`)
      const before = keys[i - 1]
      if (before !== undefined && !isVouched(key, verifiers.get(before.verifier))) {
        if (key.vouched !== null) return bad(`the key before does not vouch for key ${i} of the log, as is said`)
        unvouched.push(key.size)
      }
      verifiers.set(key.verifier, verifier)
    }
    const byName = new Map(Array.from(verifiers.values(), (verifier) => [verifier.name, verifier]))
    const wanted = claims.checkpoint === undefined ? undefined : SignedNote.checkpointOf(claims.checkpoint.text)
    if (claims.checkpoint !== undefined) {
      if (wanted === undefined) return bad("what was kept elsewhere is no checkpoint")
      const by = claims.verifier?.name === wanted.origin ? claims.verifier : byName.get(wanted.origin)
      if (by === undefined) return bad(`the checkpoint that was kept elsewhere is of another log: ${wanted.origin}`)
      if (!SignedNote.isSignedBy(claims.checkpoint, by)) {
        return bad("the checkpoint that was kept elsewhere is not signed by the key of its log")
      }
    }

    let frontier = MerkleTree.empty
    let isMet = wanted === undefined || wanted.size === 0
    let last: Sealed | undefined
    let leaves: ReadonlyArray<Leaf> = []
    let used = 0
    /** Leaves up to `size`; false if there are not that many. */
    const advance = (size: number) =>
      Effect.gen(function* () {
        while (frontier.size < size) {
          if (used === leaves.length) {
            leaves = Array.from(yield* Stream.runCollect(Stream.take(log.leaves(frontier.size), pageLeaves)))
            used = 0
            if (leaves.length === 0) return false
          }
          const taken = leaves.slice(used, used + size - frontier.size)
          used += taken.length
          for (const leaf of taken) each(leaf)
          frontier = MerkleTree.append(
            frontier,
            taken.map((leaf) => MerkleTree.leafHash(Log.leafText(leaf)))
          )
        }
        return true
      })
    const meet = (size: number, root: Buffer) =>
      Effect.gen(function* () {
        if (!(yield* advance(size))) return `the log has ${frontier.size} leaves, and a checkpoint is over ${size}`
        return MerkleTree.rootOf(frontier).equals(root)
          ? undefined
          : `the first ${size} leaves of the log are not those that the checkpoint is over`
      })
    const claimed = Effect.suspend(() =>
      wanted === undefined ? Effect.succeed(undefined) : meet(wanted.size, wanted.root)
    )

    const wrong = yield* Stream.runFoldWhileEffect(
      log.checkpoints,
      undefined as string | undefined,
      (why) => why === undefined,
      (_, sealed) =>
        Effect.gen(function* () {
          const note = SignedNote.parse(sealed.note)
          const checkpoint = note && SignedNote.checkpointOf(note.text)
          if (note === undefined || checkpoint?.size !== sealed.size || checkpoint.origin !== sealed.origin) {
            return `the checkpoint over ${sealed.size} leaves cannot be read`
          }
          if (!isMet && wanted !== undefined && wanted.size <= sealed.size) {
            isMet = true
            const why = yield* claimed
            if (why !== undefined) return `kept elsewhere: ${why}`
          }
          const by = byName.get(sealed.origin)
          if (by === undefined || !SignedNote.isSignedBy(note, by)) {
            return `the checkpoint over ${sealed.size} leaves is not signed by a key of the log`
          }
          last = sealed
          return yield* meet(sealed.size, checkpoint.root)
        })
    )
    if (wrong !== undefined) return bad(wrong)
    if (!isMet) {
      const size = wanted?.size ?? 0
      return bad(
        `the log is under checkpoints up to ${last?.size ?? 0} leaves, and the one kept elsewhere is over ${size}`
      )
    }
    if (yield* advance(frontier.size + 1)) return bad("the log has leaves that no checkpoint is over")
    const { verifier } = claims
    if (verifier !== undefined && last?.origin !== verifier.name) {
      return bad(`the last checkpoint is not signed by the key that was kept elsewhere, ${verifier.name}`)
    }
    const waiting = yield* Stream.runCount(log.queued)
    return { size: last?.size ?? 0, last: Option.fromNullable(last), waiting, unvouched }
  })

const pageLeaves = 1_000

const bad = (why: string): Bad => ({ why })

const isVouched = ({ verifier, vouched }: LogKey, by: SignedNote.Verifier | undefined): boolean => {
  const note = vouched === null ? undefined : SignedNote.parse(vouched)
  return (
    note !== undefined && by !== undefined && note.text === Log.vouchText(verifier) && SignedNote.isSignedBy(note, by)
  )
}

/** What waits for the log, read once for many runs. */
export interface Waiting {
  readonly sizesByRun: ReadonlyMap<string, ReadonlySet<number>>
  /** Runs that were dropped. */
  readonly gone: ReadonlySet<string>
}

export const waiting = (journal: Journal["Type"]): Effect.Effect<Waiting, JournalError> =>
  Effect.gen(function* () {
    const sizesByRun = new Map<string, Set<number>>()
    const gone = new Set<string>()
    yield* Stream.runForEach(journal.log.queued, (one) =>
      Effect.sync(() => {
        if (one.gone === true) gone.add(one.run)
        else sizesByRun.set(one.run, (sizesByRun.get(one.run) ?? new Set()).add(one.size))
      })
    )
    return { sizesByRun, gone }
  })

/** How many entries of a run are under a checkpoint; or what of its roots and the log's leaves does not fit. */
export const sealedOf = (
  journal: Journal["Type"],
  run: RunId,
  before?: Waiting
): Effect.Effect<number | Bad, JournalError> =>
  Effect.gen(function* () {
    // In this order: a root that is sealed meanwhile is then in both.
    const queued = (before ?? (yield* waiting(journal))).sizesByRun.get(run)
    const leaves = yield* journal.log.leavesOf(run)
    const roots = new Map<number, string>()
    yield* Stream.runForEach(journal.roots(run), ({ root, size }) => Effect.sync(() => roots.set(size, root)))
    let sealed = 0
    for (const { root, size } of leaves) {
      if (roots.get(size) !== root) return bad(`the root of its first ${size} entries is not the one in the log`)
      sealed = Math.max(sealed, size)
    }
    const known = new Set(leaves.map(({ size }) => size))
    for (const size of roots.keys()) {
      if (known.has(size) || queued?.has(size) === true) continue
      // It may have been written since the queue was read.
      if (before !== undefined) return yield* sealedOf(journal, run)
      return bad(`the root of its first ${size} entries is neither in the log nor waits for it`)
    }
    return sealed
  })
