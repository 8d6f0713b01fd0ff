/** Views as lines for a terminal. Whatever came from users, models or files is masked and escaped on its way here. */
import * as Option from "effect/Option"
import * as Json from "../domain/Json.js"
import { format } from "../domain/NanoUsd.js"
import * as Usage from "../domain/Usage.js"
import type { RunRow } from "../journal/RunIndex.js"
import type * as RunSummary from "./RunSummary.js"
import {
  duration,
  failure,
  foreign,
  grouped,
  instant,
  line,
  type Options,
  pad,
  type Span,
  type Style,
  span,
  tokens,
  value,
  whole,
  width
} from "./Text.js"
import type { Trace } from "./Trace.js"
import type { Status, TraceNode } from "./TraceNode.js"

type AnyStatus = Status | RunSummary.Status | RunRow["status"]

const signs: Readonly<Record<AnyStatus, readonly [sign: string, ascii: string, style: Style]>> = {
  completed: ["✓", "+", "green"],
  running: ["●", "*", "cyan"],
  ready: ["●", "*", "cyan"],
  waiting: ["⏸", "=", "yellow"],
  suspended: ["⏸", "=", "yellow"],
  stuck: ["⚠", "!", "red"],
  failed: ["✗", "x", "red"],
  cut: ["✂", "%", "red"],
  interrupted: ["⊘", "/", "dim"],
  cancelled: ["⊘", "/", "dim"],
  erased: ["⌫", "#", "dim"],
  skipped: ["–", "-", "dim"],
  empty: ["–", "-", "dim"]
}

const sign = (status: AnyStatus, options: Options): Span => {
  const [text, ascii, style] = signs[status]
  return span(options.ascii === true ? ascii : text, style)
}

const statusWords: Readonly<Record<AnyStatus, string>> = {
  completed: "completed",
  running: "running",
  ready: "ready to go on",
  waiting: "waiting",
  suspended: "waiting",
  stuck: "stuck",
  failed: "failed",
  cut: "cut off",
  interrupted: "interrupted",
  cancelled: "cancelled",
  erased: "erased",
  skipped: "skipped",
  empty: "empty"
}

const gap = span("  ")

/** One line per run under a head; ids are never cut, so that they can be copied. */
export const runList = (rows: ReadonlyArray<RunSummary.Listed>, options: Options): ReadonlyArray<string> => {
  if (rows.length === 0) return [line([span("No runs.")], options)]
  const cells = rows.map((row) => [
    whole(row.run, options).text,
    foreign(row.pipeline, { ...options, previewLength: pipelineWidthMax }).text,
    statusWords[row.status],
    instant(row.startedAt),
    duration(Math.max(0, row.updatedAt - row.startedAt)),
    row.tokens === 0 ? "" : grouped(row.tokens)
  ])
  const heads = ["RUN", "PIPELINE", "STATUS", "STARTED", "TOOK", "TOKENS"]
  const columns = heads.map((head, i) => Math.max(width(head), ...cells.map((row) => width(row[i]!))))
  const tableRow = (row: ReadonlyArray<string>, mark: Span, style: Style) =>
    line([mark, span(" "), ...row.flatMap((cell, i) => [span(pad(cell, columns[i]!), style), gap])], options)
  return [
    tableRow(heads, span(" "), "bold"),
    ...cells.map((row, i) => tableRow(row, sign(rows[i]!.status, options), "plain"))
  ]
}

const pipelineWidthMax = 40

export const summary = (view: RunSummary.RunSummary, options: Options): ReadonlyArray<string> => {
  const lines: Array<string> = []
  const say = (...spans: ReadonlyArray<Span>) => lines.push(line(spans, options))
  const field = (name: string, ...spans: ReadonlyArray<Span>) => say(span(pad(name, 10), "dim"), ...spans)
  say(
    sign(view.status, options),
    span(" "),
    foreign(view.pipeline, options, "bold"),
    gap,
    span(statusWords[view.status])
  )
  field("run", whole(view.run, options))
  field("started", span(instant(view.startedAt)))
  if (Option.isSome(view.endedAt)) field("ended", span(instant(view.endedAt.value)))
  const failed = view.stepsFailed === 0 ? "" : `, ${grouped(view.stepsFailed)} failed`
  field("took", span(duration(view.durationMillis)))
  field("steps", span(`${grouped(view.stepsDone)} done${failed}`))
  for (const [model, usage] of view.usageByModel) {
    field("tokens", foreign(model, options), span(`: ${usageText(usage)}`))
  }
  const limit = Option.flatMapNullable(view.budget, ({ maxCost }) => maxCost)
  if (Option.isSome(view.cost)) {
    const of = Option.match(limit, { onNone: () => "", onSome: (cost) => ` of ${format(cost)}` })
    field("cost", span(`${format(view.cost.value)}${of}`))
  }
  for (const [name, label] of view.labels) field("label", foreign(`${name}=${label}`, options))
  if (view.resumptions > 0) field("resumed", span(times(view.resumptions)))
  if (view.upgrades > 0) field("upgraded", span(`${times(view.upgrades)}, to plan ${view.plan.slice(0, 12)}`))
  if (view.keeps.length > 0) field("keeps", foreign(`the old way of ${view.keeps.join(", ")}`, options))
  if (view.recoveries > 0) field("recovered", span(`${times(view.recoveries)} (steps cut off by the end of a process)`))
  if (options.verbose && Option.isSome(view.input)) field("input", value(view.input.value, options))
  for (const task of view.tasks) {
    field("waits for", whole(task.path, options, "yellow"), span(`, ${task.task}: `), foreign(task.message, options))
  }
  for (const { path, signal } of view.signals) {
    field("waits for", whole(path, options, "yellow"), span(", signal: "), foreign(signal, options))
  }
  if (Option.isSome(view.wakeAt)) field("wakes", span(instant(view.wakeAt.value)))
  if (Option.isSome(view.error)) {
    const { at, error } = view.error.value
    field("error", failure(error, options), ...(at.length === 0 ? [] : [whole(` (${at.join(", ")})`, options, "dim")]))
  }
  lines.push(...undos(view, options))
  if (Option.isSome(view.cancelled)) field("cancelled", foreign(view.cancelled.value, options))
  if (Option.isSome(view.output)) field("output", value(view.output.value, options))
  return lines
}

/** What was taken back, and what could not be. */
export const undos = (view: RunSummary.RunSummary, options: Options): ReadonlyArray<string> => [
  ...(view.undone === 0
    ? []
    : [line([span(pad("undone", 10), "dim"), span(view.undone === 1 ? "1 step" : `${view.undone} steps`)], options)]),
  ...view.undoFailures.map(({ error, path }) =>
    line([span("not undone ", "red"), whole(path, options, "red"), span(": "), failure(error, options)], options)
  )
]

/** The run in one line: how it stands, what it took, its id. */
export const totals = (view: RunSummary.RunSummary, options: Options): string => {
  const spent = Usage.total(view.usage)
  const steps = view.stepsDone === 1 ? "1 step" : `${grouped(view.stepsDone)} steps`
  const cost = Option.toArray(Option.map(view.cost, format))
  const parts = [steps, ...(spent === 0 ? [] : [tokens(spent)]), ...cost, duration(view.durationMillis)]
  return line(
    [
      sign(view.status, options),
      span(" "),
      foreign(view.pipeline, options, "bold"),
      gap,
      span(statusWords[view.status]),
      gap,
      span(parts.join(", "), "dim"),
      gap,
      span("run ", "dim"),
      whole(view.run, options)
    ],
    options
  )
}

const times = (count: number): string => (count === 1 ? "once" : `${grouped(count)} times`)

const usageText = (usage: Usage.Usage): string =>
  [
    `${grouped(usage.input)} in`,
    ...(usage.cachedInput === 0 ? [] : [`${grouped(usage.cachedInput)} cached`]),
    ...(usage.cacheWrite === undefined ? [] : [`${grouped(usage.cacheWrite)} written to the cache`]),
    `${grouped(usage.output)} out`,
    ...(usage.reasoning === 0 ? [] : [`${grouped(usage.reasoning)} reasoning`])
  ].join(", ")

/** The tree, a line per node, with lines of detail below it. */
export const trace = (view: Trace, options: Options): ReadonlyArray<string> => {
  const [last, tee, bar] = options.ascii === true ? ["`- ", "|- ", "|  "] : ["└─ ", "├─ ", "│  "]
  const lines: Array<string> = []
  const visit = (node: TraceNode, lead: string, own: string, below: string) => {
    const children = node.children.filter((child) => isShown(child, options))
    const id = node.kind === "run" ? [gap, whole(view.summary.run, options, "dim")] : []
    lines.push(line([span(lead + own, "dim"), ...headline(node, options), ...id], options))
    const bars = span(lead + below + (children.length === 0 ? "   " : bar), "dim")
    for (const detail of details(node, options)) lines.push(line([bars, ...detail], options))
    for (const [i, child] of children.entries()) {
      const isLast = i === children.length - 1
      visit(child, lead + below, isLast ? last : tee, isLast ? "   " : bar)
    }
  }
  visit(view.root, "", "", "")
  return lines
}

/** Calls that went well are told by their step's tokens, changes of an output by what came of it. */
const isShown = (node: TraceNode, options: Options): boolean => {
  if (options.verbose || node.status !== "completed") return true
  // A reply that was not taken as it stood is told of.
  if (node.kind === "call" && node.label === "repair") return true
  if (node.kind === "model" && historyIn(node) !== undefined) return true
  // A turn that called tools, or asked somebody, is more than one call.
  return (node.kind !== "model" && node.kind !== "call" && node.label !== "!map") || node.children.length > 0
}

const headline = (node: TraceNode, options: Options): ReadonlyArray<Span> => {
  const spans: Array<Span> = [sign(node.status, options), span(" "), whole(node.label, options, "bold")]
  const add = (text: string, style: Style = "dim") => spans.push(gap, span(text, style))
  if (node.kind === "run") add(statusWords[node.status], "plain")
  else if (node.status !== "completed" && node.status !== "failed") add(statusWords[node.status], signs[node.status][2])
  const decision = Option.getOrUndefined(node.decision)
  if (decision?._tag === "Branch")
    spans.push(gap, span(options.ascii === true ? "-> " : "→ ", "dim"), foreign(decision.branch, options))
  if (decision?._tag === "Items") add(decision.count === 1 ? "1 item" : `${grouped(decision.count)} items`)
  if (decision?._tag === "Cached") {
    add("from the cache: run")
    spans.push(span(" "), whole(decision.run, options, "dim"), span(", ", "dim"), whole(decision.path, options, "dim"))
  }
  if (decision?._tag === "Iteration" && decision.end === "max") add("the last one allowed")
  if (node.attempts > 1) add(`${node.attempts} attempts`, "yellow")
  if (node.recoveries > 0 && node.kind !== "run") add(`recovered ${times(node.recoveries)}`, "yellow")
  add(duration(node.durationMillis))
  const spent = Usage.total(node.usage)
  if (spent > 0) add(tokens(spent))
  if (Option.isSome(node.cost)) add(format(node.cost.value))
  if (Option.isSome(node.model)) spans.push(gap, foreign(node.model.value, options, "dim"))
  return spans
}

interface History {
  readonly turns: number
  readonly leftOut: number
  /** As the model was told it. */
  readonly text: string
}

const historyIn = (node: TraceNode): Json.Json | undefined => Json.get(Option.getOrUndefined(node.input), "history")

/** What a model was told of a conversation before its input. */
const historyOf = (node: TraceNode): History | undefined => {
  const input = Option.getOrUndefined(node.input)
  const history = node.kind === "model" ? historyIn(node) : undefined
  const [turns, leftOut, characters] = ["turns", "left_out", "characters"].map((key) => Json.get(history, key))
  if (typeof turns !== "number" || typeof leftOut !== "number" || typeof characters !== "number") return undefined
  const messages = Json.get(input, "messages")
  const first = Array.isArray(messages)
    ? messages.find((one: Json.Json) => Json.get(one, "role") === "user")
    : undefined
  const content = Json.get(first, "content")
  return typeof content === "string" ? { turns, leftOut, text: content.slice(0, characters).trim() } : undefined
}

const details = (node: TraceNode, options: Options): ReadonlyArray<ReadonlyArray<Span>> => {
  const out: Array<ReadonlyArray<Span>> = []
  const task = Option.getOrUndefined(node.task)
  if (task !== undefined && (options.verbose || node.status === "waiting")) {
    out.push([span("asks: ", "dim"), foreign(task.message, options)])
  }
  if (task !== undefined && Option.isSome(task.answer)) {
    const by = Option.map(task.answer.value.by, (who) => [span(" by ", "dim"), foreign(who, options, "dim")])
    const who = Option.getOrElse(by, () => [])
    out.push([span("answer: ", "dim"), value(task.answer.value.value, options), ...who])
  }
  if (Option.isSome(node.signal) && (options.verbose || node.status === "waiting")) {
    out.push([span("waits for the signal ", "dim"), foreign(node.signal.value, options)])
  }
  for (const timer of node.timers) {
    const isOpen = node.status === "waiting" || node.status === "running"
    if (Option.isSome(timer.firedAt) && timer.role === "deadline") out.push([span("its deadline came first", "red")])
    else if (isOpen || options.verbose)
      out.push([span(`${timer.role === "deadline" ? "deadline" : "until"} ${instant(timer.due)}`, "dim")])
  }
  const retry = node.retries.at(-1)
  if (node.status === "waiting" && retry?.again === true && Option.isSome(retry.wakeAt)) {
    out.push([span(`tried again at ${instant(retry.wakeAt.value)}`, "dim")])
  }
  const cut = node.kind === "model" ? Json.get(historyIn(node), "own_turns_left_out") : undefined
  if (typeof cut === "number")
    out.push([span(`${cut === 1 ? "1 turn" : `${grouped(cut)} turns`} of its own left out`, "dim")])
  const history = historyOf(node)
  if (history !== undefined) {
    const left = history.leftOut === 0 ? "" : `, ${grouped(history.leftOut)} left out`
    const turns = history.turns === 1 ? "1 turn" : `${grouped(history.turns)} turns`
    out.push([span(`is told ${turns} of before${left}: `, "dim"), foreign(history.text, options)])
  }
  if (options.verbose && Option.isSome(node.input)) out.push([span("input: ", "dim"), value(node.input.value, options)])
  if (options.verbose && Option.isSome(node.output))
    out.push([span("output: ", "dim"), value(node.output.value, options)])
  const error = Option.flatMap(node.failure, ({ error }) => error)
  // A node of several attempts has the error of the last one, which stands below it.
  if (Option.isSome(error) && node.attempts === 1) out.push([failure(error.value, options)])
  return out
}
