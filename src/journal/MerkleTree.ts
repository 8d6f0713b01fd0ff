/**
 * Merkle trees as RFC 6962 (section 2.1) has them, on SHA-256: a leaf is hashed behind a byte 0 and a node behind a byte 1,
 * so that neither can be taken for the other, and a tree of n leaves splits at the largest power of two below n.
 *
 * A `Frontier` is the tree without its leaves: the roots of its complete subtrees, the largest first, one for each bit of
 * its size. It is all that is needed to append, and to know the root.
 */
import { hash } from "node:crypto"

/** 32 bytes. */
export type Hash = Buffer

export interface Frontier {
  readonly size: number
  readonly roots: ReadonlyArray<Hash>
}

const sha256 = (bytes: Uint8Array): Hash => hash("sha256", bytes, "buffer")

// What is hashed is laid out in these, each with its prefix: every entry of every run comes through here.
const leafScratch = Buffer.alloc(4096)
const nodeScratch = Buffer.alloc(1 + 32 + 32, 1)

/** Of a leaf; text is meant as its UTF-8. */
export const leafHash = (leaf: string | Uint8Array): Hash => {
  if (typeof leaf !== "string") return sha256(Buffer.concat([Buffer.of(0), leaf]))
  // A UTF-16 code unit is at most three bytes of UTF-8.
  if (leaf.length * 3 >= leafScratch.length) return sha256(Buffer.concat([Buffer.of(0), Buffer.from(leaf)]))
  return sha256(leafScratch.subarray(0, 1 + leafScratch.write(leaf, 1)))
}

export const nodeHash = (left: Hash, right: Hash): Hash => {
  nodeScratch.set(left, 1)
  nodeScratch.set(right, 33)
  return sha256(nodeScratch)
}

export const empty: Frontier = { size: 0, roots: [] }

/** Cheap for many leaves at once: a frontier is copied once and not for each of them. */
export const append = (frontier: Frontier, leaves: ReadonlyArray<Hash>): Frontier => {
  const roots = Array.from(frontier.roots)
  let { size } = frontier
  for (const leaf of leaves) {
    let node = leaf
    // Each complete subtree of the same size on its left makes one of twice the size with it.
    for (let rest = size; rest % 2 === 1; rest = Math.floor(rest / 2)) node = nodeHash(roots.pop()!, node)
    roots.push(node)
    size += 1
  }
  return { size, roots }
}

/** Of no leaves: the hash of nothing. */
export const rootOf = ({ roots }: Frontier): Hash => {
  let root = roots.at(-1)
  if (root === undefined) return sha256(Buffer.alloc(0))
  for (let i = roots.length - 2; i >= 0; i--) root = nodeHash(roots[i]!, root)
  return root
}

export const root = (leaves: ReadonlyArray<Hash>): Hash => rootOf(append(empty, leaves))

/** Where a tree of `size` > 1 leaves splits. */
const split = (size: number): number => {
  let half = 1
  while (half * 2 < size) half *= 2
  return half
}

/** The audit path of leaf `index`, from the leaf up. */
export const inclusion = (leaves: ReadonlyArray<Hash>, index: number): ReadonlyArray<Hash> => {
  if (leaves.length <= 1) return []
  const half = split(leaves.length)
  const [left, right] = [leaves.slice(0, half), leaves.slice(half)]
  return index < half ? [...inclusion(left, index), root(right)] : [...inclusion(right, index - half), root(left)]
}

/** The root of the tree in which `leaf` stands at `index`, as `path` says; undefined if no tree of `size` has such a path. */
export const rootByInclusion = (claim: {
  readonly leaf: Hash
  readonly index: number
  readonly size: number
  readonly path: ReadonlyArray<Hash>
}): Hash | undefined => {
  const { index, leaf, path, size } = claim
  if (!Number.isSafeInteger(size) || !Number.isSafeInteger(index) || index < 0 || index >= size) return undefined
  const climb = (from: number, among: number, length: number): Hash | undefined => {
    if (among === 1) return length === 0 ? leaf : undefined
    if (length === 0) return undefined
    const half = split(among)
    const beside = path[length - 1]!
    const below = from < half ? climb(from, half, length - 1) : climb(from - half, among - half, length - 1)
    if (below === undefined) return undefined
    return from < half ? nodeHash(below, beside) : nodeHash(beside, below)
  }
  return climb(index, size, path.length)
}

/** That the tree of the first `size` leaves is the beginning of the tree of all. `size` is from 1 to all. */
export const consistency = (leaves: ReadonlyArray<Hash>, size: number): ReadonlyArray<Hash> => {
  const prove = (among: ReadonlyArray<Hash>, first: number, isWhole: boolean): ReadonlyArray<Hash> => {
    if (first === among.length) return isWhole ? [] : [root(among)]
    const half = split(among.length)
    const [left, right] = [among.slice(0, half), among.slice(half)]
    return first <= half
      ? [...prove(left, first, isWhole), root(right)]
      : [...prove(right, first - half, false), root(left)]
  }
  return prove(leaves, size, true)
}

/** Whether `path` shows that `second` is the root of a tree of which the tree with the root `first` is the beginning. */
export const isConsistent = (claim: {
  readonly first: { readonly size: number; readonly root: Hash }
  readonly second: { readonly size: number; readonly root: Hash }
  readonly path: ReadonlyArray<Hash>
}): boolean => {
  const { first, path, second } = claim
  if (!Number.isSafeInteger(second.size) || !(first.size >= 1 && first.size <= second.size)) return false
  /** The roots of both trees below a node, from the part of the path that is about it. */
  const climb = (from: number, among: number, length: number, isWhole: boolean): readonly [Hash, Hash] | undefined => {
    if (from === among) {
      const node = isWhole ? first.root : path[0]
      return node !== undefined && length === (isWhole ? 0 : 1) ? [node, node] : undefined
    }
    if (length === 0) return undefined
    const half = split(among)
    const beside = path[length - 1]!
    if (from <= half) {
      const below = climb(from, half, length - 1, isWhole)
      return below && [below[0], nodeHash(below[1], beside)]
    }
    const below = climb(from - half, among - half, length - 1, false)
    return below && [nodeHash(beside, below[0]), nodeHash(beside, below[1])]
  }
  const roots = climb(first.size, second.size, path.length, true)
  return roots?.[0].equals(first.root) === true && roots[1].equals(second.root)
}
