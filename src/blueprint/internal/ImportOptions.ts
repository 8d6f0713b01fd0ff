/**
 * What stands below `config` of a step that uses an import, beside how it is tried. `on_failure` is a fallback that need not
 * be written out. Values that other engines know and that nothing here can mean are findings that say what to write.
 */
import type { Node } from "../../pipeline/Node.js"
import * as Step from "../../pipeline/Step.js"
import * as Decode from "../Decode.js"
import { type Draft, type Env, placed } from "../Env.js"
import type { Tree } from "../Tree.js"

export const keys = ["inherit_context", "outputs", "input_to", "propagate_hitl", "on_failure"]

/** What to write instead of a key that is known elsewhere. */
export const elsewhere = (key: string): string | undefined => {
  if (key === "input_scratchpad_key") return keepHint
  if (key === "inherit_conversation") return "there are no conversations to inherit: remove it"
  return undefined
}

const keepHint =
  "an imported blueprint reads its input as {{ input }}; to keep it in a field, begin that blueprint with { name: kept, sink_to: initial_input }"

/** The options of a step, where it uses an import. */
export const of = ({ fields }: Draft, name: string): Tree | undefined => {
  const config = fields.value("config")
  if (!isImport(fields) || config?._tag !== "Map") return undefined
  return config.entries.find(({ key }) => key.text === name)?.value
}

export const isImport = (fields: Decode.Fields): boolean => {
  const uses = fields.value("uses")
  return uses?._tag === "Scalar" && String(uses.value).startsWith("imports.")
}

/** `input_to` and `propagate_hitl`: both have one value that is how it is done. */
export const refuse = (env: Env, draft: Draft): void => {
  const { report } = env
  const to = of(draft, "input_to")
  if (to?._tag === "Scalar" && ["both", "import_artifacts", "scratchpad", "context"].includes(String(to.value))) {
    report.add("FLJ-BLUEPRINT-19", to.span, `\`input_to\` is \`initial_prompt\`, not \`${String(to.value)}\``, {
      hint: keepHint
    })
  } else if (to !== undefined) Decode.choice(report, to, "`input_to`", ["initial_prompt"])
  const pauses = of(draft, "propagate_hitl")
  if (pauses === undefined || Decode.boolean(report, pauses, "`propagate_hitl`") !== false) return
  report.add(
    "FLJ-BLUEPRINT-19",
    pauses.span,
    "`propagate_hitl` is true: a pause in an import is one of the whole run",
    {
      hint: "remove it; a question that may go without an answer has `expires` and `on_expiry: { answer: … }`"
    }
  )
}

/** `node`, and what is answered where it fails for good. */
export const caught = (env: Env, draft: Draft, node: Node): Node => {
  const tree = of(draft, "on_failure")
  if (tree === undefined) return node
  const how = Decode.choice(env.report, tree, "`on_failure`", ["abort", "skip", "continue_with_default"])
  if (how === undefined || how === "abort") return node
  const fallback = draft.fields.key("fallback")
  if (fallback !== undefined) {
    env.report.add("FLJ-BLUEPRINT-20", tree.span, `\`on_failure: ${how}\` cannot stand beside \`fallback\``, {
      hint: "keep one of the two",
      related: [{ message: "the other", span: fallback.span }]
    })
    return node
  }
  const pass = (name: string) => placed(env, draft, Step.pass(name).node, { head: tree.span })
  if (how === "continue_with_default") {
    const given = placed(
      env,
      draft,
      { _tag: "Input", step: pass("default"), input: Step.params("{{ none }}") },
      { head: tree.span }
    )
    return placed(env, draft, { _tag: "Fallback", step: node, that: given }, { head: tree.span })
  }
  const sink = draft.fields.key("sink_to") ?? draft.fields.key("updates_context")
  if (sink !== undefined) {
    env.report.add("FLJ-BLUEPRINT-20", sink.span, `\`${sink.text}\` cannot stand beside \`on_failure: skip\``, {
      hint: "a skipped import answers what it was given, and that would be written: hand fields out with `outputs`, or write on_failure: continue_with_default",
      related: [{ message: "skipped where it fails", span: tree.span }]
    })
    return node
  }
  return placed(env, draft, { _tag: "Fallback", step: node, that: pass("skipped") }, { head: tree.span })
}
