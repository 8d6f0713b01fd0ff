/** What a store holds of runs that are encrypted, who can read it, and what stays readable for everybody. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Digest from "../../src/domain/Digest.js"
import * as Audit from "../../src/journal/Audit.js"
import * as Encryption from "../../src/journal/Encryption.js"
import type { Journal, JournalError } from "../../src/journal/Journal.js"
import * as JournalMake from "../../src/journal/JournalMake.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as JournalSqlite from "../../src/journal/JournalSqlite.js"
import * as Ledger from "../../src/journal/Ledger.js"
import * as LedgerFile from "../../src/journal/LedgerFile.js"
import * as Canary from "./Canary.js"
import * as Histories from "./Histories.js"
import * as Keys from "./Keys.js"

const { run } = Canary
const other = Histories.id("r2")

const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "flujo-sealed-"))),
  (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
)

const entriesOf = (journal: Journal["Type"], of = run) =>
  Effect.map(Stream.runCollect(journal.read(of)), (all) => Array.from(all))

const errorOf = <A, E extends JournalError>(effect: Effect.Effect<A, E>) => Effect.flip(effect)

/** A run of three entries. */
const begin = (journal: Journal["Type"], of = run) =>
  Effect.gen(function* () {
    const owned = yield* journal.create(of, Histories.plan)
    for (const one of [Histories.started(), Histories.note(1), Histories.note(2)]) journal.stage(owned, one)
    yield* journal.barrier(owned)
    yield* journal.release(owned)
  })

const ends = (journal: Journal["Type"], of = run) =>
  Effect.gen(function* () {
    const owned = Option.getOrThrow(yield* journal.own(of))
    for (const one of [Histories.resumed, Histories.completed]) journal.stage(owned, one)
    yield* journal.release(owned)
  })

const filesOf = (made: string): ReadonlyArray<Buffer> =>
  fs.readdirSync(made).map((name) => fs.readFileSync(path.join(made, name)))

describe("a store on disk", () => {
  for (const encryption of [undefined, Keys.encryption]) {
    const isSealed = encryption !== undefined
    it.scoped(`${isSealed ? "holds nothing of what an encrypted run holds" : "else holds it"}, in whatever file`, () =>
      Effect.gen(function* () {
        const made = yield* folder
        yield* Effect.scoped(
          Effect.gen(function* () {
            const driver = yield* JournalSqlite.makeDriver({ path: path.join(made, "state.db"), durability: "normal" })
            const journal = yield* Canary.fill(driver, encryption)
            assert.include(JSON.stringify(yield* entriesOf(journal)), Canary.word)
            assert.include(JSON.stringify(yield* journal.letters(run)), Canary.word)
            assert.include(JSON.stringify(yield* journal.recall(Digest.ofText("k"))), Canary.word)
            assert.strictEqual(filesOf(made).some(Canary.isIn), !isSealed, "while it is open")
          })
        )
        assert.strictEqual(filesOf(made).some(Canary.isIn), !isSealed, "when it is closed")
      })
    )
  }

  it.scoped("each thing that is sealed is refused wherever else it is put", () =>
    Effect.gen(function* () {
      const made = yield* folder
      const file = path.join(made, "state.db")
      const open = Effect.flatMap(JournalSqlite.makeDriver({ path: file, durability: "normal" }), (driver) =>
        JournalMake.make(driver, { encryption: Keys.encryption })
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          const driver = yield* JournalSqlite.makeDriver({ path: file, durability: "normal" })
          const journal = yield* Canary.fill(driver, Keys.encryption)
          yield* begin(journal, other)
          yield* journal.deliver(other, { _tag: "Cancel", reason: "enough" })
          yield* journal.deliver(run, { _tag: "Signal", id: "2", signal: "paid", data: 2 })
          const answer = { run, path: Histories.path("a"), output: 2, writes: [] }
          yield* journal.keep({ key: Digest.ofText("l"), answer, at: 1, expiresAt: 9_000_000_000_000 })
        })
      )
      const db = new Database(file)
      const swap = (table: string, column: string, a: string, b: string) => {
        const of = (where: string) =>
          db.prepare(`SELECT ${column} AS it FROM ${table} WHERE ${where}`).get() as { it: unknown }
        const [first, second] = [of(a).it, of(b).it]
        assert.isNotNull(first)
        assert.notDeepEqual(first, second)
        const put = (where: string, it: unknown) =>
          db.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${where}`).run(it)
        put(a, second)
        put(b, first)
        return () => {
          put(a, first)
          put(b, second)
        }
      }
      const looked = <A>(look: (journal: Journal["Type"]) => Effect.Effect<A, JournalError>) =>
        Effect.scoped(Effect.flatMap(open, look))
      const refusedBy = (back: () => void, look: (journal: Journal["Type"]) => Effect.Effect<unknown, JournalError>) =>
        Effect.gen(function* () {
          const error = yield* errorOf(looked(look))
          assert.strictEqual(error.reason, "Corrupt")
          assert.match(error.detail, /changed/)
          back()
          yield* looked(look)
        })
      for (let a = 0; a < 5; a++) {
        for (let b = a + 1; b < 5; b++) {
          yield* refusedBy(
            swap("entries", "salt", `run = 'r1' AND seq = ${a}`, `run = 'r1' AND seq = ${b}`),
            (journal) => entriesOf(journal)
          )
        }
      }
      yield* refusedBy(swap("entries", "salt", "run = 'r1' AND seq = 1", "run = 'r2' AND seq = 1"), (journal) =>
        entriesOf(journal, other)
      )
      yield* refusedBy(swap("keys", "key", "run = 'r1'", "run = 'r2'"), (journal) => entriesOf(journal))
      yield* refusedBy(swap("inbox", "data", "id = 'signal:paid:1'", "id = 'signal:paid:2'"), (journal) =>
        journal.letters(run)
      )
      yield* refusedBy(swap("inbox", "data", "id = 'signal:paid:1'", "id = 'cancel'"), (journal) =>
        journal.letters(other)
      )
      const back = swap("cache", "value", `key = '${Digest.ofText("k")}'`, `key = '${Digest.ofText("l")}'`)
      assert.isTrue(Option.isNone(yield* looked((journal) => journal.recall(Digest.ofText("k")))))
      back()
      assert.isTrue(Option.isSome(yield* looked((journal) => journal.recall(Digest.ofText("k")))))
      const flipped = db.prepare("SELECT bytes FROM blobs").pluck().get() as Buffer
      flipped[100]! ^= 1
      db.prepare("UPDATE blobs SET bytes = ?").run(flipped)
      const error = yield* errorOf(looked((journal) => entriesOf(journal)))
      assert.strictEqual(error.reason, "Corrupt")
      db.close()
    })
  )
})

describe("without the key", () => {
  it.scoped("lists and the ledger are as ever; whatever would read, write or drive says which key is wanted", () =>
    Effect.gen(function* () {
      const driver = JournalMemory.makeDriver()
      const journal = yield* Canary.fill(driver, Keys.encryption)
      const sound = yield* Audit.verify(journal, run)
      const strangers = [undefined, Encryption.of(Keys.second), Encryption.of({ ...Keys.second, id: "first" })]
      for (const encryption of strangers) {
        const without = yield* JournalMake.make(driver, { encryption })
        const views = (one: Journal["Type"]) =>
          Effect.all({ runs: one.runs({ limit: 9 }), tasks: one.tasks({ limit: 9 }), info: one.store.info })
        const before = yield* views(journal)
        assert.deepStrictEqual(yield* views(without), before)
        const found = yield* Audit.verify(without, run)
        assert.deepStrictEqual(found, { ...sound, locked: 7 })
        const lease = yield* driver.lease(run)
        const letter = { _tag: "Signal", id: "3", signal: "paid", data: 3 } as const
        const attempts: ReadonlyArray<Effect.Effect<unknown, JournalError>> = [
          entriesOf(without),
          Effect.catchTag(without.own(run), "RunHeld", Effect.die),
          without.letters(run),
          Effect.catchTag(without.deliver(run, letter), "LetterRefused", Effect.die),
          without.recall(Digest.ofText("k")),
          LedgerFile.write(without, run),
          ...(encryption === undefined ? [] : [without.store.encryption.rewrap])
        ]
        for (const attempt of attempts) {
          const error = yield* errorOf(attempt)
          assert.strictEqual(error.reason, "Key")
          assert.match(error.detail, /first \([0-9a-f]{16}\)/)
          assert.notInclude(error.message, Redacted.value(Keys.first.key))
          assert.notInclude(error.message, Redacted.value(Keys.second.key))
        }
        assert.deepStrictEqual(yield* driver.lease(run), lease, "nothing changed hands")
        assert.strictEqual((yield* journal.letters(run)).length, 1)
        assert.strictEqual(yield* without.rebuild, 0)
      }
      const wrong = yield* JournalMake.make(driver, { encryption: Encryption.of({ ...Keys.second, id: "first" }) })
      assert.strictEqual((yield* errorOf(wrong.store.encryption.ready)).reason, "Key")
    })
  )

  it.scoped("a text that is no key is refused, and not shown", () =>
    Effect.gen(function* () {
      for (const text of ["", "secret", "0".repeat(63), "z".repeat(64), `${"0".repeat(64)}0`]) {
        const journal = yield* JournalMake.make(JournalMemory.makeDriver(), {
          encryption: Encryption.of({ id: "bad", key: Redacted.make(text) })
        })
        const error = yield* errorOf(journal.store.encryption.ready)
        assert.strictEqual(error.reason, "Key")
        if (text !== "") assert.notInclude(error.message, text)
        const owned = yield* journal.create(run, Histories.plan)
        journal.stage(owned, Histories.started())
        assert.strictEqual((yield* errorOf(journal.barrier(owned))).reason, "Key")
        assert.isTrue(Option.isNone(yield* journal.run(run)))
      }
      for (const text of [" 0a\n".trim().repeat(32), `${Buffer.alloc(32, 9).toString("base64")}\n`]) {
        assert.strictEqual(Encryption.parse(text)?.length, 32)
      }
    })
  )
})

describe("the wrapping key", () => {
  it.scoped(
    "can be changed: keys are wrapped anew, what runs hold stays as it is, and the old one is not needed any more",
    () =>
      Effect.gen(function* () {
        const driver = JournalMemory.makeDriver()
        const before = yield* JournalMake.make(driver, { encryption: Keys.encryption })
        for (const id of ["r1", "r2", "r3"]) yield* begin(before, Histories.id(id))
        const rowsOf = Effect.forEach(["r1", "r2", "r3"], (id) =>
          driver.select({ run: Histories.id(id), from: 0, limit: 9 })
        )
        const rows = yield* rowsOf
        // It is cut after the first.
        let count = 0
        const cut = {
          ...driver,
          putRunKey: (change: Parameters<typeof driver.putRunKey>[0]) =>
            Effect.suspend(() => (count++ === 1 ? Effect.die("killed") : driver.putRunKey(change)))
        }
        const both = Encryption.of(Keys.second, [Keys.first])
        yield* Effect.exit((yield* JournalMake.make(cut, { encryption: both })).store.encryption.rewrap)
        const rotating = yield* JournalMake.make(driver, { encryption: both })
        const { keyOf, rewrap, runsByKey } = rotating.store.encryption
        assert.deepStrictEqual(Array.from((yield* runsByKey).values()).sort(), [1, 2])
        for (const id of ["r1", "r2", "r3"])
          assert.strictEqual((yield* entriesOf(rotating, Histories.id(id))).length, 3)
        assert.strictEqual(yield* rewrap, 2)
        assert.strictEqual(yield* rewrap, 0)
        assert.deepStrictEqual(yield* rowsOf, rows)
        assert.match((yield* keyOf(run)) ?? "", /^second \(/)
        const after = yield* JournalMake.make(driver, { encryption: Encryption.of(Keys.second) })
        for (const id of ["r1", "r2", "r3"]) assert.strictEqual((yield* entriesOf(after, Histories.id(id))).length, 3)
        assert.strictEqual(
          (yield* errorOf(entriesOf(yield* JournalMake.make(driver, { encryption: Keys.encryption })))).reason,
          "Key"
        )
      })
  )

  it.scoped("a run that began without one is encrypted from where it goes on", () =>
    Effect.gen(function* () {
      const driver = JournalMemory.makeDriver()
      yield* begin(yield* JournalMake.make(driver))
      const journal = yield* JournalMake.make(driver, { encryption: Keys.encryption })
      assert.isUndefined(yield* journal.store.encryption.keyOf(run))
      yield* ends(journal)
      assert.isDefined(yield* journal.store.encryption.keyOf(run))
      assert.strictEqual((yield* entriesOf(journal)).length, 5)
      assert.isFalse(Ledger.isBad(yield* Audit.verify(journal, run)))
      const rows = yield* driver.select({ run, from: 0, limit: 9 })
      assert.deepStrictEqual(
        rows.map(({ payload }) => payload !== null),
        [true, true, true, false, false]
      )
      const without = yield* JournalMake.make(driver)
      const found = yield* Audit.verify(without, run)
      assert.isTrue(!Ledger.isBad(found) && found.locked === 1)
    })
  )
})

describe("the ledger", () => {
  it.scoped("of a run is the same with encryption and without, salts aside", () =>
    Effect.gen(function* () {
      const salts = (size: number) => new Uint8Array(size).fill(7)
      const roots: Array<string> = []
      const texts: Array<string> = []
      for (const encryption of [undefined, Keys.encryption]) {
        const journal = yield* JournalMake.make(JournalMemory.makeDriver(), { encryption, entropy: salts })
        yield* begin(journal)
        yield* ends(journal)
        const written = Either.getOrThrow(yield* LedgerFile.write(journal, run))
        roots.push(written.sound.root)
        texts.push(Array.from(yield* Stream.runCollect(written.text)).join(""))
      }
      assert.strictEqual(roots[0], roots[1])
      assert.strictEqual(texts[0], texts[1])
    })
  )
})
