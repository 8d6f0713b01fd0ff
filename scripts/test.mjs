/**
 * Builds what is stale and runs the tests; arguments go to vitest (`npm test -- test/journal`). `--long` runs the same
 * files with bigger numbers. The last line counts what the runner's own report says.
 */
import { spawnSync } from "node:child_process"
import { rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { read, reportFile } from "./report.mjs"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const long = process.argv.includes("--long")
const args = process.argv.slice(2).filter((argument) => argument !== "--long")
const node = (...command) =>
  spawnSync(process.execPath, command, {
    cwd: root,
    stdio: "inherit",
    env: long ? { ...process.env, FLUJO_LONG: "1" } : process.env
  }).status ?? 1

rmSync(reportFile, { force: true })
const built = node(join(root, "scripts/build.mjs"), "--if-stale")
const status =
  built === 0
    ? node(
        join(root, "node_modules/vitest/vitest.mjs"),
        "run",
        "--reporter=default",
        "--reporter=json",
        `--outputFile.json=${reportFile}`,
        ...args
      )
    : built
const report = read()
console.log(
  report === undefined
    ? "The tests did not run to their end."
    : `Tests: ${report.passed} passed, ${report.failed} failed, ${report.skipped} skipped.`
)
process.exitCode = status !== 0 ? status : report === undefined || !report.success || report.passed === 0 ? 1 : 0
