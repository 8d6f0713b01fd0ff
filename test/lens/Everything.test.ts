import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import fc from "fast-check"
import type { Entry } from "../../src/domain/Event.js"
import type { Json } from "../../src/domain/Json.js"
import { Models } from "../../src/domain/Model.js"
import type * as StepPath from "../../src/domain/StepPath.js"
import { Journal } from "../../src/journal/Journal.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as Render from "../../src/lens/Render.js"
import * as RunSummary from "../../src/lens/RunSummary.js"
import * as Text from "../../src/lens/Text.js"
import * as Trace from "../../src/lens/Trace.js"
import type { TraceNode } from "../../src/lens/TraceNode.js"
import * as ViewJson from "../../src/lens/ViewJson.js"
import * as Redaction from "../../src/redaction/Redaction.js"
import * as Long from "../Long.js"
import * as Everything from "./Everything.js"
import * as Runs from "./Runs.js"

const redaction = Redaction.make()
const full: Text.Options = { redaction, color: false, width: 500, previewLength: 300, verbose: true }

/** Everything that can be shown of a journal. */
const shown = (entries: ReadonlyArray<Entry>, options: Text.Options, held = false) => {
  const trace = Trace.make(entries, { held, now: 1 })
  const json = [ViewJson.trace(trace, options.redaction), ViewJson.summary(trace.summary, options.redaction)]
  return {
    trace,
    lines: [...Render.trace(trace, options), ...Render.summary(trace.summary, options)],
    json: json.map((view) => Text.jsonText(view)).join("\n")
  }
}

const nodes = (node: TraceNode): ReadonlyArray<TraceNode> => [node, ...node.children.flatMap(nodes)]

const runs = Effect.all({ done: Everything.entries("said"), paused: Everything.paused("said") }).pipe(
  Effect.provide(JournalMemory.layerMemory)
)

describe("any prefix of any journal", () => {
  it.live("can be shown, and each view tells of no more than it holds", () =>
    Effect.gen(function* () {
      const { done } = yield* runs
      for (let end = 0; end <= done.length; end++) {
        const prefix = done.slice(0, end)
        for (const held of [true, false]) {
          const { json, lines, trace } = shown(prefix, full, held)
          assert.isAbove(lines.length, 0)
          assert.isObject(JSON.parse(json.split("\n")[0]!))
          assert.strictEqual(trace.summary.entries, end)
          for (const { durationMillis, endedAt, startedAt, status } of nodes(trace.root)) {
            assert.isAtLeast(durationMillis, 0)
            const isOver = ["completed", "failed", "cancelled", "interrupted", "skipped"].includes(status)
            assert.strictEqual(Option.isSome(endedAt), isOver, status)
            if (Option.isSome(endedAt)) assert.isAtLeast(endedAt.value, startedAt)
            if (!held) assert.notStrictEqual(status, "running")
            if (held && end > 0) assert.notStrictEqual(status, "cut")
          }
        }
      }
    })
  )

  it.live("shows what is finished as finished in every longer one", () =>
    Effect.gen(function* () {
      const { done } = yield* runs
      const finished = new Map<string, string>()
      for (let end = 0; end <= done.length; end++) {
        const trace = Trace.make(done.slice(0, end), { held: true })
        const leaves = nodes(trace.root).filter((node) => node.children.length === 0)
        const now = new Map(leaves.map((node) => [`${node.path} ${node.label}`, node.status]))
        for (const [path, status] of finished) if (now.has(path)) assert.strictEqual(now.get(path), status, path)
        for (const [path, status] of now) if (status === "completed" || status === "failed") finished.set(path, status)
      }
      assert.isAbove(finished.size, 15)
    })
  )

  it.live("can have entries missing, doubled or out of order, and is shown all the same", () =>
    Effect.gen(function* () {
      const { done } = yield* runs
      fc.assert(
        fc.property(fc.array(fc.nat({ max: done.length - 1 }), { maxLength: 60 }), (picks) => {
          const { lines } = shown(
            picks.map((i) => done[i]!),
            full
          )
          assert.isAbove(lines.length, 0)
        }),
        { numRuns: Long.runs(150, 5000) }
      )
    })
  )

  it.live("agrees with what the journal itself says of the run", () =>
    Effect.gen(function* () {
      const entries = yield* Everything.entries("said")
      const journal = yield* Journal
      const summary = RunSummary.make(entries, { held: false })
      const row = Option.getOrThrow(yield* journal.run(entries[0]!.run as never))
      assert.strictEqual(summary.status, row.status)
      assert.strictEqual(summary.startedAt, row.startedAt)
      assert.deepStrictEqual(summary.endedAt, Option.some(row.updatedAt))
      assert.strictEqual(summary.usage.input + summary.usage.cachedInput + summary.usage.output, row.tokens)
      assert.strictEqual(summary.stepsFailed, 3)
      const paused = yield* Everything.paused("said")
      const tasks = yield* journal.tasks({ run: paused[0]!.run as never, limit: 9 })
      assert.deepStrictEqual(
        RunSummary.make(paused, { held: false }).tasks.map(({ openedAt, path, task }) => ({ openedAt, path, task })),
        tasks.map(({ openedAt, path, task }) => ({ openedAt, path, task }))
      )
    }).pipe(Effect.provide(JournalMemory.layerMemory))
  )

  it.live("has a node for every path that an entry has", () =>
    Effect.gen(function* () {
      const { done } = yield* runs
      const trace = Trace.make(done, { held: false })
      for (const { event } of done) {
        if (event.path.endsWith("!deadline")) continue
        assert.isTrue(Option.isSome(Trace.find(trace, event.path)), event.path)
      }
    })
  )
})

const models = Layer.succeed(Models, Runs.countingModel())

describe("secrets", () => {
  const secrets = {
    key: "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789",
    token: "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    url: "postgres://user:correct-horse@db/main",
    environment: "a plain looking value"
  }
  const safe = Redaction.make({ environment: { DB_PASSWORD: secrets.environment } })

  it.live("are masked in every view, as text and as JSON", () =>
    Effect.gen(function* () {
      for (const [name, secret] of Object.entries(secrets)) {
        const hidden = name === "url" ? "correct-horse" : secret
        for (const entries of [yield* Everything.entries(secret), yield* Everything.paused(secret)]) {
          assert.include(JSON.stringify(entries), hidden)
          for (const previewLength of [300, Number.POSITIVE_INFINITY]) {
            const { json, lines } = shown(entries, { ...full, redaction: safe, previewLength })
            assert.notInclude(lines.join("\n"), hidden)
            assert.notInclude(json, hidden)
            assert.include(lines.join("\n"), Redaction.mask)
          }
        }
      }
    }).pipe(Effect.provide(JournalMemory.layerMemory))
  )

  it.live("are masked in the list of runs", () =>
    Effect.gen(function* () {
      yield* Runs.run(Everything.pipeline("x"), "x", { labels: { note: secrets.key } }).pipe(Effect.ignore)
      const journal = yield* Journal
      const rows = yield* journal.runs({ limit: 10 })
      const named = rows.map((row) => ({ ...row, pipeline: secrets.key }))
      assert.notInclude(Render.runList(named, { ...full, redaction: safe }).join("\n"), secrets.key)
      assert.notInclude(JSON.stringify(ViewJson.runList(named, safe)), secrets.key)
    }).pipe(Effect.provide(JournalMemory.layerMemory), Effect.provide(models))
  )
})

describe("what a terminal would obey", () => {
  const evil = 'a\u001b[2J\u001b]0;x\u0007 \u009b31m\rover \u202ereversed\u2066 \u200f\b\u0000 line\nbreak "q"'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there.
  const obeyed = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/

  it.live("is escaped in every line and in JSON text, which still reads as it was", () =>
    Effect.gen(function* () {
      for (const entries of [yield* Everything.entries(evil), yield* Everything.paused(evil)]) {
        for (const previewLength of [20, 300]) {
          const { json, lines, trace } = shown(entries, { ...full, previewLength })
          for (const line of lines) assert.notMatch(line, obeyed)
          for (const line of json.split("\n")) assert.notMatch(line, obeyed)
          const read = JSON.parse(json.split("\n")[1]!) as { readonly input: Json }
          assert.deepStrictEqual(read.input, Option.getOrThrow(trace.summary.input))
        }
      }
    }).pipe(Effect.provide(JournalMemory.layerMemory))
  )
})

it("a path that cannot be read is one name", () => {
  const event = { path: "not a/path]" as StepPath.StepPath, kind: "TimerFired", ordinal: 0, data: {}, payload: {} }
  const trace = Trace.make([{ run: "r", seq: 0, at: 5, epoch: 1, event } as Entry], { held: false })
  assert.deepStrictEqual(Runs.outline(trace).length, 2)
})
