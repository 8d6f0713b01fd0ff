/** The conformance suite on Postgres: each store is a schema of its own in one private server. */
import { randomBytes } from "node:crypto"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as JournalMake from "../../src/journal/JournalMake.js"
import * as JournalPostgres from "../../src/journal/JournalPostgres.js"
import * as SealedDriver from "../../src/journal/SealedDriver.js"
import * as Long from "../Long.js"
import * as Server from "../postgres/Server.js"
import * as Canary from "./Canary.js"
import * as Histories from "./Histories.js"
import { type Backend, journalSuite } from "./JournalSuite.js"
import * as Keys from "./Keys.js"
import { logSuite } from "./LogSuite.js"
import { poolsSuite } from "./PoolsSuite.js"

let server: Server.Server
beforeAll(async () => {
  server = await Server.make()
})
afterAll(() => server.discard())

let stores = 0

const backend: Backend = {
  name: "Postgres",
  open: Effect.sync(() => {
    stores += 1
    return { connect: JournalPostgres.makeDriver({ uri: server.uri(`pool_max_conns=3&schema=store_${stores}`) }) }
  })
}

journalSuite(backend, Long.runs(10, 25))
// In memory and on SQLite it runs every time: between it and any of the three stands the same code.
if (process.env.FLUJO_LONG === "1") {
  journalSuite({
    name: "Postgres, encrypted",
    open: Effect.map(backend.open, ({ connect }) => ({
      connect: Effect.map(
        connect,
        (driver) =>
          SealedDriver.make(driver, { encryption: Keys.encryption, tenant: "default", entropy: randomBytes }).driver
      )
    }))
  })
}
logSuite(backend)
poolsSuite(backend, 10)

describe("Postgres: the index", () => {
  it.scoped("is made again where its columns were damaged, and rows of nothing go", () =>
    Effect.gen(function* () {
      stores += 1
      const schema = `store_${stores}`
      const driver = yield* JournalPostgres.makeDriver({ uri: server.uri(`pool_max_conns=3&schema=${schema}`) })
      const journal = yield* JournalMake.make(driver)
      const id = Histories.id("r1")
      const owned = yield* journal.create(id, Histories.plan)
      for (const staged of [Histories.started(), Histories.opened("a")]) journal.stage(owned, staged)
      yield* journal.release(owned)
      const views = Effect.all([journal.runs({ limit: 9 }), journal.tasks({ limit: 9 })])
      const before = yield* views
      const sql = (text: string) => Effect.promise(() => server.sql(text))
      yield* sql(`UPDATE ${schema}.runs SET tokens = 9, status = 'nonsense'`)
      yield* sql(`DELETE FROM ${schema}.tasks`)
      yield* sql(`INSERT INTO ${schema}.tasks VALUES ('default', 'no id!', 'p', 'ask', 0, 0)`)
      yield* sql(`INSERT INTO ${schema}.labels VALUES ('default', '["a","b"]', 0, 'ghost')`)
      const told = (isDry: boolean) =>
        Effect.map(Stream.runCollect(journal.mend({ isDry })), (all) =>
          Array.from(all).flatMap(({ differences, run }) =>
            differences.map(({ of = "", table, what }) => `${run} ${table} ${of} ${String(what)}`)
          )
        )
      const wrong = ["ghost labels  extra", "no id! tasks  unreadable", "r1 runs  unreadable", "r1 tasks a missing"]
      assert.deepStrictEqual(yield* told(true), wrong)
      assert.deepStrictEqual(yield* told(false), wrong)
      assert.deepStrictEqual(yield* told(true), [])
      assert.deepStrictEqual(yield* views, before)
    })
  )
})

describe("Postgres, encrypted", () => {
  for (const encryption of [undefined, Keys.encryption]) {
    const isSealed = encryption !== undefined
    it.scoped(`${isSealed ? "holds nothing of what an encrypted run holds" : "else holds it"}, in whatever table`, () =>
      Effect.gen(function* () {
        stores += 1
        const schema = `store_${stores}`
        const driver = yield* JournalPostgres.makeDriver({ uri: server.uri(`pool_max_conns=3&schema=${schema}`) })
        const journal = yield* Canary.fill(driver, encryption)
        const entries = yield* Stream.runCollect(journal.read(Canary.run))
        assert.include(JSON.stringify(entries), Canary.word)
        const sql = (text: string) => Effect.promise(() => server.sql(text))
        const tables = yield* sql(`SELECT tablename FROM pg_tables WHERE schemaname = '${schema}'`)
        assert.isAbove(tables.length, 12)
        let isFound = false
        for (const [table] of tables) {
          const rows = yield* sql(`SELECT t::text FROM ${schema}.${table} t`)
          isFound ||= rows.some(([row]) => Canary.isIn(Buffer.from(row ?? "")))
        }
        assert.strictEqual(isFound, !isSealed)
      })
    )
  }
})
