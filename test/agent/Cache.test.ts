/** Model calls that are answered from the cache: what is the same, what is kept, and what it costs. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import type { Entry } from "../../src/domain/Event.js"
import { ModelError, Models as ModelsTag } from "../../src/domain/Model.js"
import { usd } from "../../src/domain/NanoUsd.js"
import { RunId } from "../../src/domain/RunId.js"
import * as Flujo from "../../src/engine/Flujo.js"
import * as Render from "../../src/lens/Render.js"
import * as RunSummary from "../../src/lens/RunSummary.js"
import * as Trace from "../../src/lens/Trace.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Tool from "../../src/pipeline/Tool.js"
import * as Redaction from "../../src/redaction/Redaction.js"
import { stringify } from "../blueprint/Skills.js"
import * as Money from "../engine/money.js"
import * as World from "../gate/world.js"
import * as Models from "./models.js"

const output = Schema.Struct({ people: Schema.Int })
const writer = Agent.make("writer", { model: "test:m", system: "Write.", cache: true, settings: { maxTokens: 100 } })
const counter = Agent.make("counter", { model: "test:m", system: "Count.", output, cache: "1 minute" })

const of = (agent: Agent.AnyAgent, name = "draft") =>
  Step.agent(name, agent).pipe(Pipeline.make("drafts")) as unknown as Pipeline.Pipeline<string, unknown, unknown>

const go = (
  pipeline: Pipeline.Pipeline<string, unknown, unknown>,
  name: string,
  answer: Parameters<typeof Models.layer>[0],
  asked: Array<Models.Asked> = [],
  options: Omit<Flujo.RunOptions, "runId"> = {}
) =>
  World.rested(
    pipeline,
    RunId.make(name),
    Flujo.run(pipeline, "go", { ...options, runId: RunId.make(name) }).pipe(Effect.provide(Models.layer(answer, asked)))
  )

const here = <A, E>(effect: Effect.Effect<A, E, Layer.Layer.Success<ReturnType<World.World["boot"]>>>) =>
  Effect.provide(effect, World.make().boot())

const takenFrom = (entries: ReadonlyArray<Entry>) =>
  entries.flatMap(({ event }) => (event.kind === "Answered" ? [event.data.from?.run] : []))

describe("a call with a cache", () => {
  it.effect("is answered as another run's was, says so, uses nothing, and is replayed without looking", () =>
    Effect.gen(function* () {
      const asked: Array<Models.Asked> = []
      yield* go(of(writer), "one", () => "first", asked)
      const second = yield* go(of(writer, "elsewhere"), "two", () => "second", asked)
      assert.strictEqual(second.value, "first")
      assert.strictEqual(asked.length, 1)
      assert.deepStrictEqual(takenFrom(second.entries), ["one"])
      assert.strictEqual(RunSummary.make(second.entries, { held: false }).usage.input, 0)
      const shown = Render.trace(Trace.make(second.entries, { held: false }), {
        redaction: Redaction.make(),
        verbose: true,
        color: false,
        width: 200,
        previewLength: 200
      }).join("\n")
      assert.include(shown, "turn[0]  from the cache: run one, draft/turn[0]")
    }).pipe(here)
  )

  it.effect("costs nothing, also where the budget has nothing left", () =>
    Effect.gen(function* () {
      const budget = { maxCost: usd("0.002"), mode: "reserve" as const }
      const first = yield* go(of(writer), "one", () => "first", [], { budget })
      assert.isAbove(Number(Money.spentOf(first.entries).cost), 0)
      const none = { maxCost: usd("0.000000001"), mode: "reserve" as const }
      const second = yield* go(of(writer), "two", () => "second", [], { budget: none })
      assert.strictEqual(second.value, "first")
      assert.strictEqual(Money.spentOf(second.entries).reserved, 0)
      const third = yield* go(of({ ...writer, system: "Sing." }), "three", () => "third", [], { budget: none })
      assert.strictEqual(third.tag, "Failed")
    }).pipe(
      Money.provide(Money.table({ "test:m": Money.rate("1", "10") }), { served: [], layer: Models.layer(() => "") }),
      here
    )
  )

  it.effect("is the same only to the letter, and for so long", () =>
    Effect.gen(function* () {
      const asked: Array<Models.Asked> = []
      const ask = (agent: Agent.AnyAgent, name: string) => go(of(agent), name, () => '{"people": 7}', asked)
      yield* ask(counter, "r1")
      yield* ask({ ...counter, system: "Count!" }, "r2")
      yield* ask({ ...counter, settings: { ...counter.settings, temperature: 0 } }, "r3")
      yield* ask({ ...counter, model: "test:n" }, "r4")
      assert.strictEqual(asked.length, 4)
      yield* TestClock.adjust("59 seconds")
      yield* ask(counter, "r5")
      assert.strictEqual(asked.length, 4)
      yield* TestClock.adjust("1 seconds")
      yield* ask(counter, "r6")
      assert.strictEqual(asked.length, 5)
      yield* ask({ ...counter, cacheMillis: undefined }, "r7")
      assert.strictEqual(asked.length, 6)
    }).pipe(here)
  )

  it.effect("does not keep a reply that is of no use, and asks anew when it is tried again", () =>
    Effect.gen(function* () {
      const asked: Array<Models.Asked> = []
      const bad = yield* go(of(counter), "one", () => "many", asked)
      assert.strictEqual(bad.tag, "Failed")
      const good = yield* go(of(counter), "two", () => '{"people": 7}', asked)
      assert.deepStrictEqual(takenFrom(good.entries), [undefined])
      const cut = yield* go(of(writer), "three", () => ({ ...Models.replyOf("a", 0), finish: "length" }), asked)
      assert.strictEqual(cut.tag, "Failed")
      const whole = yield* go(of(writer), "four", () => "whole", asked)
      assert.deepStrictEqual(takenFrom(whole.entries), [undefined])
      const count = asked.length
      const retried = Step.agent("draft", writer).pipe(
        Step.andThen(
          Step.make("check", {
            input: Schema.String,
            output: Schema.String,
            error: Schema.String,
            run: (text) => (text === "whole" ? Effect.fail("no") : Effect.succeed(text))
          })
        ),
        Step.named("both"),
        Step.retry({ times: 1, base: "0 millis" }),
        Pipeline.make("drafts")
      ) as unknown as Pipeline.Pipeline<string, unknown, unknown>
      const again = yield* go(retried, "five", () => "better", asked)
      assert.strictEqual(again.value, "better")
      assert.deepStrictEqual(takenFrom(again.entries), ["four", undefined])
      assert.strictEqual(asked.length, count + 1)
    }).pipe(here)
  )

  it.effect("takes turns that call tools, too; the tools are called", () =>
    Effect.gen(function* () {
      const agent = Agent.make("a", { model: "test:m", system: "", cache: true, tools: [Tool.make(stringify)] })
      const says = (_: unknown, turn: number): Models.Answer =>
        turn === 0 ? [{ name: "stringify", arguments: '{"value": 1}' }] : "done"
      const asked: Array<Models.Asked> = []
      yield* go(of(agent as Agent.AnyAgent), "one", says, asked)
      const second = yield* go(of(agent as Agent.AnyAgent), "two", says, asked)
      assert.strictEqual(asked.length, 2)
      assert.deepStrictEqual(takenFrom(second.entries), ["one", undefined, "one"])
    }).pipe(here)
  )

  it.effect("asked at once by many, is made once", () =>
    Effect.gen(function* () {
      let calls = 0
      const slow = Effect.provideService(ModelsTag, {
        driver: (model) =>
          Effect.succeed({
            model,
            driver: {
              call: () =>
                Effect.gen(function* () {
                  calls += 1
                  yield* Effect.yieldNow()
                  return Models.replyOf("once", 0)
                })
            }
          })
      })
      const pipeline = of(writer)
      const all = yield* Effect.forEach(
        ["a", "b", "c", "d"],
        (name) => World.rested(pipeline, RunId.make(name), Flujo.run(pipeline, "go", { runId: RunId.make(name) })),
        { concurrency: "unbounded" }
      ).pipe(slow)
      assert.strictEqual(calls, 1)
      assert.isTrue(all.every(({ value }) => value === "once"))
    }).pipe(here)
  )

  it.effect("that fails leaves nothing behind", () =>
    Effect.gen(function* () {
      const failing = Effect.provideService(ModelsTag, {
        driver: (model) =>
          Effect.succeed({
            model,
            driver: { call: () => new ModelError({ reason: "Overloaded", model, detail: "busy" }) }
          })
      })
      const pipeline = of(writer)
      const first = yield* World.rested(
        pipeline,
        RunId.make("a"),
        Flujo.run(pipeline, "go", { runId: RunId.make("a") })
      ).pipe(failing)
      assert.strictEqual(first.tag, "Failed")
      const second = yield* go(pipeline, "b", () => "well")
      assert.deepStrictEqual(takenFrom(second.entries), [undefined])
    }).pipe(here)
  )
})
