/**
 * A command line for one pipeline: `run` with flags from what the pipeline takes, `resume`, `answer` and `tasks`, as an
 * `@effect/cli` command that may stand among others.
 *
 * ```ts
 * const main = FlujoCli.program(report, { version: "1.0.0", state: "report.db" })
 * NodeRuntime.runMain(main(process.argv), { disableErrorReporting: true })
 * ```
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import type * as Terminal from "@effect/platform/Terminal"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as JsonSchema from "./blueprint/JsonSchema.js"
import * as InputOptions from "./command/InputOptions.js"
import type { BudgetExceeded } from "./domain/Budget.js"
import * as Json from "./domain/Json.js"
import type { Models as ModelsTag } from "./domain/Model.js"
import { RunId } from "./domain/RunId.js"
import * as Flujo from "./engine/Flujo.js"
import type { RunError } from "./engine/RunError.js"
import { Journal, type JournalError, type LetterRefused } from "./journal/Journal.js"
import * as JournalSqlite from "./journal/JournalSqlite.js"
import type { RunRow, TaskRow } from "./journal/RunIndex.js"
import * as FinalOutput from "./lens/FinalOutput.js"
import * as RunSummary from "./lens/RunSummary.js"
import * as Models from "./llm/Models.js"
import type { Pipeline } from "./pipeline/Pipeline.js"
import { printable } from "./redaction/Printable.js"

/** What was typed means nothing here: no such run, no such task, an answer that does not fit. */
export class UsageError extends Schema.TaggedError<UsageError>("flujo/FlujoCli/UsageError")("UsageError", {
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/** How a command can fail beside as its pipeline does. A `ValidationError` has been told of already. */
export type Failure =
  | RunError
  | BudgetExceeded
  | JournalError
  | LetterRefused
  | UsageError
  | ValidationError.ValidationError

/** What was read of its arguments is its own affair. */
export interface Read {
  readonly subcommand: Option.Option<unknown>
}
export type Cli<E, R> = Command.Command<string, R | Journal, E | Failure, Read>

/** The command, under the pipeline's name. Results go to standard output, all else to standard error. */
export const make = <In, Out, E, R>(pipeline: Pipeline<In, Out, E, R>): Cli<E, R> => {
  const schema = Flujo.inputSchema(pipeline)
  const flags = InputOptions.options(schema)
  const decoded = (json: Json.Json) =>
    Either.mapLeft(Flujo.decodeInput(pipeline, json), ({ detail }) => invalid(detail))
  const runId = Options.optional(
    Options.withSchema(Options.text("run-id"), RunId).pipe(
      Options.withDescription("a name of your own; a run of the same input that has it goes on")
    )
  )
  const started = (input: In, named: Option.Option<RunId>) =>
    shown(pipeline, Flujo.run(pipeline, input, { runId: Option.getOrUndefined(named) }))
  const run =
    flags === undefined
      ? Command.make(
          "run",
          {
            runId,
            input: Args.mapEffect(InputOptions.argument(schema), (json) =>
              Effect.mapError(decoded(json), ({ error }) => error)
            )
          },
          ({ input, runId }) => started(input, runId)
        )
      : Command.make("run", { runId, input: Options.mapEffect(flags, decoded) }, ({ input, runId }) =>
          started(input, runId)
        )
  const resume = Command.make("resume", { run: runArg }, ({ run }) =>
    Effect.flatMap(rowOf(pipeline.name, run), (row) => shown(pipeline, Flujo.resume(pipeline, row.run)))
  )
  const answer = Command.make("answer", { task: taskArg, value: valueArg }, ({ task, value }) =>
    Effect.gen(function* () {
      const row = yield* taskOf(pipeline.name, task)
      yield* Flujo.answer(row.run, row.path, yield* answerOf(row, value))
      yield* shown(pipeline, Flujo.resume(pipeline, row.run)).pipe(
        Effect.catchIf(
          (error) => isHeld(error),
          () => Console.error(`run ${row.run} is driven by another process, which takes the answer from there`)
        )
      )
    })
  )
  const tasks = Command.make("tasks", {}, () =>
    Effect.gen(function* () {
      const rows = yield* openTasks(pipeline.name, undefined)
      for (const row of rows) yield* Console.log(`${row.run}:${row.path}  ${firstLine(yield* questionOf(row))}`)
      if (rows.length === 0) yield* Console.error("nothing waits for an answer")
    })
  )
  const all = Command.make(pipeline.name).pipe(
    Command.withDescription(`The pipeline ${pipeline.name}.`),
    Command.withSubcommands([
      Command.withDescription(run, "Start a run."),
      Command.withDescription(resume, "Go on with a run that rests, was interrupted, or failed."),
      Command.withDescription(answer, "Answer what a run waits for, and go on with it."),
      Command.withDescription(tasks, "What waits for an answer.")
    ])
  )
  // The compiler cannot tell that the steps need nothing of the command that they are run by.
  return all as unknown as Cli<E, R>
}

export interface ProgramOptions<R> {
  readonly version: string
  /** The file of the journal, made if it is not there. Default: the pipeline's name with `.db`, in the working folder. */
  readonly state?: string | undefined
  /** Where models are; the environment says (`OPENAI_API_KEY`, …) where absent. */
  readonly models?: Models.Options | undefined
  /** What the steps need beside models. */
  readonly layer?: Layer.Layer<Exclude<R, ModelsTag>> | undefined
}

/**
 * The whole program, to be handed the arguments of the process. It succeeds where a run completes or rests; else it says why on
 * standard error and fails.
 */
export const program =
  <In, Out, E, R>(pipeline: Pipeline<In, Out, E, R>, options: ProgramOptions<R>) =>
  (argv: ReadonlyArray<string>): Effect.Effect<void, E | Failure> => {
    const journal = JournalSqlite.layer({ path: options.state ?? `${pipeline.name}.db`, durability: "full" })
    const models = options.models === undefined ? Models.layerConfig(Models.options) : Models.layer(options.models)
    const needs = (options.layer ?? Layer.empty) as Layer.Layer<Exclude<R, ModelsTag>>
    const app = Command.run(make(pipeline), { name: pipeline.name, version: options.version })
    const whole = app(argv) as Effect.Effect<
      void,
      E | Failure,
      Exclude<R, ModelsTag> | ModelsTag | Journal | FileSystem.FileSystem | Path.Path | Terminal.Terminal
    >
    return whole.pipe(
      Effect.provide(Layer.mergeAll(needs, Layer.orDie(models), journal)),
      Effect.provide(NodeContext.layer),
      // What was typed wrongly has been told of already.
      Effect.tapErrorCause((cause) => {
        const error = Cause.squash(cause)
        if (ValidationError.isValidationError(error)) return Effect.void
        return Console.error(`error: ${printable(error instanceof Error ? error.message : String(error))}`)
      })
    )
  }

const runArg = Args.withDescription(Args.text({ name: "run" }), "its id, or `last`")
const taskArg = Args.withDescription(
  Args.text({ name: "task" }),
  "RUN, or RUN:PATH as `tasks` lists it; `last` is a run"
)
const valueArg = Args.withDescription(
  Args.text({ name: "value" }),
  "text or JSON; yes or no where it is to be approved"
)

const invalid = (text: string): ValidationError.ValidationError =>
  ValidationError.invalidValue(HelpDoc.p(printable(text)))

const refuse = (detail: string): Effect.Effect<never, UsageError> => Effect.fail(new UsageError({ detail }))

const isHeld = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "reason" in error && error.reason === "Held"

const firstLine = (text: string): string => printable(text.split("\n")[0] ?? "")

/** Runs or goes on, and tells how it ended. */
const shown = <A, E, R>(
  { name }: { readonly name: string },
  effort: Effect.Effect<Flujo.Completed<A> | Flujo.Suspended, E, R | Journal>
): Effect.Effect<void, E | JournalError, R | Journal> =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const ended = yield* effort
    const entries = Array.from(yield* Stream.runCollect(journal.read(ended.run)))
    const summary = RunSummary.make(entries, { held: false })
    if (ended._tag === "Completed") {
      const output = Option.getOrUndefined(summary.output)
      if (output !== undefined) yield* Console.log(FinalOutput.text(output, "auto"))
      return yield* Console.error(`run ${ended.run} completed`)
    }
    const { signals, tasks, wakeAt } = summary
    for (const { message, path } of tasks) {
      yield* Console.error(`run ${ended.run} waits for an answer at ${path}:\n${printable(message)}`)
      yield* Console.error(`next: ${name} answer ${tasks.length === 1 ? ended.run : `${ended.run}:${path}`} VALUE`)
    }
    for (const { path, signal } of signals) {
      yield* Console.error(`run ${ended.run} waits for the signal ${printable(signal)} at ${path}`)
    }
    if (tasks.length + signals.length === 0) {
      const until = Option.match(wakeAt, { onNone: () => "", onSome: (at) => ` until ${new Date(at).toISOString()}` })
      yield* Console.error(`run ${ended.run} rests${until}`)
      yield* Console.error(`next: ${name} resume ${ended.run}`)
    }
  })

const rowOf = (pipeline: string, typed: string): Effect.Effect<RunRow, Failure, Journal> =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const id = Schema.decodeOption(RunId)(typed as RunId)
    const found =
      typed === "last"
        ? Option.fromNullable((yield* journal.runs({ pipeline, limit: 1 }))[0])
        : Option.isSome(id)
          ? yield* journal.run(id.value)
          : Option.none()
    if (Option.isSome(found) && found.value.pipeline === pipeline) return found.value
    return yield* refuse(typed === "last" ? "there are no runs yet" : `there is no run ${typed} of ${pipeline}`)
  })

const tasksMax = 100

const openTasks = (pipeline: string, run: RunId | undefined) =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const rows = yield* journal.tasks({ run, limit: tasksMax })
    // The file may hold runs of other pipelines.
    return yield* Effect.filter(rows, (row) =>
      Effect.map(journal.run(row.run), (found) => Option.isSome(found) && found.value.pipeline === pipeline)
    )
  })

const taskOf = (pipeline: string, typed: string): Effect.Effect<TaskRow, Failure, Journal> =>
  Effect.gen(function* () {
    const colon = typed.indexOf(":")
    const { run } = yield* rowOf(pipeline, colon === -1 ? typed : typed.slice(0, colon))
    const open = yield* openTasks(pipeline, run)
    const found = colon === -1 ? open : open.filter(({ path }) => path === typed.slice(colon + 1))
    const [only, ...others] = found
    if (only === undefined) return yield* refuse(`run ${run} waits for no answer${colon === -1 ? "" : " there"}`)
    if (others.length === 0) return only
    return yield* refuse(`run ${run} waits for several answers: ${open.map(({ path }) => `${run}:${path}`).join(", ")}`)
  })

const openedOf = (row: TaskRow) =>
  Effect.map(
    Effect.flatMap(Journal, (journal) => Stream.runHead(journal.read(row.run, row.seq))),
    (entry) => {
      const event = Option.getOrUndefined(entry)?.event
      return event?.kind === "TaskOpened" ? event.payload : { message: "", schema: {} }
    }
  )

const questionOf = (row: TaskRow) => Effect.map(openedOf(row), ({ message }) => message)

/** What was typed as the task takes it: JSON where that fits, else the text. */
const answerOf = (row: TaskRow, value: string): Effect.Effect<Json.Json, Failure, Journal> =>
  Effect.gen(function* () {
    const json = Either.getOrUndefined(Json.parse(value))
    if (row.task !== "ask") {
      const word = value.trim().toLowerCase()
      if (["yes", "true", "approved"].includes(word)) return { approved: true }
      if (["no", "false", "rejected"].includes(word)) return { approved: false }
      return typeof Json.get(json, "approved") === "boolean" && json !== undefined
        ? json
        : yield* refuse(`${row.path} is to be approved: answer yes or no`)
    }
    const { schema } = yield* openedOf(row)
    const shape = Json.get(schema, "opaque") === undefined ? JsonSchema.shape(schema) : undefined
    let detail = ""
    for (const candidate of json === undefined ? [value] : [json, value]) {
      const fitted = shape?.decode(candidate)
      if (fitted === undefined || Either.isRight(fitted)) return candidate
      detail = fitted.left.detail
    }
    return yield* refuse(`the answer to ${row.path} does not fit: ${detail}`)
  })
