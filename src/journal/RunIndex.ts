/**
 * What can be asked of many runs without reading their entries: one row per run and one per open task. Both are folds
 * over entries, written in the same transaction as the entry, and can be made again from entries alone.
 */
import type { Entry } from "../domain/Event.js"
import type { StepPath } from "../domain/StepPath.js"

export type RunStatus = "running" | "suspended" | "ready" | "completed" | "failed" | "cancelled"

export interface RunRow {
  readonly run: string
  readonly pipeline: string
  /** Digest of the plan. */
  readonly plan: string
  /** `ready`: suspended, and a letter waits. */
  readonly status: RunStatus
  readonly startedAt: number
  /** When it last started, rested or ended. */
  readonly updatedAt: number
  /** The earliest timer that a suspended run waits for. */
  readonly wakeAt: number | null
  /** Of all model calls answered. */
  readonly tokens: number
  readonly labels: ReadonlyArray<readonly [string, string]>
}

export interface TaskRow {
  readonly run: string
  readonly path: StepPath
  readonly task: "approve" | "ask" | "uncertain"
  readonly openedAt: number
  /** Sequence number of its `TaskOpened`. */
  readonly seq: number
}

/** A change to one of the two tables. */
export type Change =
  | { readonly _tag: "RunAdded"; readonly row: RunRow }
  | {
      readonly _tag: "RunMoved"
      readonly status: Exclude<RunStatus, "ready">
      readonly at: number
      readonly wakeAt: number | null
    }
  | { readonly _tag: "TokensSpent"; readonly tokens: number }
  | { readonly _tag: "TaskAdded"; readonly row: TaskRow }
  | { readonly _tag: "TaskEnded"; readonly path: StepPath }

/** What `entry` changes; most entries change nothing. */
export const changes = (entry: Entry): ReadonlyArray<Change> => {
  const { at, event, run, seq } = entry
  switch (event.kind) {
    case "RunStarted":
      return [
        {
          _tag: "RunAdded",
          row: {
            run,
            pipeline: event.data.pipeline,
            plan: event.data.plan,
            status: "running",
            startedAt: at,
            updatedAt: at,
            wakeAt: null,
            tokens: 0,
            labels: event.data.labels
          }
        }
      ]
    case "RunResumed":
      return [{ _tag: "RunMoved", status: "running", at, wakeAt: null }]
    case "RunSuspended": {
      const dues = event.data.waits.flatMap((wait) => (wait._tag === "Timer" ? [wait.due] : []))
      return [{ _tag: "RunMoved", status: "suspended", at, wakeAt: dues.length === 0 ? null : Math.min(...dues) }]
    }
    case "RunCompleted":
      return [{ _tag: "RunMoved", status: "completed", at, wakeAt: null }]
    case "RunFailed":
      return [{ _tag: "RunMoved", status: "failed", at, wakeAt: null }]
    case "RunCancelled":
      return [{ _tag: "RunMoved", status: "cancelled", at, wakeAt: null }]
    case "TaskOpened":
      return [{ _tag: "TaskAdded", row: { run, path: event.path, task: event.data.task, openedAt: at, seq } }]
    case "TaskAnswered":
    case "TaskClosed":
      return [{ _tag: "TaskEnded", path: event.path }]
    case "Answered": {
      const { usage } = event.data
      if (usage === undefined) return []
      return [
        { _tag: "TokensSpent", tokens: usage.input + usage.cachedInput + usage.output + usage.reasoning }
      ]
    }
    default:
      return []
  }
}
