/** The log of a store in Postgres. Sealers take turns by an advisory lock, so that each goes on where the last one ended. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Driver } from "./Driver.js"
import type { JournalError } from "./Journal.js"
import * as Pool from "./PostgresPool.js"

type Operations = Pick<Driver, "queued" | "log" | "logOf" | "seal" | "lastSealed" | "checkpoints" | "keys" | "putKey">

export interface Access {
  readonly pool: Pool.Pool
  readonly schema: string
  readonly tenant: string
  readonly damaged: (table: string) => Pool.Failure
}

export const make = ({ damaged, pool, schema, tenant }: Access): Operations => {
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
    queued: ({ after, limit }) =>
      read(
        "roots",
        Queued,
        `SELECT run, size, root, number::FLOAT8 AS "order" FROM ${schema}.unsealed
         WHERE tenant = $1 AND number > $2 ORDER BY number LIMIT $3`,
        [after, limit]
      ),
    log: ({ from, limit }) =>
      read(
        "roots",
        Leaf,
        `SELECT run, size, root FROM ${schema}.log WHERE tenant = $1 AND number >= $2 ORDER BY number LIMIT $3`,
        [from, limit]
      ),
    logOf: (run) =>
      read("roots", Leaf, `SELECT run, size, root FROM ${schema}.log WHERE tenant = $1 AND run = $2 ORDER BY number`, [
        run
      ]),
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
            `INSERT INTO ${schema}.log (tenant, number, run, size, root)
             SELECT $1, l.number, l.run, l.size, l.root
             FROM json_to_recordset($2) AS l (number INTEGER, run TEXT, size INTEGER, root TEXT)`,
            [tenant, JSON.stringify(leaves.map(({ root, run, size }, i) => ({ number: from + i, run, size, root })))]
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

const Leaf = Schema.Struct({ run: Schema.String, size: Schema.Int, root: Schema.String })
const Queued = Schema.Struct({ ...Leaf.fields, order: Schema.Number })
const Sealed = Schema.Struct({ size: Schema.Int, origin: Schema.String, note: Schema.String, at: Schema.Number })
const LogKey = Schema.Struct({
  number: Schema.Int,
  verifier: Schema.String,
  vouched: Schema.NullOr(Schema.String),
  size: Schema.Int,
  at: Schema.Number
})
