import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Budget, BudgetExceeded } from "../../src/domain/Budget.js"
import type { Entry } from "../../src/domain/Event.js"
import type { Json } from "../../src/domain/Json.js"
import type { Models } from "../../src/domain/Model.js"
import { NanoUsd } from "../../src/domain/NanoUsd.js"
import { SharedLimits } from "../../src/governance/SharedLimits.js"
import { Journal } from "../../src/journal/Journal.js"
import * as Tokens from "../../src/llm/Tokens.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as World from "../gate/world.js"
import * as Money from "./money.js"

const prices = Money.table({ "test:m": Money.rate("10", "100") })
const usage = { input: 5, cachedInput: 0, output: 2, reasoning: 0 }
const actual = 5 * 10_000 + 2 * 100_000
const worst =
  Tokens.boundOfAsk({
    model: "test:m",
    messages: [{ role: "user", content: "hi" }],
    output: { _tag: "Text" },
    settings: { maxTokens: 10 }
  }) *
    10_000 +
  10 * 100_000

type One = Pipeline.Pipeline<string, string, unknown, Models>
const agent = (name: string) =>
  Step.agent(name, Agent.make(name, { model: "test:m", system: "", settings: { maxTokens: 10 } }))
const one = agent("one").pipe(Pipeline.make("one")) as One
const capped = agent("one").pipe(Step.usageLimits({ maxTokens: 12 }), Pipeline.make("capped")) as One

const pausing = (maxCost: number): Budget => ({ maxCost: NanoUsd.make(maxCost), mode: "reserve", onBudget: "pause" })
const kinds = (entries: ReadonlyArray<Entry>) => entries.map(({ event }) => event.kind)
const withServer = <A, E>(effect: Effect.Effect<A, E, Models | Journal>) =>
  Money.provide(
    prices,
    Money.server(prices, () => ({ _tag: "Reply", usage }))
  )(effect)
const inWorld = <A, E>(effect: Effect.Effect<A, E, Models | Journal>) =>
  withServer(effect).pipe(Effect.provide(World.make().boot()))

const start = (pipeline: One, budget: Budget) => World.start(pipeline, "hi", { budget })
const answered = (pipeline: One, task: string, value: Json) =>
  Effect.zipRight(World.answer(task, value, "anna"), World.resume(pipeline))

describe("a run that pauses for its budget", () => {
  it.effect("asks a person for more, and goes on with what was missing once that is approved", () =>
    Effect.gen(function* () {
      const paused = yield* start(one, pausing(worst - 7))
      assert.strictEqual(paused.tag, "Suspended")
      const [task] = yield* Effect.flatMap(Journal, (journal) => journal.tasks({ limit: 9 }))
      assert.strictEqual(`${task?.path} ${task?.task}`, "one/turn[0]/budget[0] budget")
      const opened = paused.entries.find(({ event }) => event.kind === "TaskOpened")!.event
      assert.match(
        (opened.payload as { message: string }).message,
        /Cost limit of \$.*the run has \$.* left\. Allow more\?/
      )
      assert.notInclude(kinds(paused.entries), "Reserved")
      const done = yield* answered(one, "one/turn[0]/budget[0]", { approved: true })
      assert.strictEqual(done.tag, "Completed")
      const granted = done.entries.find(({ event }) => event.kind === "Granted")!.event
      assert.deepStrictEqual(granted.data, { scope: "", cost: 7, tokens: 0 })
      assert.deepStrictEqual(granted.payload, { by: "anna" })
      assert.isUndefined(Money.overspent(done.entries))
      assert.strictEqual(Money.spentOf(done.entries).cost, BigInt(actual))
    }).pipe(inWorld)
  )

  it.effect("fails as without a pause where the person says no, or what is no amount", () =>
    Effect.gen(function* () {
      for (const value of [{ approved: false }, { approved: true, usd: -1 }, "whatever", 1e9, 0]) {
        yield* Effect.gen(function* () {
          yield* start(one, pausing(worst - 7))
          const failed = yield* answered(one, "one/turn[0]/budget[0]", value)
          assert.strictEqual(failed.tag, "Failed")
          assert.instanceOf(failed.error, BudgetExceeded)
          assert.deepInclude(failed.error, { asked: worst, left: worst - 7, limit: worst - 7 })
          assert.notInclude(kinds(failed.entries), "Granted")
        }).pipe(inWorld)
      }
    })
  )

  it.effect("asks again where what was allowed is still too little", () =>
    Effect.gen(function* () {
      yield* start(one, pausing(worst - 2000))
      const again = yield* answered(one, "one/turn[0]/budget[0]", 0.000001)
      assert.strictEqual(again.tag, "Suspended")
      const done = yield* answered(one, "one/turn[0]/budget[1]", { approved: true, usd: 0.000001 })
      assert.strictEqual(done.tag, "Completed")
      assert.strictEqual(kinds(done.entries).filter((kind) => kind === "Granted").length, 2)
    }).pipe(inWorld)
  )

  it.effect("asks for tokens of a step, too", () =>
    Effect.gen(function* () {
      const paused = yield* start(capped, { mode: "reserve", onBudget: "pause" })
      assert.strictEqual(paused.tag, "Suspended")
      const done = yield* answered(capped, "one/turn[0]/budget[0]", { approved: true })
      assert.strictEqual(done.tag, "Completed")
      const granted = done.entries.find(({ event }) => event.kind === "Granted")!.event
      assert.deepInclude(granted.data, { scope: "one", cost: 0 })
    }).pipe(inWorld)
  )

  it.effect("raises what runs share, for all of them, and the rows follow from the journals", () =>
    Effect.gen(function* () {
      const paused = yield* start(one, { mode: "reserve", onBudget: "pause" })
      assert.strictEqual(paused.tag, "Suspended")
      assert.deepStrictEqual(kinds(paused.entries).slice(-3), ["Asked", "TaskOpened", "RunSuspended"])
      const done = yield* answered(one, "one/turn[0]/budget[0]", { approved: true })
      assert.strictEqual(done.tag, "Completed")
      const journal = yield* Journal
      const [row] = yield* journal.pools(["team.all_time"])
      assert.deepInclude(row, { spentCost: BigInt(actual), heldCost: 0n, grantedCost: 7n })
      assert.strictEqual(yield* journal.rebuild, 0)
    }).pipe(
      Effect.provideService(SharedLimits, () => [
        { name: "team", per: "all_time", limits: { maxCost: NanoUsd.make(worst - 7) } }
      ]),
      inWorld
    )
  )
})
