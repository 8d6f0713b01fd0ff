/** Values on their way from step to step: each crosses the journal's encoding, live as after a restart. */
import * as Either from "effect/Either"
import * as Json from "../domain/Json.js"
import type { StepPath } from "../domain/StepPath.js"
import * as Template from "../expression/Template.js"
import type * as Node from "../pipeline/Node.js"
import type * as Shape from "../pipeline/Shape.js"
import * as Env from "./Env.js"
import { attempted, defect } from "./Failure.js"
import * as Outcome from "./Outcome.js"

/** The values of one step for another's schema, as code sees them and as they are written. */
export interface Crossed {
  readonly value: unknown
  readonly json: Json.Json | undefined
  /** Where an equal value is recorded already. */
  readonly from: StepPath | undefined
}

export const cross = (carried: Outcome.Carried, shape: Shape.Shape): Either.Either<Crossed, Shape.Misfit> => {
  if (carried.raw) {
    const json = carried.json()
    return Either.map(shape.decode(json), (value) => ({ value, json, from: undefined }))
  }
  if (carried.shape === shape) return Either.right({ value: carried.value, json: carried.json(), from: carried.origin })
  return Either.flatMap(shape.encode(carried.value), (json) =>
    Either.map(shape.decode(json), (value) => ({
      value,
      json,
      from: carried.origin !== undefined && json !== undefined && sameAs(carried, json) ? carried.origin : undefined
    }))
  )
}

const sameAs = (carried: Outcome.Carried, json: Json.Json): boolean => {
  const other = carried.json()
  return other !== undefined && Json.equals(other, json)
}

/** What goes on: `decode(encode(value))`, live as after a restart. */
export const output = (
  value: unknown,
  shape: Shape.Shape,
  origin: StepPath | undefined
): Either.Either<Outcome.Carried, Shape.Misfit> =>
  Either.flatMap(shape.encode(value), (json) =>
    Either.map(shape.decode(json), (again) => Outcome.carried(again, json, shape, origin))
  )

export const call = (
  path: StepPath,
  code: Node.Code<(input: never) => unknown>,
  shape: Shape.Shape,
  input: Outcome.Carried
): Either.Either<Outcome.Carried, Outcome.Failed> =>
  Either.flatMap(
    attempted(path, () => code.call(decodedOf(input) as never)),
    (value) =>
      Either.mapLeft(output(value, shape, undefined), (misfit) =>
        defect(`the function's answer: ${misfit.detail}`, path)
      )
  )

/** Exact only where it may matter: a text has at most three bytes for each of its UTF-16 units. */
export const oversize = (
  drive: { readonly payloadBytes: number },
  what: string,
  text: string | undefined,
  path: StepPath
): Outcome.Failed | undefined => {
  const limit = drive.payloadBytes
  if (text === undefined || text.length * 3 <= limit) return undefined
  const size = Buffer.byteLength(text, "utf8")
  return size > limit ? defect(`${what} has ${size} bytes, over the limit of ${limit}`, path) : undefined
}

/** The text of what a function answered, to be written; or why it cannot be. */
export const textOf = (
  drive: { readonly payloadBytes: number },
  made: Outcome.Carried,
  path: StepPath
): Either.Either<string | undefined, Outcome.Failed> => {
  const json = made.origin === undefined ? made.json() : undefined
  const text = json === undefined ? undefined : Json.canonical(json)
  const over = oversize(drive, "the function's answer", text, path)
  return over === undefined
    ? Either.right(text === undefined ? undefined : `{"output":{"value":${text}}}`)
    : Either.left(over)
}

/** What code sees of a value that is known only encoded: its JSON. */
export const decodedOf = (carried: Outcome.Carried): unknown => (carried.raw ? carried.json() : carried.value)

export const written = (
  node: Node.SinkNode,
  env: Env.Env,
  carried: Outcome.Carried
): Either.Either<Outcome.Write, Shape.Misfit> => {
  const shape = env.context?.fields[node.field]
  if (shape === undefined) {
    const json = carried.json() ?? null
    return Either.right({ field: node.field, value: decodedOf(carried), json, reduce: node.reduce })
  }
  return Either.map(cross(carried, shape), ({ json, value }) => ({
    field: node.field,
    value,
    json: json ?? null,
    reduce: node.reduce
  }))
}

/** What the texts of a value come to, all within the limits of one evaluation. */
export const evaluated = (
  params: Node.Params,
  env: Env.Env,
  previous: Outcome.Carried
): Either.Either<Json.Json, Template.TemplateError> =>
  within(params, Env.scope(env, previous), Template.meter(), env.templates)

const within = (
  params: Node.Params,
  scope: Template.Scope,
  meter: Template.Meter,
  options: Template.Options
): Either.Either<Json.Json, Template.TemplateError> => {
  const each = (inner: Node.Params) => within(inner, scope, meter, options)
  switch (params._tag) {
    case "Value":
      return Either.right(params.value)
    case "Text":
      return Template.evaluateWithin(params.template, scope, meter, options)
    case "List":
      return Either.all(params.items.map(each))
    case "Map":
      return Either.map(Either.all(params.fields.map(([, value]) => each(value))), (values) => {
        const map: { [key: string]: Json.Json } = {}
        for (const [i, [name]] of params.fields.entries()) Json.set(map, name, values[i]!)
        return map
      })
  }
}
