/**
 * The seam that a model provider fills: `Json` in and `Json` out. What comes back is journaled before anything decodes
 * it, so a reply that was paid for is never lost to a parser. Names, arguments and outputs are decoded by `agent/`.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Json } from "./Json.js"
import type { CallInfo } from "./Once.js"
import { Usage } from "./Usage.js"

export const ModelMessage = Schema.Struct({
  role: Schema.Literal("system", "user", "assistant"),
  content: Schema.String
})
export type ModelMessage = typeof ModelMessage.Type

/** What shapes a reply; each is left to the provider's default where absent. */
export const ModelSettings = Schema.Struct({
  maxTokens: Schema.optional(Schema.Int.pipe(Schema.positive())),
  temperature: Schema.optional(Schema.Finite),
  topP: Schema.optional(Schema.Finite),
  seed: Schema.optional(Schema.Int)
})
export type ModelSettings = typeof ModelSettings.Type

export const ModelOutput = Schema.Union(
  Schema.Struct({ _tag: Schema.Literal("Text") }),
  /** `schema` is a JSON Schema (2020-12) of the wanted object. */
  Schema.Struct({ _tag: Schema.Literal("Object"), name: Schema.String, schema: Json })
)
export type ModelOutput = typeof ModelOutput.Type

/** One whole request. `model` is the name after the provider's prefix: `gpt-4o`, not `openai:gpt-4o`. */
export const ModelAsk = Schema.Struct({
  model: Schema.String,
  messages: Schema.Array(ModelMessage),
  output: ModelOutput,
  settings: ModelSettings
})
export type ModelAsk = typeof ModelAsk.Type

/** One whole reply. `model` is what the provider says answered. */
export const ModelReply = Schema.Struct({
  text: Schema.String,
  finish: Schema.Literal("stop", "length", "content-filter", "other"),
  usage: Usage,
  model: Schema.String
})
export type ModelReply = typeof ModelReply.Type

/**
 * `Auth`: the key is missing or refused. `RateLimited`, `Overloaded`, `Network`, `TimedOut`: try later. `TooLong`: the
 * request does not fit the model. `BadRequest`: the provider refused it as malformed. `Cut`: the reply ended before it
 * was complete and may have been billed. `BadReply`: what came back is not a reply. `Unknown`: no such model or
 * provider. `Unscripted`: a scripted model has no reply left.
 */
export class ModelError extends Schema.TaggedError<ModelError>("flujo/domain/ModelError")("ModelError", {
  reason: Schema.Literal(
    "Auth",
    "RateLimited",
    "Overloaded",
    "Network",
    "TimedOut",
    "TooLong",
    "BadRequest",
    "Cut",
    "BadReply",
    "Unknown",
    "Unscripted"
  ),
  /** The whole name, prefix included. */
  model: Schema.String,
  /** What happened and what to do, without secrets. */
  detail: Schema.String,
  status: Schema.optional(Schema.Int)
}) {
  override get message(): string {
    return `model ${this.model}: ${this.detail}`
  }
}

/** Failures after which nothing was billed: the provider answered with an error, or nothing was sent. */
export const isUnbilled = ({ reason }: ModelError): boolean => {
  switch (reason) {
    case "Auth":
    case "RateLimited":
    case "Overloaded":
    case "TooLong":
    case "BadRequest":
    case "Unknown":
    case "Unscripted":
      return true
    case "Network":
    case "TimedOut":
    case "Cut":
    case "BadReply":
      return false
  }
}

export interface ModelDriver {
  readonly call: (ask: ModelAsk, info: CallInfo) => Effect.Effect<ModelReply, ModelError>
}

/**
 * Finds who answers for a model. `name` carries the provider's prefix. `path` is the standing path of the asking step
 * and `agent` the agent's name; only a scripted driver looks at them.
 */
export class Models extends Context.Tag("flujo/domain/Models")<
  Models,
  {
    readonly driver: (
      name: string,
      from: { readonly path: string; readonly agent: string }
    ) => Effect.Effect<{ readonly driver: ModelDriver; readonly model: string }, ModelError>
  }
>() {}
