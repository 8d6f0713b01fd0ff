import { assert, it } from "@effect/vitest"
import { Effect, Schema, Stream, Option } from "effect"
import * as Flujo from "../../src/engine/Flujo.js"
import { Journal } from "../../src/journal/Journal.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"

const double = Step.make("double", { input: Schema.Number, output: Schema.Number, run: (n) => Effect.succeed(n * 2) })
const inc = Step.make("inc", { input: Schema.Number, output: Schema.Number, run: (n) => Effect.succeed(n + 1) })
const p = double.pipe(
  Step.andThen(Step.parallel("both", { a: inc, b: double })),
  Step.andThen(Step.fn("sum", (x: { a: number; b: number }) => x.a + x.b)),
  Step.andThen(Step.approve("review", { message: (n) => `is ${n} right?` })),
  Step.andThen(inc.pipe(Step.retry({ times: 2 }))),
  Pipeline.make("smoke")
)

it.live("smoke", () =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const first = yield* Flujo.run(p, 5)
    assert.strictEqual(first._tag, "Suspended")
    const tasks = yield* journal.tasks({ limit: 10 })
    console.log(first, tasks)
    yield* Flujo.answer(first.run, tasks[0]!.path, { approved: true }, "me")
    const second = yield* Flujo.resume(p, first.run)
    console.log(second)
    const entries = yield* Stream.runCollect(journal.read(first.run))
    for (const e of entries) console.log(e.seq, e.event.kind, e.event.path, JSON.stringify(e.event.data), JSON.stringify(e.event.payload))
    console.log(yield* Flujo.replay(p, first.run))
    console.log(yield* journal.run(first.run))
    const s = yield* Stream.runCollect(Flujo.stream(p, 7))
    console.log(Array.from(s).map((e) => e.event.kind).join(" "))
  }).pipe(Effect.provide(JournalMemory.layerMemory)) as never
)
