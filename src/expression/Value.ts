/**
 * What the language does with values: truth, text, equality, order, membership, keys. Values are looked at through own
 * properties only, so nothing of the host (`constructor`, `__proto__`, a list's `length`) can be reached by name. What
 * walks a value pays for it.
 */
import * as Json from "../domain/Json.js"
import { Fault } from "./Fault.js"
import type { Meter } from "./Limits.js"
import { walkDepthMax } from "./Limits.js"
import type { Span } from "./Syntax.js"

/** Truthiness as in Jinja: false, none, 0, "", [] and {} are false. */
export const isTruthy = (value: Json.Json): boolean => {
  if (typeof value !== "object") return Boolean(value)
  if (value === null) return false
  return Array.isArray(value) ? value.length > 0 : Object.keys(value).length > 0
}

/**
 * The text of a value inside other text: text as it is, none as "" (Jinja writes `None`), true and false in lower case
 * (Jinja capitalises them), numbers as in JSON, lists and maps as canonical JSON (RFC 8785), so that the same value
 * makes the same prompt whatever order its keys came in.
 */
export const toText = (value: Json.Json): string =>
  typeof value === "string" ? value : value === null ? "" : Json.canonical(value)

/** `toText`, paid for. */
export const written = (value: Json.Json, meter: Meter, span: Span): string => {
  if (typeof value === "object" && value !== null) weigh(value, meter, span, 0)
  const text = toText(value)
  meter.write(text.length, span)
  return text
}

/** Canonical JSON text; with an indent, one item a line and keys in the same order. */
export const writtenJson = (value: Json.Json, indent: number, meter: Meter, span: Span): string => {
  weigh(value, meter, span, 0)
  const text = indent > 0 && typeof value === "object" ? pretty(value, " ".repeat(indent), "\n") : Json.canonical(value)
  meter.write(text.length, span)
  return text
}

/** Pays for a walk over `value` before anyone takes it. */
export const weigh = (value: Json.Json, meter: Meter, span: Span, depth: number): void => {
  if (typeof value === "string") meter.read(value.length, span)
  else meter.spend(1, span)
  if (typeof value !== "object" || value === null) return
  if (depth > walkDepthMax) throw new Fault("Limit", `this value is nested deeper than ${walkDepthMax} levels`, span)
  if (Array.isArray(value)) for (const item of value) weigh(item, meter, span, depth + 1)
  else {
    const map = value as Json.JsonObject
    for (const key of keysOf(map, meter, span)) {
      meter.read(key.length, span)
      weigh(map[key]!, meter, span, depth + 1)
    }
  }
}

const pretty = (value: Json.Json, indent: string, newline: string): string => {
  if (typeof value !== "object" || value === null) return Json.canonical(value)
  const inner = newline + indent
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]"
    return `[${value.map((item: Json.Json) => inner + pretty(item, indent, inner)).join(",")}${newline}]`
  }
  const keys = Object.keys(value).sort()
  if (keys.length === 0) return "{}"
  const entries = keys.map(
    (key) => `${inner}${JSON.stringify(key)}: ${pretty((value as Json.JsonObject)[key]!, indent, inner)}`
  )
  return `{${entries.join(",")}${newline}}`
}

/** The engine lists all keys of a map at once, so they are paid for together. */
export const keysOf = (map: Json.JsonObject, meter: Meter, span: Span): ReadonlyArray<string> => {
  const keys = Object.keys(map)
  meter.spend(1 + 2 * keys.length, span)
  return keys
}

/** `isTruthy`, paid for. */
export const holds = (value: Json.Json, meter: Meter, span: Span): boolean =>
  Json.isObject(value) ? keysOf(value, meter, span).length > 0 : isTruthy(value)

/** What `value` has under `key`, or undefined. A negative index counts from the end; text is indexed by character. */
export const child = (value: Json.Json, key: string | number, meter: Meter, span: Span): Json.Json | undefined => {
  if (typeof key === "string") return Json.get(value, key)
  if (Array.isArray(value)) return value[key < 0 ? value.length + key : key]
  if (typeof value !== "string") return undefined
  meter.spend(1 + (value.length >>> 3), span)
  const index = key < 0 ? length(value) + key : key
  if (index < 0) return undefined
  let at = 0
  for (const character of value) if (at++ === index) return character
  return undefined
}

/** Characters of a text as Unicode counts them (code points): an emoji is one, not two. */
export const length = (text: string): number => {
  let count = text.length
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xdc00) count--
  return count
}

/** Deep and strict: `1` is not `"1"`, nor is it `true`. */
export const equals = (a: Json.Json, b: Json.Json, meter: Meter, span: Span, depth = 0): boolean => {
  if (typeof a === "string" && typeof b === "string") {
    if (a.length === b.length) meter.read(a.length, span)
    return a === b
  }
  meter.spend(1, span)
  if (a === b || typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b
  if (depth > walkDepthMax) throw new Fault("Limit", `this value is nested deeper than ${walkDepthMax} levels`, span)
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false
    for (let i = 0; i < a.length; i++) if (!equals(a[i], b[i], meter, span, depth + 1)) return false
    return true
  }
  if (Array.isArray(b)) return false
  const left = a as Json.JsonObject
  const right = b as Json.JsonObject
  const keys = keysOf(left, meter, span)
  if (keysOf(right, meter, span).length !== keys.length) return false
  for (const key of keys) {
    if (!Object.hasOwn(right, key) || !equals(left[key]!, right[key]!, meter, span, depth + 1)) return false
  }
  return true
}

/** Order of two texts by code points, as Python has it and unlike `<` of the host, which compares UTF-16 units. */
export const compareText = (a: string, b: string, meter: Meter, span: Span): number => {
  const end = Math.min(a.length, b.length)
  meter.spend(1 + (end >>> 3), span)
  for (let i = 0; i < end; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    // A surrogate stands for a character above all that one unit can hold.
    if (left !== right) return rank(left) - rank(right)
  }
  return a.length - b.length
}

const rank = (unit: number): number => ((unit & 0xf800) === 0xd800 ? unit + 0x10000 : unit)

/** Whether `text` holds `piece`. */
export const includes = (text: string, piece: string, meter: Meter, span: Span): boolean => {
  if (piece.length <= nativeSearchUnitsMax || piece.length >= text.length) {
    meter.read(text.length, span)
    return text.includes(piece)
  }
  // The host's search takes minutes for a long piece made for it (measured: 1 MB in 2 MB, 5 minutes). This one looks
  // at each unit twice at most: Knuth, Morris, Pratt, "Fast pattern matching in strings" (1977).
  meter.spend(1 + ((text.length + piece.length) >>> 3), span)
  const fallback = new Int32Array(piece.length)
  for (let i = 1, matched = 0; i < piece.length; i++) {
    const unit = piece.charCodeAt(i)
    while (matched > 0 && piece.charCodeAt(matched) !== unit) matched = fallback[matched - 1]!
    if (piece.charCodeAt(matched) === unit) matched++
    fallback[i] = matched
  }
  for (let i = 0, matched = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    while (matched > 0 && piece.charCodeAt(matched) !== unit) matched = fallback[matched - 1]!
    if (piece.charCodeAt(matched) === unit) matched++
    if (matched === piece.length) return true
  }
  return false
}

const nativeSearchUnitsMax = 16
