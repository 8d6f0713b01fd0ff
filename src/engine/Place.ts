/** What every part of the walk is handed: the drive it belongs to, and the place it stands at. */
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Conversation from "../agent/Conversation.js"
import type { RunId } from "../domain/RunId.js"
import * as StepPath from "../domain/StepPath.js"
import type { Scope } from "../governance/Quota.js"
import type { JournalError } from "../journal/Journal.js"
import * as Node from "../pipeline/Node.js"
import type { Cache } from "./Cache.js"
import type { Env } from "./Env.js"
import type { Carried, Outcome, Refused } from "./Outcome.js"
import type { Record } from "./Record.js"
import type { Diverged } from "./RunError.js"
import type { Spending } from "./Spending.js"
import type { Mail } from "./Together.js"

export interface Drive {
  readonly run: RunId
  readonly record: Record
  /** What the steps need, as the caller of the run has it. */
  readonly services: Context.Context<never>
  /** Stops the run from outside. */
  readonly halt: (diverged: Diverged) => void
  readonly mail: Mail
  /** Steps answered from the record without being walked: what stands below them is accounted for. */
  readonly answered: Set<string>
  /** What cached steps answered; absent in a replay, which never looks. */
  readonly cache: Cache | undefined
  /** The name of the pipeline: code of two of them is not the same code. */
  readonly pipeline: string
  /** Changes of the pipeline that the run came past before they were made. */
  readonly keeps: ReadonlySet<string>
  /** What is taken back where the run fails or is cancelled, by the place of its undo. */
  readonly undos: Map<StepPath.StepPath, Undo>
  /** Walks any node: how composites reach their children. */
  readonly go: (node: Node.Node, place: Place, input: Carried) => Walked
  readonly payloadBytes: number
  /** Absent where nothing limits what is spent, and in a replay. */
  readonly spending: Spending | undefined
  /** Waits shorter than this are slept through; longer ones let the run rest. */
  readonly parkAfterMillis: number
  /** Wraps the execution of a step, for tracing; identity where nobody looks. */
  readonly traced: <A, E, R>(
    step: { readonly path: StepPath.StepPath; readonly attempt: number; readonly kind: string },
    effect: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E, R>
}

/** How a step that ended well is taken back. */
export interface Undo {
  readonly node: Node.Node
  readonly place: Place
  readonly input: Carried
}

/** The innermost conversation that a step stands in. */
export interface Talk {
  readonly about: Node.Conversation
  readonly so: Conversation.Talk
  /** Steps whose answers are turns. */
  readonly names: ReadonlySet<string>
}

/** Where a node stands. */
export interface Place {
  readonly path: StepPath.StepPath
  /** Of the next named step below, from 1. */
  readonly attempt: number
  /** Below a closed path: only what is recorded is read. */
  readonly closed: boolean
  readonly env: Env
  /** Steps around this one that have limits of their own, the outermost first. */
  readonly caps: ReadonlyArray<Scope>
  /** The conversation that it is part of. */
  readonly talk?: Talk | undefined
  /** Of the try before this one: what an agent is told. */
  readonly refused?: Refused | undefined
}

/** The needs of the steps are checked where a pipeline is run, not here. */
export type Walked = Effect.Effect<Outcome, Diverged | JournalError, unknown>

export const own = (place: Place, name: string): StepPath.StepPath => StepPath.child(place.path, name, place.attempt)

/** The path that a wrapper borrows. A plan has no wrapper without one. */
export const borrowed = (place: Place, node: Node.Node): StepPath.StepPath => own(place, Node.nameOf(node) ?? "step")

export const below = (place: Place, path: StepPath.StepPath, env: Env = place.env, closed = place.closed): Place => ({
  path,
  attempt: 1,
  closed,
  env,
  caps: place.caps,
  ...(place.talk === undefined ? {} : { talk: place.talk })
})
