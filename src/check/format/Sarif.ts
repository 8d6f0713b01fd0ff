/** Findings as SARIF 2.1.0 (OASIS, https://docs.oasis-open.org/sarif/sarif/v2.1.0), which code hosts and editors read. */
import type { Diagnostic } from "../../blueprint/Diagnostics.js"
import type { Place } from "../../blueprint/Source.js"
import type { Json } from "../../domain/Json.js"
import { printable } from "../../redaction/Printable.js"
import * as Baseline from "../Baseline.js"
import * as Rule from "../Rule.js"

export const toJson = (diagnostics: ReadonlyArray<Diagnostic>, version: string): Json => {
  const codes = [...new Set(diagnostics.map(({ code }) => code))].sort()
  return {
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "flujo", semanticVersion: version, rules: codes.map(rule) } },
        columnKind: "utf16CodeUnits",
        results: diagnostics.map((diagnostic) => result(diagnostic, codes.indexOf(diagnostic.code)))
      }
    ]
  }
}

const rule = (code: string): Json => {
  const { explanation, severity, title, why } = Rule.find(code) ?? {
    explanation: code,
    severity: "warning",
    title: code,
    why: code
  }
  return {
    id: code,
    shortDescription: { text: title },
    fullDescription: { text: why },
    help: { text: explanation, markdown: `${explanation}\n\nMore: \`flujo explain ${code}\`` },
    defaultConfiguration: { level: severity }
  }
}

const result = (diagnostic: Diagnostic, ruleIndex: number): Json => {
  const { code, file, hint, message, place, related, repair, severity } = diagnostic
  return {
    ruleId: code,
    ruleIndex,
    level: severity,
    message: { text: printable(hint === undefined ? message : `${message} (${hint})`) },
    locations: [{ physicalLocation: located(file, place) }],
    ...(related.length === 0
      ? {}
      : {
          relatedLocations: related.map((one, id) => ({
            id,
            message: { text: printable(one.message) },
            physicalLocation: located(file, one.place)
          }))
        }),
    partialFingerprints: { "flujo/v1": Baseline.fingerprint(diagnostic) },
    ...(repair === undefined || repair.span.start !== place.span.start || repair.span.end !== place.span.end
      ? {}
      : {
          fixes: [
            {
              description: { text: hint === undefined ? "repair it" : printable(hint) },
              artifactChanges: [
                {
                  artifactLocation: { uri: uriOf(file) },
                  replacements: [{ deletedRegion: region(place), insertedContent: { text: repair.text } }]
                }
              ]
            }
          ]
        })
  }
}

const located = (file: string, place: Place): Json => ({
  artifactLocation: { uri: uriOf(file), ...(isRelative(file) ? { uriBaseId: "%SRCROOT%" } : {}) },
  region: region(place)
})

/** Columns count UTF-16 units from 1; the end is the column after the last. */
const region = ({ end, start }: Place): Json => ({
  startLine: start.line,
  startColumn: start.column,
  endLine: end.line,
  endColumn: end.column
})

const isRelative = (file: string): boolean => !file.startsWith("/") && !/^[A-Za-z]:[\\/]/.test(file)

const uriOf = (file: string): string => {
  const path = file.toWellFormed().replaceAll("\\", "/").split("/").map(encodeURIComponent).join("/")
  if (isRelative(file)) return path
  return `file://${path.startsWith("/") ? "" : "/"}${path.replace(/^([A-Za-z])%3A/, "$1:")}`
}
