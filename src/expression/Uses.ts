/**
 * `| name(…)` and `is name(…)`: a filter or a test with its parameters. All that can be known here is checked here: the
 * name, which parameters there are, and the kinds of those that are written out.
 */
import { type Cursor, spanOf } from "./Cursor.js"
import { above } from "./Depth.js"
import { Fault } from "./Fault.js"
import type { Parameter } from "./Filter.js"
import * as Filter from "./Filter.js"
import * as Filters from "./Filters.js"
import * as Foreign from "./Foreign.js"
import * as Kind from "./Kind.js"
import type { Expression, Span, Use } from "./Syntax.js"
import * as Tests from "./Tests.js"
import * as Words from "./Words.js"

/** What reads the expressions within. */
export interface Reader {
  readonly cursor: Cursor
  readonly expression: () => Expression
  /** A value with its keys and nothing else behind it. */
  readonly keyed: () => Expression
}

interface Argument {
  readonly name: { readonly text: string; readonly span: Span } | undefined
  readonly value: Expression
}

interface Name {
  readonly text: string
  readonly span: Span
}

export const filter = (reader: Reader, operand: Expression): Expression => {
  const { cursor } = reader
  cursor.advance()
  const token = cursor.current
  if (token.kind !== "name") throw cursor.unexpected("the name of a filter")
  cursor.advance()
  const name = { text: token.text, span: spanOf(token, token) }
  const own = Filters.named(token.text)
  const found = Filters.find(own)
  if (found === undefined && own !== "default") throw unknown("filter", name)
  const { given, last } = cursor.isOperator("(") ? parenthesised(reader) : { given: [], last: name.span }
  const span = spanOf(operand.span, last)
  if (found === undefined) {
    const [fallback, whenFalsy] = bound(name, defaultParameters, given)
    return { _tag: "Default", operand, fallback, whenFalsy, span, depth: above(span, operand, fallback, whenFalsy) }
  }
  const kind = Kind.expected(operand, Filters.answers)
  const wrong = kind === undefined ? undefined : Kind.mismatch(name.text, found.takes, kind, name.span)
  if (wrong !== undefined) throw wrong
  const use = used(name, own, found, given)
  return { _tag: "Filter", operand, use, span, depth: above(span, operand, ...expressions(use)) }
}

const defaultParameters = [Filter.any("default_value"), Filter.any("boolean")]

export const test = (reader: Reader, operand: Expression): Expression => {
  const { cursor } = reader
  cursor.advance()
  const negated = cursor.isName("not")
  if (negated) cursor.advance()
  const token = cursor.current
  if (token.kind !== "name") throw cursor.unexpected("the name of a test", testsHint)
  cursor.advance()
  const name = { text: token.text, span: spanOf(token, token) }
  if (token.text === "defined" || token.text === "undefined") {
    const span = spanOf(operand.span, token)
    const isNegated = negated !== (token.text === "undefined")
    return { _tag: "Defined", operand, negated: isNegated, span, depth: above(span, operand) }
  }
  const found = Tests.find(Tests.named(token.text))
  if (found === undefined) throw unknown("test", name)
  const kind = Kind.expected(operand, Filters.answers)
  const wrong = kind === undefined ? undefined : Kind.mismatch(name.text, found.takes, kind, name.span)
  if (wrong !== undefined) throw wrong
  const { given, last } = cursor.isOperator("(")
    ? parenthesised(reader)
    : found.parameters.length > 0
      ? single(reader)
      : { given: [], last: name.span }
  const use = {
    name: Tests.named(token.text),
    nameSpan: name.span,
    parameters: bound(name, found.parameters, given)
  }
  const span = spanOf(operand.span, last)
  return { _tag: "Test", operand, use, negated, span, depth: above(span, operand, ...use.parameters) }
}

const testsHint = `tests are ${Words.listed(Tests.names)}`

const unknown = (topic: "filter" | "test", { span, text }: Name): Fault => {
  const names = topic === "filter" ? Filters.names : Tests.names
  const meant = Words.closest(text, names)
  const guess = meant === undefined ? `${topic}s are ${Words.listed(names)}` : `did you mean ${Words.quoted(meant)}?`
  return new Fault("Syntax", `${Words.quoted(text)} is not a ${topic}`, span, Foreign.hint(topic, text) ?? guess, topic)
}

interface Given {
  readonly given: ReadonlyArray<Argument>
  readonly last: Span
}

const parenthesised = (reader: Reader): Given => {
  const { cursor } = reader
  const given = cursor.nested(cursor.advance(), () => cursor.separated(")", () => argument(reader)))
  return { given, last: cursor.expect(")", "`,` or `)`") }
}

const argument = (reader: Reader): Argument => {
  const { cursor } = reader
  const token = cursor.current
  const isNamed = token.kind === "name" && cursor.peek.kind === "operator" && cursor.peek.text === "="
  if (!isNamed) return { name: undefined, value: reader.expression() }
  cursor.advance()
  cursor.advance()
  return { name: { text: token.text, span: spanOf(token, token) }, value: reader.expression() }
}

/** `is divisibleby 3`: the one parameter of a test may stand without parentheses. */
const single = (reader: Reader): Given => {
  const value = reader.keyed()
  return { given: [{ name: undefined, value }], last: value.span }
}

/** A filter of `found` with what it does to each item, if it is one that does. */
const used = (name: Name, own: string, found: Filter.Filter, given: ReadonlyArray<Argument>): Use => {
  const head = { name: own, nameSpan: name.span }
  if (found.each === undefined) return { ...head, parameters: bound(name, found.parameters, given) }
  if (found.each === "filter") {
    const [first, ...rest] = given
    if (first === undefined || first.name !== undefined) {
      return { ...head, parameters: bound(name, found.parameters, given) }
    }
    return { ...head, parameters: found.parameters.map(() => undefined), each: inner("filter", first.value, rest) }
  }
  const count = found.parameters.length
  const ownGiven = given.slice(0, count)
  const parameters = bound(name, found.parameters, ownGiven)
  const [first, ...rest] = given.slice(count)
  if (first === undefined) return { ...head, parameters }
  if (first.name !== undefined) {
    throw new Fault(
      "Syntax",
      `${Words.quoted(name.text)} has no parameter called ${Words.quoted(first.name.text)}`,
      first.name.span
    )
  }
  return { ...head, parameters, each: inner("test", first.value, rest) }
}

/** The filter or test that a text in quotes names. */
const inner = (topic: "filter" | "test", named: Expression, given: ReadonlyArray<Argument>): Use => {
  if (named._tag !== "Literal" || typeof named.value !== "string") {
    const other = topic === "filter" ? "; a key of each item is `map(attribute='key')`" : ""
    throw new Fault("Syntax", `the name of a ${topic} stands here in quotes${other}`, named.span)
  }
  const name = { text: named.value, span: named.span }
  if (topic === "filter") {
    const own = Filters.named(named.value)
    const found = Filters.find(own)
    if (found === undefined || found.each !== undefined) throw unknown("filter", name)
    return { name: own, nameSpan: name.span, parameters: bound(name, found.parameters, given) }
  }
  const own = Tests.named(named.value)
  const parameters = own === "defined" || own === "undefined" ? [] : Tests.find(own)?.parameters
  if (parameters === undefined) throw unknown("test", name)
  return { name: own, nameSpan: name.span, parameters: bound(name, parameters, given) }
}

/** What was given, in the order of `parameters`. */
const bound = (
  owner: Name,
  parameters: ReadonlyArray<Parameter>,
  given: ReadonlyArray<Argument>
): ReadonlyArray<Expression | undefined> => {
  const values: Array<Expression | undefined> = parameters.map(() => undefined)
  const names = parameters.map(({ name }) => name)
  let isNaming = false
  for (const [index, { name, value }] of given.entries()) {
    if (name === undefined && isNaming) {
      throw new Fault("Syntax", "a parameter without a name cannot follow one with a name", value.span)
    }
    isNaming ||= name !== undefined
    const place = name === undefined ? index : names.indexOf(name.text)
    const parameter = parameters[place]
    if (parameter === undefined) {
      const what = name === undefined ? `number ${index + 1}` : `called ${Words.quoted(name.text)}`
      const takes = names.length === 0 ? "it takes none" : `it takes ${Words.listed(names)}`
      const message = `${Words.quoted(owner.text)} has no parameter ${what}`
      throw new Fault("Syntax", message, name?.span ?? value.span, takes)
    }
    if (values[place] !== undefined) {
      throw new Fault("Syntax", `${Words.quoted(parameter.name)} is given twice`, name?.span ?? value.span)
    }
    const wrong = wrongFor(owner.text, parameter, value)
    if (wrong !== undefined) throw wrong
    values[place] = value
  }
  const missing = parameters.find(({ required }, index) => required && values[index] === undefined)
  if (missing === undefined) return values
  throw new Fault("Syntax", `${Words.quoted(owner.text)} needs ${Words.quoted(missing.name)}`, owner.span)
}

const wrongFor = (owner: string, parameter: Parameter, value: Expression): Fault | undefined => {
  if (value._tag === "Literal") return Filter.refusal(owner, parameter, value.value, value.span)
  const kind = Kind.expected(value, Filters.answers)
  return kind === undefined ? undefined : Filter.kindRefusal(owner, parameter, kind, value.span)
}

const expressions = ({ each, parameters }: Use): ReadonlyArray<Expression | undefined> =>
  each === undefined ? parameters : [...parameters, ...each.parameters]
