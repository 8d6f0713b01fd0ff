/**
 * Limits that runs share: for each day, each month, or for good; for all runs of a store, for those of some pipelines,
 * and for those with a label. They are what the process that drives a run says they are now, and no part of the run.
 */
import * as Context from "effect/Context"
import type { Limits } from "../domain/Budget.js"
import type { Pool } from "../domain/Pool.js"

/** Days and months are those of UTC. */
export type Period = "day" | "month" | "all_time"

export interface Shared {
  /** `budgets.default`: names the pool, together with the period. */
  readonly name: string
  readonly per: Period
  readonly limits: Limits
}

export interface Of {
  readonly pipeline: string
  readonly labels: ReadonlyArray<readonly [name: string, value: string]>
}

/** Which limits the runs of this process share. Default: none. */
export class SharedLimits extends Context.Reference<SharedLimits>()("flujo/governance/SharedLimits", {
  defaultValue: (): ((run: Of) => ReadonlyArray<Shared>) => () => []
}) {}

/** The pools that a call made at an instant (milliseconds since 1970) draws from. */
export const pools = (shared: ReadonlyArray<Shared>, at: number): ReadonlyArray<Pool> =>
  shared.map(({ limits, name, per }) => ({ name: poolName(name, per, at), limits }))

const poolName = (name: string, per: Period, at: number): string => {
  switch (per) {
    case "all_time":
      return `${name}.all_time`
    case "month":
      return `${name}.month ${new Date(at).toISOString().slice(0, 7)}`
    case "day":
      return `${name}.day ${new Date(at).toISOString().slice(0, 10)}`
  }
}
