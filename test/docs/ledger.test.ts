/** The verifier of docs/ledger.md, which shares nothing with flujo, finds what flujo's own finds. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import * as JournalMake from "../../src/journal/JournalMake.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as LedgerFile from "../../src/journal/LedgerFile.js"
import * as Histories from "../journal/Histories.js"
import * as Long from "../Long.js"

const script = resolve(import.meta.dirname, "../../docs/verify-run.mjs")
const folder = mkdtempSync(join(tmpdir(), "flujo-verifier-"))
afterAll(() => rmSync(folder, { recursive: true }))

const run = Histories.id("r1")

const exported = (count: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const journal = yield* JournalMake.make(JournalMemory.makeDriver())
      const owned = yield* journal.create(run, Histories.plan)
      journal.stage(owned, Histories.started())
      for (let i = 0; i < count; i++) journal.stage(owned, Histories.note(i))
      journal.stage(owned, Histories.large(count, 5, 'é"\u2028'))
      journal.stage(owned, Histories.completed)
      yield* journal.release(owned)
      const written = Either.getOrThrow(yield* LedgerFile.write(journal, run))
      const text = yield* Stream.mkString(written.text)
      return { bytes: Buffer.from(text), sound: written.sound }
    })
  )

const verify = (bytes: Uint8Array, ...roots: ReadonlyArray<string>) => {
  const file = join(folder, "run.jsonl")
  writeFileSync(file, bytes)
  const { status, stderr, stdout } = spawnSync(process.execPath, [script, file, ...roots], { encoding: "utf8" })
  return { status, said: stdout + stderr }
}

describe("docs/verify-run.mjs", () => {
  it("has fewer than 200 lines, and imports nothing of flujo", () => {
    const text = readFileSync(script, "utf8")
    assert.isBelow(text.split("\n").length, 200)
    const imports = [...text.matchAll(/^import .* from "(.*)"$/gm)].map(([, from]) => from)
    assert.deepStrictEqual(imports, ["node:crypto", "node:fs", "@noble/hashes/blake3.js"])
  })

  it.effect("verifies an exported run, with roots from elsewhere too", () =>
    Effect.gen(function* () {
      for (const count of [0, 7, 300]) {
        const { bytes, sound } = yield* exported(count)
        const root = `${sound.entries}:${sound.root}`
        const done = verify(bytes, root)
        assert.deepStrictEqual(done, {
          status: 0,
          said: `run r1: ${count + 3} entries as they were written\nroot ${root}\n`
        })
        const other = verify(bytes, `2:${sound.root}`)
        assert.strictEqual(other.status, 5, other.said)
      }
    })
  )

  it.effect(
    "finds one flipped bit, wherever it is",
    () =>
      Effect.gen(function* () {
        const { bytes } = yield* exported(2)
        const file = join(folder, "flipped.jsonl")
        writeFileSync(file, bytes)
        const all = bytes.length * 8
        const [step, slice] = [Long.runs(37, 1), Long.runs(all, 4_000)]
        let found = 0
        for (let first = 0; first < all; first += slice) {
          const end = Math.min(first + slice, all)
          const args = [join(import.meta.dirname, "flip.mjs"), script, file, first, end, step].map(String)
          const { status, stderr, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" })
          assert.strictEqual(status, 0, stdout + stderr)
          found += Number(stdout)
        }
        assert.strictEqual(found, Math.ceil(all / step))
        assert.strictEqual(verify(bytes).status, 0)
      }),
    Long.runs(120_000, 1_200_000)
  )

  it.effect("finds a file that was cut, and lines that were taken out, doubled or swapped", () =>
    Effect.gen(function* () {
      const { bytes } = yield* exported(2)
      const lines = bytes.toString().split("\n").slice(0, -1)
      for (let i = 0; i < lines.length; i++) {
        const changed = [lines.slice(0, i), lines.toSpliced(i, 1), lines.toSpliced(i, 0, lines[i]!)]
        if (i > 0) changed.push(lines.with(i, lines[i - 1]!).with(i - 1, lines[i]!))
        for (const all of changed) {
          const { said, status } = verify(Buffer.from(all.map((line) => `${line}\n`).join("")))
          assert.strictEqual(status, 5, `line ${i}: ${said}`)
        }
      }
    })
  )
})
