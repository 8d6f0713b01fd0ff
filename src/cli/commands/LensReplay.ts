/** `flujo lens replay` */
import * as Effect from "effect/Effect"
import * as Flujo from "../../engine/Flujo.js"
import { Journal } from "../../journal/Journal.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import * as GoOn from "../GoOn.js"
import { Invocation } from "../Invocation.js"
import * as Runs from "../Runs.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.lens>["run"] = (flags) =>
  Effect.gen(function* () {
    const {
      args: [typed = ""]
    } = yield* Invocation
    const workspace = yield* Workspace.read(flags.stateUri)
    const journal = yield* Workspace.history(workspace, "read")
    const row = yield* Runs.find(journal, typed)
    const { blueprint } = yield* GoOn.kept(workspace, journal, row)
    const { end, entries } = yield* Flujo.replay(blueprint.pipeline, row.run).pipe(
      Effect.provideService(Journal, journal),
      Effect.mapError((error) => Faults.run(error, row.run))
    )
    return {
      exit: exits.done,
      data: { run: row.run, same: true, end: end.toLowerCase(), entries },
      text: `run ${row.run}: the same as recorded, ${entries} entries, ${end.toLowerCase()}`
    }
  }).pipe(Effect.scoped)
