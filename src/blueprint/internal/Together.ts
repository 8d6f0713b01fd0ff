/** Several nodes that one kind of step stands for: they are written as that, and not each by itself. */
import * as Json from "../../domain/Json.js"
import type { Template } from "../../expression/Template.js"
import type { InputNode, LoopNode, Node, Params } from "../../pipeline/Node.js"
import * as Refine from "../../pipeline/Refine.js"
import * as TreeSearch from "../../pipeline/TreeSearch.js"

export const isAny = (schema: Json.Json): boolean => Json.isObject(schema) && Object.keys(schema).length === 0

export interface Expiry {
  readonly node: Extract<Node, { readonly _tag: "Ask" | "Signal" }>
  readonly expires: number | undefined
  /** What is answered then. */
  readonly instead: Params | undefined
  readonly isChecked: boolean
}

/** A question or a signal with a deadline of its own. */
export const expiryOf = (node: Node): Expiry | undefined => {
  if (node._tag === "Timeout" && (node.step._tag === "Ask" || node.step._tag === "Signal")) {
    return { node: node.step, expires: node.millis, instead: undefined, isChecked: false }
  }
  if (node._tag !== "Fallback") return undefined
  const timed = expiryOf(node.step)
  const { that } = node
  const isChecked = that._tag === "Check" && that.input === undefined && that.output !== undefined
  const given = isChecked ? that.step : that
  if (timed === undefined || timed.instead !== undefined || given._tag !== "Input") return undefined
  if (given.step._tag !== "Pass" || given.step.name !== "expired") return undefined
  const wanted = timed.node._tag === "Ask" ? timed.node.answer : timed.node.data
  if (isChecked && that.output !== wanted) return undefined
  if (!isChecked && !isAny(wanted.jsonSchema)) return undefined
  if (timed.node._tag === "Ask" && timed.node.mode === "approve") return undefined
  return { ...timed, instead: given.input, isChecked }
}

export interface RefineParts {
  readonly loop: LoopNode
  readonly generator: Node
  readonly critic: Node
  readonly until: Template
}

/** The parts of what `Refine.node` made. */
export const refineOf = (node: Node): RefineParts | undefined => {
  if (node._tag !== "Input" || node.step._tag !== "Loop") return undefined
  const loop = node.step
  const { body, until } = loop
  const [, generate, critique] = body._tag === "Sequence" ? body.steps : []
  if (until === undefined || !("source" in until)) return undefined
  if (generate?._tag !== "Scope" || critique?._tag !== "Scope") return undefined
  const generator = generate.step
  const critic = critique.step
  const made = Refine.node(loop.name, { generator, critic, until, max: loop.max, onMax: loop.onMax })
  return Refine.isSame(made, node) ? { loop, generator, critic, until } : undefined
}

/** A loop whose own key gives it its first input, as there is another key for that around it. */
export const isMapped = (node: Node): node is InputNode & { readonly step: LoopNode } =>
  node._tag === "Input" && node.step._tag === "Loop"

/** What is read as a whole, and not as what stands around a step. */
export const isSpecial = (node: Node): boolean =>
  refineOf(node) !== undefined || expiryOf(node) !== undefined || TreeSearch.optionsOf(node) !== undefined
