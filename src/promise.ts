/**
 * flujo for callers who do not write Effect: promises and async iterables over the same engine. A step's own failure,
 * like a `RunError`, rejects with the error itself, so `instanceof` and `_tag` work.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Budget } from "./domain/Budget.js"
import type { Entry } from "./domain/Event.js"
import type { Json } from "./domain/Json.js"
import type { Models as ModelsTag } from "./domain/Model.js"
import { RunId } from "./domain/RunId.js"
import * as StepPath from "./domain/StepPath.js"
import type { Replayed } from "./engine/Drive.js"
import * as Flujo from "./engine/Flujo.js"
import { RunError } from "./engine/RunError.js"
import { Journal, type JournalError } from "./journal/Journal.js"
import * as JournalMemory from "./journal/JournalMemory.js"
import * as JournalSqlite from "./journal/JournalSqlite.js"
import type { RunRow } from "./journal/RunIndex.js"
import * as Models from "./llm/Models.js"
import type { Pipeline } from "./pipeline/Pipeline.js"

export interface Options<R = never> {
  /** The file of the journal, made if it is not there; in memory, and gone at the end, where absent. */
  readonly state?: string | undefined
  /** `full` (default) survives a power cut; `normal` may lose the last commits to one, never to a crash of the process. */
  readonly durability?: "full" | "normal" | undefined
  /** Where models are; the environment says (`OPENAI_API_KEY`, …) where absent. */
  readonly models?: Models.Options | undefined
  /** What the steps need beside models. */
  readonly layer?: Layer.Layer<R> | undefined
}

/** A task that waits for a person. */
export interface Task {
  readonly runId: string
  readonly path: string
  /** What the person is asked. */
  readonly hitlPrompt: string
  /** JSON Schema of the answer. */
  readonly schema: Json
  readonly openedAt: Date
}

export type Result<A> =
  | { readonly status: "completed"; readonly runId: string; readonly value: A }
  | { readonly status: "suspended"; readonly runId: string; readonly tasks: ReadonlyArray<Task> }

/** Reads and answers what waits for people, without a pipeline at hand. */
export interface TaskClient {
  /** Open tasks, oldest first. */
  readonly list: (filter?: { readonly runId?: string; readonly limit?: number }) => Promise<ReadonlyArray<Task>>
  /** The oldest open task of a run, if it waits for anybody. */
  readonly get: (runId: string) => Promise<Task | undefined>
  /** Leaves the answer; whoever drives the run goes on with it, and a resting run does when it is resumed. */
  readonly answer: (task: Pick<Task, "runId" | "path">, value: Json, by?: string) => Promise<void>
}

export interface Client<R> extends AsyncDisposable {
  readonly run: <In, Out, E, N extends R | ModelsTag>(
    pipeline: Pipeline<In, Out, E, N>,
    input: In,
    options?: { readonly runId?: string; readonly labels?: Readonly<Record<string, string>>; readonly budget?: Budget }
  ) => Promise<Result<Out>>
  /** Entries as they become durable; ends when the run ends or rests, and throws as `run` would reject. */
  readonly stream: <In, Out, E, N extends R | ModelsTag>(
    pipeline: Pipeline<In, Out, E, N>,
    input: In,
    options?: { readonly runId?: string }
  ) => AsyncIterable<Entry>
  readonly resume: <In, Out, E, N extends R | ModelsTag>(
    pipeline: Pipeline<In, Out, E, N>,
    runId: string
  ) => Promise<Result<Out>>
  readonly replay: <In, Out, E, N>(pipeline: Pipeline<In, Out, E, N>, runId: string) => Promise<Replayed>
  readonly cancel: (runId: string, reason?: string) => Promise<void>
  /** Newest first. */
  readonly runs: (limit?: number) => Promise<ReadonlyArray<RunRow>>
  readonly tasks: TaskClient
  readonly close: () => Promise<void>
}

/** Opens a journal and what goes with it. Close it when done: that gives back the leases of runs in progress. */
export const open = async <R = never>(options: Options<R> = {}): Promise<Client<R>> => {
  const journal: Layer.Layer<Journal, JournalError> =
    options.state === undefined
      ? JournalMemory.layerMemory
      : JournalSqlite.layer({ path: options.state, durability: options.durability ?? "full" })
  const models = Layer.provide(
    options.models === undefined ? Models.layerConfig(Models.options) : Models.layer(options.models),
    NodeContext.layer
  )
  const needs = (options.layer ?? Layer.empty) as Layer.Layer<R>
  const runtime = ManagedRuntime.make(Layer.mergeAll(journal, models, needs))
  type Services = ManagedRuntime.ManagedRuntime.Context<typeof runtime>

  const run = async <A, E>(effect: Effect.Effect<A, E, Services>): Promise<A> => {
    const exit = await runtime.runPromiseExit(effect)
    if (Exit.isSuccess(exit)) return exit.value
    throw Cause.squash(exit.cause)
  }

  const tasksOf = (filter: { readonly runId?: string; readonly limit?: number }) =>
    Effect.gen(function* () {
      const journal = yield* Journal
      const run = filter.runId === undefined ? undefined : yield* idOf(filter.runId)
      const rows = yield* journal.tasks({ run, limit: filter.limit ?? 100 })
      return yield* Effect.forEach(rows, (row) =>
        Effect.map(Stream.runHead(journal.read(row.run, row.seq)), (entry): Task => {
          const event = Option.getOrUndefined(entry)?.event
          const opened = event?.kind === "TaskOpened" ? event.payload : { message: "", schema: {} }
          return {
            runId: row.run,
            path: row.path,
            hitlPrompt: opened.message,
            schema: opened.schema,
            openedAt: new Date(row.openedAt)
          }
        })
      )
    })

  const resultOf = <A>(ended: Flujo.Completed<A> | Flujo.Suspended) =>
    ended._tag === "Completed"
      ? Effect.succeed<Result<A>>({ status: "completed", runId: ended.run, value: ended.value })
      : Effect.map(
          tasksOf({ runId: ended.run }),
          (tasks): Result<A> => ({ status: "suspended", runId: ended.run, tasks })
        )

  const close = () => runtime.dispose()

  // Opening the journal now, and not at the first run, tells of a bad file here.
  await run(Journal)
  const services = await runtime.runtime()
  return {
    run: (pipeline, input, given) =>
      run(
        Effect.flatMap(maybeIdOf(given?.runId), (runId) =>
          Effect.flatMap(Flujo.run(pipeline, input, { runId, labels: given?.labels, budget: given?.budget }), resultOf)
        ) as Effect.Effect<never, unknown, Services>
      ),
    stream: (pipeline, input, given) =>
      Stream.toAsyncIterableRuntime(
        Stream.unwrap(
          Effect.map(maybeIdOf(given?.runId), (runId) => Flujo.stream(pipeline, input, { runId }))
        ) as Stream.Stream<Entry, unknown, Services>,
        services
      ),
    resume: (pipeline, runId) =>
      run(
        Effect.flatMap(idOf(runId), (id) => Effect.flatMap(Flujo.resume(pipeline, id), resultOf)) as Effect.Effect<
          never,
          unknown,
          Services
        >
      ),
    replay: (pipeline, runId) => run(Effect.flatMap(idOf(runId), (id) => Flujo.replay(pipeline, id))),
    cancel: (runId, reason) => run(Effect.flatMap(idOf(runId), (id) => Flujo.cancel(id, reason ?? ""))),
    runs: (limit) => run(Effect.flatMap(Journal, (journal) => journal.runs({ limit: limit ?? 100 }))),
    tasks: {
      list: (filter) => run(tasksOf(filter ?? {})),
      get: (runId) => run(Effect.map(tasksOf({ runId, limit: 1 }), ([task]) => task)),
      answer: ({ path, runId }, value, by) =>
        run(
          Effect.flatMap(Effect.zip(idOf(runId), pathOf(runId, path)), ([id, task]) =>
            Flujo.answer(id, task, value, by)
          )
        )
    },
    close,
    [Symbol.asyncDispose]: close
  }
}

/** A text that names no run, whatever it is. */
const idOf = (runId: string): Effect.Effect<RunId, RunError> =>
  Effect.mapError(Schema.decodeUnknown(RunId)(runId), (error) => {
    const detail = `${JSON.stringify(runId)} names no run: ${error.message.split("\n").at(-1)}`
    return new RunError({ reason: "Unknown", run: "", path: "", detail })
  })

const maybeIdOf = (runId: string | undefined): Effect.Effect<RunId | undefined, RunError> =>
  runId === undefined ? Effect.succeed(undefined) : idOf(runId)

const pathOf = (run: string, path: string): Effect.Effect<StepPath.StepPath, RunError> =>
  Effect.mapError(StepPath.fromString(path), () => {
    const detail = `${JSON.stringify(path)} is not the path of a step`
    return new RunError({ reason: "Unknown", run, path: "", detail })
  })
