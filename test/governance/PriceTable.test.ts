import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import * as Json from "../../src/domain/Json.js"
import { usd } from "../../src/domain/NanoUsd.js"
import type { Row } from "../../src/governance/Price.js"
import * as PriceTable from "../../src/governance/PriceTable.js"

const { find, priceOf, shipped } = PriceTable
const row = (model: string, input: string): Row => ({
  model,
  kind: "chat",
  rate: { input: usd(input), cachedInput: usd(input), output: usd(input), reasoning: usd(input) },
  source: "flujo.toml",
  date: "2026-01-01"
})

describe("the price table", () => {
  it("says of each row where and when its price was published", () => {
    for (const { date, kind, model, rate, source } of shipped.rows) {
      assert.match(date, /^\d{4}-\d{2}-\d{2}$/)
      assert.isTrue(date <= shipped.date)
      if (/^(?:offline|scripted):/.test(model)) continue
      assert.match(source, /^https:\/\//, model)
      assert.isAbove(rate.input, 0, model)
      assert.isAtMost(rate.cachedInput, rate.input, model)
      if (kind === "chat") assert.isAbove(rate.output, rate.input, model)
    }
    assert.strictEqual(new Set(shipped.rows.map(({ model }) => model)).size, shipped.rows.length)
  })

  it("knows a model and its dated snapshots, and no other model with a longer name", () => {
    const input = (model: string) => find(shipped, model)?.rate.input
    assert.strictEqual(input("openai:gpt-4o"), usd("2.50"))
    assert.strictEqual(input("openai:gpt-4o-2024-08-06"), usd("2.50"))
    assert.strictEqual(input("openai:gpt-4o-mini"), usd("0.15"))
    assert.strictEqual(input("openai:gpt-4o-mini-2024-07-18"), usd("0.15"))
    assert.strictEqual(input("anthropic:claude-haiku-4-5-20251001"), usd("1"))
    assert.strictEqual(input("google-gla:gemini-2.5-flash"), usd("0.30"))
    assert.strictEqual(input("gemini:gemini-2.5-flash"), usd("0.30"))
    assert.strictEqual(input("scripted:replies.json"), 0)
    for (const other of [
      "openai:gpt-4o-audio",
      "openai:gpt-4o-2024-05-13",
      "openai:gpt",
      "gpt-4o",
      "compatible:gpt-4o"
    ]) {
      assert.isUndefined(input(other), other)
    }
  })

  it("gives a model without a row no price, unless a ceiling is said", () => {
    assert.isUndefined(priceOf(shipped, "openai:gpt-99"))
    const ceiling = PriceTable.override(shipped, { rows: [], ceiling: usd("100") })
    assert.strictEqual(priceOf(ceiling, "openai:gpt-99")?.rate.cachedInput, usd("100"))
    assert.strictEqual(priceOf(ceiling, "openai:gpt-4o")?.rate.input, usd("2.50"))
  })

  it("lets a project's own rows go first: a whole name before a pattern, patterns in their order", () => {
    const rows = [row("openai:*", "1"), row("openai:gpt-4o*", "2"), row("OpenAI:gpt-4o-mini", "3"), row("a:[x]+", "4")]
    const table = PriceTable.override(shipped, { rows, ceiling: null })
    const input = (model: string) => find(table, model)?.rate.input
    assert.strictEqual(input("openai:gpt-4o-mini"), usd("3"))
    assert.strictEqual(input("openai:anything"), usd("1"))
    // The shipped row names it whole.
    assert.strictEqual(input("openai:gpt-4.1"), usd("2"))
    assert.strictEqual(input("a:[x]+"), usd("4"))
    assert.isUndefined(input("a:x"))
  })

  it("has a digest that any change of a price changes, and comes back from JSON", () => {
    const before = PriceTable.digest(shipped)
    const changed = { ...shipped, rows: shipped.rows.map((one, i) => (i === 3 ? row(one.model, "7") : one)) }
    assert.notStrictEqual(PriceTable.digest(changed), before)
    const text = Json.canonical(PriceTable.toJson(shipped))
    const back = Either.getOrThrow(PriceTable.fromJson(JSON.parse(text)))
    assert.deepStrictEqual(back, shipped)
    assert.strictEqual(PriceTable.digest(back), before)
  })
})
