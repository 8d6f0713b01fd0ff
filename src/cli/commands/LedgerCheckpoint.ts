/** `flujo ledger checkpoint` */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Text from "../../lens/Text.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import { exits, Fault } from "../Fault.js"
import type * as Flags from "../Flags.js"
import * as Ledgers from "../Ledgers.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.ledgerCheckpoint>["run"] = (flags) =>
  Effect.gen(function* () {
    const workspace = yield* Workspace.read(flags.stateUri)
    const { log } = yield* Workspace.history(workspace, "tend")
    const key = yield* Ledgers.keyFile(workspace)
    const sealed = yield* Effect.mapError(log.seal(key.holder), Ledgers.sealFault)
    if (Option.isNone(sealed)) {
      return yield* new Fault({ ...cliErrors.NoRuns, text: "no run has come to a rest yet: there is nothing to sign" })
    }
    const { Anchors } = yield* Effect.promise(async () => ({ Anchors: await import("../Anchors.js") }))
    const { left, note } = yield* Anchors.leave(
      log,
      sealed.value,
      workspace.config.ledger.anchors.map(({ value }) => value)
    )
    const { at, origin, size } = sealed.value
    return {
      exit: exits.done,
      data: { origin, size, at: Text.iso(at), checkpoint: note, anchors: left },
      text: note.replace(/\n$/, "")
    }
  }).pipe(Effect.scoped)
