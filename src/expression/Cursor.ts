/** Where a parser stands in the tokens of one placeholder or block, and the faults of what stands there. */
import { tooDeep } from "./Depth.js"
import { Fault } from "./Fault.js"
import * as Foreign from "./Foreign.js"
import type { Token } from "./Lexer.js"
import { nestingMax } from "./Limits.js"
import type { Span } from "./Syntax.js"
import * as Words from "./Words.js"

export const spanOf = (first: Span, last: Span): Span => ({ start: first.start, end: last.end })

export class Cursor {
  private at = 0
  private level = 0

  constructor(private readonly tokens: ReadonlyArray<Token>) {}

  get current(): Token {
    return this.tokens[this.at]!
  }

  /** The token after the current one; behind the last one, the last one. */
  get peek(): Token {
    return this.tokens[this.at + 1] ?? this.current
  }

  get isAtStart(): boolean {
    return this.at === 0
  }

  advance(): Token {
    return this.tokens[this.at++]!
  }

  isName(text: string): boolean {
    return this.current.kind === "name" && this.current.text === text
  }

  isOperator(text: string): boolean {
    return this.current.kind === "operator" && this.current.text === text
  }

  nested<A>(opening: Span, read: () => A): A {
    if (++this.level > nestingMax) throw tooDeep({ start: opening.start, end: opening.end })
    const answer = read()
    this.level--
    return answer
  }

  /** Items with commas between, up to `close`, which is left to the caller. One comma may follow the last. */
  separated<A>(close: string, item: () => A): ReadonlyArray<A> {
    const items: Array<A> = []
    while (!this.isOperator(close)) {
      items.push(item())
      if (!this.isOperator(",")) break
      this.at++
    }
    return items
  }

  expect(text: string, wanted: string, hint?: string): Token {
    if (!this.isOperator(text)) throw this.unexpected(wanted, hint)
    return this.advance()
  }

  /** Nothing may follow. */
  finish(): void {
    const token = this.current
    if (token.kind === "end") return
    if (token.kind === "operator" && (token.text === ")" || token.text === "]" || token.text === "}")) {
      const message = `nothing is open that ${Words.quoted(token.text)} could close`
      const hint = token.text === "}" ? "a placeholder is closed by `}}`" : undefined
      throw new Fault("Syntax", message, spanOf(token, token), hint)
    }
    throw this.unexpected("the end of the expression", behind(token))
  }

  unexpected(wanted: string, hint?: string): Fault {
    const token = this.current
    const span = spanOf(token, token)
    if (token.fault !== undefined) return token.fault
    if (token.kind === "end") return new Fault("Syntax", `the expression ends where ${wanted} was expected`, span, hint)
    const foreign = token.kind === "operator" ? Foreign.operator(token.text, span) : undefined
    return foreign ?? new Fault("Syntax", `${describe(token)} stands where ${wanted} was expected`, span, hint)
  }
}

/** What was probably meant by a token behind a whole expression. */
const behind = ({ kind, text }: Token): string | undefined => {
  if (kind === "name") return "an operator is missing"
  if (text === ",") return "a list is written `[a, b]`"
  return text === ":" ? "write `\\{{` for braces that are text" : undefined
}

const describe = (token: Token): string =>
  token.kind === "string" ? "a text" : token.kind === "number" ? "a number" : Words.quoted(token.text)
