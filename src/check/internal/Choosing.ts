/** FLJ-CHECK-1, 2 and 3: branches that cannot be taken, answers without a branch, conditions that are always the same. */
import type { Json } from "../../domain/Json.js"
import * as Answer from "../../expression/Answer.js"
import { type Template, toText } from "../../expression/Template.js"
import * as Words from "../../expression/Words.js"
import * as Known from "../Known.js"
import type { Seen } from "../Visit.js"
import type { Find } from "./Find.js"

export const check = (seen: Seen, find: Find): void => {
  const { node, sight } = seen
  if (node._tag === "Validate") {
    for (const validator of node.validators) if (validator._tag === "Holds") constant(seen, validator.template, find)
  }
  if (node._tag !== "Branch" || !("source" in node.on)) return
  const template = node.on
  const answer = Answer.of(template)
  if (constant(seen, template, find)) return
  const values = valuesOf(answer, sight)
  if (values === undefined) return
  const answers = new Set(values.map(toText))
  const never = node.cases.filter(([key]) => !answers.has(key))
  for (const [key] of never) {
    find("FLJ-CHECK-1", seen, `the branch ${JSON.stringify(key)} is never taken`, {
      hint: `the condition answers ${Words.listed([...answers])}`
    })
  }
  // Where a branch has a wrong name another one is missing: that is one mistake.
  if (node.otherwise !== undefined || never.length > 0) return
  const without = [...answers].filter((value) => !node.cases.some(([key]) => key === value))
  if (without.length === 0) return
  find("FLJ-CHECK-2", seen, `there is no branch for ${Words.listed(without)}`, {
    hint: "write one, or a default_branch"
  })
}

const constant = (seen: Seen, template: Template, find: Find): boolean => {
  const answer = Answer.of(template)
  if (template.problems.length > 0 || answer._tag !== "Constant") return false
  find("FLJ-CHECK-3", seen, `this condition always answers ${Words.quoted(toText(answer.value))}`, {
    template: { of: template, span: { start: 0, end: template.source.length } }
  })
  return true
}

/** All that a condition can answer, where that is known. */
const valuesOf = (answer: Answer.Answer, sight: Known.Sight): ReadonlyArray<Json> | undefined => {
  if (answer._tag === "Boolean") return [true, false]
  if (answer._tag !== "Path" || answer.read.guarded) return undefined
  return Known.valuesOf(Known.follow(answer.read, sight).schema)
}
