import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import * as Baseline from "../../src/check/Baseline.js"
import * as Check from "../../src/check/Check.js"
import { examples } from "../../src/check/Examples.js"
import * as Severities from "../../src/check/Severities.js"
import { unmark } from "../blueprint/Marked.js"
import { check, codes, options } from "./Checked.js"

const idle = unmark(examples["V-A1"].bad).text
const unread = unmark(examples["V-A5"].bad).text
const said = (...entries: ReadonlyArray<readonly [string, Severities.Level]>): Severities.Severities => new Map(entries)

describe("severities", () => {
  it("a warning is switched off or made an error", () => {
    assert.deepStrictEqual(codes(check(idle, said(["V-A1", "off"])).diagnostics), [])
    assert.deepStrictEqual(
      check(idle, said(["V-A1", "error"])).diagnostics.map(({ severity }) => severity),
      ["error"]
    )
  })

  it("a code counts before a pattern, and a later pattern before an earlier one", () => {
    assert.deepStrictEqual(codes(check(idle, said(["V-A1", "warning"], ["V-*", "off"])).diagnostics), ["V-A1"])
    assert.deepStrictEqual(codes(check(idle, said(["V-*", "error"], ["V-A*", "off"])).diagnostics), [])
    assert.deepStrictEqual(codes(check(idle, said(["V-A*", "off"], ["V-*", "error"])).diagnostics), ["V-A1"])
  })

  it("what keeps a blueprint from running stays an error, whatever a pattern says", () => {
    const { blueprint, diagnostics } = check("steps:\n  - nmae: a\n", said(["FLJ-*", "off"], ["*", "off"]))
    assert.deepStrictEqual(codes(diagnostics), ["FLJ-BLUEPRINT-15"])
    assert.isUndefined(blueprint)
    assert.isDefined(Severities.wrong("FLJ-BLUEPRINT-15", "off"))
    assert.isUndefined(Severities.wrong("FLJ-BLUEPRINT-15", "error"))
  })

  it("an unknown code is told from a known one, with a guess", () => {
    assert.include(Severities.wrong("V-A55", "off")?.hint, "V-A5")
    assert.isDefined(Severities.wrong("X-*", "off"))
    assert.isUndefined(Severities.wrong("V-*", "off"))
  })

  it("an old name is as good as the one of today", () => {
    assert.isUndefined(Severities.wrong("V-F1", "off"))
    const clash = unmark(examples["V-A2"].bad).text
    assert.deepStrictEqual(codes(check(clash, said(["V-A2-TYPE", "off"])).diagnostics), [])
  })
})

describe("names that are not there", () => {
  const codesWhen = (undefinedVariables: "strict" | "warn" | "ignore") =>
    Object.values([examples["V-T5"], examples["V-T1"], examples["FLJ-PLAN-7"]]).map(({ bad }) =>
      Check.check({ path: "p.yaml", text: unmark(bad).text }, { ...options, undefinedVariables }).diagnostics.map(
        ({ code, severity }) => `${code} ${severity}`
      )
    )

  it("are as bad as the project says", () => {
    const codes = ["V-T5", "V-T1", "FLJ-PLAN-7"]
    assert.deepStrictEqual(
      codesWhen("strict"),
      codes.map((code) => [`${code} error`])
    )
    assert.deepStrictEqual(
      codesWhen("warn"),
      codes.map((code) => [`${code} warning`])
    )
    assert.deepStrictEqual(codesWhen("ignore"), [[], [], []])
  })

  it("are switched off where they are warnings", () => {
    const text = unmark(examples["FLJ-PLAN-7"].bad).text
    const severities = said(["FLJ-PLAN-*", "off"])
    const warn = { ...options, undefinedVariables: "warn" } as const
    assert.deepStrictEqual(Check.check({ path: "p.yaml", text }, warn, severities).diagnostics, [])
    assert.lengthOf(Check.check({ path: "p.yaml", text }, options, severities).diagnostics, 1)
  })
})

describe("ignore comments", () => {
  const lines = idle.split("\n")
  const at = lines.findIndex((line) => line.includes("nothing"))
  const on = (comment: string) => lines.map((line, i) => (i === at ? `${line} ${comment}` : line)).join("\n")
  const above = (...comments: ReadonlyArray<string>) =>
    [...lines.slice(0, at), ...comments.map((comment) => `  ${comment}`), ...lines.slice(at)].join("\n")

  it("hide a finding on their line or on the line after them", () => {
    for (const text of [
      on("# flujo: ignore V-A1"),
      on("#flujo:ignore V-A1"),
      on("# flujo: ignore V-A*, V-T5"),
      above("# flujo: ignore V-A1 because it is a placeholder"),
      above("# flujo: ignore V-A1", "# and another comment")
    ]) {
      const { diagnostics, ignoredCount } = check(text)
      assert.notInclude(codes(diagnostics), "V-A1", text)
      assert.strictEqual(ignoredCount, 1, text)
    }
  })

  it("hide nothing elsewhere, and are then told of", () => {
    const far = above("# flujo: ignore V-A1", "").replace("  \n", "\n\n")
    assert.deepStrictEqual(codes(check(far).diagnostics), ["FLJ-CHECK-8", "V-A1"])
    assert.deepStrictEqual(codes(check(on("# flujo: ignore V-A5")).diagnostics), ["V-A1", "FLJ-CHECK-8"])
    assert.deepStrictEqual(codes(check(on("# flujo: ignore")).diagnostics), ["V-A1", "FLJ-CHECK-8"])
  })

  it("in a text are text", () => {
    const text = 'steps:\n  - name: nothing\n    description: "# flujo: ignore V-A1"\n  - { kind: hitl, name: ask }\n'
    assert.deepStrictEqual(codes(check(text).diagnostics), ["V-A1"])
    const block = "steps:\n  - kind: hitl\n    message: |\n      # flujo: ignore V-A1\n      Go on?\n"
    assert.deepStrictEqual(codes(check(block).diagnostics), [])
  })

  it("do not hide what keeps a blueprint from running", () => {
    const text = "steps:\n  - nmae: a # flujo: ignore FLJ-BLUEPRINT-15\n"
    assert.deepStrictEqual(codes(check(text).diagnostics), ["FLJ-BLUEPRINT-15"])
  })

  it("stand where they stood beside characters of two units and quoted marks", () => {
    const text = `steps:\n  - name: nothing # flujo: ignore V-A1 𝟘\n    description: "𝟘 # \\" x"\n  - { kind: hitl, name: ask }\n`
    assert.deepStrictEqual(codes(check(text).diagnostics), [])
  })
})

describe("baseline", () => {
  const both = `${unread}\n`
  const { diagnostics } = check(both)

  it("what is in it is not new, wherever it stands now", () => {
    const baseline = Baseline.make(diagnostics)
    const moved = check(`# a line more\n\n${both}`).diagnostics
    assert.isAbove(moved.length, 0)
    const { fresh, goneCount, knownCount } = Baseline.compared(baseline, moved)
    assert.deepStrictEqual([fresh.length, knownCount, goneCount], [0, diagnostics.length, 0])
  })

  it("another finding is new, also one more of the same", () => {
    const baseline = Baseline.make(diagnostics)
    assert.lengthOf(Baseline.compared(baseline, [...diagnostics, ...diagnostics]).fresh, diagnostics.length)
    assert.lengthOf(Baseline.compared(baseline, [...diagnostics, ...check(idle).diagnostics]).fresh, 1)
    assert.strictEqual(Baseline.compared(baseline, []).goneCount, diagnostics.length)
  })

  it("is read as it was written, and says nothing of what the lines hold", () => {
    const baseline = Baseline.make(diagnostics)
    const text = Baseline.print(baseline)
    assert.deepStrictEqual(Baseline.read(text), Either.right(baseline))
    assert.notInclude(text, "writer")
    assert.deepStrictEqual(Baseline.read(Baseline.print(Baseline.empty)), Either.right(Baseline.empty))
  })

  it("that is none is refused in words", () => {
    for (const text of ["", "{", "[]", '{"schema":"flujo/baseline/1"}', '{"schema":"x","findings":[]}']) {
      assert.isTrue(Either.isLeft(Baseline.read(text)), text)
    }
  })
})
