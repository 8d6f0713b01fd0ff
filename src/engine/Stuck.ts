/**
 * Whether a run has come to a point that its process does not survive: it was taken up again so many times, and each time
 * nothing was written but that. Taking it up for ever would do the same harm for ever.
 */
import type { Entry, EventOf } from "../domain/Event.js"
import * as Event from "../domain/Event.js"
import * as StepPath from "../domain/StepPath.js"

export const recoveriesMaxDefault = 5

/** What makes the run stuck, to be written; undefined where it may be taken up (once more). */
export const find = (history: ReadonlyArray<Entry>, recoveriesMax: number): EventOf<"RunStuck"> | undefined => {
  const recoveries = count(history)
  if (recoveries < recoveriesMax) return undefined
  const open = new Set<StepPath.StepPath>()
  let ordinal = 0
  for (const { event } of history) {
    if (event.kind === "RunStuck") ordinal += 1
    if (event.kind === "StepStarted") open.add(event.path)
    if (event.kind === "StepSucceeded" || event.kind === "StepFailed" || event.kind === "StepInterrupted") {
      open.delete(event.path)
    }
  }
  return {
    path: StepPath.root,
    kind: "RunStuck",
    ordinal,
    data: { recoveries, at: [...open].slice(0, shownMax) },
    payload: {}
  }
}

const shownMax = 20

/** How many times in a row, up to its end, the record was taken up and came no further. */
const count = (history: ReadonlyArray<Entry>): number => {
  let found = 0
  for (let i = history.length - 1; i > 0; i--) {
    const { event } = history[i]!
    if (event.kind === "RunResumed") found += 1
    else if (!Event.kinds[event.kind].life || isRest(event.kind)) {
      // To go on from a rest, or after a failure, is no recovery.
      return isRest(event.kind) ? Math.max(0, found - 1) : found
    }
  }
  return found
}

const isRest = (kind: Event.Kind): boolean =>
  kind === "RunSuspended" ||
  kind === "RunFailed" ||
  kind === "RunStuck" ||
  kind === "RunCompleted" ||
  kind === "RunCancelled"
