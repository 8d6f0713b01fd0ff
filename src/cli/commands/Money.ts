/** What the project says about money, as the commands that price and run pipelines need it. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { type Limits, type OnBudget, tighter } from "../../domain/Budget.js"
import type { JsonObject } from "../../domain/Json.js"
import { format, fromBigInt, fromText, type NanoUsd, sum, toUsd } from "../../domain/NanoUsd.js"
import * as Pool from "../../domain/Pool.js"
import * as BudgetRules from "../../governance/BudgetRules.js"
import * as PriceTable from "../../governance/PriceTable.js"
import { type Of, pools, SharedLimits } from "../../governance/SharedLimits.js"
import type { PoolRow } from "../../journal/Journal.js"
import * as Agent from "../../pipeline/Agent.js"
import type { Node } from "../../pipeline/Node.js"
import * as Bound from "../../plan/Bound.js"
import * as Plan from "../../plan/Plan.js"
import { excerpt, printable } from "../../redaction/Printable.js"
import { cliErrors } from "../codes/Cli.js"
import { runErrors } from "../codes/Engine.js"
import { Fault } from "../Fault.js"
import { history, type Opening, type Workspace } from "../Workspace.js"

/** The shipped prices, with the project's own before them. */
export const prices = ({ config }: Workspace): PriceTable.PriceTable =>
  PriceTable.override(PriceTable.shipped, {
    ceiling: config.money.ceiling ?? null,
    rows: config.money.prices.map(({ cachedInput, context, input, model, output, reasoning }) => ({
      model,
      kind: "chat",
      rate: { input, cachedInput, output, reasoning },
      ...(context === undefined ? {} : { context }),
      source: "flujo.toml",
      date: PriceTable.shipped.date
    }))
  })

/** What a run may spend here: the project's rules for its pipeline and its labels, and the flag, the smallest of each. */
export const limits = (
  { config }: Workspace,
  run: Of,
  flag: NanoUsd | undefined
): { readonly limits: Limits; readonly source: string | undefined; readonly onBudget: OnBudget | undefined } => {
  const rule = BudgetRules.resolve(config.money, run)
  const said = flag === undefined ? rule?.source : rule === undefined ? "--budget" : `--budget and ${rule.source}`
  return {
    limits: tighter(rule?.limits ?? {}, flag === undefined ? {} : { maxCost: flag }),
    source: said,
    onBudget: BudgetRules.onBudget(config.money, run)
  }
}

/** What runs share here, whoever drives them, and what models cost that no run has pinned. */
export const layer = (workspace: Workspace): Layer.Layer<never> =>
  Layer.merge(
    Layer.succeed(SharedLimits, (run) => BudgetRules.shared(workspace.config.money, run)),
    Layer.succeed(PriceTable.Prices, prices(workspace))
  )

/** An amount that somebody typed. */
export const amount = (flag: string, given: Option.Option<string>): Effect.Effect<NanoUsd | undefined, Fault> =>
  Option.match(given, {
    onNone: () => Effect.succeed(undefined),
    onSome: (text) =>
      Effect.mapError(
        fromText(text),
        (why) => new Fault({ ...cliErrors.BadValue, text: `--${flag} ${JSON.stringify(excerpt(text, 60))}: ${why}` })
      )
  })

/** With `[cost] strict`, a pipeline that asks a model without a price does not start, budget or not. */
export const strict = (workspace: Workspace, root: Node): Effect.Effect<void, Fault> => {
  if (!workspace.config.money.strict) return Effect.void
  const table = prices(workspace)
  const unpriced = [...models(root)].find((model) => PriceTable.priceOf(table, model) === undefined)
  return unpriced === undefined
    ? Effect.void
    : Effect.fail(
        new Fault({
          ...runErrors.Budget,
          text: `no price is known for ${unpriced}, and [cost] strict wants to know every price`,
          hint: "say it under [cost.providers] in flujo.toml"
        })
      )
}

/** Each model that an agent of the tree asks, once. */
export const models = (root: Node): ReadonlySet<string> => {
  const found = new Set<string>()
  const visit = (node: Node): void => {
    if (node._tag === "Agent") for (const model of Agent.modelsOf(node.agent)) found.add(model)
    for (const child of Plan.children(node)) visit(child)
  }
  visit(root)
  return found
}

export interface Standing {
  readonly pool: Pool.Pool
  /** Undefined: nothing was taken of it. */
  readonly row: PoolRow | undefined
}

/** The limits that a run would share now, and what is taken of them, as far as the state tells. */
export const standings = (workspace: Workspace, run: Of): Effect.Effect<ReadonlyArray<Standing>, never, Opening> =>
  Effect.gen(function* () {
    const shared = pools(BudgetRules.shared(workspace.config.money, run), yield* Clock.currentTimeMillis)
    if (shared.length === 0) return []
    const rows = yield* history(workspace, "read").pipe(
      Effect.flatMap((journal) => journal.pools(shared.map(({ name }) => name))),
      Effect.orElseSucceed(() => [])
    )
    return shared.map((pool) => ({ pool, row: rows.find(({ pool: name }) => name === pool.name) }))
  })

/** Why a pipeline does not start: it may cost more than it may spend, or than what is left of what it shares. */
export const excess = (bound: Bound.Bound, limits: Limits, shared: ReadonlyArray<Standing>): string | undefined => {
  const own = Bound.excess(bound, limits)
  if (own !== undefined) return own
  for (const { pool, row } of shared) {
    const over = Bound.excess(bound, Pool.remaining(pool.limits, row ?? Pool.nothing))
    if (over !== undefined) return `${over} (that is what ${pool.name} has left)`
  }
  return undefined
}

const nano = (amount: bigint): NanoUsd => fromBigInt(amount < 0n ? 0n : amount)

const usdOf = (amount: bigint): string => toUsd(nano(amount))

export const standingJson = ({ pool: { limits, name }, row }: Standing): JsonObject => {
  const { maxCost, maxTokens } = limits
  const share = row ?? Pool.nothing
  return {
    name,
    total_cost_usd_limit: maxCost === undefined ? null : toUsd(maxCost),
    total_tokens_limit: maxTokens ?? null,
    spent_cost_usd: usdOf(share.spentCost),
    spent_tokens: Number(share.spentTokens),
    held_cost_usd: usdOf(share.heldCost),
    held_tokens: Number(share.heldTokens),
    granted_cost_usd: usdOf(share.grantedCost),
    granted_tokens: Number(share.grantedTokens)
  }
}

export const standingLine = ({ pool: { limits, name }, row }: Standing): string => {
  const share = row ?? Pool.nothing
  const { maxCost, maxTokens } = Pool.remaining(limits, share)
  const left = [
    ...(maxCost === undefined
      ? []
      : [`${format(maxCost)} of ${format(sum([limits.maxCost!, nano(share.grantedCost)]))} left`]),
    ...(maxTokens === undefined
      ? []
      : [`${maxTokens} of ${(limits.maxTokens ?? 0) + Number(share.grantedTokens)} tokens left`])
  ]
  return `  ${name}  ${left.join(", ")}`
}

export const boundJson = (bound: Bound.Bound): JsonObject => ({
  cost: bound.cost === undefined ? null : toUsd(bound.cost),
  tokens: bound.tokens ?? null,
  calls: { least: bound.calls.least, most: bound.calls.most ?? null },
  because: bound.because.map(({ of, path, why }) => ({ path, of, why }))
})

export const boundLines = (bound: Bound.Bound): ReadonlyArray<string> => {
  const { calls, tokens } = bound
  const count =
    calls.most === undefined
      ? `at least ${calls.least}`
      : calls.least === calls.most
        ? String(calls.most)
        : `${calls.least} to ${calls.most}`
  const used = tokens === undefined ? "any number of tokens" : `at most ${tokens} tokens`
  return [
    `This pipeline costs ${printable(Bound.words(bound))}.`,
    `  ${count} model ${calls.most === 1 ? "call" : "calls"}, ${used}`
  ]
}
