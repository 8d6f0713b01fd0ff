/** Generated pipelines whose steps call models, and models that answer, fail and bill as they like. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Budget, Limits } from "../../src/domain/Budget.js"
import * as Json from "../../src/domain/Json.js"
import { type ModelAsk, ModelError, ModelReply, Models } from "../../src/domain/Model.js"
import { NanoUsd } from "../../src/domain/NanoUsd.js"
import * as Once from "../../src/domain/Once.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Skill from "../../src/pipeline/Skill.js"
import * as Step from "../../src/pipeline/Step.js"
import { numbers } from "./generated.js"
import * as Money from "./money.js"

type Any = Step.Step<string, string, unknown, Models>

const asked = (key: string, model: string, maxTokens: number) => {
  const ask: ModelAsk = {
    model,
    messages: [{ role: "user", content: "what?" }],
    output: { _tag: "Text" },
    settings: { maxTokens }
  }
  return Once.run(
    {
      key,
      request: Either.getOrThrow(Json.fromUnknown(ask)),
      success: ModelReply,
      failure: ModelError,
      effect: "model",
      describe: ({ model, usage }) => ({ model, usage })
    },
    (info) =>
      Effect.flatMap(Models, (models) =>
        Effect.flatMap(models.driver(model, { path: "", agent: "" }), ({ driver }) => driver.call(ask, info))
      )
  )
}

export interface Generated {
  readonly pipeline: Pipeline.Pipeline<string, string, unknown, Models>
  readonly budget: Budget
  readonly caps: Money.Caps
}

const models = ["test:a", "test:b", "test:c", "test:unpriced"]

export const generate = (seed: number, options: { readonly unpriced: boolean } = { unpriced: true }): Generated => {
  const next = numbers(seed)
  const caps = new Map<string, Limits>()
  let names = 0
  const model = () => (options.unpriced && next(30) === 0 ? models[3]! : models[next(3)]!)
  const limits = (): Limits => {
    const maxCost = NanoUsd.make(next(2) === 0 ? next(100_000) : next(2_000_000))
    const maxTokens = next(3) === 0 ? 100 + next(2_000) : undefined
    return next(4) === 0 && maxTokens !== undefined ? { maxTokens } : { maxCost, maxTokens }
  }
  const leaf = (): Any => {
    const name = `s${names++}`
    const maxTokens = 1 + next(200)
    if (next(6) === 0) {
      const paid = Skill.make(`paid_${name}`, {
        description: "costs money",
        input: Schema.String,
        output: Schema.String,
        effect: "read",
        cost: NanoUsd.make(next(500_000)),
        run: (text) =>
          Effect.zipRight(
            Effect.yieldNow(),
            next(4) === 0
              ? new Skill.SkillError({
                  skill: `paid_${name}`,
                  reason: next(2) === 0 ? "Refused" : "Failed",
                  detail: "as it likes"
                })
              : Effect.succeed(text.slice(0, 20))
          )
      })
      return Step.skill(name, paid) as Any
    }
    if (next(5) > 0) {
      const fallbacks = Array.from({ length: next(3) }, () => ({
        model: model(),
        on: ["Overloaded" as const, "Network" as const, "Cut" as const].slice(next(2))
      }))
      const agent = Agent.make(name, { model: model(), fallbacks, system: "be brief", settings: { maxTokens } })
      return Step.agent(name, agent) as Any
    }
    const [one, other] = [model(), model()]
    return Step.make(name, {
      input: Schema.String,
      output: Schema.String,
      error: ModelError,
      run: () =>
        Effect.as(Effect.zip(asked("one", one, maxTokens), asked("two", other, 50), { concurrent: true }), name)
    }) as Any
  }
  const tree = (depth: number): Any => {
    const name = `n${names++}`
    switch (depth === 0 ? 0 : next(12)) {
      case 0:
      case 1:
        return leaf()
      case 2:
      case 3:
        return Step.andThen(tree(depth - 1), tree(depth - 1)) as Any
      case 4: {
        const branches = { a: tree(depth - 1), b: tree(depth - 1), c: tree(depth - 1), d: tree(depth - 1) }
        return Step.parallel(name, branches).pipe(Step.andThen(Step.fn(`${name}_join`, () => "joined"))) as Any
      }
      case 5: {
        const count = next(6) === 0 ? 64 : 2 + next(6)
        return Step.fn(`${name}_spread`, (text: string) =>
          Array.from({ length: count }, (_, i) => `${text} ${i}`)
        ).pipe(
          Step.andThen(Step.forEach(name, leaf(), { concurrency: count, onFailure: "skip" })),
          Step.andThen(Step.fn(`${name}_count`, (list: ReadonlyArray<string>) => `${list.length}`))
        ) as Any
      }
      case 6:
        return tree(depth - 1).pipe(
          Step.named(name),
          Step.retry({ times: 1 + next(2), base: "1 millis", max: "1 millis" })
        )
      case 7:
        return tree(depth - 1).pipe(Step.named(name), Step.fallback(tree(depth - 1))) as Any
      case 8:
        return Step.loop(name, leaf() as Step.Step<string, string>, {
          until: () => false,
          max: 3,
          onMax: "continue"
        }) as Any
      case 9: {
        const limit = limits()
        caps.set(name, limit)
        return tree(depth - 1).pipe(Step.named(name), Step.usageLimits(limit))
      }
      case 10: {
        const given = Step.fn(`${name}_given`, ({ output }: Step.Undoable<string, string>) => output)
        const undo = given.pipe(Step.andThen(leaf()))
        return tree(depth - 1).pipe(Step.named(name), Step.compensate(undo))
      }
      default:
        return next(2) === 0
          ? (Step.approve<string>(name, { message: "go on?" }).pipe(Step.andThen(leaf())) as Any)
          : leaf().pipe(Step.named(name), Step.timeout(Duration.millis(1 + next(4))))
    }
  }
  const root = Step.andThen(tree(3), tree(2)) as Any
  const none = next(10) === 0
  const budget: Budget = none ? { mode: "reserve" } : { ...limits(), mode: "reserve" }
  return { pipeline: root.pipe(Pipeline.make("money")), budget, caps }
}

export const serverOf = (seed: number, context?: number) => {
  const next = numbers(seed + 104_729)
  const price = () => NanoUsd.make(next(3) === 0 ? next(1_000) : next(20_000_000_000))
  const rate = () => ({ input: price(), cachedInput: price(), output: price(), reasoning: price() })
  const table = Money.table({ "test:a": rate(), "test:b": rate(), "test:c": rate() })
  const prices = context === undefined ? table : { ...table, rows: table.rows.map((row) => ({ ...row, context })) }
  const usage = (ask: ModelAsk) => {
    const { input, output } = Money.mostOf(ask)
    const [sent, answered] = [next(input + 1), next(output + 1)]
    const [cachedInput, reasoning] = [next(sent + 1), next(answered + 1)]
    return { input: sent - cachedInput, cachedInput, output: answered - reasoning, reasoning }
  }
  const react = (ask: ModelAsk): Money.Reaction => {
    switch (next(16)) {
      case 0:
        return { _tag: "Fail", reason: "RateLimited", billed: undefined }
      case 1:
        return { _tag: "Fail", reason: "TimedOut", billed: usage(ask) }
      case 2:
        return { _tag: "Fail", reason: "Cut", billed: usage(ask) }
      case 3: {
        const absurd = [-1, 0.5, 1e12, Number.NaN, Number.POSITIVE_INFINITY]
        return { _tag: "Reply", usage: { ...usage(ask), output: absurd[next(absurd.length)]! } }
      }
      case 4:
        return next(8) === 0 ? { _tag: "Die" } : { _tag: "Reply", usage: usage(ask) }
      case 5: {
        // All that it may use, and a text that is longer than that.
        const { input, output } = Money.mostOf(ask)
        const used = { input: Math.min(input, context ?? input), cachedInput: 0, output, reasoning: 0 }
        return { _tag: "Reply", usage: used, text: "long ".repeat(next(1_000)) }
      }
      default:
        return { _tag: "Reply", usage: usage(ask) }
    }
  }
  const pause = () =>
    next(3) === 0 ? Effect.sleep(Duration.millis(next(3))) : next(2) === 0 ? Effect.yieldNow() : Effect.void
  return { prices, server: Money.server(prices, react, pause) }
}
