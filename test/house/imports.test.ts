import { readdirSync, readFileSync } from "node:fs"
import { join, relative, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"
import * as Rules from "./rules.js"

/** Adapters: the one place each where something of the host enters, and why it must be there. */
const allowances: ReadonlyArray<Rules.Allowance> = []

const root = fileURLToPath(new URL("../../src", import.meta.url))
const sources: ReadonlyArray<Rules.Source> = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.[cm]?tsx?$/.test(entry.name))
  .map((entry) => join(entry.parentPath, entry.name))
  .map((file) => ({ file: relative(root, file).split(sep).join("/"), text: readFileSync(file, "utf8") }))
  .sort((a, b) => (a.file < b.file ? -1 : 1))

it("there is something to look at", () => {
  assert.isAbove(sources.length, 10)
  assert.isAbove(Rules.imports(Rules.tokens(sources.map((source) => source.text).join("\n"))).length, 30)
})

it("every file of src/ keeps the rules of the house", () => {
  const findings = Rules.check(sources, allowances)
  const lines = findings.map(({ file, line, message }) => `src/${file}:${line} ${message}`)
  assert.deepStrictEqual(lines, [])
})

it("every allowance is still needed", () => {
  assert.deepStrictEqual(Rules.unusedAllowances(sources, allowances), [])
})
