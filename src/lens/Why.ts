/**
 * Why a run stands as it does, in at most ten lines: what happened, where, what it waits for, what was written last, and what
 * somebody could do now. Folded from its entries; only whether somebody drives it comes from elsewhere.
 */
import * as Option from "effect/Option"
import type { Entry } from "../domain/Event.js"
import * as StepPath from "../domain/StepPath.js"
import type { Owner } from "../journal/Journal.js"
import * as Text from "./Text.js"
import type { Trace } from "./Trace.js"
import type { TraceNode } from "./TraceNode.js"

export interface Why {
  readonly status: Trace["summary"]["status"]
  /** At most ten; what users and models said in them is not masked yet. */
  readonly lines: ReadonlyArray<ReadonlyArray<Text.Span>>
  /** What to type behind `flujo`, each as its words; what answers an open task or tells a signal is for others to say. */
  readonly next: ReadonlyArray<ReadonlyArray<string>>
}

const listed = 3

export const make = (
  trace: Trace,
  entries: ReadonlyArray<Entry>,
  holder: Option.Option<Owner>,
  options: Text.Options
): Why => {
  const { summary } = trace
  const { run, status } = summary
  const last = entries.at(-1)
  const plain = (text: string): ReadonlyArray<Text.Span> => [Text.span(text)]
  const lines: Array<ReadonlyArray<Text.Span>> = []
  const next: Array<ReadonlyArray<string>> = []

  const isCancelling = entries.some(({ event }) => event.kind === "RunCancelling")
  const isUndoing = isCancelling || entries.some(isOfUndo)
  const why = isUndoing
    ? [plain(`It ${isCancelling ? "is being cancelled" : "failed"}, and takes back what it did before it ends.`)]
    : []
  const isUndone = summary.undone + summary.undoFailures.length > 0

  const open = () => leaves(trace.root).filter((node) => node.status === "cut" || node.status === "running")
  const where = (nodes: ReadonlyArray<TraceNode>): ReadonlyArray<ReadonlyArray<Text.Span>> => [
    ...nodes
      .slice(0, listed)
      .map((node) => [
        Text.span("  at "),
        Text.whole(node.path, options, "bold"),
        Text.span(
          ` (${node.kind}), begun ${Text.instant(node.startedAt)}${node.attempts > 1 ? `, attempt ${node.attempts}` : ""}${node.recoveries > 0 ? `, run again ${node.recoveries} times` : ""}`
        )
      ]),
    ...(nodes.length > listed ? [plain(`  and at ${nodes.length - listed} more places`)] : [])
  ]

  switch (status) {
    case "running": {
      const by = Option.match(holder, { onNone: () => "", onSome: ({ host, pid }) => ` by process ${pid} on ${host}` })
      lines.push(plain(`It is being driven${by}, since ${Text.instant(summary.startedAt)}.`), ...why, ...where(open()))
      next.push(["cancel", run])
      break
    }
    case "cut":
      lines.push(
        plain("Its process is gone: nobody drives it, and it neither ended nor rests."),
        ...why,
        ...where(open()),
        plain(
          `${isUndoing ? "What was taken back stays so" : "What was finished stays"}; what was running is run again, under the same idempotency keys.`
        )
      )
      next.push(["resume", run], ["wake"])
      break
    case "stuck": {
      const stuck = entries.findLast(({ event }) => event.kind === "RunStuck")?.event
      const times = stuck?.kind === "RunStuck" ? stuck.data.recoveries : 0
      lines.push(
        plain(`Its process died ${times} times in a row, and the run came no further each time.`),
        ...why,
        ...where(open()),
        plain("It is not taken up by itself any more: out of memory, a time limit or a crash of that step is likely.")
      )
      next.push(["lens", "trace", run, "-v"], ["resume", run])
      break
    }
    case "suspended":
      lines.push(...why, plain("It rests, and needs no process meanwhile. It waits"))
      for (const { message, openedAt, path } of summary.tasks.slice(0, listed)) {
        lines.push([
          Text.span("  for an answer at "),
          Text.whole(path, options, "bold"),
          Text.span(` since ${Text.instant(openedAt)}: `),
          Text.foreign(message, options)
        ])
      }
      for (const { path, signal, since } of summary.signals.slice(0, listed)) {
        lines.push([
          Text.span("  for the signal "),
          Text.foreign(signal, options, "bold"),
          Text.span(" at "),
          Text.whole(path, options),
          Text.span(` since ${Text.instant(since)}`)
        ])
      }
      if (Option.isSome(summary.wakeAt)) {
        lines.push(plain(`  until ${Text.instant(summary.wakeAt.value)}`))
        next.push(["wake"])
      }
      break
    case "failed":
      Option.match(summary.error, {
        onNone: () => lines.push(plain("It failed.")),
        onSome: ({ at, error, reason }) => {
          const how = reason === "Defect" ? "broke" : "failed"
          lines.push([
            Text.span(at.length === 1 ? "The step " : "The steps "),
            Text.whole(at.slice(0, listed).join(", "), options, "bold"),
            Text.span(` ${how}: `),
            Text.failure(error, options)
          ])
          if (isUndone) return
          lines.push(
            plain("What was finished stays; resume tries again what failed, fork goes another way from any step.")
          )
          next.push(["lens", "trace", run, "-v"], ["resume", run], ["lens", "fork", run, "--from", at[0] ?? "PATH"])
        }
      })
      break
    case "cancelled": {
      const reason = Option.getOrElse(summary.cancelled, () => "")
      lines.push(
        reason === ""
          ? plain("Somebody cancelled it, and gave no reason.")
          : [Text.span("Somebody cancelled it: "), Text.foreign(reason, options)]
      )
      if (!isUndone) next.push(["lens", "trace", run])
      break
    }
    case "completed":
      lines.push(plain(`It completed after ${Text.duration(summary.durationMillis)}, ${summary.stepsDone} steps.`))
      next.push(["lens", "show", run])
      break
    case "empty":
      lines.push(plain("Nothing is recorded of it."))
  }
  if (isUndone && (status === "failed" || status === "cancelled")) {
    lines.push(...undone(summary, options))
    next.push(["lens", "trace", run, "-v"])
    if (summary.undoFailures.length > 0) next.push(["resume", run])
    const from = firstUndone(entries)
    if (from !== undefined) next.push(["lens", "fork", run, "--from", from])
  }
  if (last !== undefined && status !== "completed") {
    lines.push([
      Text.span(`Written last: entry ${last.seq}, ${last.event.kind}${last.event.path === "" ? "" : " at "}`),
      ...(last.event.path === "" ? [] : [Text.whole(last.event.path, options)]),
      Text.span(`, ${Text.instant(last.at)}`)
    ])
  }
  const head = [
    Text.span("run "),
    Text.whole(run, options, "bold"),
    Text.span(" of "),
    Text.foreign(summary.pipeline, options),
    Text.span(`: ${status === "cut" ? "cut off" : status}`)
  ]
  return { status, lines: [head, ...lines].slice(0, linesMax), next }
}

const linesMax = 10

/** What was taken back, and what could not be: that can be tried again, and nothing else of the run. */
const undone = (
  { undoFailures, undone }: Trace["summary"],
  options: Text.Options
): ReadonlyArray<ReadonlyArray<Text.Span>> => {
  const steps = (count: number) => (count === 1 ? "1 step" : `${count} steps`)
  const anew = "for all else start a new run, or fork this one"
  if (undoFailures.length === 0) {
    const said = `What it had done was taken back (${steps(undone)}), so there is nothing to resume; ${anew}.`
    return [[Text.span(said)]]
  }
  const others = undoFailures.length - listed
  return [
    [Text.span(`Of what it had done, ${steps(undone)} could be taken back, ${steps(undoFailures.length)} could not:`)],
    ...undoFailures
      .slice(0, listed)
      .map(({ error, path }) => [
        Text.span("  at "),
        Text.whole(path, options, "bold"),
        Text.span(": "),
        Text.failure(error, options)
      ]),
    ...(others > 0 ? [[Text.span(`  and at ${others} more places`)]] : []),
    [Text.span(`resume tries again to take these back; ${anew}.`)]
  ]
}

const isOfUndo = ({ event }: Entry): boolean =>
  event.kind !== "UndoPlanned" &&
  event.path.includes("!undo") &&
  Option.exists(StepPath.fromString(event.path), (path) => StepPath.parse(path).some(({ role }) => role === "undo"))

/** The step that ended first of those that were taken back: behind it, no fork can begin. */
const firstUndone = (entries: ReadonlyArray<Entry>): string | undefined => {
  const undone = new Set(entries.flatMap(({ event }) => (event.kind === "Undone" ? [event.path] : [])))
  const first = entries.find(({ event }) => event.kind === "UndoPlanned" && undone.has(event.path))?.event
  return first === undefined ? undefined : StepPath.standing(first.path).slice(0, -"!undo".length)
}

/** The steps that have none below them, in order. */
const leaves = (node: TraceNode): ReadonlyArray<TraceNode> => {
  const below = node.children.filter(({ kind }) => kind !== "model" && kind !== "call").flatMap(leaves)
  return below.length > 0 || node.kind === "run" ? below : [node]
}
