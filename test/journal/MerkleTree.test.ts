import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as MerkleTree from "../../src/journal/MerkleTree.js"

/** The tree of the tests of Certificate Transparency (google/certificate-transparency, merkle_tree_test). */
const leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"].map(
  (text) => MerkleTree.leafHash(Buffer.from(text, "hex"))
)

const roots = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
]

const inclusions: ReadonlyArray<readonly [leaf: number, size: number, path: ReadonlyArray<string>]> = [
  [1, 1, []],
  [
    1,
    8,
    [
      "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
    ]
  ],
  [
    6,
    8,
    [
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
    ]
  ],
  [3, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]],
  [
    2,
    5,
    [
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
    ]
  ]
]

const consistencies: ReadonlyArray<readonly [first: number, second: number, path: ReadonlyArray<string>]> = [
  [1, 1, []],
  [
    1,
    8,
    [
      "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
    ]
  ],
  [
    6,
    8,
    [
      "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
    ]
  ],
  [
    2,
    5,
    [
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
    ]
  ]
]

const hex = (hashes: ReadonlyArray<Buffer>) => hashes.map((hash) => hash.toString("hex"))

/** As section 2.1 of the RFC says it, word for word. */
const byTheBook = (all: ReadonlyArray<Buffer>): Buffer => {
  if (all.length === 0) return createHash("sha256").digest()
  if (all.length === 1) return all[0]!
  let k = 1
  while (k * 2 < all.length) k *= 2
  return createHash("sha256")
    .update(Buffer.of(1))
    .update(byTheBook(all.slice(0, k)))
    .update(byTheBook(all.slice(k)))
    .digest()
}

const many = FastCheck.array(FastCheck.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 70 }).map((all) =>
  all.map(MerkleTree.leafHash)
)

const flipped = (hash: Buffer): Buffer => {
  const other = Buffer.from(hash)
  other[7]! ^= 16
  return other
}

describe("MerkleTree", () => {
  it("has the published roots", () => {
    assert.strictEqual(
      MerkleTree.root([]).toString("hex"),
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    for (const [i, root] of roots.entries()) {
      assert.strictEqual(MerkleTree.root(leaves.slice(0, i + 1)).toString("hex"), root)
    }
  })

  it("has the published inclusion proofs", () => {
    for (const [leaf, size, path] of inclusions) {
      assert.deepStrictEqual(hex(MerkleTree.inclusion(leaves.slice(0, size), leaf - 1)), path)
    }
  })

  it("has the published consistency proofs", () => {
    for (const [first, second, path] of consistencies) {
      assert.deepStrictEqual(hex(MerkleTree.consistency(leaves.slice(0, second), first)), path)
    }
  })

  it("hashes a leaf behind a zero byte, however long it is and whatever it is written in", () => {
    for (const text of ["", "a", "é𐍈", "x".repeat(1364), "é".repeat(1365), "𐍈".repeat(2000), "x".repeat(70_000)]) {
      const expected = createHash("sha256").update(Buffer.of(0)).update(text).digest()
      assert.deepStrictEqual(MerkleTree.leafHash(text), expected)
      assert.deepStrictEqual(MerkleTree.leafHash(Buffer.from(text)), expected)
    }
  })

  it("grows to the same root in whatever pieces it is appended to, and leaves what it grew from alone", () => {
    FastCheck.assert(
      FastCheck.property(many, FastCheck.array(FastCheck.nat(9), { maxLength: 20 }), (all, sizes) => {
        let frontier = MerkleTree.empty
        for (const size of [...sizes, all.length]) {
          const before = MerkleTree.rootOf(frontier)
          const next = MerkleTree.append(frontier, all.slice(frontier.size, frontier.size + size))
          assert.deepStrictEqual(MerkleTree.rootOf(frontier), before)
          frontier = next
        }
        assert.strictEqual(frontier.size, all.length)
        assert.deepStrictEqual(MerkleTree.rootOf(frontier), byTheBook(all))
      })
    )
  })

  it("proves each leaf at its place, and at no other", () => {
    FastCheck.assert(
      FastCheck.property(many, FastCheck.nat(), FastCheck.nat(), (all, some, other) => {
        const index = some % all.length
        const [leaf, size] = [all[index]!, all.length]
        const path = MerkleTree.inclusion(all, index)
        const root = MerkleTree.root(all)
        assert.deepStrictEqual(MerkleTree.rootByInclusion({ leaf, index, size, path }), root)
        const isRoot = (changed: object) =>
          MerkleTree.rootByInclusion({ leaf, index, size, path, ...changed })?.equals(root) ?? false
        assert.isFalse(isRoot({ leaf: flipped(leaf) }))
        assert.isFalse(isRoot({ path: [...path, leaf] }))
        assert.isFalse(isRoot({ index: size }))
        assert.isFalse(isRoot({ index: -1 }))
        if (path.length > 0) {
          assert.isFalse(isRoot({ path: path.slice(1) }))
          assert.isFalse(isRoot({ path: path.with(other % path.length, flipped(path[other % path.length]!)) }))
        }
        const elsewhere = other % size
        if (!all[elsewhere]!.equals(leaf)) assert.isFalse(isRoot({ index: elsewhere }))
      })
    )
  })

  it("a root stays true under appends: each earlier one is shown to be its beginning, and no other root is", () => {
    FastCheck.assert(
      FastCheck.property(many, FastCheck.nat(), FastCheck.nat(), (all, some, other) => {
        const size = 1 + (some % all.length)
        const first = { size, root: MerkleTree.root(all.slice(0, size)) }
        const second = { size: all.length, root: MerkleTree.root(all) }
        const path = MerkleTree.consistency(all, size)
        assert.isTrue(MerkleTree.isConsistent({ first, second, path }))
        const no = (changed: object) => assert.isFalse(MerkleTree.isConsistent({ first, second, path, ...changed }))
        no({ first: { size, root: flipped(first.root) } })
        no({ second: { ...second, root: flipped(second.root) } })
        no({ path: [...path, first.root] })
        no({ first: { ...first, size: 0 } })
        no({ first: { ...first, size: all.length + 1 } })
        if (path.length > 0) {
          no({ path: path.slice(0, -1) })
          no({ path: path.with(other % path.length, flipped(path[other % path.length]!)) })
        }
      })
    )
  })
})
