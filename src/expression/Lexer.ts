/**
 * The text of one placeholder, as tokens. Every character is looked at once and nothing fails: what is no token becomes
 * the last one, which carries the fault, so the parser meets the first mistake in reading order, and the end of the
 * placeholder is found all the same.
 */
import { Fault } from "./Fault.js"
import { tokensMax } from "./Limits.js"
import type { Span } from "./Syntax.js"
import * as Words from "./Words.js"

export interface Token extends Span {
  readonly kind: "name" | "number" | "string" | "operator" | "fault" | "end"
  /** The name, the operator, or what a string stands for. */
  readonly text: string
  readonly number: number
  readonly fault: Fault | undefined
}

/** `end` is where the source goes on behind the placeholder. The last token is of kind `end` or `fault`, and no other is. */
export interface Lexed {
  readonly tokens: ReadonlyArray<Token>
  readonly end: number
  /** The sign that stood before the closing braces: `-` takes the white space that follows, `+` keeps the line break. */
  readonly sign: "-" | "+" | undefined
}

/** What opened a placeholder or block, and what closes it. Of a condition without braces there is none. */
export interface Opening extends Span {
  readonly close: "}}" | "%}"
}

/** Reads from `from`, up to what closes `opening`; without one, to the end of `source`. */
export const lex = (source: string, from: number, opening: Opening | undefined): Lexed => {
  const tokens: Array<Token> = []
  const closes = (at: number): boolean =>
    opening !== undefined &&
    bracesOpen === 0 &&
    source.charCodeAt(at) === opening.close.charCodeAt(0) &&
    source.charCodeAt(at + 1) === 125
  /** Maps nest braces in a placeholder: `}}` closes it only outside them. */
  let bracesOpen = 0
  let at = from
  while (at < source.length) {
    const code = source.charCodeAt(at)
    if (isSpace(code)) {
      at++
      continue
    }
    if (closes(at)) {
      tokens.push(token("end", at, at + 2, source.slice(at, at + 2)))
      return { tokens, end: at + 2, sign: undefined }
    }
    // A `+` before the end of a placeholder means nothing, and is an operator without its right side.
    if (code === 45 || (code === 43 && opening?.close === "%}")) {
      if (closes(at + 1)) {
        tokens.push(token("end", at, at + 3, source.slice(at, at + 3)))
        return { tokens, end: at + 3, sign: code === 45 ? "-" : "+" }
      }
    }
    const next = isNameStart(source, at, code)
      ? name(source, at)
      : isDigit(code)
        ? number(source, at)
        : code === 34 || code === 39
          ? string(source, at, code)
          : operator(source, at)
    if (next.text === "{" && next.kind === "operator") bracesOpen++
    if (next.text === "}" && next.kind === "operator" && bracesOpen > 0) bracesOpen--
    tokens.push(
      tokens.length < tokensMax
        ? next
        : faulty(
            new Fault("Limit", `this has more than ${tokensMax} names and signs`, { start: next.start, end: next.end }),
            next.start,
            next.end
          )
    )
    if (tokens.length > tokensMax || next.kind === "fault") {
      // What follows a mistake is not read: the placeholder ends at the first braces behind it.
      const close = opening === undefined ? -1 : source.indexOf(opening.close, next.end)
      return { tokens, end: close < 0 ? source.length : close + 2, sign: undefined }
    }
    at = next.end
  }
  tokens.push(
    opening === undefined
      ? token("end", at, at, "")
      : faulty(
          new Fault(
            "Syntax",
            opening.close === "}}" ? "this placeholder is never closed" : "this block is never closed",
            { start: opening.start, end: opening.end },
            `close it with \`${opening.close}\`, or write \`\\${source.slice(opening.start, opening.start + 2)}\` for braces that are text`
          ),
          at,
          at
        )
  )
  return { tokens, end: at, sign: undefined }
}

const token = (kind: Token["kind"], start: number, end: number, text: string, number = 0): Token => ({
  kind,
  start,
  end,
  text,
  number,
  fault: undefined
})

/** A token that is nothing but a mistake. */
export const faulty = (fault: Fault, start: number, end: number): Token => ({
  kind: "fault",
  start,
  end,
  text: "",
  number: 0,
  fault
})

const fault = (start: number, end: number, message: string, hint?: string): Token =>
  faulty(new Fault("Syntax", message, { start, end }, hint), start, end)

const isSpace = (code: number): boolean => code === 32 || (code >= 9 && code <= 13) || code === 0xa0

const isDigit = (code: number): boolean => code >= 48 && code <= 57

const isNameStart = (source: string, at: number, code: number): boolean =>
  code < 128
    ? (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95
    : /\p{XID_Start}/u.test(String.fromCodePoint(source.codePointAt(at)!))

/** Names as in Unicode's annex 31, so that a step may be called `résumé`; no invisible or direction marks. */
const name = (source: string, start: number): Token => {
  const end = nameEnd(source, start)
  return token("name", start, end, source.slice(start, end))
}

const nameEnd = (source: string, start: number): number => {
  let at = start
  while (at < source.length) {
    const code = source.charCodeAt(at)
    if (code < 128) {
      if (!isDigit(code) && !isNameStart(source, at, code)) return at
      at++
    } else {
      const character = String.fromCodePoint(source.codePointAt(at)!)
      if (!/\p{XID_Continue}/u.test(character)) return at
      at += character.length
    }
  }
  return at
}

/** Numbers as in JSON, which is where they end up. */
const number = (source: string, start: number): Token => {
  let end = digitsEnd(source, start)
  const whole = end
  if (source.charCodeAt(end) === 46 && isDigit(source.charCodeAt(end + 1))) end = digitsEnd(source, end + 1)
  if (source[end] === "e" || source[end] === "E") {
    const sign = source[end + 1] === "+" || source[end + 1] === "-" ? 1 : 0
    if (isDigit(source.charCodeAt(end + 1 + sign))) end = digitsEnd(source, end + 1 + sign)
  }
  if (end < source.length && isNameStart(source, end, source.charCodeAt(end))) {
    return fault(start, nameEnd(source, end), "a name cannot begin with a digit")
  }
  if (whole > start + 1 && source.charCodeAt(start) === 48) {
    return fault(start, end, "a number cannot begin with 0", "put it in quotes if it is text")
  }
  const value = Number(source.slice(start, end))
  if (!Number.isFinite(value) || (end === whole && !Number.isSafeInteger(value))) {
    return fault(start, end, "this number is too large to be kept exactly", "put it in quotes if it is text")
  }
  return token("number", start, end, "", value)
}

const digitsEnd = (source: string, start: number): number => {
  let at = start
  while (isDigit(source.charCodeAt(at))) at++
  return at
}

const string = (source: string, start: number, quote: number): Token => {
  let text = ""
  let plainFrom = start + 1
  let mistake: Token | undefined
  let at = plainFrom
  while (at < source.length) {
    const code = source.charCodeAt(at)
    if (code === quote) {
      if (mistake !== undefined) return { ...mistake, end: at + 1 }
      text += source.slice(plainFrom, at)
      if (text.isWellFormed()) return token("string", start, at + 1, text)
      return fault(start, at + 1, "this text holds half a character (a lone surrogate)")
    }
    if (code !== 92) {
      at++
      continue
    }
    const letter = source[at + 1] ?? ""
    const hex = source.slice(at + 2, at + 6)
    const escapeEnd = letter === "u" && /^[0-9a-fA-F]{4}$/.test(hex) ? at + 6 : Math.min(at + 2, source.length)
    const stands =
      escapeEnd === at + 6
        ? String.fromCharCode(Number.parseInt(hex, 16))
        : Object.hasOwn(escapes, letter)
          ? escapes[letter]
          : undefined
    if (stands === undefined) {
      mistake ??= faulty(
        new Fault(
          "Syntax",
          `${Words.quoted(`\\${letter}`)} stands for nothing in a text`,
          { start: at, end: escapeEnd },
          "write `\\\\` for a backslash"
        ),
        start,
        escapeEnd
      )
    } else text += source.slice(plainFrom, at) + stands
    at = escapeEnd
    plainFrom = at
  }
  return faulty(
    new Fault(
      "Syntax",
      "this text is never closed",
      { start, end: start + 1 },
      `close it with ${String.fromCharCode(quote)}`
    ),
    start,
    start + 1
  )
}

const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  b: "\b",
  f: "\f",
  v: "\v",
  "'": "'",
  '"': '"',
  "\\": "\\",
  "/": "/"
}

/** Operators of other languages are tokens too, so that the parser can say what to write instead. */
const operator = (source: string, start: number): Token => {
  for (const text of operatorsByStart.get(source[start]!) ?? []) {
    if (source.startsWith(text, start)) return token("operator", start, start + text.length, text)
  }
  const character = String.fromCodePoint(source.codePointAt(start)!)
  return fault(start, start + character.length, `${Words.quoted(character)} means nothing here`)
}

const operators = [
  ...["===", "!==", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "=>", "**", "//", "%}"],
  ...["(", ")", "[", "]", "{", "}", ",", ":", ".", "|", "<", ">", "&", "!", "=", "?", ";", "$", "#", "@"],
  ...["+", "-", "*", "/", "%", "~", "^"]
]

/** The longer ones first, as they stand above. */
const operatorsByStart: ReadonlyMap<string, ReadonlyArray<string>> = new Map(
  operators.map((text) => [text[0]!, operators.filter((other) => other[0] === text[0])])
)
