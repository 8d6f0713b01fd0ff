/** Filters of numbers, and those that make one. */
import { type Filter, number, of, ofNumber, text, whole } from "./Filter.js"
import * as Value from "./Value.js"

const abs = ofNumber({ answers: "number" }, (input) => Math.abs(input))

/** To the nearest, and to the even one of two that are as near, as Jinja has it from Python. */
const nearest = (value: number, precision: number): number => {
  // A number beyond this is whole, and has no digits behind its point.
  if (Math.abs(value) >= Number.MAX_SAFE_INTEGER) return value
  // All digits of a number that lies between two: with fewer than 100 it is written exactly.
  const exact = Math.abs(value).toFixed(100)
  const point = exact.indexOf(".")
  const kept = exact.slice(0, point + 1 + precision)
  const rest = exact.slice(point + 1 + precision)
  if (!/^50*$/.test(rest)) return Number(value.toFixed(precision))
  const isEven = "02468".includes(kept.at(-1) === "." ? kept.at(-2)! : kept.at(-1)!)
  const down = Number(kept)
  return Math.sign(value) * (isEven ? down : Number(Math.abs(value).toFixed(precision)))
}

const methods = ["common", "ceil", "floor"]

const round = ofNumber(
  { parameters: [whole("precision", 0, 15), text("method")], answers: "number" },
  (input, call) => {
    const precision = call.number(0, 0)
    const method = call.text(1) ?? "common"
    if (!methods.includes(method)) throw call.refuse(1, "`method` of `round` is 'common', 'ceil' or 'floor'")
    if (method === "common") return Value.number(nearest(input, precision), false, call.span)
    const scale = 10 ** precision
    const scaled = method === "ceil" ? Math.ceil(input * scale) : Math.floor(input * scale)
    return Value.number(scaled / scale, false, call.span)
  }
)

/** Longer texts are no number. */
const numeralUnitsMax = 400

const numeral = (input: string): number | undefined => {
  const trimmed = input.length > numeralUnitsMax ? "" : input.trim()
  if (!/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(trimmed)) return undefined
  const value = Number(trimmed)
  return Number.isFinite(value) ? value : undefined
}

const digits = "0123456789abcdefghijklmnopqrstuvwxyz"

/** A whole number written to `base`, with or without `0x`, `0o` or `0b` before it. */
const inBase = (input: string, base: number): number | undefined => {
  const prefix = base === 16 ? "0x" : base === 8 ? "0o" : base === 2 ? "0b" : undefined
  const trimmed = input.length > numeralUnitsMax ? "" : input.trim().toLowerCase()
  const sign = trimmed.startsWith("-") ? -1 : 1
  const unsigned = /^[+-]/.test(trimmed) ? trimmed.slice(1) : trimmed
  const bare = prefix !== undefined && unsigned.startsWith(prefix) ? unsigned.slice(2) : unsigned
  if (bare === "") return undefined
  let value = 0
  for (const digit of bare) {
    const worth = digits.indexOf(digit)
    if (worth < 0 || worth >= base) return undefined
    value = value * base + worth
  }
  return Number.isSafeInteger(value) ? sign * value : undefined
}

/** A whole number: cut off behind the point, read from a text, 1 or 0 for true or false; `default` for all else. */
const int: Filter = of(
  undefined,
  { parameters: [number("default"), whole("base", 2, 36)], answers: "number" },
  (input, call) => {
    const base = call.number(1, 10)
    const read =
      typeof input === "string"
        ? base === 10
          ? numeral(input)
          : inBase(input, base)
        : typeof input === "boolean"
          ? Number(input)
          : typeof input === "number"
            ? input
            : undefined
    return read === undefined ? call.number(0, 0) : Math.trunc(read) + 0
  }
)

const float: Filter = of(undefined, { parameters: [number("default")], answers: "number" }, (input, call) => {
  const read =
    typeof input === "string"
      ? numeral(input)
      : typeof input === "boolean"
        ? Number(input)
        : typeof input === "number"
          ? input
          : undefined
  return (read ?? call.number(0, 0)) + 0
})

export const filters: Readonly<Record<string, Filter>> = { abs, float, int, round }
