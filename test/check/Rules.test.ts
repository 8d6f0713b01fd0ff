import { assert, describe, it } from "@effect/vitest"
import { examples } from "../../src/check/Examples.js"
import * as Rule from "../../src/check/Rule.js"
import { unmark } from "../blueprint/Marked.js"
import { check } from "./Checked.js"

/** What only a program can do wrong, or the language says under another code. */
const notInText = ["FLJ-PLAN-10", "FLJ-PLAN-3", "FLJ-PLAN-4", "FLJ-PLAN-6", "FLJ-PLAN-8"]

describe("every rule", () => {
  for (const [code, { bad, good }] of Object.entries(examples)) {
    if (bad === "") continue
    it(`${code} is found at its place, alone, and not in the good example`, () => {
      const { spans, text } = unmark(bad)
      const { diagnostics } = check(text)
      assert.deepStrictEqual(
        diagnostics.map(({ code, place }) => ({ code, span: place.span })),
        [{ code, span: spans[0] }],
        diagnostics.map(({ message }) => message).join("\n")
      )
      assert.deepStrictEqual(
        check(good).diagnostics.map(({ code, message }) => `${code} ${message}`),
        []
      )
    })
  }

  it("has an example, save those that a blueprint cannot break", () => {
    const without = Object.entries(examples).flatMap(([code, { bad }]) => (bad === "" ? [code] : []))
    assert.deepStrictEqual(without.sort(), notInText)
    assert.deepStrictEqual(Object.keys(examples).sort(), Object.keys(Rule.all).sort())
  })

  it("says why and what to do", () => {
    for (const [code, { explanation, title, why }] of Object.entries(Rule.all)) {
      assert.isAbove(explanation.length, 20, code)
      assert.isAbove(why.length, 10, code)
      assert.match(title, /^\S/, code)
    }
  })

  it("of ours has an id that is no other rule's", () => {
    const ids = Object.keys(Rule.rules)
    for (const id of Object.keys(Rule.aliases)) assert.notInclude(ids, id)
    for (const target of Object.values(Rule.aliases)) assert.isDefined(Rule.find(target))
  })

  it("FLJ-CHECK-14 is of params, too, save where they read the input", () => {
    const counted = (items: string) =>
      `steps:\n  - name: count\n    skill: acme.count\n    input: [a]\n    params: { items: ${items} }\n`
    assert.deepStrictEqual(
      check(counted("[b]")).diagnostics.map(({ code }) => code),
      ["FLJ-CHECK-14"]
    )
    assert.deepStrictEqual(check(counted('"{{ previous_step }}"')).diagnostics, [])
  })

  it("FLJ-CHECK-3 is of what must hold after each step, too, and is said once", () => {
    const { diagnostics } = check(
      'static_invariants: ["false", "context.total is not defined"]\nsteps:\n  - { name: a, input: x }\n  - { name: b, input: y }\n'
    )
    assert.deepStrictEqual(
      diagnostics.filter(({ code }) => code === "FLJ-CHECK-3").map(({ message }) => message),
      ["this condition always answers `false`"]
    )
  })

  it("V-T5, V-A2 and FLJ-CHECK-1 know what the pipeline, and an import of it, is given", () => {
    const codes = (schema: string, step: string) =>
      check(`input_schema: ${schema}\nsteps:\n${step}`).diagnostics.map(({ code }) => code)
    const person = "{ type: object, properties: { name: { type: string }, kind: { enum: [old, new] } } }"
    assert.deepStrictEqual(codes("{ type: string }", '  - { name: a, input: "{{ input.name }}" }\n'), ["V-T5"])
    assert.deepStrictEqual(codes(person, '  - { name: a, input: "{{ input.name }} {{ input.other }}" }\n'), [])
    assert.deepStrictEqual(codes(person, '  - { name: a, input: "{{ initial_prompt.name.first }}" }\n'), ["V-T5"])
    assert.deepStrictEqual(codes(person, '  - { name: a, skill: acme.count, input: "{{ input.name }}" }\n'), ["V-A2"])
    const branches =
      "  - { kind: conditional, condition: input.kind, branches: { old: { name: a }, new: { name: b }, odd: { name: c } } }\n"
    assert.deepStrictEqual(codes(person, branches), ["FLJ-CHECK-1"])
  })
})
