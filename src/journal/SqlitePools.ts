/**
 * Limits that runs share, in SQLite: what each run has of a pool, and the sum over all of them, moved together and only
 * inside a transaction of the driver. Numbers are read as `bigint`: a sum may be past what a number can say.
 */
import type Database from "better-sqlite3"
import * as Pool from "../domain/Pool.js"
import type { PoolRow } from "./Journal.js"
import type * as RunIndex from "./RunIndex.js"

export interface SqlitePools {
  readonly total: (pool: string) => Pool.Share
  readonly move: (run: string, moved: RunIndex.PoolMoved) => void
  readonly rows: (names: ReadonlyArray<string>) => ReadonlyArray<PoolRow>
  readonly of: (run: string) => ReadonlyMap<string, PoolRow>
  /** Puts `shares` in place of what the run has, and answers how many sums were not those of all shares. */
  readonly replace: (run: string, shares: ReadonlyMap<string, Pool.Share>) => number
  /** What the run spent stays spent. */
  readonly drop: (run: string) => void
}

const columns = "spent_cost, spent_tokens, held_cost, held_tokens, granted_cost, granted_tokens"
const named = `spent_cost AS spentCost, spent_tokens AS spentTokens, held_cost AS heldCost, held_tokens AS heldTokens,
  granted_cost AS grantedCost, granted_tokens AS grantedTokens`
const sums = columns
  .split(", ")
  .map((column) => `coalesce(sum(${column}), 0)`)
  .join(", ")
const added = columns
  .split(", ")
  .map((column) => `${column} = ${column} + excluded.${column}`)
  .join(", ")
const put = columns
  .split(", ")
  .map((column) => `${column} = excluded.${column}`)
  .join(", ")

type Values = [bigint, bigint, bigint, bigint, bigint, bigint]

const valuesOf = (share: Pool.Share): Values => [
  share.spentCost,
  share.spentTokens,
  share.heldCost,
  share.heldTokens,
  share.grantedCost,
  share.grantedTokens
]

export const make = (db: Database.Database, tenant: string): SqlitePools => {
  const selectTotal = db
    .prepare<[string, string], PoolRow>(`SELECT pool, ${named} FROM pools WHERE tenant = ? AND pool = ?`)
    .safeIntegers()
  const selectShares = db
    .prepare<[string, string], PoolRow>(`SELECT pool, ${named} FROM shares WHERE tenant = ? AND run = ?`)
    .safeIntegers()
  const addTotal = db.prepare<[string, string, ...Values]>(
    `INSERT INTO pools (tenant, pool, ${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (tenant, pool) DO UPDATE SET ${added}`
  )
  const addShare = db.prepare<[string, string, string, ...Values]>(
    `INSERT INTO shares (tenant, run, pool, ${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (tenant, pool, run) DO UPDATE SET ${added}`
  )
  const deleteShares = db.prepare<[string, string]>("DELETE FROM shares WHERE tenant = ? AND run = ?")
  const sumTotal = db.prepare<[string, string, string, string]>(
    `INSERT INTO pools (tenant, pool, ${columns})
     SELECT ?, ?, ${sums} FROM shares WHERE tenant = ? AND pool = ?
     ON CONFLICT (tenant, pool) DO UPDATE SET ${put}`
  )

  const rowOf = (pool: string): PoolRow | undefined => selectTotal.get(tenant, pool)
  const total = (pool: string): Pool.Share => rowOf(pool) ?? Pool.nothing
  const of = (run: string): ReadonlyMap<string, PoolRow> =>
    new Map(selectShares.all(tenant, run).map((row) => [row.pool, row]))

  return {
    total,
    of,
    move: (run, { by, pool }) => {
      const values = valuesOf(by)
      addTotal.run(tenant, pool, ...values)
      addShare.run(tenant, run, pool, ...values)
    },
    rows: (names) =>
      names.flatMap((pool) => {
        const row = rowOf(pool)
        return row === undefined ? [] : [row]
      }),
    replace: (run, shares) => {
      const touched = new Set([...of(run).keys(), ...shares.keys()])
      if (touched.size === 0) return 0
      const before = new Map(Array.from(touched, (pool) => [pool, total(pool)]))
      const had = of(run)
      deleteShares.run(tenant, run)
      for (const [pool, share] of shares) addShare.run(tenant, run, pool, ...valuesOf(share))
      let different = 0
      for (const pool of touched) {
        const change = Pool.add(shares.get(pool) ?? Pool.nothing, Pool.negated(had.get(pool) ?? Pool.nothing))
        sumTotal.run(tenant, pool, tenant, pool)
        if (!Pool.equals(total(pool), Pool.add(before.get(pool)!, change))) different += 1
      }
      return different
    },
    drop: (run) => {
      for (const [pool, share] of of(run)) addShare.run(tenant, "", pool, ...valuesOf(share))
      deleteShares.run(tenant, run)
    }
  }
}
