import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Entry } from "../../src/domain/Event.js"
import * as PriceTable from "../../src/governance/PriceTable.js"
import * as Trace from "../../src/lens/Trace.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Skill from "../../src/pipeline/Skill.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Bound from "../../src/plan/Bound.js"
import * as Money from "../engine/money.js"
import * as World from "../gate/world.js"
import * as Models from "./models.js"

const output = Schema.Struct({ people: Schema.Int })
const look = Skill.make("test.look", {
  description: "Looks.",
  input: Schema.Struct({}),
  output: Schema.String,
  effect: "read",
  run: () => Effect.succeed("seven")
})

const of = (agent: Agent.AnyAgent) =>
  Step.agent("count", agent).pipe(Pipeline.make("counting")) as unknown as Pipeline.Pipeline<string, unknown, unknown>

const agentOf = (maxCorrections?: number) =>
  Agent.make("counter", { model: "test:m", system: "Count.", output, maxCorrections, settings: { maxTokens: 100 } })

const ran = (agent: Agent.AnyAgent, answer: Parameters<typeof Models.layer>[0], asked: Array<Models.Asked> = []) =>
  World.start(of(agent), "go").pipe(Effect.provide(World.make().boot()), Effect.provide(Models.layer(answer, asked)))

const answered = (entries: ReadonlyArray<Entry>) =>
  entries.flatMap(({ event }) => (event.kind === "Answered" ? [event.path.slice("count/".length)] : []))

const replies = ["I do not know.", '{"people": "many"}', '{"people": 7}']
const nth = (_: unknown, turn: number) => replies[turn]!

describe("a reply that does not fit", () => {
  it.effect("is sent back with what is wrong with it, each time at a path of its own", () =>
    Effect.gen(function* () {
      const asked: Array<Models.Asked> = []
      const { entries, value } = yield* ran(agentOf(2), nth, asked)
      assert.deepStrictEqual(value, { people: 7 })
      assert.deepStrictEqual(answered(entries), ["turn[0]", "turn[0]/repair", "turn[1]", "turn[1]/repair", "turn[2]"])
      const { messages } = asked[2]!.ask
      assert.deepStrictEqual(
        messages.map(({ role }) => role),
        ["system", "user", "assistant", "user", "assistant", "user"]
      )
      assert.strictEqual(messages[2]!.content, replies[0])
      assert.match(String(messages[3]!.content), /^Your answer was not accepted:\n- JSON was wanted/)
      assert.match(String(messages[5]!.content), /does not fit the wanted output: .*people/s)
      const node = Option.getOrThrow(Trace.find(Trace.make(entries, { held: false }), World.at("count")))
      assert.strictEqual(node.usage.input, 3 * Models.usage.input)
    })
  )

  it.effect("ends the step where no correction is left, and at once where none was asked for", () =>
    Effect.gen(function* () {
      const one = yield* ran(agentOf(1), nth)
      assert.strictEqual((one.error as Agent.AgentError).reason, "Misfit")
      assert.deepStrictEqual(answered(one.entries), ["turn[0]", "turn[0]/repair", "turn[1]", "turn[1]/repair"])
      assert.deepStrictEqual(answered((yield* ran(agentOf(), nth)).entries), ["turn[0]", "turn[0]/repair"])
    })
  )

  it.effect("ends the step at once where it is empty, or longer than a next turn has room for", () =>
    Effect.gen(function* () {
      for (const text of [" ", "x".repeat(20_000)]) {
        const asked: Array<Models.Asked> = []
        const { error } = yield* ran(agentOf(2), () => text, asked)
        assert.strictEqual((error as Agent.AgentError).reason, "NotObject")
        assert.strictEqual(asked.length, 1)
      }
    })
  )

  it.effect("takes no turn from those that call tools", () =>
    Effect.gen(function* () {
      const agent = {
        ...agentOf(1),
        tools: Agent.make("x", { model: "m:m", system: "", tools: [look] }).tools,
        maxTurns: 2
      }
      const calls = [{ name: "look", arguments: "{}" }]
      const { value } = yield* ran(agent, (_, turn) => [calls, "seven", '{"people": 7}'][turn]!)
      assert.deepStrictEqual(value, { people: 7 })
      const late = yield* ran(agent, (_, turn) => ["seven", calls, '{"people": 7}'][turn]!)
      assert.deepStrictEqual(late.value, { people: 7 })
      const { error } = yield* ran(agent, (_, turn) => ["seven", calls, calls][turn]!)
      assert.strictEqual((error as Agent.AgentError).reason, "MaxTurns")
    })
  )

  it.effect("is corrected once, wherever its process dies", () =>
    Effect.gen(function* () {
      const asked: Array<Models.Asked> = []
      const counts = () => asked.map(({ key }) => asked.filter((one) => one.key === key).length)
      const { points } = yield* World.everyCut(of(agentOf(2)), "go", {
        before: () => {
          asked.length = 0
        },
        after: (_, first) => {
          const done = answered(first).filter((path) => path.endsWith("]")).length
          assert.isAtMost(counts().filter((count) => count > 1).length, done === replies.length ? 0 : 2)
        }
      }).pipe(Effect.provide(Models.layer(nth, asked)))
      assert.isAtLeast(points, 6)
    })
  )

  it.effect("never makes a run use more than was counted before the start", () =>
    Effect.gen(function* () {
      const prices = Money.table({ "test:m": Money.rate("10", "100") })
      const bound = Bound.make(of(agentOf(2)), prices, { inputBytes: 2 })
      assert.deepStrictEqual(bound.calls, { least: 1, most: 3 })
      assert.strictEqual(Bound.make(of(agentOf()), prices, { inputBytes: 2 }).calls.most, 1)
      const budget = { maxTokens: bound.tokens!, maxCost: bound.cost! }
      const long = (_: unknown, turn: number) => (turn === 2 ? replies[2]! : `{"people": "${"é".repeat(8_000)}"}`)
      const { entries, tag } = yield* World.start(of(agentOf(2)), "go", { budget }).pipe(
        Effect.provide(World.make().boot()),
        Effect.provide(Models.layer(long)),
        Effect.provideService(PriceTable.Prices, prices)
      )
      assert.strictEqual(tag, "Completed")
      const reserved = entries.flatMap(({ event }) => (event.kind === "Reserved" ? [event.data.tokens] : []))
      assert.strictEqual(reserved.length, 3)
      assert.isAtMost(
        reserved.reduce((sum, tokens) => sum + tokens, 0),
        bound.tokens!
      )
    })
  )
})
