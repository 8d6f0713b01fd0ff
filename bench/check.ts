/**
 * `npm run bench:check`: how long a check takes. Sizes double, so a column of ratios near 2 is linear growth; the last line
 * is the built command from the shell, its start included.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Check from "../src/check/Check.js"

/** Steps of every kind in turn, each reading the one before. */
const blueprint = (steps: number): string => {
  const lines = [
    'version: "0.1"',
    "name: long",
    "agents:",
    '  writer: { model: "openai:gpt-4o", system_prompt: Write. }',
    "steps:"
  ]
  for (let i = 0; i < steps; i++) {
    const before = i === 0 ? "input" : `steps.s${i - 1}`
    switch (i % 5) {
      case 0:
        lines.push(`  - { kind: conditional, name: s${i}, condition: "{{ ${before} == 'x' }}",`)
        lines.push(
          `      branches: { true: { name: a, uses: agents.writer }, false: { name: b, uses: agents.writer } } }`
        )
        break
      case 1:
        lines.push(`  - { kind: loop, name: s${i}, input: "{{ ${before} }}",`)
        lines.push("      loop: { body: { name: a, uses: agents.writer }, exit_expression: previous_step == 'x' } }")
        break
      default:
        lines.push(
          `  - name: s${i}`,
          "    uses: agents.writer",
          `    input: "Step {{ ${before} | upper }}"`,
          `    sink_to: f${i}`
        )
    }
  }
  return `${lines.join("\n")}\n`
}

const options = { skills: () => undefined, skillIds: [] }
const median = (values: ReadonlyArray<number>): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

const took = (text: string, rounds: number): number =>
  median(
    Array.from({ length: rounds }, () => {
      const start = performance.now()
      const { diagnostics } = Check.check({ path: "long.yaml", text }, options)
      if (diagnostics.length > 0) throw new Error(diagnostics[0]?.message)
      return performance.now() - start
    })
  )

took(blueprint(200), 20)
console.log("steps      ms   ratio")
let last: number | undefined
for (const steps of [125, 250, 500, 1_000, 2_000]) {
  const millis = took(blueprint(steps), 9)
  const ratio = last === undefined ? "" : (millis / last).toFixed(2)
  console.log(`${String(steps).padStart(5)}  ${millis.toFixed(1).padStart(6)}  ${ratio.padStart(6)}`)
  last = millis
}

const bin = join(process.cwd(), "dist/bin/flujo.js")
if (existsSync(bin)) {
  const folder = mkdtempSync(join(tmpdir(), "flujo-bench-check-"))
  for (const steps of [50, 2_000]) {
    writeFileSync(join(folder, "long.yaml"), blueprint(steps))
    const shell = median(
      Array.from({ length: 7 }, () => {
        const start = performance.now()
        const { status, stderr } = spawnSync(process.execPath, [bin, "validate", "long.yaml"], { cwd: folder })
        if (status !== 0) throw new Error(String(stderr))
        return performance.now() - start
      })
    )
    console.log(`flujo validate, ${steps} steps, from the shell: ${shell.toFixed(0)} ms`)
  }
  rmSync(folder, { recursive: true })
}
