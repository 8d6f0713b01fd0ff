/**
 * Anthropic's Messages API (https://docs.anthropic.com/en/api/messages). It counts what came from its cache and what was
 * written to it beside the input, not within, and does not tell how much of the output was thought.
 *
 * A wanted object is asked for as the arguments of a tool that the model must call, which every Claude model can do; the
 * call is taken back into text here. While it thinks, a model cannot be made to call a tool: it is only offered then.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Json from "../../domain/Json.js"
import type { ModelAsk, ModelChunk, ModelMessage, ModelReply, ReplyPart, UserPart } from "../../domain/Model.js"
import * as Usage from "../../domain/Usage.js"
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

/** The API wants a limit; this one where the ask has none. */
export const maxTokensDefault = 4096

/** Fewer tokens for thinking are refused. */
const thinkingTokensMin = 1024

/** How much of the limit goes to thinking. */
const shares = { minimal: 0.1, low: 0.2, medium: 0.5, high: 0.8, xhigh: 0.9 } as const

type Reasoning = NonNullable<ModelAsk["settings"]["reasoning"]>

export const wire: Wire = {
  request: (ask, streamed) => {
    const { settings } = ask
    if (settings.seed !== undefined) return Either.left("a seed")
    if (settings.verbosity !== undefined) return Either.left("verbosity")
    if (settings.reasoning?.summary !== undefined) return Either.left("a summary of the reasoning")
    const maxTokens = settings.maxTokens ?? maxTokensDefault
    const thinking = thinkingOf(settings.reasoning, maxTokens)
    if (thinking !== undefined && (thinking < thinkingTokensMin || thinking >= maxTokens)) {
      return Either.left(
        `${thinking} tokens for thinking out of ${maxTokens}: it takes at least ${thinkingTokensMin}, and less than max_tokens`
      )
    }
    if (ask.output._tag === "Vectors") return Either.left("vectors of texts")
    const output = ask.output._tag === "Object" ? ask.output : undefined
    const system = ask.messages.flatMap((message) =>
      message.role === "system" ? [message.content.toWellFormed()] : []
    )
    const tools = [
      ...(ask.tools ?? []).map(({ description, jsonSchema, name }) => ({
        name,
        description: description.toWellFormed(),
        input_schema: schemaOf(jsonSchema)
      })),
      ...(output === undefined
        ? []
        : [{ name: nameOf(output.name), description: "Gives the answer.", input_schema: schemaOf(output.schema) }])
    ]
    return Either.right({
      path: "/v1/messages",
      body: {
        model: ask.model,
        max_tokens: maxTokens,
        ...(system.length === 0 ? {} : { system: system.join("\n\n") }),
        messages: turnsOf(ask.messages),
        ...(tools.length === 0 ? {} : { tools, tool_choice: choiceOf(ask, thinking !== undefined) }),
        ...(thinking === undefined ? {} : { thinking: { type: "enabled", budget_tokens: thinking } }),
        ...given("temperature", settings.temperature),
        ...given("top_p", settings.topP),
        ...given("stop_sequences", settings.stop),
        ...(streamed ? { stream: true } : {})
      }
    })
  },
  reply: (json, ask, explain) =>
    Either.flatMap(read(json, explain), ({ content, model, stop_reason: stop, usage }) => {
      if (stop === undefined || stop === null || stop === "") return Either.left(cut(explain))
      const parts = content.flatMap((block, index) => partsOf(block, index, ask))
      const finish = finishes.get(stop) ?? "other"
      const waits = parts.some(({ _tag }) => _tag === "ToolCall")
      return Either.right(
        replyOf(parts, {
          // The tool that stands for the wanted object waits for nothing.
          finish: finish === "tool-calls" && !waits ? "stop" : finish,
          usage: usageOf(usage, ask, parts),
          model: model || ask.model
        })
      )
    }),
  gather: (ask) => gather(ask.output._tag === "Object" ? nameOf(ask.output.name) : undefined)
}

const thinkingOf = (reasoning: Reasoning | undefined, maxTokens: number): number | undefined => {
  if (reasoning?.tokensMax !== undefined) return reasoning.tokensMax
  const effort = reasoning?.effort
  if (effort === undefined || effort === "none") return undefined
  return Math.max(thinkingTokensMin, Math.floor(maxTokens * shares[effort]))
}

const choiceOf = (ask: ModelAsk, thinks: boolean): object => {
  if (thinks) return { type: ask.toolChoice === "none" && ask.output._tag === "Text" ? "none" : "auto" }
  if (ask.output._tag !== "Object") {
    return { type: ask.toolChoice === "required" ? "any" : (ask.toolChoice ?? "auto") }
  }
  return ask.tools === undefined || ask.tools.length === 0 || ask.toolChoice === "none"
    ? { type: "tool", name: nameOf(ask.output.name) }
    : { type: "any" }
}

interface Turn {
  readonly role: "user" | "assistant"
  readonly content: ReadonlyArray<object>
}

/** Roles take turns here, so what several tools answered stands in one message, as the API wants it. */
const turnsOf = (messages: ReadonlyArray<ModelMessage>): ReadonlyArray<Turn> => {
  const turns: Array<Turn> = []
  for (const message of messages) {
    if (message.role === "system") continue
    const role = message.role === "assistant" ? "assistant" : "user"
    const content = blocksOf(message)
    const last = turns.at(-1)
    // Text without a character is refused, and a message without content.
    if (content.length === 0) continue
    if (last?.role === role) turns[turns.length - 1] = { role, content: [...last.content, ...content] }
    else turns.push({ role, content })
  }
  return turns
}

const textBlocks = (text: string): ReadonlyArray<object> =>
  text === "" ? [] : [{ type: "text", text: text.toWellFormed() }]

const blocksOf = (message: Exclude<ModelMessage, { readonly role: "system" }>): ReadonlyArray<object> => {
  switch (message.role) {
    case "user":
      return typeof message.content === "string" ? textBlocks(message.content) : message.content.flatMap(userBlocks)
    case "assistant":
      return message.parts === undefined ? textBlocks(message.content) : message.parts.flatMap(replyBlocks)
    case "tool":
      return [
        {
          type: "tool_result",
          tool_use_id: message.callId,
          content: message.content.toWellFormed(),
          ...(message.failed === true ? { is_error: true } : {})
        }
      ]
  }
}

const userBlocks = (part: UserPart): ReadonlyArray<object> => {
  switch (part._tag) {
    case "Text":
      return textBlocks(part.text)
    case "Image":
      return [{ type: "image", source: { type: "base64", media_type: part.mediaType, data: part.data } }]
    case "ImageUrl":
      return [{ type: "image", source: { type: "url", url: part.url } }]
  }
}

const replyBlocks = (part: ReplyPart): ReadonlyArray<object> => {
  switch (part._tag) {
    case "Text":
      return textBlocks(part.text)
    case "ToolCall":
      return [{ type: "tool_use", id: part.id, name: part.name, input: inputOf(part.arguments) }]
    case "Reasoning":
      return part.protocol === "messages" && Json.isObject(part.raw) ? [part.raw] : []
  }
}

/** The API takes objects only. What a model wrote in their place was answered with an error, and is shown as text. */
const inputOf = (written: string): Json.JsonObject => {
  const parsed = Either.getOrElse(Json.parse(written), () => null)
  return Json.isObject(parsed) ? parsed : written === "" ? {} : { arguments: written.toWellFormed() }
}

const Block = Schema.Struct({
  type: Schema.String,
  text: maybe(Schema.String),
  id: maybe(Schema.String),
  name: maybe(Schema.String),
  /** Put together from a stream it is the text that was written. */
  input: maybe(Json.Json),
  thinking: maybe(Schema.String),
  signature: maybe(Schema.String),
  data: maybe(Schema.String)
})
const Counts = Schema.Struct({
  input_tokens: maybe(Count),
  output_tokens: maybe(Count),
  cache_creation_input_tokens: maybe(Count),
  cache_read_input_tokens: maybe(Count)
})
const Message = Schema.Struct({
  model: maybe(Schema.String),
  content: Schema.Array(Block),
  stop_reason: maybe(Schema.String),
  usage: maybe(Counts)
})

const read = reading(Message, "a message of the Messages API")

const finishes: ReadonlyMap<string, ModelReply["finish"]> = new Map([
  ["end_turn", "stop"],
  ["stop_sequence", "stop"],
  ["max_tokens", "length"],
  ["model_context_window_exceeded", "length"],
  ["tool_use", "tool-calls"],
  ["refusal", "content-filter"]
])

const partsOf = (block: typeof Block.Type, index: number, ask: ModelAsk): ReadonlyArray<ReplyPart> => {
  switch (block.type) {
    case "text":
      return block.text ? [{ _tag: "Text", text: block.text }] : []
    case "tool_use": {
      const name = block.name ?? ""
      const written = typeof block.input === "string" ? block.input : JSON.stringify(block.input ?? {})
      return ask.output._tag === "Object" && name === nameOf(ask.output.name)
        ? [{ _tag: "Text", text: written }]
        : [{ _tag: "ToolCall", id: block.id || `call_${index}`, name, arguments: written === "" ? "{}" : written }]
    }
    case "thinking": {
      const thinking = block.thinking ?? ""
      const raw = { type: "thinking", thinking, signature: block.signature ?? "" }
      return [{ _tag: "Reasoning", text: thinking, protocol: "messages", raw }]
    }
    case "redacted_thinking":
      return [
        {
          _tag: "Reasoning",
          text: "",
          protocol: "messages",
          raw: { type: "redacted_thinking", data: block.data ?? "" }
        }
      ]
    default:
      return []
  }
}

const usageOf = (
  counted: (typeof Message.Type)["usage"],
  ask: ModelAsk,
  parts: ReadonlyArray<ReplyPart>
): Usage.Usage =>
  counted === undefined || counted === null || isMissing(counted.input_tokens) || isMissing(counted.output_tokens)
    ? uncounted(ask, parts)
    : {
        input: counted.input_tokens ?? 0,
        cachedInput: counted.cache_read_input_tokens ?? 0,
        ...Usage.withCacheWrite(counted.cache_creation_input_tokens ?? 0),
        output: counted.output_tokens ?? 0,
        reasoning: 0
      }

/** `wanted` names the tool that stands for the wanted object: what is written to it is shown as text. */
const gather = (wanted: string | undefined): Gathering => {
  let head: Json.JsonObject = {}
  let usage: Json.JsonObject = {}
  let stop: Json.Json = null
  let over = false
  const blocksByIndex = new Map<number, Record<string, Json.Json>>()

  const started = (index: number, block: Json.Json | undefined): ReadonlyArray<ModelChunk> => {
    if (!Json.isObject(block)) return []
    const isTool = block.type === "tool_use"
    blocksByIndex.set(index, isTool ? { ...block, input: "" } : { ...block })
    return isTool && typeof block.name === "string" && block.name !== wanted
      ? [{ _tag: "ToolCall", index, name: block.name, arguments: "" }]
      : []
  }
  const grown = (index: number, delta: Json.Json | undefined): ReadonlyArray<ModelChunk> => {
    const block = blocksByIndex.get(index)
    if (block === undefined) return []
    const grow = (key: string, from: string): string => {
      const piece = Json.get(delta, from)
      const before = block[key]
      if (typeof piece !== "string") return ""
      block[key] = (typeof before === "string" ? before : "") + piece
      return piece
    }
    switch (Json.get(delta, "type")) {
      case "text_delta":
        return [{ _tag: "Text", text: grow("text", "text") }]
      case "input_json_delta": {
        const piece = grow("input", "partial_json")
        const name = typeof block.name === "string" ? block.name : ""
        return [name === wanted ? { _tag: "Text", text: piece } : { _tag: "ToolCall", index, name, arguments: piece }]
      }
      case "thinking_delta":
        return [{ _tag: "Reasoning", text: grow("thinking", "thinking") }]
      case "signature_delta":
        grow("signature", "signature")
        return []
      default:
        return []
    }
  }
  /** Counts are totals, so the later one is right; it may leave out what did not change. */
  const count = (counts: Json.Json | undefined) => {
    if (!Json.isObject(counts)) return
    const told = Object.fromEntries(Object.entries(counts).filter(([, value]) => value !== null))
    usage = { ...usage, ...told }
  }

  return {
    take: (event) => {
      const given = Json.get(event, "index")
      const index = typeof given === "number" ? given : 0
      switch (Json.get(event, "type")) {
        case "message_start": {
          const message = Json.get(event, "message")
          head = Json.isObject(message) ? message : {}
          count(head.usage)
          return []
        }
        case "content_block_start":
          return started(index, Json.get(event, "content_block"))
        case "content_block_delta":
          return grown(index, Json.get(event, "delta"))
        case "message_delta":
          stop = Json.get(Json.get(event, "delta"), "stop_reason") ?? stop
          count(Json.get(event, "usage"))
          return []
        case "message_stop":
          over = true
          return []
        default:
          return []
      }
    },
    isOver: () => over,
    whole: () => ({
      ...head,
      content: [...blocksByIndex.entries()].sort(([a], [b]) => a - b).map(([, block]) => block),
      stop_reason: stop,
      usage: Object.keys(usage).length === 0 ? null : usage
    })
  }
}
