/** A fault as a person reads it: what, where, why, what to do; never a stack trace unless asked. */
import { printable } from "../redaction/Printable.js"
import type { Redaction } from "../redaction/Redaction.js"
import type { Fault } from "./Fault.js"

export interface Options {
  readonly color: boolean
  readonly redaction: Redaction
}

export const lines = (fault: Fault, { color, redaction }: Options): string => {
  const paint = (code: number, text: string) => (color ? `\u001b[${code}m${text}\u001b[0m` : text)
  const safe = (text: string) => printable(redaction.text(text))
  const { file, column, line, run, step } = fault.location ?? {}
  const place = file === undefined ? undefined : [file, line, column].filter((part) => part !== undefined).join(":")
  const where = [place, run === undefined ? undefined : `run ${run}`, step === undefined ? undefined : `step ${step}`]
    .filter((part) => part !== undefined)
    .join(", ")
  const note = (name: string, text: string) => `  ${paint(1, `${name}:`)} ${safe(text)}`
  return `${[
    `${paint(31, `error[${fault.code}]`)}${paint(1, `: ${safe(fault.text)}`)}`,
    ...(where === "" ? [] : [`  ${paint(2, "-->")} ${safe(where)}`]),
    // Whoever made a frame has made it safe, and may have coloured it.
    ...(fault.frame === undefined ? [] : [redaction.text(fault.frame)]),
    ...(fault.hint === undefined ? [] : [note("hint", fault.hint)]),
    ...(fault.next ?? []).map((command) => note("next", command)),
    note("more", `flujo explain ${fault.code}`)
  ].join("\n")}\n`
}
