/**
 * What a value looks like on both sides of the journal: how it is written, how it is read back, and its JSON Schema for
 * people and plans. An Effect `Schema` and a JSON Schema of a blueprint are both one.
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Json from "../domain/Json.js"
import { describe } from "./internal/Describe.js"
import * as Proto from "./internal/Proto.js"

/** Why a value does not fit: one line per fault, with its place. */
export class Misfit extends Schema.TaggedError<Misfit>("flujo/pipeline/Misfit")("Misfit", {
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

export interface Shape {
  /** JSON Schema (2020-12), or `{ opaque: name }` for what JSON Schema cannot say. */
  readonly jsonSchema: Json.Json
  /** `undefined` is an absent value: what `Schema.Void` writes. */
  readonly encode: (value: unknown) => Either.Either<Json.Json | undefined, Misfit>
  readonly decode: (json: Json.Json | undefined) => Either.Either<unknown, Misfit>
  /** What it was made from, where that was an Effect `Schema`. */
  readonly schema?: Schema.Schema.AnyNoContext | undefined
}

/**
 * What the encoded side of a schema may be for its values to cross the journal. TypeScript takes an `interface` for no
 * such type, as it may yet be extended: write the type of a schema that contains itself as a `type`.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: `void` is what `Schema.Void` encodes to.
export type Crossing = Json.Encoded | void

/** Any JSON value, as it is. */
export const any: Shape = {
  jsonSchema: {},
  encode: (value) => Either.mapLeft(Json.fromUnknown(value), (fault) => new Misfit({ detail: fault.message })),
  decode: (json) => Either.right(json ?? null)
}

/** Nothing fits. */
export const never: Shape = {
  jsonSchema: { not: {} },
  encode: () => Either.left(new Misfit({ detail: "the step declares no error, so it has none to write" })),
  decode: () => Either.left(new Misfit({ detail: "the step declares no error, so it has none to read" }))
}

export const isShape = (value: unknown): value is Shape =>
  Predicate.isRecord(value) &&
  "jsonSchema" in value &&
  typeof value.encode === "function" &&
  typeof value.decode === "function"

const made = new WeakMap<object, Shape>()

/** One schema has one shape, so that shapes can be compared by identity. */
export const fromSchema = <A, I extends Crossing>(schema: Schema.Schema<A, I>): Shape => {
  const known = made.get(schema)
  if (known !== undefined) return known
  if (schema.ast._tag === "VoidKeyword") {
    // The schema itself lets anything through: what a function of type `() => void` happens to answer is not meant.
    const nothing: Shape = {
      schema,
      jsonSchema: describe(schema),
      encode: () => Either.right(undefined),
      decode: () => Either.right(undefined)
    }
    made.set(schema, nothing)
    return nothing
  }
  let encodeWith: ((value: unknown) => Either.Either<unknown, ParseResult.ParseError>) | undefined
  let decodeWith: ((value: unknown) => Either.Either<unknown, ParseResult.ParseError>) | undefined
  let jsonSchema: Json.Json | undefined
  let isRecord: boolean | undefined
  const isLost = (value: unknown): boolean => {
    isRecord ??= Proto.hasRecord(schema.ast)
    return isRecord && Proto.hasProto(value)
  }
  const shape: Shape = {
    schema,
    get jsonSchema() {
      jsonSchema ??= describe(schema)
      return jsonSchema
    },
    encode: (value) => {
      if (isLost(value)) return Either.left(proto)
      encodeWith ??= Schema.encodeUnknownEither(schema)
      const encoded = encodeWith(value)
      if (Either.isLeft(encoded)) return Either.left(misfit(encoded.left))
      if (encoded.right === undefined) return Either.right(undefined)
      return any.encode(encoded.right)
    },
    decode: (json) => {
      if (isLost(json)) return Either.left(proto)
      decodeWith ??= Schema.decodeUnknownEither(schema)
      return Either.mapLeft(decodeWith(json), misfit)
    }
  }
  made.set(schema, shape)
  return shape
}

const proto = new Misfit({ detail: "it has a key `__proto__`, which a record cannot hold" })

const misfit = (error: ParseResult.ParseError): Misfit =>
  new Misfit({
    detail: ParseResult.ArrayFormatter.formatErrorSync(error)
      .slice(0, 10)
      .map(({ message, path }) => (path.length === 0 ? message : `at ${path.map(String).join(".")}: ${message}`))
      .join("; ")
  })

/** A list of what `item` describes. */
export const list = (item: Shape): Shape => {
  if (item === any) return any
  const each = <A, B>(
    value: unknown,
    f: (item: A) => Either.Either<B, Misfit>
  ): Either.Either<ReadonlyArray<B>, Misfit> =>
    Array.isArray(value)
      ? Either.all(value.map((one: A) => f(one)))
      : Either.left(new Misfit({ detail: "a list is wanted" }))
  return {
    jsonSchema: { type: "array", items: item.jsonSchema },
    encode: (value) => Either.map(each(value, item.encode), (items) => items.map((one) => one ?? null)),
    decode: (json) => each(json, item.decode)
  }
}
