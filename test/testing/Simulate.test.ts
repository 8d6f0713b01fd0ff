/** Simulations of users' own pipelines: what they find, that they find it again, and that nothing of the host gets in. */
import crypto from "node:crypto"
import { syncBuiltinESMExports } from "node:module"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import { simulate } from "flujo/testing"
import * as Once from "../../src/domain/Once.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Skill from "../../src/pipeline/Skill.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Tool from "../../src/pipeline/Tool.js"
import * as Simulate from "../../src/testing/Simulate.js"
import * as Trial from "../../src/testing/simulation/Trial.js"

const Order = Schema.Struct({ amount: Schema.Int.pipe(Schema.between(1, 500)), customer: Schema.NonEmptyString })
const Verdict = Schema.Struct({ ok: Schema.Boolean, note: Schema.String })

const post = Skill.make("shop.post", {
  description: "Posts.",
  input: Schema.Struct({ amount: Schema.Int }),
  output: Schema.Struct({ receipt: Schema.String }),
  effect: "external",
  honoursKey: true,
  run: () => Effect.dieMessage("the outside is reached")
})
const judge = Agent.make("judge", {
  model: "openai:gpt-4o",
  system: "Judge.",
  output: Verdict,
  tools: [Tool.askUser, Tool.make(post, { requiresApproval: true })]
})

class Bank extends Context.Tag("test/Bank")<
  Bank,
  { readonly take: (amount: number, key: string) => Effect.Effect<number> }
>() {}
class Declined extends Schema.TaggedError<Declined>()("Declined", { amount: Schema.Int }) {}

const charge = Step.make("charge", {
  input: Order,
  output: Schema.Struct({ taken: Schema.Int }),
  error: Declined,
  run: ({ amount }) =>
    Effect.gen(function* () {
      const bank = yield* Bank
      const taken = yield* Once.run({ key: "take", request: amount, success: Schema.Int }, ({ idempotencyKey }) =>
        Effect.delay(bank.take(amount, idempotencyKey), "3 seconds")
      )
      return { taken }
    })
})

const order = charge.pipe(
  Step.retry({ times: 2, base: "1 second" }),
  Step.andThen(Step.approve("review", { message: ({ taken }) => `Keep ${taken}?` })),
  Step.andThen(Step.agent("judge", judge)),
  Step.andThen(Step.signal("shipped", { data: Schema.Struct({ by: Schema.String }) })),
  Step.andThen(Step.sleep("wait", "40 days")),
  Step.named("all"),
  Step.timeout("90 days"),
  Pipeline.make("order")
)

/** `honours`: what was taken under a key is not taken again. */
const bank = (honours: boolean) =>
  Layer.sync(Bank, () => {
    const taken = new Map<string, number>()
    return {
      take: (amount, key) =>
        Effect.sync(() => {
          const known = honours ? taken.get(key) : undefined
          taken.set(key, known ?? (taken.get(key) ?? 0) + amount)
          return taken.get(key)!
        })
    }
  })

describe("simulate", () => {
  it.effect("goes through what it promises, and nothing breaks", () =>
    Effect.gen(function* () {
      const simulation = yield* simulate(order, {
        seeds: 150,
        layer: bank(true),
        invariants: {
          "what is taken was ordered": ({ ended, entries, input }) =>
            ended._tag !== "Completed" ||
            entries.some(
              ({ event }) => event.kind === "Answered" && JSON.stringify(event.payload).includes(`${input.amount}`)
            )
        }
      })
      assert.strictEqual(simulation.seeds, 150)
      assert.deepStrictEqual(simulation.never, [])
      assert.isAbove(simulation.ends.Completed ?? 0, 20)
      assert.isAbove(simulation.ends.Failed ?? 0, 20)
    })
  )

  it.effect("finds a call that is made twice, under the one fault that it takes, and finds it again by its name", () =>
    Effect.gen(function* () {
      // Takes the money again each time that it is asked, whatever the key says.
      const taking = bank(false)
      const invariants = {
        "taken once": ({
          entries,
          input
        }: {
          readonly entries: Trial.Ran["entries"]
          readonly input: typeof Order.Type
        }) =>
          entries.every(
            ({ event }) =>
              event.kind !== "Answered" ||
              !event.path.startsWith("charge") ||
              JSON.stringify(event.payload.answer) === `{"value":${input.amount}}`
          )
      }
      const paying = charge.pipe(Pipeline.make("paying"))
      const failed = yield* Effect.flip(
        simulate(paying, { seeds: 300, faults: ["crash", "outage", "clock-jump"], invariants, layer: taking })
      )
      assert.strictEqual(failed.invariant, "taken once")
      assert.lengthOf(failed.faults, 1)
      assert.match(failed.faults[0]!, /^crash@\d+$/)
      assert.isTrue(failed.trace.some((line) => line.includes("the process dies")))
      assert.include(failed.message, `seed ${failed.seed} with ${failed.faults[0]}`)
      const again = yield* Effect.flip(
        simulate(paying, {
          seeds: { from: failed.seed, count: 1 },
          only: failed.faults,
          faults: ["crash"],
          invariants,
          layer: taking
        })
      )
      assert.deepStrictEqual(
        [again.seed, again.invariant, again.faults],
        [failed.seed, failed.invariant, failed.faults]
      )
    })
  )

  it.effect("tells a step that asks the host for chance: the same seed does not come out the same", () =>
    Effect.gen(function* () {
      const rolling = (roll: Effect.Effect<number>) =>
        Step.make("roll", { input: Schema.Void, output: Schema.Number, run: () => roll }).pipe(Pipeline.make("rolling"))
      const failed = yield* Effect.flip(simulate(rolling(Effect.sync(() => Math.random())), { seeds: 20, faults: [] }))
      assert.strictEqual(failed.invariant, "repeatable")
      assert.isFalse(failed.repeats)
      yield* simulate(rolling(Random.next), { seeds: 20, faults: [] })
    })
  )

  it.effect("tells a step that waits for what is not there", () =>
    Effect.gen(function* () {
      const stuck = Step.make("stuck", { input: Schema.Void, output: Schema.Void, run: () => Effect.never })
      const failed = yield* Effect.flip(simulate(stuck.pipe(Pipeline.make("stuck")), { seeds: 1, faults: [] }))
      assert.strictEqual(failed.invariant, "not-stranded")
    })
  )

  it.effect("answers as it is told, and tells how a run ended with its types", () =>
    Effect.gen(function* () {
      const asking = Step.ask("which", { message: "Which?", answer: Schema.Literal("red", "blue") }).pipe(
        Pipeline.make("asking")
      )
      const ends: Array<string> = []
      yield* simulate(asking, {
        seeds: 10,
        faults: [],
        answer: () => "red",
        invariants: { red: ({ ended }) => ended._tag === "Completed" && ended.value === "red" }
      })
      yield* simulate(asking, {
        seeds: 10,
        answer: () => undefined,
        faults: ["crash", "outage"],
        invariants: {
          waits: ({ ended }) => {
            ends.push(ended._tag)
            return ended._tag === "Waiting" && ended.waits.length === 1
          }
        }
      })
      assert.isAtLeast(ends.length, 10)
    })
  )
})

describe("a seed", () => {
  const setting = () =>
    Simulate.settingOf(order, {}, Context.make(Bank, { take: (amount) => Effect.succeed(amount) }) as never)

  it("comes to the same bytes each time, and another one to others", async () => {
    const texts = new Set<string>()
    for (let seed = 1; seed <= 25; seed++) {
      const first = (await Trial.run(seed, setting())).bytes()
      const second = (await Trial.run(seed, setting())).bytes()
      assert.strictEqual(first, second, `seed ${seed}`)
      texts.add(first)
    }
    assert.strictEqual(texts.size, 25)
  })

  it("asks nothing of the host: no time, no chance, no timer", async () => {
    const leaks = new Set<string>()
    const watched = (name: string, real: unknown): never =>
      ((...given: ReadonlyArray<unknown>) => {
        const lines = (new Error().stack ?? "").split("\n").slice(2)
        const by = lines.find((line) => !line.includes("node:internal")) ?? ""
        // Effect dates its fibers; that is seen by nothing.
        if (!/node_modules\/effect\//.test(by)) leaks.add(`${name} ${by.trim()}`)
        return Reflect.apply(real as () => unknown, undefined, given)
      }) as never
    await Trial.run(0, setting())
    const globals = { setTimeout: globalThis.setTimeout, setImmediate: globalThis.setImmediate }
    const real = { now: Date.now, random: Math.random, performance: performance.now.bind(performance) }
    const bytes = {
      randomFillSync: crypto.randomFillSync,
      randomBytes: crypto.randomBytes,
      randomUUID: crypto.randomUUID
    }
    Date.now = watched("Date.now", real.now)
    Math.random = watched("Math.random", real.random)
    performance.now = watched("performance.now", real.performance)
    globalThis.setTimeout = watched("setTimeout", globals.setTimeout)
    globalThis.setImmediate = watched("setImmediate", globals.setImmediate)
    Object.assign(crypto, {
      randomFillSync: watched("randomFillSync", bytes.randomFillSync),
      randomBytes: watched("randomBytes", bytes.randomBytes),
      randomUUID: watched("randomUUID", bytes.randomUUID)
    })
    syncBuiltinESMExports()
    try {
      for (let seed = 1; seed <= 10; seed++) await Trial.run(seed, setting())
      crypto.randomBytes(1)
    } finally {
      Date.now = real.now
      Math.random = real.random
      performance.now = real.performance
      Object.assign(globalThis, globals)
      Object.assign(crypto, bytes)
      syncBuiltinESMExports()
    }
    const found = [...leaks]
    assert.lengthOf(found, 1, found.join("\n"))
    assert.match(found[0]!, /^randomBytes .*Simulate\.test\.ts/)
  })
})
