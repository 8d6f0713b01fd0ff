import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ImportedFile from "../../src/project/ImportedFile.js"

const folder = mkdtempSync(join(tmpdir(), "flujo-imported-"))
const root = join(folder, "project")
mkdirSync(join(root, "parts"), { recursive: true })
writeFileSync(join(root, "parts/a.yaml"), "steps: []")
writeFileSync(join(root, "large.yaml"), "x".repeat(101))
writeFileSync(join(folder, "secret.yaml"), "steps: []")
symlinkSync(join(folder, "secret.yaml"), join(root, "out.yaml"))
symlinkSync(join(root, "parts/a.yaml"), join(root, "in.yaml"))
symlinkSync(folder, join(root, "up"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const read = (file: string) => Effect.provide(ImportedFile.read(root, file, { sizeMax: 100 }), NodeContext.layer)
const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : new TextDecoder().decode(bytes))

describe("a file that a blueprint imports", () => {
  it.effect("is read where it lies inside the project, through links too", () =>
    Effect.gen(function* () {
      assert.strictEqual(text(yield* read("parts/a.yaml")), "steps: []")
      assert.strictEqual(text(yield* read("in.yaml")), "steps: []")
      assert.isUndefined(yield* read("nobody.yaml"))
    })
  )
  it.effect("is refused where it lies outside, is no file, and is not read whole where it is too large", () =>
    Effect.gen(function* () {
      for (const file of ["out.yaml", "up/secret.yaml", "../secret.yaml", "parts", "."]) {
        assert.strictEqual((yield* Effect.flip(read(file))).reason, "NotAFile", file)
      }
      assert.lengthOf((yield* read("large.yaml"))!, 101)
    })
  )
})
