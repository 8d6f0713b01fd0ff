/** `usage_limits`: what a step may spend. Dollars are read as they are written, never as a floating-point number. */
import * as Either from "effect/Either"
import type { Limits } from "../domain/Budget.js"
import * as NanoUsd from "../domain/NanoUsd.js"
import * as Decode from "./Decode.js"
import type { Report } from "./Diagnostics.js"
import type { Tree } from "./Tree.js"

const known = ["total_cost_usd_limit", "total_tokens_limit"]

export const read = (report: Report, tree: Tree): Limits | undefined => {
  const before = report.found.length
  const fields = Decode.fields(report, tree, "`usage_limits`", { of: "`usage_limits`", known })
  if (fields === undefined) return undefined
  const cost = fields.value("total_cost_usd_limit")
  const maxCost = cost === undefined ? undefined : dollars(report, cost)
  const tokens = fields.value("total_tokens_limit")
  const maxTokens =
    tokens === undefined
      ? undefined
      : Decode.integer(report, tokens, "`total_tokens_limit`", { min: 0, max: Number.MAX_SAFE_INTEGER })
  if (report.found.length > before) return undefined
  if (maxCost === undefined && maxTokens === undefined) {
    report.add("FLJ-BLUEPRINT-19", tree.span, "`usage_limits` limits nothing", {
      hint: "say total_cost_usd_limit, total_tokens_limit or both"
    })
    return undefined
  }
  return { ...(maxCost === undefined ? {} : { maxCost }), ...(maxTokens === undefined ? {} : { maxTokens }) }
}

const dollars = (report: Report, tree: Tree): NanoUsd.NanoUsd | undefined => {
  if (tree._tag === "Broken") return undefined
  const what = "`total_cost_usd_limit`"
  if (tree._tag !== "Scalar" || typeof tree.value === "boolean" || tree.value === null) {
    report.add("FLJ-BLUEPRINT-17", tree.span, `${what} must be an amount of dollars`, { hint: "for instance 0.50" })
    return undefined
  }
  const amount = NanoUsd.fromText(tree.text)
  if (Either.isRight(amount)) return amount.right
  report.add("FLJ-BLUEPRINT-19", tree.span, `${what}: ${amount.left}`, { hint: "for instance 0.50" })
  return undefined
}
