import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { tighter } from "../../src/domain/Budget.js"
import { usd } from "../../src/domain/NanoUsd.js"
import * as BudgetRules from "../../src/governance/BudgetRules.js"
import * as SharedLimits from "../../src/governance/SharedLimits.js"

const rule = (maxTokens: number, ...shared: BudgetRules.Rule["shared"]): BudgetRules.Rule => ({
  limits: { maxTokens },
  shared
})
const [one, two, three] = [rule(1), rule(2), rule(3)]
const of = (pipeline: string, ...labels: ReadonlyArray<readonly [string, string]>) => ({ pipeline, labels })
const none: BudgetRules.BudgetRules = { budgetDefault: undefined, budgets: [], labelBudgets: [] }
const source = (patterns: ReadonlyArray<string>, name: string, budgetDefault?: BudgetRules.Rule) =>
  BudgetRules.resolve({ ...none, budgetDefault, budgets: patterns.map((pattern) => [pattern, two]) }, of(name))?.source

describe("the budget of a run", () => {
  it("is that of its pipeline's name, else of the first pattern that fits, else the default, else none", () => {
    const rules: BudgetRules.BudgetRules = {
      ...none,
      budgetDefault: one,
      budgets: [
        ["team-*", two],
        ["team-a*", three],
        ["team-abc", one]
      ]
    }
    const resolved = (name: string) => BudgetRules.resolve(rules, of(name))
    assert.deepStrictEqual(resolved("team-abc"), { limits: one.limits, source: "budgets.pipeline[team-abc]" })
    assert.deepStrictEqual(resolved("team-ab"), { limits: two.limits, source: "budgets.pipeline[team-*]" })
    assert.deepStrictEqual(resolved("other"), { limits: one.limits, source: "budgets.default" })
    assert.isUndefined(BudgetRules.resolve(none, of("other")))
  })

  it("is no more than what each of its labels allows", () => {
    const rules: BudgetRules.BudgetRules = { ...none, budgetDefault: two, labelBudgets: [["team=a", one]] }
    assert.deepStrictEqual(BudgetRules.resolve(rules, of("x", ["team", "a"], ["b", "c"])), {
      limits: one.limits,
      source: "budgets.default and budgets.label[team=a]"
    })
    assert.deepStrictEqual(BudgetRules.resolve(rules, of("x", ["team", "b"]))?.limits, two.limits)
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

describe("what a denied call does", () => {
  it("is as the label says, else the pipeline's rule, else the default", () => {
    const rules: BudgetRules.BudgetRules = {
      budgetDefault: { ...one, onBudget: "pause" },
      budgets: [
        ["quick", { ...two, onBudget: "fail" }],
        ["other", two]
      ],
      labelBudgets: [["team=a", { ...three, onBudget: "pause" }]]
    }
    assert.strictEqual(BudgetRules.onBudget(rules, of("quick")), "fail")
    assert.strictEqual(BudgetRules.onBudget(rules, of("quick", ["team", "a"])), "pause")
    assert.strictEqual(BudgetRules.onBudget(rules, of("other")), "pause")
    assert.isUndefined(BudgetRules.onBudget(none, of("other")))
  })
})

describe("what runs share", () => {
  const limits = { maxTokens: 9 }
  const rules: BudgetRules.BudgetRules = {
    budgetDefault: rule(1, { per: "month", limits }),
    budgets: [["team-*", rule(2, { per: "day", limits }, { per: "all_time", limits })]],
    labelBudgets: [["team=a", rule(3, { per: "day", limits })]]
  }
  const names = (run: SharedLimits.Of) =>
    SharedLimits.pools(BudgetRules.shared(rules, run), Date.UTC(2026, 0, 31, 23, 59)).map(({ name }) => name)

  it("is what the default says for all, and beside it what their rule and their labels say", () => {
    assert.deepStrictEqual(names(of("other")), ["budgets.default.month 2026-01"])
    assert.deepStrictEqual(names(of("team-x", ["team", "a"])), [
      "budgets.default.month 2026-01",
      "budgets.pipeline[team-*].day 2026-01-31",
      "budgets.pipeline[team-*].all_time",
      "budgets.label[team=a].day 2026-01-31"
    ])
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
