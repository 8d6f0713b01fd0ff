/** `flujo tasks` */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Text from "../../lens/Text.js"
import { printable } from "../../redaction/Printable.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as Runs from "../Runs.js"
import * as View from "../View.js"
import * as Workspace from "../Workspace.js"

const limitDefault = 50

export const run: Module<typeof Flags.tasks>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const workspace = yield* Workspace.read(flags.stateUri)
    const none = { exit: exits.done, data: [], text: "Nothing waits for a person." }
    if (Workspace.isDurable(workspace) && !(yield* Workspace.hasState(workspace))) return none
    const journal = yield* Workspace.history(workspace, "read")
    const limit = Option.getOrElse(flags.limit, () => limitDefault)
    const rows = yield* Effect.mapError(journal.tasks({ limit }), Faults.journal)
    if (rows.length === 0) return none
    // One run that cannot be read hides no other.
    const [damaged, tasks] = yield* Effect.partition(rows, (row) =>
      Effect.mapError(Runs.opened(journal, row), (fault) => ({ row, fault }))
    )
    const counts = new Map<string, number>()
    for (const row of rows) counts.set(row.run, (counts.get(row.run) ?? 0) + 1)
    const { redaction } = workspace
    const options = View.options(host, invocation, "output", { redaction })
    const { span, whole } = Text
    const shown = tasks.map((task) => {
      const { openedAt, path, run, task: kind } = task.row
      const name = Runs.nameOf(task.row, counts.get(run) === 1)
      const does = kind === "ask" ? `answer ${name} ANSWER` : `approve ${name}`
      return [
        Text.line(
          [
            whole(run, options, "bold"),
            span("  "),
            whole(path, options, "yellow"),
            span(`  since ${Text.instant(openedAt)}`, "dim")
          ],
          options
        ),
        ...printable(redaction.text(task.message))
          .trimEnd()
          .split("\n")
          .map((line) => `  ${line}`),
        `  ${Text.line([span(invocation.again(does), "cyan")], { ...options, width: Number.MAX_SAFE_INTEGER })}`
      ].join("\n")
    })
    const unread = damaged.map(({ fault, row }) =>
      [
        Text.line([whole(row.run, options, "bold"), span("  "), whole(row.path, options, "yellow")], options),
        `  cannot be read: ${printable(redaction.text(fault.text))}`
      ].join("\n")
    )
    return {
      exit: damaged.length === 0 ? exits.done : exits.integrity,
      data: redaction.json([
        ...tasks.map((task) => ({
          task: `${task.row.run}:${task.row.path}`,
          run: task.row.run,
          path: task.row.path,
          kind: task.row.task,
          message: task.message,
          answer_schema: task.schema,
          opened_at: Text.iso(task.row.openedAt)
        })),
        ...damaged.map(({ fault, row }) => ({
          task: `${row.run}:${row.path}`,
          run: row.run,
          path: row.path,
          kind: row.task,
          damaged: fault.text,
          opened_at: Text.iso(row.openedAt)
        }))
      ]),
      text: [...shown, ...unread].join("\n\n")
    }
  }).pipe(Effect.scoped)
