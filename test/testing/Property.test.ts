/** Laws of users' pipelines, tried on inputs that are made up from their schemas. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, FastCheck, Schema } from "effect"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import { property } from "../../src/testing.js"

const Price = Schema.Struct({ price: Schema.Int.pipe(Schema.between(0, 10_000)), vip: Schema.Boolean })

const discount = (floor: number) =>
  Step.make("discount", {
    input: Price,
    output: Schema.Int,
    run: ({ price, vip }) => Effect.succeed(vip ? Math.max(floor, price - 100) : price)
  }).pipe(Step.andThen(Step.approve("review", { message: (price: number) => `${price}?` })), Pipeline.make("discount"))

const valueOf = (exit: Exit.Exit<unknown, unknown>): unknown =>
  Exit.isSuccess(exit) && typeof exit.value === "object" && exit.value !== null && "value" in exit.value
    ? exit.value.value
    : undefined

describe("property", () => {
  it.effect("a law that holds is tried on as many inputs as wanted, questions answered", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      yield* property(discount(0), ({ exit, input }) => seen.push(input) > 0 && Number(valueOf(exit)) <= input.price, {
        runs: 40
      })
      assert.strictEqual(seen.length, 40)
      assert.isAbove(new Set(seen.map((one) => JSON.stringify(one))).size, 20)
    })
  )

  it.effect("one that does not is told with the smallest input and the seed, which finds it again", () =>
    Effect.gen(function* () {
      const law = { seed: 7, runs: 300 }
      const broken = yield* Effect.flip(
        property(discount(50), ({ exit, input }) => Number(valueOf(exit)) <= input.price, law)
      )
      assert.strictEqual(broken.input, '{"price":0,"vip":true}')
      assert.strictEqual(broken.seed, 7)
      const again = yield* Effect.flip(
        property(discount(50), ({ exit, input }) => Number(valueOf(exit)) <= input.price, law)
      )
      assert.deepStrictEqual([again.input, again.runs], [broken.input, broken.runs])
      const thrown = yield* Effect.flip(
        property(discount(0), () => {
          throw new Error("not so")
        })
      )
      assert.include(thrown.message, "not so")
    })
  )

  it.effect("a pipeline whose run does not replay breaks a law of its own", () =>
    Effect.gen(function* () {
      let count = 0
      const counting = Step.fn("count", (n: number) => n + count++).pipe(Pipeline.make("counting"))
      const broken = yield* Effect.flip(property(counting, () => true, { input: FastCheck.integer() }))
      assert.include(broken.detail, "its replay is not the same")
      assert.include(broken.detail, "count")
    })
  )

  it.effect("what the steps need is needed, and a question without an answer leaves the run waiting", () =>
    Effect.gen(function* () {
      class Rate extends Context.Tag("Rate")<Rate, number>() {}
      const rated = Step.make("rate", {
        input: Schema.Int,
        output: Schema.Int,
        run: (n) => Effect.map(Rate, (rate) => n * rate)
      }).pipe(Step.andThen(Step.approve("review", { message: () => "?" })), Pipeline.make("rated"))
      const rests: Array<string> = []
      yield* property(
        rated,
        ({ exit }) => {
          rests.push(Exit.isSuccess(exit) ? exit.value._tag : "Failed")
        },
        { runs: 5, answer: () => undefined }
      ).pipe(Effect.provideService(Rate, 2))
      assert.deepStrictEqual(
        rests,
        Array.from({ length: 5 }, () => "Suspended")
      )
    })
  )
})
