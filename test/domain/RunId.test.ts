import { assert, it } from "@effect/vitest"
import { Effect, FastCheck as fc, Random, Schema, TestClock } from "effect"
import * as RunId from "../../src/domain/RunId.js"

const at = (millis: number) => Effect.zipRight(TestClock.setTime(millis), RunId.make)

it.effect("a made id is a ULID, whose first ten characters are the time", () =>
  Effect.gen(function* () {
    // The example of the specification: 1469918176385 is 01ARYZ6S41.
    const id = yield* at(1469918176385)
    assert.match(id, /^[0-9A-HJKMNP-TV-Z]{26}$/)
    assert.strictEqual(id.slice(0, 10), "01ARYZ6S41")
    assert.strictEqual((yield* at(0)).slice(0, 10), "0000000000")
    assert.strictEqual((yield* at(2 ** 48 - 1)).slice(0, 10), "7ZZZZZZZZZ")
  })
)

const time = fc.integer({ min: 0, max: 2 ** 48 - 1 })

it.effect.prop("ids sort by the millisecond they were made in", [time, time], ([a, b]) =>
  Effect.gen(function* () {
    const first = yield* at(a)
    const second = yield* at(b)
    if (a !== b) assert.strictEqual(first < second, a < b)
    else assert.strictEqual(first.slice(0, 10), second.slice(0, 10))
  })
)

it.effect("100,000 ids of one millisecond differ, and use all characters everywhere", () =>
  Effect.gen(function* () {
    yield* TestClock.setTime(1)
    const ids = yield* Effect.replicateEffect(RunId.make, 100_000)
    assert.strictEqual(new Set(ids).size, ids.length)
    for (let i = 10; i < 26; i++) assert.strictEqual(new Set(ids.map((id) => id[i])).size, 32, `character ${i}`)
  })
)

it.effect("comes from Random: the same seed gives the same id", () =>
  Effect.gen(function* () {
    const seeded = () => Effect.withRandom(RunId.make, Random.make("seed"))
    assert.strictEqual(yield* seeded(), yield* seeded())
    assert.notStrictEqual(yield* seeded(), yield* RunId.make)
  })
)

it("a name of one's own is a short plain word", () => {
  const is = Schema.is(RunId.RunId)
  for (const id of ["a", "0", "nightly-2024.06_1", "x".repeat(128)]) assert.isTrue(is(id), id)
  for (const id of ["", "-a", ".a", "..", "_a", "a b", "a/b", "a\n", "é", "x".repeat(129), "a\u0000"]) {
    assert.isFalse(is(id), JSON.stringify(id))
  }
})

it("a refused name is told what a name is", () => {
  assert.throws(() => Schema.decodeUnknownSync(RunId.RunId)("a/b"), /a run id is 1 to 128 letters/)
})
