/** `flujo ledger export` */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as LedgerFile from "../../journal/LedgerFile.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Invocation } from "../Invocation.js"
import * as Ledgers from "../Ledgers.js"
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
    const written = yield* Effect.mapError(LedgerFile.write(journal, id), Faults.journal)
    if (Either.isLeft(written)) return yield* Ledgers.broken(id, written.left)
    const { sound, text } = written.right
    const named = Option.getOrElse(flags.out, () => `${id}.jsonl`)
    const file = yield* Ledgers.write(workspace.cwd, named, text)
    const root = { size: sound.entries, root: sound.root }
    return {
      exit: exits.done,
      data: { run: id, file, entries: sound.entries, root },
      text: `${file}\n${sound.entries} entries, root ${Ledgers.showRoot(root)}`,
      next: [`flujo ledger verify --file ${shellQuoted(file)}`]
    }
  }).pipe(Effect.scoped)
