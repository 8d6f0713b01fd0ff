import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck as fc } from "effect"
import * as NanoUsd from "../../src/domain/NanoUsd.js"
import { runs } from "../Long.js"

const amount = fc.maxSafeNat().map((n) => NanoUsd.NanoUsd.make(n))
const read = (text: string, shift?: number): Either.Either<number, string> => NanoUsd.fromText(text, shift)
const numRuns = runs(1_000, 20_000)

describe("money", () => {
  it("is read exactly", () => {
    const cases: ReadonlyArray<readonly [string, number]> = [
      ["0", 0],
      ["0.50", 500_000_000],
      ["$1.5", 1_500_000_000],
      ["0.000000001", 1],
      ["1e-7", 100],
      ["1.5e-7", 150],
      ["1_000", 1_000_000_000_000],
      ["0.1500000000000000", 150_000_000],
      ["25.000000004", 25_000_000_004]
    ]
    for (const [text, nano] of cases) assert.deepStrictEqual(read(text), Either.right(nano), text)
    // By the thousand: 0.00015 for 1,000 is 0.15 for a million.
    assert.deepStrictEqual(read("0.00015", 3), Either.right(150_000_000))
    assert.deepStrictEqual(read("0.000000000001", 3), Either.right(1))
  })

  it("refuses what is no amount, too fine or too much, and never rounds", () => {
    for (const text of [
      "",
      "-1",
      "abc",
      "1.2.3",
      "NaN",
      "Infinity",
      "0x10",
      "1e400",
      ".5",
      "0.0000000001",
      "9000001"
    ]) {
      assert.isTrue(Either.isLeft(NanoUsd.fromText(text)), text)
    }
    assert.throws(() => NanoUsd.usd("half a dollar"), RangeError)
  })

  it("is shown so that it reads back as it was", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: NanoUsd.limitMax }), (n) => {
        const shown = NanoUsd.format(NanoUsd.NanoUsd.make(n))
        assert.match(shown, /^\$\d+\.\d{2,9}$/)
        assert.deepStrictEqual(read(shown), Either.right(n))
      }),
      { numRuns }
    )
    assert.strictEqual(NanoUsd.format(NanoUsd.usd("0.42")), "$0.42")
    assert.strictEqual(NanoUsd.format(NanoUsd.usd("0.0123")), "$0.0123")
    assert.strictEqual(NanoUsd.format(NanoUsd.usd("12")), "$12.00")
  })

  it("adds up to the same in any order and grouping, whole and never wrapping", () => {
    fc.assert(
      fc.property(fc.array(amount, { maxLength: 20 }), fc.nat(20), (amounts, at) => {
        const total = NanoUsd.sum(amounts)
        assert.isTrue(Number.isSafeInteger(total))
        assert.strictEqual(NanoUsd.sum([...amounts].reverse()), total)
        const grouped = NanoUsd.add(NanoUsd.sum(amounts.slice(0, at)), NanoUsd.sum(amounts.slice(at)))
        assert.strictEqual(grouped, total)
        const exact = amounts.reduce((sum, n) => sum + BigInt(n), 0n)
        assert.strictEqual(BigInt(total), exact > BigInt(NanoUsd.max) ? BigInt(NanoUsd.max) : exact)
      }),
      { numRuns }
    )
  })

  it("of many is many times as much", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), fc.nat(500), (n, count) => {
        const one = NanoUsd.NanoUsd.make(n)
        assert.strictEqual(NanoUsd.times(one, count), NanoUsd.sum(Array.from({ length: count }, () => one)))
      }),
      { numRuns: 200 }
    )
  })
})
