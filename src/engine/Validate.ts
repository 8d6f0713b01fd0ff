/**
 * Outputs held to what they must be: all that does not hold is found before the step fails, and an agent's next try is told
 * of it together with what it answered. What is pure is looked at anew in a replay; steps that judge are steps like any other.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Json from "../domain/Json.js"
import * as StepPath from "../domain/StepPath.js"
import * as Template from "../expression/Template.js"
import type { Validator as Check, ValidateNode } from "../pipeline/Node.js"
import { InvariantViolated, ValidationFailed, ValueRefused } from "../pipeline/StepError.js"
import * as Validator from "../pipeline/Validator.js"
import * as Decide from "./Decide.js"
import * as Env from "./Env.js"
import { engineFailed } from "./Failure.js"
import type * as Outcome from "./Outcome.js"
import { below, borrowed, type Drive, type Place, type Walked } from "./Place.js"

/** Longer feedback is cut: it is sent to a model and kept. */
export const feedbackLengthMax = 2_000

export const validate = (drive: Drive, node: ValidateNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.gen(function* () {
    const path = borrowed(place, node)
    const outcome: Outcome.Outcome = yield* drive.go(node.step, place, input)
    if (outcome._tag !== "Completed") return outcome
    const { output } = outcome
    const at: Place = { ...place, env: Env.after(place.env, undefined, output, outcome.writes, outcome.answer) }
    const feedback: Array<string> = []
    for (const validator of node.validators) {
      let found: string | undefined
      if (validator._tag === "Judge") {
        const beside = below(at, StepPath.beside(path, "validator"))
        const judged: Outcome.Outcome = yield* drive.go(validator.step, beside, output)
        if (judged._tag !== "Completed") return judged
        found = Validator.feedbackOf(judged.output.json())
        if (found === "no verdict") {
          const detail = "a validator answers true, false, or { is_valid, feedback }"
          return engineFailed(new ValueRefused({ path: StepPath.standing(path), detail }), path)
        }
      } else {
        const looked = look(validator, path, at, output)
        if (Either.isLeft(looked)) return looked.left
        found = looked.right
      }
      if (found === undefined) continue
      const said = validator.message ?? (found === "" ? Validator.wordsOf(validator) : found)
      feedback.push(said.slice(0, feedbackLengthMax).toWellFormed())
    }
    if (feedback.length === 0) return outcome
    const standing = StepPath.standing(path)
    if (node.invariant === true) return engineFailed(new InvariantViolated({ path: standing, rules: feedback }), path)
    const failed = engineFailed(new ValidationFailed({ path: standing, feedback }), path)
    return { ...failed, refused: { answer: output.json() ?? null, feedback } }
  })

/** What a look at the output finds wrong; nothing, if it holds. */
const look = (
  validator: Exclude<Check, { readonly _tag: "Judge" }>,
  path: StepPath.StepPath,
  place: Place,
  output: Outcome.Carried
): Either.Either<string | undefined, Outcome.Failed> => {
  const json = output.json() ?? null
  switch (validator._tag) {
    case "Contains": {
      const text = typeof json === "string" ? json : Json.canonical(json)
      return Either.right(text.includes(validator.text) ? undefined : "")
    }
    case "Fits":
      return Either.right(
        Either.match(validator.shape.decode(json), { onLeft: ({ detail }) => detail, onRight: () => undefined })
      )
    case "Holds":
      return Either.map(Decide.purely(validator.template, path, place, output), (holds) =>
        Template.isTruthy(holds) ? undefined : ""
      )
  }
}
