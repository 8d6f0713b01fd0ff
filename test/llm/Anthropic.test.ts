import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Json } from "../../src/domain/Json.js"
import { type ModelAsk, repeating } from "../../src/domain/Model.js"
import { call, key } from "./reach.js"
import * as TinyServer from "./TinyServer.js"

const message = (content: ReadonlyArray<unknown>, more: Record<string, unknown> = {}) =>
  TinyServer.json(200, {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "served-model",
    content,
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 5 },
    ...more
  })
const text = (text: string): Json => ({ type: "text", text })
const whole = message([text("Hello")])
const asked = (url: string, more: Partial<ModelAsk> = {}) => call(url, "anthropic:claude", more)
const schema = { type: "object", properties: { a: { type: "string" } } } as const
const output: ModelAsk["output"] = { _tag: "Object", name: "My Facts!", schema }
const tools: ModelAsk["tools"] = [{ name: "news", description: "News.", jsonSchema: { type: "object" } }]

describe("what is sent", () => {
  it.scopedLive("a whole request: system apart, a limit always, pictures, tools and settings", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(whole)
      yield* asked(server.url, {
        messages: [
          { role: "system", content: "Be brief." },
          { role: "system", content: "Be kind." },
          {
            role: "user",
            content: [
              { _tag: "Text", text: "Hi\ud800" },
              { _tag: "Image", mediaType: "image/png", data: "AAAA" },
              { _tag: "ImageUrl", url: "https://example.com/a.jpg" }
            ]
          }
        ],
        tools,
        toolChoice: "required",
        settings: { temperature: 0, topP: 0.5, stop: ["END"] }
      })
      const [request] = server.requests
      assert.strictEqual(request!.path, "/v1/messages")
      assert.strictEqual(request!.headers["x-api-key"], key)
      assert.isUndefined(request!.headers.authorization)
      assert.strictEqual(request!.headers["anthropic-version"], "2023-06-01")
      assert.strictEqual(request!.headers["idempotency-key"], "key-1")
      assert.deepStrictEqual(request!.body, {
        model: "claude",
        max_tokens: 4096,
        system: "Be brief.\n\nBe kind.",
        messages: [
          {
            role: "user",
            content: [
              text("Hi\ufffd"),
              { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } },
              { type: "image", source: { type: "url", url: "https://example.com/a.jpg" } }
            ]
          }
        ],
        tools: [{ name: "news", description: "News.", input_schema: { type: "object" } }],
        tool_choice: { type: "any" },
        temperature: 0,
        top_p: 0.5,
        stop_sequences: ["END"]
      })
    })
  )

  it.scopedLive("an address with the version at its end is the same address", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(whole)
      for (const end of ["", "/", "/v1", "/v1/"]) yield* call(`${server.url}${end}`, "anthropic:claude")
      for (const { path } of server.requests) assert.strictEqual(path, "/v1/messages")
    })
  )

  it.scopedLive("a conversation with thoughts, calls and results, in turns", () =>
    Effect.gen(function* () {
      const thinking = { type: "thinking", thinking: "hm", signature: "s" }
      const hidden = { type: "redacted_thinking", data: "d" }
      const use = (id: string, input: Json) => ({ type: "tool_use", id, name: "news", input })
      const server = yield* TinyServer.make(
        message([thinking, hidden, text("Wait."), use("c1", { a: 1 }), use("c2", {})], { stop_reason: "tool_use" }),
        whole
      )
      const reply = yield* asked(server.url, { tools })
      yield* asked(server.url, {
        messages: [
          { role: "user", content: "News?" },
          repeating(reply),
          { role: "tool", callId: "c1", name: "news", content: "none" },
          { role: "tool", callId: "c2", name: "news", content: "broke", failed: true },
          { role: "assistant", content: "" },
          { role: "user", content: "And now?" }
        ]
      })
      assert.deepStrictEqual(server.requests[1]!.body.messages, [
        { role: "user", content: [text("News?")] },
        { role: "assistant", content: [thinking, hidden, text("Wait."), use("c1", { a: 1 }), use("c2", {})] },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "c1", content: "none" },
            { type: "tool_result", tool_use_id: "c2", content: "broke", is_error: true },
            text("And now?")
          ]
        }
      ])
    })
  )

  it.scopedLive("arguments that were no object go back in an object, as the API takes nothing else", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(whole)
      const part = (written: string) => ({ _tag: "ToolCall", id: "c", name: "news", arguments: written }) as const
      yield* asked(server.url, {
        messages: [{ role: "assistant", content: "", parts: [part('{"a":1}'), part("[1]"), part('{"a'), part("")] }]
      })
      const [turn] = server.requests[0]!.body.messages as ReadonlyArray<{ content: ReadonlyArray<{ input: unknown }> }>
      assert.deepStrictEqual(
        turn!.content.map(({ input }) => input),
        [{ a: 1 }, { arguments: "[1]" }, { arguments: '{"a' }, {}]
      )
    })
  )

  it.scopedLive(
    "a wanted object is a tool that must be called, may be where others are too, and is offered to a thinker",
    () =>
      Effect.gen(function* () {
        const server = yield* TinyServer.make(whole)
        const thinking = { reasoning: { tokensMax: 1024 } }
        yield* asked(server.url, { output })
        yield* asked(server.url, { output, tools })
        yield* asked(server.url, { output, settings: thinking })
        yield* asked(server.url, { tools, toolChoice: "none" })
        assert.deepStrictEqual(
          server.requests.map(({ body }) => body.tool_choice),
          [{ type: "tool", name: "My_Facts_" }, { type: "any" }, { type: "auto" }, { type: "none" }]
        )
        assert.deepStrictEqual(server.requests[0]!.body.tools, [
          { name: "My_Facts_", description: "Gives the answer.", input_schema: schema }
        ])
      })
  )

  it.scopedLive("thinking takes its share of the limit, or the tokens that are said", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(whole)
      const settings = (reasoning: ModelAsk["settings"]["reasoning"], maxTokens = 10_000) => ({
        settings: { reasoning, maxTokens }
      })
      yield* asked(server.url, settings({ effort: "medium" }))
      yield* asked(server.url, settings({ tokensMax: 2000 }))
      yield* asked(server.url, settings({ effort: "none" }))
      assert.deepStrictEqual(
        server.requests.map(({ body }) => body.thinking),
        [{ type: "enabled", budget_tokens: 5000 }, { type: "enabled", budget_tokens: 2000 }, undefined]
      )
      for (const wrong of [
        settings({ effort: "low" }, 1024),
        settings({ tokensMax: 500 }),
        settings({ tokensMax: 10_000 }),
        settings({ summary: "auto" }),
        { settings: { seed: 1 } },
        { settings: { verbosity: "low" as const } }
      ]) {
        assert.strictEqual((yield* Effect.flip(asked(server.url, wrong))).reason, "BadRequest")
      }
      assert.strictEqual(server.requests.length, 3)
    })
  )
})

describe("what comes back", () => {
  it.scopedLive("a count that is there in part is not taken for the whole", () =>
    Effect.gen(function* () {
      for (const usage of [{}, { output_tokens: 3 }, { input_tokens: 3, output_tokens: null }]) {
        const server = yield* TinyServer.make(message([text("one two three")], { usage }))
        const counted = (yield* asked(server.url)).usage
        assert.isAtLeast(counted.input, 10, JSON.stringify(usage))
        assert.isAtLeast(counted.output, 13, JSON.stringify(usage))
      }
    })
  )

  it.scopedLive("tokens in four places, none in two", () =>
    Effect.gen(function* () {
      const usage = {
        input_tokens: 10,
        output_tokens: 5,
        cache_creation_input_tokens: 30,
        cache_read_input_tokens: 20
      }
      const server = yield* TinyServer.make(message([text("Hel"), text("lo")], { usage }))
      assert.deepStrictEqual(yield* asked(server.url), {
        text: "Hello",
        finish: "stop",
        usage: { input: 10, cachedInput: 20, cacheWrite: 30, output: 5, reasoning: 0 },
        model: "served-model"
      })
    })
  )

  it.scopedLive("a wanted object is text again, and calls beside it wait", () =>
    Effect.gen(function* () {
      const answer = { type: "tool_use", id: "a", name: "My_Facts_", input: { a: "b" } }
      const other = { type: "tool_use", id: "b", name: "news", input: {} }
      const server = yield* TinyServer.make(
        message([answer], { stop_reason: "tool_use" }),
        message([answer, other], { stop_reason: "tool_use" })
      )
      const reply = yield* asked(server.url, { output })
      assert.deepStrictEqual([reply.text, reply.finish, reply.parts], ['{"a":"b"}', "stop", undefined])
      const both = yield* asked(server.url, { output, tools })
      assert.strictEqual(both.finish, "tool-calls")
      assert.deepStrictEqual(both.parts?.at(-1), { _tag: "ToolCall", id: "b", name: "news", arguments: "{}" })
    })
  )

  it.scopedLive("every reason to stop has its place", () =>
    Effect.gen(function* () {
      for (const [stop, finish] of [
        ["end_turn", "stop"],
        ["stop_sequence", "stop"],
        ["max_tokens", "length"],
        ["refusal", "content-filter"],
        ["pause_turn", "other"]
      ]) {
        const server = yield* TinyServer.make(message([text("x")], { stop_reason: stop }))
        assert.strictEqual((yield* asked(server.url)).finish, finish)
      }
    })
  )

  const error = (status: number, type: string, message: string, headers = {}) =>
    TinyServer.json(status, { type: "error", error: { type, message } }, headers)
  const bad: ReadonlyArray<
    readonly [name: string, handler: TinyServer.Handler, reason: string, detail: RegExp, requests: number]
  > = [
    ["no reason to stop", message([text("x")], { stop_reason: null }), "Cut", /billed/, 1],
    [
      "a completion of another protocol",
      TinyServer.json(200, TinyServer.completion()),
      "BadReply",
      /Messages API \(at \/content\)/,
      1
    ],
    ["negative usage", message([], { usage: { input_tokens: -1 } }), "BadReply", /at \/usage\/input_tokens/, 1],
    ["HTML", TinyServer.raw(200, "<html>"), "BadReply", /is not JSON/, 1],
    [
      "a refused key",
      error(401, "authentication_error", `bad ${key}`),
      "Auth",
      /check ANTHROPIC_API_KEY: bad \[redacted\]/,
      1
    ],
    [
      "no credit",
      error(400, "invalid_request_error", "Your credit balance is too low"),
      "Auth",
      /ANTHROPIC_API_KEY/,
      1
    ],
    ["no such model", error(404, "not_found_error", "model: claude"), "Unknown", /no such model/, 1],
    ["a prompt too long", error(400, "invalid_request_error", "prompt is too long: 9 > 8"), "TooLong", /context/, 1],
    ["a request too large", error(413, "request_too_large", "x"), "TooLong", /too large/, 1],
    ["a bad request", error(400, "invalid_request_error", "no"), "BadRequest", /400: no/, 1],
    ["too many requests", error(429, "rate_limit_error", "slow"), "RateLimited", /too many/, 5],
    ["overloaded", error(529, "overloaded_error", "Overloaded"), "Overloaded", /529/, 5],
    ["an error of its own", error(500, "api_error", "x"), "Overloaded", /500/, 5]
  ]
  for (const [name, handler, reason, detail, requests] of bad) {
    it.scopedLive(`${name} is ${reason}`, () =>
      Effect.gen(function* () {
        const server = yield* TinyServer.make(handler)
        const error = yield* Effect.flip(asked(server.url))
        assert.deepStrictEqual([error.reason, error.model], [reason, "anthropic:claude"])
        assert.match(error.message, detail)
        assert.strictEqual(server.requests.length, requests)
      })
    )
  }
})
