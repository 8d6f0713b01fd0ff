/** What every store must do with limits that runs share, whichever process and connection asks. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Stream from "effect/Stream"
import type { Limits } from "../../src/domain/Budget.js"
import type { Entry } from "../../src/domain/Event.js"
import { NanoUsd } from "../../src/domain/NanoUsd.js"
import type * as Pool from "../../src/domain/Pool.js"
import * as Audit from "../../src/journal/Audit.js"
import type { Journal, OwnedRun, Staged } from "../../src/journal/Journal.js"
import * as JournalMake from "../../src/journal/JournalMake.js"
import * as Ledger from "../../src/journal/Ledger.js"
import * as Histories from "./Histories.js"
import type { Backend } from "./JournalSuite.js"

type Service = Journal["Type"]

const amount = (cost: number, tokens = cost) => ({ cost: NanoUsd.make(cost), tokens })

const reserved = (n: number, cost: number, pools: ReadonlyArray<string>): Staged =>
  Histories.staged({
    path: Histories.path("call"),
    kind: "Reserved",
    ordinal: n,
    data: { model: "m", ...amount(cost), under: [], pools },
    payload: {}
  })

const settled = (n: number, cost: number, held: number, pools: ReadonlyArray<string>): Staged =>
  Histories.staged({
    path: Histories.path("call"),
    kind: "Settled",
    ordinal: n,
    data: { ...amount(cost), basis: "usage", pools: { names: pools, held: amount(held) } },
    payload: {}
  })

const denied = (n: number): Staged =>
  Histories.staged({
    path: Histories.path("call"),
    kind: "Denied",
    ordinal: n,
    data: { reason: "Cost", model: "m", scope: "", asked: 0, left: 0, limit: 0 },
    payload: {}
  })

/** Answers why it was denied, or undefined. */
const claim = (
  journal: Service,
  owned: OwnedRun,
  n: number,
  cost: number,
  pools: ReadonlyArray<Pool.Pool>
): Effect.Effect<Pool.Short | undefined> =>
  Effect.gen(function* () {
    let why: Pool.Short | undefined
    const names = pools.map(({ name }) => name)
    journal.stage(owned, {
      ...reserved(n, cost, names),
      claim: {
        pools,
        denied: (short) => {
          why = short
          return denied(n)
        }
      }
    })
    yield* Effect.orDie(journal.barrier(owned))
    return why
  })

const begin = (journal: Service, name: string) =>
  Effect.gen(function* () {
    const owned = yield* journal.create(Histories.id(name), Histories.plan)
    journal.stage(owned, Histories.started())
    yield* journal.barrier(owned)
    return owned
  })

const entriesOf = (journal: Service, run: OwnedRun["run"]) =>
  Effect.map(Stream.runCollect(journal.read(run)), (all): ReadonlyArray<Entry> => Array.from(all))

const pool = (name: string, maxCost: number, maxTokens?: number): Pool.Pool => ({
  name,
  limits: { maxCost: NanoUsd.make(maxCost), ...(maxTokens === undefined ? {} : { maxTokens }) } satisfies Limits
})

const total = (journal: Service, name: string) =>
  Effect.map(journal.pools([name]), ([row]) => ({
    spent: Number(row?.spentCost ?? 0n),
    held: Number(row?.heldCost ?? 0n)
  }))

export const poolsSuite = ({ name, open }: Backend, trials = 25): void => {
  describe(`${name}: limits that runs share`, () => {
    it.scoped("what does not fit is denied at the same number, and the record still verifies", () =>
      Effect.gen(function* () {
        const store = yield* open
        const journal = yield* JournalMake.make(yield* store.connect)
        const other = yield* JournalMake.make(yield* store.connect)
        const [a, b] = [yield* begin(journal, "a"), yield* begin(other, "b")]
        const day = pool("day", 10)
        assert.isUndefined(yield* claim(journal, a, 0, 7, [day]))
        assert.deepStrictEqual(yield* claim(other, b, 0, 4, [pool("free", 100), day]), {
          pool: "day",
          reason: "Cost",
          left: 3,
          limit: 10
        })
        // Of the pool that had enough nothing was taken either.
        assert.deepStrictEqual(yield* total(journal, "free"), { spent: 0, held: 0 })
        assert.isUndefined(yield* claim(other, b, 1, 3, [day]))
        assert.deepStrictEqual(yield* claim(other, b, 2, 1, [pool("words", 9, 0)]), {
          pool: "words",
          reason: "Tokens",
          left: 0,
          limit: 0
        })
        // What was settled just before is free again, in the same transaction.
        journal.stage(a, settled(0, 2, 7, ["day"]))
        assert.isUndefined(yield* claim(journal, a, 1, 5, [day]))
        assert.deepStrictEqual(yield* total(other, "day"), { spent: 2, held: 8 })
        const entries = yield* entriesOf(other, b.run)
        assert.deepStrictEqual(
          entries.map(({ event, seq }) => `${seq} ${event.kind} ${event.ordinal}`),
          ["0 RunStarted 0", "1 Denied 0", "2 Reserved 1", "3 Denied 2"]
        )
        yield* other.release(b)
        assert.isFalse(Ledger.isBad(yield* Audit.verify(other, b.run)))
        assert.strictEqual(yield* journal.rebuild, 0)
      })
    )

    it.effect.prop(
      "claims made at once, through two connections, never take more than there is, and take what there is",
      {
        claims: FastCheck.array(
          FastCheck.record({
            who: FastCheck.nat(5),
            cost: FastCheck.nat(9),
            pools: FastCheck.subarray(["p", "q", "r"], { minLength: 1 })
          }),
          { minLength: 1, maxLength: 40 }
        ),
        limits: FastCheck.tuple(FastCheck.nat(60), FastCheck.nat(60), FastCheck.nat(60))
      },
      ({ claims, limits }) =>
        Effect.scoped(
          Effect.gen(function* () {
            const store = yield* open
            const journals = [
              yield* JournalMake.make(yield* store.connect),
              yield* JournalMake.make(yield* store.connect)
            ]
            const owned = yield* Effect.forEach(Array.from("abcdef"), (name, i) => begin(journals[i % 2]!, name))
            const pools = new Map(["p", "q", "r"].map((name, i) => [name, pool(name, limits[i]!)]))
            const answers = yield* Effect.forEach(
              claims,
              ({ cost, pools: names, who }, n) =>
                claim(
                  journals[who % 2]!,
                  owned[who]!,
                  n,
                  cost,
                  names.map((name) => pools.get(name)!)
                ),
              { concurrency: "unbounded" }
            )
            const taken = (name: string) =>
              claims.reduce(
                (sum, { cost, pools }, i) => (answers[i] === undefined && pools.includes(name) ? sum + cost : sum),
                0
              )
            for (const [i, name] of ["p", "q", "r"].entries()) {
              assert.isAtMost(taken(name), limits[i]!)
              assert.deepStrictEqual(yield* total(journals[0]!, name), { spent: 0, held: taken(name) })
            }
            for (const [i, short] of answers.entries()) {
              if (short === undefined) continue
              const { cost, who } = claims[i]!
              // Those ahead of it in one batch of its run count as granted, and may be denied in the end: another process
              // was faster. Else nothing was given back, so what was too much then is too much now.
              const ahead = claims.slice(0, i).reduce((sum, other, j) => {
                const isAhead = other.who === who && answers[j] !== undefined && other.pools.includes(short.pool)
                return isAhead ? sum + other.cost : sum
              }, 0)
              assert.isAbove(taken(short.pool) + ahead + cost, pools.get(short.pool)!.limits.maxCost!)
            }
            for (const [i, one] of owned.entries()) {
              const journal = journals[i % 2]!
              const kinds = (yield* entriesOf(journal, one.run)).slice(1).map(({ event }) => event.kind)
              const wanted = claims.flatMap(({ who }, n) =>
                who === i ? [answers[n] === undefined ? "Reserved" : "Denied"] : []
              )
              assert.deepStrictEqual(kinds, wanted)
              for (const [n, { cost, pools, who }] of claims.entries()) {
                if (who === i && answers[n] === undefined)
                  journal.stage(one, settled(n, Math.floor(cost / 2), cost, pools))
              }
              yield* journal.barrier(one)
            }
            for (const name of ["p", "q", "r"]) assert.strictEqual((yield* total(journals[0]!, name)).held, 0)
            assert.strictEqual(yield* journals[1]!.rebuild, 0)
          })
        ),
      { fastCheck: { numRuns: trials } }
    )

    it.scoped("rebuild makes them again from the entries, and what a dropped run spent stays spent", () =>
      Effect.gen(function* () {
        const store = yield* open
        const driver = yield* store.connect
        const journal = yield* JournalMake.make(driver)
        const [a, b] = [yield* begin(journal, "a"), yield* begin(journal, "b")]
        const day = pool("day", 10)
        yield* claim(journal, a, 0, 5, [day])
        yield* claim(journal, b, 0, 5, [day])
        journal.stage(a, settled(0, 4, 5, ["day"]))
        journal.stage(a, Histories.completed)
        yield* journal.release(a)
        yield* journal.barrier(b)
        assert.deepStrictEqual(yield* total(journal, "day"), { spent: 4, held: 5 })
        const [share] = yield* journal.shares(b.run)
        const row = yield* driver.run(b.run)
        const tampered = { row, tasks: new Map(), pools: new Map([["day", { ...share!, heldCost: 0n }]]) }
        assert.lengthOf((yield* driver.project({ run: b.run, count: 2, projection: tampered, isDry: false }))!, 1)
        assert.deepStrictEqual(yield* total(journal, "day"), { spent: 4, held: 0 })
        assert.strictEqual(yield* journal.rebuild, 1)
        assert.deepStrictEqual(yield* total(journal, "day"), { spent: 4, held: 5 })
        assert.isTrue(yield* journal.store.forget(a.run))
        assert.strictEqual(yield* journal.rebuild, 0)
        assert.deepStrictEqual(yield* total(journal, "day"), { spent: 4, held: 5 })
        assert.isDefined(yield* claim(journal, b, 1, 2, [day]))
      })
    )

    it.scoped("a claim of a run without an entry is a mistake of the program", () =>
      Effect.gen(function* () {
        const store = yield* open
        const journal = yield* JournalMake.make(yield* store.connect)
        const owned = yield* journal.create(Histories.id("a"), Histories.plan)
        assert.throws(() =>
          journal.stage(owned, { ...reserved(0, 1, ["p"]), claim: { pools: [], denied: () => denied(0) } })
        )
      })
    )
  })
}
