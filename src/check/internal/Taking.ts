/** V-A2 and V-T6: what a skill is given, against what it declares. */
import * as Json from "../../domain/Json.js"
import * as Known from "../Known.js"
import type { Seen } from "../Visit.js"
import type { Find } from "./Find.js"

export const check = (seen: Seen, find: Find): void => {
  const { node, sight } = seen
  if (node._tag === "Check" && node.input !== undefined && Known.clash(sight.previous, node.input.jsonSchema)) {
    const to = Known.words(Known.typesOf(node.input.jsonSchema) ?? [])
    const from = Known.words(Known.typesOf(sight.previous) ?? [])
    // Of an imported blueprint the fault is where it is used: it may be used rightly elsewhere.
    const user = node.whole === true ? sight.giver : undefined
    const what = user === undefined ? "the step" : "the imported blueprint"
    find("V-A2", seen, `by its input_schema ${what} takes ${to}, and is given ${from}`, { node: user })
  }
  if (node._tag !== "Skill") return
  const { argument, id, input } = node.skill
  if (node.params === undefined) {
    refused(seen, find, id, "", sight.previous, input.jsonSchema)
    return
  }
  if (node.params._tag !== "Map") return
  const properties = Json.get(Known.resolved(input.jsonSchema, input.jsonSchema), "properties")
  if (!Json.isObject(properties)) return
  const given = new Map(node.params.fields)
  for (const [name, value] of given) {
    if (!Object.hasOwn(properties, name)) continue
    const schema = Known.ofParams(value, sight)
    refused(seen, find, id, name, schema, properties[name])
  }
  if (argument !== undefined && !given.has(argument) && Object.hasOwn(properties, argument)) {
    refused(seen, find, id, argument, sight.previous, properties[argument])
  }
}

const refused = (
  seen: Seen,
  find: Find,
  skill: string,
  parameter: string,
  given: Known.Schema,
  wanted: Known.Schema
): void => {
  if (!Known.clash(given, wanted)) return
  const to = Known.words(Known.typesOf(wanted) ?? [])
  const as = parameter === "" ? "" : ` as \`${parameter}\``
  const constant = Json.get(given, "const")
  if (typeof constant === "string" && /^\s*[[{]/.test(constant)) {
    find("V-T6", seen, `the skill \`${skill}\` takes ${to}${as}, and is given text that looks like JSON`, {
      hint: "write it in YAML, without quotes around it"
    })
    return
  }
  const from = Known.words(Known.typesOf(given) ?? [])
  find("V-A2", seen, `the skill \`${skill}\` takes ${to}${as}, and is given ${from}`)
}
