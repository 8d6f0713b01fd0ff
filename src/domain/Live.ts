/**
 * What models say while they say it. It is provisional and no part of any journal: what counts is the reply that is written
 * down in the end, and what was said of a call that failed is told to be void. A run has the same journal with a listener
 * and without one.
 */
import * as Context from "effect/Context"
import type { ModelChunk } from "./Model.js"
import type { StepPath } from "./StepPath.js"

/** A piece of a reply that is not there yet. */
export interface Said {
  readonly _tag: "Said"
  /** The call: its reply will be `Answered` there. */
  readonly path: StepPath
  readonly piece: Exclude<ModelChunk, { readonly _tag: "Reply" }>
  /** Pieces of this call before it that were left out, since the listener was too slow. */
  readonly lost: number
}

/** The call failed or was cut: what was said of it counts for nothing. */
export interface Discarded {
  readonly _tag: "Discarded"
  readonly path: StepPath
  readonly detail: string
}

/** Where somebody listens. Telling is immediate and never waits. */
export class Live extends Context.Tag("flujo/domain/Live")<
  Live,
  { readonly tell: (told: Omit<Said, "lost"> | Discarded) => void }
>() {}
