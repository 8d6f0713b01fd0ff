/** A pipeline with a step of every kind, whose plan must not change its form. */
import { Effect, Schedule, Schema } from "effect"
import * as Template from "../../src/expression/Template.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Skill from "../../src/pipeline/Skill.js"
import * as Step from "../../src/pipeline/Step.js"

const Analysis = Schema.Struct({ topic: Schema.String, score: Schema.Number.pipe(Schema.between(0, 1)) })
class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.optional(Schema.String) }) {}
class Receipt extends Schema.Class<Receipt>("Receipt")({ id: Schema.NonEmptyString, at: Schema.DateTimeUtc }) {}
class Report extends Pipeline.Context<Report>()("report", { topic: Schema.String, ids: Schema.Array(Schema.Int) }) {}

const analyst = Agent.make("analyst", {
  model: "openai:gpt-4o",
  system: "Analyze — “exactly”.",
  output: Analysis,
  settings: { temperature: 0.2, seed: 7 }
})
const count = Skill.make("count", {
  description: "Counts.",
  input: Schema.Struct({ text: Schema.String }),
  output: Schema.Int,
  effect: "read",
  version: "3",
  argument: "text",
  run: ({ text }) => Effect.succeed(text.length)
})
const publish = Step.make("publish", {
  input: Analysis,
  output: Receipt,
  error: Refused,
  version: "2",
  effect: "write",
  onUncertain: "ask",
  run: () => Effect.fail(new Refused({}))
})
const list = (name: string) => Step.fn(name, (n: number) => [n, n], { output: Schema.Array(Schema.Number) })

export const golden = Step.agent("analyze", analyst).pipe(
  Step.map(({ topic }) => topic),
  Step.sinkTo(Report, "topic"),
  Step.andThen(Step.skill("count", count, { params: { text: "{{ previous_step }}", n: [1, null, true] } })),
  Step.andThen(Step.parallel({ left: list("pair"), right: Step.pass<number>("same").pipe(Step.named("inner")) })),
  Step.andThen(Step.fn("first", ({ left }: { readonly left: ReadonlyArray<number> }) => left)),
  Step.andThen(
    Step.forEach("each", Step.pass<number>("item"), { max: 10, concurrency: 2, maxWaiting: 3, onFailure: "skip" })
  ),
  Step.andThen(
    Step.branch("tone", { on: (all) => (all.length > 1 ? "many" : "few"), cases: { many: list2(), few: list2() } })
  ),
  Step.andThen(
    Step.loop("refine", Step.pass<string>("again"), { until: "previous_step == 'x'", max: 3, onMax: "continue" })
  ),
  Step.andThen(Step.approve("review", { message: "Publish {{ context.topic | upper }}?" })),
  Step.andThen(Step.ask("who", { message: () => "Who?", answer: Schema.Struct({ name: Schema.String }) })),
  Step.andThen(Step.sleep("rest", "2 minutes")),
  Step.andThen(
    publish.pipe(
      Step.retry({ times: 3, while: ["Refused"] }),
      Step.timeout("30 seconds"),
      Step.fallback(Step.fn("cheap", () => "cheap")),
      Step.withInput("{{ steps.analyze }}")
    )
  ),
  Step.andThen(
    Step.pass<unknown>("last").pipe(Step.retry(Schedule.exponential("1 second"), { times: 2, version: "4" }))
  ),
  Step.andThen(Pipeline.asStep(Pipeline.make("inner")(Step.pass<unknown>("deep")), "sub")),
  Step.andThen(
    Step.branch("way", { on: "input", cases: { a: Step.pass<unknown>("a") }, otherwise: Step.pass<unknown>("b") })
  ),
  Pipeline.make("golden", { context: Report })
) as Pipeline.Pipeline.Any

function list2() {
  return Step.fromNode<ReadonlyArray<number>, string>({
    _tag: "Ask",
    name: undefined,
    mode: "ask",
    message: Template.parse("Well?"),
    answer: analyst.output!
  })
}
