/**
 * What a call costs, exactly: whole billionths of a dollar, rounded up once per call. The worst case of a call is what
 * its most tokens cost at the dearest of the rates that they may be billed at, so no believable usage is above it.
 */
import { fromBigInt, larger, type NanoUsd } from "../domain/NanoUsd.js"
import type { Usage } from "../domain/Usage.js"
import type { Rate } from "./Price.js"

const million = 1_000_000n

/** Millionths, rounded up to whole amounts. */
const up = (millionths: bigint): NanoUsd => fromBigInt((millionths + million - 1n) / million)

const part = (tokens: number, rate: NanoUsd): bigint => BigInt(tokens) * BigInt(rate)

export const ofUsage = (rate: Rate, usage: Usage): NanoUsd =>
  up(
    part(usage.input, rate.input) +
      // What is written to a provider's cache costs a quarter more than what is only read, where it is billed apart.
      (part(usage.cacheWrite ?? 0, rate.input) * 5n) / 4n +
      part(usage.cachedInput, rate.cachedInput) +
      part(usage.output, rate.output) +
      part(usage.reasoning, rate.reasoning)
  )

/** Tokens that a call may use at most: sent, and answered (reasoning among them). */
export interface Most {
  readonly input: number
  readonly output: number
}

export const worst = (rate: Rate, { input, output }: Most): NanoUsd =>
  up(part(input, larger(rate.input, rate.cachedInput)) + part(output, larger(rate.output, rate.reasoning)))

/** The dearest million tokens that there are at this rate. */
export const dearest = (rate: Rate): NanoUsd =>
  larger(larger(rate.input, rate.cachedInput), larger(rate.output, rate.reasoning))

/** What so many tokens cost at most, at so much for a million. */
export const ofTokens = (perMillion: NanoUsd, tokens: number): NanoUsd => up(part(tokens, perMillion))

/**
 * Whether what a driver counted can be true of a call: whole numbers, not negative, and no more than the call could use.
 * What cannot be believed is not used. No call asks for anything to be written to a cache, so that is not believed.
 */
export const isBelievable = (usage: Usage, most: Most): boolean => {
  const counts = [usage.input, usage.cachedInput, usage.output, usage.reasoning]
  return (
    counts.every((count) => Number.isSafeInteger(count) && count >= 0) &&
    (usage.cacheWrite ?? 0) === 0 &&
    usage.input + usage.cachedInput <= most.input &&
    usage.output + usage.reasoning <= most.output
  )
}
