/** Conversations in the walk: what steps say on their way, and what the agents of the next iteration are told of it. */
import * as Effect from "effect/Effect"
import * as Conversation from "../agent/Conversation.js"
import * as StepPath from "../domain/StepPath.js"
import * as Talking from "../pipeline/Conversation.js"
import * as Node from "../pipeline/Node.js"
import * as Outcome from "./Outcome.js"
import { below, type Drive, type Place, type Talk, type Walked } from "./Place.js"

export const begin = (about: Node.Conversation, input: Outcome.Carried): Talk => ({
  about,
  so: Conversation.begin(input.json()),
  names: new Set(Talking.namesOf(about))
})

/** Adds what a step said to how it ended. */
export const heard = (talk: Talk, node: Node.Node, walked: Walked): Walked => {
  if (Node.isWrapper(node) || node._tag === "Sequence") return walked
  return Effect.map(walked, (outcome) => {
    if (outcome._tag !== "Completed") return outcome
    const own = saidBy(talk, node, outcome)
    return own.length === 0 ? outcome : { ...outcome, said: [...(outcome.said ?? []), ...own] }
  })
}

const saidBy = (
  talk: Talk,
  node: Node.Node,
  { answer, output }: Outcome.Completed
): ReadonlyArray<Conversation.Said> => {
  const name = Node.nameOf(node) ?? ""
  const json = () => output.json() ?? null
  if (node._tag === "Agent") return [{ name, by: "agent", json: json() }]
  // The question itself was put together where it was asked.
  if (node._tag === "Ask" && node.mode === "ask") return [{ name, by: "person", json: answer ?? null }]
  return talk.names.has(name) ? [{ name, by: "step", json: json() }] : []
}

/** What all of them said, in their order. */
export const joined = (outcomes: ReadonlyArray<Outcome.Outcome | undefined>): Pick<Outcome.Completed, "said"> => {
  const said = outcomes.flatMap((outcome) => (outcome?._tag === "Completed" ? (outcome.said ?? []) : []))
  return said.length === 0 ? {} : { said }
}

/** All that is kept of it, as a text. */
export const whole = ({ about, so }: Talk, said: ReadonlyArray<Conversation.Said>): Outcome.Carried =>
  Outcome.raw(Conversation.text(Conversation.after(so, said, about)))

/** With what an iteration at `at` said; what is older is told in short by a step, where that is wanted. */
export const after = (
  drive: Drive,
  talk: Talk,
  said: ReadonlyArray<Conversation.Said>,
  at: StepPath.StepPath,
  place: Place
): Effect.Effect<Talk | Outcome.Suspended | Outcome.Failed, Effect.Effect.Error<Walked>, unknown> => {
  const { about } = talk
  const so = Conversation.after(talk.so, said, about)
  const [by] = Talking.summarizersOf(about)
  const older = Conversation.older(so, about.history)
  if (by === undefined || older === undefined) return Effect.succeed({ ...talk, so })
  const outside = { ...below(place, StepPath.child(at, "summary")), talk: undefined }
  const input = Outcome.raw(Conversation.lines(older.turns))
  return Effect.map(drive.go(by, outside, input), (outcome) =>
    outcome._tag === "Completed"
      ? { ...talk, so: Conversation.summarized(so, older.rest, outcome.output.json() ?? null, about.history) }
      : outcome
  )
}
