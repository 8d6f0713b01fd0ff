/**
 * What a run is given: `--input` (`-` is standard input), `--input-file`, `FLUJO_INPUT`, what is piped in, nothing; the
 * first that there is. What comes through a pipe loses the white space around it, which is the shell's.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ProjectFile from "../project/ProjectFile.js"
import type { Fault } from "./Fault.js"
import * as Faults from "./Faults.js"
import { Host } from "./Host.js"
import type { Workspace } from "./Workspace.js"

/** As much as a payload of the journal may have. */
export const bytesMax = 16 * 1024 * 1024

export interface Said {
  readonly input: Option.Option<string>
  readonly inputFile: Option.Option<string>
  readonly noInput: boolean
}

export const read = (
  workspace: Workspace,
  { input, inputFile, noInput }: Said
): Effect.Effect<string, Fault, FileSystem.FileSystem | Host | Path.Path> =>
  Effect.gen(function* () {
    const host = yield* Host
    const piped = Effect.map(host.input(bytesMax), (text) => text.trim())
    if (Option.isSome(input)) return input.value === "-" ? yield* piped : input.value.toWellFormed()
    if (Option.isSome(inputFile)) return yield* fromFile(workspace, inputFile.value)
    const variable = host.environment.get("FLUJO_INPUT") ?? ""
    if (variable !== "") return variable
    return host.isTerminal.input || noInput ? "" : yield* piped
  })

/** The text of a file, from the working folder on. */
export const fromFile = (
  { cwd }: Workspace,
  named: string
): Effect.Effect<string, Fault, FileSystem.FileSystem | Path.Path> =>
  Effect.flatMap(Path.Path, (path) =>
    Effect.mapError(ProjectFile.read(path.resolve(cwd, named), { sizeMax: bytesMax }), Faults.project)
  )
