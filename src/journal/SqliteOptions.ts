/**
 * How a SQLite journal is opened. Apart from the code that opens it, so that whoever compiles against flujo needs no
 * types of the driver.
 */
export interface Options {
  readonly path: string
  /**
   * `full`: what is committed survives a power cut. `normal`: the last commits may not survive a power cut; nothing is
   * lost when only the process dies. Default `full`.
   */
  readonly durability?: "full" | "normal" | undefined
  /** The database is not written. (Where it may, SQLite puts its empty -wal and -shm beside the file all the same.) */
  readonly readonly?: boolean | undefined
  /** How long to wait, blocking the process, for another one that holds the file locked; 5 s. */
  readonly lockTimeoutMillis?: number | undefined
  /** Where the native part of better-sqlite3 is, if not where npm puts it. */
  readonly nativeBinding?: string | undefined
}
