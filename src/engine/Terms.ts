/**
 * Under which terms a run spends: what it was started with, which its journal keeps, and what it shares with others. Here
 * stands the rule of the start: under a strict budget nothing starts whose worst case may be too much.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Budget } from "../domain/Budget.js"
import type { Entry, EventOf } from "../domain/Event.js"
import * as Json from "../domain/Json.js"
import * as Pool from "../domain/Pool.js"
import type { RunId } from "../domain/RunId.js"
import * as PriceTable from "../governance/PriceTable.js"
import * as SharedLimits from "../governance/SharedLimits.js"
import type { Journal, OwnedRun } from "../journal/Journal.js"
import type { Pipeline } from "../pipeline/Pipeline.js"
import * as Bound from "../plan/Bound.js"
import { Record } from "./Record.js"
import { RunError } from "./RunError.js"
import { Spending, type Terms } from "./Spending.js"
import { hasCaps } from "./Upgrade.js"

/** What the run may spend, and at which prices; `undefined` where neither it nor any of its steps has a limit. */
export const start = (
  journal: Journal["Type"],
  pipeline: Pipeline.Any,
  input: Json.Json | undefined,
  budget: Budget | undefined,
  labels: SharedLimits.Of["labels"]
): Effect.Effect<Terms | undefined, RunError> =>
  Effect.gen(function* () {
    const { maxCost, maxTokens, mode = "strict" } = budget ?? {}
    const shared = (yield* SharedLimits.SharedLimits)({ pipeline: pipeline.name, labels })
    const isLimited = maxCost !== undefined || maxTokens !== undefined || shared.length > 0
    if (!isLimited && !hasCaps(pipeline.root)) return undefined
    const prices = yield* PriceTable.Prices
    const text = input === undefined ? "null" : typeof input === "string" ? input : Json.canonical(input)
    if (isLimited && mode === "strict") {
      const bound = Bound.make(pipeline, prices, { inputBytes: Buffer.byteLength(text) })
      const detail = Bound.excess(bound, { maxCost, maxTokens }) ?? (yield* overdraft(journal, bound, shared))
      if (detail !== undefined) {
        const hint =
          "allow more, limit its steps, or run it in mode reserve: then it stops at the call that is too much"
        return yield* new RunError({ reason: "Budget", run: "", path: "", detail, hint })
      }
    }
    const kept = { maxCost: maxCost ?? null, maxTokens: maxTokens ?? null, prices: PriceTable.digest(prices) }
    const policy = budget?.onBudget === undefined ? {} : { onBudget: budget.onBudget }
    return { prices, shared, budget: { ...kept, ...policy, mode: isLimited ? mode : "reserve" } }
  })

/** Whether the worst case is more than what a shared limit has left now; others may yet take of it. */
const overdraft = (
  journal: Journal["Type"],
  bound: Bound.Bound,
  shared: ReadonlyArray<SharedLimits.Shared>
): Effect.Effect<string | undefined, RunError> =>
  Effect.gen(function* () {
    if (shared.length === 0) return undefined
    const pools = SharedLimits.pools(shared, yield* Clock.currentTimeMillis)
    const rows = yield* Effect.mapError(
      journal.pools(pools.map(({ name }) => name)),
      ({ message }) => new RunError({ reason: "Journal", run: "", path: "", detail: message })
    )
    for (const { limits, name } of pools) {
      const row = rows.find(({ pool }) => pool === name) ?? Pool.nothing
      const detail = Bound.excess(bound, Pool.remaining(limits, row))
      if (detail !== undefined) return `${detail} (that is what ${name} has left)`
    }
    return undefined
  })

/** As the run was started, whatever the prices are now; what it shares with others, as it is now. */
export const kept = (
  runId: RunId,
  { data, payload }: EventOf<"RunStarted">,
  history: ReadonlyArray<Entry>
): Effect.Effect<Terms | undefined, RunError> =>
  Effect.gen(function* () {
    const { budget, labels, pipeline } = data
    const shared = (yield* SharedLimits.SharedLimits)({ pipeline, labels })
    if (budget === undefined) {
      // Nothing limited it when it was started; what was reserved since is settled all the same.
      if (shared.length === 0 && !history.some(({ event }) => event.kind === "Reserved")) return undefined
      const now = yield* PriceTable.Prices
      const none = { maxCost: null, maxTokens: null, mode: "reserve" as const }
      return { prices: now, shared, budget: { ...none, prices: PriceTable.digest(now) } }
    }
    const prices = PriceTable.fromJson(payload.prices ?? null)
    if (Either.isRight(prices) && PriceTable.digest(prices.right) === budget.prices) {
      return { budget, prices: prices.right, shared }
    }
    return yield* new RunError({
      reason: "Journal",
      run: runId,
      path: "",
      detail: "the prices that the run was started with are not what its journal keeps"
    })
  })

/** Nothing stays reserved in a run that nobody takes up. */
export const settleLost = (
  journal: Journal["Type"],
  owned: OwnedRun,
  history: ReadonlyArray<Entry>
): Effect.Effect<void, RunError> =>
  Effect.gen(function* () {
    const first = history[0]?.event
    if (first?.kind !== "RunStarted") return
    const terms = yield* kept(owned.run, first, history)
    if (terms === undefined) return
    const record = new Record({ _tag: "Live", journal, owned }, yield* Effect.clock, history)
    new Spending(record, terms, history)
  })
