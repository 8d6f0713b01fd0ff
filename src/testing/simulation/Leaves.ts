/** A tree with something else in the place of its leaves; everything around them stays what it is, and so does its plan. */
import type { AgentNode, CodeNode, Conversation, Node, SignalNode, SkillNode, Validator } from "../../pipeline/Node.js"

/** What is answered from outside, one way or another. */
export type Leaf = AgentNode | CodeNode | SignalNode | SkillNode

export const map = (node: Node, leaf: (leaf: Leaf) => Leaf): Node => {
  const go = (one: Node): Node => map(one, leaf)
  const pairs = (all: ReadonlyArray<readonly [string, Node]>) => all.map(([name, one]) => [name, go(one)] as const)
  /** A step that decides, beside functions and templates that do. */
  const decider = <A>(on: A | { readonly step: Node }): A =>
    (typeof on === "object" && on !== null && "step" in on ? { ...on, step: go(on.step) } : on) as A
  switch (node._tag) {
    case "Code":
    case "Agent":
    case "Signal":
    case "Skill":
      return leaf(node)
    case "Fn":
    case "Pass":
    case "Ask":
    case "Sleep":
      return node
    case "Sequence":
      return { ...node, steps: node.steps.map(go) }
    case "Parallel":
      return { ...node, branches: pairs(node.branches), select: decider(node.select) }
    case "Branch":
      return {
        ...node,
        on: decider(node.on),
        cases: pairs(node.cases),
        otherwise: node.otherwise === undefined ? undefined : go(node.otherwise)
      }
    case "Loop":
      return {
        ...node,
        body: go(node.body),
        until: decider(node.until),
        conversation: summarized(node.conversation, go)
      }
    case "ForEach":
      return { ...node, body: go(node.body) }
    case "States":
      return { ...node, states: pairs(node.states) }
    case "Fallback":
      return { ...node, step: go(node.step), that: go(node.that) }
    case "Compensate":
      return { ...node, step: go(node.step), undo: go(node.undo) }
    case "Validate":
      return {
        ...node,
        step: go(node.step),
        validators: node.validators.map(
          (one): Validator => (one._tag === "Judge" ? { ...one, step: go(one.step) } : one)
        )
      }
    case "Retry":
    case "Timeout":
    case "Cached":
    case "Map":
    case "Input":
    case "Sink":
    case "When":
    case "Versioned":
    case "Check":
    case "Note":
    case "Capped":
    case "Scope":
      return { ...node, step: go(node.step) }
  }
}

/** A conversation may have a step that tells in short what was said. */
const summarized = (of: Conversation | undefined, go: (node: Node) => Node): Conversation | undefined =>
  of?.history._tag === "Summarize"
    ? { ...of, history: { ...of.history, by: { ...of.history.by, step: go(of.history.by.step) } } }
    : of

/** All leaves, in the order in which they stand. */
export const of = (node: Node): ReadonlyArray<Leaf> => {
  const found: Array<Leaf> = []
  map(node, (leaf) => {
    found.push(leaf)
    return leaf
  })
  return found
}
