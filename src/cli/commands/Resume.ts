/** `flujo resume` */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Module } from "../Command.js"
import type * as Flags from "../Flags.js"
import * as GoOn from "../GoOn.js"
import { Invocation } from "../Invocation.js"
import * as Runs from "../Runs.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.resume>["run"] = (flags) =>
  Effect.gen(function* () {
    const {
      args: [typed = ""]
    } = yield* Invocation
    const workspace = yield* Workspace.read(flags.stateUri)
    const journal = yield* Workspace.history(workspace, "write")
    const row = yield* Runs.find(journal, typed)
    return yield* Option.match(flags.upgrade, {
      onNone: () => GoOn.resume(workspace, journal, row, flags),
      onSome: (file) => GoOn.upgrade(workspace, journal, row, { file, flags })
    })
  }).pipe(Effect.scoped)
