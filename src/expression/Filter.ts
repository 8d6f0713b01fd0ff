/**
 * What a filter is (`value | name(parameters)`): a pure function of plain values that pays for its work. The filters
 * themselves stand in `FilterText`, `FilterList`, `FilterMap` and `FilterNumber`, and all of them in `Filters`. `default`
 * is not among them: it alone may see that nothing is there, so it has its own place in the tree.
 */
import type { Json, JsonObject } from "../domain/Json.js"
import { isObject } from "../domain/Json.js"
import { Fault } from "./Fault.js"
import * as Kind from "./Kind.js"
import type { Meter } from "./Limits.js"
import type { Span } from "./Syntax.js"
import * as Words from "./Words.js"

/** Named as in Jinja. One that is not required may also be given as none. */
export interface Parameter {
  readonly name: string
  readonly kinds: Kind.Kinds
  readonly required: boolean
  /** Of a whole number. */
  readonly range?: readonly [min: number, max: number]
}

export interface Filter {
  readonly takes: Kind.Kinds
  readonly parameters: ReadonlyArray<Parameter>
  /** The kind of its answer, where that is always the same. */
  readonly answers: Kind.Kind | undefined
  /** Its answer may be nested deeper than what it was given. */
  readonly nests: boolean
  /** Works on each item of a list, and these are its first parameters: see `Use.each`. */
  readonly each?: "filter" | "test" | "attribute test"
  /** Undefined: there is nothing to answer, such as the first item of an empty list. */
  readonly apply: (input: Json, call: Call) => Json | undefined
}

export type Given = { readonly value: Json; readonly span: Span } | undefined

/** One use of a filter: its parameters in the order declared, and `span`, its name in the source. */
export class Call {
  constructor(
    readonly name: string,
    private readonly given: ReadonlyArray<Given>,
    readonly meter: Meter,
    readonly span: Span,
    private readonly onAbsent: (fault: () => Fault) => void,
    /** Of `map` and its like: what the inner filter or test makes of an item; absent if nothing. */
    readonly each: ((item: Json | undefined) => Json | undefined) | undefined = undefined
  ) {}

  /** The parameter, if it was given and is not none. */
  at(index: number): Json | undefined {
    return this.given[index]?.value ?? undefined
  }

  text(index: number): string | undefined {
    const value = this.at(index)
    return typeof value === "string" ? value : undefined
  }

  number(index: number, otherwise: number): number {
    const value = this.at(index)
    return typeof value === "number" ? value : otherwise
  }

  flag(index: number): boolean {
    return this.at(index) === true
  }

  /** The keys of an attribute: `a.b` are two. */
  path(index: number): ReadonlyArray<string | number> | undefined {
    const value = this.at(index)
    if (typeof value === "number") return [value]
    if (typeof value !== "string") return undefined
    this.meter.walk(value.length, this.span)
    return value.split(".")
  }

  fault(message: string): Fault {
    return new Fault("Type", message, this.span)
  }

  /** Something in what it works with is not there: a fault, or none where the environment relaxes that. */
  absent(message: string): null {
    const hint = "`selectattr('key', 'defined')` leaves out those without one"
    this.onAbsent(() => new Fault("Undefined", message, this.span, hint))
    return null
  }

  /** That parameter is what is wrong. */
  refuse(index: number, message: string): Fault {
    return new Fault("Type", message, this.given[index]?.span ?? this.span)
  }

  mismatch(takes: Kind.Kinds, input: Json): Fault {
    const kind = Kind.of(input)
    return (
      Kind.mismatch(this.name, takes, kind, this.span) ??
      new Fault("Type", `${Words.quoted(this.name)} cannot take ${Kind.word(kind)}`, this.span)
    )
  }
}

const parameter =
  (kinds: Kind.Kinds) =>
  (name: string, required = false): Parameter => ({ name, kinds, required })

export const text = parameter(["text"])
export const flag = parameter(["boolean"])
export const any = parameter(undefined)
export const number = parameter(["number"])
/** A key, or a path of keys with dots between. */
export const attribute = parameter(["text", "number"])
export const whole = (name: string, min: number, max: number, required = false): Parameter => ({
  name,
  kinds: ["number"],
  required,
  range: [min, max]
})

/** The fault of giving `value` for a parameter; undefined if that is fine. */
export const refusal = (owner: string, { kinds, name, range, required }: Parameter, value: Json, span: Span) => {
  if (value === null && !required) return undefined
  const kind = Kind.of(value)
  if (kinds !== undefined && !kinds.includes(kind)) return wrongKind(owner, name, kinds, kind, span)
  if (range === undefined || typeof value !== "number") return undefined
  const [min, max] = range
  return Number.isInteger(value) && value >= min && value <= max
    ? undefined
    : new Fault("Type", `${Words.quoted(name)} of ${Words.quoted(owner)} is a whole number from ${min} to ${max}`, span)
}

/** As `refusal`, where only the kind is known. */
export const kindRefusal = (owner: string, { kinds, name, required }: Parameter, kind: Kind.Kind, span: Span) =>
  kinds === undefined || kinds.includes(kind) || (kind === "none" && !required)
    ? undefined
    : wrongKind(owner, name, kinds, kind, span)

const wrongKind = (owner: string, name: string, kinds: ReadonlyArray<Kind.Kind>, kind: Kind.Kind, span: Span): Fault =>
  new Fault(
    "Type",
    `${Words.quoted(name)} of ${Words.quoted(owner)} is ${Kind.oneOf(kinds)}, and was given ${Kind.word(kind)}`,
    span
  )

interface About {
  readonly parameters?: ReadonlyArray<Parameter>
  readonly answers?: Kind.Kind
  readonly nests?: boolean
  readonly each?: Filter["each"]
}

const about = ({ answers, each, nests, parameters }: About) => ({
  parameters: parameters ?? [],
  answers,
  nests: nests ?? false,
  ...(each === undefined ? {} : { each })
})

export const ofText = (more: About, apply: (text: string, call: Call) => Json | undefined): Filter => {
  const takes = ["text"] as const
  return {
    ...about(more),
    takes,
    apply: (input, call) => {
      if (typeof input !== "string") throw call.mismatch(takes, input)
      return apply(input, call)
    }
  }
}

export const ofNumber = (more: About, apply: (number: number, call: Call) => Json | undefined): Filter => {
  const takes = ["number"] as const
  return {
    ...about(more),
    takes,
    apply: (input, call) => {
      if (typeof input !== "number") throw call.mismatch(takes, input)
      return apply(input, call)
    }
  }
}

export const ofList = (more: About, apply: (list: ReadonlyArray<Json>, call: Call) => Json | undefined): Filter => {
  const takes = ["list"] as const
  return {
    ...about(more),
    takes,
    apply: (input, call) => {
      if (!Array.isArray(input)) throw call.mismatch(takes, input)
      return apply(input, call)
    }
  }
}

export const ofMap = (more: About, apply: (map: JsonObject, call: Call) => Json | undefined): Filter => {
  const takes = ["map"] as const
  return {
    ...about(more),
    takes,
    apply: (input, call) => {
      if (!isObject(input)) throw call.mismatch(takes, input)
      return apply(input, call)
    }
  }
}

/** Of several kinds; `apply` answers the call's `mismatch` for what is none of them. */
export const of = (takes: Kind.Kinds, more: About, apply: Filter["apply"]): Filter => ({
  ...about(more),
  takes,
  apply
})
