/** `fallback_models` of an agent: whom it asks where its model fails, and for which failures. */
import { ModelError } from "../../domain/Model.js"
import * as Words from "../../expression/Words.js"
import * as Agent from "../../pipeline/Agent.js"
import * as Decode from "../Decode.js"
import type { Report } from "../Diagnostics.js"
import { kindOf, type List, type Tree } from "../Tree.js"

export const modelNamed = (report: Report, tree: Tree): Decode.Text | undefined => {
  const found = Decode.word(report, tree, "`model`")
  if (found !== undefined && !/^[a-z][a-z0-9_-]*:./.test(found.value)) {
    report.add("FLJ-BLUEPRINT-19", found.span, `${Words.quoted(found.value)} does not say who provides it`, {
      hint: `put the provider before it: openai:${found.value.replace(/^:/, "")}`
    })
  }
  return found
}

/** `first`: the model that they stand in for. */
export const read = (
  report: Report,
  tree: Tree | undefined,
  first: string | undefined
): ReadonlyArray<Agent.FallbackModel> => {
  const list = tree === undefined ? undefined : listOf(report, tree, "`fallback_models`")
  if (list === undefined) return []
  if (list.items.length > Agent.fallbacksMost) {
    report.add("FLJ-BLUEPRINT-19", list.span, `${list.items.length} models stand in for one`, {
      hint: `at most ${Agent.fallbacksMost}`
    })
  }
  const said = new Set(first === undefined ? [] : [first])
  return list.items.flatMap((item) => {
    const fields =
      item._tag === "Map"
        ? Decode.fields(report, item, "a model that stands in", { of: "it", known: ["model", "on"] })
        : undefined
    const at = Decode.headOf(item)
    const hint = "for instance anthropic:claude-sonnet-4-5"
    const name =
      item._tag !== "Map"
        ? item
        : fields === undefined
          ? undefined
          : Decode.required(report, fields, "model", { at, of: "a model that stands in", hint })
    const model = name === undefined ? undefined : modelNamed(report, name)
    const on = fields?.value("on")
    const reasons = on === undefined ? Agent.fallbackOnDefault : reasonsOf(report, on)
    if (model === undefined) return []
    if (said.has(model.value)) {
      report.add("FLJ-BLUEPRINT-19", model.span, `${model.value} was asked before it`, {
        hint: "each model is asked once: name another, or leave it out"
      })
    }
    said.add(model.value)
    return [{ model: model.value, on: reasons }]
  })
}

const reasonsOf = (report: Report, tree: Tree): Agent.FallbackModel["on"] => {
  const list = listOf(report, tree, "`on`")
  if (list === undefined) return []
  if (list.items.length === 0) {
    report.add("FLJ-BLUEPRINT-19", list.span, "a model that stands in for no failure is never asked", {
      hint: "leave `on` out, or name failures: RateLimited, TooLong, …"
    })
  }
  return list.items.flatMap((item) => Decode.choice(report, item, "a failure", ModelError.fields.reason.literals) ?? [])
}

const listOf = (report: Report, tree: Tree, what: string): List | undefined => {
  if (tree._tag === "List") return tree
  if (tree._tag === "Broken") return undefined
  report.add("FLJ-BLUEPRINT-17", tree.span, `${what} must be a list, and ${kindOf(tree)} was found`, {
    hint: "write it in brackets: [ … ]"
  })
  return undefined
}
