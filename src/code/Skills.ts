/** Skills that a project's code exports: those of its own, in `skills/`, by their ids, and any by its file. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Skill from "../pipeline/Skill.js"
import * as CodeAllowed from "../project/CodeAllowed.js"
import { CodeError } from "./CodeError.js"
import type { Module, Modules } from "./Modules.js"

export const filesMax = 200

/** A skill, and what exports it. */
export interface Exported {
  readonly skill: Skill.AnySkill
  readonly name: string
  readonly module: Module
}

export interface Own {
  readonly found: ReadonlyArray<Exported>
  /** Why other files of `skills/` were not read. */
  readonly broken: ReadonlyArray<CodeError>
}

/** Ids of these are flujo's own. */
const reserved = "flujo."

/** What the files directly in `skills/` export, in the order of their names. A file that cannot be loaded hinders no other. */
export const own = (root: string, modules: Modules): Effect.Effect<Own, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const names = yield* Effect.orElseSucceed(fs.readDirectory(path.join(root, CodeAllowed.skillsFolder)), () => [])
    const files = names
      .map((name) => `${CodeAllowed.skillsFolder}/${name}`)
      .filter((file) => CodeAllowed.isSkillFile(file))
      .sort()
    const found: Array<Exported> = []
    const broken: Array<CodeError> = []
    for (const file of files.slice(0, filesMax)) {
      const module = yield* Effect.either(modules.load(file))
      if (Either.isLeft(module)) {
        broken.push(module.left)
        continue
      }
      const seen = new Set<unknown>()
      for (const [name, value] of Object.entries(module.right.exports)) {
        // One skill under two names is one skill.
        if (!Skill.isSkill(value) || seen.has(value)) continue
        seen.add(value)
        found.push({ skill: value, name, module: module.right })
      }
    }
    const more = files[filesMax]
    if (more !== undefined) {
      const detail = `there are more than ${filesMax} files in ${CodeAllowed.skillsFolder}/, and this one was not read`
      broken.push(new CodeError({ reason: "Refused", file: more, detail }))
    }
    return { found, broken }
  })

/** The skill that `file` exports as `name`. */
export const exported = (
  modules: Modules,
  file: string,
  name: string
): Effect.Effect<Exported, CodeError, FileSystem.FileSystem | Path.Path> =>
  Effect.flatMap(modules.load(file), (module) => {
    const { exports } = module
    const refuse = (detail: string, hint: string) =>
      Effect.fail(new CodeError({ reason: "Export", file, detail, hint }))
    if (!Object.hasOwn(exports, name)) return refuse(`it exports no ${name}`, exportsOf(module, Skill.isSkill))
    const value = exports[name]
    if (!Skill.isSkill(value)) return refuse(`${name} is no skill`, 'make it with Skill.make of "flujo"')
    if (!value.id.startsWith(reserved)) return Effect.succeed({ skill: value, name, module })
    return refuse(`${name} has the id ${value.id}, and ids that begin with ${reserved} are those of flujo`, "rename it")
  })

/** Which exports would do, in words. */
export const exportsOf = ({ exports }: Module, wanted: (value: unknown) => boolean): string => {
  const names = Object.keys(exports).filter((name) => wanted(exports[name]))
  const more = names.length > 20 ? ", …" : ""
  return names.length === 0 ? "it exports none" : `it exports ${names.slice(0, 20).join(", ")}${more}`
}

/** A skill whose id is another's, or flujo's own. */
export const clash = (
  all: ReadonlyArray<Exported>,
  builtins: ReadonlyArray<string>
): { readonly one: Exported; readonly detail: string } | undefined => {
  const byId = new Map<string, Exported>()
  for (const one of all) {
    const { id } = one.skill
    if (builtins.includes(id) || id.startsWith(reserved)) {
      return { one, detail: `${one.name} has the id ${id}, and ids that begin with ${reserved} are those of flujo` }
    }
    const other = byId.get(id)
    if (other !== undefined && other.skill !== one.skill) {
      return { one, detail: `${one.name} has the id ${id}, and so has ${other.name} of ${other.module.file}` }
    }
    byId.set(id, one)
  }
  return undefined
}
