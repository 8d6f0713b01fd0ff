/** Changes of a pipeline's tree. */
import type { Node } from "../../src/pipeline/Node.js"
import * as Plan from "../../src/plan/Plan.js"

/** The same tree with `to` in the place of `from`. */
export const replaced = (value: unknown, from: object, to: object): unknown => {
  if (value === from) return to
  if (Array.isArray(value)) {
    const all = value.map((one) => replaced(one, from, to))
    return all.some((one, i) => one !== value[i]) ? all : value
  }
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  const pairs = Object.entries(value).map(([key, one]) => [key, replaced(one, from, to)] as const)
  return pairs.some(([key, one]) => one !== (value as Record<string, unknown>)[key]) ? Object.fromEntries(pairs) : value
}

export const nodesOf = (node: Node): ReadonlyArray<Node> => [node, ...Plan.children(node).flatMap(nodesOf)]
