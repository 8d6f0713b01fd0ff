/**
 * A run as a tree: every step that its entries tell of, where it stands, with what it was given and what came of it.
 * Folded from the journal alone, so a run that crashed last month looks as it did then; any prefix of a journal will do.
 *
 * A step with one attempt is one node. With more, or with a fallback, its node has each attempt (`#1`, `#2`) and the
 * fallback (`!fallback`) as children, and stands for what came of them all. Composites write no end of their own: one is
 * taken to have ended when all below it did, unless the run stopped right there.
 */
import * as Option from "effect/Option"
import type { Entry } from "../domain/Event.js"
import * as NanoUsd from "../domain/NanoUsd.js"
import type { StepPath } from "../domain/StepPath.js"
import * as Usage from "../domain/Usage.js"
import * as Place from "./internal/Place.js"
import * as Standing from "./internal/Standing.js"
import * as RunSummary from "./RunSummary.js"
import type { Retry, TraceNode } from "./TraceNode.js"
import * as Values from "./Values.js"

export interface Trace {
  readonly summary: RunSummary.RunSummary
  /** The run itself, at the root path. */
  readonly root: TraceNode
}

export const make = (entries: ReadonlyArray<Entry>, options: RunSummary.Options): Trace => {
  const summary = RunSummary.make(entries, options)
  const { latest, root } = Place.make(entries)
  const run = Standing.run(summary, entries, latest)
  const values = Values.make(entries)
  const now = run.open === "running" ? Math.max(options.now ?? 0, entries.at(-1)?.at ?? 0) : undefined

  const childrenOf = (place: Place.Place, apart: ReadonlySet<Place.Place>): ReadonlyArray<TraceNode> => {
    const nodes: Array<TraceNode> = []
    for (const child of place.children.values()) {
      if (child._tag === "Slot") nodes.push(slotNode(child, place))
      else if (
        child.role !== "deadline" &&
        child.role !== "when" &&
        child.role !== "cache" &&
        !apart.has(child) &&
        !isOnlyPlanned(child)
      )
        nodes.push(placeNode(child, child.label, place))
    }
    return nodes
  }

  const placeNode = (
    place: Place.Place,
    label: string,
    parent: Place.Place,
    apart: ReadonlySet<Place.Place> = none
  ): TraceNode => {
    const children = childrenOf(place, apart)
    const kind = Standing.kindOf(place, parent)
    const deadline = deadlineOf(place, apart)
    const status = Standing.statusOf(run, { place, kind, children, deadline, parent })
    const { end, input, output, start } = Standing.said(place, values)
    const startedAt = start ?? place.firstAt
    const endedAt = Standing.isOver(status) ? Option.some(end ?? place.lastAt) : Option.none()
    const answered = Place.last(place, "Answered")
    return {
      path: place.path,
      label,
      kind,
      status,
      startedAt,
      endedAt,
      durationMillis: Math.max(0, Option.getOrElse(endedAt, () => now ?? place.lastAt) - startedAt),
      usage: usageOf(children, answered?.event.data.usage),
      cost: costOf(children, place),
      model: Option.fromNullable(answered?.event.data.model),
      attempts: 1,
      recoveries: Place.all(place, "Recovered").length,
      input,
      output,
      failure: status === "failed" || Standing.hasFailed(place) ? Standing.failureOf(place, deadline) : Option.none(),
      decision: Standing.decisionOf(place),
      task: Standing.taskOf(place),
      signal: Option.map(Option.fromNullable(Place.last(place, "SignalAwaited")), ({ event }) => event.data.signal),
      timers: [...Standing.timersOf(place, "sleep"), ...(deadline ? Standing.timersOf(deadline, "deadline") : [])],
      retries: [],
      children
    }
  }

  /** All attempts of a step, and what was run in their place. */
  const slotNode = (slot: Place.Slot, parent: Place.Place): TraceNode => {
    const attempts = [...slot.attempts.values()].sort((a, b) => a.attempt - b.attempt)
    const first = attempts[0]!
    const retries = attempts.flatMap((attempt) => Place.all(attempt, "RetryDecided").map(retryOf))
    // Beside all attempts and beside the first one are one place: what was first heard of after the second attempt, or
    // is there for the first one only, is beside them all.
    const second = attempts[1]
    const ofAll = (role: string): Place.Place | undefined => {
      const place = first.children.get(`!${role}`)
      if (place?._tag !== "Place" || second === undefined) return place?._tag === "Place" ? place : undefined
      const isOfFirst = role === "deadline" ? second.children.has("!deadline") : place.firstSeq < second.firstSeq
      return isOfFirst ? undefined : place
    }
    const fallback = ofAll("fallback")
    const undone = ofAll("undo")
    const isPending = retries.at(-1)?.again === true && retries.at(-1)?.attempt === attempts.at(-1)!.attempt
    if (second === undefined && fallback === undefined && !isPending) {
      return { ...placeNode(first, slot.name, parent), retries }
    }
    const deadline = second === undefined ? undefined : ofAll("deadline")
    const apart = new Set([fallback, deadline, undone].filter((place) => place !== undefined))
    const tries = attempts.map((attempt) => placeNode(attempt, `#${attempt.attempt}`, parent, apart))
    const instead = fallback === undefined ? [] : [placeNode(fallback, "!fallback", first)]
    const back = undone === undefined || isOnlyPlanned(undone) ? [] : [placeNode(undone, "!undo", first)]
    const children = [...tries, ...instead, ...back]
    const last = tries.at(-1)!
    const status = Standing.statusOfAll(run, { last, instead: instead[0], deadline, isPending })
    const startedAt = first.firstAt
    const lastAt = Math.max(first.lastAt, ...attempts.map((attempt) => attempt.lastAt))
    const endedAt = Standing.isOver(status) ? Option.some(lastAt) : Option.none()
    return {
      ...last,
      path: first.path,
      label: slot.name,
      status,
      startedAt,
      endedAt,
      durationMillis: Math.max(0, Option.getOrElse(endedAt, () => now ?? lastAt) - startedAt),
      usage: usageOf(children, undefined),
      cost: costOf(children),
      attempts: attempts.length,
      recoveries: tries.reduce((sum, { recoveries }) => sum + recoveries, 0),
      failure: status === "failed" ? last.failure : Option.none(),
      timers: deadline === undefined ? [] : Standing.timersOf(deadline, "deadline"),
      retries,
      children
    }
  }

  const children = childrenOf(root, none)
  return {
    summary,
    root: {
      path: root.path,
      label: summary.pipeline,
      kind: "run",
      status: run.status,
      startedAt: summary.startedAt,
      endedAt: summary.endedAt,
      durationMillis: summary.durationMillis,
      usage: summary.usage,
      cost: summary.cost,
      model: Option.none(),
      attempts: 1,
      recoveries: summary.recoveries,
      input: summary.input,
      output: summary.output,
      failure: Option.map(summary.error, ({ error, reason }) => ({
        reason: Option.some(reason),
        error: Option.some(error)
      })),
      decision: Option.none(),
      task: Option.none(),
      signal: Option.none(),
      timers: [],
      retries: [],
      children
    }
  }
}

/** The undo of a step that nobody needed to take back. */
const isOnlyPlanned = (place: Place.Place): boolean =>
  place.role === "undo" && place.children.size === 0 && !Place.has(place, "Undone")

/** The node at `path`, such as one that somebody asks for by name; of a step with several attempts, all of it. */
export const find = (trace: Trace, path: StepPath): Option.Option<TraceNode> => {
  const search = (node: TraceNode): TraceNode | undefined => {
    if (node.path === path) return node
    for (const child of node.children) {
      const found = search(child)
      if (found !== undefined) return found
    }
    return undefined
  }
  return Option.fromNullable(search(trace.root))
}

const none: ReadonlySet<Place.Place> = new Set()

const deadlineOf = (place: Place.Place, apart: ReadonlySet<Place.Place>): Place.Place | undefined => {
  const deadline = place.children.get("!deadline")
  return deadline?._tag === "Place" && !apart.has(deadline) ? deadline : undefined
}

const retryOf = ({ event }: ReturnType<typeof Place.all<"RetryDecided">>[number]): Retry => ({
  attempt: event.ordinal,
  again: event.data.again,
  wakeAt: Option.fromNullable(event.data.wake)
})

const usageOf = (children: ReadonlyArray<TraceNode>, own: Usage.Usage | undefined): Usage.Usage =>
  children.reduce((sum, child) => Usage.add(sum, child.usage), own ?? Usage.none)

const costOf = (children: ReadonlyArray<TraceNode>, own?: Place.Place): Option.Option<NanoUsd.NanoUsd> => {
  const settled = own === undefined ? [] : Place.all(own, "Settled").map(({ event }) => event.data.cost ?? NanoUsd.zero)
  const costs = [...settled, ...children.flatMap(({ cost }) => Option.toArray(cost))]
  return costs.length === 0 ? Option.none() : Option.some(NanoUsd.sum(costs))
}
