/** One run that has everything in it, so that views can be held to what is said of all of them. */
import { Effect, Either, Option, Schema } from "effect"
import { Models } from "../../src/domain/Model.js"
import * as Flujo from "../../src/engine/Flujo.js"
import { Journal } from "../../src/journal/Journal.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Runs from "./Runs.js"

class Broken extends Schema.TaggedError<Broken>()("Broken", { detail: Schema.String }) {}

const text = { input: Schema.String, output: Schema.String }

/** `said` turns up in inputs, outputs, errors, messages, labels and answers. */
export const pipeline = (said: string) => {
  let failures = 0
  const note = Step.make("note", { ...text, run: (input) => Effect.succeed(`${input} ${said}`) })
  const flaky = Step.make("flaky", {
    ...text,
    error: Broken,
    run: (input) => (failures++ < 2 ? Effect.fail(new Broken({ detail: said })) : Effect.succeed(input))
  })
  const broken = Step.make("broken", { ...text, error: Broken, run: () => Effect.fail(new Broken({ detail: said })) })
  const slow = Step.make("slow", { ...text, run: () => Effect.never })
  const writer = Agent.make("writer", { model: "test:counter", system: said })
  return Step.agent("draft", writer).pipe(
    Step.andThen(note),
    Step.andThen(
      Step.parallel("both", {
        a: Step.forEach("each", note).pipe(Step.map((all) => all.join("\n"))),
        b: flaky.pipe(Step.retry({ times: 3, base: 0 }))
      }).pipe(Step.withInput("{{ [previous_step, 'x'] }}"))
    ),
    Step.andThen(Step.fn("join", (x: unknown) => JSON.stringify(x))),
    Step.andThen(Step.branch("size", { on: () => said, cases: { [said]: note } as never })),
    Step.andThen(broken.pipe(Step.fallback(note))),
    Step.andThen(slow.pipe(Step.timeout(20), Step.fallback(Step.pass<string>("gave_up")))),
    Step.andThen(Step.loop("grow", note, { until: (out) => out.length > 10 * said.length, max: 3, onMax: "continue" })),
    Step.andThen(Step.approve("review", { message: (out: string) => `Publish ${out}?` })),
    Step.andThen(Step.sleep("nap", 10)),
    Step.andThen(Step.ask("more", { message: () => said, answer: Schema.String })),
    Pipeline.make("everything")
  )
}
