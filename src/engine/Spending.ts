/**
 * Money at the door: the worst case of a model call is set aside before it is made, and it is settled however it ends.
 * A balance moves and its entry is staged in one synchronous step, so at every prefix of the journal what is settled and
 * what is reserved together are within each limit. Only live runs spend; a replay reads what was denied.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Amount, Denial } from "../domain/Budget.js"
import type { Entry, RunBudget } from "../domain/Event.js"
import type { Json } from "../domain/Json.js"
import { ModelAsk } from "../domain/Model.js"
import { zero } from "../domain/NanoUsd.js"
import type { StepPath } from "../domain/StepPath.js"
import * as Usage from "../domain/Usage.js"
import * as Cost from "../governance/Cost.js"
import * as PriceTable from "../governance/PriceTable.js"
import { Quota, type Scope } from "../governance/Quota.js"
import * as Tokens from "../llm/Tokens.js"
import * as Bound from "../plan/Bound.js"
import type { Record } from "./Record.js"

/** What a run may spend and at which prices, as it was started. */
export interface Terms {
  readonly budget: RunBudget
  readonly prices: PriceTable.PriceTable
}

/** A call that has money set aside. Each is settled once. */
export interface Hold {
  /** It ended with this count; what cannot be true is not believed. */
  readonly counted: (usage: Usage.Usage | undefined) => void
  readonly ended: (how: "failed" | "cut" | "free") => void
}

export class Spending {
  private readonly quota: Quota

  constructor(
    private readonly record: Record,
    private readonly terms: Terms,
    history: ReadonlyArray<Entry>
  ) {
    this.quota = Quota.of(history)
    this.settleLost(history)
  }

  /** Whether anything limits a call that stands in these steps. */
  isLimited(caps: ReadonlyArray<Scope>): boolean {
    const { maxCost, maxTokens } = this.terms.budget
    return caps.length > 0 || maxCost !== null || maxTokens !== null
  }

  /**
   * Sets the worst case of a call aside. `isPriced`: the plan counts the call, so it was part of what the start rule
   * looked at.
   */
  reserve(
    at: StepPath,
    request: Json,
    { caps, isPriced }: { readonly caps: ReadonlyArray<Scope>; readonly isPriced: boolean }
  ): Hold | Denial {
    const { budget, prices } = this.terms
    const limits = { maxCost: budget.maxCost ?? undefined, maxTokens: budget.maxTokens ?? undefined }
    // The nearest step first: what it would deny is not laid on the run.
    const scopes: ReadonlyArray<Scope> = [...caps.toReversed(), { path: "", limits }]
    const ask = Schema.decodeUnknownEither(ModelAsk)(request)
    const model = Either.isRight(ask) ? ask.right.model : "a model"
    const none = { model, scope: "", asked: 0, left: 0, limit: 0 }
    const costly = scopes.find(({ limits }) => limits.maxCost !== undefined)
    if (!isPriced && budget.mode === "strict" && !caps.some(({ limits }) => limits.maxCost !== undefined)) {
      return { ...none, reason: "Uncounted" }
    }
    const output = Either.isRight(ask) ? ask.right.settings.maxTokens : undefined
    const bytes = Either.isRight(ask) ? Tokens.boundOfAsk(ask.right) : Number.POSITIVE_INFINITY
    const priced = PriceTable.priceOf(prices, model)
    const input = Math.min(bytes, priced?.context ?? Number.POSITIVE_INFINITY)
    if (output === undefined || input > Bound.inputTokensMax) return { ...none, reason: "NoBound" }
    if (priced === undefined && costly !== undefined) return { ...none, scope: costly.path, reason: "NoPrice" }
    const most = { input, output }
    const worst: Amount = {
      cost: priced === undefined ? null : Cost.worst(priced.rate, most),
      tokens: input + output
    }
    const short = this.quota.short(worst, scopes)
    if (short !== undefined) return { model, ...short }
    const under = caps.map(({ path }) => path as StepPath)
    this.quota.hold(
      at,
      model,
      worst,
      scopes.map(({ path }) => path)
    )
    this.record.life({ path: at, kind: "Reserved", data: { model, ...worst, under }, payload: {} })
    return {
      counted: (usage) => {
        if (usage === undefined || !Cost.isBelievable(usage, most)) this.settle(at, worst, "refused")
        else {
          const cost = priced === undefined ? null : Cost.ofUsage(priced.rate, usage)
          this.settle(at, { cost, tokens: Usage.total(usage) }, "usage")
        }
      },
      ended: (how) => this.settle(at, how === "free" ? freeOf(worst) : worst, how)
    }
  }

  private settle(at: StepPath, amount: Amount, basis: "usage" | "refused" | "failed" | "cut" | "free"): void {
    this.quota.settle(at, amount)
    this.record.life({ path: at, kind: "Settled", data: { ...amount, basis }, payload: {} })
  }

  /** Calls that a dead process left open: what was answered costs what it cost, the others their worst case. */
  private settleLost(history: ReadonlyArray<Entry>): void {
    for (const { amount, model, path } of this.quota.open) {
      const usage = answeredUsage(history, path)
      const rate = PriceTable.priceOf(this.terms.prices, model)?.rate
      const actual: Amount | undefined =
        usage === undefined
          ? undefined
          : { cost: rate === undefined ? null : Cost.ofUsage(rate, usage), tokens: Usage.total(usage) }
      const isWithin =
        actual !== undefined && actual.tokens <= amount.tokens && (actual.cost ?? 0) <= (amount.cost ?? 0)
      if (isWithin) this.settle(path as StepPath, actual, "usage")
      else this.settle(path as StepPath, amount, "cut")
    }
  }
}

const freeOf = ({ cost }: Amount): Amount => ({ cost: cost === null ? null : zero, tokens: 0 })

const answeredUsage = (history: ReadonlyArray<Entry>, path: string): Usage.Usage | undefined => {
  for (const { event } of history) {
    if (event.kind === "Answered" && event.path === path) return event.data.usage
  }
  return undefined
}
