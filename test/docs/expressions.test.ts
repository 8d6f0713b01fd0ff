/** What docs/expressions.md says is so: each example gives what it shows, and nothing of the language is left out. */
import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Filters from "../../src/expression/Filters.js"
import * as Tests from "../../src/expression/Tests.js"
import { run, type Values } from "../expression/Scope.js"

const page = readFileSync(join(resolve(import.meta.dirname, "../.."), "docs/expressions.md"), "utf8")

const blocks = (language: string): ReadonlyArray<string> =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, "gm"))].map(([, text]) => text!)

const values = JSON.parse(blocks("json")[0]!) as Values

/** `template → answer`, in one line or with the arrow at the start of the last. */
const examples = blocks("jinja").flatMap((block) => {
  const found: Array<{ readonly source: string; readonly shown: string }> = []
  let lines: Array<string> = []
  for (const line of block.trimEnd().split("\n")) {
    const arrow = line.indexOf("→ ")
    if (arrow < 0) {
      lines.push(line)
      continue
    }
    if (arrow > 0) lines.push(line.slice(0, arrow - 1))
    found.push({ source: lines.join("\n"), shown: line.slice(arrow + 2) })
    lines = []
  }
  assert.deepStrictEqual(lines, [], "an example without an answer")
  return found
})

describe("docs/expressions.md", () => {
  for (const { shown, source } of examples) {
    it(`${source} → ${shown}`, () => {
      const answered = run(source, values)
      if (shown.startsWith("error: ")) {
        assert.include(Either.getOrThrow(Either.flip(answered)).message, shown.slice("error: ".length))
      } else
        assert.deepStrictEqual(
          Either.getOrThrowWith(answered, (error) => error),
          JSON.parse(shown)
        )
    })
  }

  const sources = examples.map(({ source }) => source).join("\n")
  it("has an example of every filter", () => {
    for (const name of Filters.names) assert.match(sources, new RegExp(`\\| ${name}\\b`))
  })
  it("has an example of every test", () => {
    for (const name of Tests.names) assert.match(sources, new RegExp(`is (not )?${name}\\b`))
  })
  it("has every filter with its parameters in a table", () => {
    for (const name of Filters.names) {
      if (name === "default" || name === "d") continue
      const row = page.split("\n").find((line) => line.startsWith("| ") && new RegExp(`\`${name}[\`(]`).test(line))
      assert.isDefined(row, name)
      for (const parameter of Filters.find(name)?.parameters ?? []) {
        if (name !== "max" && !name.startsWith("reject") && !name.startsWith("select"))
          assert.include(row, parameter.name)
      }
    }
  })
  it("has every test in a table", () => {
    for (const name of Tests.names) assert.match(page, new RegExp(`^\\| .*\`${name}[\`(]`, "m"))
  })
})
