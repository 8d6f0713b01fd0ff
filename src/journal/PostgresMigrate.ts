/**
 * Brings the schema of a Postgres journal up to date: forward only, each migration once, all in one transaction, one
 * process at a time. What is not ours, or was written by a newer flujo, is refused and left as it is.
 */
import * as Effect from "effect/Effect"
import { JournalError } from "./Journal.js"
import * as Pool from "./PostgresPool.js"
import { migrations } from "./PostgresSchema.js"

export const migrate = (pool: Pool.Pool, readonly: boolean): Effect.Effect<void, JournalError> =>
  pool.use((lent) =>
    Effect.gen(function* () {
      const { schema, shown } = pool.uri
      const refuse = (reason: JournalError["reason"], detail: string): Effect.Effect<never, Pool.Failure> =>
        Effect.fail({ passing: false, code: "", error: new JournalError({ reason, where: shown, detail }) })

      const judge = Effect.gen(function* () {
        const version = yield* versionOf(lent, schema)
        if (version === "foreign") {
          return yield* refuse("Foreign", `its schema ${schema} is of another program; choose one with schema=NAME`)
        }
        if (version > migrations.length) {
          return yield* refuse(
            "Newer",
            `written by a newer flujo (format ${version}, this one knows up to ${migrations.length}); update flujo`
          )
        }
        return version
      })

      const [encoding] = yield* lent.query("SELECT current_setting('server_encoding') AS encoding")
      if (encoding?.encoding !== "UTF8") {
        return yield* refuse(
          "Unavailable",
          `the database has the encoding ${String(encoding?.encoding)}; make one with: createdb --encoding=UTF8 --template=template0`
        )
      }
      const before = yield* judge
      if (before === migrations.length) return
      if (readonly) {
        return yield* before === 0
          ? refuse("Foreign", `there is no flujo journal in its schema ${schema}`)
          : refuse("ReadOnly", "it was written by an older flujo; open it once for writing, which brings it up to date")
      }
      yield* Pool.transaction(
        lent,
        Effect.gen(function* () {
          yield* lent.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`flujo ${schema}`])
          // Another process may have done it meanwhile.
          const version = yield* judge
          if (version === migrations.length) return
          // Only if it must: one may write in a schema without being allowed to make one.
          const [there] = yield* lent.query("SELECT to_regnamespace($1) IS NOT NULL AS there", [schema])
          if (there?.there !== true) yield* lent.query(`CREATE SCHEMA ${schema}`)
          if (version === 0) yield* lent.query(`CREATE TABLE ${schema}.flujo_version (number INTEGER NOT NULL)`)
          for (const migration of migrations.slice(version)) yield* lent.query(migration(schema))
          yield* lent.query(`DELETE FROM ${schema}.flujo_version`)
          yield* lent.query(`INSERT INTO ${schema}.flujo_version VALUES ($1)`, [migrations.length])
        })
      )
    })
  )

/** 0: nothing is there yet. */
const versionOf = (lent: Pool.Lent, schema: string): Effect.Effect<number | "foreign", Pool.Failure> =>
  Effect.gen(function* () {
    const [found] = yield* lent.query(
      `SELECT to_regclass($1) IS NOT NULL AS ours,
         EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $2) AS used`,
      [`${schema}.flujo_version`, schema]
    )
    if (found?.ours !== true) return found?.used === true ? "foreign" : 0
    const [row] = yield* lent.query(`SELECT number FROM ${schema}.flujo_version`)
    return typeof row?.number === "number" ? row.number : "foreign"
  })
