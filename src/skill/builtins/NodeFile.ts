/**
 * What the platform's `FileSystem` cannot say, straight from Node: looking at a name without following a link, opening
 * with `O_NOFOLLOW`, and working in a folder that was opened, whatever its name leads to by then. An adapter: nothing
 * else in this room touches `node:fs`.
 */
import { constants } from "node:fs"
import * as Fs from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** What stands under a name itself: a link is a link, wherever it leads. */
export interface Found {
  readonly kind: "file" | "folder" | "link" | "other"
  /** Permission bits. */
  readonly mode: number
}

/** What the system said. `code` is its name for it, such as `EACCES`; empty where it gave none. */
export interface Fault {
  readonly code: string
  readonly detail: string
}

interface Stats {
  readonly mode: number
  isFile(): boolean
  isDirectory(): boolean
  isSymbolicLink(): boolean
}

const found = (stats: Stats): Found => ({
  kind: stats.isFile() ? "file" : stats.isDirectory() ? "folder" : stats.isSymbolicLink() ? "link" : "other",
  mode: stats.mode & 0o777
})

const fault = (error: unknown): Fault => ({
  code: error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "",
  detail: error instanceof Error ? error.message : String(error)
})

const attempt = <A>(work: () => Promise<A>): Effect.Effect<A, Fault> => Effect.tryPromise({ try: work, catch: fault })

/** `none` where nothing has this name. */
export const look = (path: string): Effect.Effect<Option.Option<Found>, Fault> =>
  attempt(() => Fs.lstat(path)).pipe(
    Effect.map((stats) => Option.some(found(stats))),
    Effect.catchAll((error) => (error.code === "ENOENT" ? Effect.succeedNone : Effect.fail(error)))
  )

/**
 * Holds a folder open while `use` works in it, and hands it the name to do so by. Where the system can say what an open
 * folder is called (Linux, `/proc/self/fd`), it must be `folder`, else `ESTALE`, and what stands below the handed name is
 * in that very folder, even if somebody puts a link in its place meanwhile. Elsewhere the handed name is `folder`.
 *
 * No call that uses the handed name may outlive `use`: make them uninterruptible.
 */
export const holding = <A, E, R>(
  folder: string,
  use: (base: string) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | Fault, R> =>
  Effect.acquireUseRelease(
    attempt(() => Fs.open(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)),
    (handle) =>
      Effect.gen(function* () {
        const held = `/proc/self/fd/${handle.fd}`
        const called = yield* Effect.option(attempt(() => Fs.readlink(held)))
        if (Option.isNone(called)) return yield* use(folder)
        if (called.value === folder) return yield* use(held)
        const detail = "the folder was moved or replaced while it was being opened"
        return yield* Effect.fail<Fault>({ code: "ESTALE", detail })
      }),
    close
  )

const close = (handle: Fs.FileHandle): Effect.Effect<void> =>
  Effect.promise(() => handle.close().catch(() => undefined))

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
        attempt(() => handle.stat()),
        (stats) => use({ found: found(stats), read: (bytesMax) => attempt(() => head(handle, bytesMax)) })
      ),
    close
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
