/** `tools:` of an agent: skills by their ids, and `ask_user`. */
import type { AnyTool } from "../../pipeline/Tool.js"
import * as Tool from "../../pipeline/Tool.js"
import * as Decode from "../Decode.js"
import type { Report } from "../Diagnostics.js"
import type { Tree } from "../Tree.js"
import { type Known, skillNamed } from "./SkillNamed.js"

export const toolKeys = ["skill", "name", "requires_approval"]

/** `approve`: effects that a person allows, whatever a tool says of itself. */
export const agentTools = (
  report: Report,
  known: Known,
  tree: Tree,
  approve: ReadonlyArray<Tool.Effect>
): ReadonlyArray<AnyTool> => {
  if (tree._tag !== "List") {
    if (tree._tag !== "Broken") {
      report.add("FLJ-BLUEPRINT-17", tree.span, "`tools` must be a list", { hint: "write tools: [ask_user, SKILL]" })
    }
    return []
  }
  return tree.items.flatMap((item) => {
    const tool = one(report, known, item)
    if (tool === undefined) return []
    const allowed = Tool.approved(tool, approve)
    const said = item._tag === "Map" ? item.entries.find(({ key }) => key.text === "requires_approval") : undefined
    if (allowed !== tool && said?.value._tag === "Scalar" && said.value.value === false) {
      report.add("FLJ-BLUEPRINT-20", said.key.span, `\`approve\` of the agent wants approval for ${tool.name}`, {
        hint: "leave `requires_approval` out, or take its effect out of `approve`"
      })
    }
    return [allowed]
  })
}

const one = (report: Report, known: Known, tree: Tree): AnyTool | undefined => {
  if (tree._tag === "Scalar") {
    const text = Decode.word(report, tree, "a tool")
    if (text === undefined) return undefined
    return text.value === Tool.askUser.name ? Tool.askUser : named(report, known, text, {})
  }
  const fields = Decode.fields(report, tree, "a tool", { of: "a tool", known: toolKeys })
  if (fields === undefined) return undefined
  const skill = Decode.required(report, fields, "skill", {
    at: Decode.headOf(tree),
    of: "the tool",
    hint: "the id of a skill, such as flujo.builtins.read_file"
  })
  const text = skill && Decode.word(report, skill, "`skill`")
  const nameTree = fields.value("name")
  const name = nameTree && Decode.word(report, nameTree, "`name`")?.value
  const approvalTree = fields.value("requires_approval")
  const requiresApproval = approvalTree && Decode.boolean(report, approvalTree, "`requires_approval`")
  return text && named(report, known, text, { name, requiresApproval })
}

const named = (report: Report, known: Known, text: Decode.Text, said: Tool.Options): AnyTool | undefined => {
  const skill = skillNamed(report, known, text, false)
  return skill && Tool.make(skill, said)
}
