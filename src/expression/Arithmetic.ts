/** `+ - * / // % **` on JSON numbers, as in Python; `+` also puts two texts or two lists together, `*` repeats a text. */
import type { Json } from "../domain/Json.js"
import { Fault } from "./Fault.js"
import * as Kind from "./Kind.js"
import type { Meter } from "./Limits.js"
import type { Operator, Span } from "./Syntax.js"
import * as Value from "./Value.js"

export const apply = (operator: Operator, left: Json, right: Json, span: Span, meter: Meter): Json => {
  if (typeof left === "number" && typeof right === "number") return numbers(operator, left, right, span)
  if (operator === "+" && typeof left === "string" && typeof right === "string") {
    meter.write(left.length + right.length, span)
    return left + right
  }
  if (operator === "+" && Array.isArray(left) && Array.isArray(right)) {
    meter.walk(left.length + right.length, span)
    return [...left, ...right]
  }
  if (operator === "*" && typeof left === "string" && typeof right === "number") {
    return repeated(left, right, span, meter)
  }
  throw wrong(operator, left, right, span)
}

const numbers = (operator: Operator, left: number, right: number, span: Span): number => {
  const isExact = Number.isSafeInteger(left) && Number.isSafeInteger(right)
  switch (operator) {
    case "+":
      return Value.number(left + right, isExact, span)
    case "-":
      return Value.number(left - right, isExact, span)
    case "*":
      return Value.number(left * right, isExact, span)
    case "/":
      return Value.number(left / divisor(right, span), false, span)
    case "//":
      return Value.number(Math.floor(left / divisor(right, span)), false, span)
    case "%": {
      // The answer has the sign of the divisor.
      const rest = left % divisor(right, span)
      return Value.number(rest !== 0 && rest < 0 !== right < 0 ? rest + right : rest, false, span)
    }
    case "**": {
      if (left === 0 && right < 0) throw new Fault("Type", "0 has no negative power", span)
      if (left < 0 && !Number.isInteger(right)) {
        throw new Fault("Type", "a negative number has whole powers only", span)
      }
      return Value.number(left ** right, isExact && right >= 0, span)
    }
  }
}

const divisor = (value: number, span: Span): number => {
  if (value === 0) throw new Fault("Type", "nothing can be divided by 0", span)
  return value
}

const repeated = (text: string, times: number, span: Span, meter: Meter): string => {
  if (!Number.isInteger(times)) throw new Fault("Type", "text is repeated a whole number of times", span)
  const count = Math.max(0, times)
  meter.write(text.length * count, span)
  // The host refuses a count that is too large, even of nothing.
  return text === "" ? "" : text.repeat(count)
}

const wrong = (operator: Operator, left: Json, right: Json, span: Span): Fault => {
  const takes = operator === "+" ? "two numbers, two texts or two lists" : "two numbers"
  const given = `${Kind.word(Kind.of(left))} and ${Kind.word(Kind.of(right))}`
  const isText = typeof left === "string" || typeof right === "string"
  const hint =
    operator === "+" && isText
      ? "`a ~ b` puts any two values together as text"
      : isText
        ? "`x | float` reads a number"
        : undefined
  return new Fault("Type", `\`${operator}\` takes ${takes}, and was given ${given}`, span, hint)
}
