/** Encryption, where it is not a matter of one state. */
import { exits } from "../Fault.js"
import { explained } from "./Explained.js"

export const encryptionErrors = {
  Phi: explained(
    "FLJ-ENCRYPTION-1",
    exits.usage,
    "phi mode needs a key",
    "With `phi = true` in flujo.toml, or FLUJO_PHI=1, nothing that people or models said is written unencrypted. No key is given, so nothing was started and nothing written. Say in [encryption] of flujo.toml where the key is; docs/encryption.md shows how."
  ),
  Export: explained(
    "FLJ-ENCRYPTION-2",
    exits.usage,
    "an export would not be encrypted",
    "What is to be exported is encrypted in the state, and the file would hold it in the clear. Nothing was written. --decrypt says that this is meant; the file is then as secret as what it holds."
  )
} as const
