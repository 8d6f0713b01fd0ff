import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Entry } from "../../src/domain/Event.js"
import { NanoUsd, usd } from "../../src/domain/NanoUsd.js"
import * as Flujo from "../../src/engine/Flujo.js"
import * as Cost from "../../src/governance/Cost.js"
import * as PriceTable from "../../src/governance/PriceTable.js"
import * as RunSummary from "../../src/lens/RunSummary.js"
import * as Spend from "../../src/lens/Spend.js"
import * as Trace from "../../src/lens/Trace.js"
import type { TraceNode } from "../../src/lens/TraceNode.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Money from "../engine/money.js"
import { generate, serverOf } from "../engine/spenders.js"
import * as World from "../gate/world.js"
import { runs } from "../Long.js"

const none: Spend.Price = () => undefined

/** A run of a generated pipeline, as far as it comes by itself. */
const entriesOf = (seed: number, isLimited: boolean) =>
  Effect.gen(function* () {
    const { pipeline } = generate(seed, { unpriced: false })
    const { prices, server } = serverOf(seed)
    const world = World.make()
    const budget = isLimited ? { maxCost: usd("9000000"), mode: "reserve" as const } : undefined
    const entries = yield* Effect.zipRight(
      Effect.exit(
        Flujo.run(pipeline, "hello", { runId: World.runId, budget, labels: { team: `${seed % 3}`, env: "ci" } })
      ),
      World.entriesOf(World.runId)
    ).pipe(Money.provide(prices, server), Effect.provide(world.boot()))
    return { entries, prices, server }
  })

/** Agents only, so that no step has a limit of its own. */
const unlimited = Effect.gen(function* () {
  const { prices, server } = serverOf(3)
  const agent = (name: string) => Step.agent(name, Agent.make(name, { model: "test:a", system: "" }))
  const pipeline = agent("one").pipe(Step.retry({ times: 5, base: "1 millis", jitter: false }), Pipeline.make("free"))
  const world = World.make()
  const entries = yield* Effect.zipRight(
    Effect.exit(Flujo.run(pipeline, "hello", { runId: World.runId })),
    World.entriesOf(World.runId)
  ).pipe(Money.provide(prices, server), Effect.provide(world.boot()))
  return { entries, prices }
})

const priceBy =
  (prices: PriceTable.PriceTable): Spend.Price =>
  (model, usage) => {
    const priced = PriceTable.priceOf(prices, model)
    return priced === undefined ? undefined : Cost.ofUsage(priced.rate, usage)
  }

describe("what was spent", () => {
  it.live(
    "is the same sum by run, pipeline, step, model, day and label, to the billionth, and that of the trace",
    () =>
      Effect.gen(function* () {
        const all: Array<Spend.Charge> = []
        for (let seed = 1; seed <= runs(40, 400); seed++) {
          const { entries } = yield* entriesOf(seed, true)
          const charges = Spend.charges(entries, none)
          const sum = Spend.total(charges)
          assert.strictEqual(BigInt(sum.cost), Money.spentOf(entries).cost, `seed ${seed}`)
          const { root, summary } = Trace.make(entries, { held: false })
          assert.deepStrictEqual(summary.cost, charges.length === 0 ? Option.none() : Option.some(sum.cost))
          const below = (node: TraceNode): bigint =>
            node.children.reduce((total, child) => total + BigInt(Option.getOrElse(child.cost, () => 0)), 0n)
          assert.strictEqual(below(root), BigInt(sum.cost), `seed ${seed}: the steps of the trace`)
          all.push(...charges.map((charge) => ({ ...charge, run: `${charge.run} ${seed}` })))
        }
        const total = Spend.total(all)
        assert.isAbove(total.cost, 0)
        for (const by of Spend.dimensions) {
          const groups = Spend.groups(all, by)
          assert.strictEqual(NanoUsd.make(groups.reduce((sum, { cost }) => sum + cost, 0)), total.cost, by)
          assert.strictEqual(
            groups.reduce((sum, { calls }) => sum + calls, 0),
            total.calls,
            by
          )
          assert.strictEqual(
            groups.reduce((sum, { tokens }) => sum + tokens, 0),
            total.tokens,
            by
          )
        }
      }),
    120_000
  )

  it.live("of a run without limits is told by its tokens, and is unknown where there is no price", () =>
    Effect.gen(function* () {
      const { entries, prices } = yield* unlimited
      const unknown = Spend.total(Spend.charges(entries, none))
      assert.isAbove(unknown.calls, 0)
      assert.strictEqual(unknown.unknown, unknown.calls)
      assert.strictEqual(unknown.cost, 0)
      const priced = Spend.total(Spend.charges(entries, priceBy(prices)))
      assert.strictEqual(priced.priced, priced.calls)
      assert.isAbove(priced.cost, 0)
      assert.deepStrictEqual(RunSummary.make(entries, { held: false }).cost, Option.none())
    })
  )

  it("is told for each call: run, step, model, day and labels", () => {
    const at = Date.UTC(2026, 0, 31, 23, 59)
    const entry = (seq: number, kind: string, path: string, data: object): Entry =>
      ({ run: "r", seq, at, epoch: 1, event: { kind, path, ordinal: 0, data, payload: {} } }) as unknown as Entry
    const entries = [
      entry(0, "RunStarted", "", {
        pipeline: "p",
        labels: [
          ["team", "a"],
          ["env", "ci"]
        ]
      }),
      entry(1, "Reserved", "draft#2/turn[0]", { model: "test:a", cost: 9, tokens: 9, under: [] }),
      entry(2, "Settled", "draft#2/turn[0]", { cost: 7, tokens: 5, basis: "usage" })
    ]
    assert.deepStrictEqual(Spend.charges(entries, none), [
      {
        run: "r",
        pipeline: "p",
        step: "draft",
        model: "test:a",
        day: "2026-01-31",
        labels: "team=a, env=ci",
        cost: NanoUsd.make(7),
        tokens: 5,
        by: "settled"
      }
    ])
    assert.deepStrictEqual(
      Spend.groups(Spend.charges(entries, none), "label").map(({ key }) => key),
      ["team=a, env=ci"]
    )
  })
})
