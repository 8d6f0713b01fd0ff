/**
 * Where the keys of a TOML document stand. The parser in use tells what a document holds but not where, and a message
 * about a key has to point at it. Only for documents that have been parsed: what is wrong here was refused there.
 */
import type { Place } from "./ProjectError.js"

export interface TomlKey extends Place {
  /** From the top: `["settings", "test_mode"]`. */
  readonly path: ReadonlyArray<string>
  /** Whether it is a header, `[settings]`. */
  readonly isHeader: boolean
}

/** Every header and every key outside inline tables, in order. */
export const keys = (text: string): ReadonlyArray<TomlKey> => {
  const out: Array<TomlKey> = []
  let at = text.startsWith("\ufeff") ? 1 : 0
  let line = 1
  let lineStart = at
  let table: ReadonlyArray<string> = []

  const step = () => {
    if (text[at] === "\n") {
      line++
      lineStart = at + 1
    }
    at++
  }
  const toLineEnd = () => {
    while (at < text.length && text[at] !== "\n") at++
  }
  /** Steps over the text at `at` and answers what it says, escapes as written unless JSON knows them. */
  const quotedText = (): string => {
    const quote = text[at]!
    const long = text.startsWith(quote.repeat(3), at)
    const end = long ? quote.repeat(3) : quote
    at += end.length
    const start = at
    while (at < text.length && !text.startsWith(end, at)) {
      if (quote === '"' && text[at] === "\\") step()
      step()
    }
    const inside = text.slice(start, at)
    at += end.length
    // A long text may end in one or two quotes of its own.
    while (long && text[at] === quote) at++
    if (quote === "'" || !inside.includes("\\")) return inside
    try {
      return String(JSON.parse(`"${inside}"`))
    } catch {
      return inside
    }
  }
  const space = () => {
    while (text[at] === " " || text[at] === "\t") at++
  }
  const key = (): ReadonlyArray<string> => {
    const parts: Array<string> = []
    for (;;) {
      space()
      if (text[at] === '"' || text[at] === "'") parts.push(quotedText())
      else {
        const start = at
        while (at < text.length && /[\w-]/.test(text[at]!)) at++
        parts.push(text.slice(start, at))
      }
      space()
      if (text[at] !== ".") return parts
      at++
    }
  }
  const value = () => {
    let depth = 0
    while (at < text.length) {
      const char = text[at]!
      if (char === '"' || char === "'") quotedText()
      else if (char === "#") toLineEnd()
      else if (char === "\n" && depth === 0) return
      else {
        if (char === "[" || char === "{") depth++
        if (char === "]" || char === "}") depth--
        step()
      }
    }
  }

  while (at < text.length) {
    const char = text[at]!
    if (char === "#") toLineEnd()
    else if (/\s/.test(char)) step()
    else if (char === "[") {
      const place = { line, column: at - lineStart + 1 }
      while (text[at] === "[") at++
      table = key()
      out.push({ path: table, isHeader: true, ...place })
      toLineEnd()
    } else {
      const place = { line, column: at - lineStart + 1 }
      out.push({ path: [...table, ...key()], isHeader: false, ...place })
      value()
    }
  }
  return out
}

/** Where `path` stands, or what is nearest above it; the first line if nothing is. */
export const find = (all: ReadonlyArray<TomlKey>, path: ReadonlyArray<string>): Place => {
  for (let length = path.length; length > 0; length--) {
    const found = all.find((key) => path.slice(0, length).every((part, i) => key.path[i] === part))
    if (found !== undefined) return found
  }
  return { line: 1, column: 1 }
}
