/**
 * Any `LanguageModel` of `@effect/ai` as a provider of flujo: what a user has a layer for, agents can ask. It is asked for its
 * whole reply, and what it answers is journaled and paid for as any other model's.
 *
 * Its interface has no words for settings: `configured` says them in the words of the layer's own package. Without it a request
 * that has any but `maxTokens` is refused, and whoever makes the layer holds its model to so many tokens. The layer must not
 * try again by itself what may have been billed.
 */
import type * as AiError from "@effect/ai/AiError"
import * as LanguageModel from "@effect/ai/LanguageModel"
import type * as Response from "@effect/ai/Response"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  type ModelAsk,
  type ModelDriver,
  ModelError,
  type ModelReply,
  type ModelSettings,
  Models,
  type ReplyPart
} from "../domain/Model.js"
import type * as Usage from "../domain/Usage.js"
import * as AiPrompt from "./internal/AiPrompt.js"
import * as Tokens from "./Tokens.js"

export interface Options {
  /** What its models' names begin with. Default `own`: the layer answers for `own:NAME`, whatever the name. */
  readonly prefix?: string | undefined
  /** How a request's settings are said to the layer, such as `OpenAiLanguageModel.withConfigOverride`. */
  readonly configured?:
    | (<A, E, R>(effect: Effect.Effect<A, E, R>, settings: ModelSettings) => Effect.Effect<A, E, R>)
    | undefined
  /** Who answers for other names. Default: nobody. */
  readonly others?: Layer.Layer<Models> | undefined
}

/** `Models` of which one is the user's own. */
export const fromLanguageModel = <E, R>(
  layer: Layer.Layer<LanguageModel.LanguageModel, E, R>,
  options: Options = {}
): Layer.Layer<Models, E, R> => {
  const { configured, others, prefix = "own" } = options
  return Layer.scoped(
    Models,
    Effect.gen(function* () {
      const model = Context.get(yield* Layer.build(layer), LanguageModel.LanguageModel)
      const rest = others === undefined ? undefined : Context.get(yield* Layer.build(others), Models)
      return {
        driver: (name, from) => {
          const [head, ...tail] = name.split(":")
          if (head?.trim() === prefix && tail.join(":").trim() !== "") {
            return Effect.succeed({ driver: make(model, name, configured), model: tail.join(":").trim() })
          }
          if (rest !== undefined) return rest.driver(name, from)
          const detail = `there is only ${prefix}:NAME here; say who answers for others`
          return new ModelError({ reason: "Unknown", model: name.slice(0, 80), detail })
        }
      }
    })
  )
}

const make = (model: LanguageModel.Service, name: string, configured: Options["configured"]): ModelDriver => {
  const refuse = (detail: string) => new ModelError({ reason: "BadRequest", model: name, detail })
  const call = (ask: ModelAsk) =>
    Effect.gen(function* () {
      const { maxTokens: _, ...others } = ask.settings
      const strange = Object.entries(others).find(([, value]) => value !== undefined)
      if (configured === undefined && strange !== undefined) {
        return yield* refuse(`this LanguageModel was not said how it takes ${strange[0]}: give \`configured\``)
      }
      const prompt = yield* Effect.try({
        try: () => AiPrompt.messages(ask.messages),
        catch: () => refuse("the address of a picture is no URL")
      })
      if (ask.output._tag === "Vectors") return yield* refuse("a LanguageModel makes no vectors of texts")
      const { output } = ask
      const toolkit = AiPrompt.toolkit(ask.tools ?? [])
      const about = { prompt, toolkit, toolChoice: ask.toolChoice ?? "auto", disableToolCallResolution: true } as const
      const asked = Effect.suspend(
        (): Effect.Effect<ReadonlyArray<Response.AnyPart>, AiError.AiError> =>
          output._tag !== "Object"
            ? Effect.map(model.generateText(about), ({ content }) => content)
            : Effect.map(
                model.generateObject({
                  ...about,
                  objectName: output.name,
                  schema: AiPrompt.open(output.schema)
                }),
                ({ content }) => content
              )
      )
      const content = yield* Effect.mapError(
        configured === undefined ? asked : configured(asked, ask.settings),
        failure(name)
      )
      return replyOf(ask, content)
    })
  return { call: (ask) => call(ask) }
}

const replyOf = (ask: ModelAsk, content: ReadonlyArray<Response.AnyPart>): ModelReply => {
  const parts: Array<ReplyPart> = []
  let finish: ModelReply["finish"] = "other"
  let counted: Response.Usage | undefined
  let model = ask.model
  for (const part of content) {
    switch (part.type) {
      case "text":
        parts.push({ _tag: "Text", text: part.text.toWellFormed() })
        break
      case "reasoning":
        parts.push({ _tag: "Reasoning", text: part.text.toWellFormed() })
        break
      case "tool-call":
        parts.push({
          _tag: "ToolCall",
          id: part.id,
          name: part.name,
          arguments: (JSON.stringify(part.params) ?? "{}").toWellFormed()
        })
        break
      case "response-metadata":
        if (part.modelId._tag === "Some") model = part.modelId.value
        break
      case "finish":
        finish = finishes[part.reason]
        counted = part.usage
        break
      default:
    }
  }
  const text = parts.map((part) => (part._tag === "Text" ? part.text : "")).join("")
  const isPlain = parts.every(({ _tag }) => _tag === "Text")
  return { text, ...(isPlain ? {} : { parts }), finish, usage: usageOf(ask, parts, counted), model }
}

const finishes: Record<Response.FinishReason, ModelReply["finish"]> = {
  stop: "stop",
  length: "length",
  "content-filter": "content-filter",
  "tool-calls": "tool-calls",
  error: "other",
  pause: "other",
  other: "other",
  unknown: "other"
}

/** What is not counted is an upper bound, not zero. Cached tokens are part of the input, thought ones of the output. */
const usageOf = (ask: ModelAsk, parts: ReadonlyArray<ReplyPart>, counted: Response.Usage | undefined): Usage.Usage => {
  const cachedInput = counted?.cachedInputTokens ?? 0
  const reasoning = counted?.reasoningTokens ?? 0
  const input = counted?.inputTokens ?? Tokens.boundOfAsk(ask)
  const output = counted?.outputTokens ?? Tokens.boundOfParts(parts)
  return {
    input: Math.max(0, input - cachedInput),
    cachedInput: Math.min(cachedInput, input),
    output: Math.max(0, output - reasoning),
    reasoning: Math.min(reasoning, output)
  }
}

const failure =
  (name: string) =>
  (error: AiError.AiError): ModelError => {
    const fail = (reason: ModelError["reason"], status?: number) =>
      new ModelError({
        reason,
        model: name,
        detail: `its LanguageModel failed: ${error.message}`.slice(0, 2000),
        status
      })
    switch (error._tag) {
      case "HttpRequestError":
        return fail(error.reason === "Transport" ? "Network" : "BadRequest")
      case "HttpResponseError": {
        const { status } = error.response
        if (error.reason !== "StatusCode") return fail("BadReply", status)
        if (status === 401 || status === 403) return fail("Auth", status)
        if (status === 429) return fail("RateLimited", status)
        return fail(status >= 500 ? "Overloaded" : "BadRequest", status)
      }
      case "MalformedInput":
        return fail("BadRequest")
      case "MalformedOutput":
      case "UnknownError":
        return fail("BadReply")
    }
  }
