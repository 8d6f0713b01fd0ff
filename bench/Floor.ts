/**
 * The floor: raw better-sqlite3 doing the writes that a run did. The same rows with the same bytes into the same
 * tables, with the same hashes, by prepared statements in one synchronous loop; nothing else.
 */

import { createHash } from "node:crypto"
import { mkdirSync, rmSync } from "node:fs"
import { dirname } from "node:path"
import Database from "better-sqlite3"
import { createBLAKE3 } from "hash-wasm"
import { migrations } from "../src/journal/SqliteSchema.js"

export interface Row {
  readonly tenant: string
  readonly run: string
  readonly seq: number
  readonly head: string
  readonly payload: string | null
  readonly salt: Uint8Array | null
  readonly blob: string | null
  readonly bytes: Uint8Array | null
}

export interface Recorded {
  readonly rows: ReadonlyArray<Row>
  readonly bytes: number
}

/** Milliseconds. */
export interface Took {
  readonly wall: number
  readonly cpu: number
}

export const took = (start: number, cpu: NodeJS.CpuUsage): Took => {
  const wall = performance.now() - start
  const { system, user } = process.cpuUsage(cpu)
  return { wall, cpu: (system + user) / 1000 }
}

/** The same hash as flujo's, keyed by a salt that is put in place before each use. */
const key = new Uint8Array(32)
const hasher = await createBLAKE3(256, key)
const committed = (salt: Uint8Array, bytes: Uint8Array | string): string => {
  key.set(salt)
  return hasher.init().update(bytes).digest("hex")
}

/** What a journal file holds, in the order in which it was written. */
export const recorded = (path: string): Recorded => {
  const db = new Database(path, { readonly: true })
  const rows = db
    .prepare<[], Row>(
      `SELECT e.tenant, e.run, e.seq, e.head, e.payload, e.salt, e.blob, b.bytes FROM entries e
       LEFT JOIN blobs b ON b.tenant = e.tenant AND b.run = e.run AND b.address = e.blob ORDER BY e.rowid`
    )
    .all()
  db.close()
  return sized(rows)
}

export const sized = (rows: ReadonlyArray<Row>): Recorded => {
  const bytes = rows.reduce(
    (sum, { bytes, head, payload }) => sum + head.length + (payload?.length ?? 0) + (bytes?.length ?? 0),
    0
  )
  return { rows, bytes }
}

/** As a leaf of the ledger, and joined with the tree's last node: what each entry of a tree costs (RFC 6962). */
let node: Uint8Array = new Uint8Array(32)
const grown = (head: string): void => {
  const leaf = createHash("sha256").update("\0").update(head).digest()
  node = createHash("sha256").update("\u0001").update(node).update(leaf).digest()
}

/** All that is hashed when a row is written. */
export const hashed = ({ blob, bytes, head, payload, salt }: Row): void => {
  const content = bytes === null ? payload : Buffer.from(JSON.stringify(JSON.parse(Buffer.from(bytes).toString())))
  if (content !== null && salt !== null) committed(salt, content)
  grown(head)
  if (blob !== null && bytes !== null) committed(salt!, bytes)
}

/** Reads `rows` as a journal does: parses them, and compares each payload with what its head commits to. */
export const check = (rows: ReadonlyArray<Row>): number => {
  let bytes = 0
  for (const { head, payload, salt } of rows) {
    const { commitment } = JSON.parse(head)
    grown(head)
    if (payload !== null && salt !== null) {
      const found = committed(salt, payload)
      if (found !== commitment) throw new Error("a payload is not what its head commits to")
    }
    bytes += head.length + JSON.stringify(payload && JSON.parse(payload)).length
  }
  return bytes
}

const open = (path: string, durability: "full" | "normal"): Database.Database => {
  rmSync(dirname(path), { recursive: true, force: true })
  mkdirSync(dirname(path), { recursive: true })
  const db = new Database(path)
  db.pragma("journal_mode = WAL")
  db.pragma(`synchronous = ${durability}`)
  for (const migration of migrations) db.exec(migration)
  return db
}

/** Writes `rows` again, `perCommit` at a time. */
export const write = (
  path: string,
  durability: "full" | "normal",
  rows: ReadonlyArray<Row>,
  perCommit: number
): Took => {
  const db = open(path, durability)
  const insert = db.prepare(
    "INSERT INTO entries (tenant, run, seq, head, payload, salt, blob) VALUES (?, ?, ?, ?, ?, ?, ?)"
  )
  const insertBlob = db.prepare("INSERT OR IGNORE INTO blobs (tenant, run, address, bytes) VALUES (?, ?, ?, ?)")
  const begin = db.prepare("BEGIN IMMEDIATE")
  const commit = db.prepare("COMMIT")
  const cpu = process.cpuUsage()
  const start = performance.now()
  for (let i = 0; i < rows.length; i += perCommit) {
    begin.run()
    for (let j = i; j < Math.min(i + perCommit, rows.length); j++) {
      const { blob, bytes, head, payload, run, salt, seq, tenant } = rows[j]!
      hashed(rows[j]!)
      if (blob !== null && bytes !== null) insertBlob.run(tenant, run, blob, bytes)
      insert.run(tenant, run, seq, head, payload, salt, blob)
    }
    commit.run()
  }
  const done = took(start, cpu)
  db.close()
  return done
}

/** All that one file holds, two rows in a commit, into another. */
export const again = (from: string, to: string): void => {
  write(to, "full", recorded(from).rows, 2)
}
