/**
 * OpenAI's chat completions, spoken by most servers there are
 * (https://platform.openai.com/docs/api-reference/chat). OpenAI counts cached tokens within the prompt and reasoning
 * within the completion; a server whose total says that reasoning comes on top is believed.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type {
  ChatCompletionContentPart,
  ChatCompletionCreateParams,
  ChatCompletionMessageParam,
  ChatCompletionTool
} from "openai/resources/chat/completions"
import * as Json from "../../domain/Json.js"
import type { ModelAsk, ModelChunk, ModelMessage, ModelReply, ReplyPart, UserPart } from "../../domain/Model.js"
import * as Usage from "../../domain/Usage.js"
import { qualifiesForStrict } from "./Strict.js"
import {
  Count,
  cut,
  type Gathering,
  given,
  isMissing,
  maybe,
  nameOf,
  reading,
  replyOf,
  schemaOf,
  uncounted,
  type Wire
} from "./Wire.js"

/** Where servers that speak it differ. */
export interface Dialect {
  /** OpenAI's newer models refuse `max_tokens`; most servers like it know nothing else. */
  readonly maxTokens: "max_tokens" | "max_completion_tokens"
  /** How a wish about thinking is written: as OpenAI does, which has no limit in tokens, or as OpenRouter does. */
  readonly reasoning: "reasoning_effort" | "reasoning"
  /** Whether a tool may say `strict`. */
  readonly strictTools: boolean
  /** Azure's older way: the model stands in the path, and this in the query. */
  readonly apiVersion?: string | undefined
}

export const make = (dialect: Dialect): Wire => ({
  request: (ask, streamed) => {
    const { reasoning, verbosity } = ask.settings
    if (dialect.reasoning === "reasoning_effort" && reasoning?.tokensMax !== undefined) {
      return Either.left("a limit of tokens for reasoning; say how much effort instead")
    }
    if (reasoning?.summary !== undefined) return Either.left("a summary of the reasoning")
    const body: ChatCompletionCreateParams & { readonly reasoning?: object } = {
      model: ask.model,
      messages: ask.messages.map(messageOf),
      ...(ask.output._tag !== "Object"
        ? {}
        : {
            response_format: {
              type: "json_schema",
              json_schema: {
                name: nameOf(ask.output.name),
                schema: schemaOf(ask.output.schema),
                strict: qualifiesForStrict(ask.output.schema)
              }
            }
          }),
      ...(ask.tools === undefined || ask.tools.length === 0
        ? {}
        : { tools: toolsOf(ask.tools, dialect.strictTools), ...given("tool_choice", ask.toolChoice) }),
      ...given(dialect.maxTokens, ask.settings.maxTokens),
      ...given("temperature", ask.settings.temperature),
      ...given("top_p", ask.settings.topP),
      ...given("seed", ask.settings.seed),
      ...given("stop", ask.settings.stop?.slice()),
      ...given("verbosity", verbosity),
      ...(dialect.reasoning === "reasoning_effort"
        ? given("reasoning_effort", reasoning?.effort)
        : reasoning === undefined
          ? {}
          : { reasoning: { ...given("effort", reasoning.effort), ...given("max_tokens", reasoning.tokensMax) } }),
      ...(streamed ? { stream: true, stream_options: { include_usage: true } } : {})
    }
    return Either.right(
      dialect.apiVersion === undefined
        ? { path: "/chat/completions", body }
        : {
            path: `/deployments/${encodeURIComponent(ask.model)}/chat/completions`,
            query: { "api-version": dialect.apiVersion },
            body
          }
    )
  },
  reply,
  gather
})

const messageOf = (message: ModelMessage): ChatCompletionMessageParam => {
  switch (message.role) {
    case "system":
      return { role: "system", content: message.content.toWellFormed() }
    case "user":
      return {
        role: "user",
        content: typeof message.content === "string" ? message.content.toWellFormed() : message.content.map(partOf)
      }
    case "assistant": {
      const calls = (message.parts ?? []).flatMap((part) =>
        part._tag === "ToolCall"
          ? [{ id: part.id, type: "function" as const, function: { name: part.name, arguments: part.arguments } }]
          : []
      )
      const content = message.content.toWellFormed()
      return calls.length === 0
        ? { role: "assistant", content }
        : { role: "assistant", content: content === "" ? null : content, tool_calls: calls }
    }
    case "tool":
      return { role: "tool", tool_call_id: message.callId, content: message.content.toWellFormed() }
  }
}

const partOf = (part: UserPart): ChatCompletionContentPart => {
  switch (part._tag) {
    case "Text":
      return { type: "text", text: part.text.toWellFormed() }
    case "Image":
      return { type: "image_url", image_url: { url: `data:${part.mediaType};base64,${part.data}` } }
    case "ImageUrl":
      return { type: "image_url", image_url: { url: part.url } }
  }
}

const toolsOf = (tools: NonNullable<ModelAsk["tools"]>, mayBeStrict: boolean): Array<ChatCompletionTool> =>
  tools.map(({ description, jsonSchema, name }) => ({
    type: "function",
    function: {
      name,
      description: description.toWellFormed(),
      parameters: schemaOf(jsonSchema),
      ...(mayBeStrict && qualifiesForStrict(jsonSchema) ? { strict: true } : {})
    }
  }))

const Completion = Schema.Struct({
  model: maybe(Schema.String),
  choices: Schema.NonEmptyArray(
    Schema.Struct({
      finish_reason: maybe(Schema.String),
      message: Schema.Struct({
        content: maybe(
          Schema.Union(Schema.String, Schema.Array(Schema.Struct({ type: Schema.String, text: maybe(Schema.String) })))
        ),
        refusal: maybe(Schema.String),
        // What DeepSeek, vLLM and others tell of the thinking, and OpenRouter's name for it.
        reasoning_content: maybe(Schema.String),
        reasoning: maybe(Schema.Union(Schema.String, Json.Json)),
        tool_calls: maybe(
          Schema.Array(
            Schema.Struct({
              id: maybe(Schema.String),
              // An object where a text belongs is taken as its text.
              function: Schema.Struct({ name: Schema.String, arguments: maybe(Schema.Union(Schema.String, Json.Json)) })
            })
          )
        )
      })
    })
  ),
  usage: maybe(
    Schema.Struct({
      prompt_tokens: maybe(Count),
      completion_tokens: maybe(Count),
      total_tokens: maybe(Count),
      prompt_tokens_details: maybe(Schema.Struct({ cached_tokens: maybe(Count), cache_write_tokens: maybe(Count) })),
      completion_tokens_details: maybe(Schema.Struct({ reasoning_tokens: maybe(Count) }))
    })
  )
})
type Completion = typeof Completion.Type
type Message = Completion["choices"][0]["message"]

const read = reading(Completion, "a chat completion")

const reply: Wire["reply"] = (json, ask, explain) =>
  Either.flatMap(read(json, explain), (completion) => {
    const [{ finish_reason: finish, message }] = completion.choices
    // OpenRouter says "error" when the provider behind it broke off.
    if (finish === undefined || finish === null || finish === "" || finish === "error") return Either.left(cut(explain))
    const refusal = message.refusal ?? ""
    const parts = partsOf(message)
    const said = parts.some(({ _tag }) => _tag === "Text") || refusal === "" ? parts : [textPart(refusal), ...parts]
    const usage = usageOf(completion.usage, ask, said)
    return usage === undefined
      ? Either.left(explain("BadReply", "the server counts more cached or reasoning tokens than tokens"))
      : Either.right(
          replyOf(said, {
            finish: refusal === "" ? (finishes.get(finish) ?? "other") : "content-filter",
            usage,
            model: completion.model || ask.model
          })
        )
  })

const finishes: ReadonlyMap<string, ModelReply["finish"]> = new Map([
  ["stop", "stop"],
  ["length", "length"],
  ["content_filter", "content-filter"],
  ["tool_calls", "tool-calls"],
  ["function_call", "tool-calls"]
])

const textPart = (text: string): ReplyPart => ({ _tag: "Text", text })

const partsOf = ({ content, reasoning, reasoning_content, tool_calls }: Message): ReadonlyArray<ReplyPart> => {
  const thought = reasoning_content || (typeof reasoning === "string" ? reasoning : "")
  const text = typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? "").join("")
  return [
    ...(thought === "" ? [] : [{ _tag: "Reasoning" as const, text: thought }]),
    ...(text === "" ? [] : [textPart(text)]),
    ...(tool_calls ?? []).map(({ function: { arguments: given, name }, id }, index) => ({
      _tag: "ToolCall" as const,
      // A server that gives no name gets one, so that the answer can be told to belong to it.
      id: id || `call_${index}`,
      name,
      arguments: typeof given === "string" ? given : JSON.stringify(given ?? {})
    }))
  ]
}

/** `undefined`: the counts contradict each other. */
const usageOf = (
  counted: Completion["usage"],
  ask: ModelAsk,
  parts: ReadonlyArray<ReplyPart>
): Usage.Usage | undefined => {
  if (counted === undefined || counted === null) return uncounted(ask, parts)
  const prompt = counted.prompt_tokens ?? 0
  const completion = counted.completion_tokens ?? 0
  const cachedInput = counted.prompt_tokens_details?.cached_tokens ?? 0
  const cacheWrite = counted.prompt_tokens_details?.cache_write_tokens ?? 0
  const reasoning = counted.completion_tokens_details?.reasoning_tokens ?? 0
  const onTop = reasoning > 0 && counted.total_tokens === prompt + completion + reasoning
  if (cachedInput + cacheWrite > prompt || (reasoning > completion && !onTop)) return undefined
  if (isMissing(counted.prompt_tokens) || isMissing(counted.completion_tokens)) return uncounted(ask, parts)
  return {
    input: prompt - cachedInput - cacheWrite,
    cachedInput,
    ...Usage.withCacheWrite(cacheWrite),
    output: onTop ? completion : completion - reasoning,
    reasoning
  }
}

interface Call {
  id: string
  name: string
  arguments: string
}

const gather = (): Gathering => {
  let model: Json.Json = null
  let usage: Json.Json = null
  let finish: Json.Json = null
  let content = ""
  let refusal = ""
  let thought = ""
  const callsByIndex = new Map<number, Call>()

  const text = (json: Json.Json | undefined, key: string): string => {
    const value = Json.get(json, key)
    return typeof value === "string" ? value : ""
  }
  const call = (delta: Json.Json): ModelChunk => {
    const given = Json.get(delta, "index")
    // Without an index each piece is a call of its own.
    const index = typeof given === "number" ? given : callsByIndex.size
    const known = callsByIndex.get(index) ?? { id: "", name: "", arguments: "" }
    const written = Json.get(Json.get(delta, "function"), "arguments")
    const piece =
      typeof written === "string" ? written : written === undefined || written === null ? "" : JSON.stringify(written)
    const next = {
      id: known.id || text(delta, "id"),
      name: known.name || text(Json.get(delta, "function"), "name"),
      arguments: known.arguments + piece
    }
    callsByIndex.set(index, next)
    return { _tag: "ToolCall", index, name: next.name, arguments: piece }
  }

  return {
    take: (event) => {
      model = Json.get(event, "model") ?? model
      usage = Json.get(event, "usage") ?? usage
      const choices = Json.get(event, "choices")
      const choice = Array.isArray(choices) ? choices[0] : undefined
      if (choice === undefined) return []
      finish = Json.get(choice, "finish_reason") ?? finish
      const delta = Json.get(choice, "delta")
      const thinking = text(delta, "reasoning_content") || text(delta, "reasoning")
      const said = text(delta, "content")
      const refused = text(delta, "refusal")
      thought += thinking
      content += said
      refusal += refused
      const calls = Json.get(delta, "tool_calls")
      return [
        ...(thinking === "" ? [] : [{ _tag: "Reasoning" as const, text: thinking }]),
        ...(said + refused === "" ? [] : [{ _tag: "Text" as const, text: said + refused }]),
        ...(Array.isArray(calls) ? calls.map((delta) => call(delta)) : [])
      ]
    },
    isOver: () => false,
    whole: () => ({
      model,
      usage,
      choices: [
        {
          finish_reason: finish,
          message: {
            content,
            refusal,
            reasoning_content: thought,
            tool_calls: [...callsByIndex.entries()]
              .sort(([a], [b]) => a - b)
              .map(([, { arguments: written, id, name }]) => ({ id, function: { name, arguments: written } }))
          }
        }
      ]
    })
  }
}
