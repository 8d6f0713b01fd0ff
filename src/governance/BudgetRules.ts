/**
 * Which limits a run has. For itself: of the rule that names its pipeline, else of the first pattern that fits, else of
 * the default; and of each rule for a label of it. Together with others: what the default says of a day, a month or all
 * time holds for all runs, what a pattern says for the runs that it is the rule of, what a label says for those that have
 * it; all of them hold at once. In a pattern `*` stands for any text, `?` for one character and `[abc]` for one of these.
 */
import { type Limits, type OnBudget, tighter } from "../domain/Budget.js"
import type { Of, Period, Shared } from "./SharedLimits.js"

export interface Rule {
  readonly limits: Limits
  readonly onBudget?: OnBudget | undefined
  readonly shared: ReadonlyArray<{ readonly per: Period; readonly limits: Limits }>
}

export interface BudgetRules {
  readonly budgetDefault: Rule | undefined
  /** In their order. */
  readonly budgets: ReadonlyArray<readonly [pattern: string, rule: Rule]>
  /** By `NAME=VALUE`. */
  readonly labelBudgets: ReadonlyArray<readonly [label: string, rule: Rule]>
}

export interface Resolved {
  readonly limits: Limits
  /** Where they were said: `budgets.pipeline[team-*]`. */
  readonly source: string
}

const limitsSomething = ({ maxCost, maxTokens }: Limits): boolean => maxCost !== undefined || maxTokens !== undefined

/** What a run may spend by itself. */
export const resolve = (rules: BudgetRules, { labels, pipeline }: Of): Resolved | undefined => {
  const own = ruleOf(rules, pipeline)
  const found = [...(own === undefined ? [] : [own]), ...ofLabels(rules, labels)].filter(([, { limits }]) =>
    limitsSomething(limits)
  )
  if (found.length === 0) return undefined
  return {
    limits: found.reduce<Limits>((all, [, { limits }]) => tighter(all, limits), {}),
    source: found.map(([source]) => source).join(" and ")
  }
}

/** What a call of it does that a limit denies: as its label says, else its pipeline's rule, else the default. */
export const onBudget = (rules: BudgetRules, { labels, pipeline }: Of): OnBudget | undefined => {
  const own = ruleOf(rules, pipeline)
  return (
    ofLabels(rules, labels).find(([, { onBudget }]) => onBudget !== undefined)?.[1].onBudget ??
    own?.[1].onBudget ??
    rules.budgetDefault?.onBudget
  )
}

/** What it shares with others. */
export const shared = (rules: BudgetRules, { labels, pipeline }: Of): ReadonlyArray<Shared> => {
  const own = ruleOf(rules, pipeline)
  const central = rules.budgetDefault === undefined ? [] : [["budgets.default", rules.budgetDefault] as const]
  const others = own === undefined || own[1] === rules.budgetDefault ? [] : [own]
  return [...central, ...others, ...ofLabels(rules, labels)].flatMap(([name, { shared }]) =>
    shared.map(({ limits, per }) => ({ name, per, limits }))
  )
}

const ruleOf = ({ budgetDefault, budgets }: BudgetRules, name: string): readonly [string, Rule] | undefined => {
  const found =
    budgets.find(([pattern]) => pattern === name) ?? budgets.find(([pattern]) => expression(pattern).test(name))
  if (found !== undefined) return [`budgets.pipeline[${found[0]}]`, found[1]]
  return budgetDefault === undefined ? undefined : ["budgets.default", budgetDefault]
}

const ofLabels = ({ labelBudgets }: BudgetRules, labels: Of["labels"]): ReadonlyArray<readonly [string, Rule]> =>
  labels.flatMap(([name, value]) => {
    const found = labelBudgets.find(([label]) => label === `${name}=${value}`)
    return found === undefined ? [] : [[`budgets.label[${found[0]}]`, found[1]] as const]
  })

const expression = (pattern: string): RegExp => {
  let source = ""
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!
    const end = char === "[" ? pattern.indexOf("]", at + 2) : -1
    if (char === "*") source += "[^]*"
    else if (char === "?") source += "[^]"
    else if (end > 0) {
      const inside = pattern.slice(at + 1, end)
      const isNegated = inside.startsWith("!")
      source += `[${isNegated ? "^" : ""}${inside.slice(isNegated ? 1 : 0).replace(/[\\\]^]/g, "\\$&")}]`
      at = end
    } else source += char.replace(/[.+^${}()|[\]\\]/g, "\\$&")
  }
  try {
    return new RegExp(`^${source}$`, "u")
  } catch {
    // `[z-a]` stands for nothing.
    return /(?!)/
  }
}
