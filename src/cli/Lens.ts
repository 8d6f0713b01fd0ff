/** The run that a lens looks at. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Trace from "../lens/Trace.js"
import * as Faults from "./Faults.js"
import { Invocation } from "./Invocation.js"
import * as Runs from "./Runs.js"
import * as Workspace from "./Workspace.js"

export const open = (stateUri: Option.Option<string>) =>
  Effect.gen(function* () {
    const {
      args: [typed = ""]
    } = yield* Invocation
    const workspace = yield* Workspace.read(stateUri)
    const journal = yield* Workspace.history(workspace, "read")
    const row = yield* Runs.find(journal, typed)
    const holder = yield* Effect.mapError(journal.holder(Runs.idOf(row)), Faults.journal)
    const entries = yield* Runs.entries(journal, row)
    const now = yield* Clock.currentTimeMillis
    return { redaction: workspace.redaction, trace: Trace.make(entries, { held: Option.isSome(holder), now }) }
  })
