/**
 * From a `Tree` to values: each reader answers the value, or `undefined` after it has said what is wrong. Nothing is
 * said of what is already broken.
 */
import type { Span } from "../expression/Template.js"
import * as Words from "../expression/Words.js"
import type { Repair, Report } from "./Diagnostics.js"
import { type Key, kindOf, type Map, type Scalar, type Tree } from "./Tree.js"

/** The keys of a map, all of them known. */
export interface Fields {
  readonly map: Map
  readonly value: (name: string) => Tree | undefined
  readonly key: (name: string) => Key | undefined
  /** Known keys that unknown ones were probably meant to be: of these it is not said again that they are missing. */
  readonly meant: ReadonlySet<string>
}

export interface KeyRules {
  /** What the map is, as in "`x` is not a key of …". */
  readonly of: string
  readonly known: ReadonlyArray<string>
  /** What to say of a key that is known elsewhere. */
  readonly elsewhere?: ((key: string) => string | undefined) | undefined
}

const mistaken = (
  report: Report,
  tree: Tree,
  what: string,
  wanted: string,
  hint?: string,
  repair?: Repair
): undefined => {
  if (tree._tag === "Broken") return undefined
  const message = `${what} must be ${wanted}, and ${kindOf(tree)} was found`
  report.add("FLJ-BLUEPRINT-17", tree.span, message, { hint, repair })
  return undefined
}

export const map = (report: Report, tree: Tree, what: string, hint?: string): Map | undefined =>
  tree._tag === "Map" ? tree : mistaken(report, tree, what, "a map", hint)

export const fields = (report: Report, tree: Tree, what: string, rules: KeyRules): Fields | undefined => {
  const found = map(report, tree, what)
  if (found === undefined) return undefined
  const guesses = new Set<string>()
  for (const { key } of found.entries) {
    if (rules.known.includes(key.text)) continue
    if (report.isFull) break
    const meant = Words.closest(key.text, rules.known)
    if (meant !== undefined) guesses.add(meant)
    const list = rules.known.map((name) => `\`${name}\``).join(", ")
    const isFree = meant !== undefined && !found.entries.some(({ key }) => key.text === meant)
    report.add("FLJ-BLUEPRINT-15", key.span, `${Words.quoted(key.text)} is not a key of ${rules.of}`, {
      repair: isFree ? { span: key.span, text: meant } : undefined,
      hint:
        meant !== undefined
          ? `did you mean \`${meant}\`? Known are ${list}`
          : (rules.elsewhere?.(key.text) ??
            (key.text === "<<" ? "YAML 1.2 has no merge keys: write the keys out" : `known are ${list}`))
    })
  }
  const entry = (name: string) => found.entries.find(({ key }) => key.text === name)
  return { map: found, value: (name) => entry(name)?.value, key: (name) => entry(name)?.key, meant: guesses }
}

/** The value under `name`, which must be there. `of`: what it is a key of. */
export const required = (
  report: Report,
  fields: Fields,
  name: string,
  { at, hint, of }: { readonly at: Span; readonly of: string; readonly hint: string }
): Tree | undefined => {
  const value = fields.value(name)
  if (value === undefined && !fields.meant.has(name)) {
    report.add("FLJ-BLUEPRINT-16", at, `\`${name}\` of ${of} is missing`, { hint })
  }
  return value
}

/** Where a map begins: its first key, since the whole of it is too much to underline. */
export const headOf = (tree: Tree): Span =>
  tree._tag === "Map" && tree.entries.length > 0 ? tree.entries[0]!.key.span : tree.span

/** Of keys that exclude each other the one that stands; each further one is reported. */
export const oneOf = (report: Report, fields: Fields, names: ReadonlyArray<string>): string | undefined => {
  const present = names.flatMap((name) => fields.key(name) ?? [])
  const [first, ...others] = present.sort((a, b) => a.span.start - b.span.start)
  for (const other of others) {
    report.add("FLJ-BLUEPRINT-20", other.span, `\`${other.text}\` cannot stand beside \`${first!.text}\``, {
      hint: "keep one of the two",
      related: [{ message: "the other", span: first!.span }]
    })
  }
  return first?.text
}

export interface Text extends Scalar {
  readonly value: string
}

const isText = (tree: Tree): tree is Text => tree._tag === "Scalar" && typeof tree.value === "string"

export const text = (report: Report, tree: Tree, what: string): Text | undefined => {
  if (isText(tree)) return tree
  const isLoose = tree._tag === "Scalar" && tree.value !== null
  if (!isLoose) return mistaken(report, tree, what, "text")
  const text = JSON.stringify(tree.text)
  return mistaken(report, tree, what, "text", `put it in quotes: ${text}`, { span: tree.span, text })
}

/** Text that is not empty. */
export const word = (report: Report, tree: Tree, what: string): Text | undefined => {
  const found = text(report, tree, what)
  if (found === undefined || found.value.trim() !== "") return found
  report.add("FLJ-BLUEPRINT-19", found.span, `${what} is empty`)
  return undefined
}

export const choice = <const A extends string>(
  report: Report,
  tree: Tree,
  what: string,
  choices: ReadonlyArray<A>
): A | undefined => {
  const found = text(report, tree, what)
  if (found === undefined) return undefined
  const known = choices.find((one) => one === found.value)
  if (known !== undefined) return known
  const meant = Words.closest(found.value, choices)
  const all = choices.map((one) => `\`${one}\``).join(" or ")
  report.add("FLJ-BLUEPRINT-19", found.span, `${what} is ${all}, not ${Words.quoted(found.value)}`, {
    hint: meant === undefined ? undefined : `did you mean \`${meant}\`?`,
    repair: meant === undefined ? undefined : { span: found.span, text: meant }
  })
  return undefined
}

export const boolean = (report: Report, tree: Tree, what: string): boolean | undefined =>
  tree._tag === "Scalar" && typeof tree.value === "boolean" ? tree.value : mistaken(report, tree, what, "true or false")

interface Range {
  readonly min: number
  readonly max: number
}

export const number = (report: Report, tree: Tree, what: string, range: Range): number | undefined => {
  if (tree._tag !== "Scalar" || typeof tree.value !== "number") return mistaken(report, tree, what, "a number")
  return within(report, tree, what, tree.value, range, "a number")
}

export const integer = (report: Report, tree: Tree, what: string, range: Range): number | undefined => {
  if (tree._tag !== "Scalar" || typeof tree.value !== "number") return mistaken(report, tree, what, "a whole number")
  if (!Number.isInteger(tree.value)) {
    report.add("FLJ-BLUEPRINT-19", tree.span, `${what} must be a whole number`)
    return undefined
  }
  return within(report, tree, what, tree.value, range, "a whole number")
}

const within = (report: Report, tree: Scalar, what: string, value: number, { max, min }: Range, kind: string) => {
  if (value >= min && value <= max) return value
  const limits =
    max === Number.MAX_SAFE_INTEGER || max === Number.MAX_VALUE ? `of at least ${min}` : `from ${min} to ${max}`
  report.add("FLJ-BLUEPRINT-19", tree.span, `${what} is ${tree.text}`, { hint: `${kind} ${limits}` })
  return undefined
}

/** The limit under `name`, where it is written. */
export const limit = (report: Report, fields: Fields, name: string, max: number): number | undefined => {
  const tree = fields.value(name)
  return tree === undefined ? undefined : integer(report, tree, `\`${name}\``, { min: 1, max })
}

/** The name of a field of the context, with or without `context.` before it. `ofPart`: what to say of a path into a field. */
export const field = (
  report: Report,
  tree: Tree,
  what: string,
  ofPart = (path: ReadonlyArray<string>) => `a field is meant as a whole: write ${path[0]}`
): string | undefined => {
  const found = word(report, tree, what)
  if (found === undefined) return undefined
  const name = found.value.trim().replace(/^context\./, "")
  if (/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)) return name
  report.add("FLJ-BLUEPRINT-19", found.span, `${Words.quoted(name)} is not the name of a field`, {
    hint: /^[\p{L}_][\p{L}\p{N}_]*(\.[\p{L}\p{N}_]+)+$/u.test(name)
      ? ofPart(name.split("."))
      : "letters, digits and _, a letter first"
  })
  return undefined
}

/** The longest time that anything may take: 10 years. */
export const durationMillisMax = 10 * 366 * 86_400_000

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000
}
const unitNames: Readonly<Record<string, string>> = {
  milli: "ms",
  millisecond: "ms",
  sec: "s",
  second: "s",
  min: "m",
  minute: "m",
  hour: "h",
  day: "d",
  week: "w"
}

/** Milliseconds of `30s`, `1 minute`, `1.5h`, or of a number of seconds. */
export const duration = (report: Report, tree: Tree, what: string, min: number): number | undefined => {
  const hint = "for instance 30s, 5 minutes, 2h, or a number of seconds"
  if (tree._tag !== "Scalar" || tree.value === null || typeof tree.value === "boolean") {
    return mistaken(report, tree, what, "a time", hint)
  }
  const [, count, name] = /^(\d{1,15}(?:\.\d{1,9})?)\s*([a-z]*)$/.exec(String(tree.text).trim()) ?? []
  const singular = name !== undefined && name.length > 2 && name.endsWith("s") ? name.slice(0, -1) : name
  const unit = singular === "" ? "s" : singular === undefined ? undefined : (own(unitNames, singular) ?? singular)
  const scale = unit === undefined ? undefined : own(units, unit)
  if (count === undefined || scale === undefined) {
    report.add("FLJ-BLUEPRINT-19", tree.span, `${what} is not a time that can be read`, { hint })
    return undefined
  }
  const millis = Math.round(Number(count) * scale)
  if (millis >= min && millis <= durationMillisMax) return millis
  report.add("FLJ-BLUEPRINT-19", tree.span, `${what} is ${millis} ms`, { hint: `from ${min} ms to 10 years` })
  return undefined
}

const own = <A>(table: Readonly<Record<string, A>>, name: string): A | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined
