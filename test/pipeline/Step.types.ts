/**
 * What steps say of themselves to the compiler: `npx tsc` is the test. Equalities are exact. What must not compile has
 * a name behind `@ts-expect-error`; `Messages.test.ts` reads the same file and holds how each of these is told.
 */
import { type Context, Effect, type Either, Schedule, Schema } from "effect"
import type { BudgetExceeded } from "../../src/domain/Budget.js"
import type { Encoded } from "../../src/domain/Json.js"
import type { ModelError, Models } from "../../src/domain/Model.js"
import * as Once from "../../src/domain/Once.js"
import * as Flujo from "../../src/engine/Flujo.js"
import type { RunError } from "../../src/engine/RunError.js"
import type { TemplateError } from "../../src/expression/Template.js"
import type { Journal } from "../../src/journal/Journal.js"
import type { AgentError } from "../../src/pipeline/Agent.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Skill from "../../src/pipeline/Skill.js"
import * as Step from "../../src/pipeline/Step.js"
import type {
  InvariantViolated,
  ItemsRefused,
  LoopExhausted,
  NoBranch,
  Rejected,
  SchemaMismatch,
  StepTimedOut,
  StepUncertain,
  ValidationFailed,
  ValueRefused
} from "../../src/pipeline/StepError.js"
import {
  type Analysis,
  analyst,
  analyze,
  NetworkDown,
  Publisher,
  PublishRejected,
  publish,
  type Receipt,
  Report,
  research,
  researcher
} from "./Samples.js"

type Eq<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const is = <T extends true>(_: T) => {}

// ---------------------------------------------------------------- the sample of the design

const patient = publish.pipe(Step.retry(Schedule.exponential("1 second"), { times: 3 }), Step.timeout("30 seconds"))
is<Eq<typeof patient, Step.Step<Analysis, Receipt, PublishRejected | StepTimedOut, Publisher>>>(true)

const report = Step.agent("research", researcher).pipe(
  Step.andThen(Step.agent("analyze", analyst)),
  Step.andThen(Step.approve("review", { message: (analysis) => `Publish "${analysis.topic}"?` })),
  Step.andThen(patient),
  Pipeline.make("report")
)
is<
  Eq<
    typeof report,
    Pipeline.Pipeline<
      Encoded,
      Receipt,
      PublishRejected | Rejected | StepTimedOut | ModelError | AgentError,
      Publisher | Models
    >
  >
>(true)

const program = Flujo.run(report, "The future of quantum computing")
is<
  Eq<
    typeof program,
    Effect.Effect<
      Flujo.Completed<Receipt> | Flujo.Suspended,
      PublishRejected | Rejected | StepTimedOut | ModelError | AgentError | RunError | BudgetExceeded,
      Publisher | Models | Journal
    >
  >
>(true)

// ---------------------------------------------------------------- what lambdas are told inside pipe

const inferred = analyze.pipe(
  Step.andThen(
    Step.branch("tone", {
      on: (analysis) => (analysis.sentiment > 0 ? "good" : "bad"),
      cases: { good: publish, bad: Step.fn("drop", (analysis: Analysis) => analysis.topic) }
    })
  )
)
is<Eq<typeof inferred, Step.Step<string, Receipt | string, PublishRejected, Publisher>>>(true)

const looped = research.pipe(
  Step.andThen(Step.loop("refine", research, { until: (text) => text.length > 3, max: 3 })),
  Step.andThen(Step.fn("count", (text) => text.length)),
  Step.map((count) => count.toFixed(1)),
  Step.andThen(Step.ask("who", { message: (text) => text.trim(), answer: Schema.Struct({ name: Schema.String }) }))
)
is<Eq<typeof looped, Step.Step<string, { readonly name: string }, LoopExhausted>>>(true)

const passed = analyze.pipe(Step.andThen(Step.pass("here")), Step.andThen(Step.sleep("rest", "1 minute")))
is<Eq<typeof passed, Step.Step<string, Analysis>>>(true)

const first = Step.andThen(analyze, Step.approve("review", { message: (analysis) => analysis.topic }))
is<Eq<typeof first, Step.Step<string, Analysis, Rejected>>>(true)

const told = analyze.pipe(Step.andThen(Step.approve("review", { message: "Publish {{ previous_step.topic }}?" })))
is<Eq<typeof told, Step.Step<string, Analysis, Rejected | TemplateError>>>(true)

// ---------------------------------------------------------------- leaves

is<Eq<typeof publish, Step.Step<Analysis, Receipt, PublishRejected, Publisher>>>(true)
is<Eq<typeof analyze, Step.Step<string, Analysis>>>(true)

const strict = Step.make("strict", {
  input: Schema.String,
  output: Schema.Void,
  onUncertain: "fail",
  run: () => Effect.void
})
is<Eq<typeof strict, Step.Step<string, void, StepUncertain>>>(true)

const asking = Step.make("asking", {
  input: Schema.Void,
  output: Schema.String,
  onUncertain: "ask",
  run: () => Effect.succeed("")
})
is<Eq<typeof asking, Step.Step<void, string, StepUncertain>>>(true)

const optional = Step.make("optional", {
  input: Schema.Struct({ a: Schema.optional(Schema.String), b: Schema.optionalWith(Schema.Number, { exact: true }) }),
  output: Schema.Map({ key: Schema.String, value: Schema.BigInt }),
  error: Schema.Union(PublishRejected, NetworkDown),
  run: ({ a, b }) => Effect.as(new PublishRejected({ why: `${a}${b}` }), new Map([["a", 1n]]))
})
is<Eq<Step.Step.Out<typeof optional>, Map<string, bigint>>>(true)
is<Eq<Step.Step.Error<typeof optional>, PublishRejected | NetworkDown>>(true)

const remembered = Step.make("remembered", {
  input: Schema.String,
  output: Schema.Number,
  run: (text) =>
    Once.run({ key: "count", request: text, success: Schema.Number }, () => Effect.map(Publisher, () => text.length))
})
is<Eq<typeof remembered, Step.Step<string, number, never, Publisher>>>(true)

const wordy = Agent.make("wordy", { model: "offline:", system: "" })
is<Eq<typeof wordy, Agent.Agent<string>>>(true)
is<Eq<typeof analyst, Agent.Agent<Analysis>>>(true)
const thought = Step.agent("think", analyst)
is<Eq<typeof thought, Step.Step<Encoded, Analysis, ModelError | AgentError, Models>>>(true)

const counting = Skill.make("count", {
  description: "Counts.",
  input: Schema.Struct({ text: Schema.String }),
  output: Schema.Number,
  effect: "pure",
  argument: "text",
  run: ({ text }) => Effect.map(Publisher, () => text.length)
})
const skilled = Step.skill("count", counting)
is<Eq<typeof skilled, Step.Step<{ readonly text: string }, number, Skill.SkillError | StepUncertain, Publisher>>>(true)
const given = Step.skill("count", counting, { params: { text: "{{ input }}" } })
is<Eq<typeof given, Step.Step<Encoded, number, Skill.SkillError | StepUncertain | TemplateError, Publisher>>>(true)

// ---------------------------------------------------------------- composites

const both = Step.parallel({ a: analyze, b: research })
is<Eq<typeof both, Step.Step<string, { readonly a: Analysis; readonly b: string }>>>(true)

const mixed = Step.parallel("mixed", { p: patient, n: Step.fn("n", (x: { readonly extra: number }) => x.extra) })
is<Eq<Step.Step.In<typeof mixed>, Analysis & { readonly extra: number }>>(true)
is<Eq<Step.Step.Out<typeof mixed>, { readonly p: Receipt; readonly n: number }>>(true)
is<Eq<Step.Step.Error<typeof mixed>, PublishRejected | StepTimedOut>>(true)
is<Eq<Step.Step.Requirements<typeof mixed>, Publisher>>(true)

const valued = Step.parallel("v", { a: analyze, b: research }, { reduce: "values", onFailure: "ignore" })
is<Eq<typeof valued, Step.Step<string, ReadonlyArray<Analysis | string>>>>(true)
const either = Step.parallel("e", { a: analyze, b: research }, { onFailure: "ignore", merge: "update" })
is<Eq<Step.Step.Out<typeof either>, { readonly a: Analysis | null; readonly b: string | null }>>(true)
is<Eq<Step.Step.Error<typeof either>, ValueRefused>>(true)
const joined = Step.parallel("j", { a: analyze }, { reduce: "union" })
is<Eq<Step.Step.Error<typeof joined>, ValueRefused>>(true)

const skipped = research.pipe(Step.when((topic: string) => topic !== ""))
is<Eq<typeof skipped, Step.Step<string, string>>>(true)
const heard = Step.signal("paid", { data: Schema.Number })
is<Eq<typeof heard, Step.Step<unknown, number, SchemaMismatch>>>(true)
const read = research.pipe(Step.withOutputSchema(Schema.NumberFromString))
is<Eq<typeof read, Step.Step<string, number, SchemaMismatch>>>(true)
const held = research.pipe(Step.validators([{ contains: "x" }, { step: Step.fn("j", (text: string) => text !== "") }]))
is<Eq<typeof held, Step.Step<string, string, ValidationFailed | ValueRefused | TemplateError>>>(true)
const kept = research.pipe(Step.invariants(["input"]))
is<Eq<typeof kept, Step.Step<string, string, InvariantViolated | TemplateError>>>(true)
const endless = Step.loop("l", research, { max: 3 })
is<Eq<typeof endless, Step.Step<string, string>>>(true)
const stateful = Step.loop("l", research, { max: 3, next: "{{ index }}" })
is<Eq<typeof stateful, Step.Step<string, string, TemplateError | ValueRefused | LoopExhausted>>>(true)

const chosen = Step.branch("tone", { on: "{{ previous_step }}", cases: { good: research }, otherwise: analyze })
is<Eq<typeof chosen, Step.Step<string, string | Analysis, NoBranch | TemplateError>>>(true)

const exhausting = Step.loop("l", research, { until: () => true, max: 3 })
is<Eq<typeof exhausting, Step.Step<string, string, LoopExhausted>>>(true)
// What the body answers may be narrower than what it takes.
const narrowing = Step.loop(
  "l",
  Step.fn("dots", (text: string) => `${text}.` as const),
  {
    until: (text) => text.endsWith(".."),
    max: 3
  }
)
is<Eq<typeof narrowing, Step.Step<string, `${string}.`, LoopExhausted>>>(true)
const going = Step.loop("l", research, { until: () => true, max: 3, onMax: "continue" })
is<Eq<typeof going, Step.Step<string, string>>>(true)
const texted = Step.loop("l", research, { until: "previous_step == 'x'", max: 3, onMax: "continue" })
is<Eq<typeof texted, Step.Step<string, string, TemplateError>>>(true)

const failing = Step.forEach("each", patient, { concurrency: 4, max: 10 })
is<
  Eq<
    typeof failing,
    Step.Step<ReadonlyArray<Analysis>, ReadonlyArray<Receipt>, ItemsRefused | PublishRejected | StepTimedOut, Publisher>
  >
>(true)
const skipping = Step.forEach("each", patient, { onFailure: "skip" })
is<Eq<typeof skipping, Step.Step<ReadonlyArray<Analysis>, ReadonlyArray<Receipt>, ItemsRefused, Publisher>>>(true)
const collecting = Step.forEach("each", patient, { onFailure: "collect" })
is<
  Eq<
    typeof collecting,
    Step.Step<
      ReadonlyArray<Analysis>,
      ReadonlyArray<Either.Either<Receipt, PublishRejected | StepTimedOut>>,
      ItemsRefused,
      Publisher
    >
  >
>(true)

// ---------------------------------------------------------------- wrappers

const cheap = Step.fn("cheap", (analysis: Analysis) => analysis.topic)
const safe = publish.pipe(Step.fallback(cheap))
is<Eq<Step.Step.In<typeof safe>, typeof Analysis.Type & Analysis>>(true)
is<Eq<Step.Step.Out<typeof safe>, Receipt | string>>(true)
is<Eq<Step.Step.Error<typeof safe>, never>>(true)
is<Eq<Step.Step.Requirements<typeof safe>, Publisher>>(true)

const tried = publish.pipe(Step.retry({ times: 3, base: "2 seconds", while: ["PublishRejected"] }))
is<Eq<typeof tried, typeof publish>>(true)
const scheduled = publish.pipe(
  Step.retry(
    Schedule.recurWhile((error: PublishRejected) => error.why !== ""),
    { times: 2 }
  )
)
is<Eq<typeof scheduled, typeof publish>>(true)

const named = publish.pipe(Step.named("outer"))
is<Eq<typeof named, typeof publish>>(true)

const rooted = Pipeline.asStep(report, "inner")
is<Eq<Step.Step.Error<typeof rooted>, Step.Step.Error<typeof patient> | Rejected | ModelError | AgentError>>(true)
is<Eq<Step.Step.Requirements<typeof rooted>, Publisher | Models>>(true)

const fed = publish.pipe(Step.withInput("{{ steps.analyze.output }}"))
is<Eq<typeof fed, Step.Step<unknown, Receipt, PublishRejected | TemplateError, Publisher>>>(true)

// ---------------------------------------------------------------- context

const reading = Step.make("reading", {
  input: Schema.String,
  output: Schema.String,
  run: (text) => Effect.map(Report, (context) => `${text}${context.topic ?? ""}${(context.score ?? 0).toFixed(1)}`)
})
is<Eq<typeof reading, Step.Step<string, string, never, Report>>>(true)
const writing = research.pipe(Step.sinkTo(Report, "topic"))
is<Eq<typeof writing, Step.Step<string, string, never, Report>>>(true)
const whole = reading.pipe(Step.andThen(writing), Pipeline.make("report", { context: Report }))
is<Eq<typeof whole, Pipeline.Pipeline<string, string>>>(true)
const forgotten = reading.pipe(Pipeline.make("report"))
is<Eq<typeof forgotten, Pipeline.Pipeline<string, string, never, Report>>>(true)

// ---------------------------------------------------------------- variance

export const wide: Step.Step<"a", unknown, PublishRejected | NetworkDown, Publisher | Report> = Step.make("w", {
  input: Schema.String,
  output: Schema.Number,
  error: PublishRejected,
  run: () => Effect.succeed(1)
})

// ---------------------------------------------------------------- what does not compile

const text = Schema.String
const date = Schema.DateFromSelf
const tone = (analysis: Analysis) => (analysis.sentiment > 0 ? "good" : "bad")
const netDown = Schedule.recurWhile((error: NetworkDown) => error.code > 1)
const skilful = { description: "", input: Schema.Struct({ a: text }), output: text, effect: "pure" } as const
const run = () => Effect.succeed("")
type Just<R> = Context.Context<R>

// @ts-expect-error: steps that do not fit, in pipe
analyze.pipe(Step.andThen(research))
// @ts-expect-error: steps that do not fit, data first
Step.andThen(analyze, research)
// @ts-expect-error: a field that the step before does not give
research.pipe(Step.andThen(publish))
// @ts-expect-error: an undeclared error
Step.make("x", { input: text, output: text, run: () => Effect.fail("typed, and no schema for it") })
// @ts-expect-error: an error that is not the declared one
Step.make("x", { input: text, output: text, error: PublishRejected, run: () => new NetworkDown({ code: 1 }) })
// @ts-expect-error: another output than declared
Step.make("x", { input: text, output: text, run: () => Effect.succeed(1) })
// @ts-expect-error: an input that is unknown
Step.make("x", { input: Schema.Unknown, output: text, run })
// @ts-expect-error: an input that stays a Date
Step.make("x", { input: date, output: text, run })
// @ts-expect-error: an output with a field that stays a Date
Step.make("x", { input: text, output: Schema.Struct({ at: date }), run: () => Effect.never })
// @ts-expect-error: a function's answer that cannot be written
Step.fn("x", (text: string) => new Map([[text, 1]]))
// @ts-expect-error: a case that is missing
Step.branch("tone", { on: tone, cases: { good: publish } })
// @ts-expect-error: a case that takes something else
Step.branch("tone", { on: tone, cases: { good: publish, bad: research } })
// @ts-expect-error: a loop whose body does not take what it gives
Step.loop("refine", analyze, { until: () => true, max: 3 })
// @ts-expect-error: a loop without a limit
Step.loop("refine", research, { until: () => true })
// @ts-expect-error: a retry without a count
publish.pipe(Step.retry(Schedule.exponential("1 second")))
// @ts-expect-error: a schedule for another error
publish.pipe(Step.retry(netDown, { times: 2 }))
// @ts-expect-error: items that are not what the body takes
research.pipe(Step.andThen(Step.forEach("each", publish)))
// @ts-expect-error: a message for another input
analyze.pipe(Step.andThen(Step.approve("review", { message: (text: string) => text })))
// @ts-expect-error: a field of the context of another type
research.pipe(Step.sinkTo(Report, "score"))
// @ts-expect-error: a field that the context does not have
research.pipe(Step.sinkTo(Report, "nope"))
// @ts-expect-error: a context field that cannot be written
export class Bad extends Pipeline.Context<Bad>()("bad", { at: date }) {}
// @ts-expect-error: an input that the pipeline does not take
Flujo.run(whole, 1)
// @ts-expect-error: a context that was forgotten
Effect.runPromise(Effect.provide(Flujo.run(forgotten, "x"), {} as Just<Journal>))
// @ts-expect-error: a service that is missing
Effect.runPromise(Effect.provide(Flujo.run(report, "x"), {} as Just<Journal | Models>))
// @ts-expect-error: an agent whose output cannot be written
Agent.make("x", { model: "offline:", system: "", output: date })
// @ts-expect-error: a skill's argument that is no property of its input
Skill.make("x", { ...skilful, argument: "b", run })
// @ts-expect-error: a call through the door that fails with what it did not declare
Once.run({ key: "a", request: null, success: Schema.Number }, () => Effect.fail("no"))
// @ts-expect-error: a branch in parallel that is no step
Step.parallel({ a: analyze, b: "research" })
// @ts-expect-error: a pipeline as a step that does not fit
analyze.pipe(Step.andThen(Pipeline.asStep(whole)))
// @ts-expect-error: an unknown way to go on after a failed item
Step.forEach("each", publish, { onFailure: "ignore" })
// @ts-expect-error: a fallback that gives what the next step does not take
publish.pipe(Step.fallback(cheap), Step.andThen(Step.fn("id", ({ id }: Receipt) => id)))
// @ts-expect-error: a function that wants what nobody gives
Flujo.run(Pipeline.make("p")(Step.fn("f", (input: { readonly n: number }) => input.n)), { m: 1 })
// @ts-expect-error: an answer of a person that cannot be written
Step.ask("who", { message: () => "Who?", answer: date })
