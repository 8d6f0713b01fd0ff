/**
 * Which budget a pipeline has: the rule that names it, else the first pattern that fits, else the default, else none.
 * In a pattern `*` stands for any text, `?` for one character and `[abc]` for one of these.
 */
import type { Limits } from "../domain/Budget.js"

export interface BudgetRules {
  readonly budgetDefault: Limits | undefined
  /** In their order. */
  readonly budgets: ReadonlyArray<readonly [pattern: string, limits: Limits]>
}

export interface Resolved {
  readonly limits: Limits
  /** Where they were said: `budgets.pipeline[team-*]`. */
  readonly source: string
}

export const resolve = ({ budgetDefault, budgets }: BudgetRules, name: string): Resolved | undefined => {
  const found =
    budgets.find(([pattern]) => pattern === name) ?? budgets.find(([pattern]) => expression(pattern).test(name))
  if (found !== undefined) return { limits: found[1], source: `budgets.pipeline[${found[0]}]` }
  return budgetDefault === undefined ? undefined : { limits: budgetDefault, source: "budgets.default" }
}

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
