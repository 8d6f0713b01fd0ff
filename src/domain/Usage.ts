/** Tokens of a model call, in disjoint buckets: no token is counted in two of them. */
import * as Schema from "effect/Schema"

const Count = Schema.Int.pipe(Schema.nonNegative())

export const Usage = Schema.Struct({
  /** Sent and not served from a cache. */
  input: Count,
  /** Sent and served from the provider's cache. */
  cachedInput: Count,
  /** Sent and written to the provider's cache, where that is billed apart. */
  cacheWrite: Schema.optionalWith(Count, { exact: true }),
  /** Answered, reasoning left out. */
  output: Count,
  /** Thought, where the provider tells. */
  reasoning: Count
})
export type Usage = typeof Usage.Type

export const none: Usage = { input: 0, cachedInput: 0, output: 0, reasoning: 0 }

export const add = (a: Usage, b: Usage): Usage => ({
  input: a.input + b.input,
  cachedInput: a.cachedInput + b.cachedInput,
  ...withCacheWrite((a.cacheWrite ?? 0) + (b.cacheWrite ?? 0)),
  output: a.output + b.output,
  reasoning: a.reasoning + b.reasoning
})

/** The bucket `cacheWrite` where there is something in it. */
export const withCacheWrite = (count: number): Pick<Usage, "cacheWrite"> => (count === 0 ? {} : { cacheWrite: count })

export const total = (usage: Usage): number =>
  usage.input + usage.cachedInput + (usage.cacheWrite ?? 0) + usage.output + usage.reasoning
