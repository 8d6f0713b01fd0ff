import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Limits } from "../../src/domain/Budget.js"
import { NanoUsd, usd } from "../../src/domain/NanoUsd.js"
import type { Row } from "../../src/governance/Price.js"
import * as Tokens from "../../src/llm/Tokens.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Skill from "../../src/pipeline/Skill.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Bound from "../../src/plan/Bound.js"
import * as Money from "../engine/money.js"
import { generate, serverOf } from "../engine/spenders.js"
import * as World from "../gate/world.js"
import { runs } from "../Long.js"

const table = Money.table({ "test:a": Money.rate("1", "10") })
/** Takes a thousand tokens at most. */
const prices = { ...table, rows: table.rows.map((row): Row => ({ ...row, context: 1000 })) }

const agent = (name: string, model = "test:a", maxTokens: number | undefined = 100) =>
  Step.fromNode<string, string>({
    _tag: "Agent",
    name,
    agent: { ...Agent.make(name, { model, system: "" }), settings: maxTokens === 0 ? {} : { maxTokens } }
  })

/** 1,000 tokens in at $1, 100 out at $10 for a million. */
const call = usd("0.002")

const boundOf = <In, Out, E, R>(step: Step.Step<In, Out, E, R>, options?: Bound.Options) =>
  Bound.make(Pipeline.make("p")(step), prices, options)

const most = (cost: NanoUsd, calls: readonly [least: number, most: number]) => (bound: Bound.Bound) => {
  assert.strictEqual(bound.cost, cost)
  assert.deepStrictEqual(bound.calls, { least: calls[0], most: calls[1] })
  assert.deepStrictEqual(bound.because, [])
}

const code = Step.make("code", { input: Schema.String, output: Schema.String, run: (text) => Effect.succeed(text) })

describe("the bound of a plan", () => {
  it("counts every call that the tree allows", () => {
    const times = (count: number) => NanoUsd.make(call * count)
    most(call, [1, 1])(boundOf(agent("a")))
    most(times(2), [2, 2])(boundOf(Step.andThen(agent("a"), agent("b"))))
    most(times(2), [2, 2])(boundOf(Step.parallel("both", { a: agent("a"), b: agent("b") })))
    most(times(3), [1, 3])(boundOf(agent("a").pipe(Step.retry({ times: 2 }))))
    most(times(2), [1, 2])(boundOf(agent("a").pipe(Step.fallback(agent("b")))))
    most(times(5), [1, 5])(boundOf(Step.loop("l", agent("a"), { until: () => true, max: 5 })))
    most(times(7), [0, 7])(boundOf(Step.forEach("e", agent("a"), { max: 7 })))
    most(
      times(2),
      [0, 2]
    )(
      boundOf(
        Step.branch("b", {
          on: (text: string): "one" | "two" => (text === "" ? "one" : "two"),
          cases: { one: Step.pass<string>("none"), two: Step.andThen(agent("a"), agent("b")) }
        })
      )
    )
    most(usd("0"), [0, 0])(boundOf(code))
    const nested = agent("a").pipe(Step.retry({ times: 1 }), Step.named("group"))
    most(times(12), [1, 12])(boundOf(Step.loop("l", nested, { until: () => true, max: 6 })))
  })

  it("knows the size of an input that is given, or reads nothing", () => {
    const exact = (bytes: number) => {
      const input = Tokens.boundOfAsk({
        model: "test:a",
        messages: [{ role: "user", content: "x".repeat(bytes) }],
        output: { _tag: "Text" },
        settings: {}
      })
      return NanoUsd.make(input * 1000 + 100 * 10_000)
    }
    assert.strictEqual(boundOf(agent("a"), { inputBytes: 5 }).cost, exact(5))
    assert.strictEqual(boundOf(agent("a").pipe(Step.withInput("hello"))).cost, exact(5))
    assert.strictEqual(boundOf(agent("a").pipe(Step.withInput("{{ input }}")), { inputBytes: 5 }).cost, call)
    const after = Step.andThen(agent("a"), agent("b"))
    assert.strictEqual(boundOf(after, { inputBytes: 5 }).cost, NanoUsd.make(exact(5) + call))
    const approved = Step.approve<string>("ok", { message: "?" }).pipe(Step.andThen(agent("a")))
    assert.strictEqual(boundOf(approved, { inputBytes: 5 }).cost, exact(5))
  })

  it("is no more than the limits around a step allow", () => {
    const limited = (limits: Limits) => boundOf(agent("a").pipe(Step.retry({ times: 9 }), Step.usageLimits(limits)))
    assert.strictEqual(limited({ maxCost: usd("0.005") }).cost, usd("0.005"))
    assert.strictEqual(limited({ maxCost: usd("5") }).cost, usd("0.02"))
    // 500 tokens at the dearest rate, and each of ten calls rounded up.
    assert.strictEqual(limited({ maxTokens: 500 }).cost, NanoUsd.make(500 * 10_000 + 10))
    assert.strictEqual(limited({ maxTokens: 500 }).tokens, 500)
    const looped = Step.loop("l", agent("a").pipe(Step.usageLimits({ maxCost: usd("0.001") })), {
      until: () => true,
      max: 4
    })
    assert.strictEqual(boundOf(looped).cost, usd("0.004"))
  })

  it("takes code with a cost limit to spend all of it", () => {
    const bound = boundOf(code.pipe(Step.usageLimits({ maxCost: usd("0.50") })))
    assert.strictEqual(bound.cost, usd("0.50"))
    assert.isUndefined(bound.tokens)
    assert.match(Bound.excess(bound, { maxTokens: 10 }) ?? "", /code may use any number of tokens/)
    const both = boundOf(code.pipe(Step.usageLimits({ maxCost: usd("0.50"), maxTokens: 10 })))
    assert.strictEqual(both.tokens, 10)
  })

  it("says why there is none", () => {
    const free = boundOf(Step.andThen(agent("a"), agent("refine", "test:a", 0)))
    assert.isUndefined(free.cost)
    assert.strictEqual(Bound.words(free), "unbounded, because refine has no token limit")
    const unknown = boundOf(Step.loop("l", agent("b", "test:unknown"), { until: () => true, max: 5 }))
    assert.strictEqual(Bound.words(unknown), "unbounded, because l[*]/b asks test:unknown, which has no known price")
    assert.isDefined(unknown.tokens)
    const capped = boundOf(
      agent("refine", "test:a", 0).pipe(Step.usageLimits({ maxCost: usd("0.42"), maxTokens: 100_000 }))
    )
    assert.strictEqual(Bound.words(capped), "at most $0.42")
    assert.deepStrictEqual(capped.because, [])
  })

  it("says what is over a budget", () => {
    const bound = boundOf(agent("a"))
    assert.isUndefined(Bound.excess(bound, { maxCost: call, maxTokens: 1100 }))
    assert.match(Bound.excess(bound, { maxCost: NanoUsd.make(call - 1) }) ?? "", /up to \$0\.002, which is over/)
    assert.match(Bound.excess(bound, { maxTokens: 1099 }) ?? "", /up to 1100 tokens, which is over/)
  })

  it("counts what skills cost, also where tokens are limited, and that of tools for all turns but the last", () => {
    const paid = Skill.make("sms", {
      description: "",
      input: Schema.String,
      output: Schema.String,
      effect: "read",
      cost: usd("0.03"),
      run: (text) => Effect.succeed(text)
    })
    const step = Step.skill("send", paid)
    most(usd("0.03"), [0, 0])(boundOf(step))
    most(usd("0.09"), [0, 0])(boundOf(step.pipe(Step.retry({ times: 2 }))))
    assert.strictEqual(boundOf(step.pipe(Step.usageLimits({ maxTokens: 0 }))).cost, usd("0.03"))
    const asking = Agent.make("a", { model: "test:a", system: "", tools: [paid], maxTurns: 3 })
    const [armed, bare] = [asking, { ...asking, tools: [] }].map((who) => boundOf(Step.agent("a", who)).cost ?? 0)
    assert.isAtLeast(armed! - bare!, usd("0.03") * 16 * 2)
  })

  it("is not a number that wrapped", () => {
    const huge = Step.loop("a", Step.loop("b", agent("x"), { until: () => true, max: 100_000 }), {
      until: () => true,
      max: 100_000
    })
    const bound = boundOf(Step.loop("c", huge.pipe(Step.named("g")), { until: () => true, max: 100_000 }))
    assert.strictEqual(bound.cost, Number.MAX_SAFE_INTEGER)
    assert.isDefined(Bound.excess(bound, { maxCost: usd("9000000") }))
  })
})

const trials = runs(300, 1_000)

/** Under a budget that is exactly the bound: what the run spends, and whether the budget denied anything. */
const trial = (seed: number) =>
  Effect.gen(function* () {
    const { pipeline } = generate(seed, { unpriced: false })
    const { prices, server } = serverOf(seed, 400)
    const bound = Bound.make(pipeline, prices, { inputBytes: 5 })
    const about = `seed ${seed}: ${Bound.words(bound)}`
    if (bound.cost === undefined) throw new Error(about)
    const budget = { maxCost: NanoUsd.make(Math.min(bound.cost, usd("9000000"))) }
    const world = World.make()
    const entries = yield* Effect.gen(function* () {
      for (let rests = 0; rests < 40; rests++) {
        for (const path of yield* World.openTasks) yield* Effect.either(World.answer(path))
        const { entries, tag } = yield* World.start(pipeline, "hello", { budget })
        if (tag !== "Suspended") return entries
      }
      throw new Error("it does not end")
    }).pipe(Money.provide(prices, server), Effect.provide(world.boot()))
    const spent = Money.spentOf(entries)
    assert.isTrue(spent.cost <= BigInt(bound.cost), `${about}, spent ${spent.cost}`)
    if (bound.calls.most !== undefined) assert.isAtMost(spent.modelCalls, bound.calls.most, about)
    const denials = entries.flatMap(({ event }) => (event.kind === "Denied" ? [event.data] : []))
    assert.deepStrictEqual(
      denials.filter(({ reason, scope }) => reason === "NoBound" || (scope === "" && reason !== "Uncounted")),
      [],
      about
    )
    const isDone = entries.some(({ event }) => event.kind === "RunCompleted")
    if (isDone && denials.length === 0) assert.isAtLeast(spent.modelCalls, bound.calls.least, about)
    const share = bound.cost === 0 ? 0 : Number((spent.cost * 1000n) / BigInt(bound.cost))
    return { spent: spent.cost > 0n, isDone, share }
  })

describe("no run costs more than the bound of its plan", () => {
  it.live(
    `whatever its models answer (${trials} pipelines)`,
    () =>
      Effect.gen(function* () {
        const seeds = Array.from({ length: trials }, (_, i) => i + 1)
        const results = yield* Effect.forEach(seeds, trial, { concurrency: 16 })
        const count = (of: (result: (typeof results)[number]) => boolean) => results.filter(of).length
        const nearest = Math.max(...results.map(({ share }) => share)) / 10
        console.log(`${trials} pipelines, ${count(({ spent }) => spent)} spent money, at most ${nearest}% of the bound`)
        assert.isAbove(
          count(({ spent }) => spent),
          trials / 2
        )
      }),
    runs(240_000, 3_600_000)
  )
})
