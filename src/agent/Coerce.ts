/**
 * Texts that say a number, `true` or `false`, read as such where a JSON Schema wants that and no text. Nothing else is
 * changed, and every change is told by its place.
 */
import * as Json from "../domain/Json.js"

export interface Coerced {
  readonly value: Json.Json
  /** One line for each change. Values are not told: they stand in the reply. */
  readonly done: ReadonlyArray<string>
}

export const toFit = (value: Json.Json, schema: Json.Json): Coerced => {
  const done: Array<string> = []
  return { value: coerced(value, schema, { root: schema, at: "", done, depth: 0 }), done }
}

interface Place {
  readonly root: Json.Json
  /** A JSON Pointer. */
  readonly at: string
  readonly done: Array<string>
  readonly depth: number
}

const coerced = (value: Json.Json, schema: Json.Json | undefined, place: Place): Json.Json => {
  if (!Json.isObject(schema) || place.depth > Json.depthMax) return value
  const deeper = { ...place, depth: place.depth + 1 }
  const ref = Json.get(schema, "$ref")
  if (typeof ref === "string") return coerced(value, target(place.root, ref), deeper)
  const anyOf = Json.get(schema, "anyOf") ?? Json.get(schema, "oneOf")
  if (Array.isArray(anyOf)) return chosen(value, anyOf, deeper)
  if (typeof value === "string") return scalar(value, schema, place)
  if (Json.isObject(value)) {
    const properties = Json.get(schema, "properties")
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        coerced(inner, Json.get(properties, key), { ...deeper, at: `${place.at}/${key}` })
      ])
    )
  }
  if (!Array.isArray(value)) return value
  const items = Json.get(schema, "items")
  return value.map((inner: Json.Json, index) => coerced(inner, items, { ...deeper, at: `${place.at}/${index}` }))
}

/** A text is changed where no branch takes a text and one reading alone is left; the rest is not looked into. */
const chosen = (value: Json.Json, branches: ReadonlyArray<Json.Json>, place: Place): Json.Json => {
  const open = branches.filter((branch) => Json.get(branch, "type") !== "null")
  if (open.length === 1) return coerced(value, open[0], place)
  if (typeof value !== "string") return value
  const readings = open.map((branch) => {
    const done: Array<string> = []
    return { value: coerced(value, branch, { ...place, done }), done }
  })
  const [first, ...others] = readings.filter(({ done }) => done.length > 0)
  const isPlain = open.every((branch) => scalars.has(String(Json.get(branch, "type"))))
  if (!isPlain || first === undefined || others.some((other) => !Json.equals(other.value, first.value))) return value
  place.done.push(...first.done)
  return first.value
}

const scalars = new Set(["number", "integer", "boolean"])

const scalar = (text: string, schema: Json.JsonObject, { at, done }: Place): Json.Json => {
  const type = Json.get(schema, "type")
  const read = typeof type === "string" ? readings[type]?.(text) : undefined
  if (read === undefined) return text
  done.push(
    `the text at ${at === "" ? "the root" : at} was read as ${typeof read === "number" ? "a number" : "a truth value"}`
  )
  return read
}

const numberOf = (text: string): number | undefined => {
  const read = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN
  // What does not come back as it was written is no number that was meant.
  return Number.isFinite(read) && (!/^-?\d+$/.test(text) || Number.isSafeInteger(read)) ? read : undefined
}

const readings: Readonly<Record<string, ((text: string) => Json.Json | undefined) | undefined>> = {
  number: numberOf,
  integer: (text) => {
    const read = numberOf(text)
    return Number.isInteger(read) ? read : undefined
  },
  boolean: (text) => (text === "true" ? true : text === "false" ? false : undefined)
}

const target = (root: Json.Json, ref: string): Json.Json | undefined =>
  ref.startsWith("#/")
    ? ref
        .slice(2)
        .split("/")
        .map((part) => part.replace(/~1/g, "/").replace(/~0/g, "~"))
        .reduce<Json.Json | undefined>((value, key) => Json.get(value, key), root)
    : undefined
