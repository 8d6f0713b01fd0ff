/**
 * What can be asked of many runs without reading their entries: one row per run, one per open task, and what a run has
 * of each limit that runs share. All are folds over entries, written in the same transaction as the entry, and can be
 * made again from entries alone.
 */
import * as Schema from "effect/Schema"
import type { Amount, Limits } from "../domain/Budget.js"
import { Digest } from "../domain/Digest.js"
import type { Entry, Headed } from "../domain/Event.js"
import * as Pool from "../domain/Pool.js"
import { RunId } from "../domain/RunId.js"
import { StepPath } from "../domain/StepPath.js"
import * as Usage from "../domain/Usage.js"

export const RunStatus = Schema.Literal("running", "suspended", "ready", "stuck", "completed", "failed", "cancelled")
export type RunStatus = typeof RunStatus.Type

/** Whether a run has come to an end of its own; one that failed may yet be resumed. */
export const hasEnded = (status: RunStatus | undefined): boolean =>
  status === "completed" || status === "failed" || status === "cancelled"

export const RunRow = Schema.Struct({
  run: RunId,
  pipeline: Schema.String,
  /** The one that it goes by now. */
  plan: Digest,
  /** `ready`: suspended, and a letter waits. */
  status: RunStatus,
  startedAt: Schema.Int,
  /** When it last started, rested or ended. */
  updatedAt: Schema.Int,
  /** The earliest timer that a suspended run waits for. */
  wakeAt: Schema.NullOr(Schema.Int),
  /** Of all model calls answered. */
  tokens: Schema.Int,
  labels: Schema.Array(Schema.Tuple(Schema.String, Schema.String))
})
export type RunRow = typeof RunRow.Type

export const TaskRow = Schema.Struct({
  run: RunId,
  path: StepPath,
  task: Schema.Literal("approve", "ask", "uncertain", "budget"),
  openedAt: Schema.Int,
  /** Sequence number of its `TaskOpened`. */
  seq: Schema.Int
})
export type TaskRow = typeof TaskRow.Type

/** A change to one of the tables. */
export type Change =
  | { readonly _tag: "RunAdded"; readonly row: RunRow }
  | {
      readonly _tag: "RunMoved"
      readonly status: Exclude<RunStatus, "ready">
      readonly at: number
      readonly wakeAt: number | null
    }
  | { readonly _tag: "Upgraded"; readonly plan: Digest }
  | { readonly _tag: "TokensSpent"; readonly tokens: number }
  | { readonly _tag: "TaskAdded"; readonly row: TaskRow }
  | { readonly _tag: "TaskEnded"; readonly path: StepPath }
  | PoolMoved

/** By how much what a run has of a pool changes. With `limits`, the change is a claim: not made where it does not fit. */
export interface PoolMoved {
  readonly _tag: "PoolMoved"
  readonly pool: string
  readonly seq: number
  readonly by: Pool.Share
  readonly limits?: Limits | undefined
}

/** What `entry` changes, whatever its payload says; most entries change nothing. */
export const changes = (entry: Entry<Headed>): ReadonlyArray<Change> => {
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
    case "RunResumed": {
      const { plan } = event.data
      const moved: Change = { _tag: "RunMoved", status: "running", at, wakeAt: null }
      return plan === undefined ? [moved] : [moved, { _tag: "Upgraded", plan }]
    }
    case "RunSuspended": {
      const dues = event.data.waits.flatMap((wait) => (wait._tag === "Timer" ? [wait.due] : []))
      return [{ _tag: "RunMoved", status: "suspended", at, wakeAt: dues.length === 0 ? null : Math.min(...dues) }]
    }
    case "RunStuck":
      return [{ _tag: "RunMoved", status: "stuck", at, wakeAt: null }]
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
      return [{ _tag: "TokensSpent", tokens: Usage.total(usage) }]
    }
    case "Reserved": {
      const { pools = [] } = event.data
      return distinct(pools).map((pool) => ({ _tag: "PoolMoved", pool, seq, by: held(event.data) }))
    }
    case "Granted": {
      const { cost, pool, tokens } = event.data
      if (pool === undefined) return none
      const by = { ...Pool.nothing, grantedCost: BigInt(cost), grantedTokens: BigInt(tokens) }
      return [{ _tag: "PoolMoved", pool, seq, by }]
    }
    case "Settled": {
      const { pools } = event.data
      if (pools === undefined) return none
      const by = Pool.add(Pool.negated(held(pools.held)), spent(event.data))
      return distinct(pools.names).map((pool) => ({ _tag: "PoolMoved", pool, seq, by }))
    }
    default:
      return none
  }
}

const none: ReadonlyArray<Change> = []

const distinct = (names: ReadonlyArray<string>): ReadonlyArray<string> =>
  names.length < 2 ? names : [...new Set(names)]

const held = ({ cost, tokens }: Amount): Pool.Share => ({
  ...Pool.nothing,
  heldCost: BigInt(cost ?? 0),
  heldTokens: BigInt(tokens)
})

const spent = ({ cost, tokens }: Amount): Pool.Share => ({
  ...Pool.nothing,
  spentCost: BigInt(cost ?? 0),
  spentTokens: BigInt(tokens)
})

/** One run's share of the tables, as its entries alone tell it: never `ready`, which is about letters. */
export interface Projection {
  readonly row: RunRow | undefined
  readonly tasks: ReadonlyMap<StepPath, TaskRow>
  readonly pools: ReadonlyMap<string, Pool.Share>
}

export const empty: Projection = { row: undefined, tasks: new Map(), pools: new Map() }

export const apply = (projection: Projection, change: Change): Projection => {
  const { pools, row, tasks } = projection
  switch (change._tag) {
    case "RunAdded":
      return { ...projection, row: change.row }
    case "RunMoved":
      return {
        ...projection,
        row: row && { ...row, status: change.status, updatedAt: change.at, wakeAt: change.wakeAt }
      }
    case "Upgraded":
      return { ...projection, row: row && { ...row, plan: change.plan } }
    case "TokensSpent":
      return { ...projection, row: row && { ...row, tokens: row.tokens + change.tokens } }
    case "TaskAdded":
      return { ...projection, tasks: new Map(tasks).set(change.row.path, change.row) }
    case "TaskEnded": {
      const left = new Map(tasks)
      left.delete(change.path)
      return { ...projection, tasks: left }
    }
    case "PoolMoved": {
      const share = Pool.add(pools.get(change.pool) ?? Pool.nothing, change.by)
      return { ...projection, pools: new Map(pools).set(change.pool, share) }
    }
  }
}

const sameRow = Schema.equivalence(Schema.NullishOr(RunRow))
const sameTask = Schema.equivalence(TaskRow)

/** How many rows of the tables are not the same in `a` and `b`. */
export const differences = (a: Projection, b: Projection): number => {
  let count = sameRow(a.row, b.row) ? 0 : 1
  for (const [path, task] of a.tasks) {
    const other = b.tasks.get(path)
    if (other === undefined || !sameTask(task, other)) count += 1
  }
  for (const path of b.tasks.keys()) if (!a.tasks.has(path)) count += 1
  for (const pool of new Set([...a.pools.keys(), ...b.pools.keys()])) {
    if (!Pool.equals(a.pools.get(pool) ?? Pool.nothing, b.pools.get(pool) ?? Pool.nothing)) count += 1
  }
  return count
}
