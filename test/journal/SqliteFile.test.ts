import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Journal, JournalError, Staged } from "../../src/journal/Journal.js"
import * as JournalMake from "../../src/journal/JournalMake.js"
import * as JournalSqlite from "../../src/journal/JournalSqlite.js"
import * as SqliteFile from "../../src/journal/SqliteFile.js"
import type * as SqliteOptions from "../../src/journal/SqliteOptions.js"
import { migrations } from "../../src/journal/SqliteSchema.js"
import * as Histories from "./Histories.js"
import * as Processes from "./Processes.js"

const run = Histories.id("r1")
const isRoot = process.getuid?.() === 0
const nobody = { uid: 65_534, gid: 65_534 }

const journalAt = (options: JournalSqlite.Options): Effect.Effect<Journal["Type"], JournalError, Scope.Scope> =>
  Effect.flatMap(JournalSqlite.makeDriver(options), (driver) => JournalMake.make(driver, options))

/** A journal of one run with these entries, closed again. */
const written = (file: string, ...more: ReadonlyArray<Staged>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const journal = yield* journalAt({ path: file })
      const owned = yield* journal.create(run, Histories.plan)
      for (const staged of [Histories.started(), ...more]) journal.stage(owned, staged)
      yield* journal.release(owned)
    })
  )

const count = (journal: Journal["Type"]) => Effect.map(Stream.runCollect(journal.read(run)), Chunk.size)

/** Every file of the folder with a digest of what is in it; of SQLite's shared memory there may be one more. */
const state = (folder: string): unknown =>
  fs
    .readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.endsWith("-shm"))
    .map((entry) => {
      const file = path.join(folder, entry.name)
      return [entry.name, entry.isFile() ? createHash("sha256").update(fs.readFileSync(file)).digest("hex") : "folder"]
    })

/** The error with which opening fails; nothing in the folder may have changed by it. */
const refusal = (options: JournalSqlite.Options) =>
  Effect.gen(function* () {
    const folder = path.dirname(options.path)
    const before = state(folder)
    const opened = yield* Effect.either(Effect.scoped(journalAt(options)))
    assert.deepStrictEqual(state(folder), before)
    assert.isTrue(Either.isLeft(opened))
    return Either.isLeft(opened) ? opened.left : assert.fail("it was opened")
  })

const raw = <A>(file: string, use: (db: Database.Database) => A): A => {
  const db = new Database(file)
  try {
    return use(db)
  } finally {
    db.close()
  }
}

/** A database whose process died: what it wrote last is in the -wal file beside it alone. */
const crashed = (file: string, use: (db: Database.Database) => void): void => {
  const home = fs.mkdtempSync(path.join(path.dirname(file), "home-"))
  const original = path.join(home, "x.db")
  if (fs.existsSync(file)) fs.copyFileSync(file, original)
  const db = new Database(original)
  db.pragma("journal_mode = WAL")
  db.pragma("wal_autocheckpoint = 0")
  use(db)
  fs.copyFileSync(original, file)
  fs.copyFileSync(`${original}-wal`, `${file}-wal`)
  db.close()
  fs.rmSync(home, { recursive: true })
}

const inFolder = Effect.map(Processes.folder, (folder) => path.join(folder, "flujo.db"))

const scoped = <A, E>(title: string, body: (file: string) => Effect.Effect<A, E, Scope.Scope>): void =>
  it.scopedLive(title, () => Effect.flatMap(inFolder, body))

describe("SqliteFile", () => {
  scoped("a new file is for its owner's eyes, and so is a folder made for it", (file) =>
    Effect.gen(function* () {
      const deep = path.join(path.dirname(file), "a", "b", "flujo.db")
      yield* Effect.scoped(
        Effect.gen(function* () {
          const journal = yield* journalAt({ path: deep })
          const owned = yield* journal.create(run, Histories.plan)
          journal.stage(owned, Histories.started())
          yield* journal.barrier(owned)
          for (const name of fs.readdirSync(path.dirname(deep))) {
            assert.strictEqual(fs.statSync(path.join(path.dirname(deep), name)).mode & 0o777, 0o600, name)
          }
        })
      )
      assert.strictEqual(fs.statSync(path.dirname(deep)).mode & 0o777, 0o700)
      assert.deepStrictEqual(fs.readdirSync(path.dirname(deep)), ["flujo.db"])
    })
  )

  scoped("durability is what was asked for, and full if nothing was", (file) =>
    Effect.gen(function* () {
      const settings = (options: Partial<SqliteOptions.Options>) =>
        Effect.scoped(
          Effect.map(SqliteFile.open({ path: file, ...options }), (db) => [
            db.pragma("journal_mode", { simple: true }),
            db.pragma("synchronous", { simple: true })
          ])
        )
      assert.deepStrictEqual(yield* settings({}), ["wal", 2])
      assert.deepStrictEqual(yield* settings({ durability: "full" }), ["wal", 2])
      assert.deepStrictEqual(yield* settings({ durability: "normal" }), ["wal", 1])
    })
  )

  scoped("an empty file is a new one", (file) =>
    Effect.gen(function* () {
      fs.writeFileSync(file, "")
      yield* written(file)
      assert.strictEqual(yield* count(yield* journalAt({ path: file })), 1)
    })
  )

  scoped("what is not ours is Foreign and stays as it is", (file) =>
    Effect.gen(function* () {
      const cases: Record<string, () => void> = {
        "a text": () => fs.writeFileSync(file, "Dear diary, ".repeat(100)),
        "a short text": () => fs.writeFileSync(file, "x"),
        "random bytes": () => fs.writeFileSync(file, Buffer.alloc(8192, 0x5a)),
        "an empty database": () => raw(file, (db) => db.exec("vacuum")),
        "another program's database": () => raw(file, (db) => db.exec("create table t (x); insert into t values (1)")),
        "another program's, in write-ahead mode": () =>
          raw(file, (db) => {
            db.pragma("journal_mode = WAL")
            db.exec("create table t (x)")
          }),
        "another program's, after a crash": () => crashed(file, (db) => db.exec("create table t (x)")),
        "another program's with our number of tables": () =>
          raw(file, (db) => {
            for (const migration of migrations) db.exec(migration)
            db.pragma("application_id = 7")
            db.pragma(`user_version = ${migrations.length}`)
          })
      }
      for (const [title, make] of Object.entries(cases)) {
        for (const name of [file, `${file}-wal`]) fs.rmSync(name, { force: true })
        make()
        for (const readonly of [false, true]) {
          assert.strictEqual((yield* refusal({ path: file, readonly })).reason, "Foreign", title)
        }
      }
      const folder = path.join(path.dirname(file), "folder")
      fs.mkdirSync(folder)
      assert.strictEqual((yield* refusal({ path: folder })).reason, "Foreign")
    })
  )

  scoped("a database of a newer flujo is Newer, also if only its log says so", (file) =>
    Effect.gen(function* () {
      yield* written(file)
      crashed(file, (db) => db.pragma(`user_version = ${migrations.length + 1}`))
      const inLog = yield* refusal({ path: file })
      assert.strictEqual(inLog.reason, "Newer")
      assert.include(inLog.message, "update flujo")
      for (const name of [`${file}-wal`, `${file}-shm`]) fs.rmSync(name, { force: true })
      assert.strictEqual(yield* Effect.scoped(Effect.flatMap(journalAt({ path: file }), count)), 1)
      raw(file, (db) => db.pragma(`user_version = ${migrations.length + 1}`))
      assert.strictEqual((yield* refusal({ path: file })).reason, "Newer")
      assert.strictEqual((yield* refusal({ path: file, readonly: true })).reason, "Newer")
    })
  )

  scoped("a file that was cut short is Corrupt", (file) =>
    Effect.gen(function* () {
      yield* written(file, ...Array.from({ length: 200 }, (_, i) => Histories.large(i, 1000)))
      const bytes = fs.readFileSync(file)
      for (const size of [10, 50, 99, 100, 4096, bytes.length >> 1, bytes.length - 1]) {
        fs.writeFileSync(file, bytes.subarray(0, size))
        const opened = yield* Effect.either(
          Effect.scoped(Effect.flatMap(journalAt({ path: file, readonly: true }), count))
        )
        assert.isTrue(Either.isLeft(opened) && opened.left.reason === "Corrupt", `${size} bytes`)
        assert.deepStrictEqual(fs.readFileSync(file), bytes.subarray(0, size))
        const forWriting = yield* Effect.either(Effect.scoped(Effect.flatMap(journalAt({ path: file }), count)))
        assert.isTrue(Either.isLeft(forWriting) && forWriting.left.reason === "Corrupt", `${size} bytes`)
        assert.deepStrictEqual(fs.readFileSync(file), bytes.subarray(0, size))
      }
    })
  )

  scoped("damage in the middle is Corrupt when it is met, and never another entry", (file) =>
    Effect.gen(function* () {
      const notes = Array.from({ length: 60 }, (_, i) => Histories.large(i, 500, String.fromCharCode(97 + (i % 26))))
      yield* written(file, ...notes)
      const bytes = fs.readFileSync(file)
      const intact = Histories.plain(
        Chunk.toReadonlyArray(
          yield* Effect.scoped(Effect.flatMap(journalAt({ path: file }), (j) => Stream.runCollect(j.read(run))))
        )
      )
      const seen = { Corrupt: 0, whole: 0 }
      for (let page = 1; page * 4096 < bytes.length; page++) {
        const damaged = Buffer.from(bytes)
        // Not in what a payload's commitment does not cover: a head is proved by the ledger, not here.
        for (let i = 0; i < 4096; i++) damaged[page * 4096 + i] = (i * 167 + page * 31) & 0xff
        fs.writeFileSync(file, damaged)
        const read = yield* Effect.either(
          Effect.scoped(
            Effect.flatMap(journalAt({ path: file, readonly: true }), (j) => Stream.runCollect(j.read(run)))
          )
        )
        if (Either.isRight(read)) {
          // The page belonged to another table.
          assert.deepStrictEqual(Histories.plain(Chunk.toReadonlyArray(read.right)), intact)
          seen.whole += 1
        } else {
          assert.strictEqual(read.left.reason, "Corrupt", read.left.message)
          seen.Corrupt += 1
        }
        assert.isTrue(fs.readFileSync(file).equals(damaged))
      }
      assert.isAbove(seen.Corrupt, 5)
    })
  )

  scoped("a file that another process holds locked is Locked: not corrupt, and left alone", (file) =>
    Effect.gen(function* () {
      yield* written(file)
      const before = fs.readFileSync(file)
      const script = `
        const db = new (require("better-sqlite3"))(${JSON.stringify(file)})
        db.pragma(process.argv[1])
        db.exec("BEGIN " + process.argv[2] + "; UPDATE leases SET epoch = epoch")
        console.log("locked")
        process.stdin.once("data", () => { db.exec("ROLLBACK"); db.close(); console.log("free") })`
      const holder = (pragma: string, kind: string) =>
        Effect.gen(function* () {
          const held = yield* Processes.run(["-e", script, pragma, kind], { cwd: process.cwd() })
          assert.strictEqual(yield* held.lines, "locked")
          return Effect.suspend(() => {
            held.child.stdin?.write("\n")
            return held.lines
          })
        })
      const free = yield* holder("locking_mode = EXCLUSIVE", "EXCLUSIVE")
      for (const readonly of [false, true]) {
        const error = yield* Effect.flip(Effect.scoped(journalAt({ path: file, readonly, lockTimeoutMillis: 50 })))
        assert.strictEqual(error.reason, "Locked")
      }
      assert.deepStrictEqual(fs.readFileSync(file), before)
      yield* free

      const journal = yield* journalAt({ path: file, lockTimeoutMillis: 50 })
      const owned = Option.getOrThrow(yield* journal.own(run))
      const freeAgain = yield* holder("busy_timeout = 0", "IMMEDIATE")
      journal.stage(owned, Histories.note(1))
      assert.strictEqual((yield* Effect.flip(journal.barrier(owned))).reason, "Locked")
      assert.strictEqual(
        (yield* Effect.flip(journal.deliver(run, { _tag: "Cancel", reason: "" })))._tag,
        "JournalError"
      )
      assert.strictEqual(yield* count(journal), 1)
      yield* freeAgain
      yield* journal.release(owned)
      const again = Option.getOrThrow(yield* journal.own(run))
      journal.stage(again, Histories.note(1))
      yield* journal.barrier(again)
      assert.strictEqual(yield* count(journal), 2)
    })
  )

  it.live.skipIf(!isRoot)("where one may not write: ReadOnly, with what to do; reading works", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const file = yield* inFolder
        const folder = path.dirname(file)
        yield* written(file)
        fs.chmodSync(file, 0o444)
        const open = (readonly: boolean, at = file) =>
          Effect.scoped(
            Effect.flatMap(Processes.start({ path: at, readonly }, nobody), (child) =>
              "error" in child.opened ? Effect.succeed(child.opened) : child.ask({ do: "count", run })
            )
          )
        const before = state(folder)
        // The file and its folder belong to root; the processes to nobody.
        const closedFile = yield* open(false)
        assert.deepInclude(closedFile, { error: "ReadOnly" })
        assert.include(JSON.stringify(closedFile), "the file is read-only; make it writable")
        assert.deepStrictEqual(yield* open(true), { ok: 1 })
        fs.chmodSync(file, 0o666)
        const closedFolder = yield* open(false)
        assert.deepInclude(closedFolder, { error: "ReadOnly" })
        assert.include(JSON.stringify(closedFolder), "its folder is read-only")
        assert.deepInclude(yield* open(false, path.join(folder, "new.db")), { error: "ReadOnly" })
        assert.deepInclude(yield* open(false, path.join(folder, "sub", "new.db")), { error: "ReadOnly" })
        assert.deepStrictEqual(state(folder), before)
        // What was written last is in the log alone, which cannot be read without writing beside it.
        fs.chmodSync(file, 0o644)
        crashed(file, (db) => db.exec("UPDATE leases SET epoch = epoch + 1"))
        const withLog = yield* open(true)
        assert.deepInclude(withLog, { error: "ReadOnly" })
        assert.include(JSON.stringify(withLog), "-wal")
        fs.chmodSync(folder, 0o777)
        assert.deepStrictEqual(yield* open(true), { ok: 1 })
        fs.chmodSync(file, 0o600)
        assert.include(JSON.stringify(yield* open(true)), "no permission to read it")
      })
    )
  )

  scoped("a journal for reading only shows all and writes nothing", (file) =>
    Effect.gen(function* () {
      yield* written(file, Histories.opened("review"))
      const before = fs.readFileSync(file)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const journal = yield* journalAt({ path: file, readonly: true })
          assert.strictEqual(yield* count(journal), 2)
          assert.strictEqual((yield* journal.tasks({ limit: 9 })).length, 1)
          const own = yield* Effect.flip(journal.own(run))
          assert.deepInclude(own, { _tag: "JournalError", reason: "ReadOnly" })
          assert.deepInclude(yield* Effect.flip(journal.deliver(run, { _tag: "Cancel", reason: "" })), {
            reason: "ReadOnly"
          })
          const owned = yield* journal.create(Histories.id("r2"), Histories.plan)
          journal.stage(owned, Histories.started())
          assert.strictEqual((yield* Effect.flip(journal.barrier(owned))).reason, "ReadOnly")
          assert.strictEqual(yield* journal.rebuild, 0)
        })
      )
      assert.deepStrictEqual(fs.readFileSync(file), before)
      assert.strictEqual(
        (yield* refusal({ path: path.join(path.dirname(file), "none.db"), readonly: true })).reason,
        "Unavailable"
      )
      raw(file, (db) => db.pragma("user_version = 0"))
      assert.strictEqual((yield* refusal({ path: file, readonly: true })).reason, "ReadOnly")
    })
  )

  scoped("what is written while another process reads is seen by it", (file) =>
    Effect.gen(function* () {
      const writer = yield* journalAt({ path: file })
      const owned = yield* writer.create(run, Histories.plan)
      writer.stage(owned, Histories.started())
      yield* writer.barrier(owned)
      const reader = yield* journalAt({ path: file, readonly: true })
      assert.strictEqual(yield* count(reader), 1)
      writer.stage(owned, Histories.note(1))
      yield* writer.barrier(owned)
      assert.strictEqual(yield* count(reader), 2)
    })
  )

  it.live.skipIf(!isRoot)("on a full disk: Full, and what was written before is whole (needs leave to mount)", (test) =>
    Effect.scoped(
      Effect.gen(function* () {
        const folder = yield* Processes.folder
        try {
          execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], { stdio: "pipe" })
        } catch {
          return test.skip("a file system cannot be mounted here")
        }
        yield* Effect.addFinalizer(() => Effect.sync(() => execFileSync("umount", ["-l", folder])))
        const file = path.join(folder, "flujo.db")
        yield* Effect.scoped(
          Effect.gen(function* () {
            const journal = yield* journalAt({ path: file, leaseMillis: 300 })
            const owned = yield* journal.create(run, Histories.plan)
            journal.stage(owned, Histories.started())
            let ok = 0
            let error: JournalError | undefined
            for (let n = 1; error === undefined && n < 1000; n++) {
              journal.stage(owned, Histories.large(n, 20_000))
              journal.stage(owned, Histories.large(n, 20_000))
              const exit = yield* Effect.either(journal.barrier(owned))
              if (Either.isLeft(exit)) error = exit.left
              else ok = n
            }
            assert.strictEqual(error?.reason, "Full")
            assert.isAbove(ok, 1)
            assert.strictEqual(yield* count(journal), 1 + 2 * ok)
            yield* journal.release(owned)
          })
        )
        execFileSync("mount", ["-o", "remount,size=8m", folder])
        const journal = yield* journalAt({ path: file, leaseMillis: 1 })
        // Where there was no room to give the lease back, it runs out.
        const taken = yield* Effect.retry(journal.own(run), { times: 100, schedule: Schedule.spaced("50 millis") })
        const owned = Option.getOrThrow(taken)
        const before = yield* count(journal)
        journal.stage(owned, Histories.large(1, 20_000))
        yield* journal.barrier(owned)
        assert.strictEqual(yield* count(journal), before + 1)
      })
    )
  )

  scoped("a native part that is missing is named, with the command that builds it; no file is made", (file) =>
    Effect.gen(function* () {
      const error = yield* refusal({ path: file, nativeBinding: path.join(path.dirname(file), "no-such.node") })
      assert.strictEqual(error.reason, "Unavailable")
      assert.include(error.message, "npm rebuild better-sqlite3")
      assert.include(error.message, "npm install-scripts approve better-sqlite3")
    })
  )

  scoped("a path that leads through a file is Unavailable", (file) =>
    Effect.gen(function* () {
      fs.writeFileSync(file, "text")
      const error = yield* Effect.flip(Effect.scoped(journalAt({ path: path.join(file, "flujo.db") })))
      assert.strictEqual(error.reason, "Unavailable")
      assert.strictEqual(fs.readFileSync(file, "utf8"), "text")
    })
  )

  scoped("tenants in one file do not see each other", (file) =>
    Effect.gen(function* () {
      for (const tenant of ["a", "b"]) {
        const journal = yield* journalAt({ path: file, tenant })
        assert.strictEqual(yield* count(journal), 0)
        const owned = yield* journal.create(run, Histories.plan)
        journal.stage(owned, Histories.started())
        journal.stage(owned, Histories.opened("review"))
        yield* journal.barrier(owned)
        yield* journal.deliver(run, { _tag: "Cancel", reason: tenant })
        assert.strictEqual((yield* journal.runs({ limit: 9 })).length, 1)
        assert.strictEqual((yield* journal.tasks({ limit: 9 })).length, 1)
        assert.strictEqual((yield* journal.letters(run)).length, 1)
        assert.strictEqual(yield* journal.rebuild, 0)
      }
      assert.strictEqual(
        raw(file, (db) => db.prepare("SELECT count(*) FROM blobs").pluck().get()),
        0
      )
    })
  )

  scoped("equal content is stored once for each run", (file) =>
    Effect.gen(function* () {
      yield* written(file, Histories.large(1, 70_000), Histories.large(2, 70_000))
      const journal = yield* journalAt({ path: file })
      const owned = yield* journal.create(Histories.id("r2"), Histories.plan)
      journal.stage(owned, Histories.large(1, 70_000))
      yield* journal.barrier(owned)
      assert.strictEqual(
        raw(file, (db) => db.prepare("SELECT count(*) FROM blobs").pluck().get()),
        2
      )
      assert.strictEqual(
        raw(file, (db) => db.prepare("SELECT count(*) FROM plans").pluck().get()),
        1
      )
    })
  )

  scoped("rebuild mends projections that somebody edited", (file) =>
    Effect.gen(function* () {
      yield* written(file, Histories.opened("a"), Histories.opened("b"))
      const journal = yield* journalAt({ path: file })
      const views = Effect.all([journal.runs({ limit: 9 }), journal.tasks({ limit: 9 })])
      const before = yield* views
      const edits = [
        "UPDATE runs SET status = 'nonsense'",
        "UPDATE runs SET labels = 'not json'",
        "DELETE FROM runs",
        "DELETE FROM tasks WHERE path = 'a'; UPDATE tasks SET opened_at = 7",
        "INSERT INTO tasks VALUES ('default', 'ghost', 'a', 'ask', 1, 1)",
        "INSERT INTO runs VALUES ('default', 'ghost', 'p', 'not a digest', 'running', 0, 0, NULL, 0, '[]')",
        "INSERT INTO tasks VALUES ('default', 'r1', 'no//path', 'ask', 1, 1)"
      ]
      for (const edit of edits) {
        raw(file, (db) => db.exec(edit))
        assert.strictEqual(yield* journal.rebuild, edit.includes(";") ? 2 : 1, edit)
        assert.deepStrictEqual(yield* views, before)
        assert.strictEqual(yield* journal.rebuild, 0)
      }
    })
  )

  scoped("what is mended is told row by row, and what stands under no id is found", (file) =>
    Effect.gen(function* () {
      yield* written(file, Histories.opened("a"))
      const journal = yield* journalAt({ path: file })
      const told = (isDry: boolean) =>
        Effect.map(Stream.runCollect(journal.mend({ isDry })), (all) =>
          Array.from(all).flatMap(({ differences, run, unreadable }) => [
            ...differences.map(({ of = "", table, what }) => `${run} ${table} ${of} ${String(what)}`),
            ...(unreadable === undefined ? [] : [`${run} ${unreadable}`])
          ])
        )
      assert.deepStrictEqual(yield* told(true), [])
      raw(file, (db) =>
        db.exec(`UPDATE runs SET tokens = 9, wake_at = 3;
          DELETE FROM tasks;
          INSERT INTO tasks VALUES ('default', 'r1', 'ghost', 'ask', 1, 1);
          INSERT INTO labels VALUES ('default', '["a","b"]', 0, 'ghost');
          INSERT INTO runs VALUES ('default', 'no id!', 'p', 'd', 'running', 0, 0, NULL, 0, '[]');
          INSERT INTO tasks VALUES ('default', '../x', 'p', 'ask', 0, 0)`)
      )
      const wrong = [
        "../x tasks  unreadable",
        "ghost labels  extra",
        "no id! runs  unreadable",
        "r1 runs  wakeAt,tokens",
        "r1 tasks ghost extra",
        "r1 tasks a missing"
      ]
      assert.deepStrictEqual(yield* told(true), wrong)
      assert.deepStrictEqual(yield* told(false), wrong)
      assert.deepStrictEqual(yield* told(true), [])
      assert.lengthOf(
        raw(file, (db) => db.prepare("SELECT run FROM labels UNION ALL SELECT run FROM runs").pluck().all()) as [],
        1
      )
      // Entries that cannot be read are told, and the index has what it had.
      raw(file, (db) => db.exec("UPDATE entries SET head = 'x' WHERE seq = 1; UPDATE runs SET tokens = 9"))
      const [broken] = yield* told(false)
      assert.include(broken, "entry 1 cannot be read")
      assert.strictEqual(
        raw(file, (db) => db.prepare("SELECT tokens FROM runs").pluck().get()),
        9
      )
    })
  )

  scoped("a second row at the same place is Conflict, even with the lease in hand", (file) =>
    Effect.gen(function* () {
      const journal = yield* journalAt({ path: file })
      const [bad, good] = [
        yield* journal.create(run, Histories.plan),
        yield* journal.create(Histories.id("r2"), Histories.plan)
      ]
      for (const owned of [bad, good]) journal.stage(owned, Histories.started())
      yield* journal.barrier(bad)
      raw(file, (db) => db.exec("INSERT INTO entries VALUES ('default', 'r1', 1, '{}', NULL, NULL, NULL)"))
      for (const owned of [bad, good]) journal.stage(owned, Histories.note(1))
      assert.strictEqual((yield* Effect.flip(journal.barrier(bad))).reason, "Conflict")
      yield* journal.barrier(good)
      assert.strictEqual((yield* Effect.flip(count(journal))).reason, "Corrupt")
    })
  )
})
