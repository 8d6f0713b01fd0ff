/** Runs and files of the ledger that are not as they were written. */
import { exits } from "../Fault.js"
import { explained } from "./Explained.js"

export const ledgerErrors = {
  Broken: explained(
    "FLJ-LEDGER-1",
    exits.integrity,
    "the ledger does not hold",
    "The first entry that is not as it was written is named. Nothing was changed by looking: keep the state or the file as it is, and compare it with a backup or an export. docs/ledger.md says what can be told from this, and what cannot."
  ),
  Unproven: explained(
    "FLJ-LEDGER-2",
    exits.integrity,
    "the proof does not hold",
    "The file was changed, or does not lead to the root that is wanted. It proves nothing; ask for it again. docs/ledger.md says how it is checked."
  ),
  NoEntry: explained(
    "FLJ-LEDGER-3",
    exits.usage,
    "there is no such entry",
    "A proof is of one entry: the last one of the run, the last one of a step (RUN:PATH), or the one with the number of --entry. `flujo lens trace RUN` shows the steps."
  )
} as const
