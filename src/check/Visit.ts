/**
 * A walk over a pipeline that tells of each node what it is given and what it answers, as far as that is known. Each
 * node is shown once, after what is below it.
 */
import type { Template } from "../expression/Template.js"
import { type Node, nameOf, type Params } from "../pipeline/Node.js"
import type { Pipeline } from "../pipeline/Pipeline.js"
import * as Known from "./Known.js"

export interface Seen<N extends Node = Node> {
  readonly node: N
  /** Standing path, with `[*]` for any iteration or item. */
  readonly path: string
  /** What templates of the node see; to be looked at now, as it grows with the walk. */
  readonly sight: Known.Sight
  readonly output: Known.Schema
  /** Context fields that are written in it. */
  readonly writes: ReadonlySet<string>
}

interface Told {
  readonly output: Known.Schema
  /** What is written, with its schema. */
  readonly writes: ReadonlyMap<string, Known.Schema>
}

const none: ReadonlyMap<string, Known.Schema> = new Map()

/** Names over those of the enclosing steps, which are not copied: a long pipeline has many of both. */
class Names implements Known.Names {
  readonly own = new Map<string, Known.Schema>()

  constructor(private readonly outer: Known.Names) {}

  has(name: string): boolean {
    return this.own.has(name) || this.outer.has(name)
  }

  get(name: string): Known.Schema {
    return this.own.has(name) ? this.own.get(name) : this.outer.get(name)
  }
}

export const visit = (pipeline: Pipeline.Any, see: (seen: Seen) => void): void => {
  const walk = (node: Node, parent: string, sight: Known.Sight): Told => {
    const name = nameOf(node)
    const path = name === undefined ? parent : parent === "" ? name : `${parent}/${name}`
    const told = (output: Known.Schema, writes: ReadonlyMap<string, Known.Schema> = none): Told => {
      see({ node, path, sight, output, writes: new Set(writes.keys()) })
      return { output, writes }
    }
    switch (node._tag) {
      case "Code":
      case "Fn":
        return told(node.output.jsonSchema)
      case "Pass":
      case "Sleep":
        return told(sight.previous)
      case "Agent":
        return told(node.agent.output?.jsonSchema ?? Known.text)
      case "Skill":
        return told(node.skill.output.jsonSchema)
      case "Ask":
        return told(node.mode === "approve" ? sight.previous : node.answer.jsonSchema)
      case "Sequence": {
        const steps = new Names(sight.steps)
        const context = new Names(sight.context)
        const writes = new Map<string, Known.Schema>()
        let { previous } = sight
        for (const step of node.steps) {
          const one = walk(step, parent, { steps, context, previous })
          previous = one.output
          for (const [field, schema] of one.writes) {
            writes.set(field, schema)
            context.own.set(field, schema)
          }
          const own = nameOf(step)
          if (own !== undefined) steps.own.set(own, one.output)
        }
        return told(previous, writes)
      }
      case "Parallel": {
        const branches = node.branches.map(([key, branch]) => [key, walk(branch, `${path}/${key}`, sight)] as const)
        const properties = Object.fromEntries(branches.map(([key, { output }]) => [key, closed(output) ?? {}]))
        const output = {
          type: "object",
          properties,
          required: branches.map(([key]) => key),
          additionalProperties: false
        }
        return told(output, beside(branches.map(([, one]) => one)))
      }
      case "Branch": {
        const branches = node.cases.map(([key, branch]) => walk(branch, `${path}/${key}`, sight))
        if (node.otherwise !== undefined) branches.push(walk(node.otherwise, `${path}/otherwise`, sight))
        return told(undefined, perhaps(branches))
      }
      case "Loop": {
        // The body sees what it answered before, which is not known before it has been walked.
        const body = walk(node.body, `${path}[*]`, {
          steps: sight.steps,
          previous: undefined,
          context: { has: (field) => sight.context.has(field), get: () => undefined }
        })
        return told(body.output, body.writes)
      }
      case "ForEach": {
        const body = walk(node.body, `${path}[*]`, { ...sight, previous: undefined })
        const item = closed(body.output)
        const output = node.onFailure === "collect" ? undefined : { type: "array", ...(item && { items: item }) }
        return told(output, perhaps([body]))
      }
      case "Retry":
      case "Timeout": {
        const { output, writes } = walk(node.step, parent, sight)
        return told(output, writes)
      }
      case "Fallback": {
        const branches = [walk(node.step, parent, sight), walk(node.that, `${path}!fallback`, sight)]
        return told(undefined, perhaps(branches))
      }
      case "Map":
        return told(node.output.jsonSchema, walk(node.step, parent, sight).writes)
      case "Input": {
        const { output, writes } = walk(node.step, parent, {
          ...sight,
          previous: Known.ofParams(node.input, sight)
        })
        return told(output, writes)
      }
      case "Sink": {
        const { output, writes } = walk(node.step, parent, sight)
        return told(output, new Map([...writes, [node.field, output]]))
      }
      case "Scope": {
        if (node.pipeline === undefined) {
          const { output, writes } = walk(node.step, path, sight)
          return told(output, writes)
        }
        const context = contextOf(node.pipeline.context)
        return told(walk(node.step, path, { previous: sight.previous, steps: new Map(), context }).output)
      }
    }
  }
  const context = contextOf(pipeline.context)
  walk(pipeline.root, "", { previous: undefined, steps: new Map(), context })
}

const contextOf = (context: Pipeline.Any["context"]): ReadonlyMap<string, Known.Schema> =>
  new Map(Object.entries(context?.fields ?? {}).map(([name, shape]) => [name, shape.jsonSchema]))

/** What is written by one of several, so that nothing is known of it but that it may be there. */
const perhaps = (told: ReadonlyArray<Told>): ReadonlyMap<string, Known.Schema> =>
  new Map(told.flatMap(({ writes }) => [...writes.keys()].map((field) => [field, undefined] as const)))

/** What several write side by side: known where one alone writes it. */
const beside = (told: ReadonlyArray<Told>): ReadonlyMap<string, Known.Schema> => {
  const writes = new Map<string, Known.Schema>()
  for (const one of told) {
    for (const [field, schema] of one.writes) writes.set(field, writes.has(field) ? undefined : schema)
  }
  return writes
}

/** A schema that may stand within another one: names in it would lead to the definitions of the whole. */
const closed = (schema: Known.Schema): Known.Schema =>
  schema !== undefined && JSON.stringify(schema).includes('"$ref"') ? undefined : schema

/** The templates that a node itself has. */
export const templatesOf = (node: Node): ReadonlyArray<Template> => {
  switch (node._tag) {
    case "Ask":
      return "source" in node.message ? [node.message] : []
    case "Branch":
      return "source" in node.on ? [node.on] : []
    case "ForEach":
      return node.items === undefined ? [] : [node.items]
    case "Input":
      return ofParams(node.input)
    case "Loop":
      return node.until !== undefined && "source" in node.until ? [node.until] : []
    case "Skill":
      return node.params === undefined ? [] : ofParams(node.params)
    case "Agent":
    case "Code":
    case "Fallback":
    case "Fn":
    case "Map":
    case "Parallel":
    case "Pass":
    case "Retry":
    case "Scope":
    case "Sequence":
    case "Sink":
    case "Sleep":
    case "Timeout":
      return []
  }
}

const ofParams = (params: Params): ReadonlyArray<Template> => {
  switch (params._tag) {
    case "Text":
      return [params.template]
    case "Value":
      return []
    case "List":
      return params.items.flatMap(ofParams)
    case "Map":
      return params.fields.flatMap(([, value]) => ofParams(value))
  }
}
