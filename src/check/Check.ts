/**
 * A blueprint, checked in full: what keeps it from running, and once there is nothing of that, what is probably not meant.
 * So one fault is one finding: a mistake never shows again in what follows from it.
 *
 * ```ts
 * const { diagnostics } = Check.check({ path: "pipeline.yaml", text }, { skills: () => undefined, skillIds: [] })
 * ```
 */
import * as Either from "effect/Either"
import * as Blueprint from "../blueprint/Blueprint.js"
import * as Bytes from "../blueprint/Bytes.js"
import * as Diagnostics from "../blueprint/Diagnostics.js"
import * as Source from "../blueprint/Source.js"
import * as Finding from "../plan/Finding.js"
import * as Plan from "../plan/Plan.js"
import * as Ignores from "./Ignores.js"
import * as Lint from "./Lint.js"
import * as Rule from "./Rule.js"
import * as Severities from "./Severities.js"
import * as Wording from "./Wording.js"

export interface Checked {
  /** As it is shown. */
  readonly path: string
  /** `undefined` where the file is no text that may be read. */
  readonly text: string | undefined
  /** `undefined`: it could not run. */
  readonly blueprint: Blueprint.Blueprint | undefined
  /** By place. Neither ignored ones nor such as are switched off. */
  readonly diagnostics: ReadonlyArray<Diagnostics.Diagnostic>
  /** How many a comment hides. */
  readonly ignoredCount: number
}

export const check = (
  given: Blueprint.Given,
  options: Blueprint.Options,
  severities: Severities.Severities = Severities.none
): Checked => {
  const { blueprint, diagnostics: first } = Blueprint.check(given, options, {
    find: (pipeline) => Plan.make(pipeline).findings,
    rules: Finding.rules
  })
  const text = Either.getOrUndefined(Bytes.read(given))
  const isWhole = blueprint !== undefined && text !== undefined
  const all = isWhole ? [...first, ...linted(blueprint, text)] : first
  // An imported file has its own comments; those that hide nothing are told of where it is checked itself.
  const imported =
    blueprint === undefined ? [] : blueprint.sources.slice(1).map(({ path, text }) => Source.make(path, text))
  const ignores = text === undefined || isUnreadable(first) ? [] : [text, ...imported].flatMap(Ignores.of)
  const used = new Set<Ignores.Ignore>()
  let ignoredCount = 0
  const kept = all.flatMap((diagnostic) => {
    const level = Severities.levelOf(severities, diagnostic.code, diagnostic.severity)
    const isFixed = diagnostic.severity === "error" && Rule.isFixed(diagnostic.code)
    const by = isFixed ? [] : ignores.filter((ignore) => Ignores.covers(ignore, diagnostic))
    for (const ignore of by) used.add(ignore)
    if (by.length > 0) ignoredCount++
    return by.length > 0 || level === "off" ? [] : [{ ...diagnostic, severity: level }]
  })
  // What was not looked for cannot be missed.
  const idle = isWhole ? ignores.filter((ignore) => ignore.file === given.path && !used.has(ignore)) : []
  const level = Severities.levelOf(severities, "FLJ-CHECK-8", "warning")
  const unused =
    text === undefined || level === "off"
      ? []
      : idle.map((ignore) => ({ ...withoutEffect(text, ignore), severity: level }))
  return {
    path: given.path,
    text: text?.text,
    blueprint,
    diagnostics: Diagnostics.sorted([...kept, ...unused]).slice(0, Diagnostics.countMax),
    ignoredCount
  }
}

export const isValid = ({ diagnostics }: Pick<Checked, "diagnostics">): boolean =>
  diagnostics.every(({ severity }) => severity !== "error")

const linted = (blueprint: Blueprint.Blueprint, { path, text }: Source.Source) => {
  // The old id of a rule that the language has too.
  const rules = { ...Rule.rules, "V-L1": Rule.all["V-L1"]! }
  return [
    ...Blueprint.diagnose(
      blueprint,
      // What a kind of step is made of is not the writer's.
      Lint.lint(blueprint.pipeline).filter(({ node }) => blueprint.locate(node) !== undefined),
      rules
    ),
    ...Wording.check(path, text, blueprint.tree)
  ]
}

/** Faults of the text itself, in which comments are not told from other text. */
const unreadable = new Set(["1", "2", "3", "4", "5", "7", "11", "12"].map((n) => `FLJ-BLUEPRINT-${n}`))

const isUnreadable = (diagnostics: ReadonlyArray<Diagnostics.Diagnostic>): boolean =>
  diagnostics.some(({ code }) => unreadable.has(code))

const withoutEffect = (source: Source.Source, { code, span }: Ignores.Ignore): Diagnostics.Diagnostic => {
  const wrong = code === "" ? undefined : Severities.wrong(code, "off")
  const message =
    code === ""
      ? "this comment names no code"
      : wrong !== undefined
        ? wrong.message
        : `there is no ${code} here to ignore`
  return Diagnostics.make(source, { code: "FLJ-CHECK-8", ...Rule.rules["FLJ-CHECK-8"] }, span, message, {
    hint: code === "" ? "for instance # flujo: ignore V-A5" : (wrong?.hint ?? "remove it")
  })
}
