/**
 * The running balance of one run: what was spent and what is set aside, for the run and for each step with limits of its
 * own. It is folded from the run's entries and moves with them: whoever moves it writes the entry in the same step.
 * `settled + reserved` never exceeds a limit. Sums are `bigint`, so nothing is ever too large to be exact.
 */
import type { Amount, Limits } from "../domain/Budget.js"
import type { Entry } from "../domain/Event.js"
import type { Grant } from "../domain/Grant.js"
import { fromBigInt } from "../domain/NanoUsd.js"

/** Whose limits: a step's standing path, or the empty path for the run. */
export interface Scope {
  readonly path: string
  readonly limits: Limits
}

export interface Short {
  readonly reason: "Cost" | "Tokens"
  readonly scope: string
  readonly asked: number
  readonly left: number
  readonly limit: number
}

interface Balance {
  settledCost: bigint
  settledTokens: bigint
  heldCost: bigint
  heldTokens: bigint
  /** What people allowed beyond the limits of the scope. */
  grantedCost: bigint
  grantedTokens: bigint
}

/** A reservation that was not settled. */
export interface Open {
  readonly path: string
  readonly model: string
  readonly amount: Amount
  /** Limits shared with other runs that it counts for. */
  readonly pools: ReadonlyArray<string>
}

export class Quota {
  private readonly balances = new Map<string, Balance>()
  private readonly holds = new Map<string, Open & { readonly scopes: ReadonlyArray<string> }>()

  /** The balance that `entries` leave, calls in flight among them. */
  static of(entries: ReadonlyArray<Entry>): Quota {
    const quota = new Quota()
    for (const { event } of entries) {
      if (event.kind === "Reserved") {
        const { cost, model, pools = [], tokens, under } = event.data
        quota.hold({ path: event.path, model, amount: { cost, tokens }, pools }, ["", ...under])
      } else if (event.kind === "Settled") quota.settle(event.path, event.data)
      else if (event.kind === "Granted") quota.grant(event.data)
    }
    return quota
  }

  /** The first of `scopes` that `amount` is too much for; its cost comes before its tokens. */
  short(amount: Amount, scopes: ReadonlyArray<Scope>): Short | undefined {
    for (const { limits, path } of scopes) {
      const balance = this.balances.get(path) ?? nothing
      const { maxCost, maxTokens } = limits
      const spent = balance.settledCost + balance.heldCost
      const costMax = maxCost === undefined ? undefined : BigInt(maxCost) + balance.grantedCost
      if (costMax !== undefined && amount.cost !== null && spent + BigInt(amount.cost) > costMax) {
        const left = fromBigInt(costMax - spent)
        return { reason: "Cost", scope: path, asked: amount.cost, left, limit: fromBigInt(costMax) }
      }
      const used = balance.settledTokens + balance.heldTokens
      const tokensMax = maxTokens === undefined ? undefined : BigInt(maxTokens) + balance.grantedTokens
      if (tokensMax !== undefined && used + BigInt(amount.tokens) > tokensMax) {
        const left = fromBigInt(tokensMax - used)
        return { reason: "Tokens", scope: path, asked: amount.tokens, left, limit: fromBigInt(tokensMax) }
      }
    }
    return undefined
  }

  /** What a scope may spend beyond its limits. What is allowed of a pool, the store keeps. */
  grant({ cost, pool, scope, tokens }: Grant): void {
    if (pool !== undefined) return
    const balance = this.balanceOf(scope)
    balance.grantedCost += BigInt(cost)
    balance.grantedTokens += BigInt(tokens)
  }

  /** What was allowed beyond the limits of a scope. */
  granted(scope: string): { readonly cost: bigint; readonly tokens: bigint } {
    const { grantedCost, grantedTokens } = this.balances.get(scope) ?? nothing
    return { cost: grantedCost, tokens: grantedTokens }
  }

  /** Sets an amount aside for the call at a path that has nothing set aside. */
  hold(open: Open, scopes: ReadonlyArray<string>): void {
    const { amount, path } = open
    if (this.holds.has(path)) throw new Error(`two reservations are open at ${path}`)
    this.holds.set(path, { ...open, scopes })
    for (const scope of scopes) {
      const balance = this.balanceOf(scope)
      balance.heldCost += BigInt(amount.cost ?? 0)
      balance.heldTokens += BigInt(amount.tokens)
    }
  }

  /** Gives back what was set aside for the call at `path`, and counts `actual`, which is no more. Answers what it was. */
  settle(path: string, actual: Amount): Open {
    const hold = this.holds.get(path)
    if (hold === undefined) throw new Error(`nothing is reserved at ${path}`)
    this.holds.delete(path)
    for (const scope of hold.scopes) {
      const balance = this.balanceOf(scope)
      balance.heldCost -= BigInt(hold.amount.cost ?? 0)
      balance.heldTokens -= BigInt(hold.amount.tokens)
      balance.settledCost += BigInt(actual.cost ?? 0)
      balance.settledTokens += BigInt(actual.tokens)
    }
    return hold
  }

  /** As if nothing had been set aside for the call at `path`: the store did not write that it was. */
  release(path: string): void {
    const hold = this.holds.get(path)
    if (hold === undefined) throw new Error(`nothing is reserved at ${path}`)
    this.holds.delete(path)
    for (const scope of hold.scopes) {
      const balance = this.balanceOf(scope)
      balance.heldCost -= BigInt(hold.amount.cost ?? 0)
      balance.heldTokens -= BigInt(hold.amount.tokens)
    }
  }

  /** Reservations of calls that have not been settled. */
  get open(): ReadonlyArray<Open> {
    return [...this.holds.values()]
  }

  /** Spent and set aside together, of one scope. */
  total(scope: string): { readonly cost: bigint; readonly tokens: bigint } {
    const { heldCost, heldTokens, settledCost, settledTokens } = this.balances.get(scope) ?? nothing
    return { cost: settledCost + heldCost, tokens: settledTokens + heldTokens }
  }

  private balanceOf(scope: string): Balance {
    let balance = this.balances.get(scope)
    if (balance === undefined) {
      balance = { ...nothing }
      this.balances.set(scope, balance)
    }
    return balance
  }
}

const nothing: Balance = {
  settledCost: 0n,
  settledTokens: 0n,
  heldCost: 0n,
  heldTokens: 0n,
  grantedCost: 0n,
  grantedTokens: 0n
}
