/** What the cache stands in for: what is the same, how long, for whom; and that no run depends on it once it has looked. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Entry } from "../../src/domain/Event.js"
import type { Models } from "../../src/domain/Model.js"
import { RunId } from "../../src/domain/RunId.js"
import * as Flujo from "../../src/engine/Flujo.js"
import * as PriceTable from "../../src/governance/PriceTable.js"
import * as Render from "../../src/lens/Render.js"
import * as Trace from "../../src/lens/Trace.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Bound from "../../src/plan/Bound.js"
import * as Plan from "../../src/plan/Plan.js"
import * as Redaction from "../../src/redaction/Redaction.js"
import * as World from "../gate/world.js"

const Summary = Schema.Struct({ of: Schema.String, on: Schema.Date })

/** A step that thinks, and how often it did. */
const thinker = (name = "think", version = "1") => {
  const calls: Array<string> = []
  const think = Step.make(name, {
    input: Schema.String,
    output: Summary,
    effect: "read",
    version,
    run: (input) =>
      Effect.sync(() => {
        calls.push(input)
        return { of: input, on: new Date(calls.length) }
      })
  })
  return { calls, think }
}

const run = (name: string) => RunId.make(name)
const go = <In, Out, E, R>(pipeline: Pipeline.Pipeline<In, Out, E, R>, input: In, name: string) =>
  World.rested(pipeline, run(name), Flujo.run(pipeline, input, { runId: run(name) }))
const here = <A, E>(effect: Effect.Effect<A, E, Layer.Layer.Success<ReturnType<World.World["boot"]>>>) =>
  Effect.provide(effect, World.make().boot()).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
const readOf = (entries: ReadonlyArray<Entry>) =>
  entries.flatMap(({ event }) => (event.kind === "CacheRead" ? [event.data.from?.run] : []))
const plain = { redaction: Redaction.make(), verbose: false, color: false, width: 200, previewLength: 200 }

describe("a cached step", () => {
  it.live("answers what an earlier run was answered, decoded alike, and says which; nothing runs", () =>
    Effect.gen(function* () {
      const { calls, think } = thinker()
      const cached = think.pipe(Step.cached({ output: Summary }), Pipeline.make("p"))
      const first = yield* go(cached, "x", "one")
      const second = yield* go(cached, "x", "two")
      assert.deepStrictEqual(calls, ["x"])
      assert.deepStrictEqual(second.value, first.value)
      assert.instanceOf((second.value as typeof Summary.Type).on, Date)
      assert.deepStrictEqual([readOf(first.entries), readOf(second.entries)], [[undefined], ["one"]])
      const shown = Render.trace(Trace.make(second.entries, { held: false }), plain).join("\n")
      assert.include(shown, "✓ think  from the cache: run one, think")
      yield* go(cached, "y", "three")
      assert.deepStrictEqual(calls, ["x", "y"])
    }).pipe(here)
  )

  it.live("is not the same with another version, at another place of its code, or in another pipeline", () =>
    Effect.gen(function* () {
      const all = [
        thinker().think.pipe(Step.cached({ output: Summary }), Pipeline.make("p")),
        thinker("think", "2").think.pipe(Step.cached({ output: Summary }), Pipeline.make("p")),
        thinker().think.pipe(Step.cached({ output: Summary }), Step.named("in"), Pipeline.make("p")),
        thinker().think.pipe(Step.cached({ output: Summary }), Pipeline.make("q"))
      ]
      for (const [i, pipeline] of all.entries()) {
        const { entries } = yield* go(pipeline, "x", `run_${i}`)
        assert.deepStrictEqual(readOf(entries), [undefined], `${i}`)
      }
    }).pipe(here)
  )

  it.live("is the same with what its templates read from around it, and with nothing else of that", () =>
    Effect.gen(function* () {
      const body = Step.pass<string>("said").pipe(Step.withInput("{{ context.tone }}: {{ previous_step }}"))
      const around = (tone: string, other: string) =>
        Step.pass<string>("keep").pipe(
          (step) =>
            Step.fromNode<string, string>({
              _tag: "Sink",
              step: step.node,
              context: undefined,
              field: "other",
              reduce: undefined
            }),
          Step.andThen(
            Step.fromNode<string, string>({
              _tag: "Sink",
              step: Step.withInput(tone)(Step.pass<string>("tone")).node,
              context: undefined,
              field: "tone",
              reduce: undefined
            })
          ),
          Step.andThen(Step.withInput("same")(Step.named("in")(body).pipe(Step.cached({ output: Schema.String })))),
          Pipeline.make(`p_${other}`)
        )
      const seen: Array<unknown> = []
      for (const [i, [tone, other]] of [
        ["warm", "a"],
        ["warm", "b"],
        ["cold", "b"]
      ].entries()) {
        const { entries, value } = yield* go(around(tone!, "x"), other!, `run_${i}`)
        seen.push([value, readOf(entries)])
      }
      assert.deepStrictEqual(seen, [
        ["warm: same", [undefined]],
        ["warm: same", ["run_0"]],
        ["cold: same", [undefined]]
      ])
    }).pipe(here)
  )

  it.live("writes into the context what the step wrote", () =>
    Effect.gen(function* () {
      class Report extends Pipeline.Context<Report>()("report", { summary: Summary }) {}
      const { calls, think } = thinker()
      const cached = think.pipe(
        Step.sinkTo(Report, "summary"),
        Step.cached({ output: Summary }),
        Step.map(() => 1),
        Pipeline.make("p", { context: Report })
      )
      for (const name of ["one", "two"]) {
        const ended = yield* Flujo.run(cached, "x", { runId: run(name) })
        assert.deepStrictEqual(ended._tag === "Completed" && ended.context, {
          summary: { of: "x", on: "1970-01-01T00:00:00.001Z" }
        })
        yield* Flujo.replay(cached, run(name))
      }
      assert.strictEqual(calls.length, 1)
    }).pipe(here)
  )

  it.live("runs again after its time, and where what is kept is nothing that it could have answered", () =>
    Effect.gen(function* () {
      const { calls, think } = thinker()
      const brief = think.pipe(Step.cached({ output: Summary, ttl: 1 }), Pipeline.make("p"))
      yield* go(brief, "x", "one")
      yield* Effect.sleep(5)
      yield* go(brief, "x", "two")
      assert.strictEqual(calls.length, 2)
      const strict = Schema.Struct({ of: Schema.String, on: Schema.Date.pipe(Schema.filter((on) => on.getTime() > 2)) })
      const cached = think.pipe(Step.cached({ output: strict }), Pipeline.make("p"))
      assert.deepStrictEqual(readOf((yield* go(cached, "x", "three")).entries), [undefined])
      assert.strictEqual(calls.length, 3)
    }).pipe(here)
  )

  it.live("that failed is not kept", () =>
    Effect.gen(function* () {
      let fails = true
      const think = Step.make("think", {
        input: Schema.String,
        output: Schema.String,
        error: Schema.String,
        effect: "pure",
        run: (input) => (fails ? Effect.fail("no") : Effect.succeed(input))
      })
      const cached = think.pipe(Step.cached({ output: Schema.String }), Pipeline.make("p"))
      assert.strictEqual((yield* go(cached, "x", "one")).tag, "Failed")
      fails = false
      const second = yield* go(cached, "x", "two")
      assert.deepStrictEqual([second.tag, readOf(second.entries)], ["Completed", [undefined]])
    }).pipe(here)
  )

  it.live("that several runs ask at once works for one of them, and the others wait; also where that one fails", () =>
    Effect.gen(function* () {
      let count = 0
      const gate = yield* Deferred.make<void>()
      const think = Step.make("think", {
        input: Schema.String,
        output: Schema.Number,
        error: Schema.String,
        effect: "pure",
        run: () =>
          Effect.suspend(() => {
            count += 1
            return count === 1 ? Effect.zipRight(Deferred.await(gate), Effect.fail("no")) : Effect.succeed(count)
          })
      })
      const cached = think.pipe(Step.cached({ output: Schema.Number }), Pipeline.make("p"))
      const names = ["a", "b", "c", "d"]
      const fiber = yield* Effect.fork(
        Effect.forEach(names, (name) => go(cached, "x", name), { concurrency: "unbounded" })
      )
      yield* Effect.sleep(50)
      assert.strictEqual(count, 1)
      yield* Deferred.succeed(gate, undefined)
      const ended = yield* Fiber.join(fiber)
      assert.strictEqual(count, 2)
      assert.deepStrictEqual(ended.map(({ tag }) => tag).sort(), ["Completed", "Completed", "Completed", "Failed"])
    }).pipe(here)
  )

  it.live("a run that took an answer replays, goes on and is forked without the cache", () => {
    const world = World.make()
    return Effect.gen(function* () {
      const { calls, think } = thinker()
      const cached = think.pipe(
        Step.cached({ output: Summary, ttl: "1 second" }),
        Step.andThen(Step.approve("sure", { message: "Sure?" })),
        Pipeline.make("p")
      )
      yield* Effect.provide(Effect.zipRight(go(cached, "x", "one"), World.start(cached, "x")), world.boot())
      yield* Effect.sleep(1_100)
      yield* Effect.gen(function* () {
        yield* World.answer("sure")
        assert.strictEqual((yield* World.resume(cached)).tag, "Completed")
        yield* Flujo.fork(cached, World.runId, { from: World.at("sure"), runId: run("fork") })
        yield* Flujo.replay(cached, run("fork"))
      }).pipe(Effect.provide(world.boot()))
      assert.strictEqual(calls.length, 1)
    })
  })

  it.live("wherever a run is cut, it goes on with what the cache had then", () =>
    Effect.gen(function* () {
      const length = (name: string) =>
        Step.make(name, {
          input: Schema.String,
          output: Schema.String,
          effect: "pure",
          run: (input) => Effect.succeed(`${input.length}`)
        }).pipe(Step.cached({ output: Schema.String }))
      const cached = length("one").pipe(Step.andThen(length("two")), Step.andThen(length("three")), Pipeline.make("p"))
      const { points } = yield* World.everyCut(cached, "x")
      assert.isAbove(points, 4)
    })
  )

  it("acts on nothing and waits for nobody: anything else is a finding", () => {
    const of = (step: Step.Step<string, string, unknown, unknown>) =>
      Plan.errors(Plan.make(step.pipe(Step.cached({ output: Schema.String }), Pipeline.make("p")))).map(
        ({ code, path }) => `${code} ${path}`
      )
    const text = { input: Schema.String, output: Schema.String, run: (x: string) => Effect.succeed(x) }
    assert.deepStrictEqual(of(Step.make("a", { ...text, effect: "pure" })), [])
    assert.deepStrictEqual(of(Step.make("a", text)), ["FLJ-PLAN-14 a"])
    assert.deepStrictEqual(of(Step.make("a", { ...text, effect: "write" })), ["FLJ-PLAN-14 a"])
    assert.deepStrictEqual(of(Step.approve<string>("a", { message: "?" })), ["FLJ-PLAN-14 a"])
    assert.deepStrictEqual(of(Step.signal("a", { data: Schema.String })), ["FLJ-PLAN-14 a"])
    assert.deepStrictEqual(of(Step.pass<string>("a").pipe(Step.cached({ output: Schema.String }))), ["FLJ-PLAN-14 a"])
  })

  it("costs at most what the step costs, and may ask nobody", () => {
    const agent = Agent.make("w", { model: "openai:gpt-4o", system: "s", settings: { maxTokens: 10 } })
    const priced = (step: Step.Step<string, unknown, unknown, Models>) =>
      Bound.make(step.pipe(Pipeline.make("p")), PriceTable.shipped, { inputBytes: 10 })
    const alone = priced(Step.agent("w", agent))
    const cached = priced(Step.agent("w", agent).pipe(Step.cached({ output: Schema.String })))
    assert.strictEqual(cached.cost, alone.cost)
    assert.deepStrictEqual([alone.calls.least, cached.calls.least], [1, 0])
    assert.isTrue(Option.isSome(Option.fromNullable(alone.cost)))
  })
})
