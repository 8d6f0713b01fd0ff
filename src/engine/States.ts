/** A machine of named states: each runs its steps, and the first transition that fits says where to go. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Json from "../domain/Json.js"
import * as StepPath from "../domain/StepPath.js"
import * as Template from "../expression/Template.js"
import type * as Node from "../pipeline/Node.js"
import { LoopExhausted, NoTransition } from "../pipeline/StepError.js"
import * as Env from "./Env.js"
import { engineFailed } from "./Failure.js"
import * as Outcome from "./Outcome.js"
import { below, type Drive, own, type Place, type Walked } from "./Place.js"
import * as Talk from "./Talk.js"

export const states = (drive: Drive, node: Node.StatesNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.gen(function* () {
    const path = own(place, node.name)
    let state = node.start
    let carried = input
    let { env } = place
    const writes: Array<Outcome.Write> = []
    let answer: Json.Json | undefined
    let event: Json.JsonObject | null = null
    const ended: Array<Outcome.Outcome> = []
    for (let i = 0; !node.ends.includes(state); i++) {
      if (i >= node.max) return engineFailed(new LoopExhausted({ path, max: node.max }), path)
      const at = StepPath.at(path, i)
      const taken = { path: at, kind: "BranchTaken", data: { branch: state }, payload: { on: event } } as const
      if (!(yield* drive.record.say(place.closed, taken))) return Outcome.resting
      const body = node.states.find(([name]) => name === state)![1]
      const outcome: Outcome.Outcome = yield* drive.go(body, below(place, StepPath.child(at, state), env), carried)
      if (outcome._tag === "Suspended" || (outcome._tag === "Failed" && outcome.reason === "Defect")) return outcome
      const happened = outcome._tag === "Completed" ? "success" : "failure"
      if (outcome._tag === "Completed") {
        carried = outcome.output
        for (const write of outcome.writes) writes.push(write)
        answer = outcome.answer ?? answer
        if (outcome.said !== undefined) ended.push(outcome)
        env = Env.after(env, undefined, carried, outcome.writes, outcome.answer)
      }
      event = {
        event: happened,
        state,
        last_output: outcome._tag === "Completed" ? (carried.json() ?? null) : null,
        error: outcome._tag === "Failed" ? outcome.json : null
      }
      const next = following(node, state, happened, { ...env, event }, carried, path)
      if (Either.isLeft(next)) return next.left
      if (next.right === undefined) {
        return outcome._tag === "Failed"
          ? outcome
          : engineFailed(new NoTransition({ path, state, event: happened }), path)
      }
      const end = node.ends.includes(next.right.to) ? ("done" as const) : ("again" as const)
      const said = { path: at, kind: "IterationEnded", data: { end }, payload: {} } as const
      if (!(yield* drive.record.say(place.closed, said))) return Outcome.resting
      state = next.right.to
    }
    return { ...Outcome.completed(carried, writes, answer), ...Talk.joined(ended) }
  })

const following = (
  node: Node.StatesNode,
  state: string,
  happened: Node.Transition["on"],
  env: Env.Env,
  previous: Outcome.Carried,
  path: StepPath.StepPath
): Either.Either<Node.Transition | undefined, Outcome.Failed> => {
  for (const transition of node.transitions) {
    if (transition.on !== happened || (transition.from !== undefined && transition.from !== state)) continue
    if (transition.when === undefined) return Either.right(transition)
    const met = Template.evaluate(transition.when, Env.scope(env, previous), env.templates)
    if (Either.isLeft(met)) return Either.left(engineFailed(met.left, path))
    if (Template.isTruthy(met.right)) return Either.right(transition)
  }
  return Either.right(undefined)
}
