/**
 * Running pipelines. A run is started, goes on, and is replayed by the same walk; its journal is its only state, so
 * each of these may happen in another process, on another day.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Budget, BudgetExceeded } from "../domain/Budget.js"
import type { Entry, Event, EventOf, Source, Wait } from "../domain/Event.js"
import * as Json from "../domain/Json.js"
import * as RunId from "../domain/RunId.js"
import * as StepPath from "../domain/StepPath.js"
import * as Version from "../domain/Version.js"
import type { UndefinedVariables } from "../expression/Template.js"
import * as PriceTable from "../governance/PriceTable.js"
import { Journal, type JournalError, type LetterRefused, type OwnedRun, type RunHeld } from "../journal/Journal.js"
import type { Pipeline } from "../pipeline/Pipeline.js"
import * as Plan from "../plan/Plan.js"
import * as PlanJson from "../plan/PlanJson.js"
import * as Drive from "./Drive.js"
import * as Entries from "./Entries.js"
import { detailOf } from "./Failure.js"
import * as Fork from "./Fork.js"
import * as InputShape from "./InputShape.js"
import * as Live from "./Live.js"
import * as Outcome from "./Outcome.js"
import { type Diverged, RunError } from "./RunError.js"
import * as Stuck from "./Stuck.js"
import * as Terms from "./Terms.js"
import * as Upgrade from "./Upgrade.js"

/** The run ended well. */
export interface Completed<out A> {
  readonly _tag: "Completed"
  readonly run: RunId.RunId
  readonly value: A
  /** The fields of the context at the end, encoded. */
  readonly context: Json.JsonObject
}

/** The run rests until what it waits for comes: an answer (`answer`), or a time (`resume` then). */
export interface Suspended {
  readonly _tag: "Suspended"
  readonly run: RunId.RunId
  readonly waits: ReadonlyArray<Wait>
}

export interface RunOptions {
  /** A name of one's own for the run. If a run of the same plan and input has it, that run goes on. */
  readonly runId?: RunId.RunId | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** The files that the pipeline was made from, kept in the journal so that the run can go on without them. */
  readonly sources?: ReadonlyArray<Source> | undefined
  /** How many times in a row a run is taken up again whose process died without coming further. Default 5. */
  readonly recoveriesMax?: number | undefined
  /** Waits up to this long are slept through; longer ones let the run rest. Default 5,000. */
  readonly parkAfterMillis?: number | undefined
  /**
   * What the run may spend, at the prices of `Prices`; both are kept with the run. Under mode `strict` (default) a
   * pipeline whose worst case may be more fails with reason `Budget` before it starts.
   */
  readonly budget?: Budget | undefined
}

type Result<Out, E, R> = Effect.Effect<Completed<Out> | Suspended, E | RunError | BudgetExceeded, R | Journal>

/** Starts a run and drives it until it ends or rests. */
export const run = <In, Out, E, R>(
  pipeline: Pipeline<In, Out, E, R>,
  input: In,
  options?: RunOptions
): Result<Out, E, R> =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const plan = yield* planOf(pipeline)
    const shape = InputShape.of(pipeline.root)
    const json = yield* Effect.mapError(shape.encode(input), (misfit) => inputError(misfit.detail))
    if (options?.runId !== undefined) {
      const known = yield* orJournal(options.runId, journal.run(options.runId))
      if (Option.isSome(known)) {
        yield* sameRun(journal, options.runId, plan, json)
        return yield* resume(pipeline, options.runId, options)
      }
    }
    const id = options?.runId ?? (yield* RunId.make)
    const value = yield* Effect.mapError(shape.decode(json), (misfit) => inputError(misfit.detail))
    const labels = Object.entries(options?.labels ?? {})
    const terms = yield* Terms.start(journal, pipeline, json, options?.budget, labels)
    const owned = yield* journal.create(id, { digest: plan.digest, json: plan.text })
    return yield* drive<Out, E>(
      journal,
      owned,
      {
        pipeline: pipeline.name,
        root: pipeline.root,
        context: pipeline.context,
        undefinedVariables: pipeline.undefinedVariables ?? "strict",
        input: Outcome.carried(value, json, shape),
        keeps: new Set(),
        parkAfterMillis: options?.parkAfterMillis,
        terms
      },
      {
        _tag: "Started",
        event: {
          data: {
            pipeline: pipeline.name,
            plan: plan.digest,
            labels,
            ...(terms === undefined ? {} : { budget: terms.budget })
          },
          payload: {
            input: json === undefined ? {} : { value: json },
            sources: options?.sources ?? [],
            ...(terms === undefined ? {} : { prices: PriceTable.toJson(terms.prices) })
          }
        }
      }
    )
  }) as Result<Out, E, R>

export interface ResumeOptions extends Pick<RunOptions, "parkAfterMillis" | "recoveriesMax"> {
  /**
   * The pipeline may be another version of the run's own, which it goes by from then on. Where that does not say again
   * what is recorded, this fails with reason `Upgrade`, naming the step and what differs, and nothing is written.
   */
  readonly upgrade?: boolean | undefined
  /** The files that the other version was made from. */
  readonly sources?: ReadonlyArray<Source> | undefined
}

/**
 * Goes on with a run that rests, was interrupted, or failed; of a failed one the failed steps are tried again. The
 * pipeline must be the one that the run was started with, or was upgraded to.
 *
 * A run whose process died again and again without coming any further becomes stuck: this fails with reason `Stuck`, and
 * the run stays as it is until it is resumed once more.
 */
export const resume = <In, Out, E, R>(
  pipeline: Pipeline<In, Out, E, R>,
  runId: RunId.RunId,
  options?: ResumeOptions
): Result<Out, E, R> =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const plan = yield* planOf(pipeline)
    const owned = yield* own(journal, runId)
    return yield* Effect.gen(function* () {
      const history = yield* historyOf(journal, runId)
      const isUpgrade = options?.upgrade === true && Version.of(history)?.plan !== plan.digest
      // Whoever brings another version has looked at what stops the run.
      const stuck = isUpgrade ? undefined : Stuck.find(history, options?.recoveriesMax ?? Stuck.recoveriesMaxDefault)
      if (stuck !== undefined) {
        yield* Terms.settleLost(journal, owned, history)
        journal.stage(owned, { event: stuck, payload: undefined, at: yield* Clock.currentTimeMillis })
        yield* orJournal(runId, journal.barrier(owned))
        return yield* stuckError(runId, stuck)
      }
      const kept = isUpgrade ? undefined : yield* drivenOf(journal, runId, pipeline, plan, history)
      const again = yield* Either.mapLeft(
        Upgrade.again(history),
        (detail) => new RunError({ reason: "Ended", run: runId, path: "", detail })
      )
      const driven = kept ?? (yield* premiseOf(runId, pipeline, history))
      const upgrade = isUpgrade ? yield* upgradeOf(journal, runId, driven, history) : undefined
      const version = upgrade && { plan: plan.digest, sources: options?.sources ?? [], keeps: upgrade.keeps }
      if (version !== undefined) yield* orJournal(runId, journal.keepPlan({ digest: plan.digest, json: plan.text }))
      const premise = { _tag: "Resumed", history, again, upgrade: version } as const
      const keeps = version === undefined ? driven.keeps : new Set(version.keeps)
      return yield* drive<Out, E>(
        journal,
        owned,
        { ...driven, keeps, parkAfterMillis: options?.parkAfterMillis },
        premise
      )
    }).pipe(Effect.ensuring(journal.release(owned)))
  }) as Result<Out, E, R>

export interface ReplayOptions {
  /** Only as far as the run came in this step, by its standing path. Default: all of the record. */
  readonly until?: StepPath.StepPath | undefined
  /** The pipeline may be another version than the one that was run, as long as it goes the same way. */
  readonly anyVersion?: boolean | undefined
}

/**
 * Walks a recorded run again with the outside shut: no model, skill or network is called, and nothing is written. Fails
 * with reason `Diverged` at the first event that is not as recorded. Needs nothing that the steps need. A run that was
 * upgraded is walked as a whole by the version that it goes by now.
 */
export const replay = <In, Out, E, R>(
  pipeline: Pipeline<In, Out, E, R>,
  runId: RunId.RunId,
  options?: ReplayOptions
): Effect.Effect<Drive.Replayed, RunError, Journal> =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const plan = yield* planOf(pipeline)
    const whole = yield* historyOf(journal, runId)
    const history = yield* upTo(runId, whole, options?.until)
    if (options?.anyVersion !== true) {
      const driven = yield* drivenOf(journal, runId, pipeline, plan, whole)
      return yield* Effect.mapError(Drive.replay(runId, driven, history, journal.limits), diverged(runId))
    }
    const driven = yield* premiseOf(runId, pipeline, whole)
    const before = yield* planKept(journal, runId, whole)
    return yield* Effect.mapError(Upgrade.fitting(runId, driven, history, before, journal.limits), diverged(runId))
  }) as Effect.Effect<Drive.Replayed, RunError, Journal>

/**
 * Whether a run could be resumed with another version of its pipeline, or would have gone the same way to its end: what
 * is recorded is walked by `pipeline` with the outside shut. Fails with reason `Upgrade` at the first step that the new
 * version does otherwise, and with `Input` where it does not take the run's input.
 */
export const upgradeCheck = <In, Out, E, R>(
  pipeline: Pipeline<In, Out, E, R>,
  runId: RunId.RunId
): Effect.Effect<Upgrade.Checked, RunError, Journal> =>
  Effect.gen(function* () {
    const journal = yield* Journal
    yield* planOf(pipeline)
    const history = yield* historyOf(journal, runId)
    return yield* upgradeOf(journal, runId, yield* premiseOf(runId, pipeline, history), history)
  }) as Effect.Effect<Upgrade.Checked, RunError, Journal>

export interface ForkOptions extends Fork.Cut, Pick<RunOptions, "runId" | "parkAfterMillis" | "recoveriesMax"> {}

/**
 * Starts a run that begins as another one did up to the step `from`, and goes on from there by itself, if wanted with
 * another input, output or answer at that step. Nothing that was copied is done again, and the parent is never touched.
 */
export const fork = <In, Out, E, R>(
  pipeline: Pipeline<In, Out, E, R>,
  parent: RunId.RunId,
  options: ForkOptions
): Result<Out, E, R> =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const plan = yield* planOf(pipeline)
    const history = yield* historyOf(journal, parent)
    yield* drivenOf(journal, parent, pipeline, plan, history)
    const refuse = (detail: string) => new RunError({ reason: "Fork", run: parent, path: options.from, detail })
    const run = options.runId ?? (yield* RunId.make)
    if (Option.isSome(yield* orJournal(run, journal.run(run)))) {
      return yield* new RunError({ reason: "Exists", run, path: "", detail: "the id is in use" })
    }
    const at = yield* Clock.currentTimeMillis
    const events = yield* Either.mapLeft(Fork.events(history, parent, options, at), refuse)
    const entries = events.map((event, seq): Entry => ({ run, seq, at, epoch: 1, event }))
    // What was given must fit before anything is written: it is walked as a record that stops in the middle.
    const driven = yield* premiseOf(run, pipeline, entries)
    const walked = yield* Effect.mapError(Drive.replay(run, driven, entries, journal.limits), ({ detail }) =>
      refuse(detail)
    )
    const { failure } = walked
    if (failure?.reason === "Defect") return yield* refuse(detailOf(failure.error))
    const owned = yield* journal.create(run, { digest: plan.digest, json: plan.text })
    for (const { event } of entries) journal.stage(owned, { event, payload: payloadOf(event), at })
    yield* orJournal(run, Effect.ensuring(journal.barrier(owned), journal.release(owned)))
    return yield* resume(pipeline, run, options)
  }) as Result<Out, E, R>

/** Canonical text of an event's payload, or undefined for none. */
const payloadOf = ({ payload }: Event): string | undefined =>
  Object.keys(payload).length === 0 ? undefined : Json.canonical(Either.getOrThrow(Json.fromUnknown(payload)))

/** Runs a pipeline and answers its entries as they become durable; the last is the run's end or rest. */
export const stream = <In, Out, E, R>(
  pipeline: Pipeline<In, Out, E, R>,
  input: In,
  options?: RunOptions
): Stream.Stream<Entry, E | RunError | BudgetExceeded, R | Journal> =>
  Stream.unwrap(
    Effect.map(
      Effect.zip(Journal, options?.runId === undefined ? RunId.make : Effect.succeed(options.runId)),
      ([journal, runId]) => entriesOf(journal, runId, run(pipeline, input, { ...options, runId }))
    )
  )

/** The entries of a run that commit while `effect` drives it. */
export const entriesOf = Entries.of

/**
 * As `stream`, and between the entries what models say while they say it. Where `runId` is that of a run that is there, it goes
 * on, and what is recorded of it comes first.
 */
export const live = <In, Out, E, R>(
  pipeline: Pipeline<In, Out, E, R>,
  input: In,
  options?: RunOptions
): Stream.Stream<Live.Happening, E | RunError | BudgetExceeded, R | Journal> =>
  Stream.unwrap(
    Effect.map(
      Effect.zip(Journal, options?.runId === undefined ? RunId.make : Effect.succeed(options.runId)),
      ([journal, runId]) => Live.of(journal, runId, run(pipeline, input, { ...options, runId }), { from: 0 })
    )
  )

/** `live` of any way to drive a run, from entry `from` on. */
export const liveOf = Live.of

/**
 * How the run takes names that are not there, as it was started. Whoever reads its pipeline again from text to go on with
 * it must say so, whatever the project says by now.
 */
export const undefinedVariables = (runId: RunId.RunId): Effect.Effect<UndefinedVariables, RunError, Journal> =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const run = yield* orJournal(runId, journal.run(runId))
    if (Option.isNone(run)) return yield* unknownRun(runId)
    const plan = yield* orJournal(runId, journal.plan(run.value.plan))
    return Option.match(plan, { onNone: () => "strict", onSome: PlanJson.undefinedVariablesOf })
  })

/**
 * Answers an open task. Whoever drives the run takes the answer from there; nobody need be driving it now. An answer
 * that does not fit the task's schema (it stands in the task) fails the run, which asks again when it is resumed.
 */
export const answer = (
  runId: RunId.RunId,
  task: StepPath.StepPath,
  value: Json.Json,
  by?: string
): Effect.Effect<void, LetterRefused | JournalError, Journal> =>
  Effect.flatMap(Journal, (journal) => journal.deliver(runId, { _tag: "Answer", path: task, answer: value, by }))

/** Asks for a run to end. Its owner does so as soon as it reads this; a resting run ends when next driven. */
export const cancel = (
  runId: RunId.RunId,
  reason: string
): Effect.Effect<void, LetterRefused | JournalError, Journal> =>
  Effect.flatMap(Journal, (journal) => journal.deliver(runId, { _tag: "Cancel", reason }))

/**
 * Tells a run that something happened: the step that waits longest for this name takes it, or the first one that will.
 * `id` says which happening it is; one told twice under the same `id` happened once. At most 1,000 signals wait to be
 * taken; more are put aside.
 */
export const signal = (
  runId: RunId.RunId,
  name: string,
  data: Json.Json,
  options?: { readonly id?: string | undefined; readonly by?: string | undefined }
): Effect.Effect<void, LetterRefused | JournalError, Journal> =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const id = options?.id ?? (yield* RunId.make)
    yield* journal.deliver(runId, { _tag: "Signal", id, signal: name, data, by: options?.by })
  })

/** JSON Schema of what a pipeline takes, written as JSON. */
export const inputSchema = (pipeline: Pipeline.Any): Json.Json => InputShape.of(pipeline.root).jsonSchema

/** The input that JSON says for a pipeline, by the schema of its first step; fails with reason `Input`. */
export const decodeInput = <In, Out, E, R>(
  pipeline: Pipeline<In, Out, E, R>,
  json: Json.Json
): Either.Either<In, RunError> =>
  Either.mapBoth(InputShape.of(pipeline.root).decode(json), {
    onLeft: (misfit) => inputError(misfit.detail),
    onRight: (value) => value as In
  })

// ---------------------------------------------------------------- pipelines by name

/** The pipelines that a process can go on with, found by the name and the plan digest of a run. */
export class Pipelines extends Context.Tag("flujo/engine/Pipelines")<
  Pipelines,
  {
    readonly resume: (runId: RunId.RunId) => Effect.Effect<Completed<unknown> | Suspended, unknown, Journal>
    readonly replay: (runId: RunId.RunId) => Effect.Effect<Drive.Replayed, RunError, Journal>
  }
>() {}

type Needs<P> = P extends Pipeline<infer _In, infer _Out, infer _E, infer R> ? R : never

/** What the steps of all of them need is taken once, here. */
export const layerPipelines = <const P extends ReadonlyArray<Pipeline.Any>>(
  ...pipelines: P
): Layer.Layer<Pipelines, never, Needs<P[number]>> =>
  Layer.effect(
    Pipelines,
    Effect.map(Effect.context<Needs<P[number]>>(), (context) => {
      const byPlan = new Map(pipelines.map((pipeline) => [keyOf(pipeline.name, Plan.make(pipeline).digest), pipeline]))
      const find = (runId: RunId.RunId) =>
        Effect.gen(function* () {
          const journal = yield* Journal
          const row = yield* orJournal(runId, journal.run(runId))
          if (Option.isNone(row)) return yield* unknownRun(runId)
          const pipeline = byPlan.get(keyOf(row.value.pipeline, row.value.plan))
          if (pipeline !== undefined) return pipeline
          const detail = `no pipeline ${row.value.pipeline} with plan ${row.value.plan.slice(0, 12)} is registered here`
          return yield* new RunError({ reason: "Changed", run: runId, path: "", detail })
        })
      return {
        resume: (runId) =>
          Effect.provide(
            Effect.flatMap(find(runId), (pipeline) => resume(pipeline, runId)),
            context
          ) as Effect.Effect<Completed<unknown> | Suspended, unknown, Journal>,
        replay: (runId) => Effect.flatMap(find(runId), (pipeline) => replay(pipeline, runId))
      }
    })
  )

const keyOf = (name: string, digest: string): string => `${digest} ${name}`

// ---------------------------------------------------------------- private

const drive = <Out, E>(
  journal: Journal["Type"],
  owned: OwnedRun,
  driven: Drive.Driven,
  premise: Drive.Premise
): Effect.Effect<Completed<Out> | Suspended, E | RunError, unknown> =>
  Effect.gen(function* () {
    const { run } = owned
    const end = yield* Effect.catchTags(Drive.live(journal, owned, driven, premise), {
      Diverged: (error) => Effect.fail(diverged(run)(error)),
      JournalError: (error) => Effect.fail(journalError(run)(error))
    })
    switch (end._tag) {
      case "Completed":
        return {
          _tag: "Completed",
          run,
          value: (end.output.raw ? end.output.json() : end.output.value) as Out,
          context: contextOf(end.writes)
        } as const
      case "Suspended":
        return { _tag: "Suspended", run, waits: end.waits } as const
      case "Cancelled":
        return yield* new RunError({
          reason: "Cancelled",
          run,
          path: "",
          detail: end.reason === "" ? "it was cancelled" : `it was cancelled: ${end.reason}`
        })
      case "Failed":
        if (end.reason !== "Defect") return yield* Effect.fail(end.error as E)
        return yield* new RunError({
          reason: "Defect",
          run,
          path: end.at.join(", "),
          detail: detailOf(end.error)
        })
    }
  })

/** A later write of a field replaces an earlier one. */
const contextOf = (writes: Outcome.Completed["writes"]): Json.JsonObject => {
  const fields: Record<string, Json.Json> = {}
  for (const { field, json } of writes) Json.set(fields, field, json)
  return fields
}

const planOf = (pipeline: Pipeline.Any): Effect.Effect<Plan.Plan, RunError> =>
  Effect.suspend(() => {
    const known = plans.get(pipeline)
    if (known !== undefined) return Effect.succeed(known)
    const plan = Plan.make(pipeline)
    const [first, ...more] = Plan.errors(plan)
    if (first === undefined) {
      plans.set(pipeline, plan)
      return Effect.succeed(plan)
    }
    const others = more.length === 0 ? "" : ` (and ${more.length} more)`
    return Effect.fail(
      new RunError({
        reason: "Plan",
        run: "",
        path: first.path,
        detail: `${first.code}: ${first.message}${others}`,
        ...(first.hint === undefined ? {} : { hint: first.hint })
      })
    )
  })

/** A pipeline is a value: it is planned once. */
const plans = new WeakMap<Pipeline.Any, Plan.Plan>()

const own = (journal: Journal["Type"], runId: RunId.RunId): Effect.Effect<OwnedRun, RunError> =>
  Effect.gen(function* () {
    const owned = yield* Effect.catchTags(journal.own(runId), {
      RunHeld: (error) => Effect.fail(heldError(error)),
      JournalError: (error) => Effect.fail(journalError(runId)(error))
    })
    return Option.isSome(owned) ? owned.value : yield* unknownRun(runId)
  })

const historyOf = (journal: Journal["Type"], runId: RunId.RunId): Effect.Effect<ReadonlyArray<Entry>, RunError> =>
  Effect.flatMap(orJournal(runId, Stream.runCollect(journal.read(runId))), (entries) => {
    const history = Array.from(entries)
    return history.length === 0 ? unknownRun(runId) : Effect.succeed(history)
  })

/** What is recorded, up to the last entry of a step. */
const upTo = (
  runId: RunId.RunId,
  history: ReadonlyArray<Entry>,
  until: StepPath.StepPath = StepPath.root
): Effect.Effect<ReadonlyArray<Entry>, RunError> => {
  if (until === StepPath.root) return Effect.succeed(history)
  const last = history.findLastIndex(({ event }) => StepPath.isWithin(StepPath.standing(event.path), until))
  if (last >= 0) return Effect.succeed(history.slice(0, last + 1))
  return Effect.fail(new RunError({ reason: "NoStep", run: runId, path: until, detail: "the run did not come to it" }))
}

/** The run's own premise, checked against the pipeline at hand. */
const drivenOf = (
  journal: Journal["Type"],
  runId: RunId.RunId,
  pipeline: Pipeline.Any,
  plan: Plan.Plan,
  history: ReadonlyArray<Entry>
): Effect.Effect<Drive.Driven, RunError> =>
  Effect.gen(function* () {
    const first = history[0]?.event
    if (first?.kind !== "RunStarted") return yield* unknownRun(runId)
    const before = Version.of(history)?.plan ?? first.data.plan
    if (before !== plan.digest) return yield* changed(journal, runId, before, plan)
    return yield* premiseOf(runId, pipeline, history)
  })

const upgradeOf = (
  journal: Journal["Type"],
  runId: RunId.RunId,
  driven: Drive.Driven,
  history: ReadonlyArray<Entry>
): Effect.Effect<Upgrade.Checked, RunError, unknown> =>
  Effect.flatMap(planKept(journal, runId, history), (before) =>
    Effect.mapError(Upgrade.check(runId, driven, history, before, journal.limits), refused(runId))
  )

/** The plan that the run goes by, where it is there. */
const planKept = (
  journal: Journal["Type"],
  runId: RunId.RunId,
  history: ReadonlyArray<Entry>
): Effect.Effect<Json.Json | undefined, RunError> => {
  const version = Version.of(history)
  if (version === undefined) return Effect.succeed(undefined)
  return Effect.map(orJournal(runId, journal.plan(version.plan)), Option.getOrUndefined)
}

/** What the run was started on, as `pipeline` takes it. */
const premiseOf = (
  runId: RunId.RunId,
  pipeline: Pipeline.Any,
  history: ReadonlyArray<Entry>
): Effect.Effect<Drive.Driven, RunError> =>
  Effect.gen(function* () {
    const first = history[0]?.event
    if (first?.kind !== "RunStarted") return yield* unknownRun(runId)
    const { input } = first.payload
    const shape = InputShape.of(pipeline.root)
    const json = "value" in input ? input.value : undefined
    const value = yield* Effect.mapError(shape.decode(json), (misfit) => inputError(misfit.detail))
    return {
      pipeline: pipeline.name,
      root: pipeline.root,
      context: pipeline.context,
      undefinedVariables: pipeline.undefinedVariables ?? "strict",
      input: Outcome.carried(value, json, shape),
      keeps: new Set(Version.of(history)?.keeps),
      terms: yield* Terms.kept(runId, first, history)
    }
  })

const changed = (
  journal: Journal["Type"],
  runId: RunId.RunId,
  digest: Plan.Plan["digest"],
  plan: Plan.Plan
): Effect.Effect<never, RunError> =>
  Effect.gen(function* () {
    const before = yield* orJournal(runId, journal.plan(digest))
    const difference = Option.isSome(before) ? PlanJson.firstDifference(before.value, plan.json) : undefined
    const where = difference === undefined ? "" : `; the first difference is at ${difference.at}: ${change(difference)}`
    return yield* new RunError({
      reason: "Changed",
      run: runId,
      path: "",
      detail: `the pipeline is not the one that the run goes by${where}`
    })
  })

const change = ({ after, before }: PlanJson.Difference): string => `${previewOf(before)} became ${previewOf(after)}`

const previewOf = (value: Json.Json | undefined): string => {
  if (value === undefined) return "nothing"
  const text = Json.canonical(value)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

const sameRun = (
  journal: Journal["Type"],
  runId: RunId.RunId,
  plan: Plan.Plan,
  input: Json.Json | undefined
): Effect.Effect<void, RunError> =>
  Effect.gen(function* () {
    const entries = yield* orJournal(runId, Stream.runCollect(journal.read(runId)))
    const first = Array.from(entries)[0]?.event
    if (first?.kind !== "RunStarted") return
    const exists = (detail: string) => new RunError({ reason: "Exists", run: runId, path: "", detail })
    if (Version.of(entries)?.plan !== plan.digest)
      return yield* exists("the id is in use by a run of another pipeline or version")
    const before = "value" in first.payload.input ? first.payload.input.value : undefined
    const same = before === undefined || input === undefined ? before === input : Json.equals(before, input)
    if (!same) return yield* exists("the id is in use by a run of this pipeline on another input")
  })

const orJournal = <A>(runId: string, effect: Effect.Effect<A, JournalError>): Effect.Effect<A, RunError> =>
  Effect.mapError(effect, journalError(runId))

const journalError =
  (run: string) =>
  (error: JournalError): RunError =>
    error.reason === "Conflict"
      ? new RunError({
          reason: "Held",
          run,
          path: "",
          detail: `${error.detail}; this process stopped`
        })
      : new RunError({ reason: "Journal", run, path: "", detail: error.message })

const diverged =
  (run: string) =>
  (error: Diverged): RunError =>
    new RunError({
      reason: "Diverged",
      run,
      path: error.path,
      detail: `${[error.kind, error.field].join(" ").trim()}: ${error.detail}`,
      ...(error.field === "" ? {} : { field: error.field })
    })

const markers =
  "mark what is new with `since: NAME` and what it replaces with `before: NAME`: a run that came past it keeps the old way"

/** Of an upgrade. */
const refused =
  (run: string) =>
  (error: Diverged | RunError): RunError => {
    if (error._tag === "RunError") return error
    const { _tag: _, ...said } = diverged(run)(error)
    return new RunError({ ...said, reason: "Upgrade", hint: markers })
  }

const heldError = (error: RunHeld): RunError =>
  new RunError({ reason: "Held", run: error.run, path: "", detail: error.message })

const unknownRun = (run: string): Effect.Effect<never, RunError> =>
  Effect.fail(new RunError({ reason: "Unknown", run, path: "", detail: "there is no such run" }))

const stuckError = (run: string, { data }: EventOf<"RunStuck">): RunError =>
  new RunError({
    reason: "Stuck",
    run,
    path: data.at[0] ?? "",
    detail: `its process died ${data.recoveries} times in a row, and it came no further${data.at.length === 0 ? "" : ` than ${data.at.join(", ")}`}`,
    hint: `flujo lens why ${run} tells what is known; flujo resume ${run} tries it once more`
  })

const inputError = (detail: string): RunError =>
  new RunError({ reason: "Input", run: "", path: "", detail: `the input does not fit: ${detail}` })
