/**
 * Which version of its pipeline a run goes by: the one that it was started with, until it was resumed with another. All
 * that is recorded, also what came before, is the same walked by the newest.
 */
import type { Digest } from "./Digest.js"
import type { Entry, Source } from "./Event.js"

export interface Version {
  readonly plan: Digest
  /** The files that it was made from; none where a program made it. */
  readonly sources: ReadonlyArray<Source>
}

/** Undefined where there is no beginning. */
export const of = (entries: Iterable<Entry>): Version | undefined => {
  let version: Version | undefined
  for (const { event } of entries) {
    if (event.kind === "RunStarted") version = { plan: event.data.plan, sources: event.payload.sources }
    else if (event.kind === "RunResumed" && event.data.plan !== undefined) {
      version = { plan: event.data.plan, sources: event.payload.sources ?? [] }
    }
  }
  return version
}
