/** The programs of docs/typescript.md and docs/agents.md compile, and its constructors are there. */
import { spawnSync } from "node:child_process"
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Step from "../../src/pipeline/Step.js"

const root = resolve(import.meta.dirname, "../..")
const page = readFileSync(join(root, "docs/typescript.md"), "utf8")
const agents = readFileSync(join(root, "docs/agents.md"), "utf8")

describe("docs/typescript.md", () => {
  it("has programs that compile", () => {
    const folder = join(root, "node_modules/.cache/flujo/typescript-docs")
    mkdirSync(folder, { recursive: true })
    const files = [...`${page}\n${agents}`.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, text], i) => {
      writeFileSync(join(folder, `program${i}.ts`), text!)
      return `program${i}.ts`
    })
    assert.isAbove(files.length, 1)
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: join(root, "tsconfig.json"), include: [], files })
    )
    const tsc = join(root, "node_modules/typescript/bin/tsc")
    const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8" })
    rmSync(folder, { recursive: true, force: true })
    assert.strictEqual(status, 0, stdout)
  }, 120_000)

  it("names every constructor and no other", () => {
    const table = page.slice(page.indexOf("| TypeScript |"), page.indexOf("`Pipeline.withSchemas"))
    const named = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell]) =>
      [...cell!.matchAll(/`(\w+)\(/g)].map(([, name]) => name!)
    )
    const there = Object.keys(Step).filter((name) => /^[a-z]/.test(name))
    const inner = ["fromNode", "params", "assign"]
    assert.deepStrictEqual([...named].sort(), there.filter((name) => !inner.includes(name)).sort())
  })
})
