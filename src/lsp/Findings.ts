/** What the checker finds, as an editor underlines it, and what repairs it as a quick fix. */
import type { Diagnostic } from "../blueprint/Diagnostics.js"
import type { Json, JsonObject } from "../domain/Json.js"
import type { Span } from "../expression/Template.js"
import type { Document } from "./Document.js"
import type { Looked } from "./Project.js"

export interface Shown {
  /** Where a code is explained, if there is such a place. */
  readonly pageOf: (code: string) => string | undefined
}

const severities = { error: 1, warning: 2 } as const

export const toJson = (document: Document, looked: Looked, shown: Shown): ReadonlyArray<JsonObject> => {
  if (looked._tag === "Refused") {
    const { code, hint, text } = looked
    return [
      {
        range: document.range({ start: 0, end: 0 }),
        severity: severities.error,
        code,
        source: "flujo",
        message: [text, ...(hint === undefined ? [] : [`hint: ${hint}`])].join("\n")
      }
    ]
  }
  const { diagnostics, path } = looked.checked
  const own = diagnostics.filter(({ file }) => file === path)
  return [...own.map((one) => ofFile(document, one, shown)), ...ofImports(document, diagnostics, path)]
}

const ofFile = (document: Document, diagnostic: Diagnostic, { pageOf }: Shown): JsonObject => {
  const { code, hint, message, place, related, severity, why } = diagnostic
  const page = pageOf(code)
  return {
    range: document.range(place.span),
    severity: severities[severity],
    code,
    ...(page === undefined ? {} : { codeDescription: { href: page } }),
    source: "flujo",
    message: [message, `why: ${why}`, ...(hint === undefined ? [] : [`hint: ${hint}`])].join("\n"),
    ...(related.length === 0
      ? {}
      : {
          relatedInformation: related.map((one) => ({
            location: { uri: document.uri, range: document.range(one.place.span) },
            message: one.message
          }))
        })
  }
}

/** Errors of imported files are shown in these; here is said that there are some. */
const ofImports = (
  document: Document,
  diagnostics: ReadonlyArray<Diagnostic>,
  path: string
): ReadonlyArray<JsonObject> => {
  const files = diagnostics.filter(({ file, severity }) => file !== path && severity === "error")
  const first = files[0]
  if (first === undefined) return []
  const tree = document.tree
  const key = tree?._tag === "Map" ? tree.entries.find((entry) => entry.key.text === "imports")?.key : undefined
  const { file, message, place } = first
  const more = files.length === 1 ? "" : ` (and ${files.length - 1} more in what is imported)`
  return [
    {
      range: document.range(key?.span ?? { start: 0, end: 0 }),
      severity: severities.error,
      code: first.code,
      source: "flujo",
      message: `${file}:${place.start.line}:${place.start.column}: ${message}${more}`
    }
  ]
}

/** Repairs of what is found within a stretch of the text. */
export const actions = (document: Document, looked: Looked, within: Span, shown: Shown): ReadonlyArray<Json> => {
  if (looked._tag === "Refused") return []
  const { diagnostics, path } = looked.checked
  return diagnostics.flatMap((one) => {
    const { file, place, repair } = one
    if (file !== path || repair === undefined) return []
    if (place.span.end < within.start || place.span.start > within.end) return []
    const shownText = repair.text.length > 60 ? `${[...repair.text].slice(0, 59).join("")}…` : repair.text
    return [
      {
        title: repair.text === "" ? `Remove it (${one.code})` : `Replace with ${shownText} (${one.code})`,
        kind: "quickfix",
        isPreferred: true,
        diagnostics: [ofFile(document, one, shown)],
        edit: { changes: { [document.uri]: [{ range: document.range(repair.span), newText: repair.text }] } }
      }
    ]
  })
}
