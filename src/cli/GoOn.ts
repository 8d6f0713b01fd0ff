/** Going on with a run that is there: by the blueprint that it keeps, never by what the file says now. */
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Bytes from "../blueprint/Bytes.js"
import type { Source } from "../domain/Event.js"
import * as Version from "../domain/Version.js"
import * as Flujo from "../engine/Flujo.js"
import { Journal } from "../journal/Journal.js"
import type { RunRow } from "../journal/RunIndex.js"
import * as ProjectFile from "../project/ProjectFile.js"
import { printable } from "../redaction/Printable.js"
import * as BlueprintFile from "./BlueprintFile.js"
import type { Services } from "./Command.js"
import { cliErrors } from "./codes/Cli.js"
import * as Driving from "./Driving.js"
import { exits, Fault } from "./Fault.js"
import * as Faults from "./Faults.js"
import { Host } from "./Host.js"
import { Invocation } from "./Invocation.js"
import * as PipelineFile from "./PipelineFile.js"
import type { Reply } from "./Reply.js"
import * as Runs from "./Runs.js"
import * as View from "./View.js"
import type { Workflow } from "./Workflow.js"
import type { Workspace } from "./Workspace.js"

/** The texts that a run goes by; none where they are a program's. */
export const sources = (journal: Journal["Type"], row: RunRow): Effect.Effect<ReadonlyArray<Source>, Fault> =>
  Effect.map(Runs.entries(journal, row), (entries) => Version.of(entries)?.sources ?? [])

export interface Kept {
  readonly blueprint: Workflow
  readonly folder: string
  /** What it goes by: texts, and code as it was then. */
  readonly sources: ReadonlyArray<Source>
}

export const kept = (workspace: Workspace, journal: Journal["Type"], row: RunRow) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const [main, ...imported] = yield* sources(journal, row)
    if (main === undefined) {
      return yield* new Fault({
        ...cliErrors.NoSources,
        text: `run ${row.run} of ${row.pipeline} was started by a program, which must go on with it`,
        location: { run: row.run }
      })
    }
    const undefinedVariables = yield* Flujo.undefinedVariables(row.run).pipe(
      Effect.provideService(Journal, journal),
      Effect.mapError((error) => Faults.run(error, row.run))
    )
    const checked = yield* BlueprintFile.fromSources(workspace, [main, ...imported], undefinedVariables)
    const { color } = View.options(host, invocation, "errors", { redaction: workspace.redaction })
    const blueprint = yield* BlueprintFile.sound(checked, color)
    const kept: Kept = { blueprint, folder: checked.folder, sources: [main, ...imported] }
    return kept
  })

/** Says so where a file of the run reads otherwise now. */
const noteChanges = (workspace: Workspace, { sources }: Kept) =>
  Effect.gen(function* () {
    const host = yield* Host
    const path = yield* Path.Path
    for (const source of sources) {
      const code = PipelineFile.parts(source.path)
      const file = path.resolve(workspace.base, code?.file ?? source.path)
      const now = yield* Effect.option(ProjectFile.read(file, { sizeMax: Bytes.bytesMax }))
      if (Option.isSome(now) && now.value !== source.text) {
        const what = code !== undefined ? "its code as it is now" : "what it keeps"
        yield* host.message(`note: ${printable(source.path)} has changed since; the run goes on with ${what}\n`)
      }
    }
  })

export const resume = (
  workspace: Workspace,
  journal: Journal["Type"],
  row: RunRow,
  flags: Driving.Shown
): Effect.Effect<Reply, Fault, Services> =>
  Effect.gen(function* () {
    const { isJson } = yield* Invocation
    const keptOnes = yield* kept(workspace, journal, row)
    if (!isJson) yield* noteChanges(workspace, keptOnes)
    const run = row.run
    return yield* Driving.drive(
      { workspace, journal, ...keptOnes, run, flags },
      Flujo.resume(keptOnes.blueprint.pipeline, run)
    )
  })

/** Goes on with it by the blueprint in `file`, where that is another version of its own that it can go on with. */
export const upgrade = (
  workspace: Workspace,
  journal: Journal["Type"],
  row: RunRow,
  { file, flags }: { readonly file: string; readonly flags: Driving.Shown }
): Effect.Effect<Reply, Fault, Services> =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const { color } = View.options(host, invocation, "errors", { redaction: workspace.redaction })
    const checked = yield* BlueprintFile.readToRun(workspace, yield* BlueprintFile.locate(workspace, file))
    const blueprint = yield* BlueprintFile.sound(checked, color)
    const sources = [...blueprint.sources, ...checked.code]
    const run = row.run
    return yield* Driving.drive(
      { workspace, journal, blueprint, folder: checked.folder, run, flags },
      Flujo.resume(blueprint.pipeline, run, { upgrade: true, sources })
    )
  })

/** After a letter was left: goes on with the run where nobody else does, else says who will. */
export const afterLetter = (
  workspace: Workspace,
  journal: Journal["Type"],
  row: RunRow,
  flags: Driving.Shown
): Effect.Effect<Reply, Fault, Services> =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const left = (text: string, driver: string | null): Effect.Effect<Reply> =>
      Effect.as(invocation.isJson ? Effect.void : host.message(`${text}\n`), {
        exit: exits.done,
        data: { run: row.run, delivered: true, driver }
      })
    const holder = yield* Effect.mapError(journal.holder(row.run), Faults.journal)
    if (Option.isSome(holder)) {
      const { host: where, pid } = holder.value
      return yield* left(
        `process ${pid} on ${printable(where)} drives the run and takes it from there`,
        `${where}:${pid}`
      )
    }
    if ((yield* sources(journal, row)).length === 0) {
      return yield* left(`it is left for the program that started the run of ${printable(row.pipeline)}`, null)
    }
    return yield* resume(workspace, journal, row, flags)
  })
