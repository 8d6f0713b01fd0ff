import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Blueprint from "../../src/blueprint/Blueprint.js"
import { type ModelAsk, ModelError, Models } from "../../src/domain/Model.js"
import { NanoUsd, usd } from "../../src/domain/NanoUsd.js"
import * as Spend from "../../src/lens/Spend.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Tool from "../../src/pipeline/Tool.js"
import * as Bound from "../../src/plan/Bound.js"
import * as Plan from "../../src/plan/Plan.js"
import { plan } from "../blueprint/Marked.js"
import { options, stringify } from "../blueprint/Skills.js"
import * as Money from "../engine/money.js"
import * as World from "../gate/world.js"
import { replyOf, usage } from "./models.js"

type Reason = ModelError["reason"]
type Says = (model: string, turn: number) => Reason | "answer" | "call" | "hang"

const make = (says: Says) => {
  const asked: Array<string> = []
  const call = (name: string, { messages }: ModelAsk, key: string) =>
    Effect.suspend(() => {
      const turn = messages.filter(({ role }) => role === "assistant").length
      asked.push(`${name} ${turn}`)
      keys.push(key)
      const said = says(name, turn)
      if (said === "hang") return Effect.never
      if (said === "answer") return Effect.succeed(replyOf(`from ${name}`, turn))
      if (said === "call") {
        return Effect.succeed(replyOf([{ name: "stringify", arguments: JSON.stringify({ value: turn }) }], turn))
      }
      return Effect.fail(new ModelError({ reason: said, model: name, detail: `it said ${said}` }))
    })
  const keys: Array<string> = []
  const layer = Layer.succeed(Models, {
    driver: (name) =>
      Effect.succeed({ model: name, driver: { call: (ask, { idempotencyKey }) => call(name, ask, idempotencyKey) } })
  })
  return { asked, keys, layer }
}

const writer = (fallbacks: NonNullable<Parameters<typeof Agent.make>[1]["fallbacks"]>) =>
  Agent.make("writer", { model: "test:a", fallbacks, system: "Write.", settings: { maxTokens: 100 } })

const of = (agent: Agent.AnyAgent) =>
  Step.agent("draft", agent).pipe(Pipeline.make("drafts")) as unknown as Pipeline.Pipeline<string, unknown, unknown>

const ran = (agent: Agent.AnyAgent, says: Says) =>
  Effect.gen(function* () {
    const { asked, keys, layer } = make(says)
    const rested = yield* World.start(of(agent), "go").pipe(Effect.provide(World.make().boot()), Effect.provide(layer))
    const told = rested.entries.flatMap(({ event }) =>
      event.kind === "Answered" || event.kind === "Refused" ? [`${event.kind} ${event.path}`] : []
    )
    return { ...rested, asked, keys, told }
  })

describe("models that stand in", () => {
  it.effect("are asked in their order, each at a path and under a key of its own", () =>
    Effect.gen(function* () {
      const { asked, keys, told, value } = yield* ran(writer(["test:b", "test:c"]), (model) =>
        model === "test:c" ? "answer" : "Overloaded"
      )
      assert.strictEqual(value, "from test:c")
      assert.deepStrictEqual(asked, ["test:a 0", "test:b 0", "test:c 0"])
      assert.strictEqual(new Set(keys).size, 3)
      assert.deepStrictEqual(told, [
        "Refused draft/turn[0]",
        "Refused draft/turn[0]/model[1]",
        "Answered draft/turn[0]/model[2]"
      ])
    })
  )

  it.effect("are passed over for failures that they are not for", () =>
    Effect.gen(function* () {
      const agent = writer(["test:b", { model: "test:c", on: ["TooLong"] }])
      const long = yield* ran(agent, (model) => (model === "test:c" ? "answer" : "TooLong"))
      assert.deepStrictEqual(long.asked, ["test:a 0", "test:c 0"])
      const refused = yield* ran(agent, () => "Refused")
      assert.deepStrictEqual(refused.asked, ["test:a 0"])
      assert.strictEqual(refused.tag, "Failed")
    })
  )

  it.effect("and where all failed the last failure says what was tried before it", () =>
    Effect.gen(function* () {
      const { error, tag } = yield* ran(writer(["test:b"]), (model) =>
        model === "test:a" ? "RateLimited" : "Overloaded"
      )
      assert.strictEqual(tag, "Failed")
      assert.instanceOf(error, ModelError)
      assert.strictEqual(
        (error as ModelError).message,
        "model test:b: it said Overloaded; tried before it: test:a (RateLimited)"
      )
    })
  )

  it.effect("who answered goes on in the next turn", () =>
    Effect.gen(function* () {
      const agent = Agent.make("writer", {
        model: "test:a",
        fallbacks: ["test:b", "test:c"],
        system: "",
        tools: [Tool.make(stringify)]
      })
      const { asked, told } = yield* ran(agent as Agent.AnyAgent, (model, turn) =>
        model === "test:a" || (model === "test:b" && turn === 1) ? "Network" : turn === 0 ? "call" : "answer"
      )
      assert.deepStrictEqual(asked, ["test:a 0", "test:b 0", "test:b 1", "test:c 1"])
      assert.deepStrictEqual(told, [
        "Refused draft/turn[0]",
        "Answered draft/turn[0]/model[1]",
        "Answered draft/turn[0]/tool[0]",
        "Refused draft/turn[1]",
        "Answered draft/turn[1]/model[2]"
      ])
    })
  )

  it.effect("a run that is cut while one is asked goes on with it, and asks nobody again who had failed", () =>
    Effect.gen(function* () {
      const world = World.make()
      const pipeline = of(writer(["test:b"]))
      const first = make((model) => (model === "test:a" ? "Overloaded" : "hang"))
      yield* World.start(pipeline, "go").pipe(
        Effect.provide(world.boot()),
        Effect.provide(first.layer),
        Effect.raceFirst(
          Effect.suspend(() => (first.asked.length === 2 ? Effect.void : Effect.fail("not yet"))).pipe(
            Effect.tapError(() => Effect.yieldNow()),
            Effect.eventually
          )
        )
      )
      const second = make(() => "answer")
      const { value } = yield* World.start(pipeline, "go").pipe(
        Effect.provide(world.boot()),
        Effect.provide(second.layer)
      )
      assert.strictEqual(value, "from test:b")
      assert.deepStrictEqual(second.asked, ["test:b 0"])
      assert.strictEqual(second.keys[0], first.keys[1])
    })
  )
})

describe("what they cost", () => {
  const rates = { "test:a": Money.rate("1", "10"), "test:b": Money.rate("3", "30"), "test:c": Money.rate("2", "20") }
  const prices = Money.table(rates)
  const priced = { ...prices, rows: prices.rows.map((row) => ({ ...row, context: 1000 })) }
  const boundOf = (agent: Agent.AnyAgent) => Bound.make(of(agent), priced)
  const a = usd("0.002")

  it("is in the bound: each may fail at its price", () => {
    const bound = boundOf(writer(["test:b", "test:c"]))
    assert.strictEqual(bound.cost, NanoUsd.make(a * (1 + 3 + 2)))
    assert.deepStrictEqual(bound.calls, { least: 1, most: 3 })
    assert.match(Bound.words(boundOf(writer(["test:x"]))), /draft asks test:x, which has no known price/)
  })

  it("and of several turns it is the worst way: the dear one takes all that follow", () => {
    const agent = Agent.make("writer", {
      model: "test:a",
      fallbacks: ["test:b", "test:c"],
      system: "",
      settings: { maxTokens: 100 },
      tools: [Tool.make(stringify)],
      maxTurns: 4
    })
    const bound = boundOf(agent as Agent.AnyAgent)
    // The first fails in the first turn, the second takes all four and fails in the last, which the third answers.
    assert.strictEqual(bound.cost, NanoUsd.make(a * (1 + 4 * 3 + 2)))
    assert.deepStrictEqual(bound.calls, { least: 1, most: 6 })
  })

  it.effect("is set aside and settled for each by itself", () =>
    Effect.gen(function* () {
      const { layer } = make((model) => (model === "test:a" ? "Overloaded" : model === "test:b" ? "Network" : "answer"))
      const { entries } = yield* World.start(of(writer(["test:b", "test:c"])), "go", {
        budget: { maxCost: usd("1"), mode: "reserve" }
      }).pipe(Money.provide(priced, { served: [], layer }), Effect.provide(World.make().boot()))
      const settled = entries.flatMap(
        ({ event }): ReadonlyArray<ReadonlyArray<unknown>> =>
          event.kind === "Settled" ? [[event.path, event.data.basis, event.data.cost]] : []
      )
      const reserved = entries.flatMap(({ event }) => (event.kind === "Reserved" ? [event.data.cost ?? 0] : []))
      assert.strictEqual(reserved.length, 3)
      assert.deepStrictEqual(settled, [
        ["draft/turn[0]", "free", 0],
        ["draft/turn[0]/model[1]", "failed", reserved[1]!],
        ["draft/turn[0]/model[2]", "usage", usage.input * 2_000 + usage.output * 20_000]
      ])
      assert.isUndefined(Money.overspent(entries))
      const steps = Spend.charges(entries, () => undefined).map(({ step }) => step)
      assert.deepStrictEqual(new Set(steps), new Set(["draft"]))
    })
  )
})

const blueprint = (lines: string) => `name: drafts
agents:
  writer:
    model: "test:a"
    system_prompt: Write.
${lines}
steps:
  - name: draft
    uses: agents.writer
`

const findings = (lines: string) =>
  Blueprint.check({ path: "pipeline.yaml", text: blueprint(lines) }, options, plan).diagnostics.map(
    ({ code, hint, message }) => `${code} ${message} (${hint})`
  )

describe("`fallback_models` of a blueprint", () => {
  it("are the same plan as in TypeScript", () => {
    const text = blueprint("    fallback_models: ['test:b', { model: 'test:c', on: [TooLong, Cut] }]")
    const { blueprint: found } = Blueprint.check({ path: "pipeline.yaml", text }, options, plan)
    const twin = Agent.make("writer", {
      model: "test:a",
      fallbacks: ["test:b", { model: "test:c", on: ["TooLong", "Cut"] }],
      system: "Write."
    })
    assert.strictEqual(Plan.make(found!.pipeline).text, Plan.make(of(twin)).text)
    assert.notStrictEqual(Plan.make(of(twin)).text, Plan.make(of(writer([]))).text)
  })

  it("are checked: forms, names, failures, and that each is asked once", () => {
    assert.match(findings("    fallback_models: test:b")[0]!, /^FLJ-BLUEPRINT-17 `fallback_models` must be a list/)
    assert.match(findings("    fallback_models: [gpt]")[0]!, /^FLJ-BLUEPRINT-19 .*openai:gpt/)
    assert.match(findings("    fallback_models: [{ on: [Cut] }]")[0]!, /^FLJ-BLUEPRINT-16 `model` of a model that/)
    assert.match(findings("    fallback_models: ['test:a']")[0]!, /^FLJ-BLUEPRINT-19 test:a was asked before it/)
    assert.match(findings("    fallback_models: ['test:b', 'test:b']")[0]!, /test:b was asked before it/)
    assert.match(findings("    fallback_models: [{ model: 'x:y', on: [] }]")[0]!, /stands in for no failure/)
    assert.match(findings("    fallback_models: [{ model: 'x:y', on: [Toolong] }]")[0]!, /did you mean `TooLong`/)
    assert.match(findings("    fallback_models: [{ model: 'x:y', when: 1 }]")[0]!, /^FLJ-BLUEPRINT-15/)
    const many = Array.from({ length: 9 }, (_, index) => `'x:m${index}'`).join(", ")
    assert.match(findings(`    fallback_models: [${many}]`)[0]!, /9 models stand in for one \(at most 8\)/)
  })
})
