/** The log of a store in a SQLite file, and what is asked of the store as such. */
import type Database from "better-sqlite3"
import type * as Effect from "effect/Effect"
import type { LogOperations } from "./Driver.js"
import { JournalError, type Leaf, type LogKey, type Queued, type Sealed } from "./Journal.js"

export interface Access {
  readonly db: Database.Database
  readonly tenant: string
  readonly attempt: <A>(body: () => A) => Effect.Effect<A, JournalError>
  readonly transaction: <A>(body: () => A) => A
  /** Whether a run has ended, and nobody holds it. */
  readonly hasRest: (run: string) => boolean
  /** Called within the transaction that drops a run, before its rows go. */
  readonly dropped: (run: string) => void
}

export const make = ({ attempt, db, dropped, hasRest, tenant, transaction }: Access): LogOperations => {
  const selectQueued = db.prepare<[string, number, number], Columns<Queued>>(
    `SELECT run, size, root, gone, number AS "order" FROM unsealed WHERE tenant = ? AND number > ? ORDER BY number LIMIT ?`
  )
  const unqueue = db.prepare<[string, number]>("DELETE FROM unsealed WHERE tenant = ? AND number = ?")
  const countLog = db.prepare<[string], number>("SELECT coalesce(max(number) + 1, 0) FROM log WHERE tenant = ?").pluck()
  const insertLeaf = db.prepare<[string, number, string, number, string, number]>(
    "INSERT INTO log (tenant, number, run, size, root, gone) VALUES (?, ?, ?, ?, ?, ?)"
  )
  const selectLog = db.prepare<[string, number, number], Columns<Leaf>>(
    "SELECT run, size, root, gone FROM log WHERE tenant = ? AND number >= ? ORDER BY number LIMIT ?"
  )
  const selectLogOf = db.prepare<[string, string], Columns<Leaf>>(
    "SELECT run, size, root, gone FROM log WHERE tenant = ? AND run = ? ORDER BY number"
  )
  const insertCheckpoint = db.prepare<[string, number, string, string, string, number]>(
    "INSERT INTO checkpoints (tenant, size, origin, note, frontier, at) VALUES (?, ?, ?, ?, ?, ?)"
  )
  const selectLastSealed = db.prepare<[string], Sealed & { readonly frontier: string }>(
    "SELECT size, origin, note, frontier, at FROM checkpoints WHERE tenant = ? ORDER BY size DESC LIMIT 1"
  )
  const selectCheckpoints = db.prepare<[string, number, number], Sealed>(
    "SELECT size, origin, note, at FROM checkpoints WHERE tenant = ? AND size > ? ORDER BY size LIMIT ?"
  )
  const selectKeys = db.prepare<[string], LogKey>(
    "SELECT number, verifier, vouched, size, at FROM log_keys WHERE tenant = ? ORDER BY number"
  )
  const insertLogKey = db.prepare<[string, number, string, string | null, number, number]>(
    "INSERT OR IGNORE INTO log_keys (tenant, number, verifier, vouched, size, at) VALUES (?, ?, ?, ?, ?, ?)"
  )
  const selectCounts = db.prepare<[string], { status: string; count: number }>(
    "SELECT status, count(*) AS count FROM runs WHERE tenant = ? GROUP BY status"
  )
  const countEntries = db.prepare<[string], number>("SELECT count(*) FROM entries WHERE tenant = ?").pluck()
  const selectBytes = db.prepare<{ tenant: string; run: string }, number>(
    `SELECT coalesce((SELECT sum(octet_length(head) + coalesce(octet_length(payload), 0) + coalesce(length(salt), 0)) FROM entries
         WHERE tenant = @tenant AND run = @run), 0)
       + coalesce((SELECT sum(length(bytes)) FROM blobs WHERE tenant = @tenant AND run = @run), 0)
       + coalesce((SELECT sum(octet_length(data)) FROM inbox WHERE tenant = @tenant AND run = @run), 0)`
  )
  const queueGone = db.prepare<[string, string]>(
    `INSERT INTO unsealed (tenant, run, size, root, gone)
     SELECT tenant, run, size, root, 1 FROM roots WHERE tenant = ? AND run = ? ORDER BY size DESC LIMIT 1`
  )
  const dropRows = ["entries", "blobs", "keys", "inbox", "roots", "tasks", "runs", "leases", "cache"].map((table) =>
    db.prepare<[string, string]>(`DELETE FROM ${table} WHERE tenant = ? AND run = ?`)
  )

  return {
    info: attempt(() => {
      const pages = Number(db.pragma("page_count", { simple: true }))
      return {
        version: Number(db.pragma("user_version", { simple: true })),
        bytes: pages * Number(db.pragma("page_size", { simple: true })),
        entries: countEntries.get(tenant) ?? 0,
        runsByStatus: Object.fromEntries(selectCounts.all(tenant).map(({ count, status }) => [status, count]))
      }
    }),
    bytesOf: (run) => attempt(() => selectBytes.pluck().get({ tenant, run }) ?? 0),
    forget: (run) =>
      attempt(() =>
        transaction(() => {
          if (!hasRest(run)) return false
          queueGone.run(tenant, run)
          dropped(run)
          for (const drop of dropRows) drop.run(tenant, run)
          return true
        })
      ),
    vacuum: attempt(() => {
      db.exec("VACUUM")
      if (db.pragma("wal_checkpoint(TRUNCATE)", { simple: true }) === 1) {
        throw new JournalError({
          reason: "Locked",
          where: db.name,
          detail: "another process reads in it, so that its log could not be emptied; try again"
        })
      }
    }),
    queued: ({ after, limit }) => attempt(() => selectQueued.all(tenant, after, limit).map(leafOf)),
    log: ({ from, limit }) => attempt(() => selectLog.all(tenant, from, limit).map(leafOf)),
    logOf: (run) => attempt(() => selectLogOf.all(tenant, run).map(leafOf)),
    seal: ({ from, frontier, leaves, sealed }) =>
      attempt(() =>
        transaction(() => {
          if (countLog.get(tenant) !== from) return false
          for (const [i, { gone, order, root, run, size }] of leaves.entries()) {
            unqueue.run(tenant, order)
            insertLeaf.run(tenant, from + i, run, size, root, gone === true ? 1 : 0)
          }
          insertCheckpoint.run(tenant, sealed.size, sealed.origin, sealed.note, frontier, sealed.at)
          return true
        })
      ),
    lastSealed: attempt(() => {
      const found = selectLastSealed.get(tenant)
      if (found === undefined) return undefined
      const { frontier, ...sealed } = found
      return { sealed, frontier }
    }),
    checkpoints: ({ after, limit }) => attempt(() => selectCheckpoints.all(tenant, after, limit)),
    keys: attempt(() => selectKeys.all(tenant)),
    putKey: ({ at, number, size, verifier, vouched }) =>
      attempt(() => insertLogKey.run(tenant, number, verifier, vouched, size, at).changes === 1)
  }
}

type Columns<L extends Leaf> = Omit<L, "gone"> & { readonly gone: number }

const leafOf = <L extends Leaf>({ gone, ...leaf }: Columns<L>) => (gone === 1 ? { ...leaf, gone: true } : leaf)
