/** Plain data to YAML text as people write it: small lists and maps on one line, everything else one key a line. */
import { Document, isCollection, isMap, isPair, isScalar, type Node, visit } from "yaml"
import type { Json } from "../../domain/Json.js"

/** A map keeps the order of its keys, also of those that look like numbers. */
export type Part = Json | ReadonlyArray<Part> | Entries
export interface Entries extends ReadonlyMap<string | boolean, Part> {}

/** A map without the keys that have no value. */
export const entries = (pairs: ReadonlyArray<readonly [string | boolean, Part | undefined]>): Entries =>
  new Map(pairs.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])))

const widthMax = 72

/** Of a step or an agent each key has a line of its own. */
const tall = ["name", "kind", "uses", "model", "steps"]

/** A whole document, whose larger parts stand apart, or a piece of one. */
export const toText = (part: Part, extent: "document" | "piece" = "document"): string => {
  const isWhole = extent === "document"
  const document = new Document(part, { aliasDuplicateObjects: false, version: "1.2", schema: "core" })
  visit(document, {
    Collection: (key, node, path) => {
      const depth = path.length - 1
      // What a document consists of is never on one line.
      if (depth > 0 && !(isWhole && key === "value" && depth < 3) && isSmall(node)) node.flow = true
    }
  })
  visit(document, {
    Scalar: (_, node) => {
      if (typeof node.value === "string" && hidden.test(node.value)) node.type = "QUOTE_DOUBLE"
    }
  })
  if (isWhole && isMap(document.contents)) {
    for (const [index, pair] of document.contents.items.entries()) {
      const isLarge = isCollection(pair.value)
      if (index > 0 && isLarge && isScalar(pair.key)) pair.key.spaceBefore = true
    }
  }
  return shown(document.toString({ lineWidth: 0 }))
}

const isSmall = (node: Node): boolean => {
  if (!isCollection(node)) return false
  const has = (name: string) => isMap(node) && node.has(name)
  if (node.items.length > 0 && tall.some(has)) return false
  let size = 0
  visit(node, (_, part) => {
    if (isMap(part) && part !== node && tall.some((name) => part.has(name))) size = Number.POSITIVE_INFINITY
    if (isPair(part)) size += 4
    if (!isScalar(part)) return
    const text = String(part.value)
    size += text.includes("\n") ? Number.POSITIVE_INFINITY : text.length + 2
  })
  return size <= widthMax
}

/** On one line, wherever it stands. */
export const toLine = (part: Part): string => {
  if (typeof part === "string") return isPlain.test(part) && !isTaken.test(part) ? part : shown(JSON.stringify(part))
  if (typeof part !== "object" || part === null) return String(part)
  if (Array.isArray(part)) return `[${part.map(toLine).join(", ")}]`
  const pairs: ReadonlyArray<readonly [string | boolean, Part]> =
    part instanceof Map ? [...part] : Object.entries(part as Readonly<Record<string, Part>>)
  if (pairs.length === 0) return "{}"
  return `{ ${pairs.map(([key, value]) => `${toLine(key)}: ${toLine(value)}`).join(", ")} }`
}

/** Characters that nobody sees, or that turn what is around them. They stand in double quotes, where they can be named. */
const hidden = /[\u0085\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/

const shown = (text: string): string =>
  text.replace(new RegExp(hidden, "g"), (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** Texts that need no quotes, anywhere. */
const isPlain = /^[\p{L}_][\p{L}\p{N}_.-]*$/u
/** Words that are no text. */
const isTaken = /^(true|false|null|yes|no|on|off|y|n|\.inf|\.nan)$/i
