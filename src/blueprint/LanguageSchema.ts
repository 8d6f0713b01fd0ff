/**
 * The language as a JSON Schema that editors read: keys with what they are for and an example, told apart by `kind`. It is
 * draft 7, since that is what editors of YAML know best. What a template means is not in it: that the checker knows.
 */
import type { Json, JsonObject } from "../domain/Json.js"
import * as Language from "./Language.js"

export const make = (): JsonObject => ({
  $schema: "http://json-schema.org/draft-07/schema#",
  title: "flujo blueprint",
  ...object(Language.document),
  definitions: {
    agent: object(Language.agent),
    model_settings: object(Language.modelSettings),
    config: object(Language.config),
    retries: object(Language.retries),
    loop: object(Language.loop),
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
      properties: { kind: { enum: Object.keys(Language.kinds), description: Language.common.kind!.about } },
      allOf: Object.keys(Language.kinds).map(ofKind)
    },
    ...Object.fromEntries(Object.entries(Language.kinds).map(([kind, shape]) => [`step_${kind}`, step(shape)]))
  }
})

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
    rules: [...(shape.rules ?? []), configured]
  })

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
