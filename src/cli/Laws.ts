/** What `simulate` holds runs to beside what holds of all: what a blueprint says by itself, and what is typed. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Json } from "../domain/Json.js"
import * as StepPath from "../domain/StepPath.js"
import * as Usage from "../domain/Usage.js"
import * as Template from "../expression/Template.js"
import * as RunSummary from "../lens/RunSummary.js"
import * as Values from "../lens/Values.js"
import { InvariantViolated } from "../pipeline/StepError.js"
import type { Simulated } from "../testing/Simulate.js"
import { cliErrors } from "./codes/Cli.js"
import { Fault } from "./Fault.js"

type Run = Simulated<Json, Json, unknown>

/** How it is called where it breaks. */
export const ownName = "static_invariants"

/** No run ends by an invariant of its own. */
export const ofBlueprint = ({ ended }: Run): void => {
  if (ended._tag === "Failed" && ended.error instanceof InvariantViolated) throw ended.error
}

const names = ["status", "output", "error", "context", "steps", "input", "spent"] as const

export const parse = (source: string): Effect.Effect<Template.Template, Fault> => {
  const law = Template.parseExpression(source)
  const [problem] = law.problems
  const unknown = law.reads.find(({ root }) => !(names as ReadonlyArray<string>).includes(root))
  const refuse = (why: string) => Effect.fail(new Fault({ ...cliErrors.BadValue, text: `--invariant: ${why}` }))
  if (problem !== undefined) return refuse(`${problem.message}, at character ${problem.span.start + 1} of ${source}`)
  if (unknown !== undefined) return refuse(`there is no ${unknown.root}; there are ${names.join(", ")}`)
  return Effect.succeed(law)
}

/** What is not there reads as none: a run that failed has no output. */
export const holds =
  (law: Template.Template) =>
  (run: Run): boolean => {
    const scope = scopeOf(run)
    const answer = Template.evaluate(law, (name) => Option.fromNullable(scope[name]), { undefined: "ignore" })
    if (Either.isLeft(answer)) throw answer.left
    return Template.isTruthy(answer.right)
  }

const scopeOf = ({ ended, entries, input }: Run): Readonly<Record<string, Json | undefined>> => {
  const summary = RunSummary.make(entries, { held: false })
  const values = Values.make(entries)
  const steps: Record<string, Json> = {}
  for (const { event } of entries) {
    if (event.kind !== "StepSucceeded" && event.kind !== "Computed") continue
    const output = Option.getOrUndefined(values.of(event.payload.output))
    steps[StepPath.nameOf(StepPath.standing(event.path))] = output ?? null
  }
  return {
    status: ended._tag.toLowerCase(),
    output: Option.getOrUndefined(summary.output),
    error: Option.getOrUndefined(summary.error)?.error,
    context: ended._tag === "Completed" ? ended.context : {},
    steps,
    input,
    spent: { tokens: Usage.total(summary.usage), calls: summary.calls }
  }
}
