/** Putting values in order: numbers by size, texts by code points. Two values of other kinds, or of two, have none. */
import type { Json } from "../domain/Json.js"
import { Fault } from "./Fault.js"
import * as Kind from "./Kind.js"
import type { Meter } from "./Limits.js"
import type { Span } from "./Syntax.js"
import * as Value from "./Value.js"

export interface Direction {
  readonly isCaseSensitive: boolean
  readonly isReversed: boolean
}

interface By {
  readonly name: string
  readonly meter: Meter
  readonly span: Span
}

/** `items` by what `keyOf` answers of them. Those with equal keys stay in their order. */
export const sorted = <A>(
  items: ReadonlyArray<A>,
  keyOf: (item: A, index: number) => Json,
  { isCaseSensitive, isReversed }: Direction,
  by: By
): ReadonlyArray<A> => {
  by.meter.spend(items.length, by.span)
  const keyed = items.map((item, index) => ({ item, key: comparable(keyOf(item, index), isCaseSensitive, by) }))
  const sign = isReversed ? -1 : 1
  return keyed.sort((a, b) => sign * compare(a.key, b.key, by)).map(({ item }) => item)
}

/** The first of the smallest, or of the largest with `sign` -1; undefined if there is none. */
export const least = <A>(
  items: ReadonlyArray<A>,
  keyOf: (item: A, index: number) => Json,
  sign: 1 | -1,
  isCaseSensitive: boolean,
  by: By
): A | undefined => {
  let best: { readonly item: A; readonly key: string | number } | undefined
  for (const [index, item] of items.entries()) {
    by.meter.spend(1, by.span)
    const key = comparable(keyOf(item, index), isCaseSensitive, by)
    if (best === undefined || sign * compare(key, best.key, by) < 0) best = { item, key }
  }
  return best?.item
}

export const comparable = (key: Json, isCaseSensitive: boolean, { meter, name, span }: By): string | number => {
  if (typeof key === "number") return key
  if (typeof key !== "string") {
    const message = `\`${name}\` puts numbers or texts in order, and was given ${Kind.word(Kind.of(key))}`
    throw new Fault("Type", message, span)
  }
  if (isCaseSensitive) return key
  meter.read(key.length, span)
  return key.toLowerCase()
}

const compare = (a: string | number, b: string | number, { meter, name, span }: By): number => {
  if (typeof a === "number" && typeof b === "number") {
    meter.spend(0.25, span)
    return a - b
  }
  if (typeof a === "string" && typeof b === "string") return Value.compareText(a, b, meter, span)
  throw new Fault("Type", `\`${name}\` puts numbers or texts in order, and was given both`, span)
}
