/**
 * Views as JSON for other programs: `snake_case`, every key always there, `null` for what is absent, instants in ISO
 * 8601 (UTC), durations in milliseconds. Secrets are masked. A key is never taken away or given another meaning.
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Entry } from "../domain/Event.js"
import { fromUnknown, type Json, type JsonObject } from "../domain/Json.js"
import type { Discarded } from "../domain/Live.js"
import { type NanoUsd, toUsd } from "../domain/NanoUsd.js"
import * as Usage from "../domain/Usage.js"
import type { Redaction } from "../redaction/Redaction.js"
import type { Change, Diff } from "./Diff.js"
import type * as RunSummary from "./RunSummary.js"
import * as Text from "./Text.js"
import type { Trace } from "./Trace.js"
import type { Decision, TraceNode } from "./TraceNode.js"

/** A list of `{ run, pipeline, plan, status, started_at, updated_at, wake_at, tokens, labels }`. */
export const runList = (rows: ReadonlyArray<RunSummary.Listed>, redaction: Redaction): Json =>
  redaction.json(
    rows.map((row) => ({
      run: row.run,
      pipeline: row.pipeline,
      plan: row.plan,
      status: row.status,
      started_at: Text.iso(row.startedAt),
      updated_at: Text.iso(row.updatedAt),
      wake_at: row.wakeAt === null ? null : Text.iso(row.wakeAt),
      tokens: row.tokens,
      labels: labelsJson(row.labels)
    }))
  )

/** One run: the fields of `RunSummary`. `usage_by_model` is a list of `{ model, usage }`. */
export const summary = (view: RunSummary.RunSummary, redaction: Redaction): Json => redaction.json(summaryJson(view))

/** `{ summary, root }`; each node has the fields of `TraceNode`, its children in `children`. */
export const trace = (view: Trace, redaction: Redaction): Json =>
  redaction.json({ summary: summaryJson(view.summary), root: nodeJson(view.root) })

/** One step of a trace, with all that is below it. */
export const node = (step: TraceNode, redaction: Redaction): Json => redaction.json(nodeJson(step))

/** An entry as it was written: `{ run, seq, at, path, kind, ordinal, data, payload }`. */
export const entry = ({ at, event, run, seq }: Entry, redaction: Redaction): Json => {
  const { data, kind, ordinal, path, payload } = event
  return redaction.json({ run, seq, at: Text.iso(at), path, kind, ordinal, data: plain(data), payload: plain(payload) })
}

/** An entry without what was said in it. */
export const head = ({ at, event, run, seq }: Entry, redaction: Redaction): Json => {
  const { data, kind, ordinal, path } = event
  return redaction.json({ run, seq, at: Text.iso(at), path, kind, ordinal, data: plain(data) })
}

/** Words of a reply that is not there yet: provisional, and no entry. */
export const words = (
  run: string,
  said: { readonly path: string; readonly text: string; readonly isThought: boolean; readonly lost: number },
  redaction: Redaction
): Json =>
  redaction.json({
    run,
    path: said.path,
    kind: "Said",
    text: said.text,
    ...(said.isThought ? { thought: true } : {}),
    ...(said.lost === 0 ? {} : { lost: said.lost })
  })

/** What was said there is void. */
export const discarded = (run: string, { detail, path }: Discarded, redaction: Redaction): Json =>
  redaction.json({ run, path, kind: "Discarded", detail })

/** Absent fields may be there as `undefined`. */
const plain = (value: unknown): Json => Either.getOrElse(fromUnknown(value), () => null)

const costJson = (cost: Option.Option<NanoUsd>): string | null => Option.getOrNull(Option.map(cost, toUsd))

const summaryJson = (view: RunSummary.RunSummary): JsonObject => ({
  run: view.run,
  pipeline: view.pipeline,
  plan: view.plan,
  labels: labelsJson(view.labels),
  status: view.status,
  started_at: Text.iso(view.startedAt),
  ended_at: instantJson(view.endedAt),
  duration_ms: view.durationMillis,
  input: Option.getOrNull(view.input),
  output: Option.getOrNull(view.output),
  error: Option.getOrNull(
    Option.map(view.error, ({ at, error, reason }): JsonObject => ({ reason, at: [...at], error }))
  ),
  cancelled: Option.getOrNull(view.cancelled),
  steps_done: view.stepsDone,
  steps_failed: view.stepsFailed,
  calls: view.calls,
  cost_usd: costJson(view.cost),
  budget: Option.getOrNull(
    Option.map(view.budget, ({ maxCost, maxTokens, mode, prices }) => ({
      total_cost_usd_limit: maxCost === null ? null : toUsd(maxCost),
      total_tokens_limit: maxTokens,
      mode,
      prices
    }))
  ),
  usage: usageJson(view.usage),
  usage_by_model: [...view.usageByModel].map(([model, usage]) => ({ model, usage: usageJson(usage) })),
  tasks: view.tasks.map(({ message, openedAt, path, schema, task }) => ({
    path,
    task,
    message,
    answer_schema: schema,
    opened_at: Text.iso(openedAt)
  })),
  signals: view.signals.map(({ path, signal, since }) => ({ path, signal, since: Text.iso(since) })),
  wake_at: instantJson(view.wakeAt),
  resumptions: view.resumptions,
  upgrades: view.upgrades,
  keeps: view.keeps,
  recoveries: view.recoveries,
  undone: view.undone,
  undo_failures: view.undoFailures.map(({ error, path }) => ({ path, error })),
  entries: view.entries
})

const nodeJson = (node: TraceNode): JsonObject => ({
  path: node.path,
  label: node.label,
  kind: node.kind,
  status: node.status,
  started_at: Text.iso(node.startedAt),
  ended_at: instantJson(node.endedAt),
  duration_ms: node.durationMillis,
  usage: usageJson(node.usage),
  cost_usd: costJson(node.cost),
  model: Option.getOrNull(node.model),
  attempts: node.attempts,
  recoveries: node.recoveries,
  input: Option.getOrNull(node.input),
  output: Option.getOrNull(node.output),
  failure: Option.getOrNull(
    Option.map(
      node.failure,
      ({ error, reason }): JsonObject => ({ reason: Option.getOrNull(reason), error: Option.getOrNull(error) })
    )
  ),
  decision: Option.getOrNull(Option.map(node.decision, decisionJson)),
  task: Option.getOrNull(
    Option.map(
      node.task,
      ({ answer, message, schema, task }): JsonObject => ({
        task,
        message,
        answer_schema: schema,
        answer: Option.getOrNull(
          Option.map(answer, ({ at, by, value }): JsonObject => ({ value, by: Option.getOrNull(by), at: Text.iso(at) }))
        )
      })
    )
  ),
  signal: Option.getOrNull(node.signal),
  timers: node.timers.map(({ due, firedAt, role, setAt }) => ({
    role,
    set_at: Text.iso(setAt),
    due: Text.iso(due),
    fired_at: instantJson(firedAt)
  })),
  retries: node.retries.map(({ again, attempt, wakeAt }) => ({ attempt, again, wake_at: instantJson(wakeAt) })),
  children: node.children.map(nodeJson)
})

const decisionJson = (decision: Decision): JsonObject => {
  switch (decision._tag) {
    case "Branch":
      return { branch: decision.branch, on: decision.on }
    case "Items":
      return { items: decision.count }
    case "Iteration":
      return { iteration: decision.end }
    case "Cached":
      return { cached: { run: decision.run, path: decision.path } }
  }
}

const usageJson = (usage: Usage.Usage): JsonObject => ({
  input: usage.input,
  cached_input: usage.cachedInput,
  ...(usage.cacheWrite === undefined ? {} : { cache_write: usage.cacheWrite }),
  output: usage.output,
  reasoning: usage.reasoning,
  total: Usage.total(usage)
})

const instantJson = (at: Option.Option<number>): string | null => (Option.isSome(at) ? Text.iso(at.value) : null)

/** A list, since a label may be said twice. */
const labelsJson = (labels: RunSummary.RunSummary["labels"]): Json => labels.map(([name, value]) => ({ name, value }))

/** `{ before, after, same_plan, run, steps, same }`: both summaries, what differs, and how many steps do not. */
export const diff = (view: Diff, redaction: Redaction): Json =>
  redaction.json({
    before: summaryJson(view.before),
    after: summaryJson(view.after),
    same_plan: view.isSamePlan,
    run: view.run.map(changeJson),
    steps: view.rows.map(({ changes, kind, only, path }) => ({
      path,
      kind,
      only: Option.getOrNull(only),
      changes: changes.map(changeJson)
    })),
    same: view.sameCount
  })

const changeJson = ({ after, before, field }: Change): JsonObject => ({
  field,
  before: Option.getOrNull(before),
  after: Option.getOrNull(after)
})
