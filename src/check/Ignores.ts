/**
 * `# flujo: ignore V-A5` hides findings of the line that it stands on, or, alone on lines of comments, of the line after
 * them. What follows the codes is for people.
 */
import { Lexer } from "yaml"
import type { Diagnostic } from "../blueprint/Diagnostics.js"
import * as Source from "../blueprint/Source.js"
import type { Span } from "../expression/Template.js"
import * as Severities from "./Severities.js"

/** One code of a comment. */
export interface Ignore {
  /** A code, an old name of one, or a pattern. Empty where the comment names none. */
  readonly code: string
  readonly span: Span
  readonly file: string
  /** The line that is meant, from 1. */
  readonly line: number
}

/** Of a text that has been read as YAML. */
export const of = (source: Source.Source): ReadonlyArray<Ignore> => {
  if (!/flujo:[ \t]*ignore/.test(source.text)) return []
  const found: Array<Ignore> = []
  for (const { start, text } of comments(source.text)) {
    const head = /^#[ \t]*flujo:[ \t]*ignore(?![\w-])/.exec(text)
    if (head === null) continue
    const { line } = Source.positionAt(source, start)
    const target = isAlone(source, line) ? nextLine(source, line) : line
    const codes: Array<Ignore> = []
    const word = /[ \t,]+([A-Z][A-Z0-9-]*\*?)(?=[ \t,]|$)/y
    word.lastIndex = head[0].length
    for (let match = word.exec(text); match !== null; match = word.exec(text)) {
      const code = match[1]!
      const end = start + word.lastIndex
      codes.push({ code, file: source.path, line: target, span: { start: end - code.length, end } })
    }
    if (codes.length === 0) {
      codes.push({ code: "", file: source.path, line: target, span: { start, end: start + head[0].length } })
    }
    found.push(...codes)
  }
  return found
}

export const covers = (ignore: Ignore, { code, file, place }: Diagnostic): boolean =>
  ignore.file === file &&
  ignore.line === place.start.line &&
  ignore.code !== "" &&
  Severities.matches(ignore.code, code)

const isAlone = (source: Source.Source, line: number): boolean => /^\s*#/.test(Source.lineText(source, line))

const nextLine = (source: Source.Source, line: number): number => {
  let next = line + 1
  while (next < source.lineStarts.length && isAlone(source, next)) next++
  return next
}

const marks = new Set(["\u0002", "\u0018", "\u001f"])

/** Comments as YAML sees them: a `#` in a text is none. */
function* comments(text: string): Generator<{ readonly start: number; readonly text: string }> {
  let at = 0
  for (const lexeme of new Lexer().lex(text)) {
    // These say what follows, and stand for no text.
    if (marks.has(lexeme)) continue
    if (lexeme.startsWith("#")) yield { start: at, text: lexeme }
    at += lexeme.length
  }
}
