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
  /** Changes that its steps are marked with, where the run keeps the old way. */
  readonly keeps: ReadonlyArray<string>
}

/** Undefined where there is no beginning. */
export const of = (entries: Iterable<Entry>): Version | undefined => {
  let version: Version | undefined
  for (const { event } of entries) {
    if (event.kind !== "RunStarted" && event.kind !== "RunResumed") continue
    const { keeps = [], plan } = event.data
    if (plan !== undefined) version = { plan, sources: event.payload.sources ?? [], keeps }
  }
  return version
}
