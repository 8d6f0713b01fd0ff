/** What validators say: what does not hold is feedback in words, which the next try of an agent is told. */
import type { Json } from "../domain/Json.js"
import { get, isObject } from "../domain/Json.js"
import type { Validator } from "./Node.js"

/** What a step says that judges an output: whether it holds, and why not. */
export type Verdict = boolean | { readonly is_valid: boolean; readonly feedback?: string | null | undefined }

/** Feedback in words: empty text where nothing is said, undefined where it holds, or that it is no verdict. */
export const feedbackOf = (verdict: Json | undefined): string | "no verdict" | undefined => {
  if (typeof verdict === "boolean") return verdict ? undefined : ""
  const isValid = get(verdict, "is_valid")
  if (!isObject(verdict) || typeof isValid !== "boolean") return "no verdict"
  const feedback = get(verdict, "feedback")
  return isValid ? undefined : typeof feedback === "string" ? feedback : ""
}

/** What there is in words, where nothing else is said. */
export const wordsOf = (validator: Validator): string => {
  switch (validator._tag) {
    case "Contains":
      return `it must contain ${JSON.stringify(validator.text)}`
    case "Fits":
      return "it must fit its schema"
    case "Holds":
      return `this must hold: ${validator.template.source.trim()}`
    case "Judge":
      return "it was not accepted"
  }
}
