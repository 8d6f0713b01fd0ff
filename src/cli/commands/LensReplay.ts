/** `flujo lens replay` */
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as StepPath from "../../domain/StepPath.js"
import * as Flujo from "../../engine/Flujo.js"
import { Journal } from "../../journal/Journal.js"
import * as Trace from "../../lens/Trace.js"
import * as ViewJson from "../../lens/ViewJson.js"
import { excerpt } from "../../redaction/Printable.js"
import * as BlueprintFile from "../BlueprintFile.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import * as Encrypted from "../Encrypted.js"
import * as Exporting from "../Exporting.js"
import { exits, Fault } from "../Fault.js"
import * as Faults from "../Faults.js"
import * as Fixtures from "../Fixtures.js"
import type * as Flag from "../Flag.js"
import type * as Flags from "../Flags.js"
import * as GoOn from "../GoOn.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as Runs from "../Runs.js"
import { shellQuoted } from "../Shell.js"
import * as View from "../View.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.lensReplay>["run"] = (flags) =>
  Effect.gen(function* () {
    const {
      args: [typed]
    } = yield* Invocation
    const path = yield* Path.Path
    const workspace = yield* Workspace.read(flags.stateUri)
    const until = yield* untilOf(flags.until)
    if (Option.isSome(flags.import)) {
      if (typed !== undefined) {
        return yield* new Fault({ ...cliErrors.Arguments, text: "either a run or --import is meant, not both" })
      }
      const file = path.resolve(workspace.cwd, flags.import.value)
      return yield* replay(workspace, yield* Fixtures.open(file, file), flags, until)
    }
    if (typed === undefined) {
      return yield* new Fault({ ...cliErrors.Arguments, text: "name a run, or a file with --import" })
    }
    const journal = yield* Workspace.history(workspace, "read")
    const row = yield* Runs.find(journal, typed)
    if (Option.isNone(flags.export)) return yield* replay(workspace, { journal, row }, flags, until)
    yield* Encrypted.mayLeave(journal, [row.run], flags)
    return yield* Exporting.run(journal, row.run, {
      cwd: workspace.cwd,
      named: flags.export.value,
      next: (file) => `flujo lens replay --import ${shellQuoted(file)}`
    })
  }).pipe(Effect.scoped)

/** By the blueprint that the run keeps, or by another one that should go the same way. */
const replay = (
  workspace: Workspace.Workspace,
  { journal, row }: Fixtures.Opened,
  { file }: Flag.Values<typeof Flags.lensReplay>,
  until: StepPath.StepPath
) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const id = row.run
    const { color } = View.options(host, invocation, "errors", { redaction: workspace.redaction })
    const walk = Option.isNone(file)
      ? Flujo.replay((yield* GoOn.kept(workspace, journal, row)).blueprint.pipeline, id, { until })
      : Flujo.replay(
          (yield* Effect.flatMap(
            BlueprintFile.read(workspace, yield* BlueprintFile.locate(workspace, file.value)),
            (checked) => BlueprintFile.sound(checked, color)
          )).pipeline,
          id,
          { until, anyVersion: true }
        )
    const { end, entries } = yield* walk.pipe(
      Effect.provideService(Journal, journal),
      Effect.mapError((error) => Faults.run(error, row.run))
    )
    const same = { run: row.run, same: true, entries }
    if (until === StepPath.root) {
      return {
        exit: exits.done,
        data: { ...same, end: end.toLowerCase() },
        text: `run ${row.run}: the same as recorded, ${entries} entries, ${end.toLowerCase()}`
      }
    }
    const recorded = (yield* Runs.entries(journal, row)).slice(0, entries)
    const node = Trace.find(Trace.make(recorded, { held: false }), until)
    const status = Option.match(node, { onNone: () => "reached", onSome: (found) => found.status })
    return {
      exit: exits.done,
      data: {
        ...same,
        until,
        step: Option.match(node, { onNone: () => null, onSome: (found) => ViewJson.node(found, workspace.redaction) })
      },
      text: `run ${row.run}: the same as recorded up to ${until}, ${entries} entries; the step is ${status} there`
    }
  })

const untilOf = (given: Option.Option<string>): Effect.Effect<StepPath.StepPath, Fault> =>
  Option.match(given, {
    onNone: () => Effect.succeed(StepPath.root),
    onSome: (text) =>
      Effect.mapError(
        StepPath.fromString(text),
        () =>
          new Fault({
            ...cliErrors.BadValue,
            text: `--until ${JSON.stringify(excerpt(text, 80))}: this is no step path`,
            hint: "flujo lens trace RUN --json shows the path of each step"
          })
      )
  })
