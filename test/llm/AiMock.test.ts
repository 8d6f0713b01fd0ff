/** Against a server written by others (@copilotkit/aimock), so that we do not only agree with ourselves. */
import { LLMock } from "@copilotkit/aimock"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { type ModelAsk, Models } from "../../src/domain/Model.js"
import * as Llm from "../../src/llm/Models.js"

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
