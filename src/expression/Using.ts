/** Filters and tests at work: their parameters are evaluated once, however many items they are used on. */
import type { Json } from "../domain/Json.js"
import { Fault } from "./Fault.js"
import * as Filter from "./Filter.js"
import * as Filters from "./Filters.js"
import * as Kind from "./Kind.js"
import type { Meter } from "./Limits.js"
import type { Expression, Span, Use } from "./Syntax.js"
import * as Tests from "./Tests.js"
import * as Words from "./Words.js"

/** Where they are at work. */
export interface Site {
  readonly meter: Meter
  readonly absent: (fault: () => Fault) => void
  readonly value: (node: Expression) => Json
}

/** What the filter makes of `input`; undefined if nothing. An absent input is what is empty to the filter. */
export const filter = (use: Use, input: Json | undefined, site: Site): Json | undefined => {
  const found = filterOf(use)
  return prepared(use, found, site)(input === undefined ? emptyFor(found.takes) : input)
}

/** Whether the test holds for `input`. */
export const test = (use: Use, input: Json, site: Site): boolean => testing(use, site)(input)

/** Whether what the filter answers may be nested deeper than what it is given. */
export const nests = (use: Use): boolean => filterOf(use).nests

const prepared = (use: Use, found: Filter.Filter, site: Site): ((input: Json) => Json | undefined) => {
  const given = parameters(use, found.parameters, site)
  const call = new Filter.Call(use.name, given, site.meter, use.nameSpan, site.absent, eachOf(use, found, site))
  return (input) => {
    const wrong = Kind.mismatch(use.name, found.takes, Kind.of(input), use.nameSpan)
    if (wrong !== undefined) throw wrong
    return found.apply(input, call)
  }
}

const eachOf = ({ each }: Use, found: Filter.Filter, site: Site): Filter.Call["each"] => {
  if (each === undefined) return undefined
  if (found.each === "filter") {
    const inner = prepared(each, filterOf(each), site)
    return (item) => (item === undefined ? undefined : inner(item))
  }
  if (each.name === "defined") return (item) => item !== undefined
  if (each.name === "undefined") return (item) => item === undefined
  const holds = testing(each, site)
  return (item) => item !== undefined && holds(item)
}

const testing = (use: Use, site: Site): ((input: Json) => boolean) => {
  const found = Tests.find(use.name)
  if (found === undefined) throw notThere("test", use)
  const [parameter] = parameters(use, found.parameters, site)
  const call = { meter: site.meter, span: use.nameSpan }
  return (input) => {
    const wrong = Kind.mismatch(use.name, found.takes, Kind.of(input), use.nameSpan)
    if (wrong !== undefined) throw wrong
    return found.holds(input, parameter?.value ?? null, call)
  }
}

const parameters = (use: Use, declared: ReadonlyArray<Filter.Parameter>, site: Site): ReadonlyArray<Filter.Given> =>
  use.parameters.map((node, index) => {
    if (node === undefined) return undefined
    const value = site.value(node)
    const wrong = Filter.refusal(use.name, declared[index]!, value, node.span)
    if (wrong !== undefined) throw wrong
    return { value, span: node.span }
  })

const emptyFor = (takes: Kind.Kinds): Json => {
  if (takes?.includes("text") === true) return ""
  if (takes?.includes("list") === true) return []
  return takes?.includes("map") === true ? {} : null
}

const filterOf = (use: Use): Filter.Filter => {
  const found = Filters.find(use.name)
  if (found === undefined) throw notThere("filter", use)
  return found
}

/** A parsed text has no such name; one that was made elsewhere may. */
const notThere = (topic: "filter" | "test", { name, nameSpan }: { readonly name: string; readonly nameSpan: Span }) =>
  new Fault("Syntax", `${Words.quoted(name)} is not a ${topic}`, nameSpan, undefined, topic)
