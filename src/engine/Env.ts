/** What a step sees beside its input: what templates read, and the fields of the context. */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Json } from "../domain/Json.js"
import type { Options, Scope } from "../expression/Template.js"
import type { ContextSpec } from "../pipeline/Node.js"
import type { Misfit } from "../pipeline/Shape.js"
import type { Carried, Write } from "./Outcome.js"

/** A list that grows at its head, so that a long sequence costs no copies. */
interface Link<A> {
  readonly head: A
  readonly rest: Link<A> | undefined
}

export interface Env {
  /** The input of the pipeline. */
  readonly input: Carried
  readonly steps: Link<{ readonly name: string; readonly output: Carried }> | undefined
  readonly writes: Link<Write> | undefined
  readonly context: ContextSpec | undefined
  readonly item: Carried | undefined
  readonly index: number | undefined
  readonly answer: Json | undefined
  /** What happened in a state, where a transition is looked for. */
  readonly event?: Json | undefined
  /** How the run's templates go about names that are not there. */
  readonly templates: Options
}

export const make = (input: Carried, context: ContextSpec | undefined, templates: Options): Env => ({
  input,
  steps: undefined,
  writes: undefined,
  context,
  item: undefined,
  index: undefined,
  answer: undefined,
  templates
})

/** The env of the steps that follow. */
export const after = (
  env: Env,
  name: string | undefined,
  output: Carried,
  writes: ReadonlyArray<Write>,
  answer: Json | undefined
): Env => ({
  ...env,
  steps: name === undefined ? env.steps : { head: { name, output }, rest: env.steps },
  writes: writes.reduce<Env["writes"]>((rest, head) => ({ head, rest }), env.writes),
  answer: answer ?? env.answer
})

/** The decoded fields that code steps read. */
export const snapshot = (env: Env): Record<string, unknown> => {
  const fields: Record<string, unknown> = {}
  for (let link = env.writes; link !== undefined; link = link.rest) {
    if (!Object.hasOwn(fields, link.head.field)) fields[link.head.field] = link.head.value
  }
  return fields
}

/** The value of a field, where one is written. */
export const field = (env: Env, name: string): Json | undefined => {
  for (let link = env.writes; link !== undefined; link = link.rest) if (link.head.field === name) return link.head.json
  return undefined
}

/** A write of a value that is known encoded, held to the schema of its field. */
export const written = (env: Env, field: string, json: Json): Either.Either<Write, Misfit> => {
  const shape = env.context?.fields[field]
  if (shape === undefined) return Either.right({ field, value: json, json, reduce: undefined })
  return Either.map(shape.decode(json), (value) => ({ field, value, json, reduce: undefined }))
}

/** With only these fields of the context. */
export const withOnly = (env: Env, fields: ReadonlyArray<string>): Env => {
  const kept: Array<Write> = []
  for (let link = env.writes; link !== undefined; link = link.rest) {
    if (fields.includes(link.head.field)) kept.push(link.head)
  }
  return { ...env, writes: kept.reduceRight<Env["writes"]>((rest, head) => ({ head, rest }), undefined) }
}

/** The last write of each field. */
export const lastWrites = (env: Env): ReadonlyArray<Write> => {
  const byField = new Map<string, Write>()
  for (let link = env.writes; link !== undefined; link = link.rest) {
    if (!byField.has(link.head.field)) byField.set(link.head.field, link.head)
  }
  return [...byField.values()]
}

const contextJson = (env: Env): Json => {
  const fields: Record<string, Json> = {}
  for (let link = env.writes; link !== undefined; link = link.rest) {
    if (!Object.hasOwn(fields, link.head.field)) fields[link.head.field] = link.head.json
  }
  return fields
}

const stepsJson = (env: Env): Json => {
  const steps: Record<string, Json> = {}
  for (let link = env.steps; link !== undefined; link = link.rest) {
    const { name, output } = link.head
    if (!Object.hasOwn(steps, name)) steps[name] = output.json() ?? null
  }
  return steps
}

/** Names as templates see them. `previous` is what came before the step: its input. */
export const scope =
  (env: Env, previous: Carried): Scope =>
  (name) => {
    switch (name) {
      case "input":
      case "initial_prompt":
        return Option.some(env.input.json() ?? null)
      case "previous_step":
        return Option.some(previous.json() ?? null)
      case "steps":
        return Option.some(stepsJson(env))
      case "context":
        return Option.some(contextJson(env))
      case "resume_input":
        return Option.some(env.answer ?? null)
      case "this":
        return env.item === undefined ? Option.none() : Option.some(env.item.json() ?? null)
      case "index":
        return env.index === undefined ? Option.none() : Option.some(env.index)
      case "output":
        return Option.fromNullable(env.event)
      default:
        return Option.none()
    }
  }
