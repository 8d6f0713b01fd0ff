import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Budget, BudgetExceeded } from "../../src/domain/Budget.js"
import type { Entry, EventOf, Kind } from "../../src/domain/Event.js"
import type { Models } from "../../src/domain/Model.js"
import { NanoUsd, usd } from "../../src/domain/NanoUsd.js"
import * as PriceTable from "../../src/governance/PriceTable.js"
import * as Spend from "../../src/lens/Spend.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Skill from "../../src/pipeline/Skill.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Scripts from "../agent/models.js"
import * as World from "../gate/world.js"
import * as Money from "./money.js"

const prices = Money.table({ "test:m": Money.rate("0", "0") })
const cost = usd("0.03")

const sms = (run: (text: string) => Effect.Effect<string, Skill.SkillError>) =>
  Skill.make("sms", {
    description: "",
    input: Schema.String,
    output: Schema.String,
    effect: "external",
    honoursKey: true,
    cost,
    run
  })

const sending = (run: (text: string) => Effect.Effect<string, Skill.SkillError>) =>
  Step.skill("send", sms(run)).pipe(Pipeline.make("send")) as Pipeline.Pipeline<string, string, unknown>

const sent = sending((text) => Effect.succeed(`sent ${text}`))
const failing = (reason: Skill.SkillError["reason"]) =>
  sending(() => new Skill.SkillError({ skill: "sms", reason, detail: "no" }))

const of = <K extends Kind>(entries: ReadonlyArray<Entry>, kind: K): ReadonlyArray<EventOf<K>> =>
  entries.flatMap(({ event }) => (event.kind === kind ? [event as unknown as EventOf<K>] : []))
const settled = (entries: ReadonlyArray<Entry>) => of(entries, "Settled").map(({ data }) => [data.cost, data.basis])
const started = (pipeline: Pipeline.Pipeline<string, string, unknown>, budget?: Budget) =>
  World.start(pipeline, "hi", { budget }).pipe(Effect.provide(World.make().boot()))
const spends = (entries: ReadonlyArray<Entry>) =>
  Spend.charges(entries, () => undefined).map(({ cost, model, step, tokens }) => ({ cost, model, step, tokens }))

describe("a skill that costs money", () => {
  it.effect("is reserved and settled like a model call, under a strict budget too", () =>
    Effect.gen(function* () {
      const { entries, tag, value } = yield* started(sent, { maxCost: cost })
      assert.strictEqual(tag, "Completed")
      assert.strictEqual(value, "sent hi")
      const [reserved] = of(entries, "Reserved")
      assert.deepStrictEqual({ ...reserved?.data }, { model: "skill:sms", cost, tokens: 0, under: [] })
      assert.strictEqual(reserved?.path, "send/call")
      assert.deepStrictEqual(settled(entries), [[cost, "usage"]])
      assert.deepStrictEqual(spends(entries), [{ cost, model: "skill:sms", step: "send", tokens: 0 }])
    })
  )

  it.effect("is not called where it does not fit", () =>
    Effect.gen(function* () {
      let calls = 0
      const counted = sending((text) => Effect.sync(() => text + calls++))
      const { entries, error } = yield* started(counted, { maxCost: NanoUsd.make(cost - 1), mode: "reserve" })
      assert.instanceOf(error, BudgetExceeded)
      assert.deepInclude(error, { reason: "Cost", model: "skill:sms", asked: cost, left: cost - 1 })
      assert.strictEqual(calls, 0)
      assert.deepStrictEqual(of(entries, "Reserved"), [])
    })
  )

  it.effect("is free where it refused, and costs what it says where it failed or broke", () =>
    Effect.gen(function* () {
      const budget = { maxCost: cost }
      assert.deepStrictEqual(settled((yield* started(failing("Refused"), budget)).entries), [[NanoUsd.make(0), "free"]])
      assert.deepStrictEqual(settled((yield* started(failing("Failed"), budget)).entries), [[cost, "failed"]])
      const broken = yield* started(
        sending(() => Effect.dieMessage("broken")),
        budget
      )
      assert.deepStrictEqual(settled(broken.entries), [[cost, "failed"]])
    })
  )

  it.effect("is told of without a budget as well", () =>
    Effect.gen(function* () {
      const { entries } = yield* started(sent)
      assert.deepStrictEqual(of(entries, "Reserved"), [])
      assert.deepStrictEqual(spends(entries), [{ cost, model: "skill:sms", step: "send", tokens: 0 }])
    })
  )

  it.effect("is called and paid for once, wherever its process dies; in flight, it is paid for twice", () =>
    Effect.gen(function* () {
      for (let commits = 1; ; commits++) {
        const world = World.make()
        let calls = 0
        const counted = sending((text) =>
          Effect.as(
            Effect.sync(() => calls++),
            text
          )
        )
        const budget: Budget = { maxCost: NanoUsd.make(cost * 3), mode: "reserve" }
        yield* Effect.exit(World.start(counted, "hi", { budget })).pipe(
          Effect.provide(world.boot({ commitsMax: commits }))
        )
        const isOver = world.commits() < commits
        const { entries, tag } = yield* World.start(counted, "hi", { budget }).pipe(
          Effect.catchAll(() => World.start(counted, "hi", { budget })),
          Effect.provide(world.boot()),
          Effect.catchAllCause(() => Effect.succeed({ entries: [], tag: "Completed" as const }))
        )
        assert.strictEqual(tag, "Completed", `${commits}`)
        const spent = Money.spentOf(entries)
        assert.strictEqual(spent.open, 0)
        if (entries.length > 0)
          assert.strictEqual(spent.cost, BigInt(cost * of(entries, "Reserved").length), `${commits}`)
        assert.isAtMost(calls, 2, `${commits}`)
        if (isOver) break
      }
    })
  )

  it.effect("is paid for as a tool of an agent, too", () =>
    Effect.gen(function* () {
      const agent = Agent.make("a", { model: "test:m", system: "", tools: [sms((text) => Effect.succeed(text))] })
      const pipeline = Step.agent("a", agent).pipe(Pipeline.make("tools")) as Pipeline.Pipeline<
        string,
        string,
        unknown,
        Models
      >
      const { entries, tag } = yield* World.start(pipeline, "hi", {
        budget: { maxCost: usd("1"), mode: "reserve" }
      }).pipe(
        Effect.provide(
          Scripts.layer((_, turn) => (turn === 0 ? [{ name: "sms", arguments: '{"value":"hi"}' }] : "done"))
        ),
        Effect.provideService(PriceTable.Prices, prices),
        Effect.provide(World.make().boot())
      )
      assert.strictEqual(tag, "Completed")
      assert.strictEqual(Money.spentOf(entries).skills, BigInt(cost))
    })
  )
})
