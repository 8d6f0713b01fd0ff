/**
 * Opening the file of a SQLite journal. Whatever is refused (text, another program's database, one written by a newer
 * flujo, a damaged or locked one) is left as it is, byte for byte: it is judged by its header, which is read as plain
 * bytes, before SQLite may touch it. An adapter to the file system.
 */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync
} from "node:fs"
import { dirname, resolve } from "node:path"
import type Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { JournalError } from "./Journal.js"
import type { Options } from "./SqliteOptions.js"
import { migrations } from "./SqliteSchema.js"

/** "fluj": tells our files from those of other programs (`PRAGMA application_id`). */
const applicationId = 0x666c756a

/** Of a database on a medium that SQLite cannot open in place; it is then read into memory whole. */
const snapshotBytesMax = 512 * 1024 * 1024

export const open = (options: Options): Effect.Effect<Database.Database, JournalError, Scope.Scope> =>
  Effect.flatMap(load(options), (Sqlite) =>
    Effect.acquireRelease(
      Effect.try({
        try: () => (options.readonly === true ? openToRead(Sqlite, options) : openToWrite(Sqlite, options)),
        catch: (error) => toError(options.path, error)
      }),
      (db) => Effect.sync(() => db.close())
    )
  )

/** The driver is loaded when a journal is opened: it is the slowest import of the house. */
const load = ({ path }: Options): Effect.Effect<typeof Database, JournalError> =>
  Effect.tryPromise({
    try: () => import("better-sqlite3").then((module) => module.default),
    catch: (error) => toError(path, error)
  })

const openToWrite = (Sqlite: typeof Database, options: Options): Database.Database => {
  const path = resolve(options.path)
  // Before anything is created: without its native part nothing can be done.
  new Sqlite(":memory:", native(options)).close()
  createFolder(path)
  createFile(path)
  mayWrite(path)
  const header = peek(path)
  if (header !== "empty") {
    refuse(path, header)
    // The version may stand in the write-ahead log alone, and a connection that can write would move the log into the
    // file when it is closed; so one that cannot looks first.
    if (sizeOf(`${path}-wal`) > 0) refuseNewer(Sqlite, path, options)
  }
  const db = new Sqlite(path, { ...native(options), fileMustExist: true, timeout: lockTimeout(options) })
  return closing(db, () => {
    migrate(db, path)
    if (db.pragma("journal_mode", { simple: true }) !== "wal") useWal(db, path, lockTimeout(options))
    db.pragma(`synchronous = ${options.durability === "normal" ? "NORMAL" : "FULL"}`)
    db.pragma("foreign_keys = ON")
    // What is removed is overwritten: a run that was erased is not to be found in free space.
    db.pragma("secure_delete = ON")
    return db
  })
}

const openToRead = (Sqlite: typeof Database, options: Options): Database.Database => {
  const path = resolve(options.path)
  if (!existsSync(path)) throw unavailable(path, "there is no such file")
  const header = peek(path)
  if (header === "empty") throw foreign(path, "the file is empty")
  refuse(path, header)
  if (header.userVersion < migrations.length && sizeOf(`${path}-wal`) === 0) throw older(path)
  if (isCutOff(path)) {
    throw readOnly(path, "it was being made or brought up to date when that was cut off; open it once for writing")
  }
  const db = openInPlace(Sqlite, path, options) ?? openCopy(Sqlite, path, options)
  return closing(db, () => {
    const version = userVersion(db)
    if (version > migrations.length) throw newer(path, version)
    if (version < migrations.length) throw older(path)
    return db
  })
}

/** Undefined: SQLite needs to write beside the file even to read it, and cannot. */
const openInPlace = (Sqlite: typeof Database, path: string, options: Options): Database.Database | undefined => {
  let db: Database.Database | undefined
  try {
    db = new Sqlite(path, { ...native(options), readonly: true, fileMustExist: true, timeout: lockTimeout(options) })
    userVersion(db)
    return db
  } catch (error) {
    db?.close()
    const code = codeOf(error)
    if (code.startsWith("SQLITE_CANTOPEN") || code.startsWith("SQLITE_READONLY")) return undefined
    throw error
  }
}

/** Reads the whole file: the way to read a database in write-ahead mode from a read-only medium. */
const openCopy = (Sqlite: typeof Database, path: string, options: Options): Database.Database => {
  if (sizeOf(`${path}-wal`) > 0) {
    throw readOnly(
      path,
      "its last commits are still in the -wal file beside it, which SQLite can only read where it may write; copy both files to a folder that is writable and open that"
    )
  }
  if (sizeOf(path) > snapshotBytesMax) {
    throw readOnly(path, "SQLite cannot read it where it may not write; copy it to a folder that is writable")
  }
  const bytes = readFileSync(path)
  // File format versions 1: the copy is no longer in write-ahead mode (https://www.sqlite.org/fileformat.html, 1.3.3).
  bytes[18] = 1
  bytes[19] = 1
  return new Sqlite(bytes, { ...native(options), readonly: true })
}

const native = ({ nativeBinding }: Options): { nativeBinding?: string } =>
  nativeBinding === undefined ? {} : { nativeBinding }

const lockTimeout = ({ lockTimeoutMillis }: Options): number => lockTimeoutMillis ?? 5000

const closing = <A>(db: Database.Database, use: () => A): A => {
  try {
    return use()
  } catch (error) {
    db.close()
    throw error
  }
}

const createFolder = (path: string): void => {
  const folder = dirname(path)
  try {
    createFolders(folder)
  } catch (error) {
    if (isFull(codeOf(error))) throw error
    throw isRefusal(error)
      ? readOnly(path, `the folder ${folder} cannot be created: no permission; choose another path`)
      : unavailable(path, `the folder ${folder} cannot be created: ${messageOf(error)}`)
  }
}

/**
 * One after the other. Asked for all of them at once, Node never answers where a file system has no such folder to make,
 * as /proc.
 */
const createFolders = (folder: string): void => {
  if (existsSync(folder)) return
  createFolders(dirname(folder))
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    // Another process may have been quicker.
    if (!existsSync(folder)) throw error
  }
}

/** Made by us and not by SQLite, which would let everybody read it; the files beside it get the same mode. */
const createFile = (path: string): void => {
  try {
    closeSync(openSync(path, "wx", 0o600))
  } catch (error) {
    if (codeOf(error) === "EEXIST") return
    throw isRefusal(error)
      ? readOnly(path, "it cannot be created: no permission to write in its folder; choose another path")
      : error
  }
}

const mayWrite = (path: string): void => {
  for (const name of [path, dirname(path)]) {
    try {
      accessSync(name, constants.W_OK)
    } catch (error) {
      if (!isRefusal(error)) throw error
      throw readOnly(
        path,
        name === path
          ? "the file is read-only; make it writable, or open it for reading only"
          : "its folder is read-only, and SQLite must write beside it; make the folder writable, or open it for reading only"
      )
    }
  }
}

interface Header {
  readonly applicationId: number
  readonly userVersion: number
}

const magic = "SQLite format 3\0"

/** The first 100 bytes (https://www.sqlite.org/fileformat.html, 1.3). */
const peek = (path: string): Header | "empty" => {
  const bytes = Buffer.alloc(100)
  // While there is a log beside it, the file may be behind what its first page says, or ahead of it.
  const hasLog = sizeOf(`${path}-wal`) > 0 || isCutOff(path)
  const file = openSync(path, "r")
  try {
    if (!fstatSync(file).isFile()) throw foreign(path, "it is not a file")
    const size = readSync(file, bytes, 0, bytes.length, 0)
    if (size === 0) return "empty"
    if (bytes.toString("latin1", 0, Math.min(size, magic.length)) !== magic.slice(0, size)) {
      throw foreign(path, "the file is not a database")
    }
    if (size < bytes.length) throw corrupt(path, "the file is cut short")
    const pageSize = bytes.readUInt16BE(16) === 1 ? 65_536 : bytes.readUInt16BE(16)
    const isCut = fstatSync(file).size < bytes.readUInt32BE(28) * pageSize
    if (isCut && !hasLog && sizeOf(`${path}-wal`) === 0 && !isCutOff(path)) throw corrupt(path, "the file is cut short")
  } finally {
    closeSync(file)
  }
  return { applicationId: bytes.readUInt32BE(68), userVersion: bytes.readUInt32BE(60) }
}

/** Our files are made in rollback mode, so the application id is in the header from the start. */
const refuse = (path: string, header: Header): void => {
  if (header.applicationId !== applicationId) throw foreign(path, "it is a database of another program")
  if (header.userVersion > migrations.length) throw newer(path, header.userVersion)
}

const refuseNewer = (Sqlite: typeof Database, path: string, options: Options): void => {
  const db = openInPlace(Sqlite, path, options)
  const version = db === undefined ? 0 : userVersion(db)
  db?.close()
  if (version > migrations.length) throw newer(path, version)
}

const userVersion = (db: Database.Database): number => Number(db.pragma("user_version", { simple: true }))

/** Forward only, each migration once, all in one transaction: two processes may open a new file at the same time. */
const migrate = (db: Database.Database, path: string): void => {
  if (userVersion(db) === migrations.length) return
  db.exec("BEGIN IMMEDIATE")
  try {
    const version = userVersion(db)
    if (version > migrations.length) throw newer(path, version)
    if (version === 0 && Number(db.prepare("SELECT count(*) FROM sqlite_master").pluck().get()) > 0) {
      throw foreign(path, "it is a database of another program")
    }
    for (const migration of migrations.slice(version)) db.exec(migration)
    db.pragma(`application_id = ${applicationId}`)
    db.pragma(`user_version = ${migrations.length}`)
    db.exec("COMMIT")
  } catch (error) {
    if (db.inTransaction) db.exec("ROLLBACK")
    throw error
  }
}

const pauseMillis = 10

/** SQLite does not wait for the lock that this needs, so we do: another process may be opening the same new file. */
const useWal = (db: Database.Database, path: string, timeoutMillis: number): void => {
  for (let waited = 0; ; waited += pauseMillis) {
    try {
      if (db.pragma("journal_mode = WAL", { simple: true }) === "wal") return
      throw unavailable(path, "its file system does not support write-ahead logging; choose a path on a local disk")
    } catch (error) {
      if (!codeOf(error).startsWith("SQLITE_BUSY") || waited >= timeoutMillis) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMillis)
    }
  }
}

/** A rollback journal stands beside it: what is half written is undone by whoever opens it for writing. */
const isCutOff = (path: string): boolean => sizeOf(`${path}-journal`) > 0

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

const foreign = (where: string, why: string): JournalError =>
  new JournalError({ reason: "Foreign", where, detail: `this is not a flujo journal: ${why}` })

const newer = (where: string, version: number): JournalError =>
  new JournalError({
    reason: "Newer",
    where,
    detail: `written by a newer flujo (format ${version}, this one knows up to ${migrations.length}); update flujo`
  })

const older = (where: string): JournalError =>
  readOnly(where, "it was written by an older flujo; open it once for writing, which brings it up to date")

const corrupt = (where: string, detail: string): JournalError => new JournalError({ reason: "Corrupt", where, detail })

const readOnly = (where: string, detail: string): JournalError =>
  new JournalError({ reason: "ReadOnly", where, detail })

const unavailable = (where: string, detail: string): JournalError =>
  new JournalError({ reason: "Unavailable", where, detail })

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const isRefusal = (error: unknown): boolean => ["EACCES", "EPERM", "EROFS"].includes(codeOf(error))

/** `SHMSIZE`: the file beside it that its readers share could not grow. */
const isFull = (code: string): boolean => ["SQLITE_FULL", "SQLITE_IOERR_SHMSIZE", "ENOSPC", "EDQUOT"].includes(code)

/** What SQLite, the file system or the loader say, in our words. */
export const toError = (where: string, error: unknown): JournalError => {
  if (error instanceof JournalError) return error
  const code = codeOf(error)
  const message = messageOf(error)
  if (isFull(code)) {
    return new JournalError({ reason: "Full", where, detail: "the disk is full; make room and try again" })
  }
  if (code.startsWith("SQLITE_")) {
    const primary = code.split("_", 2).join("_")
    switch (primary) {
      case "SQLITE_BUSY":
      case "SQLITE_LOCKED":
        return new JournalError({ reason: "Locked", where, detail: "another process holds it locked; try again" })
      case "SQLITE_CORRUPT":
      case "SQLITE_NOTADB":
        return corrupt(where, `the database is damaged (${message}); keep the file and restore a backup beside it`)
      case "SQLITE_READONLY":
      case "SQLITE_PERM":
        return readOnly(where, "it is read-only; make the file and its folder writable, or open it for reading only")
      case "SQLITE_CONSTRAINT":
        return new JournalError({ reason: "Conflict", where, detail: `somebody else wrote it first (${message})` })
      case "SQLITE_IOERR":
        return unavailable(
          where,
          `the disk did not do what it was asked to (${code}); see whether it is full or failing`
        )
      case "SQLITE_TOOBIG":
        return new JournalError({ reason: "TooLarge", where, detail: message })
      default:
        return unavailable(where, `${message} (${code})`)
    }
  }
  if (isRefusal(error)) return unavailable(where, "no permission to read it")
  if (code === "ERR_MODULE_NOT_FOUND") {
    return unavailable(where, "better-sqlite3 is not installed; run: npm install better-sqlite3")
  }
  if (code === "ERR_DLOPEN_FAILED" || code === "MODULE_NOT_FOUND" || message.includes("bindings file")) {
    return unavailable(
      where,
      "the native part of better-sqlite3 is missing or was built for another Node.js; run: npm rebuild better-sqlite3 (and before that, if npm skips install scripts: npm install-scripts approve better-sqlite3)"
    )
  }
  return unavailable(where, message)
}
