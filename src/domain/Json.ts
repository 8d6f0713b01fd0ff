/**
 * The values that cross the journal. `Json` is what is written; `Encoded` is what a schema may encode to, where
 * `undefined` stands only for an absent property. `canonical` is RFC 8785 (JSON Canonicalization Scheme): one value has
 * one text, so equal values have equal digests.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

export type Json = null | boolean | number | string | ReadonlyArray<Json> | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

/** What the encoded side of a schema that crosses the journal may be. */
export type Encoded =
  | null
  | boolean
  | number
  | string
  | ReadonlyArray<Encoded>
  | { readonly [key: string]: Encoded | undefined }

/** Deeper values are refused: a recursive walk over them could exhaust the stack. */
export const depthMax = 256

/** A value that JSON cannot hold. `at` is a JSON Pointer (RFC 6901) to it. */
export class NotJson extends Schema.TaggedError<NotJson>("flujo/domain/NotJson")("NotJson", {
  at: Schema.String,
  reason: Schema.Literal("NotFinite", "LoneSurrogate", "NotPlain", "TooDeep", "Circular")
}) {
  override get message(): string {
    const at = this.at.length > 100 ? `${this.at.slice(0, 100)}…` : this.at
    const where = at === "" ? "the value" : `the value at ${at}`
    switch (this.reason) {
      case "NotFinite":
        return `${where} is NaN or infinite, which JSON cannot hold`
      case "LoneSurrogate":
        return `${where} holds text that is not well-formed Unicode (a lone surrogate)`
      case "NotPlain":
        return `${where} is not plain data (a function, a symbol, a bigint or an instance of a class)`
      case "TooDeep":
        return `${where} is nested deeper than ${depthMax} levels`
      case "Circular":
        return `${where} contains itself`
    }
  }
}

/** The JSON value of `value`: absent properties dropped, `-0` made `0`. Text must be well-formed. */
export const fromUnknown = (value: unknown): Either.Either<Json, NotJson> => {
  if (isPlain(value, 0)) return Either.right(value)
  try {
    return Either.right(plain(value, "", 0))
  } catch (error) {
    if (error instanceof NotJson) return Either.left(error.reason === "TooDeep" ? circular(value, error) : error)
    throw error
  }
}

/** What is too deep may be so because it contains itself: the place where it first does. */
const circular = (value: unknown, tooDeep: NotJson): NotJson => {
  const above = new Set<unknown>()
  let inner = value
  let at = ""
  for (const key of tooDeep.at.split("/").slice(1)) {
    above.add(inner)
    inner = (inner as Readonly<Record<string, unknown>>)[key.replaceAll("~1", "/").replaceAll("~0", "~")]
    at += `/${key}`
    if (above.has(inner)) return new NotJson({ at, reason: "Circular" })
  }
  return tooDeep
}

/** Whether a value is what `plain` would make of it: then it need not be copied. */
const isPlain = (value: unknown, depth: number): value is Json => {
  switch (typeof value) {
    case "string":
      return value.isWellFormed()
    case "boolean":
      return true
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0)
    case "object": {
      if (value === null) return true
      if (depth >= depthMax) return false
      if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++) if (!isPlain(value[i], depth + 1)) return false
        return true
      }
      if (Object.getPrototypeOf(value) !== Object.prototype) return false
      for (const key of Object.keys(value)) {
        if (!key.isWellFormed() || !isPlain((value as { readonly [key: string]: unknown })[key], depth + 1))
          return false
      }
      return true
    }
    default:
      return false
  }
}

const refuse = (at: string, reason: NotJson["reason"]): never => {
  throw new NotJson({ at, reason })
}

const pointer = (at: string, key: string | number): string =>
  `${at}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`

const plain = (value: unknown, at: string, depth: number): Json => {
  switch (typeof value) {
    case "string":
      return value.isWellFormed() ? value : refuse(at, "LoneSurrogate")
    case "boolean":
      return value
    case "number":
      return Number.isFinite(value) ? value + 0 : refuse(at, "NotFinite")
    case "object": {
      if (value === null) return null
      if (depth >= depthMax) return refuse(at, "TooDeep")
      if (Array.isArray(value)) {
        const items: Array<Json> = new Array(value.length)
        for (let i = 0; i < value.length; i++) {
          items[i] = value[i] === undefined ? null : plain(value[i], pointer(at, i), depth + 1)
        }
        return items
      }
      const prototype: unknown = Object.getPrototypeOf(value)
      if (prototype !== Object.prototype && prototype !== null) return refuse(at, "NotPlain")
      const object: Record<string, Json> = {}
      for (const [key, item] of Object.entries(value)) {
        if (item === undefined) continue
        if (!key.isWellFormed()) return refuse(pointer(at, key.toWellFormed()), "LoneSurrogate")
        set(object, key, plain(item, pointer(at, key), depth + 1))
      }
      return object
    }
    default:
      return refuse(at, "NotPlain")
  }
}

/** Sets an own property, also when it is called `__proto__`. */
export const set = (object: Record<string, Json>, key: string, value: Json): void => {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
  } else object[key] = value
}

/** The canonical text of a value (RFC 8785): keys by UTF-16 code units, numbers as ECMAScript prints them. */
export const canonical = (value: Json): string => {
  if (value === null || typeof value !== "object") return JSON.stringify(value)
  if (Array.isArray(value)) {
    let text = "["
    for (let i = 0; i < value.length; i++) text += (i === 0 ? "" : ",") + canonical(value[i]!)
    return `${text}]`
  }
  const object = value as JsonObject
  const keys = Object.keys(object)
  if (keys.length > 1) keys.sort()
  let text = "{"
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    text += `${(i === 0 ? "" : ",") + JSON.stringify(key)}:${canonical(object[key]!)}`
  }
  return `${text}}`
}

export const equals = (a: Json, b: Json): boolean => a === b || canonical(a) === canonical(b)

/**
 * Whether two plain values encode to the same text, found without making it. Keys of `except` do not count at the top;
 * a key that holds `undefined` counts as absent.
 */
export const sameData = (a: unknown, b: unknown, except: ReadonlyArray<string>): boolean => {
  if (Object.is(a, b)) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === 0 && b === 0
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false
    for (let i = 0; i < a.length; i++) if (!sameData(a[i], b[i], noKeys)) return false
    return true
  }
  return covers(a, b, except) && covers(b, a, except)
}

const noKeys: ReadonlyArray<string> = []

/** Whether all that `a` holds is in `b` too. */
const covers = (a: object, b: object, except: ReadonlyArray<string>): boolean => {
  const other = b as { readonly [key: string]: unknown }
  for (const [key, value] of Object.entries(a)) {
    if (value === undefined || except.includes(key)) continue
    if (!Object.hasOwn(b, key) || !sameData(value, other[key], noKeys)) return false
  }
  return true
}

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** An own property, never one of a prototype. */
export const get = (value: Json | undefined, key: string): Json | undefined =>
  isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined

/** Reads JSON text. Unlike `JSON.parse` alone, what it answers is known to be well-formed and not too deep. */
export const parse = (text: string): Either.Either<Json, NotJson | SyntaxError> => {
  try {
    return fromUnknown(JSON.parse(text))
  } catch (error) {
    return Either.left(error instanceof SyntaxError ? error : new NotJson({ at: "", reason: "TooDeep" }))
  }
}

/** `Json` as a schema whose encoded side is itself. */
export const Json: Schema.Schema<Json> = Schema.declare(
  (value: unknown): value is Json => Either.isRight(fromUnknown(value)),
  {
    identifier: "Json",
    // Effect takes no schema without one of a few keywords for a whole one.
    jsonSchema: { type: ["null", "boolean", "number", "string", "array", "object"] },
    arbitrary: () => (fc) =>
      fc.jsonValue({ noUnicodeString: false }).map((value) => Either.getOrThrow(fromUnknown(value)))
  }
)
