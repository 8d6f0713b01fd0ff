/** `flujo ledger verify` */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Audit from "../../journal/Audit.js"
import type { Root } from "../../journal/Journal.js"
import * as Ledger from "../../journal/Ledger.js"
import * as LedgerFile from "../../journal/LedgerFile.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import { exits, Fault } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as Ledgers from "../Ledgers.js"
import type { Reply } from "../Reply.js"
import * as Runs from "../Runs.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.ledgerVerify>["run"] = (flags) =>
  Effect.gen(function* () {
    const {
      args: [typed]
    } = yield* Invocation
    const claims = yield* Ledgers.roots(flags.root)
    if (Option.isSome(flags.file)) {
      if (typed === undefined) return yield* file(flags.file.value, claims)
      return yield* new Fault({ ...cliErrors.Arguments, text: "either a run or --file is meant, not both" })
    }
    if (typed === undefined && claims.length > 0) {
      return yield* new Fault({ ...cliErrors.Arguments, text: "--root is of one run: say which" })
    }
    const workspace = yield* Workspace.read(flags.stateUri)
    const journal = yield* Workspace.history(workspace, "read")
    if (typed !== undefined) {
      const id = (yield* Runs.find(journal, typed)).run
      const found = yield* Effect.mapError(Audit.verify(journal, id, claims), Faults.journal)
      return Ledger.isBad(found) ? yield* Ledgers.broken(id, found) : one(id, found)
    }
    let [sound, entries] = [0, 0]
    const bad: Array<{ readonly run: string; readonly found: Ledger.Bad }> = []
    yield* Stream.runForEach(journal.ids, (id) =>
      Effect.map(Audit.verify(journal, id), (found) => {
        if (Ledger.isBad(found)) bad.push({ run: id, found })
        else {
          sound += 1
          entries += found.entries
        }
      })
    ).pipe(Effect.mapError(Faults.journal))
    const [first] = bad
    if (first !== undefined) {
      return yield* Ledgers.broken(first.run, first.found, {
        first: bad.length === 1 ? "" : `${bad.length} runs are not as they were written, first `,
        details: { sound, bad: bad.map(({ found, run }) => ({ run, ...found })) }
      })
    }
    return {
      exit: exits.done,
      data: { runs: sound, entries },
      text: `${sound} ${sound === 1 ? "run" : "runs"}, ${entries} entries: as they were written`
    }
  }).pipe(Effect.scoped)

const one = (run: string, { entries, root, rooted }: Ledger.Sound): Reply => {
  const open = entries - rooted
  return {
    exit: exits.done,
    data: { run, entries, root: { size: entries, root }, rooted },
    text: [
      `run ${run}: ${entries} entries as they were written`,
      ...(open === 0
        ? []
        : [`the last ${open} of them stand below no root yet: only their order and form were checked`]),
      `root ${Ledgers.showRoot({ size: entries, root })}`
    ].join("\n")
  }
}

const file = (named: string, claims: ReadonlyArray<Root>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const host = yield* Host
    const whole = path.resolve(yield* host.cwd, named)
    const { found, run } = yield* Effect.mapError(
      LedgerFile.verify(fs.stream(whole), claims),
      (error) =>
        new Fault({
          ...cliErrors.File,
          text: `the file cannot be read: ${error._tag === "SystemError" ? error.reason : error.message}`,
          location: { file: whole }
        })
    )
    return Ledger.isBad(found) ? yield* Ledgers.broken(run, found, { file: whole }) : one(run ?? "", found)
  })
