/** What chat completions say beyond text: tools, pictures, thoughts, and the dialects of servers. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Json, JsonObject } from "../../src/domain/Json.js"
import { type ModelAsk, repeating } from "../../src/domain/Model.js"
import { access, call, key } from "./reach.js"
import * as TinyServer from "./TinyServer.js"

const closed = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false
} as const
const open = { type: "object", properties: { city: { type: "string", minLength: 1 } } } as const
const tools: ModelAsk["tools"] = [
  { name: "weather", description: "The weather of a city.", jsonSchema: closed },
  { name: "news", description: "News.", jsonSchema: open }
]
const whole = TinyServer.json(200, TinyServer.completion())
const message = (message: unknown, more: Record<string, unknown> = {}) =>
  TinyServer.json(
    200,
    TinyServer.completion("", { choices: [{ index: 0, finish_reason: "tool_calls", message }], ...more })
  )
const toolCall = (id: string | undefined, name: string, given: Json): JsonObject => ({
  ...(id === undefined ? {} : { id }),
  type: "function",
  function: { name, arguments: given }
})

describe("what is sent", () => {
  it.scopedLive("tools with their schemas, strict at OpenAI where they qualify, and the choice", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(whole)
      yield* call(server.url, "openai:m", { tools, toolChoice: "required" })
      yield* call(server.url, "compatible:m", { tools })
      yield* call(server.url, "openai:m", { tools: [], toolChoice: "required" })
      const described = (strict: object) => [
        {
          type: "function",
          function: { name: "weather", description: "The weather of a city.", parameters: closed, ...strict }
        },
        { type: "function", function: { name: "news", description: "News.", parameters: open } }
      ]
      const [openai, compatible, none] = server.requests
      assert.deepStrictEqual(openai!.body.tools, described({ strict: true }))
      assert.strictEqual(openai!.body.tool_choice, "required")
      assert.deepStrictEqual(compatible!.body.tools, described({}))
      assert.isFalse("tool_choice" in compatible!.body)
      assert.isFalse("tools" in none!.body || "tool_choice" in none!.body)
    })
  )

  it.scopedLive("a conversation with calls and their results, as it was", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(
        message({ content: null, tool_calls: [toolCall("c1", "weather", '{"city":"Oslo"}')] }),
        whole
      )
      const asked = { role: "user", content: "Weather?" } as const
      const reply = yield* call(server.url, "openai:m", { messages: [asked], tools })
      yield* call(server.url, "openai:m", {
        messages: [
          asked,
          repeating(reply),
          { role: "tool", callId: "c1", name: "weather", content: "rain" },
          { role: "assistant", content: "It rains.", parts: [{ _tag: "Text", text: "It rains." }] }
        ]
      })
      assert.deepStrictEqual(server.requests[1]!.body.messages, [
        { role: "user", content: "Weather?" },
        { role: "assistant", content: null, tool_calls: [toolCall("c1", "weather", '{"city":"Oslo"}')] },
        { role: "tool", tool_call_id: "c1", content: "rain" },
        { role: "assistant", content: "It rains." }
      ])
    })
  )

  it.scopedLive("pictures, as they are or as an address", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(whole)
      yield* call(server.url, "openai:m", {
        messages: [
          {
            role: "user",
            content: [
              { _tag: "Text", text: "What is this?" },
              { _tag: "Image", mediaType: "image/png", data: "AAAA" },
              { _tag: "ImageUrl", url: "https://example.com/a.jpg" }
            ]
          }
        ]
      })
      assert.deepStrictEqual(server.requests[0]!.body.messages, [
        {
          role: "user",
          content: [
            { type: "text", text: "What is this?" },
            { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
            { type: "image_url", image_url: { url: "https://example.com/a.jpg" } }
          ]
        }
      ])
    })
  )

  it.scopedLive("stop, reasoning and verbosity, each in the words of the provider", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(whole)
      const settings = { stop: ["END"], reasoning: { effort: "low" }, verbosity: "high" } as const
      yield* call(server.url, "openai:m", { settings })
      yield* call(server.url, "openrouter:m", { settings: { reasoning: { effort: "low", tokensMax: 100 } } })
      const { reasoning_effort, stop, verbosity } = server.requests[0]!.body
      assert.deepStrictEqual(
        { reasoning_effort, stop, verbosity },
        { reasoning_effort: "low", stop: ["END"], verbosity: "high" }
      )
      assert.deepStrictEqual(server.requests[1]!.body.reasoning, { effort: "low", max_tokens: 100 })
    })
  )

  it.scopedLive("a setting that the protocol has no words for is refused, not dropped", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(whole)
      for (const [reasoning, what] of [
        [{ tokensMax: 10 }, /openai: cannot be asked for a limit of tokens for reasoning/],
        [{ summary: "auto" }, /openai: cannot be asked for a summary/]
      ] as const) {
        const error = yield* Effect.flip(call(server.url, "openai:m", { settings: { reasoning } }))
        assert.strictEqual(error.reason, "BadRequest")
        assert.match(error.message, what)
      }
      assert.strictEqual(server.requests.length, 0)
    })
  )
})

describe("where it is sent", () => {
  it.scopedLive("each provider has its path, its header for the key and its name for the limit", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(whole)
      const names = [
        "openai:m",
        "azure:m",
        "google:m",
        "gemini:m",
        "google-gla:m",
        "openrouter:a/m",
        "vllm:m",
        "ollama:m"
      ]
      for (const name of names) yield* call(server.url, name, { settings: { maxTokens: 9 } })
      yield* call(server.url, "azure:my model", { settings: { maxTokens: 9 } }, {}, { apiVersion: "2024-10-21" })
      const bearer = `Bearer ${key}`
      assert.deepStrictEqual(
        server.requests.map(({ body, headers, path }) => [
          path,
          headers.authorization ?? headers["api-key"],
          "max_tokens" in body ? body.max_tokens : body.max_completion_tokens,
          "max_tokens" in body,
          body.model
        ]),
        [
          ["/v1/chat/completions", bearer, 9, false, "m"],
          ["/openai/v1/chat/completions", key, 9, false, "m"],
          ["/v1beta/openai/chat/completions", bearer, 9, true, "m"],
          ["/v1beta/openai/chat/completions", bearer, 9, true, "m"],
          ["/v1beta/openai/chat/completions", bearer, 9, true, "m"],
          ["/api/v1/chat/completions", bearer, 9, true, "a/m"],
          ["/v1/chat/completions", bearer, 9, true, "m"],
          ["/v1/chat/completions", undefined, 9, true, "m"],
          ["/openai/deployments/my%20model/chat/completions?api-version=2024-10-21", key, 9, false, "my model"]
        ]
      )
    })
  )

  it.scopedLive("a named endpoint is reached by its name, with its own key and no other", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(whole)
      const other = yield* TinyServer.make(whole)
      const options = {
        access: access(other.url),
        named: {
          groq: { baseUrl: `${server.url}/openai/v1`, keyVariable: "GROQ_API_KEY" },
          open: { baseUrl: server.url }
        }
      }
      const error = yield* Effect.flip(call(server.url, "compatible:groq/llama", {}, options))
      assert.deepStrictEqual([error.reason, error.model], ["Auth", "compatible:groq/llama"])
      assert.match(error.message, /set GROQ_API_KEY/)
      assert.match(
        (yield* Effect.flip(Effect.sandbox(call(server.url, "compatible:groq/", {}, options)))).toString(),
        /behind the slash/
      )
      yield* call(server.url, "compatible:open/org/model", {}, options)
      assert.deepStrictEqual(
        server.requests.map(({ body, headers, path }) => [path, body.model, headers.authorization]),
        [["/chat/completions", "org/model", undefined]]
      )
      yield* call(server.url, "compatible:org/model", {}, options)
      assert.strictEqual(other.requests[0]!.body.model, "org/model")
    })
  )

  it.scopedLive("a key that is missing is named, before anything is sent", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(whole)
      for (const [name, variable] of [
        ["azure:m", /set AZURE_OPENAI_API_KEY/],
        ["anthropic:m", /set ANTHROPIC_API_KEY/],
        ["google:m", /set GOOGLE_API_KEY or GEMINI_API_KEY/],
        ["openrouter:m", /set OPENROUTER_API_KEY/]
      ] as const) {
        const error = yield* Effect.flip(call(server.url, name, {}, {}, { apiKey: undefined }))
        assert.strictEqual(error.reason, "Auth")
        assert.match(error.message, variable)
      }
      const nowhere = yield* Effect.flip(call(server.url, "azure:m", {}, { access: {} }))
      assert.match(nowhere.message, /set AZURE_OPENAI_ENDPOINT/)
      assert.strictEqual(server.requests.length, 0)
    })
  )
})

describe("what comes back", () => {
  it.scopedLive("calls of tools as the model wrote them, be it no JSON or a tool that nobody has", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(
        message({
          content: "Let me see.",
          tool_calls: [
            toolCall("c1", "weather", '{"city": "Os'),
            toolCall("", "nobody\ud800", { a: 1 }),
            toolCall(undefined, "news", null)
          ]
        })
      )
      const reply = yield* call(server.url, "openai:m", { tools })
      assert.strictEqual(reply.finish, "tool-calls")
      assert.strictEqual(reply.text, "Let me see.")
      assert.deepStrictEqual(reply.parts, [
        { _tag: "Text", text: "Let me see." },
        { _tag: "ToolCall", id: "c1", name: "weather", arguments: '{"city": "Os' },
        { _tag: "ToolCall", id: "call_1", name: "nobody\ufffd", arguments: '{"a":1}' },
        { _tag: "ToolCall", id: "call_2", name: "news", arguments: "{}" }
      ])
    })
  )

  it.scopedLive("a thousand calls at once come through whole, and a stop with calls waits for them", () =>
    Effect.gen(function* () {
      const calls = Array.from({ length: 1000 }, (_, i) => toolCall(`c${i}`, "weather", "{}"))
      const server = yield* TinyServer.make(
        TinyServer.json(
          200,
          TinyServer.completion("", {
            choices: [{ finish_reason: "stop", message: { content: null, tool_calls: calls } }]
          })
        )
      )
      const reply = yield* call(server.url, "google:m", { tools })
      assert.strictEqual(reply.parts?.length, 1000)
      assert.strictEqual(reply.finish, "tool-calls")
    })
  )

  it.scopedLive("thoughts stand beside the text, not in it", () =>
    Effect.gen(function* () {
      for (const name of ["reasoning_content", "reasoning"]) {
        const server = yield* TinyServer.make(message({ content: "42", [name]: "6 times 7" }))
        const reply = yield* call(server.url, "compatible:m")
        assert.strictEqual(reply.text, "42")
        assert.deepStrictEqual(reply.parts?.[0], { _tag: "Reasoning", text: "6 times 7" })
      }
    })
  )

  it.scopedLive("what was written to a cache is counted apart, and nothing twice", () =>
    Effect.gen(function* () {
      const usage = (write: number) => ({
        prompt_tokens: 100,
        completion_tokens: 5,
        prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: write }
      })
      const server = yield* TinyServer.make(
        message({ content: "x" }, { usage: usage(30) }),
        message({ content: "x" }, { usage: usage(50) })
      )
      assert.deepStrictEqual((yield* call(server.url, "openrouter:m")).usage, {
        input: 10,
        cachedInput: 60,
        cacheWrite: 30,
        output: 5,
        reasoning: 0
      })
      assert.strictEqual((yield* Effect.flip(call(server.url, "openrouter:m"))).reason, "BadReply")
    })
  )

  it.scopedLive("a count that is there in part is not taken for the whole", () =>
    Effect.gen(function* () {
      for (const usage of [{}, { completion_tokens: 3 }, { prompt_tokens: 3, completion_tokens: null }]) {
        const server = yield* TinyServer.make(message({ content: "one two three" }, { usage }))
        const counted = (yield* call(server.url, "openai:m")).usage
        assert.isAtLeast(counted.input, 10, JSON.stringify(usage))
        assert.isAtLeast(counted.output, 13, JSON.stringify(usage))
      }
    })
  )

  it.scopedLive("calls without counts are not free", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(
        message({ content: null, tool_calls: [toolCall("c1", "weather", '{"city":"Oslo"}')] }, { usage: null })
      )
      assert.isAtLeast((yield* call(server.url, "openai:m", { tools })).usage.output, 15)
    })
  )
})

describe("errors told in other words", () => {
  const cases: ReadonlyArray<readonly [name: string, handler: TinyServer.Handler, reason: string]> = [
    ["a filter of Azure", TinyServer.error(400, "filtered", "content_filter"), "Refused"],
    [
      "OpenRouter's moderation",
      TinyServer.json(403, { error: { code: 403, message: "your input was flagged" } }),
      "Refused"
    ],
    [
      "Google's list of one, about the key",
      TinyServer.json(400, [{ error: { code: 400, message: "API key not valid. Please pass a valid API key." } }]),
      "Auth"
    ],
    [
      "an error with status 200 and its own code",
      TinyServer.json(200, { error: { code: 502, message: "bad" } }),
      "Overloaded"
    ],
    [
      "a provider that broke off",
      message({ content: "half" }, { choices: [{ finish_reason: "error", message: { content: "half" } }] }),
      "Cut"
    ]
  ]
  for (const [name, handler, reason] of cases) {
    it.scopedLive(`${name} is ${reason}`, () =>
      Effect.gen(function* () {
        const server = yield* TinyServer.make(handler)
        const error = yield* Effect.flip(call(server.url, "openrouter:m"))
        assert.strictEqual(error.reason, reason)
        assert.notMatch(error.message, /[{}]/, "the words of the server, not its JSON")
        assert.strictEqual(server.requests.length, reason === "Overloaded" ? 5 : 1)
      })
    )
  }

  it.scopedLive("a refusal with a body of 500 MB is still that refusal", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make((response) => {
        response.writeHead(500, { "content-type": "text/html", "content-length": 500 * 1024 * 1024 })
        const block = Buffer.alloc(1024 * 1024, "x")
        const more = () => {
          while (!response.destroyed && response.write(block)) {}
        }
        response.on("drain", more)
        more()
      })
      const error = yield* Effect.flip(call(server.url, "openai:m", {}, { http: { retries: 0 } }))
      assert.deepStrictEqual([error.reason, error.status], ["Overloaded", 500])
    })
  )

  it.scopedLive("how long the provider wants to be left alone is told", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(TinyServer.error(429, "slow", null, { "retry-after": "7" }))
      const error = yield* Effect.flip(call(server.url, "openai:m", {}, { http: { retries: 0 } }))
      assert.deepStrictEqual([error.reason, error.retryAfterMillis], ["RateLimited", 7000])
    })
  )
})
