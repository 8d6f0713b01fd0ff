/**
 * Laws of a user's own pipeline, tried on inputs made up from its schema. Each run has a journal in memory of its own, is
 * answered what it asks, and must replay. The smallest input that breaks the law is what one is told.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { BudgetExceeded } from "../domain/Budget.js"
import type { Entry } from "../domain/Event.js"
import type { Json } from "../domain/Json.js"
import * as RunId from "../domain/RunId.js"
import * as Flujo from "../engine/Flujo.js"
import * as InputShape from "../engine/InputShape.js"
import type { RunError } from "../engine/RunError.js"
import { Journal } from "../journal/Journal.js"
import * as JournalMemory from "../journal/JournalMemory.js"
import type { Pipeline } from "../pipeline/Pipeline.js"

/** One run, as far as it went. */
export interface Ran<out In, out Out, out E> {
  readonly input: In
  /** `Suspended` where it waits for something that is not answered here: a question without an answer, a time, a signal. */
  readonly exit: Exit.Exit<Flujo.Completed<Out> | Flujo.Suspended, E | RunError | BudgetExceeded>
  readonly entries: ReadonlyArray<Entry>
}

/** A question that a run asks. */
export interface Question {
  readonly path: string
  readonly task: "approve" | "ask" | "uncertain" | "budget"
  readonly message: string
  /** JSON Schema of the answer. */
  readonly schema: Json
}

export interface Options<In> {
  /** Where inputs come from. Default: the schema of what the pipeline takes, which `Arbitrary.make` reads. */
  readonly input?: FastCheck.Arbitrary<In> | undefined
  /** Default 100. */
  readonly runs?: number | undefined
  /** The same seed makes up the same inputs. Default: another one each time, named where the law breaks. */
  readonly seed?: number | undefined
  /** Default: approvals are given, and other questions stay open. */
  readonly answer?: ((question: Question) => Json | undefined) | undefined
}

/** A law does not hold for this input. */
export class PropertyFailed extends Schema.TaggedError<PropertyFailed>("flujo/testing/PropertyFailed")(
  "PropertyFailed",
  {
    pipeline: Schema.String,
    seed: Schema.Int,
    /** How many runs it took. */
    runs: Schema.Int,
    /** The smallest input found that breaks it, as text. */
    input: Schema.String,
    detail: Schema.String
  }
) {
  override get message(): string {
    return `${this.pipeline} on ${this.input}: ${this.detail} (seed ${this.seed}, run ${this.runs})`
  }
}

/**
 * Tries `law` on runs of `pipeline`: it holds where it answers nothing or true, and breaks where it answers false or throws.
 * What the steps need is needed here. Time is the real one: a step that sleeps makes a test that does.
 */
export const property = <In, Out, E, R>(
  pipeline: Pipeline<In, Out, E, R>,
  law: (ran: Ran<In, Out, E>) => unknown,
  options: Options<NoInfer<In>> = {}
): Effect.Effect<void, PropertyFailed, Exclude<R | Journal, Journal>> =>
  Effect.gen(function* () {
    const runtime = yield* Effect.runtime<Exclude<R | Journal, Journal>>()
    const inputs = options.input ?? (yield* arbitraryOf<In>(pipeline))
    const one = (input: In) =>
      runOnce(pipeline, input, options.answer ?? approving).pipe(
        Effect.provide(JournalMemory.layerMemory),
        Effect.flatMap((ran) => holds(law, ran))
      )
    const tried = FastCheck.asyncProperty(inputs, async (input) => {
      const exit = await Runtime.runPromiseExit(runtime)(one(input))
      if (Exit.isFailure(exit)) throw new Error(detailOf(exit.cause))
    })
    const { seed } = options
    const details = yield* Effect.promise(async () =>
      FastCheck.check(tried, { numRuns: options.runs ?? 100, ...(seed === undefined ? {} : { seed }) })
    )
    if (!details.failed) return
    const error: unknown = details.errorInstance
    return yield* new PropertyFailed({
      pipeline: pipeline.name,
      seed: details.seed,
      runs: details.numRuns,
      input: FastCheck.stringify(details.counterexample?.[0]).slice(0, inputMax),
      detail: error instanceof Error ? error.message : "no input could be made up"
    })
  })

const inputMax = 2_000

class Broken extends Schema.TaggedError<Broken>("flujo/testing/Broken")("Broken", { detail: Schema.String }) {}

const detailOf = (cause: Cause.Cause<Broken>): string =>
  Option.match(Cause.failureOption(cause), { onNone: () => Cause.pretty(cause), onSome: ({ detail }) => detail })

const approving = ({ task }: Question): Json | undefined => (task === "approve" ? { approved: true } : undefined)

const arbitraryOf = <In>({ name, root }: Pipeline.Any): Effect.Effect<FastCheck.Arbitrary<In>> =>
  Effect.suspend(() => {
    const { schema } = InputShape.of(root)
    return schema === undefined
      ? Effect.dieMessage(`${name} has no schema of its input: say { input: … }`)
      : Effect.succeed(Arbitrary.make(schema))
  })

/** Drives a new run until nobody here can make it go on, then replays it. */
const runOnce = <In, Out, E, R>(
  pipeline: Pipeline<In, Out, E, R>,
  input: In,
  answer: (question: Question) => Json | undefined
): Effect.Effect<Ran<In, Out, E>, Broken, R | Journal> =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const runId = yield* RunId.make
    const entriesOf = Effect.orDie(Effect.map(Stream.runCollect(journal.read(runId)), (chunk) => Array.from(chunk)))
    let exit = yield* Effect.exit(Flujo.run(pipeline, input, { runId }))
    for (let rests = 0; rests < restsMax && Exit.isSuccess(exit) && exit.value._tag === "Suspended"; rests++) {
      let isAnswered = false
      for (const { event } of yield* entriesOf) {
        if (event.kind !== "TaskOpened") continue
        const value = answer({ path: event.path, task: event.data.task, ...event.payload })
        if (value === undefined) continue
        isAnswered = Exit.isSuccess(yield* Effect.exit(Flujo.answer(runId, event.path, value))) || isAnswered
      }
      if (!isAnswered) break
      exit = yield* Effect.exit(Flujo.resume(pipeline, runId))
    }
    const entries = yield* entriesOf
    if (entries.length > 0) {
      yield* Effect.mapError(
        Flujo.replay(pipeline, runId),
        ({ message }) => new Broken({ detail: `its replay is not the same: ${message}` })
      )
    }
    return { input, exit, entries }
  })

const restsMax = 1_000

const holds = <In, Out, E>(law: (ran: Ran<In, Out, E>) => unknown, ran: Ran<In, Out, E>): Effect.Effect<void, Broken> =>
  Effect.try({
    try: () => law(ran),
    catch: (error) => new Broken({ detail: error instanceof Error ? error.message : String(error) })
  }).pipe(
    Effect.filterOrFail(
      (answer) => answer !== false,
      () => new Broken({ detail: "the law does not hold" })
    )
  )
