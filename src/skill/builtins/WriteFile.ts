/**
 * `write_file`: a file of the project, whole or not at all. The text goes to a temporary file beside its place, is
 * flushed to the disk, and takes the name in one step; a reader sees the old file or the new one. Writing the same
 * content again gives the same file, so a call may be made twice.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Digest from "../../domain/Digest.js"
import * as Json from "../../domain/Json.js"
import * as Skill from "../../pipeline/Skill.js"
import type * as NodeFile from "./NodeFile.js"
import * as ProjectFolder from "./ProjectFolder.js"
import { textOf } from "./Text.js"

const id = "flujo.builtins.write_file"

export interface Options {
  /** The project folder. */
  readonly root: string
  /** A longer text is refused. */
  readonly bytesMax: number
}

/** So much is written before an interruption is looked for. */
const chunkBytes = 256 * 1024

/** Takes the file system it needs once, so that running the skill needs nothing. */
export const make = Effect.fnUntraced(function* ({ bytesMax, root }: Options) {
  const files = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const folder = ProjectFolder.make(id, root, files, paths)

  const write = Effect.fnUntraced(function* (path: string, text: string, idempotencyKey: string) {
    const bytes = new TextEncoder().encode(text)
    if (bytes.length > bytesMax) {
      const detail = `${JSON.stringify(path.slice(0, 200))}: the content has ${bytes.length} bytes, over the limit of ${bytesMax}`
      return yield* folder.refused(detail)
    }
    const located = yield* folder.locate(path, "write")
    const orFailed = Effect.mapError((error: PlatformError) => folder.failed(path, faultOf(error)))
    yield* folder.check(located)
    for (const parent of located.folders) {
      const made = Effect.zipRight(orFailed(files.makeDirectory(parent)), flushed(paths.dirname(parent)))
      if (Option.isNone(yield* orFailed(there(parent)))) yield* made
      yield* folder.check(located)
    }
    const mark = `.flujo-${Digest.ofText(idempotencyKey).slice(0, 16)}-`
    yield* orFailed(removeLeft(located.folder, mark))
    const random = yield* Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER)
    const temporary = paths.join(located.folder, `${mark}${random.toString(36)}.tmp`)
    yield* Effect.scoped(
      Effect.gen(function* () {
        yield* orFailed(fill(temporary, bytes))
        const old = yield* folder.check(located)
        if (Option.isSome(old)) yield* orFailed(files.chmod(temporary, old.value.mode))
        yield* Effect.uninterruptible(orFailed(files.rename(temporary, located.file)))
      })
    )
    yield* flushed(located.folder)
    return { path: located.relative, bytes: bytes.length }
  })

  /** A new file, which is removed with the scope unless it has another name by then. */
  const created = (file: string) =>
    Effect.uninterruptible(
      Effect.tap(files.open(file, { flag: "wx" }), () =>
        Effect.addFinalizer(() => Effect.ignore(files.remove(file, { force: true })))
      )
    )

  /** No single call is cut: its descriptor would be closed, and perhaps be another file's, while it still writes. */
  const fill = (file: string, bytes: Uint8Array) =>
    Effect.gen(function* () {
      const open = yield* created(file)
      for (let from = 0; from < bytes.length; from += chunkBytes) {
        yield* Effect.uninterruptible(open.writeAll(bytes.subarray(from, from + chunkBytes)))
      }
      yield* Effect.uninterruptible(open.sync)
    })

  /** What this very call left when its process was killed. */
  const removeLeft = (where: string, mark: string) =>
    Effect.flatMap(files.readDirectory(where), (names) =>
      Effect.forEach(
        names.filter((name) => name.startsWith(mark) && name.endsWith(".tmp")),
        (name) => files.remove(paths.join(where, name), { force: true }),
        { discard: true }
      )
    )

  /** The new name is durable too. Not every system can flush a folder; the file itself is flushed already. */
  const flushed = (where: string) =>
    Effect.ignore(Effect.scoped(Effect.flatMap(files.open(where, { flag: "r" }), (open) => open.sync)))

  return Skill.make(id, {
    description: `Writes a file of the project, whole or not at all, and makes its folders: a text as it is, any other value as indented JSON; at most ${bytesMax} bytes. Links are not followed.`,
    input: Schema.Struct({ path: Schema.String, content: Json.Json }),
    output: Schema.Struct({ path: Schema.String, bytes: Schema.Int }),
    effect: "write",
    honoursKey: true,
    argument: "content",
    run: ({ content, path }, { idempotencyKey }) => write(path, textOf(content), idempotencyKey)
  })
})

const isThere = (error: PlatformError): boolean => error._tag === "SystemError" && error.reason === "AlreadyExists"

const faultOf = (error: PlatformError): NodeFile.Fault => {
  const cause = "cause" in error ? error.cause : undefined
  const code = cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : ""
  return { code, detail: error.message }
}
