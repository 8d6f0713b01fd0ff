/**
 * The blueprints of a folder: files ending in `.yaml` or `.yml` that have `steps` at their top. Folders that begin with a
 * dot, `node_modules` and links are left out, and the walk is bounded.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

export const entriesMax = 50_000
export const blueprintsMax = 2_000
const depthMax = 32
/** So much of a file is looked at to tell whether it is a blueprint. */
const headBytes = 1024 * 1024

/** More than is looked at: name a smaller folder. */
export class SearchLimit extends Data.TaggedError("SearchLimit")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

const skipped = new Set(["node_modules"])

/** Absolute, in the order of their names. */
export const blueprints = (
  folder: string
): Effect.Effect<ReadonlyArray<string>, PlatformError | SearchLimit, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const found: Array<string> = []
    let entries = 0
    const walk = (
      at: string,
      depth: number
    ): Effect.Effect<void, PlatformError | SearchLimit, FileSystem.FileSystem | Path.Path> =>
      Effect.gen(function* () {
        const names = yield* fs.readDirectory(at)
        entries += names.length
        if (entries > entriesMax) {
          return yield* new SearchLimit({ detail: `there are more than ${entriesMax} files and folders in ${folder}` })
        }
        for (const name of [...names].sort()) {
          const whole = path.join(at, name)
          const isLink = Option.isSome(yield* Effect.option(fs.readLink(whole)))
          if (name.startsWith(".") || skipped.has(name) || isLink) continue
          const info = yield* Effect.option(fs.stat(whole))
          if (Option.isNone(info)) continue
          if (info.value.type === "Directory") {
            if (depth < depthMax) yield* walk(whole, depth + 1)
          } else if (info.value.type === "File" && /\.ya?ml$/i.test(name)) {
            if (info.value.size > BigInt(headBytes)) continue
            const text = yield* Effect.option(fs.readFileString(whole))
            if (Option.isNone(text) || !isBlueprint(text.value)) continue
            found.push(whole)
            if (found.length > blueprintsMax) {
              return yield* new SearchLimit({ detail: `there are more than ${blueprintsMax} blueprints in ${folder}` })
            }
          }
        }
      })
    yield* walk(folder, 0)
    return found
  })

/** `steps` is a key at the top, in one of the ways to write it. */
export const isBlueprint = (text: string): boolean =>
  /^(?:\ufeff)?(?:["']?steps["']?\s*:|\{[^}]*\bsteps["']?\s*:)/m.test(text)
