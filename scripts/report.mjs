/** Reads the test runner's own report (vitest's JSON) and counts. A file that could not be loaded is one failure. */
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export const reportFile = join(dirname(fileURLToPath(import.meta.url)), "../node_modules/.cache/flujo/tests.json")

/** `undefined` if there is no whole report: the runner did not get to its end. */
export const read = () => {
  if (!existsSync(reportFile)) return undefined
  try {
    const report = JSON.parse(readFileSync(reportFile, "utf8"))
    const notLoaded = report.testResults.filter(
      (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed")
    ).length
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests + notLoaded,
      skipped: report.numPendingTests + report.numTodoTests,
      success: report.success
    }
  } catch {
    return undefined
  }
}
