/**
 * Taking back what a run did. A step with an undo writes, as soon as it has ended well, that it can be undone; a run that
 * fails or is cancelled undoes all of these one at a time, what ended last first, and only then says how it ended. Each
 * undo is walked like any step and says how it came out, so a process that dies here is gone on from like anywhere else.
 */
import * as Effect from "effect/Effect"
import type { Entry, EventOf } from "../domain/Event.js"
import type * as Json from "../domain/Json.js"
import * as StepPath from "../domain/StepPath.js"
import * as Node from "../pipeline/Node.js"
import * as Attributes from "../telemetry/Attributes.js"
import * as Env from "./Env.js"
import * as Outcome from "./Outcome.js"
import { below, borrowed, type Drive, type Place, type Walked } from "./Place.js"
import type { Record } from "./Record.js"
import { decodedOf } from "./Value.js"

export const compensate = (drive: Drive, node: Node.CompensateNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.flatMap(drive.go(node.step, place, input), (outcome) => {
    if (outcome._tag !== "Completed") return Effect.succeed<Outcome.Outcome>(outcome)
    const { record } = drive
    const path = StepPath.beside(borrowed(place, node), "undo")
    const kept = record.peek(path, "UndoPlanned")?.data.kept
    // Also below a closed path: what ended well must be undone, whether or not there was time to say so.
    const said = record.say(false, { path, kind: "UndoPlanned", data: { kept }, payload: {} })
    return Effect.map(said, (isSaid): Outcome.Outcome => {
      if (!isSaid) return Outcome.resting
      if (kept !== true) {
        const env = Env.after(place.env, Node.nameOf(node), outcome.output, outcome.writes, outcome.answer)
        const undone = { ...below(place, path, env, false) }
        drive.undos.set(path, { node: node.undo, place: undone, input: givenOf(input, outcome.output) })
      }
      return outcome
    })
  })

/** What an undo is given. Where one of the two is known only encoded, so is the whole. */
const givenOf = (input: Outcome.Carried, output: Outcome.Carried): Outcome.Carried => {
  const json = (): Json.Json => ({ input: input.json() ?? null, output: output.json() ?? null })
  return input.raw || output.raw
    ? Outcome.raw(json())
    : Outcome.assembled({ input: decodedOf(input), output: decodedOf(output) }, json)
}

/**
 * Undoes what is to be undone; answers where that rests, and nothing where it is over. While one rests, nothing else is
 * begun, and what was undone before is only read.
 */
export const undoAll = (
  drive: Drive
): Effect.Effect<Outcome.Suspended | undefined, Effect.Effect.Error<Walked>, unknown> =>
  Effect.gen(function* () {
    const { record } = drive
    let rests: Outcome.Suspended | undefined
    for (const path of record.undos().toReversed()) {
      const undo = drive.undos.get(path)
      if (undo === undefined) continue
      const closed = rests !== undefined
      const outcome: Outcome.Outcome = yield* drive.go(undo.node, { ...undo.place, closed }, undo.input)
      const tries = triesOf(record, path)
      if (outcome._tag === "Suspended") {
        rests ??= outcome
        continue
      }
      const isNew = !record.has(path, "Undone", tries)
      const failed = outcome._tag === "Failed" ? outcome : undefined
      const said = yield* record.say(closed, {
        path,
        kind: "Undone",
        ordinal: tries,
        data: { end: failed === undefined ? "done" : "failed", at: failed?.at ?? [] },
        payload: failed === undefined ? {} : { error: failed.json }
      })
      if (!said) rests ??= Outcome.resting
      else if (failed !== undefined && isNew) {
        const step = path.slice(0, -"!undo".length)
        const message = `the undo of ${step} failed: what that did stands, and the journal says why`
        yield* Effect.annotateLogs(Effect.logError(message), Attributes.runId, drive.run)
      }
    }
    return rests
  })

/** How often an undo failed and was tried again by hand. */
const triesOf = (record: Record, path: StepPath.StepPath): number => {
  for (let tries = 0; ; tries++) {
    const undone = record.get(path, "Undone", tries)
    if (undone?.data.end !== "failed" || !undone.data.at.some((at) => record.again.has(at))) return tries
  }
}

/** Why a cancelled run that undoes what it did was cancelled, if it is one. */
export const cancelling = (history: ReadonlyArray<Entry>): string | undefined => {
  const found = history.find(({ event }) => event.kind === "RunCancelling")?.event
  return found?.kind === "RunCancelling" ? found.payload.reason : undefined
}

/** How the undos of a run that ended came out: those that failed can be tried again. `undefined`: there were none. */
export const failures = (history: ReadonlyArray<Entry>): ReadonlyArray<StepPath.StepPath> | undefined => {
  const last = new Map<StepPath.StepPath, EventOf<"Undone">>()
  for (const { event } of history) if (event.kind === "Undone") last.set(event.path, event)
  return last.size === 0 ? undefined : [...last.values()].flatMap(({ data }) => data.at)
}

/** Within an undo, or said of one. */
export const isOfUndo = (path: StepPath.StepPath): boolean =>
  path.includes("!undo") && StepPath.parse(path).some(({ role }) => role === "undo")
