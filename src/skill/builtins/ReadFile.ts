/** `read_file`: the text of a file of the project, without the mark (BOM) that some editors put before it. */
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
  const paths = yield* Path.Path
  const folder = ProjectFolder.make(id, root, yield* FileSystem.FileSystem, paths)
  const { failed, refused } = folder

  const read = Effect.fnUntraced(function* (path: string) {
    const located = yield* folder.locate(path, "read")
    const show = ProjectFolder.quoted(path)
    const seen = yield* folder.check(located)
    if (Option.isNone(seen)) return yield* failed(path, { code: "ENOENT", detail: "" })
    const bytes = yield* folder.holding(located, located.folder, (base) =>
      Effect.mapError(
        NodeFile.reading(paths.join(base, located.name), ({ found, read }) =>
          Effect.zipRight(
            found.kind === "file" ? Effect.void : Effect.fail(refused(`${show} is not a plain file`)),
            read(bytesMax + 1)
          )
        ),
        (error) => {
          if (error instanceof Skill.SkillError) return error
          return error.code === "ELOOP" ? refused(`${show} is a symbolic link`) : failed(path, error)
        }
      )
    )
    if (bytes.length > bytesMax) return yield* refused(`${show} is larger than ${bytesMax} bytes`)
    return yield* Effect.try({
      try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
      catch: () => refused(`${show} is not text in UTF-8`)
    })
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
