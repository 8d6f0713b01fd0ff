/** The runs that a lens looks at. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Journal, JournalError } from "../journal/Journal.js"
import type { RunRow } from "../journal/RunIndex.js"
import type * as RunSummary from "../lens/RunSummary.js"
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

/** The rows of a list: a run that says it runs and is held by nobody was cut off. */
export const listed = (
  journal: Journal["Type"],
  rows: ReadonlyArray<RunRow>
): Effect.Effect<ReadonlyArray<RunSummary.Listed>, JournalError> =>
  Effect.forEach(rows, (row) =>
    row.status !== "running"
      ? Effect.succeed(row)
      : Effect.map(journal.holder(row.run), (holder) =>
          Option.isSome(holder) ? row : { ...row, status: "cut" as const }
        )
  )

/** The one run that the command names. */
export const open = (stateUri: Option.Option<string>) =>
  Effect.gen(function* () {
    const {
      args: [typed = ""]
    } = yield* Invocation
    const { redaction, trace } = yield* history(stateUri)
    return { redaction, trace: yield* trace(typed) }
  })
