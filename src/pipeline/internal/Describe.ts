/**
 * An Effect schema as the JSON Schema that a person would have written for the same values, so that a blueprint and its
 * twin in code say the same. Effect names its definitions and puts a few words of its own next to each filter ("an
 * integer" beside `type: integer`): the names are resolved where a schema does not contain itself, and those words are
 * left out. A title or description that somebody wrote stays, since models and people read it.
 */
import * as Either from "effect/Either"
import * as JSONSchema from "effect/JSONSchema"
import type * as Schema from "effect/Schema"
import * as Json from "../../domain/Json.js"

/** JSON Schema 2020-12, or `{ opaque: name }` for what it cannot say. */
export const describe = <A, I>(schema: Schema.Schema<A, I>): Json.Json => {
  try {
    const definitions: Record<string, JSONSchema.JsonSchema7> = {}
    const described = JSONSchema.fromAST(schema.ast, {
      definitions,
      target: "jsonSchema2020-12",
      topLevelReferenceStrategy: "skip"
    })
    const whole = Object.keys(definitions).length === 0 ? described : { ...described, $defs: definitions }
    return Either.match(Json.fromUnknown(whole), { onLeft: () => opaque(schema), onRight: plain })
  } catch {
    return opaque(schema)
  }
}

const opaque = <A, I>(schema: Schema.Schema<A, I>): Json.Json => ({ opaque: String(schema.ast).slice(0, 200) })

/** What these hold is a value, not a schema. */
const ofValue = ["const", "default", "enum", "examples"]
/** What these hold is schemas by name. */
const ofNames = ["$defs", "patternProperties", "properties"]

const plain = (json: Json.Json): Json.Json => {
  if (Array.isArray(json)) return json.map(plain)
  if (!Json.isObject(json)) return json
  const kept = Object.entries(json).filter(
    ([key, value]) => typeof value !== "string" || stock.get(key)?.test(value) !== true
  )
  return Object.fromEntries(
    kept.map(([key, value]) => {
      if (ofValue.includes(key)) return [key, value]
      if (!ofNames.includes(key) || !Json.isObject(value)) return [key, plain(value)]
      return [key, Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, plain(schema)]))]
    })
  )
}

/** What Effect 3.22 says of its own filters, whole. */
const stock: ReadonlyMap<string, RegExp> = new Map([
  ["$id", /^\/schemas\/(any|unknown|void|never|object|%7B%7D)$/],
  [
    "title",
    /^(int|finite|positive|negative|nonNegative|nonPositive|nonEmptyString|trimmed|(un)?capitalized|(lower|upper)cased|((greater|less)Than(OrEqualTo)?|between|multipleOf|(min|max)(Length|Items)|length|itemsCount|(starts|ends)With|includes)\([\s\S]*\))$/
  ],
  [
    "description",
    /^(an integer|a 8-bit unsigned integer|a (finite|positive|negative|non-negative|non-positive) number|a number (greater than|less than|between|divisible by) [\s\S]*|a non empty string|a single character|a string with no leading or trailing whitespace|a (un)?capitalized string|a lowercase string|an uppercase string|a string (at (least|most) )?\d+ character\(s\)( and at most \d+ character\(s\))? long|a string (matching the pattern|starting with|ending with|including) [\s\S]*|an array of (at least|at most|exactly) \d+ item\(s\)|a Universally Unique (Lexicographically Sortable )?Identifier)$/
  ]
])
