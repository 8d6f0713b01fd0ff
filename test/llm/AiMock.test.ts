/** Against a server written by others (@copilotkit/aimock), so that we do not only agree with ourselves. */
import { LLMock } from "@copilotkit/aimock"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { type ModelAsk, type ModelReply, Models, repeating } from "../../src/domain/Model.js"
import * as Llm from "../../src/llm/Models.js"
import { runs } from "../Long.js"
import * as reach from "./reach.js"

const mock = Effect.acquireRelease(
  Effect.promise(() => LLMock.create({ port: 0, host: "127.0.0.1", logLevel: "silent" })),
  (mock) => Effect.promise(() => mock.stop())
)

const call = (mock: LLMock, content: string, more: Partial<ModelAsk> = {}, name = "openai:gpt-4o-mini") =>
  Effect.gen(function* () {
    const { driver, model } = yield* Effect.flatMap(Models, (models) => models.driver(name, { path: "a", agent: "b" }))
    const ask: ModelAsk = {
      model,
      messages: [{ role: "user", content }],
      output: { _tag: "Text" },
      settings: {},
      ...more
    }
    return yield* driver.call(ask, { idempotencyKey: "k" })
  }).pipe(
    Effect.provide(
      Layer.provide(
        Llm.layer({
          access: {
            openai: { apiKey: Redacted.make("sk-mock-key-1234567890"), baseUrl: `${mock.url}/v1` },
            ollama: { baseUrl: `${mock.url}/v1` }
          },
          http: { retryBase: 1 }
        }),
        NodeContext.layer
      )
    )
  )

it.scopedLive("a completion comes back with its text, its end and its tokens", () =>
  Effect.gen(function* () {
    const server = yield* mock
    server.onMessage("hello", {
      content: "Hi there!",
      usage: { prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 }
    })
    const reply = yield* call(server, "hello")
    assert.deepStrictEqual(reply, {
      text: "Hi there!",
      finish: "stop",
      usage: { input: 12, cachedInput: 0, output: 3, reasoning: 0 },
      model: "gpt-4o-mini"
    })
    assert.strictEqual((yield* call(server, "hello", {}, "ollama:llama3.2")).model, "llama3.2")
  })
)

it.scopedLive("a wanted object is asked for in the way that such servers know", () =>
  Effect.gen(function* () {
    const server = yield* mock
    server.on({ userMessage: "facts", responseFormat: "json_schema" }, { content: '{"title":"T"}' })
    const schema = {
      type: "object",
      properties: { title: { type: "string" } },
      required: ["title"],
      additionalProperties: false
    }
    const reply = yield* call(server, "facts", { output: { _tag: "Object", name: "Facts", schema } })
    assert.deepStrictEqual(JSON.parse(reply.text), { title: "T" })
    const sent = server.getLastRequest()!.body as unknown as { readonly response_format: unknown }
    assert.deepStrictEqual(sent.response_format, {
      type: "json_schema",
      json_schema: { name: "Facts", schema, strict: true }
    })
  })
)

it.scopedLive("a reply that was cut at its length says so", () =>
  Effect.gen(function* () {
    const server = yield* mock
    server.onMessage("long", { content: "and so", finishReason: "length" })
    assert.strictEqual((yield* call(server, "long", { settings: { maxTokens: 2 } })).finish, "length")
  })
)

it.scopedLive("its errors are understood: a busy moment passes, a refused key and a missing model do not", () =>
  Effect.gen(function* () {
    const server = yield* mock
    server.onMessage("hello", { content: "Hi" })
    server.nextRequestError(503, { message: "overloaded" })
    assert.strictEqual((yield* call(server, "hello")).text, "Hi")
    server.nextRequestError(401, { message: "bad key", code: "invalid_api_key" })
    assert.strictEqual((yield* Effect.flip(call(server, "hello"))).reason, "Auth")
    server.nextRequestError(400, { message: "too long", code: "context_length_exceeded" })
    assert.strictEqual((yield* Effect.flip(call(server, "hello"))).reason, "TooLong")
    assert.strictEqual((yield* Effect.flip(call(server, "nothing is known of this"))).reason, "Unknown")
  })
)

it.scopedLive("garbage in place of JSON and a connection that drops are told from a reply", () =>
  Effect.gen(function* () {
    const server = yield* mock
    server.onMessage("hello", { content: "Hi" })
    server.setChaos({ malformedRate: 1 })
    assert.include(["BadReply", "Cut"], (yield* Effect.flip(call(server, "hello"))).reason)
    server.clearChaos()
    server.setChaos({ disconnectRate: 1 })
    assert.include(["Network", "Cut"], (yield* Effect.flip(call(server, "hello"))).reason)
    server.clearChaos()
    assert.strictEqual((yield* call(server, "hello")).text, "Hi")
  })
)

/** Every protocol and every address that aimock knows. */
const ways: ReadonlyArray<readonly [name: string, more?: Llm.Access]> = [
  ["openai:gpt-4o"],
  ["openai:o3", { api: "responses" }],
  ["anthropic:claude-sonnet-4-5"],
  ["azure:gpt-4o"],
  ["azure:gpt-4o", { apiVersion: "2024-10-21" }],
  ["google:gemini-2.5-flash"],
  ["openrouter:openai/gpt-4o"],
  ["vllm:qwen"]
]
const tools: ModelAsk["tools"] = [
  {
    name: "weather",
    description: "The weather.",
    jsonSchema: { type: "object", properties: { city: { type: "string" } } }
  }
]

for (const [name, more = {}] of ways) {
  const which = `${name} ${JSON.stringify(more)}`
  it.scopedLive(`${which}: a tool is called, answered, and the answer is used; whole and streamed`, () =>
    Effect.gen(function* () {
      const server = yield* mock
      server.onToolResult("call_w", { content: "It rains in Oslo." })
      server.onMessage("weather", { toolCalls: [{ id: "call_w", name: "weather", arguments: '{"city":"Oslo"}' }] })
      const question = { role: "user", content: "weather?" } as const
      const check = (first: ModelReply) => {
        assert.strictEqual(first.finish, "tool-calls")
        const calls = (first.parts ?? []).filter((part) => part._tag === "ToolCall")
        assert.strictEqual(calls.length, 1)
        assert.deepStrictEqual(JSON.parse(calls[0]!.arguments), { city: "Oslo" })
        assert.deepStrictEqual([calls[0]!.id, calls[0]!.name], ["call_w", "weather"])
      }
      const followUp = (first: ModelReply): Partial<ModelAsk> => ({
        messages: [question, repeating(first), { role: "tool", callId: "call_w", name: "weather", content: "rain" }],
        tools
      })
      const first = yield* reach.call(server.url, name, { messages: [question], tools }, {}, more)
      check(first)
      const second = yield* reach.call(server.url, name, followUp(first), {}, more)
      assert.deepStrictEqual([second.text, second.finish], ["It rains in Oslo.", "stop"])
      const streamed = (asked: Partial<ModelAsk>) =>
        Effect.map(Stream.runCollect(reach.stream(server.url, name, asked, {}, more)), (chunks) => reach.told(chunks))
      const third = yield* streamed({ messages: [question], tools })
      check(third.reply!)
      assert.deepStrictEqual(JSON.parse(third.calls), { city: "Oslo" })
      const fourth = yield* streamed(followUp(third.reply!))
      assert.deepStrictEqual([fourth.text, fourth.reply?.text, fourth.replies], [second.text, second.text, 1])
    })
  )

  it.scopedLive(`${which}: its errors have the types that they should, and a cut stream is none of its replies`, () =>
    Effect.gen(function* () {
      const server = yield* mock
      server.onMessage(
        "hello",
        { content: "Hello to you, whoever you are, and a good day." },
        { chunkSize: 4, latency: 20, truncateAfterChunks: 4 }
      )
      const asked = { messages: [{ role: "user", content: "hello" }] } as const
      const once = { http: { ...reach.quick, retries: 0 } }
      for (const [status, reason] of [
        [401, "Auth"],
        [404, "Unknown"],
        [429, "RateLimited"],
        [500, "Overloaded"],
        [503, "Overloaded"]
      ] as const) {
        server.nextRequestError(status, { message: "no" })
        assert.strictEqual((yield* Effect.flip(reach.call(server.url, name, asked, once, more))).reason, reason)
        server.nextRequestError(status, { message: "no" })
        assert.strictEqual(
          (yield* Effect.flip(Stream.runDrain(reach.stream(server.url, name, asked, once, more)))).reason,
          reason
        )
      }
      const error = yield* Effect.flip(Stream.runDrain(reach.stream(server.url, name, asked, once, more)))
      assert.strictEqual(error.reason, "Cut")
    })
  )
}

/** A number from 0 up to 1, the same ones for the same seed (mulberry32). */
const randomFrom = (seed: number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const answer = "The answer is forty-two, as everybody knows."
const faults = ["rate", "broken", "malformed", "disconnect", "truncated"] as const
const passing = ["RateLimited", "Overloaded", "Network", "TimedOut", "Cut", "BadReply"]

for (const [name, more = {}] of ways.slice(0, 3)) {
  const count = runs(30, 500)
  const seed = Number(process.env.FLUJO_SEED ?? 20_251)
  it.scopedLive(
    `${name}: of ${count} runs with a fault in 30 of 100 requests (seed ${seed}) at least 99.5% end well within 8 requests`,
    () =>
      Effect.gen(function* () {
        const server = yield* mock
        const random = randomFrom(seed)
        const drawn = new WeakMap<object, (typeof faults)[number] | "none">()
        const draws = (fault: (typeof faults)[number] | "none") => (request: object) => {
          const known = drawn.get(request) ?? faults[Math.floor((random() / 0.3) * faults.length)] ?? "none"
          drawn.set(request, known)
          return known === fault
        }
        server.on({ userMessage: "bad" }, { error: { message: "malformed" }, status: 400 })
        server.on({ userMessage: "unknown" }, { error: { message: "who are you" }, status: 401 })
        server.on({ predicate: draws("rate") }, { error: { message: "slow down" }, status: 429, retryAfter: 0 })
        server.on({ predicate: draws("broken") }, { error: { message: "oh" }, status: 500 })
        server.on({ predicate: draws("malformed") }, { content: answer }, { chaos: { malformedRate: 1 } })
        server.on({ predicate: draws("disconnect") }, { content: answer }, { chaos: { disconnectRate: 1 } })
        server.on(
          { predicate: draws("truncated") },
          { content: answer },
          { chunkSize: 8, latency: 5, truncateAfterChunks: 3 }
        )
        server.on({ predicate: draws("none") }, { content: answer }, { chunkSize: 8 })

        const { driver, model } = yield* reach.driver(
          server.url,
          name,
          { http: { ...reach.quick, retries: 7, breaker: false } },
          more
        )
        const run = (index: number, content: string) => {
          const asked: ModelAsk = { ...reach.ask, model, messages: [{ role: "user", content: `${content} ${index}.` }] }
          const info = { idempotencyKey: `${content}-${index}` }
          const reply =
            index % 2 === 0
              ? driver.call(asked, info)
              : Effect.map(Stream.runCollect(driver.stream!(asked, info)), (chunks) => reach.told(chunks).reply!)
          return Effect.either(
            // What may have been billed is not asked again by the driver: whoever pays says so.
            Effect.retry(reply, { times: 7, while: ({ reason }) => reason === "Cut" || reason === "BadReply" })
          )
        }
        const outcomes = yield* Effect.forEach(
          Array.from({ length: count }, (_, i) => i),
          (i) => run(i, "question"),
          {
            concurrency: 8
          }
        )
        const requestsOf = (content: string) =>
          server.getRequests().filter(({ body }) => JSON.stringify(body).includes(`${content}.`)).length
        let well = 0
        for (const [index, outcome] of outcomes.entries()) {
          if (outcome._tag === "Left") assert.include(passing, outcome.left.reason)
          else {
            assert.strictEqual(outcome.right.text, answer)
            if (requestsOf(`question ${index}`) <= 8) well += 1
          }
        }
        assert.isAtLeast(well / count, 0.995)
        assert.isAbove(server.getRequests().length, count)

        for (const [content, reason] of [
          ["bad", "BadRequest"],
          ["unknown", "Auth"]
        ] as const) {
          for (let i = 0; i < 6; i++) {
            const outcome = yield* run(i, content)
            assert.strictEqual(outcome._tag === "Left" ? outcome.left.reason : "none", reason)
            assert.strictEqual(requestsOf(`${content} ${i}`), 1)
          }
        }
      }),
    300_000
  )
}
