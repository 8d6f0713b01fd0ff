/**
 * What a run answered, as text: exactly, since it may go into a file or another program. Whoever shows it on a terminal
 * makes it `printable` first. Nothing is masked: it is the user's own result.
 */
import * as Schema from "effect/Schema"
import { stringify } from "yaml"
import { canonical, type Json, type JsonObject } from "../domain/Json.js"

/** `auto`: a text as it is, anything else as `json`. `raw`: a text as it is, anything else on one canonical line. */
export const Format = Schema.Literal("auto", "raw", "json", "yaml", "md")
export type Format = typeof Format.Type

/** Without a line feed at its end, unless the text has one of its own. */
export const text = (output: Json, format: Format): string => {
  switch (format) {
    case "auto":
      return typeof output === "string" ? output : JSON.stringify(output, null, 2)
    case "raw":
      return typeof output === "string" ? output : canonical(output)
    case "json":
      return JSON.stringify(output, null, 2)
    case "yaml":
      return stringify(output, { lineWidth: 0, aliasDuplicateObjects: false }).replace(/\n$/, "")
    case "md":
      return markdown(output, 2)
  }
}

/** Sections by key, lists of simple values by bullets, what is deeper as a block of JSON. */
const markdown = (value: Json, level: number): string => {
  if (typeof value === "string") return value
  if (value === null || typeof value !== "object") return String(value)
  if (Array.isArray(value)) {
    if (value.length === 0) return "(none)"
    return value.every(isSimple) ? value.map((item) => `- ${oneLine(String(item))}`).join("\n") : block(value)
  }
  const entries = Object.entries(value as JsonObject)
  if (entries.length === 0) return "(none)"
  if (level > levelMax) return block(value)
  return entries
    .map(([key, item]) => `${"#".repeat(level)} ${oneLine(key)}\n\n${markdown(item, level + 1)}`)
    .join("\n\n")
}

const levelMax = 4

const isSimple = (value: Json): boolean => value === null || typeof value !== "object"

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, " ")

/** The fence is longer than any within. */
const block = (value: Json): string => {
  const json = JSON.stringify(value, null, 2)
  const longest = Math.max(2, ...(json.match(/`+/g) ?? []).map((run) => run.length))
  const fence = "`".repeat(longest + 1)
  return `${fence}json\n${json}\n${fence}`
}
