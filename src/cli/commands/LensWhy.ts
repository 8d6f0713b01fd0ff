/** `flujo lens why` */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Text from "../../lens/Text.js"
import * as Trace from "../../lens/Trace.js"
import * as Why from "../../lens/Why.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import * as Hints from "../Hints.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as Runs from "../Runs.js"
import { shellQuoted } from "../Shell.js"
import * as View from "../View.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.lens>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const {
      args: [typed = ""]
    } = invocation
    const workspace = yield* Workspace.read(flags.stateUri)
    const { redaction } = workspace
    const journal = yield* Workspace.history(workspace, "read")
    const row = yield* Runs.find(journal, typed)
    const holder = yield* Effect.mapError(journal.holder(row.run), Faults.journal)
    const entries = yield* Runs.entries(journal, row)
    const trace = Trace.make(entries, { held: Option.isSome(holder), now: yield* Clock.currentTimeMillis })
    const options = View.options(host, invocation, "output", { redaction, previewLength: 300 })
    const { lines, next, status } = Why.make(trace, entries, holder, options)
    const { signals, tasks } = trace.summary
    const told =
      status === "suspended"
        ? Hints.waiting({ run: row.run, tasks, signals: signals.map(({ signal }) => signal) }).slice(0, hintsMax)
        : []
    const text = (color: boolean) => lines.map((spans) => Text.line(spans, { ...options, color }))
    return {
      exit: exits.done,
      data: { run: row.run, status, lines: text(false) },
      text: text(options.color).join("\n"),
      next: [...told, ...next.map((words) => words.map(shellQuoted).join(" "))].map(invocation.again)
    }
  }).pipe(Effect.scoped)

const hintsMax = 6
