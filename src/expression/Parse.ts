/**
 * Tokens → `Syntax.Expression`: a Pratt parser ("Top down operator precedence", 1973). Precedence is Jinja's, from loose
 * to tight: `if else`, `or`, `and`, `not`, comparisons; then what stands behind a value: filters and tests, keys.
 * Operators to come take their place in `powers`.
 */
import { above, deepest, tooDeep } from "./Depth.js"
import { Fault } from "./Fault.js"
import * as Filter from "./Filter.js"
import * as Foreign from "./Foreign.js"
import type { Token } from "./Lexer.js"
import { nestingMax } from "./Limits.js"
import type * as Syntax from "./Syntax.js"
import * as Words from "./Words.js"

/** The one expression that `tokens` are, or the first `Fault` in reading order, thrown. */
export const expression = (tokens: ReadonlyArray<Token>): Syntax.Expression => {
  const parser = new Parser(tokens)
  const read = parser.expression()
  parser.finish()
  return read
}

const powers = { or: 1, and: 2, not: 3, compare: 4, operand: 5 }

const constants: ReadonlyMap<string, null | boolean> = new Map<string, null | boolean>([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
  ["none", null],
  ["None", null],
  ["null", null]
])

/** Words that are never names of values. Behind a dot they are keys like any other. */
const reserved: ReadonlySet<string> = new Set(["and", "or", "not", "in", "is", "if", "else"])

const comparators: ReadonlySet<string> = new Set(["==", "!=", "<", "<=", ">", ">="])

const spanOf = (first: Syntax.Span, last: Syntax.Span): Syntax.Span => ({ start: first.start, end: last.end })

class Parser {
  private at = 0
  private level = 0

  constructor(private readonly tokens: ReadonlyArray<Token>) {}

  expression(): Syntax.Expression {
    const then = this.binary(powers.or)
    if (!this.isName("if")) return then
    this.at++
    const condition = this.binary(powers.or)
    if (!this.isName("else")) throw this.unexpected("`else`", "a choice is written `a if condition else b`")
    const otherwise = this.nested(this.advance(), () => this.expression())
    const span = spanOf(then.span, otherwise.span)
    return { _tag: "Conditional", condition, then, otherwise, span, depth: above(span, condition, then, otherwise) }
  }

  finish(): void {
    const token = this.current
    if (token.kind === "end") return
    if (token.text === "-" && this.peek.text === "}}") throw Foreign.trim(spanOf(token, this.peek))
    if (token.kind === "operator" && (token.text === ")" || token.text === "]" || token.text === "}")) {
      const message = `nothing is open that ${Words.quoted(token.text)} could close`
      const hint = token.text === "}" ? "a placeholder is closed by `}}`" : undefined
      throw new Fault("Syntax", message, spanOf(token, token), hint)
    }
    throw this.unexpected("the end of the expression", behind(token))
  }

  private get current(): Token {
    return this.tokens[this.at]!
  }

  /** The token after the current one; behind the last one, the last one. */
  private get peek(): Token {
    return this.tokens[this.at + 1] ?? this.current
  }

  private advance(): Token {
    return this.tokens[this.at++]!
  }

  private isName(text: string): boolean {
    return this.current.kind === "name" && this.current.text === text
  }

  private isOperator(text: string): boolean {
    return this.current.kind === "operator" && this.current.text === text
  }

  private nested<A>(opening: Syntax.Span, read: () => A): A {
    if (++this.level > nestingMax) throw tooDeep({ start: opening.start, end: opening.end })
    const answer = read()
    this.level--
    return answer
  }

  private binary(power: number): Syntax.Expression {
    let left = this.isName("not") ? this.not(power) : this.operand()
    for (;;) {
      if (power <= powers.compare && this.comparator() !== undefined) left = this.compare(left)
      else if (power <= powers.and && this.isName("and")) left = this.logical("and", left)
      else if (power <= powers.or && this.isName("or")) left = this.logical("or", left)
      else return left
    }
  }

  private not(power: number): Syntax.Expression {
    const not = this.advance()
    if (power > powers.not) {
      throw new Fault("Syntax", "`not` binds less than the operator before it", spanOf(not, not), "write `(not …)`")
    }
    const operand = this.nested(not, () => this.binary(powers.not))
    const span = spanOf(not, operand.span)
    return { _tag: "Not", operand, span, depth: above(span, operand) }
  }

  private logical(operator: "and" | "or", first: Syntax.Expression): Syntax.Expression {
    const operands = [first]
    while (this.isName(operator)) {
      this.at++
      operands.push(this.binary(powers[operator] + 1))
    }
    const span = spanOf(first.span, operands.at(-1)!.span)
    return { _tag: "Logical", operator, operands, span, depth: deepest(span, operands) }
  }

  private comparator(): Syntax.Comparator | undefined {
    const { kind, text } = this.current
    if (kind === "operator") return comparators.has(text) ? (text as Syntax.Comparator) : undefined
    if (kind !== "name") return undefined
    if (text === "in") return "in"
    return text === "not" && this.peek.kind === "name" && this.peek.text === "in" ? "not in" : undefined
  }

  private compare(first: Syntax.Expression): Syntax.Expression {
    const rest: Array<{ comparator: Syntax.Comparator; span: Syntax.Span; operand: Syntax.Expression }> = []
    let comparator = this.comparator()
    while (comparator !== undefined) {
      const token = this.advance()
      const span = spanOf(token, comparator === "not in" ? this.advance() : token)
      rest.push({ comparator, span, operand: this.binary(powers.operand) })
      comparator = this.comparator()
    }
    const operands = [first, ...rest.map(({ operand }) => operand)]
    const span = spanOf(first.span, operands.at(-1)!.span)
    return { _tag: "Compare", first, rest, span, depth: deepest(span, operands) }
  }

  /** A value with what stands behind it. */
  private operand(): Syntax.Expression {
    let value = this.keyed(this.primary())
    for (;;) {
      if (this.isOperator("|")) value = this.filter(value)
      else if (this.isName("is")) value = this.test(value)
      else if (this.isOperator(".") || this.isOperator("[")) {
        throw this.unexpected("an operator", "write `(x | filter).key` to take a key of what a filter made")
      } else return value
    }
  }

  private keyed(first: Syntax.Expression): Syntax.Expression {
    let value = first
    for (;;) {
      if (this.isOperator(".")) {
        this.at++
        const name = this.current
        if (name.kind !== "name") {
          throw this.unexpected("a key", name.kind === "number" ? "an item of a list is written `x[0]`" : undefined)
        }
        this.at++
        value = withKey(value, { _tag: "Literal", value: name.text, span: spanOf(name, name), depth: 0 }, name)
      } else if (this.isOperator("[")) {
        const key = this.nested(this.advance(), () => this.expression())
        value = withKey(value, key, this.expect("]", "`]`"))
      } else if (this.isOperator("(")) {
        const name = value._tag === "Path" ? String(value.keys.at(-1) ?? value.root) : ""
        throw Foreign.call(name, spanOf(this.current, this.current))
      } else return value
    }
  }

  private primary(): Syntax.Expression {
    const token = this.current
    const span = spanOf(token, token)
    if (token.kind === "number") {
      this.at++
      return { _tag: "Literal", value: token.number, span, depth: 0 }
    }
    if (token.kind === "string") {
      this.at++
      return { _tag: "Literal", value: token.text, span, depth: 0 }
    }
    if (token.kind === "name" && !reserved.has(token.text)) {
      this.at++
      const constant = constants.get(token.text)
      return constant === undefined
        ? { _tag: "Path", root: token.text, rootSpan: span, keys: [], keySpans: [], span, depth: 0 }
        : { _tag: "Literal", value: constant, span, depth: 0 }
    }
    if (this.isOperator("-") && this.peek.kind === "number") {
      this.at++
      const number = this.advance()
      return { _tag: "Literal", value: 0 - number.number, span: spanOf(token, number), depth: 0 }
    }
    if (this.isOperator("(")) return this.parenthesised()
    if (this.isOperator("[")) return this.list()
    if (this.isOperator("{")) return this.map()
    if (token.kind === "end" && this.at === 0) {
      throw new Fault("Syntax", "there is nothing here: an expression was expected", span)
    }
    throw this.unexpected("a value")
  }

  private parenthesised(): Syntax.Expression {
    const open = this.advance()
    const inner = this.nested(open, () => this.expression())
    if (this.isOperator(",")) throw this.unexpected("`)`", "a list is written `[a, b]`")
    const close = this.expect(")", "`)`")
    return { ...inner, span: spanOf(open, close) }
  }

  private list(): Syntax.Expression {
    const open = this.advance()
    const items = this.nested(open, () => this.separated("]", () => this.expression()))
    const span = spanOf(open, this.expect("]", "`,` or `]`"))
    return { _tag: "List", items, span, depth: deepest(span, items) }
  }

  private map(): Syntax.Expression {
    const open = this.advance()
    const entries = this.nested(open, () =>
      this.separated("}", () => {
        const key = this.expression()
        if (key._tag === "Literal" && typeof key.value !== "string") {
          throw new Fault("Syntax", "a key of a map is text", key.span, "put it in quotes")
        }
        this.expect(":", "`:`", "a map is written `{'key': value}`")
        return { key, value: this.expression() }
      })
    )
    const span = spanOf(open, this.expect("}", "`,` or `}`"))
    return {
      _tag: "Map",
      entries,
      span,
      depth: deepest(
        span,
        entries.flatMap(({ key, value }) => [key, value])
      )
    }
  }

  /** Items with commas between, up to `close`, which is left to the caller. One comma may follow the last. */
  private separated<A>(close: string, item: () => A): ReadonlyArray<A> {
    const items: Array<A> = []
    while (!this.isOperator(close)) {
      items.push(item())
      if (!this.isOperator(",")) break
      this.at++
    }
    return items
  }

  private test(operand: Syntax.Expression): Syntax.Expression {
    this.at++
    const negated = this.isName("not")
    if (negated) this.at++
    const token = this.current
    if (token.kind !== "name") throw this.unexpected("the name of a test", testsHint)
    const span = spanOf(operand.span, token)
    this.at++
    switch (token.text) {
      case "none":
      case "None":
      case "null":
        return { _tag: "IsNone", operand, negated, span, depth: above(span, operand) }
      case "defined":
      case "undefined":
        return {
          _tag: "Defined",
          operand,
          negated: negated !== (token.text === "undefined"),
          span,
          depth: above(span, operand)
        }
      default:
        throw new Fault("Syntax", `${Words.quoted(token.text)} is not a test`, spanOf(token, token), testsHint)
    }
  }

  private filter(operand: Syntax.Expression): Syntax.Expression {
    this.at++
    const token = this.current
    if (token.kind !== "name") throw this.unexpected("the name of a filter")
    this.at++
    const nameSpan = spanOf(token, token)
    const names = token.text === "default" ? ["default_value", "boolean"] : Filter.find(token.text)?.parameters
    if (names === undefined) {
      const meant = Words.closest(token.text, Filter.names)
      throw new Fault(
        "Syntax",
        `${Words.quoted(token.text)} is not a filter`,
        nameSpan,
        meant === undefined ? `filters are ${Words.listed(Filter.names)}` : `did you mean ${Words.quoted(meant)}?`
      )
    }
    const parameters: Array<Syntax.Expression | undefined> = names.map(() => undefined)
    let last = token
    if (this.isOperator("(")) {
      let count = 0
      this.nested(this.advance(), () => this.separated(")", () => this.parameter(token, names, parameters, count++)))
      last = this.expect(")", "`,` or `)`")
    }
    const span = spanOf(operand.span, last)
    const depth = above(span, operand, ...parameters)
    return token.text === "default"
      ? { _tag: "Default", operand, fallback: parameters[0], whenFalsy: parameters[1], span, depth }
      : { _tag: "Filter", name: token.text, nameSpan, operand, parameters, span, depth }
  }

  /** Reads one parameter of `filter` into its place. `index` counts from 0 what was given before. */
  private parameter(
    filter: Token,
    names: ReadonlyArray<string>,
    parameters: Array<Syntax.Expression | undefined>,
    index: number
  ): void {
    const token = this.current
    const span = spanOf(token, token)
    const named = token.kind === "name" && this.peek.kind === "operator" && this.peek.text === "="
    if (named) this.at += 2
    else if (index > 0 && parameters[index - 1] === undefined) {
      throw new Fault("Syntax", "a parameter without a name cannot follow one with a name", span)
    }
    const place = named ? names.indexOf(token.text) : index
    if (place < 0 || place >= names.length) {
      const what = named ? `called ${Words.quoted(token.text)}` : `number ${index + 1}`
      const takes = names.length === 0 ? "it takes none" : `it takes ${Words.listed(names)}`
      throw new Fault("Syntax", `${Words.quoted(filter.text)} has no parameter ${what}`, span, takes)
    }
    if (parameters[place] !== undefined) {
      throw new Fault("Syntax", `${Words.quoted(token.text)} is given twice`, span)
    }
    parameters[place] = this.expression()
  }

  private expect(text: string, wanted: string, hint?: string): Token {
    if (!this.isOperator(text)) throw this.unexpected(wanted, hint)
    return this.advance()
  }

  private unexpected(wanted: string, hint?: string): Fault {
    const token = this.current
    const span = spanOf(token, token)
    if (token.fault !== undefined) return token.fault
    if (token.kind === "end") return new Fault("Syntax", `the expression ends where ${wanted} was expected`, span, hint)
    const foreign = token.kind === "operator" ? Foreign.operator(token.text, span) : undefined
    return foreign ?? new Fault("Syntax", `${describe(token)} stands where ${wanted} was expected`, span, hint)
  }
}

const testsHint = "tests are `is defined`, `is undefined` and `is none`, each also with `not`"

/** What was probably meant by a token behind a whole expression. */
const behind = ({ kind, text }: Token): string | undefined => {
  if (kind === "name") return "an operator is missing"
  if (text === ",") return "a list is written `[a, b]`"
  return text === ":" ? "write `\\{{` for braces that are text" : undefined
}

const describe = (token: Token): string =>
  token.kind === "string" ? "a text" : token.kind === "number" ? "a number" : Words.quoted(token.text)

/** A constant key of a path makes a longer path, so that what a text reads is known without evaluating it. */
const withKey = (object: Syntax.Expression, key: Syntax.Expression, last: Syntax.Span): Syntax.Expression => {
  const span = spanOf(object.span, last)
  const depth = above(span, object, key)
  if (key._tag !== "Literal") return { _tag: "Index", object, key, span, depth }
  const constant = key.value
  if (typeof constant !== "string" && !Number.isInteger(constant)) {
    throw new Fault("Syntax", "a key is text or a whole number", key.span)
  }
  if (object._tag !== "Path") return { _tag: "Index", object, key, span, depth }
  const keys = [...object.keys, constant as string | number]
  return { ...object, keys, keySpans: [...object.keySpans, key.span], span, depth }
}
