/**
 * Steps whose answer may be taken from the cache. What the cache had is written down before anything follows from it,
 * with the answer itself: a run that goes on, or is replayed, never looks again.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Digest from "../domain/Digest.js"
import type { EventOf } from "../domain/Event.js"
import * as Json from "../domain/Json.js"
import * as StepPath from "../domain/StepPath.js"
import type { Kept } from "../journal/Kept.js"
import type * as Node from "../pipeline/Node.js"
import { templatesOf } from "../pipeline/Templates.js"
import * as Plan from "../plan/Plan.js"
import * as PlanJson from "../plan/PlanJson.js"
import * as Env from "./Env.js"
import { defect } from "./Failure.js"
import * as Outcome from "./Outcome.js"
import { borrowed, type Drive, type Place, type Walked } from "./Place.js"
import { fitting } from "./Wrapper.js"

export const cached = (drive: Drive, node: Node.CachedNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.gen(function* () {
    const { cache, record } = drive
    const path = borrowed(place, node)
    const at = StepPath.beside(path, "cache")
    const key = keyOf(drive, node, place, input)
    const known = record.peek(at, "CacheRead")
    if (known !== undefined || place.closed || cache === undefined) {
      const from = known?.data.from
      const said = yield* record.say(place.closed, {
        path: at,
        kind: "CacheRead",
        data: { key, from },
        payload: known?.payload ?? {}
      })
      if (!said) return Outcome.resting
      if (known === undefined || from === undefined) return yield* worked(drive, node, place, input, { path, at, key })
      const taken = answerOf(node, place, known.payload)
      return Either.isRight(taken)
        ? taken.right
        : defect(`what it took from the cache does not fit any more: ${taken.left.detail}`, path)
    }
    return yield* cache.alone(
      key,
      Effect.gen(function* () {
        const kept = yield* cache.recall(key)
        const found = Option.flatMap(kept, (kept) => fresh(node, place, kept, record.now()))
        const payload = Option.match(found, { onNone: () => ({}), onSome: ({ payload }) => payload })
        const from = Option.getOrUndefined(found)?.from
        yield* record.say(false, { path: at, kind: "CacheRead", data: { key, from }, payload })
        return Option.isSome(found) ? found.value.outcome : yield* worked(drive, node, place, input, { path, at, key })
      })
    )
  })

interface Asked {
  readonly path: StepPath.StepPath
  readonly at: StepPath.StepPath
  readonly key: Digest.Digest
}

/** The step itself is run; what it answers is kept, once. */
const worked = (
  drive: Drive,
  node: Node.CachedNode,
  place: Place,
  input: Outcome.Carried,
  { at, key, path }: Asked
): Walked =>
  Effect.gen(function* () {
    const { cache, record, run } = drive
    const outcome: Outcome.Outcome = yield* drive.go(node.step, place, input)
    if (outcome._tag !== "Completed") return outcome
    const made = fitting(node.output, "output", path, outcome.output)
    if (made._tag === "Failed") return made
    if (cache !== undefined && !place.closed && !record.has(at, "CacheWritten")) {
      const output = made.carried.json()
      const writes = outcome.writes.map(({ field, json }) => ({ field, json }))
      const size = Buffer.byteLength(Json.canonical({ output: output ?? null, writes }), "utf8")
      if (size <= drive.payloadBytes) {
        const now = record.now()
        // What it answers must be in the journal before others go by it.
        yield* record.barrier
        const answer = { run, path: StepPath.standing(path), output, writes }
        yield* cache.keep({ key, answer, at: now, expiresAt: now + node.ttlMillis })
        record.life({ path: at, kind: "CacheWritten", data: { key }, payload: {} })
      }
    }
    return { ...outcome, output: made.carried }
  })

type Payload = EventOf<"CacheRead">["payload"]

/** What was kept, where it is not too old and fits. */
const fresh = (node: Node.CachedNode, place: Place, { answer, at }: Kept, now: number) => {
  if (now - at >= node.ttlMillis) return Option.none()
  const { output, path, run, writes } = answer
  const payload: Payload = {
    answer: output === undefined ? {} : { value: output },
    ...(writes.length === 0 ? {} : { writes })
  }
  return Option.map(Either.getRight(answerOf(node, place, payload)), (outcome) => ({
    outcome,
    payload,
    from: { run, path }
  }))
}

const answerOf = (node: Node.CachedNode, place: Place, { answer = {}, writes = [] }: Payload) => {
  const json = "value" in answer ? answer.value : undefined
  return Either.flatMap(node.output.decode(json), (value) =>
    Either.map(Either.all(writes.map(({ field, json }) => Env.written(place.env, field, json))), (writes) =>
      Outcome.completed(Outcome.carried(value, json, node.output), writes)
    )
  )
}

/** Of the plan of the step, of what it is given, and of what it reads beside that. */
const keyOf = (drive: Drive, node: Node.CachedNode, place: Place, input: Outcome.Carried): Digest.Digest => {
  const where = StepPath.parse(StepPath.standing(place.path))
    .map(({ name, role }) => (role === undefined ? name : `${name}!${role}`))
    .join("/")
  const asked = askedOf(node, drive.keeps)
  const planAt = (parent: string) => PlanJson.ofNode(node.step, parent, drive.keeps)
  return Digest.of({
    // Code is the same only at its own place in its own pipeline: its source has no digest.
    plan: asked.isAnywhere ? planAt("") : [drive.pipeline, planAt(where)],
    input: input.json() ?? null,
    around: aroundOf(asked, place, input)
  })
}

interface Asking {
  /** Whether its plan is the same wherever it stands. */
  readonly isAnywhere: boolean
  /** Names that its templates read; of context and steps with the fields, `undefined` for all of them. */
  readonly reads: ReadonlyMap<string, ReadonlySet<string> | undefined>
  readonly hasCode: boolean
}

/** By the step, and by the changes of which a run keeps the old way. */
const askings = new WeakMap<Node.CachedNode, Map<string, Asking>>()

const askedOf = (node: Node.CachedNode, keeps: ReadonlySet<string>): Asking => {
  const byKeeps = askings.get(node) ?? new Map<string, Asking>()
  askings.set(node, byKeeps)
  const kept = [...keeps].sort().join(" ")
  const known = byKeeps.get(kept)
  if (known !== undefined) return known
  const reads = new Map<string, Set<string> | undefined>()
  let hasCode = false
  const visit = (inner: Node.Node): void => {
    if (inner._tag === "Versioned" && keeps.has(inner.change) !== (inner.side === "before")) return
    if (inner._tag === "Code") hasCode = true
    if (inner._tag === "Scope" && inner.pipeline?.inherits === true) reads.set("context", undefined)
    for (const template of templatesOf(inner)) {
      for (const { keys, root } of template.reads) {
        const [key] = keys
        const whole = (root !== "context" && root !== "steps") || typeof key !== "string"
        if (whole) reads.set(root, undefined)
        else if (!reads.has(root)) reads.set(root, new Set([key]))
        else reads.get(root)?.add(key)
      }
    }
    for (const child of Plan.children(inner)) visit(child)
  }
  visit(node.step)
  const [one, other] = ["a", "b"].map((parent) => Json.canonical(PlanJson.ofNode(node.step, parent, keeps)))
  const made = { isAnywhere: one === other, reads, hasCode }
  byKeeps.set(kept, made)
  return made
}

const aroundOf = ({ hasCode, reads }: Asking, place: Place, input: Outcome.Carried): Json.JsonObject => {
  const scope = Env.scope(place.env, input)
  const around: Record<string, Json.Json> = {}
  const wanted = new Map(reads)
  // Code may read any field of a declared context.
  if (hasCode && place.env.context?.tag !== undefined) wanted.set("context", undefined)
  for (const [root, fields] of wanted) {
    if (root === "previous_step") continue
    const value = Option.getOrUndefined(scope(root))
    if (value === undefined) continue
    around[root] =
      fields === undefined
        ? value
        : Object.fromEntries(
            [...fields].sort().flatMap((field) => {
              const one = Json.get(value, field)
              return one === undefined ? [] : [[field, one] as const]
            })
          )
  }
  return around
}
