import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { Models } from "../../src/domain/Model.js"
import { RunId } from "../../src/domain/RunId.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import type { RunRow } from "../../src/journal/RunIndex.js"
import * as Render from "../../src/lens/Render.js"
import * as Text from "../../src/lens/Text.js"
import * as ViewJson from "../../src/lens/ViewJson.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Redaction from "../../src/redaction/Redaction.js"
import * as Everything from "./Everything.js"
import * as Runs from "./Runs.js"

class Broken extends Schema.TaggedError<Broken>()("Broken", { detail: Schema.String }) {}

const options: Text.Options = {
  redaction: Redaction.make(),
  color: false,
  width: 100,
  previewLength: 60,
  verbose: false
}

const layer = Layer.merge(
  JournalMemory.layerMemory,
  Layer.suspend(() => Layer.succeed(Models, Runs.countingModel()))
)

let failures = 0
const writer = Agent.make("writer", { model: "test:counter", system: "Write." })
const flaky = Step.make("publish", {
  input: Schema.String,
  output: Schema.String,
  error: Broken,
  run: (text) => (failures++ < 1 ? Effect.fail(new Broken({ detail: "no\nconnection" })) : Effect.succeed(text))
})
const pipeline = Step.agent("draft", writer).pipe(
  Step.andThen(
    Step.parallel("both", { a: flaky.pipe(Step.retry({ times: 2, base: 0 })), b: Step.pass<string>("same") })
  ),
  Step.andThen(Step.approve("review", { message: ({ a }) => `Publish "${a}"?` })),
  Pipeline.make("report")
)

/** What differs from run to run. */
const steady = (lines: ReadonlyArray<string>, run: string) =>
  lines.map((line) => line.replaceAll(run, "RUN").replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/g, "TIME"))

describe("the trace of a run", () => {
  it.effect("is a tree with signs, times, tokens, attempts and what is asked", () =>
    Effect.gen(function* () {
      failures = 0
      const { entries, runId } = yield* Runs.run(pipeline, "a topic")
      const trace = Runs.traceOf(entries)
      assert.deepStrictEqual(steady(Render.trace(trace, options), runId), [
        "⏸ report  waiting  0 ms  111 tokens  RUN",
        "├─ ✓ draft  0 ms  111 tokens",
        "├─ ✓ both  0 ms",
        "│  ├─ ✓ a  0 ms",
        "│  │  └─ ✓ publish  2 attempts  0 ms",
        "│  │     ├─ ✗ #1  0 ms",
        "│  │     │     Broken: no connection",
        "│  │     └─ ✓ #2  0 ms",
        "│  └─ ✓ b  0 ms",
        "│     └─ ✓ same  0 ms",
        "└─ ⏸ review  waiting  0 ms",
        '      asks: Publish "writer 1"?'
      ])
      const ascii = Render.trace(trace, { ...options, ascii: true, verbose: true, previewLength: 20 })
      // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII.
      for (const line of ascii) assert.match(line, /^[\x00-\x7f]*$/)
      assert.include(ascii.join("\n"), "...")
      const verbose = steady(Render.trace(trace, { ...options, verbose: true }), runId)
      assert.deepStrictEqual(verbose.slice(0, 7), [
        "⏸ report  waiting  0 ms  111 tokens  RUN",
        '│  input: "a topic"',
        "├─ ✓ draft  0 ms  111 tokens",
        '│  │  input: "a topic"',
        '│  │  output: "writer 1"',
        "│  └─ ✓ turn[0]  0 ms  111 tokens  counter-1",
        '│        input: {"messages":[{"content":"Write.","role":"system"},{"content…'
      ])
      for (const width of [8, 20, 40]) {
        for (const line of Render.trace(trace, { ...options, width })) assert.isAtMost(Text.width(line), width)
      }
      assert.include(Render.trace(trace, { ...options, color: true }).join("\n"), "\u001b[32m✓\u001b[0m")
    }).pipe(Effect.provide(layer))
  )

  it.live("of any length of preview and any width keeps to it", () =>
    Effect.gen(function* () {
      const entries = yield* Everything.entries("漢字 🎉 ".repeat(50))
      const trace = Runs.traceOf(entries)
      for (const width of [3, 10, 79, 200]) {
        for (const line of Render.trace(trace, { ...options, width, previewLength: 1000, verbose: true })) {
          assert.isAtMost(Text.width(line), width)
        }
      }
    }).pipe(Effect.provide(layer))
  )
})

describe("the summary of a run", () => {
  it.effect("says where it stands and what it waits for", () =>
    Effect.gen(function* () {
      failures = 0
      const { entries, runId } = yield* Runs.run(pipeline, "a topic", { labels: { team: "news" } })
      const { summary } = Runs.traceOf(entries)
      assert.deepStrictEqual(steady(Render.summary(summary, options), runId), [
        "⏸ report  waiting",
        "run       RUN",
        "started   TIME",
        "took      0 ms",
        "steps     3 done, 1 failed",
        "tokens    counter-1: 100 in, 10 cached, 1 out",
        "label     team=news",
        'waits for review, approve: Publish "writer 1"?'
      ])
    }).pipe(Effect.provide(layer))
  )
})

describe("the list of runs", () => {
  const row: RunRow = {
    run: RunId.make("01JABCDEFGHJKMNPQRSTVWXYZ0"),
    pipeline: "report",
    plan: "0".repeat(64) as RunRow["plan"],
    status: "completed",
    startedAt: 0,
    updatedAt: 65_000,
    wakeAt: null,
    tokens: 1234,
    labels: []
  }

  it("is a table, with ids that are never cut", () => {
    const rows: ReadonlyArray<RunRow> = [
      row,
      { ...row, run: RunId.make("mine"), pipeline: "漢字", status: "ready", tokens: 0 }
    ]
    assert.deepStrictEqual(Render.runList(rows, options), [
      "  RUN                         PIPELINE  STATUS          STARTED               TOOK       TOKENS",
      "✓ 01JABCDEFGHJKMNPQRSTVWXYZ0  report    completed       1970-01-01 00:00:00Z  1 min 5 s  1,234",
      "● mine                        漢字      ready to go on  1970-01-01 00:00:00Z  1 min 5 s"
    ])
    assert.deepStrictEqual(Render.runList([], options), ["No runs."])
  })

  it("as JSON has every key, and the same ones for each run", () => {
    assert.deepStrictEqual(ViewJson.runList([row], options.redaction), [
      {
        run: row.run,
        pipeline: "report",
        plan: row.plan,
        status: "completed",
        started_at: "1970-01-01T00:00:00.000Z",
        updated_at: "1970-01-01T00:01:05.000Z",
        wake_at: null,
        tokens: 1234,
        labels: []
      }
    ])
  })
})

it.live("the JSON of every node has the same keys", () =>
  Effect.gen(function* () {
    const view = ViewJson.trace(Runs.traceOf(yield* Everything.entries("said")), options.redaction)
    const keys = new Set<string>()
    const visit = (node: { readonly children: ReadonlyArray<never> }) => {
      keys.add(Object.keys(node).join(" "))
      for (const child of node.children) visit(child)
    }
    visit((view as { readonly root: never }).root)
    assert.deepStrictEqual(
      [...keys],
      [
        "path label kind status started_at ended_at duration_ms usage cost_usd model attempts recoveries input output failure decision task signal timers retries children"
      ]
    )
  }).pipe(Effect.provide(layer))
)
