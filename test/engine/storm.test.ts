/**
 * Pipelines of every kind of step, driven through lives that end at any moment: the power goes off after some commit,
 * the caller gives up, somebody cancels, a failed run is taken up again. Deadlines fire, code cannot be interrupted or
 * breaks. Here two executions need not be the same; but each journal must replay, and what it says must hold. What
 * happens hangs on time, too: the same seed may go another way the next time.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Schema from "effect/Schema"
import type { Entry } from "../../src/domain/Event.js"
import * as Once from "../../src/domain/Once.js"
import * as StepPath from "../../src/domain/StepPath.js"
import * as Flujo from "../../src/engine/Flujo.js"
import { Journal } from "../../src/journal/Journal.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import { isGapless } from "../gate/logical.js"
import * as World from "../gate/world.js"
import { runs } from "../Long.js"
import { hash, numbers } from "./generated.js"

type Numbers = Step.Step<number, number, unknown, Report>

interface Outside {
  /** Paths of steps whose code ran, idempotency keys of calls that were made. */
  readonly steps: Array<string>
  readonly calls: Array<string>
}

class Report extends Pipeline.Context<Report>()("report", { last: Schema.Number, first: Schema.Number }) {}

const generate = (seed: number, outside: Outside) => {
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
  const root: Step.Step<number, number, unknown, Report> = tree(4)
  return root.pipe(Pipeline.make(`storm_${seed}`, { context: Report })) as Pipeline.Pipeline<number, number, unknown>
}

const ended = new Set(["RunCompleted", "RunFailed", "RunCancelled"])

/** What must hold of any journal of a run that has ended. */
const assertClosed = (entries: ReadonlyArray<Entry>, about: string) => {
  const open = new Map<string, string>()
  for (const { event } of entries) {
    if (event.kind === "StepStarted") open.set(`step ${event.path}`, event.kind)
    if (event.kind === "TaskOpened") open.set(`task ${event.path}`, event.kind)
    if (event.kind === "SignalAwaited") open.set(`signal ${event.path}`, event.kind)
    if (event.kind === "SignalTaken") {
      assert.isTrue(open.delete(`signal ${event.path}`), `${about}: ${event.kind} ${event.path} ends nothing`)
    }
    if (event.kind === "StepInterrupted" && open.delete(`signal ${event.path}`)) continue
    if (event.kind === "StepSucceeded" || event.kind === "StepFailed" || event.kind === "StepInterrupted") {
      assert.isTrue(open.delete(`step ${event.path}`), `${about}: ${event.kind} ${event.path} ends nothing`)
    }
    if (event.kind === "TaskAnswered" || event.kind === "TaskClosed") {
      assert.isTrue(open.delete(`task ${event.path}`), `${about}: ${event.kind} ${event.path} ends nothing`)
    }
  }
  assert.deepStrictEqual([...open.keys()], [], `${about}: left open`)
}

const storm = (seed: number) =>
  Effect.gen(function* () {
    const outside: Outside = { steps: [], calls: [] }
    const pipeline = generate(seed, outside)
    const next = numbers(seed + 104_729)
    const world = World.make()
    let lives = 0
    let told = 0
    const log: Array<string> = []
    while (true) {
      lives += 1
      const calm = lives > 12
      const before = yield* Effect.provide(World.entriesOf(World.runId), world.boot())
      outside.steps.length = 0
      outside.calls.length = 0
      const commitsMax = calm || next(3) === 0 ? Number.POSITIVE_INFINITY : next(12)
      const patience = calm || next(3) > 0 ? 10_000 : next(12)
      const isCancelled = !calm && next(8) === 0
      const cancelledAfter = next(4)
      log.push(`life ${lives}: ${commitsMax} commits, ${patience} ms${isCancelled ? ", cancelled" : ""}`)
      const about = () => `seed ${seed}, ${log.join("; ")}`
      const life = Effect.gen(function* () {
        const answerOne = Effect.flatMap(World.openTasks, (tasks) =>
          tasks.length === 0
            ? Effect.void
            : Effect.either(
                World.answer(tasks[next(tasks.length)]!, next(2) === 0 ? { approved: next(5) > 0 } : next(50))
              )
        )
        const tell = (name: number) =>
          Effect.either(Flujo.signal(World.runId, `signal_${name}`, next(50), { id: `${told++}` }))
        const tellOne = Effect.suspend(() => (next(2) === 0 ? Effect.void : tell(next(3))))
        const cancel = Effect.either(Flujo.cancel(World.runId, "enough"))
        const answering = Effect.gen(function* () {
          for (let i = 1; ; i++) {
            yield* Effect.sleep(1 + next(4))
            if (isCancelled && i === cancelledAfter) yield* cancel
            yield* answerOne
            yield* tellOne
          }
        })
        if (isCancelled && cancelledAfter === 0) yield* cancel
        if (calm || next(2) === 0) yield* Effect.ignore(answerOne)
        if (calm) for (const name of [0, 1, 2]) yield* tell(name)
        const answerer = yield* Effect.fork(Effect.ignore(answering))
        const driver = yield* Effect.fork(Flujo.run(pipeline, 1, { runId: World.runId }))
        const exit = yield* Effect.raceFirst(Fiber.await(driver), Effect.as(Effect.sleep(patience), undefined))
        if (exit === undefined) yield* Fiber.interrupt(driver)
        yield* Fiber.interrupt(answerer)
        return exit
      })
      const exit = yield* Effect.provide(life, world.boot({ commitsMax }))
      if (exit !== undefined && Exit.isFailure(exit)) log.push(String(exit.cause).slice(0, 200))
      const steps = outside.steps.slice()
      const calls = outside.calls.slice()
      const quiet = yield* Effect.provide(
        Effect.gen(function* () {
          const entries = yield* World.entriesOf(World.runId)
          const replayed = entries.length === 0 ? undefined : yield* Effect.either(Flujo.replay(pipeline, World.runId))
          const rebuilt = yield* Effect.flatMap(Journal, (journal) => journal.rebuild)
          const tasks = yield* World.openTasks
          return { entries, replayed, rebuilt, tasks }
        }),
        world.boot()
      )
      const { entries } = quiet
      assert.isTrue(isGapless(entries), about())
      assert.deepStrictEqual(entries.slice(0, before.length), before, about())
      if (quiet.replayed?._tag === "Left") {
        const journal = entries.map(({ event }) => `${event.kind} ${event.path} ${JSON.stringify(event.data)}`)
        throw new Error(`${about()}: ${quiet.replayed.left.message}\n${journal.join("\n")}`)
      }
      assert.strictEqual(quiet.rebuilt, 0, about())
      const done = new Set(
        before.flatMap(({ event }) =>
          event.kind === "StepSucceeded" || event.kind === "StepFailed" ? [event.path as string] : []
        )
      )
      assert.strictEqual(outside.calls.length, calls.length, `${about()}: a replay called`)
      assert.deepStrictEqual(
        steps.filter((path) => done.has(path)),
        [],
        `${about()}: ran again`
      )
      const answered = new Set<string>()
      const keys = new Map<string, string>()
      for (const { event } of before) {
        if (event.kind === "Asked") keys.set(event.path, event.payload.idempotencyKey)
        // What is kept for an attempt only may be asked again by the next one.
        if (event.kind === "Answered" && StepPath.nameOf(event.path) !== "outer") answered.add(keys.get(event.path)!)
      }
      assert.deepStrictEqual(
        calls.filter((key) => answered.has(key)),
        [],
        `${about()}: asked again`
      )
      const last = entries.at(-1)?.event.kind ?? ""
      if (!ended.has(last)) {
        assert.isBelow(lives, 60, `${about()}: it never ends`)
        continue
      }
      assertClosed(entries, about())
      assert.deepStrictEqual(quiet.tasks, [], about())
      // Some of those that failed are taken up again.
      if (last === "RunFailed" && lives < 12 && next(3) > 0) continue
      return { last, lives, entries: entries.length }
    }
  })

const count = runs(300, 5_000)
const firstSeed = runs(1, hash(String(process.pid)) % 1_000_000)

describe("storms", () => {
  it.live(
    `whatever happens to a run, its journal replays and holds (${count} pipelines from seed ${firstSeed})`,
    () =>
      Effect.gen(function* () {
        const results = yield* Effect.forEach(
          Array.from({ length: count }, (_, i) => firstSeed + i),
          storm,
          { concurrency: 16 }
        ).pipe(Logger.withMinimumLogLevel(LogLevel.None))
        const lives = results.reduce((sum, one) => sum + one.lives, 0)
        const ends = Array.from(ended, (end) => [end, results.filter(({ last }) => last === end).length] as const)
        console.log(`${count} pipelines, ${lives} lives; ${ends.map((end) => end.join(" ")).join(", ")}`)
        for (const [end, often] of ends) assert.isAbove(often, count / 50, end)
        assert.isAbove(lives, count * 2)
      }),
    600_000
  )
})
