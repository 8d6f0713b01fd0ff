import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Ajv } from "ajv"
import * as fc from "fast-check"
import { examples } from "../../src/check/Examples.js"
import * as Github from "../../src/check/format/Github.js"
import * as Junit from "../../src/check/format/Junit.js"
import * as Plain from "../../src/check/format/Plain.js"
import * as Sarif from "../../src/check/format/Sarif.js"
import { unmark } from "../blueprint/Marked.js"
import { check } from "./Checked.js"

/** The published schema, as a package of Microsoft's SARIF SDK carries it. It is draft 4, where `id` was not `$id`. */
const schema = () => {
  const own = createRequire(import.meta.url).resolve("@microsoft/jest-sarif/package.json")
  const text = readFileSync(join(dirname(own), "lib/schemas/sarif-2.1.0-rtm.5.json"), "utf8")
  const { $schema: _, id: __, ...rest } = JSON.parse(text)
  return new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false }).compile(rest)
}
const fits = schema()

const found = Object.values(examples)
  .filter(({ bad }) => bad !== "" && bad.length < 100_000)
  .flatMap(({ bad }) => check(unmark(bad).text).diagnostics)

/** Names that try to leave the place where they are shown. */
const hostile = [
  "a\u202eb",
  "\u001b[2J",
  "x\n::error::y",
  "</failure><evil/>",
  `"'&<>%,:`,
  "\u0000".replace("\u0000", "\\u0000"),
  "é\u0301𝟘",
  "n".repeat(10_240)
]
const hostileFindings = hostile.flatMap((name) => [
  ...check(
    `steps:\n  - name: ${JSON.stringify(name)}\n    ${JSON.stringify(name)}: 1\n    uses: ${JSON.stringify(`agents.${name}`)}\n`
  ).diagnostics,
  ...check(`name: ${name}\nsteps: [{ uses: agents.x }]`).diagnostics
])
const all = [...found, ...hostileFindings]

describe("SARIF", () => {
  it("fits the published schema, whatever was found", () => {
    const log = Sarif.toJson(all, "1.2.3")
    assert.isTrue(fits(log), JSON.stringify(fits.errors?.slice(0, 3), null, 2))
    assert.isTrue(fits(Sarif.toJson([], "1.2.3")))
  })

  it("is refused by the schema where it is wrong", () => {
    assert.isFalse(fits({ version: "2.1.0", runs: [{ results: [] }] }))
  })

  it("names each rule once, and each result by it", () => {
    const log = JSON.parse(JSON.stringify(Sarif.toJson(all, "1.2.3")))
    const { results, tool } = log.runs[0]
    const ids = tool.driver.rules.map(({ id }: { id: string }) => id)
    assert.strictEqual(new Set(ids).size, ids.length)
    assert.strictEqual(results.length, all.length)
    for (const { ruleId, ruleIndex } of results) assert.strictEqual(ids[ruleIndex], ruleId)
  })

  it("points where the finding is, and offers its repair", () => {
    const { diagnostics } = check("steps:\n  - nmae: a\n")
    const [result] = JSON.parse(JSON.stringify(Sarif.toJson(diagnostics, "1.2.3"))).runs[0].results
    const region = { startLine: 2, startColumn: 5, endLine: 2, endColumn: 9 }
    assert.deepStrictEqual(result.locations[0].physicalLocation, {
      artifactLocation: { uri: "pipeline.yaml", uriBaseId: "%SRCROOT%" },
      region
    })
    assert.deepStrictEqual(result.fixes[0].artifactChanges[0].replacements, [
      { deletedRegion: region, insertedContent: { text: "name" } }
    ])
  })
})

describe("GitHub", () => {
  it("is one command for each finding, whatever a name holds", () => {
    const lines = Github.toText(all).split("\n")
    assert.strictEqual(lines.length, all.length)
    for (const line of lines) assert.match(line, /^::(error|warning) file=pipeline\.yaml,line=\d+,[^:]*::[^\r\n]*$/)
  })
})

describe("JUnit", () => {
  it("is XML of balanced elements without an element that a name brought in", () => {
    const text = Junit.toText(
      [
        { path: "a<b>.yaml", diagnostics: all },
        { path: "b.yaml", diagnostics: [] }
      ],
      true
    )
    const open: Array<string> = []
    for (const [, close, name, attributes, self] of text.matchAll(/<(\/?)([\w-]+)((?:\s[\w-]+="[^"<]*")*)\s*(\/?)>/g)) {
      assert.isDefined(attributes)
      if (close === "/") assert.strictEqual(open.pop(), name)
      else if (self !== "/") open.push(name!)
      assert.include(["testsuites", "testsuite", "testcase", "failure", "system-out"], name)
    }
    assert.deepStrictEqual(open, [])
    assert.notMatch(text.replace(/<\/?[\w-]+(?:\s[\w-]+="[^"<]*")*\s*\/?>|<\?xml[^>]*\?>/g, ""), /[<>]/)
    assert.include(text, `<testsuites name="flujo validate" tests="${all.length + 1}"`)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these may not stand in XML.
    assert.notMatch(text, /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\u202a-\u202e\u2066-\u2069]/)
  })

  it("a warning fails only where warnings fail", () => {
    const { diagnostics } = check(unmark(examples["V-A1"].bad).text)
    assert.include(Junit.toText([{ path: "a.yaml", diagnostics }], false), 'failures="0"')
    assert.include(Junit.toText([{ path: "a.yaml", diagnostics }], true), 'failures="1"')
  })
})

describe("sentences", () => {
  it("say everything on lines of their own, without a frame", () => {
    const { diagnostics } = check("steps:\n  - nmae: a\n")
    assert.strictEqual(
      Plain.toText(diagnostics),
      [
        "Error 1 of 1: FLJ-BLUEPRINT-15.",
        "File pipeline.yaml, line 2, column 5.",
        "`nmae` is not a key of a step.",
        "The text there is: nmae",
        "Why: a key that nobody reads would be silently without effect.",
        diagnostics[0]!.hint === undefined ? "" : `What to do: ${diagnostics[0]!.hint}.`
      ].join("\n")
    )
  })

  it("show no character that a terminal would obey", () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
    assert.notMatch(Plain.toText(all), /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/)
  })
})

it("any name at all is shown by every format without a control character", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), (name) => {
      const { diagnostics } = check(`steps:\n  - ${JSON.stringify(name)}: 1\n    name: x\n    uses: agents.y\n`)
      const shown = [
        Github.toText(diagnostics),
        Plain.toText(diagnostics),
        Junit.toText([{ path: name, diagnostics }], true)
      ]
      for (const text of shown) {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
        assert.notMatch(text, /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/)
      }
      assert.isTrue(fits(Sarif.toJson(diagnostics, "1.0.0")))
    }),
    { numRuns: 200 }
  )
})
