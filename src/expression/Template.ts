/**
 * `{{ … }}`: text with values in it, and conditions, in a Jinja subset of the product's own: `docs/expressions.md` is its
 * reference. Blocks are `{% if %}`, `{% for %}` and `{% set %}`, comments `{# … #}`.
 *
 * Parsing never fails: what does not parse is a template with problems, and evaluating it answers the first of them.
 * Evaluation is total and bounded (`Limits`), looks at own properties only, and never expands twice: braces in a value
 * are text. What is absent is an error unless `default`, `is defined` or an `or` allows for it, at any place in a path;
 * `Options.undefined` relaxes that. `\{{`, `\{%` and `\{#` are those characters as text.
 *
 * ```ts
 * const template = Template.parse("Review {{ steps.draft.output.title | upper }} for {{ input.name | default('all') }}")
 * const text = Template.evaluate(template, (name) => Option.fromNullable(values[name]))
 * ```
 */
import * as Either from "effect/Either"
import type { Json } from "../domain/Json.js"
import * as Blocks from "./Blocks.js"
import * as Evaluate from "./Evaluate.js"
import { catching, Fault } from "./Fault.js"
import * as Lexer from "./Lexer.js"
import { Meter, problemsMax, sourceUnitsMax } from "./Limits.js"
import * as Parse from "./Parse.js"
import type { Read } from "./Reads.js"
import * as Reads from "./Reads.js"
import * as Render from "./Render.js"
import * as Scan from "./Scan.js"
import type { Body, Parts, Problem } from "./Syntax.js"
import { fromFault, type TemplateError } from "./TemplateError.js"

export { outputKeys, type Scope } from "./Evaluate.js"
export type { Meter } from "./Limits.js"
export type { Read } from "./Reads.js"
export type { Problem, Span } from "./Syntax.js"
export { TemplateError } from "./TemplateError.js"
export { isTruthy, toText } from "./Value.js"

/** A parsed text. Plain data, to be made once and evaluated often. */
export interface Template {
  readonly source: string
  /** All that is wrong with it, in reading order: at most one for each placeholder and block, and 20. */
  readonly problems: ReadonlyArray<Problem>
  /** Of all placeholders and blocks that parse. */
  readonly reads: ReadonlyArray<Read>
  /** There is no placeholder, block or comment at all. What it evaluates to may still differ from `source`, by `\{{`. */
  readonly isLiteral: boolean
  /** Private to this room. */
  readonly body: Body
  /** Private to this room: the first problem. */
  readonly fault: Fault | undefined
}

/** How an evaluation goes about names and keys that are not there. */
export interface Options {
  /** `strict` (default): an error. `warn` and `ignore`: they read as none, and `warn` says so to `onUndefined`. */
  readonly undefined?: UndefinedVariables | undefined
  /** At most 20 for one evaluation. */
  readonly onUndefined?: ((error: TemplateError) => void) | undefined
}

export type UndefinedVariables = "strict" | "warn" | "ignore"

/**
 * A text in which `{{ … }}` stand for values. A text that is one placeholder and nothing else, comments and trimmed white
 * space apart, keeps the value's type.
 */
export const parse = (source: string): Template => {
  const refused = refusal(source)
  if (refused !== undefined) return template(source, [], [refused], false)
  const scanned = Scan.scan(source)
  const faults: Array<Fault> = scanned.fault === undefined ? [] : [scanned.fault]
  const parts = Blocks.build(scanned.pieces, faults)
  return template(source, parts, faults, scanned.isLiteral)
}

/** A condition: one expression, with or without braces around it. */
export const parseExpression = (source: string): Template => {
  const refused = refusal(source)
  if (refused !== undefined) return template(source, [], [refused], false)
  const start = source.length - source.trimStart().length
  const sign = source.slice(start, start + 2)
  if (sign === "{%" || sign === "{#") {
    const span = { start, end: source.trimEnd().length }
    const hint = "write it without braces"
    return template(source, [], [new Fault("Syntax", "a condition is one expression", span, hint, "block")], false)
  }
  const opening = sign === "{{" ? { start, end: start + 2, close: "}}" as const } : undefined
  const { end, tokens } = Lexer.lex(source, opening === undefined ? start : Scan.behindBraces(source, start), opening)
  const faults: Array<Fault> = []
  const expression = catching(
    () => Parse.expression(tokens),
    (fault) => {
      faults.push(fault)
      return undefined
    }
  )
  const after = source.length - source.slice(end).trimStart().length
  if (faults.length === 0 && after < source.length) {
    const span = { start: after, end: source.trimEnd().length }
    const message = "a condition is one expression, and this follows it"
    faults.push(new Fault("Syntax", message, span, "put all of it into one pair of braces, or none"))
  }
  return template(source, expression === undefined ? [] : [{ _tag: "Output", expression }], faults, false)
}

/** A fresh account, for several texts that share the limits of one. */
export const meter = (): Meter => new Meter()

/** What the text comes to. */
export const evaluate = (
  template: Template,
  scope: Evaluate.Scope,
  options?: Options
): Either.Either<Json, TemplateError> => evaluateWithin(template, scope, new Meter(), options)

/** `evaluate` with an account of the caller's; what was spent can be read from `meter` afterwards. */
export const evaluateWithin = (
  { body, fault, source }: Template,
  scope: Evaluate.Scope,
  meter: Meter,
  options?: Options
): Either.Either<Json, TemplateError> => {
  if (fault !== undefined) return Either.left(fromFault(source, fault))
  const env = { source, scope, meter, locals: undefined, absent: absence(source, options) }
  return catching(
    () => Either.right(body._tag === "Value" ? Evaluate.whole(body.expression, env) : Render.text(body.parts, env)),
    (fault) => Either.left(fromFault(source, fault))
  )
}

const absence = (source: string, options: Options | undefined): Evaluate.Environment["absent"] => {
  const policy = options?.undefined ?? "strict"
  if (policy === "strict") {
    return (fault) => {
      throw fault()
    }
  }
  const tell = policy === "warn" ? options?.onUndefined : undefined
  let told = 0
  return (fault) => {
    if (tell !== undefined && told++ < problemsMax) tell(fromFault(source, fault()))
  }
}

const template = (source: string, parts: Parts, found: ReadonlyArray<Fault>, isLiteral: boolean): Template => {
  const faults = [...found].sort((a, b) => a.span.start - b.span.start).slice(0, problemsMax)
  const only = parts.length === 1 ? parts[0] : undefined
  return {
    source,
    problems: faults.map(({ hint, message, span, topic }) => ({
      message,
      span,
      ...(hint === undefined ? {} : { hint }),
      ...(topic === undefined ? {} : { topic })
    })),
    reads: Reads.of(parts),
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
