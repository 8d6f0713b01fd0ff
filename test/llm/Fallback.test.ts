/** Several models as one. */
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { type ModelChunk, type ModelDriver, ModelError, type ModelReply } from "../../src/domain/Model.js"
import * as Usage from "../../src/domain/Usage.js"
import * as Fallback from "../../src/llm/Fallback.js"
import * as Llm from "../../src/llm/Models.js"
import { ask, told } from "./reach.js"

type Reason = ModelError["reason"]
const info = { idempotencyKey: "k" }
const replyOf = (model: string): ModelReply => ({ text: `from ${model}`, finish: "stop", usage: Usage.none, model })
const failure = (model: string, reason: Reason) => new ModelError({ reason, model: `x:${model}`, detail: reason })

/** Choices that fail as they are told, and what was asked of them. */
const scene = (...given: ReadonlyArray<{ readonly fails?: Reason; readonly on?: ReadonlyArray<Reason> }>) => {
  const asked: Array<string> = []
  const choices = given.map(({ fails, on }, index): Fallback.Choice => {
    const model = `m${index}`
    const driver: ModelDriver = {
      call: ({ model }, { idempotencyKey }) =>
        Effect.suspend(() => {
          asked.push(`${model} ${idempotencyKey}`)
          return fails === undefined ? Effect.succeed(replyOf(model)) : Effect.fail(failure(model, fails))
        })
    }
    return { driver, model, on }
  })
  return { asked, driver: Fallback.make(choices as [Fallback.Choice, ...Array<Fallback.Choice>]) }
}

describe("who is asked", () => {
  it.effect("the first, and nobody else while it answers", () =>
    Effect.gen(function* () {
      const { asked, driver } = scene({}, {})
      assert.strictEqual((yield* driver.call(ask, info)).model, "m0")
      assert.deepStrictEqual(asked, ["m0 k"])
    })
  )

  it.effect("the next one when a model cannot be had, each under its own idempotency key", () =>
    Effect.gen(function* () {
      const { asked, driver } = scene({ fails: "RateLimited" }, { fails: "Network" }, {})
      assert.strictEqual((yield* driver.call(ask, info)).model, "m2")
      assert.deepStrictEqual(asked, ["m0 k", "m1 k-2", "m2 k-3"])
    })
  )

  it.effect("nobody when the ask itself is at fault, or the reply may have been billed", () =>
    Effect.gen(function* () {
      for (const reason of ["Auth", "BadRequest", "TooLong", "Refused", "Unknown", "Cut", "BadReply"] as const) {
        const { asked, driver } = scene({ fails: reason }, {})
        assert.deepStrictEqual(yield* Effect.flip(driver.call(ask, info)), failure("m0", reason))
        assert.deepStrictEqual(asked, ["m0 k"])
      }
    })
  )

  it.effect("whoever is listed for the failure, the others being passed over", () =>
    Effect.gen(function* () {
      const { asked, driver } = scene({ fails: "TooLong" }, {}, { on: ["Refused"] }, { on: ["TooLong"] })
      assert.strictEqual((yield* driver.call(ask, info)).model, "m3")
      assert.deepStrictEqual(asked, ["m0 k", "m3 k-4"])
    })
  )

  it.effect("and when all have failed, the last failure tells of those before it", () =>
    Effect.gen(function* () {
      const { driver } = scene({ fails: "RateLimited" }, { fails: "Overloaded" }, { fails: "Auth" })
      const error = yield* Effect.flip(driver.call(ask, info))
      assert.deepStrictEqual([error.reason, error.model], ["Auth", "x:m2"])
      assert.match(error.message, /Auth; tried before it: x:m0 \(RateLimited\), x:m1 \(Overloaded\)/)
    })
  )

  it("each model at most once, in the order of the list, whatever fails with what", () => {
    const reason = fc.constantFrom<Reason>("RateLimited", "Overloaded", "TooLong", "Cut", "Auth")
    const choice = fc.record({ fails: reason, on: fc.array(reason, { maxLength: 3 }) }, { requiredKeys: [] })
    fc.assert(
      fc.property(fc.array(choice, { minLength: 1, maxLength: 6 }), (given) => {
        const { asked, driver } = scene(...given)
        const exit = Effect.runSync(Effect.either(driver.call(ask, info)))
        const indexes = asked.map((line) => Number(line.split(" ")[0]!.slice(1)))
        assert.deepStrictEqual(
          indexes,
          [...new Set(indexes)].sort((a, b) => a - b)
        )
        // Each but the first was asked because it is listed for what the one before it failed with.
        indexes.slice(1).forEach((index, i) => {
          const failed = given[indexes[i]!]!.fails!
          assert.include(given[index]!.on ?? Fallback.reasonsDefault, failed)
        })
        assert.strictEqual(exit._tag === "Right", given[indexes.at(-1)!]!.fails === undefined)
      })
    )
  })
})

describe("streams", () => {
  const streaming = (chunks: ReadonlyArray<ModelChunk>, fails?: Reason): ModelDriver => ({
    call: () => Effect.succeed(replyOf("never")),
    stream: ({ model }) =>
      Stream.concat(
        Stream.fromIterable(chunks),
        fails === undefined
          ? Stream.make<[ModelChunk]>({ _tag: "Reply", reply: replyOf(model) })
          : Stream.fail(failure(model, fails))
      )
  })
  const run = (...drivers: [ModelDriver, ...Array<ModelDriver>]) => {
    const [first, ...rest] = drivers.map((driver, index) => ({ driver, model: `m${index}` }))
    return Effect.map(Stream.runCollect(Fallback.make([first!, ...rest]).stream!(ask, info)), (chunks) => told(chunks))
  }
  const text: ModelChunk = { _tag: "Text", text: "half" }

  it.effect("of another model follow one that failed before it showed anything", () =>
    Effect.gen(function* () {
      const { replies, reply, text: shown } = yield* run(streaming([], "Overloaded"), streaming([text]))
      assert.deepStrictEqual([shown, reply?.model, replies], ["half", "m1", 1])
    })
  )

  it.effect("that showed something are followed by none", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(run(streaming([text], "Overloaded"), streaming([text])))
      assert.deepStrictEqual([error.reason, error.model], ["Overloaded", "x:m0"])
    })
  )

  it.effect("of a model that cannot stream are its reply", () =>
    Effect.gen(function* () {
      const { replies, reply } = yield* run({ call: ({ model }) => Effect.succeed(replyOf(model)) })
      assert.deepStrictEqual([reply?.text, replies], ["from m0", 1])
    })
  )

  it.effect("that are left early close what was opened", () =>
    Effect.gen(function* () {
      let open = 0
      const driver: ModelDriver = {
        call: () => Effect.succeed(replyOf("never")),
        stream: () =>
          Stream.concat(
            Stream.acquireRelease(
              Effect.sync(() => {
                open += 1
                return text
              }),
              () => Effect.sync(() => (open -= 1))
            ),
            Stream.never
          )
      }
      const shown = yield* Stream.runCollect(Stream.take(Fallback.make([{ driver, model: "m" }]).stream!(ask, info), 1))
      assert.deepStrictEqual([shown.length, open], [1, 0])
    })
  )
})

describe("names", () => {
  const folder = mkdtempSync(join(tmpdir(), "flujo-fallback-"))
  writeFileSync(
    join(folder, "a.json"),
    JSON.stringify({ "*": [{ error: { reason: "Overloaded" } }, { error: { reason: "TooLong" } }] })
  )
  const provided = Effect.provide(Layer.provide(Llm.layer({ scriptedFolder: folder }), NodeContext.layer))
  const from = { path: "a", agent: "b" }

  it.effect("lead to models, each with its own", () =>
    Effect.gen(function* () {
      const driver = yield* Fallback.fromNames(["scripted:a.json", { name: "offline:any", on: ["Overloaded"] }], from)
      const asked = { ...ask, messages: [{ role: "user", content: "Coffee is good." }] as const }
      assert.strictEqual((yield* driver.call(asked, info)).model, "offline")
      assert.strictEqual((yield* Effect.flip(driver.call(asked, info))).reason, "TooLong")
    }).pipe(provided)
  )

  it.effect("that lead nowhere fail before anything is asked", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Fallback.fromNames(["scripted:a.json", "nobody:x"], from))
      assert.strictEqual(error.reason, "Unknown")
    }).pipe(provided)
  )
})
