/**
 * What the platform's `FileSystem` cannot say, straight from Node: looking at a name without following a link, and
 * opening a file with `O_NOFOLLOW`. An adapter: nothing else in this room touches `node:fs`.
 */
import { constants } from "node:fs"
import * as Fs from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** What stands under a name itself: a link is a link, wherever it leads. */
export interface Found {
  readonly kind: "file" | "folder" | "link" | "other"
  /** Device and inode: which file it is, whatever it is called. */
  readonly identity: string
  readonly size: number
  /** Permission bits. */
  readonly mode: number
}

/** What the system said. `code` is its name for it, such as `EACCES`; empty where it gave none. */
export interface Fault {
  readonly code: string
  readonly detail: string
}

interface Stats {
  readonly dev: bigint
  readonly ino: bigint
  readonly mode: bigint
  readonly size: bigint
  isFile(): boolean
  isDirectory(): boolean
  isSymbolicLink(): boolean
}

const found = (stats: Stats): Found => ({
  kind: stats.isFile() ? "file" : stats.isDirectory() ? "folder" : stats.isSymbolicLink() ? "link" : "other",
  identity: `${stats.dev}:${stats.ino}`,
  size: Number(stats.size),
  mode: Number(stats.mode & 0o777n)
})

const fault = (error: unknown): Fault => ({
  code: error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "",
  detail: error instanceof Error ? error.message : String(error)
})

const attempt = <A>(work: () => Promise<A>): Effect.Effect<A, Fault> => Effect.tryPromise({ try: work, catch: fault })

/** `none` where nothing has this name. */
export const look = (path: string): Effect.Effect<Option.Option<Found>, Fault> =>
  attempt(() => Fs.lstat(path, { bigint: true })).pipe(
    Effect.map((stats) => Option.some(found(stats))),
    Effect.catchAll((error) => (error.code === "ENOENT" ? Effect.succeedNone : Effect.fail(error)))
  )

export interface OpenFile {
  readonly found: Found
  /** Its first bytes, at most so many. */
  readonly read: (bytesMax: number) => Effect.Effect<Uint8Array, Fault>
}

/**
 * Opens a file for reading while `use` runs; a link in its place is `ELOOP`. A pipe in its place does not block: it is
 * opened, and found to be no file.
 */
export const reading = <A, E>(
  path: string,
  use: (file: OpenFile) => Effect.Effect<A, E>
): Effect.Effect<A, E | Fault> =>
  Effect.acquireUseRelease(
    attempt(() => Fs.open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)),
    (handle) =>
      Effect.flatMap(
        attempt(() => handle.stat({ bigint: true })),
        (stats) => use({ found: found(stats), read: (bytesMax) => attempt(() => head(handle, bytesMax)) })
      ),
    (handle) => Effect.promise(() => handle.close().catch(() => undefined))
  )

const chunkBytes = 256 * 1024

const head = async (handle: Fs.FileHandle, bytesMax: number): Promise<Uint8Array> => {
  const chunks: Array<Uint8Array> = []
  let size = 0
  while (size < bytesMax) {
    const chunk = new Uint8Array(Math.min(chunkBytes, bytesMax - size))
    const { bytesRead } = await handle.read(chunk, 0, chunk.length)
    if (bytesRead === 0) break
    chunks.push(chunk.subarray(0, bytesRead))
    size += bytesRead
  }
  return Buffer.concat(chunks)
}
