/** What stands around a step: another try, a deadline, a condition, schemas. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleIntervals from "effect/ScheduleIntervals"
import * as StepPath from "../domain/StepPath.js"
import * as Template from "../expression/Template.js"
import * as Node from "../pipeline/Node.js"
import * as Retry from "../pipeline/Retry.js"
import type * as Shape from "../pipeline/Shape.js"
import { SchemaMismatch, StepTimedOut } from "../pipeline/StepError.js"
import { closing } from "./Composite.js"
import * as Decide from "./Decide.js"
import { engineFailed } from "./Failure.js"
import * as Outcome from "./Outcome.js"
import { borrowed, type Drive, type Place, type Walked } from "./Place.js"
import type { Record, Said } from "./Record.js"

const rest: Outcome.Outcome = Outcome.resting

export const retry = (drive: Drive, node: Node.RetryNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.gen(function* () {
    const { record } = drive
    const path = borrowed(place, node)
    const { policy } = node
    const schedule: Schedule.Schedule<unknown, never, unknown> =
      policy._tag === "Data" ? Retry.toSchedule(policy.retry) : policy.code.call
    const times = policy._tag === "Data" ? policy.retry.times : policy.times
    let state: unknown = schedule.initial
    let { refused } = place
    for (let attempt = 1; ; attempt++) {
      const outcome: Outcome.Outcome = yield* drive.go(node.step, { ...place, attempt, refused }, input)
      if (outcome._tag === "Failed") refused = outcome.refused ?? refused
      // Accounted for also where the step did well once a person had it tried again.
      const old = record.get(path, "RetryDecided", attempt)?.data
      if (outcome._tag !== "Failed" || outcome.reason === "Defect") return outcome
      // Re-driven with the recorded instant of each decision, so that elapsed time and count survive a crash.
      const now = old?.now ?? record.now()
      const [next, , decision] = yield* schedule.step(now, outcome.error as never, state)
      state = next
      const worthIt =
        attempt <= times &&
        ScheduleDecision.isContinue(decision) &&
        (policy._tag === "Schedule" || Retry.covers(policy.retry, tagOf(outcome.error)))
      const wake =
        old !== undefined ? old.wake : worthIt && ScheduleDecision.isContinue(decision) ? startOf(decision) : null
      const data = { again: old?.again ?? worthIt, now, wake }
      const said = yield* record.say(place.closed, { path, kind: "RetryDecided", ordinal: attempt, data, payload: {} })
      if (!said) return rest
      if (wake === null) return outcome
      const left = wake - record.now()
      if (place.closed || record.isReplay || left <= 0 || record.hasBegunAfter(path, attempt)) continue
      if (left > drive.parkAfterMillis) return Outcome.suspended([{ _tag: "Timer", path, due: wake }])
      yield* record.barrier
      yield* Effect.sleep(left)
    }
  })

const startOf = (decision: ScheduleDecision.Continue): number => Math.ceil(ScheduleIntervals.start(decision.intervals))

const tagOf = (error: unknown): string | undefined =>
  typeof error === "object" && error !== null && "_tag" in error && typeof error._tag === "string"
    ? error._tag
    : undefined

export const timeout = (drive: Drive, node: Node.TimeoutNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.gen(function* () {
    const { record } = drive
    const step = borrowed(place, node)
    const path = StepPath.beside(step, "deadline")
    const ordinal = Node.layersBelow(node, "Timeout")
    const set = record.get(path, "TimerSet", ordinal)?.data.due ?? record.now() + node.millis
    const said = yield* record.say(place.closed, { path, kind: "TimerSet", ordinal, data: { due: set }, payload: {} })
    if (!said) return rest
    const due = Math.max(set, triedAgainAt(record, step) + node.millis)
    const inside = (closed: boolean): Walked => drive.go(node.step, { ...place, closed: place.closed || closed }, input)
    const fired = record.get(path, "TimerFired", ordinal) !== undefined
    const left = due - record.now()
    if (!fired && (place.closed || record.isReplay)) {
      const outcome = yield* inside(false)
      return outcome._tag === "Suspended" ? withDeadline(outcome, path, due) : outcome
    }
    if (!fired && left > 0) {
      const outcome = yield* Effect.timeoutOption(inside(false), left)
      if (Option.isSome(outcome)) {
        return outcome.value._tag === "Suspended" ? withDeadline(outcome.value, path, due) : outcome.value
      }
    }
    // What ended before the deadline was noticed, ended; the rest is cut off.
    const outcome = yield* inside(true)
    if (!fired && outcome._tag !== "Suspended") return outcome
    // As any step: below a path that was closed before it was tried again, it rests, and its old failure is none.
    const isTriedAgain = record.again.has(path)
    const isSaid = yield* record.sayAll(place.closed, [
      { path, kind: "TimerFired", ordinal, data: {}, payload: {} } as Said<"TimerFired"> as Said<never>,
      // What a later attempt left open is not this deadline's.
      ...(outcome._tag === "Suspended" && !isTriedAgain ? closing(record, outcome.waits, path) : [])
    ])
    if (!isSaid) return outcome
    if (isTriedAgain) return yield* drive.go(node, { ...place, attempt: place.attempt + 1 }, input)
    return engineFailed(new StepTimedOut({ path: StepPath.standing(step), millis: node.millis }), path)
  })

/** A person who has something tried again gives it its time again, too. */
const triedAgainAt = (record: Record, step: StepPath.StepPath): number => {
  let at = Number.NEGATIVE_INFINITY
  if (record.again.size === 0) return at
  const standing = StepPath.standing(step)
  for (const [path, asked] of record.again) {
    if (asked > at && StepPath.isWithin(StepPath.standing(path), standing)) at = asked
  }
  return at
}

const withDeadline = (outcome: Outcome.Suspended, path: StepPath.StepPath, due: number): Outcome.Outcome =>
  outcome.waits.length === 0 ? outcome : Outcome.suspended([...outcome.waits, { _tag: "Timer", path, due }])

export const when = (drive: Drive, node: Node.WhenNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.gen(function* () {
    const path = StepPath.beside(borrowed(place, node), "when")
    const decided = Decide.purely(node.on, borrowed(place, node), place, input)
    if (Either.isLeft(decided)) return decided.left
    const on = Template.isTruthy(decided.right)
    const branch = on ? "run" : "skip"
    const said = yield* drive.record.say(place.closed, {
      path,
      kind: "BranchTaken",
      ordinal: Node.layersBelow(node, "When"),
      data: { branch },
      payload: { on }
    })
    if (!said) return rest
    return on ? yield* drive.go(node.step, place, input) : Outcome.completed(input)
  })

export const check = (drive: Drive, node: Node.CheckNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.gen(function* () {
    const path = node.whole === true ? place.path : borrowed(place, node)
    const given = fitting(node.input, "input", path, input)
    if (given._tag === "Failed") return given
    const outcome: Outcome.Outcome = yield* drive.go(node.step, place, given.carried)
    if (outcome._tag !== "Completed") return outcome
    const made = fitting(node.output, "output", path, outcome.output)
    return made._tag === "Failed" ? made : { ...outcome, output: made.carried }
  })

/** What fits a schema, read by it; or why not. */
export const fitting = (
  shape: Shape.Shape | undefined,
  side: "input" | "output",
  path: StepPath.StepPath,
  carried: Outcome.Carried
): Outcome.Failed | { readonly _tag: "Fits"; readonly carried: Outcome.Carried } => {
  if (shape === undefined || (carried.shape === shape && !carried.raw)) return { _tag: "Fits", carried }
  const json = carried.json()
  const value = shape.decode(json)
  if (Either.isRight(value)) return { _tag: "Fits", carried: Outcome.carried(value.right, json, shape, carried.origin) }
  return engineFailed(new SchemaMismatch({ path: StepPath.standing(path), side, detail: value.left.detail }), path)
}
