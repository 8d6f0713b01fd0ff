/** What a run holds dies with it: nothing of one run reaches another, and many runs need no more memory than few. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { assert, describe, it } from "vitest"
import { canonical, type Json } from "../../src/domain/Json.js"
import * as Once from "../../src/domain/Once.js"
import { RunId } from "../../src/domain/RunId.js"
import * as Flujo from "../../src/engine/Flujo.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as JournalSqlite from "../../src/journal/JournalSqlite.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import { runs } from "../Long.js"
import * as World from "./world.js"

class Notes extends Pipeline.Context<Notes>()("notes", { seen: Schema.String }) {}

const text = (
  name: string,
  run: (value: string, attempt: number) => Effect.Effect<string, string, Once.Once | Notes>
) =>
  Step.make(name, {
    input: Schema.String,
    output: Schema.String,
    error: Schema.String,
    run: (value, { attempt }) => run(value, attempt)
  })

/** One pipeline for all: each of its places could hold on to what it saw. */
const shared = text("remember", (value) =>
  Once.run({ key: "k", request: value, success: Schema.String }, () => Effect.succeed(`once ${value}`))
).pipe(
  Step.sinkTo(Notes, "seen"),
  Step.andThen(
    text("flaky", (value, attempt) =>
      attempt < 3 ? Effect.fail(`no ${value}`) : Effect.map(Notes, ({ seen }) => `${value} saw ${seen}`)
    ).pipe(Step.retry(Schedule.spaced(0), { times: 3 }), Step.timeout("1 minute"))
  ),
  Step.andThen(
    Step.loop(
      "twice",
      Step.fn("f", (value: string) => `${value}.`),
      { until: (v) => v.endsWith(".."), max: 3 }
    )
  ),
  Step.andThen(Step.ask("ask", { message: "{{ previous_step }}?", answer: Schema.String })),
  Step.andThen(
    Step.parallel("both", {
      a: text("a", (value) => Effect.map(Notes, ({ seen }) => `${value} ${seen}`)),
      b: text("b", (value) => Effect.fail(value)).pipe(Step.fallback(Step.pass("kept")))
    })
  ),
  Pipeline.make("shared", { context: Notes })
)

describe("runs of one pipeline in one process", () => {
  it("never see anything of one another", () => {
    const canaries = Array.from({ length: 100 }, (_, i) => `canary-${i}-${(i * 7919).toString(36)}-end`)
    const one = (canary: string, i: number) =>
      Effect.gen(function* () {
        const runId = RunId.make(`run-${i}`)
        const options = { runId, labels: { canary } }
        assert.strictEqual((yield* Flujo.run(shared, canary, options))._tag, "Suspended")
        yield* Flujo.answer(runId, World.at("ask"), `answer of ${canary}`)
        const ended = yield* Flujo.resume(shared, runId)
        assert.strictEqual(ended._tag, "Completed")
        assert.strictEqual((yield* Flujo.replay(shared, runId)).end, "Completed")
        const entries = yield* World.entriesOf(runId)
        const all = canonical(entries as unknown as Json)
        const found = new Set(all.match(/canary-\d+-\w+-end/g))
        assert.deepStrictEqual(Array.from(found), [canary])
        assert.strictEqual(entries.filter(({ event }) => event.kind === "RetryDecided").length, 2)
      })
    return Effect.runPromise(
      Effect.forEach(canaries, one, { concurrency: 32, discard: true }).pipe(Effect.provide(JournalMemory.layerMemory))
    )
  })

  it("leave nothing behind in memory", { timeout: 300_000 }, async () => {
    setFlagsFromString("--expose-gc")
    const gc: () => void = runInNewContext("gc")
    const folder = mkdtempSync(join(tmpdir(), "flujo-memory-"))
    const many = (count: number) =>
      Effect.forEach(
        Array.from({ length: count }),
        (_, i) => {
          const input = "x".repeat(2_000)
          return i % 2 === 0 ? Effect.ignore(Flujo.run(shared, input)) : Effect.ignore(Flujo.run(failing, input))
        },
        { concurrency: 32, discard: true }
      )
    const failing = text("failing", (value) => Effect.fail(value)).pipe(Pipeline.make("failing", { context: Notes }))
    const used = Effect.sync(() => {
      for (let i = 0; i < 3; i++) gc()
      return process.memoryUsage().heapUsed
    })
    const more = runs(2_000, 20_000)
    const program = Effect.gen(function* () {
      yield* many(500)
      const before = yield* used
      yield* many(more)
      return (yield* used) - before
    })
    const layer = JournalSqlite.layer({ path: join(folder, "state.db"), durability: "normal" })
    const grown = await Effect.runPromise(Effect.provide(program, Layer.fresh(layer)))
    rmSync(folder, { recursive: true, force: true })
    console.log(`${more} runs: ${(grown / more).toFixed(0)} bytes each stay`)
    // One text of each run alone would be 2,000.
    assert.isBelow(grown / more, 1_000)
  })
})
