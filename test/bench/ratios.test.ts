/** The bench runs, on both stores, and prints what it is for; how good the numbers are is no matter of a test. */
import { spawn } from "node:child_process"
import { resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"

const root = resolve(import.meta.dirname, "../..")

const bench = (...args: ReadonlyArray<string>): Promise<string> =>
  new Promise((done, fail) => {
    const child = spawn(process.execPath, ["scripts/ts.mjs", "bench/main.ts", ...args], { cwd: root })
    let [out, err] = ["", ""]
    child.stdout.on("data", (piece) => {
      out += piece
    })
    child.stderr.on("data", (piece) => {
      err += piece
    })
    child.on("close", (status) => (status === 0 ? done(out) : fail(new Error(`${status}: ${err}`))))
  })

const says: Readonly<Record<string, RegExp>> = {
  W1: /: \d+\.\d\d \(.*\) of the floor; \d+ appends\/s; per step \d+ µs CPU .*, \d+\.\d\d bytes/,
  W2: /of the floor; \d+ appends\/s, \d+ runs\/s; per step/,
  W3: /of the floor/,
  W5: /of the floor/,
  W6: /\d+\.\d\d× the wall time of the floor/,
  W7: /cost \d+\.\d\d× steps/,
  W8: /made in \S+ ms each, .* listed in \S+ ms; .* memory after each quarter .* MB; while idle \S+ % of a CPU/,
  W9: /: \d+\.\d\d \(.*\) of the floor in CPU time; \d+ entries per second/,
  W10: /: \d+\.\d\d \(.*\) of the floor in CPU time; \d+ entries per second/,
  W11: /: \d+\.\d µs CPU per entry/
}

describe.concurrent("npm run bench", () => {
  for (const [store, name] of [
    ["sqlite", "SQLite"],
    ["postgres", "Postgres"]
  ] as const) {
    it(`prints each of its ratios, on ${name}`, async () => {
      const lines = (await bench("--small", "--rounds", "1", "--store", store)).split("\n")
      for (const [workload, wanted] of Object.entries(says)) {
        const found = lines.filter((line) => line.startsWith(`${workload} `) && line.includes(name))
        assert.isNotEmpty(found, `${workload}:\n${lines.join("\n")}`)
        for (const line of found) assert.match(line, wanted)
      }
    })
  }
})
