import { assert, it } from "@effect/vitest"
import { Arbitrary, FastCheck as fc, Schema } from "effect"
import * as Usage from "../../src/domain/Usage.js"

const count = fc.nat(2 ** 40)
const usage: fc.Arbitrary<Usage.Usage> = fc.record(
  {
    input: count,
    cachedInput: count,
    cacheWrite: fc.integer({ min: 1, max: 2 ** 40 }),
    output: count,
    reasoning: count
  },
  { requiredKeys: ["input", "cachedInput", "output", "reasoning"] }
)

it("adding is commutative and associative, and none adds nothing", () => {
  fc.assert(
    fc.property(usage, usage, usage, (a, b, c) => {
      assert.deepStrictEqual(Usage.add(a, b), Usage.add(b, a))
      assert.deepStrictEqual(Usage.add(Usage.add(a, b), c), Usage.add(a, Usage.add(b, c)))
      assert.deepStrictEqual(Usage.add(a, Usage.none), a)
    })
  )
})

it("no token is counted twice or lost", () => {
  fc.assert(
    fc.property(usage, usage, (a, b) => {
      assert.strictEqual(Usage.total(Usage.add(a, b)), Usage.total(a) + Usage.total(b))
    })
  )
  assert.strictEqual(Usage.total({ input: 1, cachedInput: 10, output: 100, reasoning: 1000 }), 1111)
  assert.strictEqual(Usage.total({ ...Usage.none, cacheWrite: 5 }), 5)
  assert.strictEqual(Usage.total(Usage.none), 0)
})

it("counts are whole and not negative", () => {
  const is = Schema.is(Usage.Usage)
  for (const bad of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) assert.isFalse(is({ ...Usage.none, output: bad }))
  fc.assert(fc.property(Arbitrary.make(Usage.Usage), (value) => assert.isTrue(is(value))))
})
