/**
 * The seam that a model provider fills: `Json` in and `Json` out. What comes back is journaled before anything decodes
 * it, so a reply that was paid for is never lost to a parser. Names, arguments and outputs are decoded by `agent/`.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import { Json } from "./Json.js"
import type { CallInfo } from "./Once.js"
import { Usage } from "./Usage.js"

/** A piece of what a user says. */
export const UserPart = Schema.Union(
  Schema.Struct({ _tag: Schema.Literal("Text"), text: Schema.String }),
  /** `data` is base64; `mediaType` is such as `image/png`. */
  Schema.Struct({ _tag: Schema.Literal("Image"), mediaType: Schema.String, data: Schema.String }),
  /** An image that the provider fetches itself. */
  Schema.Struct({ _tag: Schema.Literal("ImageUrl"), url: Schema.String })
)
export type UserPart = typeof UserPart.Type

/** A piece of what a model answers, as it answered it: nothing in it was decoded. */
export const ReplyPart = Schema.Union(
  Schema.Struct({ _tag: Schema.Literal("Text"), text: Schema.String }),
  /** `arguments` is the text that the model wrote. It ought to be JSON, and need not be. */
  Schema.Struct({
    _tag: Schema.Literal("ToolCall"),
    id: Schema.String,
    name: Schema.String,
    arguments: Schema.String
  }),
  /** What the model thought, as far as it is told. `raw` is what `protocol` wants to get back unchanged with the next turn. */
  Schema.Struct({
    _tag: Schema.Literal("Reasoning"),
    text: Schema.String,
    protocol: Schema.optional(Schema.Literal("responses", "messages")),
    raw: Schema.optional(Json)
  })
)
export type ReplyPart = typeof ReplyPart.Type

export const ModelMessage = Schema.Union(
  Schema.Struct({ role: Schema.Literal("system"), content: Schema.String }),
  Schema.Struct({
    role: Schema.Literal("user"),
    content: Schema.Union(Schema.String, Schema.Array(UserPart))
  }),
  /** A reply of before. Where there are `parts` they are the whole of it, and `content` is their text. */
  Schema.Struct({
    role: Schema.Literal("assistant"),
    content: Schema.String,
    parts: Schema.optional(Schema.Array(ReplyPart))
  }),
  /** What a tool answered to the call `callId`. */
  Schema.Struct({
    role: Schema.Literal("tool"),
    callId: Schema.String,
    name: Schema.String,
    content: Schema.String,
    failed: Schema.optional(Schema.Boolean)
  })
)
export type ModelMessage = typeof ModelMessage.Type

/** The text of a message; pictures have none. */
export const textOf = ({ content }: ModelMessage): string =>
  typeof content === "string" ? content : content.map((part) => (part._tag === "Text" ? part.text : "")).join("")

/** What a model may ask for. `jsonSchema` is that of the arguments: an object. */
export const ModelTool = Schema.Struct({ name: Schema.String, description: Schema.String, jsonSchema: Json })
export type ModelTool = typeof ModelTool.Type

/** What shapes a reply; each is left to the provider's default where absent. */
export const ModelSettings = Schema.Struct({
  maxTokens: Schema.optional(Schema.Int.pipe(Schema.positive())),
  temperature: Schema.optional(Schema.Finite),
  topP: Schema.optional(Schema.Finite),
  seed: Schema.optional(Schema.Int),
  /** The reply ends before the first of these. */
  stop: Schema.optional(Schema.Array(Schema.NonEmptyString)),
  /** How much a model thinks before it answers, in its provider's steps, or at most in tokens. */
  reasoning: Schema.optional(
    Schema.Struct({
      effort: Schema.optional(Schema.Literal("none", "minimal", "low", "medium", "high", "xhigh")),
      tokensMax: Schema.optional(Schema.Int.pipe(Schema.positive())),
      /** Asks for the thoughts in short, where a provider tells them. */
      summary: Schema.optional(Schema.Literal("auto", "concise", "detailed"))
    })
  ),
  verbosity: Schema.optional(Schema.Literal("low", "medium", "high"))
})
export type ModelSettings = typeof ModelSettings.Type

export const ModelOutput = Schema.Union(
  Schema.Struct({ _tag: Schema.Literal("Text") }),
  /** `schema` is a JSON Schema (2020-12) of the wanted object. */
  Schema.Struct({ _tag: Schema.Literal("Object"), name: Schema.String, schema: Json }),
  /** A vector for each message, all of them of the user; the reply's text is the list of them as JSON. */
  Schema.Struct({ _tag: Schema.Literal("Vectors"), dimensions: Schema.optional(Schema.Int.pipe(Schema.positive())) })
)
export type ModelOutput = typeof ModelOutput.Type

/** One whole request. `model` is the name after the provider's prefix: `gpt-4o`, not `openai:gpt-4o`. */
export const ModelAsk = Schema.Struct({
  model: Schema.String,
  messages: Schema.Array(ModelMessage),
  output: ModelOutput,
  settings: ModelSettings,
  tools: Schema.optional(Schema.Array(ModelTool)),
  /** Whether the model may, must or must not call a tool. `auto` where absent. */
  toolChoice: Schema.optional(Schema.Literal("auto", "none", "required"))
})
export type ModelAsk = typeof ModelAsk.Type

/** One whole reply. `model` is what the provider says answered. `parts` is there where the reply is more than its text. */
export const ModelReply = Schema.Struct({
  text: Schema.String,
  parts: Schema.optional(Schema.Array(ReplyPart)),
  finish: Schema.Literal("stop", "length", "content-filter", "tool-calls", "other"),
  usage: Usage,
  model: Schema.String
})
export type ModelReply = typeof ModelReply.Type

/** The message by which a later turn repeats `reply`. */
export const repeating = ({ parts, text }: ModelReply): ModelMessage => ({
  role: "assistant",
  content: text,
  ...(parts === undefined ? {} : { parts })
})

/**
 * A reply while it comes in. All but the last chunk are provisional: what they showed counts only when the `Reply` that
 * ends every whole stream says the same. `ToolCall` brings a further piece of the arguments of the call at `index`.
 */
export type ModelChunk =
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Reasoning"; readonly text: string }
  | { readonly _tag: "ToolCall"; readonly index: number; readonly name: string; readonly arguments: string }
  | { readonly _tag: "Reply"; readonly reply: ModelReply }

/**
 * `Auth`: the key is missing or refused. `RateLimited`, `Overloaded`, `Network`, `TimedOut`: try later. `TooLong`: the
 * request does not fit the model. `BadRequest`: it is malformed, or wants what this provider cannot do. `Refused`: the
 * provider will not answer this, by its rules on content. `Cut`: the reply ended before it was complete and may have been
 * billed. `BadReply`: what came back is not a reply. `Unknown`: no such model or provider. `Unscripted`: a scripted model
 * has no reply left.
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
    "Refused",
    "Cut",
    "BadReply",
    "Unknown",
    "Unscripted"
  ),
  /** The whole name, prefix included. */
  model: Schema.String,
  /** What happened and what to do, without secrets. */
  detail: Schema.String,
  status: Schema.optional(Schema.Int),
  /** How long the provider wants to be left alone, where it says so, counted from the failure. */
  retryAfterMillis: Schema.optional(Schema.Int.pipe(Schema.nonNegative()))
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
    case "Refused":
      return false
  }
}

export interface ModelDriver {
  readonly call: (ask: ModelAsk, info: CallInfo) => Effect.Effect<ModelReply, ModelError>
  /** As `call`, told while it comes in. It ends with exactly one `Reply`, or fails. Absent: the driver answers all at once. */
  readonly stream?: (ask: ModelAsk, info: CallInfo) => Stream.Stream<ModelChunk, ModelError>
}

/**
 * Finds who answers for a model. `name` carries the provider's prefix. `path` is the standing path of the asking step
 * and `agent` the agent's name, `turn` which of its calls this is; only a scripted driver looks at them.
 */
export class Models extends Context.Tag("flujo/domain/Models")<
  Models,
  {
    readonly driver: (
      name: string,
      from: { readonly path: string; readonly agent: string; readonly turn?: number | undefined }
    ) => Effect.Effect<{ readonly driver: ModelDriver; readonly model: string }, ModelError>
  }
>() {}
