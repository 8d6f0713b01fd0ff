/**
 * All that is known of a run in one JSON file, masked as everything that is shown. In phi mode what was said in it is not
 * among that.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Entry } from "../domain/Event.js"
import * as Text from "../lens/Text.js"
import type { Trace } from "../lens/Trace.js"
import * as ViewJson from "../lens/ViewJson.js"
import * as ProjectFile from "../project/ProjectFile.js"
import { cliErrors } from "./codes/Cli.js"
import { Fault } from "./Fault.js"
import { version } from "./Version.js"
import type { Workspace } from "./Workspace.js"

export interface Given {
  /** From the working folder on; empty: `debug/TIME_RUN.json` of the project. */
  readonly path: string
  readonly trace: Trace
  readonly entries: ReadonlyArray<Entry>
}

/** Refuses a name that a file has which is no debug export; asked before anything is run. */
export const mayReplace = (
  { cwd }: Pick<Workspace, "cwd">,
  named: string
): Effect.Effect<void, Fault, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const file = path.resolve(cwd, named)
    const head = yield* Effect.option(
      Effect.scoped(
        Effect.flatMap(fs.open(file), (opened) =>
          Effect.map(
            opened.readAlloc(FileSystem.Size(opening.length)),
            Option.map((bytes) => new TextDecoder().decode(bytes))
          )
        )
      )
    )
    const isFree = Option.isNone(head) || Option.contains(head.value, opening)
    if (isFree) return
    return yield* new Fault({
      ...cliErrors.File,
      text: "this file is no debug export, and would be replaced by one",
      hint: "give the debug export another name",
      location: { file }
    })
  })

/** How each debug export begins. */
const opening = '{\n  "exported_at": "'

/** Answers where it was written. */
export const write = (
  { base, config, cwd, redaction }: Workspace,
  { entries, path: named, trace }: Given
): Effect.Effect<string, Fault, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const now = Text.iso(yield* Clock.currentTimeMillis) ?? ""
    const { run } = trace.summary
    const file =
      named === ""
        ? path.join(base, "debug", `${now.replace(/\.\d+Z$/, "").replace(/[^0-9T]/g, "")}_${run}.json`)
        : path.resolve(cwd, named)

    const head = { exported_at: now, flujo: version, run, pipeline: trace.summary.pipeline }
    const json = config.phi.value
      ? { ...head, content: "withheld", entries: entries.map((entry) => ViewJson.head(entry, redaction)) }
      : {
          ...head,
          trace: ViewJson.trace(trace, redaction),
          entries: entries.map((entry) => ViewJson.entry(entry, redaction))
        }
    yield* ProjectFile.makeFolder(path.dirname(file)).pipe(
      Effect.zipRight(fs.writeFileString(file, `${JSON.stringify(json, null, 2)}\n`, { mode: 0o600 })),
      Effect.mapError((error) => {
        const reason = error._tag === "SystemError" ? error.reason : error.message
        return new Fault({
          ...cliErrors.File,
          text: `the debug export was not written: ${reason}`,
          location: { file, run }
        })
      })
    )
    return file
  })
