/** The log of a store in Postgres, and what is asked of the store as such. Sealers take turns by an advisory lock, so that each goes on where the last one ended. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { LogOperations } from "./Driver.js"
import type { JournalError } from "./Journal.js"
import * as Pool from "./PostgresPool.js"
import * as PostgresPools from "./PostgresPools.js"
import * as RunIndex from "./RunIndex.js"

export interface Access {
  readonly pool: Pool.Pool
  readonly schema: string
  readonly tenant: string
  readonly damaged: (table: string) => Pool.Failure
}

/** Those that hold what is of one run. */
const tables = ["entries", "blobs", "keys", "inbox", "roots", "tasks", "runs", "leases", "cache"]

export const make = ({ damaged, pool, schema, tenant }: Access): LogOperations => {
  const read = <A, I>(
    table: string,
    row: Schema.Schema<A, I>,
    text: string,
    values: ReadonlyArray<unknown>
  ): Effect.Effect<ReadonlyArray<A>, JournalError> => {
    const decode = Schema.decodeUnknownEither(Schema.Array(row))
    return pool.use((lent) =>
      Effect.flatMap(lent.query(text, [tenant, ...values]), (rows) => {
        const decoded = decode(rows)
        return Either.isRight(decoded) ? Effect.succeed(decoded.right) : Effect.fail(damaged(table))
      })
    )
  }
  const locked = <A>(body: (lent: Pool.Lent) => Effect.Effect<A, Pool.Failure>): Effect.Effect<A, JournalError> =>
    pool.use((lent) =>
      Pool.transaction(
        lent,
        Effect.zipRight(
          lent.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`flujo log ${schema} ${tenant}`]),
          body(lent)
        )
      )
    )

  return {
    info: Effect.map(
      Effect.all([
        read(
          "runs",
          Schema.Struct({ status: Schema.String, count: Schema.Number }),
          `SELECT status, count(*)::FLOAT8 AS count FROM ${schema}.runs WHERE tenant = $1 GROUP BY status`,
          []
        ),
        read(
          "entries",
          Schema.Struct({ version: Schema.Int, bytes: Schema.Number, entries: Schema.Number }),
          `SELECT (SELECT number FROM ${schema}.flujo_version) AS version,
             (SELECT sum(pg_total_relation_size(c.oid))::FLOAT8 FROM pg_class c
              WHERE c.relnamespace = $2::regnamespace AND c.relkind = 'r') AS bytes,
             (SELECT count(*)::FLOAT8 FROM ${schema}.entries WHERE tenant = $1) AS entries`,
          [schema]
        )
      ]),
      ([counts, [row]]) => ({
        version: row?.version ?? 0,
        bytes: row?.bytes ?? 0,
        entries: row?.entries ?? 0,
        runsByStatus: Object.fromEntries(counts.map(({ count, status }) => [status, count]))
      })
    ),
    bytesOf: (run) =>
      Effect.map(
        read(
          "entries",
          Schema.Struct({ bytes: Schema.Number }),
          `SELECT coalesce((SELECT sum(octet_length(head) + coalesce(octet_length(payload), 0) + coalesce(length(salt), 0))
               FROM ${schema}.entries WHERE tenant = $1 AND run = $2), 0)::FLOAT8
             + coalesce((SELECT sum(length(bytes)) FROM ${schema}.blobs WHERE tenant = $1 AND run = $2), 0)::FLOAT8
             + coalesce((SELECT sum(octet_length(data)) FROM ${schema}.inbox WHERE tenant = $1 AND run = $2), 0)::FLOAT8
             AS bytes`,
          [run]
        ),
        ([row]) => row?.bytes ?? 0
      ),
    forget: (run) =>
      pool.use((lent) =>
        Pool.transaction(
          lent,
          Effect.gen(function* () {
            const [lease] = yield* lent.query(
              `SELECT owner FROM ${schema}.leases WHERE tenant = $1 AND run = $2 FOR UPDATE`,
              [tenant, run]
            )
            const [row] = yield* lent.query(`SELECT status FROM ${schema}.runs WHERE tenant = $1 AND run = $2`, [
              tenant,
              run
            ])
            const status = RunIndex.RunStatus.literals.find((one) => one === row?.status)
            if (lease === undefined || lease.owner !== null || !RunIndex.hasEnded(status)) return false
            yield* lent.query(
              `INSERT INTO ${schema}.unsealed (tenant, run, size, root, gone)
               SELECT tenant, run, size, root, true FROM ${schema}.roots
               WHERE tenant = $1 AND run = $2 ORDER BY size DESC LIMIT 1`,
              [tenant, run]
            )
            yield* PostgresPools.drop(lent, schema, tenant, run)
            for (const table of tables) {
              yield* lent.query(`DELETE FROM ${schema}.${table} WHERE tenant = $1 AND run = $2`, [tenant, run])
            }
            return true
          })
        )
      ),
    vacuum: pool.use((lent) =>
      Effect.forEach(
        [...tables, "unsealed", "log", "labels", "pools", "shares"],
        (table) => lent.query(`VACUUM (ANALYZE) ${schema}.${table}`),
        { discard: true }
      )
    ),
    queued: ({ after, limit }) =>
      read(
        "roots",
        Queued,
        `SELECT run, size, root, gone, number::FLOAT8 AS "order" FROM ${schema}.unsealed
         WHERE tenant = $1 AND number > $2 ORDER BY number LIMIT $3`,
        [after, limit]
      ),
    log: ({ from, limit }) =>
      read(
        "roots",
        Leaf,
        `SELECT run, size, root, gone FROM ${schema}.log WHERE tenant = $1 AND number >= $2 ORDER BY number LIMIT $3`,
        [from, limit]
      ),
    logOf: (run) =>
      read(
        "roots",
        Leaf,
        `SELECT run, size, root, gone FROM ${schema}.log WHERE tenant = $1 AND run = $2 ORDER BY number`,
        [run]
      ),
    // Asked again after a lost answer it finds the log longer, and says that it did nothing.
    seal: ({ from, frontier, leaves, sealed }) =>
      locked((lent) =>
        Effect.gen(function* () {
          const [row] = yield* lent.query(
            `SELECT coalesce(max(number) + 1, 0) AS count FROM ${schema}.log WHERE tenant = $1`,
            [tenant]
          )
          if (row?.count !== from) return false
          yield* lent.query(`DELETE FROM ${schema}.unsealed WHERE tenant = $1 AND number = ANY ($2)`, [
            tenant,
            leaves.map(({ order }) => order)
          ])
          yield* lent.query(
            `INSERT INTO ${schema}.log (tenant, number, run, size, root, gone)
             SELECT $1, l.number, l.run, l.size, l.root, coalesce(l.gone, false)
             FROM json_to_recordset($2) AS l (number INTEGER, run TEXT, size INTEGER, root TEXT, gone BOOLEAN)`,
            [tenant, JSON.stringify(leaves.map(({ order: _, ...leaf }, i) => ({ number: from + i, ...leaf })))]
          )
          yield* lent.query(
            `INSERT INTO ${schema}.checkpoints (tenant, size, origin, note, frontier, at) VALUES ($1, $2, $3, $4, $5, $6)`,
            [tenant, sealed.size, sealed.origin, sealed.note, frontier, sealed.at]
          )
          return true
        })
      ),
    lastSealed: Effect.map(
      read(
        "checkpoints",
        Schema.Struct({ ...Sealed.fields, frontier: Schema.String }),
        `SELECT size, origin, note, frontier, at::FLOAT8 AS at FROM ${schema}.checkpoints
         WHERE tenant = $1 ORDER BY size DESC LIMIT 1`,
        []
      ),
      ([found]) => {
        if (found === undefined) return undefined
        const { frontier, ...sealed } = found
        return { sealed, frontier }
      }
    ),
    checkpoints: ({ after, limit }) =>
      read(
        "checkpoints",
        Sealed,
        `SELECT size, origin, note, at::FLOAT8 AS at FROM ${schema}.checkpoints
         WHERE tenant = $1 AND size > $2 ORDER BY size LIMIT $3`,
        [after, limit]
      ),
    keys: read(
      "log_keys",
      LogKey,
      `SELECT number, verifier, vouched, size, at::FLOAT8 AS at FROM ${schema}.log_keys WHERE tenant = $1 ORDER BY number`,
      []
    ),
    putKey: ({ at, number, size, verifier, vouched }) =>
      locked((lent) =>
        Effect.map(
          lent.query(
            `INSERT INTO ${schema}.log_keys (tenant, number, verifier, vouched, size, at) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (tenant, number) DO UPDATE SET at = ${schema}.log_keys.at RETURNING verifier`,
            [tenant, number, verifier, vouched, size, at]
          ),
          // Asked again after a lost answer it is the same one.
          ([row]) => row?.verifier === verifier
        )
      )
  }
}

const Leaf = Schema.Struct({ run: Schema.String, size: Schema.Int, root: Schema.String, gone: Schema.Boolean })
const Queued = Schema.Struct({ ...Leaf.fields, order: Schema.Number })
const Sealed = Schema.Struct({ size: Schema.Int, origin: Schema.String, note: Schema.String, at: Schema.Number })
const LogKey = Schema.Struct({
  number: Schema.Int,
  verifier: Schema.String,
  vouched: Schema.NullOr(Schema.String),
  size: Schema.Int,
  at: Schema.Number
})
