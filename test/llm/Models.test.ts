import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { vi } from "vitest"
import { type ModelAsk, Models } from "../../src/domain/Model.js"
import * as Llm from "../../src/llm/Models.js"
import * as TinyServer from "./TinyServer.js"

const loaded = vi.hoisted(() => new Set<string>())
vi.mock("openai", async (original) => {
  loaded.add("openai")
  return await original()
})
vi.mock("wink-nlp", async (original) => {
  loaded.add("wink-nlp")
  return await original()
})
vi.mock("wink-eng-lite-web-model", async (original) => {
  loaded.add("wink-eng-lite-web-model")
  return await original()
})

const from = { path: "draft", agent: "writer" }
const text = "Coffee helps. Coffee is good. Tea is not coffee."
const call = (name: string) =>
  Effect.gen(function* () {
    const { driver, model } = yield* Effect.flatMap(Models, (models) => models.driver(name, from))
    const ask: ModelAsk = { model, messages: [{ role: "user", content: text }], output: { _tag: "Text" }, settings: {} }
    return yield* driver.call(ask, { idempotencyKey: "k" })
  })
const provided = (options: Llm.Options = {}) => Effect.provide(Layer.provide(Llm.layer(options), NodeContext.layer))

// This one goes first: what another test loads stays loaded.
it.effect("a provider is loaded when one of its models is called, and only that one", () =>
  Effect.gen(function* () {
    yield* Effect.flip(call("nobody:x"))
    const folder = mkdtempSync(join(tmpdir(), "flujo-models-"))
    writeFileSync(join(folder, "a.json"), '{"writer":["scripted"]}')
    assert.strictEqual(
      (yield* Effect.provide(
        call("scripted:a.json"),
        Layer.provide(Llm.layer({ scriptedFolder: folder }), NodeContext.layer)
      )).text,
      "scripted"
    )
    assert.deepStrictEqual([...loaded], [])
    assert.strictEqual((yield* Effect.flip(call("anthropic:claude"))).reason, "Auth")
    assert.deepStrictEqual([...loaded], [])
    yield* call("offline:any")
    assert.deepStrictEqual([...loaded].sort(), ["wink-eng-lite-web-model", "wink-nlp"])
    assert.strictEqual((yield* Effect.flip(call("openai:gpt-4o"))).reason, "Auth")
    assert.isTrue(loaded.has("openai"))
  }).pipe(provided())
)

it.effect("a name that leads nowhere is answered with how it could have been meant, and with the list", () =>
  Effect.gen(function* () {
    const cases: ReadonlyArray<readonly [string, RegExp]> = [
      [
        "gpt-4o",
        /provider is missing; write it first: openai:gpt-4o\. Known providers: openai:, azure:, anthropic:, google:, openrouter:, compatible:, ollama:, vllm:, scripted:, offline:/
      ],
      ["llama3.2", /write it first: ollama:llama3\.2/],
      ["replies.json", /write it first: scripted:replies\.json/],
      ["claude-opus-4", /write it first: anthropic:claude-opus-4/],
      ["gemini-2.5-pro", /write it first: google:gemini-2\.5-pro/],
      ["gemni:gemini-2.5-pro", /did you mean gemini:gemini-2\.5-pro\?/],
      ["opnai:gpt-4o", /no provider "opnai"; did you mean openai:gpt-4o\?/],
      ["OpenAI:gpt-4o", /did you mean openai:gpt-4o\?/],
      ["oflline:", /did you mean offline:any\?/],
      ["scriptd:a.json", /did you mean scripted:a\.json\?/],
      ["qwen2:7b", /no provider "qwen2"; did you mean ollama:qwen2:7b\?/],
      ["openai:", /nothing stands after "openai:"; write openai:gpt-4o-mini/],
      ["", /a model needs a name, such as/],
      [":x", /provider is missing/],
      ["constructor:x", /no provider "constructor"/],
      ["\u001b[2Jx:y", /no provider "\\x1b\[2Jx"/],
      [`${"a".repeat(1_000_000)}:x`, /no provider "aaaa/]
    ]
    for (const [name, expected] of cases) {
      const error = yield* Effect.flip(call(name))
      assert.strictEqual(error.reason, "Unknown")
      assert.match(error.message, expected)
      assert.isBelow(error.message.length, 600)
    }
  }).pipe(provided())
)

it.effect("the name after the prefix may hold colons and slashes", () =>
  Effect.gen(function* () {
    const models = yield* Models
    assert.strictEqual((yield* models.driver("ollama:llama3:8b", from)).model, "llama3:8b")
    assert.strictEqual((yield* models.driver("compatible:org/model:free", from)).model, "org/model:free")
  }).pipe(provided())
)

it.scopedLive("openai: and compatible: get the key, ollama: never does", () =>
  Effect.gen(function* () {
    const server = yield* TinyServer.make(TinyServer.json(200, TinyServer.completion()))
    const openai = { apiKey: Redacted.make("sk-one234567890123456"), baseUrl: `${server.url}/openai` }
    const options = {
      access: { openai, compatible: openai, ollama: { ...openai, baseUrl: `${server.url}/ollama/` } }
    }
    yield* Effect.provide(
      Effect.all([call("openai:a"), call("compatible:b"), call("ollama:c")]),
      Layer.provide(Llm.layer(options), NodeContext.layer)
    )
    assert.deepStrictEqual(
      server.requests.map(({ body, headers, path }) => [path, body.model, headers.authorization]),
      [
        ["/openai/chat/completions", "a", "Bearer sk-one234567890123456"],
        ["/openai/chat/completions", "b", "Bearer sk-one234567890123456"],
        ["/ollama/chat/completions", "c", undefined]
      ]
    )
  })
)

it.scopedLive(
  "a refused ollama: call does not ask for OpenAI's key, a compatible: server without key is called without",
  () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(TinyServer.error(401, "who are you"))
      const options = { access: { compatible: { baseUrl: server.url }, ollama: { baseUrl: server.url } } }
      const [ollama, compatible] = yield* Effect.provide(
        Effect.all([Effect.flip(call("ollama:c")), Effect.flip(call("compatible:c"))]),
        Layer.provide(Llm.layer(options), NodeContext.layer)
      )
      assert.match(ollama.message, /ollama: sends no key/)
      assert.match(compatible.message, /set OPENAI_API_KEY/)
      assert.isUndefined(server.requests[1]!.headers.authorization)
    })
)

it.effect("compatible: without an address says which variable holds it", () =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(call("compatible:x"))
    assert.strictEqual(error.reason, "Unknown")
    assert.match(error.message, /OPENAI_BASE_URL/)
  }).pipe(provided())
)

it.scopedLive("the environment names key and addresses; what is set to nothing is absent", () =>
  Effect.gen(function* () {
    const server = yield* TinyServer.make(TinyServer.json(200, TinyServer.completion("served")))
    const under = (variables: Record<string, string>) =>
      Effect.provide(
        Llm.layerConfig(Llm.options).pipe(
          Layer.provide(NodeContext.layer),
          Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables)))))
        )
      )
    const set = { OPENAI_API_KEY: " sk-abc4567890123456789 ", OPENAI_BASE_URL: server.url, OLLAMA_BASE_URL: server.url }
    assert.strictEqual((yield* call("openai:a").pipe(under(set))).text, "served")
    assert.strictEqual((yield* call("ollama:a").pipe(under(set))).text, "served")
    assert.strictEqual(server.requests[0]!.headers.authorization, "Bearer sk-abc4567890123456789")
    const empty = yield* Effect.flip(call("openai:a").pipe(under({ OPENAI_API_KEY: " ", OPENAI_BASE_URL: server.url })))
    assert.include(empty, { _tag: "ModelError", reason: "Auth" })
    assert.strictEqual(server.requests.length, 2)
  })
)

it.scopedLive("every provider finds its key and its address in the environment, a named endpoint its key", () =>
  Effect.gen(function* () {
    const server = yield* TinyServer.make(TinyServer.json(200, TinyServer.completion()))
    const names: ReadonlyArray<readonly [model: string, address: string, key: string | undefined]> = [
      ["openai:a", "OPENAI_BASE_URL", "OPENAI_API_KEY"],
      ["azure:a", "AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY"],
      ["google:a", "GOOGLE_BASE_URL", "GOOGLE_API_KEY"],
      ["gemini:a", "GOOGLE_BASE_URL", "GEMINI_API_KEY"],
      ["openrouter:a", "OPENROUTER_BASE_URL", "OPENROUTER_API_KEY"],
      ["ollama:a", "OLLAMA_BASE_URL", undefined],
      ["vllm:a", "VLLM_BASE_URL", "VLLM_API_KEY"],
      ["anthropic:a", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"],
      ["compatible:groq/a", "", "GROQ_API_KEY"]
    ]
    for (const [name, address, key] of names) {
      const variables = new Map([[address, server.url], ...(key === undefined ? [] : [[key, `sk-${key}`] as const])])
      const before = server.requests.length
      yield* Effect.exit(call(name)).pipe(
        Effect.provide(
          Llm.layerConfig(Llm.optionsWith({ groq: { baseUrl: server.url, keyVariable: "GROQ_API_KEY" } })).pipe(
            Layer.provide(NodeContext.layer),
            Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(variables)))
          )
        )
      )
      const { authorization, ...headers } = server.requests[before]!.headers
      assert.strictEqual(
        authorization?.replace("Bearer ", "") ?? headers["api-key"] ?? headers["x-api-key"],
        key === undefined ? undefined : `sk-${key}`,
        name
      )
    }
  })
)

it.scopedLive("Azure's version comes from the environment, and chooses its older way", () =>
  Effect.gen(function* () {
    const server = yield* TinyServer.make(TinyServer.json(200, TinyServer.completion()))
    const variables = {
      AZURE_OPENAI_ENDPOINT: `${server.url}/`,
      AZURE_OPENAI_API_KEY: "k",
      AZURE_OPENAI_API_VERSION: "2024-10-21"
    }
    yield* call("azure:mine").pipe(
      Effect.provide(
        Llm.layerConfig(Llm.options).pipe(
          Layer.provide(NodeContext.layer),
          Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables)))))
        )
      )
    )
    assert.strictEqual(server.requests[0]!.path, "/openai/deployments/mine/chat/completions?api-version=2024-10-21")
  })
)
