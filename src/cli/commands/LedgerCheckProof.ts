/** `flujo ledger check-proof` */
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as LedgerProof from "../../journal/LedgerProof.js"
import * as ProjectFile from "../../project/ProjectFile.js"
import { printable } from "../../redaction/Printable.js"
import type { Module } from "../Command.js"
import { ledgerErrors } from "../codes/Ledger.js"
import { exits, Fault } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as Ledgers from "../Ledgers.js"

/** A payload of 16 MiB, all of it escaped, fits. */
const sizeMax = 128 * 1024 * 1024

export const run: Module<typeof Flags.ledgerCheckProof>["run"] = (flags) =>
  Effect.gen(function* () {
    const {
      args: [named = ""]
    } = yield* Invocation
    const path = yield* Path.Path
    const host = yield* Host
    const wanted = yield* Ledgers.roots(flags.root)
    const file = path.resolve(yield* host.cwd, named)
    const text = yield* Effect.mapError(ProjectFile.read(file, { sizeMax }), Faults.project)
    const checked = yield* LedgerProof.check(text)
    const unproven = (why: string) => new Fault({ ...ledgerErrors.Unproven, text: why, location: { file } })
    if (Either.isLeft(checked)) return yield* unproven(checked.left)
    const { kind, payload, root, run, seq, path: step } = checked.right
    if (wanted.length > 0 && !wanted.some((one) => one.size === root.size && one.root === root.root)) {
      return yield* unproven(`it leads to another root: ${Ledgers.showRoot(root)}`)
    }
    return {
      exit: exits.done,
      data: { run, entry: seq, kind, step, payload: payload ?? null, root: { ...root }, wanted: wanted.length > 0 },
      text: [
        `entry ${seq} (${kind}${step === "" ? "" : ` of ${step}`}) is in run ${run}, below root ${Ledgers.showRoot(root)}`,
        ...(wanted.length > 0 ? [] : ["whether that is the run's root, say with --root, from where you trust it"]),
        ...(payload === undefined ? [] : [printable(payload)])
      ].join("\n")
    }
  })
