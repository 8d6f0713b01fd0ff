/** `flujo status` */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { RunId } from "../../domain/RunId.js"
import type { Journal } from "../../journal/Journal.js"
import * as Render from "../../lens/Render.js"
import * as RunSummary from "../../lens/RunSummary.js"
import * as Text from "../../lens/Text.js"
import * as ViewJson from "../../lens/ViewJson.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as Lens from "../Lens.js"
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
    const { rows, undos, waiting } = isThere
      ? yield* Effect.mapError(
          Effect.flatMap(
            Effect.mapError(Workspace.history(workspace, "read"), (fault) => ({ fault })),
            (journal) =>
              Effect.gen(function* () {
                const rows = yield* Effect.flatMap(journal.runs({ limit: recent }), (found) =>
                  Lens.listed(journal, found)
                )
                const undos = yield* Effect.forEach(rows, (row) => undoFailures(journal, row))
                return { rows, undos: undos.flat(), waiting: yield* journal.tasks({ limit: tasksMax }) }
              })
          ),
          (error) => ("fault" in error ? error.fault : Faults.journal(error))
        )
      : { rows: [], undos: [], waiting: [] }
    const options = View.options(host, invocation, "output", { redaction })
    const count = waiting.length >= tasksMax ? `${tasksMax} or more` : String(waiting.length)
    return {
      exit: exits.done,
      data: {
        settings: settings.map(({ name, said, value }) => ({ name, value, said })),
        runs: ViewJson.runList(rows, redaction),
        undo_failures: undos.map(({ error, path, run }) => ({ run, path, error: redaction.json(error) })),
        waiting: waiting.length
      },
      text: [
        Settings.table(settings),
        "",
        ...(rows.length === 0 ? ["No runs yet."] : Render.runList(rows, options)),
        ...undos.map(({ error, path, run }) =>
          Text.line(
            [
              Text.span("not undone ", "red"),
              Text.whole(path, options, "red"),
              Text.span(": "),
              Text.failure(error, options),
              Text.span(`, ${invocation.again(`resume ${run}`)} tries again`)
            ],
            { ...options, width: Number.MAX_SAFE_INTEGER }
          )
        ),
        "",
        waiting.length === 0
          ? "Nothing waits for a person."
          : `${count} waiting for a person: ${invocation.again("tasks")}`
      ].join("\n")
    }
  }).pipe(Effect.scoped)

interface UndoFailure extends RunSummary.UndoFailure {
  readonly run: RunId
}

/** The undos of a run that failed. What cannot be read is for `lens` to name, and hides nothing here. */
const undoFailures = (
  journal: Journal["Type"],
  { run, status }: RunSummary.Listed
): Effect.Effect<ReadonlyArray<UndoFailure>> =>
  status !== "failed" && status !== "cancelled"
    ? Effect.succeed([])
    : journal.read(run).pipe(
        Stream.filter(({ event }) => event.kind === "Undone"),
        Stream.runCollect,
        Effect.map((undone) =>
          RunSummary.make(Array.from(undone), { held: false })
            .undoFailures.slice(0, undosMax)
            .map((failure) => ({ ...failure, run }))
        ),
        Effect.orElseSucceed(() => [])
      )

const undosMax = 5
