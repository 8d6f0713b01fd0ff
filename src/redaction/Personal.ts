/**
 * What tells who somebody is, or lets one in, found in a text: e-mail addresses, telephone and card numbers, bank accounts,
 * network addresses, and secrets of known shapes. Every pattern is bounded, so that looking takes time in proportion to
 * the text. It is a net, not a proof: a name, or a number that is written otherwise, is not seen.
 */
import * as Redaction from "./Redaction.js"

export const kinds = ["secrets", "emails", "phones", "cards", "ibans", "ips"] as const
export type Kind = (typeof kinds)[number]

export interface Found {
  readonly kind: Kind
  /** Exclusive. */
  readonly to: number
  readonly from: number
}

/** In order, and none within another. */
export const find = (text: string, wanted: ReadonlyArray<Kind>): ReadonlyArray<Found> => {
  const all = kinds
    .filter((kind) => wanted.includes(kind))
    .flatMap((kind) => finders[kind](text).map(([from, to]): Found => ({ kind, from, to })))
    // The longer of two that begin together.
    .sort((a, b) => a.from - b.from || b.to - a.to)
  const found: Array<Found> = []
  for (const one of all) if (one.from >= (found.at(-1)?.to ?? 0)) found.push(one)
  return found
}

type Span = readonly [from: number, to: number]

const matches =
  (pattern: RegExp, isOne: (text: string) => boolean = () => true) =>
  (text: string): ReadonlyArray<Span> =>
    Array.from(text.matchAll(pattern)).flatMap(
      (match): ReadonlyArray<Span> => (isOne(match[0]) ? [[match.index, match.index + match[0].length]] : [])
    )

/**
 * Where a pattern goes on into what stands behind it, as in `4111 1111 1111 1111 2026`, the longest beginning of a match
 * is taken that is one; it ends where a group of the match does.
 */
const beginnings =
  (pattern: RegExp, isOne: (text: string) => boolean) =>
  (text: string): ReadonlyArray<Span> => {
    const found: Array<Span> = []
    pattern.lastIndex = 0
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
      const whole = match[0]
      const ends = [...Array.from(whole.matchAll(/[ -]/g), ({ index }) => index), whole.length].reverse()
      const end = ends.find((at) => isOne(whole.slice(0, at)))
      if (end !== undefined) found.push([match.index, match.index + end])
      // What follows a group may be one, too.
      pattern.lastIndex = match.index + (end ?? ends.at(-1)! + 1)
    }
    return found
  }

const digits = (text: string): string => text.replace(/\D/g, "")

/** ISO/IEC 7812: the check digit of a card. */
const isCard = (text: string): boolean => {
  const number = digits(text)
  if (number.length < 13 || number.length > 19) return false
  let sum = 0
  for (let index = 0; index < number.length; index++) {
    const digit = Number(number[number.length - 1 - index])
    sum += index % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2
  }
  return sum % 10 === 0
}

/** ISO 13616: the remainder by 97 of an account. */
const isIban = (text: string): boolean => {
  const plain = text.replace(/ /g, "")
  if (plain.length < 15 || plain.length > 34) return false
  let rest = 0
  for (const char of plain.slice(4) + plain.slice(0, 4)) {
    for (const digit of String(Number.parseInt(char, 36))) rest = (rest * 10 + Number(digit)) % 97
  }
  return rest === 1
}

const isPhone = (text: string): boolean => digits(text).length >= 8

const isIp = (text: string): boolean => text.split(".").every((part) => Number(part) <= 255)

const finders: Readonly<Record<Kind, (text: string) => ReadonlyArray<Span>>> = {
  secrets: Redaction.find,
  emails: matches(/(?<![\p{L}\p{N}._%+-])[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,8}/gu),
  phones: matches(/(?<![\p{L}\p{N}])(?:\+\d[\d ()./-]{6,20}\d|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4})(?!\d)/gu, isPhone),
  cards: beginnings(/(?<![\p{L}\p{N}])\d(?:[ -]?\d){12,31}(?![\p{L}\p{N}])/gu, isCard),
  ibans: beginnings(/(?<![\p{L}\p{N}])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,40}(?![\p{L}\p{N}])/gu, isIban),
  ips: matches(/(?<![\p{L}\p{N}.])\d{1,3}(?:\.\d{1,3}){3}(?![\p{L}\p{N}]|\.\d)/gu, isIp)
}
