import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { type Budget, BudgetExceeded } from "../../src/domain/Budget.js"
import type { Entry, EventOf, Kind } from "../../src/domain/Event.js"
import * as Json from "../../src/domain/Json.js"
import { type ModelAsk, ModelError, ModelReply, Models } from "../../src/domain/Model.js"
import { NanoUsd, usd } from "../../src/domain/NanoUsd.js"
import * as Once from "../../src/domain/Once.js"
import * as Flujo from "../../src/engine/Flujo.js"
import { RunError } from "../../src/engine/RunError.js"
import * as PriceTable from "../../src/governance/PriceTable.js"
import { Journal } from "../../src/journal/Journal.js"
import * as Tokens from "../../src/llm/Tokens.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as World from "../gate/world.js"
import * as Money from "./money.js"

const prices = Money.table({ "test:dear": Money.rate("10", "100"), "test:cheap": Money.rate("0.10", "1") })

const agent = (name: string, model = "test:dear") =>
  Step.agent(name, Agent.make(name, { model, system: "", settings: { maxTokens: 10 } }))

const ask = (model = "test:dear"): ModelAsk => ({
  model,
  messages: [{ role: "user", content: "hi" }],
  output: { _tag: "Text" },
  settings: { maxTokens: 10 }
})

/** What an agent's call on "hi" may cost: as it is reserved. */
const input = Tokens.boundOfAsk(ask())
const worst = NanoUsd.make(input * 10_000 + 10 * 100_000)

const usage = { input: 5, cachedInput: 0, output: 2, reasoning: 0 }
const actual = NanoUsd.make(5 * 10_000 + 2 * 100_000)

const replying = () => Money.server(prices, () => ({ _tag: "Reply", usage }))

const started = (
  pipeline: Pipeline.Pipeline<string, string, unknown, Models>,
  server: Money.Server,
  budget: Budget | undefined,
  world = World.make()
) => Money.provide(prices, server)(World.start(pipeline, "hi", { budget })).pipe(Effect.provide(world.boot()))

const of = <K extends Kind>(entries: ReadonlyArray<Entry>, kind: K): ReadonlyArray<EventOf<K>> =>
  entries.flatMap(({ event }) => (event.kind === kind ? [event as unknown as EventOf<K>] : []))

const kindsOf = (entries: ReadonlyArray<Entry>) => entries.map(({ event }) => event.kind)

const one = agent("one").pipe(Pipeline.make("one")) as Pipeline.Pipeline<string, string, unknown, Models>
const two = agent("one").pipe(Step.andThen(agent("two")), Pipeline.make("two")) as typeof one

/** A code step that asks a model through `Once`. */
const asking = (name: string, model = "test:dear", guard = false) =>
  Step.make(name, {
    input: Schema.String,
    output: Schema.String,
    error: ModelError,
    run: () => {
      const call = Once.run(
        {
          key: "call",
          request: Either.getOrThrow(Json.fromUnknown(ask(model))),
          success: ModelReply,
          failure: ModelError,
          effect: "model",
          describe: ({ usage }) => ({ usage })
        },
        (info) =>
          Effect.flatMap(Models, (models) =>
            Effect.flatMap(models.driver(model, { path: "", agent: "" }), ({ driver }) => driver.call(ask(model), info))
          )
      ).pipe(Effect.map(({ text }) => text))
      return guard ? Effect.catchAllCause(call, () => Effect.succeed("swallowed")) : call
    }
  })

describe("without a budget", () => {
  it.effect("nothing is reserved, and the journal is as it was", () =>
    Effect.gen(function* () {
      const { entries } = yield* started(two, replying(), undefined)
      assert.deepStrictEqual(of(entries, "Reserved"), [])
      assert.deepStrictEqual(of(entries, "Settled"), [])
      const [start] = of(entries, "RunStarted")
      assert.notProperty(start!.data, "budget")
      assert.notProperty(start!.payload, "prices")
    })
  )
})

describe("a budget", () => {
  it.effect("sets the worst case aside before a call and settles it at its cost, in one step with the answer", () =>
    Effect.gen(function* () {
      const { entries } = yield* started(one, replying(), { maxCost: usd("1") })
      const kinds = kindsOf(entries)
      const at = kinds.indexOf("Asked")
      assert.deepStrictEqual(kinds.slice(at, at + 4), ["Asked", "Reserved", "Answered", "Settled"])
      assert.deepStrictEqual(of(entries, "Reserved")[0]!.data, {
        model: "test:dear",
        cost: worst,
        tokens: input + 10,
        under: []
      })
      assert.deepStrictEqual(of(entries, "Settled")[0]!.data, { cost: actual, tokens: 7, basis: "usage" })
      const [start] = of(entries, "RunStarted")
      assert.strictEqual(start!.data.budget?.prices, PriceTable.digest(prices))
      assert.strictEqual(start!.data.budget?.maxCost, usd("1"))
    })
  )

  it.effect("denies the call whose worst case is more than what is left, and sends nothing", () =>
    Effect.gen(function* () {
      const server = replying()
      const limit = NanoUsd.make(worst + actual - 1)
      const rest = yield* started(two, server, { maxCost: limit, mode: "reserve" })
      assert.strictEqual(rest.tag, "Failed")
      assert.instanceOf(rest.error, BudgetExceeded)
      const error = rest.error as BudgetExceeded
      assert.strictEqual(error.reason, "Cost")
      assert.strictEqual(error.path, "two")
      assert.strictEqual(error.limit, limit)
      assert.strictEqual(error.left, limit - actual)
      // What the first step answered is the second's input, which is longer.
      assert.isAbove(error.asked, worst)
      assert.match(error.message, /^two: Cost limit of \$0\.00\d+ exceeded: test:dear may cost/)
      assert.strictEqual(server.served.length, 1)
      assert.deepStrictEqual(
        of(rest.entries, "StepSucceeded").map(({ path }) => String(path)),
        ["one"]
      )
      assert.strictEqual(of(rest.entries, "Denied").length, 1)
    })
  )

  it.effect("of tokens counts what is sent and answered, and needs no price", () =>
    Effect.gen(function* () {
      const pipeline = agent("one", "test:unpriced").pipe(
        Step.andThen(agent("two", "test:unpriced")),
        Pipeline.make("tokens")
      ) as typeof one
      const rest = yield* started(pipeline, replying(), { maxTokens: input + 10, mode: "reserve" })
      const error = rest.error as BudgetExceeded
      assert.strictEqual(error.reason, "Tokens")
      assert.strictEqual(error.left, input + 10 - 7)
      assert.match(error.message, /Token limit of \d+ exceeded/)
      assert.isNull(of(rest.entries, "Reserved")[0]!.data.cost)
    })
  )

  it.effect("of money denies a model without a known price, unless a ceiling stands in for it", () =>
    Effect.gen(function* () {
      const pipeline = agent("one", "test:unpriced").pipe(Pipeline.make("unpriced")) as typeof one
      const budget: Budget = { maxCost: usd("1000"), mode: "reserve" }
      const rest = yield* started(pipeline, replying(), budget)
      assert.strictEqual((rest.error as BudgetExceeded).reason, "NoPrice")
      const ceiling = { ...prices, ceiling: usd("1") }
      const done = yield* Money.provide(
        ceiling,
        replying()
      )(World.start(pipeline, "hi", { budget })).pipe(Effect.provide(World.make().boot()))
      assert.strictEqual(done.tag, "Completed")
      assert.strictEqual(of(done.entries, "Settled")[0]!.data.cost, 7_000)
    })
  )

  it.effect("lets a fallback answer in place of what was denied", () =>
    Effect.gen(function* () {
      const pipeline = agent("one").pipe(Step.fallback(agent("plan_b", "test:cheap")), Pipeline.make("b")) as typeof one
      const server = replying()
      const rest = yield* started(pipeline, server, { maxCost: NanoUsd.make(worst - 1), mode: "reserve" })
      assert.strictEqual(rest.tag, "Completed")
      assert.deepStrictEqual(
        server.served.map(({ model }) => model),
        ["test:cheap"]
      )
    })
  )

  it.effect("is shared by steps side by side: two cannot both take the last of it", () =>
    Effect.gen(function* () {
      const pipeline = Step.parallel("both", { a: agent("a"), b: agent("b"), c: agent("c") }).pipe(
        Step.andThen(Step.fn("join", () => "joined")),
        Pipeline.make("side_by_side")
      ) as typeof one
      const server = Money.server(
        prices,
        () => ({ _tag: "Reply", usage }),
        () => Effect.yieldNow()
      )
      const rest = yield* started(pipeline, server, { maxCost: NanoUsd.make(2 * worst), mode: "reserve" })
      assert.strictEqual((rest.error as BudgetExceeded).reason, "Cost")
      assert.isUndefined(Money.overspent(rest.entries))
      assert.strictEqual(server.served.length, 2)
    })
  )
})

describe("however a call ends", () => {
  const settled = (reaction: Money.Reaction) =>
    Effect.map(
      started(
        one,
        Money.server(prices, () => reaction),
        { maxCost: usd("1") }
      ),
      ({ entries }) => of(entries, "Settled").map(({ data }) => data)
    )
  type Basis = EventOf<"Settled">["data"]["basis"]
  const whole = (basis: Basis) => [{ cost: worst, tokens: input + 10, basis }]

  it.effect("what the provider refused is free", () =>
    Effect.gen(function* () {
      for (const reason of ["RateLimited", "Overloaded", "Auth", "BadRequest", "TooLong", "Unknown"] as const) {
        const free = yield* settled({ _tag: "Fail", reason, billed: undefined })
        assert.deepStrictEqual(free, [{ cost: NanoUsd.make(0), tokens: 0, basis: "free" }], reason)
      }
    })
  )

  it.effect("what may have been billed is settled at the worst case", () =>
    Effect.gen(function* () {
      for (const reason of ["TimedOut", "Cut", "Network", "BadReply"] as const) {
        assert.deepStrictEqual(yield* settled({ _tag: "Fail", reason, billed: usage }), whole("failed"), reason)
      }
      assert.deepStrictEqual(yield* settled({ _tag: "Die" }), whole("failed"))
    })
  )

  it.effect("a count that cannot be true is not believed: the worst case, and it says so", () =>
    Effect.gen(function* () {
      const counts = [{ input: input + 1 }, { output: 11 }, { output: 6, reasoning: 5 }, { input: 1e12 }]
      for (const wrong of counts) {
        const data = yield* settled({ _tag: "Reply", usage: { ...usage, ...wrong } })
        assert.deepStrictEqual(data, whole("refused"), JSON.stringify(wrong))
      }
      for (const wrong of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        const data = yield* settled({ _tag: "Reply", usage: { ...usage, input: wrong } })
        assert.deepStrictEqual(data, whole("failed"), String(wrong))
      }
    })
  )

  it.live("a call that is cut is settled at the worst case", () =>
    Effect.gen(function* () {
      const pipeline = agent("one").pipe(Step.timeout("20 millis"), Pipeline.make("late")) as typeof one
      const server = Money.server(prices, () => ({ _tag: "Never", billed: usage }))
      const { entries, error } = yield* started(pipeline, server, { maxCost: usd("1") })
      assert.strictEqual((error as { readonly _tag: string })._tag, "StepTimedOut")
      assert.deepStrictEqual(
        of(entries, "Settled").map(({ data }) => data),
        whole("cut")
      )
    })
  )
})

describe("code that calls models", () => {
  const code = asking("code").pipe(Pipeline.make("code")) as typeof one

  it.effect("is priced like an agent under mode reserve", () =>
    Effect.gen(function* () {
      const { entries, tag } = yield* started(code, replying(), { maxCost: usd("1"), mode: "reserve" })
      assert.strictEqual(tag, "Completed")
      assert.strictEqual(of(entries, "Settled")[0]!.data.cost, actual)
    })
  )

  it.effect("may not under a strict budget, for the plan could not count it, unless its step has a cost limit", () =>
    Effect.gen(function* () {
      const server = replying()
      const rest = yield* started(code, server, { maxCost: usd("1") })
      assert.strictEqual((rest.error as BudgetExceeded).reason, "Uncounted")
      assert.strictEqual(server.served.length, 0)
      const limited = asking("code").pipe(
        Step.usageLimits({ maxCost: usd("0.5") }),
        Pipeline.make("code")
      ) as typeof one
      assert.strictEqual((yield* started(limited, replying(), { maxCost: usd("1") })).tag, "Completed")
    })
  )

  it.effect("cannot go on as if it had not been denied", () =>
    Effect.gen(function* () {
      const pipeline = asking("code", "test:dear", true).pipe(Pipeline.make("deaf")) as typeof one
      const rest = yield* started(pipeline, replying(), { maxCost: NanoUsd.make(1), mode: "reserve" })
      assert.instanceOf(rest.error, BudgetExceeded)
    })
  )

  it.effect("may not reach a model past Once where a limit holds", () =>
    Effect.gen(function* () {
      const past = Step.make("past", {
        input: Schema.String,
        output: Schema.String,
        error: ModelError,
        run: () =>
          Effect.gen(function* () {
            const models = yield* Models
            const { driver } = yield* models.driver("test:dear", { path: "", agent: "" })
            return (yield* driver.call(ask(), { idempotencyKey: "k" })).text
          })
      }).pipe(Pipeline.make("past")) as typeof one
      const server = replying()
      const rest = yield* started(past, server, { maxCost: usd("1"), mode: "reserve" })
      assert.strictEqual((rest.error as BudgetExceeded).reason, "Unasked")
      assert.strictEqual(server.served.length, 0)
      assert.strictEqual((yield* started(past, server, undefined)).tag, "Completed")
    })
  )
})

describe("limits of a step", () => {
  it.live("hold for all its attempts together", () =>
    Effect.gen(function* () {
      const limit = Step.usageLimits({ maxCost: NanoUsd.make(2 * worst) })
      const again = Step.retry({ times: 5, base: "1 millis", jitter: false })
      for (const step of [agent("one").pipe(again, limit), agent("one").pipe(limit, again)]) {
        const pipeline = step.pipe(Pipeline.make("tries")) as typeof one
        const server = Money.server(prices, () => ({ _tag: "Fail", reason: "Cut", billed: usage }))
        const rest = yield* Money.provide(
          prices,
          server
        )(World.start(pipeline, "hi")).pipe(Effect.provide(World.make().boot()))
        const error = rest.error as BudgetExceeded
        assert.strictEqual(error.reason, "Cost")
        assert.strictEqual(error.scope, "one")
        assert.strictEqual(server.served.length, 2)
        const caps = new Map([["one", { maxCost: NanoUsd.make(2 * worst) }]])
        assert.isUndefined(Money.overspent(rest.entries, caps))
      }
    })
  )

  it.effect("hold without a budget of the run, and beside it the smaller counts", () =>
    Effect.gen(function* () {
      const pipeline = agent("one").pipe(
        Step.usageLimits({ maxTokens: input + 9 }),
        Step.fallback(agent("other")),
        Pipeline.make("limits")
      ) as typeof one
      const rest = yield* started(pipeline, replying(), undefined)
      assert.strictEqual(rest.tag, "Completed")
      assert.strictEqual(of(rest.entries, "Denied")[0]!.data.reason, "Tokens")
      // A step without limits around it spends as it likes.
      assert.deepStrictEqual(of(rest.entries, "Reserved"), [])
    })
  )
})

describe("what was spent", () => {
  const paused = agent("one").pipe(
    Step.andThen(Step.approve<string>("review", { message: "go on?" })),
    Step.andThen(agent("two")),
    Pipeline.make("paused")
  ) as typeof one

  it.effect("survives a pause, at the limits and prices that the run was started with", () =>
    Effect.gen(function* () {
      const world = World.make()
      const limit = NanoUsd.make(actual + worst)
      const first = yield* started(paused, replying(), { maxCost: limit, mode: "reserve" }, world)
      assert.strictEqual(first.tag, "Suspended")
      const free = Money.table({ "test:dear": Money.rate("0", "0"), "test:cheap": Money.rate("0", "0") })
      const rest = yield* Effect.gen(function* () {
        yield* World.answer("review")
        return yield* World.resume(paused)
      }).pipe(Money.provide(free, replying()), Effect.provide(world.boot()))
      const error = rest.error as BudgetExceeded
      assert.strictEqual(error.reason, "Cost")
      assert.strictEqual(error.limit, limit)
      assert.strictEqual(error.left, limit - actual)
    })
  )

  it.effect("is not forgotten where a run is cut after any entry: a lost call is paid for and reserved anew", () =>
    Effect.gen(function* () {
      const whole = yield* started(two, replying(), { maxCost: usd("1000") })
      const { entries } = whole
      let [cuts, answers] = [0, 0]
      for (let length = 1; length < entries.length; length++) {
        const before = entries.slice(0, length)
        const server = replying()
        const after = yield* Effect.gen(function* () {
          const journal = yield* Journal
          const [start] = of(before, "RunStarted")
          const owned = yield* journal.create(World.runId, { digest: start!.data.plan, json: "{}" })
          for (const { at, event } of before) {
            const payload = Object.keys(event.payload).length === 0 ? undefined : JSON.stringify(event.payload)
            journal.stage(owned, { event, at, payload })
          }
          yield* journal.barrier(owned)
          yield* journal.release(owned)
          return yield* World.resume(two)
        }).pipe(Money.provide(prices, server), Effect.either, Effect.provide(World.make().boot()))
        if (Either.isLeft(after)) continue
        const where = `cut after ${length}`
        assert.isUndefined(Money.overspent(after.right.entries), where)
        const spent = Money.spentOf(after.right.entries)
        assert.strictEqual(spent.open, 0, where)
        const lost = of(before, "Reserved").length - of(before, "Settled").length
        const isAnswered = of(before, "Answered").length === of(before, "Reserved").length
        const [bases, costs] = [of(after.right.entries, "Settled").map(({ data }) => data.basis), Number(spent.cost)]
        if (lost === 1 && isAnswered) {
          // The answer is there: it cost what it cost, and is not asked for again.
          answers++
          assert.deepStrictEqual(bases, ["usage", "usage"], where)
          assert.strictEqual(costs, 2 * actual, where)
        } else if (lost === 1) {
          cuts++
          assert.strictEqual(bases.filter((basis) => basis === "cut").length, 1, where)
          assert.isAtLeast(costs, 2 * actual + worst, where)
          const ordinals = of(after.right.entries, "Reserved").map(({ ordinal }) => ordinal)
          assert.include(ordinals, 1, where)
        } else assert.strictEqual(costs, 2 * actual, where)
      }
      assert.deepStrictEqual([cuts, answers], [2, 2])
    })
  )
})

describe("a strict budget", () => {
  it.effect("does not start what may cost more, and writes nothing", () =>
    Effect.gen(function* () {
      const world = World.make()
      const run = Flujo.run(one, "hi", { runId: World.runId, budget: { maxCost: NanoUsd.make(worst - 1) } })
      const error = yield* Effect.flip(Money.provide(prices, replying())(run)).pipe(Effect.provide(world.boot()))
      assert.instanceOf(error, RunError)
      assert.strictEqual((error as RunError).reason, "Budget")
      assert.match((error as RunError).detail, /it may cost up to \$0\.00\d+, which is over its budget of/)
      assert.deepStrictEqual(yield* Effect.provide(World.entriesOf(World.runId), world.boot()), [])
      const enough = yield* started(one, replying(), { maxCost: worst })
      assert.strictEqual(enough.tag, "Completed")
    })
  )
})
