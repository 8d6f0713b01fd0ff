/**
 * The filters: `value | name(parameters)`. A filter is a pure function of plain values that pays for its work. `default`
 * is not among them: it alone may see that nothing is there, so it has its own place in the tree.
 */
import type { Json } from "../domain/Json.js"
import { Fault } from "./Fault.js"
import type { Meter } from "./Limits.js"
import type { Span } from "./Syntax.js"
import * as Value from "./Value.js"
import * as Words from "./Words.js"

export interface Filter {
  /** In order, under the names that Jinja gives them; each may be left out. */
  readonly parameters: ReadonlyArray<string>
  readonly apply: (input: Json, call: Call) => Json
}

/** `span` is the name of the filter. `parameters` stand in the order declared. */
export interface Call {
  readonly parameters: ReadonlyArray<{ readonly value: Json; readonly span: Span } | undefined>
  readonly meter: Meter
  readonly span: Span
}

export const find = (name: string): Filter | undefined => (Object.hasOwn(filters, name) ? filters[name] : undefined)

const textOf = (name: string, input: Json, { span }: Call): string => {
  if (typeof input === "string") return input
  throw new Fault("Type", `\`${name}\` takes text, and was given ${Words.kindOf(input)}`, span)
}

const upper: Filter = {
  parameters: [],
  apply: (input, call) => {
    const text = textOf("upper", input, call)
    call.meter.read(text.length, call.span)
    const made = text.toUpperCase()
    call.meter.write(made.length, call.span)
    return made
  }
}

const lower: Filter = {
  parameters: [],
  apply: (input, call) => {
    const text = textOf("lower", input, call)
    call.meter.read(text.length, call.span)
    const made = text.toLowerCase()
    call.meter.write(made.length, call.span)
    return made
  }
}

/** Items of a list, keys of a map, characters (code points) of a text. */
const length: Filter = {
  parameters: [],
  apply: (input, { meter, span }) => {
    if (typeof input === "string") {
      meter.read(input.length, span)
      return Value.length(input)
    }
    if (typeof input === "object" && input !== null) {
      return Array.isArray(input)
        ? input.length
        : Value.keysOf(input as { readonly [key: string]: Json }, meter, span).length
    }
    throw new Fault("Type", `\`length\` takes text, a list or a map, and was given ${Words.kindOf(input)}`, span)
  }
}

/** The items of a list as text, with a separator between. Unlike Jinja's it does not take text apart. */
const join: Filter = {
  parameters: ["d"],
  apply: (input, { meter, parameters, span }) => {
    if (!Array.isArray(input)) {
      throw new Fault("Type", `\`join\` takes a list, and was given ${Words.kindOf(input)}`, span)
    }
    const separator = parameters[0]?.value ?? ""
    if (typeof separator !== "string") {
      const given = Words.kindOf(separator)
      throw new Fault(
        "Type",
        `\`join\` puts text between the items, and was given ${given}`,
        parameters[0]?.span ?? span
      )
    }
    const items: Array<string> = []
    let units = 0
    for (const item of input) {
      const text = Value.written(item, meter, span)
      units += text.length + (items.length > 0 ? separator.length : 0)
      meter.fits(units, span)
      items.push(text)
    }
    meter.read(units, span)
    return items.join(separator)
  }
}

/** Canonical JSON text. `indent` (1 to 10) puts each item on a line. Unlike Jinja's it does not escape for HTML. */
const tojson: Filter = {
  parameters: ["indent"],
  apply: (input, { meter, parameters, span }) => {
    const indent = parameters[0]
    if (indent === undefined || indent.value === null) return Value.writtenJson(input, 0, meter, span)
    if (typeof indent.value !== "number" || !Number.isInteger(indent.value) || indent.value < 0 || indent.value > 10) {
      throw new Fault("Type", "`tojson` indents by a whole number from 0 to 10", indent.span)
    }
    return Value.writtenJson(input, indent.value, meter, span)
  }
}

const filters: Readonly<Record<string, Filter>> = { join, length, lower, tojson, upper }

/** All names that may stand behind `|`. */
export const names: ReadonlyArray<string> = ["default", ...Object.keys(filters)].sort()
