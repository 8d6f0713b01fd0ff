import { afterAll, beforeAll } from "vitest"
import * as Server from "../postgres/Server.js"
import { processesSuite } from "./ProcessesSuite.js"
import * as Processes from "./processes.js"

let server: Server.Server
beforeAll(async () => {
  await Processes.bundle()
  server = await Server.make()
})
afterAll(async () => {
  Processes.discard()
  await server.discard()
})

processesSuite(
  "Postgres",
  Processes.inPostgres(() => server),
  4
)
