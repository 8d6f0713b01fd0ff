/**
 * A run at a glance, folded from its entries: where it stands, what it took, what came out, what it waits for. It can be
 * made of any prefix of a journal, and tells what was known then.
 */
import * as Option from "effect/Option"
import type { Entry, EventOf, RunBudget } from "../domain/Event.js"
import type { Json } from "../domain/Json.js"
import * as NanoUsd from "../domain/NanoUsd.js"
import type { StepPath } from "../domain/StepPath.js"
import * as StepPaths from "../domain/StepPath.js"
import * as Usage from "../domain/Usage.js"
import * as Version from "../domain/Version.js"
import type { RunRow } from "../journal/RunIndex.js"
import * as Values from "./Values.js"

/** `cut`: it neither ended nor rests, and nobody drives it: its process died. `empty`: no entries at all. */
export type Status = "running" | "suspended" | "stuck" | "completed" | "failed" | "cancelled" | "cut" | "empty"

/** A run of a list; `cut`: it was running and nobody drives it. */
export interface Listed extends Omit<RunRow, "status"> {
  readonly status: RunRow["status"] | "cut"
}

export interface Options {
  /** Whether somebody drives the run now (`Journal.holder`): the entries cannot tell. */
  readonly held: boolean
  /** Milliseconds since 1970; durations of a held run go on to here, else to its last entry. */
  readonly now?: number | undefined
}

export interface Failure {
  readonly reason: "Failure" | "Engine" | "Defect"
  /** The steps where it arose. */
  readonly at: ReadonlyArray<StepPath>
  readonly error: Json
}

export interface OpenTask {
  readonly path: StepPath
  readonly task: EventOf<"TaskOpened">["data"]["task"]
  readonly message: string
  /** JSON Schema of the answer; `{}` takes anything. */
  readonly schema: Json
  readonly openedAt: number
}

/** Something that a step waits to be told from outside. */
export interface OpenSignal {
  readonly path: StepPath
  readonly signal: string
  readonly since: number
}

export interface RunSummary {
  readonly run: string
  readonly pipeline: string
  /** The one that it goes by, or went by last. */
  readonly plan: string
  readonly labels: ReadonlyArray<readonly [name: string, value: string]>
  readonly status: Status
  readonly startedAt: number
  /** `none` unless it ended for good. */
  readonly endedAt: Option.Option<number>
  readonly durationMillis: number
  readonly input: Option.Option<Json>
  readonly output: Option.Option<Json>
  readonly error: Option.Option<Failure>
  /** Why it was cancelled. */
  readonly cancelled: Option.Option<string>
  /**
   * Steps that ended well: code, agents, skills and functions, answered tasks, sleeps and signals, answers of the cache.
   * Attempts count each.
   */
  readonly stepsDone: number
  readonly stepsFailed: number
  readonly usage: Usage.Usage
  /** By the name that the provider gave, in the order of first use. */
  readonly usageByModel: ReadonlyMap<string, Usage.Usage>
  readonly calls: number
  /** What its calls cost, as settled; `none` where nothing was reserved, for a run without limits does not say. */
  readonly cost: Option.Option<NanoUsd.NanoUsd>
  /** What it may spend, as it was started. */
  readonly budget: Option.Option<RunBudget>
  readonly tasks: ReadonlyArray<OpenTask>
  readonly signals: ReadonlyArray<OpenSignal>
  /** When a resting run goes on by itself. */
  readonly wakeAt: Option.Option<number>
  readonly resumptions: number
  /** How many times it was resumed with another version of its pipeline. */
  readonly upgrades: number
  /** Changes of its pipeline that it came past before they were made: there it keeps the old way. */
  readonly keeps: ReadonlyArray<string>
  /** Steps that were running when a process died, and were run again. */
  readonly recoveries: number
  /** How many steps were taken back where the run failed or was cancelled. */
  readonly undone: number
  /** Those that were to be, and could not: what they did stands. */
  readonly undoFailures: ReadonlyArray<UndoFailure>
  readonly entries: number
}

export interface UndoFailure {
  /** Of the step that was to be taken back. */
  readonly path: StepPath
  readonly error: Json
}

export const make = (entries: ReadonlyArray<Entry>, options: Options): RunSummary => {
  const values = Values.make(entries)
  const first = entries[0]
  const last = entries.at(-1)
  const tasks = new Map<StepPath, OpenTask>()
  const signals = new Map<StepPath, OpenSignal>()
  const usageByModel = new Map<string, Usage.Usage>()
  const undos = new Map<StepPath, Json | undefined>()
  let started: EventOf<"RunStarted"> | undefined
  let status: Status = first === undefined ? "empty" : "running"
  let endedAt = Option.none<number>()
  let output = Option.none<Json>()
  let error = Option.none<Failure>()
  let cancelled = Option.none<string>()
  let usage = Usage.none
  let wakeAt = Option.none<number>()
  const settled: Array<NanoUsd.NanoUsd> = []
  let [stepsDone, stepsFailed, calls, resumptions, upgrades, recoveries] = [0, 0, 0, 0, 0, 0]
  const move = (to: Status, at?: number) => {
    status = to
    endedAt = Option.fromNullable(at)
    output = Option.none()
    error = Option.none()
    cancelled = Option.none()
    wakeAt = Option.none()
  }
  for (const { at, event } of entries) {
    switch (event.kind) {
      case "RunStarted":
        started = event
        break
      case "RunResumed":
        move("running")
        resumptions += 1
        if (event.data.plan !== undefined) upgrades += 1
        break
      case "RunStuck":
        move("stuck")
        break
      case "RunSuspended": {
        move("suspended")
        const dues = event.data.waits.flatMap((wait) => (wait._tag === "Timer" ? [wait.due] : []))
        wakeAt = dues.length === 0 ? Option.none() : Option.some(dues.reduce((a, b) => Math.min(a, b)))
        break
      }
      case "RunCompleted":
        move("completed", at)
        output = values.of(event.payload.output)
        break
      case "RunFailed":
        move("failed", at)
        error = Option.some({ reason: event.data.reason, at: event.data.at, error: event.payload.error })
        break
      case "RunCancelled":
        move("cancelled", at)
        cancelled = Option.some(event.payload.reason)
        break
      case "StepSucceeded":
        stepsDone += 1
        break
      case "Computed":
      case "TimerFired":
        if (isOwn(event.path)) stepsDone += 1
        break
      case "StepFailed":
        stepsFailed += 1
        break
      case "CacheRead":
        if (event.data.from !== undefined) stepsDone += 1
        break
      case "Undone":
        undos.set(event.path, event.data.end === "done" ? undefined : (event.payload.error ?? null))
        break
      case "Recovered":
        recoveries += 1
        break
      case "TaskOpened":
        tasks.set(event.path, {
          path: event.path,
          task: event.data.task,
          message: event.payload.message,
          schema: event.payload.schema,
          openedAt: at
        })
        break
      case "SignalAwaited":
        signals.set(event.path, { path: event.path, signal: event.data.signal, since: at })
        break
      case "SignalTaken":
        signals.delete(event.path)
        stepsDone += 1
        break
      case "StepInterrupted":
        signals.delete(event.path)
        break
      case "TaskAnswered":
        tasks.delete(event.path)
        if (isOwn(event.path)) stepsDone += 1
        break
      case "TaskClosed":
        tasks.delete(event.path)
        break
      case "Settled":
        settled.push(event.data.cost ?? NanoUsd.zero)
        break
      case "Answered": {
        calls += 1
        const { model, usage: spent } = event.data
        if (spent === undefined) break
        usage = Usage.add(usage, spent)
        const name = model ?? "unknown"
        usageByModel.set(name, Usage.add(usageByModel.get(name) ?? Usage.none, spent))
        break
      }
    }
  }
  const isRunning = status === "running"
  const startedAt = first?.at ?? 0
  const version = Version.of(entries)
  const until = isRunning && options.held ? (options.now ?? last?.at) : (Option.getOrUndefined(endedAt) ?? last?.at)
  return {
    run: first?.run ?? "",
    pipeline: started?.data.pipeline ?? "",
    plan: version?.plan ?? "",
    labels: started?.data.labels ?? [],
    status: isRunning && !options.held ? "cut" : status,
    startedAt,
    endedAt,
    durationMillis: Math.max(0, (until ?? startedAt) - startedAt),
    input: started === undefined ? Option.none() : values.of(started.payload.input),
    output,
    error,
    cancelled,
    stepsDone,
    stepsFailed,
    usage,
    usageByModel,
    calls,
    cost: settled.length === 0 ? Option.none() : Option.some(NanoUsd.sum(settled)),
    budget: Option.fromNullable(started?.data.budget),
    tasks: [...tasks.values()],
    signals: [...signals.values()],
    wakeAt,
    resumptions,
    upgrades,
    keeps: version?.keeps ?? [],
    recoveries,
    undone: [...undos.values()].filter((error) => error === undefined).length,
    undoFailures: [...undos].flatMap(([path, error]) =>
      error === undefined ? [] : [{ path: path.slice(0, -"!undo".length) as StepPath, error }]
    ),
    entries: entries.length
  }
}

/** Whether a path is a step's own, and not a place beside it: a deadline, a change of its output. */
const isOwn = (path: StepPath): boolean => {
  if (!path.includes("!")) return true
  const segments = StepPaths.fromString(path)
  return Option.isNone(segments) || StepPaths.parse(segments.value).at(-1)?.role === undefined
}
