/** The templates of a tree. */
import type { Template } from "../expression/Template.js"
import type { Assign, Node, Params } from "./Node.js"

/** The templates that a node itself has. */
export const templatesOf = (node: Node): ReadonlyArray<Template> => {
  switch (node._tag) {
    case "Ask":
      return "source" in node.message ? [node.message] : []
    case "Branch":
      return "source" in node.on ? [node.on] : []
    case "ForEach":
      return [
        ...(node.items === undefined ? [] : [node.items]),
        ...ofAssigns(node.init),
        ...(node.output === undefined ? [] : ofParams(node.output))
      ]
    case "Input":
      return ofParams(node.input)
    case "Loop":
      return [
        ...(node.until !== undefined && "source" in node.until ? [node.until] : []),
        ...ofAssigns(node.init),
        ...ofAssigns(node.state),
        ...(node.conversation?.template === undefined ? [] : [node.conversation.template]),
        ...(node.next === undefined ? [] : ofParams(node.next)),
        ...(node.output === undefined ? [] : ofParams(node.output))
      ]
    case "Parallel":
      return node.select !== undefined && "source" in node.select ? [node.select] : []
    case "Sleep":
      return node.until === undefined ? [] : [node.until]
    case "States":
      return node.transitions.flatMap(({ when }) => (when === undefined ? [] : [when]))
    case "Validate":
      return node.validators.flatMap((one) => (one._tag === "Holds" ? [one.template] : []))
    case "When":
      return "source" in node.on ? [node.on] : []
    case "Agent": {
      const { prompt } = node.agent
      const stops = stopsOf(node)
      if (prompt === undefined) return stops
      return [prompt.template, ...prompt.variables.flatMap(([, value]) => ofParams(value)), ...stops]
    }
    case "Skill":
      return node.params === undefined ? [] : ofParams(node.params)
    case "Check":
    case "Cached":
    case "Code":
    case "Compensate":
    case "Fallback":
    case "Capped":
    case "Fn":
    case "Map":
    case "Note":
    case "Pass":
    case "Retry":
    case "Scope":
    case "Sequence":
    case "Signal":
    case "Sink":
    case "Timeout":
    case "Versioned":
      return []
  }
}

/** What an agent's answer is held to, to be its last. */
export const stopsOf = (node: Node): ReadonlyArray<Template> =>
  node._tag === "Agent"
    ? (node.granular?.stop ?? []).flatMap((one) => (one._tag === "Holds" && "source" in one.on ? [one.on] : []))
    : []

const ofAssigns = (changes: ReadonlyArray<Assign> | undefined): ReadonlyArray<Template> =>
  (changes ?? []).flatMap(({ value }) => ofParams(value))

const ofParams = (params: Params): ReadonlyArray<Template> => {
  switch (params._tag) {
    case "Text":
      return [params.template]
    case "Value":
      return []
    case "List":
      return params.items.flatMap(ofParams)
    case "Map":
      return params.fields.flatMap(([, value]) => ofParams(value))
  }
}
