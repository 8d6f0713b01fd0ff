/** `flujo lens fork` */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Json from "../../domain/Json.js"
import * as RunId from "../../domain/RunId.js"
import * as StepPath from "../../domain/StepPath.js"
import * as Flujo from "../../engine/Flujo.js"
import type { Edit } from "../../engine/Fork.js"
import { excerpt } from "../../redaction/Printable.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import * as Driving from "../Driving.js"
import { Fault } from "../Fault.js"
import type * as Flags from "../Flags.js"
import * as GoOn from "../GoOn.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as Runs from "../Runs.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.lensFork>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const {
      args: [typed = ""]
    } = yield* Invocation
    const from = yield* pathOf(Option.getOrElse(flags.from, () => ""))
    const edit = yield* editOf(flags.set, host.user)
    const workspace = yield* Workspace.read(flags.stateUri)
    const journal = yield* Workspace.history(workspace, "write")
    const row = yield* Runs.find(journal, typed)
    const kept = yield* GoOn.kept(workspace, journal, row)
    const run = yield* RunId.make
    return yield* Driving.drive(
      { workspace, journal, ...kept, run, flags },
      Flujo.fork(kept.blueprint.pipeline, row.run, { from, edit, runId: run })
    )
  }).pipe(Effect.scoped)

const pathOf = (text: string): Effect.Effect<StepPath.StepPath, Fault> =>
  text === ""
    ? Effect.succeed(StepPath.root)
    : Effect.mapError(
        StepPath.fromString(text),
        () =>
          new Fault({
            ...cliErrors.BadValue,
            text: `--from ${JSON.stringify(excerpt(text, 80))}: this is no step path`,
            hint: "flujo lens trace RUN --json shows the path of each step"
          })
      )

/** JSON where it is JSON, else the text itself. */
const editOf = (given: Option.Option<string>, by: string | undefined): Effect.Effect<Edit | undefined, Fault> =>
  Effect.gen(function* () {
    if (Option.isNone(given)) return undefined
    const equals = given.value.indexOf("=")
    const text = given.value.slice(equals + 1)
    const value = Either.getOrElse(Json.parse(text), () => text.toWellFormed())
    switch (given.value.slice(0, Math.max(0, equals))) {
      case "input":
        return { _tag: "Input", value }
      case "output":
        return { _tag: "Output", value }
      case "answer":
        return { _tag: "Answer", value, by }
      default:
        return yield* new Fault({
          ...cliErrors.BadValue,
          text: `--set ${JSON.stringify(excerpt(given.value, 60))}: input=VALUE, output=VALUE or answer=VALUE is wanted`
        })
    }
  })
