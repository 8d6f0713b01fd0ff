/** `flujo lens list` */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { RunId } from "../../domain/RunId.js"
import * as Render from "../../lens/Render.js"
import * as ViewJson from "../../lens/ViewJson.js"
import { excerpt } from "../../redaction/Printable.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import { exits, Fault } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as Lens from "../Lens.js"
import * as States from "../States.js"
import * as View from "../View.js"
import * as Workspace from "../Workspace.js"

const limitDefault = 20

export const run: Module<typeof Flags.lensList>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const workspace = yield* Workspace.read(flags.stateUri)
    const { redaction } = workspace
    const label = yield* Option.match(flags.label, { onNone: () => Effect.succeed(undefined), onSome: labelOf })
    const now = yield* Clock.currentTimeMillis
    const since = yield* instantOf("--since", flags.since, now)
    const until = yield* instantOf("--until", flags.until, now)
    const limit = Option.getOrElse(flags.limit, () => limitDefault)
    const before = yield* beforeOf(flags.before)
    const isEmpty = Workspace.isDurable(workspace) && !(yield* Workspace.hasState(workspace))
    const journal = isEmpty ? undefined : yield* Workspace.history(workspace, "read")
    const rows =
      journal === undefined
        ? []
        : yield* journal
            .runs({
              status: Option.getOrUndefined(Option.map(flags.status, (status) => [status])),
              pipeline: Option.getOrUndefined(flags.pipeline),
              name: Option.getOrUndefined(flags.name),
              label,
              since,
              until,
              before,
              limit
            })
            .pipe(
              Effect.flatMap((found) => Lens.listed(journal, found)),
              Effect.mapError(Faults.journal)
            )
    return {
      exit: exits.done,
      data: ViewJson.runList(rows, redaction),
      text: Render.runList(rows, View.options(host, invocation, "output", { redaction })).join("\n")
    }
  }).pipe(Effect.scoped)

const labelOf = (text: string): Effect.Effect<readonly [string, string], Fault> => {
  const equals = text.indexOf("=")
  return equals > 0
    ? Effect.succeed([text.slice(0, equals), text.slice(equals + 1)])
    : Effect.fail(
        new Fault({ ...cliErrors.BadValue, text: "--label: NAME=VALUE is wanted, as it was given to the run" })
      )
}

/** A day, an instant, or an age. */
const instantOf = (
  flag: string,
  given: Option.Option<string>,
  now: number
): Effect.Effect<number | undefined, Fault> => {
  if (Option.isNone(given)) return Effect.succeed(undefined)
  const text = given.value.trim()
  if (/^\d+[smhdw]$/.test(text)) return Effect.map(States.age(flag, text), (age) => now - age)
  const at = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d)?)?$/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at)
    ? Effect.fail(
        new Fault({
          ...cliErrors.BadValue,
          text: `${flag} ${JSON.stringify(excerpt(text, 40))}: a day as 2026-01-31, an instant as 2026-01-31T12:00:00Z, or an age as 36h is wanted`
        })
      )
    : Effect.succeed(at)
}

const beforeOf = (given: Option.Option<string>): Effect.Effect<RunId | undefined, Fault> => {
  if (Option.isNone(given)) return Effect.succeed(undefined)
  const id = Schema.decodeOption(RunId)(given.value)
  return Option.isSome(id)
    ? Effect.succeed(id.value)
    : Effect.fail(new Fault({ ...cliErrors.BadValue, text: "--before: this is no id of a run" }))
}
