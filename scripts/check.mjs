/** What must hold before anything is committed. All of it is run, so that one look shows everything that is wrong. */
import { spawnSync } from "node:child_process"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const checks = {
  types: ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json"],
  "lint and format": ["node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings", "."],
  exports: ["scripts/exports.mjs", "--check"],
  house: ["node_modules/vitest/vitest.mjs", "run", "test/house"]
}

const failed = Object.entries(checks).filter(([name, command]) => {
  console.log(`# ${name}`)
  return spawnSync(process.execPath, command, { cwd: root, stdio: "inherit" }).status !== 0
})
console.log(failed.length === 0 ? "All checks hold." : `Does not hold: ${failed.map(([name]) => name).join(", ")}.`)
process.exitCode = failed.length === 0 ? 0 : 1
