/**
 * What may be spent, and the error of a call that would have spent more. A limit holds for what was spent and what is
 * reserved for calls in flight together: a call is made only if its worst case still fits.
 */
import * as Schema from "effect/Schema"
import { format, NanoUsd } from "./NanoUsd.js"

/** Each absent where it does not matter. */
export const Limits = Schema.Struct({
  maxCost: Schema.optional(NanoUsd),
  /** Sent and answered together. */
  maxTokens: Schema.optional(Schema.Int.pipe(Schema.nonNegative()))
})
export type Limits = typeof Limits.Type

/**
 * `strict` (default): a pipeline whose worst case may exceed the limits does not start, and code that the plan could not
 * price may not call models. `reserve`: it starts, and is stopped at the call that would exceed them.
 */
export const Mode = Schema.Literal("strict", "reserve")
export type Mode = typeof Mode.Type

/**
 * What happens at a call that a limit denies. `fail` (default): its step fails. `pause`: the step rests, and a person is
 * asked to allow more.
 */
export const OnBudget = Schema.Literal("fail", "pause")
export type OnBudget = typeof OnBudget.Type

/** Of one run. */
export interface Budget extends Limits {
  readonly mode?: Mode | undefined
  readonly onBudget?: OnBudget | undefined
}

/** The smaller of each. */
export const tighter = (a: Limits, b: Limits): Limits => {
  const maxCost = least(a.maxCost, b.maxCost)
  const maxTokens = least(a.maxTokens, b.maxTokens)
  return { ...(maxCost === undefined ? {} : { maxCost }), ...(maxTokens === undefined ? {} : { maxTokens }) }
}

const least = <N extends number>(a: N | undefined, b: N | undefined): N | undefined =>
  a === undefined ? b : b === undefined || a < b ? a : b

/** What one call spends or may spend. `cost` is null where nothing limits it and no price is known. */
export const Amount = Schema.Struct({
  cost: Schema.NullOr(NanoUsd),
  tokens: Schema.Int.pipe(Schema.nonNegative())
})
export type Amount = typeof Amount.Type

/** Why a call was denied, as the journal keeps it. */
export const Denial = Schema.Struct({
  /**
   * `Cost`, `Tokens`: its worst case is more than what is left. `NoPrice`: its model has none. `NoBound`: nothing says
   * how much it may use at most. `Uncounted`: the plan could not price the code that made it, and the budget is strict.
   * `Unasked`: the model was reached past `Once`, so the call would not be in the journal.
   */
  reason: Schema.Literal("Cost", "Tokens", "NoPrice", "NoBound", "Uncounted", "Unasked"),
  model: Schema.String,
  /** The step whose limit it is; empty: that of the run, or of `pool`. */
  scope: Schema.String,
  /** The limit shared with other runs that it is. */
  pool: Schema.optionalWith(Schema.String, { exact: true }),
  /** In billionths of a dollar or tokens, as the limit is; 0 where nothing could be asked for. */
  asked: Schema.Int,
  left: Schema.Int,
  limit: Schema.Int
})
export type Denial = typeof Denial.Type

/** What a person may say of it: see `Grant`. */
export const isGrantable = ({ reason }: Denial): boolean => reason === "Cost" || reason === "Tokens"

/** A model call was denied, and its step failed by that. Nothing was sent. */
export class BudgetExceeded extends Schema.TaggedError<BudgetExceeded>("flujo/domain/BudgetExceeded")(
  "BudgetExceeded",
  { path: Schema.String, ...Denial.fields }
) {
  override get message(): string {
    return `${this.path}: ${words(this)}`
  }
}

/** In one sentence. */
export const words = ({ asked, left, limit, model, pool, reason, scope }: Denial): string => {
  const whose = pool ?? (scope === "" ? "the run" : scope)
  switch (reason) {
    case "Cost": {
      const [of, is, rest] = [limit, asked, left].map((amount) => format(NanoUsd.make(Math.max(0, amount))))
      return `Cost limit of ${of} exceeded: ${model} may cost ${is}, and ${whose} has ${rest} left`
    }
    case "Tokens":
      return `Token limit of ${limit} exceeded: ${model} may use ${asked} tokens, and ${whose} has ${left} left`
    case "NoPrice":
      return `no price is known for ${model}, and ${whose} has a cost limit; say one under [cost.providers] in flujo.toml`
    case "NoBound":
      return `nothing bounds what ${model} may use, and ${whose} has a limit; ask with max_tokens`
    case "Uncounted":
      return `the budget is strict, and the plan could not count a call of ${model} by this code; give the step a cost limit of its own`
    case "Unasked":
      return `${model} was called past Once, and ${whose} has a limit; make the call through Once`
  }
}
