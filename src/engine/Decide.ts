/** What decides where a composite goes: a function, an expression, or the output of a step. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Json from "../domain/Json.js"
import type * as StepPath from "../domain/StepPath.js"
import * as Template from "../expression/Template.js"
import type * as Node from "../pipeline/Node.js"
import * as Env from "./Env.js"
import { attempted, defect, engineFailed } from "./Failure.js"
import type * as Outcome from "./Outcome.js"
import { below, type Drive, type Place } from "./Place.js"
import { decodedOf } from "./Value.js"

export interface Decided {
  readonly _tag: "Decided"
  readonly on: Json.Json
  readonly writes: ReadonlyArray<Outcome.Write>
}

const none: ReadonlyArray<Outcome.Write> = []

/** `path` is what it is decided for, `at` where a step that decides stands. */
export const decide = (
  drive: Drive,
  on: Node.Code<(input: never) => Json.Encoded> | Template.Template | Node.Decider,
  { at, path }: { readonly path: StepPath.StepPath; readonly at: StepPath.StepPath },
  place: Place,
  input: Outcome.Carried
): Effect.Effect<
  Decided | Outcome.Suspended | Outcome.Failed,
  Effect.Effect.Error<ReturnType<Drive["go"]>>,
  unknown
> => {
  if ("step" in on) {
    return Effect.map(drive.go(on.step, below(place, at), input), (outcome) =>
      outcome._tag === "Completed"
        ? { _tag: "Decided", on: outcome.output.json() ?? null, writes: outcome.writes }
        : outcome
    )
  }
  return Effect.succeed(
    Either.match(purely(on, path, place, input), {
      onLeft: (failed) => failed,
      onRight: (json): Decided => ({ _tag: "Decided", on: json, writes: none })
    })
  )
}

/** What a function or an expression says. */
export const purely = (
  on: Node.Code<(input: never) => Json.Encoded> | Template.Template,
  path: StepPath.StepPath,
  place: Place,
  input: Outcome.Carried
): Either.Either<Json.Json, Outcome.Failed> =>
  "source" in on
    ? Either.mapLeft(Template.evaluate(on, Env.scope(place.env, input), place.env.templates), (error) =>
        engineFailed(error, path)
      )
    : Either.flatMap(
        attempted(path, () => on.call(decodedOf(input) as never)),
        (answer) => Either.mapLeft(Json.fromUnknown(answer), (fault) => defect(`its condition: ${fault.message}`, path))
      )
