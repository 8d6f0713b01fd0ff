/**
 * A text cut into YAML's lexemes and grouped, with every limit held before anything recurses: the `yaml` package's
 * lexer and parser keep their own stacks, and only its composer calls itself.
 */
import { CST, Lexer, Parser } from "yaml"
import type { Span } from "../../expression/Template.js"
import type { Report } from "../Diagnostics.js"

export const depthMax = 64
export const lexemesMax = 200_000
export const partsMax = 50_000
export const aliasesMax = 100
export const propertiesMax = 1_000

export interface Grouped {
  readonly tokens: ReadonlyArray<CST.Token>
  /** Texts that begin with {{ or {% and have no quotes. */
  readonly unquoted: ReadonlyArray<Span>
  /** Where a quote stands that is never closed. */
  readonly openQuote: number | undefined
}

/** `undefined`: refused, and said so. */
export const group = (text: string, report: Report): Grouped | undefined => {
  const lexemes = cut(text, report)
  if (lexemes === undefined) return undefined
  const parser = new Parser()
  const tokens: Array<CST.Token> = []
  for (const lexeme of lexemes.all) {
    let isFaulty = false
    for (const token of parser.next(lexeme)) {
      tokens.push(token)
      isFaulty ||= token.type === "error"
    }
    // Only the first fault is shown, and thousands of them would take long.
    if (isFaulty) break
    // A document and a scalar stand on the stack beside the lists and maps.
    if (parser.stack.length > depthMax + 2) {
      const span = { start: parser.offset - lexeme.length, end: parser.offset }
      report.add("FLJ-BLUEPRINT-4", span, `this stands more than ${depthMax} levels deep`)
      return undefined
    }
  }
  for (const token of parser.end()) tokens.push(token)
  return { tokens, unquoted: lexemes.unquoted, openQuote: lexemes.openQuote }
}

const cut = (
  text: string,
  report: Report
): (Omit<Grouped, "tokens"> & { readonly all: ReadonlyArray<string> }) | undefined => {
  const all: Array<string> = []
  const unquoted: Array<Span> = []
  let offset = 0
  let parts = 0
  let aliases = 0
  let properties = 0
  let flowDepth = 0
  let quotedUntil = 0
  let isText = false
  let documents = 0
  let openQuote: number | undefined
  const refuse = (code: "FLJ-BLUEPRINT-4" | "FLJ-BLUEPRINT-5", lexeme: string, message: string) => {
    report.add(code, { start: offset, end: offset + lexeme.length }, message)
    return undefined
  }
  for (const lexeme of new Lexer().lex(text)) {
    all.push(lexeme)
    // These two mark what follows and stand for no text.
    if (lexeme === CST.DOCUMENT || lexeme === CST.FLOW_END) continue
    if (lexeme === CST.SCALAR) {
      parts++
      isText = true
      continue
    }
    switch (isText ? undefined : lexeme[0]) {
      case "{":
      case "[":
        if (lexeme.length > 1) break
        parts++
        flowDepth++
        if (flowDepth > depthMax) {
          return refuse("FLJ-BLUEPRINT-4", lexeme, `this stands more than ${depthMax} levels deep`)
        }
        if (lexeme === "{" && offset >= quotedUntil && (text[offset + 1] === "{" || text[offset + 1] === "%")) {
          const span = unquotedSpan(text, offset)
          unquoted.push(span)
          quotedUntil = span.end
        }
        break
      case "}":
      case "]":
        if (lexeme.length === 1 && flowDepth > 0) flowDepth--
        break
      case "-":
      case "?":
      case ",":
        if (lexeme.length === 1) parts++
        break
      case "*":
        if (++aliases > aliasesMax)
          return refuse("FLJ-BLUEPRINT-5", lexeme, `there are more than ${aliasesMax} aliases`)
        break
      case '"':
      case "'":
        parts++
        if (lexeme.length === 1 || !lexeme.endsWith(lexeme[0]!)) openQuote = offset
        break
      case "&":
      case "!":
      case "%":
        if (++properties > propertiesMax) {
          return refuse("FLJ-BLUEPRINT-5", lexeme, `there are more than ${propertiesMax} anchors, tags and directives`)
        }
        break
    }
    if (parts > partsMax) {
      return refuse("FLJ-BLUEPRINT-5", lexeme, `the document has more than ${partsMax} keys, values and items`)
    }
    if (all.length > lexemesMax) {
      return refuse("FLJ-BLUEPRINT-5", lexeme, `the document has more than ${lexemesMax} marks and words`)
    }
    // Of a third document and what follows nobody needs to know.
    if (!isText && lexeme === "---" && ++documents > 2) break
    isText = false
    offset += lexeme.length
  }
  return { all, unquoted, openQuote }
}

/** From the braces to where they close on the same line, or to the end of what stands there. */
const unquotedSpan = (text: string, start: number): Span => {
  const lineEnd = text.indexOf("\n", start)
  const line = text.slice(start, lineEnd < 0 ? text.length : lineEnd)
  const close = line.indexOf(line[1] === "{" ? "}}" : "%}", 2)
  return { start, end: start + (close < 0 ? line.replace(/\s+#.*$/, "").trimEnd().length : close + 2) }
}
