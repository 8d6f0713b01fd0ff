/**
 * The ledger of a run: its entries, in order, are the leaves of a Merkle tree (`MerkleTree.ts`), each leaf the canonical
 * bytes of the entry's head as they are stored. A payload is in it by its commitment only. Where a run rests, where it
 * ends and after every 256 entries, the root so far is written in the transaction of the entry itself.
 *
 * `check` reads a run again, from wherever its rows are kept, and names the first place that is not as it was written.
 */
import type { Entry, Kind } from "../domain/Event.js"
import * as Json from "../domain/Json.js"
import * as Commitment from "./Commitment.js"
import type { Row } from "./Driver.js"
import type { Root, Stored } from "./Journal.js"
import * as MerkleTree from "./MerkleTree.js"

/** The first entry that is not as it was written, or the entries among which it is. `last` is at least `entry`. */
export interface Bad {
  readonly entry: number
  readonly last: number
  readonly why: string
}

/** Of a whole run that was found to be as it was written. */
export interface Sound {
  readonly entries: number
  readonly root: string
  /** How many of the entries stand below a root that was written with them. */
  readonly rooted: number
  /** Entries whose payload is encrypted, and could not be looked at without the key: only their heads were. */
  readonly locked: number
  /** Entries whose payload is no more, as the last one says. */
  readonly erased: number
}

const restKinds: ReadonlySet<string> = new Set<Kind>([
  "RunSuspended",
  "RunStuck",
  "RunCompleted",
  "RunFailed",
  "RunCancelled",
  "RunErased"
])

const rootEvery = 256

/** Whether the root of the first `size` entries is written, the last of them of `kind`. */
export const isDue = (size: number, kind: string): boolean => size % rootEvery === 0 || restKinds.has(kind)

/** The frontier with `rows` appended; the roots that are due go to `roots`. */
export const grow = (
  frontier: MerkleTree.Frontier,
  rows: ReadonlyArray<Row>,
  entries: ReadonlyArray<Entry>,
  roots: Array<Root>
): MerkleTree.Frontier => {
  let grown = frontier
  let leaves: Array<MerkleTree.Hash> = []
  for (let i = 0; i < rows.length; i++) {
    leaves.push(MerkleTree.leafHash(rows[i]!.head))
    const size = grown.size + leaves.length
    if (!isDue(size, entries[i]!.event.kind)) continue
    grown = MerkleTree.append(grown, leaves)
    leaves = []
    roots.push({ size, root: MerkleTree.rootOf(grown).toString("hex") })
  }
  return leaves.length === 0 ? grown : MerkleTree.append(grown, leaves)
}

export interface Options {
  readonly run: string
  /** Undefined: that of the first entry. */
  readonly tenant: string | undefined
  /** Roots that were kept elsewhere: what is stored must have them. */
  readonly claims?: ReadonlyArray<Root> | undefined
}

export interface Check {
  /** The next entry. After one that is bad, nothing more is to be asked. */
  readonly add: (stored: Stored) => Bad | undefined
  /** All entries were added; `roots` are those that are stored, by size. */
  readonly end: (roots: ReadonlyArray<Root>) => Bad | Sound
  /** What leaves were added, for proofs. */
  readonly leaves: ReadonlyArray<MerkleTree.Hash>
}

export const check = (commit: Commitment.Commitment, { claims = [], run, tenant }: Options): Check => {
  const leaves: Array<MerkleTree.Hash> = []
  const due = new Set<number>()
  let ofTenant = tenant
  let locked = 0
  /** Of the entries whose payload is not there, and of those whose payload is. */
  let missing: { readonly first: number; readonly count: number } | undefined
  let firstKept: number | undefined
  let erasure: number | undefined

  const wrong = ({ head: text, payload, salt, seq, unread }: Stored): string | undefined => {
    if (seq !== leaves.length) return seq > leaves.length ? "it is missing" : `entry ${seq} stands in its place`
    const head = readHead(text)
    if (typeof head === "string") return head
    ofTenant ??= head.tenant
    if (head.run !== run || head.seq !== seq || head.tenant !== ofTenant) return "its head belongs to another entry"
    if (erasure !== undefined) return `it stands behind entry ${erasure}, which says that the run was erased`
    if (head.kind === "RunErased") erasure = seq
    const hasPayload = payload !== null || salt !== null || unread !== undefined
    if (hasPayload) firstKept ??= seq
    else if (head.commitment !== undefined) {
      // Whether it was erased, an entry to come says.
      missing = { first: missing?.first ?? seq, count: (missing?.count ?? 0) + 1 }
      if (isDue(seq + 1, head.kind)) due.add(seq + 1)
      return undefined
    }
    if (unread?.reason === "Key") locked += 1
    const payloadWrong =
      unread === undefined
        ? wrongPayload(commit, head.commitment, payload, salt)
        : unread.reason === "Key"
          ? undefined
          : unread.why
    if (payloadWrong === undefined && isDue(seq + 1, head.kind)) due.add(seq + 1)
    return payloadWrong
  }

  const unerased = (): Bad | undefined =>
    missing === undefined || erasure !== undefined
      ? undefined
      : { entry: missing.first, last: missing.first, why: "its payload is missing" }

  const end: Check["end"] = (roots) => {
    const entries = leaves.length
    const lost = unerased()
    if (lost !== undefined) return lost
    if (erasure !== undefined && firstKept !== undefined) {
      const why = `its payload is there, and entry ${erasure} says that it was erased`
      return { entry: firstKept, last: firstKept, why }
    }
    const stored = new Map(roots.map(({ root, size }) => [size, root]))
    const claimed = new Map(claims.map(({ root, size }) => [size, root]))
    const sizes = [...new Set([...due, ...stored.keys(), ...claimed.keys()])].sort((a, b) => a - b)
    let frontier = MerkleTree.empty
    let [good, rooted] = [0, 0]
    for (const size of sizes) {
      if (!Number.isSafeInteger(size) || size < 1) return { entry: 0, last: 0, why: "a root is of no entries" }
      if (size > entries) {
        return { entry: entries, last: size - 1, why: `there is a root of ${size} entries, and these are missing` }
      }
      frontier = MerkleTree.append(frontier, leaves.slice(frontier.size, size))
      const root = MerkleTree.rootOf(frontier).toString("hex")
      const bad = (why: string): Bad => ({ entry: good, last: size - 1, why })
      const [written, wanted] = [stored.get(size), claimed.get(size)]
      if (wanted !== undefined && wanted !== root) return bad(`their root is not the one that was kept elsewhere`)
      const isDueHere = due.has(size)
      if (isDueHere && written === undefined) return bad("the root that was written with them is missing")
      if (written !== undefined && !isDueHere) return bad("there is a root where none is written")
      if (written !== undefined && written !== root) return bad("their root is not the one that was written with them")
      if (written !== undefined) rooted = size
      good = size
    }
    frontier = MerkleTree.append(frontier, leaves.slice(frontier.size))
    return { entries, root: MerkleTree.rootOf(frontier).toString("hex"), rooted, locked, erased: missing?.count ?? 0 }
  }

  return {
    leaves,
    add: (stored) => {
      const entry = leaves.length
      const why = wrong(stored)
      if (why !== undefined) return unerased() ?? { entry, last: entry, why }
      leaves.push(MerkleTree.leafHash(stored.head))
      return undefined
    },
    end
  }
}

export const isBad = (found: Bad | Sound): found is Bad => "why" in found

/** `entry 4: its payload was changed`. */
export const describe = ({ entry, last, why }: Bad): string =>
  entry === last ? `entry ${entry}: ${why}` : `entries ${entry} to ${last}: ${why}`

/** What of a head is looked at without knowing the kinds of events. */
interface Head {
  readonly commitment: string | undefined
  readonly kind: string
  readonly path: string
  readonly run: string
  readonly seq: number
  readonly tenant: string
}

/** Text: what is wrong with it. */
export const readHead = (text: string): Head | string => {
  const json = parse(text)
  if (json === undefined) return "its head is not JSON"
  if (json === null || typeof json !== "object" || Array.isArray(json)) return "its head is not an object"
  if (Json.canonical(json) !== text) return "its head is not canonical JSON"
  const { at, commitment, data, epoch, kind, ordinal, path, run, seq, tenant, ...more } = json as Json.JsonObject
  const isWhole = [at, epoch, ordinal, seq].every((number) => Number.isSafeInteger(number))
  if (
    Object.keys(more).length > 0 ||
    !isWhole ||
    typeof seq !== "number" ||
    (commitment !== undefined && typeof commitment !== "string") ||
    data === null ||
    typeof data !== "object" ||
    Array.isArray(data) ||
    typeof kind !== "string" ||
    typeof path !== "string" ||
    typeof run !== "string" ||
    typeof tenant !== "string"
  ) {
    return "its head has another form"
  }
  return { commitment, kind, path, run, seq, tenant }
}

/** What is wrong with a payload, its head having `commitment`. */
export const wrongPayload = (
  commit: Commitment.Commitment,
  commitment: string | undefined,
  payload: string | Uint8Array | null,
  salt: Uint8Array | null
): string | undefined => {
  if (commitment === undefined) {
    return payload === null && salt === null ? undefined : "it has a payload that its head does not name"
  }
  if (payload === null || salt === null) return "its payload is missing"
  const bytes = typeof payload === "string" ? Buffer.from(payload) : payload
  return salt.length === Commitment.saltBytes && commit.of(salt, bytes) === commitment
    ? undefined
    : "its payload was changed"
}

const parse = (text: string): Json.Json | undefined => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
