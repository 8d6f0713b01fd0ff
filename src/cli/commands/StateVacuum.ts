/** `flujo state vacuum` */
import * as Effect from "effect/Effect"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import * as States from "../States.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.status>["run"] = (flags) =>
  Effect.gen(function* () {
    const workspace = yield* Workspace.read(flags.stateUri)
    const { store } = yield* Workspace.history(workspace, "tend")
    const { after, before } = yield* Effect.mapError(
      Effect.gen(function* () {
        const before = (yield* store.info).bytes
        yield* store.vacuum
        return { before, after: (yield* store.info).bytes }
      }),
      Faults.journal
    )
    return {
      exit: exits.done,
      data: { before, after },
      text: `${States.bytes(before)} before, ${States.bytes(after)} now`
    }
  }).pipe(Effect.scoped)
