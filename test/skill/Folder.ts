/** A project folder on the disk, with the built-in skills over it, that is gone after the test. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { Effect } from "effect"
import type * as Json from "../../src/domain/Json.js"
import type * as Skill from "../../src/pipeline/Skill.js"
import * as Builtins from "../../src/skill/Builtins.js"

export interface Folder {
  readonly root: string
  /** Beside the project folder, outside of it. */
  readonly outside: string
  readonly put: (name: string, content: string | Uint8Array) => string
  readonly text: (name: string) => string
  /** Every file below the project folder, hidden ones too. */
  readonly files: () => ReadonlyArray<string>
  /** Calls a skill as the engine does: JSON in, JSON out. */
  readonly call: (id: string, input: Json.Json, key?: string) => Effect.Effect<unknown, Skill.SkillError>
}

export const make = (options: { readonly bytesMax?: number } = {}) =>
  Effect.gen(function* () {
    const base = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "flujo-skill-"))),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
    )
    const root = join(base, "project")
    const outside = join(base, "outside")
    mkdirSync(root)
    mkdirSync(outside)
    chmodSync(root, 0o755)
    const skills = yield* Builtins.make({ root, ...options })
    const folder: Folder = {
      root,
      outside,
      put: (name, content) => {
        const file = join(root, name)
        mkdirSync(dirname(file), { recursive: true })
        writeFileSync(file, content)
        return file
      },
      text: (name) => readFileSync(join(root, name), "utf8"),
      files: () =>
        existsSync(root)
          ? readdirSync(root, { recursive: true, withFileTypes: true })
              .filter((entry) => !entry.isDirectory())
              .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
              .sort()
          : [],
      call: (id, input, key = "key") =>
        Effect.gen(function* () {
          const skill = skills.find((one) => one.id === `flujo.builtins.${id}`)!
          const value = yield* Effect.orDie(skill.input.decode(input))
          const run = skill.run as Skill.Skill<unknown, unknown>["run"]
          return yield* run(value, { idempotencyKey: key })
        })
    }
    return folder
  }).pipe(Effect.provide(NodeContext.layer))
