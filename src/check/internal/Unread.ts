/** V-A1, V-A5 and FLJ-CHECK-14: steps that do nothing, and values that go nowhere. */
import { isWrapper, type Node, nameOf, type PassNode } from "../../pipeline/Node.js"
import { templatesOf } from "../../pipeline/Templates.js"
import type { Seen } from "../Visit.js"
import type { Find } from "./Find.js"

export interface Unread {
  readonly see: (seen: Seen) => void
  /** After the walk: who reads whom is known only then. */
  readonly end: () => void
}

export const make = (find: Find): Unread => {
  const read = new Set<string>()
  /** Steps whose answer the step after them does not take. */
  const passed: Array<{ readonly seen: Seen; readonly node: Node; readonly name: string }> = []
  const idle: Array<{ readonly seen: Seen; readonly node: PassNode }> = []
  let readsAll = false
  return {
    see: (seen) => {
      const { node } = seen
      for (const template of templatesOf(node)) {
        for (const { keys, root } of template.reads) {
          if (root !== "steps") continue
          // A name that is computed may be any.
          if (typeof keys[0] === "string") read.add(keys[0])
          else readsAll = true
        }
      }
      if (node._tag === "Input" && !takes(node.step)) {
        const [inner] = core(node.step)
        const isGiven = inner?._tag === "Skill" && inner.params !== undefined
        find("FLJ-CHECK-14", seen, `\`${nameOf(node) ?? seen.path}\` does not read its \`input\``, {
          hint: isGiven
            ? "its `params` are all that the skill is given: write what it needs there, or {{ previous_step }}, which is the input"
            : "leave the `input` out"
        })
      }
      if (node._tag !== "Sequence") return
      for (const [index, step] of node.steps.entries()) {
        // Alone in a branch it says that nothing is to be done there.
        const bare = unnoted(step)
        if (bare._tag === "Pass" && node.steps.length > 1) idle.push({ seen, node: bare })
        const next = node.steps[index + 1]
        const name = nameOf(step)
        if (next === undefined || name === undefined || !isThought(step) || takes(next)) continue
        passed.push({ seen, node: step, name })
      }
    },
    end: () => {
      if (readsAll) return
      for (const { node, seen } of idle) {
        if (read.has(node.name)) continue
        find("V-A1", seen, `the step \`${node.name}\` does nothing`, {
          node,
          hint: "name what it should do, or remove it"
        })
      }
      for (const { name, node, seen } of passed) {
        if (read.has(name)) continue
        find("V-A5", seen, `nobody reads what \`${name}\` answers`, {
          node: agentIn(node),
          hint: `read it with {{ steps.${name} }} or {{ previous_step }}, keep it with sink_to, or remove the step`
        })
      }
    }
  }
}

/** Words about a step do nothing either. */
const unnoted = (node: Node): Node => (node._tag === "Note" ? unnoted(node.step) : node)

/** What stands within wrappers. */
const core = (node: Node): ReadonlyArray<Node> =>
  isWrapper(node) ? [...core(node.step), ...(node._tag === "Fallback" ? core(node.that) : [])] : [node]

const agentIn = (node: Node): Node => core(node)[0] ?? node

/** An agent whose answer is all that comes of it. */
const isThought = (node: Node): boolean =>
  node._tag !== "Sink" && core(node).every(({ _tag }) => _tag === "Agent") && !isRead(node)

/** Kept in the context, or given to what takes the step back. */
const isRead = (node: Node): boolean =>
  node._tag === "Sink" || node._tag === "Compensate" || ("step" in node && isRead(node.step))

/** Whether a step may look at what came before it. */
const takes = (node: Node): boolean => {
  const readsPrevious = (of: Node) =>
    templatesOf(of).some(({ reads }) => reads.some(({ root }) => root === "previous_step"))
  switch (node._tag) {
    case "Input":
      return readsPrevious(node)
    case "Cached":
    case "Capped":
    case "Check":
    case "Validate":
    case "Compensate":
    case "Note":
    case "Retry":
    case "Sink":
    case "Timeout":
      return takes(node.step)
    case "Signal":
      return false
    case "Ask":
      // An approval passes on what it is given.
      return node.mode === "approve" || readsPrevious(node)
    case "Skill": {
      const { params, skill } = node
      if (params === undefined || params._tag !== "Map") return true
      const isGiven = skill.argument === undefined || params.fields.some(([name]) => name === skill.argument)
      return !isGiven || readsPrevious(node)
    }
    case "Agent":
    case "Branch":
    case "Code":
    case "Fallback":
    case "Fn":
    case "ForEach":
    case "Loop":
    case "Map":
    case "Parallel":
    case "Pass":
    case "Scope":
    case "Sequence":
    case "Sleep":
    case "States":
    case "Versioned":
    case "When":
      return true
  }
}
