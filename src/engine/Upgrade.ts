/**
 * Going on with another version of a run's pipeline. What is recorded is walked by the new one with the outside shut, as
 * far as it goes and as if the run went on there: only where the new version says all of it again can the run be taken
 * on, and then the whole record, with all that comes after, is one of the new version.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Entry } from "../domain/Event.js"
import type { Json } from "../domain/Json.js"
import type { RunId } from "../domain/RunId.js"
import * as StepPath from "../domain/StepPath.js"
import type { Journal } from "../journal/Journal.js"
import type { Node } from "../pipeline/Node.js"
import * as Plan from "../plan/Plan.js"
import * as PlanJson from "../plan/PlanJson.js"
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

export interface Checked extends Drive.Replayed {
  /** Changes that the run came past before they were made. */
  readonly keeps: ReadonlyArray<string>
}

/**
 * Whether the run could go on by the pipeline of `driven`, or would have gone the same way to its end. Fails with
 * `Diverged` at the first step that this does otherwise, and with reason `Upgrade` where it is none of its versions.
 * `before`: the plan that it goes by, as it is kept.
 */
export const check = (
  run: RunId,
  driven: Drive.Driven,
  history: ReadonlyArray<Entry>,
  before: Json | undefined,
  limits: Journal["Type"]["limits"]
): Effect.Effect<Checked, Diverged | RunError, unknown> =>
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
    return yield* fitting(run, driven, goingOn(run, history), before, limits)
  })

/**
 * Walks a record by a version of its pipeline that need not be the one it was made by. Of each change that this one is
 * marked with, and that before it was not, it is found out whether the run came past it: where both ways say again what
 * is recorded it did not, and takes the new one.
 */
export const fitting = (
  run: RunId,
  driven: Drive.Driven,
  history: ReadonlyArray<Entry>,
  before: Json | undefined,
  limits: Journal["Type"]["limits"]
): Effect.Effect<Checked, Diverged, unknown> =>
  Effect.gen(function* () {
    const all = changesOf(driven.root)
    const decided = before === undefined ? new Set<string>() : PlanJson.changes(before)
    const open = [...all].filter((change) => !decided.has(change))
    const kept = [...driven.keeps].filter((change) => all.has(change))
    const walk = (keeps: ReadonlyArray<string>) =>
      Effect.map(
        Drive.replay(run, { ...driven, keeps: new Set(keeps) }, history, limits),
        (replayed): Checked => ({ ...replayed, keeps })
      )
    const newest = yield* Effect.either(walk(kept))
    if (Either.isRight(newest) || open.length === 0) return yield* newest
    let found = yield* walk([...kept, ...open])
    for (const change of open) {
      const tried = yield* Effect.either(walk(found.keeps.filter((one) => one !== change)))
      if (Either.isRight(tried)) found = tried.right
    }
    return found
  })

const changesOf = (node: Node, found = new Set<string>()): ReadonlySet<string> => {
  if (node._tag === "Versioned") found.add(node.change)
  for (const child of Plan.children(node)) changesOf(child, found)
  return found
}

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
