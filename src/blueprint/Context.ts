/** `context:` — the fields that steps share, as a JSON Schema of type object whose properties they are. */
import type { ContextSpec } from "../pipeline/Node.js"
import type { Shape } from "../pipeline/Shape.js"
import * as Decode from "./Decode.js"
import type { Report } from "./Diagnostics.js"
import * as JsonSchema from "./JsonSchema.js"
import type { Tree } from "./Tree.js"

/** `undefined`: none is declared, and steps may write any field. */
export const read = (report: Report, tree: Tree | undefined): ContextSpec | undefined => {
  if (tree === undefined) return undefined
  const known = ["type", "description", "properties"]
  const fields = Decode.fields(report, tree, "`context`", {
    of: "`context`",
    known,
    elsewhere: () => "fields stand under `properties`, each with its schema"
  })
  if (fields === undefined) return undefined
  const type = fields.value("type")
  if (type !== undefined) Decode.choice(report, type, "`type`", ["object"])
  const description = fields.value("description")
  if (description !== undefined) Decode.text(report, description, "`description`")
  const properties = Decode.required(report, fields, "properties", {
    at: Decode.headOf(tree),
    of: "`context`",
    hint: "the fields, each with its schema: { topic: { type: string } }"
  })
  const map = properties && Decode.map(report, properties, "`properties`", "fields, each with its schema")
  const shapes: Record<string, Shape> = {}
  for (const { key, value } of map?.entries ?? []) {
    if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(key.text)) {
      report.add("FLJ-BLUEPRINT-19", key.span, `${JSON.stringify(key.text.slice(0, 100))} is not the name of a field`, {
        hint: "letters, digits and _, a letter first"
      })
    }
    const shape = JsonSchema.read(report, value, `\`${key.text}\``)
    if (shape !== undefined) shapes[key.text] = shape
  }
  return { id: "context", fields: shapes, tag: undefined }
}
