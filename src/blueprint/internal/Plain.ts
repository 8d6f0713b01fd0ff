/**
 * A tree as plain data, so that two of them can be compared: templates by their text, shapes by their JSON Schema, skills
 * by their id, and functions not at all. Two trees of one plain form do the same and say the same.
 */
import * as Json from "../../domain/Json.js"
import { type Node, nameOf, type Params } from "../../pipeline/Node.js"
import type { Pipeline } from "../../pipeline/Pipeline.js"
import * as TreeSearch from "../../pipeline/TreeSearch.js"

export const of = ({ context, name, root }: Pipeline.Any): Json.Json =>
  record({ name, context: context === undefined ? undefined : shapes(context.fields), root: data(root) })

/** What it is beside its fields: keys that say no more than their absence are left out. */
const data = (value: unknown): Json.Json => {
  if (typeof value === "function") return "code"
  if (Array.isArray(value)) return value.map(data)
  if (typeof value !== "object" || value === null) return value as Json.Json
  if ("encode" in value && "jsonSchema" in value) return schema(value.jsonSchema as Json.Json)
  if ("source" in value && "reads" in value) return { template: value.source as string }
  // Where the text of a prompt is kept does not matter.
  if ("template" in value && "variables" in value) return record({ ...fields(value), file: undefined })
  const tag = "_tag" in value ? value._tag : undefined
  if (typeof tag !== "string") {
    const isContext = "fields" in value && "tag" in value
    return isContext ? shapes(value.fields as Fields) : record(fields(value))
  }
  if (tag === "Text" || tag === "List" || tag === "Map" || tag === "Value") {
    // A node that changes an output has the tag of a map of params, and other fields.
    if (!("step" in value)) return params(value as Params)
  }
  const node = value as Node
  const search = TreeSearch.optionsOf(node)
  if (search !== undefined) {
    // Its own functions hold what it was told.
    return record({ search: record(fields(search)) })
  }
  switch (node._tag) {
    case "Sequence": {
      const steps = node.steps.flatMap((step) => (step._tag === "Sequence" ? step.steps : [step]))
      return steps.length === 1 ? data(steps[0]) : record({ ...fields(node), steps: steps.map(data) })
    }
    case "Skill":
      return record({ ...fields({ ...node, skill: undefined }), skill: node.skill.id, version: node.skill.version })
    case "Ask":
      return record({ ...fields(node), name: node.mode === "approve" ? nameOf(node) : node.name })
    case "Parallel":
      return record({ ...fields(node), onFailure: node.onFailure === "ignore" ? "ignore" : undefined })
    case "Sink":
      return record({ ...fields(node), context: undefined })
    case "Scope": {
      const inner = node.pipeline && { ...fields(node.pipeline), inherits: node.pipeline.inherits || undefined }
      return record({ ...fields(node), pipeline: inner && record(inner) })
    }
    default:
      return record(fields(node))
  }
}

type Fields = Readonly<Record<string, { readonly jsonSchema: Json.Json }>>

const shapes = (fields: Fields): Json.Json =>
  Object.entries(fields).map(([name, { jsonSchema }]) => [name, schema(jsonSchema)])

const fields = (value: object): Record<string, Json.Json | undefined> =>
  Object.fromEntries(Object.entries(value).map(([key, part]) => [key, part === undefined ? undefined : data(part)]))

const record = (value: Readonly<Record<string, Json.Json | undefined>>): Json.Json =>
  Object.fromEntries(Object.entries(value).flatMap(([key, part]) => (part === undefined ? [] : [[key, part]])))

/** In the order in which it stands: that of its keys is seen by people. */
const schema = (json: Json.Json): Json.Json => ({ schema: json })

/** A text is a template where it has a brace in it, however it was made. */
const params = (value: Params): Json.Json => {
  switch (value._tag) {
    case "Text":
      return value.template.source.includes("{") ? { template: value.template.source } : value.template.source
    case "List":
      return value.items.map(params)
    case "Map":
      return value.fields.map(([name, part]) => [name, params(part)])
    case "Value":
      return literal(value.value)
  }
}

const literal = (json: Json.Json): Json.Json => {
  if (typeof json === "string") return json.includes("{") ? { text: json } : json
  if (Array.isArray(json)) return json.map(literal)
  return Json.isObject(json) ? Object.entries(json).map(([name, part]) => [name, literal(part)]) : json
}
