/**
 * More than a limit allowed, as a person says it: the question that is put to them, and what their answer comes to. It is
 * bound to one limit and one call, and is no more than ten times the limit, so that a slip of the keyboard has an end.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { type Denial, words } from "./Budget.js"
import * as Json from "./Json.js"
import * as NanoUsd from "./NanoUsd.js"

/** What is allowed beyond a limit. One of the two is 0. */
export const Grant = Schema.Struct({
  /** The step whose limit it is; empty: that of the run, or of `pool`. */
  scope: Schema.String,
  pool: Schema.optionalWith(Schema.String, { exact: true }),
  cost: NanoUsd.NanoUsd,
  tokens: Schema.Int.pipe(Schema.nonNegative())
})
export type Grant = typeof Grant.Type

const missing = ({ asked, left }: Denial): number => asked - left

/** In billionths of a dollar or tokens. */
export const most = (denial: Denial): number =>
  Math.max(missing(denial), Math.min(denial.limit * 10, Number.MAX_SAFE_INTEGER))

const shown = ({ reason }: Denial, amount: number): string =>
  reason === "Cost" ? NanoUsd.format(NanoUsd.NanoUsd.make(amount)) : `${amount} tokens`

export const message = (at: string, denial: Denial): string =>
  `${at}: ${words(denial)}. Allow more? A yes allows the ${shown(denial, missing(denial))} that are missing; ` +
  `a number allows so many ${denial.reason === "Cost" ? "dollars" : "tokens"}, at most ${shown(denial, most(denial))}.`

/** JSON Schema of the answer. */
export const schema = (denial: Denial): Json.Json => {
  const isCost = denial.reason === "Cost"
  const maximum = isCost ? Number(NanoUsd.toUsd(NanoUsd.NanoUsd.make(most(denial)))) : most(denial)
  const amount = { type: isCost ? "number" : "integer", exclusiveMinimum: 0, maximum }
  const fields = { approved: { type: "boolean" }, [isCost ? "usd" : "tokens"]: amount, reason: { type: "string" } }
  return {
    anyOf: [amount, { type: "object", properties: fields, required: ["approved"], additionalProperties: false }]
  }
}

/** What an answer allows; undefined where it is no yes, or says an amount that cannot be. */
export const read = (denial: Denial, answer: Json.Json): Grant | undefined => {
  const isCost = denial.reason === "Cost"
  const isYes = answer === true || answer === "approved" || Json.get(answer, "approved") === true
  const said = typeof answer === "number" ? answer : isYes ? Json.get(answer, isCost ? "usd" : "tokens") : undefined
  if (said === undefined && !isYes) return undefined
  const amount = said === undefined ? missing(denial) : isCost ? nanoOf(said) : said
  if (typeof amount !== "number" || !Number.isSafeInteger(amount) || amount <= 0 || amount > most(denial))
    return undefined
  const { pool, scope } = denial
  return {
    scope,
    ...(pool === undefined ? {} : { pool }),
    cost: NanoUsd.NanoUsd.make(isCost ? amount : 0),
    tokens: isCost ? 0 : amount
  }
}

const nanoOf = (dollars: Json.Json): number | undefined => {
  const text = typeof dollars === "number" && dollars > 0 && dollars < 1e15 ? dollars.toFixed(9) : dollars
  if (typeof text !== "string") return undefined
  const amount = NanoUsd.fromText(text)
  return Either.isRight(amount) ? amount.right : undefined
}
