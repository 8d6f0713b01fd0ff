/**
 * Reading the small text files of a project. A file is refused before it is read when it is no regular file (a pipe
 * would be waited for, a device read for ever) or larger than its limit, and afterwards when it is not UTF-8.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ProjectError } from "./ProjectError.js"

/** The text of `file`, a byte order mark left out. */
export const read = (
  file: string,
  { sizeMax }: { readonly sizeMax: number }
): Effect.Effect<string, ProjectError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const tooLarge = () =>
      new ProjectError({
        reason: "TooLarge",
        file,
        detail: `the file is larger than ${sizeMax / 1024} KiB, the most that is read`
      })
    const info = yield* fs.stat(file).pipe(Effect.mapError(unreadable(file)))
    if (info.type !== "File") {
      const what = info.type === "Directory" ? "a folder" : "not a regular file"
      return yield* new ProjectError({ reason: "NotAFile", file, detail: `this is ${what}, where a file should be` })
    }
    if (info.size > sizeMax) return yield* tooLarge()
    const bytes = yield* fs.readFile(file).pipe(Effect.mapError(unreadable(file)))
    if (bytes.length > sizeMax) return yield* tooLarge()
    const text = decoded(bytes)
    if (text === undefined) {
      const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
      return yield* new ProjectError({
        reason: "NotText",
        file,
        line: lineOfBadText(bytes),
        detail: isUtf16 ? "the file is UTF-16, not UTF-8" : "the file is not UTF-8 text",
        hint: "save it as UTF-8"
      })
    }
    const nul = text.indexOf("\0")
    if (nul !== -1) {
      return yield* new ProjectError({
        reason: "NotText",
        file,
        line: text.slice(0, nul).split("\n").length,
        detail: "the file holds a NUL character, so it is not text"
      })
    }
    return text
  })

/** Whether something of this name is there, good or bad: a marker that cannot be read is an error later, not no project. */
export const stands = (file: string): Effect.Effect<boolean, never, FileSystem.FileSystem> =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    fs.stat(file).pipe(
      Effect.as(true),
      Effect.catchAll((error) =>
        Effect.succeed(
          error._tag === "SystemError" && error.reason !== "NotFound" && error.reason !== "PermissionDenied"
        )
      )
    )
  )

/**
 * Makes a folder and those that it is in, one after the other. Asked for all of them at once, Node never answers where a
 * file system has no such folder to make, as /proc.
 */
export const makeFolder = (folder: string): Effect.Effect<void, PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const isThere = Effect.map(Effect.option(fs.stat(folder)), Option.isSome)
    if (yield* isThere) return
    if (path.dirname(folder) !== folder) yield* makeFolder(path.dirname(folder))
    // Another process may have been quicker.
    yield* Effect.catchAll(fs.makeDirectory(folder), (error) =>
      Effect.flatMap(isThere, (isThere) => (isThere ? Effect.void : Effect.fail(error)))
    )
  })

/** What to answer where a file could not be reached; the words of the system, not of the library. */
export const unreadable =
  (file: string) =>
  (error: PlatformError): ProjectError => {
    if (error._tag === "SystemError" && error.reason === "NotFound") {
      return new ProjectError({ reason: "NotFound", file, detail: "there is no such file or folder" })
    }
    if (error._tag === "SystemError" && error.reason === "PermissionDenied") {
      return new ProjectError({ reason: "Unreadable", file, detail: "permission denied" })
    }
    const code = /\b(E[A-Z]{2,})\b/.exec(`${error.message} ${String(error.cause)}`)?.[1]
    return new ProjectError({
      reason: "Unreadable",
      file,
      detail:
        code === "ELOOP" ? "this symbolic link leads to itself" : `it could not be read (${code ?? "unknown reason"})`
    })
  }

const decoded = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** No character of UTF-8 holds the byte of a line feed, so each line stands for itself. */
const lineOfBadText = (bytes: Uint8Array): number => {
  let line = 1
  let start = 0
  for (;;) {
    const end = bytes.indexOf(0x0a, start)
    if (decoded(bytes.subarray(start, end === -1 ? bytes.length : end)) === undefined || end === -1) return line
    start = end + 1
    line++
  }
}
