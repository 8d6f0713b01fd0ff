/** The runs that a lens looks at. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Trace from "../lens/Trace.js"
import * as Faults from "./Faults.js"
import { Invocation } from "./Invocation.js"
import * as Runs from "./Runs.js"
import * as Workspace from "./Workspace.js"

/** What there is to look at, and the trace of each run of it by what somebody typed. */
export const history = (stateUri: Option.Option<string>) =>
  Effect.gen(function* () {
    const workspace = yield* Workspace.read(stateUri)
    const journal = yield* Workspace.history(workspace, "read")
    const trace = (typed: string) =>
      Effect.gen(function* () {
        const row = yield* Runs.find(journal, typed)
        const holder = yield* Effect.mapError(journal.holder(row.run), Faults.journal)
        const entries = yield* Runs.entries(journal, row)
        return Trace.make(entries, { held: Option.isSome(holder), now: yield* Clock.currentTimeMillis })
      })
    return { redaction: workspace.redaction, trace }
  })

/** The one run that the command names. */
export const open = (stateUri: Option.Option<string>) =>
  Effect.gen(function* () {
    const {
      args: [typed = ""]
    } = yield* Invocation
    const { redaction, trace } = yield* history(stateUri)
    return { redaction, trace: yield* trace(typed) }
  })
