import { assert, it } from "@effect/vitest"
import { Effect, Either, Schema } from "effect"
import * as Digest from "../../src/domain/Digest.js"
import * as Once from "../../src/domain/Once.js"

const ask = { key: "charge", request: { amount: 3 }, success: Schema.Number } as const

it.effect("the plain door makes every call and remembers none", () =>
  Effect.gen(function* () {
    let calls = 0
    const call = Once.run(ask, () => Effect.sync(() => ++calls))
    assert.strictEqual(yield* call, 1)
    assert.strictEqual(yield* call, 2)
  }).pipe(Effect.provide(Once.layerPlain))
)

it.effect("an idempotency key is one for each key and request", () =>
  Effect.gen(function* () {
    const keyOf = (key: string, request: Readonly<Record<string, number>>) =>
      Once.run({ key, request, success: Schema.String }, ({ idempotencyKey }) => Effect.succeed(idempotencyKey))
    const key = yield* keyOf("charge", { amount: 3, cents: 1 })
    assert.isTrue(Schema.is(Digest.Digest)(key))
    assert.strictEqual(key, yield* keyOf("charge", { cents: 1, amount: 3 }))
    assert.notStrictEqual(key, yield* keyOf("charge", { amount: 4, cents: 1 }))
    assert.notStrictEqual(key, yield* keyOf("refund", { amount: 3, cents: 1 }))
  }).pipe(Effect.provide(Once.layerPlain))
)

it.effect("what the call fails with is what the door fails with", () =>
  Effect.gen(function* () {
    const failing = Once.run({ ...ask, failure: Schema.Literal("declined") }, () => Effect.fail("declined" as const))
    const answer = yield* Effect.either(failing)
    assert.isTrue(Either.isLeft(answer) && answer.left === "declined")
    const dying = yield* Effect.exit(Once.run(ask, () => Effect.die("broken")))
    assert.isTrue(dying._tag === "Failure" && dying.cause._tag === "Die")
  }).pipe(Effect.provide(Once.layerPlain))
)
