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
  Log: explained(
    "FLJ-LEDGER-4",
    exits.integrity,
    "the log of the ledger does not hold",
    "The roots of all runs are leaves of one log under signed checkpoints, and these do not fit each other, the runs, or what was kept elsewhere. Nothing was changed by looking. docs/ledger.md says what can be told from this, and what cannot."
  ),
  Key: explained(
    "FLJ-LEDGER-5",
    exits.usage,
    "the key of the ledger",
    "Checkpoints are signed with a private key in a file beside the state (ledger.key in flujo.toml names another). If it is lost, nothing is signed until `flujo ledger keys init --new-origin` says that the log is to go on under a key that no other vouches for; bring the old one back instead where you can."
  ),
  Anchor: explained(
    "FLJ-LEDGER-6",
    exits.failed,
    "a checkpoint could not be left at an anchor",
    "The checkpoint is signed and in the state, but a file or a witness of ledger.anchors in flujo.toml did not take it. The message says which and why; run the command again when that is mended."
  ),
  NoEntry: explained(
    "FLJ-LEDGER-3",
    exits.usage,
    "there is no such entry",
    "A proof is of one entry: the last one of the run, the last one of a step (RUN:PATH), or the one with the number of --entry. `flujo lens trace RUN` shows the steps."
  )
} as const
