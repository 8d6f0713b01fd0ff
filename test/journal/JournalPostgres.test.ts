/** The conformance suite on Postgres: each store is a schema of its own in one private server. */
import { randomBytes } from "node:crypto"
import { afterAll, beforeAll } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as JournalPostgres from "../../src/journal/JournalPostgres.js"
import * as SealedDriver from "../../src/journal/SealedDriver.js"
import * as Server from "../postgres/Server.js"
import { type Backend, journalSuite } from "./JournalSuite.js"
import * as Keys from "./Keys.js"
import { logSuite } from "./LogSuite.js"

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
logSuite(backend)
