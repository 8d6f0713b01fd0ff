/**
 * Text for a terminal: what a line is made of, how wide it is, and what is left out of it. Foreign text becomes safe
 * (masked, then escaped) here and nowhere later, so whatever is made into a `Span` by `foreign` may be shown.
 */
import * as Json from "../domain/Json.js"
import { excerpt, printable } from "../redaction/Printable.js"
import type { Redaction } from "../redaction/Redaction.js"

export interface Options {
  readonly redaction: Redaction
  readonly color: boolean
  /** Columns of a line; more is cut off. */
  readonly width: number
  /** Characters shown of a value or a message. */
  readonly previewLength: number
  /** Also inputs, outputs, timers and calls. */
  readonly verbose: boolean
  /** Signs of plain ASCII, for terminals that have no others. */
  readonly ascii?: boolean | undefined
}

export type Style = "plain" | "dim" | "bold" | "green" | "red" | "yellow" | "cyan"

export interface Span {
  readonly text: string
  readonly style: Style
}

export const span = (text: string, style: Style = "plain"): Span => ({ text, style })

/** Text from anywhere, on one line, masked and escaped, at most `previewLength` characters of it. */
export const foreign = (text: string, options: Options, style: Style = "plain"): Span =>
  span(excerpt(options.redaction.text(text), options.previewLength).replace(/…$/, ellipsis(options)), style)

const ellipsis = ({ ascii }: Options): string => (ascii === true ? "..." : "…")

/** A name that must stay whole, so that it can be copied: an id, a path. */
export const whole = (name: string, options: Options, style: Style = "plain"): Span =>
  span(printable(options.redaction.text(name)).replace(/\s+/g, " "), style)

/** A value on one line: a text in quotes, anything else as JSON. */
export const value = (json: Json.Json, options: Options, style: Style = "plain"): Span =>
  foreign(JSON.stringify(options.redaction.json(json)), options, style)

/** An error of a step: its tag, and what it says in words, else its fields. */
export const failure = (error: Json.Json, options: Options): Span => {
  const masked = options.redaction.json(error)
  if (typeof masked === "string") return foreign(masked, options, "red")
  const tag = Json.get(masked, "_tag")
  const words = ["detail", "message", "reason"]
    .map((key) => Json.get(masked, key))
    .find((text) => typeof text === "string")
  if (typeof tag !== "string") return foreign(words ?? JSON.stringify(masked), options, "red")
  const fields = Object.entries(masked as Json.JsonObject).filter(([key]) => key !== "_tag" && key !== "path")
  const rest = fields
    .map(([key, item]) => `${key} ${typeof item === "string" ? item : JSON.stringify(item)}`)
    .join(", ")
  const said = words ?? rest
  return foreign(said === "" ? tag : `${tag}: ${said}`, options, "red")
}

/** JSON text that moves no cursor: what JSON leaves as it is and a terminal would obey is escaped as JSON does it. */
export const jsonText = (json: Json.Json, indent?: number): string =>
  JSON.stringify(json, null, indent).replace(/[^\n\x20-\x7e]/gu, (character) =>
    printable(character) === character
      ? character
      : Array.from(
          { length: character.length },
          (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`
        ).join("")
  )

const codes: Readonly<Record<Style, number>> = { plain: 0, bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 }

/** One line, not wider than the terminal. */
export const line = (spans: ReadonlyArray<Span>, options: Options): string => {
  const cut = ellipsis(options)
  let left = Math.max(options.width, cut.length)
  const total = spans.reduce((sum, { text }) => sum + width(text), 0)
  const isCut = total > left
  if (isCut) left -= cut.length
  let out = ""
  for (const { style, text } of spans) {
    if (isCut && left <= 0) break
    const shown = isCut ? take(text, left) : text
    left -= width(shown)
    out += options.color && style !== "plain" && shown !== "" ? `\u001b[${codes[style]}m${shown}\u001b[0m` : shown
    if (isCut && shown.length < text.length) break
  }
  return isCut ? out + cut : out.trimEnd()
}

/** Columns that a text takes: wide characters two, marks that stand on another none. */
export const width = (text: string): number => {
  if (plainText.test(text)) return text.length
  let columns = 0
  for (const { segment } of graphemes.segment(text)) columns += widthOf(segment)
  return columns
}

/** As many whole characters as fit into so many columns. */
export const take = (text: string, columns: number): string => {
  if (plainText.test(text)) return text.slice(0, Math.max(0, columns))
  let [taken, left] = ["", columns]
  for (const { segment } of graphemes.segment(text)) {
    left -= widthOf(segment)
    if (left < 0) break
    taken += segment
  }
  return taken
}

export const pad = (text: string, columns: number): string => text + " ".repeat(Math.max(0, columns - width(text)))

const plainText = /^[\x20-\x7e]*$/
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" })

const widthOf = (grapheme: string): number => {
  if (/^[\p{M}\p{Cf}]+$/u.test(grapheme)) return 0
  return /\p{Emoji_Presentation}|\ufe0f|\u20e3/u.test(grapheme) || wide.test(grapheme) ? 2 : 1
}

// East Asian Wide and Fullwidth (Unicode Standard Annex 11), as blocks.
const wide =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18aff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]/u

/** `12 ms`, `3.4 s`, `2 min 5 s`, `1 h 2 min`, `3 d 4 h`. */
export const duration = (millis: number): string => {
  if (millis < 1000) return `${Math.round(millis)} ms`
  const seconds = millis / 1000
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return parts(Math.floor(whole / 60), "min", whole % 60, "s")
  const minutes = Math.round(seconds / 60)
  if (minutes < 1440) return parts(Math.floor(minutes / 60), "h", minutes % 60, "min")
  const hours = Math.round(seconds / 3600)
  return parts(Math.floor(hours / 24), "d", hours % 24, "h")
}

const parts = (large: number, largeUnit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`

/** `1,234 tokens`. */
export const tokens = (count: number): string => `${grouped(count)} ${count === 1 ? "token" : "tokens"}`

export const grouped = (count: number): string => String(count).replace(/\B(?=(?:\d{3})+$)/g, ",")

/** `2026-03-01 12:00:05Z`: UTC, so that it reads the same everywhere. */
export const instant = (millis: number): string => {
  const text = iso(millis)
  return text === null ? "?" : `${text.slice(0, -5).replace("T", " ")}Z`
}

/** ISO 8601 with milliseconds, UTC; `null` for what is no instant. */
export const iso = (millis: number): string | null => {
  const date = new Date(millis)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}
