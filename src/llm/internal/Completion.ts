/** A chat completion's body read as a reply: text well-formed, tokens in disjoint buckets, and nothing taken on trust. */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type { ModelAsk, ModelError, ModelReply } from "../../domain/Model.js"
import type { Usage } from "../../domain/Usage.js"
import * as Tokens from "../Tokens.js"
import type { Explain } from "./Failure.js"

const maybe = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(Schema.NullOr(schema))

/** More tokens than any call has; what is above is not a count. */
const Count = Schema.Int.pipe(Schema.between(0, 1_000_000_000))

const Completion = Schema.Struct({
  model: maybe(Schema.String),
  choices: Schema.NonEmptyArray(
    Schema.Struct({
      finish_reason: maybe(Schema.String),
      message: Schema.Struct({
        content: maybe(
          Schema.Union(Schema.String, Schema.Array(Schema.Struct({ type: Schema.String, text: maybe(Schema.String) })))
        ),
        refusal: maybe(Schema.String)
      })
    })
  ),
  usage: maybe(
    Schema.Struct({
      prompt_tokens: maybe(Count),
      completion_tokens: maybe(Count),
      total_tokens: maybe(Count),
      prompt_tokens_details: maybe(Schema.Struct({ cached_tokens: maybe(Count) })),
      completion_tokens_details: maybe(Schema.Struct({ reasoning_tokens: maybe(Count) }))
    })
  )
})
type Completion = typeof Completion.Type

const decode = Schema.decodeUnknownEither(Completion)

export const replyOf = (body: string, ask: ModelAsk, explain: Explain): Either.Either<ModelReply, ModelError> => {
  const start = body.trimStart()
  if (start === "") return Either.left(explain("BadReply", "the reply is empty"))
  let json: unknown
  try {
    json = JSON.parse(start)
  } catch {
    return Either.left(
      start.startsWith("{") && !start.trimEnd().endsWith("}")
        ? explain("Cut", "the reply ends in the middle; it may have been billed")
        : explain("BadReply", `the reply is not JSON; it starts with: ${explain.shown(body, 80)}`)
    )
  }
  const decoded = decode(json)
  if (Either.isLeft(decoded)) return Either.left(explain("BadReply", misshapen(json, decoded.left, explain)))
  const [{ finish_reason: finish, message }] = decoded.right.choices
  if (finish === undefined || finish === null || finish === "") {
    return Either.left(
      explain("Cut", "the server did not say why the reply ended, so it may be cut; it may have been billed")
    )
  }
  const refused = typeof message.refusal === "string" && message.refusal !== ""
  const text = textOf(message.content).toWellFormed()
  const usage = usageOf(decoded.right.usage, ask, text)
  if (usage === undefined) {
    return Either.left(explain("BadReply", "the server counts more cached or reasoning tokens than tokens"))
  }
  return Either.right({
    text: refused && text === "" ? message.refusal.toWellFormed() : text,
    finish: refused ? "content-filter" : (finishes.get(finish) ?? "other"),
    usage,
    model: (decoded.right.model || ask.model).toWellFormed()
  })
}

const finishes: ReadonlyMap<string, ModelReply["finish"]> = new Map([
  ["stop", "stop"],
  ["length", "length"],
  ["content_filter", "content-filter"]
])

const textOf = (content: Completion["choices"][0]["message"]["content"]): string =>
  typeof content === "string" ? content : (content ?? []).map(({ text }) => text ?? "").join("")

/** Some servers answer 200 and tell of a failure in the body. */
const misshapen = (json: unknown, error: ParseResult.ParseError, explain: Explain): string => {
  const said = (json as { readonly error?: { readonly message?: unknown } | null } | null)?.error?.message
  if (typeof said === "string") return `the server answered with an error: ${explain.shown(said, 200)}`
  const path = ParseResult.ArrayFormatter.formatErrorSync(error)[0]?.path ?? []
  return `the reply is not a chat completion (at ${path.length === 0 ? "its root" : `/${path.map(String).join("/")}`})`
}

/**
 * OpenAI counts cached tokens within the prompt and reasoning within the completion; a server whose total says that
 * reasoning comes on top is believed. Where nothing is counted the answer is not zero, which a budget would take for
 * free, but the upper bound of `Tokens`. `undefined`: the counts contradict each other.
 */
const usageOf = (counted: Completion["usage"], ask: ModelAsk, text: string): Usage | undefined => {
  if (counted === undefined || counted === null) {
    const output = Math.min(Tokens.boundOfText(text), ask.settings.maxTokens ?? Number.POSITIVE_INFINITY)
    return { input: Tokens.boundOfAsk(ask), cachedInput: 0, output, reasoning: 0 }
  }
  const prompt = counted.prompt_tokens ?? 0
  const completion = counted.completion_tokens ?? 0
  const cachedInput = counted.prompt_tokens_details?.cached_tokens ?? 0
  const reasoning = counted.completion_tokens_details?.reasoning_tokens ?? 0
  const onTop = reasoning > 0 && counted.total_tokens === prompt + completion + reasoning
  if (cachedInput > prompt || (reasoning > completion && !onTop)) return undefined
  return { input: prompt - cachedInput, cachedInput, output: onTop ? completion : completion - reasoning, reasoning }
}
