/**
 * The journal in a SQLite file: the default. One connection does everything, because each transaction begins and ends
 * within one synchronous call, so nothing else can get into it. Statements are prepared once; other processes are kept
 * apart by `BEGIN IMMEDIATE`, which waits for its turn where a deferred transaction would fail at its first write.
 */
import type Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Json from "../domain/Json.js"
import type { RunId } from "../domain/RunId.js"
import type { StepPath } from "../domain/StepPath.js"
import type { Answer, Delivery, Driver, LeaseRow, LetterRow, NewLetter, Row, Slice, Writing } from "./Driver.js"
import * as Inbox from "./Inbox.js"
import { Journal, JournalError, Owner, type Root, type RunFilter } from "./Journal.js"
import * as JournalMake from "./JournalMake.js"
import type * as Kept from "./Kept.js"
import * as Pools from "./Pools.js"
import * as RunIndex from "./RunIndex.js"
import * as SqliteFile from "./SqliteFile.js"
import * as SqliteLog from "./SqliteLog.js"
import type * as SqliteOptions from "./SqliteOptions.js"
import * as SqlitePools from "./SqlitePools.js"

export interface Options extends SqliteOptions.Options, JournalMake.Options {}

export const makeDriver = (options: Options): Effect.Effect<Driver, JournalError, Scope.Scope> =>
  Effect.flatMap(SqliteFile.open(options), (db) =>
    // Statements are prepared here, which reads the schema, and that may be damaged.
    Effect.try({
      try: () => driver(db, options.path, options.tenant ?? "default"),
      catch: (error) => SqliteFile.toError(options.path, error)
    })
  )

export const layer = (options: Options): Layer.Layer<Journal, JournalError> =>
  Layer.scoped(
    Journal,
    Effect.flatMap(makeDriver(options), (driver) => JournalMake.make(driver, options))
  )

const driver = (db: Database.Database, name: string, tenant: string): Driver => {
  const begin = db.prepare("BEGIN IMMEDIATE")
  const commit = db.prepare("COMMIT")
  const rollback = db.prepare("ROLLBACK")

  const transaction = <A>(body: () => A): A => {
    begin.run()
    try {
      const answer = body()
      commit.run()
      return answer
    } catch (error) {
      // Some errors, such as a full disk, have rolled it back already.
      if (db.inTransaction) rollback.run()
      throw error
    }
  }

  /** What it would answer: all that it does is taken back. */
  const tried = <A>(body: () => A): A => {
    begin.run()
    try {
      return body()
    } finally {
      if (db.inTransaction) rollback.run()
    }
  }

  const attempt = <A>(body: () => A): Effect.Effect<A, JournalError> =>
    Effect.try({ try: body, catch: (error) => SqliteFile.toError(name, error) })

  const corrupt = (run: string, detail: string): JournalError =>
    new JournalError({ reason: "Corrupt", where: `run ${run}`, detail })

  const insertEntry = db.prepare<[string, string, number, string, string | null, Uint8Array | null, string | null]>(
    "INSERT INTO entries (tenant, run, seq, head, payload, salt, blob) VALUES (?, ?, ?, ?, ?, ?, ?)"
  )
  const insertRoot = db.prepare<[string, string, number, string]>(
    "INSERT INTO roots (tenant, run, size, root) VALUES (?, ?, ?, ?)"
  )
  const insertBlob = db.prepare<[string, string, string, Uint8Array]>(
    "INSERT OR IGNORE INTO blobs (tenant, run, address, bytes) VALUES (?, ?, ?, ?)"
  )
  const insertKey = db.prepare<[string, string, Uint8Array]>("INSERT INTO keys (tenant, run, key) VALUES (?, ?, ?)")
  const insertPlan = db.prepare<[string, string, string]>(
    "INSERT OR IGNORE INTO plans (tenant, digest, json) VALUES (?, ?, ?)"
  )
  const insertLease = db.prepare<[string, string, string, number, number]>(
    "INSERT OR IGNORE INTO leases (tenant, run, owner, epoch, expires_at) VALUES (?, ?, ?, ?, ?)"
  )
  const hasLease = db
    .prepare<[string, string, number], number>(
      "SELECT 1 FROM leases WHERE tenant = ? AND run = ? AND epoch = ? AND owner IS NOT NULL"
    )
    .pluck()
  const clearLease = db.prepare<[string, string, number]>(
    "UPDATE leases SET owner = NULL WHERE tenant = ? AND run = ? AND epoch = ?"
  )
  const selectLease = db.prepare<[string, string], { owner: string | null; epoch: number; expiresAt: number }>(
    "SELECT owner, epoch, expires_at AS expiresAt FROM leases WHERE tenant = ? AND run = ?"
  )
  const takeLease = db.prepare<[string, number, string, string, number, number, number]>(
    `UPDATE leases SET owner = ?, epoch = epoch + 1, expires_at = ?
     WHERE tenant = ? AND run = ? AND epoch = ? AND expires_at = ? AND (owner IS NULL) = ?`
  )
  const renewLeases = db.prepare<[number, string, string, string], { run: string; epoch: number }>(
    `UPDATE leases SET expires_at = ?
     WHERE tenant = ? AND run IN (SELECT value FROM json_each(?)) AND owner = ?
     RETURNING run, epoch`
  )

  const takeLetter = db.prepare<[string, string, string]>(
    "UPDATE inbox SET taken = 1 WHERE tenant = ? AND run = ? AND id = ?"
  )
  const hasLetters = db
    .prepare<[string, string], number>("SELECT 1 FROM inbox WHERE tenant = ? AND run = ? AND taken = 0 LIMIT 1")
    .pluck()
  const deleteLetter = db.prepare<[string, string, string]>("DELETE FROM inbox WHERE tenant = ? AND run = ? AND id = ?")
  const insertLetter = db.prepare<[string, string, string, string, string | null, string, number]>(
    "INSERT INTO inbox (tenant, run, id, kind, path, data, at) VALUES (?, ?, ?, ?, ?, ?, ?)"
  )
  const selectLetter = db.prepare<[string, string, string], LetterRow & { taken: number; order: number }>(
    `SELECT id, data, at, taken, number AS "order" FROM inbox WHERE tenant = ? AND run = ? AND id = ?`
  )
  const selectLetters = db.prepare<[string, string], LetterRow>(
    "SELECT id, data, at FROM inbox WHERE tenant = ? AND run = ? AND taken = 0 ORDER BY number"
  )
  const selectWaiting = db.prepare<[string, string], { run: string; order: number }>(
    `SELECT run, max(number) AS "order" FROM inbox
     WHERE tenant = ? AND taken = 0 AND run IN (SELECT value FROM json_each(?)) GROUP BY run`
  )

  const putRun = db.prepare<RunColumns>(
    `INSERT OR REPLACE INTO runs
     (tenant, run, pipeline, plan, status, started_at, updated_at, wake_at, tokens, labels)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
  )
  const moveRun = db.prepare<[string, number, number | null, string, string]>(
    "UPDATE runs SET status = ?, updated_at = ?, wake_at = ? WHERE tenant = ? AND run = ?"
  )
  const upgradeRun = db.prepare<[string, string, string]>("UPDATE runs SET plan = ? WHERE tenant = ? AND run = ?")
  const spendTokens = db.prepare<[number, string, string]>(
    "UPDATE runs SET tokens = tokens + ? WHERE tenant = ? AND run = ?"
  )
  const swapStatus = db.prepare<[string, string, string, string]>(
    "UPDATE runs SET status = ? WHERE tenant = ? AND run = ? AND status = ?"
  )
  const deleteRun = db.prepare<[string, string]>("DELETE FROM runs WHERE tenant = ? AND run = ?")
  const putTask = db.prepare<[string, string, string, string, number, number]>(
    "INSERT OR REPLACE INTO tasks (tenant, run, path, task, opened_at, seq) VALUES (?, ?, ?, ?, ?, ?)"
  )
  const deleteTask = db.prepare<[string, string, string]>("DELETE FROM tasks WHERE tenant = ? AND run = ? AND path = ?")
  const deleteTasks = db.prepare<[string, string]>("DELETE FROM tasks WHERE tenant = ? AND run = ?")

  const selectLabels = db.prepare<[string, string], { label: string; startedAt: number }>(
    "SELECT label, started_at AS startedAt FROM labels WHERE tenant = ? AND run = ?"
  )
  const deleteLabels = db.prepare<[string, string]>("DELETE FROM labels WHERE tenant = ? AND run = ?")

  const selectStatus = db
    .prepare<[string, string], RunIndex.RunStatus>("SELECT status FROM runs WHERE tenant = ? AND run = ?")
    .pluck()
  const selectOpen = db
    .prepare<[string, string], StepPath>("SELECT path FROM tasks WHERE tenant = ? AND run = ? ORDER BY seq")
    .pluck()
  const selectEntries = db.prepare<[string, string, number, number], { [Column in keyof Row]: unknown }>(
    "SELECT seq, head, payload, salt, blob FROM entries WHERE tenant = ? AND run = ? AND seq >= ? ORDER BY seq LIMIT ?"
  )
  const selectHeads = db
    .prepare<[string, string, number, number], unknown>(
      "SELECT head FROM entries WHERE tenant = ? AND run = ? AND seq >= ? ORDER BY seq LIMIT ?"
    )
    .pluck()
  const selectRoots = db.prepare<[string, string, number, number], Root>(
    "SELECT size, root FROM roots WHERE tenant = ? AND run = ? AND size > ? ORDER BY size LIMIT ?"
  )
  const selectNext = db
    .prepare<[string, string], number>("SELECT coalesce(max(seq) + 1, 0) FROM entries WHERE tenant = ? AND run = ?")
    .pluck()
  const selectKey = db
    .prepare<[string, string], Uint8Array>("SELECT key FROM keys WHERE tenant = ? AND run = ?")
    .pluck()
  const selectKeys = db.prepare<[string, string, number], { run: RunId; key: Uint8Array }>(
    "SELECT run, key FROM keys WHERE tenant = ? AND run > ? ORDER BY run LIMIT ?"
  )
  const swapKey = db.prepare<[Uint8Array, string, string, Uint8Array]>(
    "UPDATE keys SET key = ? WHERE tenant = ? AND run = ? AND key = ?"
  )
  const selectBlob = db
    .prepare<[string, string, string], Uint8Array>(
      "SELECT bytes FROM blobs WHERE tenant = ? AND run = ? AND address = ?"
    )
    .pluck()
  const selectKept = db.prepare<[string, string], Kept.Row>(
    `SELECT key, run, value, at, expires_at AS "expiresAt" FROM cache WHERE tenant = ? AND key = ?`
  )
  const putKept = db.prepare<[string, string, string, string, number, number]>(
    "INSERT OR REPLACE INTO cache (tenant, key, run, value, at, expires_at) VALUES (?, ?, ?, ?, ?, ?)"
  )
  const deleteExpired = db.prepare<[string, number]>("DELETE FROM cache WHERE tenant = ? AND expires_at <= ?")
  const deleteOldest = db.prepare<[string, string, number]>(
    `DELETE FROM cache WHERE tenant = ? AND key IN
       (SELECT key FROM cache WHERE tenant = ? ORDER BY at DESC, key LIMIT -1 OFFSET ?)`
  )
  const selectPlan = db
    .prepare<[string, string], string>("SELECT json FROM plans WHERE tenant = ? AND digest = ?")
    .pluck()
  const selectRun = db.prepare<[string, string]>(`SELECT ${runColumns} FROM runs WHERE tenant = ? AND run = ?`)
  const selectTasks = db.prepare<[string, number]>(
    `SELECT ${taskColumns} FROM tasks WHERE tenant = ? ORDER BY opened_at, run, seq LIMIT ?`
  )
  const selectTasksOf = db.prepare<[string, string, number]>(
    `SELECT ${taskColumns} FROM tasks WHERE tenant = ? AND run = ? ORDER BY opened_at, run, seq LIMIT ?`
  )
  const selectIds = db
    .prepare<{ tenant: string; after: string; limit: number }, RunId>(
      ["entries", "runs", "tasks", "labels", "shares"]
        .map(
          (table) =>
            `SELECT * FROM (SELECT DISTINCT run FROM ${table} WHERE tenant = @tenant AND run > @after ORDER BY run LIMIT @limit)`
        )
        .join(" UNION ")
        .concat(" ORDER BY run LIMIT @limit")
    )
    .pluck()
  const pools = SqlitePools.make(db, tenant)
  const eraseRun = [
    "UPDATE entries SET payload = NULL, salt = NULL, blob = NULL WHERE tenant = ? AND run = ?",
    ...["blobs", "inbox", "cache", "keys"].map((table) => `DELETE FROM ${table} WHERE tenant = ? AND run = ?`)
  ].map((text) => db.prepare<[string, string]>(text))
  const selectPages = new Map<string, Database.Statement<Array<string | number>>>()

  const isWaitedFor = (run: string): boolean => hasLetters.get(tenant, run) !== undefined

  const change = (run: string, change: RunIndex.Change): void => {
    switch (change._tag) {
      case "RunAdded":
        putRun.run(...toColumns(tenant, change.row))
        return
      case "RunMoved": {
        const status = change.status === "suspended" && isWaitedFor(run) ? "ready" : change.status
        moveRun.run(status, change.at, change.wakeAt, tenant, run)
        if (status === "erased") deleteTasks.run(tenant, run)
        return
      }
      case "Upgraded":
        upgradeRun.run(change.plan, tenant, run)
        return
      case "TokensSpent":
        spendTokens.run(change.tokens, tenant, run)
        return
      case "TaskAdded": {
        const { openedAt, path, seq, task } = change.row
        putTask.run(tenant, run, path, task, openedAt, seq)
        return
      }
      case "TaskEnded":
        deleteTask.run(tenant, run, change.path)
        return
      case "PoolMoved":
        pools.move(run, change)
        return
    }
  }

  const write = (run: string, { blobs, changes, letters, roots, rows }: Writing): void => {
    for (const row of rows) insertEntry.run(tenant, run, row.seq, row.head, row.payload, row.salt, row.blob)
    for (const { root, size } of roots) insertRoot.run(tenant, run, size, root)
    for (const { address, bytes } of blobs) insertBlob.run(tenant, run, address, bytes)
    for (const id of letters) takeLetter.run(tenant, run, id)
    for (const item of changes) change(run, item)
    if (letters.length > 0 && !isWaitedFor(run)) swapStatus.run("suspended", tenant, run, "ready")
  }

  const writeSlice = (slice: Slice): Answer => {
    const { acquire, epoch, rest, run } = slice
    const shorts = Pools.shortages(Pools.movesOf(slice), pools.total)
    if (shorts.length > 0) return { _tag: "Short", shorts }
    if (acquire !== undefined) {
      const { digest, json } = acquire.plan
      const owner = ownerText(acquire.owner)
      if (insertLease.run(tenant, run, owner, epoch, acquire.expiresAt).changes === 0) return refused(run)
      insertKey.run(tenant, run, acquire.key)
      insertPlan.run(tenant, digest, json)
    } else if (hasLease.get(tenant, run, epoch) === undefined) return refused(run)
    write(run, slice)
    if (rest?._tag === "Park") {
      if (isWaitedFor(run)) return { _tag: "LettersWaiting" }
      write(run, rest.writing)
    }
    if (rest !== undefined) clearLease.run(tenant, run, epoch)
    return { _tag: "Written" }
  }

  const lease = (run: string): LeaseRow | undefined => {
    const row = selectLease.get(tenant, run)
    if (row === undefined) return undefined
    if (row.owner === null) return { ...row, owner: null }
    const owner = decodeOwner(row.owner)
    if (Either.isLeft(owner)) throw corrupt(run, "its lease cannot be read")
    return { ...row, owner: owner.right }
  }

  const refused = (run: string): Answer => ({ _tag: "Refused", holder: lease(run)?.owner ?? null })

  const deliver = (letter: NewLetter): Delivery => {
    const { at, data, id, kind, path, run } = letter
    const status = selectStatus.get(tenant, run)
    const earlier = selectLetter.get(tenant, run, id)
    const open = selectOpen.all(tenant, run)
    const judgement = Inbox.judge(kind, {
      status,
      earlier: earlier && { taken: earlier.taken === 1 },
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
        deleteLetter.run(tenant, run, id)
        const { lastInsertRowid } = insertLetter.run(tenant, run, id, kind, path, data, at)
        swapStatus.run("ready", tenant, run, "suspended")
        return { _tag: "Left", order: Number(lastInsertRowid) }
      }
    }
  }

  const runRow = (row: unknown): RunIndex.RunRow => {
    const decoded = decodeRun(row)
    if (Either.isRight(decoded)) return decoded.right
    throw new JournalError({
      reason: "Corrupt",
      where: name,
      detail: "the index of runs cannot be read; flujo state rebuild makes it again"
    })
  }

  const taskRow = (row: unknown): RunIndex.TaskRow => {
    const decoded = decodeTask(row)
    if (Either.isRight(decoded)) return decoded.right
    throw new JournalError({
      reason: "Corrupt",
      where: name,
      detail: "the index of tasks cannot be read; flujo state rebuild makes it again"
    })
  }

  const runs = (filter: RunFilter): ReadonlyArray<RunIndex.RunRow> => {
    const { before, label, limit, name, pipeline, prefix, since, status, until } = filter
    const conditions: Array<string> = ["runs.tenant = ?"]
    const values: Array<string | number> = [tenant]
    // Not for SQLite to choose: it would read all runs in their order, and ask of each whether it has the label.
    const from = label === undefined ? "runs" : "labels CROSS JOIN runs USING (tenant, started_at, run)"
    if (label !== undefined) {
      conditions.push("labels.tenant = ? AND labels.label = ?")
      values.push(tenant, JSON.stringify(label))
    }
    if (since !== undefined) {
      conditions.push("started_at >= ?")
      values.push(since)
    }
    if (until !== undefined) {
      conditions.push("started_at < ?")
      values.push(until)
    }
    if (name !== undefined) {
      conditions.push("instr(lower(pipeline), lower(?)) > 0")
      values.push(name)
    }
    const [only, ...others] = status ?? []
    if (only !== undefined && others.length === 0) {
      // For one there is an index in the order of the page.
      conditions.push("status = ?")
      values.push(only)
    } else if (status !== undefined) {
      conditions.push("status IN (SELECT value FROM json_each(?))")
      values.push(JSON.stringify(status))
    }
    if (prefix !== undefined) {
      // Characters of an id are below U+007F, so these are the ids that start with `prefix`.
      conditions.push("run >= ? AND run < ?")
      values.push(prefix, `${prefix}\u007f`)
    }
    if (pipeline !== undefined) {
      conditions.push("pipeline = ?")
      values.push(pipeline)
    }
    if (before !== undefined) {
      conditions.push("(started_at, run) < (SELECT started_at, run FROM runs WHERE tenant = ? AND run = ?)")
      values.push(tenant, before)
    }
    const text = `SELECT ${runColumns} FROM ${from} WHERE ${conditions.join(" AND ")} ORDER BY started_at DESC, run DESC LIMIT ?`
    let statement = selectPages.get(text)
    if (statement === undefined) {
      statement = db.prepare(text)
      selectPages.set(text, statement)
    }
    return statement.all(...values, limit).map(runRow)
  }

  const storedOf = (run: string): RunIndex.Stored => {
    const stored = selectRun.get(tenant, run)
    const row = stored === undefined ? undefined : Either.getOrElse(decodeRun(stored), () => "unreadable" as const)
    const tasks = new Map<StepPath, RunIndex.TaskRow>()
    let brokenTasks = 0
    for (const stored of selectTasksOf.all(tenant, run, -1)) {
      const task = decodeTask(stored)
      if (Either.isRight(task)) tasks.set(task.right.path, task.right)
      else brokenTasks += 1
    }
    const labels = selectLabels.all(tenant, run).map(({ label, startedAt }) => RunIndex.labelText(label, startedAt))
    return { row, tasks, brokenTasks, labels, pools: pools.of(run) }
  }

  const project = ({ count, projection, run }: Parameters<Driver["project"]>[0]) => {
    if (selectNext.get(tenant, run) !== count) return undefined
    const { row, tasks } = projection
    const wanted: RunIndex.Projection = {
      row: row?.status === "suspended" && isWaitedFor(run) ? { ...row, status: "ready" } : row,
      tasks,
      pools: projection.pools
    }
    const different = [
      ...RunIndex.differences(storedOf(run), wanted),
      ...Array.from({ length: pools.replace(run, projection.pools) }, () => RunIndex.wrongSum)
    ]
    if (different.length === 0) return different
    deleteRun.run(tenant, run)
    deleteTasks.run(tenant, run)
    deleteLabels.run(tenant, run)
    if (wanted.row !== undefined) putRun.run(...toColumns(tenant, wanted.row))
    for (const { openedAt, path, seq, task } of tasks.values()) putTask.run(tenant, run, path, task, openedAt, seq)
    return different
  }

  return {
    name,
    commit: (slices) => attempt(() => transaction(() => slices.map(writeSlice))),
    select: ({ from, limit, run }) =>
      attempt(() =>
        selectEntries.all(tenant, run, from, limit).map((row) => {
          // What a damaged page holds need not have the column's type.
          if (isRow(row)) return row
          throw corrupt(run, `entry ${String(row.seq)} cannot be read: its row is damaged`)
        })
      ),
    heads: ({ from, limit, run }) =>
      attempt(() =>
        selectHeads.all(tenant, run, from, limit).map((head) => {
          if (typeof head === "string") return head
          throw corrupt(run, "an entry cannot be read: its row is damaged")
        })
      ),
    roots: ({ after, limit, run }) =>
      attempt(() =>
        selectRoots.all(tenant, run, after, limit).map((row) => {
          if (typeof row.size === "number" && typeof row.root === "string") return row
          throw corrupt(run, "a root cannot be read: its row is damaged")
        })
      ),
    blob: ({ address, run }) => attempt(() => selectBlob.get(tenant, run, address)),
    lease: (run) => attempt(() => lease(run)),
    take: ({ expiresAt, owner, run, seen }) =>
      attempt(() =>
        transaction(() => {
          const isFree = seen.owner === null ? 1 : 0
          const { changes } = takeLease.run(
            ownerText(owner),
            expiresAt,
            tenant,
            run,
            seen.epoch,
            seen.expiresAt,
            isFree
          )
          if (changes === 0) return undefined
          const key = selectKey.get(tenant, run)
          if (key === undefined) throw corrupt(run, "its key is missing")
          return { epoch: seen.epoch + 1, next: selectNext.get(tenant, run) ?? 0, key }
        })
      ),
    renew: ({ expiresAt, owner, runs }) =>
      attempt(() => renewLeases.all(expiresAt, tenant, JSON.stringify(runs), ownerText(owner))),
    giveBack: ({ epoch, run }) =>
      attempt(() => {
        clearLease.run(tenant, run, epoch)
      }),
    deliver: (letter) => attempt(() => transaction(() => deliver(letter))),
    letters: (run) => attempt(() => selectLetters.all(tenant, run)),
    waiting: (runs) => attempt(() => selectWaiting.all(tenant, JSON.stringify(runs))),
    runKey: (run) => attempt(() => selectKey.get(tenant, run)),
    runKeys: ({ after, limit }) => attempt(() => selectKeys.all(tenant, after ?? "", limit)),
    putRunKey: ({ key, run, seen }) => attempt(() => swapKey.run(key, tenant, run, seen).changes === 1),
    putPlan: ({ digest, json }) =>
      attempt(() => {
        insertPlan.run(tenant, digest, json)
      }),
    recall: (key) => attempt(() => selectKept.get(tenant, key)),
    keep: ({ at, expiresAt, key, run, value }, max) =>
      attempt(() =>
        transaction(() => {
          deleteExpired.run(tenant, at)
          putKept.run(tenant, key, run, value, at, expiresAt)
          deleteOldest.run(tenant, tenant, max)
        })
      ),
    plan: (digest) => attempt(() => selectPlan.get(tenant, digest)),
    run: (run) =>
      attempt(() => {
        const row = selectRun.get(tenant, run)
        return row === undefined ? undefined : runRow(row)
      }),
    runs: (filter) => attempt(() => runs(filter)),
    tasks: ({ limit, run }) =>
      attempt(() =>
        (run === undefined ? selectTasks.all(tenant, limit) : selectTasksOf.all(tenant, run, limit)).map(taskRow)
      ),
    pools: (names) => attempt(() => pools.rows(names)),
    shares: (run) => attempt(() => [...pools.of(run).values()]),
    ids: ({ after, limit }) => attempt(() => selectIds.all({ tenant, after: after ?? "", limit })),
    project: (made) => attempt(() => (made.isDry ? tried(() => project(made)) : transaction(() => project(made)))),
    erase: ({ changes, epoch, roots, row, run }) =>
      attempt(() =>
        transaction(() => {
          if (hasLease.get(tenant, run, epoch) === undefined) return false
          write(run, { rows: [row], roots, changes, blobs: [], letters: [] })
          for (const statement of eraseRun) statement.run(tenant, run)
          clearLease.run(tenant, run, epoch)
          return true
        })
      ),
    ...SqliteLog.make({
      db,
      tenant,
      attempt,
      transaction,
      dropped: pools.drop,
      hasRest: (run) => lease(run)?.owner === null && RunIndex.hasEnded(selectStatus.get(tenant, run))
    })
  }
}

const runColumns =
  "run, pipeline, plan, status, started_at AS startedAt, updated_at AS updatedAt, wake_at AS wakeAt, tokens, labels"
const taskColumns = "run, path, task, opened_at AS openedAt, seq"

type RunColumns = [
  tenant: string,
  run: string,
  pipeline: string,
  plan: string,
  status: string,
  startedAt: number,
  updatedAt: number,
  wakeAt: number | null,
  tokens: number,
  labels: string
]

const toColumns = (tenant: string, row: RunIndex.RunRow): RunColumns => [
  tenant,
  row.run,
  row.pipeline,
  row.plan,
  row.status,
  row.startedAt,
  row.updatedAt,
  row.wakeAt,
  row.tokens,
  JSON.stringify(row.labels)
]

const ownerText = ({ host, id, pid, started }: Owner): string => Json.canonical({ host, id, pid, started })

const decodeOwner = Schema.decodeEither(Schema.parseJson(Owner))
const decodeRun = Schema.decodeUnknownEither(
  Schema.Struct({ ...RunIndex.RunRow.fields, labels: Schema.parseJson(RunIndex.RunRow.fields.labels) })
)
const decodeTask = Schema.decodeUnknownEither(RunIndex.TaskRow)

const isRow = (row: { readonly [Column in keyof Row]: unknown }): row is Row =>
  typeof row.seq === "number" &&
  typeof row.head === "string" &&
  (row.payload === null || typeof row.payload === "string") &&
  (row.salt === null || row.salt instanceof Uint8Array) &&
  (row.blob === null || typeof row.blob === "string")
