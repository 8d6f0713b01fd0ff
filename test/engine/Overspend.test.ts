/**
 * Nobody overspends: generated pipelines in which agents and code call models side by side, fail, are tried again, wait
 * and are cut by a power failure after any commit, under limits of the run, of steps, and of a pool that runs share
 * which two processes drive on one store. At every prefix of a journal what is settled and what is reserved are within
 * each limit, and at every commit of the store within the pool's; nothing stays reserved once the runs have ended; and
 * what the journals say was spent is, call by call, what the provider's own log says, or the worst case of a call that
 * was cut.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type { Limits } from "../../src/domain/Budget.js"
import { NanoUsd } from "../../src/domain/NanoUsd.js"
import * as Pool from "../../src/domain/Pool.js"
import { RunId } from "../../src/domain/RunId.js"
import * as Flujo from "../../src/engine/Flujo.js"
import { SharedLimits } from "../../src/governance/SharedLimits.js"
import { Journal } from "../../src/journal/Journal.js"
import * as World from "../gate/world.js"
import { runs } from "../Long.js"
import { numbers } from "./generated.js"
import * as Money from "./money.js"
import { generate, serverOf } from "./spenders.js"

const ended = new Set(["completed", "failed", "cancelled"])
const livesMax = 10
const pool = "everything.all_time"

const trial = (seed: number) =>
  Effect.gen(function* () {
    const about = `seed ${seed}`
    const next = numbers(seed + 7919)
    const runCount = 1 + next(3)
    const made = Array.from({ length: runCount }, (_, i) => ({
      ...generate(seed + i * 1_000_003),
      run: RunId.make(`run-${i}`),
      entries: 0
    }))
    const { prices, server } = serverOf(seed)
    const limits: Limits | undefined =
      next(4) === 0
        ? undefined
        : { maxCost: NanoUsd.make(next(4_000_000)), ...(next(3) === 0 ? { maxTokens: next(6_000) } : {}) }
    const pauses = next(3) === 0
    const shared = limits === undefined ? [] : [{ name: "everything", per: "all_time" as const, limits }]
    let overdrawn: string | undefined
    const world = World.make((driver) =>
      Effect.map(driver.pools([pool]), ([row]) => {
        const short =
          row === undefined ? undefined : Pool.short({ name: pool, limits: limits ?? {} }, row, Pool.nothing)
        overdrawn ??= short === undefined ? undefined : `${short.left} left of ${short.limit}`
      })
    )
    /** A process that drives some of the runs, until its power goes off. */
    const life = (mine: typeof made) =>
      Effect.gen(function* () {
        const journal = yield* Journal
        const over = yield* Effect.forEach(
          mine,
          ({ budget, pipeline, run }) =>
            Effect.gen(function* () {
              for (const { path } of yield* journal.tasks({ run, limit: 1000 })) {
                yield* Effect.either(Flujo.answer(run, path, { approved: next(4) > 0 }))
              }
              yield* Effect.exit(
                Flujo.run(pipeline, "hello", {
                  runId: run,
                  budget: { ...budget, ...(pauses ? { onBudget: "pause" } : {}) }
                })
              )
              const row = yield* Effect.exit(journal.run(run))
              return Exit.isSuccess(row) && row.value._tag === "Some" && ended.has(row.value.value.status)
            }),
          { concurrency: "unbounded" }
        )
        return over.every((isOver) => isOver)
      }).pipe(Effect.catchAll(() => Effect.succeed(false)))
    let kills = 0
    let isOver = false
    for (let lives = 0; lives < livesMax && !isOver; lives++) {
      const isLast = lives === livesMax - 1
      const process = (mine: typeof made) => {
        const commitsMax = isLast || next(3) === 0 ? undefined : 1 + next(12)
        if (commitsMax !== undefined) kills++
        return Effect.provide(
          Money.provide(prices, server)(life(mine)).pipe(Effect.provideService(SharedLimits, () => shared)),
          world.boot(commitsMax === undefined ? {} : { commitsMax })
        )
      }
      const [one, two] = yield* Effect.all(
        [process(made.filter((_, i) => i % 2 === 0)), process(made.filter((_, i) => i % 2 === 1))],
        { concurrency: 2 }
      )
      isOver = one && two
    }
    assert.isUndefined(overdrawn, `${about}: the pool is overdrawn`)
    return yield* Effect.provide(
      Effect.gen(function* () {
        const journal = yield* Journal
        const sums = { reserved: 0, denied: 0, byPool: 0, guessed: 0, granted: 0, spent: 0n }
        for (const { budget, caps, pipeline, run } of made) {
          const entries = yield* World.entriesOf(run)
          if (entries.length === 0) continue
          assert.isUndefined(Money.overspent(entries, caps), about)
          const spent = Money.spentOf(entries)
          if (isOver) assert.strictEqual(spent.open, 0, `${about}: something stays reserved`)
          const replayed = yield* Effect.either(Flujo.replay(pipeline, run))
          assert.isTrue(Either.isRight(replayed), `${about}: ${Either.isLeft(replayed) ? replayed.left.message : ""}`)
          if (budget.maxCost !== undefined || budget.maxTokens !== undefined || limits !== undefined) {
            const keys = new Set(
              entries.flatMap(({ event }) => (event.kind === "Asked" ? [event.payload.idempotencyKey] : []))
            )
            const served = server.served.filter(({ key }) => keys.has(key))
            assert.isUndefined(Money.disagreement(entries, served, kills), about)
            const billed = served.reduce((sum, { cost }) => sum + BigInt(cost), 0n)
            const onModels = spent.cost - spent.skills
            if (isOver) assert.isTrue(onModels >= billed, `${about}: spent ${onModels}, billed ${billed}`)
            if (isOver && spent.guessed === 0) assert.strictEqual(onModels, billed, about)
          }
          const denials = entries.flatMap(({ event }) => (event.kind === "Denied" ? [event.data] : []))
          sums.reserved += spent.reserved
          sums.denied += denials.length
          sums.byPool += denials.filter(({ pool }) => pool !== undefined).length
          sums.guessed += spent.guessed
          sums.granted += entries.filter(({ event }) => event.kind === "Granted").length
          sums.spent += spent.cost
        }
        const [row = { ...Pool.nothing, pool }] = yield* journal.pools([pool])
        if (isOver) assert.strictEqual(row.heldCost, 0n, `${about}: something of the pool stays reserved`)
        if (isOver) assert.strictEqual(row.heldTokens, 0n, `${about}: something of the pool stays reserved`)
        if (limits !== undefined) assert.strictEqual(row.spentCost, sums.spent, `${about}: of the pool`)
        assert.strictEqual(yield* journal.rebuild, 0, about)
        return { ...sums, isOver, kills }
      }),
      world.boot()
    )
  })

const trials = runs(500, 10_000)
const firstSeed = runs(1, Math.floor(process.hrtime()[1] / 1000))

describe("nobody overspends", () => {
  it.live(
    `whatever happens to runs that share (${trials} trials from seed ${firstSeed})`,
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
            `${sum(({ denied }) => denied)} denied, of these ${sum(({ byPool }) => byPool)} by what runs share, ` +
            `${sum(({ granted }) => granted)} times more was granted, ` +
            `${sum(({ guessed }) => guessed)} settled at the worst case, ${sum(({ isOver }) => (isOver ? 1 : 0))} trials ended`
        )
        // The trials are worth something only if they come to all of this.
        assert.isAbove(
          sum(({ denied }) => denied),
          trials / 10
        )
        assert.isAbove(
          sum(({ byPool }) => byPool),
          trials / 10
        )
        assert.isAbove(
          sum(({ guessed }) => guessed),
          trials / 10
        )
        assert.isAbove(
          sum(({ granted }) => granted),
          trials / 10
        )
        assert.isAbove(
          sum(({ isOver }) => (isOver ? 1 : 0)),
          trials / 2
        )
      }),
    runs(600_000, 14_400_000)
  )
})
