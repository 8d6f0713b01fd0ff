/**
 * Going on with another version of a run's pipeline. What is recorded is walked by the new one with the outside shut, as
 * far as it goes and as if the run went on there: only where the new version says all of it again can the run be taken
 * on, and then the whole record, with all that comes after, is one of the new version.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Entry } from "../domain/Event.js"
import type { RunId } from "../domain/RunId.js"
import * as StepPath from "../domain/StepPath.js"
import type { Journal } from "../journal/Journal.js"
import type { Node } from "../pipeline/Node.js"
import * as Plan from "../plan/Plan.js"
import * as Compensate from "./Compensate.js"
import * as Drive from "./Drive.js"
import { type Diverged, RunError } from "./RunError.js"

/** What is tried again when a run goes on; left: why it cannot. */
export const again = (history: ReadonlyArray<Entry>): Either.Either<ReadonlyArray<StepPath.StepPath>, string> => {
  const last = Drive.lastEnd(history)
  if (last === undefined) return Either.right([])
  if (last.kind === "RunCompleted") return Either.left("it completed already")
  const undos = Compensate.failures(history)
  if (last.kind === "RunCancelled" && !(undos && undos.length > 0)) return Either.left("it was cancelled")
  if (undos?.length === 0) return Either.left("it failed, and what it had done was undone")
  return Either.right(undos ?? (last.kind === "RunFailed" ? last.data.at : []))
}

/**
 * Whether the run could go on by the pipeline of `driven`, or would have gone the same way to its end. Fails with
 * `Diverged` at the first step that this does otherwise, and with reason `Upgrade` where it is none of its versions.
 */
export const check = (
  run: RunId,
  driven: Drive.Driven,
  history: ReadonlyArray<Entry>,
  limits: Journal["Type"]["limits"]
): Effect.Effect<Drive.Replayed, Diverged | RunError, unknown> =>
  Effect.gen(function* () {
    const refuse = (detail: string, hint: string) => new RunError({ reason: "Upgrade", run, path: "", detail, hint })
    const started = history[0]?.event
    if (started?.kind === "RunStarted" && started.data.pipeline !== driven.pipeline) {
      return yield* refuse(
        `it is a run of ${started.data.pipeline}, and the pipeline is called ${driven.pipeline}`,
        "a run is upgraded to another version of its own pipeline, under the same name"
      )
    }
    if (started?.kind === "RunStarted" && started.data.budget === undefined && hasCaps(driven.root)) {
      return yield* refuse(
        "the new version limits what steps may spend, and the run was started without any limit, so what it spent is not known",
        "leave the limits out, or start the run anew"
      )
    }
    return yield* Drive.replay(run, driven, goingOn(run, history), limits)
  })

/** The record as it is when the run goes on; one that cannot is as it is. */
const goingOn = (run: RunId, history: ReadonlyArray<Entry>): ReadonlyArray<Entry> => {
  const tried = again(history)
  const last = history.at(-1)
  if (last === undefined || Either.isLeft(tried)) return history
  const ordinal = history.filter(({ event }) => event.kind === "RunResumed").length
  const event = { path: StepPath.root, ordinal, ...Drive.resumed({ again: tried.right }) }
  return [...history, { ...last, run, seq: last.seq + 1, event }]
}

/** Whether any step has a limit of its own. */
export const hasCaps = (node: Node): boolean => node._tag === "Capped" || Plan.children(node).some(hasCaps)
