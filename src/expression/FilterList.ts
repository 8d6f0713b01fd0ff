/** Filters of lists. An attribute is a key, or a path of keys with dots between. None changes the list it was given. */
import type { Json } from "../domain/Json.js"
import { isObject } from "../domain/Json.js"
import * as Arithmetic from "./Arithmetic.js"
import { any, attribute, type Call, type Filter, flag, number, of, ofList, text, whole } from "./Filter.js"
import { outputUnitsMax } from "./Limits.js"
import * as Order from "./Order.js"
import * as Value from "./Value.js"

const countMax = outputUnitsMax

const sized = ["text", "list", "map"] as const

/** Characters of a text, keys of a map, items of a list. */
const list: Filter = of(sized, { answers: "list" }, (input, call) => {
  if (typeof input === "string") return Value.characters(input, call.meter, call.span)
  if (Array.isArray(input)) return input
  if (isObject(input)) return Value.sortedKeys(input, call.meter, call.span)
  throw call.mismatch(sized, input)
})

const length: Filter = of(sized, { answers: "number" }, (input, call) => {
  if (typeof input === "string") {
    call.meter.read(input.length, call.span)
    return Value.length(input)
  }
  if (Array.isArray(input)) return input.length
  if (isObject(input)) return Value.keysOf(input, call.meter, call.span).length
  throw call.mismatch(sized, input)
})

const ordered = ["text", "list"] as const

const end =
  (index: 0 | -1): Filter["apply"] =>
  (input, call) => {
    if (typeof input !== "string" && !Array.isArray(input)) throw call.mismatch(ordered, input)
    return Value.child(input, index, call.meter, call.span)
  }

const first: Filter = of(ordered, {}, end(0))

const last: Filter = of(ordered, {}, end(-1))

const reverse: Filter = of(ordered, {}, (input, call) => {
  if (typeof input === "string") return [...Value.characters(input, call.meter, call.span)].reverse().join("")
  if (!Array.isArray(input)) throw call.mismatch(ordered, input)
  call.meter.walk(input.length, call.span)
  return [...input].reverse()
})

/** What an item has under the attribute at `index`, if the filter was given one; else the item. */
const keyed = (call: Call, index: number): ((item: Json, at: number) => Json) => {
  const path = call.path(index)
  if (path === undefined) return (item) => item
  return (item, at) => {
    const found = Value.attribute(item, path, call.meter, call.span)
    return found === undefined ? call.absent(`item ${at} has no such attribute`) : found
  }
}

const join = ofList({ parameters: [text("d"), attribute("attribute")], answers: "text" }, (input, call) => {
  const { meter, span } = call
  const separator = call.text(0) ?? ""
  const keyOf = keyed(call, 1)
  const items: Array<string> = []
  let units = 0
  for (const [index, item] of input.entries()) {
    const written = Value.written(keyOf(item, index), meter, span)
    units += written.length + (items.length > 0 ? separator.length : 0)
    meter.fits(units, span)
    items.push(written)
  }
  meter.read(units, span)
  return items.join(separator)
})

const sort = ofList(
  { parameters: [flag("reverse"), flag("case_sensitive"), attribute("attribute")], answers: "list" },
  (input, call) =>
    Order.sorted(input, keyed(call, 2), { isReversed: call.flag(0), isCaseSensitive: call.flag(1) }, call)
)

const extreme = (sign: 1 | -1): Filter =>
  ofList({ parameters: [flag("case_sensitive"), attribute("attribute")] }, (input, call) =>
    Order.least(input, keyed(call, 1), sign, call.flag(0), call)
  )

const min = extreme(1)

const max = extreme(-1)

const sum = ofList({ parameters: [attribute("attribute"), number("start")], answers: "number" }, (input, call) => {
  const keyOf = keyed(call, 0)
  let total: Json = call.number(1, 0)
  for (const [index, item] of input.entries()) {
    call.meter.spend(1, call.span)
    const term = keyOf(item, index)
    if (typeof term !== "number") throw call.mismatch(["number"], term)
    total = Arithmetic.apply("+", total, term, call.span, call.meter)
  }
  return total
})

/** The first of each that are equal; texts that differ by case only are. */
const unique = ofList(
  { parameters: [flag("case_sensitive"), attribute("attribute")], answers: "list" },
  (input, call) => {
    const keyOf = keyed(call, 1)
    const seen = new Set<string>()
    return input.filter((item, index) => {
      const key = keyOf(item, index)
      const written = Value.writtenJson(key, 0, call.meter, call.span)
      const mark = typeof key === "string" && !call.flag(0) ? written.toLowerCase() : written
      return !seen.has(mark) && seen.add(mark)
    })
  }
)

/** Pairs `[value, items]` in order of the values of the attribute. */
const groupby = ofList(
  { parameters: [attribute("attribute", true), any("default"), flag("case_sensitive")], answers: "list", nests: true },
  (input, call) => {
    const path = call.path(0) ?? []
    const otherwise = call.at(1)
    const keyOf = (item: Json, at: number): Json => {
      const found = Value.attribute(item, path, call.meter, call.span)
      return found === undefined ? (otherwise ?? call.absent(`item ${at} has no such attribute`)) : found
    }
    const isCaseSensitive = call.flag(2)
    const groups: Array<readonly [value: Json, items: Array<Json>]> = []
    const groupsByKey = new Map<string | number, Array<Json>>()
    const keys = input.map(keyOf)
    const order = Order.sorted(
      input.map((_, index) => index),
      (index) => keys[index]!,
      { isCaseSensitive, isReversed: false },
      call
    )
    for (const index of order) {
      const key = Order.comparable(keys[index]!, isCaseSensitive, call)
      const group = groupsByKey.get(key)
      if (group === undefined) {
        const made = [input[index]!]
        groupsByKey.set(key, made)
        groups.push([keys[index]!, made])
      } else group.push(input[index]!)
    }
    return groups
  }
)

/** Lists of `linecount` items, the last filled up if there is something to fill with. */
const batch = ofList(
  { parameters: [whole("linecount", 1, countMax, true), any("fill_with")], answers: "list", nests: true },
  (input, call) => {
    const size = call.number(0, 1)
    const filler = call.at(1)
    call.meter.spend(input.length, call.span)
    const made: Array<Array<Json>> = []
    for (let at = 0; at < input.length; at += size) made.push(input.slice(at, at + size))
    const tail = made.at(-1)
    if (tail === undefined || filler === undefined) return made
    call.meter.spend(size - tail.length, call.span)
    while (tail.length < size) tail.push(filler)
    return made
  }
)

/** So many lists, as even as can be; the shorter ones filled up if there is something to fill with. */
const slice = ofList(
  { parameters: [whole("slices", 1, countMax, true), any("fill_with")], answers: "list", nests: true },
  (input, call) => {
    const count = call.number(0, 1)
    const filler = call.at(1)
    call.meter.spend(input.length + count, call.span)
    const size = Math.floor(input.length / count)
    const longer = input.length % count
    const made: Array<ReadonlyArray<Json>> = []
    for (let index = 0, at = 0; index < count; index++) {
      const until = at + size + (index < longer ? 1 : 0)
      const part = input.slice(at, until)
      made.push(filler !== undefined && longer > 0 && index >= longer ? [...part, filler] : part)
      at = until
    }
    return made
  }
)

/** The attribute of each item, or what another filter makes of each. */
const map: Filter = {
  ...ofList(
    { parameters: [attribute("attribute", true), any("default")], answers: "list", nests: true },
    (input, call) => {
      const path = call.path(0)
      return input.map((item, index) => {
        call.meter.spend(1, call.span)
        const made = path === undefined ? call.each?.(item) : Value.attribute(item, path, call.meter, call.span)
        if (made !== undefined) return made
        const otherwise = path === undefined ? undefined : call.at(1)
        return (
          otherwise ?? call.absent(`item ${index} ${path === undefined ? "gives nothing" : "has no such attribute"}`)
        )
      })
    }
  ),
  each: "filter"
}

/** The items for which a test holds; without a test those that are true. */
const selecting = (isKept: boolean, hasAttribute: boolean): Filter => ({
  ...ofList({ parameters: hasAttribute ? [attribute("attribute", true)] : [], answers: "list" }, (input, call) => {
    const path = hasAttribute ? call.path(0) : undefined
    return input.filter((item) => {
      call.meter.spend(1, call.span)
      const subject = path === undefined ? item : Value.attribute(item, path, call.meter, call.span)
      const holds =
        call.each === undefined
          ? subject !== undefined && Value.holds(subject, call.meter, call.span)
          : call.each(subject) === true
      return holds === isKept
    })
  }),
  each: hasAttribute ? "attribute test" : "test"
})

export const filters: Readonly<Record<string, Filter>> = {
  batch,
  first,
  groupby,
  join,
  last,
  length,
  list,
  map,
  max,
  min,
  reject: selecting(false, false),
  rejectattr: selecting(false, true),
  reverse,
  select: selecting(true, false),
  selectattr: selecting(true, true),
  slice,
  sort,
  sum,
  unique
}
