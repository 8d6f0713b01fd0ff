/**
 * A walk over a pipeline that tells of each node what it is given and what it answers, as far as that is known. Each
 * node is shown once, after what is below it.
 */

import * as Conversation from "../pipeline/Conversation.js"
import { type Assign, type Decider, type Node, nameOf } from "../pipeline/Node.js"
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
    /** What is decided by a step of its own. */
    const decided = (by: object | undefined, at: string): void => {
      if (by !== undefined && isDecider(by)) walk(by.step, at, { ...sight, previous: undefined })
    }
    switch (node._tag) {
      case "Code":
      case "Fn":
        return told(node.output.jsonSchema)
      case "Signal":
        return told(node.data.jsonSchema)
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
          const one = walk(step, parent, { ...sight, steps, context, previous, giver: undefined })
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
        decided(node.select, `${path}!select`)
        const branches = node.branches.map(([key, branch]) => [key, walk(branch, `${path}/${key}`, sight)] as const)
        const isWhole = node.select === undefined && node.onFailure !== "ignore" && node.reduce === undefined
        const properties = Object.fromEntries(branches.map(([key, { output }]) => [key, closed(output) ?? {}]))
        const output = {
          type: "object",
          properties,
          required: branches.map(([key]) => key),
          additionalProperties: false
        }
        const all = branches.map(([, one]) => one)
        const isPlain = node.select === undefined && node.merge === undefined && node.fields === undefined
        return told(isWhole ? output : undefined, isPlain ? beside(all) : perhaps(all))
      }
      case "Branch": {
        decided(node.on, `${path}!on`)
        const branches = node.cases.map(([key, branch]) => walk(branch, `${path}/${key}`, sight))
        if (node.otherwise !== undefined) branches.push(walk(node.otherwise, `${path}/otherwise`, sight))
        return told(undefined, perhaps(branches))
      }
      case "Loop": {
        // The body sees what it answered before, which is not known before it has been walked.
        const body = walk(node.body, `${path}[*]`, {
          ...sight,
          giver: undefined,
          previous: undefined,
          context: { has: (field) => sight.context.has(field), get: () => undefined }
        })
        decided(node.until, `${path}[*]/exit`)
        for (const by of Conversation.summarizersOf(node.conversation)) decided({ step: by }, `${path}[*]/summary`)
        const writes = new Map([...assigned(node.init), ...body.writes, ...assigned(node.state)])
        const isBody = node.output === undefined && node.conversation?.answers === undefined
        return told(isBody ? body.output : undefined, writes)
      }
      case "ForEach": {
        const body = walk(node.body, `${path}[*]`, { ...sight, previous: undefined })
        const item = closed(body.output)
        const isList = node.onFailure !== "collect" && node.output === undefined
        const output = isList ? { type: "array", ...(item && { items: item }) } : undefined
        return told(output, new Map([...assigned(node.init), ...perhaps([body])]))
      }
      case "States": {
        const states = node.states.map(([key, state]) =>
          walk(state, `${path}[*]/${key}`, {
            ...sight,
            giver: undefined,
            previous: undefined,
            context: { has: (field) => sight.context.has(field), get: () => undefined }
          })
        )
        return told(undefined, perhaps(states))
      }
      case "Versioned":
      case "When":
        // Skipped, it passes its input on.
        return told(undefined, perhaps([walk(node.step, parent, sight)]))
      case "Check": {
        const { output, writes } = walk(node.step, parent, {
          ...sight,
          ...(node.input && { previous: node.input.jsonSchema, giver: node }),
          ...(node.input && node.whole === true && { input: node.input.jsonSchema })
        })
        return told(node.output?.jsonSchema ?? output, writes)
      }
      case "Validate": {
        const { output, writes } = walk(node.step, parent, sight)
        for (const validator of node.validators) {
          if (validator._tag === "Judge") walk(validator.step, `${path}!validator`, { ...sight, previous: output })
        }
        return told(output, writes)
      }
      case "Capped":
      case "Note":
      case "Retry":
      case "Timeout": {
        const { output, writes } = walk(node.step, parent, sight)
        return told(output, writes)
      }
      case "Fallback": {
        const branches = [walk(node.step, parent, sight), walk(node.that, `${path}!fallback`, sight)]
        return told(undefined, perhaps(branches))
      }
      case "Cached":
        return told(node.output.jsonSchema, walk(node.step, parent, sight).writes)
      case "Compensate": {
        const { output, writes } = walk(node.step, parent, sight)
        const steps = new Names(sight.steps)
        if (name !== undefined) steps.own.set(name, output)
        const context = new Names(sight.context)
        for (const [field, schema] of writes) context.own.set(field, schema)
        walk(node.undo, `${path}!undo`, { ...sight, steps, context, previous: undefined, giver: undefined })
        return told(output, writes)
      }
      case "Map":
        return told(node.output.jsonSchema, walk(node.step, parent, sight).writes)
      case "Input": {
        const { output, writes } = walk(node.step, parent, {
          ...sight,
          previous: Known.ofParams(node.input, sight),
          giver: node
        })
        return told(output, writes)
      }
      case "Sink": {
        const { output, writes } = walk(node.step, parent, sight)
        return told(output, new Map([...writes, [node.field, node.key === undefined ? output : undefined]]))
      }
      case "Scope": {
        if (node.pipeline === undefined) {
          const { output, writes } = walk(node.step, path, sight)
          return told(output, writes)
        }
        const { inherits, outputs = [] } = node.pipeline
        const own = contextOf(node.pipeline.context)
        const context: Known.Names =
          inherits === true
            ? {
                has: (field) => own.has(field) || sight.context.has(field),
                get: (field) => (own.has(field) ? own.get(field) : sight.context.get(field))
              }
            : own
        const { previous } = sight
        const giver = sight.giver !== undefined && nameOf(sight.giver) === name ? sight.giver : node
        const { output } = walk(node.step, path, { previous, input: previous, steps: new Map(), context, giver })
        return told(output, new Map(outputs.map(([, outer]) => [outer, undefined])))
      }
    }
  }
  const context = contextOf(pipeline.context)
  walk(pipeline.root, "", { previous: undefined, input: undefined, steps: new Map(), context })
}

const isDecider = (by: object): by is Decider => "step" in by

const assigned = (changes: ReadonlyArray<Assign> | undefined): ReadonlyMap<string, Known.Schema> =>
  new Map((changes ?? []).map(({ path: [field] }) => [field, undefined]))

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
