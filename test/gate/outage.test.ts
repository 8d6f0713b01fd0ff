/**
 * The server is stopped and started every few seconds under many concurrent runs: nothing is lost, nothing is written
 * twice, and no run is left behind.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import { afterAll, assert, beforeAll, it } from "vitest"
import { RunId } from "../../src/domain/RunId.js"
import * as Flujo from "../../src/engine/Flujo.js"
import { Journal } from "../../src/journal/Journal.js"
import * as JournalPostgres from "../../src/journal/JournalPostgres.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Long from "../Long.js"
import * as Server from "../postgres/Server.js"
import { isGapless, logical } from "./logical.js"
import { entriesOf } from "./world.js"

let server: Server.Server
beforeAll(async () => {
  server = await Server.make()
})
afterAll(() => server.discard())

const steps = 10
const concurrency = 64

it("no run is lost, doubled or stranded while the server goes away again and again", {
  timeout: 1_800_000
}, async () => {
  const restartsWanted = Long.runs(4, 40)
  /** How often each step of each run took place. */
  const happened = new Map<string, number>()

  const step = (n: number) =>
    Step.make(`step_${n}`, {
      input: Schema.Number,
      output: Schema.Number,
      run: (value, { idempotencyKey }) =>
        Effect.sync(() => {
          happened.set(idempotencyKey, (happened.get(idempotencyKey) ?? 0) + 1)
        }).pipe(Effect.zipRight(Effect.sleep(Duration.millis(20))), Effect.as(value + 1))
    })
  const chain = Array.from({ length: steps - 1 }, (_, i) => step(i + 1)).reduce(
    (before, next) => before.pipe(Step.andThen(next)),
    step(0)
  )
  const pipeline = chain.pipe(Pipeline.make("chain"))

  const program = Effect.gen(function* () {
    const journal = yield* Journal
    const isOver = yield* Ref.make(false)
    let started = 0
    let resumed = 0

    /** Starts runs until it is over; one that the outage cost its lease is resumed until it has ended. */
    const worker = Effect.gen(function* () {
      while (!(yield* Ref.get(isOver))) {
        started += 1
        const id = RunId.make(`run-${started}`)
        let end = yield* Effect.either(Flujo.run(pipeline, 0, { runId: id }))
        while (Either.isLeft(end)) {
          resumed += 1
          yield* Effect.sleep(200)
          end = yield* Effect.either(Flujo.run(pipeline, 0, { runId: id }))
        }
        assert.strictEqual(end.right._tag === "Completed" ? end.right.value : end.right._tag, steps)
      }
    })
    const workers = yield* Effect.fork(
      Effect.all(
        Array.from({ length: concurrency }, () => worker),
        { concurrency: "unbounded", discard: true }
      )
    )
    const restarts: Array<string> = []
    for (let i = 0; i < restartsWanted; i++) {
      yield* Effect.sleep(1500)
      const before = started
      const how = i % 2 === 0 ? "immediate" : "fast"
      yield* Effect.promise(() => server.stop(how))
      // It is gone: nobody can ask it anything.
      const isGone = yield* Effect.promise(() =>
        server.sql("SELECT 1").then(
          () => false,
          () => true
        )
      )
      assert.isTrue(isGone)
      yield* Effect.sleep(300 + 200 * (i % 4))
      yield* Effect.promise(() => server.start())
      restarts.push(`${how} at ${before} runs`)
    }
    yield* Ref.set(isOver, true)
    yield* Fiber.join(workers)

    const ids = Array.from({ length: started }, (_, i) => RunId.make(`run-${i + 1}`))
    const digests = new Set<string>()
    let entries = 0
    for (const id of ids) {
      const found = yield* entriesOf(id)
      assert.isTrue(isGapless(found), id)
      entries += found.length
      const row = Option.getOrThrow(yield* journal.run(id))
      assert.strictEqual(row.status, "completed", id)
      assert.isTrue(Option.isNone(yield* journal.holder(id)), id)
      digests.add(logical(found))
    }
    assert.strictEqual(yield* journal.rebuild, 0)
    assert.strictEqual(digests.size, 1, "all runs recorded the same")
    assert.strictEqual(happened.size, started * steps, "every step took place")
    const repeated = Array.from(happened.values()).filter((count) => count > 1).length
    assert.isAtMost(repeated, resumed, "only what was in flight when a lease was lost took place again")
    console.log(
      `restarts: ${restarts.length} (${restarts.join(", ")}); ${started} runs, ${entries} entries, ${resumed} resumed, ${repeated} steps repeated`
    )
    assert.strictEqual(restarts.length, restartsWanted)
    return started
  })

  const started = await Effect.runPromise(
    Effect.provide(program, JournalPostgres.layer({ uri: server.uri(), leaseMillis: 20_000 }))
  )
  assert.isAbove(started, concurrency)
})
