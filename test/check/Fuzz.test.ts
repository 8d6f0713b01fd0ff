import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Diagnostics from "../../src/blueprint/Diagnostics.js"
import { examples } from "../../src/check/Examples.js"
import * as Fix from "../../src/check/Fix.js"
import * as Github from "../../src/check/format/Github.js"
import * as Junit from "../../src/check/format/Junit.js"
import * as Plain from "../../src/check/format/Plain.js"
import * as Rule from "../../src/check/Rule.js"
import * as Plan from "../../src/plan/Plan.js"
import { unmark } from "../blueprint/Marked.js"
import { numbers } from "../engine/generated.js"
import { runs } from "../Long.js"
import { check } from "./Checked.js"

const read = (name: string) => readFileSync(join(import.meta.dirname, "../../blueprints", name), "utf8")
const texts = [
  read("article_digest.yaml"),
  read("code_review.yaml"),
  ...Object.values(examples)
    .flatMap(({ bad, good }) => [unmark(bad).text, good])
    .filter((text) => text !== "" && text.length < 5_000)
]

const tokens = [
  "{{",
  "}}",
  "{%",
  "%}",
  "{",
  "}",
  "[",
  "]",
  ":",
  ": ",
  "- ",
  "\n",
  "\n  ",
  "\t",
  "#",
  "&a ",
  "*a",
  "!!str ",
  "!x ",
  "|",
  ">-",
  "'",
  '"',
  "\\",
  "? ",
  "---\n",
  "...\n",
  "<<: ",
  "%YAML 1.1\n",
  "null",
  "true",
  "1e999",
  "0x1F",
  "-0",
  ".inf",
  "9007199254740993",
  "steps",
  "previous_step",
  "context",
  "this",
  "| upper",
  "if",
  "else",
  "__proto__",
  "constructor",
  "\u0000",
  "\u0007",
  "\r",
  "\u202e",
  "\u2066",
  "\ufeff",
  "\u2028",
  "\ud800",
  "🙂",
  "é",
  "日本",
  "a".repeat(300),
  "# flujo: ignore V-*",
  "$ref: '#/x'",
  "type: strin",
  "agents.writer"
]

/** A text, broken in a few places: cut, doubled, swapped, with pieces of others and of the language put in. */
const mutated = (next: (below: number) => number): string => {
  let text = texts[next(texts.length)]!
  for (let changes = 1 + next(6); changes > 0; changes--) {
    const at = next(text.length + 1)
    const to = Math.min(text.length, at + next(next(4) === 0 ? 200 : 8))
    switch (next(7)) {
      case 0:
        text = text.slice(0, at) + text.slice(to)
        break
      case 1:
        text = text.slice(0, to) + text.slice(at)
        break
      case 2:
      case 3:
        text = text.slice(0, at) + tokens[next(tokens.length)]! + text.slice(at)
        break
      case 4: {
        const lines = text.split("\n")
        const [line] = lines.splice(next(lines.length), 1)
        lines.splice(next(lines.length + 1), 0, " ".repeat(next(5)) + (line ?? "").slice(next(3)))
        text = lines.join("\n")
        break
      }
      case 5: {
        const other = texts[next(texts.length)]!
        const from = next(other.length)
        text = text.slice(0, at) + other.slice(from, from + next(120)) + text.slice(to)
        break
      }
      default:
        text = text.slice(0, at) + String.fromCharCode(next(4) === 0 ? next(65_536) : 32 + next(95)) + text.slice(to)
    }
  }
  return text
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const unsafe = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/

/** A worker that never rests is taken for one that hangs. */
const breath = () => new Promise<void>((resume) => setImmediate(resume))

describe("broken blueprints", () => {
  it("are answered by findings of known codes and places, shown without a control character", async () => {
    const seed = 7_331
    const next = numbers(seed)
    let slowest = 0
    let valid = 0
    for (let i = 0; i < runs(2_000, 100_000); i++) {
      if (i % 200 === 0) await breath()
      const text = mutated(next)
      const said = () => `seed ${seed}, text ${i}: ${JSON.stringify(text)}`
      const before = process.cpuUsage()
      const checked = check(text)
      const { system, user } = process.cpuUsage(before)
      slowest = Math.max(slowest, (system + user) / 1000)
      const { blueprint, diagnostics } = checked
      if (blueprint !== undefined) valid++
      else
        assert.isTrue(
          diagnostics.some(({ severity }) => severity === "error"),
          said()
        )
      const length = text.startsWith("\ufeff") ? text.length - 1 : text.length
      for (const { code, message, place, why } of diagnostics) {
        assert.isDefined(Rule.find(code), said())
        assert.isTrue(message !== "" && why !== "", said())
        const { end, start } = place.span
        assert.isTrue(start >= 0 && start <= end && end <= Math.max(length, 1), `${said()} ${code} ${start} ${end}`)
      }
      if (i % 10 === 0) {
        const shown = [
          Diagnostics.renderAll(diagnostics),
          Plain.toText(diagnostics),
          Github.toText(diagnostics),
          Junit.toText([checked], true)
        ]
        for (const one of shown) assert.notMatch(one, unsafe, said())
      }
    }
    assert.isAbove(valid, 10)
    // Of processor time, so that what else the machine does is not counted.
    assert.isBelow(slowest, 1_000)
  }, 3_600_000)

  it("are repaired to what means the same or means something at last", async () => {
    const next = numbers(4_242)
    for (let i = 0; i < runs(300, 10_000); i++) {
      if (i % 50 === 0) await breath()
      const text = mutated(next)
      const before = check(text)
      if (before.text === undefined) continue
      const fixed = Fix.fix(before.text, (text) => check(text).diagnostics)
      const after = check(fixed.text)
      const errors = (all: ReadonlyArray<Diagnostics.Diagnostic>) =>
        all.filter(({ severity }) => severity === "error").length
      assert.isAtMost(errors(after.diagnostics), errors(before.diagnostics), JSON.stringify(text))
      if (fixed.repaired.length === 0) assert.strictEqual(fixed.text, before.text)
      // A text that could run means what it meant, save where it would have failed for certain.
      if (before.blueprint !== undefined && !fixed.repaired.some(({ code }) => code === "V-T1")) {
        assert.isDefined(after.blueprint, JSON.stringify(text))
        assert.strictEqual(Plan.make(after.blueprint!.pipeline).digest, Plan.make(before.blueprint.pipeline).digest)
      }
    }
  }, 3_600_000)
})

describe("names of 10 KB and of any characters", () => {
  const names = [
    "n".repeat(10_240),
    "\u202e".repeat(3_000),
    "🙂".repeat(5_000),
    "\u0301".repeat(5_000),
    `a${"\n".repeat(5_000)}b`
  ]
  it("are shown short and safe, wherever they stand", () => {
    for (const name of names) {
      const quoted = JSON.stringify(name)
      for (const text of [
        `name: ${quoted}\nsteps: [{ name: a, input: x }]`,
        `steps: [{ name: ${quoted} }, { name: ${quoted} }]`,
        `steps: [{ name: a, ${quoted}: 1 }]`,
        `steps: [{ uses: ${quoted} }]`,
        `steps: [{ uses: ${JSON.stringify(`agents.${name}`)} }]`,
        `steps: [{ skill: ${quoted} }]`,
        `steps: [{ kind: ${quoted} }]`,
        `steps: [{ kind: parallel, branches: { ${quoted}: { name: a } } }]`,
        `steps: [{ kind: conditional, condition: "1 == 1", branches: { ${quoted}: { name: a } } }]`,
        `agents: { ${quoted}: { model: "a:b", system_prompt: x } }\nsteps: [{ name: a, input: x }]`,
        `steps: [{ name: a, input: ${JSON.stringify(`{{ ${name} }}`)} }]`,
        `steps: [{ name: a, input: ${JSON.stringify(`{{ steps['${name}'] }}`)} }]`,
        `steps: [{ name: a, sink_to: ${quoted} }]`,
        `steps: [{ name: a, config: { timeout: ${quoted} } }]`,
        `steps: [{ kind: hitl, input_schema: { type: ${quoted} } }]`,
        `steps: [{ kind: hitl, input_schema: { ${quoted}: 1 } }]`
      ]) {
        const { diagnostics } = check(text)
        for (const shown of [Diagnostics.renderAll(diagnostics), Plain.toText(diagnostics)]) {
          assert.notMatch(shown, unsafe, text.slice(0, 80))
          for (const line of shown.split("\n"))
            assert.isAtMost(line.length, 6_000, `${text.slice(0, 80)}: ${line.slice(0, 200)}`)
        }
      }
    }
  })
})
