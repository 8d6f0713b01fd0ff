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
  /** Whether a file is loaded as code, by its way from the project folder on. */
  readonly isCode: (file: string) => boolean
}

/** So much is written before an interruption is looked for. */
const chunkBytes = 256 * 1024

/** Takes the file system it needs once, so that running the skill needs nothing. */
export const make = Effect.fnUntraced(function* ({ bytesMax, isCode, root }: Options) {
  const files = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const folder = ProjectFolder.make(id, root, files, paths)

  const write = Effect.fnUntraced(function* (path: string, text: string, idempotencyKey: string) {
    const bytes = new TextEncoder().encode(text)
    if (bytes.length > bytesMax) {
      const detail = `${ProjectFolder.quoted(path)}: the content has ${bytes.length} bytes, over the limit of ${bytesMax}`
      return yield* folder.refused(detail)
    }
    const located = yield* folder.locate(path, "write")
    if (isCode(located.relative)) {
      return yield* folder.refused(`${ProjectFolder.quoted(path)} is loaded as code, which no skill writes`)
    }
    const orFailed = Effect.mapError((error: PlatformError) => folder.failed(path, faultOf(error)))
    yield* folder.check(located)
    let parent = located.root
    for (const below of located.folders) {
      const made = (base: string) => Effect.zipRight(files.makeDirectory(inside(base, below)), flushed(base))
      yield* folder.holding(located, parent, (base) =>
        whole(orFailed(Effect.catchIf(made(base), isThere, () => Effect.void)))
      )
      yield* folder.check(located)
      parent = below
    }
    const mark = `.flujo-${Digest.ofText(idempotencyKey).slice(0, 16)}-`
    const random = yield* Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER)
    yield* folder.holding(located, located.folder, (base) =>
      Effect.gen(function* () {
        const temporary = paths.join(base, `${mark}${random.toString(36)}.tmp`)
        yield* orFailed(removeLeft(base, mark))
        yield* orFailed(fill(temporary, bytes))
        const old = yield* folder.check(located)
        if (Option.isSome(old)) yield* whole(orFailed(files.chmod(temporary, old.value.mode)))
        yield* whole(orFailed(files.rename(temporary, inside(base, located.file))))
        yield* flushed(base)
      }).pipe(Effect.scoped)
    )
    return { path: located.relative, bytes: bytes.length }
  })

  const inside = (base: string, path: string) => paths.join(base, paths.basename(path))

  /** A new file, which is removed with the scope unless it has another name by then. */
  const created = (file: string) =>
    whole(
      Effect.tap(files.open(file, { flag: "wx" }), () =>
        Effect.addFinalizer(() => Effect.ignore(files.remove(file, { force: true })))
      )
    )

  const fill = (file: string, bytes: Uint8Array) =>
    Effect.gen(function* () {
      const open = yield* created(file)
      for (let from = 0; from < bytes.length; from += chunkBytes) {
        yield* whole(open.writeAll(bytes.subarray(from, from + chunkBytes)))
      }
      yield* whole(open.sync)
    })

  /** What this very call left when its process was killed. */
  const removeLeft = (where: string, mark: string) =>
    whole(
      Effect.flatMap(files.readDirectory(where), (names) =>
        Effect.forEach(
          names.filter((name) => name.startsWith(mark) && name.endsWith(".tmp")),
          (name) => files.remove(paths.join(where, name), { force: true }),
          { discard: true }
        )
      )
    )

  /** The new name is durable too. Not every system can flush a folder; the file itself is flushed already. */
  const flushed = (where: string) =>
    whole(Effect.ignore(Effect.scoped(Effect.flatMap(files.open(where, { flag: "r" }), (open) => open.sync))))

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

/**
 * A call of the system that is in progress is not cut: its descriptor would be closed, and perhaps be another file's,
 * while it still works. Interruption comes between two of them.
 */
const whole = Effect.uninterruptible

const isThere = (error: PlatformError): boolean => error._tag === "SystemError" && error.reason === "AlreadyExists"

const faultOf = (error: PlatformError): NodeFile.Fault => {
  const cause = "cause" in error ? error.cause : undefined
  const code = cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : ""
  return { code, detail: error.message }
}
