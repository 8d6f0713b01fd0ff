/** `flujo lens list` */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Render from "../../lens/Render.js"
import * as ViewJson from "../../lens/ViewJson.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as View from "../View.js"
import * as Workspace from "../Workspace.js"

const limitDefault = 20

export const run: Module<typeof Flags.lensList>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const workspace = yield* Workspace.read(flags.stateUri)
    const { redaction } = workspace
    const isEmpty = Workspace.isDurable(workspace) && !(yield* Workspace.hasState(workspace))
    const rows = isEmpty
      ? []
      : yield* Effect.mapError(
          (yield* Workspace.history(workspace, "read")).runs({
            status: Option.getOrUndefined(Option.map(flags.status, (status) => [status])),
            pipeline: Option.getOrUndefined(flags.pipeline),
            limit: Option.getOrElse(flags.limit, () => limitDefault)
          }),
          Faults.journal
        )
    return {
      exit: exits.done,
      data: ViewJson.runList(rows, redaction),
      text: Render.runList(rows, View.options(host, invocation, "output", { redaction })).join("\n")
    }
  }).pipe(Effect.scoped)
