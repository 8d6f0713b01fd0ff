/** What a command's FILE holds, or a run keeps: read, checked as a whole, and its findings as a fault. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Blueprint from "../blueprint/Blueprint.js"
import * as Bytes from "../blueprint/Bytes.js"
import * as Diagnostics from "../blueprint/Diagnostics.js"
import * as Imports from "../blueprint/Imports.js"
import type { Severities } from "../check/Severities.js"
import type { Source } from "../domain/Event.js"
import type { UndefinedVariables } from "../expression/Template.js"
import type * as Pipeline from "../pipeline/Pipeline.js"
import * as Finding from "../plan/Finding.js"
import * as Plan from "../plan/Plan.js"
import * as ImportedFile from "../project/ImportedFile.js"
import * as ProjectFile from "../project/ProjectFile.js"
import { cliErrors } from "./codes/Cli.js"
import { isLoading } from "./codes/Code.js"
import { runErrors } from "./codes/Engine.js"
import { exits, Fault } from "./Fault.js"
import type { Host } from "./Host.js"
import * as PipelineFile from "./PipelineFile.js"
import * as UserCode from "./UserCode.js"
import type { Checked, Workflow } from "./Workflow.js"
import * as Workspace from "./Workspace.js"

const names = ["pipeline.yaml", "pipeline.yml"] as const

/** The file that is meant: the one named, from the working folder on, else the project's own. Absolute. */
export const locate = (
  workspace: Workspace.Workspace,
  named: string | undefined
): Effect.Effect<string, Fault, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    if (named !== undefined) {
      if (named === "" || named.includes("\0")) return yield* new Fault({ ...cliErrors.File, text: "this is no path" })
      return path.resolve(workspace.cwd, named)
    }
    for (const name of names) {
      const file = path.join(workspace.base, name)
      if (yield* ProjectFile.stands(file)) return file
    }
    return yield* new Fault({
      ...cliErrors.NoBlueprint,
      text: `there is no pipeline.yaml in ${workspace.base}`,
      hint: "name a file, or make a project with `flujo init`"
    })
  })

type Reading = Effect.Effect<Checked, Fault, FileSystem.FileSystem | Host | Path.Path>

export const read = (workspace: Workspace.Workspace, file: string): Reading => reading(workspace, file, undefined)

/** As `read`, and held to all that `validate` holds it to: what that calls an error is not run. */
export const readToRun = (workspace: Workspace.Workspace, file: string): Reading =>
  Effect.promise(() => import("./Severity.js")).pipe(
    Effect.flatMap(({ of }) => of(workspace.config.rules)),
    Effect.flatMap((severities) => reading(workspace, file, severities))
  )

const reading = (workspace: Workspace.Workspace, file: string, severities: Severities | undefined): Reading =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    const code = PipelineFile.parts(file)
    if (code !== undefined) return yield* PipelineFile.read(workspace, code.file, code.name)
    const given = yield* bytes(workspace, file)
    const files = yield* imports(workspace, given)
    return yield* check(workspace, given, {
      folder: path.dirname(file),
      files,
      severities,
      undefinedVariables: workspace.config.undefinedVariables.value
    })
  })

/** The files that a blueprint imports, and those that these do. One that cannot be read is a finding of who imports it. */
export const imports = (workspace: Workspace.Workspace, given: Blueprint.Given) =>
  Imports.load(given, (name) =>
    Effect.catchAll(ImportedFile.read(workspace.base, name, { sizeMax: Bytes.bytesMax }), ({ detail, hint }) =>
      Effect.succeed<Imports.Refused>({ refused: detail, hint })
    )
  )

/** What a file holds, under the name that it is shown by. */
export const bytes = (
  workspace: Workspace.Workspace,
  file: string
): Effect.Effect<{ readonly path: string; readonly bytes: Uint8Array }, Fault, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const shown = yield* Workspace.shownPath(workspace, file)
    const refuse = (text: string) => new Fault({ ...cliErrors.File, text, location: { file: shown } })
    const unreadable = (error: Parameters<ReturnType<typeof ProjectFile.unreadable>>[0]) =>
      refuse(ProjectFile.unreadable(shown)(error).detail)
    const info = yield* Effect.mapError(fs.stat(file), unreadable)
    if (info.type !== "File") {
      return yield* refuse(
        info.type === "Directory" ? "this is a folder, where a file should be" : "this is not a regular file"
      )
    }
    // One byte more than may be, so that a file that is too large is said to be so and not read whole.
    const bytes =
      info.size > BigInt(Bytes.bytesMax)
        ? new Uint8Array(Bytes.bytesMax + 1)
        : yield* Effect.mapError(fs.readFile(file), unreadable)
    return { path: shown, bytes }
  })

/**
 * A run's own blueprint: the texts that it keeps, the first of which is not an imported one, read as they were then. Of a
 * pipeline in TypeScript a run keeps where it is, and the file is loaded as it is now.
 */
export const fromSources = (
  workspace: Workspace.Workspace,
  [main, ...imported]: readonly [Source, ...ReadonlyArray<Source>],
  undefinedVariables: UndefinedVariables
): Effect.Effect<Checked, Fault, FileSystem.FileSystem | Host | Path.Path> =>
  Effect.flatMap(Path.Path, (path) => {
    const code = PipelineFile.parts(main.path)
    if (code !== undefined) return PipelineFile.read(workspace, path.resolve(workspace.base, code.file), code.name)
    return check(workspace, main, {
      folder: path.dirname(path.resolve(workspace.base, main.path)),
      files: Imports.fromSources([main, ...imported]),
      undefinedVariables
    })
  })

const check = (
  workspace: Workspace.Workspace,
  given: Blueprint.Given,
  {
    folder,
    severities,
    ...more
  }: {
    readonly folder: string
    /** Those of `validate`, where all of its rules count. */
    readonly severities?: Severities | undefined
  } & Pick<Blueprint.Options, "files" | "undefinedVariables">
) =>
  Effect.gen(function* () {
    const { sources, ...known } = yield* UserCode.of(workspace, given, more.files ?? new Map())
    const options = { ...known, ...more }
    const as = { path: given.path, folder, code: sources }
    if (severities === undefined) {
      const rules = { find: (pipeline: Pipeline.Pipeline.Any) => Plan.make(pipeline).findings, rules: Finding.rules }
      const checked: Checked = { ...Blueprint.check(given, options, rules), ...as }
      return checked
    }
    const Check = yield* Effect.promise(() => import("../check/Check.js"))
    const { blueprint, diagnostics } = Check.check(given, options, severities)
    const checked: Checked = { blueprint: Check.isValid({ diagnostics }) ? blueprint : undefined, diagnostics, ...as }
    return checked
  })

/** The workflow, or all that is wrong with it as one fault. */
export const sound = ({ blueprint, diagnostics, path }: Checked, color: boolean): Effect.Effect<Workflow, Fault> => {
  if (blueprint !== undefined) return Effect.succeed(blueprint)
  const errors = diagnostics.filter(({ severity }) => severity === "error")
  const [first] = errors
  const count = errors.length === 1 ? "an error" : `${errors.length} errors`
  return Effect.fail(
    new Fault({
      code: errors.length === 1 && first !== undefined ? first.code : runErrors.Plan.code,
      exit: errors.every(({ code }) => isLoading(code)) ? exits.loading : exits.invalid,
      text: `${path} has ${count}`,
      location: {
        file: first?.file ?? path,
        line: first?.place.start.line,
        column: first?.place.start.column
      },
      frame: Diagnostics.renderAll(diagnostics, { color }),
      details: diagnostics.map(Diagnostics.toJson)
    })
  )
}
