/**
 * Why a run stands as it does, in at most ten lines: what happened, where, what it waits for, what was written last, and what
 * somebody could do now. Folded from its entries; only whether somebody drives it comes from elsewhere.
 */
import * as Option from "effect/Option"
import type { Entry } from "../domain/Event.js"
import type { Owner } from "../journal/Journal.js"
import * as Text from "./Text.js"
import type { Trace } from "./Trace.js"
import type { TraceNode } from "./TraceNode.js"

export interface Why {
  readonly status: Trace["summary"]["status"]
  /** At most ten; what users and models said in them is not masked yet. */
  readonly lines: ReadonlyArray<ReadonlyArray<Text.Span>>
  /** What to type behind `flujo`. */
  readonly next: ReadonlyArray<string>
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
  const next: Array<string> = []

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
      lines.push(plain(`It is being driven${by}, since ${Text.instant(summary.startedAt)}.`), ...where(open()))
      next.push(`cancel ${run}`)
      break
    }
    case "cut":
      lines.push(
        plain("Its process is gone: nobody drives it, and it neither ended nor rests."),
        ...where(open()),
        plain("What was finished stays; what was running is run again, under the same idempotency keys.")
      )
      next.push(`resume ${run}`, "wake")
      break
    case "stuck": {
      const stuck = entries.findLast(({ event }) => event.kind === "RunStuck")?.event
      const times = stuck?.kind === "RunStuck" ? stuck.data.recoveries : 0
      lines.push(
        plain(`Its process died ${times} times in a row, and the run came no further each time.`),
        ...where(open()),
        plain("It is not taken up by itself any more: out of memory, a time limit or a crash of that step is likely.")
      )
      next.push(`lens trace ${run} -v`, `resume ${run}`)
      break
    }
    case "suspended":
      lines.push(plain("It rests, and needs no process meanwhile. It waits"))
      for (const { message, openedAt, path } of summary.tasks.slice(0, listed)) {
        lines.push([
          Text.span("  for an answer at "),
          Text.whole(path, options, "bold"),
          Text.span(` since ${Text.instant(openedAt)}: `),
          Text.foreign(message, options)
        ])
        next.push(`answer ${run}:${path}`)
      }
      for (const { path, signal, since } of summary.signals.slice(0, listed)) {
        lines.push([
          Text.span("  for the signal "),
          Text.foreign(signal, options, "bold"),
          Text.span(" at "),
          Text.whole(path, options),
          Text.span(` since ${Text.instant(since)}`)
        ])
        next.push(`signal ${run} ${signal}`)
      }
      if (Option.isSome(summary.wakeAt)) {
        lines.push(plain(`  until ${Text.instant(summary.wakeAt.value)}`))
        next.push("wake")
      }
      break
    case "failed":
      Option.match(summary.error, {
        onNone: () => lines.push(plain("It failed.")),
        onSome: ({ at, error, reason }) => {
          const how = reason === "Defect" ? "broke" : "failed"
          lines.push(
            [
              Text.span(at.length === 1 ? "The step " : "The steps "),
              Text.whole(at.slice(0, listed).join(", "), options, "bold"),
              Text.span(` ${how}: `),
              Text.failure(error, options)
            ],
            plain("What was finished stays; resume tries again what failed, fork goes another way from any step.")
          )
          next.push(`lens trace ${run} -v`, `resume ${run}`, `lens fork ${run} --from ${at[0] ?? "PATH"}`)
        }
      })
      break
    case "cancelled":
      lines.push([
        Text.span("Somebody cancelled it: "),
        Text.foreign(
          Option.getOrElse(summary.cancelled, () => "no reason was given"),
          options
        )
      ])
      next.push(`lens trace ${run}`)
      break
    case "completed":
      lines.push(plain(`It completed after ${Text.duration(summary.durationMillis)}, ${summary.stepsDone} steps.`))
      next.push(`lens show ${run}`)
      break
    case "empty":
      lines.push(plain("Nothing is recorded of it."))
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

/** The steps that have none below them, in order. */
const leaves = (node: TraceNode): ReadonlyArray<TraceNode> => {
  const below = node.children.filter(({ kind }) => kind !== "model" && kind !== "call").flatMap(leaves)
  return below.length > 0 || node.kind === "run" ? below : [node]
}
