/** Steps that wait: for a person, or for a time. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Wait } from "../domain/Event.js"
import * as Json from "../domain/Json.js"
import * as StepPath from "../domain/StepPath.js"
import * as Template from "../expression/Template.js"
import * as Instant from "../pipeline/Instant.js"
import * as Node from "../pipeline/Node.js"
import { Rejected, SchemaMismatch, ValueRefused } from "../pipeline/StepError.js"
import * as Env from "./Env.js"
import { attempted, defect, engineFailed } from "./Failure.js"
import * as Outcome from "./Outcome.js"
import { type Drive, own, type Place, type Walked } from "./Place.js"
import { decodedOf, oversize } from "./Value.js"

const rest: Outcome.Outcome = Outcome.resting

/** Whether an answer is a yes: `{ approved: true }`, `true`, or the word. */
export const isYes = (answer: Json.Json): boolean =>
  answer === true || answer === "approved" || Json.get(answer, "approved") === true

const reasonOf = (answer: Json.Json): string => {
  const reason = Json.get(answer, "reason")
  return typeof reason === "string" ? reason : typeof answer === "string" && answer !== "rejected" ? answer : ""
}

export const ask = (drive: Drive, node: Node.AskNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.gen(function* () {
    const { record } = drive
    const path = own(place, Node.nameOf(node)!)
    const message = messageOf(node, place, path, input)
    if (Either.isLeft(message)) return message.left
    const over = oversize(drive, "its question", message.right, path)
    if (over !== undefined) return over
    const opened = yield* record.say(place.closed, {
      path,
      kind: "TaskOpened",
      data: { task: node.mode },
      payload: { message: message.right, schema: node.answer.jsonSchema }
    })
    if (!opened) return rest
    const closed = record.get(path, "TaskClosed") !== undefined
    const next = StepPath.child(place.path, Node.nameOf(node)!, place.attempt + 1)
    if (closed && (!place.closed || record.has(next, "TaskOpened")))
      return yield* drive.go(node, { ...place, attempt: place.attempt + 1 }, input)
    const answered = record.get(path, "TaskAnswered")
    if (answered === undefined) return Outcome.suspended([{ _tag: "Task", path }])
    const { answer } = answered.payload
    if (node.mode === "approve") {
      return isYes(answer)
        ? Outcome.completed(input, [], answer)
        : engineFailed(new Rejected({ path, reason: reasonOf(answer) }), path)
    }
    const value = node.answer.decode(answer)
    return Either.isLeft(value)
      ? defect(`the answer does not fit: ${value.left.detail}`, path)
      : {
          ...Outcome.completed(Outcome.carried(value.right, answer, node.answer), [], answer),
          ...(place.talk === undefined
            ? {}
            : { said: [{ name: Node.nameOf(node)!, by: "question" as const, json: message.right }] })
        }
  })

const messageOf = (
  node: Node.AskNode,
  place: Place,
  path: StepPath.StepPath,
  input: Outcome.Carried
): Either.Either<string, Outcome.Failed> => {
  const { message } = node
  if ("source" in message) {
    return Either.mapBoth(Template.evaluate(message, Env.scope(place.env, input), place.env.templates), {
      onLeft: (error) => engineFailed(error, path),
      onRight: Template.toText
    })
  }
  return Either.flatMap(
    attempted(path, (): unknown => message.call(decodedOf(input) as never)),
    (text) =>
      typeof text === "string"
        ? Either.right(text.toWellFormed())
        : Either.left(defect("its message is not text", path))
  )
}

export const sleep = (drive: Drive, node: Node.SleepNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.gen(function* () {
    const { record } = drive
    const path = own(place, node.name)
    const due = record.get(path, "TimerSet")?.data.due ?? dueOf(node, place, path, input, record.now())
    if (typeof due !== "number") return due
    if (!(yield* record.say(place.closed, { path, kind: "TimerSet", data: { due }, payload: {} }))) return rest
    if (record.get(path, "TimerFired") !== undefined) return Outcome.completed(input)
    const waits: ReadonlyArray<Wait> = [{ _tag: "Timer", path, due }]
    if (place.closed || record.isReplay) {
      const ended = record.mode._tag === "Replay" && record.mode.ended && !place.closed
      if (ended) yield* record.say(false, { path, kind: "TimerFired", data: {}, payload: {} })
      return Outcome.suspended(waits)
    }
    const left = due - record.now()
    if (left > drive.parkAfterMillis) return Outcome.suspended(waits)
    yield* record.barrier
    if (left > 0) yield* Effect.sleep(left)
    yield* record.say(false, { path, kind: "TimerFired", data: {}, payload: {} })
    return Outcome.completed(input)
  })

/** The longest time that anything may take: ten years. */
const waitMillisMax = 10 * 366 * 86_400_000

const dueOf = (
  { millis, until }: Node.SleepNode,
  place: Place,
  path: StepPath.StepPath,
  input: Outcome.Carried,
  now: number
): number | Outcome.Failed => {
  if (until === undefined) return now + millis
  const said = Template.evaluate(until, Env.scope(place.env, input), place.env.templates)
  if (Either.isLeft(said)) return engineFailed(said.left, path)
  const due =
    typeof said.right === "number"
      ? said.right
      : typeof said.right === "string"
        ? Option.getOrElse(Instant.fromText(said.right), () => Number.NaN)
        : Number.NaN
  if (Number.isFinite(due) && due - now <= waitMillisMax) return Math.ceil(due)
  const shown = Template.toText(said.right).slice(0, 100)
  const detail = `it is to wait until ${JSON.stringify(shown)}, which is no time within the next ten years`
  return engineFailed(new ValueRefused({ path, detail }), path)
}

/** Waits for a signal; the one that came first under its name is taken. */
export const signal = (drive: Drive, node: Node.SignalNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.gen(function* () {
    const { record } = drive
    const { signal } = node
    const path = own(place, node.name)
    const awaited = { path, kind: "SignalAwaited", data: { signal }, payload: {} } as const
    if (!(yield* record.say(place.closed, awaited))) return rest
    const isInterrupted = record.get(path, "StepInterrupted") !== undefined
    const next = StepPath.child(place.path, node.name, place.attempt + 1)
    if (isInterrupted && (!place.closed || record.has(next, "SignalAwaited"))) {
      return yield* drive.go(node, { ...place, attempt: place.attempt + 1 }, input)
    }
    let data = record.get(path, "SignalTaken")?.payload.data
    if (data === undefined) {
      const waits: ReadonlyArray<Wait> = [{ _tag: "Signal", path, signal }]
      if (place.closed) record.deaf.add(path)
      else record.deaf.delete(path)
      if (place.closed || record.isReplay || !record.hasSignal(signal)) return Outcome.suspended(waits)
      data = record.takeSignal(signal)!
      yield* record.say(false, { path, kind: "SignalTaken", data: { signal }, payload: { data } })
    }
    const value = node.data.decode(data)
    return Either.isLeft(value)
      ? engineFailed(new SchemaMismatch({ path, side: "input", detail: value.left.detail }), path)
      : Outcome.completed(Outcome.carried(value.right, data, node.data, undefined))
  })
