/** `kind: conditional`, `parallel` and `dynamic_router`: steps that go one or several ways. */
import type { Span, Template } from "../../expression/Template.js"
import type { Decider, Node, ParallelNode } from "../../pipeline/Node.js"
import * as Decode from "../Decode.js"
import { type Draft, type Env, hole, placed } from "../Env.js"
import type { Text } from "../Origins.js"
import * as Texts from "../Texts.js"
import type { Tree } from "../Tree.js"
import * as Leaves from "./Leaves.js"

export const conditionalKeys = ["condition", "condition_expression", "branches", "default_branch"]

export const conditional = (env: Env, draft: Draft): Node => {
  const { fields } = draft
  const by = Decode.oneOf(env.report, fields, ["condition", "condition_expression"])
  const condition = by === undefined ? undefined : decider(env, draft, fields.value(by)!, by)
  if (by === undefined && !fields.meant.has("condition_expression")) {
    Decode.required(env.report, fields, "condition", {
      at: draft.origin.head,
      of: "a conditional",
      hint: "for instance condition: \"{{ previous_step.severity == 'high' }}\""
    })
  }
  const otherwise = fields.value("default_branch")
  const branches = branchesOf(env, draft, "a conditional", "true and false, or what the condition answers")
  const rest = otherwise === undefined ? undefined : env.body(otherwise)
  if (condition === undefined || branches === undefined) return hole(env, draft)
  return placed(
    env,
    draft,
    { _tag: "Branch", name: draft.name, on: condition.on, cases: branches.nodes, otherwise: rest },
    { texts: condition.texts, branches: branches.spans }
  )
}

const optionKeys = [
  "concurrency",
  "merge_strategy",
  "on_branch_failure",
  "context_include_keys",
  "field_mapping",
  "reduce"
]

export const parallelKeys = ["branches", ...optionKeys]

export const parallel = (env: Env, draft: Draft): Node => {
  const options = optionsOf(env, draft)
  const branches = branchesOf(env, draft, "a parallel", "names, each with a step or a list of steps")
  if (branches === undefined) return hole(env, draft)
  return placed(
    env,
    draft,
    { _tag: "Parallel", name: draft.given, branches: branches.nodes, ...options },
    { branches: branches.spans }
  )
}

export const mergeStrategies = ["context_update", "overwrite", "keep_first", "no_merge", "error_on_conflict"] as const

/** `error_on_conflict` is what holds where no strategy is named. */
export const mergeOf = (strategy: (typeof mergeStrategies)[number] | undefined): ParallelNode["merge"] =>
  strategy === "context_update" ? "update" : strategy === "error_on_conflict" ? undefined : strategy

const reduces = ["keys", "values", "union", "concat", "first", "last", "majority_vote", "code_consensus"] as const

const optionsOf = (env: Env, { fields }: Draft): Omit<ParallelNode, "_tag" | "name" | "branches"> => {
  const choice = <const A extends string>(name: string, choices: ReadonlyArray<A>): A | undefined => {
    const tree = fields.value(name)
    return tree === undefined ? undefined : Decode.choice(env.report, tree, `\`${name}\``, choices)
  }
  const include = fields.value("context_include_keys")
  const mapping = fields.value("field_mapping")
  const byBranch = mapping === undefined ? undefined : Decode.map(env.report, mapping, "`field_mapping`")
  return {
    concurrency: Decode.limit(env.report, fields, "concurrency", 1024) ?? 16,
    merge: mergeOf(choice("merge_strategy", mergeStrategies)),
    onFailure: choice("on_branch_failure", ["propagate", "ignore"]) === "ignore" ? "ignore" : undefined,
    include: include === undefined ? undefined : names(env, include, "`context_include_keys`"),
    fields: byBranch?.entries.map(
      ({ key, value }) => [key.text, names(env, value, `\`field_mapping.${key.text}\``)] as const
    ),
    reduce: choice("reduce", reduces)
  }
}

/** Fields of the context. */
export const names = (env: Env, tree: Tree, what: string): ReadonlyArray<string> => {
  if (tree._tag !== "List") {
    if (tree._tag !== "Broken") {
      env.report.add("FLJ-BLUEPRINT-17", tree.span, `${what} must be a list of fields of the context`, {
        hint: "for instance [topic, summary]"
      })
    }
    return []
  }
  return tree.items.flatMap((item) => Decode.field(env.report, item, "a field") ?? [])
}

export const routerKeys = ["router", ...optionKeys.filter((key) => key !== "reduce"), "reduce"]

export const router = (env: Env, draft: Draft): Node => {
  const { report } = env
  const options = optionsOf(env, draft)
  const tree = Decode.required(report, draft.fields, "router", {
    at: draft.origin.head,
    of: "a dynamic_router",
    hint: "for instance router: { router_agent: agents.router, branches: { … } }"
  })
  const known = ["router_agent", "branches"]
  const fields = tree && Decode.fields(report, tree, "`router`", { of: "`router`", known })
  if (fields === undefined) return hole(env, draft)
  const by = Decode.required(report, fields, "router_agent", {
    at: draft.origin.head,
    of: "`router`",
    hint: "an agent that answers the names of the branches to run: agents.NAME"
  })
  const branches = branchesOf(env, { ...draft, fields }, "`router`", "names, each with a step or a list of steps")
  const step = by && agentOf(env, draft, by)
  if (step === undefined || branches === undefined) return hole(env, draft)
  return placed(
    env,
    draft,
    {
      _tag: "Parallel",
      name: draft.name,
      branches: branches.nodes,
      ...options,
      merge: draft.fields.value("merge_strategy") === undefined ? "no_merge" : options.merge,
      select: { step }
    },
    { branches: branches.spans }
  )
}

const agentOf = (env: Env, draft: Draft, tree: Tree): Node | undefined => {
  const inner: Draft = { ...draft, name: "router_agent", given: "router_agent" }
  if (tree._tag === "Map") return Leaves.reference(env, inner, tree)
  const text = Decode.word(env.report, tree, "`router_agent`")
  return text === undefined ? undefined : Leaves.agent(env, inner, text)
}

const branchesOf = (env: Env, { fields, origin }: Draft, of: string, hint: string) => {
  const tree = Decode.required(env.report, fields, "branches", { at: origin.head, of, hint })
  if (tree === undefined) return undefined
  const map = Decode.map(env.report, tree, "`branches`", hint)
  if (map === undefined) return undefined
  const spans = new Map<string, Span>(map.entries.map(({ key }) => [key.text, key.span]))
  return { nodes: map.entries.map(({ key, value }) => [key.text, env.body(value)] as const), spans }
}

interface Decided {
  readonly on: Template | Decider
  readonly texts: ReadonlyArray<Text>
}

/** An expression, or `{ skill: id, params: … }`: a skill whose answer decides. It stands as a step named `key`. */
export const decider = (env: Env, draft: Draft, tree: Tree, key: string): Decided | undefined => {
  const what = `\`${key}\``
  if (tree._tag !== "Map") {
    const read = expression(env, tree, what)
    return read === undefined ? undefined : { on: read.template, texts: read.origins }
  }
  const fields = Decode.fields(env.report, tree, what, { of: `a ${key}`, known: ["skill", "params"] })
  if (fields === undefined) return undefined
  const id = Decode.required(env.report, fields, "skill", {
    at: Decode.headOf(tree),
    of: what,
    hint: "the id of a skill, whose answer decides; an expression is written as text"
  })
  const text = id && Decode.word(env.report, id, "`skill`")
  if (text === undefined) return undefined
  const inner: Draft = { ...draft, name: key, given: key }
  return { on: { step: Leaves.skill(env, inner, text, fields.value("params")) }, texts: [] }
}

export const expression = (env: Env, tree: Tree, what: string): Texts.Read | undefined => {
  // A condition that is always so is rarely meant, but it is an expression.
  if (tree._tag === "Scalar" && typeof tree.value === "boolean") return Texts.expression(env.report, tree)
  const text = Decode.word(env.report, tree, what)
  return text === undefined ? undefined : Texts.expression(env.report, text)
}
