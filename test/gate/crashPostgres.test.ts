import { afterAll, beforeAll } from "vitest"
import * as Server from "../postgres/Server.js"
import { crashSuite } from "./CrashSuite.js"
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

crashSuite({
  name: "Postgres",
  places: Processes.inPostgres(() => server),
  whens: ["before", "sent", "after"],
  oneIn: 5
})
