/**
 * Reading a file that a blueprint imports. It lies inside the project, also when a symbolic link says otherwise, is a
 * regular file, and has a size that is read.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import { ProjectError } from "./ProjectError.js"
import * as ProjectFile from "./ProjectFile.js"

/**
 * The bytes of `file`, a path from `root` on; `undefined` where there is no such file. Of one that is too large so many
 * bytes are answered that this is plain to whoever reads them.
 */
export const read = (
  root: string,
  file: string,
  { sizeMax }: { readonly sizeMax: number }
): Effect.Effect<Uint8Array | undefined, ProjectError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const refuse = (error: Parameters<ReturnType<typeof ProjectFile.unreadable>>[0]) =>
      ProjectFile.unreadable(file)(error)
    const folder = yield* Effect.mapError(fs.realPath(root), refuse)
    const real = yield* Effect.mapError(fs.realPath(path.resolve(root, file)), refuse)
    const below = path.relative(folder, real)
    if (below === "" || below === ".." || below.startsWith(`..${path.sep}`) || path.isAbsolute(below)) {
      const detail = "this file lies outside the project"
      return yield* new ProjectError({ reason: "NotAFile", file, detail, hint: "copy it into the project" })
    }
    const info = yield* Effect.mapError(fs.stat(real), refuse)
    if (info.type !== "File") {
      const what = info.type === "Directory" ? "a folder" : "not a regular file"
      return yield* new ProjectError({ reason: "NotAFile", file, detail: `this is ${what}, where a file should be` })
    }
    if (info.size > BigInt(sizeMax)) return new Uint8Array(sizeMax + 1)
    return yield* Effect.mapError(fs.readFile(real), refuse)
  }).pipe(
    Effect.catchIf(
      (error) => error.reason === "NotFound",
      () => Effect.succeed(undefined)
    )
  )
