/** Replies that come in pieces: what is shown meanwhile, what counts in the end, and what is no end. */
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as fc from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type { ModelAsk } from "../../src/domain/Model.js"
import type { Limits } from "../../src/llm/Endpoint.js"
import * as Sse from "../../src/llm/internal/Sse.js"
import { driver, quick, stream, told } from "./reach.js"
import * as TinyServer from "./TinyServer.js"

/** Events as they go over the wire, sent and ended, or left open. */
const events =
  (datas: ReadonlyArray<unknown>, end: "end" | "destroy" | "open" = "end"): TinyServer.Handler =>
  (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" })
    for (const data of datas) response.write(`data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`)
    if (end === "end") response.end()
    if (end === "destroy") setTimeout(() => response.socket?.destroy(), 20)
  }
const delta = (delta: object, finish: string | null = null) => ({
  model: "served-model",
  choices: [{ index: 0, delta, finish_reason: finish }]
})
const usage = { choices: [], usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } }
const chat = [
  delta({ role: "assistant", content: "Hel" }),
  delta({ content: "lo" }),
  delta({}, "stop"),
  usage,
  "[DONE]"
]
const told1 = (url: string, name = "openai:m", asked: Partial<ModelAsk> = {}, http: Limits = {}) =>
  Effect.map(Stream.runCollect(stream(url, name, asked, { http: { ...quick, ...http } })), (chunks) => told(chunks))

const messages = [
  {
    type: "message_start",
    message: {
      model: "served-model",
      content: [],
      usage: { input_tokens: 10, cache_read_input_tokens: 3, output_tokens: 1 }
    }
  },
  { type: "content_block_start", index: 0, content_block: { type: "thinking", thinking: "", signature: "" } },
  { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "hm" } },
  { type: "content_block_delta", index: 0, delta: { type: "signature_delta", signature: "s" } },
  { type: "ping" },
  { type: "content_block_start", index: 1, content_block: { type: "text", text: "" } },
  { type: "content_block_delta", index: 1, delta: { type: "text_delta", text: "Hel" } },
  { type: "content_block_delta", index: 1, delta: { type: "text_delta", text: "lo" } },
  { type: "content_block_start", index: 2, content_block: { type: "tool_use", id: "c1", name: "news", input: {} } },
  { type: "content_block_delta", index: 2, delta: { type: "input_json_delta", partial_json: '{"a"' } },
  { type: "content_block_delta", index: 2, delta: { type: "input_json_delta", partial_json: ":1}" } },
  { type: "content_block_stop", index: 2 },
  { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 9 } },
  { type: "message_stop" }
]

const response = {
  status: "completed",
  model: "served-model",
  error: null,
  output: [{ type: "message", content: [{ type: "output_text", text: "Hello" }] }],
  usage: { input_tokens: 10, output_tokens: 5 }
}
const responses = [
  { type: "response.created", response: { status: "in_progress", error: null, output: [] } },
  { type: "response.output_text.delta", output_index: 0, delta: "Hel" },
  { type: "response.output_text.delta", output_index: 0, delta: "lo" },
  { type: "response.completed", response }
]

describe("a whole stream", () => {
  it.scopedLive("shows the text as it comes and ends with the reply that it was", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(events(chat))
      const { replies, reply, text } = yield* told1(server.url)
      assert.strictEqual(text, "Hello")
      assert.strictEqual(replies, 1)
      assert.deepStrictEqual(reply, {
        text: "Hello",
        finish: "stop",
        usage: { input: 10, cachedInput: 0, output: 5, reasoning: 0 },
        model: "served-model"
      })
      const { stream: wanted, stream_options } = server.requests[0]!.body
      assert.deepStrictEqual([wanted, stream_options], [true, { include_usage: true }])
      assert.strictEqual(server.requests[0]!.headers["idempotency-key"], "key-1")
    })
  )

  it.scopedLive("puts calls of tools together, each by its index", () =>
    Effect.gen(function* () {
      const piece = (index: number, more: object) => delta({ tool_calls: [{ index, ...more }] })
      const server = yield* TinyServer.make(
        events([
          delta({ reasoning_content: "hm" }),
          piece(0, { id: "c1", function: { name: "news", arguments: "" } }),
          piece(1, { id: "c2", function: { name: "weather", arguments: '{"ci' } }),
          piece(0, { function: { arguments: "{}" } }),
          piece(1, { function: { arguments: 'ty":1}' } }),
          delta({}, "tool_calls"),
          "[DONE]"
        ])
      )
      const { reply } = yield* told1(server.url)
      assert.deepStrictEqual(reply?.parts, [
        { _tag: "Reasoning", text: "hm" },
        { _tag: "ToolCall", id: "c1", name: "news", arguments: "{}" },
        { _tag: "ToolCall", id: "c2", name: "weather", arguments: '{"city":1}' }
      ])
      assert.strictEqual(reply?.finish, "tool-calls")
    })
  )

  it.scopedLive("of the Messages API: thoughts, text, calls, and counts that are totals", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(events(messages, "open"))
      const { calls, reply, text } = yield* told1(server.url, "anthropic:claude")
      assert.strictEqual(text, "Hello")
      assert.strictEqual(calls, '{"a":1}')
      assert.deepStrictEqual(reply, {
        text: "Hello",
        parts: [
          {
            _tag: "Reasoning",
            text: "hm",
            protocol: "messages",
            raw: { type: "thinking", thinking: "hm", signature: "s" }
          },
          { _tag: "Text", text: "Hello" },
          { _tag: "ToolCall", id: "c1", name: "news", arguments: '{"a":1}' }
        ],
        finish: "tool-calls",
        usage: { input: 10, cachedInput: 3, output: 9, reasoning: 0 },
        model: "served-model"
      })
    })
  )

  it.scopedLive("of the Messages API: a wanted object is shown as text", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(events(messages))
      const { calls, reply, text } = yield* told1(server.url, "anthropic:claude", {
        output: { _tag: "Object", name: "news", schema: { type: "object" } }
      })
      assert.deepStrictEqual([text, calls, reply?.text, reply?.finish], ['Hello{"a":1}', "", 'Hello{"a":1}', "stop"])
    })
  )

  it.scopedLive("of the Responses API", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(events(responses, "open"))
      const chunks = yield* Stream.runCollect(stream(server.url, "openai:o3", {}, {}, { api: "responses" }))
      const { reply, text } = told(chunks)
      assert.deepStrictEqual([text, reply?.text, reply?.finish], ["Hello", "Hello", "stop"])
    })
  )

  it.scopedLive("a server that answers all at once, though asked to stream, is understood", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(TinyServer.json(200, TinyServer.completion("Hello")))
      const { replies, reply, text } = yield* told1(server.url)
      assert.deepStrictEqual([text, reply?.text, replies], ["", "Hello", 1])
    })
  )

  it.scopedLive("without a last [DONE] it is whole if it said why it ended", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(events(chat.slice(0, -1)))
      assert.strictEqual((yield* told1(server.url)).reply?.text, "Hello")
    })
  )
})

describe("what is no whole stream", () => {
  const end = { type: "message_stop" }
  const broken: ReadonlyArray<
    readonly [name: string, handler: TinyServer.Handler, model: string, reason: string, requests: number]
  > = [
    ["no reason to finish, though [DONE]", events([chat[0], "[DONE]"]), "openai:m", "Cut", 1],
    ["an end in the middle", events([chat[0]]), "openai:m", "Cut", 1],
    ["an end in the middle of an event", events([chat[0], '{"choices":[{"del']), "openai:m", "Cut", 1],
    ["a torn connection", events([chat[0]], "destroy"), "openai:m", "Cut", 1],
    ["no event at all", events([]), "openai:m", "BadReply", 1],
    ["an HTML page", TinyServer.raw(200, "<html>hello</html>"), "openai:m", "BadReply", 1],
    ["an event that is no JSON", events([chat[0], "hello"]), "openai:m", "BadReply", 1],
    ["a message without a reason to stop", events([...messages.slice(0, -2), end]), "anthropic:c", "Cut", 1],
    ["a message that ends in the middle", events(messages.slice(0, 8)), "anthropic:c", "Cut", 1],
    [
      "an overload before anything was shown",
      events([messages[0], { type: "error", error: { type: "overloaded_error", message: "busy" } }]),
      "anthropic:c",
      "Overloaded",
      5
    ],
    [
      "an overload after something was shown",
      events([...messages.slice(0, 8), { type: "error", error: { type: "overloaded_error", message: "busy" } }]),
      "anthropic:c",
      "Overloaded",
      1
    ],
    [
      "an error among the events",
      events([chat[0], { error: { code: 429, message: "slow" } }]),
      "openai:m",
      "RateLimited",
      1
    ],
    ["a refused key", TinyServer.error(401, "no"), "openai:m", "Auth", 1],
    ["a busy server", TinyServer.error(503, "no"), "openai:m", "Overloaded", 5]
  ]
  for (const [name, handler, model, reason, requests] of broken) {
    it.scopedLive(`${name} is ${reason}, asked ${requests === 1 ? "once" : `${requests} times`}`, () =>
      Effect.gen(function* () {
        const server = yield* TinyServer.make(handler)
        const error = yield* Effect.flip(told1(server.url, model))
        assert.strictEqual(error.reason, reason)
        assert.strictEqual(server.requests.length, requests)
      })
    )
  }

  it.scopedLive("of the Responses API, without its last event", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(events(responses.slice(0, -1)))
      const error = yield* Effect.flip(Stream.runDrain(stream(server.url, "openai:o3", {}, {}, { api: "responses" })))
      assert.strictEqual(error.reason, "Cut")
    })
  )

  it.scopedLive("what was shown before it broke stays shown, and no reply follows it", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(events([chat[0]]))
      const shown: Array<string> = []
      const error = yield* Effect.flip(
        Stream.runForEach(stream(server.url, "openai:m"), (chunk) => Effect.sync(() => shown.push(chunk._tag)))
      )
      assert.deepStrictEqual([shown, error.reason], [["Text"], "Cut"])
    })
  )

  it.scopedLive("cut anywhere between its events it is never taken as whole", () =>
    Effect.gen(function* () {
      for (const [model, all, last] of [
        ["openai:m", chat, 2],
        ["anthropic:c", messages, 12]
      ] as const) {
        for (let length = 0; length <= last; length++) {
          const server = yield* TinyServer.make(events(all.slice(0, length)))
          const exit = yield* Effect.exit(told1(server.url, model))
          assert.isTrue(Exit.isFailure(exit), `${model} after ${length} events`)
        }
      }
    })
  )
})

describe("limits", () => {
  it.scopedLive("a stream in which nothing comes is given up after the idle time, and let go", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(events([chat[0]], "open"))
      const error = yield* Effect.flip(told1(server.url, "openai:m", {}, { idleTimeout: "100 millis" }))
      assert.strictEqual(error.reason, "TimedOut")
      assert.match(error.message, /nothing came for 100ms/)
      yield* TinyServer.letGo(server, 1)
    })
  )

  it.scopedLive("one byte now and then does not keep a stream alive for ever", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make((response) => {
        response.writeHead(200, { "content-type": "text/event-stream" })
        const timer = setInterval(() => response.write(":"), 20)
        response.on("close", () => clearInterval(timer))
      })
      const error = yield* Effect.flip(
        told1(server.url, "openai:m", {}, { idleTimeout: "5 seconds", streamTimeout: "300 millis", retries: 0 })
      )
      assert.strictEqual(error.reason, "TimedOut")
      assert.match(error.message, /no whole reply within 300ms/)
    })
  )

  it.scopedLive("a stream past the limit of bytes is refused while it comes", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make((response) => {
        response.writeHead(200, { "content-type": "text/event-stream" })
        const block = `data: ${JSON.stringify(delta({ content: "x".repeat(1000) }))}\n\n`
        const more = () => {
          while (!response.destroyed && response.write(block)) {}
        }
        response.on("drain", more)
        more()
      })
      const error = yield* Effect.flip(told1(server.url, "openai:m", {}, { bytesMax: 200_000 }))
      assert.strictEqual(error.reason, "BadReply")
      assert.match(error.message, /larger than 200000 bytes/)
      yield* TinyServer.letGo(server, 1)
    })
  )

  it.scopedLive("a stream that nobody reads any more is let go, and gives its place back", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(events([chat[0]], "open"), events(chat))
      const { driver: one } = yield* driver(server.url, "openai:m", { http: { ...quick, concurrency: 1 } })
      const asked = {
        model: "m",
        messages: [{ role: "user", content: "Hi" }],
        output: { _tag: "Text" },
        settings: {}
      } as const
      const open = () => one.stream!(asked, { idempotencyKey: "k" })
      assert.strictEqual(Chunk.size(yield* Stream.runCollect(Stream.take(open(), 1))), 1)
      yield* TinyServer.letGo(server, 1)
      assert.strictEqual(told(yield* Stream.runCollect(open())).reply?.text, "Hello")
    })
  )

  it.scopedLive("an interrupted stream aborts its request", () =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<void>()
      const server = yield* TinyServer.make(() => Deferred.unsafeDone(arrived, Exit.void))
      const fiber = yield* Effect.fork(told1(server.url))
      yield* Deferred.await(arrived)
      yield* Fiber.interrupt(fiber)
      yield* TinyServer.letGo(server, 1)
    })
  )

  it.scopedLive("a try that failed before anything was shown gives its place back", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(TinyServer.error(503, "busy"), TinyServer.error(503, "busy"), events(chat))
      const { reply } = yield* told1(server.url, "openai:m", {}, { concurrency: 1 })
      assert.strictEqual(reply?.text, "Hello")
      assert.strictEqual(server.requests.length, 3)
    })
  )
})

it.scopedLive("a streamed call is a span with what was asked for and counted, like any other", () =>
  Effect.gen(function* () {
    const server = yield* TinyServer.make(events(chat))
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
    yield* Effect.withTracer(told1(server.url), tracer)
    assert.deepStrictEqual(
      spans.map(({ name }) => name),
      ["flujo.Models.call"]
    )
    const attributes = Object.fromEntries(spans[0]!.attributes)
    assert.strictEqual(attributes["gen_ai.request.model"], "m")
    assert.strictEqual(attributes["gen_ai.response.model"], "served-model")
    assert.strictEqual(attributes["gen_ai.usage.output_tokens"], 5)
    assert.notInclude(JSON.stringify(attributes), "Hel")
  })
)

describe("server-sent events", () => {
  const read = (pieces: ReadonlyArray<Uint8Array>) => {
    const reader = Sse.make()
    return [...pieces.flatMap((piece) => reader.feed(piece)), ...reader.end()]
  }

  it("are the same however they are cut into pieces, and whatever ends their lines", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "grapheme", minLength: 1 }).map((text) => text.replace(/[\r\n]/g, "_"))),
        fc.constantFrom("\n", "\r\n", "\r"),
        fc.array(fc.nat(40)),
        (datas, newline, sizes) => {
          const text = datas
            .map((data) => `: ping${newline}event: x${newline}data: ${data}${newline}data: 2${newline}${newline}`)
            .join("")
          const bytes = new TextEncoder().encode(text)
          const pieces: Array<Uint8Array> = []
          let at = 0
          for (const size of sizes) {
            pieces.push(bytes.slice(at, at + size))
            at += size
          }
          assert.deepStrictEqual(
            read([...pieces, bytes.slice(at)]),
            datas.map((data) => `${data.toWellFormed()}\n2`)
          )
        }
      )
    )
  })

  it("join their lines, and give the last one though nothing ends it", () => {
    const bytes = (...texts: ReadonlyArray<string>) => texts.map((text) => new TextEncoder().encode(text))
    assert.deepStrictEqual(read(bytes("data: a\r", "\ndata: b\r", "\n\r", "\n")), ["a\nb"])
    assert.deepStrictEqual(read(bytes("data:a\ndata: b\n\ndata\n\nid: 1\n\ndata: end")), ["a\nb", "", "end"])
  })
})
