/** Comparisons of two values: equality of any, order of numbers and of texts, and what is in what. */
import * as Json from "../domain/Json.js"
import { Fault } from "./Fault.js"
import * as Kind from "./Kind.js"
import type { Meter } from "./Limits.js"
import * as Search from "./Search.js"
import type { Comparator, Span } from "./Syntax.js"
import * as Value from "./Value.js"

export const holds = (comparator: Comparator, left: Json.Json, right: Json.Json, span: Span, meter: Meter): boolean => {
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

const order = (comparator: string, left: Json.Json, right: Json.Json, span: Span, meter: Meter): number => {
  if (typeof left === "number" && typeof right === "number") return left - right
  if (typeof left === "string" && typeof right === "string") return Value.compareText(left, right, meter, span)
  const given = `${Kind.word(Kind.of(left))} and ${Kind.word(Kind.of(right))}`
  throw new Fault("Type", `\`${comparator}\` compares two numbers or two texts, and was given ${given}`, span)
}

const isIn = (left: Json.Json, right: Json.Json, span: Span, meter: Meter): boolean => {
  if (Array.isArray(right)) return right.some((item: Json.Json) => Value.equals(left, item, meter, span))
  if (typeof left === "string" && typeof right === "string") return Search.includes(right, left, meter, span)
  if (typeof left === "string" && Json.isObject(right)) return Object.hasOwn(right, left)
  const given = `${Kind.word(Kind.of(left))} in ${Kind.word(Kind.of(right))}`
  throw new Fault("Type", `\`in\` looks for text in text, a key in a map or a value in a list, not for ${given}`, span)
}
