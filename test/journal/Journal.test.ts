import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import type { Driver } from "../../src/journal/Driver.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as JournalSqlite from "../../src/journal/JournalSqlite.js"
import * as SealedDriver from "../../src/journal/SealedDriver.js"
import { type Backend, journalSuite } from "./JournalSuite.js"
import * as Keys from "./Keys.js"
import { poolsSuite } from "./PoolsSuite.js"

const seal = (driver: Driver): Driver =>
  SealedDriver.make(driver, { encryption: Keys.encryption, tenant: "default", entropy: randomBytes }).driver

journalSuite({
  name: "memory, encrypted",
  open: Effect.sync(() => {
    const driver = JournalMemory.makeDriver()
    return { connect: Effect.sync(() => seal(driver)) }
  })
})

const sqlite = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "flujo-journal-"))),
    (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true }))
  ),
  (folder) => JournalSqlite.makeDriver({ path: path.join(folder, "flujo.db"), durability: "normal" })
)

journalSuite({
  name: "SQLite, encrypted",
  open: Effect.map(sqlite, (connect) => ({ connect: Effect.map(connect, seal) }))
})

const memory: Backend = {
  name: "memory",
  open: Effect.sync(() => {
    const driver = JournalMemory.makeDriver()
    return { connect: Effect.succeed(driver) }
  })
}

for (const backend of [memory, { name: "SQLite", open: Effect.map(sqlite, (connect) => ({ connect })) }]) {
  journalSuite(backend)
  poolsSuite(backend)
}
