/** What the tests of templates share: a scope over plain values, and short ways to ask. */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Json } from "../../src/domain/Json.js"
import * as Template from "../../src/expression/Template.js"

export type Values = Readonly<Record<string, Json>>

export const scopeOf =
  (values: Values): Template.Scope =>
  (name) =>
    Object.hasOwn(values, name) ? Option.some(values[name]!) : Option.none()

export const run = (source: string, values: Values = {}) => Template.evaluate(Template.parse(source), scopeOf(values))

/** The answer, or a thrown error for the test to fail with. */
export const answer = (source: string, values: Values = {}): Json =>
  Either.getOrThrowWith(run(source, values), (e) => e)

export const condition = (source: string, values: Values = {}): Json =>
  Either.getOrThrowWith(Template.evaluate(Template.parseExpression(source), scopeOf(values)), (e) => e)

/** The error, with the piece of source that it points at. */
export const refused = (source: string, values: Values = {}) => {
  const answered = run(source, values)
  if (Either.isRight(answered)) throw new Error(`${source} answered ${JSON.stringify(answered.right)}`)
  const { detail, end, message, reason, start } = answered.left
  return { reason, detail, message, piece: source.slice(start, end), start, end }
}
