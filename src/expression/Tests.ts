/**
 * All tests by name: `value is name(parameter)`. A test answers true or false. `defined` and `undefined` are not among
 * them: they alone may see that nothing is there.
 */
import type { Json } from "../domain/Json.js"
import { isObject } from "../domain/Json.js"
import { Fault } from "./Fault.js"
import { any, number, type Parameter, text } from "./Filter.js"
import * as Kind from "./Kind.js"
import type { Meter } from "./Limits.js"
import * as Relation from "./Relation.js"
import type { Comparator, Span } from "./Syntax.js"

export interface Test {
  readonly takes: Kind.Kinds
  readonly parameters: ReadonlyArray<Parameter>
  readonly holds: (input: Json, parameter: Json, call: Call) => boolean
}

export interface Call {
  readonly meter: Meter
  readonly span: Span
}

const kind = (...kinds: ReadonlyArray<Kind.Kind>): Test => ({
  takes: undefined,
  parameters: [],
  holds: (input) => kinds.includes(Kind.of(input))
})

const exactly = (value: boolean): Test => ({ takes: undefined, parameters: [], holds: (input) => input === value })

const ofNumber = (
  parameters: ReadonlyArray<Parameter>,
  holds: (input: number, parameter: Json, call: Call) => boolean
): Test => ({
  takes: ["number"],
  parameters,
  holds: (input, parameter, call) => typeof input === "number" && holds(input, parameter, call)
})

const ofText = (
  parameters: ReadonlyArray<Parameter>,
  holds: (input: string, parameter: string, call: Call) => boolean
): Test => ({
  takes: ["text"],
  parameters,
  holds: (input, parameter, call) =>
    typeof input === "string" && holds(input, typeof parameter === "string" ? parameter : "", call)
})

const relation = (comparator: Comparator): Test => ({
  takes: undefined,
  parameters: [any("other", true)],
  holds: (input, parameter, { meter, span }) => Relation.holds(comparator, input, parameter, span, meter)
})

const isInSeq: Test = {
  takes: undefined,
  parameters: [any("seq", true)],
  holds: (input, parameter, { meter, span }) => Relation.holds("in", input, parameter, span, meter)
}

const contains: Test = {
  takes: ["text", "list", "map"],
  parameters: [any("item", true)],
  holds: (input, parameter, { meter, span }) => Relation.holds("in", parameter, input, span, meter)
}

const tests: Readonly<Record<string, Test>> = {
  boolean: kind("boolean"),
  contains,
  divisibleby: ofNumber([number("num", true)], (input, parameter, { span }) => {
    if (parameter === 0) throw new Fault("Type", "nothing can be divided by 0", span)
    return typeof parameter === "number" && input % parameter === 0
  }),
  endswith: ofText([text("end", true)], (input, end, { meter, span }) => {
    meter.read(end.length, span)
    return input.endsWith(end)
  }),
  eq: relation("=="),
  even: ofNumber([], (input) => input % 2 === 0),
  false: exactly(false),
  float: { takes: undefined, parameters: [], holds: (input) => typeof input === "number" && !Number.isInteger(input) },
  ge: relation(">="),
  gt: relation(">"),
  in: isInSeq,
  integer: { takes: undefined, parameters: [], holds: (input) => Number.isInteger(input) },
  iterable: kind("list", "map"),
  le: relation("<="),
  lower: ofText([], (input, _, call) => isCased(input, input.toLowerCase(), call)),
  lt: relation("<"),
  mapping: { takes: undefined, parameters: [], holds: (input) => isObject(input) },
  ne: relation("!="),
  none: kind("none"),
  number: kind("number"),
  odd: ofNumber([], (input) => Math.abs(input % 2) === 1),
  sequence: kind("list", "text"),
  startswith: ofText([text("start", true)], (input, start, { meter, span }) => {
    meter.read(start.length, span)
    return input.startsWith(start)
  }),
  string: kind("text"),
  true: exactly(true),
  upper: ofText([], (input, _, call) => isCased(input, input.toUpperCase(), call))
}

/** As Python has it: all letters are of that case, and there is one. */
const isCased = (input: string, cased: string, { meter, span }: Call): boolean => {
  meter.walk(input.length, span)
  return input === cased && input.toLowerCase() !== input.toUpperCase()
}

/** Other names, as Jinja has them. Those that are no names stand in quotes: `select('>', 2)`. */
const aliases: Readonly<Record<string, string>> = {
  "==": "eq",
  equalto: "eq",
  "!=": "ne",
  ">": "gt",
  greaterthan: "gt",
  ">=": "ge",
  "<": "lt",
  lessthan: "lt",
  "<=": "le",
  None: "none",
  null: "none"
}

/** The name under which a test is known. */
export const named = (name: string): string => (Object.hasOwn(aliases, name) ? aliases[name]! : name)

/** By its own name. */
export const find = (name: string): Test | undefined => (Object.hasOwn(tests, name) ? tests[name] : undefined)

/** All names that may stand behind `is`. */
export const names: ReadonlyArray<string> = [
  "defined",
  "undefined",
  ...Object.keys(tests),
  ...Object.keys(aliases).filter((name) => /^[a-z]+$/.test(name) && name !== "null")
].sort()
