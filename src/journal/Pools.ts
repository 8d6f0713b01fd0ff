/** Which claims of a slice do not fit into what is left of the limits that runs share. */
import * as Pool from "../domain/Pool.js"
import type { Shortage, Slice } from "./Driver.js"
import type * as RunIndex from "./RunIndex.js"

export const movesOf = ({ changes }: Pick<Slice, "changes">): ReadonlyArray<RunIndex.PoolMoved> =>
  changes.filter((change) => change._tag === "PoolMoved")

/**
 * The claims in the order of their entries, each after what came before it in the slice: what is settled there is free
 * again. A claim of several pools takes of all of them, or of none. `totalOf`: as the pool stands before the slice.
 */
export const shortages = (
  moves: ReadonlyArray<RunIndex.PoolMoved>,
  totalOf: (pool: string) => Pool.Share
): ReadonlyArray<Shortage> => {
  if (!moves.some(({ limits }) => limits !== undefined)) return none
  const totals = new Map<string, Pool.Share>()
  const total = (pool: string): Pool.Share => totals.get(pool) ?? totalOf(pool)
  const found: Array<Shortage> = []
  for (let i = 0; i < moves.length; ) {
    const { seq } = moves[i]!
    const entry: Array<RunIndex.PoolMoved> = []
    for (; i < moves.length && moves[i]!.seq === seq; i++) entry.push(moves[i]!)
    const short = firstOf(entry, ({ by, limits, pool }) =>
      limits === undefined ? undefined : Pool.short({ name: pool, limits }, total(pool), by)
    )
    if (short !== undefined) found.push({ seq, ...short })
    else for (const { by, pool } of entry) totals.set(pool, Pool.add(total(pool), by))
  }
  return found
}

const none: ReadonlyArray<Shortage> = []

const firstOf = <A, B>(all: ReadonlyArray<A>, find: (one: A) => B | undefined): B | undefined => {
  for (const one of all) {
    const found = find(one)
    if (found !== undefined) return found
  }
  return undefined
}
