/** The conformance suite on Postgres: each store is a schema of its own in one private server. */
import { afterAll, beforeAll } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as JournalPostgres from "../../src/journal/JournalPostgres.js"
import * as Server from "../postgres/Server.js"
import { type Backend, journalSuite } from "./JournalSuite.js"
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
logSuite(backend)
poolsSuite(backend, 10)
