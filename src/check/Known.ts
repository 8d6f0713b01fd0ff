/**
 * What is known, before a run, of the values that steps pass on: JSON Schemas, `undefined` where nothing is known. Only
 * what is certain is said; a schema that is not understood is as good as none.
 */
import * as Json from "../domain/Json.js"
import * as Answer from "../expression/Answer.js"
import type { Read, Template } from "../expression/Template.js"
import { outputKeys } from "../expression/Template.js"
import type { Node, Params } from "../pipeline/Node.js"

export type Schema = Json.Json | undefined

export const text: Schema = { type: "string" }

const definitions = "#/$defs/"

/** `schema` with the definition that it names put in its place, and where further names lead. */
export const resolved = (schema: Schema, root: Schema): Schema => {
  let at = schema
  for (let steps = 0; steps < 16; steps++) {
    const to = Json.get(at, "$ref")
    if (typeof to !== "string") return at
    if (!to.startsWith(definitions)) return undefined
    at = Json.get(Json.get(root, "$defs"), to.slice(definitions.length))
  }
  return undefined
}

const names = ["array", "boolean", "integer", "null", "number", "object", "string"]

const typeOfValue = (value: Json.Json): string =>
  value === null
    ? "null"
    : Array.isArray(value)
      ? "array"
      : typeof value === "object"
        ? "object"
        : typeof value === "number"
          ? Number.isInteger(value)
            ? "integer"
            : "number"
          : typeof value

/** The types that a value of this schema can have, all of them; `undefined`: any. */
export const typesOf = (schema: Schema, root: Schema = schema): ReadonlyArray<string> | undefined => {
  const at = resolved(schema, root)
  const type = Json.get(at, "type")
  if (typeof type === "string") return names.includes(type) ? [type] : undefined
  if (Array.isArray(type)) {
    const all = type.filter((one) => typeof one === "string")
    return all.length === type.length ? all : undefined
  }
  const values = valuesOf(schema, root)
  if (values !== undefined) return [...new Set(values.map(typeOfValue))]
  for (const key of ["anyOf", "oneOf"]) {
    const parts = Json.get(at, key)
    if (!Array.isArray(parts)) continue
    const all = parts.map((part) => typesOf(part, root))
    return all.some((one) => one === undefined) ? undefined : [...new Set(all.flatMap((one) => one ?? []))]
  }
  return undefined
}

/** The values that the schema lists, if it lists them. */
export const valuesOf = (schema: Schema, root: Schema = schema): ReadonlyArray<Json.Json> | undefined => {
  const at = resolved(schema, root)
  const constant = Json.get(at, "const")
  if (constant !== undefined) return [constant]
  const values = Json.get(at, "enum")
  return Array.isArray(values) ? values : Json.get(at, "type") === "boolean" ? [true, false] : undefined
}

/** Of the types of `given` none is among those of `wanted`: no value fits both. */
export const clash = (given: Schema, wanted: Schema): boolean => {
  const from = typesOf(given)
  const to = typesOf(wanted)
  if (from === undefined || to === undefined || from.length === 0 || to.length === 0) return false
  const wide = new Set(to.includes("number") ? [...to, "integer"] : to)
  return !from.some((type) => wide.has(type) || (type === "number" && wide.has("integer")))
}

/** Types in words: `a text`, `a number or none`. */
export const words = (types: ReadonlyArray<string>): string => types.map((type) => wordOf[type] ?? type).join(" or ")

const wordOf: Readonly<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  integer: "a whole number",
  null: "none",
  number: "a number",
  object: "a map",
  string: "text"
}

/** What a template sees of values before it. */
export interface Sight {
  readonly previous: Schema
  readonly steps: Names
  readonly context: Names
  /** What the pipeline is given: `input`, and `initial_prompt`. */
  readonly input: Schema
  /** The node that says what `previous` is, where that is not the step before. */
  readonly giver?: Node | undefined
}

/** What is known by name. */
export interface Names {
  readonly has: (name: string) => boolean
  readonly get: (name: string) => Schema
}

export interface Found {
  readonly schema: Schema
  /** The first key that stands behind a value which has no fields: its index in `keys` of the read. */
  readonly dead: number | undefined
  /** Of the value that has none. */
  readonly at: Schema
}

const unknown: Found = { schema: undefined, dead: undefined, at: undefined }

/** What a path leads to. */
export const follow = (read: Read, sight: Sight): Found => {
  const start = startOf(read, sight)
  if (start === undefined) return unknown
  const { from, root } = start
  let at = resolved(root, root)
  for (let i = from; i < read.keys.length; i++) {
    const key = read.keys[i]!
    const types = typesOf(at, root)
    if (types === undefined) return unknown
    const hasFields = types.includes("object")
    const hasItems = types.includes("array")
    if (typeof key === "string" && !hasFields) return { schema: undefined, dead: i, at }
    if (typeof key === "number") {
      if (!hasItems) return unknown
      at = resolved(Json.get(at, "items"), root)
    } else {
      const properties = Json.get(at, "properties")
      if (!Json.isObject(properties) || !Object.hasOwn(properties, key)) return unknown
      at = resolved(properties[key], root)
    }
    if (at === undefined) return unknown
  }
  // Names in it lead to definitions of the whole.
  const defined = Json.get(root, "$defs")
  const schema = defined === undefined || !Json.isObject(at) ? at : { ...at, $defs: defined }
  return { schema, dead: undefined, at }
}

const startOf = (read: Read, sight: Sight): { readonly root: Schema; readonly from: number } | undefined => {
  const [key, second] = read.keys
  switch (read.root) {
    case "previous_step":
      return { root: sight.previous, from: 0 }
    case "input":
    case "initial_prompt":
      return { root: sight.input, from: 0 }
    case "steps": {
      if (typeof key !== "string" || !sight.steps.has(key)) return undefined
      const root = sight.steps.get(key)
      const isAlias = typeof second === "string" && outputKeys.has(second) && !hasProperty(root, second)
      return { root, from: isAlias ? 2 : 1 }
    }
    case "context":
      return typeof key === "string" && sight.context.has(key) ? { root: sight.context.get(key), from: 1 } : undefined
    default:
      return undefined
  }
}

const hasProperty = (schema: Schema, key: string): boolean => {
  const properties = Json.get(resolved(schema, schema), "properties")
  return Json.isObject(properties) && Object.hasOwn(properties, key)
}

/** What a value with templates in it comes to. */
export const ofParams = (params: Params, sight: Sight): Schema => {
  switch (params._tag) {
    case "Text":
      return ofTemplate(params.template, sight)
    case "List":
      return { type: "array" }
    case "Map":
      return { type: "object" }
    case "Value":
      return { type: typeOfValue(params.value), const: params.value }
  }
}

/** What a template comes to. */
export const ofTemplate = (template: Template, sight: Sight): Schema => {
  const answer = Answer.of(template)
  switch (answer._tag) {
    case "Constant":
      return { type: typeOfValue(answer.value), const: answer.value }
    case "Text":
      return text
    case "Boolean":
      return { type: "boolean" }
    case "Path":
      return answer.read.guarded ? undefined : follow(answer.read, sight).schema
    case "Unknown":
      return undefined
  }
}
