/**
 * Whether a schema may be sent with OpenAI's `strict: true`, which makes the reply follow it exactly but takes a subset
 * of JSON Schema (https://platform.openai.com/docs/guides/structured-outputs#supported-schemas). The answer is no as
 * soon as a keyword is not on the short list below, or an object leaves a property optional: such a schema is sent
 * without `strict` as a wish, and `agent/` checks what comes back. A request refused over a keyword would help nobody.
 */
import * as Json from "../../domain/Json.js"

const keywords = new Set([
  "$defs",
  "$ref",
  "$schema",
  "additionalProperties",
  "anyOf",
  "const",
  "description",
  "enum",
  "items",
  "properties",
  "required",
  "title",
  "type"
])

/** OpenAI's own limits, a little lower. */
const depthMax = 5
const propertiesMax = 100

export const qualifiesForStrict = (schema: Json.Json): boolean => {
  const seen = { properties: 0 }
  return Json.get(schema, "type") === "object" && Json.get(schema, "anyOf") === undefined && node(schema, 0, seen)
}

const node = (schema: Json.Json, depth: number, seen: { properties: number }): boolean => {
  if (!Json.isObject(schema) || depth > depthMax) return false
  if (!Object.keys(schema).every((keyword) => keywords.has(keyword))) return false
  const properties = Json.get(schema, "properties")
  const isObject = Json.get(schema, "type") === "object" || properties !== undefined
  if (isObject) {
    if (!Json.isObject(properties) || Json.get(schema, "additionalProperties") !== false) return false
    const required = Json.get(schema, "required") ?? []
    const names = Object.keys(properties)
    seen.properties += names.length
    if (seen.properties > propertiesMax) return false
    if (!Array.isArray(required) || !names.every((name) => required.includes(name))) return false
    if (!names.every((name) => node(properties[name]!, depth + 1, seen))) return false
  }
  const definitions = Json.get(schema, "$defs") ?? {}
  if (!Json.isObject(definitions)) return false
  if (!Object.values(definitions).every((definition) => node(definition, depth + 1, seen))) return false
  const members = Json.get(schema, "anyOf") ?? []
  if (!Array.isArray(members) || !members.every((member) => node(member, depth, seen))) return false
  const items = Json.get(schema, "items")
  if (items !== undefined && !node(items, depth + 1, seen)) return false
  // Anything goes where nothing is said, and strict takes no such place.
  return ["type", "$ref", "anyOf", "enum", "const"].some((keyword) => Object.hasOwn(schema, keyword))
}
