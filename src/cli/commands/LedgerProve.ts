/** `flujo ledger prove` */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as StepPath from "../../domain/StepPath.js"
import * as LedgerProof from "../../journal/LedgerProof.js"
import { excerpt } from "../../redaction/Printable.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import { ledgerErrors } from "../codes/Ledger.js"
import * as Encrypted from "../Encrypted.js"
import { exits, Fault } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Invocation } from "../Invocation.js"
import * as Ledgers from "../Ledgers.js"
import * as Runs from "../Runs.js"
import { shellQuoted } from "../Shell.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.ledgerProve>["run"] = (flags) =>
  Effect.gen(function* () {
    const {
      args: [typed = ""]
    } = yield* Invocation
    // No id has a colon, and no path.
    const colon = typed.indexOf(":")
    const step = colon === -1 ? undefined : typed.slice(colon + 1)
    if (step !== undefined && Option.isSome(flags.entry)) {
      return yield* new Fault({ ...cliErrors.Arguments, text: "either a step or --entry is meant, not both" })
    }
    const workspace = yield* Workspace.read(flags.stateUri)
    const journal = yield* Workspace.history(workspace, "read")
    const id = (yield* Runs.find(journal, colon === -1 ? typed : typed.slice(0, colon))).run
    if (!flags.noPayload) yield* Encrypted.mayLeave(journal, [id], flags)
    const path = step === undefined ? undefined : Option.getOrUndefined(StepPath.fromString(step))
    const made = yield* Effect.mapError(
      LedgerProof.make(journal, id, {
        isWanted: (entry) =>
          step === undefined ? Option.getOrElse(flags.entry, () => entry.seq) === entry.seq : entry.path === path,
        withPayload: !flags.noPayload
      }),
      Faults.journal
    )
    if (Either.isLeft(made)) return yield* Ledgers.broken(id, made.left)
    if (Option.isNone(made.right)) {
      const what = step === undefined ? "this number" : `the step ${JSON.stringify(excerpt(step, 80))}`
      return yield* new Fault({
        ...ledgerErrors.NoEntry,
        text: `run ${id} has no entry of ${what}`,
        location: { run: id }
      })
    }
    const proof = made.right.value
    const proven = yield* LedgerProof.check(LedgerProof.print(proof))
    if (Either.isLeft(proven)) return yield* Effect.dieMessage(`a proof that does not hold: ${proven.left}`)
    const { kind, root, seq } = proven.right
    const named = Option.getOrElse(flags.out, () => `${id}-${seq}.proof.json`)
    const file = yield* Ledgers.write(workspace.cwd, named, Stream.succeed(LedgerProof.print(proof)))
    return {
      exit: exits.done,
      data: { run: id, entry: seq, kind, file, root: { ...root } },
      text: `${file}\nentry ${seq} (${kind}) of run ${id}, below root ${Ledgers.showRoot(root)}`,
      next: [`flujo ledger check-proof ${shellQuoted(file)}`]
    }
  }).pipe(Effect.scoped)
