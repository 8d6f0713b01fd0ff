/** The conformance suite on Postgres: each store is a schema of its own in one private server. */
import { randomBytes } from "node:crypto"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as JournalPostgres from "../../src/journal/JournalPostgres.js"
import * as SealedDriver from "../../src/journal/SealedDriver.js"
import * as Server from "../postgres/Server.js"
import * as Canary from "./Canary.js"
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

journalSuite(backend)
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
