/**
 * A model of flujo as the `LanguageModel` of `@effect/ai`, for what users write in steps of their own. Each call goes through
 * the step's door: it is journaled before its reply is used, paid for from the budget, and not made again on a resume.
 * A call is known by its request, so a step that calls side by side is resumed all the same; the same request made again in one
 * step is the next call of it. A stream tells its reply once that is whole.
 */
import * as AiError from "@effect/ai/AiError"
import * as LanguageModel from "@effect/ai/LanguageModel"
import type * as Response from "@effect/ai/Response"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Digest from "../domain/Digest.js"
import * as Json from "../domain/Json.js"
import { ModelError, ModelReply, type ModelSettings, Models, type ReplyPart } from "../domain/Model.js"
import * as Once from "../domain/Once.js"
import * as AiAsk from "./internal/AiAsk.js"
import { keyIn } from "./internal/CallKey.js"

export interface Options {
  /** With its provider: `openai:gpt-4o`. */
  readonly model: string
  /** `maxTokens` is 4,096 where it is not said: what is paid for must have a bound. */
  readonly settings?: ModelSettings | undefined
}

export const maxTokensDefault = 4096

export const layer = (options: Options): Layer.Layer<LanguageModel.LanguageModel, never, Models> =>
  Layer.effect(
    LanguageModel.LanguageModel,
    Effect.flatMap(Models, (models) => {
      const ask = (given: LanguageModel.ProviderOptions, method: string) => call(models, options, given, method)
      return LanguageModel.make({
        generateText: (given) => Effect.map(ask(given, "generateText"), parts),
        streamText: (given) =>
          Stream.unwrap(Effect.map(ask(given, "streamText"), (reply) => Stream.fromIterable(streamed(reply))))
      })
    })
  )

const call = (
  models: Models["Type"],
  { model, settings }: Options,
  given: LanguageModel.ProviderOptions,
  method: string
) =>
  Effect.gen(function* () {
    const fail = (description: string) => new AiError.MalformedInput({ module: "flujo", method, description })
    const request = yield* Either.mapLeft(
      AiAsk.fromOptions(given, { model, settings: { maxTokens: maxTokensDefault, ...settings } }),
      fail
    )
    const json = Either.getOrThrow(Json.fromUnknown(request))
    const once = yield* Effect.serviceOption(Once.Once)
    const made = (info: Once.CallInfo) =>
      Effect.flatMap(models.driver(model, { path: info.path ?? "", agent: "" }), (found) =>
        found.driver.call({ ...request, model: found.model }, info)
      )
    const failed = (error: ModelError) =>
      new AiError.UnknownError({ module: "flujo", method, description: error.message, cause: error })
    // Outside of a run there is nothing to write it down in.
    if (Option.isNone(once)) return yield* Effect.mapError(made({ idempotencyKey: Digest.of(json) }), failed)
    return yield* once.value
      .run(
        {
          key: keyIn(once.value, "model", Digest.of(json)),
          request: json,
          success: ModelReply,
          failure: ModelError,
          per: "attempt",
          effect: "model",
          describe: ({ model, usage }) => ({ model, usage })
        },
        made
      )
      .pipe(Effect.mapError(failed))
  })

const parts = (reply: ModelReply): Array<Response.PartEncoded> => [
  { type: "response-metadata", modelId: reply.model },
  ...(reply.parts ?? [{ _tag: "Text" as const, text: reply.text }]).flatMap(partsOf),
  finished(reply)
]

const partsOf = (part: ReplyPart): Array<Response.PartEncoded> => {
  switch (part._tag) {
    case "Text":
      return [{ type: "text", text: part.text }]
    case "Reasoning":
      return part.text === "" ? [] : [{ type: "reasoning", text: part.text }]
    case "ToolCall": {
      // Arguments that are no JSON do not fit the tool: it is said so there.
      const params = Either.getOrElse(Json.parse(part.arguments), () => part.arguments)
      return [{ type: "tool-call", id: part.id, name: part.name, params, providerExecuted: false }]
    }
  }
}

const finished = ({ finish, usage }: ModelReply): Response.FinishPartEncoded => ({
  type: "finish",
  reason: finish,
  usage: {
    inputTokens: usage.input + usage.cachedInput + (usage.cacheWrite ?? 0),
    outputTokens: usage.output + usage.reasoning,
    totalTokens: undefined,
    reasoningTokens: usage.reasoning,
    cachedInputTokens: usage.cachedInput
  }
})

const streamed = (reply: ModelReply): Array<Response.StreamPartEncoded> =>
  parts(reply).flatMap((part, index): Array<Response.StreamPartEncoded> => {
    const id = String(index)
    switch (part.type) {
      case "text":
        return [
          { type: "text-start", id },
          { type: "text-delta", id, delta: part.text },
          { type: "text-end", id }
        ]
      case "reasoning":
        return [
          { type: "reasoning-start", id },
          { type: "reasoning-delta", id, delta: part.text },
          { type: "reasoning-end", id }
        ]
      case "tool-call":
      case "response-metadata":
      case "finish":
        return [part]
      default:
        return []
    }
  })
