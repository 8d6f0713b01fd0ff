/** What the project says about money, as the commands that price and run pipelines need it. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Limits, tighter } from "../../domain/Budget.js"
import type { JsonObject } from "../../domain/Json.js"
import { fromText, type NanoUsd, toUsd } from "../../domain/NanoUsd.js"
import * as BudgetRules from "../../governance/BudgetRules.js"
import * as PriceTable from "../../governance/PriceTable.js"
import * as Agent from "../../pipeline/Agent.js"
import type { Node } from "../../pipeline/Node.js"
import * as Bound from "../../plan/Bound.js"
import * as Plan from "../../plan/Plan.js"
import { excerpt, printable } from "../../redaction/Printable.js"
import { cliErrors } from "../codes/Cli.js"
import { runErrors } from "../codes/Engine.js"
import { Fault } from "../Fault.js"
import type { Workspace } from "../Workspace.js"

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

/** What a pipeline may spend here: the project's rule for its name and the flag, the smaller of each. */
export const limits = (
  { config }: Workspace,
  name: string,
  flag: NanoUsd | undefined
): { readonly limits: Limits; readonly source: string | undefined } => {
  const rule = BudgetRules.resolve(config.money, name)
  const said = flag === undefined ? rule?.source : rule === undefined ? "--budget" : `--budget and ${rule.source}`
  return { limits: tighter(rule?.limits ?? {}, flag === undefined ? {} : { maxCost: flag }), source: said }
}

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
