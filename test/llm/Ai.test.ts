/** flujo and `@effect/ai`, both ways: a user's LanguageModel as a provider, and a model of ours as one. */
import * as AiError from "@effect/ai/AiError"
import * as LanguageModel from "@effect/ai/LanguageModel"
import type * as Response from "@effect/ai/Response"
import * as AiTool from "@effect/ai/Tool"
import * as Toolkit from "@effect/ai/Toolkit"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { LanguageModels, ModelDriver } from "../../src/ai.js"
import type { Entry } from "../../src/domain/Event.js"
import { ModelError, Models as ModelsTag } from "../../src/domain/Model.js"
import { usd } from "../../src/domain/NanoUsd.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Tool from "../../src/pipeline/Tool.js"
import * as Models from "../agent/models.js"
import { stringify } from "../blueprint/Skills.js"
import * as Money from "../engine/money.js"
import * as World from "../gate/world.js"

const finish = (reason: Response.FinishReason = "stop"): Response.PartEncoded => ({
  type: "finish",
  reason,
  usage: { inputTokens: 10, outputTokens: 5, totalTokens: 15, cachedInputTokens: 4, reasoningTokens: 2 }
})

type Says = (options: LanguageModel.ProviderOptions) => Effect.Effect<Array<Response.PartEncoded>, AiError.AiError>

const mine = (says: Says) =>
  Layer.effect(LanguageModel.LanguageModel, LanguageModel.make({ generateText: says, streamText: () => Stream.empty }))

const erased = (pipeline: object) => pipeline as Pipeline.Pipeline<string, unknown, unknown, never>

const ran = (pipeline: object, models: Layer.Layer<ModelsTag>) =>
  World.start(erased(pipeline), "rain").pipe(Effect.provide(World.make().boot()), Effect.provide(models))

const agent = (agent: object) => Step.agent("draft", agent as Agent.AnyAgent).pipe(Pipeline.make("p"))

const text = (text: string): Response.PartEncoded => ({ type: "text", text })

describe("a LanguageModel as a provider", () => {
  it.effect("answers agents, and its usage is counted in buckets of which none holds another", () =>
    Effect.gen(function* () {
      const seen: Array<LanguageModel.ProviderOptions> = []
      const layer = ModelDriver.fromLanguageModel(
        mine((options) => {
          seen.push(options)
          return Effect.succeed([text("It rains."), finish()])
        })
      )
      const { entries, value } = yield* ran(agent(Agent.make("w", { model: "own:x", system: "Write." })), layer)
      assert.strictEqual(value, "It rains.")
      assert.deepStrictEqual(
        seen[0]!.prompt.content.map(({ content, role }) => [role, typeof content === "string" ? content : content[0]]),
        [
          ["system", "Write."],
          ["user", seen[0]!.prompt.content[1]!.content[0]]
        ]
      )
      const answered = entries.flatMap(({ event }) => (event.kind === "Answered" ? [event.data.usage] : []))
      assert.deepStrictEqual(answered, [{ input: 6, cachedInput: 4, output: 3, reasoning: 2 }])
    })
  )

  it.effect("is told the wanted schema, and what it answers is decoded by the agent", () =>
    Effect.gen(function* () {
      const output = Schema.Struct({ people: Schema.Int })
      const seen: Array<unknown> = []
      const layer = ModelDriver.fromLanguageModel(
        mine(({ responseFormat }) => {
          if (responseFormat.type === "json") seen.push(AiTool.getJsonSchemaFromSchemaAst(responseFormat.schema.ast))
          return Effect.succeed([text('{"people": 7}'), finish()])
        })
      )
      const counter = Agent.make("counter", { model: "own:x", system: "", output })
      const { value } = yield* ran(agent(counter), layer)
      assert.deepStrictEqual(value, { people: 7 })
      assert.deepStrictEqual(seen, [counter.output?.jsonSchema])
    })
  )

  it.effect("calls the agent's tools by turns, and hears their results", () =>
    Effect.gen(function* () {
      const layer = ModelDriver.fromLanguageModel(
        mine(({ prompt, tools }) => {
          const last = prompt.content.at(-1)!
          return Effect.succeed(
            last.role === "tool"
              ? [text(`it says ${String(last.content[0]!.result)}`), finish()]
              : [{ type: "tool-call", id: "c1", name: tools[0]!.name, params: { value: 1 } }, finish("tool-calls")]
          )
        })
      )
      const guide = Agent.make("guide", { model: "own:x", system: "", tools: [Tool.make(stringify)] })
      const { value } = yield* ran(agent(guide), layer)
      assert.strictEqual(value, "it says 1")
    })
  )

  it.effect("fails with typed errors, and leaves no setting out in silence", () =>
    Effect.gen(function* () {
      const reasonOf = (says: Says, more: object = {}, options: ModelDriver.Options = {}) =>
        Effect.map(
          ran(
            agent(Agent.make("w", { model: "own:x", system: "", ...more })),
            ModelDriver.fromLanguageModel(mine(says), options)
          ),
          ({ error, value }) => (error instanceof ModelError ? error.reason : value)
        )
      const about = { module: "m", method: "f" }
      const http = (status: number) =>
        new AiError.HttpResponseError({
          ...about,
          reason: "StatusCode",
          request: { method: "POST", url: "http://x", urlParams: [], hash: Option.none(), headers: {} },
          response: { status, headers: {} }
        })
      assert.strictEqual(yield* reasonOf(() => http(401)), "Auth")
      assert.strictEqual(yield* reasonOf(() => http(429)), "RateLimited")
      assert.strictEqual(yield* reasonOf(() => http(503)), "Overloaded")
      assert.strictEqual(yield* reasonOf(() => http(400)), "BadRequest")
      const malformed = new AiError.MalformedOutput({ ...about, description: "no" })
      assert.strictEqual(yield* reasonOf(() => malformed), "BadReply")
      const well: Says = () => Effect.succeed([text("well"), finish()])
      const warm = { settings: { temperature: 1 } }
      assert.strictEqual(yield* reasonOf(well), "well")
      assert.strictEqual(yield* reasonOf(well, warm), "BadRequest")
      const told: Array<number | undefined> = []
      const configured: ModelDriver.Options["configured"] = (effect, { temperature }) => {
        told.push(temperature)
        return effect
      }
      assert.strictEqual(yield* reasonOf(well, warm, { configured }), "well")
      assert.deepStrictEqual(told, [1])
      assert.strictEqual(yield* reasonOf(well, { model: "openai:m" }), "Unknown")
      const others = Models.layer(() => "from others")
      assert.strictEqual(yield* reasonOf(well, { model: "openai:m" }, { others }), "from others")
    })
  )
})

const asking = <E>(
  run: (topic: string) => Effect.Effect<string, E, LanguageModel.LanguageModel>
): Pipeline.Pipeline<string, string, unknown, LanguageModel.LanguageModel> =>
  Step.make("think", {
    input: Schema.String,
    output: Schema.String,
    error: Schema.String,
    effect: "read",
    run: (topic) => Effect.mapError(run(topic), String)
  }).pipe(Pipeline.make("p")) as never

const ours = (answer: Parameters<typeof Models.layer>[0], asked: Array<Models.Asked> = []) =>
  LanguageModels.layer({ model: "test:m", settings: { maxTokens: 100 } }).pipe(
    Layer.provide(Models.layer(answer, asked))
  )

const calls = (entries: ReadonlyArray<Entry>) =>
  entries.flatMap(({ event }) => (event.kind === "Answered" ? [event.path.replace(/_[0-9a-f]{12}/, "")] : []))

describe("a model of flujo as a LanguageModel", () => {
  it.effect("is journaled below the step, and not asked again when the run goes on", () =>
    Effect.gen(function* () {
      const world = World.make()
      const asked: Array<Models.Asked> = []
      let isCut = true
      const pipeline = asking((topic) =>
        Effect.gen(function* () {
          const first = yield* LanguageModel.generateText({ prompt: `about ${topic}` })
          if (isCut) return yield* Effect.never
          const second = yield* LanguageModel.generateText({ prompt: first.text })
          return second.text
        })
      )
      const layer = ours(({ messages }) => `<${String(messages.at(-1)!.content)}>`, asked)
      yield* World.start(pipeline, "rain").pipe(
        Effect.provide(layer),
        Effect.provide(world.boot()),
        Effect.raceFirst(
          Effect.suspend(() => (asked.length === 1 ? Effect.yieldNow() : Effect.fail("not yet"))).pipe(
            Effect.tapError(() => Effect.yieldNow()),
            Effect.eventually,
            Effect.zipRight(Effect.forEach(Array.from({ length: 50 }), () => Effect.yieldNow()))
          )
        )
      )
      isCut = false
      const { entries, value } = yield* World.start(pipeline, "rain").pipe(
        Effect.provide(layer),
        Effect.provide(world.boot())
      )
      assert.strictEqual(value, "<<about rain>>")
      assert.strictEqual(asked.length, 2)
      assert.deepStrictEqual(calls(entries), ["think/model[0]", "think/model[0]"])
    })
  )

  it.effect("is paid from the budget of the step", () =>
    Effect.gen(function* () {
      const prices = Money.table({ "test:m": Money.rate("1", "10") })
      const once = asking((topic) => Effect.map(LanguageModel.generateText({ prompt: topic }), ({ text }) => text))
      const start = (maxCost: string) =>
        World.start(once, "rain", { budget: { maxCost: usd(maxCost), mode: "reserve" } }).pipe(
          Effect.provide(ours(() => "well")),
          Money.provide(prices, { served: [], layer: Models.layer(() => "") }),
          Effect.provide(World.make().boot())
        )
      const paid = yield* start("1")
      const { cost, open, reserved } = Money.spentOf(paid.entries)
      assert.deepStrictEqual(
        [cost, open, reserved],
        [BigInt(Models.usage.input * 1_000 + Models.usage.output * 10_000), 0, 1]
      )
      const denied = yield* start("0.000001")
      assert.strictEqual(denied.tag, "Failed")
      assert.deepInclude(denied.error, { _tag: "BudgetExceeded" })
    })
  )

  it.effect("may be asked side by side, also the same; objects are decoded, tools resolved, and streams end", () =>
    Effect.gen(function* () {
      const Add = AiTool.make("add", {
        parameters: { a: Schema.Int, b: Schema.Int },
        success: Schema.Int
      })
      const tools = Toolkit.make(Add)
      const handlers = tools.toLayer({ add: ({ a, b }) => Effect.succeed(a + b) })
      const pipeline = asking(() =>
        Effect.gen(function* () {
          const same = yield* Effect.all(
            ["x", "x", "y"].map((prompt) => LanguageModel.generateText({ prompt })),
            { concurrency: "unbounded" }
          )
          const object = yield* LanguageModel.generateObject({
            prompt: "object",
            schema: Schema.Struct({ n: Schema.NumberFromString })
          })
          const tool = yield* LanguageModel.generateText({ prompt: "tool", toolkit: tools })
          const parts = yield* Stream.runCollect(LanguageModel.streamText({ prompt: "stream" }))
          const streamed = Array.from(parts, (part) => (part.type === "text-delta" ? part.delta : "")).join("")
          const results = tool.toolResults.map(({ result }) => String(result))
          return [...same.map(({ text }) => text), object.value.n + 1, ...results, streamed].join(" ")
        }).pipe(Effect.provide(handlers))
      )
      const { entries, value } = yield* World.start(pipeline, "rain").pipe(
        Effect.provide(
          ours(({ messages }) => {
            const said = String(messages.at(-1)!.content)
            if (said === "object") return '{"n": "41"}'
            return said === "tool" ? [{ name: "add", arguments: '{"a": 1, "b": 2}' }] : said.toUpperCase()
          })
        ),
        Effect.provide(World.make().boot())
      )
      assert.strictEqual(value, "X X Y 42 3 STREAM")
      assert.deepStrictEqual(calls(entries).sort(), [
        "think/model[0]",
        "think/model[0]",
        "think/model[0]",
        "think/model[0]",
        "think/model[0]",
        "think/model[1]"
      ])
    })
  )

  it.effect("fails with what the model failed with", () =>
    Effect.gen(function* () {
      const busy = Layer.succeed(ModelsTag, {
        driver: (model) => new ModelError({ reason: "Unknown", model, detail: "nobody" })
      })
      const pipeline = asking(() =>
        Effect.map(LanguageModel.generateText({ prompt: "x" }), ({ text }) => text).pipe(
          Effect.catchTag("UnknownError", ({ cause }) =>
            Effect.succeed(cause instanceof ModelError ? cause.reason : "another")
          )
        )
      )
      const { value } = yield* World.start(pipeline, "rain").pipe(
        Effect.provide(LanguageModels.layer({ model: "test:m" }).pipe(Layer.provide(busy))),
        Effect.provide(World.make().boot())
      )
      assert.strictEqual(value, "Unknown")
    })
  )

  it("is needed by the type of a step, and given by the layer", () => {
    const needs: Effect.Effect<string, AiError.AiError, LanguageModel.LanguageModel> = Effect.map(
      LanguageModel.generateText({ prompt: "x" }),
      ({ text }) => text
    )
    const given: Effect.Effect<string, AiError.AiError, ModelsTag> = Effect.provide(
      needs,
      LanguageModels.layer({ model: "test:m" })
    )
    const own: Layer.Layer<ModelsTag> = ModelDriver.fromLanguageModel(mine(() => Effect.succeed([])))
    assert.isTrue(Effect.isEffect(given) && Layer.isLayer(own))
  })
})
