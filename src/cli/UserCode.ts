/** Code of the project: loaded when a blueprint or a command names it, and never before. */
import type { FileSystem } from "@effect/platform/FileSystem"
import type { Path } from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Given } from "../blueprint/Bytes.js"
import * as Code from "../blueprint/Code.js"
import { blueprints, type Files } from "../blueprint/Imports.js"
import { commonKeys, customKeysOf as keysOf, kindNames } from "../blueprint/Steps.js"
import type { CodeError } from "../code/CodeError.js"
import type { Modules } from "../code/Modules.js"
import type { Exported, Own } from "../code/Skills.js"
import type { Source } from "../domain/Event.js"
import type { Kind } from "../pipeline/Kind.js"
import type { AnySkill, Lookup } from "../pipeline/Skill.js"
import { codeErrors } from "./codes/Code.js"
import { Fault } from "./Fault.js"
import * as Faults from "./Faults.js"
import { Host } from "./Host.js"
import * as Workspace from "./Workspace.js"

/** What blueprints may name, as far as these do. */
export interface Known {
  readonly skills: Lookup
  readonly skillIds: ReadonlyArray<string>
  readonly code: Code.Loaded
  /** The files that were loaded for it, as they were then. */
  readonly sources: ReadonlyArray<Source>
}

const made = new WeakMap<Workspace.Workspace, Modules>()

/** The files of the project that may be loaded. */
export const modules = (workspace: Workspace.Workspace): Effect.Effect<Modules, never, Host> =>
  Effect.gen(function* () {
    const known = made.get(workspace)
    if (known !== undefined) return known
    const host = yield* Host
    const Modules = yield* Effect.promise(() => import("../code/Modules.js"))
    // Standard output is for results: what code says on its way goes where messages go.
    for (const name of ["log", "info", "debug"] as const) console[name] = console.error
    const { base, config } = workspace
    // Whoever declares a kind means its file to be loaded.
    const allow = Workspace.allowedCode(config)
    const all = Modules.make({ root: base, allow, own: host.modules })
    made.set(workspace, all)
    return all
  })

/** The skills of a blueprint and of the files that it imports. */
export const of = (
  workspace: Workspace.Workspace,
  given: Given,
  files: Files
): Effect.Effect<Known, Fault, FileSystem | Host | Path> =>
  Effect.gen(function* () {
    const builtins = yield* Workspace.skills(workspace)
    const { ids, kinds: named, references } = Code.named(blueprints(given, files))
    const wanted = ids.filter((id) => builtins.lookup(id) === undefined)
    const kinds = yield* kindsOf(workspace, named)
    if (wanted.length === 0 && references.length === 0 && kinds.sources.length === 0) {
      return { skills: builtins.lookup, skillIds: builtins.ids, code: { ...none, ...kinds.code }, sources: [] }
    }
    const Skills = yield* Effect.promise(() => import("../code/Skills.js"))
    const found: Own = wanted.length === 0 ? { found: [], broken: [] } : yield* own(workspace)
    const byReference = new Map<string, Either.Either<Exported, Code.Refusal>>()
    const used: Array<Exported> = []
    for (const reference of references) {
      const exported = yield* Effect.flatMap(modules(workspace), (all) =>
        Effect.either(Skills.exported(all, reference.path, reference.name))
      )
      byReference.set(keyOf(reference), Either.mapLeft(exported, refusalOf))
      if (Either.isRight(exported)) used.push(exported.right)
    }
    const clash = Skills.clash([...found.found, ...used], builtins.ids)
    if (clash !== undefined) return yield* clashFault(clash)
    const byId = new Map(found.found.map((one) => [one.skill.id, one]))
    used.push(...wanted.flatMap((id) => byId.get(id) ?? []))
    const sources = new Map(used.map(({ module }) => [module.file, { path: module.file, text: module.text }]))
    return {
      skills: (id) => builtins.lookup(id) ?? byId.get(id)?.skill,
      skillIds: [...builtins.ids, ...byId.keys()],
      code: {
        skill: (reference): Either.Either<AnySkill, Code.Refusal> =>
          Either.map(byReference.get(keyOf(reference)) ?? Either.left(unread), ({ skill }) => skill),
        ...kinds.code,
        unread: found.broken.map(({ message }) => message)
      },
      sources: [...sources.values(), ...kinds.sources]
    }
  })

/** Those of the project's own kinds that are among `names`. */
const kindsOf = (workspace: Workspace.Workspace, names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { kinds } = workspace.config
    const found = new Map<string, Kind>()
    const refused = new Map<string, CodeError>()
    const sources = new Map<string, Source>()
    for (const [name, { source, value }] of kinds) {
      if (kindNames.includes(name)) {
        const location = source._tag === "File" ? { file: source.file, line: source.line } : undefined
        const text = `${name} is a kind that comes with flujo, and no other takes its place`
        return yield* new Fault({ ...codeErrors.Clash, text, hint: "give it another name", location })
      }
      if (!names.includes(name)) continue
      const Kinds = yield* Effect.promise(() => import("../code/Kinds.js"))
      const exported = yield* Effect.either(Kinds.exported(yield* modules(workspace), value.file, value.name))
      if (Either.isRight(exported)) {
        const { module } = exported.right
        sources.set(module.file, { path: module.file, text: module.text })
        const common = keysOf(exported.right.kind).find((key) => commonKeys.includes(key))
        if (common !== undefined) {
          const text = `the kind ${name} has a key ${common}, which every step has already`
          return yield* new Fault({
            ...codeErrors.Export,
            text,
            hint: "give it another name",
            location: { file: module.file }
          })
        }
      }
      if (Either.isRight(exported)) found.set(name, exported.right.kind)
      else refused.set(name, exported.left)
    }
    const code: Pick<Code.Loaded, "kind" | "kinds"> = {
      kind: (name) => {
        const kind = found.get(name)
        const error = refused.get(name)
        return kind !== undefined ? Either.right(kind) : error && Either.left(refusalOf(error))
      },
      kinds: [...kinds.keys()]
    }
    return { code, found, errors: [...refused.values()], sources: [...sources.values()] }
  })

/** All kinds of the project's own. */
export const kinds = (
  workspace: Workspace.Workspace
): Effect.Effect<ReadonlyMap<string, Kind>, Fault, FileSystem | Host | Path> =>
  Effect.gen(function* () {
    const names = [...workspace.config.kinds.keys()]
    const { errors, found } = yield* kindsOf(workspace, names)
    const [error] = errors
    return error === undefined ? found : yield* Faults.code(error)
  })

/** The skills of `skills/`; two of one id are refused, so that no order of files decides. */
export const own = (workspace: Workspace.Workspace): Effect.Effect<Own, Fault, FileSystem | Host | Path> =>
  Effect.gen(function* () {
    const Skills = yield* Effect.promise(() => import("../code/Skills.js"))
    const builtins = yield* Workspace.skills(workspace)
    const found = yield* Skills.own(workspace.base, yield* modules(workspace))
    const clash = Skills.clash(found.found, builtins.ids)
    return clash === undefined ? found : yield* clashFault(clash)
  })

const clashFault = ({ detail, one }: { readonly one: Exported; readonly detail: string }) =>
  new Fault({ ...codeErrors.Clash, text: detail, hint: "give it another id", location: { file: one.module.file } })

const none: Code.Loaded = {
  skill: () => Either.left(unread),
  kind: () => undefined,
  kinds: [],
  unread: []
}

const unread: Code.Refusal = { code: "FLJ-CODE-2", message: "this file was not loaded", hint: undefined }

const keyOf = ({ name, path }: Code.Reference): string => `${path}#${name}`

const codes = { Refused: "FLJ-CODE-1", Unloadable: "FLJ-CODE-2", Export: "FLJ-CODE-3" } as const

const refusalOf = (error: CodeError): Code.Refusal => ({
  code: codes[error.reason],
  message: error.message,
  hint: error.hint
})
