/** `read_file`: the text of a file of the project. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Skill from "../../pipeline/Skill.js"
import * as NodeFile from "./NodeFile.js"
import * as ProjectFolder from "./ProjectFolder.js"

const id = "flujo.builtins.read_file"

export interface Options {
  /** The project folder. */
  readonly root: string
  /** A larger file is refused. */
  readonly bytesMax: number
}

/** Takes the file system it needs once, so that running the skill needs nothing. */
export const make = Effect.fnUntraced(function* ({ bytesMax, root }: Options) {
  const folder = ProjectFolder.make(id, root, yield* FileSystem.FileSystem, yield* Path.Path)
  const { failed, refused } = folder

  const read = Effect.fnUntraced(function* (path: string) {
    const located = yield* folder.locate(path, "read")
    const seen = yield* folder.check(located)
    if (Option.isNone(seen)) return yield* failed(path, { code: "ENOENT", detail: "" })
    return yield* NodeFile.reading(located.file, (file) =>
      Effect.gen(function* () {
        if (file.found.kind !== "file") return yield* refused(`${JSON.stringify(path)} is not a plain file`)
        const bytes = yield* Effect.mapError(file.read(bytesMax + 1), (fault) => failed(path, fault))
        if (bytes.length > bytesMax) {
          return yield* refused(`${JSON.stringify(path)} is larger than ${bytesMax} bytes`)
        }
        const now = yield* folder.check(located)
        if (Option.isNone(now) || now.value.identity !== file.found.identity) {
          return yield* refused(`${JSON.stringify(path)} was replaced while it was being read; try again`)
        }
        return yield* Effect.try({
          try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
          catch: () => refused(`${JSON.stringify(path)} is not text in UTF-8`)
        })
      })
    ).pipe(
      Effect.mapError((error) => {
        if (error instanceof Skill.SkillError) return error
        return error.code === "ELOOP" ? refused(`${JSON.stringify(path)} is a symbolic link`) : failed(path, error)
      })
    )
  })

  return Skill.make(id, {
    description: `The text of a file of the project: UTF-8, at most ${bytesMax} bytes. Links are not followed.`,
    input: Schema.Struct({ path: Schema.String }),
    output: Schema.String,
    effect: "read",
    argument: "path",
    run: ({ path }) => read(path)
  })
})
