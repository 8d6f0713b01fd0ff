import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as JournalSqlite from "../../src/journal/JournalSqlite.js"
import { type Backend, journalSuite } from "./JournalSuite.js"
import { poolsSuite } from "./PoolsSuite.js"

const memory: Backend = {
  name: "memory",
  open: Effect.sync(() => {
    const driver = JournalMemory.makeDriver()
    return { connect: Effect.succeed(driver) }
  })
}

const sqlite: Backend = {
  name: "SQLite",
  open: Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "flujo-journal-"))),
      (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true }))
    ),
    (folder) => ({ connect: JournalSqlite.makeDriver({ path: path.join(folder, "flujo.db"), durability: "normal" }) })
  )
}

for (const backend of [memory, sqlite]) {
  journalSuite(backend)
  poolsSuite(backend)
}
