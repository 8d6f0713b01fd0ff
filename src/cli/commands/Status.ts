/** `flujo status` */
import * as Effect from "effect/Effect"
import * as Render from "../../lens/Render.js"
import * as ViewJson from "../../lens/ViewJson.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as Settings from "../Settings.js"
import * as View from "../View.js"
import * as Workspace from "../Workspace.js"

const recent = 3
const tasksMax = 1000

export const run: Module<typeof Flags.status>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const workspace = yield* Workspace.read(flags.stateUri)
    const { redaction } = workspace
    const settings = Settings.all(workspace)
    const isThere = yield* Workspace.hasState(workspace)
    const { rows, waiting } = isThere
      ? yield* Effect.mapError(
          Effect.flatMap(
            Effect.mapError(Workspace.history(workspace, "read"), (fault) => ({ fault })),
            (journal) =>
              Effect.all({ rows: journal.runs({ limit: recent }), waiting: journal.tasks({ limit: tasksMax }) })
          ),
          (error) => ("fault" in error ? error.fault : Faults.journal(error))
        )
      : { rows: [], waiting: [] }
    const options = View.options(host, invocation, "output", { redaction })
    const count = waiting.length >= tasksMax ? `${tasksMax} or more` : String(waiting.length)
    return {
      exit: exits.done,
      data: {
        settings: settings.map(({ name, said, value }) => ({ name, value, said })),
        runs: ViewJson.runList(rows, redaction),
        waiting: waiting.length
      },
      text: [
        Settings.table(settings),
        "",
        ...(rows.length === 0 ? ["No runs yet."] : Render.runList(rows, options)),
        "",
        waiting.length === 0
          ? "Nothing waits for a person."
          : `${count} waiting for a person: ${invocation.again("tasks")}`
      ].join("\n")
    }
  }).pipe(Effect.scoped)
