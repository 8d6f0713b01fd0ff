import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { build } from "esbuild"
import { Journal } from "../../src/journal/Journal.js"
import * as JournalOpen from "../../src/journal/JournalOpen.js"
import * as Processes from "./Processes.js"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** The files that are loaded with `entry`: not those that it would load when it comes to that. */
const loadedWith = async (entry: string): Promise<ReadonlyArray<string>> => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "node",
    packages: "external",
    logLevel: "silent"
  })
  const seen = new Set<string>()
  const visit = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    for (const one of metafile.inputs[file]?.imports ?? []) {
      if (one.kind !== "dynamic-import") visit(one.path)
    }
  }
  visit(entry)
  return Array.from(seen)
}

describe("JournalOpen", () => {
  for (const entry of ["src/journal/JournalOpen.ts", "src/journal/JournalPostgres.ts", "src/index.ts"]) {
    it(`${entry} loads no driver of a database before one is named`, async () => {
      const loaded = await loadedWith(entry)
      assert.isAbove(loaded.length, 2)
      assert.deepStrictEqual(
        loaded.filter((file) => /^(?:pg|better-sqlite3|@effect\/sql)/.test(file)),
        []
      )
    })
  }

  it.scopedLive("opens what is named: memory, or a file", () =>
    Effect.gen(function* () {
      const folder = yield* Processes.folder
      for (const where of [{ _tag: "Memory" }, { _tag: "Sqlite", path: path.join(folder, "a.db") }] as const) {
        const layer = JournalOpen.layer(where, { durability: "normal", payloadBytesMax: 1000 })
        const journal = yield* Effect.provide(Journal, layer)
        assert.strictEqual(journal.limits.payloadBytes, 1000)
      }
      const readonly = JournalOpen.layer({ _tag: "Sqlite", path: path.join(folder, "none.db") }, { readonly: true })
      const error = yield* Effect.flip(Effect.provide(Journal, readonly))
      assert.include(error.message, "there is no such file")
    })
  )
})
