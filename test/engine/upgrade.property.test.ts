/**
 * What compatible means: a run that was cut anywhere is either refused by a changed pipeline, and then nothing was
 * written and it goes on as ever, or it is taken on by it; and then what was done is not done again, and the whole record
 * is one of the changed pipeline, to the last event.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Version from "../../src/domain/Version.js"
import * as Flujo from "../../src/engine/Flujo.js"
import * as Upgrade from "../../src/engine/Upgrade.js"
import { Journal } from "../../src/journal/Journal.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import type { Node } from "../../src/pipeline/Node.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Plan from "../../src/plan/Plan.js"
import { answeredCalls, cutAt, finished, logical, run, toEnd, withJournal } from "./driven.js"
import { nodesOf, replaced } from "./edits.js"
import { type Generated, generate, hash, numbers } from "./generated.js"

const long = process.env.FLUJO_LONG === "1"
const pipelines = long ? 5_000 : 150
const firstSeed = long ? hash(String(process.pid)) % 1_000_000 : 1

/** A change as people make them, somewhere in the tree. */
const changed = (generated: Generated, seed: number): Generated => {
  const next = numbers(seed)
  const all = nodesOf(generated.pipeline.root)
  const node = all[next(all.length)]!
  const of = (step: { readonly node: Node }) => step.node
  const given: Step.Step<number, number> = Step.fromNode(node)
  const other = Step.make("other", {
    input: Schema.Number,
    output: Schema.Number,
    run: (n) =>
      Effect.sync(() => {
        generated.effects.steps.push("other")
        return (n + 1) % 100
      })
  })
  const to = [
    () => of(given.pipe(Step.andThen(other))),
    () => of(other.pipe(Step.andThen(given))),
    () => of(given.pipe(Step.named("within"))),
    () => of(given.pipe(Step.retry({ times: 1, base: "1 millis" }))),
    () => of(given.pipe(Step.timeout("1 hour"))),
    () => of(given.pipe(Step.when((n: number) => n % 5 !== 0))),
    () => of(given.pipe(Step.map((n) => (typeof n === "number" ? (n + 1) % 100 : n)))),
    () => of(given.pipe(Step.withOutputSchema(Schema.Number.pipe(Schema.lessThan(60))))),
    () => of(given.pipe(Step.fallback(other))),
    () => (node._tag === "Code" ? { ...node, name: "renamed" } : of(Step.pass<number>("gone"))),
    () => of(other)
  ][next(11)]!()
  return {
    ...generated,
    pipeline: { ...generated.pipeline, root: replaced(generated.pipeline.root, node, to) as Node }
  }
}

const entriesOf = Effect.flatMap(Journal, (journal) => Effect.map(Stream.runCollect(journal.read(run)), Array.from))

const check = (seed: number) =>
  Effect.gen(function* () {
    const before = generate(seed)
    const after = changed(before, seed + 104_729)
    const plan = Plan.make(after.pipeline)
    if (Plan.errors(plan).length > 0 || plan.digest === Plan.make(before.pipeline).digest) return "none"
    const driver = JournalMemory.makeDriver()
    const whole = yield* withJournal(driver, toEnd(before))
    // Now and then at its end, where one that failed may go on.
    const next = numbers(seed + 7919)
    const isWhole = next(5) === 0
    const count = isWhole ? whole.entries.length : 1 + next(whole.entries.length - 1)
    if (isWhole && Either.isLeft(Upgrade.again(whole.entries))) return "none"
    const cut = yield* cutAt(driver, count)
    const where = `seed ${seed}, cut after ${count} of ${whole.entries.length} entries`
    const started = whole.entries.slice(0, count)
    const { effects } = before
    effects.steps.length = 0
    effects.calls.length = 0
    const checked = yield* withJournal(cut, Effect.either(Flujo.upgradeCheck(after.pipeline, run)))
    assert.deepStrictEqual(effects, { steps: [], calls: [] }, where)
    if (Either.isLeft(checked)) {
      const error = yield* withJournal(cut, Effect.flip(Flujo.resume(after.pipeline, run, { upgrade: true })))
      assert.deepStrictEqual(error, checked.left, where)
      assert.propertyVal(error, "reason", "Upgrade", where)
      assert.deepStrictEqual(effects, { steps: [], calls: [] }, where)
      assert.deepStrictEqual(yield* withJournal(cut, entriesOf), started, where)
      if (isWhole) return "refused"
      const ended = yield* withJournal(cut, toEnd(before))
      assert.deepStrictEqual(logical(ended.entries), logical(whole.entries), where)
      return "refused"
    }
    yield* withJournal(cut, Effect.exit(Flujo.resume(after.pipeline, run, { upgrade: true })))
    const ended = yield* withJournal(cut, toEnd(after))
    assert.strictEqual(Version.of(ended.entries)?.plan, plan.digest, where)
    assert.deepStrictEqual(ended.entries.slice(0, count), started, where)
    const done = finished(started)
    const answered = answeredCalls(started)
    assert.deepStrictEqual(
      effects.steps.filter((path) => done.has(path)),
      [],
      where
    )
    assert.deepStrictEqual(
      effects.calls.filter((path) => answered.has(path)),
      [],
      where
    )
    yield* withJournal(cut, Flujo.replay(after.pipeline, run))
    return "taken"
  })

describe("a changed pipeline", () => {
  it.live(
    `takes a run on and replays all of it, or refuses it and changes nothing (${pipelines} pipelines from seed ${firstSeed})`,
    () =>
      Effect.gen(function* () {
        const all = yield* Effect.forEach(
          Array.from({ length: pipelines }, (_, i) => firstSeed + i),
          (seed) => Effect.tapErrorCause(check(seed), () => Effect.sync(() => console.log(`broken by seed ${seed}`))),
          { concurrency: 16 }
        ).pipe(Logger.withMinimumLogLevel(LogLevel.None))
        const count = (what: string) => all.filter((one) => one === what).length
        console.log(`${count("taken")} taken on, ${count("refused")} refused, ${count("none")} no other pipeline`)
        assert.isAbove(count("taken"), pipelines / 10)
        assert.isAbove(count("refused"), pipelines / 10)
      }),
    long ? 7_200_000 : 300_000
  )
})
