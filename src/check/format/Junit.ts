/** Findings as JUnit XML: a suite for each file, a failed case for each finding, one passed case where there is none. */
import type { Diagnostic } from "../../blueprint/Diagnostics.js"
import { printable } from "../../redaction/Printable.js"

export interface Suite {
  readonly path: string
  readonly diagnostics: ReadonlyArray<Diagnostic>
}

/** `failsOnWarning`: whether a warning is a failed case; else it is a passed one that says so. */
export const toText = (suites: ReadonlyArray<Suite>, failsOnWarning: boolean): string => {
  const fails = ({ severity }: Diagnostic) => severity === "error" || failsOnWarning
  const cases = (all: ReadonlyArray<Diagnostic>) => Math.max(1, all.length)
  const count = (all: ReadonlyArray<Diagnostic>) => `tests="${cases(all)}" failures="${all.filter(fails).length}"`
  const total = suites.reduce((sum, { diagnostics }) => sum + cases(diagnostics), 0)
  const failures = suites.flatMap(({ diagnostics }) => diagnostics).filter(fails).length
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="flujo validate" tests="${total}" failures="${failures}">`,
    ...suites.flatMap(({ diagnostics, path }) => [
      `  <testsuite name="${escaped(path)}" ${count(diagnostics)}>`,
      ...(diagnostics.length === 0
        ? [`    <testcase classname="${escaped(path)}" name="valid"/>`]
        : diagnostics.flatMap((one) => testcase(one, fails(one)))),
      "  </testsuite>"
    ]),
    "</testsuites>"
  ].join("\n")
}

const testcase = (one: Diagnostic, isFailure: boolean): ReadonlyArray<string> => {
  const { code, file, hint, message, place, severity, why } = one
  const where = `${file}:${place.start.line}:${place.start.column}`
  const text = escaped([where, message, `why: ${why}`, ...(hint === undefined ? [] : [`hint: ${hint}`])].join("\n"))
  const open = `    <testcase classname="${escaped(file)}" name="${escaped(`${code} ${place.start.line}:${place.start.column}`)}">`
  const body = isFailure
    ? `      <failure type="${severity}" message="${escaped(message)}">${text}</failure>`
    : `      <system-out>${text}</system-out>`
  return [open, body, "    </testcase>"]
}

const names: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos" }

const escaped = (text: string): string =>
  printable(text)
    .replace(/[\ufffe\uffff]/g, "\ufffd")
    .replace(/[&<>"']/g, (character) => `&${names[character]};`)
