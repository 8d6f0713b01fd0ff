/**
 * The beginning of a fork: what a run has recorded up to a step, to go on from there by itself. Any prefix of a record
 * is a record, so the copy needs no more than to leave out what was in the air when the parent came to that step: calls
 * and steps without an end, sleeps that were not over. Those happen anew in the fork, and deadlines begin anew.
 */
import * as Either from "effect/Either"
import type { Entry, Event, EventOf } from "../domain/Event.js"
import * as Events from "../domain/Event.js"
import type { Json } from "../domain/Json.js"
import * as StepPath from "../domain/StepPath.js"
import * as Version from "../domain/Version.js"
import { isOfUndo } from "./Compensate.js"

/** What the fork is given in place of what the parent has at the step. */
export type Edit =
  | { readonly _tag: "Input"; readonly value: Json }
  | { readonly _tag: "Output"; readonly value: Json }
  | { readonly _tag: "Answer"; readonly value: Json; readonly by?: string | undefined }

export interface Cut {
  /** The standing path of a step that the parent came to; the root for the run as a whole. */
  readonly from: StepPath.StepPath
  readonly edit?: Edit | undefined
}

/** The events of the fork, its `RunStarted` first; or why there can be none. `now`: when it begins, in milliseconds. */
export const events = (
  history: ReadonlyArray<Entry>,
  parent: string,
  { edit, from }: Cut,
  now: number
): Either.Either<ReadonlyArray<Event>, string> => {
  const first = history[0]?.event
  if (first?.kind !== "RunStarted") return Either.left("the run has no beginning")
  // It goes on by the version that its parent goes by now, wherever they part.
  const version = Version.of(history)
  const started: EventOf<"RunStarted"> = {
    ...first,
    data: {
      ...first.data,
      plan: version?.plan ?? first.data.plan,
      parent: { run: parent, from },
      ...(version === undefined || version.keeps.length === 0 ? {} : { keeps: version.keeps })
    },
    payload: {
      ...first.payload,
      sources: version?.sources ?? first.payload.sources,
      ...(from === StepPath.root && edit?._tag === "Input" ? { input: { value: edit.value } } : {})
    }
  }
  if (from === StepPath.root) {
    return edit === undefined || edit._tag === "Input"
      ? Either.right([started])
      : Either.left("of the run as a whole only the input can be given")
  }
  if (isOfUndo(from)) return Either.left("a fork cannot begin where steps are undone: there is nothing to go on to")
  const own = history.filter(({ event }) => StepPath.standing(event.path) === from)
  const reached = history.findIndex(({ event }) => StepPath.isWithin(StepPath.standing(event.path), from))
  if (reached === -1) return Either.left(`the run did not come to ${from}`)
  const find = <K extends Events.Kind>(kind: K) =>
    own.find((entry): entry is Entry<EventOf<K> & Event> => entry.event.kind === kind)
  const before = (end: number) => settled(history.slice(1, end), now)
  const answered = edit?._tag === "Answer" ? find("TaskAnswered") : undefined
  const end = edit?._tag !== "Answer" ? reached : answered === undefined ? history.length : history.indexOf(answered)
  const undone = history.slice(1, end).find(({ event }) => isUndone(history, event))
  if (undone !== undefined) {
    const step = undone.event.path.slice(0, -"!undo".length)
    return Either.left(`${step} was undone there, so a fork can only begin at it or before it`)
  }
  if (edit === undefined) return Either.right([started, ...before(reached)])
  switch (edit._tag) {
    case "Answer": {
      const opened = find("TaskOpened")
      if (opened === undefined) return Either.left(`${from} asks nobody, so it can be given no answer`)
      const { by, value } = edit
      const payload = by === undefined ? { answer: value } : { answer: value, by }
      const answer: Event = { path: opened.event.path, kind: "TaskAnswered", ordinal: 0, data: {}, payload }
      return Either.right([started, ...before(end), answer])
    }
    case "Input":
    case "Output": {
      const step = find("StepStarted")
      if (step === undefined) {
        return Either.left(
          `${from} is no step that can be given an ${edit._tag.toLowerCase()}: only code, agents and skills can, what others answer follows from these`
        )
      }
      const { event } = step
      const begun: EventOf<"StepStarted"> =
        edit._tag === "Input"
          ? { ...event, data: { ...event.data, edited: true }, payload: { input: { value: edit.value } } }
          : event
      const ended: ReadonlyArray<Event> =
        edit._tag === "Output"
          ? [
              {
                path: event.path,
                kind: "StepSucceeded",
                ordinal: 0,
                data: { edited: true },
                payload: { output: { value: edit.value } }
              }
            ]
          : []
      return Either.right([started, ...before(reached), begun, ...ended])
    }
  }
}

/** Whether a step that ended well was taken back since, or that was begun. */
const isUndone = (history: ReadonlyArray<Entry>, planned: Event): boolean =>
  planned.kind === "UndoPlanned" &&
  planned.data.kept !== true &&
  history.some(({ event }) => event.kind !== "UndoPlanned" && StepPath.isWithin(event.path, planned.path))

/** What of a record is at rest. */
const settled = (entries: ReadonlyArray<Entry>, now: number): ReadonlyArray<Event> => {
  const ended = new Set<string>()
  const fired = new Set<string>()
  for (const { event } of entries) {
    if (ends.has(event.kind)) ended.add(event.path)
    if (event.kind === "TimerFired") fired.add(`${event.path} ${event.ordinal}`)
  }
  const open = entries.flatMap(({ event }) =>
    event.kind === "StepStarted" && !ended.has(event.path) ? [event.path] : []
  )
  return entries.flatMap(({ at, event }): ReadonlyArray<Event> => {
    if (Events.kinds[event.kind].life || open.some((path) => StepPath.isWithin(event.path, path))) return []
    if (event.kind === "UndoPlanned") return [{ ...event, data: { kept: true } }]
    if (event.kind !== "TimerSet" || fired.has(`${event.path} ${event.ordinal}`)) return [event]
    // What ran under a deadline is kept, so the deadline is, with all of its time.
    return StepPath.parse(event.path).at(-1)?.role === "deadline"
      ? [{ ...event, data: { due: now + event.data.due - at } }]
      : []
  })
}

const ends: ReadonlySet<Events.Kind> = new Set(["StepSucceeded", "StepFailed", "StepInterrupted"])
