/**
 * `propagation` of a loop: what the next iteration is given, and where each output is kept. It makes the `next` of the loop,
 * and one more change of the context beside those of `state`.
 */
import * as Words from "../../expression/Words.js"
import type { Assign, Node } from "../../pipeline/Node.js"
import * as Step from "../../pipeline/Step.js"
import * as Decode from "../Decode.js"
import type { Env } from "../Env.js"
import * as Texts from "../Texts.js"
import type { Tree } from "../Tree.js"

export interface Read {
  /** What the next iteration is given, where that is not the last output. */
  readonly next?: Texts.Value | undefined
  readonly kept?: Assign | undefined
}

const presets = ["previous_output", "context", "auto"] as const

export const read = (env: Env, options: Decode.Fields, body: Node): Read => {
  const by = Decode.oneOf(env.report, options, ["propagation", "propagate", "iteration_input_mapper"])
  if (by === undefined) return {}
  const tree = options.value(by)!
  if (by === "iteration_input_mapper") return { next: Texts.made(env.report, tree, "`iteration_input_mapper`") }
  const what = `\`${by}\``
  const context: Texts.Value = { params: Step.params("{{ context }}"), origins: [] }
  if (tree._tag !== "Map") {
    const how = Decode.choice(env.report, tree, what, presets)
    return how === "context" || (how === "auto" && writes(body)) ? { next: context } : {}
  }
  const known = ["next_input", "field", "path", "prefix"]
  const fields = Decode.fields(env.report, tree, what, { of: what, known })
  if (fields === undefined) return {}
  const input = fields.value("next_input")
  const how = input && Decode.choice(env.report, input, "`next_input`", ["context"])
  const place = Decode.oneOf(env.report, fields, ["field", "path"])
  const prefix = fields.key("prefix")
  if (place === undefined && (prefix !== undefined || input === undefined)) {
    const at = prefix?.span ?? Decode.headOf(tree)
    env.report.add("FLJ-BLUEPRINT-16", at, `${what} does not say where outputs are kept`, {
      hint: "for instance { field: turns }; or give the next iteration the context with { next_input: context }"
    })
  }
  const kept = place === undefined ? undefined : keptAt(env, fields.value(place)!, place, fields.value("prefix"))
  return { next: how === undefined ? undefined : context, kept }
}

const name = /^[\p{L}_][\p{L}\p{N}_]*$/u

/** Each output under a key of its own: `{ loop_1: …, loop_2: … }`. */
const keptAt = (env: Env, tree: Tree, by: string, prefixTree: Tree | undefined): Assign | undefined => {
  const { report } = env
  const place = Decode.word(report, tree, `\`${by}\``)
  const prefix = prefixTree && Decode.word(report, prefixTree, "`prefix`")
  const refuse = (text: Decode.Text, wanted: string) =>
    report.add("FLJ-BLUEPRINT-19", text.span, `${Words.quoted(text.value)} is not ${wanted}`, {
      hint: "letters, digits and _, a letter first"
    })
  const start = prefix === undefined ? "loop_" : prefix.value.trim()
  const isPrefix = name.test(start)
  if (prefix !== undefined && !isPrefix) refuse(prefix, "what a key may begin with")
  if (place === undefined || (prefixTree !== undefined && prefix === undefined) || !isPrefix) return undefined
  const [field, ...keys] = place.value
    .trim()
    .replace(/^context\./, "")
    .split(".")
  if (field !== undefined && [field, ...keys].every((key) => name.test(key))) {
    const value = Step.params(`{{ {'${start}' ~ (index + 1): previous_step} }}`)
    return { op: "merge", path: [field, ...keys], value }
  }
  refuse(place, "a place in the context")
  return undefined
}

/** Whether a body writes into the context of the loop. */
const writes = (node: Node): boolean => {
  switch (node._tag) {
    case "Sink":
      return true
    case "Sequence":
      return node.steps.some(writes)
    case "Parallel":
      return node.merge !== "no_merge" && node.branches.some(([, branch]) => writes(branch))
    case "Branch":
      return node.cases.some(([, branch]) => writes(branch)) || (node.otherwise !== undefined && writes(node.otherwise))
    case "States":
      return node.states.some(([, state]) => writes(state))
    case "Loop":
      return node.init !== undefined || node.state !== undefined || writes(node.body)
    case "ForEach":
      return node.init !== undefined || (node.merge !== "no_merge" && writes(node.body))
    case "Fallback":
      return writes(node.step) || writes(node.that)
    case "Scope":
      return node.pipeline === undefined ? writes(node.step) : (node.pipeline.outputs ?? []).length > 0
    case "Retry":
    case "Timeout":
    case "Compensate":
    case "Cached":
    case "Capped":
    case "Map":
    case "Input":
    case "When":
    case "Versioned":
    case "Check":
    case "Validate":
    case "Note":
      return writes(node.step)
    default:
      return false
  }
}
