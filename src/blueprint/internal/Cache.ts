/** `kind: cache`: steps whose answer is taken from the cache where it is there. */
import * as Schema from "effect/Schema"
import type { Node } from "../../pipeline/Node.js"
import { isWrapper } from "../../pipeline/Node.js"
import * as Shape from "../../pipeline/Shape.js"
import * as Decode from "../Decode.js"
import { type Draft, type Env, hole, placed } from "../Env.js"

export const cacheKeys = ["wrapped_step", "ttl"]

export const ttlMillisDefault = 3_600_000

export const cache = (env: Env, draft: Draft): Node => {
  const { report } = env
  const { fields } = draft
  const tree = Decode.required(report, fields, "wrapped_step", {
    at: draft.origin.head,
    of: "a cache",
    hint: "for instance wrapped_step: { name: summarize, uses: agents.writer }"
  })
  const ttlTree = fields.value("ttl")
  const ttlMillis = ttlTree && Decode.duration(report, ttlTree, "`ttl`", 1)
  if (tree === undefined) return hole(env, draft)
  const body = env.body(tree)
  const step = placed(env, draft, { _tag: "Scope", name: draft.name, step: body, pipeline: undefined })
  return placed(
    env,
    draft,
    { _tag: "Cached", step, output: outputOf(body), ttlMillis: ttlMillis ?? ttlMillisDefault },
    ttlTree === undefined ? {} : { head: ttlTree.span }
  )
}

/** What the step is known to answer: an answer of the cache that is nothing of the kind is not taken. */
export const outputOf = (node: Node): Shape.Shape => {
  if (node._tag === "Check" && node.output !== undefined) return node.output
  if (node._tag === "Fallback" || node._tag === "Map") return Shape.any
  if (node._tag === "When" || node._tag === "Versioned") return Shape.any
  if (node._tag === "Scope" || isWrapper(node)) return outputOf(node.step)
  switch (node._tag) {
    case "Agent":
      return node.agent.output ?? Shape.fromSchema(Schema.String)
    case "Skill":
      return node.skill.output
    case "Sequence":
      return node.steps.length === 0 ? Shape.any : outputOf(node.steps.at(-1)!)
    default:
      return Shape.any
  }
}
