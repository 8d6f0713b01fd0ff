/**
 * Pipelines of every kind of step for tests in which lives end at any moment: steps fail, break, cannot be interrupted, take
 * their time, call out, wait for people and signals, and are taken back. Which one a seed makes is fixed; what is done to it
 * is up to the test.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Once from "../../src/domain/Once.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import { hash, numbers } from "./generated.js"

export type Numbers = Step.Step<number, number, unknown, Report>

export interface Outside {
  /** Paths of steps whose code ran, idempotency keys of calls that were made. */
  readonly steps: Array<string>
  readonly calls: Array<string>
}

export class Report extends Pipeline.Context<Report>()("report", { last: Schema.Number, first: Schema.Number }) {}

/** `thinking`: now and then what it makes of a number below 12 stands where a code step would. */
export const generate = (
  seed: number,
  outside: Outside,
  thinking?: (name: string, kind: number) => Numbers,
  depth = 4
) => {
  const next = numbers(seed)
  let names = 0
  const called = (key: string, per: "step" | "attempt", then: Effect.Effect<number, string, Once.Once>) =>
    Once.run({ key, request: key, success: Schema.Number, failure: Schema.String, per }, ({ idempotencyKey }) =>
      Effect.suspend(() => {
        outside.calls.push(idempotencyKey)
        return then
      })
    )
  const leaf = (): Numbers => {
    const name = `s${names++}`
    const kind = next(12)
    const failing = next(4)
    if (thinking !== undefined && next(4) === 0) return thinking(name, next(12))
    const step = Step.make(name, {
      input: Schema.Number,
      output: Schema.Number,
      error: Schema.String,
      replay: kind === 0 ? "inside" : "whole",
      onUncertain: kind === 1 ? "ask" : kind === 2 ? "fail" : "retry",
      run: (n, { attempt, path }) =>
        Effect.gen(function* () {
          outside.steps.push(path)
          if (kind > 2 && kind < 6) yield* Effect.sleep(hash(path) % 8)
          if (kind === 6) yield* Effect.uninterruptible(Effect.sleep(hash(path) % 8))
          if (kind === 7 || kind === 0) {
            const inner = called("inner", "step", Effect.succeed(1))
            n += yield* called("outer", kind === 0 ? "attempt" : "step", inner)
            n += yield* called("flaky", "step", attempt === 1 ? Effect.fail("flaky") : Effect.succeed(2))
          }
          if (kind === 8 && hash(path) % 9 === 0) throw new Error("broken")
          if (failing === 0 && hash(path) % 3 === 0) return yield* Effect.fail(`no ${path}`)
          return (n + 1) % 100
        })
    })
    return kind === 9 ? step.pipe(Step.sinkTo(Report, "last", { reduce: "last" })) : step
  }
  const tree = (depth: number): Numbers => {
    const kind = depth === 0 ? next(4) : next(31)
    const name = `n${names++}`
    const inner = () => tree(depth - 1)
    const sum = Step.fn(`${name}_sum`, (ns: unknown) =>
      Object.values(ns as object).reduce((a: number, b: unknown) => a + (typeof b === "number" ? b : 1), 0)
    ) as Numbers
    switch (kind) {
      case 0:
      case 1:
      case 2:
        return leaf()
      case 3:
        return next(2) === 0
          ? Step.approve<number>(name, { message: (n) => `${n}?` })
          : Step.ask(name, { message: "?", answer: Schema.Number })
      case 4:
      case 5:
        return Step.andThen(inner(), inner())
      case 6:
      case 7:
        return Step.andThen(Step.parallel(name, { a: inner(), b: inner(), c: inner() }), sum as never)
      case 8:
      case 9: {
        const spread = Step.fn(`${name}_spread`, (n: number) => [n, n + 1, n + 2, n + 3])
        const onFailure = (["fail", "skip", "collect"] as const)[next(3)]!
        const options = { concurrency: 1 + next(3), maxWaiting: 1 + next(3), onFailure }
        return spread.pipe(Step.andThen(Step.forEach(name, inner(), options)), Step.andThen(sum as never)) as Numbers
      }
      case 10:
        return Step.branch(name, {
          on: (n: number) => (n % 2 === 0 ? "even" : "odd"),
          cases: { even: inner(), odd: inner() }
        })
      case 11:
        return Step.loop(name, inner(), { until: (n) => n % 3 === 0, max: 3, onMax: "continue" }) as Numbers
      case 12:
        return inner().pipe(Step.named(name), Step.retry({ times: 2, base: "1 millis", max: "1 millis" }))
      case 13:
        return inner().pipe(Step.named(name), Step.fallback(inner()))
      case 14:
        return inner().pipe(Step.named(name), Step.timeout(Duration.millis(1 + next(12))))
      case 15:
        return Pipeline.asStep(inner().pipe(Pipeline.make(name, { context: Report }))) as Numbers
      case 16:
        return inner().pipe(
          Step.named(name),
          Step.map((n) => (n * 3) % 100)
        )
      case 17:
        return inner().pipe(Step.named(name), Step.withInput("{{ 5 if input == 7 else previous_step }}"))
      case 18:
        return Step.signal(name, { signal: `signal_${next(3)}`, data: Schema.Number.pipe(Schema.lessThan(40)) })
      case 19:
        return inner().pipe(
          Step.named(name),
          Step.when((n: number) => n % 2 === 0)
        )
      case 20: {
        const checked = inner().pipe(Step.named(name), Step.withOutputSchema(Schema.Number.pipe(Schema.lessThan(30))))
        return next(2) === 0 ? checked : checked.pipe(Step.retry({ times: 1, base: 0 }))
      }
      case 21:
        return Step.states(name, {
          start: "a",
          states: { a: inner(), b: inner() },
          ends: ["end"],
          transitions: [
            { from: "a", on: "success", to: "b" },
            { from: "a", on: "failure", to: "b" },
            { from: "b", on: "success", to: next(2) === 0 ? "end" : "a", when: "output.last_output != 7" }
          ],
          max: 3
        }) as Numbers
      case 22: {
        const on = inner().pipe(Step.andThen(Step.fn(`${name}_on`, (n: number) => (n % 2 === 0 ? ["a", "b"] : "b"))))
        return Step.andThen(Step.route(name, { on, branches: { a: inner(), b: inner() } }), sum as never) as Numbers
      }
      case 23: {
        const branches = { a: inner(), b: inner(), c: inner() }
        const reduce = (["values", "concat"] as const)[next(2)]!
        return Step.andThen(
          Step.parallel(name, branches, { onFailure: next(2) === 0 ? "ignore" : "fail", reduce, merge: "overwrite" }),
          sum as never
        ) as Numbers
      }
      case 24: {
        const until = inner().pipe(Step.andThen(Step.fn(`${name}_met`, (n: number) => n % 2 === 0)))
        return Step.loop(name, inner(), { until, max: 2, onMax: "continue", next: "{{ previous_step }}" }) as Numbers
      }
      case 25:
      case 26: {
        const given = Step.fn(`${name}_given`, (o: Step.Undoable<number, number>) => o.output)
        const undo = next(4) === 0 ? Step.approve<number>(`${name}_ask`, { message: "Undo?" }) : leaf()
        return inner().pipe(Step.named(name), Step.compensate(given.pipe(Step.andThen(undo))))
      }
      case 27:
      case 28: {
        const think = Step.make(`${name}_think`, {
          input: Schema.Number,
          output: Schema.Number,
          error: Schema.String,
          effect: "read",
          run: (n, { path }) => {
            outside.steps.push(path)
            const answer = hash(path) % 5 === 0 ? Effect.fail(`no ${path}`) : Effect.succeed((n + 1) % 100)
            return Effect.delay(answer, hash(path) % 6)
          }
        })
        const body = think.pipe(
          Step.sinkTo(Report, "last", { reduce: "last" }),
          Step.andThen(Step.pass<number>("seen"))
        )
        return Step.named(name)(Step.fn("small", (n: number) => n % 3).pipe(Step.andThen(body))).pipe(
          Step.retry({ times: next(2), base: 0 }),
          Step.cached({ output: Schema.Number, ttl: "1 hour" })
        ) as Numbers
      }
      case 29: {
        const proposer = Step.fn(`${name}_next`, ({ candidate, input }: Step.Search<number, number>) =>
          [0, 1].map((i) => ((candidate ?? input) * 7 + i) % 40)
        )
        const evaluator = Step.fn(`${name}_of`, ({ candidate }: { readonly candidate: number }) => candidate).pipe(
          Step.andThen(inner()),
          Step.andThen(Step.fn(`${name}_score`, (n: number) => (Math.abs(n) % 101) / 100))
        )
        const found = Step.fn(`${name}_found`, ({ candidate }: Step.Found<number>) => candidate ?? 1)
        const search = Step.treeSearch(name, { proposer, evaluator, branching: 2, beam: 1, depth: 2, goal: 0.9 })
        return search.pipe(Step.andThen(found)) as Numbers
      }
      default:
        return Step.andThen(
          inner(),
          next(3) === 0 ? Step.sleep(`${name}_rest`, Duration.millis(next(8))) : Step.pass<number>(`${name}_pass`)
        )
    }
  }
  const root: Step.Step<number, number, unknown, Report> = tree(depth)
  return root.pipe(Pipeline.make(`storm_${seed}`, { context: Report })) as Pipeline.Pipeline<number, number, unknown>
}
