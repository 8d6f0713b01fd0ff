/**
 * A source as plain texts, placeholders and blocks, in order. Comments are left out here, and so is white space: what a
 * `-` at a brace takes, the line break behind a block or comment, and the indentation before one that begins its line
 * (Jinja's `trim_blocks` and `lstrip_blocks`).
 */
import { Fault } from "./Fault.js"
import * as Lexer from "./Lexer.js"
import { problemsMax } from "./Limits.js"
import type { Span } from "./Syntax.js"

export type Piece =
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Output" | "Block"; readonly tokens: ReadonlyArray<Lexer.Token>; readonly span: Span }

export interface Scanned {
  readonly pieces: ReadonlyArray<Piece>
  /** There is nothing but text. */
  readonly isLiteral: boolean
  /** Of comments. Those of placeholders and blocks stand in their tokens. */
  readonly fault: Fault | undefined
}

export const scan = (source: string): Scanned => {
  const scanner = new Scanner(source)
  scanner.run()
  return { pieces: scanner.pieces, isLiteral: scanner.isLiteral, fault: scanner.fault }
}

/** What the braces before a text take of its start. */
type Taking = "nothing" | "line break" | "white space"

class Scanner {
  readonly pieces: Array<Piece> = []
  isLiteral = true
  fault: Fault | undefined
  /** Text that was read since the last braces. */
  private text = ""
  private from = 0
  private taking: Taking = "nothing"
  private isLineStart = true

  constructor(private readonly source: string) {}

  run(): void {
    const { source } = this
    let faulty = 0
    for (let at = source.indexOf("{"); at >= 0 && faulty < problemsMax; at = source.indexOf("{", at)) {
      const sign = source[at + 1]
      if (sign !== "{" && sign !== "%" && sign !== "#") {
        at++
      } else if (source[at - 1] === "\\" && at > this.from) {
        this.text += `${source.slice(this.from, at - 1)}{${sign}`
        at += 2
        this.from = at
      } else {
        this.text += source.slice(this.from, at)
        this.isLiteral = false
        const end = sign === "#" ? this.comment(at) : this.braces(at, sign)
        const last = this.pieces.at(-1)
        if (last !== undefined && last._tag !== "Text" && last.tokens.at(-1)?.kind === "fault") faulty++
        at = end
        this.from = at
      }
    }
    this.text += source.slice(this.from)
    this.plain("nothing")
  }

  /** A placeholder or block whose braces are at `start`; where it ends. */
  private braces(start: number, sign: "{" | "%"): number {
    const before = this.source[start + 2]
    const hasSign = before === "-" || before === "+"
    this.plain(before === "-" ? "white space" : sign === "%" && before !== "+" ? "indentation" : "nothing")
    const from = start + (hasSign ? 3 : 2)
    const opening = { start, end: start + 2, close: sign === "{" ? ("}}" as const) : ("%}" as const) }
    const lexed = Lexer.lex(this.source, from, opening)
    const mistake = before === "-" ? negative(this.source, start) : undefined
    this.pieces.push({
      _tag: sign === "{" ? "Output" : "Block",
      tokens: mistake === undefined ? lexed.tokens : [Lexer.faulty(mistake, start, lexed.end)],
      span: { start, end: lexed.end }
    })
    const takesLine = sign === "%" && lexed.sign !== "+"
    this.taking = lexed.sign === "-" ? "white space" : takesLine ? "line break" : "nothing"
    return lexed.end
  }

  private comment(start: number): number {
    const before = this.source[start + 2]
    this.plain(before === "-" ? "white space" : before === "+" ? "nothing" : "indentation")
    const close = this.source.indexOf("#}", start + 2)
    if (close < 0) {
      const span = { start, end: start + 2 }
      const hint = "close it with `#}`, or write `\\{#` for braces that are text"
      this.fault = new Fault("Syntax", "this comment is never closed", span, hint, "block")
      return this.source.length
    }
    const after = close > start + 2 ? this.source[close - 1] : undefined
    this.taking = after === "-" ? "white space" : after === "+" ? "nothing" : "line break"
    return close + 2
  }

  /** The text up to here is complete. */
  private plain(given: "nothing" | "indentation" | "white space"): void {
    let text = this.text
    this.text = ""
    if (this.taking === "white space") text = text.trimStart()
    else if (this.taking === "line break") {
      const rest = text.replace(/^\r?\n/, "")
      this.isLineStart = rest !== text
      text = rest
    }
    if (given === "white space") text = text.trimEnd()
    else if (given === "indentation") {
      const line = text.lastIndexOf("\n") + 1
      if ((line > 0 || this.isLineStart) && /^[ \t]*$/.test(text.slice(line))) text = text.slice(0, line)
    }
    this.isLineStart = false
    if (text !== "") this.pieces.push({ _tag: "Text", text })
  }
}

/** To Jinja `{{-1}}` is 1 without white space before it, which is not what anybody means. */
const negative = (source: string, start: number): Fault | undefined => {
  if (!/^\d$/.test(source[start + 3] ?? "")) return undefined
  const message = "the `-` at a brace takes the white space before it, and is no sign"
  return new Fault("Syntax", message, { start, end: start + 3 }, "put a space before or behind the `-`")
}

/** Where the expression begins behind the opening braces at `start`. */
export const behindBraces = (source: string, start: number): number => {
  const sign = source[start + 2]
  return start + ((sign === "-" || sign === "+") && negative(source, start) === undefined ? 3 : 2)
}
