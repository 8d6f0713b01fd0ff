/**
 * `Syntax.Expression` → value. Total: every text and every value gives an answer or a `Fault`, within the limits that the
 * meter keeps. `undefined` stands for what is not there, and travels only where a `default`, an `or` or `is defined`
 * around it will take it (`lenient`); anywhere else absence is a fault, unless the environment relaxes that.
 */
import * as Option from "effect/Option"
import * as Json from "../domain/Json.js"
import * as Arithmetic from "./Arithmetic.js"
import { Fault } from "./Fault.js"
import * as Kind from "./Kind.js"
import type { Meter } from "./Limits.js"
import * as Locals from "./Locals.js"
import * as Relation from "./Relation.js"
import type * as Syntax from "./Syntax.js"
import * as Using from "./Using.js"
import * as Value from "./Value.js"
import * as Words from "./Words.js"

/** What a name stands for; none for a name that stands for nothing. */
export type Scope = (name: string) => Option.Option<Json.Json>

export interface Environment {
  readonly source: string
  readonly scope: Scope
  readonly locals: Locals.Locals | undefined
  readonly meter: Meter
  /** Told of what is absent where nothing allows for it. Returns where that reads as none; throws where it may not be. */
  readonly absent: (fault: () => Fault) => void
}

/** A value that may be absent only where the environment lets that read as none. */
export const value = (node: Syntax.Expression, env: Environment): Json.Json => present(node, env) ?? null

/** As `value`, but what is absent is a list without items. */
export const list = (node: Syntax.Expression, env: Environment): Json.Json => {
  const answer = present(node, env)
  return answer === undefined ? [] : answer
}

/** Undefined is what was absent, which the environment was told and allows. */
const present = (node: Syntax.Expression, env: Environment): Json.Json | undefined => evaluate(node, env, false)

/** `value` of a whole text, which is no deeper than JSON may be. */
export const whole = (node: Syntax.Expression, env: Environment): Json.Json => {
  const answer = value(node, env)
  if (builds(node)) checkDepth(answer, 0, env, node.span)
  return answer
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
    case "Slice":
      return slice(node, env, lenient)
    case "List":
      return node.items.map((item) => value(item, env))
    case "Map":
      return map(node, env)
    case "Sign":
      return sign(node, env)
    case "Binary":
      return node.rest.reduce(
        (left, { operand, operator, span }) => Arithmetic.apply(operator, left, value(operand, env), span, meter),
        value(node.first, env)
      )
    case "Concat":
      return node.operands.reduce((text, operand) => {
        const made = text + Value.written(value(operand, env), meter, operand.span)
        meter.fits(made.length, node.span)
        return made
      }, "")
    case "Not":
      return !Value.holds(value(node.operand, env), meter, node.span)
    case "Logical":
      return logical(node, env, lenient)
    case "Compare":
      return compare(node, env)
    case "Defined":
      return (evaluate(node.operand, env, true) === undefined) === node.negated
    case "Test":
      return Using.test(node.use, value(node.operand, env), siteOf(env)) !== node.negated
    case "Conditional":
      return Value.holds(value(node.condition, env), meter, node.condition.span)
        ? evaluate(node.then, env, lenient)
        : evaluate(node.otherwise, env, lenient)
    case "Default":
      return orDefault(node, env, lenient)
    case "Filter": {
      const answer = Using.filter(node.use, present(node.operand, env), siteOf(env))
      if (answer !== undefined || lenient) return answer
      const message = `${Words.quoted(node.use.name)} has nothing to answer here: what it was given is empty`
      env.absent(() => new Fault("Undefined", message, node.use.nameSpan, absenceHint))
      return undefined
    }
  }
}

const siteOf = (env: Environment): Using.Site => ({
  meter: env.meter,
  absent: env.absent,
  value: (node) => value(node, env)
})

const path = (node: Syntax.Path, env: Environment, lenient: boolean): Json.Json | undefined => {
  const local = localOf(node, env)
  const found = local === undefined ? Option.getOrUndefined(env.scope(node.root)) : local
  if (found === undefined) {
    if (!lenient) env.absent(() => unknown(node))
    return undefined
  }
  let at: Json.Json = found
  for (let i = 0; i < node.keys.length; i++) {
    const key = node.keys[i]!
    const span = node.keySpans[i]!
    const next = Value.child(at, key, env.meter, span)
    if (next === undefined) {
      if (local === undefined && isOutput(node, i)) continue
      const object = at
      if (!lenient) env.absent(() => missing(written(node.root, node.keys.slice(0, i)), object, key, span, env))
      return undefined
    }
    at = next
  }
  return at
}

const localOf = ({ root, rootSpan }: Syntax.Path, { locals, meter }: Environment): Json.Json | undefined => {
  for (let at = locals; at !== undefined; at = at.outer) {
    meter.spend(1, rootSpan)
    const found = Locals.get(at, root)
    if (found !== undefined) return found
  }
  return undefined
}

const unknown = ({ afterDash, root, rootSpan }: Syntax.Path): Fault => {
  const hint = afterDash === true ? dashHint : absenceHint
  return new Fault("Undefined", `there is no ${Words.quoted(root)} here`, rootSpan, hint)
}

/** `steps.NAME.output`, `.result` and `.value` are what the step answered, unless that has such a key of its own. */
export const outputKeys: ReadonlySet<string | number> = new Set(["output", "result", "value"])

const isOutput = ({ keys, root }: Syntax.Path, i: number): boolean =>
  root === "steps" && i === 1 && outputKeys.has(keys[1]!)

const index = (node: Syntax.Index, env: Environment, lenient: boolean): Json.Json | undefined => {
  const object = evaluate(node.object, env, lenient)
  if (object === undefined) return undefined
  const key = value(node.key, env)
  if (typeof key !== "string" && (typeof key !== "number" || !Number.isInteger(key))) {
    throw new Fault("Type", `a key is text or a whole number, and this is ${describe(key)}`, node.key.span)
  }
  const found = Value.child(object, key, env.meter, node.key.span)
  if (found === undefined && !lenient) {
    const subject = Words.quoted(env.source.slice(node.object.span.start, node.object.span.end))
    env.absent(() => missing(subject, object, key, node.key.span, env))
  }
  return found
}

const slice = (node: Syntax.Slice, env: Environment, lenient: boolean): Json.Json | undefined => {
  const { meter } = env
  const object = evaluate(node.object, env, lenient)
  if (object === undefined) return undefined
  if (typeof object !== "string" && !Array.isArray(object)) {
    const given = Kind.word(Kind.of(object))
    throw new Fault("Type", `a slice is taken of text or a list, and this is ${given}`, node.object.span)
  }
  const from = bound(node.from, env)
  const to = bound(node.to, env)
  const step = bound(node.step, env) ?? 1
  if (step === 0) throw new Fault("Type", "a slice cannot go in steps of 0", node.step?.span ?? node.span)
  return typeof object === "string"
    ? Value.slice(Value.characters(object, meter, node.span), from, to, step, meter, node.span).join("")
    : Value.slice(object, from, to, step, meter, node.span)
}

const bound = (node: Syntax.Expression | undefined, env: Environment): number | undefined => {
  const given = node === undefined ? null : value(node, env)
  if (given === null) return undefined
  if (typeof given === "number" && Number.isSafeInteger(given)) return given
  throw new Fault("Type", `a slice goes by whole numbers, and this is ${describe(given)}`, node!.span)
}

const map = (node: Syntax.Map, env: Environment): Json.Json => {
  const made: Record<string, Json.Json> = {}
  for (const entry of node.entries) {
    const key = value(entry.key, env)
    if (typeof key !== "string") {
      throw new Fault("Type", `a key of a map is text, and this is ${Kind.word(Kind.of(key))}`, entry.key.span)
    }
    Json.set(made, key, value(entry.value, env))
  }
  return made
}

const sign = (node: Syntax.Sign, env: Environment): Json.Json => {
  const operand = value(node.operand, env)
  if (typeof operand === "number") return node.operator === "-" ? 0 - operand : operand
  const given = Kind.word(Kind.of(operand))
  const span = { start: node.span.start, end: node.span.start + 1 }
  throw new Fault("Type", `\`${node.operator}\` takes a number, and was given ${given}`, span)
}

/** Absence counts as false for `or`, which then answers what follows. */
const logical = (node: Syntax.Logical, env: Environment, lenient: boolean): Json.Json | undefined => {
  const isOr = node.operator === "or"
  let answer: Json.Json | undefined
  for (const [index, operand] of node.operands.entries()) {
    answer = evaluate(operand, env, lenient || (isOr && index < node.operands.length - 1))
    const truth = answer !== undefined && Value.holds(answer, env.meter, operand.span)
    if (truth === isOr) return answer
  }
  return answer
}

const compare = (node: Syntax.Compare, env: Environment): boolean => {
  let left = value(node.first, env)
  for (const { comparator, operand, span } of node.rest) {
    const right = value(operand, env)
    if (!Relation.holds(comparator, left, right, span, env.meter)) return false
    left = right
  }
  return true
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
    case "Slice":
      return builds(node.object)
    case "Binary":
      return builds(node.first) || node.rest.some(({ operand }) => builds(operand))
    case "Filter":
      return Using.nests(node.use) || builds(node.operand)
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
  } else if (Json.isObject(answer)) {
    for (const key of Value.keysOf(answer, env.meter, span)) checkDepth(answer[key]!, depth + 1, env, span)
  }
}

const absenceHint = "if that is fine, add `| default(…)`"

const dashHint = "a key with a dash in it is written `x['a-b']`"

const describe = (value: Json.Json): string => (typeof value === "number" ? "a fraction" : Kind.word(Kind.of(value)))

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
  return new Fault("Undefined", `${no}: it is ${Kind.word(Kind.of(object))}`, span, absenceHint)
}
