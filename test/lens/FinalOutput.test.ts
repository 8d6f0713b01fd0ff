import { assert, it } from "@effect/vitest"
import fc from "fast-check"
import { parse } from "yaml"
import type { Json } from "../../src/domain/Json.js"
import * as FinalOutput from "../../src/lens/FinalOutput.js"
import * as Long from "../Long.js"

const value: Json = { title: "A", tags: ["x", "y"], deep: { n: 1, list: [{ a: 1 }] } }

it("a text is itself, but in JSON and YAML, where it must read back", () => {
  const text = "yes\n\u001b[31m é"
  for (const format of ["auto", "raw", "md"] as const) assert.strictEqual(FinalOutput.text(text, format), text)
  assert.strictEqual(FinalOutput.text(text, "json"), JSON.stringify(text))
  assert.strictEqual(parse(FinalOutput.text("yes", "yaml")), "yes")
})

it("other values are JSON, canonical where raw", () => {
  assert.strictEqual(FinalOutput.text({ b: 1, a: [] }, "auto"), '{\n  "b": 1,\n  "a": []\n}')
  assert.strictEqual(FinalOutput.text({ b: 1, a: [] }, "raw"), '{"a":[],"b":1}')
  assert.strictEqual(FinalOutput.text(null, "auto"), "null")
})

it("YAML and JSON read back as they were, whatever is in them", () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: "grapheme" }), (given) => {
      const json = JSON.parse(JSON.stringify(given)) as Json
      assert.deepStrictEqual(JSON.parse(FinalOutput.text(json, "json")), json)
      assert.deepStrictEqual(parse(FinalOutput.text(json, "yaml")), json)
      FinalOutput.text(json, "md")
    }),
    { numRuns: Long.runs(300, 10_000) }
  )
})

it("Markdown has a section for each key, bullets for lists, and JSON for what is deeper", () => {
  assert.strictEqual(
    FinalOutput.text(value, "md"),
    '## title\n\nA\n\n## tags\n\n- x\n- y\n\n## deep\n\n### n\n\n1\n\n### list\n\n```json\n[\n  {\n    "a": 1\n  }\n]\n```'
  )
  assert.include(FinalOutput.text([{ a: "```" }], "md"), "````json")
  assert.strictEqual(FinalOutput.text([], "md"), "(none)")
})
