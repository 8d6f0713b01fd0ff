/** Which run, and which of its tasks, is meant by what somebody typed. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Entry, EventOf } from "../domain/Event.js"
import { RunId } from "../domain/RunId.js"
import * as StepPath from "../domain/StepPath.js"
import type { Journal } from "../journal/Journal.js"
import type { RunRow, TaskRow } from "../journal/RunIndex.js"
import * as Text from "../lens/Text.js"
import { excerpt } from "../redaction/Printable.js"
import { cliErrors } from "./codes/Cli.js"
import { runErrors } from "./codes/Engine.js"
import { letterRefusals } from "./codes/Journal.js"
import { Fault } from "./Fault.js"
import * as Faults from "./Faults.js"
import { shellQuoted } from "./Shell.js"

type Journal_ = Journal["Type"]

/** An id, the beginning of one that no other run has, or `last`. */
export const find = (journal: Journal_, typed: string): Effect.Effect<RunRow, Fault> =>
  Effect.gen(function* () {
    const runs = (filter: { readonly prefix?: string; readonly limit: number }) =>
      Effect.mapError(journal.runs(filter), Faults.journal)
    if (typed === "last") {
      const [newest] = yield* runs({ limit: 1 })
      return newest ?? (yield* new Fault({ ...cliErrors.NoRuns, text: "there are no runs yet" }))
    }
    const id = Schema.decodeOption(RunId)(typed)
    const exact = Option.isNone(id) ? Option.none() : yield* Effect.mapError(journal.run(id.value), Faults.journal)
    if (Option.isSome(exact)) return exact.value
    // Made ids are upper case, and people type as they like.
    const starts = [...new Set([typed, typed.toUpperCase()])]
    const found = Option.isNone(id)
      ? []
      : (yield* Effect.forEach(starts, (prefix) => runs({ prefix, limit: few }))).flat()
    const [only, ...others] = found
    if (only !== undefined && others.length === 0) return only
    if (only !== undefined) {
      const shown = found.slice(0, few - 1).map(({ run }) => run)
      return yield* new Fault({
        ...cliErrors.Ambiguous,
        text: `several runs begin with ${JSON.stringify(typed)}: ${shown.join(", ")}${found.length >= few ? ", …" : ""}`,
        hint: "write more of the id"
      })
    }
    return yield* new Fault({
      ...runErrors.Unknown,
      text: `there is no run ${JSON.stringify(excerpt(typed, 60))}`,
      hint: "flujo lens list shows the runs"
    })
  })

const few = 5

export const entries = (journal: Journal_, run: RunRow): Effect.Effect<ReadonlyArray<Entry>, Fault> =>
  Effect.mapBoth(Stream.runCollect(journal.read(run.run)), {
    onFailure: Faults.journal,
    onSuccess: (chunk) => Array.from(chunk)
  })

/** A task with the question that was asked. */
export interface OpenTask {
  readonly row: TaskRow
  readonly message: string
  /** JSON Schema of the answer. */
  readonly schema: EventOf<"TaskOpened">["payload"]["schema"]
}

export const tasks = (
  journal: Journal_,
  filter: { readonly run?: RunId | undefined; readonly limit: number }
): Effect.Effect<ReadonlyArray<OpenTask>, Fault> =>
  Effect.flatMap(Effect.mapError(journal.tasks(filter), Faults.journal), (rows) =>
    Effect.forEach(rows, (row) => opened(journal, row))
  )

export const opened = (journal: Journal_, row: TaskRow): Effect.Effect<OpenTask, Fault> =>
  Stream.runHead(journal.read(row.run, row.seq)).pipe(
    Effect.mapError(Faults.journal),
    Effect.map((entry): OpenTask => {
      const event = Option.getOrUndefined(entry)?.event
      const { message, schema } = event?.kind === "TaskOpened" ? event.payload : { message: "", schema: {} }
      return { row, message, schema }
    })
  )

const tasksMax = 100

/** `RUN`, where that waits for one answer, or `RUN:PATH`. A path holds no colon. */
export const findTask = (journal: Journal_, typed: string): Effect.Effect<OpenTask, Fault> =>
  Effect.gen(function* () {
    const colon = typed.indexOf(":")
    const run = yield* find(journal, colon === -1 ? typed : typed.slice(0, colon))
    const open = yield* tasks(journal, { run: run.run, limit: tasksMax })
    if (colon !== -1) {
      const path = StepPath.fromString(typed.slice(colon + 1))
      const found = open.find(({ row }) => Option.isSome(path) && row.path === path.value)
      if (found !== undefined) return found
      return yield* noTask(journal, run, typed.slice(colon + 1), open)
    }
    const [only, ...others] = open
    if (only === undefined) return yield* noTask(journal, run, undefined, open)
    if (others.length === 0) return only
    return yield* new Fault({
      ...cliErrors.Task,
      text: `run ${run.run} waits for ${open.length} answers`,
      hint: `say which: ${open.map((task) => shellQuoted(`${run.run}:${task.row.path}`)).join(", ")}`,
      location: { run: run.run }
    })
  })

const noTask = (
  journal: Journal_,
  run: RunRow,
  path: string | undefined,
  open: ReadonlyArray<OpenTask>
): Effect.Effect<never, Fault> =>
  Effect.gen(function* () {
    const location = { run: run.run, step: path }
    for (const { at, event } of (yield* entries(journal, run)).toReversed()) {
      if (event.kind !== "TaskAnswered" || (path !== undefined && event.path !== path)) continue
      const { answer, by } = event.payload
      return yield* new Fault({
        ...letterRefusals.Taken,
        text: `${event.path} was answered before: ${excerpt(JSON.stringify(answer), 200)}${by === undefined ? "" : ` by ${by}`} at ${Text.instant(at)}`,
        hint: `flujo lens trace ${run.run} shows what came of it`,
        location
      })
    }
    const where = open.map((task) => task.row.path)
    return yield* new Fault({
      ...letterRefusals.NoTask,
      text: `run ${run.run} waits for no answer${path === undefined ? "" : ` at ${JSON.stringify(excerpt(path, 80))}`}`,
      hint: where.length === 0 ? "flujo tasks shows what waits" : `it waits at ${where.join(", ")}`,
      location
    })
  })

/** How a task is named on a command line: by its run alone where that waits for nothing else. */
export const nameOf = ({ path, run }: Pick<TaskRow, "run" | "path">, isOnly: boolean): string =>
  shellQuoted(isOnly ? run : `${run}:${path}`)
