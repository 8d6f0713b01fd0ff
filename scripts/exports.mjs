/**
 * Writes `exports` of `package.json`. What is public is said once: a namespace of `src/index.ts`
 * (`export * as Step from "./pipeline/Step.js"`) is also `flujo/Step`, and any other file directly in `src/`, such as
 * `promise.ts`, is `flujo/promise`. `--check` only tells whether the map is up to date.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const packageFile = join(root, "package.json")
const index = join(root, "src/index.ts")

const entry = (module) => ({
  "flujo-source": `./src/${module}.ts`,
  types: `./dist/${module}.d.ts`,
  import: `./dist/${module}.js`
})

const namespaces = existsSync(index)
  ? [...readFileSync(index, "utf8").matchAll(/^export \* as (\w+) from "\.\/(.+)\.js"$/gm)]
  : []
const files = readdirSync(join(root, "src"))
  .filter((name) => /^[A-Za-z-]+\.ts$/.test(name) && name !== "index.ts" && name !== "bin.ts")
  .map((name) => name.slice(0, -3))

const exports = {
  ".": entry("index"),
  ...Object.fromEntries(
    [
      ...files.map((name) => [`./${name}`, entry(name)]),
      ...namespaces.map(([, name, module]) => [`./${name}`, entry(module)])
    ].sort(([a], [b]) => (a < b ? -1 : 1))
  ),
  "./package.json": "./package.json"
}

const text = readFileSync(packageFile, "utf8")
const next = `${JSON.stringify({ ...JSON.parse(text), exports }, null, 2)}\n`

if (next !== text) {
  if (process.argv.includes("--check")) {
    console.error("flujo: package.json does not export what src/ makes public; run `npm run exports`")
    process.exitCode = 1
  } else writeFileSync(packageFile, next)
}
