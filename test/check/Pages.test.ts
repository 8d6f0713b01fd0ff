import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { pages } from "../../scripts/RulePages.js"

const folder = join(import.meta.dirname, "../../docs/rules")

it("the pages of docs/rules are what the rules say (npm run rules-docs)", () => {
  const written = new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]))
  const wanted = pages()
  assert.deepStrictEqual([...written.keys()].sort(), [...wanted.keys()].sort())
  for (const [name, text] of wanted) assert.strictEqual(written.get(name), text, name)
})
