/** `flujo ledger export` */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Module } from "../Command.js"
import * as Encrypted from "../Encrypted.js"
import * as Exporting from "../Exporting.js"
import type * as Flags from "../Flags.js"
import { Invocation } from "../Invocation.js"
import * as Runs from "../Runs.js"
import { shellQuoted } from "../Shell.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.ledgerExport>["run"] = (flags) =>
  Effect.gen(function* () {
    const {
      args: [typed = ""]
    } = yield* Invocation
    const workspace = yield* Workspace.read(flags.stateUri)
    const journal = yield* Workspace.history(workspace, "read")
    const id = (yield* Runs.find(journal, typed)).run
    yield* Encrypted.mayLeave(journal, [id], flags)
    return yield* Exporting.run(journal, id, {
      cwd: workspace.cwd,
      named: Option.getOrElse(flags.out, () => `${id}.jsonl`),
      next: (file) => `flujo ledger verify --file ${shellQuoted(file)}`
    })
  }).pipe(Effect.scoped)
