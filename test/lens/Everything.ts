/** One run that has everything in it, so that views can be held to what is said of all of them. */
import { Effect, Schema } from "effect"
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
        a: Step.forEach("each", note).pipe(Step.withInput("{{ [previous_step, 'x'] }}")),
        b: flaky.pipe(Step.retry({ times: 3, base: 0 }))
      }).pipe(Step.map(({ a }) => a.join("\n")))
    ),
    Step.andThen(Step.fn("join", (x: unknown) => JSON.stringify(x))),
    Step.andThen(Step.branch("size", { on: () => "big" as const, cases: { big: note } })),
    Step.andThen(broken.pipe(Step.fallback(note))),
    Step.andThen(slow.pipe(Step.timeout(20), Step.fallback(Step.pass<string>("gave_up")))),
    Step.andThen(Step.loop("grow", note, { until: (out) => out.length > 100_000, max: 3, onMax: "continue" })),
    Step.andThen(Step.approve("review", { message: (out: string) => `Publish ${out}?` })),
    Step.andThen(Step.sleep("nap", 10)),
    Step.andThen(Step.ask("more", { message: () => said, answer: Schema.String })),
    Pipeline.make("everything")
  )
}

/** Its entries: paused, approved, asked, answered and completed, with a label. */
export const entries = (said: string) =>
  Effect.gen(function* () {
    const everything = pipeline(said)
    const { exit, runId } = yield* Runs.run(everything, said, { labels: { note: said } })
    if (exit._tag === "Failure") return yield* Effect.failCause(exit.cause)
    const journal = yield* Journal
    for (const answer of [{ approved: true, note: said }, said]) {
      const [task] = yield* journal.tasks({ run: runId, limit: 1 })
      yield* Flujo.answer(runId, task!.path, answer, said)
      yield* Flujo.resume(everything, runId)
    }
    return yield* Runs.entriesOf(runId)
  }).pipe(Effect.provideService(Models, Runs.countingModel()))

/** Its entries up to an approval. */
export const paused = (said: string) =>
  Effect.flatMap(Runs.run(pipeline(said), said), ({ entries }) => Effect.succeed(entries)).pipe(
    Effect.provideService(Models, Runs.countingModel())
  )
