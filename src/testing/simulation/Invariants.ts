/** What holds of the journal of any run, whatever happened to it. Each of them answers what does not. */
import * as Event from "../../domain/Event.js"
import { Quota } from "../../governance/Quota.js"
import type { RunStatus } from "../../journal/RunIndex.js"
import { hasEnded } from "../../journal/RunIndex.js"

/** What a simulation holds a run to. */
export const names = [
  "replay",
  "ledger",
  "journal",
  "closed",
  "projections",
  "spending",
  "no-effect-unrecorded",
  "not-stranded",
  "starts",
  "repeatable"
] as const
export type Name = (typeof names)[number]

type Entries = ReadonlyArray<Event.Entry>

/** Numbered without gaps, owners in order, and no event twice. */
export const journal = (entries: Entries): string | undefined => {
  const keys = new Set<string>()
  for (const [i, { epoch, event, seq }] of entries.entries()) {
    if (seq !== i) return `entry ${seq} stands as number ${i}`
    if (i > 0 && epoch < entries[i - 1]!.epoch) return `entry ${i} is of an owner before that of entry ${i - 1}`
    const key = Event.key(event.path, event.kind, event.ordinal)
    if (keys.has(key)) return `entry ${i}: ${event.kind} of ${event.path} is there twice`
    keys.add(key)
  }
  return undefined
}

const ending: Partial<Record<Event.Kind, string>> = {
  StepSucceeded: "step",
  StepFailed: "step",
  StepInterrupted: "step",
  TaskAnswered: "task",
  TaskClosed: "task",
  SignalTaken: "signal"
}

/** Whatever ended had begun; and of a run that has ended, nothing is open. */
export const closed = (entries: Entries): string | undefined => {
  const open = new Set<string>()
  for (const { event } of entries) {
    if (event.kind === "StepStarted") open.add(`step ${event.path}`)
    if (event.kind === "TaskOpened") open.add(`task ${event.path}`)
    if (event.kind === "SignalAwaited") open.add(`signal ${event.path}`)
    if (event.kind === "StepInterrupted" && open.delete(`signal ${event.path}`)) continue
    const what = ending[event.kind]
    if (what !== undefined && !open.delete(`${what} ${event.path}`))
      return `${event.kind} of ${event.path} ends nothing`
  }
  const last = entries.at(-1)?.event.kind
  const isOver = last === "RunCompleted" || last === "RunFailed" || last === "RunCancelled"
  return isOver && open.size > 0 ? `the run has ended, and open is ${[...open].join(", ")}` : undefined
}

/** Settled and reserved together are within the run's limits after every entry, and a call is settled at most once. */
export const spending = (entries: Entries): string | undefined => {
  const first = entries[0]?.event
  if (first?.kind !== "RunStarted" || first.data.budget === undefined) return undefined
  const { maxCost, maxTokens } = first.data.budget
  const quota = new Quota()
  for (const { event, seq } of entries) {
    try {
      if (event.kind === "Reserved") {
        const { cost, model, pools = [], tokens, under } = event.data
        quota.hold({ path: event.path, model, amount: { cost, tokens }, pools }, ["", ...under])
      } else if (event.kind === "Settled") quota.settle(event.path, event.data)
      else continue
    } catch (error) {
      return `entry ${seq}: ${error instanceof Error ? error.message : String(error)}`
    }
    const { cost, tokens } = quota.total("")
    if (maxCost !== null && cost > BigInt(maxCost))
      return `after entry ${seq} ${cost} of ${maxCost} nano-dollars are spent`
    if (maxTokens !== null && tokens > BigInt(maxTokens))
      return `after entry ${seq} ${tokens} of ${maxTokens} tokens are spent`
  }
  return undefined
}

/** A run that rests waits for something that is open. */
export const waits = (entries: Entries, status: RunStatus | undefined): string | undefined => {
  if (status === undefined || hasEnded(status)) return undefined
  const last = entries.at(-1)?.event
  if (last?.kind !== "RunSuspended") return `the run is ${status}, and its last entry is ${last?.kind}`
  const answered = new Set(
    entries.flatMap(({ event }) =>
      event.kind === "TaskAnswered" || event.kind === "TaskClosed" || event.kind === "SignalTaken" ? [event.path] : []
    )
  )
  const open = last.data.waits.filter(({ _tag, path }) => _tag === "Timer" || (_tag !== "Step" && !answered.has(path)))
  return open.length > 0 ? undefined : "the run rests, and waits for nothing that is open"
}
