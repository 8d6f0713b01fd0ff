/**
 * How deep a tree is, kept while it is built from below: a node too high to stand on its children is refused, so that
 * every later walk may recurse.
 */
import { Fault } from "./Fault.js"
import { nestingMax } from "./Limits.js"
import type * as Syntax from "./Syntax.js"

/** One level above the deepest of `children`. */
export const above = (span: Syntax.Span, ...children: ReadonlyArray<Syntax.Expression | undefined>): number => {
  let depth = 0
  for (const child of children) if (child !== undefined && child.depth >= depth) depth = child.depth + 1
  if (depth > nestingMax) throw tooDeep(span)
  return depth
}

export const tooDeep = (span: Syntax.Span): Fault =>
  new Fault("Limit", `this is nested deeper than ${nestingMax} levels`, span)

/** `above` for as many children as a source can hold. */
export const deepest = (span: Syntax.Span, children: ReadonlyArray<Syntax.Expression>): number => {
  let depth = 0
  for (const child of children) depth = Math.max(depth, above(span, child))
  return depth
}
