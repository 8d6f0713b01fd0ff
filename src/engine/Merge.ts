/** What branches that ran side by side make together: their outputs, and what they wrote, in declared order. */
import * as Either from "effect/Either"
import * as Json from "../domain/Json.js"
import type { StepPath } from "../domain/StepPath.js"
import type * as Node from "../pipeline/Node.js"
import { NoBranch, ValueRefused } from "../pipeline/StepError.js"
import * as Env from "./Env.js"
import { engineFailed } from "./Failure.js"
import * as Outcome from "./Outcome.js"
import { decodedOf } from "./Value.js"

export interface Ended {
  readonly key: string
  /** Of a branch that failed and is ignored: nothing. */
  readonly outcome: Outcome.Completed | undefined
}

/** The branches that `on` names, in declared order. */
export const chosen = (
  node: Node.ParallelNode,
  on: Json.Json,
  path: StepPath
): Either.Either<Node.ParallelNode["branches"], Outcome.Failed> => {
  const names: ReadonlyArray<Json.Json> = typeof on === "string" ? [on] : Array.isArray(on) ? on : [on]
  const keys = node.branches.map(([key]) => key)
  for (const name of names) {
    if (typeof name === "string" && keys.includes(name)) continue
    const key = (typeof name === "string" ? name : Json.canonical(name)).slice(0, 200)
    return Either.left(engineFailed(new NoBranch({ path, key, branches: keys }), path))
  }
  return Either.right(node.branches.filter(([key]) => names.includes(key)))
}

// ---------------------------------------------------------------- writes

/** Where no strategy is named. */
const inOrder = (outcomes: ReadonlyArray<Outcome.Completed>): ReadonlyArray<Outcome.Write> => {
  const writes = outcomes.flatMap((outcome) => outcome.writes)
  const firsts = new Set<string>()
  return writes.filter(({ field, reduce }) => {
    if (reduce !== "first") return true
    if (firsts.has(field)) return false
    firsts.add(field)
    return true
  })
}

export const writes = (
  node: Pick<Node.ParallelNode, "fields" | "merge">,
  env: Env.Env,
  branches: ReadonlyArray<Ended>,
  path: StepPath
): Either.Either<ReadonlyArray<Outcome.Write>, Outcome.Failed> => {
  const kept = branches.flatMap(({ key, outcome }) => {
    if (outcome === undefined) return []
    const fields = node.fields?.find(([name]) => name === key)?.[1]
    if (fields === undefined) return [outcome]
    return [{ ...outcome, writes: outcome.writes.filter(({ field }) => fields.includes(field)) }]
  })
  switch (node.merge) {
    case undefined:
      return Either.right(inOrder(kept))
    case "no_merge":
      return Either.right([])
    case "overwrite":
      return Either.right(kept.flatMap((outcome) => outcome.writes))
    case "keep_first":
    case "update":
      return joined(node.merge, env, kept, path)
  }
}

/** The last write of each branch to each field, joined with those of other branches. */
const joined = (
  merge: "keep_first" | "update",
  env: Env.Env,
  outcomes: ReadonlyArray<Outcome.Completed>,
  path: StepPath
): Either.Either<ReadonlyArray<Outcome.Write>, Outcome.Failed> => {
  const byField = new Map<string, Outcome.Write>()
  for (const { writes } of outcomes) {
    const lasts = new Map(writes.map((write) => [write.field, write]))
    for (const [field, write] of lasts) {
      const earlier = byField.get(field)
      if (earlier === undefined) byField.set(field, write)
      else if (merge === "update") {
        const both = update(earlier.json, write.json)
        if (Either.isLeft(both)) {
          const detail = `two branches wrote context.${[field, ...both.left].join(".")}, and the values cannot be merged`
          return Either.left(engineFailed(new ValueRefused({ path, detail }), path))
        }
        const made = Env.written(env, field, both.right)
        if (Either.isLeft(made)) {
          const detail = `context.${field}, merged, does not fit: ${made.left.detail}`
          return Either.left(engineFailed(new ValueRefused({ path, detail }), path))
        }
        byField.set(field, made.right)
      }
    }
  }
  return Either.right([...byField.values()])
}

/** Left: the keys that lead to two values that cannot be merged. */
const update = (a: Json.Json, b: Json.Json): Either.Either<Json.Json, ReadonlyArray<string>> => {
  if (b === null || Json.equals(a, b)) return Either.right(a)
  if (a === null) return Either.right(b)
  if (typeof a === "number" && typeof b === "number") return Either.right(b)
  if (Array.isArray(a) && Array.isArray(b)) {
    const seen = new Set(a.map((item: Json.Json) => Json.canonical(item)))
    return Either.right([...a, ...b.filter((item: Json.Json) => !seen.has(Json.canonical(item)))])
  }
  if (!Json.isObject(a) || !Json.isObject(b)) return Either.left([])
  const map: { [key: string]: Json.Json } = { ...a }
  for (const [key, value] of Object.entries(b)) {
    const own = Json.get(a, key)
    const both = own === undefined ? Either.right(value) : update(own, value)
    if (Either.isLeft(both)) return Either.left([key, ...both.left])
    Json.set(map, key, both.right)
  }
  return Either.right(map)
}

// ---------------------------------------------------------------- outputs

/** A map of the branches' outputs, or what `reduce` makes of them. */
export const output = (
  node: Node.ParallelNode,
  branches: ReadonlyArray<Ended>,
  path: StepPath
): Either.Either<Outcome.Carried, Outcome.Failed> => {
  const done = branches.flatMap(({ key, outcome }) => (outcome === undefined ? [] : [{ key, output: outcome.output }]))
  switch (node.reduce) {
    case undefined: {
      const value: { [key: string]: unknown } = {}
      for (const { key, outcome } of branches) value[key] = outcome === undefined ? null : decodedOf(outcome.output)
      return Either.right(
        Outcome.assembled(value, () => {
          const json: { [key: string]: Json.Json } = {}
          for (const { key, outcome } of branches) Json.set(json, key, outcome?.output.json() ?? null)
          return json
        })
      )
    }
    case "keys":
      return Either.right(Outcome.raw(done.map(({ key }) => key)))
    case "values":
      return Either.right(list(done.map(({ output }) => output)))
    case "concat":
      return Either.right(
        Outcome.raw(
          done.flatMap(({ output }) => {
            const json = output.json() ?? null
            return json === null ? [] : Array.isArray(json) ? (json as ReadonlyArray<Json.Json>) : [json]
          })
        )
      )
    case "union": {
      const json: { [key: string]: Json.Json } = {}
      for (const { key, output } of done) {
        const one = output.json() ?? {}
        if (!Json.isObject(one)) {
          const detail = `branch ${JSON.stringify(key)} answered no map, and reduce: union joins maps`
          return Either.left(engineFailed(new ValueRefused({ path, detail }), path))
        }
        for (const [name, value] of Object.entries(one)) Json.set(json, name, value)
      }
      return Either.right(Outcome.raw(json))
    }
    case "first":
      return Either.right(done[0]?.output ?? Outcome.raw(null))
    case "last":
      return Either.right(done.at(-1)?.output ?? Outcome.raw(null))
    case "majority_vote":
      return Either.right(
        majority(
          done.map(({ output }) => output),
          canonical
        )
      )
    case "code_consensus": {
      const outputs = done.map(({ output }) => output)
      return Either.right(majority(outputs, codeOf))
    }
  }
}

const list = (outputs: ReadonlyArray<Outcome.Carried>): Outcome.Carried =>
  Outcome.assembled(outputs.map(decodedOf), () => outputs.map((output) => output.json() ?? null))

const canonical = (output: Outcome.Carried): string => Json.canonical(output.json() ?? null)

/** The first of those outputs that are most often the same. */
const majority = (
  outputs: ReadonlyArray<Outcome.Carried>,
  sameness: (output: Outcome.Carried) => string
): Outcome.Carried => {
  const votes = new Map<string, { readonly first: Outcome.Carried; count: number }>()
  for (const output of outputs) {
    const key = sameness(output)
    const vote = votes.get(key)
    if (vote === undefined) votes.set(key, { first: output, count: 1 })
    else vote.count += 1
  }
  let best: { readonly first: Outcome.Carried; readonly count: number } | undefined
  for (const vote of votes.values()) if (best === undefined || vote.count > best.count) best = vote
  return best?.first ?? Outcome.raw(null)
}

/** Code without the fence around it and without white space at the ends of its lines. */
const codeOf = (output: Outcome.Carried): string => {
  const json = output.json()
  if (typeof json !== "string") return canonical(output)
  const fenced = /^\s*```[^\n]*\n([\s\S]*?)\n?```\s*$/.exec(json)?.[1] ?? json
  return fenced
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")
    .trim()
}
