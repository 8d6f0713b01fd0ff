/**
 * OpenAI's Responses API (https://platform.openai.com/docs/api-reference/responses), which its reasoning models need to
 * keep their thoughts between turns. Nothing is stored at OpenAI: thoughts come encrypted, and go back as they came.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type {
  ResponseCreateParams,
  ResponseInputContent,
  ResponseInputItem,
  Tool
} from "openai/resources/responses/responses"
import * as Json from "../../domain/Json.js"
import type { ModelAsk, ModelChunk, ModelMessage, ModelReply, ReplyPart, UserPart } from "../../domain/Model.js"
import type { Usage } from "../../domain/Usage.js"
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

/** OpenAI's models that think: the ones that this API is chosen for. */
export const isReasoningModel = (model: string): boolean => /^(?:o\d|gpt-[5-9](?!.*-chat)|codex)/.test(model)

export const wire: Wire = {
  request: (ask, streamed) => {
    const { settings } = ask
    if (settings.seed !== undefined) return Either.left("a seed")
    if (settings.stop !== undefined) return Either.left("stop texts")
    if (settings.reasoning?.tokensMax !== undefined) {
      return Either.left("a limit of tokens for reasoning; say how much effort instead")
    }
    const thinks = settings.reasoning !== undefined || isReasoningModel(ask.model)
    const body: ResponseCreateParams = {
      model: ask.model,
      input: ask.messages.flatMap(itemsOf),
      store: false,
      ...(thinks ? { include: ["reasoning.encrypted_content" as const] } : {}),
      ...(settings.reasoning === undefined
        ? {}
        : {
            reasoning: {
              ...given("effort", settings.reasoning.effort),
              ...given("summary", settings.reasoning.summary)
            }
          }),
      ...(ask.output._tag !== "Object" && settings.verbosity === undefined
        ? {}
        : { text: { ...formatOf(ask.output), ...given("verbosity", settings.verbosity) } }),
      ...(ask.tools === undefined || ask.tools.length === 0
        ? {}
        : { tools: ask.tools.map(toolOf), ...given("tool_choice", ask.toolChoice) }),
      ...given("max_output_tokens", settings.maxTokens),
      ...given("temperature", settings.temperature),
      ...given("top_p", settings.topP),
      ...(streamed ? { stream: true } : {})
    }
    return Either.right({ path: "/responses", body })
  },
  reply: (json, ask, explain) =>
    Either.flatMap(read(json, explain), ({ incomplete_details, model, output, status, usage }) => {
      const why = incomplete_details?.reason ?? ""
      if (status !== "completed" && (status !== "incomplete" || why === "")) return Either.left(cut(explain))
      const parts = output.flatMap(partsOf)
      const counted = usageOf(usage, ask, parts)
      if (counted === undefined) {
        return Either.left(explain("BadReply", "the server counts more cached or reasoning tokens than tokens"))
      }
      const refused = output.some(({ content }) => (content ?? []).some(({ type }) => type === "refusal"))
      const finish = refused ? "content-filter" : status === "completed" ? "stop" : (finishes.get(why) ?? "other")
      return Either.right(replyOf(parts, { finish, usage: counted, model: model || ask.model }))
    }),
  gather: () => gather()
}

const itemsOf = (message: ModelMessage): ReadonlyArray<ResponseInputItem> => {
  switch (message.role) {
    case "system":
      return [{ role: "system", content: message.content.toWellFormed() }]
    case "user":
      return [
        {
          role: "user",
          content: typeof message.content === "string" ? message.content.toWellFormed() : message.content.map(contentOf)
        }
      ]
    case "assistant":
      return message.parts === undefined
        ? [{ role: "assistant", content: message.content.toWellFormed() }]
        : message.parts.flatMap(itemOf)
    case "tool":
      return [{ type: "function_call_output", call_id: message.callId, output: message.content.toWellFormed() }]
  }
}

const itemOf = (part: ReplyPart): ReadonlyArray<ResponseInputItem> => {
  switch (part._tag) {
    case "Text":
      return [{ role: "assistant", content: part.text.toWellFormed() }]
    case "ToolCall":
      return [{ type: "function_call", call_id: part.id, name: part.name, arguments: part.arguments }]
    case "Reasoning": {
      // Thoughts of another provider's model are nothing to this one.
      const id = Json.get(part.raw, "id")
      const encrypted = Json.get(part.raw, "encrypted_content")
      return part.protocol === "responses" && typeof id === "string" && typeof encrypted === "string"
        ? [{ type: "reasoning", id, summary: summaryOf(part.raw), encrypted_content: encrypted }]
        : []
    }
  }
}

const summaryOf = (raw: Json.Json | undefined): Array<{ type: "summary_text"; text: string }> => {
  const summary = Json.get(raw, "summary")
  return (Array.isArray(summary) ? summary : []).flatMap((entry: Json.Json) => {
    const text = Json.get(entry, "text")
    return typeof text === "string" ? [{ type: "summary_text" as const, text }] : []
  })
}

const contentOf = (part: UserPart): ResponseInputContent => {
  switch (part._tag) {
    case "Text":
      return { type: "input_text", text: part.text.toWellFormed() }
    case "Image":
      return { type: "input_image", image_url: `data:${part.mediaType};base64,${part.data}`, detail: "auto" }
    case "ImageUrl":
      return { type: "input_image", image_url: part.url, detail: "auto" }
  }
}

const toolOf = ({ description, jsonSchema, name }: NonNullable<ModelAsk["tools"]>[number]): Tool => ({
  type: "function",
  name,
  description: description.toWellFormed(),
  parameters: schemaOf(jsonSchema),
  strict: qualifiesForStrict(jsonSchema)
})

const formatOf = (output: ModelAsk["output"]) =>
  output._tag !== "Object"
    ? {}
    : {
        format: {
          type: "json_schema" as const,
          name: nameOf(output.name),
          schema: schemaOf(output.schema),
          strict: qualifiesForStrict(output.schema)
        }
      }

const Item = Schema.Struct({
  type: Schema.String,
  id: maybe(Schema.String),
  content: maybe(
    Schema.Array(Schema.Struct({ type: Schema.String, text: maybe(Schema.String), refusal: maybe(Schema.String) }))
  ),
  call_id: maybe(Schema.String),
  name: maybe(Schema.String),
  arguments: maybe(Schema.String),
  summary: maybe(Schema.Array(Schema.Struct({ type: Schema.String, text: Schema.String }))),
  encrypted_content: maybe(Schema.String)
})
const Response = Schema.Struct({
  model: maybe(Schema.String),
  status: maybe(Schema.String),
  incomplete_details: maybe(Schema.Struct({ reason: maybe(Schema.String) })),
  output: Schema.Array(Item),
  usage: maybe(
    Schema.Struct({
      input_tokens: maybe(Count),
      output_tokens: maybe(Count),
      input_tokens_details: maybe(Schema.Struct({ cached_tokens: maybe(Count) })),
      output_tokens_details: maybe(Schema.Struct({ reasoning_tokens: maybe(Count) }))
    })
  )
})

const read = reading(Response, "a response of the Responses API")

const finishes: ReadonlyMap<string, ModelReply["finish"]> = new Map([
  ["max_output_tokens", "length"],
  ["content_filter", "content-filter"]
])

const partsOf = (item: typeof Item.Type, index: number): ReadonlyArray<ReplyPart> => {
  switch (item.type) {
    case "message":
      return (item.content ?? []).map(({ refusal, text }) => ({ _tag: "Text", text: text ?? refusal ?? "" }))
    case "function_call":
      return [
        {
          _tag: "ToolCall",
          id: item.call_id || item.id || `call_${index}`,
          name: item.name ?? "",
          arguments: item.arguments ?? ""
        }
      ]
    case "reasoning": {
      const summary = (item.summary ?? []).map(({ text, type }) => ({ type, text }))
      const raw = { id: item.id ?? "", summary, encrypted_content: item.encrypted_content ?? null }
      return [{ _tag: "Reasoning", text: summary.map(({ text }) => text).join("\n\n"), protocol: "responses", raw }]
    }
    default:
      return []
  }
}

/** `undefined`: the counts contradict each other. */
const usageOf = (
  counted: (typeof Response.Type)["usage"],
  ask: ModelAsk,
  parts: ReadonlyArray<ReplyPart>
): Usage | undefined => {
  if (counted === undefined || counted === null) return uncounted(ask, parts)
  const sent = counted.input_tokens ?? 0
  const answered = counted.output_tokens ?? 0
  const cachedInput = counted.input_tokens_details?.cached_tokens ?? 0
  const reasoning = counted.output_tokens_details?.reasoning_tokens ?? 0
  if (cachedInput > sent || reasoning > answered) return undefined
  if (isMissing(counted.input_tokens) || isMissing(counted.output_tokens)) return uncounted(ask, parts)
  return { input: sent - cachedInput, cachedInput, output: answered - reasoning, reasoning }
}

/** The last event holds the whole response; without it there is half a reply, whose status says nothing. */
const gather = (): Gathering => {
  let whole: Json.Json = { status: null, output: [] }
  let over = false
  return {
    take: (event): ReadonlyArray<ModelChunk> => {
      const delta = Json.get(event, "delta")
      const text = typeof delta === "string" ? delta : ""
      switch (Json.get(event, "type")) {
        case "response.output_text.delta":
        case "response.refusal.delta":
          return [{ _tag: "Text", text }]
        case "response.reasoning_summary_text.delta":
          return [{ _tag: "Reasoning", text }]
        case "response.output_item.added":
        case "response.function_call_arguments.delta": {
          const index = Json.get(event, "output_index")
          const item = Json.get(event, "item")
          const name = Json.get(item, "name")
          if (item !== undefined && Json.get(item, "type") !== "function_call") return []
          return [
            {
              _tag: "ToolCall",
              index: typeof index === "number" ? index : 0,
              name: typeof name === "string" ? name : "",
              arguments: text
            }
          ]
        }
        case "response.completed":
        case "response.incomplete":
          whole = Json.get(event, "response") ?? whole
          over = true
          return []
        default:
          return []
      }
    },
    isOver: () => over,
    whole: () => whole
  }
}
