/** `flujo state export` */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as StateFile from "../../journal/StateFile.js"
import type { Module } from "../Command.js"
import * as Encrypted from "../Encrypted.js"
import { exits } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Invocation } from "../Invocation.js"
import * as Ledgers from "../Ledgers.js"
import * as Runs from "../Runs.js"
import { shellQuoted } from "../Shell.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.stateExport>["run"] = (flags) =>
  Effect.gen(function* () {
    const { args } = yield* Invocation
    const workspace = yield* Workspace.read(flags.stateUri)
    const journal = yield* Workspace.history(workspace, "read")
    const only =
      args.length === 0
        ? undefined
        : yield* Effect.forEach(args, (typed) => Effect.map(Runs.find(journal, typed), ({ run }) => run))
    yield* Encrypted.mayLeave(journal, only, flags)
    const day = new Date(yield* Clock.currentTimeMillis).toISOString().slice(0, 10)
    let runs = 0
    const text = StateFile.write(journal, only).pipe(
      Stream.tap((line) =>
        Effect.sync(() => {
          if (line.startsWith('{"flujo":"run"')) runs += 1
        })
      ),
      Stream.mapError((error) =>
        error._tag === "BadRun" ? Ledgers.broken(error.run, error.bad) : Faults.journal(error)
      )
    )
    const named = Option.getOrElse(flags.out, () => `state-${day}.jsonl`)
    const file = yield* Ledgers.write(workspace.cwd, named, text)
    return {
      exit: exits.done,
      data: { file, runs },
      text: `${file}\n${runs} ${runs === 1 ? "run" : "runs"}`,
      next: [`flujo state import ${shellQuoted(file)} --state-uri URI`]
    }
  }).pipe(Effect.scoped)
