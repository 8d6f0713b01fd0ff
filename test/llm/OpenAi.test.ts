import { gzipSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import type { ModelAsk, ModelError } from "../../src/domain/Model.js"
import { retryAfter } from "../../src/llm/internal/Failure.js"
import { qualifiesForStrict } from "../../src/llm/internal/Strict.js"
import * as OpenAi from "../../src/llm/OpenAi.js"
import * as Tokens from "../../src/llm/Tokens.js"
import * as TinyServer from "./TinyServer.js"

const key = "sk-verysecretkey1234567890abcdef"
const ask: ModelAsk = {
  model: "gpt-x",
  messages: [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hi" }
  ],
  output: { _tag: "Text" },
  settings: {}
}
const driver = (url: string, more: Partial<OpenAi.Options> = {}) =>
  OpenAi.make({
    prefix: "openai",
    baseUrl: `${url}/v1`,
    baseUrlFrom: "OPENAI_BASE_URL",
    apiKey: Redacted.make(key),
    keyVariable: "OPENAI_API_KEY",
    keyNeeded: true,
    dialect: { maxTokens: "max_completion_tokens", reasoning: "reasoning_effort", strictTools: true },
    ...more,
    limits: { retryBase: 1, timeout: "5 seconds", ...more.limits }
  })
const call = (url: string, more: Partial<OpenAi.Options> = {}, asked: ModelAsk = ask) =>
  driver(url, more).call(asked, { idempotencyKey: "key-1" })
/** Real time, also where the clock stands still. */
const pause = (millis: number) => Effect.promise(() => new Promise((resolve) => setTimeout(resolve, millis)))
const serve = (...handlers: ReadonlyArray<TinyServer.Handler>) =>
  Effect.map(TinyServer.make(...handlers), (server) => ({ ...server, call: call(server.url) }))

describe("what is sent", () => {
  it.scopedLive("a whole request: messages, settings, key and idempotency key", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(TinyServer.json(200, TinyServer.completion()))
      const settings = { maxTokens: 50, temperature: 0, topP: 0.5, seed: 7 }
      yield* call(server.url, {}, { ...ask, settings })
      const dialect = { maxTokens: "max_tokens", reasoning: "reasoning_effort", strictTools: false } as const
      yield* call(server.url, { prefix: "compatible", dialect }, { ...ask, settings })
      const [openai, compatible] = server.requests
      assert.strictEqual(openai!.path, "/v1/chat/completions")
      assert.strictEqual(openai!.headers.authorization, `Bearer ${key}`)
      assert.strictEqual(openai!.headers["idempotency-key"], "key-1")
      assert.deepStrictEqual(openai!.body, {
        model: "gpt-x",
        messages: [
          { role: "system", content: "Be brief." },
          { role: "user", content: "Hi" }
        ],
        max_completion_tokens: 50,
        temperature: 0,
        top_p: 0.5,
        seed: 7
      })
      assert.strictEqual(compatible!.body.max_tokens, 50)
      assert.isFalse("max_completion_tokens" in compatible!.body)
    })
  )

  it.scopedLive("nothing of the environment: no organization, project, custom header or other key", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(TinyServer.json(200, TinyServer.completion()))
      const variables = {
        OPENAI_API_KEY: "sk-fromtheenvironment000",
        OPENAI_ORG_ID: "org-1",
        OPENAI_PROJECT_ID: "p-1",
        OPENAI_CUSTOM_HEADERS: "X-Custom: from-outside\nAuthorization: Bearer sk-from",
        OPENAI_BASE_URL: "http://127.0.0.1:9"
      }
      yield* Effect.acquireUseRelease(
        Effect.sync(() => Object.assign(process.env, variables)),
        () => call(server.url, { apiKey: undefined, keyNeeded: false }),
        () => Effect.sync(() => Object.keys(variables).map((name) => delete process.env[name]))
      )
      const sent = JSON.stringify(server.requests[0]!.headers)
      for (const value of ["sk-from", "org-1", "p-1", "authorization", "from-outside", "stainless"])
        assert.notInclude(sent, value)
    })
  )

  it.scopedLive("a wanted object as a JSON schema, under a name that the server takes, strict where it qualifies", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(TinyServer.json(200, TinyServer.completion("{}")))
      const schema = {
        type: "object",
        properties: { a: { type: "string" } },
        required: ["a"],
        additionalProperties: false
      }
      yield* call(server.url, {}, { ...ask, output: { _tag: "Object", name: "My Facts/é!", schema } })
      yield* call(server.url, {}, { ...ask, output: { _tag: "Object", name: "", schema: { ...schema, required: [] } } })
      assert.deepStrictEqual(server.requests[0]!.body.response_format, {
        type: "json_schema",
        json_schema: { name: "My_Facts_", schema, strict: true }
      })
      assert.deepStrictEqual(server.requests[1]!.body.response_format, {
        type: "json_schema",
        json_schema: { name: "output", schema: { ...schema, required: [] }, strict: false }
      })
    })
  )

  it.scopedLive("text is made well-formed on its way out and on its way in", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(
        TinyServer.raw(200, JSON.stringify(TinyServer.completion("a\ud800b")), { "content-type": "application/json" })
      )
      const reply = yield* call(server.url, {}, { ...ask, messages: [{ role: "user", content: "x\udc00y" }] })
      assert.deepStrictEqual(server.requests[0]!.body.messages, [{ role: "user", content: "x\ufffdy" }])
      assert.strictEqual(reply.text, "a\ufffdb")
    })
  )
})

it("strict is asked for only where every object is closed, every property required and every keyword known to be taken", () => {
  const closed = (properties: Record<string, unknown>, more = {}) =>
    ({ type: "object", properties, required: Object.keys(properties), additionalProperties: false, ...more }) as never
  assert.isTrue(
    qualifiesForStrict(
      closed({
        a: { type: "array", items: closed({ b: { enum: ["x"] } }) },
        c: { anyOf: [{ type: "null" }, { type: "string" }] }
      })
    )
  )
  assert.isTrue(qualifiesForStrict(closed({ a: { $ref: "#/$defs/A" } }, { $defs: { A: { type: "string" } } })))
  for (const not of [
    closed({ a: { type: "string" } }, { required: [] }),
    closed({ a: { type: "string" } }, { additionalProperties: true }),
    closed({ a: { type: "string", pattern: "x" } }),
    closed({ a: { type: "object", properties: {} } }),
    closed({ a: {} }),
    closed({ a: true }),
    { type: "array", items: { type: "string" } },
    { anyOf: [closed({})] },
    {}
  ]) {
    assert.isFalse(qualifiesForStrict(not as never), JSON.stringify(not))
  }
})

describe("replies", () => {
  it.scopedLive("a reply is its text, why it ended, who answered and tokens that are counted once", () =>
    Effect.gen(function* () {
      const usage = {
        prompt_tokens: 100,
        completion_tokens: 60,
        total_tokens: 160,
        prompt_tokens_details: { cached_tokens: 80 },
        completion_tokens_details: { reasoning_tokens: 50 }
      }
      const server = yield* serve(TinyServer.json(200, TinyServer.completion("Hello", { usage })))
      assert.deepStrictEqual(yield* server.call, {
        text: "Hello",
        finish: "stop",
        usage: { input: 20, cachedInput: 80, output: 10, reasoning: 50 },
        model: "served-model"
      })
    })
  )

  it.scopedLive("reasoning that the server's total counts on top of the completion is not taken from it", () =>
    Effect.gen(function* () {
      const usage = {
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 45,
        completion_tokens_details: { reasoning_tokens: 30 }
      }
      const server = yield* serve(TinyServer.json(200, TinyServer.completion("Hello", { usage })))
      assert.deepStrictEqual((yield* server.call).usage, { input: 10, cachedInput: 0, output: 5, reasoning: 30 })
    })
  )

  it.scopedLive("a reply without usage counts as its upper bound, never as free", () =>
    Effect.gen(function* () {
      const server = yield* serve(TinyServer.json(200, TinyServer.completion("Hello", { usage: undefined })))
      assert.deepStrictEqual((yield* server.call).usage, {
        input: Tokens.boundOfAsk(ask),
        cachedInput: 0,
        output: 5,
        reasoning: 0
      })
    })
  )

  const finishes: ReadonlyArray<readonly [unknown, string]> = [
    ["stop", "stop"],
    ["length", "length"],
    ["content_filter", "content-filter"],
    ["tool_calls", "tool-calls"],
    ["something new", "other"]
  ]
  it.scopedLive("every reason to finish has its place", () =>
    Effect.gen(function* () {
      for (const [given, expected] of finishes) {
        const choices = [{ finish_reason: given, message: { content: "x" } }]
        const server = yield* serve(TinyServer.json(200, TinyServer.completion("", { choices })))
        assert.strictEqual((yield* server.call).finish, expected)
      }
    })
  )

  it.scopedLive("a refusal is told as filtered content, content in parts is joined, no content is no text", () =>
    Effect.gen(function* () {
      const message = (message: unknown) =>
        TinyServer.json(200, TinyServer.completion("", { choices: [{ finish_reason: "stop", message }] }))
      const refused = yield* (yield* serve(message({ content: null, refusal: "I cannot." }))).call
      assert.deepStrictEqual([refused.text, refused.finish], ["I cannot.", "content-filter"])
      const parts = yield* (yield* serve(
        message({ content: [{ type: "text", text: "a" }, { type: "image" }, { type: "text", text: "b" }] })
      )).call
      assert.strictEqual(parts.text, "ab")
      assert.strictEqual((yield* (yield* serve(message({ content: null }))).call).text, "")
    })
  )

  it.scopedLive("a server that calls its JSON something else is understood", () =>
    Effect.gen(function* () {
      const server = yield* serve(
        TinyServer.raw(200, JSON.stringify(TinyServer.completion()), { "content-type": "text/plain" })
      )
      assert.strictEqual((yield* server.call).text, "Hello")
    })
  )
})

describe("what is no reply", () => {
  const bad: ReadonlyArray<
    readonly [name: string, handler: TinyServer.Handler, reason: ModelError["reason"], detail: RegExp]
  > = [
    [
      "no finish reason",
      TinyServer.json(200, TinyServer.completion("", { choices: [{ message: { content: "x" } }] })),
      "Cut",
      /did not say why/
    ],
    [
      "a finish reason of null",
      TinyServer.json(
        200,
        TinyServer.completion("", { choices: [{ finish_reason: null, message: { content: "x" } }] })
      ),
      "Cut",
      /billed/
    ],
    [
      "half a body",
      TinyServer.raw(200, JSON.stringify(TinyServer.completion()).slice(0, 90)),
      "Cut",
      /ends in the middle/
    ],
    [
      "HTML",
      TinyServer.raw(200, "<html>\n<body>\u001b[31mWelcome to the proxy</body></html>", {
        "content-type": "text/html"
      }),
      "BadReply",
      /is not JSON; it starts with: <html> <body>\\x1b\[31mWelcome/
    ],
    ["an empty body", TinyServer.raw(200, ""), "BadReply", /is empty/],
    [
      "an empty body called JSON",
      TinyServer.raw(200, "", { "content-type": "application/json" }),
      "BadReply",
      /is empty/
    ],
    ["no content at all", TinyServer.raw(204, ""), "BadReply", /is empty/],
    [
      "JSON that is no completion",
      TinyServer.json(200, { hello: 1 }),
      "BadReply",
      /not a chat completion \(at \/choices\)/
    ],
    ["a list", TinyServer.json(200, []), "BadReply", /at \/0|at its root|at \/choices/],
    ["null", TinyServer.json(200, null), "BadReply", /at its root/],
    ["no choices", TinyServer.json(200, TinyServer.completion("", { choices: [] })), "BadReply", /at \/choices\/0/],
    [
      "content of an unknown kind",
      TinyServer.json(200, TinyServer.completion({ x: 1 })),
      "BadReply",
      /at \/choices\/0\/message\/content/
    ],
    [
      "an error with status 200",
      TinyServer.json(200, { error: { message: "model is loading" } }),
      "BadReply",
      /error: model is loading/
    ],
    [
      "negative usage",
      TinyServer.json(200, TinyServer.completion("x", { usage: { prompt_tokens: -1 } })),
      "BadReply",
      /at \/usage\/prompt_tokens/
    ],
    [
      "usage in words",
      TinyServer.json(200, TinyServer.completion("x", { usage: { prompt_tokens: "NaN" } })),
      "BadReply",
      /usage/
    ],
    [
      "absurd usage",
      TinyServer.json(200, TinyServer.completion("x", { usage: { completion_tokens: 1e15 } })),
      "BadReply",
      /usage/
    ],
    [
      "half a token",
      TinyServer.json(200, TinyServer.completion("x", { usage: { completion_tokens: 0.5 } })),
      "BadReply",
      /usage/
    ],
    [
      "more cached than sent",
      TinyServer.json(
        200,
        TinyServer.completion("x", { usage: { prompt_tokens: 1, prompt_tokens_details: { cached_tokens: 2 } } })
      ),
      "BadReply",
      /more cached/
    ]
  ]
  for (const [name, handler, reason, detail] of bad) {
    it.scopedLive(`${name} is ${reason}, and not asked for again`, () =>
      Effect.gen(function* () {
        const server = yield* serve(handler)
        const error = yield* Effect.flip(server.call)
        assert.strictEqual(error.reason, reason)
        assert.match(error.message, detail)
        assert.strictEqual(error.model, "openai:gpt-x")
        assert.strictEqual(server.requests.length, 1)
      })
    )
  }

  it.scopedLive("a connection that breaks within the reply is Cut, as it may have been billed", () =>
    Effect.gen(function* () {
      const server = yield* serve((response) => {
        response.writeHead(200, { "content-type": "application/json", "content-length": "500" })
        response.write('{"choices":')
        setTimeout(() => response.socket?.destroy(), 20)
      })
      const error = yield* Effect.flip(server.call)
      assert.strictEqual(error.reason, "Cut")
      assert.strictEqual(server.requests.length, 1)
    })
  )

  it.scopedLive("a reply past the limit of bytes is refused, announced or not, also when it is packed small", () =>
    Effect.gen(function* () {
      const body = JSON.stringify(TinyServer.completion("x".repeat(20_000)))
      const streamed: TinyServer.Handler = (response) => {
        response.writeHead(200, { "content-type": "application/json" })
        response.write(body)
        response.end()
      }
      const packed: TinyServer.Handler = (response) => {
        response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end(gzipSync(body))
      }
      for (const handler of [TinyServer.raw(200, body), streamed, packed]) {
        const server = yield* TinyServer.make(handler)
        const error = yield* Effect.flip(call(server.url, { limits: { bytesMax: 10_000, retryBase: 1 } }))
        assert.strictEqual(error.reason, "BadReply")
        assert.match(error.message, /larger than 10000 bytes/)
        assert.strictEqual((yield* call(server.url)).text.length, 20_000)
      }
    })
  )
})

describe("refusals", () => {
  const cases: ReadonlyArray<
    readonly [handler: TinyServer.Handler, reason: ModelError["reason"], detail: RegExp, status: number]
  > = [
    [TinyServer.error(401, `Incorrect API key provided: ${key}`), "Auth", /OPENAI_API_KEY.*\[redacted\]/, 401],
    [TinyServer.error(403, "no access"), "Auth", /OPENAI_API_KEY: no access/, 403],
    [TinyServer.error(404, "The model gpt-x does not exist", "model_not_found"), "Unknown", /no such model/, 404],
    [
      TinyServer.error(400, "This model's maximum context length is 10", "context_length_exceeded"),
      "TooLong",
      /does not fit/,
      400
    ],
    [TinyServer.error(400, "the request exceeds the available context size"), "TooLong", /does not fit/, 400],
    [TinyServer.error(400, "Unsupported value: temperature"), "BadRequest", /refused.*400: Unsupported value/, 400],
    [TinyServer.error(422, "nope"), "BadRequest", /422: nope/, 422],
    [TinyServer.raw(400, "<html>bad \u001b[2J</html>"), "BadRequest", /<html>bad \\x1b\[2J/, 400],
    [TinyServer.error(413, "big"), "TooLong", /too large/, 413],
    [TinyServer.error(429, "You exceeded your quota", "insufficient_quota"), "RateLimited", /quota/, 429]
  ]
  for (const [handler, reason, detail, status] of cases) {
    it.scopedLive(`${status} is ${reason} (${detail.source}), and not asked again`, () =>
      Effect.gen(function* () {
        const server = yield* serve(handler)
        const error = yield* Effect.flip(server.call)
        assert.deepStrictEqual([error.reason, error.status], [reason, status])
        assert.match(error.message, detail)
        assert.strictEqual(server.requests.length, 1)
      })
    )
  }

  it.scopedLive("a redirect is not followed: the key goes nowhere else", () =>
    Effect.gen(function* () {
      const other = yield* TinyServer.make(TinyServer.json(200, TinyServer.completion("stolen")))
      for (const status of [301, 302, 307, 308]) {
        const server = yield* serve(TinyServer.raw(status, "", { location: `${other.url}/v1/chat/completions` }))
        const error = yield* Effect.flip(server.call)
        assert.deepStrictEqual([error.reason, error.status], ["Unknown", status])
      }
      assert.strictEqual(other.requests.length, 0)
    })
  )

  it.scopedLive("what is missing is told before anything is sent", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(TinyServer.json(200, TinyServer.completion()))
      const keyless = yield* Effect.flip(call(server.url, { apiKey: undefined }))
      assert.strictEqual(keyless.reason, "Auth")
      assert.match(keyless.message, /OPENAI_API_KEY.*offline:any/)
      assert.match((yield* Effect.flip(call(server.url, { apiKey: Redacted.make("  ") }))).message, /OPENAI_API_KEY/)
      const torn = yield* Effect.flip(call(server.url, { apiKey: Redacted.make("sk-abc\r\nX-Evil: 1 hunter2") }))
      assert.strictEqual(torn.reason, "Auth")
      assert.notInclude(torn.message, "hunter2")
      assert.match((yield* Effect.flip(call("", { baseUrl: undefined }))).message, /OPENAI_BASE_URL/)
      assert.match((yield* Effect.flip(call("", { baseUrl: "localhost:1" }))).message, /not an http or https URL/)
      const embedded = yield* Effect.flip(call("", { baseUrl: "http://u:hunter2@127.0.0.1:1/v1" }))
      assert.match(embedded.message, /holds a password/)
      assert.notInclude(embedded.message, "hunter2")
      assert.strictEqual(server.requests.length, 0)
    })
  )

  it.scopedLive("no error shows the key, whoever said it", () =>
    Effect.gen(function* () {
      const handlers = [
        TinyServer.error(400, `you sent Bearer ${key} and ${key}`),
        TinyServer.error(500, key),
        TinyServer.raw(502, `<p>${key}</p>`),
        TinyServer.raw(200, `not json ${key}`),
        TinyServer.json(200, { error: { message: key } }),
        TinyServer.json(400, { error: key }),
        TinyServer.json(400, { error: { message: { nested: key } } }),
        TinyServer.json(400, { [key]: key }),
        TinyServer.json(400, key)
      ]
      // A key of an odd shape is known only by its value.
      for (const secret of [key, "odd.key~1"]) {
        for (const handler of handlers) {
          const server = yield* TinyServer.make((response, request) => {
            const end = response.end.bind(response)
            response.end = ((text: string) => end(text.replaceAll(key, secret))) as never
            handler(response, request)
          })
          const error = yield* Effect.flip(call(server.url, { apiKey: Redacted.make(secret), limits: { retries: 0 } }))
          assert.notInclude(JSON.stringify(error) + error.message + String(error), secret)
        }
      }
    })
  )
})

describe("trying again", () => {
  it.scopedLive("a busy server is asked again under the same idempotency key, not sooner than it says", () =>
    Effect.gen(function* () {
      const server = yield* serve(
        TinyServer.error(429, "slow down", null, { "retry-after": "1" }),
        TinyServer.error(503, "busy", null, { "retry-after-ms": "150" }),
        TinyServer.json(200, TinyServer.completion("at last"))
      )
      assert.strictEqual((yield* server.call).text, "at last")
      const [first, second, third] = server.requests
      assert.isAtLeast(second!.at - first!.at, 990)
      assert.isAtLeast(third!.at - second!.at, 140)
      assert.deepStrictEqual(
        server.requests.map(({ headers }) => headers["idempotency-key"]),
        ["key-1", "key-1", "key-1"]
      )
    })
  )

  it.scopedLive("after four retries the last failure is told", () =>
    Effect.gen(function* () {
      for (const [status, reason] of [
        [429, "RateLimited"],
        [500, "Overloaded"],
        [529, "Overloaded"],
        [408, "TimedOut"]
      ] as const) {
        const server = yield* serve(TinyServer.error(status, "again"))
        const error = yield* Effect.flip(server.call)
        assert.deepStrictEqual([error.reason, error.status, server.requests.length], [reason, status, 5])
      }
    })
  )

  it.scopedLive("a connection that is refused or reset is Network, and may come back", () =>
    Effect.gen(function* () {
      const server = yield* serve(
        (response) => response.socket?.destroy(),
        TinyServer.json(200, TinyServer.completion("back"))
      )
      assert.strictEqual((yield* server.call).text, "back")
      const error = yield* Effect.flip(call("http://127.0.0.1:9"))
      assert.strictEqual(error.reason, "Network")
      assert.match(error.message, /http:\/\/127\.0\.0\.1:9 cannot be reached/)
    })
  )

  it.scopedLive("a server that never answers, or never ends, times out and is let go", () =>
    Effect.gen(function* () {
      const silent: TinyServer.Handler = () => undefined
      const endless: TinyServer.Handler = (response) => {
        response.writeHead(200, { "content-type": "application/json" })
        response.write("{")
      }
      for (const handler of [silent, endless]) {
        const server = yield* TinyServer.make(handler)
        const error = yield* Effect.flip(
          call(server.url, { limits: { timeout: "100 millis", retries: 1, retryBase: 1 } })
        )
        assert.strictEqual(error.reason, "TimedOut")
        assert.match(error.message, /within 100ms/)
        assert.strictEqual(server.requests.length, 2)
        yield* TinyServer.letGo(server, 2)
      }
    })
  )

  it.scopedLive("an interrupted call aborts its request", () =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<void>()
      const server = yield* TinyServer.make(() => Deferred.unsafeDone(arrived, Exit.void))
      const fiber = yield* Effect.fork(call(server.url))
      yield* Deferred.await(arrived)
      yield* Fiber.interrupt(fiber)
      yield* TinyServer.letGo(server, 1)
    })
  )

  it.scoped("waits by Effect's clock, and a wait that the server makes too long is capped at a minute", () =>
    Effect.gen(function* () {
      let requests = 0
      let next = yield* Deferred.make<void>()
      const server = yield* TinyServer.make((response) => {
        requests += 1
        TinyServer.error(429, "later", null, { "retry-after": "86400" })(response, undefined as never)
        Deferred.unsafeDone(next, Exit.void)
      })
      const fiber = yield* Effect.fork(Effect.flip(call(server.url)))
      for (let i = 1; i <= 5; i++) {
        yield* Deferred.await(next)
        next = yield* Deferred.make<void>()
        // The answer has left the server; give the client real time to read it before the clock moves.
        yield* pause(50)
        assert.strictEqual(requests, i)
        yield* TestClock.adjust("59 seconds")
        yield* pause(20)
        assert.strictEqual(requests, i)
        yield* TestClock.adjust("1 second")
      }
      assert.strictEqual((yield* Fiber.join(fiber)).reason, "RateLimited")
    })
  )

  it("Retry-After is seconds, milliseconds or a date; what cannot be read says nothing", () => {
    const read = (headers: Record<string, string>) => retryAfter((name) => headers[name], Date.UTC(2024, 0, 1))
    assert.strictEqual(read({ "retry-after": "2" }), 2_000)
    assert.strictEqual(read({ "retry-after": "0.5" }), 500)
    assert.strictEqual(read({ "retry-after-ms": "20", "retry-after": "9" }), 20)
    assert.strictEqual(read({ "retry-after": "Mon, 01 Jan 2024 00:00:07 GMT" }), 7_000)
    assert.strictEqual(read({ "retry-after": "Mon, 01 Jan 2023 00:00:00 GMT" }), 0)
    for (const bad of ["", "-1", "soon", "NaN", "Infinity", "1e9"]) assert.isUndefined(read({ "retry-after": bad }))
  })

  it.scopedLive("a retry takes no random number from the run", () =>
    Effect.gen(function* () {
      let drawn = 0
      const server = yield* serve(TinyServer.error(500, "x"), TinyServer.json(200, TinyServer.completion()))
      const random = yield* Effect.random
      const watched = new Proxy(random, {
        get: (target, name, receiver) => {
          if (name === "next" || name === "nextIntBetween" || name === "nextRange") drawn += 1
          return Reflect.get(target, name, receiver) as unknown
        }
      })
      yield* Effect.withRandom(server.call, watched)
      assert.strictEqual(drawn, 0)
    })
  )
})

it.scopedLive("a call is a span with what was asked for and counted, and nothing of what was said", () =>
  Effect.gen(function* () {
    const server = yield* serve(TinyServer.json(200, TinyServer.completion("the secret answer")))
    const spans: Array<Tracer.Span> = []
    const native = yield* Effect.tracer
    const tracer = Tracer.make({
      context: native.context,
      span: (...given) => {
        const span = native.span(...given)
        spans.push(span)
        return span
      }
    })
    yield* Effect.withTracer(server.call, tracer)
    assert.deepStrictEqual(
      spans.map(({ name }) => name),
      ["flujo.Models.call"]
    )
    assert.deepStrictEqual(Object.fromEntries(spans[0]!.attributes), {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-x",
      "gen_ai.output.type": "text",
      "gen_ai.response.model": "served-model",
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.usage.input_tokens": 10,
      "gen_ai.usage.cache_read.input_tokens": 0,
      "gen_ai.usage.output_tokens": 5,
      "gen_ai.usage.reasoning.output_tokens": 0
    })
  })
)
