/**
 * How the compiler tells that steps do not fit: one fault, few lines, and the two types that clash at the end. The
 * misfits are those of `Step.types.ts`, compiled without their `@ts-expect-error`.
 */
import { execFile } from "node:child_process"
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, beforeAll, describe, expect, it } from "@effect/vitest"

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, "../..")
const marker = /^\/\/ @ts-expect-error: (.*)$/

interface Told {
  readonly line: number
  readonly lines: ReadonlyArray<string>
}

const source = readFileSync(join(here, "Step.types.ts"), "utf8").split("\n")
const misfits = source.flatMap((text, i) => {
  const name = marker.exec(text)?.[1]
  return name === undefined ? [] : [{ name, line: i + 1 }]
})

const compile = async (): Promise<ReadonlyArray<Told>> => {
  // Beside the real file, as far as imports can tell.
  const folder = join(root, `node_modules/.cache/flujo/misfits-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  try {
    const text = source
      .map((line) => line.replace(marker, "//"))
      .join("\n")
      .replaceAll('"../../src/', `"${root}/src/`)
      .replaceAll('"./Samples.js"', `"${here}/Samples.js"`)
    writeFileSync(join(folder, "Misfits.ts"), text)
    const config = { extends: join(root, "tsconfig.json"), compilerOptions: { types: [] }, include: ["Misfits.ts"] }
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config))
    const tsc = join(root, "node_modules/typescript/bin/tsc")
    const output = await new Promise<string>((done) =>
      execFile(process.execPath, [tsc, "-p", folder, "--pretty", "false"], { cwd: folder }, (_, stdout) => done(stdout))
    )
    return told(output)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const told = (output: string): ReadonlyArray<Told> => {
  const all: Array<{ readonly line: number; readonly lines: Array<string> }> = []
  for (const text of output.split("\n")) {
    const start = /^Misfits\.ts\((\d+),\d+\): error (.*)$/.exec(text)
    if (start !== null) all.push({ line: Number(start[1]), lines: [start[2]!] })
    else if (text.startsWith(" ")) all.at(-1)?.lines.push(text)
  }
  return all
}

describe("a step that does not fit is told in few lines", () => {
  let messages: ReadonlyArray<Told> = []
  beforeAll(async () => {
    messages = await compile()
  })

  it("there are misfits, and nothing else is wrong", () => {
    assert.isAtLeast(misfits.length, 30)
    const first = misfits[0]!.line
    assert.deepStrictEqual(
      messages.filter(({ line }) => line < first),
      []
    )
  })
  for (const [i, { line, name }] of misfits.entries()) {
    it(name, () => {
      const end = misfits[i + 1]?.line ?? source.length
      const own = messages.filter((message) => message.line >= line && message.line < end)
      assert.strictEqual(own.length, 1, own.flatMap(({ lines }) => lines).join("\n"))
      const lines = own[0]!.lines
      // A fault within a schema takes two lines more, to say where.
      assert.isAtMost(lines.length, /cannot be written|stays a Date/.test(name) ? 8 : 6, lines.join("\n"))
      assert.match(lines.at(-1)!, /is not assignable to|is missing in type|does not exist/)
      for (const word of ["any", "infer", "Variance<", "InputOf", "Contravariant"]) {
        assert.notInclude(lines.at(-1)!, word)
      }
    })
  }
  it("each ends in what clashes", async () => {
    const endings = misfits.map(({ name, line }, i) => {
      const end = misfits[i + 1]?.line ?? source.length
      const own = messages.find((message) => message.line >= line && message.line < end)
      return `${name}\n    ${own?.lines.at(-1)?.trim()}\n`
    })
    await expect(endings.join("")).toMatchFileSnapshot("Messages.txt")
  })
})
