import { assert, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import type { ModelAsk, ReplyPart } from "../../src/domain/Model.js"
import * as Tokens from "../../src/llm/Tokens.js"

it("the bound is the size in bytes, and of a whole ask at least that of all it holds", () => {
  assert.strictEqual(Tokens.boundOfText("aé漢😀"), 1 + 2 + 3 + 4)
  const ask: ModelAsk = {
    model: "m",
    messages: [
      { role: "system", content: "ab" },
      { role: "user", content: "é" }
    ],
    output: { _tag: "Object", name: "N", schema: { type: "object" } },
    settings: {}
  }
  assert.isAtLeast(Tokens.boundOfAsk(ask), 2 + 2 + 1 + '{"type":"object"}'.length + 2 * 5)
})

it("the estimate is near what tokenizers count for prose, and never above the bound for words apart", () => {
  const prose =
    "Tokenization is the process of splitting text into smaller units, called tokens, that a language model can read. " +
    "Most tokenizers today use a variant of byte pair encoding, which merges frequent pairs of symbols."
  assert.isAtLeast(Tokens.estimate(prose), 35)
  assert.isAtMost(Tokens.estimate(prose), 60)
  assert.strictEqual(Tokens.estimate(""), 0)
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      assert.isAtLeast(Tokens.estimate(a + b) + 1, Tokens.estimate(a))
      assert.isAtLeast(Tokens.boundOfText(a + b), Math.max(Tokens.boundOfText(a), 1) - 2)
    })
  )
})

it("tools, pictures, calls, results and thoughts are within the bound", () => {
  const ask: ModelAsk = {
    model: "m",
    messages: [{ role: "user", content: "" }],
    output: { _tag: "Text" },
    settings: {}
  }
  const more = (messages: ModelAsk["messages"], tools: ModelAsk["tools"] = []) =>
    Tokens.boundOfAsk({ ...ask, messages, tools }) - Tokens.boundOfAsk({ ...ask, messages: [] })
  // What one picture of 2048 by 768 costs with gpt-4o-mini.
  assert.isAtLeast(more([{ role: "user", content: [{ _tag: "ImageUrl", url: "x" }] }]), 2833 + 5667 * 8)
  assert.isAtLeast(more([{ role: "user", content: [{ _tag: "Image", mediaType: "a/b", data: "" }] }]), 48_169)
  const long = "x".repeat(1000)
  const parts: ReadonlyArray<ReplyPart> = [
    { _tag: "Text", text: long },
    { _tag: "ToolCall", id: "c", name: "n", arguments: long },
    { _tag: "Reasoning", text: long, protocol: "responses", raw: { encrypted_content: long } }
  ]
  assert.isAtLeast(more([{ role: "assistant", content: long, parts }]), 4000)
  assert.isAtLeast(more([{ role: "tool", callId: "c", name: "n", content: long }]), 1000)
  assert.isAtLeast(more([], [{ name: long, description: long, jsonSchema: { description: long } }]), 3000)
  assert.isAtLeast(Tokens.boundOfParts(parts), 4000)
})
