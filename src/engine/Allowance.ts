/** What a run records of a call that waits for a person to allow more than a limit does. */
import type { Denial } from "../domain/Budget.js"
import * as Grant from "../domain/Grant.js"
import * as StepPath from "../domain/StepPath.js"
import type { Record, Said } from "./Record.js"

/** The question, put at `task` on behalf of a step. */
export const said = (task: StepPath.StepPath, step: string, denial: Denial): Said<"TaskOpened"> => ({
  path: task,
  kind: "TaskOpened",
  data: { task: "budget", denial },
  payload: { message: Grant.message(step, denial), schema: Grant.schema(denial) }
})

export interface Found {
  /** Where the open question stands, or the next one would. */
  readonly task: StepPath.StepPath
  readonly isOpen: boolean
  /** What somebody did not allow. */
  readonly denial: Denial | undefined
  /** What was allowed, and is not in the record as such. */
  readonly grants: ReadonlyArray<{
    readonly task: StepPath.StepPath
    readonly grant: Grant.Grant
    readonly by: string | undefined
  }>
}

/** All that was asked and answered for the call at `at`, which is thereby accounted for. */
export const find = (record: Record, at: StepPath.StepPath): Found => {
  const grants: Array<Found["grants"][number]> = []
  for (let time = 0; ; time++) {
    const task = StepPath.at(StepPath.child(at, "budget"), time)
    const denial = record.get(task, "TaskOpened")?.data.denial
    if (denial === undefined) return { task, isOpen: false, denial: undefined, grants }
    // It was closed with a composite that did not wait for it.
    if (record.get(task, "TaskClosed") !== undefined) continue
    const answered = record.get(task, "TaskAnswered")
    if (answered === undefined) return { task, isOpen: true, denial: undefined, grants }
    const { answer, by } = answered.payload
    const grant = Grant.read(denial, answer)
    if (grant === undefined) return { task, isOpen: false, denial, grants }
    if (!record.has(task, "Granted")) grants.push({ task, grant, by })
  }
}
