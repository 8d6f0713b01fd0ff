/**
 * A user's own pipeline through thousands of bad days, each of which can be had again: the whole engine on a machine, a clock
 * and a store that follow from a seed, with crashes, lost answers, failing models and whatever else goes wrong. Whatever it
 * goes through, its journal must replay and hold; and so must what the user says must hold.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { Budget } from "../domain/Budget.js"
import type { Json } from "../domain/Json.js"
import type { Models } from "../domain/Model.js"
import { detailOf } from "../engine/Failure.js"
import * as InputShape from "../engine/InputShape.js"
import type * as PriceTable from "../governance/PriceTable.js"
import type { Script } from "../llm/Scripted.js"
import type { Pipeline } from "../pipeline/Pipeline.js"
import * as Explore from "./simulation/Explore.js"
import * as Faults from "./simulation/Faults.js"
import * as Leaves from "./simulation/Leaves.js"
import type { Numbers } from "./simulation/Numbers.js"
import * as Outside from "./simulation/Outside.js"
import * as Sample from "./simulation/Sample.js"
import type * as Trial from "./simulation/Trial.js"

export type { Kind as FaultKind } from "./simulation/Faults.js"
export type { Ended } from "./simulation/Trial.js"

/** One run as a simulation left it. */
export interface Simulated<out In, out Out, out E> {
  readonly seed: number
  readonly input: In
  /** `Waiting`: for something that nobody here gives it. */
  readonly ended: Trial.Ended<Out, E>
  readonly entries: Trial.Ran["entries"]
  /** What struck, and where. */
  readonly faults: Trial.Ran["faults"]
}

export interface Options<In, Out, E, L = never> {
  /** How many, from 1 on; or which. Default: 100. */
  readonly seeds?: number | { readonly from: number; readonly count: number } | undefined
  /** The kinds that may strike. Default: all but `cancel`. */
  readonly faults?: ReadonlyArray<Faults.Kind> | undefined
  /** Of those, only the ones of these names, as a failure tells them: `crash@3`. */
  readonly only?: ReadonlyArray<string> | undefined
  /** What must hold of every run, by its name. It breaks where it answers false or throws. */
  readonly invariants?: { readonly [name: string]: (run: Simulated<In, Out, E>) => unknown } | undefined
  /** Where inputs come from. Default: the schema of what the pipeline takes. */
  readonly input?: FastCheck.Arbitrary<In> | undefined
  /** Default: made up from the schema; of five approvals four are given. `undefined`: nobody answers. */
  readonly answer?: ((question: Trial.Question) => Json | undefined) | undefined
  /** What is told under a name that a step waits for. Default: made up from the schema. `undefined`: nothing is. */
  readonly signal?: ((name: string) => Json | undefined) | undefined
  /** `run` (default): code steps do what they say, with what they need. `made-up`: they answer by their schemas. */
  readonly code?: "run" | "made-up" | undefined
  /** What a skill answers. Default, and where it is undefined: made up from its schema. */
  readonly skills?: ((skill: string, input: Json) => Json | undefined) | undefined
  /** Replies by the whole name of a model, as in a file of `scripted:`. Of others they are made up from the schemas. */
  readonly scripts?: Readonly<Record<string, Script>> | undefined
  /** What code steps need and is made anew for each run: it stands for the world, which outlives the processes. */
  readonly layer?: Layer.Layer<L> | undefined
  readonly budget?: Budget | undefined
  readonly prices?: PriceTable.PriceTable | undefined
}

/** What was gone through, without a break. */
export interface Simulation extends Omit<Explore.Explored, "found"> {}

/** Something did not hold. */
export class SimulationFailed extends Schema.TaggedError<SimulationFailed>("flujo/testing/SimulationFailed")(
  "SimulationFailed",
  {
    pipeline: Schema.String,
    seed: Schema.Int,
    /** One of the user's, or `replay`, `ledger`, `journal`, `closed`, `projections`, `spending`, `no-effect-unrecorded`, `not-stranded`, `starts`, `repeatable`. */
    invariant: Schema.String,
    detail: Schema.String,
    /** The fewest that were found to break it, for `only`. */
    faults: Schema.Array(Schema.String),
    /** Whether the seed broke it again. Where not, something does not follow from the seed: a clock or a chance of its own. */
    repeats: Schema.Boolean,
    /** What happened, line by line; the last ones of many. */
    trace: Schema.Array(Schema.String)
  }
) {
  override get message(): string {
    const faults = this.faults.length === 0 ? "without any fault" : `with ${this.faults.join(", ")}`
    return `${this.pipeline}: ${this.invariant} does not hold under seed ${this.seed} ${faults}: ${this.detail}\n${this.trace.join("\n")}`
  }
}

/**
 * Runs `pipeline` under many seeds, and fails with the first that breaks an invariant, under the fewest faults that still
 * do. Models and skills are never reached: they are answered here. Code steps run as they are, on what is provided; the time
 * and the chance that they ask Effect for are the simulation's.
 */
export const simulate = <In, Out, E, R, L = never>(
  pipeline: Pipeline<In, Out, E, R>,
  options: Options<NoInfer<In>, NoInfer<Out>, NoInfer<E>, L> = {}
): Effect.Effect<Simulation, SimulationFailed, Exclude<R, L | Models>> =>
  Effect.gen(function* () {
    const context = yield* Effect.context<Exclude<R, L | Models>>()
    const setting = settingOf(pipeline, options, context)
    const { seeds = 100 } = options
    const { found, ...simulation } = yield* Effect.promise(() =>
      Explore.explore(() => setting, {
        ...(typeof seeds === "number" ? { from: 1, count: seeds } : seeds),
        only: options.only && new Set(options.only)
      })
    )
    if (found === undefined) return simulation
    const { broken, isRepeated, outcome } = found
    return yield* new SimulationFailed({
      pipeline: pipeline.name,
      seed: outcome.seed,
      invariant: broken.invariant,
      detail: broken.detail,
      faults: outcome.fired.map(Faults.nameOf),
      repeats: isRepeated,
      trace: trace(outcome)
    })
  })

const linesMax = 200

/** What happened, faults among it, line by line; the last ones of many. */
export const trace = ({ fired, told }: Trial.Outcome): ReadonlyArray<string> => {
  const all = [
    ...told.map(({ at, text }) => ({ at, text })),
    ...fired.map((one) => ({ at: one.at, text: `! ${Faults.nameOf(one)}: ${one.what}` }))
  ].sort((a, b) => a.at - b.at)
  const lines = all.slice(-linesMax).map(({ at, text }) => `${(at / 1_000).toFixed(3).padStart(10)} s  ${text}`)
  return all.length > linesMax ? [`… ${all.length - linesMax} lines before`, ...lines] : lines
}

/** All that is the same for every seed. */
export const settingOf = <In, Out, E, R, L>(
  pipeline: Pipeline<In, Out, E, R>,
  options: Options<In, Out, E, L>,
  context: Context.Context<never>
): Trial.Setting => {
  const { code = "run", scripts, skills } = options
  const furnishing = { code, scripts, skills }
  const root = Outside.furnish(pipeline.root, furnishing)
  const possible = Outside.kindsOf(pipeline.root)
  const wanted = options.faults ?? Faults.all.filter((kind) => kind !== "cancel")
  return {
    pipeline: { ...pipeline, root } as Trial.Setting["pipeline"],
    furnishing,
    context,
    world: options.layer as Layer.Layer<never> | undefined,
    input: inputOf(pipeline, options.input),
    answer: (question, numbers) =>
      options.answer === undefined ? answered(question, numbers) : options.answer(question),
    signals: signalsOf(pipeline, options.signal),
    budget: options.budget,
    prices: options.prices,
    kinds: new Set(wanted.filter((kind) => possible.has(kind))),
    isResumed: true,
    judge: (ran) => judged(ran as Simulated<In, Out, E>, options.invariants ?? {})
  }
}

const inputOf = <In>(pipeline: Pipeline.Any, arbitrary: FastCheck.Arbitrary<In> | undefined) => {
  const shape = InputShape.of(pipeline.root)
  return (numbers: Numbers): unknown => {
    if (arbitrary !== undefined) return FastCheck.sample(arbitrary, { seed: numbers.next() | 0, numRuns: 1 })[0]
    const json = Either.getOrThrowWith(Sample.ofShape(shape, numbers), (detail) => {
      return new Error(`${pipeline.name}: ${detail}; say { input: … }`)
    })
    return Either.getOrThrow(shape.decode(json))
  }
}

const answered = ({ schema, task }: Trial.Question, numbers: Numbers): Json =>
  task === "ask" ? Sample.ofSchema(schema, numbers) : { approved: numbers.chance(0.8) }

const signalsOf = (
  { root }: Pipeline.Any,
  signal: ((name: string) => Json | undefined) | undefined
): Trial.Setting["signals"] =>
  new Map(
    Leaves.of(root).flatMap((leaf) =>
      leaf._tag === "Signal"
        ? [
            [
              leaf.signal,
              (numbers: Numbers) =>
                signal === undefined ? Either.getOrUndefined(Sample.ofShape(leaf.data, numbers)) : signal(leaf.signal)
            ] as const
          ]
        : []
    )
  )

const judged = <In, Out, E>(
  run: Simulated<In, Out, E>,
  invariants: NonNullable<Options<In, Out, E>["invariants"]>
): ReadonlyArray<Trial.Break> =>
  Object.entries(invariants).flatMap(([invariant, holds]) => {
    try {
      return holds(run) === false ? [{ invariant, detail: "it does not hold" }] : []
    } catch (error) {
      return [{ invariant, detail: detailOf(error) }]
    }
  })
