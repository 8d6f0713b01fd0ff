/**
 * From a place in a text's value to the place in the file where it was written: through quotes, escapes, folded lines
 * and the indentation of block texts. What cannot be followed for certain is answered by the whole text.
 */
import type { Span } from "../expression/Template.js"

export type Style = "plain" | "single" | "double" | "block"

/** `written` is the scalar as it stands in the file from `start` on, quotes or header included. */
export const within = (value: string, style: Style, written: string, start: number): ((span: Span) => Span) => {
  let found: Aligned | undefined | false = false
  return (span) => {
    if (found === false) found = align(value, style, written)
    if (found === undefined || value === "") return { start, end: start + written.trimEnd().length }
    const { ends, starts } = found
    const from = start + (span.start < value.length ? starts[Math.max(0, span.start)]! : ends[value.length - 1]!)
    if (span.end <= span.start) return { start: from, end: from }
    const last = Math.min(span.end, value.length) - 1
    return { start: from, end: Math.max(from, start + ends[Math.max(0, last)]!) }
  }
}

interface Aligned {
  readonly starts: Int32Array
  readonly ends: Int32Array
}

const isSpace = (character: string | undefined): boolean =>
  character === " " || character === "\t" || character === "\n" || character === "\r"

/**
 * Walks value and source side by side. What is not white space stands in both in the same order; white space may have
 * been folded, and is then placed where the fold is.
 */
const align = (value: string, style: Style, written: string): Aligned | undefined => {
  const starts = new Int32Array(value.length)
  const ends = new Int32Array(value.length)
  let at = style === "block" ? Math.max(0, written.indexOf("\n")) + 1 : style === "plain" ? 0 : 1
  let unit = 0
  const put = (units: number, length: number) => {
    for (let i = 0; i < units; i++) {
      starts[unit + i] = at
      ends[unit + i] = at + length
    }
    unit += units
    at += length
  }
  while (unit < value.length) {
    const character = value[unit]!
    if (style === "double" && written[at] === "\\") {
      const escape = escapeAt(written, at)
      if (escape === undefined) return undefined
      if (escape.text === "") {
        at += escape.length
        while (isSpace(written[at])) at++
      } else if (value.startsWith(escape.text, unit)) put(escape.text.length, escape.length)
      else return undefined
    } else if (isSpace(character)) {
      if (written[at] === "\r") at++
      if (written[at] === character) put(1, 1)
      else if (isSpace(written[at]) || at >= written.length) put(1, 0)
      else return undefined
    } else if (isSpace(written[at])) at++
    else if (style === "single" && character === "'" && written.startsWith("''", at)) put(1, 2)
    else if (written[at] === character) put(1, 1)
    else return undefined
  }
  return { starts, ends }
}

const letters: Readonly<Record<string, string>> = {
  "0": "\0",
  a: "\x07",
  b: "\b",
  e: "\x1b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  N: "\u0085",
  _: "\u00a0",
  L: "\u2028",
  P: "\u2029",
  " ": " ",
  '"': '"',
  "/": "/",
  "\\": "\\",
  "\t": "\t"
}

const digits: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }

/** The escape whose backslash is at `at`; no text for a line break that is escaped. */
const escapeAt = (written: string, at: number): { readonly text: string; readonly length: number } | undefined => {
  const letter = written[at + 1]
  if (letter === undefined) return undefined
  if (letter === "\n") return { text: "", length: 2 }
  if (letter === "\r") return { text: "", length: 3 }
  const count = Object.hasOwn(digits, letter) ? digits[letter]! : 0
  if (count > 0) {
    const code = Number.parseInt(written.slice(at + 2, at + 2 + count), 16)
    return code <= 0x10ffff ? { text: String.fromCodePoint(code), length: 2 + count } : undefined
  }
  return Object.hasOwn(letters, letter) ? { text: letters[letter]!, length: 2 } : undefined
}
