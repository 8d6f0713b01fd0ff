/** Pipelines that run in processes of their own; their tests walk the same ones. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Once from "../../src/domain/Once.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Effects from "./effects.js"

class Bad extends Schema.TaggedError<Bad>("Bad")("Bad", { why: Schema.String }) {}

const code = (
  name: string,
  f: (n: number, attempt: number) => Effect.Effect<number, Bad, Once.Once> = (n) => Effect.succeed(n + 1)
) =>
  Step.make(name, {
    input: Schema.Number,
    output: Schema.Number,
    error: Bad,
    run: (n, { attempt, idempotencyKey, path }) =>
      Effect.zipRight(Effects.happen(name, path, idempotencyKey), f(n, attempt))
  })

const call = (key: string) =>
  Once.run({ key, request: { of: key }, success: Schema.Number }, ({ idempotencyKey }) =>
    Effect.as(Effects.happen(key, `once/${key}`, idempotencyKey), 1)
  )

/** One of everything. */
export const order = code("fetch").pipe(
  Step.andThen(
    Step.parallel("gather", {
      flaky: code("flaky", (n, attempt) =>
        attempt < 3 ? Effect.fail(new Bad({ why: `${attempt}` })) : Effect.succeed(n)
      ).pipe(Step.retry({ times: 3, base: 1, jitter: false })),
      poor: code("broken", () => Effect.fail(new Bad({ why: "broken" }))).pipe(Step.fallback(code("plan_b"))),
      timed: code("timed").pipe(Step.timeout("1 hour"))
    })
  ),
  Step.andThen(Step.fn("sum", ({ flaky, poor, timed }) => flaky + poor + timed)),
  Step.andThen(Step.loop("refine", code("critique"), { until: (n) => n >= 11, max: 5 })),
  Step.andThen(Step.approve("review", { message: (n) => `is ${n} right?` })),
  Step.andThen(Step.fn("split", (n) => [n, n + 1, n + 2])),
  Step.andThen(Step.forEach("each", code("ship"), { concurrency: 2 })),
  Step.andThen(Step.fn("join", (ns) => ns.reduce((sum, n) => sum + n, 0))),
  Step.andThen(
    code("pay", (n) => Effect.zipWith(call("charge"), call("mail"), (charged, mailed) => n + charged + mailed))
  ),
  Pipeline.make("order")
)

const given = Step.fn("given", ({ output }: Step.Undoable<number, number>) => output)

/** Fails in the end, and takes back what it did. */
export const saga = code("book").pipe(
  Step.compensate(given.pipe(Step.andThen(code("release")))),
  Step.andThen(code("charge").pipe(Step.compensate(given.pipe(Step.andThen(code("refund")))))),
  Step.andThen(code("ship", () => Effect.fail(new Bad({ why: "sold out" })))),
  Pipeline.make("saga")
)

const slow = (name: string, millis: number) =>
  code(name, (n) => Effect.as(Effect.sleep(Duration.millis(millis * Effects.patience())), n))

/** One step that takes its time. */
export const long = slow("long", 1500).pipe(Step.andThen(code("after_long")), Pipeline.make("long"))

/** Waits for a person on one side and is at work on the other. */
export const busy = Step.parallel("both", {
  ask: Step.approve<number>("ask", { message: (n) => `${n}?` }).pipe(Step.andThen(code("next"))),
  work: slow("work", 2000).pipe(Step.andThen(code("last")))
}).pipe(Step.andThen(Step.fn("sum", ({ ask, work }) => ask + work)), Pipeline.make("busy"))

/** Works on for ever beside an open task. */
export const endless = Step.parallel("both", {
  ask: Step.approve<number>("ask", { message: (n) => `${n}?` }).pipe(Step.andThen(code("next"))),
  work: slow("work", 600_000)
}).pipe(Pipeline.make("endless"))

/** Waits, and then has one effect. */
export const rest = code("before").pipe(
  Step.andThen(Step.approve("ask", { message: (n) => `${n}?` })),
  Step.andThen(slow("paid", 30)),
  Pipeline.make("rest")
)

/** Asks while it is at work for a moment, so that an answer may come at any time around its coming to rest. */
export const parking = Step.parallel("both", {
  ask: Step.approve<number>("ask", { message: (n) => `${n}?` }).pipe(Step.andThen(code("next"))),
  work: slow("work", 40)
}).pipe(Step.andThen(Step.fn("sum", ({ ask, work }) => ask + work)), Pipeline.make("parking"))

/** Has one effect that takes a moment. */
export const pay = code("before").pipe(Step.andThen(slow("paid", 30)), Pipeline.make("pay"))

export const all = { busy, endless, long, order, saga, parking, pay, rest }
