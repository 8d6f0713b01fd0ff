/**
 * A pipeline, checked: every step has its path, every template reads what is there, and the whole has a digest. A plan
 * with findings of severity `error` is never run.
 */
import * as Digest from "../domain/Digest.js"
import * as Json from "../domain/Json.js"
import * as StepPath from "../domain/StepPath.js"
import { outputKeys, type Read, type Span, type Template, type UndefinedVariables } from "../expression/Template.js"
import type { Code as CodeLeaf, ContextSpec, Node, Params } from "../pipeline/Node.js"
import { nameOf } from "../pipeline/Node.js"
import type { Pipeline } from "../pipeline/Pipeline.js"
import { type Code, type Finding, rules } from "./Finding.js"
import * as PlanJson from "./PlanJson.js"

/** One step as a list of a plan shows it. */
export interface Outline {
  /** Standing path, with `[*]` for any iteration or item. */
  readonly path: string
  readonly kind: Node["_tag"]
}

export interface Plan {
  readonly name: string
  readonly json: Json.JsonObject
  /** Canonical text of `json`; the digest is of this. */
  readonly text: string
  readonly digest: Digest.Digest
  readonly outline: ReadonlyArray<Outline>
  readonly findings: ReadonlyArray<Finding>
}

export const make = (pipeline: Pipeline.Any): Plan => {
  const json = PlanJson.toJson(pipeline)
  const { findings, outline } = check(pipeline)
  const text = Json.canonical(json)
  return { name: pipeline.name, json, text, digest: Digest.ofText(text), outline, findings }
}

export const errors = (plan: Plan): ReadonlyArray<Finding> =>
  plan.findings.filter((finding) => finding.severity === "error")

/** What a step's templates can see, and what is known of it. `undefined` as a schema: nothing is known. */
interface Sight {
  readonly steps: ReadonlyMap<string, Json.Json | undefined>
  readonly previous: Json.Json | undefined
  readonly item: Json.Json | undefined
  readonly inItem: boolean
  readonly context: ContextSpec | undefined
  /** Fields written anywhere, where no context is declared. */
  readonly written: ReadonlySet<string>
}

interface Told {
  /** JSON Schema of the output, where known. */
  readonly output: Json.Json | undefined
  /** Context fields that the step writes, with the node that does. */
  readonly writes: ReadonlyMap<string, Node>
}

const nothing: ReadonlyMap<string, Node> = new Map()

/** The longest time that anything may take: ten years, in milliseconds. */
const years = 10 * 366 * 86_400_000

const check = (pipeline: Pipeline.Any) => {
  const outline: Array<Outline> = []
  const findings: Array<Finding> = []
  const claimed = new Map<string, Node>()
  const everywhere = new Set<string>()
  const absence = absences[pipeline.undefinedVariables ?? "strict"]

  const find = (code: Code, path: string, node: Node, message: string, hint?: string, template?: Finding["template"]) =>
    findings.push({ code, severity: rules[code].severity, path, message, hint, node, template })

  const claim = (parent: string, name: string, node: Node): string => {
    const path = parent === "" ? name : `${parent}/${name}`
    if (!StepPath.isName(name)) {
      find("FLJ-PLAN-1", path, node, `${JSON.stringify(name.slice(0, 140))} is not a step name`, suggestName(name))
    }
    if (claimed.has(path)) {
      const unnamed = "name" in node && node.name === undefined
      find(
        "FLJ-PLAN-2",
        path,
        node,
        `two steps stand at ${path}`,
        unnamed ? "name it: without a name it takes that of its kind" : "give one of them another name"
      )
    } else {
      claimed.set(path, node)
      outline.push({ path, kind: node._tag })
    }
    return path
  }

  const text = (template: Template, path: string, node: Node, sight: Sight): void => {
    for (const problem of template.problems) {
      find("FLJ-PLAN-6", path, node, problem.message, problem.hint, { source: template.source, span: problem.span })
    }
    if (template.problems.length > 0) return
    if (absence === undefined) return
    for (const read of template.reads) {
      const fault = faultOf(read, sight, everywhere)
      if (fault === undefined) continue
      const { hint, message, span } = fault
      const severity = absence
      findings.push({
        code: "FLJ-PLAN-7",
        severity,
        path,
        message,
        hint,
        node,
        template: { source: template.source, span }
      })
    }
  }
  const textOrCode = <F>(value: CodeLeaf<F> | Template, path: string, node: Node, sight: Sight): void => {
    if ("source" in value) text(value, path, node, sight)
  }
  const texts = (value: Params, path: string, node: Node, sight: Sight): void => {
    if (value._tag === "Text") text(value.template, path, node, sight)
    if (value._tag === "List") for (const item of value.items) texts(item, path, node, sight)
    if (value._tag === "Map") for (const [, item] of value.fields) texts(item, path, node, sight)
  }
  const limit = (value: number, min: number, max: number, what: string, path: string, node: Node): void => {
    if (!Number.isInteger(value) || value < min || value > max) {
      find("FLJ-PLAN-10", path, node, `${what} is ${value}`, `a whole number from ${min} to ${max}`)
    }
  }
  const named = (node: Node, wrapper: Node, what: string, parent: string): string => {
    const name = nameOf(node)
    if (name !== undefined) return parent === "" ? name : `${parent}/${name}`
    find("FLJ-PLAN-3", parent, wrapper, `a ${what} around a sequence without a name`, "name the sequence")
    return parent === "" ? what : `${parent}/${what}`
  }
  /** Writes of steps that run side by side. */
  const together = (writes: ReadonlyArray<ReadonlyMap<string, Node>>, path: string): ReadonlyMap<string, Node> => {
    const all = new Map<string, Node>()
    for (const map of writes) {
      for (const [field, node] of map) {
        const other = all.get(field)
        if (other !== undefined && !(reduces(node) && reduces(other))) {
          find("FLJ-PLAN-9", path, node, `two parallel steps write context.${field}`, "write two fields, or say reduce")
        }
        all.set(field, node)
      }
    }
    return all
  }

  const walk = (node: Node, parent: string, sight: Sight): Told => {
    switch (node._tag) {
      case "Code":
      case "Fn":
        claim(parent, node.name, node)
        return { output: node.output.jsonSchema, writes: nothing }
      case "Pass":
      case "Sleep": {
        const path = claim(parent, node.name, node)
        if (node._tag === "Sleep") limit(node.millis, 0, years, "the time to sleep (ms)", path, node)
        return { output: sight.previous, writes: nothing }
      }
      case "Agent":
        claim(parent, node.name, node)
        return { output: node.agent.output?.jsonSchema ?? { type: "string" }, writes: nothing }
      case "Skill": {
        const path = claim(parent, node.name, node)
        if (node.params !== undefined) texts(node.params, path, node, sight)
        return { output: node.skill.output.jsonSchema, writes: nothing }
      }
      case "Ask": {
        const path = claim(parent, nameOf(node)!, node)
        textOrCode(node.message, path, node, sight)
        return { output: node.mode === "approve" ? sight.previous : node.answer.jsonSchema, writes: nothing }
      }
      case "Sequence": {
        if (node.steps.length === 0) find("FLJ-PLAN-11", parent, node, "there are no steps", "write at least one")
        const steps = new Map(sight.steps)
        const written = new Set(sight.written)
        const writes = new Map<string, Node>()
        let previous = sight.previous
        for (const step of node.steps) {
          const told = walk(step, parent, { ...sight, steps, written, previous })
          previous = told.output
          for (const [field, by] of told.writes) {
            writes.set(field, by)
            written.add(field)
          }
          const name = nameOf(step)
          if (name !== undefined) steps.set(name, told.output)
        }
        return { output: previous, writes }
      }
      case "Parallel": {
        const path = claim(parent, nameOf(node)!, node)
        if (node.branches.length === 0) find("FLJ-PLAN-11", path, node, "there are no branches", "write at least one")
        limit(node.concurrency, 1, 1024, "concurrency", path, node)
        const told = node.branches.map(([key, branch]) => [key, walk(branch, keyed(path, key, node), sight)] as const)
        return {
          output: objectOf(told.map(([key, { output }]) => [key, output])),
          writes: together(
            told.map(([, { writes }]) => writes),
            path
          )
        }
      }
      case "Branch": {
        const path = claim(parent, node.name, node)
        textOrCode(node.on, path, node, sight)
        if (node.cases.length === 0) find("FLJ-PLAN-11", path, node, "there are no branches", "write at least one")
        const told = node.cases.map(([key, branch]) => walk(branch, keyed(path, key, node), sight))
        if (node.otherwise !== undefined) told.push(walk(node.otherwise, keyed(path, "otherwise", node), sight))
        return { output: undefined, writes: new Map(told.flatMap(({ writes }) => [...writes])) }
      }
      case "Loop": {
        const path = claim(parent, node.name, node)
        limit(node.max, 1, 100_000, "max", path, node)
        const { output, writes } = walk(node.body, `${path}[*]`, { ...sight, previous: undefined })
        if (node.until !== undefined) {
          const written = new Set([...sight.written, ...writes.keys()])
          textOrCode(node.until, path, node, { ...sight, previous: output, written })
        }
        return { output, writes }
      }
      case "ForEach": {
        const path = claim(parent, node.name, node)
        limit(node.concurrency, 1, 1024, "concurrency", path, node)
        limit(node.max, 1, 100_000, "max", path, node)
        limit(node.maxWaiting, 1, 100_000, "max_waiting", path, node)
        if (node.items !== undefined) text(node.items, path, node, sight)
        const told = walk(node.body, `${path}[*]`, { ...sight, previous: undefined, inItem: true })
        const writes = together([told.writes, told.writes], path)
        const items = told.output === undefined ? {} : { items: told.output }
        return { output: node.onFailure === "collect" ? undefined : { type: "array", ...items }, writes }
      }
      case "Retry": {
        const path = named(node.step, node, "retry", parent)
        if (wrapped(node.step, "Retry")) find("FLJ-PLAN-4", path, node, "two retries on one step", "keep one")
        limit(node.policy._tag === "Data" ? node.policy.retry.times : node.policy.times, 0, 100, "times", path, node)
        if (node.policy._tag === "Data") {
          const { baseMillis, factor, maxMillis } = node.policy.retry
          limit(baseMillis, 0, years, "the first wait (ms)", path, node)
          limit(maxMillis, 0, years, "the longest wait (ms)", path, node)
          if (!(factor >= 1 && factor <= 1000)) {
            find("FLJ-PLAN-10", path, node, `factor is ${factor}`, "a number from 1 to 1000")
          }
        }
        return walk(node.step, parent, sight)
      }
      case "Timeout": {
        const path = named(node.step, node, "timeout", parent)
        limit(node.millis, 1, years, "the time-out (ms)", path, node)
        if (waits(node.step)) {
          find("FLJ-PLAN-5", path, node, "the time-out counts the time that a person takes to answer")
        }
        return walk(node.step, parent, sight)
      }
      case "Fallback": {
        const path = named(node.step, node, "fallback", parent)
        const first = walk(node.step, parent, sight)
        const second = walk(node.that, `${path}!fallback`, sight)
        return { output: undefined, writes: new Map([...first.writes, ...second.writes]) }
      }
      case "Map": {
        named(node.step, node, "map", parent)
        return { ...walk(node.step, parent, sight), output: node.output.jsonSchema }
      }
      case "Input": {
        const name = nameOf(node.step)
        const path = name === undefined ? parent : parent === "" ? name : `${parent}/${name}`
        texts(node.input, path, node, sight)
        return walk(node.step, parent, { ...sight, previous: undefined })
      }
      case "Sink": {
        const { output, writes } = walk(node.step, parent, sight)
        if (sight.context !== undefined && !Object.hasOwn(sight.context.fields, node.field)) {
          const fields = Object.keys(sight.context.fields).join(", ")
          find("FLJ-PLAN-8", parent, node, `context.${node.field} is not declared`, `declared are: ${fields}`)
        }
        if (node.context !== undefined && node.context.id !== sight.context?.id) {
          const given = sight.context === undefined ? "none" : JSON.stringify(sight.context.id)
          find(
            "FLJ-PLAN-8",
            parent,
            node,
            `the step writes into context "${node.context.id}", the pipeline has ${given}`
          )
        }
        return { output, writes: new Map([...writes, [node.field, node]]) }
      }
      case "Scope": {
        const path = claim(parent, node.name, node)
        if (node.pipeline === undefined) return walk(node.step, path, sight)
        const own = { ...outside, previous: sight.previous, context: node.pipeline.context }
        return { output: walk(node.step, path, own).output, writes: nothing }
      }
    }
  }
  const keyed = (path: string, key: string, node: Node): string => {
    if (!StepPath.isName(key)) find("FLJ-PLAN-1", path, node, `the branch ${JSON.stringify(key)} is not a step name`)
    return `${path}/${key}`
  }

  const outside: Sight = {
    steps: new Map(),
    previous: undefined,
    item: undefined,
    inItem: false,
    context: undefined,
    written: new Set()
  }
  collectNames(pipeline.root, everywhere)
  if (!StepPath.isName(pipeline.name)) {
    find("FLJ-PLAN-1", "", pipeline.root, `${JSON.stringify(pipeline.name)} is not a name`, suggestName(pipeline.name))
  }
  walk(pipeline.root, "", { ...outside, context: pipeline.context })
  return { outline, findings }
}

const reduces = (node: Node): boolean => node._tag === "Sink" && node.reduce !== undefined

const objectOf = (fields: ReadonlyArray<readonly [string, Json.Json | undefined]>): Json.Json => ({
  type: "object",
  properties: Object.fromEntries(fields.map(([key, schema]) => [key, schema ?? {}])),
  required: fields.map(([key]) => key),
  additionalProperties: false
})

const suggestName = (name: string): string | undefined => {
  const better = name
    .replace(/[^\p{L}\p{N}_-]+/gu, "_")
    .replace(/^[^\p{L}_]+/u, "")
    .slice(0, 128)
  return better === "" ? undefined : `for instance ${better}`
}

/** The nodes directly below. */
export const children = (node: Node): ReadonlyArray<Node> => {
  switch (node._tag) {
    case "Sequence":
      return node.steps
    case "Parallel":
      return node.branches.map(([, branch]) => branch)
    case "Branch":
      return [...node.cases.map(([, branch]) => branch), ...(node.otherwise === undefined ? [] : [node.otherwise])]
    case "Loop":
    case "ForEach":
      return [node.body]
    case "Fallback":
      return [node.step, node.that]
    case "Retry":
    case "Timeout":
    case "Map":
    case "Input":
    case "Sink":
    case "Scope":
      return [node.step]
    case "Code":
    case "Fn":
    case "Pass":
    case "Agent":
    case "Skill":
    case "Ask":
    case "Sleep":
      return []
  }
}

const waits = (node: Node): boolean => node._tag === "Ask" || children(node).some(waits)

/** Whether a wrapper of this kind already stands around the step that a wrapper borrows its name from. */
const wrapped = (node: Node, tag: Node["_tag"]): boolean => {
  switch (node._tag) {
    case "Retry":
    case "Timeout":
    case "Fallback":
    case "Map":
    case "Input":
    case "Sink":
      return node._tag === tag || wrapped(node.step, tag)
    default:
      return false
  }
}

const collectNames = (node: Node, names: Set<string>): void => {
  const name = nameOf(node)
  if (name !== undefined) names.add(name)
  for (const child of children(node)) collectNames(child, names)
}

/** How bad it is that a template reads what is not there. */
const absences: Readonly<Record<UndefinedVariables, Finding["severity"] | undefined>> = {
  strict: "error",
  warn: "warning",
  ignore: undefined
}

const roots = ["input", "initial_prompt", "previous_step", "steps", "context", "resume_input"]

const faultOf = (
  read: Read,
  sight: Sight,
  everywhere: ReadonlySet<string>
): { readonly message: string; readonly hint: string | undefined; readonly span: Span } | undefined => {
  if (read.guarded) return undefined
  const [key, ...rest] = read.keys
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
      if (sight.inItem) return undefined
      return { message: `${read.root} stands only inside a map`, hint: undefined, span: read.span }
    default:
      if (roots.includes(read.root)) return undefined
      return {
        message: `there is no ${read.root}`,
        hint: read.afterDash
          ? "this is a subtraction; a key with a dash in it is written x['a-b']"
          : everywhere.has(read.root)
            ? `write steps.${read.root}`
            : `there are: ${roots.join(", ")}`,
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
