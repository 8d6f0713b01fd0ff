/** `kind: refine`: a generator and a critic in turns. */
import * as Template from "../../expression/Template.js"
import type { Node } from "../../pipeline/Node.js"
import * as Refine from "../../pipeline/Refine.js"
import * as Decode from "../Decode.js"
import { type Draft, type Env, hole, placed } from "../Env.js"
import * as Branching from "./Branching.js"

export const refineKeys = ["refine"]

export const refine = (env: Env, draft: Draft): Node => {
  const { report } = env
  const tree = Decode.required(report, draft.fields, "refine", {
    at: draft.origin.head,
    of: "a refine",
    hint: "for instance refine: { generator: { uses: agents.writer }, critic: { uses: agents.critic } }"
  })
  const known = ["generator", "critic", "done_when", "max_refinements", "on_max"]
  const fields = tree && Decode.fields(report, tree, "`refine`", { of: "`refine`", known })
  if (tree === undefined || fields === undefined) return hole(env, draft)
  const body = (name: string, hint: string): Node | undefined => {
    const found = Decode.required(report, fields, name, { at: Decode.headOf(tree), of: "`refine`", hint })
    return found && env.body(found)
  }
  const generator = body("generator", "a step or a list of steps that makes a draft")
  const critic = body("critic", "a step or a list of steps that judges it")
  const done = fields.value("done_when")
  const until = done && Branching.expression(env, done, "`done_when`")
  const onMax = fields.value("on_max")
  const max = Decode.limit(report, fields, "max_refinements", 100_000) ?? Refine.maxDefault
  const how = onMax && Decode.choice(report, onMax, "`on_max`", ["fail", "continue"])
  if (generator === undefined || critic === undefined) return hole(env, draft)
  const node = Refine.node(draft.name, {
    generator,
    critic,
    until: until?.template ?? Template.parseExpression(Refine.untilDefault),
    max,
    onMax: how ?? "fail"
  })
  placed(env, draft, node.step, { texts: until?.origins ?? [] })
  return placed(env, draft, node)
}
