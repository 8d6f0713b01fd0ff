import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll } from "vitest"
import * as JournalSqlite from "../../src/journal/JournalSqlite.js"
import * as Long from "../Long.js"
import type * as Forger from "./Forger.js"
import { type Store, tables, tamperSuite } from "./TamperSuite.js"

let folder = ""
let db: Database.Database

const cellOf = (value: unknown): Forger.Cell =>
  Buffer.isBuffer(value) ? `\\x${value.toString("hex")}` : (value as Forger.Cell)
const valueOf = (cell: Forger.Cell): string | number | null | Buffer =>
  typeof cell === "string" && cell.startsWith("\\x")
    ? Buffer.from(cell.slice(2), "hex")
    : typeof cell === "boolean"
      ? Number(cell)
      : cell

const store: Store = {
  connect: (tenant) => JournalSqlite.makeDriver({ path: path.join(folder, "flujo.db"), durability: "normal", tenant }),
  dump: (tenant) =>
    Effect.sync(() =>
      Object.fromEntries(
        tables.map((table) => [
          table,
          db
            .prepare<[string], Record<string, unknown>>(`SELECT * FROM ${table} WHERE tenant = ?`)
            .all(tenant)
            .map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, cellOf(value)])))
        ])
      )
    ),
  put: (tenant, given) =>
    Effect.sync(
      db.transaction(() => {
        for (const table of tables) db.prepare(`DELETE FROM ${table} WHERE tenant = ?`).run(tenant)
        for (const table of tables) {
          if (table === "unsealed") db.prepare("DELETE FROM unsealed WHERE tenant = ?").run(tenant)
          for (const row of given[table] ?? []) {
            const names = Object.keys(row)
            db.prepare(`INSERT INTO ${table} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`).run(
              Object.values(row).map(valueOf)
            )
          }
        }
      })
    )
}

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "flujo-tamper-"))
  await Effect.runPromise(Effect.scoped(store.connect("none")))
  db = new Database(path.join(folder, "flujo.db"))
})
afterAll(() => {
  db.close()
  fs.rmSync(folder, { recursive: true })
})

tamperSuite(() => store, "SQLite", Long.runs(3, 50))
