/** `flujo state import` */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as FileBytes from "../../journal/FileBytes.js"
import * as StateFile from "../../journal/StateFile.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import { runErrors } from "../codes/Engine.js"
import { ledgerErrors } from "../codes/Ledger.js"
import { exits, Fault } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Invocation } from "../Invocation.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.stateImport>["run"] = (flags) =>
  Effect.gen(function* () {
    const {
      args: [named = ""]
    } = yield* Invocation
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const workspace = yield* Workspace.read(flags.stateUri)
    if (!Workspace.isDurable(workspace)) {
      return yield* new Fault({ ...cliErrors.InMemory, text: "the state is memory://, which keeps nothing" })
    }
    const file = path.resolve(workspace.cwd, named)
    const bytes = FileBytes.of(fs, file)
    const refused = {
      Broken: ({ why }: StateFile.Broken) => new Fault({ ...ledgerErrors.Broken, text: why, location: { file } }),
      SystemError: (error: PlatformError) => unreadable(FileBytes.whyOf(error)),
      BadArgument: (error: PlatformError) => unreadable(FileBytes.whyOf(error))
    }
    const unreadable = (why: string) =>
      new Fault({ ...cliErrors.File, text: `the file cannot be read: ${why}`, location: { file } })
    // All of it, before anything is taken in.
    let runs = 0
    yield* StateFile.read(bytes, () =>
      Effect.sync(() => {
        runs += 1
      })
    ).pipe(Effect.catchTags(refused))
    const journal = yield* Workspace.journal(workspace)
    const taken = yield* StateFile.take(journal, bytes).pipe(
      Effect.catchTags({ ...refused, JournalError: (error) => Effect.fail(Faults.journal(error)) })
    )
    const data = {
      runs,
      added: taken.added.length,
      same: taken.same.length,
      others: [...taken.others],
      outrun: [...taken.outrun],
      log: taken.log
    }
    const [first] = taken.others
    if (first !== undefined) {
      return yield* new Fault({
        ...runErrors.Exists,
        text: `${taken.added.length} of ${runs} runs were taken in; ${taken.others.length} have an id that is in use for another run, first ${first}`,
        details: data,
        location: { run: first, file }
      })
    }
    const [outrun] = taken.outrun
    if (outrun !== undefined) {
      return yield* new Fault({
        ...runErrors.Exists,
        text: `${taken.added.length} of ${runs} runs were taken in; ${taken.outrun.length} stood here with more entries than the file has, and were dropped or erased since, first ${outrun}`,
        hint: "what was dropped is not brought back as it was before; import it into another state to look at it",
        details: data,
        location: { run: outrun, file }
      })
    }
    return {
      exit: exits.done,
      data,
      text: [
        `${taken.added.length} of ${runs} runs were taken in${taken.same.length === 0 ? "" : `, ${taken.same.length} were here already`}`,
        taken.log
          ? "the log of the ledger came with them, with its checkpoints and keys"
          : "their roots wait for the next checkpoint here"
      ].join("\n"),
      next: ["flujo ledger verify"]
    }
  }).pipe(Effect.scoped)
