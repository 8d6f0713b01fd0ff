/**
 * Money: whole billionths of a dollar, so that a single cached token has a price and sums do not depend on their order.
 * A safe integer, because it stands in journals as a JSON number; the largest is a little over nine million dollars.
 * What could become larger on its way is computed with `bigint`, and an amount that does not fit is the largest one,
 * which no limit allows. Nothing is ever a fraction.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

export const NanoUsd = Schema.Int.pipe(Schema.nonNegative(), Schema.brand("flujo/NanoUsd"))
export type NanoUsd = typeof NanoUsd.Type

export const zero = NanoUsd.make(0)

/** About $9,007,199.25. */
export const max = NanoUsd.make(Number.MAX_SAFE_INTEGER)

/** Limits are at most this: nine million dollars. What costs `max` is over every limit. */
export const limitMax = NanoUsd.make(9_000_000_000_000_000)

/** The nearest amount that there is: negative is nothing, too much is `max`. */
export const fromBigInt = (nano: bigint): NanoUsd =>
  nano <= 0n ? zero : nano >= BigInt(max) ? max : NanoUsd.make(Number(nano))

export const sum = (amounts: Iterable<NanoUsd>): NanoUsd => {
  let total = 0n
  for (const amount of amounts) total += BigInt(amount)
  return fromBigInt(total)
}

export const add = (a: NanoUsd, b: NanoUsd): NanoUsd => sum([a, b])

export const larger = (a: NanoUsd, b: NanoUsd): NanoUsd => (a < b ? b : a)

export const times = (amount: NanoUsd, count: number): NanoUsd => fromBigInt(BigInt(amount) * BigInt(count))

const decimal = /^\+?(\d{1,30})(?:\.(\d{0,30}))?(?:[eE]([+-]?\d{1,2}))?$/

/**
 * Reads dollars as decimal text, exactly: `0.50`, `$12`, `1_000`, `1.5e-7`. With `shift`, what is read is that many
 * powers of ten smaller than what is meant. What is finer than a billionth of a dollar is refused, never rounded.
 */
export const fromText = (text: string, shift = 0): Either.Either<NanoUsd, string> => {
  const bare = text
    .trim()
    .replace(/^\$/, "")
    .replace(/(?<=\d)[_,](?=\d)/g, "")
  const parts = decimal.exec(bare)
  if (parts === null) return Either.left("this is not an amount of dollars, such as 0.50")
  const [, whole, fraction = "", exponent = "0"] = parts
  const digits = `${whole}${fraction}`
  const places = 9 + shift + Number(exponent) - fraction.length
  const nano = places >= 0 ? BigInt(digits) * 10n ** BigInt(places) : undefined
  const divisor = 10n ** BigInt(Math.max(0, -places))
  const exact = nano ?? (BigInt(digits) % divisor === 0n ? BigInt(digits) / divisor : undefined)
  if (exact === undefined) return Either.left("this is finer than a billionth of a dollar")
  return exact > BigInt(limitMax)
    ? Either.left("this is over nine million dollars")
    : Either.right(NanoUsd.make(Number(exact)))
}

/** An amount written in a program, such as `usd("0.50")`. Throws where it is none. */
export const usd = (text: string): NanoUsd =>
  Either.getOrThrowWith(fromText(text), (why) => new RangeError(`${JSON.stringify(text)}: ${why}`))

/** Exact, with at least two decimals and no sign: `0.42`, `12.00`, `0.000000125`. `fromText` reads it back. */
export const toUsd = (amount: NanoUsd): string => {
  const digits = String(amount).padStart(10, "0")
  const cents = digits.slice(-9, -7)
  const rest = digits.slice(-7).replace(/0+$/, "")
  return `${digits.slice(0, -9)}.${cents}${rest}`
}

/** For people: `$0.42`. */
export const format = (amount: NanoUsd): string => `$${toUsd(amount)}`
