/** Leaving an answer for a run, and going on with it. */
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type { Json } from "../domain/Json.js"
import type { Services } from "./Command.js"
import type * as Driving from "./Driving.js"
import type { Fault } from "./Fault.js"
import * as Faults from "./Faults.js"
import * as GoOn from "./GoOn.js"
import { Host } from "./Host.js"
import { Invocation } from "./Invocation.js"
import type { Reply } from "./Reply.js"
import * as Runs from "./Runs.js"
import * as Workspace from "./Workspace.js"

/** `answer` sees the task that was named; what it refuses is not left. */
export const answer = (
  flags: Driving.Shown,
  answer: (
    task: Runs.OpenTask,
    workspace: Workspace.Workspace
  ) => Effect.Effect<Either.Either<Json, Fault>, Fault, Services>
): Effect.Effect<Reply, Fault, Services> =>
  Effect.gen(function* () {
    const {
      args: [typed = ""]
    } = yield* Invocation
    const host = yield* Host
    const workspace = yield* Workspace.read(flags.stateUri)
    const journal = yield* Workspace.history(workspace, "write")
    const task = yield* Runs.findTask(journal, typed)
    const value = yield* yield* answer(task, workspace)
    const run = task.row.run
    yield* Effect.mapError(
      journal.deliver(run, {
        _tag: "Answer",
        path: task.row.path,
        answer: value,
        by: host.user
      }),
      Faults.delivery
    )
    const row = yield* Runs.find(journal, run)
    return yield* GoOn.afterLetter(workspace, journal, row, flags)
  }).pipe(Effect.scoped)
