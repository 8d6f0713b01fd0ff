/** Filters of maps, and those between values and JSON. Keys come in the order of canonical JSON, whoever made the map. */
import * as Either from "effect/Either"
import * as Json from "../domain/Json.js"
import { Fault } from "./Fault.js"
import { type Filter, flag, of, ofMap, ofText, text, whole } from "./Filter.js"
import * as Order from "./Order.js"
import * as Value from "./Value.js"

const keys = ofMap({ answers: "list" }, (input, { meter, span }) => Value.sortedKeys(input, meter, span))

const values = ofMap({ answers: "list" }, (input, { meter, span }) =>
  Value.sortedKeys(input, meter, span).map((key) => input[key]!)
)

/** Pairs `[key, value]`. */
const items = ofMap({ answers: "list", nests: true }, (input, { meter, span }) =>
  Value.sortedKeys(input, meter, span).map((key) => [key, input[key]!])
)

/** Pairs like those of `items`, in order of the keys, with `by='value'` of the values. */
const dictsort = ofMap(
  { parameters: [flag("case_sensitive"), text("by"), flag("reverse")], answers: "list", nests: true },
  (input, call) => {
    const { meter, span } = call
    const by = call.text(1) ?? "key"
    if (by !== "key" && by !== "value") throw call.refuse(1, "`by` of `dictsort` is 'key' or 'value'")
    const pairs = Value.sortedKeys(input, meter, span).map((key) => [key, input[key]!] as const)
    return Order.sorted(
      pairs,
      ([key, value]) => (by === "key" ? key : value),
      { isCaseSensitive: call.flag(0), isReversed: call.flag(2) },
      call
    )
  }
)

/** Canonical JSON text. `indent` (1 to 10) puts each item on a line. Unlike Jinja's it does not escape for HTML. */
const tojson: Filter = of(undefined, { parameters: [whole("indent", 0, 10)], answers: "text" }, (input, call) =>
  Value.writtenJson(input, call.number(0, 0), call.meter, call.span)
)

/** The value that a JSON text is of. */
const fromjson = ofText({ nests: true }, (input, call) => {
  call.meter.walk(input.length, call.span)
  const parsed = Json.parse(input)
  if (Either.isRight(parsed)) return parsed.right
  const { left } = parsed
  if (!(left instanceof Json.NotJson)) throw call.fault("this text is not JSON")
  if (left.reason !== "TooDeep") throw call.fault("this JSON holds what no value may hold")
  throw new Fault("Limit", `this JSON is nested deeper than ${Json.depthMax} levels`, call.span)
})

export const filters: Readonly<Record<string, Filter>> = { dictsort, fromjson, items, keys, tojson, values }
