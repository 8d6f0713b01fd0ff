/** Drivers for tests, all of one shape: quick to try again and quick to give up. */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { type ModelAsk, type ModelChunk, type ModelDriver, Models } from "../../src/domain/Model.js"
import type { Limits } from "../../src/llm/Endpoint.js"
import * as Llm from "../../src/llm/Models.js"

export const key = "sk-verysecretkey1234567890abcdef"

export const ask: ModelAsk = {
  model: "m",
  messages: [{ role: "user", content: "Hi" }],
  output: { _tag: "Text" },
  settings: {}
}

/** Every provider at `url`, with `key`. */
export const access = (url: string, more: Llm.Access = {}): NonNullable<Llm.Options["access"]> => {
  const at = { apiKey: Redacted.make(key), ...more }
  const v1 = { ...at, baseUrl: `${url}/v1` }
  return {
    openai: v1,
    azure: { ...at, baseUrl: url },
    anthropic: { ...at, baseUrl: url },
    google: { ...at, baseUrl: `${url}/v1beta/openai` },
    openrouter: { ...at, baseUrl: `${url}/api/v1` },
    compatible: v1,
    ollama: v1,
    vllm: v1
  }
}

export const quick: Limits = { retryBase: 1, timeout: "5 seconds" }

const layer = (options: Llm.Options) => Layer.provide(Llm.layer({ http: quick, ...options }), NodeContext.layer)

/** The driver of the model `name` at `url`. One gate for all its calls. */
export const driver = (
  url: string,
  name: string,
  options: Llm.Options = {},
  more: Llm.Access = {}
): Effect.Effect<{ readonly driver: ModelDriver; readonly model: string }> =>
  Effect.orDie(
    Effect.provide(
      Effect.flatMap(Models, (models) => models.driver(name, { path: "a", agent: "b" })),
      layer({ access: access(url, more), ...options })
    )
  )

export const call = (
  url: string,
  name: string,
  asked: Partial<ModelAsk> = {},
  options?: Llm.Options,
  more?: Llm.Access
) =>
  Effect.flatMap(driver(url, name, options, more), ({ driver, model }) =>
    driver.call({ ...ask, ...asked, model }, { idempotencyKey: "key-1" })
  )

export const stream = (
  url: string,
  name: string,
  asked: Partial<ModelAsk> = {},
  options?: Llm.Options,
  more?: Llm.Access
) =>
  Stream.unwrap(
    Effect.map(driver(url, name, options, more), ({ driver, model }) =>
      driver.stream!({ ...ask, ...asked, model }, { idempotencyKey: "key-1" })
    )
  )

/** What a stream showed, and what it says in the end. */
export const told = (chunks: Iterable<ModelChunk>) => {
  const all = [...chunks]
  const last = all.at(-1)
  return {
    text: all.map((chunk) => (chunk._tag === "Text" ? chunk.text : "")).join(""),
    calls: all.map((chunk) => (chunk._tag === "ToolCall" ? chunk.arguments : "")).join(""),
    reply: last?._tag === "Reply" ? last.reply : undefined,
    replies: all.filter(({ _tag }) => _tag === "Reply").length
  }
}
