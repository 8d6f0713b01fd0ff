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

export const RunStatus = Schema.Literal(
  "running",
  "suspended",
  "ready",
  "stuck",
  "completed",
  "failed",
  "cancelled",
  "erased"
)
export type RunStatus = typeof RunStatus.Type

/** Whether a run has come to an end; one that failed may yet be resumed. */
export const hasEnded = (status: RunStatus | undefined): boolean =>
  status === "completed" || status === "failed" || status === "cancelled" || status === "erased"

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
  /** Of a run that was erased no task is open any more. */
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
    case "RunErased":
      return [{ _tag: "RunMoved", status: "erased", at, wakeAt: null }]
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
        row: row && { ...row, status: change.status, updatedAt: change.at, wakeAt: change.wakeAt },
        tasks: change.status === "erased" ? new Map() : tasks
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

/** What a store has of one run. */
export interface Stored {
  readonly row: RunRow | "unreadable" | undefined
  readonly tasks: ReadonlyMap<StepPath, TaskRow>
  /** Rows of tasks that cannot be read. */
  readonly brokenTasks: number
  /** By which it is found: see `labelsOf`; undefined where the store needs none. */
  readonly labels: ReadonlyArray<string> | undefined
  readonly pools: Projection["pools"]
}

/** `missing`: it is not there. `extra`: no entry makes it. Else the columns that are otherwise. */
export interface Difference {
  readonly table: "runs" | "tasks" | "labels" | "shares" | "pools"
  /** The path of a task, or the name of a pool. */
  readonly of?: string | undefined
  readonly what: "missing" | "extra" | "unreadable" | ReadonlyArray<string>
}

/** The sum of a pool is not that of its shares. */
export const wrongSum: Difference = { table: "pools", what: ["amounts"] }

/** The rows by which a run is found by its labels, as text. */
export const labelsOf = (row: RunRow | undefined): ReadonlyArray<string> =>
  row === undefined
    ? []
    : [...new Set(row.labels.map((label) => labelText(JSON.stringify(label), row.startedAt)))].sort()

export const labelText = (label: string, startedAt: number): string => `${startedAt} ${label}`

const columns = <A extends object>(a: A, b: A): ReadonlyArray<string> =>
  Object.entries(b).flatMap(([name, value]) =>
    JSON.stringify(value) === JSON.stringify((a as Record<string, unknown>)[name]) ? [] : [name]
  )

const ofRow = (stored: Stored["row"], row: RunRow | undefined): Difference["what"] => {
  if (stored === "unreadable") return stored
  if (stored === undefined) return row === undefined ? [] : "missing"
  return row === undefined ? "extra" : columns(stored, row)
}

/** The rows of a run that are not what its entries make them. */
export const differences = (stored: Stored, made: Projection): ReadonlyArray<Difference> => {
  const found: Array<Difference> = []
  const what = ofRow(stored.row, made.row)
  if (what.length > 0) found.push({ table: "runs", what })
  for (const [path, task] of stored.tasks) {
    const other = made.tasks.get(path)
    const what = other === undefined ? "extra" : columns(task, other)
    if (what.length > 0) found.push({ table: "tasks", of: path, what })
  }
  for (const path of made.tasks.keys())
    if (!stored.tasks.has(path)) found.push({ table: "tasks", of: path, what: "missing" })
  for (let i = 0; i < stored.brokenTasks; i++) found.push({ table: "tasks", what: "unreadable" })
  // Labels are the row's own, told once more: where that is other, so are they.
  const labels = labelsOf(made.row)
  const isOther = stored.labels !== undefined && JSON.stringify([...stored.labels].sort()) !== JSON.stringify(labels)
  if (isOther && what.length === 0) found.push({ table: "labels", what: made.row === undefined ? "extra" : ["labels"] })
  for (const pool of new Set([...stored.pools.keys(), ...made.pools.keys()])) {
    const [had, has] = [stored.pools.get(pool), made.pools.get(pool)]
    if (Pool.equals(had ?? Pool.nothing, has ?? Pool.nothing)) continue
    found.push({
      table: "shares",
      of: pool,
      what: had === undefined ? "missing" : has === undefined ? "extra" : ["amounts"]
    })
  }
  return found
}
