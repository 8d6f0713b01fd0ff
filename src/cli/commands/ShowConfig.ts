/** `flujo dev show-config` */
import * as Effect from "effect/Effect"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import type * as Flags from "../Flags.js"
import * as Settings from "../Settings.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.status>["run"] = (flags) =>
  Effect.map(Workspace.read(flags.stateUri), (workspace) => {
    const settings = Settings.all(workspace)
    return {
      exit: exits.done,
      data: settings.map(({ name, said, value }) => ({ name, value, said })),
      text: Settings.table(settings)
    }
  })
