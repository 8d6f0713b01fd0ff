/**
 * The journal in a Postgres database, for more than one machine. A batch of the writer is one call of a function of the
 * database (`PostgresSchema.ts`), numbered, so that it can be asked again when its answer was lost. A lease's row locks
 * its run: whoever writes, parks or leaves a letter takes that lock first and looks at letters after it.
 */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { RunId } from "../domain/RunId.js"
import { StepPath } from "../domain/StepPath.js"
import type { Answer, Delivery, Driver, LeaseRow, LetterRow, NewLetter, Row, Slice } from "./Driver.js"
import * as Inbox from "./Inbox.js"
import { Journal, JournalError, Owner, type RunFilter } from "./Journal.js"
import * as JournalMake from "./JournalMake.js"
import * as PostgresBatch from "./PostgresBatch.js"
import * as PostgresLog from "./PostgresLog.js"
import { migrate } from "./PostgresMigrate.js"
import * as Pool from "./PostgresPool.js"
import * as PostgresPools from "./PostgresPools.js"
import * as RunIndex from "./RunIndex.js"

export interface Options extends Pool.Options, JournalMake.Options {
  /**
   * `normal`: the last commits may not survive a crash of the server (`synchronous_commit = off`). `full`: what is
   * committed is as durable as the server's own settings make it. Default `full`.
   */
  readonly durability?: "full" | "normal" | undefined
  /** Nothing is written, and whatever would write fails with `ReadOnly`. */
  readonly readonly?: boolean | undefined
}

export const makeDriver = (options: Options): Effect.Effect<Driver, JournalError, Scope.Scope> =>
  Effect.gen(function* () {
    const pool = yield* Pool.open(options)
    yield* migrate(pool, options.readonly === true)
    const tenant = options.tenant ?? "default"
    const writer = randomUUID()
    if (options.readonly === true) return readOnly(driver(pool, tenant, writer, false))
    const { schema } = pool.uri
    // Nobody asks for the answers of a writer that has ended, or that was cut off a day ago: its leases have run out.
    yield* pool.use((lent) =>
      lent.query(`DELETE FROM ${schema}.batches WHERE at < clock_timestamp() - interval '1 day'`)
    )
    yield* Effect.addFinalizer(() =>
      Effect.ignore(
        pool.once((lent) =>
          lent.query(`DELETE FROM ${schema}.batches WHERE tenant = $1 AND writer = $2`, [tenant, writer])
        )
      )
    )
    return driver(pool, tenant, writer, options.durability === "normal")
  })

export const layer = (options: Options): Layer.Layer<Journal, JournalError> =>
  Layer.scoped(
    Journal,
    Effect.flatMap(makeDriver(options), (driver) => JournalMake.make(driver, options))
  )

const driver = (pool: Pool.Pool, tenant: string, writer: string, isRelaxed: boolean): Driver => {
  const { schema, shown: name } = pool.uri
  let batch = 0

  const corrupt = (run: string, detail: string): Pool.Failure => ({
    passing: false,
    code: "",
    error: new JournalError({ reason: "Corrupt", where: `run ${run}`, detail })
  })

  const damaged = (table: string): Pool.Failure => ({
    passing: false,
    code: "",
    error: new JournalError({
      reason: "Corrupt",
      where: name,
      detail: `the index of ${table} cannot be read; flujo state rebuild makes it again`
    })
  })

  /** A statement that changes nothing, and its rows. */
  const ask = <A>(
    text: string,
    values: ReadonlyArray<unknown>,
    read: (rows: Pool.Rows) => Effect.Effect<A, Pool.Failure>
  ): Effect.Effect<A, JournalError> => pool.use((lent) => Effect.flatMap(lent.query(text, values), read))

  const relaxed = isRelaxed ? "set_config('synchronous_commit', 'off', true), " : ""
  const commitText = `SELECT ${relaxed}${schema}.write_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) AS answer`

  const commit = (slices: ReadonlyArray<Slice>): Effect.Effect<ReadonlyArray<Answer>, JournalError> =>
    Effect.suspend(() => {
      batch += 1
      const sent = PostgresBatch.oneForEachRun(slices)
      const values = [tenant, writer, batch, ...PostgresBatch.encode(sent)]
      return pool.write((lent) =>
        Effect.flatMap(lent.query(commitText, values), ([row]) => {
          const answers = PostgresBatch.decode(row?.answer, slices, sent)
          return answers === undefined ? Effect.fail(damaged("batches")) : Effect.succeed(answers)
        })
      )
    })

  const select: Driver["select"] = ({ from, limit, run }) =>
    ask(
      `SELECT seq, head, payload, salt, blob FROM ${schema}.entries
       WHERE tenant = $1 AND run = $2 AND seq >= $3 ORDER BY seq LIMIT $4`,
      [tenant, run, from, limit],
      (rows) =>
        Effect.forEach(rows, (row) =>
          isRow(row) ? Effect.succeed(row) : Effect.fail(corrupt(run, "a row is damaged"))
        )
    )

  const heads: Driver["heads"] = ({ from, limit, run }) =>
    ask(
      `SELECT head FROM ${schema}.entries WHERE tenant = $1 AND run = $2 AND seq >= $3 ORDER BY seq LIMIT $4`,
      [tenant, run, from, limit],
      (rows) =>
        Effect.map(orElse(decodeHeads(rows), corrupt(run, "a row is damaged")), (all) => all.map(({ head }) => head))
    )

  const roots: Driver["roots"] = ({ after, limit, run }) =>
    ask(
      `SELECT size, root FROM ${schema}.roots WHERE tenant = $1 AND run = $2 AND size > $3 ORDER BY size LIMIT $4`,
      [tenant, run, after, limit],
      (rows) => orElse(decodeRoots(rows), corrupt(run, "a root is damaged"))
    )

  const leaseOf = (
    lent: Pool.Lent,
    run: RunId
  ): Effect.Effect<(LeaseRow & { ticket: unknown }) | undefined, Pool.Failure> =>
    Effect.flatMap(
      lent.query(
        `SELECT owner, epoch, expires_at::FLOAT8 AS "expiresAt", ticket FROM ${schema}.leases WHERE tenant = $1 AND run = $2`,
        [tenant, run]
      ),
      ([row]) => {
        if (row === undefined) return Effect.succeed(undefined)
        const lease = decodeLease(row)
        return Either.isRight(lease)
          ? Effect.succeed({ ...lease.right, ticket: row.ticket })
          : Effect.fail(corrupt(run, "its lease cannot be read"))
      }
    )

  /** Whoever has it keeps everybody else from writing in the run, and from leaving letters. */
  const lock = (lent: Pool.Lent, run: RunId) =>
    lent.query(`SELECT 1 FROM ${schema}.leases WHERE tenant = $1 AND run = $2 FOR UPDATE`, [tenant, run])

  /** The ticket tells one's own change from another one's, if the answer to it was lost. */
  const take: Driver["take"] = ({ expiresAt, owner, run, seen }) =>
    Effect.suspend(() => {
      const ticket = randomUUID()
      return pool.use((lent) =>
        Effect.gen(function* () {
          yield* lent.query(
            `UPDATE ${schema}.leases SET owner = $3, epoch = epoch + 1, expires_at = $4, ticket = $5
             WHERE tenant = $1 AND run = $2 AND epoch = $6 AND expires_at = $7 AND (owner IS NULL) = $8`,
            [
              tenant,
              run,
              PostgresBatch.ownerText(owner),
              expiresAt,
              ticket,
              seen.epoch,
              seen.expiresAt,
              seen.owner === null
            ]
          )
          const lease = yield* leaseOf(lent, run)
          if (lease?.ticket !== ticket) return undefined
          const [row] = yield* lent.query(
            `SELECT (SELECT key FROM ${schema}.keys WHERE tenant = $1 AND run = $2) AS key,
               (SELECT coalesce(max(seq) + 1, 0) FROM ${schema}.entries WHERE tenant = $1 AND run = $2) AS next`,
            [tenant, run]
          )
          if (!(row?.key instanceof Uint8Array) || typeof row.next !== "number") {
            return yield* Effect.fail(corrupt(run, "its key is missing"))
          }
          return { epoch: lease.epoch, next: row.next, key: row.key }
        })
      )
    })

  const renew: Driver["renew"] = ({ expiresAt, owner, runs }) =>
    ask(
      // Locked in order, as a batch does: two that lock in different orders wait for each other.
      `WITH mine AS (
         SELECT run FROM ${schema}.leases WHERE tenant = $1 AND run = ANY ($2) AND owner = $3 ORDER BY run FOR UPDATE
       )
       UPDATE ${schema}.leases l SET expires_at = $4 FROM mine
       WHERE l.tenant = $1 AND l.run = mine.run RETURNING l.run, l.epoch`,
      [tenant, runs, PostgresBatch.ownerText(owner), expiresAt],
      (rows) => orElse(decodeHeld(rows), damaged("leases"))
    )

  const giveBack: Driver["giveBack"] = ({ epoch, run }) =>
    ask(
      `UPDATE ${schema}.leases SET owner = NULL WHERE tenant = $1 AND run = $2 AND epoch = $3`,
      [tenant, run, epoch],
      () => Effect.void
    )

  const deliver = (letter: NewLetter): Effect.Effect<Delivery, JournalError> =>
    pool.use((lent, isAgain) => Pool.transaction(lent, leave(lent, letter, isAgain)))

  const leave = (lent: Pool.Lent, letter: NewLetter, isAgain: boolean): Effect.Effect<Delivery, Pool.Failure> =>
    Effect.gen(function* () {
      const { at, data, id, kind, path, run } = letter
      yield* lock(lent, run)
      const [facts] = yield* Effect.flatMap(
        lent.query(
          `SELECT (SELECT status FROM ${schema}.runs WHERE tenant = $1 AND run = $2) AS status,
             (SELECT json_build_object('id', id, 'data', data, 'at', at, 'taken', taken, 'order', number)
              FROM ${schema}.inbox WHERE tenant = $1 AND run = $2 AND id = $3) AS earlier,
             (SELECT coalesce(json_agg(path ORDER BY seq), '[]') FROM ${schema}.tasks WHERE tenant = $1 AND run = $2) AS open`,
          [tenant, run, id]
        ),
        (rows) => orElse(decodeFacts(rows), damaged("letters"))
      )
      const { earlier, open, status } = facts!
      // Left by an earlier try, whose answer was lost; it may have been taken by now.
      if (isAgain && earlier !== null && earlier.data === data && earlier.at === at) {
        return { _tag: "Left", order: earlier.order }
      }
      const judgement = Inbox.judge(kind, {
        status: status ?? undefined,
        earlier: earlier ?? undefined,
        open: path !== null && open.includes(path)
      })
      switch (judgement) {
        case "Unknown":
          return { _tag: "Unknown" }
        case "Ended":
          return { _tag: "Ended", status: status! }
        case "NoTask":
          return { _tag: "NoTask", open }
        case "Taken":
          return { _tag: "Taken", first: earlier! }
        case "Same":
          return { _tag: "Left", order: earlier!.order }
        case "Again":
        case "Insert": {
          yield* lent.query(`DELETE FROM ${schema}.inbox WHERE tenant = $1 AND run = $2 AND id = $3`, [tenant, run, id])
          const [row] = yield* lent.query(
            `INSERT INTO ${schema}.inbox (tenant, run, id, kind, path, data, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
             RETURNING number::FLOAT8 AS number`,
            [tenant, run, id, kind, path, data, at]
          )
          yield* lent.query(
            `UPDATE ${schema}.runs SET status = 'ready' WHERE tenant = $1 AND run = $2 AND status = 'suspended'`,
            [tenant, run]
          )
          return { _tag: "Left", order: Number(row?.number) }
        }
      }
    })

  const letters: Driver["letters"] = (run) =>
    ask(
      `SELECT id, data, at::FLOAT8 AS at FROM ${schema}.inbox
       WHERE tenant = $1 AND run = $2 AND NOT taken ORDER BY number`,
      [tenant, run],
      (rows) => orElse(decodeLetters(rows), damaged("letters"))
    )

  const waiting: Driver["waiting"] = (runs) =>
    ask(
      `SELECT run, max(number)::FLOAT8 AS "order" FROM ${schema}.inbox
       WHERE tenant = $1 AND NOT taken AND run = ANY ($2) GROUP BY run`,
      [tenant, runs],
      (rows) => orElse(decodeWaiting(rows), damaged("letters"))
    )

  const runs = ({ before, label, limit, name: part, pipeline, prefix, since, status, until }: RunFilter) => {
    const conditions: Array<string> = ["r.tenant = $1"]
    const values: Array<unknown> = [tenant]
    const value = (given: unknown): string => `$${values.push(given)}`
    // Read in the order of the index that narrows most.
    const join = label === undefined ? "" : `JOIN ${schema}.labels l USING (tenant, started_at, run)`
    if (label !== undefined) conditions.push(`l.tenant = $1 AND l.label = ${value(JSON.stringify(label))}`)
    if (since !== undefined) conditions.push(`started_at >= ${value(since)}`)
    if (until !== undefined) conditions.push(`started_at < ${value(until)}`)
    // The name stands as JSON text, in which what is looked for stands as it does in its own.
    if (part !== undefined) {
      conditions.push(`position(lower(${value(JSON.stringify(part).slice(1, -1))}) IN lower(pipeline)) > 0`)
    }
    if (status !== undefined) conditions.push(`status = ANY (${value(status)})`)
    if (prefix !== undefined) {
      // Characters of an id are below U+007F, so these are the ids that start with `prefix`.
      conditions.push(`run >= ${value(prefix)} AND run < ${value(`${prefix}\u007f`)}`)
    }
    if (pipeline !== undefined) conditions.push(`pipeline = ${value(JSON.stringify(pipeline))}`)
    if (before !== undefined) {
      conditions.push(
        `(started_at, run) < (SELECT started_at, run FROM ${schema}.runs WHERE tenant = $1 AND run = ${value(before)})`
      )
    }
    return ask(
      `SELECT ${runColumns} FROM ${schema}.runs r ${join} WHERE ${conditions.join(" AND ")}
       ORDER BY started_at DESC, run DESC LIMIT ${value(limit)}`,
      values,
      (rows) => orElse(decodeRuns(rows), damaged("runs"))
    )
  }

  const project: Driver["project"] = ({ count, isDry, projection, run }) =>
    // Asked again after a lost answer it would say that nothing was different.
    pool.once((lent) =>
      Pool.transaction(
        lent,
        Effect.gen(function* () {
          yield* lock(lent, run)
          const [facts] = yield* lent.query(
            `SELECT (SELECT coalesce(max(seq) + 1, 0) FROM ${schema}.entries WHERE tenant = $1 AND run = $2) AS count,
               ${schema}.is_waited_for($1, $2) AS waited`,
            [tenant, run]
          )
          if (facts?.count !== count) return undefined
          const { row, tasks } = projection
          const wanted: RunIndex.Projection = {
            row: row?.status === "suspended" && facts.waited === true ? { ...row, status: "ready" } : row,
            tasks,
            pools: projection.pools
          }
          const storedRuns = yield* lent.query(
            `SELECT ${runColumns} FROM ${schema}.runs WHERE tenant = $1 AND run = $2`,
            [tenant, run]
          )
          const storedTasks = yield* lent.query(
            `SELECT ${taskColumns} FROM ${schema}.tasks WHERE tenant = $1 AND run = $2`,
            [tenant, run]
          )
          const storedLabels = yield* lent.query(
            `SELECT label, started_at::FLOAT8 AS at FROM ${schema}.labels WHERE tenant = $1 AND run = $2`,
            [tenant, run]
          )
          const found = decodeRuns(storedRuns)
          const foundTasks = new Map<StepPath, RunIndex.TaskRow>()
          let brokenTasks = 0
          for (const stored of storedTasks) {
            const task = decodeTasks([stored])
            if (Either.isRight(task)) foundTasks.set(task.right[0]!.path, task.right[0]!)
            else brokenTasks += 1
          }
          const labels = storedLabels.map(({ at, label }) => RunIndex.labelText(String(label), Number(at)))
          const stored: RunIndex.Stored = {
            row: Either.isRight(found) ? found.right[0] : "unreadable",
            tasks: foundTasks,
            brokenTasks,
            labels,
            pools: yield* PostgresPools.of(lent, schema, tenant, run)
          }
          yield* lent.query("SAVEPOINT before")
          const sums = yield* PostgresPools.replace(lent, schema, tenant, run, projection.pools)
          const different = [
            ...RunIndex.differences(stored, wanted),
            ...Array.from({ length: sums }, () => RunIndex.wrongSum)
          ]
          if (isDry) yield* lent.query("ROLLBACK TO SAVEPOINT before")
          if (different.length === 0 || isDry) return different
          yield* lent.query(`DELETE FROM ${schema}.labels WHERE tenant = $1 AND run = $2`, [tenant, run])
          yield* lent.query(`DELETE FROM ${schema}.runs WHERE tenant = $1 AND run = $2`, [tenant, run])
          yield* lent.query(`DELETE FROM ${schema}.tasks WHERE tenant = $1 AND run = $2`, [tenant, run])
          yield* lent.query(
            `SELECT ${schema}.write_changes($1, 'any', $2, NULL, NULL, NULL, NULL, $3, NULL, NULL, $4)`,
            [tenant, [run], ...PostgresBatch.encodeProjection(wanted)]
          )
          return different
        })
      )
    )

  return {
    name,
    commit,
    select,
    heads,
    roots,
    blob: ({ address, run }) =>
      ask(
        `SELECT bytes FROM ${schema}.blobs WHERE tenant = $1 AND run = $2 AND address = $3`,
        [tenant, run, address],
        ([row]) => Effect.succeed(row?.bytes instanceof Uint8Array ? row.bytes : undefined)
      ),
    lease: (run) =>
      pool.use((lent) =>
        Effect.map(leaseOf(lent, run), (lease) => {
          if (lease === undefined) return undefined
          const { ticket: _, ...row } = lease
          return row
        })
      ),
    take,
    renew,
    giveBack,
    deliver,
    letters,
    waiting,
    runKey: (run) =>
      ask(`SELECT key FROM ${schema}.keys WHERE tenant = $1 AND run = $2`, [tenant, run], ([row]) =>
        Effect.succeed(row?.key instanceof Uint8Array ? row.key : undefined)
      ),
    runKeys: ({ after, limit }) =>
      ask(
        `SELECT run, key FROM ${schema}.keys WHERE tenant = $1 AND run > $2 ORDER BY run LIMIT $3`,
        [tenant, after ?? "", limit],
        (rows) => orElse(decodeKeys(rows), damaged("keys"))
      ),
    // Asked again after a lost answer it says that it did nothing, and who asked looks again.
    putRunKey: ({ key, run, seen }) =>
      ask(
        `UPDATE ${schema}.keys SET key = $3 WHERE tenant = $1 AND run = $2 AND key = $4 RETURNING run`,
        [tenant, run, key, seen],
        (rows) => Effect.succeed(rows.length === 1)
      ),
    putPlan: ({ digest, json }) =>
      ask(
        `INSERT INTO ${schema}.plans (tenant, digest, json) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
        [tenant, digest, json],
        () => Effect.void
      ),
    recall: (key) =>
      ask(
        `SELECT key, run, value, at::FLOAT8 AS at, expires_at::FLOAT8 AS "expiresAt" FROM ${schema}.cache
         WHERE tenant = $1 AND key = $2`,
        [tenant, key],
        (rows) => Effect.map(orElse(decodeKept(rows), damaged("cache")), ([row]) => row)
      ),
    keep: ({ at, expiresAt, key, run, value }, max) =>
      pool.use((lent) =>
        Effect.gen(function* () {
          yield* lent.query(`DELETE FROM ${schema}.cache WHERE tenant = $1 AND expires_at <= $2`, [tenant, at])
          yield* lent.query(
            `INSERT INTO ${schema}.cache (tenant, key, run, value, at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (tenant, key) DO UPDATE SET run = excluded.run, value = excluded.value, at = excluded.at,
               expires_at = excluded.expires_at`,
            [tenant, key, run, value, at, expiresAt]
          )
          yield* lent.query(
            `DELETE FROM ${schema}.cache WHERE tenant = $1 AND key IN
               (SELECT key FROM ${schema}.cache WHERE tenant = $1 ORDER BY at DESC, key OFFSET $2)`,
            [tenant, max]
          )
        })
      ),
    plan: (digest) =>
      ask(`SELECT json FROM ${schema}.plans WHERE tenant = $1 AND digest = $2`, [tenant, digest], ([row]) =>
        Effect.succeed(typeof row?.json === "string" ? row.json : undefined)
      ),
    run: (run) =>
      ask(`SELECT ${runColumns} FROM ${schema}.runs WHERE tenant = $1 AND run = $2`, [tenant, run], (rows) =>
        Effect.map(orElse(decodeRuns(rows), damaged("runs")), ([row]) => row)
      ),
    runs,
    tasks: ({ limit, run }) =>
      ask(
        `SELECT ${taskColumns} FROM ${schema}.tasks WHERE tenant = $1 AND ($2::TEXT IS NULL OR run = $2)
         ORDER BY opened_at, run, seq LIMIT $3`,
        [tenant, run ?? null, limit],
        (rows) => orElse(decodeTasks(rows), damaged("tasks"))
      ),
    pools: (names) => pool.use((lent) => PostgresPools.named(lent, schema, tenant, names)),
    shares: (run) =>
      pool.use((lent) => Effect.map(PostgresPools.of(lent, schema, tenant, run), (shares) => [...shares.values()])),
    ids: ({ after, limit }) =>
      ask(
        ["entries", "runs", "tasks", "labels", "shares"]
          .map(
            (table) =>
              `(SELECT DISTINCT run FROM ${schema}.${table} WHERE tenant = $1 AND run > $2 ORDER BY run LIMIT $3)`
          )
          .join(" UNION ")
          .concat(" ORDER BY run LIMIT $3"),
        [tenant, after ?? "", limit],
        (rows) => Effect.map(orElse(decodeIds(rows), damaged("runs")), (found) => found.map(({ run }) => run))
      ),
    project,
    erase: ({ changes, epoch, roots, row, run }) =>
      pool.use((lent) =>
        Pool.transaction(
          lent,
          Effect.gen(function* () {
            yield* lock(lent, run)
            const [facts] = yield* lent.query(
              `SELECT EXISTS (SELECT 1 FROM ${schema}.leases
                 WHERE tenant = $1 AND run = $2 AND epoch = $3 AND owner IS NOT NULL) AS held,
                 EXISTS (SELECT 1 FROM ${schema}.entries
                 WHERE tenant = $1 AND run = $2 AND seq = $4 AND head = $5) AS done`,
              [tenant, run, epoch, row.seq, row.head]
            )
            // Asked again after a lost answer it was done by the first time.
            if (facts?.held !== true) return facts?.done === true
            const writing = { rows: [row], roots, changes, blobs: [], letters: [] }
            // Without pools: who erases has made sure that the run has nothing set aside.
            const [, rows, rooted, , , , moved] = PostgresBatch.encode([
              { run, epoch, acquire: undefined, rest: undefined, ...writing }
            ])
            yield* lent.query(
              `SELECT ${schema}.write_changes($1, 'any', $2, $3, $4, NULL, NULL, NULL, $5, NULL, NULL)`,
              [tenant, [run], rows, rooted, moved]
            )
            yield* lent.query(
              `UPDATE ${schema}.entries SET payload = NULL, salt = NULL, blob = NULL
               WHERE tenant = $1 AND run = $2 AND (payload IS NOT NULL OR salt IS NOT NULL OR blob IS NOT NULL)`,
              [tenant, run]
            )
            for (const table of ["blobs", "inbox", "cache", "keys", "tasks"]) {
              yield* lent.query(`DELETE FROM ${schema}.${table} WHERE tenant = $1 AND run = $2`, [tenant, run])
            }
            yield* lent.query(`UPDATE ${schema}.leases SET owner = NULL WHERE tenant = $1 AND run = $2`, [tenant, run])
            return true
          })
        )
      ),
    ...PostgresLog.make({ pool, schema, tenant, damaged })
  }
}

const readOnly = (driver: Driver): Driver => {
  const refused = Effect.fail(
    new JournalError({ reason: "ReadOnly", where: driver.name, detail: "it was opened for reading only" })
  )
  const refuse = () => refused
  return {
    ...driver,
    commit: refuse,
    take: refuse,
    renew: refuse,
    giveBack: refuse,
    deliver: refuse,
    keep: refuse,
    putRunKey: refuse,
    project: refuse,
    putPlan: refuse,
    forget: refuse,
    erase: refuse,
    vacuum: refused,
    seal: refuse,
    putKey: refuse
  }
}

const orElse = <A>(decoded: Either.Either<A, unknown>, failure: Pool.Failure): Effect.Effect<A, Pool.Failure> =>
  Either.isRight(decoded) ? Effect.succeed(decoded.right) : Effect.fail(failure)

// Numbers of eight bytes come as text unless they are asked for as floating-point numbers, which hold instants whole.
const runColumns = `run, pipeline, plan, status, started_at::FLOAT8 AS "startedAt", updated_at::FLOAT8 AS "updatedAt",
  wake_at::FLOAT8 AS "wakeAt", tokens::FLOAT8 AS tokens, labels`
const taskColumns = `run, path, task, opened_at::FLOAT8 AS "openedAt", seq`

const decodeRows = <A, I>(schema: Schema.Schema<A, I>) => Schema.decodeUnknownEither(Schema.Array(schema))

const decodeLease = Schema.decodeUnknownEither(
  Schema.Struct({ owner: Schema.NullOr(Schema.parseJson(Owner)), epoch: Schema.Int, expiresAt: Schema.Number })
)
const decodeHeld = decodeRows(Schema.Struct({ run: Schema.String, epoch: Schema.Int }))
const LetterColumns = { id: Schema.String, data: Schema.String, at: Schema.Number }
const decodeLetters: (rows: Pool.Rows) => Either.Either<ReadonlyArray<LetterRow>, unknown> = decodeRows(
  Schema.Struct(LetterColumns)
)
const decodeWaiting = decodeRows(Schema.Struct({ run: Schema.String, order: Schema.Number }))
// As they stand: what is no id is for whoever reads it to find.
const decodeIds = decodeRows(Schema.Struct({ run: Schema.String.pipe(Schema.brand("flujo/RunId")) }))
const decodeFacts = decodeRows(
  Schema.Struct({
    status: Schema.NullOr(RunIndex.RunStatus),
    earlier: Schema.NullOr(Schema.Struct({ ...LetterColumns, taken: Schema.Boolean, order: Schema.Number })),
    open: Schema.Array(StepPath)
  })
)
const decodeKeys = decodeRows(Schema.Struct({ run: RunId, key: Schema.Uint8ArrayFromSelf }))
const decodeHeads = decodeRows(Schema.Struct({ head: Schema.String }))
const decodeRoots = decodeRows(Schema.Struct({ size: Schema.Int, root: Schema.String }))
const decodeRuns = decodeRows(
  Schema.Struct({
    ...RunIndex.RunRow.fields,
    pipeline: Schema.parseJson(Schema.String),
    labels: Schema.parseJson(RunIndex.RunRow.fields.labels)
  })
)
const decodeTasks = decodeRows(RunIndex.TaskRow)
const decodeKept = decodeRows(
  Schema.Struct({
    key: Schema.String,
    run: RunId,
    value: Schema.String,
    at: Schema.Number,
    expiresAt: Schema.Number
  })
)

const isRow = (row: { readonly [column: string]: unknown }): row is { readonly [column: string]: unknown } & Row =>
  typeof row.seq === "number" &&
  typeof row.head === "string" &&
  (row.payload === null || typeof row.payload === "string") &&
  (row.salt === null || row.salt instanceof Uint8Array) &&
  (row.blob === null || typeof row.blob === "string")
