/**
 * `{{ … }}`: text with values in it, and conditions. A Jinja subset for inputs, messages and conditions: keys, literals,
 * comparisons, `and or not`, `a if c else b`, and the filters `default join length lower tojson upper`.
 *
 * Parsing never fails: what does not parse is a template with problems, and evaluating it answers the first of them.
 * Evaluation is total and bounded (`Limits`), looks at own properties only, and never expands twice: braces in a value
 * are text. Where it departs from Jinja: an absent name or key is an error unless `default` or `is defined` allows for
 * it, at any place in a path; `none` in a text is empty; `==` tells `true` from `1`; `join` takes lists only; `tojson`
 * is canonical JSON. `\{{`, `\{%` and `\{#` are those characters as text.
 *
 * ```ts
 * const template = Template.parse("Review {{ steps.draft.output.title | upper }} for {{ input.name | default('all') }}")
 * const text = Template.evaluate(template, (name) => Option.fromNullable(values[name]))
 * ```
 */
import * as Either from "effect/Either"
import type { Json } from "../domain/Json.js"
import * as Evaluate from "./Evaluate.js"
import { catching, Fault } from "./Fault.js"
import * as Foreign from "./Foreign.js"
import * as Lexer from "./Lexer.js"
import { Meter, problemsMax, sourceUnitsMax } from "./Limits.js"
import * as Parse from "./Parse.js"
import type { Read } from "./Reads.js"
import * as Reads from "./Reads.js"
import type { Body, Expression, Part, Problem, Span } from "./Syntax.js"
import { fromFault, type TemplateError } from "./TemplateError.js"

export { outputKeys, type Scope } from "./Evaluate.js"
export type { Read } from "./Reads.js"
export type { Problem, Span } from "./Syntax.js"
export { TemplateError } from "./TemplateError.js"
export { isTruthy, toText } from "./Value.js"

/** A parsed text. Plain data, to be made once and evaluated often. */
export interface Template {
  readonly source: string
  /** All that is wrong with it, in reading order: at most one for each placeholder, and 20. */
  readonly problems: ReadonlyArray<Problem>
  /** Of all placeholders that parse. */
  readonly reads: ReadonlyArray<Read>
  /** There is no placeholder at all. What it evaluates to may still differ from `source`, by `\{{`. */
  readonly isLiteral: boolean
  /** Private to this room. */
  readonly body: Body
  /** Private to this room: the first problem. */
  readonly fault: Fault | undefined
}

/** A text in which `{{ … }}` stand for values. A text that is one placeholder and nothing else keeps the value's type. */
export const parse = (source: string): Template => {
  const refused = refusal(source)
  if (refused !== undefined) return template(source, [], [refused], false)
  const parts: Array<Part> = []
  const faults: Array<Fault> = []
  const plain = (text: string) => {
    if (text !== "") parts.push({ _tag: "Text", text })
  }
  let isLiteral = true
  let text = ""
  let from = 0
  for (let at = source.indexOf("{"); at >= 0 && faults.length < problemsMax; at = source.indexOf("{", at)) {
    const sign = source[at + 1]
    if (sign !== "{" && sign !== "%" && sign !== "#") {
      at++
      continue
    }
    if (source[at - 1] === "\\") {
      text += `${source.slice(from, at - 1)}{${sign}`
      at += 2
    } else {
      plain(text + source.slice(from, at))
      text = ""
      isLiteral = false
      if (sign === "{") {
        const { end, expression } = placeholder(source, at, faults)
        if (expression !== undefined) parts.push({ _tag: "Output", expression })
        at = end
      } else {
        const fault = Foreign.block(source, at)
        faults.push(fault)
        at = fault.span.end
      }
    }
    from = at
  }
  plain(text + source.slice(from))
  return template(source, parts, faults, isLiteral)
}

/** A condition: one expression, with or without braces around it. */
export const parseExpression = (source: string): Template => {
  const refused = refusal(source)
  if (refused !== undefined) return template(source, [], [refused], false)
  const faults: Array<Fault> = []
  const start = source.length - source.trimStart().length
  if (source.startsWith("{%", start) || source.startsWith("{#", start)) {
    return template(source, [], [Foreign.block(source, start)], false)
  }
  const { end, expression } = source.startsWith("{{", start)
    ? placeholder(source, start, faults)
    : bare(source, start, faults)
  const after = source.length - source.slice(end).trimStart().length
  if (faults.length === 0 && after < source.length) {
    const span = { start: after, end: source.trimEnd().length }
    faults.push(
      new Fault(
        "Syntax",
        "a condition is one expression, and this follows it",
        span,
        "put it all in one pair of braces"
      )
    )
  }
  return template(source, expression === undefined ? [] : [{ _tag: "Output", expression }], faults, false)
}

/** The value of `template`: text, or whatever the one placeholder comes to that it consists of. */
export const evaluate = (template: Template, scope: Evaluate.Scope): Either.Either<Json, TemplateError> =>
  evaluateWithin(template, scope, new Meter())

/** `evaluate` with a budget of the caller's; what was spent can be read from `meter` afterwards. */
export const evaluateWithin = (
  { body, fault, source }: Template,
  scope: Evaluate.Scope,
  meter: Meter
): Either.Either<Json, TemplateError> =>
  fault !== undefined
    ? Either.left(fromFault(source, fault))
    : catching(
        () => Either.right(Evaluate.body(body, { source, scope, meter })),
        (fault) => Either.left(fromFault(source, fault))
      )

const template = (
  source: string,
  parts: ReadonlyArray<Part>,
  faults: ReadonlyArray<Fault>,
  isLiteral: boolean
): Template => {
  const only = parts.length === 1 ? parts[0] : undefined
  return {
    source,
    problems: faults.map(({ hint, message, span }) =>
      hint === undefined ? { message, span } : { message, hint, span }
    ),
    reads: parts.flatMap((part) => (part._tag === "Output" ? Reads.of(part.expression) : [])),
    isLiteral,
    body: only?._tag === "Output" ? { _tag: "Value", expression: only.expression } : { _tag: "Parts", parts },
    fault: faults[0]
  }
}

/** Why `source` is not read at all. */
const refusal = (source: string): Fault | undefined => {
  if (source.length > sourceUnitsMax) {
    const span = { start: sourceUnitsMax, end: source.length }
    return new Fault("Limit", `this text is longer than ${sourceUnitsMax} characters`, span)
  }
  if (source.isWellFormed()) return undefined
  const fixed = source.toWellFormed()
  let start = 0
  while (source.charCodeAt(start) === fixed.charCodeAt(start)) start++
  return new Fault("Syntax", "this text holds half a character (a lone surrogate)", { start, end: start + 1 })
}

interface Found {
  readonly end: number
  readonly expression: Expression | undefined
}

/** The placeholder whose `{{` is at `start`. */
const placeholder = (source: string, start: number, faults: Array<Fault>): Found => {
  const opening: Span = { start, end: start + 2 }
  const trims = source[start + 2] === "-" || source[start + 2] === "+"
  const { end, tokens } = Lexer.lex(source, start + 2, opening)
  if (!trims) return { end, expression: read(tokens, faults) }
  faults.push(Foreign.trim({ start, end: start + 3 }))
  return { end, expression: undefined }
}

const bare = (source: string, start: number, faults: Array<Fault>): Found => {
  const { end, tokens } = Lexer.lex(source, start, undefined)
  return { end, expression: read(tokens, faults) }
}

const read = (tokens: ReadonlyArray<Lexer.Token>, faults: Array<Fault>): Expression | undefined =>
  catching(
    () => Parse.expression(tokens),
    (fault) => {
      faults.push(fault)
      return undefined
    }
  )
