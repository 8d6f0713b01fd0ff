/** Mistakes that show in the tree of a pipeline that could run: each rule is one function of what the walk tells. */
import type { PlanFinding } from "../blueprint/Blueprint.js"
import type { Pipeline } from "../pipeline/Pipeline.js"
import * as Choosing from "./internal/Choosing.js"
import type { Find } from "./internal/Find.js"
import * as Looping from "./internal/Looping.js"
import * as Machines from "./internal/Machines.js"
import * as Reading from "./internal/Reading.js"
import * as Taking from "./internal/Taking.js"
import * as Trying from "./internal/Trying.js"
import * as Unread from "./internal/Unread.js"
import { rules } from "./Rule.js"
import * as Visit from "./Visit.js"

/** How bad it is that a template reads what cannot be there: as the pipeline says of names that are not. */
const absences = { strict: "error", warn: "warning", ignore: undefined } as const

export const lint = (pipeline: Pipeline.Any): ReadonlyArray<PlanFinding> => {
  const found: Array<PlanFinding> = []
  const absence = absences[pipeline.undefinedVariables ?? "strict"]
  const find: Find = (code, { node, path }, message, more = {}) => {
    const severity = code === "V-L1" ? "warning" : code === "V-T1" || code === "V-T5" ? absence : rules[code].severity
    if (severity === undefined) return
    found.push({
      code,
      severity,
      path,
      message,
      hint: more.hint,
      node: more.node ?? node,
      template: more.template === undefined ? undefined : { source: more.template.of.source, span: more.template.span },
      repair: more.repair
    })
  }
  const unread = Unread.make(find)
  Visit.visit(pipeline, (seen) => {
    Reading.check(seen, find)
    Taking.check(seen, find)
    Choosing.check(seen, find)
    Looping.check(seen, find)
    Machines.check(seen, find)
    Trying.check(seen, find)
    unread.see(seen)
  })
  unread.end()
  return found
}
