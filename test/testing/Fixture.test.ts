/** Recorded runs as tests: exported, verified to the last bit, replayed by the pipeline as it is now. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Either, Schema, Stream } from "effect"
import * as Flujo from "../../src/engine/Flujo.js"
import { Journal } from "../../src/journal/Journal.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as LedgerFile from "../../src/journal/LedgerFile.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import { FixtureError, replayFixture } from "../../src/testing.js"
import * as Long from "../Long.js"
import * as Runs from "../lens/Runs.js"

const folder = mkdtempSync(join(tmpdir(), "flujo-fixture-"))
afterAll(() => rmSync(folder, { recursive: true }))

const make = (times: number, message = "Go on?") =>
  Step.make("double", {
    input: Schema.Number,
    output: Schema.Number,
    run: (n) => (n < 0 ? Effect.die("ran") : Effect.succeed(n * 2))
  }).pipe(
    Step.andThen(Step.fn("times", (n: number) => n * times)),
    Step.andThen(Step.approve("review", { message: (n: number) => `${message} ${n}` })),
    Pipeline.make("numbers")
  )

/** A run that rests at its question, as a file. */
const recorded = (name: string, input = 3) =>
  Effect.gen(function* () {
    const { runId } = yield* Runs.run(make(10), input)
    const written = yield* LedgerFile.write(yield* Journal, runId)
    const { text } = Either.getOrThrow(written)
    const file = join(folder, name)
    writeFileSync(
      file,
      (yield* Stream.runCollect(text)).pipe((chunk) => Array.from(chunk).join(""))
    )
    return file
  }).pipe(Effect.provide(JournalMemory.layerMemory))

describe("replayFixture", () => {
  it.effect("replays a run elsewhere by its pipeline, and by another version that goes the same way", () =>
    Effect.gen(function* () {
      const file = yield* recorded("same.jsonl")
      const { end, entries } = yield* replayFixture(file, make(10))
      assert.strictEqual(end, "Suspended")
      const longer = make(10).root
      const more = Step.fromNode<number, number, never, never>(longer).pipe(
        Step.andThen(Step.pass<number>("more")),
        Pipeline.make("numbers")
      )
      assert.strictEqual((yield* replayFixture(file, more)).entries, entries)
    })
  )

  it.effect("names the step, the field and both values where the pipeline goes another way", () =>
    Effect.gen(function* () {
      const file = yield* recorded("other.jsonl")
      const error = yield* Effect.flip(replayFixture(file, make(11)))
      assert.propertyVal(error, "reason", "Diverged")
      assert.include(error.message, "times")
      assert.match(error.message, /60.*66/)
      const worded = yield* Effect.flip(replayFixture(file, make(10, "Stop?")))
      assert.include(worded.message, "review")
    })
  )

  it.effect("wants the pipeline of a run that a program started, and a file that is there", () =>
    Effect.gen(function* () {
      const file = yield* recorded("bare.jsonl")
      assert.propertyVal(yield* Effect.flip(replayFixture(file)), "reason", "NoBlueprint")
      assert.propertyVal(yield* Effect.flip(replayFixture(join(folder, "none"), make(1))), "reason", "Unreadable")
    })
  )

  it.effect("finds every flipped bit", () =>
    Effect.gen(function* () {
      const file = yield* recorded("bits.jsonl")
      const bytes = readFileSync(file)
      const step = Long.runs(211, 1)
      let tried = 0
      for (let bit = 0; bit < bytes.length * 8; bit += step) {
        const flipped = Buffer.from(bytes)
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        writeFileSync(join(folder, "flipped.jsonl"), flipped)
        const error = yield* Effect.flip(replayFixture(join(folder, "flipped.jsonl"), make(10)))
        assert.instanceOf(error, FixtureError, `bit ${bit}`)
        assert.propertyVal(error, "reason", "Broken", `bit ${bit}`)
        tried += 1
      }
      assert.isAbove(tried, 50)
    })
  )
})

describe("Journal.restore", () => {
  it.effect("takes a run in once, and it goes on there", () =>
    Effect.gen(function* () {
      const file = yield* recorded("on.jsonl")
      const copy = Either.getOrThrow(yield* LedgerFile.read(Stream.make(new Uint8Array(readFileSync(file)))))
      const journal = yield* Journal
      assert.isTrue(yield* journal.restore(copy))
      assert.isFalse(yield* journal.restore(copy))
      assert.strictEqual(yield* journal.rebuild, 0)
      const [task] = yield* journal.tasks({ limit: 9 })
      yield* Flujo.answer(copy.run, task!.path, { approved: true })
      const ended = yield* Flujo.resume(make(10), copy.run)
      assert.propertyVal(ended, "value", 60)
    }).pipe(Effect.provide(JournalMemory.layerMemory))
  )
})
