import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as ToolCall from "../../src/agent/ToolCall.js"
import * as Turn from "../../src/agent/Turn.js"
import type { Entry, EventOf, Kind } from "../../src/domain/Event.js"
import type { Json } from "../../src/domain/Json.js"
import { usd } from "../../src/domain/NanoUsd.js"
import * as PriceTable from "../../src/governance/PriceTable.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Skill from "../../src/pipeline/Skill.js"
import * as Step from "../../src/pipeline/Step.js"
import { StepUncertain } from "../../src/pipeline/StepError.js"
import * as Tool from "../../src/pipeline/Tool.js"
import * as Bound from "../../src/plan/Bound.js"
import * as Plan from "../../src/plan/Plan.js"
import * as Money from "../engine/money.js"
import * as World from "../gate/world.js"
import * as Models from "./models.js"

const made: Array<{ readonly skill: string; readonly input: unknown; readonly key: string }> = []

const skill = (id: string, effect: "read" | "external", run: (city: string) => string = (city) => `sunny in ${city}`) =>
  Skill.make(id, {
    description: `Does ${id}.`,
    input: Schema.Struct({ city: Schema.String }),
    output: Schema.String,
    effect,
    run: (input, { idempotencyKey }) =>
      Effect.sync(() => {
        made.push({ skill: id, input, key: idempotencyKey })
        return run(input.city)
      })
  })

const weather = skill("test.weather", "read")
const post = skill("test.post", "external", (city) => `posted ${city}`)
const failing = Skill.make("test.failing", {
  description: "Fails.",
  input: Schema.Struct({}),
  output: Schema.String,
  effect: "read",
  run: () => new Skill.SkillError({ skill: "test.failing", reason: "Failed", detail: "no luck" })
})
const long = skill("test.long", "read", () => "é".repeat(100_000))

const agentOf = (tools: ReadonlyArray<Skill.AnySkill | Tool.AnyTool>, maxTurns?: number) =>
  Agent.make("scout", { model: "test:m", system: "Look.", tools, maxTurns, settings: { maxTokens: 100 } })

/** What a run needs is provided around it. */
const of = (agent: Agent.AnyAgent): Pipeline.Pipeline<string, string, unknown> =>
  Step.agent("research", agent).pipe(Pipeline.make("scouting")) as unknown as Pipeline.Pipeline<string, string, unknown>

const call = (name: string, given: unknown): Models.Call => ({ name, arguments: JSON.stringify(given) })

const events = <K extends Kind>(entries: ReadonlyArray<Entry>, kind: K): ReadonlyArray<EventOf<K>> =>
  entries.flatMap(({ event }) => (event.kind === kind ? [event as unknown as EventOf<K>] : []))

const started = (
  agent: Agent.AnyAgent,
  answer: Parameters<typeof Models.layer>[0],
  asked: Array<Models.Asked> = []
) => {
  made.length = 0
  return World.start(of(agent), "go").pipe(
    Effect.provide(World.make().boot()),
    Effect.provide(Models.layer(answer, asked))
  )
}

/** What the model is told after its first turn. */
const toldAfter = (tools: ReadonlyArray<Skill.AnySkill | Tool.AnyTool>, calls: ReadonlyArray<Models.Call>) =>
  Effect.gen(function* () {
    const asked: Array<Models.Asked> = []
    const { tag } = yield* started(agentOf(tools), (_, turn) => (turn === 0 ? calls : "done"), asked)
    assert.strictEqual(tag, "Completed")
    return Models.toolMessages(asked[1]!.ask)
  })

describe("an agent with tools", () => {
  it.effect("calls them, tells the model what they answered, and writes each call down under its own path", () =>
    Effect.gen(function* () {
      const asked: Array<Models.Asked> = []
      const answer = (_: unknown, turn: number): Models.Answer =>
        turn === 0
          ? [call("weather", { city: "Oslo" }), call("weather", { city: "Rome" })]
          : turn === 1
            ? [call("post", { city: "Rome" })]
            : "done"
      const { entries, value } = yield* started(agentOf([weather, post]), answer, asked)
      assert.strictEqual(value, "done")
      assert.deepStrictEqual(
        [...events(entries, "Answered")].map(({ path }) => path).sort(),
        ["turn[0]", "turn[0]/tool[0]", "turn[0]/tool[1]", "turn[1]", "turn[1]/tool[0]", "turn[2]"].map((end) =>
          World.at(`research/${end}`)
        )
      )
      assert.deepStrictEqual(
        asked[0]!.ask.tools!.map(({ name }) => name),
        ["weather", "post"]
      )
      assert.deepStrictEqual(Models.toolMessages(asked[2]!.ask), [
        { role: "tool", callId: "call_0_0", name: "weather", content: "sunny in Oslo" },
        { role: "tool", callId: "call_0_1", name: "weather", content: "sunny in Rome" },
        { role: "tool", callId: "call_1_0", name: "post", content: "posted Rome" }
      ])
      const keys = made.map(({ key }) => key)
      assert.strictEqual(new Set(keys).size, 3)
    })
  )

  it.effect("cut anywhere and resumed is the same run, and no answered call is asked again", () =>
    Effect.gen(function* () {
      const asked: Array<Models.Asked> = []
      const counts = () => {
        const counted = new Map<string, number>()
        for (const { key } of [...asked, ...made]) counted.set(key, (counted.get(key) ?? 0) + 1)
        return counted
      }
      const answer = (_: unknown, turn: number): Models.Answer =>
        turn === 0
          ? [call("weather", { city: "Oslo" }), call("nothing", {})]
          : turn === 1
            ? [call("ask_user", { question: "Which one?" }), call("weather", { city: "Rome" })]
            : "done"
      const pipeline = of(agentOf([weather, Tool.askUser]))
      const { points } = yield* World.everyCut(pipeline, "go", {
        answers: () => "the second",
        before: () => {
          asked.length = 0
          made.length = 0
        },
        after: (rest, first) => {
          const answered = new Set(events(first, "Answered").map(({ path }) => path))
          for (const { path, payload } of events(rest.entries, "Asked")) {
            const count = counts().get(payload.idempotencyKey) ?? 0
            assert.isAtMost(count, answered.has(path) ? 1 : 2, path)
          }
        }
      }).pipe(Effect.provide(Models.layer(answer, asked)))
      assert.isAtLeast(points, 10)
    })
  )

  it.effect("tells the model what is wrong with a call, and goes on", () =>
    Effect.gen(function* () {
      const told = yield* toldAfter(
        [weather, failing],
        [
          call("wether", { city: "Oslo" }),
          { name: "weather", arguments: "{city" },
          call("weather", { town: "Oslo" }),
          call("failing", {})
        ]
      )
      assert.deepStrictEqual(
        told.map(({ failed }) => failed),
        [true, true, true, true]
      )
      assert.match(told[0]!.content, /^UnknownTool: there is no tool "wether"; there are: weather, failing$/)
      assert.match(told[1]!.content, /^NotJson:/)
      assert.match(told[2]!.content, /^Misfit: .*city/)
      assert.match(told[3]!.content, /^Failed: skill test.failing: no luck/)
      assert.strictEqual(made.length, 0)
    })
  )

  it.effect("shows the model a bounded part of a long result", () =>
    Effect.gen(function* () {
      const [told] = yield* toldAfter([long], [call("long", { city: "x" })])
      assert.isAtMost(Buffer.byteLength(told!.content), ToolCall.resultBytesMax)
      assert.match(told!.content, /cut: the first part of 200000 bytes/)
    })
  )

  it.effect("refuses a reply that calls a thousand tools, and calls none of them", () =>
    Effect.gen(function* () {
      const calls = Array.from({ length: 1000 }, () => call("weather", { city: "x" }))
      const { error, tag } = yield* started(agentOf([weather]), () => calls)
      assert.strictEqual(tag, "Failed")
      assert.instanceOf(error, Agent.AgentError)
      assert.strictEqual((error as Agent.AgentError).reason, "TooManyCalls")
      assert.strictEqual(made.length, 0)
    })
  )

  it.effect("ends an endless loop of calls: by its turns, and sooner where nothing new comes of them", () =>
    Effect.gen(function* () {
      const asked: Array<Models.Asked> = []
      const other = yield* started(agentOf([weather], 5), (_, turn) => [call("weather", { city: `${turn}` })], asked)
      assert.strictEqual((other.error as Agent.AgentError).reason, "MaxTurns")
      assert.strictEqual(asked.length, 5)
      assert.strictEqual(made.length, 4)
      asked.length = 0
      const same = yield* started(agentOf([weather], 50), () => [call("weather", { city: "Oslo" })], asked)
      assert.strictEqual((same.error as Agent.AgentError).reason, "NoProgress")
      assert.strictEqual(asked.length, 3)
    })
  )

  it.effect("fails where a reply calls a tool and there is none", () =>
    Effect.gen(function* () {
      const { error } = yield* started(agentOf([]), () => [call("weather", {})])
      assert.match((error as Error).message, /calls the tool weather, and the agent has no tools/)
    })
  )
})

describe("a question to a person within a turn", () => {
  const answer = (_: unknown, turn: number): Models.Answer =>
    turn === 0
      ? [call("ask_user", { question: "Which city?" })]
      : turn === 1
        ? [call("post", { city: "Oslo" })]
        : "done"

  it.effect("rests the run until it is answered; the answer goes to the model, and nobody is asked twice", () =>
    Effect.gen(function* () {
      made.length = 0
      const asked: Array<Models.Asked> = []
      const pipeline = of(agentOf([Tool.askUser, post]))
      const world = World.make()
      const run = Effect.gen(function* () {
        const first = yield* World.start(pipeline, "go")
        assert.strictEqual(first.tag, "Suspended")
        assert.deepStrictEqual(yield* World.openTasks, ["research/turn[0]/tool[0]"])
        assert.strictEqual(events(first.entries, "TaskOpened")[0]!.payload.message, "Which city?")
        yield* World.answer("research/turn[0]/tool[0]", "Oslo", "ada")
        return yield* World.start(pipeline, "go")
      })
      const { entries, tag } = yield* run.pipe(
        Effect.provide(world.boot()),
        Effect.provide(Models.layer(answer, asked))
      )
      assert.strictEqual(tag, "Completed")
      assert.strictEqual(Models.toolMessages(asked[1]!.ask)[0]!.content, "Oslo")
      assert.strictEqual(asked.length, 3)
      assert.strictEqual(events(entries, "TaskAnswered")[0]!.payload.by, "ada")
    })
  )

  const approving = (reply: Json) =>
    Effect.gen(function* () {
      made.length = 0
      const asked: Array<Models.Asked> = []
      const pipeline = of(agentOf([Tool.make(post, { requiresApproval: true })]))
      const answer = (_: unknown, turn: number): Models.Answer =>
        turn === 0 ? [call("post", { city: "Oslo" })] : "done"
      const run = Effect.gen(function* () {
        const first = yield* World.start(pipeline, "go")
        assert.strictEqual(made.length, 0)
        assert.deepStrictEqual(yield* World.openTasks, ["research/turn[0]/approval[0]"])
        yield* World.answer("research/turn[0]/approval[0]", reply, "ada")
        return { opened: events(first.entries, "TaskOpened")[0]!, rest: yield* World.start(pipeline, "go") }
      })
      const { opened, rest } = yield* run.pipe(
        Effect.provide(World.make().boot()),
        Effect.provide(Models.layer(answer, asked))
      )
      assert.strictEqual(rest.tag, "Completed")
      return { told: Models.toolMessages(asked[1]!.ask)[0]!, opened }
    })

  it.effect("a tool that needs approval is called once a person has seen exactly what will be called", () =>
    Effect.gen(function* () {
      const { opened, told } = yield* approving({ approved: true })
      assert.strictEqual(opened.payload.message, 'Call post (test.post, external) with {"city":"Oslo"}?')
      assert.deepStrictEqual(
        made.map(({ input }) => input),
        [{ city: "Oslo" }]
      )
      assert.strictEqual(told.content, "posted Oslo")
    })
  )

  it.effect("is called with the arguments as the person changed them", () =>
    Effect.gen(function* () {
      const { told } = yield* approving({ approved: true, arguments: { city: "Bergen" } })
      assert.deepStrictEqual(
        made.map(({ input }) => input),
        [{ city: "Bergen" }]
      )
      assert.strictEqual(told.content, "posted Bergen")
    })
  )

  it.effect("is not called where the person says no, and the model is told why", () =>
    Effect.gen(function* () {
      const { told } = yield* approving({ approved: false, reason: "too cold" })
      assert.strictEqual(made.length, 0)
      assert.strictEqual(told.failed, true)
      assert.match(told.content, /^Rejected: .*too cold$/)
    })
  )
})

describe("a call that was in flight when its process died", () => {
  /** The power goes off right after the tool was asked. */
  const cut = (tool: Skill.AnySkill, name: string, reply: Json | undefined) =>
    Effect.gen(function* () {
      made.length = 0
      const pipeline = of(agentOf([tool]))
      const answer = (_: unknown, turn: number): Models.Answer => (turn === 0 ? [call(name, { city: "Oslo" })] : "done")
      const models = Models.layer(answer)
      for (let commits = 0; ; commits++) {
        made.length = 0
        const world = World.make()
        yield* Effect.exit(World.start(pipeline, "go")).pipe(
          Effect.provide(world.boot({ commitsMax: commits })),
          Effect.provide(models)
        )
        const entries = yield* World.entriesOf(World.runId).pipe(Effect.provide(world.boot()))
        const path = "research/turn[0]/tool[0]"
        const has = (kind: Kind) => entries.some(({ event }) => event.kind === kind && event.path === path)
        if (!has("Asked") || has("Answered")) continue
        const run = Effect.gen(function* () {
          const first = yield* World.start(pipeline, "go")
          if (reply === undefined) return first
          assert.strictEqual(first.tag, "Suspended")
          assert.deepStrictEqual(yield* World.openTasks, [`${path}/uncertain[0]`])
          yield* World.answer(`${path}/uncertain[0]`, reply)
          return yield* World.start(pipeline, "go")
        })
        return yield* run.pipe(Effect.provide(world.boot()), Effect.provide(models))
      }
    })

  it.effect("is made again under the same key where that does no harm", () =>
    Effect.gen(function* () {
      const { tag } = yield* cut(weather, "weather", undefined)
      assert.strictEqual(tag, "Completed")
      assert.strictEqual(made.length, 2)
      assert.strictEqual(made[0]!.key, made[1]!.key)
    })
  )

  it.effect("is made again only when a person says so where it acts on the world", () =>
    Effect.gen(function* () {
      const { tag } = yield* cut(post, "post", { approved: true })
      assert.strictEqual(tag, "Completed")
      assert.strictEqual(made.length, 2)
      assert.strictEqual(made[0]!.key, made[1]!.key)
    })
  )

  it.effect("lets the step fail where the person says no", () =>
    Effect.gen(function* () {
      const { error, tag } = yield* cut(post, "post", { approved: false })
      assert.strictEqual(tag, "Failed")
      assert.instanceOf(error, StepUncertain)
      assert.strictEqual(made.length, 1)
    })
  )
})

describe("what it may cost", () => {
  const prices = Money.table({ "test:m": Money.rate("10", "100") })

  it.effect("no model, however it answers, goes over what was counted before the start", () =>
    Effect.gen(function* () {
      const agent = agentOf([long], 4)
      const bound = Bound.make(of(agent), prices, { inputBytes: 2 })
      assert.isDefined(bound.tokens)
      assert.strictEqual(bound.calls.most, 4)
      // As long as a reply that goes on may be, and as many calls as there may be, each with the longest result.
      const arguments_ = JSON.stringify({ city: "x".repeat(900) })
      const answer = (_: unknown, turn: number): Models.Answer =>
        turn === 3
          ? "done"
          : Array.from({ length: Turn.callsMax }, (_, index) => ({
              name: "long",
              arguments: arguments_.replace("x", `${turn}${index}`)
            }))
      const { entries, tag } = yield* World.start(of(agent), "go", {
        budget: { maxTokens: bound.tokens!, maxCost: bound.cost! }
      }).pipe(
        Effect.provide(World.make().boot()),
        Effect.provide(Models.layer(answer)),
        Effect.provideService(PriceTable.Prices, prices)
      )
      assert.strictEqual(tag, "Completed")
      const reserved = events(entries, "Reserved")
      assert.strictEqual(reserved.length, 4)
      assert.isAtMost(
        reserved.reduce((sum, { data }) => sum + data.tokens, 0),
        bound.tokens!
      )
    })
  )

  it.effect("a reply too long for the next turn is refused", () =>
    Effect.gen(function* () {
      const { error } = yield* started(agentOf([weather]), () => [call("weather", { city: "x".repeat(20_000) })])
      assert.strictEqual((error as Agent.AgentError).reason, "TooLong")
    })
  )

  it.effect("a tool reaches no model past the budget", () =>
    Effect.gen(function* () {
      const { Models: Tag } = yield* Effect.promise(() => import("../../src/domain/Model.js"))
      const sly = Skill.make("test.sly", {
        description: "Asks a model by itself.",
        input: Schema.Struct({}),
        output: Schema.String,
        effect: "read",
        run: () =>
          Effect.gen(function* () {
            const models = yield* Tag
            yield* Effect.ignore(models.driver("test:m", { path: "", agent: "" }))
            return "got through"
          })
      })
      const { error, tag } = yield* World.start(of(agentOf([sly])), "go", {
        budget: { maxCost: usd("100"), mode: "reserve" }
      }).pipe(
        Effect.provide(World.make().boot()),
        Effect.provide(Models.layer((_, turn) => (turn === 0 ? [call("sly", {})] : "done"))),
        Effect.provideService(PriceTable.Prices, prices)
      )
      assert.strictEqual(tag, "Failed")
      assert.strictEqual((error as { readonly reason: string }).reason, "Unasked")
    })
  )
})

describe("a plan with tools", () => {
  const findings = (agent: Agent.AnyAgent) => Plan.make(of(agent)).findings.map(({ code }) => code)

  it("finds two tools of one name, names that no provider takes, and turns out of range", () => {
    assert.deepStrictEqual(findings(agentOf([weather, skill("other.weather", "read")])), ["FLJ-PLAN-15"])
    assert.deepStrictEqual(findings(agentOf([Tool.make(weather, { name: "the weather" })])), ["FLJ-PLAN-15"])
    assert.deepStrictEqual(findings(agentOf([weather], 201)), ["FLJ-PLAN-10"])
    assert.deepStrictEqual(findings(agentOf([weather])), [])
  })
})

describe("a plan around an agent with tools", () => {
  const step = (agent: Agent.AnyAgent) => Step.agent("research", agent) as unknown as Step.Step<string, string>
  const codes = (made: Step.Step<string, string, unknown>) =>
    Plan.make(made.pipe(Pipeline.make("scouting")) as Pipeline.Pipeline.Any).findings.map(({ code }) => code)

  it("is told of a cache that would hide what the tools do, and of a deadline over a question", () => {
    const cached = (agent: Agent.AnyAgent) =>
      codes(step(agent).pipe(Step.named("all"), Step.cached({ output: Schema.String })))
    assert.deepStrictEqual(cached(agentOf([weather])), [])
    assert.deepStrictEqual(cached(agentOf([post])), ["FLJ-PLAN-14"])
    assert.deepStrictEqual(cached(agentOf([Tool.askUser])), ["FLJ-PLAN-14"])
    const timed = (agent: Agent.AnyAgent) => codes(step(agent).pipe(Step.timeout("1 hour")))
    assert.deepStrictEqual(timed(agentOf([weather])), [])
    assert.deepStrictEqual(timed(agentOf([Tool.make(weather, { requiresApproval: true })])), ["FLJ-PLAN-5"])
  })
})
