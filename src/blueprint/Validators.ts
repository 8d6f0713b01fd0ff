/** `validators` of a step, and `static_invariants` of a step or of a whole document. */
import * as Json from "../domain/Json.js"
import type { Node, ValidateNode, Validator } from "../pipeline/Node.js"
import * as Decode from "./Decode.js"
import type { Draft, Env } from "./Env.js"
import * as Branching from "./internal/Branching.js"
import * as Leaves from "./internal/Leaves.js"
import * as Patterns from "./internal/Patterns.js"
import * as JsonSchema from "./JsonSchema.js"
import type { Origin, Text } from "./Origins.js"
import type * as Tree from "./Tree.js"

/** What a validator is, one of them. */
export const kinds = ["contains", "regex", "schema", "expression", "skill"] as const

/** The keys of a validator. */
export const keys: ReadonlyArray<string> = [...kinds, "params", "name", "message"]

/** More are refused. */
export const countMax = 50

export const validated = (env: Env, draft: Draft, step: Node): Node => {
  const tree = draft.fields.value("validators")
  if (tree === undefined) return step
  const texts: Array<Text> = []
  const validators = itemsOf(env, tree, "`validators`", "for instance [{ contains: Dear }]").flatMap(
    (item) => one(env, draft, item, texts) ?? []
  )
  return validators.length === 0 ? step : put(env, draft.origin, { _tag: "Validate", step, validators }, texts)
}

/** The step with what must hold after it. */
export const invariants = (
  env: Env,
  origin: Pick<Origin, "whole" | "head" | "isNamed">,
  tree: Tree.Tree | undefined,
  step: Node
): Node => {
  if (tree === undefined || env.origins.isFaulty(step)) return step
  const texts: Array<Text> = []
  const what = "`static_invariants`"
  const validators = itemsOf(env, tree, what, "expressions: [context.total <= 100]").flatMap(
    (item): Array<Validator> => {
      const read = Branching.expression(env, item, "an invariant")
      if (read === undefined) return []
      texts.push(...read.origins)
      return [{ _tag: "Holds", template: read.template, message: undefined }]
    }
  )
  if (validators.length === 0) return step
  return put(env, origin, { _tag: "Validate", step, validators, invariant: true }, texts)
}

/** Every step of a document with what must hold after each. What is wrong with an expression is said once. */
export const everywhere = (env: Env, tree: Tree.Tree | undefined, root: Node): Node => {
  if (tree === undefined) return root
  let isFirst = true
  const around = (step: Node): Node => {
    const origin = env.origins.get(step)
    const before = env.report.found.length
    const wrapped = invariants(env, origin ?? { whole: tree.span, head: tree.span, isNamed: false }, tree, step)
    if (!isFirst) env.report.found.length = before
    isFirst = false
    return wrapped
  }
  return root._tag === "Sequence" ? env.origins.like(root, { ...root, steps: root.steps.map(around) }) : around(root)
}

const put = (
  env: Env,
  { head, isNamed, whole }: Pick<Origin, "whole" | "head" | "isNamed">,
  node: ValidateNode,
  texts: ReadonlyArray<Text>
): Node => {
  env.origins.put(node, { whole, head, isNamed, texts })
  return node
}

const itemsOf = (env: Env, tree: Tree.Tree, what: string, hint: string): ReadonlyArray<Tree.Tree> => {
  if (tree._tag === "List" && tree.items.length <= countMax) return tree.items
  if (tree._tag === "List") env.report.add("FLJ-BLUEPRINT-19", tree.span, `${what} has more than ${countMax} entries`)
  else if (tree._tag !== "Broken") env.report.add("FLJ-BLUEPRINT-17", tree.span, `${what} must be a list`, { hint })
  return []
}

const one = (env: Env, draft: Draft, tree: Tree.Tree, texts: Array<Text>): Validator | undefined => {
  const { report } = env
  const fields = Decode.fields(report, tree, "a validator", { of: "a validator", known: keys })
  if (fields === undefined) return undefined
  const by = Decode.oneOf(report, fields, kinds)
  if (by === undefined) {
    const hint = `write one of ${kinds.join(", ")}`
    report.add("FLJ-BLUEPRINT-16", Decode.headOf(tree), "this validator says nothing", { hint })
    return undefined
  }
  const messageTree = fields.value("message")
  const message = messageTree && Decode.word(report, messageTree, "`message`")?.value
  for (const name of ["params", "name"]) {
    const key = fields.key(name)
    if (key !== undefined && by !== "skill") {
      report.add("FLJ-BLUEPRINT-20", key.span, `\`${name}\` belongs to a \`skill\``, { hint: "remove it" })
    }
  }
  const value = fields.value(by)!
  switch (by) {
    case "contains": {
      const text = Decode.word(report, value, "`contains`")
      return text && { _tag: "Contains", text: text.value, message }
    }
    case "schema": {
      const shape = JsonSchema.read(report, value, "`schema`")
      return shape && { _tag: "Fits", shape, message }
    }
    case "regex": {
      const text = Decode.word(report, value, "`regex`")
      if (text === undefined) return undefined
      const refusal = Patterns.refusal(text.value)
      if (refusal === undefined) {
        const shape = JsonSchema.shape({ type: "string", pattern: text.value })
        return { _tag: "Fits", shape, message: message ?? `it must match ${text.value}` }
      }
      report.add(refusal.includes("not a regular expression") ? "V-S1" : "FLJ-BLUEPRINT-22", text.span, refusal)
      return undefined
    }
    case "expression": {
      const read = Branching.expression(env, value, "`expression`")
      if (read === undefined) return undefined
      texts.push(...read.origins)
      return { _tag: "Holds", template: read.template, message }
    }
    default: {
      const text = Decode.word(report, value, "`skill`")
      if (text === undefined) return undefined
      const nameTree = fields.value("name")
      const named = nameTree && Decode.word(report, nameTree, "`name`")
      const name = named?.value.trim() ?? /[^.#/]*$/.exec(text.value)![0]
      const origin = { whole: tree.span, head: named?.span ?? text.span, isNamed: named !== undefined }
      const inner: Draft = { ...draft, name, given: name, origin }
      const step = Leaves.skill(env, inner, text, fields.value("params"))
      if (step._tag === "Skill" && !mayJudge(step.skill.output.jsonSchema)) {
        const hint = "a validator answers true, false, or { is_valid, feedback }"
        report.add("FLJ-BLUEPRINT-19", text.span, `${step.skill.id} does not answer whether something holds`, { hint })
      }
      return { _tag: "Judge", step, message }
    }
  }
}

/** By its schema, where that says a type. */
const mayJudge = (schema: Json.Json): boolean => {
  const type = Json.get(schema, "type")
  if (typeof type !== "string" || type === "boolean") return true
  const properties = Json.get(schema, "properties")
  return type === "object" && (!Json.isObject(properties) || Object.hasOwn(properties, "is_valid"))
}
