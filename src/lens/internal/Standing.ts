/** How a place of a run stands, concluded from what was said there and below. */
import * as Option from "effect/Option"
import type { Entry } from "../../domain/Event.js"
import * as Json from "../../domain/Json.js"
import type * as RunSummary from "../RunSummary.js"
import type { Decision, Failure, Kind, Status, Task, Timer, TraceNode } from "../TraceNode.js"
import type * as Values from "../Values.js"
import * as Place from "./Place.js"

/** What of the whole run bears on each of its places. */
export interface Run {
  readonly status: Status
  /** What a step is that started and did not end. */
  readonly open: "running" | "interrupted" | "cut"
  readonly isEnded: boolean
  /** The run stopped inside these: that all below them ended does not mean that they did. */
  readonly stoppedIn: ReadonlySet<Place.Place>
  /** Failed steps that were tried again. */
  readonly again: ReadonlySet<string>
}

const runStatuses = {
  running: "running",
  suspended: "waiting",
  completed: "completed",
  failed: "failed",
  cancelled: "cancelled",
  stuck: "cut",
  cut: "cut",
  empty: "cut"
} as const satisfies Record<RunSummary.Status, Status>

export const run = (
  { status }: RunSummary.RunSummary,
  entries: ReadonlyArray<Entry>,
  latest: ReadonlySet<Place.Place>
): Run => {
  const isEnded = status === "completed" || status === "failed" || status === "cancelled"
  const again = new Set<string>()
  for (const { event } of entries) if (event.kind === "RunResumed") for (const path of event.data.again) again.add(path)
  return {
    status: runStatuses[status],
    open: status === "running" ? "running" : isEnded ? "interrupted" : "cut",
    isEnded,
    stoppedIn: status === "completed" || status === "failed" || status === "suspended" ? new Set() : latest,
    again
  }
}

/** Whether nothing more is to come. */
export const isOver = (status: Status): boolean =>
  status === "completed" ||
  status === "failed" ||
  status === "cancelled" ||
  status === "interrupted" ||
  status === "skipped"

export const kindOf = (place: Place.Place, parent: Place.Place): Kind => {
  const started = Place.last(place, "StepStarted")
  if (started !== undefined) return started.event.data.step
  if (place.isCall) return Place.last(place, "Asked")?.event.data.effect === "model" ? "model" : "call"
  if (Place.has(place, "TaskOpened")) return "task"
  if (Place.has(place, "Computed")) return "fn"
  if (Place.has(place, "TimerSet")) return "sleep"
  if (Place.has(place, "SignalAwaited")) return "signal"
  if (Place.has(place, "BranchTaken")) return "branch"
  if (Place.has(place, "ItemsPlanned")) return "forEach"
  if (place.role === "fallback") return "fallback"
  if (place.role === "undo") return "undo"
  if (hitOf(place) !== undefined) return "cached"
  if (place.index !== undefined) return Place.has(parent, "ItemsPlanned") ? "item" : "iteration"
  // What a turn asked side by side, each by its index.
  if (parent.isCall) return "group"
  for (const child of place.children.values()) if (child._tag === "Place" && child.index !== undefined) return "loop"
  if (Place.has(parent, "BranchTaken")) return "case"
  const asides = ["!when", "!cache"].filter((label) => place.children.has(label)).length
  return place.children.size === asides ? "step" : "group"
}

interface Seen {
  readonly place: Place.Place
  readonly kind: Kind
  readonly children: ReadonlyArray<TraceNode>
  readonly deadline: Place.Place | undefined
  readonly parent: Place.Place
}

export const statusOf = (run: Run, seen: Seen): Status => {
  const { children, deadline, place } = seen
  if (skipOf(place) !== undefined) return "skipped"
  // What was run in its place stands for it.
  const instead = children.find(({ kind }) => kind === "fallback")
  if (instead !== undefined) return instead.status
  if (hasFailed(place) || isFired(deadline)) return "failed"
  return own(run, seen)
}

/** By its own entries, or by those about it. */
export const hasFailed = (place: Place.Place): boolean =>
  place.marks.length > 0 || Place.has(place, "StepFailed") || isRejected(place)

const isFired = (deadline: Place.Place | undefined): boolean =>
  deadline !== undefined && (Place.has(deadline, "TimerFired") || deadline.marks.length > 0)

const own = (run: Run, seen: Seen): Status => {
  const { children, kind, parent, place } = seen
  switch (kind) {
    case "code":
    case "agent":
    case "skill":
      if (Place.has(place, "StepSucceeded")) return "completed"
      if (Place.has(place, "StepInterrupted")) return "interrupted"
      return children.some(isWaiting) ? "waiting" : run.open
    case "fn":
    case "cached":
      return "completed"
    case "task":
      if (Place.has(place, "TaskAnswered")) return "completed"
      return Place.has(place, "TaskClosed") ? "skipped" : run.isEnded ? "interrupted" : "waiting"
    case "signal":
      if (Place.has(place, "SignalTaken")) return "completed"
      return Place.has(place, "StepInterrupted") ? "skipped" : run.isEnded ? "interrupted" : "waiting"
    case "sleep":
      return Place.has(place, "TimerFired") ? "completed" : run.isEnded ? "interrupted" : "waiting"
    case "model":
    case "call":
      if (Place.has(place, "Answered")) return "completed"
      if (Place.has(place, "Refused") || Place.has(place, "Denied")) return "failed"
      // A call that was cut is asked again when its step goes on.
      return isEnded(parent) ? "interrupted" : run.open
    case "undo": {
      const undone = Place.last(place, "Undone")
      if (undone !== undefined) return undone.event.data.end === "done" ? "completed" : "failed"
      return composite(run, seen)
    }
    default:
      return composite(run, seen)
  }
}

/** A question may stand within a turn that was answered. */
const isWaiting = ({ children, status }: TraceNode): boolean => status === "waiting" || children.some(isWaiting)

const isEnded = (step: Place.Place): boolean =>
  hasFailed(step) || Place.has(step, "StepSucceeded") || Place.has(step, "StepInterrupted")

const composite = (run: Run, { children: all, kind, place }: Seen): Status => {
  // Whether it was taken back is no matter of how it ended.
  const children = all.filter((child) => child.kind !== "undo")
  const closed = Place.last(place, "Closed")
  if (closed !== undefined && !closed.event.data.by.some((path) => run.again.has(path))) return "failed"
  const any = (wanted: Status) => children.some(({ status }) => status === wanted)
  // Of a state that failed, its machine went on.
  if (Place.has(place, "IterationEnded") && Place.has(place, "BranchTaken")) return "completed"
  if (any("running")) return "running"
  if (any("waiting")) return "waiting"
  if (any("cut")) return "cut"
  // A fan-out may leave failed items out, or collect them; if it fails of one, it is closed.
  if (any("failed") && kind !== "forEach") return "failed"
  if (any("interrupted")) return "interrupted"
  // What a condition left out is no part that is missing.
  if (children.some(({ decision, status }) => status === "skipped" && !isSkip(decision))) return "skipped"
  return run.status === "completed" || hasAll(run, place, kind, children) ? "completed" : resting(run)
}

/** What was taken from the cache in its place. */
const hitOf = (place: Place.Place) => {
  const cache = place.children.get("!cache")
  const read = cache?._tag === "Place" ? Place.last(cache, "CacheRead") : undefined
  return read?.event.data.from === undefined ? undefined : { ...read, from: read.event.data.from }
}

/** Said by the condition of a step that was not wanted. */
const skipOf = (place: Place.Place) => {
  const when = place.children.get("!when")
  if (when?._tag !== "Place") return undefined
  return Place.all(when, "BranchTaken").find(({ event }) => event.data.branch === "skip")
}

const isSkip = (decision: Option.Option<Decision>): boolean =>
  Option.isSome(decision) && decision.value._tag === "Branch" && decision.value.branch === "skip"

const resting = (run: Run): Status => (run.status === "waiting" ? "waiting" : run.open)

/** Whether nothing is missing below a composite whose children have all ended. */
const hasAll = (run: Run, place: Place.Place, kind: Kind, children: ReadonlyArray<TraceNode>): boolean => {
  switch (kind) {
    case "iteration":
      return Place.has(place, "IterationEnded")
    case "loop": {
      const last = [...place.children.values()].findLast((child) => child._tag === "Place" && child.index !== undefined)
      const ended = last?._tag === "Place" ? Place.last(last, "IterationEnded") : undefined
      return ended !== undefined && ended.event.data.end !== "again"
    }
    case "forEach":
      return children.length >= (Place.last(place, "ItemsPlanned")?.event.data.count ?? 0)
    default:
      return children.length > 0 && !run.stoppedIn.has(place)
  }
}

/** How all attempts of a step stand together. */
export const statusOfAll = (
  run: Run,
  {
    deadline,
    instead,
    isPending,
    last
  }: {
    readonly last: TraceNode
    readonly instead: TraceNode | undefined
    readonly deadline: Place.Place | undefined
    readonly isPending: boolean
  }
): Status => {
  if (instead !== undefined) return instead.status
  if (isFired(deadline)) return "failed"
  if (!isPending || run.isEnded) return last.status
  return run.open === "running" || run.status === "waiting" ? "waiting" : "cut"
}

/** What a place said of itself; for calls, what was asked and answered. */
export const said = (
  place: Place.Place,
  values: Values.Values
): {
  readonly start: number | undefined
  readonly end: number | undefined
  readonly input: Option.Option<Json.Json>
  readonly output: Option.Option<Json.Json>
} => {
  const asked = Place.last(place, "Asked")
  if (place.isCall && asked !== undefined) {
    const answered = Place.last(place, "Answered")
    const end = answered ?? Place.last(place, "Refused") ?? Place.last(place, "Interrupted")
    return {
      start: asked.at,
      end: end?.at,
      input: Option.some(asked.event.payload.request),
      output: answered === undefined ? Option.none() : values.of(answered.event.payload.answer)
    }
  }
  const started = Place.last(place, "StepStarted")
  const succeeded = Place.last(place, "StepSucceeded")
  const computed = Place.last(place, "Computed")
  const end =
    succeeded ??
    Place.last(place, "StepFailed") ??
    Place.last(place, "StepInterrupted") ??
    Place.last(place, "TaskAnswered") ??
    Place.last(place, "TaskClosed") ??
    Place.last(place, "SignalTaken") ??
    Place.last(place, "TimerFired") ??
    Place.last(place, "IterationEnded")
  const output = (succeeded ?? computed)?.event.payload.output ?? hitOf(place)?.event.payload.answer
  const taken = Place.last(place, "SignalTaken")
  return {
    start: started?.at,
    end: end?.at,
    input: started === undefined ? Option.none() : values.of(started.event.payload.input),
    output:
      output !== undefined
        ? values.of(output)
        : Option.map(Option.fromNullable(taken), ({ event }) => event.payload.data)
  }
}

export const failureOf = (place: Place.Place, deadline: Place.Place | undefined): Option.Option<Failure> => {
  const failed = Place.last(place, "StepFailed")
  if (failed !== undefined) {
    return Option.some({
      reason: Option.some(failed.event.data.reason),
      error: Option.some(failed.event.payload.error)
    })
  }
  const undone = Place.last(place, "Undone")?.event.payload.error
  if (undone !== undefined) return Option.some({ reason: Option.none(), error: Option.some(undone) })
  const refused = place.isCall ? Place.last(place, "Refused") : undefined
  if (refused !== undefined) {
    return Option.some({ reason: Option.some("Failure"), error: Option.some(refused.event.payload.error) })
  }
  const marks = [...place.marks, ...(deadline?.marks ?? [])]
  const told = marks.find(({ error }) => error !== undefined) ?? marks.find(({ reason }) => reason !== undefined)
  return Option.some({ reason: Option.fromNullable(told?.reason), error: Option.fromNullable(told?.error) })
}

export const decisionOf = (place: Place.Place): Option.Option<Decision> => {
  const hit = hitOf(place)
  if (hit !== undefined) return Option.some({ _tag: "Cached", ...hit.from })
  const taken = Place.last(place, "Answered")?.event.data.from
  if (taken !== undefined) return Option.some({ _tag: "Cached", ...taken })
  const branch = skipOf(place) ?? Place.last(place, "BranchTaken")
  if (branch !== undefined) {
    return Option.some({ _tag: "Branch", branch: branch.event.data.branch, on: branch.event.payload.on })
  }
  const items = Place.last(place, "ItemsPlanned")
  if (items !== undefined) return Option.some({ _tag: "Items", count: items.event.data.count })
  const iteration = Place.last(place, "IterationEnded")
  return iteration === undefined ? Option.none() : Option.some({ _tag: "Iteration", end: iteration.event.data.end })
}

export const taskOf = (place: Place.Place): Option.Option<Task> => {
  const opened = Place.last(place, "TaskOpened")
  if (opened === undefined) return Option.none()
  const answered = Place.last(place, "TaskAnswered")
  const { message, schema } = opened.event.payload
  return Option.some({
    task: opened.event.data.task,
    message,
    schema,
    answer: Option.map(Option.fromNullable(answered), ({ at, event }) => ({
      value: event.payload.answer,
      by: Option.fromNullable(event.payload.by),
      at
    }))
  })
}

export const timersOf = (place: Place.Place, role: Timer["role"]): ReadonlyArray<Timer> =>
  Place.all(place, "TimerSet").map(({ at, event }) => {
    const fired = Place.all(place, "TimerFired").find((entry) => entry.event.ordinal === event.ordinal)
    return { role, setAt: at, due: event.data.due, firedAt: Option.fromNullable(fired?.at) }
  })

/** An approval answered with anything but a yes. The engine decides so too, and writes nothing about it. */
const isRejected = (place: Place.Place): boolean => {
  if (Place.last(place, "TaskOpened")?.event.data.task !== "approve") return false
  const answered = Place.last(place, "TaskAnswered")
  if (answered === undefined) return false
  const { answer } = answered.event.payload
  return !(answer === true || answer === "approved" || Json.get(answer, "approved") === true)
}
