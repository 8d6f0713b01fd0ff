/**
 * The language as a JSON Schema that editors read: keys with what they are for and an example, told apart by `kind`. It is
 * draft 7, since that is what editors of YAML know best. What a template means is not in it: that the checker knows.
 */
import { get, isObject, type Json, type JsonObject } from "../domain/Json.js"
import type { Kind } from "../pipeline/Kind.js"
import * as Language from "./Language.js"

/** `own`: the kinds of a project, by name. */
export const make = (own: ReadonlyMap<string, Kind> = new Map()): JsonObject => ({
  $schema: "http://json-schema.org/draft-07/schema#",
  title: "flujo blueprint",
  ...object(Language.document),
  definitions: {
    agent: object(Language.agent),
    model_settings: object(Language.modelSettings),
    config: object(Language.config),
    retries: object(Language.retries),
    validator: object(Language.validator),
    loop: object(Language.loop),
    history: object(Language.history),
    map: object(Language.map),
    router: object(Language.router),
    refine: object(Language.refine),
    finalize: object(Language.finalize),
    propagation: Language.propagation,
    import_config: object(Language.importConfig),
    steps: { type: "array", minItems: 1, items: { $ref: "#/definitions/step" } },
    body: {
      description: "A step, a list of steps, or steps: with a list.",
      if: { type: "array" },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
      then: { $ref: "#/definitions/steps" },
      else: {
        if: { type: "object", required: ["steps"], maxProperties: 1 },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
        then: { properties: { steps: { $ref: "#/definitions/steps" } } },
        else: { $ref: "#/definitions/step" }
      }
    },
    step: {
      type: "object",
      properties: {
        kind: { enum: [...Object.keys(Language.kinds), ...own.keys()], description: Language.common.kind!.about }
      },
      allOf: [...Object.keys(Language.kinds), ...own.keys()].map(ofKind)
    },
    ...Object.fromEntries(Object.entries(Language.kinds).map(([kind, shape]) => [`step_${kind}`, step(shape)])),
    ...Object.fromEntries(Array.from(own).flatMap(([name, kind]) => definitionsOf(name, kind)))
  }
})

/** A kind of a project: its schema says its keys, and definitions that it has stand beside those of the language. */
const definitionsOf = (name: string, { about, example, jsonSchema }: Kind): ReadonlyArray<readonly [string, Json]> => {
  const schema = moved(jsonSchema, `#/definitions/parts_${name}/`)
  const properties = get(schema, "properties")
  const required = get(schema, "required")
  const parts = get(schema, "$defs")
  const keys = isObject(properties) ? Object.entries(properties) : []
  const shape: Language.Shape = {
    about,
    required: Array.isArray(required) ? required.filter((one) => typeof one === "string") : [],
    keys: Object.fromEntries(
      keys.map(([key, one]) => {
        const said = get(one, "description")
        const about = typeof said === "string" ? said : `Of the kind ${name}.`
        return [key, { about, example: example[key] ?? null, schema: isObject(one) ? one : {} }]
      })
    )
  }
  return [[`step_${name}`, step(shape)], ...(isObject(parts) ? [[`parts_${name}`, parts] as const] : [])]
}

/** With references that lead to definitions where these stand now. */
const moved = (json: Json, to: string): Json => {
  if (Array.isArray(json)) return json.map((one) => moved(one, to))
  if (!isObject(json)) return json
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => [
      key,
      key === "$ref" && typeof value === "string" ? value.replace(/^#\/\$defs\//, to) : moved(value, to)
    ])
  )
}

const ofKind = (kind: string): Json => {
  const is = { properties: { kind: { const: kind } } }
  return {
    // Without a kind it is a step.
    if: kind === "step" ? is : { ...is, required: ["kind"] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
    then: { $ref: `#/definitions/step_${kind}` }
  }
}

const step = (shape: Language.Shape): JsonObject =>
  object({
    ...shape,
    keys: { ...Language.common, ...shape.keys },
    oneOf: [{ names: ["name", "step"] }, ...(shape.oneOf ?? [])],
    rules: [...(shape.rules ?? []), configured, ...unless]
  })

const onFailure = (...values: ReadonlyArray<string>): JsonObject => ({
  config: { type: "object", required: ["on_failure"], properties: { on_failure: { enum: values } } }
})

/** What cannot stand beside `on_failure`. */
const unless: ReadonlyArray<JsonObject> = [
  { not: { required: ["config", "fallback"], properties: onFailure("skip", "continue_with_default") } },
  ...["sink_to", "updates_context"].map((name) => ({
    not: { required: ["config", name], properties: onFailure("skip") }
  }))
]

/** An import has settings of its own. */
const configured: JsonObject = {
  if: { properties: { uses: { type: "string", pattern: "^imports\\." } }, required: ["uses"] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
  then: { properties: { config: { $ref: "#/definitions/import_config" } } },
  else: { properties: { config: { $ref: "#/definitions/config" } } }
}

const object = ({ about, keys, needs, oneOf = [], required = [], rules: more = [] }: Language.Shape): JsonObject => {
  const rules = [...oneOf.flatMap(alternatives), ...more]
  return {
    type: "object",
    description: about,
    properties: Object.fromEntries(
      Object.entries(keys).map(([name, { about, example, schema }]) => [
        name,
        { description: about, examples: [example], ...inline(schema) }
      ])
    ),
    additionalProperties: false,
    ...(required.length === 0 ? {} : { required }),
    ...(needs === undefined ? {} : { dependencies: needs }),
    ...(rules.length === 0 ? {} : { allOf: rules })
  }
}

/** In draft 7 nothing beside a $ref counts. */
const inline = (schema: JsonObject): JsonObject => ("$ref" in schema ? { allOf: [schema] } : schema)

const alternatives = ({ names, required }: NonNullable<Language.Shape["oneOf"]>[number]): ReadonlyArray<Json> => {
  const pairs = names.flatMap((a, i) => names.slice(i + 1).map((b) => ({ not: { required: [a, b] } })))
  return required === true ? [{ anyOf: names.map((name) => ({ required: [name] })) }, ...pairs] : pairs
}
