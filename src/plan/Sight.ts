/** What the templates of a step can see, and what is wrong with what they read. */
import * as Json from "../domain/Json.js"
import { outputKeys, type Read, type Span } from "../expression/Template.js"
import type { ContextSpec, Node } from "../pipeline/Node.js"

/** What a step's templates can see, and what is known of it. `undefined` as a schema: nothing is known. */
export interface Sight {
  /** Of the whole pipeline. */
  readonly input: Json.Json | undefined
  readonly steps: ReadonlyMap<string, Json.Json | undefined>
  readonly previous: Json.Json | undefined
  readonly item: Json.Json | undefined
  readonly inItem: boolean
  readonly inTransition: boolean
  /** In what tells an agent of a conversation. */
  readonly inHistory: boolean
  /** Steps that are told of one. */
  readonly inConversation: boolean
  /** Between the iterations of a loop. */
  readonly counts: boolean
  readonly context: ContextSpec | undefined
  /** Names of a prompt's own. */
  readonly variables?: ReadonlySet<string> | undefined
  /** Fields written anywhere, where no context is declared. */
  readonly written: ReadonlySet<string>
}

/** Where nothing has run yet. */
export const outside: Sight = {
  input: undefined,
  steps: new Map(),
  previous: undefined,
  item: undefined,
  inItem: false,
  inTransition: false,
  inHistory: false,
  inConversation: false,
  counts: false,
  context: undefined,
  written: new Set()
}

/** The fields that may be there. */
export const seen = ({ context, written }: Sight): ReadonlySet<string> =>
  context === undefined ? written : new Set(Object.keys(context.fields))

export const withMore = (sight: Sight, writes: ReadonlyMap<string, Node>): Sight =>
  writes.size === 0 ? sight : { ...sight, written: new Set([...sight.written, ...writes.keys()]) }

export const withOnly = (sight: Sight, fields: ReadonlyArray<string>): Sight => ({
  ...sight,
  written: new Set([...sight.written].filter((field) => fields.includes(field))),
  context: sight.context && {
    ...sight.context,
    fields: Object.fromEntries(Object.entries(sight.context.fields).filter(([field]) => fields.includes(field)))
  }
})

const roots = ["input", "initial_prompt", "previous_step", "steps", "context", "resume_input"]

/** What is wrong with a read; `everywhere`: the names of all steps. */
export const faultOf = (
  read: Read,
  sight: Sight,
  everywhere: ReadonlySet<string>
): { readonly message: string; readonly hint: string | undefined; readonly span: Span } | undefined => {
  if (read.guarded) return undefined
  const [key, ...rest] = read.keys
  if (sight.inHistory) {
    if (read.root === "history" || read.root === "left_out") return undefined
    const hint = "there are: history, a list of { role, content, step }, and left_out, a number"
    return { message: `a history_template sees no ${read.root}`, hint, span: read.span }
  }
  switch (read.root) {
    case "steps": {
      if (typeof key !== "string") return undefined
      const span = read.keySpans[0] ?? read.span
      if (!sight.steps.has(key)) {
        const seen = [...sight.steps.keys()]
        return {
          message: everywhere.has(key) ? `step ${key} does not come before this one` : `there is no step ${key}`,
          hint: seen.length === 0 ? "no step comes before this one" : `before this step come: ${seen.join(", ")}`,
          span
        }
      }
      const [alias, ...below] = rest
      const output = sight.steps.get(key)
      const isOutput = alias !== undefined && outputKeys.has(alias) && !hasProperty(output, alias)
      return missing(output, isOutput ? below : rest, read, isOutput ? 2 : 1, `steps.${key}`)
    }
    case "input":
    case "initial_prompt":
      return missing(sight.input, read.keys, read, 0, read.root)
    case "previous_step":
      return missing(sight.previous, read.keys, read, 0, "previous_step")
    case "context": {
      if (typeof key !== "string") return undefined
      const known = sight.context === undefined ? [...sight.written] : Object.keys(sight.context.fields)
      if (known.includes(key)) {
        return missing(sight.context?.fields[key]?.jsonSchema, rest, read, 1, `context.${key}`)
      }
      return {
        message: `context has no field ${key}${sight.context === undefined ? " before this step" : ""}`,
        hint: known.length === 0 ? "a step writes one with sink_to" : `it has: ${known.join(", ")}`,
        span: read.keySpans[0] ?? read.span
      }
    }
    case "this":
    case "index":
      if (sight.inItem || (read.root === "index" && sight.counts)) return undefined
      return { message: `${read.root} stands only inside a map`, hint: undefined, span: read.span }
    case "output":
      if (sight.inTransition) return undefined
      return { message: "output stands only in a transition", hint: "write previous_step", span: read.span }
    default:
      if (roots.includes(read.root) || sight.variables?.has(read.root) === true) return undefined
      return {
        message: `there is no ${read.root}`,
        hint: read.afterDash
          ? "this is a subtraction; a key with a dash in it is written x['a-b']"
          : everywhere.has(read.root)
            ? `write steps.${read.root}`
            : `there are: ${[...roots, ...(sight.variables ?? [])].join(", ")}`,
        span: read.span
      }
  }
}

const definitions = "#/$defs/"

const hasProperty = (schema: Json.Json | undefined, key: string | number): boolean => {
  const properties = Json.get(schema, "properties")
  return Json.isObject(properties) && Object.hasOwn(properties, key)
}

/** The first key that a closed object schema does not have. */
const missing = (
  schema: Json.Json | undefined,
  keys: ReadonlyArray<string | number>,
  read: Read,
  offset: number,
  what: string
): ReturnType<typeof faultOf> => {
  let defined: Json.Json | undefined
  const resolved = (part: Json.Json | undefined): Json.Json | undefined => {
    defined = Json.get(part, "$defs") ?? defined
    const to = Json.get(part, "$ref")
    return typeof to === "string" && to.startsWith(definitions) ? Json.get(defined, to.slice(definitions.length)) : part
  }
  let at = resolved(schema)
  let name = what
  for (const [i, key] of keys.entries()) {
    const properties = Json.get(at, "properties")
    if (typeof key !== "string" || !Json.isObject(properties)) return undefined
    if (!Object.hasOwn(properties, key)) {
      if (Json.get(at, "additionalProperties") !== false) return undefined
      return {
        message: `${name} has no field ${key}`,
        hint: `it has: ${Object.keys(properties).join(", ")}`,
        span: read.keySpans[i + offset] ?? read.span
      }
    }
    at = resolved(properties[key])
    name = `${name}.${key}`
  }
  return undefined
}
