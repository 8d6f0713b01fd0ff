/** V-L1 and V-CF1: loops whose exit cannot be reached, and loops of very many turns. */
import * as Answer from "../../expression/Answer.js"
import { isTruthy, type Template } from "../../expression/Template.js"
import { type LoopNode, nameOf } from "../../pipeline/Node.js"
import { children } from "../../plan/Plan.js"
import type { Seen } from "../Visit.js"
import type { Find } from "./Find.js"

const turnsMax = 1_000

export const check = (seen: Seen, find: Find): void => {
  const { node } = seen
  if (node._tag !== "Loop") return
  const { until } = node
  if (until !== undefined && !("source" in until)) return
  const never = until !== undefined && isConstant(until, node, seen.writes)
  if (never && node.onMax === "fail") {
    find("V-L1", seen, "this exit does not change from turn to turn, so the loop can only fail or end at once", {
      hint: "read what the body does: previous_step, or a field that it writes",
      template: { of: until, span: { start: 0, end: until.source.length } }
    })
  }
  if ((until === undefined || never) && node.onMax === "continue" && node.max > turnsMax) {
    find("V-CF1", seen, `this loop always takes ${node.max} turns`, {
      hint: `write an exit_expression, or at most ${turnsMax} turns`
    })
  }
}

/** Whether an exit reads nothing that a turn changes. One that always holds is an exit. */
const isConstant = (until: Template, loop: LoopNode, writes: ReadonlySet<string>): boolean => {
  if (until.problems.length > 0) return false
  const answer = Answer.of(until)
  if (answer._tag === "Constant") return !isTruthy(answer.value)
  const inside = new Set<string>()
  names(loop.body, inside)
  return until.reads.every(({ keys: [key], root }) => {
    switch (root) {
      case "input":
      case "initial_prompt":
        return true
      case "steps":
        return typeof key === "string" && !inside.has(key)
      case "context":
        return typeof key === "string" && !writes.has(key)
      default:
        return false
    }
  })
}

const names = (node: LoopNode["body"], into: Set<string>): void => {
  const name = nameOf(node)
  if (name !== undefined) into.add(name)
  for (const child of children(node)) names(child, into)
}
