/**
 * Two runs side by side, aligned by standing path: what one did and the other did not, and what came out otherwise.
 * Clocks never make a difference; what each took is told for both.
 */
import * as Option from "effect/Option"
import * as Json from "../domain/Json.js"
import * as StepPath from "../domain/StepPath.js"
import * as Usage from "../domain/Usage.js"
import type { RunSummary } from "./RunSummary.js"
import type { Trace } from "./Trace.js"
import type { Decision, Kind, TraceNode } from "./TraceNode.js"

/** What can differ about a step that both runs came to. */
export type Field = "status" | "input" | "decision" | "answer" | "output" | "error" | "model" | "tokens" | "attempts"

export interface Change {
  readonly field: Field
  /** `none`: there is nothing of the kind in that run. */
  readonly before: Option.Option<Json.Json>
  readonly after: Option.Option<Json.Json>
}

export interface Row {
  readonly path: StepPath.StepPath
  readonly kind: Kind
  /** `before`, `after`: only that run came to the step. */
  readonly only: Option.Option<"before" | "after">
  /** In the order of `Field`; none where only one run came to it. */
  readonly changes: ReadonlyArray<Change>
}

export interface Diff {
  readonly before: RunSummary
  readonly after: RunSummary
  readonly isSamePlan: boolean
  /** Of the runs as wholes: their input, how they ended, what came out. */
  readonly run: ReadonlyArray<Change>
  /** Steps that differ, in the order of the first run, then of the second. */
  readonly rows: ReadonlyArray<Row>
  readonly sameCount: number
}

export const make = (before: Trace, after: Trace): Diff => {
  const [ours, theirs] = [nodesByPath(before.root), nodesByPath(after.root)]
  const rows: Array<Row> = []
  let sameCount = 0
  for (const [path, node] of ours) {
    const other = theirs.get(path)
    if (other === undefined) {
      rows.push({ path, kind: node.kind, only: Option.some("before"), changes: [] })
      continue
    }
    const changes = changesOf(node, other)
    if (changes.length === 0) sameCount += 1
    else rows.push({ path, kind: node.kind, only: Option.none(), changes })
  }
  for (const [path, { kind }] of theirs) {
    if (!ours.has(path)) rows.push({ path, kind, only: Option.some("after"), changes: [] })
  }
  return {
    before: before.summary,
    after: after.summary,
    isSamePlan: before.summary.plan === after.summary.plan,
    run: changesOf(before.root, after.root),
    rows,
    sameCount
  }
}

/** Each step once, in the order of the trace: a step of several attempts stands for all of them. */
const nodesByPath = (root: TraceNode): ReadonlyMap<StepPath.StepPath, TraceNode> => {
  const nodes = new Map<StepPath.StepPath, TraceNode>()
  const visit = (node: TraceNode) => {
    for (const child of node.children) {
      const path = StepPath.standing(child.path)
      if (!nodes.has(path)) nodes.set(path, child)
      visit(child)
    }
  }
  visit(root)
  nodes.delete(StepPath.root)
  return nodes
}

const changesOf = (before: TraceNode, after: TraceNode): ReadonlyArray<Change> =>
  fields.flatMap(([field, of]) => {
    const [ours, theirs] = [of(before), of(after)]
    return sameValue(ours, theirs) ? [] : [{ field, before: ours, after: theirs }]
  })

const fields: ReadonlyArray<readonly [field: Field, of: (node: TraceNode) => Option.Option<Json.Json>]> = [
  ["status", ({ status }) => Option.some(status)],
  ["input", ({ input }) => input],
  ["decision", ({ decision }) => Option.map(decision, decisionJson)],
  [
    "answer",
    ({ task }) =>
      Option.map(
        Option.flatMap(task, ({ answer }) => answer),
        ({ value }) => value
      )
  ],
  ["output", ({ output }) => output],
  ["error", ({ failure }) => Option.flatMap(failure, ({ error }) => error)],
  ["model", ({ model }) => model],
  ["tokens", ({ usage }) => (Usage.total(usage) === 0 ? Option.none() : Option.some(Usage.total(usage)))],
  ["attempts", ({ attempts }) => Option.some(attempts)]
]

const decisionJson = (decision: Decision): Json.Json => {
  switch (decision._tag) {
    case "Branch":
      return decision.branch
    case "Items":
      return decision.count
    case "Iteration":
      return decision.end
    case "Cached":
      return `from run ${decision.run}, ${decision.path}`
  }
}

const sameValue = (a: Option.Option<Json.Json>, b: Option.Option<Json.Json>): boolean =>
  Option.isSome(a) && Option.isSome(b) ? Json.equals(a.value, b.value) : Option.isNone(a) && Option.isNone(b)
