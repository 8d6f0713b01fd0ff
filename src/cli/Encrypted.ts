/** What is encrypted in the state, where a command would write it into a file that is not. */
import * as Effect from "effect/Effect"
import type { RunId } from "../domain/RunId.js"
import type { Journal } from "../journal/Journal.js"
import { encryptionErrors } from "./codes/Encryption.js"
import { Fault } from "./Fault.js"
import * as Faults from "./Faults.js"

/** `runs`: undefined for all that there are. */
export const mayLeave = (
  { store }: Journal["Type"],
  runs: ReadonlyArray<RunId> | undefined,
  { decrypt }: { readonly decrypt: boolean }
): Effect.Effect<void, Fault> =>
  Effect.gen(function* () {
    if (decrypt) return
    const keys =
      runs === undefined
        ? Array.from((yield* Effect.mapError(store.encryption.runsByKey, Faults.journal)).keys())
        : yield* Effect.forEach(runs, (run) => Effect.mapError(store.encryption.keyOf(run), Faults.journal))
    const key = keys.find((one) => one !== undefined)
    if (key === undefined) return
    return yield* new Fault({
      ...encryptionErrors.Export,
      text: `what is to be exported is encrypted with the key ${key}, and the file would not be`,
      hint: "--decrypt says that this is meant"
    })
  })
