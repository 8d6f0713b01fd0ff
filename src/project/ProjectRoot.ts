/**
 * Which folder is the project: the one that `--project` names, else `FLUJO_PROJECT_ROOT`, else the nearest one upwards
 * from the working folder that holds a marker. A folder that is named need not hold one.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ProjectError } from "./ProjectError.js"
import * as ProjectFile from "./ProjectFile.js"
import { at, byDefault, type Setting } from "./Setting.js"

/** What makes a folder a project. */
export const markers = ["flujo.toml", "pipeline.yaml", "pipeline.yml"] as const

/** The project's folder and how it was found: named by a flag, named by the environment, or the nearest one upwards that has a marker. */
export const find = (said: {
  readonly cwd: string
  readonly environment: ReadonlyMap<string, string>
  readonly project: string | undefined
}): Effect.Effect<Option.Option<Setting<string>>, ProjectError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const variable = said.environment.get("FLUJO_PROJECT_ROOT")
    const named: Setting<string> | undefined =
      said.project !== undefined
        ? { value: said.project, source: { _tag: "Flag", name: "--project" } }
        : variable !== undefined && variable !== ""
          ? { value: variable, source: { _tag: "Environment", name: "FLUJO_PROJECT_ROOT" } }
          : undefined
    if (named !== undefined) {
      if (named.value === "" || named.value.includes("\0")) {
        return yield* at(new ProjectError({ reason: "BadValue", detail: "this is no path" }), named.source)
      }
      const folder = path.resolve(said.cwd, named.value)
      const info = yield* fs
        .stat(folder)
        .pipe(Effect.mapError((error) => at(ProjectFile.unreadable(folder)(error), named.source)))
      if (info.type !== "Directory") {
        const error = new ProjectError({
          reason: "NotAFolder",
          file: folder,
          detail: "this is not a folder",
          hint: `name the folder it is in: ${path.dirname(folder)}`
        })
        return yield* at(error, named.source)
      }
      return Option.some({ value: folder, source: named.source })
    }
    let folder = path.resolve(said.cwd)
    for (;;) {
      for (const name of markers) {
        if (yield* ProjectFile.stands(path.join(folder, name))) return Option.some({ value: folder, source: byDefault })
      }
      const above = path.dirname(folder)
      if (above === folder) return Option.none()
      folder = above
    }
  })
