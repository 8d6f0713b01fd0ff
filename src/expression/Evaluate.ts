/**
 * `Syntax.Body` → value. Total: every text and every value gives an answer or a `Fault`, within the limits that the
 * meter keeps. `undefined` stands for what is not there, and travels only where a `default` or `is defined` around it
 * will take it (`lenient`); anywhere else absence is a fault.
 */
import * as Option from "effect/Option"
import * as Json from "../domain/Json.js"
import { Fault } from "./Fault.js"
import * as Filter from "./Filter.js"
import type { Meter } from "./Limits.js"
import type * as Syntax from "./Syntax.js"
import * as Value from "./Value.js"
import * as Words from "./Words.js"

/** What a name stands for; none for a name that stands for nothing. */
export type Scope = (name: string) => Option.Option<Json.Json>

export interface Environment {
  readonly source: string
  readonly scope: Scope
  readonly meter: Meter
}

/** What a text comes to. A `Fault` is thrown. */
export const body = (tree: Syntax.Body, env: Environment): Json.Json => {
  if (tree._tag === "Value") {
    const answer = value(tree.expression, env)
    if (builds(tree.expression)) checkDepth(answer, 0, env, tree.expression.span)
    return answer
  }
  let text = ""
  for (const part of tree.parts) {
    if (part._tag === "Text") text += part.text
    else text += Value.written(value(part.expression, env), env.meter, part.expression.span)
    env.meter.fits(text.length, part._tag === "Text" ? { start: 0, end: env.source.length } : part.expression.span)
  }
  return text
}

const value = (node: Syntax.Expression, env: Environment): Json.Json => {
  const answer = evaluate(node, env, false)
  if (answer !== undefined) return answer
  throw new Fault("Undefined", "there is nothing here", node.span, "add `| default(…)`")
}

const evaluate = (node: Syntax.Expression, env: Environment, lenient: boolean): Json.Json | undefined => {
  const { meter } = env
  meter.spend(1, node.span)
  switch (node._tag) {
    case "Literal":
      return node.value
    case "Path":
      return path(node, env, lenient)
    case "Index":
      return index(node, env, lenient)
    case "List":
      return node.items.map((item) => value(item, env))
    case "Map":
      return map(node, env)
    case "Not":
      return !Value.holds(value(node.operand, env), meter, node.span)
    case "Logical":
      return logical(node, env, lenient)
    case "Compare":
      return compare(node, env)
    case "Defined":
      return (evaluate(node.operand, env, true) === undefined) === node.negated
    case "IsNone":
      return (value(node.operand, env) === null) !== node.negated
    case "Conditional":
      return Value.holds(value(node.condition, env), meter, node.condition.span)
        ? evaluate(node.then, env, lenient)
        : evaluate(node.otherwise, env, lenient)
    case "Default":
      return orDefault(node, env, lenient)
    case "Filter":
      return filter(node, env)
  }
}

const path = (node: Syntax.Path, env: Environment, lenient: boolean): Json.Json | undefined => {
  const found = env.scope(node.root)
  if (Option.isNone(found)) {
    if (lenient) return undefined
    throw new Fault("Undefined", `there is no ${Words.quoted(node.root)} here`, node.rootSpan, absenceHint)
  }
  let at: Json.Json = found.value
  for (let i = 0; i < node.keys.length; i++) {
    const key = node.keys[i]!
    const span = node.keySpans[i]!
    const next = Value.child(at, key, env.meter, span)
    if (next === undefined) {
      if (isOutput(node, i)) continue
      if (lenient) return undefined
      throw missing(written(node.root, node.keys.slice(0, i)), at, key, span, env)
    }
    at = next
  }
  return at
}

/** `steps.NAME.output`, `.result` and `.value` are what the step answered, unless that has such a key of its own. */
export const outputKeys: ReadonlySet<string | number> = new Set(["output", "result", "value"])

const isOutput = ({ keys, root }: Syntax.Path, i: number): boolean =>
  root === "steps" && i === 1 && outputKeys.has(keys[1]!)

const index = (node: Syntax.Index, env: Environment, lenient: boolean): Json.Json | undefined => {
  const object = evaluate(node.object, env, lenient)
  if (object === undefined) return undefined
  const key = value(node.key, env)
  if (typeof key !== "string" && !Number.isInteger(key)) {
    throw new Fault("Type", `a key is text or a whole number, and this is ${describe(key)}`, node.key.span)
  }
  const found = Value.child(object, key as string | number, env.meter, node.key.span)
  if (found !== undefined || lenient) return found
  const subject = Words.quoted(env.source.slice(node.object.span.start, node.object.span.end))
  throw missing(subject, object, key as string | number, node.key.span, env)
}

const map = (node: Syntax.Map, env: Environment): Json.Json => {
  const made: Record<string, Json.Json> = {}
  for (const entry of node.entries) {
    const key = value(entry.key, env)
    if (typeof key !== "string") {
      throw new Fault("Type", `a key of a map is text, and this is ${Words.kindOf(key)}`, entry.key.span)
    }
    Json.set(made, key, value(entry.value, env))
  }
  return made
}

const logical = (node: Syntax.Logical, env: Environment, lenient: boolean): Json.Json | undefined => {
  let answer: Json.Json | undefined
  for (const operand of node.operands) {
    answer = evaluate(operand, env, lenient)
    const truth = answer !== undefined && Value.holds(answer, env.meter, operand.span)
    if (truth === (node.operator === "or")) return answer
  }
  return answer
}

const compare = (node: Syntax.Compare, env: Environment): boolean => {
  let left = value(node.first, env)
  for (const { comparator, operand, span } of node.rest) {
    const right = value(operand, env)
    if (!compares(comparator, left, right, span, env.meter)) return false
    left = right
  }
  return true
}

const compares = (
  comparator: Syntax.Comparator,
  left: Json.Json,
  right: Json.Json,
  span: Syntax.Span,
  meter: Meter
): boolean => {
  switch (comparator) {
    case "==":
      return Value.equals(left, right, meter, span)
    case "!=":
      return !Value.equals(left, right, meter, span)
    case "in":
      return isIn(left, right, span, meter)
    case "not in":
      return !isIn(left, right, span, meter)
    case "<":
      return order(comparator, left, right, span, meter) < 0
    case "<=":
      return order(comparator, left, right, span, meter) <= 0
    case ">":
      return order(comparator, left, right, span, meter) > 0
    case ">=":
      return order(comparator, left, right, span, meter) >= 0
  }
}

const order = (comparator: string, left: Json.Json, right: Json.Json, span: Syntax.Span, meter: Meter): number => {
  if (typeof left === "number" && typeof right === "number") return left - right
  if (typeof left === "string" && typeof right === "string") return Value.compareText(left, right, meter, span)
  const given = `${Words.kindOf(left)} and ${Words.kindOf(right)}`
  throw new Fault("Type", `\`${comparator}\` compares two numbers or two texts, and was given ${given}`, span)
}

const isIn = (left: Json.Json, right: Json.Json, span: Syntax.Span, meter: Meter): boolean => {
  if (Array.isArray(right)) return right.some((item: Json.Json) => Value.equals(left, item, meter, span))
  if (typeof left === "string" && typeof right === "string") return Value.includes(right, left, meter, span)
  if (typeof left === "string" && Json.isObject(right)) return Object.hasOwn(right, left)
  const given = `${Words.kindOf(left)} in ${Words.kindOf(right)}`
  throw new Fault("Type", `\`in\` looks for text in text, a key in a map or a value in a list, not for ${given}`, span)
}

/** The fallback is evaluated only where it is needed, so that it may read what is there only then. */
const orDefault = (node: Syntax.Default, env: Environment, lenient: boolean): Json.Json | undefined => {
  const operand = evaluate(node.operand, env, true)
  if (operand !== undefined) {
    if (node.whenFalsy === undefined || Value.holds(operand, env.meter, node.span)) return operand
    if (!Value.holds(value(node.whenFalsy, env), env.meter, node.span)) return operand
  }
  return node.fallback === undefined ? "" : evaluate(node.fallback, env, lenient)
}

const filter = (node: Syntax.Filter, env: Environment): Json.Json => {
  const found = Filter.find(node.name)
  if (found === undefined) throw new Fault("Syntax", `${Words.quoted(node.name)} is not a filter`, node.nameSpan)
  const input = value(node.operand, env)
  const parameters = node.parameters.map((parameter) =>
    parameter === undefined ? undefined : { value: value(parameter, env), span: parameter.span }
  )
  return found.apply(input, { parameters, meter: env.meter, span: node.nameSpan })
}

/** Whether the answer may be a list or map written here, with what was handed in inside. */
const builds = (node: Syntax.Expression): boolean => {
  switch (node._tag) {
    case "List":
    case "Map":
      return true
    case "Logical":
      return node.operands.some(builds)
    case "Conditional":
      return builds(node.then) || builds(node.otherwise)
    case "Default":
      return builds(node.operand) || (node.fallback !== undefined && builds(node.fallback))
    case "Index":
      return builds(node.object)
    default:
      return false
  }
}

/** To the rest of the house JSON is no deeper than `Json.depthMax`. */
const checkDepth = (answer: Json.Json, depth: number, env: Environment, span: Syntax.Span): void => {
  if (typeof answer !== "object" || answer === null) return
  if (depth >= Json.depthMax) {
    throw new Fault("Limit", `what it makes is nested deeper than ${Json.depthMax} levels`, span)
  }
  if (Array.isArray(answer)) {
    env.meter.spend(1 + (answer.length >>> 4), span)
    for (const item of answer) checkDepth(item, depth + 1, env, span)
  } else {
    const map = answer as Json.JsonObject
    for (const key of Value.keysOf(map, env.meter, span)) checkDepth(map[key]!, depth + 1, env, span)
  }
}

const absenceHint = "if that is fine, add `| default(…)`"

const describe = (value: Json.Json): string => (typeof value === "number" ? "a fraction" : Words.kindOf(value))

const written = (root: string, keys: ReadonlyArray<string | number>): string =>
  Words.quoted(
    keys.reduce<string>(
      (text, key) =>
        typeof key === "string" && /^[\p{XID_Start}_]\p{XID_Continue}*$/u.test(key)
          ? `${text}.${key}`
          : `${text}[${typeof key === "string" ? `'${key}'` : key}]`,
      root
    )
  )

const missing = (
  subject: string,
  object: Json.Json,
  key: string | number,
  span: Syntax.Span,
  { meter }: Environment
): Fault => {
  const what = typeof key === "string" ? Words.quoted(key) : `\`[${key}]\``
  const no = `${subject} has no ${what}`
  if (Json.isObject(object)) {
    const keys = Value.keysOf(object, meter, span)
    if (keys.length === 0) return new Fault("Undefined", `${no}: it is an empty map`, span, absenceHint)
    const meant = typeof key === "string" ? Words.closest(key, keys) : undefined
    const hint = meant === undefined ? absenceHint : `did you mean ${Words.quoted(meant)}?`
    return new Fault("Undefined", `${no}: it has ${Words.listed(keys)}`, span, hint)
  }
  if (Array.isArray(object)) {
    return new Fault("Undefined", `${no}: it is a list of ${object.length}`, span, absenceHint)
  }
  return new Fault("Undefined", `${no}: it is ${Words.kindOf(object)}`, span, absenceHint)
}
