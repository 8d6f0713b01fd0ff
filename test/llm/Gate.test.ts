/** What the calls to one provider share. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import type { ModelError } from "../../src/domain/Model.js"
import { explainer } from "../../src/llm/internal/Failure.js"
import * as Gate from "../../src/llm/internal/Gate.js"
import { ask, driver, told } from "./reach.js"
import * as TinyServer from "./TinyServer.js"

const explain = explainer("openai:m", "")
const enter = (gate: Gate.Gate) => Effect.mapError(gate.enter(explain), ({ error }) => error)
const pass = (gate: Gate.Gate, reason?: ModelError["reason"]) =>
  Effect.scoped(Effect.zipRight(enter(gate), gate.saw(reason)))

describe("places", () => {
  it.effect("no more calls at once than there are places, and all get their turn", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ concurrency: 3 })
      let inside = 0
      let most = 0
      const one = Effect.scoped(
        Effect.gen(function* () {
          yield* enter(gate)
          most = Math.max(most, ++inside)
          yield* Effect.yieldNow()
          inside -= 1
        })
      )
      yield* Effect.all(
        Array.from({ length: 50 }, () => one),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual([most, inside], [3, 0])
    })
  )

  it.effect("one that stops waiting takes no place", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ concurrency: 1 })
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* enter(gate)
          const waiting = yield* Effect.fork(Effect.scoped(enter(gate)))
          yield* Effect.yieldNow()
          yield* Fiber.interrupt(waiting)
        })
      )
      yield* pass(gate)
    })
  )
})

describe("pace", () => {
  it.effect("within any time of the pace no more calls begin than it allows", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ rate: { calls: 3, per: "1 second" } })
      const begins: Array<number> = []
      const one = Effect.scoped(
        Effect.gen(function* () {
          yield* enter(gate)
          begins.push(yield* Clock.currentTimeMillis)
        })
      )
      const all = yield* Effect.fork(
        Effect.all(
          Array.from({ length: 8 }, () => one),
          { concurrency: "unbounded" }
        )
      )
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(all)
      assert.deepStrictEqual(begins, [0, 0, 0, 1000, 1000, 1000, 2000, 2000])
    })
  )
})

describe("breaker", () => {
  const options: Gate.GateLimits = { breaker: { failures: 3, rest: "10 seconds" } }

  it.effect("after so many failures in a row the provider is left alone, then one call tries it for all", () =>
    Effect.gen(function* () {
      const gate = Gate.make(options)
      for (const reason of ["Overloaded", "Network", "TimedOut"] as const) yield* pass(gate, reason)
      yield* TestClock.adjust("4 seconds")
      const error = yield* Effect.flip(pass(gate))
      assert.deepStrictEqual([error.reason, error.retryAfterMillis], ["Overloaded", 6000])
      assert.match(error.message, /failed 3 times in a row and is left alone for 6s/)
      yield* TestClock.adjust("6 seconds")
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* enter(gate)
          assert.strictEqual((yield* Effect.flip(pass(gate))).reason, "Overloaded")
          yield* gate.saw(undefined)
        })
      )
      yield* pass(gate)
      yield* pass(gate, "Network")
      yield* pass(gate)
    })
  )

  it.effect("a probe that fails closes the way again at once; one that got lost does not close it for ever", () =>
    Effect.gen(function* () {
      const gate = Gate.make(options)
      for (let i = 0; i < 3; i++) yield* pass(gate, "Network")
      yield* TestClock.adjust("10 seconds")
      yield* pass(gate, "Network")
      assert.strictEqual((yield* Effect.flip(pass(gate))).reason, "Overloaded")
      yield* TestClock.adjust("10 seconds")
      yield* Effect.scoped(enter(gate))
      assert.strictEqual((yield* Effect.flip(pass(gate))).reason, "Overloaded")
      yield* TestClock.adjust("10 seconds")
      yield* pass(gate)
      yield* pass(gate)
    })
  )

  it.effect("a provider that answers, be it with no, is well; too many requests say neither", () =>
    Effect.gen(function* () {
      const gate = Gate.make(options)
      for (const reason of ["Auth", "BadRequest", "Refused", "TooLong", "Unknown", undefined] as const) {
        yield* pass(gate, "Network")
        yield* pass(gate, "Network")
        yield* pass(gate, reason)
      }
      yield* pass(gate, "Network")
      yield* pass(gate, "Network")
      for (const reason of ["RateLimited", "Cut", "BadReply"] as const) yield* pass(gate, reason)
      yield* pass(gate, "Network")
      assert.strictEqual((yield* Effect.flip(pass(gate))).reason, "Overloaded")
    })
  )

  it.effect("can be left out", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ breaker: false })
      for (let i = 0; i < 100; i++) yield* pass(gate, "Network")
    })
  )

  it.scopedLive("a driver asks a provider that is down no more, and fails at once", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(TinyServer.error(503, "down"))
      const { driver: one, model } = yield* driver(server.url, "openai:m", {
        http: { retryBase: 1, breaker: { failures: 7 } }
      })
      const call = Effect.flip(one.call({ ...ask, model }, { idempotencyKey: "k" }))
      assert.match((yield* call).message, /failed with 503/)
      assert.match((yield* call).message, /left alone/)
      assert.match((yield* call).message, /left alone/)
      assert.strictEqual(server.requests.length, 7)
    })
  )

  it.scoped("streams count like calls, and asking while the provider is left alone does not make it longer", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(
        TinyServer.error(503, "down"),
        TinyServer.error(503, "down"),
        TinyServer.json(200, TinyServer.completion("back"))
      )
      const { driver: one, model } = yield* driver(server.url, "openai:m", {
        http: { retries: 0, breaker: { failures: 2, rest: "10 seconds" } }
      })
      const stream = Stream.runCollect(one.stream!({ ...ask, model }, { idempotencyKey: "k" }))
      for (let i = 0; i < 2; i++) assert.match((yield* Effect.flip(stream)).message, /failed with 503/)
      for (let i = 0; i < 5; i++) {
        assert.match((yield* Effect.flip(stream)).message, /left alone/)
        yield* TestClock.adjust("2 seconds")
      }
      assert.strictEqual(told(yield* stream).reply?.text, "back")
      assert.strictEqual(told(yield* stream).reply?.text, "back")
    })
  )
})
