import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { type Budget, BudgetExceeded, type Limits } from "../../src/domain/Budget.js"
import type { Entry } from "../../src/domain/Event.js"
import * as Json from "../../src/domain/Json.js"
import { type ModelAsk, ModelError, ModelReply, Models } from "../../src/domain/Model.js"
import { NanoUsd } from "../../src/domain/NanoUsd.js"
import * as Once from "../../src/domain/Once.js"
import { RunId } from "../../src/domain/RunId.js"
import * as Flujo from "../../src/engine/Flujo.js"
import { RunError } from "../../src/engine/RunError.js"
import { SharedLimits } from "../../src/governance/SharedLimits.js"
import { Journal } from "../../src/journal/Journal.js"
import * as Tokens from "../../src/llm/Tokens.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as World from "../gate/world.js"
import * as Money from "./money.js"

const prices = Money.table({ "test:m": Money.rate("10", "100") })

const ask: ModelAsk = {
  model: "test:m",
  messages: [{ role: "user", content: "hi" }],
  output: { _tag: "Text" },
  settings: { maxTokens: 10 }
}
const worst = Tokens.boundOfAsk(ask) * 10_000 + 10 * 100_000
const usage = { input: 5, cachedInput: 0, output: 2, reasoning: 0 }
const actual = 5 * 10_000 + 2 * 100_000

const asking = (name: string) =>
  Step.make(name, {
    input: Schema.String,
    output: Schema.String,
    error: ModelError,
    run: () =>
      Once.run(
        {
          key: "call",
          request: Either.getOrThrow(Json.fromUnknown(ask)),
          success: ModelReply,
          failure: ModelError,
          effect: "model",
          describe: ({ usage }) => ({ usage })
        },
        (info) =>
          Effect.flatMap(Models, (models) =>
            Effect.flatMap(models.driver("test:m", { path: "", agent: "" }), ({ driver }) => driver.call(ask, info))
          )
      ).pipe(Effect.map(({ text }) => text))
  })

type One = Pipeline.Pipeline<string, string, unknown, Models>
const one = asking("one").pipe(Pipeline.make("one")) as One

const id = (name: string) => RunId.make(name)
const pool = "team.all_time"
const of = (maxCost: number): Limits => ({ maxCost: NanoUsd.make(maxCost) })

const sharing =
  (limits: Limits, server = Money.server(prices, () => ({ _tag: "Reply", usage }))) =>
  <A, E>(effect: Effect.Effect<A, E, Models | Journal>) =>
    Money.provide(
      prices,
      server
    )(effect).pipe(
      Effect.provideService(SharedLimits, ({ labels }) =>
        labels.some(([name]) => name === "free") ? [] : [{ name: "team", per: "all_time", limits }]
      )
    )

const reserve: Budget = { mode: "reserve" }
const run = (name: string, pipeline = one, options: Flujo.RunOptions = {}) =>
  Flujo.run(pipeline, "hi", { runId: id(name), budget: reserve, ...options })

const poolNow = Effect.flatMap(Journal, (journal) =>
  Effect.map(journal.pools([pool]), ([row]) => ({
    spent: Number(row?.spentCost ?? 0n),
    held: Number(row?.heldCost ?? 0n)
  }))
)
const kinds = (entries: ReadonlyArray<Entry>) => entries.map(({ event }) => event.kind)

describe("a limit that runs share", () => {
  it.effect("is spent by one run, and then not there for another", () =>
    Effect.gen(function* () {
      yield* run("a")
      assert.deepStrictEqual(yield* poolNow, { spent: actual, held: 0 })
      const error = yield* Effect.flip(run("b"))
      assert.instanceOf(error, BudgetExceeded)
      assert.deepInclude(error, {
        reason: "Cost",
        scope: "",
        pool,
        asked: worst,
        left: worst - 1,
        limit: actual + worst - 1
      })
      assert.match((error as BudgetExceeded).message, /team\.all_time has \$/)
      assert.notInclude(kinds(yield* World.entriesOf(id("b"))), "Reserved")
      // What was spent of it is not that of a run which has no part in it.
      yield* run("c", one, { labels: { free: "yes" } })
      assert.deepStrictEqual(yield* poolNow, { spent: actual, held: 0 })
    }).pipe(sharing(of(actual + worst - 1)), Effect.provide(World.make().boot()))
  )

  it.live("of a day is settled as of that day, whenever that is, and with whatever limits there are by then", () => {
    const world = World.make()
    let calls = 0
    const server = Money.server(prices, () =>
      calls++ === 0 ? { _tag: "Never", billed: usage } : { _tag: "Reply", usage }
    )
    const process = <A, E>(effect: Effect.Effect<A, E, Models | Journal>) =>
      Money.provide(prices, server)(effect).pipe(Effect.provide(world.boot()))
    return Effect.gen(function* () {
      const cut = Effect.zipRight(Effect.fork(Effect.exit(run("a"))), Effect.sleep(50))
      yield* process(cut).pipe(
        Effect.provideService(SharedLimits, () => [{ name: "team", per: "day", limits: of(worst) }])
      )
      // The process is gone, and its project limits other things by now.
      yield* process(run("a")).pipe(
        Effect.provideService(SharedLimits, () => [{ name: "team", per: "month", limits: of(worst) }])
      )
      const shares = yield* process(Effect.flatMap(Journal, (journal) => journal.shares(id("a"))))
      const told = shares.map(
        ({ heldCost, pool, spentCost }) => [pool.split(" ")[0], Number(spentCost), heldCost] as const
      )
      assert.sameDeepMembers(told, [
        ["team.day", worst, 0n],
        ["team.month", actual, 0n]
      ])
    })
  })

  it.live("leaves nothing reserved in a run that is stuck", () => {
    const world = World.make()
    const server = Money.server(prices, () => ({ _tag: "Never", billed: usage }))
    const life = <A, E>(effect: Effect.Effect<A, E, Models | Journal>) =>
      effect.pipe(sharing(of(worst * 100), server), Effect.provide(world.boot()))
    const cut = life(Effect.zipRight(Effect.fork(Effect.exit(run("a"))), Effect.sleep(30)))
    return Effect.gen(function* () {
      for (let i = 0; i < 6; i++) yield* cut
      const error = yield* life(Effect.flip(run("a")))
      assert.isTrue(error instanceof RunError && error.reason === "Stuck", String(error))
      const now = yield* life(Effect.flatMap(Journal, (journal) => journal.shares(id("a"))))
      assert.strictEqual(now[0]?.heldCost, 0n)
      const entries = yield* life(World.entriesOf(id("a")))
      assert.strictEqual(kinds(entries).at(-1), "RunStuck")
      assert.isUndefined(Money.disagreement(entries, [], 7))
    })
  })

  it.live("that had too little left has enough for the next attempt, once another run has settled", () =>
    Effect.gen(function* () {
      const again = asking("one").pipe(
        Step.retry({ times: 3, base: "100 millis", max: "100 millis" }),
        Pipeline.make("again")
      ) as One
      const journal = yield* Journal
      // Another run holds nearly all of it, and settles after the first attempt was denied.
      const other = yield* journal.create(id("other"), { digest: "00" as never, json: "{}" })
      const entry = (kind: "Reserved" | "Settled", ordinal: number, data: object) =>
        journal.stage(other, {
          event: { path: World.at("x"), kind, ordinal, data, payload: {} } as never,
          payload: undefined,
          at: 0
        })
      entry("Reserved", 0, { model: "m", cost: worst, tokens: 1, under: [], pools: [pool] })
      yield* journal.barrier(other)
      const fiber = yield* Effect.fork(run("a", again))
      for (let denied = 0; denied === 0; ) {
        yield* Effect.sleep(5)
        denied = kinds(yield* World.entriesOf(id("a"))).filter((kind) => kind === "Denied").length
      }
      entry("Settled", 0, {
        cost: 0,
        tokens: 0,
        basis: "free",
        pools: { names: [pool], held: { cost: worst, tokens: 1 } }
      })
      yield* journal.barrier(other)
      assert.strictEqual((yield* fiber)._tag, "Completed")
      assert.deepStrictEqual(yield* poolNow, { spent: actual, held: 0 })
    }).pipe(sharing(of(worst + 1)), Effect.provide(World.make().boot()))
  )

  it.effect("refuses a start under a strict budget whose worst case is more than what is left", () =>
    Effect.gen(function* () {
      const agentless = Step.fn("x", (text: string) => text).pipe(Pipeline.make("free"))
      const strict = yield* Effect.flip(Flujo.run(one, "hi", { runId: id("s") }))
      // Code that the plan cannot price is denied its call, as under a budget of the run's own.
      assert.instanceOf(strict, BudgetExceeded)
      assert.strictEqual((strict as BudgetExceeded).reason, "Uncounted")
      assert.strictEqual((yield* Flujo.run(agentless, "hi", {}))._tag, "Completed")
    }).pipe(sharing(of(worst)), Effect.provide(World.make().boot()))
  )
})
