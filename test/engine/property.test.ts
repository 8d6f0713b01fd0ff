/**
 * The oracle of the engine: a pipeline run in one go, cut at any entry and rebuilt from the journal, or replayed, is the
 * same (non-life events by logical key, without clock fields), and what was done is not done again.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type { Entry } from "../../src/domain/Event.js"
import type * as StepPath from "../../src/domain/StepPath.js"
import * as Flujo from "../../src/engine/Flujo.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import { answeredCalls, cutAt, finished, logical, run, toEnd, withJournal } from "./driven.js"
import { generate, hash, numbers } from "./generated.js"

const long = process.env.FLUJO_LONG === "1"
const pipelines = long ? 20_000 : 1_000
const cutsPerPipeline = long ? 8 : 2
const firstSeed = long ? hash(String(process.pid)) % 1_000_000 : 1

const starts: ReadonlySet<string> = new Set([
  "StepStarted",
  "TaskOpened",
  "TaskAnswered",
  "SignalAwaited",
  "SignalTaken"
])

/** Steps that started below a composite after it was closed. */
const startedBelowClosed = (entries: ReadonlyArray<Entry>): ReadonlyArray<string> => {
  const closed: Array<StepPath.StepPath> = []
  const late: Array<string> = []
  for (const { event } of entries) {
    if (event.kind === "Closed") closed.push(event.path)
    // What is undone is, wherever it stands.
    if (!starts.has(event.kind) || event.path.includes("!undo")) continue
    const by = closed.find((path) => event.path.startsWith(`${path}/`) || event.path.startsWith(`${path}[`))
    if (by !== undefined) late.push(`${event.kind} ${event.path} below ${by}`)
  }
  return late
}

const check = (seed: number) =>
  Effect.gen(function* () {
    const generated = generate(seed)
    const { effects, pipeline } = generated
    const driver = JournalMemory.makeDriver()
    const whole = yield* withJournal(driver, toEnd(generated))
    const want = logical(whole.entries)
    const about = `seed ${seed}`
    assert.deepStrictEqual(startedBelowClosed(whole.entries), [], about)
    yield* withJournal(driver, Flujo.replay(pipeline, run))

    const next = numbers(seed + 7919)
    for (let cut = 0; cut < cutsPerPipeline; cut++) {
      const count = 1 + next(whole.entries.length - 1)
      const where = `${about}, cut after ${count} of ${whole.entries.length} entries`
      const cutDriver = yield* cutAt(driver, count)
      const before = whole.entries.slice(0, count)
      effects.steps.length = 0
      effects.calls.length = 0
      const again = yield* withJournal(cutDriver, toEnd(generated))
      assert.strictEqual(again.outcome, whole.outcome, where)
      assert.deepStrictEqual(logical(again.entries), want, where)
      const done = finished(before)
      assert.deepStrictEqual(
        effects.steps.filter((path) => done.has(path)),
        [],
        `${where}: finished steps ran again`
      )
      const answered = answeredCalls(before)
      assert.deepStrictEqual(
        effects.calls.filter((path) => answered.has(path)),
        [],
        `${where}: answered calls were made again`
      )
      assert.deepStrictEqual(startedBelowClosed(again.entries), [], where)
      yield* withJournal(cutDriver, Flujo.replay(pipeline, run))
    }
    return { entries: whole.entries.length, failed: whole.outcome.includes('"Completed"') ? 0 : 1 }
  })

describe("generated pipelines", () => {
  it.live(
    `run in one go, cut and rebuilt at random entries, or replayed: the same (${pipelines} pipelines from seed ${firstSeed})`,
    () =>
      Effect.gen(function* () {
        const results = yield* Effect.forEach(
          Array.from({ length: pipelines }, (_, i) => firstSeed + i),
          check,
          { concurrency: 16 }
        ).pipe(Logger.withMinimumLogLevel(LogLevel.None))
        const entries = results.reduce((sum, one) => sum + one.entries, 0)
        const failed = results.reduce((sum, one) => sum + one.failed, 0)
        console.log(
          `${pipelines} pipelines, ${failed} of them fail, ${entries} entries, ${pipelines * cutsPerPipeline} cuts`
        )
        // The generator is worth something only if both ends of a run are common.
        assert.isAbove(failed, pipelines / 10)
        assert.isBelow(failed, (pipelines * 9) / 10)
      }),
    long ? 7_200_000 : 900_000
  )
})
