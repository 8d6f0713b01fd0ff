/** One place of a run in its trace: a step, a part of one, or a call that it made. */
import type * as Option from "effect/Option"
import type { Json } from "../domain/Json.js"
import type { NanoUsd } from "../domain/NanoUsd.js"
import type { StepPath } from "../domain/StepPath.js"
import type * as Usage from "../domain/Usage.js"

/**
 * `waiting`: for a person, a time or a signal. `interrupted`: ended from outside. `skipped`: a task or a signal that was
 * no longer needed, or a step whose condition said so. `cut`: it had not ended when its process died. `cancelled` is of
 * the run alone.
 */
export type Status = "running" | "waiting" | "completed" | "failed" | "cancelled" | "interrupted" | "skipped" | "cut"

/**
 * `code`, `agent`, `skill`, `fn`, `task`, `sleep` and `signal` are steps; `branch`, `loop`, `forEach` and `group` (a parallel, a
 * scope, another pipeline) are made of steps; `case`, `iteration`, `item`, `attempt`, `fallback` and `undo` are places in them; `cached` is one whose answer came
 * from the cache;
 * `model` and `call` are what a step asked through `Once`; `step` is one that failed before it wrote what it is.
 */
export type Kind =
  | "run"
  | "code"
  | "agent"
  | "skill"
  | "fn"
  | "task"
  | "sleep"
  | "signal"
  | "branch"
  | "case"
  | "loop"
  | "iteration"
  | "forEach"
  | "item"
  | "group"
  | "fallback"
  | "undo"
  | "cached"
  | "model"
  | "call"
  | "step"

export type Decision =
  | { readonly _tag: "Branch"; readonly branch: string; readonly on: Json }
  | { readonly _tag: "Items"; readonly count: number }
  | { readonly _tag: "Iteration"; readonly end: "again" | "done" | "max" }
  /** What it answered was taken from the cache; there is where it was answered first. */
  | { readonly _tag: "Cached"; readonly run: string; readonly path: StepPath }

export interface Failure {
  /** `none` where only the fact is recorded. */
  readonly reason: Option.Option<"Failure" | "Engine" | "Defect">
  readonly error: Option.Option<Json>
}

export interface Task {
  readonly task: "approve" | "ask" | "uncertain" | "budget"
  readonly message: string
  /** JSON Schema of the answer. */
  readonly schema: Json
  readonly answer: Option.Option<{ readonly value: Json; readonly by: Option.Option<string>; readonly at: number }>
}

export interface Timer {
  /** `deadline`: the step fails when it fires. */
  readonly role: "deadline" | "sleep"
  readonly setAt: number
  readonly due: number
  readonly firedAt: Option.Option<number>
}

/** What was decided after an attempt failed. */
export interface Retry {
  readonly attempt: number
  readonly again: boolean
  readonly wakeAt: Option.Option<number>
}

export interface TraceNode {
  readonly path: StepPath
  /** What this node adds to its parent's path: `review`, `#2`, `[3]`, `!fallback`, `turn[0]`. */
  readonly label: string
  readonly kind: Kind
  readonly status: Status
  readonly startedAt: number
  readonly endedAt: Option.Option<number>
  readonly durationMillis: number
  /** Of all model calls here and below. */
  readonly usage: Usage.Usage
  /** What was settled here and below; `none` where nothing was. */
  readonly cost: Option.Option<NanoUsd>
  /** Who answered a model call. */
  readonly model: Option.Option<string>
  readonly attempts: number
  /** How often it was run again because its process had died. */
  readonly recoveries: number
  /** For calls: the request. */
  readonly input: Option.Option<Json>
  readonly output: Option.Option<Json>
  readonly failure: Option.Option<Failure>
  readonly decision: Option.Option<Decision>
  readonly task: Option.Option<Task>
  /** The name under which it waits, or waited, to be told something. */
  readonly signal: Option.Option<string>
  readonly timers: ReadonlyArray<Timer>
  readonly retries: ReadonlyArray<Retry>
  /** In the order in which they were first heard of, which is the declared one but for parallel steps. */
  readonly children: ReadonlyArray<TraceNode>
}
