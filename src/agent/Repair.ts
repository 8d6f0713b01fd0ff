/**
 * The wanted value in a reply that is not just that: in a fence, within prose, in JSON of bad syntax, or with texts where
 * numbers are wanted. Pure. What it answers fits the schema, and was the only value of the reply that did: of two it
 * takes neither, and what a reply left out or broke off is not guessed.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Json from "../domain/Json.js"
import type { Repair } from "../pipeline/Agent.js"
import type { Shape } from "../pipeline/Shape.js"
import * as Coerce from "./Coerce.js"

/** Longer replies are not searched. */
export const bytesMax = 1_048_576

/** What came of it, as the journal has it. `done`: all that was done to the reply to come to `value`, in order. */
export const Outcome = Schema.Union(
  Schema.Struct({ value: Json.Json, done: Schema.Array(Schema.String) }),
  Schema.Struct({ reason: Schema.Literal("NotObject", "Misfit"), detail: Schema.String })
)
export type Outcome = typeof Outcome.Type

/** A part of a reply that has the form of an object or a list; `json` is absent where its syntax is bad. */
interface Region {
  readonly where: "whole" | "fence" | "prose"
  readonly text: string
  readonly json: Json.Json | undefined
}

/** The regions of a reply; `undefined` where one is not closed, or closed without having been opened. */
export type Regions = ReadonlyArray<Region> | undefined

/** What the reply ought to be. `wrapped`: it was asked for as `{ value }`. */
export interface Wanted {
  readonly shape: Shape
  readonly wrapped: boolean
}

export const regions = (text: string): Regions => {
  const trimmed = text.trim()
  const whole = jsonOf(trimmed)
  if (whole !== undefined) return [{ where: "whole", text: trimmed, json: whole }]
  return Buffer.byteLength(text) > bytesMax ? [] : within(trimmed, "prose")
}

/** Whether the syntax of a region is to be mended before it can be read. */
export const isBroken = (found: Regions): boolean => found?.some(({ json }) => json === undefined) ?? false

/** `mend` makes JSON of what nearly is, or throws. */
export const settle = (found: Regions, wanted: Wanted, level: Repair, mend: (text: string) => string): Outcome => {
  if (found === undefined) return notObject("the reply has an object or a list that is not whole")
  const fitting = new Map<string, Extract<Outcome, { readonly done: unknown }>>()
  let misfit: string | undefined
  for (const { json, text, where } of found) {
    const read = json ?? mended(text, mend)
    if (read === undefined) continue
    const before = [...places[where], ...(json === undefined ? ["its syntax was mended"] : [])]
    const fit = fitted(read, wanted, level)
    if (typeof fit === "string") misfit ??= fit
    else {
      const key = Json.canonical(fit.value)
      if (!fitting.has(key)) fitting.set(key, { value: fit.value, done: [...before, ...fit.done] })
    }
  }
  const [first, ...others] = fitting.values()
  if (first !== undefined && others.length === 0) return first
  if (first !== undefined) {
    return {
      reason: "Misfit",
      detail: `the reply has ${fitting.size} values that fit the wanted output, and one is wanted`
    }
  }
  return misfit === undefined
    ? notObject("the reply has no JSON that can be read")
    : { reason: "Misfit", detail: `the reply does not fit the wanted output: ${misfit}` }
}

const notObject = (detail: string): Outcome => ({ reason: "NotObject", detail })

const places = { whole: [], fence: ["it was taken out of a fence"], prose: ["it was taken out of the text around it"] }

const jsonOf = (text: string): Json.Json | undefined => Either.getOrUndefined(Json.parse(text))

/** The value as it is wanted, or why it is not. */
const fitted = (
  json: Json.Json,
  { shape, wrapped }: Wanted,
  level: Repair
): { value: Json.Json; done: Array<string> } | string => {
  const inner = wrapped ? Json.get(json, "value") : json
  const bare = wrapped ? [{ value: json, done: ["it stood without its { value }"] }] : []
  const forms = [...(inner === undefined ? [] : [{ value: inner, done: [] }]), ...bare]
  let why = wrapped ? "there is no { value }" : ""
  for (const [index, form] of forms.entries()) {
    const decoded = shape.decode(form.value)
    if (Either.isRight(decoded)) return form
    if (index === 0) why = decoded.left.detail
  }
  if (level !== "types") return why
  for (const { done, value } of forms) {
    const coerced = Coerce.toFit(value, shape.jsonSchema)
    if (coerced.done.length > 0 && Either.isRight(shape.decode(coerced.value))) {
      return { value: coerced.value, done: [...done, ...coerced.done] }
    }
  }
  return why
}

const mended = (text: string, mend: (text: string) => string): Json.Json | undefined => {
  if (!isWhole(text)) return undefined
  try {
    return jsonOf(mend(text))
  } catch {
    return undefined
  }
}

/** Whether nothing is left out of `text` that a mended one would have to invent. */
const isWhole = (text: string): boolean => {
  const bare = text.replace(doubleQuoted, '""')
  if (/\.\.\.|…|[:[{,]\s*,|:\s*[}\]]/.test(bare)) return false
  if (/[:[,]\s*(?:-|-?\d+\.|-?\d+(?:\.\d+)?[eE][+-]?)\s*[,}\]]/.test(bare)) return false
  return !/[{[,:]\s*'/.test(bare.replace(/'(?:[^'\\\n]|\\.)*'/g, '""'))
}

const doubleQuoted = /"(?:[^"\\]|\\[\s\S])*"/g

const fence = /^[ \t]*(```+|~~~+)[^\n`]*\n([\s\S]*?)^[ \t]*\1[ \t]*$/my

const within = (text: string, where: "fence" | "prose"): Regions => {
  const found: Array<Region> = []
  let at = 0
  while (at < text.length) {
    const char = text[at]!
    if (where === "prose" && (at === 0 || text[at - 1] === "\n")) {
      fence.lastIndex = at
      const fenced = fence.exec(text)
      if (fenced !== null) {
        const inside = within(fenced[2]!, "fence")
        if (inside === undefined) return undefined
        found.push(...inside)
        at += fenced[0].length
        continue
      }
    }
    if (char === "}" || char === "]") return undefined
    if (char !== "{" && char !== "[") {
      at++
      continue
    }
    const end = endOf(text, at)
    if (end === undefined) return undefined
    const region = text.slice(at, end)
    const isAll = where === "prose" && region.length === text.length
    found.push({ where: isAll ? "whole" : where, text: region, json: jsonOf(region) })
    at = end
  }
  return found
}

const closing: Readonly<Record<string, string>> = { "{": "}", "[": "]" }

/** Behind the bracket that closes the one at `start`. */
const endOf = (text: string, start: number): number | undefined => {
  const open: Array<string> = []
  for (let at = start; at < text.length; at++) {
    const char = text[at]!
    if (char === '"') {
      doubleQuotedHere.lastIndex = at
      const quoted = doubleQuotedHere.exec(text)
      if (quoted === null) return undefined
      at += quoted[0].length - 1
    } else if (closing[char] !== undefined) open.push(closing[char])
    else if (char === "}" || char === "]") {
      if (open.pop() !== char) return undefined
      if (open.length === 0) return at + 1
    }
  }
  return undefined
}

const doubleQuotedHere = /"(?:[^"\\]|\\[\s\S])*"/y
