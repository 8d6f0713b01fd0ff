/**
 * That one entry is in a run, as a file by itself: the entry, and the path from its leaf to a root of the run's tree
 * (RFC 6962). Who has the root from elsewhere needs nothing else to check it, and sees nothing of the other entries.
 */

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Json from "../domain/Json.js"
import type { RunId } from "../domain/RunId.js"
import * as Audit from "./Audit.js"
import * as Commitment from "./Commitment.js"
import { type Journal, JournalError, type Root, type Stored } from "./Journal.js"
import * as Ledger from "./Ledger.js"
import * as MerkleTree from "./MerkleTree.js"

export const version = 1

const Hash = Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/))

export const Proof = Schema.Struct({
  flujo: Schema.Literal("proof"),
  /** Canonical text; it names the run, the number of the entry and its step. */
  head: Schema.String,
  /** From the leaf up. */
  path: Schema.Array(Hash),
  payload: Schema.optional(Schema.String),
  root: Hash,
  salt: Schema.optional(Hash),
  /** Entries below the root. */
  size: Schema.Int,
  version: Schema.Literal(version)
})
export type Proof = typeof Proof.Type

export interface Options {
  /** Whether this is the entry; the last one that is. */
  readonly isWanted: (entry: { readonly seq: number; readonly path: string }) => boolean
  /** Without it only the commitment to it is shown. */
  readonly withPayload: boolean
}

/** Right: none if there is no such entry. Left: the run itself does not hold. */
export const make = (
  journal: Journal["Type"],
  run: RunId,
  { isWanted, withPayload }: Options
): Effect.Effect<Either.Either<Option.Option<Proof>, Ledger.Bad>, JournalError> =>
  Effect.gen(function* () {
    let wanted: Stored | undefined
    const { found, leaves, roots } = yield* Audit.walk(journal, run, {
      each: (stored) => {
        const head = Ledger.readHead(stored.head)
        if (typeof head !== "string" && isWanted(head)) wanted = stored
      }
    })
    if (Ledger.isBad(found)) return Either.left(found)
    if (wanted === undefined) return Either.right(Option.none())
    if (withPayload && wanted.unread !== undefined) {
      return yield* new JournalError({ reason: "Key", where: `run ${run}`, detail: wanted.unread.why })
    }
    const { head, payload, salt, seq } = wanted
    // A root that was written is one that others may have; entries after the last one have none yet.
    const size = roots.find((root) => root.size > seq)?.size ?? found.entries
    const below = leaves.slice(0, size)
    return Either.right(
      Option.some({
        flujo: "proof",
        head,
        path: MerkleTree.inclusion(below, seq).map((hash) => hash.toString("hex")),
        root: MerkleTree.root(below).toString("hex"),
        size,
        version,
        ...(withPayload && payload !== null && salt !== null
          ? { payload: Buffer.from(payload).toString(), salt: Buffer.from(salt).toString("hex") }
          : {})
      })
    )
  })

/** The text of its file. */
export const print = (proof: Proof): string => {
  const { payload, salt, ...rest } = proof
  return `${Json.canonical(payload === undefined || salt === undefined ? rest : { ...rest, payload, salt })}\n`
}

const decode = Schema.decodeUnknownOption(Schema.parseJson(Proof), { onExcessProperty: "error" })

export interface Proven {
  readonly run: string
  readonly seq: number
  readonly kind: string
  readonly path: string
  readonly root: Root
  /** Undefined: not shown, or the entry has none. */
  readonly payload: string | undefined
}

/** Left: why the text proves nothing. */
export const check = (text: string): Effect.Effect<Either.Either<Proven, string>> =>
  Effect.map(Commitment.make, (commit) => {
    const decoded = decode(text)
    if (Option.isNone(decoded)) return Either.left("it is not a proof that this version of flujo knows")
    const { head: headText, path, payload, root, salt, size } = decoded.value
    const head = Ledger.readHead(headText)
    if (typeof head === "string") return Either.left(head)
    if (payload !== undefined || salt !== undefined) {
      const bytes = salt === undefined ? null : Buffer.from(salt, "hex")
      const wrong = Ledger.wrongPayload(commit, head.commitment, payload ?? null, bytes)
      if (wrong !== undefined) return Either.left(wrong)
    }
    const computed = MerkleTree.rootByInclusion({
      leaf: MerkleTree.leafHash(headText),
      index: head.seq,
      size,
      path: path.map((hash) => Buffer.from(hash, "hex"))
    })
    if (computed?.toString("hex") !== root) return Either.left("its path does not lead to its root")
    const { kind, run, seq } = head
    return Either.right({ run, seq, kind, path: head.path, root: { size, root }, payload })
  })
