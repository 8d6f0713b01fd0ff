/**
 * The stores that are measured, each with its floor: the raw driver that writes the same rows with the same bytes and hashes,
 * as many in a commit, and reads them again. SQLite writes into a folder of its own, Postgres is a private server that is
 * started for the measurement, with every commit on the disk.
 */

import { rmSync, statSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import type * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Driver } from "../src/journal/Driver.js"
import type { JournalError } from "../src/journal/Journal.js"
import type { Where } from "../src/journal/JournalOpen.js"
import * as JournalPostgres from "../src/journal/JournalPostgres.js"
import * as JournalSqlite from "../src/journal/JournalSqlite.js"
import * as Server from "../test/postgres/Server.js"
import * as Floor from "./Floor.js"

export type Durability = "full" | "normal"

export interface Store {
  readonly name: string
  /** As a program of its own is told: a path or a URI. */
  readonly place: string
  readonly floorPlace: string
  readonly driver: (durability: Durability) => Effect.Effect<Driver, JournalError, Scope.Scope>
  readonly empty: () => Promise<void>
  readonly recorded: () => Promise<Floor.Recorded>
  readonly write: (durability: Durability, rows: ReadonlyArray<Floor.Row>, perCommit: number) => Promise<Floor.Took>
  /** All that is there in bytes, indexes included. */
  readonly size: () => Promise<number>
  readonly discard: () => Promise<void>
}

export const sqlite = (folder: string): Store => {
  const place = join(folder, "flujo", "state.db")
  const floorPlace = join(folder, "floor", "state.db")
  return {
    name: "SQLite",
    place,
    floorPlace,
    driver: (durability) => JournalSqlite.makeDriver({ path: place, durability }),
    empty: async () => rmSync(join(folder, "flujo"), { recursive: true, force: true }),
    recorded: async () => Floor.recorded(place),
    write: async (durability, rows, perCommit) => Floor.write(floorPlace, durability, rows, perCommit),
    size: async () => statSync(place).size,
    discard: async () => {}
  }
}

/** What is used of `pg`, which comes without declarations. */
interface Client {
  readonly connect: () => Promise<void>
  readonly end: () => Promise<void>
  readonly query: (query: {
    readonly name?: string
    readonly text: string
    readonly values?: ReadonlyArray<unknown>
  }) => Promise<{ readonly rows: ReadonlyArray<never> }>
}
const { Client } = createRequire(join(process.cwd(), "package.json"))("pg") as {
  readonly Client: new (options: { readonly connectionString: string }) => Client
}

export const isPostgres = (place: string): boolean => place.startsWith("postgresql://")
export const where = (place: string): Where =>
  isPostgres(place) ? { _tag: "Postgres", uri: Redacted.make(place) } : { _tag: "Sqlite", path: place }

const connected = async <A>(place: string, use: (client: Client, schema: string) => Promise<A>): Promise<A> => {
  const uri = new URL(place)
  const schema = uri.searchParams.get("schema") ?? ""
  uri.search = ""
  const client = new Client({ connectionString: uri.href })
  await client.connect()
  try {
    return await use(client, schema)
  } finally {
    await client.end()
  }
}

/** The rows of a schema, by run and number. */
export const recordedIn = (place: string): Promise<Floor.Recorded> =>
  connected(place, async (client, schema) => {
    const { rows } = await client.query({
      text: `SELECT e.tenant, e.run, e.seq, e.head, e.payload, e.salt, e.blob, b.bytes FROM ${schema}.entries e
        LEFT JOIN ${schema}.blobs b ON b.tenant = e.tenant AND b.run = e.run AND b.address = e.blob ORDER BY e.run, e.seq`
    })
    return Floor.sized(rows)
  })

/** One statement for each commit, prepared once: a round trip each, which is the least that Postgres can be asked. */
export const writeIn = (
  place: string,
  durability: Durability,
  rows: ReadonlyArray<Floor.Row>,
  perCommit: number
): Promise<Floor.Took> =>
  connected(place, async (client, schema) => {
    await client.query({ text: `DROP SCHEMA IF EXISTS ${schema} CASCADE` })
    await client.query({ text: `CREATE SCHEMA ${schema}` })
    for (const table of [
      `entries (tenant TEXT COLLATE "C" NOT NULL, run TEXT COLLATE "C" NOT NULL, seq INTEGER NOT NULL, head TEXT NOT NULL,
         payload TEXT, salt BYTEA, blob TEXT, PRIMARY KEY (tenant, run, seq))`,
      `blobs (tenant TEXT COLLATE "C" NOT NULL, run TEXT COLLATE "C" NOT NULL, address TEXT COLLATE "C" NOT NULL,
         bytes BYTEA NOT NULL, PRIMARY KEY (tenant, run, address))`
    ]) {
      await client.query({ text: `CREATE TABLE ${schema}.${table}` })
    }
    await client.query({ text: `SET synchronous_commit = ${durability === "full" ? "on" : "off"}` })
    const insert = (values: ReadonlyArray<unknown>, blobs: ReadonlyArray<Floor.Row>) =>
      client.query(
        blobs.length === 0
          ? {
              name: "write",
              text: `INSERT INTO ${schema}.entries SELECT * FROM unnest($1::TEXT[], $2::TEXT[], $3::INTEGER[], $4::TEXT[],
                $5::TEXT[], $6::BYTEA[], $7::TEXT[])`,
              values
            }
          : {
              name: "write with blobs",
              text: `WITH b AS (INSERT INTO ${schema}.blobs SELECT * FROM unnest($8::TEXT[], $9::TEXT[], $10::TEXT[],
                $11::BYTEA[]) ON CONFLICT DO NOTHING) INSERT INTO ${schema}.entries SELECT * FROM unnest($1::TEXT[],
                $2::TEXT[], $3::INTEGER[], $4::TEXT[], $5::TEXT[], $6::BYTEA[], $7::TEXT[])`,
              values: [...values, ...columns(blobs, ["tenant", "run", "blob", "bytes"])]
            }
      )
    const cpu = process.cpuUsage()
    const start = performance.now()
    for (let i = 0; i < rows.length; i += perCommit) {
      const batch = rows.slice(i, i + perCommit)
      for (const row of batch) Floor.hashed(row)
      await insert(
        columns(batch, ["tenant", "run", "seq", "head", "payload", "salt", "blob"]),
        batch.filter(({ blob, bytes }) => blob !== null && bytes !== null)
      )
    }
    return Floor.took(start, cpu)
  })

const columns = (rows: ReadonlyArray<Floor.Row>, names: ReadonlyArray<keyof Floor.Row>) =>
  names.map((name) => rows.map((row) => row[name]))

export const postgres = async (): Promise<Store> => {
  const server = await Server.make({ settings: ["fsync = on", "full_page_writes = on"] })
  const uri = (schema: string) => Redacted.value(server.uri(`schema=${schema}`))
  const [place, floorPlace] = [uri("flujo"), uri("floor")]
  return {
    name: `Postgres ${server.version.split(" ")[0]}`,
    place,
    floorPlace,
    driver: (durability) => JournalPostgres.makeDriver({ uri: Redacted.make(place), durability }),
    empty: async () => {
      await server.sql("DROP SCHEMA IF EXISTS flujo CASCADE")
    },
    recorded: () => recordedIn(place),
    write: (durability, rows, perCommit) => writeIn(floorPlace, durability, rows, perCommit),
    size: async () => {
      const [[size]] = (await server.sql(
        "SELECT sum(pg_total_relation_size(oid))::TEXT FROM pg_class WHERE relnamespace = 'flujo'::regnamespace AND relkind = 'r'"
      )) as [[string]]
      return Number(size)
    },
    discard: server.discard
  }
}
