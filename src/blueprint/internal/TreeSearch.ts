/** `kind: tree_search`: a proposer and an evaluator look for the best candidate. */
import type { Node } from "../../pipeline/Node.js"
import * as TreeSearch from "../../pipeline/TreeSearch.js"
import * as Decode from "../Decode.js"
import { type Draft, type Env, hole, placed } from "../Env.js"
import type { Tree } from "../Tree.js"
import * as Leaves from "./Leaves.js"

export const treeSearchKeys = [
  "proposer",
  "evaluator",
  "branching_factor",
  "beam_width",
  "max_depth",
  "max_iterations",
  "path_max_tokens",
  "goal_score_threshold",
  "require_goal"
]

export const treeSearch = (env: Env, draft: Draft): Node => {
  const { report } = env
  const { fields } = draft
  const asked = (name: "proposer" | "evaluator", hint: string): Node | undefined => {
    const tree = Decode.required(report, fields, name, { at: draft.origin.head, of: "a tree_search", hint })
    return tree && whoOf(env, { ...draft, name, given: name }, tree)
  }
  const proposer = asked("proposer", "an agent, or a step, that lists candidates: agents.NAME")
  const evaluator = asked("evaluator", "an agent, or a step, that scores one: agents.NAME")
  const { limits } = TreeSearch
  const branching = Decode.limit(report, fields, "branching_factor", limits.branching)
  const beam = Decode.limit(report, fields, "beam_width", limits.beam)
  const depth = Decode.limit(report, fields, "max_depth", limits.depth)
  const max = Decode.limit(report, fields, "max_iterations", 100_000)
  const tokens = fields.value("path_max_tokens")
  const pathTokens = tokens && Decode.integer(report, tokens, "`path_max_tokens`", { min: 200, max: 100_000 })
  const threshold = fields.value("goal_score_threshold")
  const goal = threshold && Decode.number(report, threshold, "`goal_score_threshold`", { min: 0, max: 1 })
  const require = fields.value("require_goal")
  const requireGoal = require && Decode.boolean(report, require, "`require_goal`")
  if (proposer === undefined || evaluator === undefined) return hole(env, draft)
  const { defaults } = TreeSearch
  const node = TreeSearch.node(draft.name, {
    proposer,
    evaluator,
    branching: branching ?? defaults.branching,
    beam: beam ?? defaults.beam,
    depth: depth ?? defaults.depth,
    max,
    pathTokens: pathTokens ?? defaults.pathTokens,
    goal: goal ?? defaults.goal,
    requireGoal: requireGoal ?? false
  })
  placeAll(env, draft, node, new Set([proposer, evaluator]))
  return node
}

/** What the search is made of stands where it is written; not so what is written itself. */
const placeAll = (env: Env, draft: Draft, node: Node, written: ReadonlySet<Node>): void => {
  if (written.has(node)) return
  placed(env, draft, node)
  if ("step" in node) placeAll(env, draft, node.step, written)
  if ("body" in node) placeAll(env, draft, node.body, written)
  if (node._tag === "Sequence") for (const step of node.steps) placeAll(env, draft, step, written)
}

/** `agents.NAME`, `{ id: … }` as under `agent`, a step, or a list of steps. */
const whoOf = (env: Env, draft: Draft, tree: Tree): Node | undefined => {
  if (tree._tag === "Map" && tree.entries.some(({ key }) => key.text === "id"))
    return Leaves.reference(env, draft, tree)
  if (tree._tag !== "Scalar") return env.body(tree)
  const text = Decode.word(env.report, tree, `\`${draft.name}\``)
  return text && Leaves.agent(env, draft, text)
}
