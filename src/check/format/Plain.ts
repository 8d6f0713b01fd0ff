/**
 * Findings for a screen reader and for logs: whole sentences, one a line, in one order, without pictures made of
 * characters.
 */
import type { Diagnostic } from "../../blueprint/Diagnostics.js"
import { excerpt, printable } from "../../redaction/Printable.js"

export const toText = (diagnostics: ReadonlyArray<Diagnostic>): string =>
  diagnostics.map((diagnostic, index) => finding(diagnostic, index + 1, diagnostics.length)).join("\n\n")

const finding = (one: Diagnostic, number: number, count: number): string => {
  const { code, file, hint, message, place, related, severity, why } = one
  const { end, line, start } = place
  const piece = end.line === start.line ? line.slice(start.column - 1, end.column - 1) : line.slice(start.column - 1)
  const sentence = (text: string) => {
    const words = printable(text).replaceAll("\n", " ")
    return `${words.charAt(0).toUpperCase()}${words.slice(1)}${/[.?!]$/.test(words) ? "" : "."}`
  }
  return [
    `${severity === "error" ? "Error" : "Warning"} ${number} of ${count}: ${code}.`,
    `File ${printable(file)}, line ${start.line}, column ${start.column}.`,
    sentence(message),
    ...(piece.trim() === "" ? [] : [`The text there is: ${excerpt(piece, textMax)}`]),
    ...related.map((also) => sentence(`See also line ${also.place.start.line}: ${also.message}`)),
    sentence(`Why: ${why}`),
    ...(hint === undefined ? [] : [sentence(`What to do: ${hint}`)])
  ].join("\n")
}

const textMax = 120
