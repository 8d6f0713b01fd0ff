/** Kinds of steps that a project's code exports. */
import type { FileSystem } from "@effect/platform/FileSystem"
import type { Path } from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Kind from "../pipeline/Kind.js"
import { CodeError } from "./CodeError.js"
import type { Module, Modules } from "./Modules.js"
import { exportsOf } from "./Skills.js"

export interface Exported {
  readonly kind: Kind.Kind
  readonly module: Module
}

/** The kind that `file` exports as `name`. */
export const exported = (
  modules: Modules,
  file: string,
  name: string
): Effect.Effect<Exported, CodeError, FileSystem | Path> =>
  Effect.flatMap(modules.load(file), (module) => {
    const kind = Object.hasOwn(module.exports, name) ? module.exports[name] : undefined
    if (Kind.isKind(kind)) return Effect.succeed({ kind, module })
    const detail = Object.hasOwn(module.exports, name) ? `${name} is no kind of step` : `it exports no ${name}`
    return Effect.fail(new CodeError({ reason: "Export", file, detail, hint: exportsOf(module, Kind.isKind) }))
  })
