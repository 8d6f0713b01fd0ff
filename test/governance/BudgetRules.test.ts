import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { tighter } from "../../src/domain/Budget.js"
import { usd } from "../../src/domain/NanoUsd.js"
import * as BudgetRules from "../../src/governance/BudgetRules.js"

const one = { maxTokens: 1 }
const two = { maxTokens: 2 }
const three = { maxTokens: 3 }
const source = (patterns: ReadonlyArray<string>, name: string, budgetDefault?: typeof one) =>
  BudgetRules.resolve({ budgetDefault, budgets: patterns.map((pattern) => [pattern, two]) }, name)?.source

describe("the budget of a pipeline", () => {
  it("is that of its name, else of the first pattern that fits, else the default, else none", () => {
    const rules: BudgetRules.BudgetRules = {
      budgetDefault: one,
      budgets: [
        ["team-*", two],
        ["team-a*", three],
        ["team-abc", one]
      ]
    }
    assert.deepStrictEqual(BudgetRules.resolve(rules, "team-abc"), {
      limits: one,
      source: "budgets.pipeline[team-abc]"
    })
    assert.deepStrictEqual(BudgetRules.resolve(rules, "team-ab"), { limits: two, source: "budgets.pipeline[team-*]" })
    assert.deepStrictEqual(BudgetRules.resolve(rules, "other"), { limits: one, source: "budgets.default" })
    assert.isUndefined(BudgetRules.resolve({ budgetDefault: undefined, budgets: [] }, "other"))
  })

  it("is found by the patterns of a shell, and by nothing else", () => {
    assert.strictEqual(source(["a?c"], "abc"), "budgets.pipeline[a?c]")
    assert.isUndefined(source(["a?c"], "ac"))
    assert.strictEqual(source(["a[xyz]"], "ay"), "budgets.pipeline[a[xyz]]")
    assert.isUndefined(source(["a[!xyz]"], "ay"))
    assert.strictEqual(source(["a[0-9]*"], "a7b"), "budgets.pipeline[a[0-9]*]")
    assert.isUndefined(source(["a.c"], "abc"))
    assert.isUndefined(source(["b"], "abc"))
    assert.isUndefined(source(["[z-a]"], "b"))
    assert.strictEqual(source(["[z-a]"], "[z-a]"), "budgets.pipeline[[z-a]]")
  })

  it("is found whatever the pattern is made of", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (pattern, name) => {
        source([pattern], name)
        assert.strictEqual(source([name], name), `budgets.pipeline[${name}]`)
        assert.strictEqual(source(["*"], `${name}!`, one), "budgets.pipeline[*]")
      })
    )
  })
})

describe("two limits together", () => {
  it("are the smaller of each", () => {
    const a = { maxCost: usd("1"), maxTokens: 100 }
    assert.deepStrictEqual(tighter(a, { maxCost: usd("2"), maxTokens: 50 }), { maxCost: usd("1"), maxTokens: 50 })
    assert.deepStrictEqual(tighter(a, {}), a)
    assert.deepStrictEqual(tighter({}, {}), {})
    assert.deepStrictEqual(tighter({ maxCost: usd("0") }, a), { maxCost: usd("0"), maxTokens: 100 })
  })
})
