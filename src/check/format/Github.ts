/** Findings as workflow commands of GitHub Actions, which shows them beside the lines of a pull request. */
import type { Diagnostic } from "../../blueprint/Diagnostics.js"
import { printable } from "../../redaction/Printable.js"

export const toText = (diagnostics: ReadonlyArray<Diagnostic>): string => diagnostics.map(line).join("\n")

const line = ({ code, file, hint, message, place, severity, title }: Diagnostic): string => {
  const { end, start } = place
  // A column counts only where the finding ends on the line on which it starts.
  const columns =
    end.line === start.line ? { col: start.column, endColumn: Math.max(start.column, end.column - 1) } : {}
  const properties = { file, line: start.line, endLine: end.line, ...columns, title: `${code}: ${title}` }
  const said = Object.entries(properties).map(([name, value]) => `${name}=${property(String(value))}`)
  return `::${severity} ${said.join(",")}::${data(hint === undefined ? message : `${message}\n${hint}`)}`
}

/** As the runner reads it: nothing in a message can start another command. */
const data = (text: string): string =>
  printable(text).replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A")

const property = (text: string): string => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C")
