import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import * as Toml from "smol-toml"
import { usd } from "../../src/domain/NanoUsd.js"
import * as ProjectMoney from "../../src/project/ProjectMoney.js"

const read = (text: string) => {
  const { budgets, cost } = Toml.parse(text, { integersAsBigInt: "asNeeded" })
  return ProjectMoney.read({ budgets, cost })
}

const refused = (text: string, detail: RegExp) => {
  const money = read(text)
  assert.isTrue(Either.isLeft(money), text)
  if (Either.isLeft(money)) assert.match(`${money.left.detail} ${money.left.hint ?? ""}`, detail)
}

describe("money in flujo.toml", () => {
  it("says nothing where nothing is said", () => {
    assert.deepStrictEqual(read(""), Either.right(ProjectMoney.none))
  })

  it("reads prices by the million and, as before, by the thousand, exactly", () => {
    const money = Either.getOrThrow(
      read(`
        [cost.providers.openai.gpt-4o-mini]
        prompt_tokens_per_1k = 0.00015
        completion_tokens_per_1k = 0.0006
        [cost.providers.mine."big-*"]
        input_usd_per_million = 3
        cached_input_usd_per_million = "0.000000001"
        output_usd_per_million = 15.75
        context_tokens = 8000
      `)
    )
    assert.deepStrictEqual(money.prices, [
      {
        model: "openai:gpt-4o-mini",
        input: usd("0.15"),
        cachedInput: usd("0.15"),
        output: usd("0.60"),
        reasoning: usd("0.60"),
        context: undefined
      },
      {
        model: "mine:big-*",
        input: usd("3"),
        cachedInput: usd("0.000000001"),
        output: usd("15.75"),
        reasoning: usd("15.75"),
        context: 8000
      }
    ])
  })

  it("reads budgets in their order", () => {
    const money = Either.getOrThrow(
      read(`
        [budgets.default]
        total_cost_usd_limit = 1.5
        [budgets.pipeline."team-*"]
        total_tokens_limit = 1000
        [budgets.pipeline.review]
        total_cost_usd_limit = 0.1
        total_tokens_limit = 0
      `)
    )
    assert.deepStrictEqual(money.budgetDefault, { limits: { maxCost: usd("1.50") }, shared: [] })
    assert.deepStrictEqual(money.budgets, [
      ["team-*", { limits: { maxTokens: 1000 }, shared: [] }],
      ["review", { limits: { maxCost: usd("0.10"), maxTokens: 0 }, shared: [] }]
    ])
  })

  it("reads what runs share, of all, of a pattern and of a label", () => {
    const money = Either.getOrThrow(
      read(`
        [budgets.default.month]
        total_cost_usd_limit = 300
        [budgets.pipeline."team-*".day]
        total_tokens_limit = 1000
        [budgets.label."team=a"]
        total_cost_usd_limit = 1
        on_budget = "pause"
        [budgets.label."team=a".all_time]
        total_cost_usd_limit = 5
      `)
    )
    assert.deepStrictEqual(money.budgetDefault, {
      limits: {},
      shared: [{ per: "month", limits: { maxCost: usd("300") } }]
    })
    assert.deepStrictEqual(money.budgets, [
      ["team-*", { limits: {}, shared: [{ per: "day", limits: { maxTokens: 1000 } }] }]
    ])
    assert.deepStrictEqual(money.labelBudgets, [
      [
        "team=a",
        {
          onBudget: "pause",
          limits: { maxCost: usd("1") },
          shared: [{ per: "all_time", limits: { maxCost: usd("5") } }]
        }
      ]
    ])
  })

  it("reads what an unknown price means", () => {
    const money = Either.getOrThrow(
      read('cost = { strict = true, unknown_price = "ceiling", ceiling_usd_per_million = 100 }')
    )
    assert.isTrue(money.strict)
    assert.strictEqual(money.ceiling, usd("100"))
  })

  it("refuses what it cannot use, and says why", () => {
    refused('[cost]\nunknown_price = "free"', /"error" or "ceiling"/)
    refused('[cost]\nunknown_price = "ceiling"', /how high.*ceiling_usd_per_million/)
    refused("[cost]\nceiling_usd_per_million = 1", /only with a ceiling/)
    refused("[cost]\nstrict = 1", /true or false/)
    refused("[cost]\nstrickt = true", /no key "strickt".*did you mean strict/)
    refused("[cost.providers.openai]\ngpt-4o = 1", /must be a table/)
    refused("[cost.providers.openai.x]\ninput_usd_per_million = 1", /no price for its output/)
    refused(
      "[cost.providers.openai.x]\ninput_usd_per_million = 1\nprompt_tokens_per_1k = 1\noutput_usd_per_million = 1",
      /say the same thing/
    )
    refused("[cost.providers.openai.x]\ninput_usd_per_million = -1\noutput_usd_per_million = 1", /not an amount/)
    refused("[cost.providers.openai.x]\ninput_usd_per_million = 0.12345678901234567\n", /in quotes/)
    refused("[cost.providers.openai.x]\ninput_usd_per_million = 0.1234567891\n", /finer than a billionth/)
    refused("[budgets.default]\ntotal_tokens_limit = 1.5", /whole number/)
    refused("[budgets.default]\ntotal_cost_limit = 1", /did you mean total_cost_usd_limit/)
    refused("[budgets.pipelines.x]\n", /did you mean pipeline/)
    refused('[budgets.default]\non_budget = "ask"', /"fail" or "pause"/)
    refused("[budgets.default.week]\n", /no key "week" in \[budgets.default\]/)
    refused("[budgets.default.day]\n", /limits nothing.*total_cost_usd_limit/)
    refused("[budgets.default.day]\nday = 1", /no key "day"/)
    refused("[budgets.label.team]\n", /is no label/)
    refused("budgets = 1", /must be a table/)
  })
})
