/** Changes of the context that a loop or a map says itself: pure, and made again on every walk. */
import * as Either from "effect/Either"
import * as Json from "../domain/Json.js"
import type { StepPath } from "../domain/StepPath.js"
import type * as Node from "../pipeline/Node.js"
import { ValueRefused } from "../pipeline/StepError.js"
import * as Env from "./Env.js"
import { engineFailed } from "./Failure.js"
import type * as Outcome from "./Outcome.js"
import { evaluated, oversize } from "./Value.js"

export interface Assigned {
  readonly env: Env.Env
  readonly writes: ReadonlyArray<Outcome.Write>
}

const none: ReadonlyArray<Outcome.Write> = []

/** Each one after the other: a later one sees what an earlier one wrote. */
export const apply = (
  drive: { readonly payloadBytes: number },
  assigns: ReadonlyArray<Node.Assign> | undefined,
  before: Env.Env,
  previous: Outcome.Carried,
  path: StepPath
): Either.Either<Assigned, Outcome.Failed> => {
  if (assigns === undefined) return Either.right({ env: before, writes: none })
  let env = before
  const writes: Array<Outcome.Write> = []
  for (const { op, path: target, value } of assigns) {
    const given = evaluated(value, env, previous)
    if (Either.isLeft(given)) return Either.left(engineFailed(given.left, path))
    const [field, ...keys] = target
    const said = `context.${target.join(".")}`
    const made = changed(Env.field(env, field), keys, op, given.right, said)
    if (Either.isLeft(made)) return Either.left(engineFailed(new ValueRefused({ path, detail: made.left }), path))
    const over = oversize(drive, `context.${field}`, Json.canonical(made.right), path)
    if (over !== undefined) return Either.left(over)
    const write = Env.written(env, field, made.right)
    if (Either.isLeft(write)) {
      const detail = `${said} does not fit the context: ${write.left.detail}`
      return Either.left(engineFailed(new ValueRefused({ path, detail }), path))
    }
    writes.push(write.right)
    env = Env.after(env, undefined, previous, [write.right], undefined)
  }
  return Either.right({ env, writes })
}

/** The value with a change somewhere in it, or why that cannot be. */
const changed = (
  at: Json.Json | undefined,
  keys: ReadonlyArray<string>,
  op: Node.Assign["op"],
  value: Json.Json,
  said: string
): Either.Either<Json.Json, string> => {
  const [key, ...rest] = keys
  if (key !== undefined) {
    if (at !== undefined && at !== null && !Json.isObject(at)) {
      return Either.left(`${said} leads through what is no map`)
    }
    return Either.map(changed(Json.get(at, key), rest, op, value, said), (inner) => {
      const map: { [key: string]: Json.Json } = { ...(at as Json.JsonObject | null | undefined) }
      Json.set(map, key, inner)
      return map
    })
  }
  switch (op) {
    case "set":
      return Either.right(value)
    case "append": {
      const list = at ?? []
      return Array.isArray(list)
        ? Either.right([...(list as ReadonlyArray<Json.Json>), value])
        : Either.left(`${said} is no list to append to`)
    }
    case "merge": {
      const map = at ?? {}
      if (!Json.isObject(map)) return Either.left(`${said} is no map to merge into`)
      return Json.isObject(value)
        ? Either.right({ ...map, ...value })
        : Either.left(`what is merged into ${said} is no map`)
    }
  }
}
