/**
 * Money at the door: the worst case of a model call is set aside before it is made, and it is settled however it ends.
 * A balance moves and its entry is staged in one synchronous step, so at every prefix of the journal what is settled and
 * what is reserved together are within each limit. What counts for limits that runs share is granted by the store, which
 * writes the reservation or the denial. Only live runs spend; a replay reads what was denied.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { type Amount, type Denial, isGrantable } from "../domain/Budget.js"
import type { Data, Entry, RunBudget } from "../domain/Event.js"
import type { Grant } from "../domain/Grant.js"
import type { Json } from "../domain/Json.js"
import { ModelAsk } from "../domain/Model.js"
import { type NanoUsd, zero } from "../domain/NanoUsd.js"
import type { Pool } from "../domain/Pool.js"
import type { StepPath } from "../domain/StepPath.js"
import * as Usage from "../domain/Usage.js"
import * as Cost from "../governance/Cost.js"
import * as PriceTable from "../governance/PriceTable.js"
import { Quota, type Scope } from "../governance/Quota.js"
import * as SharedLimits from "../governance/SharedLimits.js"
import * as Tokens from "../llm/Tokens.js"
import * as Bound from "../plan/Bound.js"
import type { Record, Said } from "./Record.js"

/** What a run may spend and at which prices, as it was started; and what it shares with others, as it is now. */
export interface Terms {
  readonly budget: RunBudget
  readonly prices: PriceTable.PriceTable
  readonly shared: ReadonlyArray<SharedLimits.Shared>
}

/** Where a call stands, and where it says that it was denied. */
export interface Seat {
  readonly caps: ReadonlyArray<Scope>
  /** The plan counts the call, so it was part of what the start rule looked at. */
  readonly isPriced: boolean
  /** What is written where the store denies it. */
  readonly denied: (denial: Denial) => Said<"Denied"> | Said<"TaskOpened">
}

/** A call that has money set aside. Each is settled once. */
export interface Hold {
  /** Whether the store has the last word, which it has said once the reservation is durable. */
  readonly isClaim: boolean
  /** What the store said; there is nothing to settle then. */
  readonly denial: () => Denial | undefined
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
    const { budget, shared } = this.terms
    return caps.length > 0 || budget.maxCost !== null || budget.maxTokens !== null || shared.length > 0
  }

  /** Whether a person is asked to allow more. */
  pauses(denial: Denial): boolean {
    return this.terms.budget.onBudget === "pause" && isGrantable(denial)
  }

  /** A person has allowed more, in the task at `path`. */
  grant(path: StepPath, grant: Grant, by: string | undefined): void {
    this.quota.grant(grant)
    this.record.life({ path, kind: "Granted", data: grant, payload: by === undefined ? {} : { by } })
  }

  /** Sets the worst case of a model call aside. */
  reserve(at: StepPath, request: Json, seat: Seat): Hold | Denial {
    const ask = Schema.decodeUnknownEither(ModelAsk)(request)
    const model = Either.isRight(ask) ? ask.right.model : "a model"
    const none = { model, scope: "", asked: 0, left: 0, limit: 0 }
    if (this.isUncounted(seat)) return { ...none, reason: "Uncounted" }
    const output = Either.isRight(ask) ? ask.right.settings.maxTokens : undefined
    const bytes = Either.isRight(ask) ? Tokens.boundOfAsk(ask.right) : Number.POSITIVE_INFINITY
    const priced = PriceTable.priceOf(this.terms.prices, model)
    // The context of a model that makes vectors is that of each text by itself.
    const isMany = Either.isRight(ask) && ask.right.output._tag === "Vectors"
    const input = isMany ? bytes : Math.min(bytes, priced?.context ?? Number.POSITIVE_INFINITY)
    if (output === undefined || input > Bound.inputTokensMax) return { ...none, reason: "NoBound" }
    const { pools, scopes } = this.limitsOn(seat)
    const costly =
      scopes.find(({ limits }) => limits.maxCost !== undefined) ??
      pools.flatMap(({ limits, name }) => (limits.maxCost === undefined ? [] : { path: "", pool: name })).at(0)
    if (priced === undefined && costly !== undefined) {
      return { ...none, scope: costly.path, ...("pool" in costly ? { pool: costly.pool } : {}), reason: "NoPrice" }
    }
    const most = { input, output }
    const worst: Amount = {
      cost: priced === undefined ? null : Cost.worst(priced.rate, most),
      tokens: input + output
    }
    return this.hold(at, model, worst, seat, (usage) =>
      usage === undefined || !Cost.isBelievable(usage, most)
        ? undefined
        : { cost: priced === undefined ? null : Cost.ofUsage(priced.rate, usage), tokens: Usage.total(usage) }
    )
  }

  /** Sets aside what a call of something else costs, which is said beforehand. */
  reserveFixed(at: StepPath, of: string, cost: NanoUsd, seat: Seat): Hold | Denial {
    if (this.isUncounted(seat)) return { model: of, scope: "", asked: 0, left: 0, limit: 0, reason: "Uncounted" }
    const amount = { cost, tokens: 0 }
    return this.hold(at, of, amount, seat, () => amount)
  }

  private isUncounted({ caps, isPriced }: Seat): boolean {
    return !isPriced && this.terms.budget.mode === "strict" && !caps.some(({ limits }) => limits.maxCost !== undefined)
  }

  private limitsOn({ caps }: Seat): { readonly scopes: ReadonlyArray<Scope>; readonly pools: ReadonlyArray<Pool> } {
    const { budget, shared } = this.terms
    const limits = { maxCost: budget.maxCost ?? undefined, maxTokens: budget.maxTokens ?? undefined }
    return {
      // The nearest step first: what it would deny is not laid on the run.
      scopes: [...caps.toReversed(), { path: "", limits }],
      pools: SharedLimits.pools(shared, this.record.now())
    }
  }

  /** Holds and says so in one step. `actual`: what a count comes to; undefined where it cannot be true. */
  private hold(
    at: StepPath,
    model: string,
    worst: Amount,
    seat: Seat,
    actual: (usage: Usage.Usage | undefined) => Amount | undefined
  ): Hold | Denial {
    const { pools, scopes } = this.limitsOn(seat)
    const short = this.quota.short(worst, scopes)
    if (short !== undefined) return { model, ...short }
    const { caps, denied } = seat
    const under = caps.map(({ path }) => path as StepPath)
    const names = pools.map(({ name }) => name)
    this.quota.hold(
      { path: at, model, amount: worst, pools: names },
      scopes.map(({ path }) => path)
    )
    const data = { model, ...worst, under, ...(names.length === 0 ? {} : { pools: names }) }
    const said = { path: at, kind: "Reserved", data, payload: {} } as const
    let denial: Denial | undefined
    if (names.length === 0) this.record.life(said)
    else {
      this.record.claim(said, pools, ({ left, limit, pool, reason }) => {
        this.quota.release(at)
        const asked = reason === "Cost" ? (worst.cost ?? 0) : worst.tokens
        denial = { reason, model, scope: "", pool, asked, left, limit }
        return denied(denial)
      })
    }
    return {
      isClaim: names.length > 0,
      denial: () => denial,
      counted: (usage) => {
        const amount = actual(usage)
        if (amount === undefined) this.settle(at, worst, "refused")
        else this.settle(at, amount, "usage")
      },
      ended: (how) => this.settle(at, how === "free" ? freeOf(worst) : worst, how)
    }
  }

  private settle(at: StepPath, amount: Amount, basis: "usage" | "refused" | "failed" | "cut" | "free"): void {
    const { amount: held, pools: names } = this.quota.settle(at, amount)
    const pools = names.length === 0 ? {} : { pools: { names, held } }
    this.record.life({ path: at, kind: "Settled", data: { ...amount, basis, ...pools }, payload: {} })
  }

  /** Calls that a dead process left open: what was answered costs what it cost, the others their worst case. */
  private settleLost(history: ReadonlyArray<Entry>): void {
    for (const { amount, model, path } of this.quota.open) {
      const answered = answeredAt(history, path)
      const actual = answered === undefined ? undefined : this.costOf(model, answered)
      const isWithin =
        actual !== undefined && actual.tokens <= amount.tokens && (actual.cost ?? 0) <= (amount.cost ?? 0)
      if (isWithin) this.settle(path as StepPath, actual, "usage")
      else this.settle(path as StepPath, amount, "cut")
    }
  }

  /** What a recorded answer cost, as far as it tells. */
  private costOf(model: string, { charge, usage }: Data<"Answered">): Amount | undefined {
    if (charge !== undefined) return { cost: charge.cost, tokens: 0 }
    if (usage === undefined) return undefined
    const rate = PriceTable.priceOf(this.terms.prices, model)?.rate
    return { cost: rate === undefined ? null : Cost.ofUsage(rate, usage), tokens: Usage.total(usage) }
  }
}

const freeOf = ({ cost }: Amount): Amount => ({ cost: cost === null ? null : zero, tokens: 0 })

const answeredAt = (history: ReadonlyArray<Entry>, path: string): Data<"Answered"> | undefined => {
  for (const { event } of history) {
    if (event.kind === "Answered" && event.path === path) return event.data
  }
  return undefined
}
