/**
 * TypeScript files of a project, loaded into this process through `jiti` when they are first asked for, and once. Only
 * files that the project's allow-list names are loaded, by their own name and by that to which a link leads; what such a file
 * imports is its own affair. In them "flujo" means the flujo that runs, and "effect", where the project has none of its
 * own, the one that flujo runs on.
 */
import { createRequire } from "node:module"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Jiti } from "jiti"
import * as CodeAllowed from "../project/CodeAllowed.js"
import { frame } from "../project/ProjectError.js"
import * as ProjectFile from "../project/ProjectFile.js"
import { CodeError } from "./CodeError.js"
import * as Fault from "./Fault.js"

export const bytesMax = 1024 * 1024
const loadMillisMax = 30_000

export interface Module {
  /** From the project's folder on. */
  readonly file: string
  readonly text: string
  readonly exports: Readonly<Record<string, unknown>>
}

export interface Modules {
  /** `file` is a path from the project's folder on. */
  readonly load: (file: string) => Effect.Effect<Module, CodeError, FileSystem.FileSystem | Path.Path>
}

export interface Options {
  /** The project's folder. */
  readonly root: string
  readonly allow: ReadonlyArray<string>
  /** What the names `flujo`, `flujo/Step` and so on mean. */
  readonly own: () => Promise<Readonly<Record<string, unknown>>>
}

export const make = ({ allow, own, root }: Options): Modules => {
  const loaded = new Map<string, Module>()
  let jiti: Promise<Jiti> | undefined
  const load = (file: string) =>
    Effect.gen(function* () {
      const known = loaded.get(file)
      if (known !== undefined) return known
      const path = yield* Path.Path
      const { folder, real } = yield* allowed(root, allow, file)
      const text = yield* Effect.mapError(
        ProjectFile.read(real, { sizeMax: bytesMax }),
        ({ detail }) => new CodeError({ reason: "Unloadable", file, detail })
      )
      jiti ??= loader(folder, own)
      const started = jiti
      const exports = yield* Effect.tryPromise({
        try: async () => {
          const loader = await started
          return await whole(file, () => loader.import<unknown>(real))
        },
        catch: (thrown) => thrown
      }).pipe(
        Effect.timeoutFail({
          duration: loadMillisMax,
          onTimeout: () => new Error(`it is not done after ${loadMillisMax / 1000} seconds`)
        }),
        Effect.catchAll((thrown) => failed(thrown, { file, folder, real, text, path }))
      )
      const module: Module = { file, text, exports: isRecord(exports) ? exports : {} }
      loaded.set(file, module)
      return module
    })
  return { load }
}

/** A file that ends the process while it is loaded would end it as if all were done: that is said, and is no success. */
const whole = async <A>(file: string, load: () => Promise<A>): Promise<A> => {
  const onExit = () => {
    process.exitCode = exitLoading
    process.stderr.write(`error[FLJ-CODE-2]: ${file} ended the process while it was loaded\n`)
  }
  process.on("exit", onExit)
  try {
    return await load()
  } finally {
    process.off("exit", onExit)
  }
}

const exitLoading = 3

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/** The file itself, where its name and the name behind a link may be loaded. */
const allowed = (root: string, allow: ReadonlyArray<string>, file: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const refuse = (detail: string, hint?: string) =>
      new CodeError({ reason: "Refused", file, detail, ...(hint === undefined ? {} : { hint }) })
    if (!CodeAllowed.hasExtension(file)) {
      return yield* refuse(`code ends in ${CodeAllowed.extensions.join(", ")}`)
    }
    if (path.isAbsolute(file)) return yield* refuse("it lies outside the project", "copy it into the project")
    const hint = (name: string) => `add it in flujo.toml: code.allow = ["${name}"]`
    if (!CodeAllowed.allows(allow, file)) {
      return yield* refuse("it is not among the files that this project allows to be loaded", hint(file))
    }
    const found = yield* Effect.option(Effect.all([fs.realPath(root), fs.realPath(path.resolve(root, file))]))
    if (Option.isNone(found)) {
      return yield* new CodeError({ reason: "Unloadable", file, detail: "there is no such file" })
    }
    const [folder, real] = found.value
    const below = path.relative(folder, real).split(path.sep).join("/")
    if (below === ".." || below.startsWith("../") || path.isAbsolute(below)) {
      return yield* refuse("it is a link that leads out of the project")
    }
    if (!CodeAllowed.allows(allow, below)) {
      return yield* refuse(`it leads to ${below}, which this project does not allow to be loaded`, hint(below))
    }
    return { folder, real }
  })

const loader = async (folder: string, own: Options["own"]): Promise<Jiti> => {
  const [{ createJiti }, modules] = await Promise.all([import("jiti"), own()])
  const here = createRequire(import.meta.url)
  const there = createRequire(`${folder}/project.js`)
  const effect =
    resolved(there, "effect/package.json") === undefined ? resolved(here, "effect/package.json") : undefined
  return createJiti(`${folder}/project.js`, {
    // A cache in a folder that others may write in would be a way to run their code.
    fsCache: false,
    interopDefault: false,
    virtualModules: { ...modules },
    ...(effect === undefined ? {} : { alias: { effect: effect.slice(0, -"/package.json".length) } })
  })
}

const resolved = (require: NodeJS.Require, name: string): string | undefined => {
  try {
    return require.resolve(name)
  } catch {
    return undefined
  }
}

const failed = (
  thrown: unknown,
  of: {
    readonly file: string
    readonly folder: string
    readonly real: string
    readonly text: string
    readonly path: Path.Path
  }
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const { file, folder, path, real, text } = of
    const texts = new Map([[real, text]])
    const shownOf = (one: string) => (one === real ? file : path.relative(folder, one).split(path.sep).join("/"))
    const isOurs = (one: string) => one === real || (one.startsWith(folder + path.sep) && !one.includes("node_modules"))
    const first = Fault.told(thrown, real, isOurs, (one) => texts.get(one))
    if (!isOurs(first.file))
      return yield* Fault.error({ ...first, line: undefined, column: undefined }, file, undefined)
    const there = yield* Effect.option(fs.readFileString(first.file))
    if (Option.isSome(there)) texts.set(first.file, there.value)
    const told = Fault.told(thrown, real, isOurs, (one) => texts.get(one))
    const lines = texts.get(told.file)
    const shown =
      lines === undefined || told.line === undefined
        ? undefined
        : frame(lines, { line: told.line, column: told.column ?? 1 })
    return yield* Fault.error(told, shownOf(told.file), shown)
  })
