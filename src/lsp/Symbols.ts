/** The steps of a document as an editor's outline shows them. */
import type { Json } from "../domain/Json.js"
import type { Document } from "./Document.js"
import * as Outline from "./Outline.js"

/** In the protocol's table of symbols: what acts, and what holds others. */
const kinds = { leaf: 12, composite: 3 } as const

export const of = (document: Document): ReadonlyArray<Json> => {
  const symbol = (step: Outline.Step): Json => {
    const first = step.tree.entries[0]?.key.span ?? step.tree.span
    return {
      name: step.name?.text ?? step.kind,
      detail: step.kind,
      kind: step.children.length === 0 ? kinds.leaf : kinds.composite,
      range: document.range(step.tree.span),
      selectionRange: document.range(step.name?.span ?? first),
      children: step.children.map(symbol)
    }
  }
  return Outline.of(document.lastTree).steps.map(symbol)
}
