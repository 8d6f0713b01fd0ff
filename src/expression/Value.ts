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

/** What stands at the end of `path` in `value`, or undefined. A key of digits is also the index of a list. */
export const attribute = (
  value: Json.Json,
  path: ReadonlyArray<string | number>,
  meter: Meter,
  span: Span
): Json.Json | undefined => {
  let at: Json.Json | undefined = value
  for (const key of path) {
    meter.spend(1, span)
    if (at === undefined) return undefined
    at = child(at, Array.isArray(at) && /^\d{1,9}$/.test(String(key)) ? Number(key) : key, meter, span)
  }
  return at
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

/** A number that JSON can hold and that is exact where whole numbers made it. */
export const number = (value: number, isExact: boolean, span: Span): number => {
  if (!Number.isFinite(value) || (isExact && !Number.isSafeInteger(value))) {
    throw new Fault("Limit", "the number that this comes to is too large to be kept exactly", span)
  }
  return value + 0
}

/** The keys of a map in the order of canonical JSON (RFC 8785), which does not depend on how the map was made. */
export const sortedKeys = (map: Json.JsonObject, meter: Meter, span: Span): ReadonlyArray<string> => {
  const keys = [...keysOf(map, meter, span)]
  if (keys.length < 2) return keys
  let units = keys.length
  for (const key of keys) units += key.length
  meter.spend(Math.ceil((units * Math.log2(keys.length)) / 32), span)
  return keys.sort()
}

/** `text` as its characters (code points). */
export const characters = (text: string, meter: Meter, span: Span): ReadonlyArray<string> => {
  meter.spend(1 + (text.length >>> 1), span)
  return Array.from(text)
}

/** What `value[from:to:step]` is in Python: items of a list, characters of a text. Bounds beyond the ends are the ends. */
export const slice = <A>(
  items: ReadonlyArray<A>,
  from: number | undefined,
  to: number | undefined,
  step: number,
  meter: Meter,
  span: Span
): ReadonlyArray<A> => {
  const size = items.length
  const [lowest, highest] = step > 0 ? [0, size] : [-1, size - 1]
  const within = (bound: number): number => Math.min(highest, Math.max(lowest, bound < 0 ? size + bound : bound))
  const start = from === undefined ? (step > 0 ? lowest : highest) : within(from)
  const end = to === undefined ? (step > 0 ? highest : lowest) : within(to)
  meter.walk(Math.max(0, Math.ceil((end - start) / step)), span)
  if (step === 1) return items.slice(start, Math.max(start, end))
  const taken: Array<A> = []
  for (let i = start; step > 0 ? i < end : i > end; i += step) taken.push(items[i]!)
  return taken
}
