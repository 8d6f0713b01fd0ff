/** The log of a store: notes that others can read, keys, a sealer beside a writer, and what is found by whom. */
import * as fs from "node:fs"
import * as path from "node:path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import type { Journal } from "../../src/journal/Journal.js"
import * as JournalMake from "../../src/journal/JournalMake.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as JournalSqlite from "../../src/journal/JournalSqlite.js"
import type * as KeyFile from "../../src/journal/KeyFile.js"
import * as LogAudit from "../../src/journal/LogAudit.js"
import * as SignedNote from "../../src/journal/SignedNote.js"
import * as Long from "../Long.js"
import * as Histories from "./Histories.js"
import { folder, goOn, keyAt, logSuite, noteOf, rest, sound, wrong } from "./LogSuite.js"

type Service = Journal["Type"]

describe("a signed note", () => {
  // The example of the specification, c2sp.org/signed-note, and of golang.org/x/mod/sumdb/note.
  const vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
  const signed = `If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
`
  it("of another program is read and verified, and not if it says something else", () => {
    const verifier = SignedNote.verifierOf(vkey)!
    assert.strictEqual(SignedNote.showVerifier(verifier), vkey)
    assert.isTrue(SignedNote.isSignedBy(SignedNote.parse(signed)!, verifier))
    const other = signed.replace("problem is.", "problem was.")
    assert.isFalse(SignedNote.isSignedBy(SignedNote.parse(other)!, verifier))
    assert.isUndefined(SignedNote.verifierOf(vkey.replace("c74f", "c74e")))
  })

  it("is found out by one flipped bit, wherever it is", () => {
    const signer = SignedNote.signerOf(SignedNote.generate())!
    const root = Buffer.alloc(32, 7)
    const bytes = Buffer.from(
      SignedNote.make(SignedNote.checkpointText({ origin: signer.name, size: 42, root }), signer)
    )
    assert.isTrue(SignedNote.isSignedBy(SignedNote.parse(bytes.toString())!, signer))
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      const note = SignedNote.parse(flipped.toString())
      assert.isFalse(note !== undefined && SignedNote.isSignedBy(note, signer), `bit ${bit}`)
    }
  })
})

logSuite({
  name: "memory",
  open: Effect.sync(() => {
    const driver = JournalMemory.makeDriver()
    return { connect: Effect.succeed(driver) }
  })
})

logSuite({
  name: "SQLite",
  open: Effect.map(folder, (place) => ({
    connect: JournalSqlite.makeDriver({ path: path.join(place, "flujo.db"), durability: "normal" })
  }))
})

describe("a sealer", () => {
  it.scoped("signs while a process writes, at most once a second, and at its end", () =>
    Effect.gen(function* () {
      const key = yield* keyAt(path.join(yield* folder, "ledger.key"))
      const driver = JournalMemory.makeDriver()
      const count = () => Effect.map(driver.checkpoints({ after: -1, limit: 99 }), ({ length }) => length)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const journal = yield* JournalMake.make(driver, { sealing: key.holder })
          for (const one of ["a", "b", "c"]) yield* rest(journal, one)
          yield* Effect.repeatN(
            Effect.sleep(0).pipe(Effect.fork, Effect.zipRight(Effect.promise(() => new Promise(setImmediate)))),
            20
          )
          const early = yield* count()
          assert.isAtMost(early, 1)
          yield* TestClock.adjust("999 millis")
          assert.isAtMost(yield* count(), 1)
          yield* rest(journal, "d")
        })
      )
      const journal = yield* JournalMake.make(driver)
      const { size, waiting } = yield* sound(journal)
      assert.deepStrictEqual({ size, waiting }, { size: 4, waiting: 0 })
      assert.isAtMost(yield* count(), 3)
    }).pipe(Effect.provide(NodeContext.layer))
  )
})

interface Place {
  readonly file: string
  readonly key: KeyFile.KeyFile
  readonly checkpoint: SignedNote.Note
}

describe("tampering with the log in a SQLite file", () => {
  const seeds = Long.runs(25, 250)
  const inFile = <A, E>(file: string, use: (journal: Service) => Effect.Effect<A, E>) =>
    Effect.scoped(
      Effect.flatMap(JournalSqlite.makeDriver({ path: file, durability: "normal" }), (driver) =>
        Effect.flatMap(JournalMake.make(driver), use)
      )
    )
  const prepared = Effect.gen(function* () {
    const place = yield* folder
    const file = path.join(place, "flujo.db")
    const key = yield* keyAt(path.join(place, "ledger.key"))
    const checkpoint = yield* inFile(file, (journal) =>
      Effect.gen(function* () {
        for (const one of ["a", "b", "c", "d", "e"]) yield* rest(journal, one)
        yield* journal.log.seal(key.holder)
        for (const one of ["a", "b"]) yield* goOn(journal, one)
        const last = yield* journal.log.seal(key.holder)
        yield* rest(journal, "f")
        return noteOf(last)
      })
    )
    return { file, key, checkpoint } satisfies Place
  })

  const alone: Readonly<Record<string, (db: Database.Database, seed: number) => void>> = {
    "edit a leaf": (db, seed) =>
      db.prepare("UPDATE log SET root = ? WHERE number = ?").run(`${seed % 10}`.repeat(64), seed % 7),
    "delete a leaf": (db, seed) => db.prepare("DELETE FROM log WHERE number = ?").run(seed % 7),
    "swap two leaves": (db, seed) => {
      const [x, y] = [seed % 6, (seed % 6) + 1]
      db.exec(`UPDATE log SET number = -1 WHERE number = ${x}; UPDATE log SET number = ${x} WHERE number = ${y};
        UPDATE log SET number = ${y} WHERE number = -1`)
    },
    "add a leaf": (db, seed) =>
      db.prepare("INSERT INTO log VALUES ('default', 7, 'z', 2, ?, 0)").run(`${seed % 10}`.repeat(64)),
    "edit a checkpoint": (db, seed) => {
      const { note, size } = db
        .prepare<[], { note: string; size: number }>(
          `SELECT note, size FROM checkpoints ORDER BY size LIMIT 1 OFFSET ${seed % 2}`
        )
        .get()!
      const at = (seed * 31) % note.length
      const other = note.charCodeAt(at) === 65 ? "B" : "A"
      db.prepare("UPDATE checkpoints SET note = ? WHERE size = ?").run(
        note.slice(0, at) + other + note.slice(at + 1),
        size
      )
    },
    "delete the keys": (db) => db.exec("DELETE FROM log_keys"),
    "put another key": (db) =>
      db
        .prepare("UPDATE log_keys SET verifier = ?")
        .run(SignedNote.showVerifier(SignedNote.signerOf(SignedNote.generate())!))
  }
  for (const [name, tamper] of Object.entries(alone)) {
    it.scoped(`${name}: found by the log alone, ${seeds} seeds`, () =>
      Effect.gen(function* () {
        const { file } = yield* prepared
        for (let seed = 0; seed < seeds; seed++) {
          const copy = `${file}.${seed}`
          fs.copyFileSync(file, copy)
          const db = new Database(copy)
          tamper(db, seed)
          db.close()
          assert.notStrictEqual(yield* inFile(copy, (journal) => wrong(journal)), "sound", `seed ${seed}`)
        }
      }).pipe(Effect.provide(NodeContext.layer))
    )
  }

  it.scoped("roots of runs that are not those in the log are found, and a run whose roots are gone", () =>
    Effect.gen(function* () {
      const { file } = yield* prepared
      const db = new Database(file)
      db.exec(
        "UPDATE roots SET root = substr(root, 2) || substr(root, 1, 1) WHERE run = 'c'; DELETE FROM roots WHERE run = 'd'"
      )
      db.exec("DELETE FROM unsealed WHERE run = 'f'")
      db.close()
      yield* inFile(file, (journal) =>
        Effect.gen(function* () {
          const of = (id: string) => LogAudit.sealedOf(journal, Histories.id(id))
          assert.strictEqual(yield* of("a"), 4)
          assert.include(yield* Effect.map(of("c"), JSON.stringify), "not the one in the log")
          assert.include(yield* Effect.map(of("d"), JSON.stringify), "not the one in the log")
          assert.include(yield* Effect.map(of("f"), JSON.stringify), "neither in the log nor waits")
        })
      )
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("a log that is made anew, also with a stolen key, is found with a checkpoint or a key from elsewhere", () =>
    Effect.gen(function* () {
      const { checkpoint, file, key } = yield* prepared
      const verifier = SignedNote.signerOf(fs.readFileSync(key.file, "utf8"))!
      const remade = (withKey: KeyFile.KeyFile) =>
        Effect.gen(function* () {
          const copy = `${file}.${path.basename(withKey.file)}`
          fs.copyFileSync(file, copy)
          const db = new Database(copy)
          db.exec("DELETE FROM log; DELETE FROM checkpoints; DELETE FROM log_keys; DELETE FROM unsealed")
          // All but one run: somebody would like it never to have been.
          for (const table of ["entries", "runs", "roots", "leases", "keys"]) {
            db.exec(`DELETE FROM ${table} WHERE run = 'c'`)
          }
          db.exec("INSERT INTO unsealed (tenant, run, size, root) SELECT tenant, run, size, root FROM roots")
          db.close()
          return yield* inFile(copy, (journal) =>
            Effect.gen(function* () {
              yield* journal.log.seal(withKey.holder)
              return {
                plain: yield* wrong(journal),
                withCheckpoint: yield* wrong(journal, { checkpoint, verifier }),
                withKey: yield* wrong(journal, { verifier })
              }
            })
          )
        })
      const forged = yield* remade(yield* keyAt(path.join(path.dirname(file), "forged.key")))
      assert.strictEqual(forged.plain, "sound")
      assert.include(forged.withKey, "not signed by the key that was kept elsewhere")
      assert.notStrictEqual(forged.withCheckpoint, "sound")
      const stolen = yield* remade(key)
      // A key that was stolen signs anything: only what is kept elsewhere tells.
      assert.strictEqual(stolen.plain, "sound")
      assert.strictEqual(stolen.withKey, "sound")
      assert.include(stolen.withCheckpoint, "elsewhere")
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("an old copy put back is found with a checkpoint from elsewhere that is later", () =>
    Effect.gen(function* () {
      const { checkpoint, file, key } = yield* prepared
      const copy = `${file}.old`
      fs.copyFileSync(file, copy)
      const later = yield* inFile(file, (journal) => Effect.map(journal.log.seal(key.holder), noteOf))
      assert.strictEqual(yield* inFile(copy, (journal) => wrong(journal, { checkpoint })), "sound")
      assert.include(yield* inFile(copy, (journal) => wrong(journal, { checkpoint: later })), "kept elsewhere")
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
