/** A store of the gate by its name: the path of a SQLite file, or the URI of a Postgres database. */
import * as Redacted from "effect/Redacted"
import type { Where } from "../../src/journal/JournalOpen.js"

export const isPostgres = (store: string): boolean => store.startsWith("postgresql://")

export const where = (store: string): Where =>
  isPostgres(store) ? { _tag: "Postgres", uri: Redacted.make(store) } : { _tag: "Sqlite", path: store }
