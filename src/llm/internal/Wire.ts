/**
 * A protocol that providers speak, as data: how an ask is said in it, how a whole reply is read, and how a streamed one
 * is put together into the same shape, so that there is one reading for both. Nothing here sends anything.
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Json from "../../domain/Json.js"
import type { ModelAsk, ModelChunk, ModelError, ModelReply, ReplyPart } from "../../domain/Model.js"
import type { Usage } from "../../domain/Usage.js"
import * as Tokens from "../Tokens.js"
import type { Explain } from "./Failure.js"

export interface Request {
  /** After the base URL, with a leading slash. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly body: object
}

export interface Wire {
  /** A text on the left says what in the ask this protocol has no words for. */
  readonly request: (ask: ModelAsk, streamed: boolean) => Either.Either<Request, string>
  readonly reply: (json: Json.Json, ask: ModelAsk, explain: Explain) => Either.Either<ModelReply, ModelError>
  readonly gather: (ask: ModelAsk) => Gathering
}

/** Puts the events of one stream together. */
export interface Gathering {
  /** Takes the data of one event; answers what it showed. */
  readonly take: (event: Json.Json) => ReadonlyArray<ModelChunk>
  /** Whether nothing follows any more, though the connection may stay open. */
  readonly isOver: () => boolean
  /** The whole, as `Wire.reply` reads it; half a reply if the stream broke off. */
  readonly whole: () => Json.Json
}

export const maybe = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(Schema.NullOr(schema))

/** More tokens than any call has; what is above is not a count. */
export const Count = Schema.Int.pipe(Schema.between(0, 1_000_000_000))

/** The JSON of a body, its texts well-formed. */
export const jsonOf = (body: string, explain: Explain): Either.Either<Json.Json, ModelError> => {
  const start = body.trimStart()
  if (start === "") return Either.left(explain("BadReply", "the reply is empty"))
  let parsed: unknown
  try {
    parsed = JSON.parse(start, (_, value: unknown) => (typeof value === "string" ? value.toWellFormed() : value))
  } catch {
    return Either.left(
      start.startsWith("{") && !start.trimEnd().endsWith("}")
        ? explain("Cut", "the reply ends in the middle; it may have been billed")
        : explain("BadReply", `the reply is not JSON; it starts with: ${explain.shown(body, 80)}`)
    )
  }
  return Either.mapLeft(Json.fromUnknown(parsed), (error) =>
    explain("BadReply", `the reply is of no use: ${error.message}`)
  )
}

/** Reads `json` as what it ought to be, `what`; says where it is not. */
export const reading = <A, I>(schema: Schema.Schema<A, I>, what: string) => {
  const decode = Schema.decodeUnknownEither(schema)
  return (json: Json.Json, explain: Explain): Either.Either<A, ModelError> =>
    Either.mapLeft(decode(json), (error) => {
      const path = ParseResult.ArrayFormatter.formatErrorSync(error)[0]?.path ?? []
      const at = path.length === 0 ? "its root" : `/${path.map(String).join("/")}`
      return explain("BadReply", `the reply is not ${what} (at ${explain.shown(at, 120)})`)
    })
}

export const cut = (explain: Explain): ModelError =>
  explain("Cut", "the server did not say why the reply ended, so it may be cut; it may have been billed")

/** What the parts are together. */
export const replyOf = (
  parts: ReadonlyArray<ReplyPart>,
  rest: Pick<ModelReply, "finish" | "model" | "usage">
): ModelReply => ({
  text: parts.map((part) => (part._tag === "Text" ? part.text : "")).join(""),
  ...(parts.every(({ _tag }) => _tag === "Text") ? {} : { parts }),
  ...rest,
  // Some servers say "stop" when the model waits for its tools.
  finish: rest.finish === "stop" && parts.some(({ _tag }) => _tag === "ToolCall") ? "tool-calls" : rest.finish
})

/** Whether a count is not there: by its absence, or as null. */
export const isMissing = (count: number | null | undefined): boolean => (count ?? undefined) === undefined

/**
 * Where nothing was counted, or only in part, the answer is not zero, which a budget would take for free, but the upper
 * bound: what was thought and not shown may be billed, so it is all that the model was allowed.
 */
export const uncounted = (ask: ModelAsk, parts: ReadonlyArray<ReplyPart>): Usage => ({
  input: Tokens.boundOfAsk(ask),
  cachedInput: 0,
  output: ask.settings.maxTokens ?? Tokens.boundOfParts(parts),
  reasoning: 0
})

/** What OpenAI takes as a name: letters, digits, `_` and `-`, at most 64. */
export const nameOf = (name: string): string => name.replace(/[^A-Za-z0-9_-]+/g, "_").slice(0, 64) || "output"

/** A schema as the body of a request. */
export const schemaOf = (schema: Json.Json): Record<string, unknown> => (Json.isObject(schema) ? { ...schema } : {})

/** `value` under `key` where there is one. */
export const given = <K extends string, A>(key: K, value: A | undefined): { readonly [P in K]?: A } =>
  value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: A })
