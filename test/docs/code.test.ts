/** The project of docs/code.md does what the page says. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { ended, place, root } from "../cli/Flujo.js"

const page = readFileSync(join(root, "docs/code.md"), "utf8")

it("docs/code.md shows a project that works", async () => {
  const here = place()
  for (const [, name, text] of page.matchAll(/^<!-- file: (\S+) -->\n```\w+\n([\s\S]*?)^```$/gm)) {
    assert.isFalse(here.has(name!), name)
    here.write(name!, text!)
  }
  for (const [, name, text] of page.matchAll(/^<!-- more: (\S+) -->\n```\w+\n([\s\S]*?)^```$/gm)) {
    here.write(name!, here.read(name!) + text!)
  }
  const shown = [...page.matchAll(/^<!-- prints:(.*)-->\n```bash\n([\s\S]*?)^```$/gm)]
  assert.isAbove(shown.length, 0)
  assert.strictEqual(page.match(/^```bash$/gm)?.length, shown.length)
  for (const [, prints, lines] of shown) {
    const done = await here.shell(lines!)
    ended(done, 0)
    assert.strictEqual(done.stdout.trim(), prints!.trim())
  }
})
