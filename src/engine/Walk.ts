/**
 * The one walk: start, resume and replay are it, with a different source of outside answers. It goes over the tree and
 * says what happens; what the record already holds is taken from there, and the rest is done. Below a closed path, and
 * where a replayed journal ends, nothing is done: the walk comes to rest.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Json from "../domain/Json.js"
import * as StepPath from "../domain/StepPath.js"
import * as Node from "../pipeline/Node.js"
import { ValueRefused } from "../pipeline/StepError.js"
import * as Cached from "./Cached.js"
import * as Compensate from "./Compensate.js"
import * as Composite from "./Composite.js"
import * as Env from "./Env.js"
import { defect, engineFailed } from "./Failure.js"
import * as Leaf from "./Leaf.js"
import * as Outcome from "./Outcome.js"
import { below, borrowed, type Drive, own, type Place, type Walked } from "./Place.js"
import * as States from "./States.js"
import * as Talk from "./Talk.js"
import * as Validate from "./Validate.js"
import { call, evaluated, textOf, written } from "./Value.js"
import * as Waiting from "./Waiting.js"
import * as Wrapper from "./Wrapper.js"

/** Walks the whole tree; `closed`: only what is recorded is read. */
export const walk = (drive: Drive, root: Node.Node, env: Env.Env, closed: boolean): Walked =>
  drive.go(root, { path: StepPath.root, attempt: 1, closed, env, caps: [] }, env.input)

/** Walks one node. */
export const go = (drive: Drive, node: Node.Node, place: Place, input: Outcome.Carried): Walked =>
  place.talk === undefined
    ? walked(drive, node, place, input)
    : Talk.heard(place.talk, node, walked(drive, node, place, input))

/** Each kind in its own way. */
const walked = (drive: Drive, node: Node.Node, place: Place, input: Outcome.Carried): Walked => {
  const { record } = drive
  switch (node._tag) {
    case "Sequence":
      return Composite.sequence(drive, node, place, input)
    case "Code":
    case "Agent":
    case "Skill":
      return Leaf.leaf(drive, node, place, input)
    case "Fn":
    case "Pass":
      return again(drive, node, place, input, Leaf.computed(drive, node, place, input))
    case "Parallel":
      return again(drive, node, place, input, Composite.parallel(drive, node, place, input))
    case "ForEach":
      return again(drive, node, place, input, Composite.forEach(drive, node, place, input))
    case "Branch":
      return again(drive, node, place, input, Composite.branch(drive, node, place, input))
    case "Loop":
      return again(drive, node, place, input, Composite.loop(drive, node, place, input))
    case "Ask":
      return again(drive, node, place, input, Waiting.ask(drive, node, place, input))
    case "States":
      return again(drive, node, place, input, States.states(drive, node, place, input))
    case "Sleep":
      return again(drive, node, place, input, Waiting.sleep(drive, node, place, input))
    case "Signal":
      return again(drive, node, place, input, Waiting.signal(drive, node, place, input))
    case "Versioned":
      return drive.keeps.has(node.change) === (node.side === "before")
        ? drive.go(node.step, place, input)
        : Effect.succeed(Outcome.completed(input))
    case "When":
      return Wrapper.when(drive, node, place, input)
    case "Check":
      return node.whole === true
        ? Wrapper.check(drive, node, place, input)
        : again(drive, node, place, input, Wrapper.check(drive, node, place, input))
    case "Validate":
      return again(drive, node, place, input, Validate.validate(drive, node, place, input))
    case "Note":
      return drive.go(node.step, place, input)
    case "Retry":
      return Wrapper.retry(drive, node, place, input)
    case "Timeout":
      return Wrapper.timeout(drive, node, place, input)
    case "Fallback":
      return Effect.flatMap(drive.go(node.step, place, input), (outcome) =>
        outcome._tag === "Failed" && outcome.reason !== "Defect"
          ? drive.go(node.that, below(place, StepPath.beside(borrowed(place, node), "fallback")), input)
          : Effect.succeed(outcome)
      )
    case "Cached":
      return Cached.cached(drive, node, place, input)
    case "Compensate":
      return Compensate.compensate(drive, node, place, input)
    case "Map":
      return Effect.gen(function* () {
        const outcome = yield* drive.go(node.step, place, input)
        if (outcome._tag !== "Completed") return outcome
        const path = StepPath.beside(borrowed(place, node), "map")
        const output = call(path, node.code, node.output, outcome.output)
        if (Either.isLeft(output)) return output.left
        const text = textOf(drive, output.right, path)
        if (Either.isLeft(text)) return text.left
        const said = yield* record.say(place.closed, {
          path,
          kind: "Computed",
          ordinal: Node.layersBelow(node, "Map"),
          data: {},
          payload: { output: Outcome.payloadOf(output.right) },
          text: text.right
        })
        return said ? { ...outcome, output: output.right } : Outcome.resting
      })
    case "Input":
      return Effect.suspend(() => {
        const path = borrowed(place, node)
        const value = evaluated(node.input, place.env, input)
        return Either.isLeft(value)
          ? Effect.succeed(engineFailed(value.left, path))
          : drive.go(node.step, place, Outcome.raw(value.right))
      })
    case "Sink":
      return Effect.map(drive.go(node.step, place, input), (outcome) => {
        if (outcome._tag !== "Completed") return outcome
        const output = node.key === undefined ? outcome.output : partOf(outcome.output, node.key)
        if (output === undefined) return outcome
        const write = written(node, place.env, output)
        return Either.isLeft(write)
          ? defect(write.left.detail, borrowed(place, node))
          : { ...outcome, writes: [...outcome.writes, write.right] }
      })
    case "Capped": {
      const path = StepPath.standing(borrowed(place, node))
      return drive.go(node.step, { ...place, caps: [...place.caps, { path, limits: node.limits }] }, input)
    }
    case "Scope": {
      const path = own(place, node.name)
      if (node.pipeline === undefined) return drive.go(node.step, below(place, path), input)
      const { pipeline } = node
      const env = inner(pipeline, place.env, input, path)
      if (Either.isLeft(env)) return Effect.succeed(env.left)
      return Effect.map(drive.go(node.step, below(place, path, env.right), input), (outcome) => {
        if (outcome._tag !== "Completed") return outcome
        const writes = outer(pipeline, place.env, outcome.writes)
        return Either.isLeft(writes) ? defect(writes.left.detail, path) : { ...outcome, writes: writes.right }
      })
    }
  }
}

/** A value of a map, or nothing where it is not there. */
const partOf = (carried: Outcome.Carried, key: string): Outcome.Carried | undefined => {
  const json = Json.get(carried.json(), key)
  return json === undefined ? undefined : Outcome.raw(json)
}

/** What a pipeline within another one sees. */
const inner = (
  { context, inherits }: Node.Inner,
  outside: Env.Env,
  input: Outcome.Carried,
  path: StepPath.StepPath
): Either.Either<Env.Env, Outcome.Failed> => {
  const env = Env.make(input, context, outside.templates)
  if (inherits !== true) return Either.right(env)
  const writes: Array<Outcome.Write> = []
  for (const { field, json } of Env.lastWrites(outside)) {
    if (context !== undefined && !Object.hasOwn(context.fields, field)) continue
    const write = Env.written(env, field, json)
    if (Either.isLeft(write)) {
      const detail = `context.${field} does not fit the pipeline within: ${write.left.detail}`
      return Either.left(engineFailed(new ValueRefused({ path, detail }), path))
    }
    writes.push(write.right)
  }
  return Either.right(Env.after(env, undefined, input, writes, undefined))
}

/** What of its context a pipeline within another one hands out. */
const outer = ({ outputs }: Node.Inner, outside: Env.Env, writes: ReadonlyArray<Outcome.Write>) =>
  Either.all(
    (outputs ?? []).flatMap(([from, to]) => {
      const last = writes.findLast(({ field }) => field === from)
      return last === undefined ? [] : [Env.written(outside, to, last.json)]
    })
  )

/** A failed step that a person asked to be tried again is walked as its next attempt. */
const again = (drive: Drive, node: Node.Node, place: Place, input: Outcome.Carried, walked: Walked): Walked =>
  drive.record.again.size === 0
    ? walked
    : Effect.flatMap(walked, (outcome) =>
        outcome._tag === "Failed" &&
        outcome.at.length === 1 &&
        outcome.at[0] === borrowed(place, node) &&
        drive.record.again.has(outcome.at[0])
          ? drive.go(node, { ...place, attempt: place.attempt + 1, refused: outcome.refused ?? place.refused }, input)
          : Effect.succeed(outcome)
      )
