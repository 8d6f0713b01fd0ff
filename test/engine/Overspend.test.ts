/**
 * Nobody overspends: generated pipelines in which agents and code call models side by side, fail, are tried again, wait
 * and are cut by a power failure after any commit, under limits of the run and of steps. At every prefix of the journal
 * what is settled and what is reserved are within each limit, nothing stays reserved in a run that has ended, and what
 * the journal says was spent is at least what the provider bills.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Flujo from "../../src/engine/Flujo.js"
import { Journal } from "../../src/journal/Journal.js"
import * as World from "../gate/world.js"
import { runs } from "../Long.js"
import { numbers } from "./generated.js"
import * as Money from "./money.js"
import { generate, serverOf } from "./spenders.js"

const ended = new Set(["completed", "failed", "cancelled"])
const livesMax = 10

const trial = (seed: number) =>
  Effect.gen(function* () {
    const { budget, caps, pipeline } = generate(seed)
    const { prices, server } = serverOf(seed)
    const next = numbers(seed + 7919)
    const world = World.make()
    const about = `seed ${seed}`
    const life = Effect.gen(function* () {
      const journal = yield* Journal
      for (const path of yield* World.openTasks) yield* Effect.either(World.answer(path, { approved: next(4) > 0 }))
      yield* Effect.exit(Flujo.run(pipeline, "hello", { runId: World.runId, budget }))
      const row = yield* Effect.exit(journal.run(World.runId))
      return Exit.isSuccess(row) && row.value._tag === "Some" && ended.has(row.value.value.status)
    })
    let kills = 0
    let isOver = false
    for (let lives = 0; lives < livesMax && !isOver; lives++) {
      const isLast = lives === livesMax - 1
      const commitsMax = isLast || next(3) === 0 ? undefined : 1 + next(12)
      if (commitsMax !== undefined) kills++
      isOver = yield* Effect.provide(
        Money.provide(prices, server)(life),
        world.boot(commitsMax === undefined ? {} : { commitsMax })
      )
    }
    return yield* Effect.provide(
      Effect.gen(function* () {
        const entries = yield* World.entriesOf(World.runId)
        assert.isUndefined(Money.overspent(entries, caps), about)
        const spent = Money.spentOf(entries)
        if (isOver) assert.strictEqual(spent.open, 0, `${about}: something stays reserved`)
        const replayed = yield* Effect.either(Flujo.replay(pipeline, World.runId))
        assert.isTrue(Either.isRight(replayed), `${about}: ${Either.isLeft(replayed) ? replayed.left.message : ""}`)
        const isLimited = spent.reserved > 0
        if (budget.maxCost !== undefined || budget.maxTokens !== undefined) {
          // What was asked of the provider was set aside before.
          assert.isAtMost(server.served.length, spent.reserved, about)
          const billed = server.served.reduce((sum, { cost }) => sum + BigInt(cost), 0n)
          assert.isTrue(spent.cost >= billed, `${about}: spent ${spent.cost}, billed ${billed}`)
          if (spent.guessed === 0) assert.strictEqual(spent.cost, billed, about)
        }
        const denied = entries.filter(({ event }) => event.kind === "Denied").length
        return { isOver, kills, reserved: spent.reserved, denied, guessed: spent.guessed, isLimited }
      }),
      world.boot()
    )
  })

const trials = runs(500, 10_000)
const firstSeed = runs(1, Math.floor(process.hrtime()[1] / 1000))

describe("nobody overspends", () => {
  it.live(
    `whatever happens to a run (${trials} trials from seed ${firstSeed})`,
    () =>
      Effect.gen(function* () {
        const results = yield* Effect.forEach(
          Array.from({ length: trials }, (_, i) => firstSeed + i),
          trial,
          { concurrency: 32 }
        ).pipe(Logger.withMinimumLogLevel(LogLevel.None))
        const sum = (of: (result: (typeof results)[number]) => number) => results.reduce((all, one) => all + of(one), 0)
        console.log(
          `${trials} trials, ${sum(({ kills }) => kills)} lives with a power failure, ${sum(({ reserved }) => reserved)} reservations, ` +
            `${sum(({ denied }) => denied)} denied, ${sum(({ guessed }) => guessed)} settled at the worst case, ` +
            `${sum(({ isOver }) => (isOver ? 1 : 0))} runs ended`
        )
        // The trials are worth something only if they come to all of this.
        assert.isAbove(
          sum(({ denied }) => denied),
          trials / 10
        )
        assert.isAbove(
          sum(({ guessed }) => guessed),
          trials / 10
        )
        assert.isAbove(
          sum(({ isOver }) => (isOver ? 1 : 0)),
          trials / 2
        )
      }),
    runs(300_000, 14_400_000)
  )
})
