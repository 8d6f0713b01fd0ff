/**
 * Money and tokens that several runs share: one limit over all of them, whichever process drives them. A pool is a row of
 * the store that is known by its name; what is reserved and settled moves it in the transaction that writes the entry.
 */
import type { Limits } from "./Budget.js"
import { NanoUsd } from "./NanoUsd.js"

/** A limit for the runs that share it. A pool of a day or a month has that in its name. */
export interface Pool {
  readonly name: string
  readonly limits: Limits
}

/** What was spent from a pool, what is set aside, and what people allowed beyond its limits. */
export interface Share {
  readonly spentCost: bigint
  readonly spentTokens: bigint
  readonly heldCost: bigint
  readonly heldTokens: bigint
  readonly grantedCost: bigint
  readonly grantedTokens: bigint
}

export const nothing: Share = {
  spentCost: 0n,
  spentTokens: 0n,
  heldCost: 0n,
  heldTokens: 0n,
  grantedCost: 0n,
  grantedTokens: 0n
}

export const add = (a: Share, b: Share): Share => ({
  spentCost: a.spentCost + b.spentCost,
  spentTokens: a.spentTokens + b.spentTokens,
  heldCost: a.heldCost + b.heldCost,
  heldTokens: a.heldTokens + b.heldTokens,
  grantedCost: a.grantedCost + b.grantedCost,
  grantedTokens: a.grantedTokens + b.grantedTokens
})

export const negated = (share: Share): Share => ({
  spentCost: -share.spentCost,
  spentTokens: -share.spentTokens,
  heldCost: -share.heldCost,
  heldTokens: -share.heldTokens,
  grantedCost: -share.grantedCost,
  grantedTokens: -share.grantedTokens
})

export const equals = (a: Share, b: Share): boolean =>
  a.spentCost === b.spentCost &&
  a.spentTokens === b.spentTokens &&
  a.heldCost === b.heldCost &&
  a.heldTokens === b.heldTokens &&
  a.grantedCost === b.grantedCost &&
  a.grantedTokens === b.grantedTokens

/** What a pool has left: below zero where its limit was lowered since. */
export interface Left {
  readonly limit: bigint
  readonly left: bigint
}

export const costLeft = ({ maxCost }: Limits, total: Share): Left | undefined => {
  if (maxCost === undefined) return undefined
  const limit = BigInt(maxCost) + total.grantedCost
  return { limit, left: limit - total.spentCost - total.heldCost }
}

export const tokensLeft = ({ maxTokens }: Limits, total: Share): Left | undefined => {
  if (maxTokens === undefined) return undefined
  const limit = BigInt(maxTokens) + total.grantedTokens
  return { limit, left: limit - total.spentTokens - total.heldTokens }
}

/** Why a pool does not give what is asked of it. Dollars in billionths, or tokens. */
export interface Short {
  readonly pool: string
  readonly reason: "Cost" | "Tokens"
  readonly left: number
  readonly limit: number
}

/** Undefined where `asked` fits into what is left; cost comes before tokens. */
export const short = ({ limits, name }: Pool, total: Share, asked: Share): Short | undefined => {
  const cost = costLeft(limits, total)
  if (cost !== undefined && asked.heldCost > cost.left) {
    return { pool: name, reason: "Cost", left: whole(cost.left), limit: whole(cost.limit) }
  }
  const tokens = tokensLeft(limits, total)
  if (tokens !== undefined && asked.heldTokens > tokens.left) {
    return { pool: name, reason: "Tokens", left: whole(tokens.left), limit: whole(tokens.limit) }
  }
  return undefined
}

/** What a pool has left, as limits; nothing where it is overdrawn. */
export const remaining = (limits: Limits, total: Share): Limits => {
  const cost = costLeft(limits, total)
  const tokens = tokensLeft(limits, total)
  const atLeastNone = ({ left }: Left): number => Math.max(0, whole(left))
  return {
    ...(cost === undefined ? {} : { maxCost: NanoUsd.make(atLeastNone(cost)) }),
    ...(tokens === undefined ? {} : { maxTokens: atLeastNone(tokens) })
  }
}

const most = BigInt(Number.MAX_SAFE_INTEGER)

/** As a number, which is exact up to nine million dollars. */
const whole = (value: bigint): number => Number(value > most ? most : value < -most ? -most : value)
