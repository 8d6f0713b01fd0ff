/**
 * What version markers promise: whatever a step is replaced by, and wherever a run was cut, the run goes on with the new
 * version, twice in a row; it takes the old way exactly where the new one does not say again what is recorded; and its
 * whole record is one of the newest version. A new run takes the new way of everything.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Schema from "effect/Schema"
import * as Version from "../../src/domain/Version.js"
import * as Flujo from "../../src/engine/Flujo.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import type { Node } from "../../src/pipeline/Node.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Plan from "../../src/plan/Plan.js"
import { answeredCalls, cutAt, finished, run, toEnd, withJournal } from "./driven.js"
import { nodesOf, replaced } from "./edits.js"
import { type Generated, generate, hash, numbers } from "./generated.js"

const long = process.env.FLUJO_LONG === "1"
const pipelines = long ? 5_000 : 120
const firstSeed = long ? hash(String(process.pid)) % 1_000_000 : 1

/** Somewhere a step is replaced, comes or goes, and it is marked. */
const marked = (generated: Generated, change: string, seed: number): Generated => {
  const next = numbers(seed)
  const all = nodesOf(generated.pipeline.root)
  const node = all[next(all.length)]!
  const given: Step.Step<number, number> = Step.fromNode(node)
  const other = Step.make(change, {
    input: Schema.Number,
    output: Schema.Number,
    run: (n) =>
      Effect.sync(() => {
        generated.effects.steps.push(change)
        return typeof n === "number" ? (n + 1) % 100 : n
      })
  })
  const to = [
    () => Step.changed(change, { before: given, since: other }).node,
    () => given.pipe(Step.andThen(other.pipe(Step.since(change)))).node,
    () => other.pipe(Step.since(change), Step.andThen(given)).node,
    () => given.pipe(Step.before(change)).node
  ][next(4)]!()
  return {
    ...generated,
    pipeline: { ...generated.pipeline, root: replaced(generated.pipeline.root, node, to) as Node }
  }
}

const check = (seed: number) =>
  Effect.gen(function* () {
    const before = generate(seed)
    const after = marked(before, "came", seed + 104_729)
    const later = marked(after, "later", seed + 1_299_709)
    if ([after, later].some(({ pipeline }) => Plan.errors(Plan.make(pipeline)).length > 0)) return "none"
    const driver = JournalMemory.makeDriver()
    const whole = yield* withJournal(driver, toEnd(before))
    const next = numbers(seed + 7919)
    const count = 1 + next(whole.entries.length - 1)
    const where = `seed ${seed}, cut after ${count} of ${whole.entries.length} entries`
    const started = whole.entries.slice(0, count)
    const cut = yield* cutAt(driver, count)
    const { effects } = before
    effects.steps.length = 0
    effects.calls.length = 0
    yield* withJournal(cut, Effect.exit(Flujo.resume(after.pipeline, run, { upgrade: true, parkAfterMillis: 0 })))
    yield* withJournal(cut, Flujo.replay(after.pipeline, run))
    const checked = yield* withJournal(cut, Flujo.upgradeCheck(later.pipeline, run))
    yield* withJournal(cut, Effect.exit(Flujo.resume(later.pipeline, run, { upgrade: true })))
    const ended = yield* withJournal(cut, toEnd(later))
    const version = Version.of(ended.entries)!
    if (version.plan === Plan.make(later.pipeline).digest) assert.deepStrictEqual(version.keeps, checked.keeps, where)
    const done = finished(started)
    const answered = answeredCalls(started)
    const again = [
      ...effects.steps.filter((path) => done.has(path)),
      ...effects.calls.filter((path) => answered.has(path))
    ]
    assert.deepStrictEqual(again, [], where)
    const newest = version.plan === Plan.make(later.pipeline).digest ? later : after
    yield* withJournal(cut, Flujo.replay(newest.pipeline, run))

    const fresh = JournalMemory.makeDriver()
    const anew = yield* withJournal(fresh, toEnd(later))
    assert.deepStrictEqual(Version.of(anew.entries)!.keeps, [], where)
    return version.keeps.length > 0 ? "old" : "new"
  })

describe("a marked change", () => {
  it.live(
    `takes on every run, wherever it is (${pipelines} pipelines from seed ${firstSeed})`,
    () =>
      Effect.gen(function* () {
        const all = yield* Effect.forEach(
          Array.from({ length: pipelines }, (_, i) => firstSeed + i),
          (seed) => Effect.tapErrorCause(check(seed), () => Effect.sync(() => console.log(`broken by seed ${seed}`))),
          { concurrency: 16 }
        ).pipe(Logger.withMinimumLogLevel(LogLevel.None))
        const count = (what: string) => all.filter((one) => one === what).length
        console.log(`${count("old")} keep an old way, ${count("new")} none, ${count("none")} no pipeline`)
        assert.isAbove(count("old"), pipelines / 20)
        assert.isAbove(count("new"), pipelines / 20)
      }),
    long ? 7_200_000 : 300_000
  )
})
