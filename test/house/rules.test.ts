import { assert, describe, it } from "@effect/vitest"
import * as Rules from "./rules.js"

const found = (file: string, text: string, ...others: ReadonlyArray<Rules.Source>) =>
  Rules.check([{ file, text }, ...others]).map((finding) => `${finding.rule} ${finding.file}:${finding.line}`)

const froms = (text: string) => Rules.imports(Rules.tokens(text)).map((one) => one.from)

describe("reading imports", () => {
  it("finds every form, and nothing in comments or texts", () => {
    const text = [
      'import "a"',
      'import * as B from "b"',
      'import type { C } from "c"',
      'import { type D, from } from "d"',
      'import E, { F } from "e"',
      "import type from",
      '  from "f"',
      'export * from "g"',
      'export * as H from "h"',
      'export type { I } from "i"',
      'export { J as default } from "j"',
      'const k = () => import("k")',
      'type L = import("l").L',
      'const m = require("m")',
      "const n = import(`n`)",
      'import from from "o"',
      '// import "x1"',
      '/* import "x2" */',
      'const text = \'import "x3"\' + `import "x4"`',
      "const ratio = 4 / 2 / 1",
      'const pattern = /import "x5"[/"]/.test("/")',
      'const deep = `${`${import("p")}`} import "x6"`',
      "const here = import.meta.url",
      'const object = { import: "x7", from: "x8" }',
      'thing.import("x9")',
      "export { k, text }",
      'export const q = "x10"',
      'import { r } from "r"'
    ].join("\n")
    assert.deepStrictEqual(froms(text), [..."abcdefghijklmnopr"])
  })

  it("survives any text", () => {
    for (const text of ["`${", '"', "/*", "/", "import", "import {", "export *", "}", "`", "import(", "#!", "\\"]) {
      assert.isArray(froms(text), text)
    }
  })
})

describe("rooms", () => {
  it("refuses a room that the table does not name", () => {
    assert.deepStrictEqual(found("lens/Trace.ts", '\nimport * as Run from "../engine/Run.js"'), [
      "room lens/Trace.ts:2"
    ])
    assert.deepStrictEqual(found("domain/A.ts", 'import type { B } from "../journal/B.js"'), ["room domain/A.ts:1"])
    assert.deepStrictEqual(found("domain/A.ts", 'type B = import("../journal/B.js").B'), ["room domain/A.ts:1"])
    assert.deepStrictEqual(found("engine/A.ts", 'export * from "../blueprint/B.js"'), ["room engine/A.ts:1"])
    assert.deepStrictEqual(found("skill/A.ts", 'const b = () => import("../agent/B.js")'), ["room skill/A.ts:1"])
    assert.deepStrictEqual(found("engine/A.ts", 'import "../lens/B.js"'), ["room engine/A.ts:1"])
    for (const room of Object.keys(Rules.rooms).filter((room) => room !== "cli")) {
      assert.deepStrictEqual(found(`${room}/A.ts`, 'import "../cli/B.js"'), [`room ${room}/A.ts:1`])
    }
    assert.deepStrictEqual(found("skill/builtins/A.ts", 'import "../../llm/B.js"'), ["room skill/builtins/A.ts:1"])
    assert.deepStrictEqual(found("cli/A.ts", 'import "../nowhere/B.js"'), ["room cli/A.ts:1"])
    assert.deepStrictEqual(found("cli/A.ts", 'import "../../test/B.js"'), ["room cli/A.ts:1"])
  })

  it("lets through what the table names", () => {
    for (const [room, rule] of Object.entries(Rules.rooms)) {
      for (const other of Object.keys(Rules.rooms)) {
        const expected = room === other || typeof rule === "string" || (rule as ReadonlyArray<string>).includes(other)
        const findings = found(`${room}/A.ts`, `import "../${other}/B.js"`)
        assert.strictEqual(findings.length === 0, expected, `${room} → ${other}`)
      }
    }
  })

  it("keeps the top of the house above the rooms", () => {
    assert.deepStrictEqual(found("promise.ts", 'import "./cli/B.js"'), ["top-level promise.ts:1"])
    assert.deepStrictEqual(found("index.ts", 'export * as B from "./cli/B.js"'), ["top-level index.ts:1"])
    assert.deepStrictEqual(found("index.ts", 'export * as B from "./nowhere/B.js"'), ["top-level index.ts:1"])
    assert.deepStrictEqual(found("bin.ts", 'import "./nowhere/B.js"'), ["top-level bin.ts:1"])
    assert.deepStrictEqual(found("index.ts", 'export * as B from "./journal/B.js"'), [])
    assert.deepStrictEqual(found("bin.ts", 'import "./cli/Main.js"'), [])
    assert.deepStrictEqual(found("bin.ts", 'import "./promise.js"'), ["top-level bin.ts:1"])
    assert.deepStrictEqual(found("bin.ts", 'import("./index.js")'), [])
    assert.deepStrictEqual(found("promise.ts", 'import("./index.js")'), ["top-level promise.ts:1"])
    assert.deepStrictEqual(found("engine/A.ts", 'import "../index.js"'), ["top-level engine/A.ts:1"])
    assert.deepStrictEqual(found("cli/A.ts", 'import { Step } from "flujo"'), ["barrel cli/A.ts:1"])
  })

  it("keeps internal/ inside its room", () => {
    assert.deepStrictEqual(found("engine/A.ts", 'import "../journal/internal/B.js"'), ["internal engine/A.ts:1"])
    assert.deepStrictEqual(found("journal/A.ts", 'import "./internal/B.js"'), [])
  })

  it("knows the rooms, and refuses names that say nothing", () => {
    assert.deepStrictEqual(found("stuff/A.ts", ""), ["name stuff/A.ts:1"])
    assert.deepStrictEqual(found("domain/utils.ts", ""), ["name domain/utils.ts:1"])
    assert.deepStrictEqual(found("skill/helpers/A.ts", ""), ["name skill/helpers/A.ts:1"])
    assert.deepStrictEqual(found("domain/index.ts", ""), ["name domain/index.ts:1"])
    assert.deepStrictEqual(found("other.ts", ""), ["name other.ts:1"])
  })
})

describe("barrels", () => {
  it("refuses them of the Effect family, also for types", () => {
    assert.deepStrictEqual(found("domain/A.ts", 'import { Effect } from "effect"'), ["barrel domain/A.ts:1"])
    assert.deepStrictEqual(found("domain/A.ts", 'import type { Effect } from "effect"'), ["barrel domain/A.ts:1"])
    assert.deepStrictEqual(found("cli/A.ts", 'const a = import("@effect/cli")'), ["barrel cli/A.ts:1"])
    assert.deepStrictEqual(found("cli/A.ts", 'import * as Command from "@effect/cli/Command"'), [])
  })
})

describe("cycles", () => {
  it("are found through any number of files, types included", () => {
    const findings = Rules.check([
      { file: "domain/A.ts", text: 'import "./B.js"' },
      { file: "domain/B.ts", text: '\nimport type { C } from "./C.js"' },
      { file: "domain/C.ts", text: 'const a = () => import("./A.js")' }
    ])
    assert.deepStrictEqual(
      findings.map((finding) => finding.message),
      ["domain/A.ts → domain/B.ts → domain/C.ts → domain/A.ts"]
    )
    assert.deepStrictEqual(found("domain/A.ts", 'import "./A.js"'), ["cycle domain/A.ts:1"])
    assert.deepStrictEqual(
      found("domain/A.ts", 'import "./B.js"\nimport "./C.js"', { file: "domain/B.ts", text: 'import "./C.js"' }),
      []
    )
  })
})

describe("the outside", () => {
  const refused = [
    "const t = Date.now()",
    "const t = globalThis.Date.now()",
    "const now = Date.now",
    "const d = new Date()",
    "const d = new Date",
    "const n = Math.random()",
    'const f = new Function("return 1")',
    'const f = Function("return 1")',
    'eval("1")',
    '(0, eval)("1")',
    'globalThis.eval("1")',
    'import * as Vm from "node:vm"',
    'const vm = require("vm")',
    "process.stdin.on('data', f)",
    'process["stdin"]',
    "process?.stdin",
    "const key = process.env.KEY",
    "const key = globalThis.process.env",
    'const key = process["env"]',
    "const key = process[name]",
    "const { env } = process",
    'import { env } from "node:process"',
    "const text = `${process.env.KEY}`"
  ]
  for (const text of refused) {
    it(`refuses ${text}`, () => assert.deepStrictEqual(found("engine/A.ts", text), ["outside engine/A.ts:1"]))
  }

  const fine = [
    "// Date.now() is not called",
    'const text = "process.env"',
    "const text = `Date.now() ${name}`",
    "const d = new Date(millis)",
    "yield* Clock.currentTimeMillis",
    "const f = evaluate(x)",
    "const o = { eval: 1 }",
    "self.process.stdin",
    "process.argv.slice(2)",
    "const f = (self: Function) => self",
    "new Dated()",
    "Schedule.random"
  ]
  for (const text of fine) {
    it(`lets through ${text}`, () => assert.deepStrictEqual(found("engine/A.ts", text), []))
  }

  it("lets the command line and configuration read the environment, and nothing else", () => {
    assert.deepStrictEqual(found("cli/Main.ts", "process.env.KEY"), [])
    assert.deepStrictEqual(found("bin.ts", "process.env.KEY"), [])
    assert.deepStrictEqual(found("llm/OpenAiConfig.ts", "process.env.KEY"), [])
    assert.deepStrictEqual(found("llm/Configured.ts", "process.env.KEY"), ["outside llm/Configured.ts:1"])
    assert.deepStrictEqual(found("cli/Main.ts", "process.stdin"), ["outside cli/Main.ts:1"])
    assert.deepStrictEqual(found("cli/Main.ts", "Date.now()"), ["outside cli/Main.ts:1"])
  })

  it("lets an adapter do the one thing that is written down, and finds allowances without a use", () => {
    const sources = [{ file: "journal/A.ts", text: "Date.now(); Math.random()" }]
    const needed = { file: "journal/A.ts", what: "Date.now", reason: "a lease is about the clock on the wall" }
    const unused = { file: "journal/B.ts", what: "Date.now", reason: "no longer" }
    const allowances = [needed, unused]
    assert.deepStrictEqual(
      Rules.check(sources, allowances).map((finding) => finding.message.split(":")[0]),
      ["Math.random"]
    )
    assert.deepStrictEqual(Rules.unusedAllowances(sources, allowances), [unused])
  })

  it("does not let an import hide behind a computed name", () => {
    assert.deepStrictEqual(found("skill/A.ts", "const load = (file: string) => import(file)"), ["unread skill/A.ts:1"])
  })
})
