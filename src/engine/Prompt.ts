/** An agent's prompt with its values filled in, as the step sees them when it starts. */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Json from "../domain/Json.js"
import * as Template from "../expression/Template.js"
import type { AnyAgent } from "../pipeline/Agent.js"
import * as Env from "./Env.js"
import type * as Outcome from "./Outcome.js"
import { evaluated } from "./Value.js"

/** The agent as it is asked. */
export const filled = (
  agent: AnyAgent,
  env: Env.Env,
  previous: Outcome.Carried
): Either.Either<AnyAgent, Template.TemplateError> => {
  const { prompt } = agent
  if (prompt === undefined) return Either.right(agent)
  return Either.flatMap(evaluated({ _tag: "Map", fields: prompt.variables }, env, previous), (variables) => {
    const outer = Env.scope(env, previous)
    const scope: Template.Scope = (name) =>
      Option.orElse(Option.fromNullable(Json.get(variables, name)), () => outer(name))
    return Either.map(Template.evaluateWithin(prompt.template, scope, Template.meter(), env.templates), (value) => ({
      ...agent,
      system: Template.toText(value)
    }))
  })
}
