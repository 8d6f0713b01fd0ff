/** Code of a project: what keeps it from being loaded. The findings of blueprints have the same codes. */
import { rules } from "../../blueprint/Rules.js"
import type { CodeError } from "../../code/CodeError.js"
import { exits } from "../Fault.js"
import { type Explained, explained } from "./Explained.js"

const asRule = (code: "FLJ-CODE-1" | "FLJ-CODE-2" | "FLJ-CODE-3"): Explained =>
  explained(code, exits.loading, rules[code].title, rules[code].explanation)

export const codeErrors: Readonly<Record<CodeError["reason"] | "Clash", Explained>> = {
  Refused: asRule("FLJ-CODE-1"),
  Unloadable: asRule("FLJ-CODE-2"),
  Export: asRule("FLJ-CODE-3"),
  Clash: explained(
    "FLJ-CODE-4",
    exits.loading,
    "a skill's id is another's",
    "An id means one skill, so that no order of files decides which is run, and nobody's skill takes the place of one that comes with flujo. Give one of the two another id."
  )
}

/** A finding of a blueprint that says so ends a command as a fault would. */
export const isLoading = (code: string): boolean => code.startsWith("FLJ-CODE-")
