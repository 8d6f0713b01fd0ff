/** The skills that come with flujo. What they need of the machine is taken here, once. */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import type { AnySkill } from "../pipeline/Skill.js"
import * as ReadFile from "./builtins/ReadFile.js"
import * as Text from "./builtins/Text.js"
import * as WriteFile from "./builtins/WriteFile.js"

export interface Options {
  /** The project folder: file skills stay inside it. */
  readonly root: string
  /** Larger files are neither read nor written. Default 4 MiB. */
  readonly bytesMax?: number | undefined
  /** Whether a file of the project, such as `skills/score.ts`, is loaded as code: no skill writes it. Default: none is. */
  readonly isCode?: ((file: string) => boolean) | undefined
}

/** Well under the journal's limit of a payload, where file texts end up. */
export const bytesMaxDefault = 4 * 1024 * 1024

export const make = (
  options: Options
): Effect.Effect<ReadonlyArray<AnySkill>, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const file = { root: options.root, bytesMax: options.bytesMax ?? bytesMaxDefault }
    const isCode = options.isCode ?? (() => false)
    return [Text.stringify, Text.passthrough, yield* ReadFile.make(file), yield* WriteFile.make({ ...file, isCode })]
  })
