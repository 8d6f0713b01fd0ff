import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type ModelAsk, repeating } from "../../src/domain/Model.js"
import { isReasoningModel } from "../../src/llm/internal/Responses.js"
import { call, key } from "./reach.js"
import * as TinyServer from "./TinyServer.js"

const response = (output: ReadonlyArray<unknown>, more: Record<string, unknown> = {}) =>
  TinyServer.json(200, {
    id: "resp_1",
    object: "response",
    status: "completed",
    error: null,
    incomplete_details: null,
    model: "served-model",
    output,
    usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15 },
    ...more
  })
const said = (text: string) => ({ type: "message", role: "assistant", content: [{ type: "output_text", text }] })
const whole = response([said("Hello")])
const asked = (url: string, more: Partial<ModelAsk> = {}, model = "o3") =>
  call(url, `openai:${model}`, more, {}, { api: "responses" })

const thought = {
  type: "reasoning",
  id: "rs_1",
  summary: [{ type: "summary_text", text: "hm" }],
  encrypted_content: "x"
}

it("the models that it is chosen for are OpenAI's that think", () => {
  for (const model of ["o1", "o3-mini", "o4-mini", "gpt-5", "gpt-5-mini", "gpt-5.1", "codex-mini-latest"]) {
    assert.isTrue(isReasoningModel(model), model)
  }
  for (const model of ["gpt-4o", "gpt-4.1", "gpt-5-chat-latest", "gpt-5.1-chat-latest", "omni", "llama3"]) {
    assert.isFalse(isReasoningModel(model), model)
  }
})

it.scopedLive("at an address that is not OpenAI's, models that think are asked by chat completions", () =>
  Effect.gen(function* () {
    const server = yield* TinyServer.make(TinyServer.json(200, TinyServer.completion()))
    yield* call(server.url, "openai:o3")
    assert.strictEqual(server.requests[0]!.path, "/v1/chat/completions")
  })
)

describe("what is sent", () => {
  it.scopedLive("a whole request, of which OpenAI keeps nothing", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(whole)
      const schema = {
        type: "object",
        properties: { a: { type: "string" } },
        required: ["a"],
        additionalProperties: false
      }
      yield* asked(server.url, {
        messages: [
          { role: "system", content: "Be brief." },
          {
            role: "user",
            content: [
              { _tag: "Text", text: "Hi" },
              { _tag: "Image", mediaType: "image/png", data: "AAAA" },
              { _tag: "ImageUrl", url: "https://example.com/a.jpg" }
            ]
          }
        ],
        output: { _tag: "Object", name: "Facts", schema },
        tools: [{ name: "news", description: "News.", jsonSchema: { type: "object" } }],
        toolChoice: "auto",
        settings: {
          maxTokens: 50,
          temperature: 1,
          topP: 0.5,
          reasoning: { effort: "low", summary: "auto" },
          verbosity: "low"
        }
      })
      const [request] = server.requests
      assert.strictEqual(request!.path, "/v1/responses")
      assert.strictEqual(request!.headers.authorization, `Bearer ${key}`)
      assert.strictEqual(request!.headers["idempotency-key"], "key-1")
      assert.deepStrictEqual(request!.body, {
        model: "o3",
        input: [
          { role: "system", content: "Be brief." },
          {
            role: "user",
            content: [
              { type: "input_text", text: "Hi" },
              { type: "input_image", image_url: "data:image/png;base64,AAAA", detail: "auto" },
              { type: "input_image", image_url: "https://example.com/a.jpg", detail: "auto" }
            ]
          }
        ],
        store: false,
        include: ["reasoning.encrypted_content"],
        reasoning: { effort: "low", summary: "auto" },
        text: { format: { type: "json_schema", name: "Facts", schema, strict: true }, verbosity: "low" },
        tools: [
          { type: "function", name: "news", description: "News.", parameters: { type: "object" }, strict: false }
        ],
        tool_choice: "auto",
        max_output_tokens: 50,
        temperature: 1,
        top_p: 0.5
      })
    })
  )

  it.scopedLive("a model that does not think is not asked for its thoughts", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(whole)
      yield* asked(server.url, {}, "gpt-4o")
      assert.deepStrictEqual(server.requests[0]!.body, {
        model: "gpt-4o",
        input: [{ role: "user", content: "Hi" }],
        store: false
      })
    })
  )

  it.scopedLive("thoughts go back as they came, before the calls that they led to; those of others do not", () =>
    Effect.gen(function* () {
      const call = { type: "function_call", call_id: "c1", name: "weather", arguments: "{}" }
      const server = yield* TinyServer.make(response([thought, said("Wait."), call]), whole)
      const reply = yield* asked(server.url)
      yield* asked(server.url, {
        messages: [
          { role: "user", content: "Weather?" },
          {
            role: "assistant",
            content: "",
            parts: [{ _tag: "Reasoning", text: "", protocol: "messages", raw: { ...thought, id: "other" } }]
          },
          repeating(reply),
          { role: "tool", callId: "c1", name: "weather", content: "rain" }
        ]
      })
      assert.deepStrictEqual(server.requests[1]!.body.input, [
        { role: "user", content: "Weather?" },
        thought,
        { role: "assistant", content: "Wait." },
        call,
        { type: "function_call_output", call_id: "c1", output: "rain" }
      ])
    })
  )

  it.scopedLive("what this protocol has no words for is refused, not dropped", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(whole)
      for (const settings of [{ seed: 1 }, { stop: ["x"] }, { reasoning: { tokensMax: 5 } }]) {
        const error = yield* Effect.flip(asked(server.url, { settings }))
        assert.strictEqual(error.reason, "BadRequest")
        assert.match(error.message, /cannot be asked for/)
      }
      assert.strictEqual(server.requests.length, 0)
    })
  )
})

describe("what comes back", () => {
  it.scopedLive("a count that is there in part is not taken for the whole", () =>
    Effect.gen(function* () {
      for (const usage of [{}, { output_tokens: 3 }, { input_tokens: 3, output_tokens: null }]) {
        const server = yield* TinyServer.make(response([said("one two three")], { usage }))
        const counted = (yield* asked(server.url)).usage
        assert.isAtLeast(counted.input, 10, JSON.stringify(usage))
        assert.isAtLeast(counted.output, 13, JSON.stringify(usage))
      }
    })
  )

  it.scopedLive("text, thoughts, calls and tokens that are counted once", () =>
    Effect.gen(function* () {
      const usage = {
        input_tokens: 100,
        output_tokens: 60,
        input_tokens_details: { cached_tokens: 80 },
        output_tokens_details: { reasoning_tokens: 50 }
      }
      const server = yield* TinyServer.make(
        response(
          [thought, said("Hel"), said("lo"), { type: "function_call", id: "f1", name: "news", arguments: "{" }],
          {
            usage
          }
        )
      )
      const { type: _, ...raw } = thought
      assert.deepStrictEqual(yield* asked(server.url), {
        text: "Hello",
        parts: [
          { _tag: "Reasoning", text: "hm", protocol: "responses", raw },
          { _tag: "Text", text: "Hel" },
          { _tag: "Text", text: "lo" },
          { _tag: "ToolCall", id: "f1", name: "news", arguments: "{" }
        ],
        finish: "tool-calls",
        usage: { input: 20, cachedInput: 80, output: 10, reasoning: 50 },
        model: "served-model"
      })
    })
  )

  const incomplete = (reason: string) => ({ status: "incomplete", incomplete_details: { reason } })
  const finishes: ReadonlyArray<readonly [TinyServer.Handler, string]> = [
    [whole, "stop"],
    [response([said("x")], incomplete("max_output_tokens")), "length"],
    [response([said("x")], incomplete("content_filter")), "content-filter"],
    [response([said("x")], incomplete("something new")), "other"],
    [response([{ type: "message", content: [{ type: "refusal", refusal: "I cannot." }] }]), "content-filter"]
  ]
  it.scopedLive("every reason to finish has its place", () =>
    Effect.gen(function* () {
      for (const [handler, finish] of finishes) {
        const server = yield* TinyServer.make(handler)
        assert.strictEqual((yield* asked(server.url)).finish, finish)
      }
    })
  )

  const bad: ReadonlyArray<readonly [name: string, handler: TinyServer.Handler, reason: string]> = [
    ["no status", response([said("x")], { status: undefined }), "Cut"],
    ["a reply in progress", response([said("x")], { status: "in_progress" }), "Cut"],
    ["incomplete without a reason", response([said("x")], { status: "incomplete" }), "Cut"],
    ["a completion of the other protocol", TinyServer.json(200, TinyServer.completion()), "BadReply"],
    [
      "more reasoning than output",
      response([said("x")], { usage: { output_tokens: 1, output_tokens_details: { reasoning_tokens: 2 } } }),
      "BadReply"
    ],
    ["negative usage", response([said("x")], { usage: { input_tokens: -1 } }), "BadReply"],
    [
      "a failed response",
      response([], { status: "failed", error: { code: "invalid_prompt", message: "no" } }),
      "Refused"
    ]
  ]
  for (const [name, handler, reason] of bad) {
    it.scopedLive(`${name} is ${reason}`, () =>
      Effect.gen(function* () {
        const server = yield* TinyServer.make(handler)
        assert.strictEqual((yield* Effect.flip(asked(server.url))).reason, reason)
        assert.strictEqual(server.requests.length, 1)
      })
    )
  }
})
