import * as Reactivity from "@effect/experimental/Reactivity"
import type { Connection } from "@effect/sql/SqlConnection"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { afterAll, beforeAll } from "vitest"
import * as JournalPostgres from "../../src/journal/JournalPostgres.js"
import * as Long from "../Long.js"
import * as Server from "../postgres/Server.js"
import type * as Forger from "./Forger.js"
import { type Store, tables, tamperSuite } from "./TamperSuite.js"

let server: Server.Server
let scope: Scope.CloseableScope
/** The forger's. */
let connection: Connection

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`
const store: Store = {
  connect: (tenant) =>
    JournalPostgres.makeDriver({ uri: server.uri("schema=flujo&pool_max_conns=2"), durability: "normal", tenant }),
  dump: (tenant) =>
    Effect.gen(function* () {
      const all: Record<string, ReadonlyArray<Forger.Row>> = {}
      for (const table of tables) {
        const text = `SELECT coalesce(json_agg(t), '[]')::TEXT FROM flujo.${table} t WHERE tenant = ${quoted(tenant)}`
        const [[json]] = (yield* connection.executeValues(text, [])) as [[string]]
        all[table] = JSON.parse(json)
      }
      return all
    }).pipe(Effect.orDie),
  put: (tenant, given) =>
    Effect.orDie(
      connection.executeRaw(
        [
          "BEGIN",
          ...tables.map((table) => `DELETE FROM flujo.${table} WHERE tenant = ${quoted(tenant)}`),
          ...tables.flatMap((table) => [
            // What roots have queued by themselves.
            ...(table === "unsealed" ? [`DELETE FROM flujo.unsealed WHERE tenant = ${quoted(tenant)}`] : []),
            `INSERT INTO flujo.${table} OVERRIDING SYSTEM VALUE
             SELECT * FROM json_populate_recordset(NULL::flujo.${table}, ${quoted(JSON.stringify(given[table] ?? []))})`
          ]),
          "COMMIT"
        ].join(";\n"),
        []
      )
    )
}

beforeAll(async () => {
  server = await Server.make()
  await Effect.runPromise(Effect.scoped(store.connect("none")))
  scope = await Effect.runPromise(Scope.make())
  connection = await PgClient.make({ url: server.uri(), ssl: false }).pipe(
    Effect.flatMap((client) => client.reserve),
    Scope.extend(scope),
    Effect.provide(Reactivity.layer),
    Effect.runPromise
  )
})
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  await server.discard()
})

tamperSuite(() => store, "Postgres", Long.runs(1, 50))
