import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Template from "../../src/expression/Template.js"

const value = (source: string, steps: Template.Scope extends (name: string) => Option.Option<infer J> ? J : never) =>
  Template.evaluate(Template.parse(source), (name) => (name === "steps" ? Option.some(steps) : Option.none()))

describe("what a step answered", () => {
  it("stands under the step's name, and alike under .output, .result and .value", () => {
    for (const key of ["", ".output", ".result", ".value", "['output']"]) {
      assert.deepStrictEqual(value(`{{ steps.draft${key} }}`, { draft: "text" }), Either.right("text"))
      assert.deepStrictEqual(value(`{{ steps.draft${key}.title }}`, { draft: { title: 7 } }), Either.right(7))
    }
  })

  it("keeps a key of its own by that name", () => {
    assert.deepStrictEqual(value("{{ steps.draft.value }}", { draft: { value: 3 } }), Either.right(3))
  })

  it("has these names nowhere else", () => {
    assert.isTrue(Either.isLeft(value("{{ steps.draft.title.value }}", { draft: { title: { x: 1 } } })))
    assert.isTrue(Either.isLeft(value("{{ steps.output }}", { draft: "text" })))
  })
})
