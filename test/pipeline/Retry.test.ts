import { assert, describe, it } from "@effect/vitest"
import {
  Chunk,
  Duration,
  Effect,
  FastCheck as fc,
  Random,
  Schedule,
  ScheduleDecision,
  ScheduleIntervals,
  Schema
} from "effect"
import * as Retry from "../../src/pipeline/Retry.js"
import { runs } from "../Long.js"

/** The waits that a schedule decides on, driven as the engine drives it: each step at the instant of the last wake. */
const waits = (retry: Retry.Retry, seed = "seed", from = 0) =>
  Effect.gen(function* () {
    const schedule = Retry.toSchedule(retry)
    const all: Array<number> = []
    let state = schedule.initial
    let now = from
    while (all.length < 200) {
      const [next, , decision] = yield* schedule.step(now, undefined, state)
      state = next
      if (!ScheduleDecision.isContinue(decision)) return all
      const start = ScheduleIntervals.start(decision.intervals)
      all.push(start - now)
      now = start
    }
    return all
  }).pipe(Effect.withRandom(Random.make(seed)), Effect.runSync)

const plain: Retry.Retry = { times: 8, baseMillis: 1000, factor: 2, maxMillis: 60_000, jitter: false }

const retry: fc.Arbitrary<Retry.Retry> = fc.record({
  times: fc.integer({ min: 0, max: 100 }),
  baseMillis: fc.integer({ min: 0, max: 10_000 }),
  factor: fc.constantFrom(1, 1.5, 2, 3, 10),
  maxMillis: fc.integer({ min: 0, max: 1_000_000 }),
  jitter: fc.constant(false)
})

const documented = ({ baseMillis, factor, maxMillis }: Retry.Retry, k: number) =>
  Math.min(maxMillis, baseMillis * factor ** (k - 1))

describe("waits", () => {
  it("double from the first and stop growing at the longest", () => {
    assert.deepStrictEqual(waits(plain), [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000])
  })
  it("the k-th is min(max, base · factor^(k-1)), and there are just as many as times says", () => {
    fc.assert(
      fc.property(retry, fc.nat(2 ** 41), (retry, from) => {
        const all = waits(retry, "seed", from)
        assert.strictEqual(all.length, retry.times)
        for (const [i, wait] of all.entries()) {
          // A schedule counts in floats of milliseconds since 1970.
          assert.approximately(wait, documented(retry, i + 1), 0.01 + from * 1e-12)
        }
      }),
      { numRuns: runs(300, 5_000) }
    )
  })
  it("jitter moves each by a fifth at most, also the longest, and not all alike", () => {
    fc.assert(
      fc.property(retry, fc.string(), (retry, seed) => {
        const all = waits({ ...retry, jitter: true }, seed)
        assert.strictEqual(all.length, retry.times)
        for (const [i, wait] of all.entries()) {
          const middle = documented(retry, i + 1)
          assert.isAtLeast(wait, middle * 0.8 - 0.01)
          assert.isAtMost(wait, middle * 1.2 + 0.01)
        }
      }),
      { numRuns: runs(300, 5_000) }
    )
    const jittered = waits({ ...plain, jitter: true })
    assert.isAbove(new Set(jittered.map((wait, i) => (wait / waits(plain)[i]!).toFixed(6))).size, 6)
    assert.deepStrictEqual(jittered, waits({ ...plain, jitter: true }))
    assert.notDeepEqual(jittered, waits({ ...plain, jitter: true }, "other"))
  })
  it("a wait of nothing and numbers that overflow are waits too", () => {
    assert.deepStrictEqual(waits({ ...plain, baseMillis: 0, times: 3 }), [0, 0, 0])
    assert.deepStrictEqual(waits({ ...plain, maxMillis: 0, times: 3 }), [0, 0, 0])
    assert.deepStrictEqual(waits({ ...plain, factor: 1e300, times: 4 }), [1000, 60000, 60000, 60000])
    assert.deepStrictEqual(waits({ ...plain, times: 0 }), [])
  })
  it.effect("as Effect.retry runs it, on a clock", () =>
    Effect.gen(function* () {
      const delays = yield* Schedule.run(Schedule.delays(Retry.toSchedule(plain)), 0, [1, 2, 3])
      assert.deepStrictEqual(Chunk.toReadonlyArray(delays).map(Duration.toMillis), [1000, 2000, 4000])
    })
  )
})

describe("as data", () => {
  it("defaults: a second, doubling, a minute at most, jittered", () => {
    assert.deepStrictEqual(Retry.make({ times: 3 }), {
      times: 3,
      baseMillis: 1000,
      factor: 2,
      maxMillis: 60_000,
      jitter: true
    })
    assert.deepStrictEqual(
      Retry.make({ times: 1, base: "2 seconds", factor: 1, max: "1 hour", jitter: false, while: ["A"] }),
      { times: 1, baseMillis: 2000, factor: 1, maxMillis: 3_600_000, jitter: false, while: ["A"] }
    )
  })
  it("what is made fits its schema, fractions of a millisecond too", () => {
    const is = Schema.is(Retry.Retry)
    assert.isTrue(is(Retry.make({ times: 3, base: Duration.micros(1500n), max: "1500 micros" })))
    assert.isFalse(is({ ...plain, times: 101 }))
    assert.isFalse(is({ ...plain, factor: 0.5 }))
    assert.isFalse(is({ ...plain, baseMillis: -1 }))
  })
  it("tags choose the errors that are worth another try", () => {
    const some = { ...plain, while: ["RateLimited", "Network"] }
    assert.isTrue(Retry.covers(some, "Network"))
    assert.isFalse(Retry.covers(some, "Auth"))
    assert.isFalse(Retry.covers(some, undefined))
    assert.isFalse(Retry.covers({ ...plain, while: [] }, "Network"))
    assert.isTrue(Retry.covers(plain, undefined))
    assert.isTrue(Retry.covers(plain, "Auth"))
  })
})
