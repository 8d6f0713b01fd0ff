/** V-C3, FLJ-CHECK-4 and FLJ-CHECK-9: mistakes that show in the text itself, whatever it means. */
import * as Diagnostics from "../blueprint/Diagnostics.js"
import * as Source from "../blueprint/Source.js"
import * as Tree from "../blueprint/Tree.js"
import type { Span } from "../expression/Template.js"
import * as Words from "../expression/Words.js"
import * as Redaction from "../redaction/Redaction.js"
import { type Code, rules } from "./Rule.js"

const longUnits = 10_000

export const check = (path: string, text: string, tree: Tree.Tree): ReadonlyArray<Diagnostics.Diagnostic> => {
  const source = Source.make(path, text)
  const found: Array<Diagnostics.Diagnostic> = []
  const find = (code: Code, span: Span, message: string, hint?: string): void => {
    found.push(Diagnostics.make(source, { code, ...rules[code] }, span, message, { hint }))
  }
  const redaction = Redaction.make()
  // An alias repeats a part: it is looked at once.
  const seen = new Set<Tree.Tree>()
  for (const part of Tree.parts(tree)) {
    if (seen.has(part)) continue
    seen.add(part)
    if (part._tag === "Map") {
      for (const { key, value } of part.entries) {
        if (schemaKeys.has(key.text)) required(value, find)
      }
    }
    if (part._tag !== "Scalar" || typeof part.value !== "string") continue
    const secret = secretIn(part.value, redaction)
    if (secret !== undefined) {
      find("FLJ-CHECK-4", part.within(secret), "this looks like a secret", "put it into .env, and make a new one")
    }
    if (part.value.length > longUnits) {
      const { start } = part.span
      // Its first line is enough to point at.
      const end = Math.min(part.span.end, start + Source.lineText(source, Source.positionAt(source, start).line).length)
      find("V-C3", { start, end }, `this text has ${part.value.length} characters`)
    }
  }
  return found
}

/** Where a secret stands in `text`: from the first to the last character that would be masked. */
const secretIn = (text: string, redaction: Redaction.Redaction): Span | undefined => {
  if (text.length < lengthMin) return undefined
  const masked = redaction.text(text)
  if (masked === text) return undefined
  let start = 0
  while (start < masked.length && masked[start] === text[start]) start++
  let end = 0
  while (end < masked.length - start && end < text.length - start && masked.at(-1 - end) === text.at(-1 - end)) end++
  const piece = text.slice(start, text.length - end)
  // What follows a word such as `password:` may be any word; a key has digits and is long.
  if (piece.length < lengthMin || !/\d/.test(piece) || !/[a-z]/i.test(piece) || piece.includes("{{")) return undefined
  return { start, end: text.length - end }
}

const lengthMin = 12

const schemaKeys = new Set(["output_schema", "input_schema"])

/** Goes down where a value is described, and not where one of several schemas may hold. */
const required = (tree: Tree.Tree, find: (code: Code, span: Span, message: string, hint?: string) => void): void => {
  if (tree._tag !== "Map") return
  const under = (name: string) => tree.entries.find(({ key }) => key.text === name)?.value
  const properties = under("properties")
  const names = properties?._tag === "Map" ? properties.entries.map(({ key }) => key.text) : []
  const wanted = under("required")
  const isOpen = ["$ref", "allOf", "anyOf", "oneOf", "patternProperties"].some((name) => under(name) !== undefined)
  if (wanted?._tag === "List" && !isOpen) {
    for (const item of wanted.items) {
      if (item._tag !== "Scalar" || typeof item.value !== "string" || names.includes(item.value)) continue
      const meant = Words.closest(item.value, names)
      find(
        "FLJ-CHECK-9",
        item.span,
        `${Words.quoted(item.value)} is required and not described`,
        meant === undefined ? "describe it under `properties`" : `did you mean \`${meant}\`?`
      )
    }
  }
  if (properties?._tag === "Map") for (const { value } of properties.entries) required(value, find)
  for (const name of ["items", "additionalProperties"]) {
    const inner = under(name)
    if (inner !== undefined) required(inner, find)
  }
  const definitions = under("$defs")
  if (definitions?._tag === "Map") for (const { value } of definitions.entries) required(value, find)
}
