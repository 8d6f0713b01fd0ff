/**
 * An environment file such as `.env`: one `NAME=VALUE` on a line. Empty lines and lines that begin with `#` are skipped,
 * `export` before a name is allowed. A value is bare (ends at the line or before ` #`), in single quotes (as written)
 * or in double quotes (`\n`, `\r`, `\t`, `\\`, `\"`, `\$`); in quotes it may go over several lines. `$` means itself:
 * nothing is expanded. A name that stands twice has its last value. No message ever shows a value.
 */
import * as Either from "effect/Either"
import { type Place, ProjectError } from "./ProjectError.js"

export interface Variable {
  readonly name: string
  readonly value: string
  readonly line: number
}

/** The variables of `text` by name; the error has no file yet. */
export const parse = (text: string): Either.Either<ReadonlyMap<string, Variable>, ProjectError> => {
  const out = new Map<string, Variable>()
  const source = text.replaceAll("\r\n", "\n")
  let at = 0
  let line = 1
  while (at < source.length) {
    const lineEnd = ends(source, at)
    const raw = source.slice(at, lineEnd)
    if (/^\s*(#|$)/.test(raw)) {
      at = lineEnd + 1
      line++
      continue
    }
    const head = /^(\s*(?:export\s+)?)([A-Za-z_][A-Za-z0-9_.-]*)\s*=[ \t]*/.exec(raw)
    if (head === null) {
      // Whatever stands here may be a secret that was pasted alone, so it is not repeated.
      return raw.includes("=")
        ? refuse("what stands before = is no name for a variable", { line, column: 1 }, nameHint)
        : refuse("this line is not NAME=VALUE", { line, column: 1 }, "put a # before a comment")
    }
    const [whole, before, name] = head as unknown as readonly [string, string, string]
    const place = { line, column: before.length + 1 }
    const start = at + whole.length
    const quote = source[start]
    if (quote !== '"' && quote !== "'") {
      const value = raw
        .slice(whole.length)
        .replace(/(^|\s)#.*$/, "")
        .trim()
      if (value.includes("\0")) return refuse(`the value of ${name} holds a NUL character`, place)
      out.set(name, { name, value, line })
      at = lineEnd + 1
      line++
      continue
    }
    const close = closing(source, start + 1, quote)
    if (close === -1) return refuse(`the quotes of the value of ${name} are not closed`, place)
    const inside = source.slice(start + 1, close)
    const afterEnd = ends(source, close)
    if (!/^\s*(#|$)/.test(source.slice(close + 1, afterEnd))) {
      return refuse(`something follows the quoted value of ${name}`, place, "only a comment may follow it")
    }
    if (inside.includes("\0")) return refuse(`the value of ${name} holds a NUL character`, place)
    out.set(name, { name, value: quote === '"' ? unescaped(inside) : inside, line })
    line += inside.split("\n").length
    at = afterEnd + 1
  }
  return Either.right(out)
}

const nameHint = "a name has letters, digits, '_', '.' and '-', and does not begin with a digit"

const ends = (source: string, from: number): number => {
  const end = source.indexOf("\n", from)
  return end === -1 ? source.length : end
}

const closing = (source: string, from: number, quote: string): number => {
  for (let at = from; at < source.length; at++) {
    if (quote === '"' && source[at] === "\\") at++
    else if (source[at] === quote) return at
  }
  return -1
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", "\\": "\\", '"': '"', $: "$" }

const unescaped = (text: string): string =>
  text.replace(/\\(.)/gs, (whole, char: string) => (Object.hasOwn(escapes, char) ? escapes[char]! : whole))

const refuse = (detail: string, place: Place, hint?: string): Either.Either<never, ProjectError> =>
  Either.left(
    new ProjectError({
      reason: "Syntax",
      detail,
      line: place.line,
      column: place.column,
      ...(hint === undefined ? {} : { hint })
    })
  )
