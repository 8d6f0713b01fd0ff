/** A run whose process dies at one point again and again is not taken up for ever; and what one is told of it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Option, Schema } from "effect"
import type { RunOptions } from "../../src/engine/Flujo.js"
import * as Flujo from "../../src/engine/Flujo.js"
import type { RunError } from "../../src/engine/RunError.js"
import * as Audit from "../../src/journal/Audit.js"
import * as Due from "../../src/journal/Due.js"
import { Journal } from "../../src/journal/Journal.js"
import * as Ledger from "../../src/journal/Ledger.js"
import * as Trace from "../../src/lens/Trace.js"
import * as Why from "../../src/lens/Why.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Redaction from "../../src/redaction/Redaction.js"
import * as World from "../gate/world.js"

const step = (name: string) =>
  Step.make(name, {
    input: Schema.Number,
    output: Schema.Number,
    // Long enough for what was written before to be a commit of its own.
    run: (n) => Effect.as(Effect.sleep(5), n + 1)
  })

const bomb = step("ready").pipe(Step.andThen(step("bomb")), Pipeline.make("bomb"))
const long = Array.from({ length: 12 }, (_, i) => step(`s${i}`))
  .reduce((all, one) => Step.andThen(all, one))
  .pipe(Pipeline.make("long"))

/** One process, whose power goes off after so many commits. */
const life = (
  world: World.World,
  pipeline: typeof bomb,
  commitsMax: number,
  options: Pick<RunOptions, "recoveriesMax"> = {}
) =>
  Flujo.run(pipeline, 1, { runId: World.runId, ...options }).pipe(
    Effect.either,
    Effect.map(Either.match({ onLeft: (error) => (error as RunError).reason, onRight: ({ _tag }) => _tag })),
    Effect.provide(world.boot({ commitsMax }))
  )

const status = Effect.flatMap(Journal, (journal) =>
  Effect.map(journal.run(World.runId), (row) => Option.getOrThrow(row).status)
)

const options = { redaction: Redaction.make({ environment: {} }), color: false, width: 1000, previewLength: 100 }

const why = Effect.gen(function* () {
  const journal = yield* Journal
  const entries = yield* World.entriesOf(World.runId)
  const holder = yield* journal.holder(World.runId)
  const trace = Trace.make(entries, { held: Option.isSome(holder) })
  const made = Why.make(trace, entries, holder, { ...options, verbose: false, ascii: true })
  const lines = made.lines.map((spans) => spans.map(({ text }) => text).join(""))
  assert.isAtMost(lines.length, 10)
  return { ...made, next: made.next.map((words) => words.join(" ")), text: lines.join("\n") }
})

describe("a run whose process dies at one step", () => {
  it.live("is stuck after as many recoveries as are allowed, says where, and goes on when it is told to", () =>
    Effect.gen(function* () {
      const world = World.make()
      assert.strictEqual(yield* life(world, bomb, 2), "Journal")
      const lives: Array<string> = []
      while (lives.at(-1) !== "Stuck") lives.push(yield* life(world, bomb, 1))
      assert.deepStrictEqual(lives, ["Journal", "Journal", "Journal", "Journal", "Journal", "Stuck"])
      yield* Effect.gen(function* () {
        const journal = yield* Journal
        assert.strictEqual(yield* status, "stuck")
        assert.isTrue(Option.isNone(yield* journal.holder(World.runId)))
        const entries = yield* World.entriesOf(World.runId)
        const { event } = entries.at(-1)!
        assert.deepStrictEqual(event.data, { recoveries: 5, at: [World.at("bomb")] })
        const sound = yield* Audit.verify(journal, World.runId)
        assert.deepInclude(sound, { entries: entries.length, rooted: entries.length })
        assert.isFalse(Ledger.isBad(sound))
        assert.deepStrictEqual(yield* Due.find(journal, { now: 1e15, limit: 9 }), { due: [], more: false })
        yield* Flujo.replay(bomb, World.runId)
        assert.strictEqual(yield* journal.rebuild, 0)
        const told = yield* why
        assert.include(told.text, "died 5 times in a row")
        assert.match(told.text, /at bomb \(code\), begun .*run again 5 times/)
        assert.include(told.next, `resume ${World.runId}`)
      }).pipe(Effect.provide(world.boot()))
      // Told to, it is tried again, and is not stuck at once when that fails too.
      assert.strictEqual(yield* life(world, bomb, 1), "Journal")
      assert.strictEqual(yield* life(world, bomb, 1), "Journal")
      assert.strictEqual(yield* life(world, bomb, 99), "Completed")
      yield* Effect.provide(Flujo.replay(bomb, World.runId), world.boot())
    })
  )

  it.live("may be taken up as often as is said", () =>
    Effect.gen(function* () {
      const world = World.make()
      yield* life(world, bomb, 2)
      const lives: Array<string> = []
      for (let i = 0; i < 5; i++) lives.push(yield* life(world, bomb, 1, { recoveriesMax: 1 }))
      // To go on with a stuck run is what somebody said, and no recovery yet.
      assert.deepStrictEqual(lives, ["Journal", "Stuck", "Journal", "Journal", "Stuck"])
    })
  )

  it.live("is not stuck while it comes further each time, however often it dies", () =>
    Effect.gen(function* () {
      const world = World.make()
      yield* life(world, long, 1)
      const lives: Array<string> = []
      while (lives.length < 40 && lives.at(-1) !== "Completed") lives.push(yield* life(world, long, 2))
      assert.strictEqual(lives.at(-1), "Completed")
      assert.isAbove(lives.length, 8)
    })
  )
})

describe("why a run stands as it does", () => {
  it.live("is told of a run that was cut, rests, failed, was cancelled, completed", () =>
    Effect.gen(function* () {
      const cut = World.make()
      yield* life(cut, bomb, 2)
      const asking = step("ready").pipe(
        Step.andThen(Step.approve("review", { message: (n: number) => `Go on with ${n}?` })),
        Step.andThen(Step.fn("last", (n: number) => n)),
        Pipeline.make("asking")
      )
      const told = yield* Effect.provide(why, cut.boot())
      assert.include(told.text, "Its process is gone")
      assert.include(told.text, "at bomb (code)")
      yield* Effect.gen(function* () {
        yield* Flujo.run(asking, 1, { runId: World.runId })
        const rests = yield* why
        assert.include(rests.text, "for an answer at review since")
        assert.include(rests.text, "Go on with 2?")
        assert.deepStrictEqual(rests.next, [])
        yield* Flujo.cancel(World.runId, "no longer wanted")
        yield* Effect.either(Flujo.resume(asking, World.runId))
        assert.include((yield* why).text, "Somebody cancelled it: no longer wanted")
      }).pipe(Effect.provide(World.make().boot()))
      const failing = Step.make("pay", {
        input: Schema.Number,
        output: Schema.Number,
        error: Schema.String,
        run: () => Effect.fail("no funds")
      }).pipe(Pipeline.make("failing"))
      yield* Effect.gen(function* () {
        yield* Effect.either(Flujo.run(failing, 1, { runId: World.runId }))
        const { next, text } = yield* why
        assert.include(text, "The step pay failed: no funds")
        assert.include(text, "Written last: entry ")
        assert.include(next, `lens fork ${World.runId} --from pay`)
      }).pipe(Effect.provide(World.make().boot()))
      yield* Effect.gen(function* () {
        yield* Flujo.run(bomb, 1, { runId: World.runId })
        assert.match((yield* why).text, /^run the-run of bomb: completed\nIt completed after .*, 2 steps\.$/)
      }).pipe(Effect.provide(World.make().boot()))
    })
  )
})
