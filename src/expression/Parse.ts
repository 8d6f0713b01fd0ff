/**
 * Tokens → `Syntax.Expression`: a Pratt parser ("Top down operator precedence", 1973). Precedence is Jinja's, from loose
 * to tight: `if else`, `or`, `and`, `not`, comparisons, `+ -`, `~`, `* / // %`, `**`, a sign; then what stands behind a
 * value: filters and tests, keys and slices.
 */
import { Cursor, spanOf } from "./Cursor.js"
import { above, deepest } from "./Depth.js"
import { Fault } from "./Fault.js"
import * as Foreign from "./Foreign.js"
import type { Token } from "./Lexer.js"
import type * as Syntax from "./Syntax.js"
import * as Uses from "./Uses.js"

/** The one expression that `tokens` are, or the first `Fault` in reading order, thrown. */
export const expression = (tokens: ReadonlyArray<Token>): Syntax.Expression => {
  const cursor = new Cursor(tokens)
  const read = new Parser(cursor).expression()
  cursor.finish()
  return read
}

const powers = { or: 1, and: 2, not: 3, compare: 4, sum: 5, concat: 6, product: 7, power: 8, operand: 9 }

/** Operators of one precedence are applied from left to right. Jinja's `**` is too, unlike Python's. */
const levels: ReadonlyMap<string, { readonly power: number; readonly operator: Syntax.Operator }> = new Map([
  ["+", { power: powers.sum, operator: "+" }],
  ["-", { power: powers.sum, operator: "-" }],
  ["*", { power: powers.product, operator: "*" }],
  ["/", { power: powers.product, operator: "/" }],
  ["//", { power: powers.product, operator: "//" }],
  ["%", { power: powers.product, operator: "%" }],
  ["**", { power: powers.power, operator: "**" }]
])

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

/** Whether a value may have this name in a text. */
export const isNameable = (name: string): boolean => !reserved.has(name) && !constants.has(name)

const comparators: ReadonlyMap<string, Syntax.Comparator> = new Map<string, Syntax.Comparator>([
  ["==", "=="],
  ["!=", "!="],
  ["<", "<"],
  ["<=", "<="],
  [">", ">"],
  [">=", ">="]
])

export class Parser implements Uses.Reader {
  constructor(readonly cursor: Cursor) {}

  expression(): Syntax.Expression {
    const { cursor } = this
    const then = this.choiceless()
    if (!cursor.isName("if")) return then
    cursor.advance()
    const condition = this.choiceless()
    if (!cursor.isName("else")) throw cursor.unexpected("`else`", "a choice is written `a if condition else b`")
    const otherwise = cursor.nested(cursor.advance(), () => this.expression())
    const span = spanOf(then.span, otherwise.span)
    return { _tag: "Conditional", condition, then, otherwise, span, depth: above(span, condition, then, otherwise) }
  }

  /** An expression that an `if` may follow which is not its own. */
  choiceless(): Syntax.Expression {
    return this.binary(powers.or)
  }

  private binary(power: number): Syntax.Expression {
    const { cursor } = this
    let left = cursor.isName("not") ? this.not(power) : this.operand()
    for (;;) {
      const level = this.level()
      if (level !== undefined && power <= level.power) left = this.chain(left, level.power)
      else if (power <= powers.concat && cursor.isOperator("~")) left = this.concat(left)
      else if (power <= powers.compare && this.comparator() !== undefined) left = this.compare(left)
      else if (power <= powers.and && cursor.isName("and")) left = this.logical("and", left)
      else if (power <= powers.or && cursor.isName("or")) left = this.logical("or", left)
      else return left
    }
  }

  private level() {
    const { kind, text } = this.cursor.current
    return kind === "operator" ? levels.get(text) : undefined
  }

  private chain(first: Syntax.Expression, power: number): Syntax.Expression {
    const rest: Array<{ operator: Syntax.Operator; span: Syntax.Span; operand: Syntax.Expression }> = []
    let before = first.span.end
    for (let level = this.level(); level?.power === power; level = this.level()) {
      const { operator } = level
      const token = this.cursor.advance()
      const read = this.binary(power + 1)
      const isDashed = operator === "-" && before === token.start && token.end === read.span.start
      const operand = isDashed && read._tag === "Path" ? { ...read, afterDash: true as const } : read
      rest.push({ operator, span: spanOf(token, token), operand })
      before = operand.span.end
    }
    const operands = [first, ...rest.map(({ operand }) => operand)]
    const span = spanOf(first.span, operands.at(-1)!.span)
    return { _tag: "Binary", first, rest, span, depth: deepest(span, operands) }
  }

  private concat(first: Syntax.Expression): Syntax.Expression {
    const operands = [first]
    while (this.cursor.isOperator("~")) {
      this.cursor.advance()
      operands.push(this.binary(powers.product))
    }
    const span = spanOf(first.span, operands.at(-1)!.span)
    return { _tag: "Concat", operands, span, depth: deepest(span, operands) }
  }

  private not(power: number): Syntax.Expression {
    const not = this.cursor.advance()
    if (power > powers.not) {
      throw new Fault("Syntax", "`not` binds less than the operator before it", spanOf(not, not), "write `(not …)`")
    }
    const operand = this.cursor.nested(not, () => this.binary(powers.not))
    const span = spanOf(not, operand.span)
    return { _tag: "Not", operand, span, depth: above(span, operand) }
  }

  private logical(operator: "and" | "or", first: Syntax.Expression): Syntax.Expression {
    const operands = [first]
    while (this.cursor.isName(operator)) {
      this.cursor.advance()
      operands.push(this.binary(powers[operator] + 1))
    }
    const span = spanOf(first.span, operands.at(-1)!.span)
    return { _tag: "Logical", operator, operands, span, depth: deepest(span, operands) }
  }

  private comparator(): Syntax.Comparator | undefined {
    const { kind, text } = this.cursor.current
    if (kind === "operator") return comparators.get(text)
    if (kind !== "name") return undefined
    if (text === "in") return "in"
    const { peek } = this.cursor
    return text === "not" && peek.kind === "name" && peek.text === "in" ? "not in" : undefined
  }

  private compare(first: Syntax.Expression): Syntax.Expression {
    const rest: Array<{ comparator: Syntax.Comparator; span: Syntax.Span; operand: Syntax.Expression }> = []
    let comparator = this.comparator()
    while (comparator !== undefined) {
      const token = this.cursor.advance()
      const span = spanOf(token, comparator === "not in" ? this.cursor.advance() : token)
      rest.push({ comparator, span, operand: this.binary(powers.sum) })
      comparator = this.comparator()
    }
    const operands = [first, ...rest.map(({ operand }) => operand)]
    const span = spanOf(first.span, operands.at(-1)!.span)
    return { _tag: "Compare", first, rest, span, depth: deepest(span, operands) }
  }

  /** A value with what stands behind it. */
  private operand(): Syntax.Expression {
    const { cursor } = this
    let value = this.signed()
    for (;;) {
      if (cursor.isOperator("|")) value = Uses.filter(this, value)
      else if (cursor.isName("is")) value = Uses.test(this, value)
      else if (cursor.isOperator(".") || cursor.isOperator("[")) {
        throw cursor.unexpected("an operator", "write `(x | filter).key` to take a key of what a filter made")
      } else return value
    }
  }

  private signed(): Syntax.Expression {
    const { cursor } = this
    const operator = cursor.isOperator("-") ? "-" : cursor.isOperator("+") ? "+" : undefined
    if (operator === undefined) return this.keyed()
    const token = cursor.advance()
    const operand = cursor.nested(token, () => this.signed())
    const span = spanOf(token, operand.span)
    if (operand._tag === "Literal" && typeof operand.value === "number") {
      return { ...operand, value: operator === "-" ? 0 - operand.value : operand.value, span }
    }
    return { _tag: "Sign", operator, operand, span, depth: above(span, operand) }
  }

  /** A value with its keys. */
  keyed(): Syntax.Expression {
    const { cursor } = this
    let value = this.primary()
    for (;;) {
      if (cursor.isOperator(".")) {
        cursor.advance()
        const name = cursor.current
        if (name.kind !== "name") {
          throw cursor.unexpected("a key", name.kind === "number" ? "an item of a list is written `x[0]`" : undefined)
        }
        cursor.advance()
        value = withKey(value, { _tag: "Literal", value: name.text, span: spanOf(name, name), depth: 0 }, name)
      } else if (cursor.isOperator("[")) {
        value = this.bracketed(value)
      } else if (cursor.isOperator("(")) {
        const name = value._tag === "Path" ? String(value.keys.at(-1) ?? value.root) : ""
        throw Foreign.call(name, spanOf(cursor.current, cursor.current))
      } else return value
    }
  }

  /** `object[key]` or `object[from:to:step]` */
  private bracketed(object: Syntax.Expression): Syntax.Expression {
    const { cursor } = this
    return cursor.nested(cursor.advance(), () => {
      const bound = () => (cursor.isOperator(":") || cursor.isOperator("]") ? undefined : this.expression())
      const key = cursor.isOperator(":") ? undefined : this.expression()
      if (key !== undefined && !cursor.isOperator(":")) return withKey(object, key, cursor.expect("]", "`]`"))
      cursor.advance()
      const to = bound()
      const hasStep = cursor.isOperator(":")
      if (hasStep) cursor.advance()
      const step = hasStep ? bound() : undefined
      const span = spanOf(object.span, cursor.expect("]", "`]`"))
      return { _tag: "Slice", object, from: key, to, step, span, depth: above(span, object, key, to, step) }
    })
  }

  private primary(): Syntax.Expression {
    const { cursor } = this
    const token = cursor.current
    const span = spanOf(token, token)
    if (token.kind === "number") {
      cursor.advance()
      return { _tag: "Literal", value: token.number, span, depth: 0 }
    }
    if (token.kind === "string") {
      cursor.advance()
      return { _tag: "Literal", value: token.text, span, depth: 0 }
    }
    if (token.kind === "name" && !reserved.has(token.text)) {
      cursor.advance()
      const constant = constants.get(token.text)
      return constant === undefined
        ? { _tag: "Path", root: token.text, rootSpan: span, keys: [], keySpans: [], span, depth: 0 }
        : { _tag: "Literal", value: constant, span, depth: 0 }
    }
    if (cursor.isOperator("(")) return this.parenthesised()
    if (cursor.isOperator("[")) return this.list()
    if (cursor.isOperator("{")) return this.map()
    if (token.kind === "end" && cursor.isAtStart) {
      throw new Fault("Syntax", "there is nothing here: an expression was expected", span)
    }
    throw cursor.unexpected("a value")
  }

  private parenthesised(): Syntax.Expression {
    const { cursor } = this
    const open = cursor.advance()
    const inner = cursor.nested(open, () => this.expression())
    if (cursor.isOperator(",")) throw cursor.unexpected("`)`", "a list is written `[a, b]`")
    const close = cursor.expect(")", "`)`")
    return { ...inner, span: spanOf(open, close) }
  }

  private list(): Syntax.Expression {
    const { cursor } = this
    const open = cursor.advance()
    const items = cursor.nested(open, () => cursor.separated("]", () => this.expression()))
    const span = spanOf(open, cursor.expect("]", "`,` or `]`"))
    return { _tag: "List", items, span, depth: deepest(span, items) }
  }

  private map(): Syntax.Expression {
    const { cursor } = this
    const open = cursor.advance()
    const entries = cursor.nested(open, () =>
      cursor.separated("}", () => {
        const key = this.expression()
        if (key._tag === "Literal" && typeof key.value !== "string") {
          throw new Fault("Syntax", "a key of a map is text", key.span, "put it in quotes")
        }
        cursor.expect(":", "`:`", "a map is written `{'key': value}`")
        return { key, value: this.expression() }
      })
    )
    const span = spanOf(open, cursor.expect("}", "`,` or `}`"))
    const parts = entries.flatMap(({ key, value }) => [key, value])
    return { _tag: "Map", entries, span, depth: deepest(span, parts) }
  }
}

/** A constant key of a path makes a longer path, so that what a text reads is known without evaluating it. */
const withKey = (object: Syntax.Expression, key: Syntax.Expression, last: Syntax.Span): Syntax.Expression => {
  const span = spanOf(object.span, last)
  const depth = above(span, object, key)
  if (key._tag !== "Literal") return { _tag: "Index", object, key, span, depth }
  const constant = key.value
  if (typeof constant !== "string" && (typeof constant !== "number" || !Number.isInteger(constant))) {
    throw new Fault("Syntax", "a key is text or a whole number", key.span)
  }
  if (object._tag !== "Path") return { _tag: "Index", object, key, span, depth }
  const keys = [...object.keys, constant]
  return { ...object, keys, keySpans: [...object.keySpans, key.span], span, depth }
}
