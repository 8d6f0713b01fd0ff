import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { NanoUsd, usd } from "../../src/domain/NanoUsd.js"
import * as Usage from "../../src/domain/Usage.js"
import * as Cost from "../../src/governance/Cost.js"
import * as PriceTable from "../../src/governance/PriceTable.js"
import { runs } from "../Long.js"

const numRuns = runs(2_000, 50_000)
const price = fc.integer({ min: 0, max: 1_000_000_000_000 }).map((n) => NanoUsd.make(n))
const rate = fc.record({ input: price, cachedInput: price, output: price, reasoning: price })
const tokens = fc.oneof(fc.nat(50), fc.nat(1_000_000_000))
const usage = fc.record({ input: tokens, cachedInput: tokens, output: tokens, reasoning: tokens })

describe("the cost of a call", () => {
  it("is the published price", () => {
    const mini = PriceTable.find(PriceTable.shipped, "openai:gpt-4o-mini")!.rate
    const cost = Cost.ofUsage(mini, { input: 1_000_000, cachedInput: 1_000_000, output: 1_000_000, reasoning: 0 })
    assert.strictEqual(cost, usd("0.825"))
    // One cached token has a price, and cached tokens are not counted as input too.
    assert.strictEqual(Cost.ofUsage(mini, { ...Usage.none, cachedInput: 1 }), 75)
    assert.strictEqual(Cost.ofUsage(mini, Usage.none), 0)
  })

  it("is exact, and rounded up once per call", () => {
    fc.assert(
      fc.property(rate, usage, (rate, usage) => {
        const millionths =
          BigInt(usage.input) * BigInt(rate.input) +
          BigInt(usage.cachedInput) * BigInt(rate.cachedInput) +
          BigInt(usage.output) * BigInt(rate.output) +
          BigInt(usage.reasoning) * BigInt(rate.reasoning)
        const cost = Cost.ofUsage(rate, usage)
        if (cost === Number.MAX_SAFE_INTEGER) {
          assert.isTrue(millionths > BigInt(cost - 1) * 1_000_000n)
          return
        }
        assert.isTrue(BigInt(cost) * 1_000_000n >= millionths)
        assert.isTrue((BigInt(cost) - 1n) * 1_000_000n < millionths || cost === 0)
      }),
      { numRuns }
    )
  })

  it("is never above the worst case, if the usage can be believed", () => {
    fc.assert(
      fc.property(rate, usage, fc.nat(1000), fc.nat(1000), (rate, usage, more, moreOut) => {
        const most = { input: usage.input + usage.cachedInput + more, output: usage.output + usage.reasoning + moreOut }
        assert.isTrue(Cost.isBelievable(usage, most))
        assert.isAtMost(Cost.ofUsage(rate, usage), Cost.worst(rate, most))
        assert.isAtMost(Cost.worst(rate, most), Cost.ofTokens(Cost.dearest(rate), most.input + most.output))
      }),
      { numRuns }
    )
  })

  it("is not taken from counts that cannot be true", () => {
    const most = { input: 100, output: 10 }
    const good = { input: 50, cachedInput: 50, output: 5, reasoning: 5 }
    assert.isTrue(Cost.isBelievable(good, most))
    for (const bad of [-1, Number.NaN, 0.5, Number.POSITIVE_INFINITY, 101, 1e300]) {
      for (const field of ["input", "cachedInput", "output", "reasoning"] as const) {
        assert.isFalse(Cost.isBelievable({ ...good, [field]: bad }, most), `${field} ${bad}`)
      }
    }
    assert.isFalse(Cost.isBelievable({ ...good, reasoning: 6 }, most))
  })
})
