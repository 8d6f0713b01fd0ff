/**
 * The findings that a project has agreed to live with, so that only new ones count. A finding is known by its file, its
 * code, its message and the words of its line, not by the number of the line: text that is added above changes nothing.
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type { Diagnostic } from "../blueprint/Diagnostics.js"
import * as Digest from "../domain/Digest.js"
import type { Json } from "../domain/Json.js"

const Entry = Schema.Struct({
  file: Schema.String,
  code: Schema.String,
  /** Hides what the line says: it may be a secret. */
  fingerprint: Digest.Digest,
  count: Schema.Int.pipe(Schema.positive())
})

const Document = Schema.Struct({
  schema: Schema.Literal("flujo/baseline/1"),
  findings: Schema.Array(Entry).pipe(Schema.maxItems(100_000))
})

export type Baseline = typeof Document.Type

export const empty: Baseline = { schema: "flujo/baseline/1", findings: [] }

export const fingerprint = ({ code, file, message, place }: Diagnostic): Digest.Digest =>
  Digest.of([code, file, message, place.line.trim().replace(/\s+/g, " ")])

export const make = (diagnostics: ReadonlyArray<Diagnostic>): Baseline => {
  const entries = new Map<string, typeof Entry.Type>()
  for (const diagnostic of diagnostics) {
    const print = fingerprint(diagnostic)
    const count = (entries.get(print)?.count ?? 0) + 1
    entries.set(print, { file: diagnostic.file, code: diagnostic.code, fingerprint: print, count })
  }
  // One order, so that a file under version control changes only where something has.
  const findings = [...entries.values()].sort(
    (a, b) => compare(a.file, b.file) || compare(a.code, b.code) || compare(a.fingerprint, b.fingerprint)
  )
  return { schema: "flujo/baseline/1", findings }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export interface Compared {
  readonly fresh: ReadonlyArray<Diagnostic>
  /** How many are in the baseline. */
  readonly knownCount: number
  /** How many of the baseline were not found any more. */
  readonly goneCount: number
}

export const compared = (baseline: Baseline, diagnostics: ReadonlyArray<Diagnostic>): Compared => {
  const left = new Map(baseline.findings.map((entry) => [entry.fingerprint as string, entry.count]))
  const fresh = diagnostics.filter((diagnostic) => {
    const print = fingerprint(diagnostic)
    const count = left.get(print) ?? 0
    if (count === 0) return true
    left.set(print, count - 1)
    return false
  })
  const goneCount = [...left.values()].reduce((sum, count) => sum + count, 0)
  return { fresh, knownCount: diagnostics.length - fresh.length, goneCount }
}

/** What is wrong with a text that should be a baseline, in words, on the left. */
export const read = (text: string): Either.Either<Baseline, string> => {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return Either.left("this is no JSON")
  }
  return Either.mapLeft(Schema.decodeUnknownEither(Document)(json), (error) => {
    const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
    const at = (issue?.path ?? []).map(String).join(".")
    return at === "" ? "this is no baseline" : `this is no baseline: ${at} has a value that it cannot have`
  })
}

/** One entry a line. */
export const print = ({ findings, schema }: Baseline): string => {
  const lines = findings.map((entry) => `    ${JSON.stringify(entry)}`)
  return `{\n  "schema": ${JSON.stringify(schema)},\n  "findings": [${lines.length === 0 ? "" : `\n${lines.join(",\n")}\n  `}]\n}\n`
}

/** For programs. */
export const toJson = ({ fresh, goneCount, knownCount }: Compared): Json => ({
  new: fresh.length,
  known: knownCount,
  gone: goneCount
})
