/**
 * JSON Schema 2020-12 as it stands in a blueprint, to a `Shape`. The whole dialect, save what reaches out of the schema
 * or identifies it (`$id`, remote `$ref`, dynamic references); `format` is a note to the reader and checks nothing. A
 * schema is checked when it is read, and compiled once, when a first value comes.
 */
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js"
import * as Either from "effect/Either"
import type * as Json from "../domain/Json.js"
import * as Words from "../expression/Words.js"
import * as Shape from "../pipeline/Shape.js"
import type { Report } from "./Diagnostics.js"
import * as Patterns from "./internal/Patterns.js"
import * as Tree from "./Tree.js"

export const partsMax = 2_000

/** `undefined`: it was said what is wrong. */
export const read = (report: Report, tree: Tree.Tree, what: string): Shape.Shape | undefined => {
  const before = report.found.length
  if (tree._tag === "Broken") return undefined
  if (tree._tag !== "Map") {
    report.add("FLJ-BLUEPRINT-17", tree.span, `${what} must be a map, and ${Tree.kindOf(tree)} was found`, {
      hint: "for instance { type: object, properties: { … } }"
    })
    return undefined
  }
  let parts = 0
  for (const _ of Tree.parts(tree)) parts++
  if (parts > partsMax) {
    report.add("FLJ-BLUEPRINT-22", tree.span, `${what} has more than ${partsMax} parts`)
    return undefined
  }
  new Check(report, tree).schema(tree)
  if (report.found.length > before) return undefined
  const json = Tree.toJson(tree)
  metaFaults(report, tree, json)
  return report.found.length > before ? undefined : shape(json)
}

/** Keywords whose value is a schema, a list of schemas, and a map of schemas. */
const ofSchema =
  "additionalProperties contains else if items not propertyNames then unevaluatedItems unevaluatedProperties contentSchema".split(
    " "
  )
const ofSchemas = "allOf anyOf oneOf prefixItems".split(" ")
const ofSchemaMap = "$defs definitions dependentSchemas patternProperties properties".split(" ")
const ofValues =
  "$comment $ref $schema const contentEncoding contentMediaType default dependentRequired deprecated description enum examples exclusiveMaximum exclusiveMinimum format maxContains maxItems maxLength maxProperties maximum minContains minItems minLength minProperties minimum multipleOf pattern readOnly required title type uniqueItems writeOnly".split(
    " "
  )
const keywords = [...ofSchema, ...ofSchemas, ...ofSchemaMap, ...ofValues].sort()
const unused = ["$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$vocabulary"]

class Check {
  constructor(
    private readonly report: Report,
    private readonly root: Tree.Tree
  ) {}

  schema(tree: Tree.Tree): void {
    if (tree._tag !== "Map") return
    for (const { key, value } of tree.entries) {
      const name = key.text
      if (unused.includes(name)) {
        this.report.add("FLJ-BLUEPRINT-22", key.span, `\`${name}\` is not used: a schema stands for itself`, {
          hint: name === "$id" ? "remove it" : "use $ref with #/$defs/NAME"
        })
      } else if (!keywords.includes(name)) {
        const meant = Words.closest(name, keywords)
        this.report.add("V-S1", key.span, `${Words.quoted(name)} is not a keyword of JSON Schema 2020-12`, {
          hint: meant === undefined ? "names of fields stand under `properties`" : `did you mean \`${meant}\`?`,
          repair:
            meant === undefined || tree.entries.some(({ key }) => key.text === meant)
              ? undefined
              : { span: key.span, text: meant }
        })
      } else if (ofSchema.includes(name)) this.schema(value)
      else if (ofSchemas.includes(name)) {
        if (value._tag === "List") for (const item of value.items) this.schema(item)
      } else if (ofSchemaMap.includes(name)) {
        if (value._tag === "Map") {
          for (const entry of value.entries) {
            if (name === "patternProperties") this.pattern(entry.key.text, entry.key.span)
            this.schema(entry.value)
          }
        }
      } else if (value._tag === "Scalar" && typeof value.value === "string") {
        if (name === "pattern") this.pattern(value.value, value.span)
        if (name === "$ref") this.reference(value, value.value)
        if (name === "type" && !types.includes(value.value)) this.type(value, value.value)
      }
    }
  }

  private type(tree: Tree.Scalar, type: string): void {
    const meant = Words.closest(type, types)
    this.report.add("V-S1", tree.span, `${Words.quoted(type)} is not a type of JSON Schema`, {
      hint: meant === undefined ? `types are ${types.join(", ")}` : `did you mean \`${meant}\`?`,
      repair: meant === undefined ? undefined : { span: tree.span, text: meant }
    })
  }

  private pattern(pattern: string, span: Tree.Key["span"]): void {
    const refusal = Patterns.refusal(pattern)
    if (refusal === undefined) return
    const code = refusal.includes("not a regular expression") ? "V-S1" : "FLJ-BLUEPRINT-22"
    this.report.add(code, span, refusal)
  }

  private reference(tree: Tree.Scalar, reference: string): void {
    if (!reference.startsWith("#")) {
      this.report.add("FLJ-BLUEPRINT-22", tree.span, "a $ref must stay in its own schema", {
        hint: "put what it means under $defs, and write #/$defs/NAME"
      })
      return
    }
    let at: Tree.Tree | undefined = this.root
    for (const part of reference.slice(1).split("/").slice(1)) at = below(at, unescaped(part))
    if (at === undefined || (reference !== "#" && !reference.startsWith("#/"))) {
      this.report.add("V-S1", tree.span, `${Words.quoted(reference)} leads nowhere in this schema`)
    }
  }
}

const types = ["array", "boolean", "integer", "null", "number", "object", "string"]

const unescaped = (part: string): string => {
  const plain = part.replaceAll("~1", "/").replaceAll("~0", "~")
  try {
    return decodeURIComponent(plain)
  } catch {
    return plain
  }
}

const below = (tree: Tree.Tree | undefined, key: string): Tree.Tree | undefined => {
  if (tree?._tag === "Map") return tree.entries.find((entry) => entry.key.text === key)?.value
  return tree?._tag === "List" ? tree.items[Number(key)] : undefined
}

const options = {
  strict: false,
  validateFormats: false,
  allErrors: true,
  logger: false,
  addUsedSchema: false,
  code: { regExp: Object.assign(Patterns.compile, { code: "" }) }
} as const

let meta: Ajv2020 | undefined

const metaFaults = (report: Report, tree: Tree.Tree, json: Json.Json): void => {
  meta ??= new Ajv2020(options)
  if (typeof json !== "object" || json === null || meta.validateSchema(json) === true) return
  const said = new Set<string>()
  for (const fault of meta.errors ?? []) {
    // The members of a keyword's union each complain: the first is enough.
    if (said.has(fault.instancePath)) continue
    said.add(fault.instancePath)
    let at: Tree.Tree | undefined = tree
    for (const part of fault.instancePath.split("/").slice(1)) at = below(at, unescaped(part))
    if (at?._tag === "Broken") continue
    report.add("V-S1", at?.span ?? tree.span, `this keyword of a schema ${wanted(fault)}`)
  }
}

/** What a schema takes that was read before, such as that of an open task. One schema has one shape. */
export const shape = (jsonSchema: Json.Json): Shape.Shape => {
  let validate: ValidateFunction | undefined
  const check = (json: Json.Json): Either.Either<Json.Json, Shape.Misfit> => {
    validate ??= new Ajv2020({ ...options, meta: false, validateSchema: false }).compile(jsonSchema as object)
    try {
      if (validate(json) === true) return Either.right(json)
    } catch (error) {
      // A schema may refer to itself without ever looking deeper into the value.
      if (!(error instanceof RangeError)) throw error
      return Either.left(new Shape.Misfit({ detail: "the schema refers to itself without end" }))
    }
    const faults = (validate.errors ?? []).map(said)
    return Either.left(new Shape.Misfit({ detail: [...new Set(faults)].slice(0, 10).join("; ") }))
  }
  return {
    jsonSchema,
    encode: (value) => Either.flatMap(Shape.any.encode(value), (json) => check(json ?? null)),
    decode: (json) => check(json ?? null)
  }
}

/** A fault in words, with its place and without any value, which may be a secret. */
const said = (fault: ErrorObject): string => {
  const path = fault.instancePath.split("/").slice(1).map(unescaped).join(".")
  return path === "" ? `it ${wanted(fault)}` : `at ${path}: it ${wanted(fault)}`
}

const wanted = ({ keyword, message, params }: ErrorObject): string => {
  switch (keyword) {
    case "required":
      return `has no ${Words.quoted(String(params.missingProperty))}`
    case "additionalProperties":
      return `has an unknown key ${Words.quoted(String(params.additionalProperty))}`
    case "unevaluatedProperties":
      return `has an unknown key ${Words.quoted(String(params.unevaluatedProperty))}`
    case "enum":
      return `must be one of ${Words.listed((params.allowedValues as ReadonlyArray<unknown>).map(String))}`
    case "const":
      return "is not the one value that is allowed"
    case "type":
      return `must be ${[params.type as string | ReadonlyArray<string>].flat().join(" or ")}`
    default:
      return message ?? "does not fit"
  }
}
