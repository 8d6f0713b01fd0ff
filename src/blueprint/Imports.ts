/**
 * `imports:` — other blueprints, by name. Paths are relative to the importing file and stay inside the project. Reading
 * is pure: whoever calls gathers the files first (`load`, or `fromSources` for a run that goes on) and hands them over.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Words from "../expression/Words.js"
import * as Bytes from "./Bytes.js"
import * as Decode from "./Decode.js"
import * as Diagnostics from "./Diagnostics.js"
import * as Read from "./Read.js"
import type { Key, Tree } from "./Tree.js"

/** Why a file that is there is not read: it is a folder, say, or lies outside the project. */
export interface Refused {
  readonly refused: string
  readonly hint: string | undefined
}

/** Files by path from the project's folder, with `/` between names. `undefined`: there is no such file. */
export type Files = ReadonlyMap<string, Bytes.Given | Refused | undefined>

export const isRefused = (file: Bytes.Given | Uint8Array | Refused | undefined): file is Refused =>
  file !== undefined && "refused" in file

/** More files are not followed. */
export const filesMax = 100
/** Of all of them together. */
export const bytesMax = 16 * 1024 * 1024

export interface Import {
  readonly key: Key
  /** From the project's folder; `undefined` where there is none, and it was said. */
  readonly path: string | undefined
  readonly span: Key["span"]
}

/** The files that `main` imports, and that these import, as far as they can be read. */
export const load = <E, R>(
  main: Bytes.Given,
  read: (path: string) => Effect.Effect<Uint8Array | Refused | undefined, E, R>
): Effect.Effect<Files, E, R> =>
  Effect.gen(function* () {
    const files = new Map<string, Bytes.Given | Refused | undefined>()
    const queue: Array<Bytes.Given> = [main]
    let size = 0
    for (let given = queue.shift(); given !== undefined; given = queue.shift()) {
      const { imports, prompts } = named(given)
      for (const path of [...imports, ...prompts]) {
        if (path === main.path || files.has(path) || files.size >= filesMax || size > bytesMax) continue
        const bytes = yield* read(path)
        if (isRefused(bytes)) {
          files.set(path, bytes)
          continue
        }
        size += bytes?.length ?? 0
        const found = bytes === undefined || size > bytesMax ? undefined : { path, bytes }
        files.set(path, found)
        if (found !== undefined && imports.includes(path)) queue.push(found)
      }
    }
    return files
  })

/** Of the files those that are blueprints: `main`, what it imports, and what these do; not their prompts. */
export const blueprints = (main: Bytes.Given, files: Files): ReadonlyArray<Bytes.Given> => {
  const found = new Map<string, Bytes.Given>([[main.path, main]])
  for (const given of found.values()) {
    for (const path of files.size === 0 ? [] : named(given).imports) {
      const file = files.get(path)
      if (file !== undefined && !isRefused(file) && !found.has(path)) found.set(path, { ...file, path })
    }
  }
  return [...found.values()]
}

/** The files that a run keeps: the first is its own, the others are those that it imports. */
export const fromSources = (sources: ReadonlyArray<{ readonly path: string; readonly text: string }>): Files =>
  new Map(sources.slice(1).map((source) => [source.path, source]))

/** Paths that a text imports, and those of its prompts; whatever is wrong with it is said when it is read in earnest. */
const named = (
  given: Bytes.Given
): { readonly imports: ReadonlyArray<string>; readonly prompts: ReadonlyArray<string> } => {
  const source = Bytes.read(given)
  if (Either.isLeft(source)) return { imports: [], prompts: [] }
  const report = new Diagnostics.Report(source.right)
  const tree = Read.read(report)
  const imports = tree?._tag === "Map" ? tree.entries.find(({ key }) => key.text === "imports")?.value : undefined
  return {
    imports: declared(report, imports).flatMap(({ path }) => path ?? []),
    prompts: promptFiles(given.path, tree)
  }
}

/** Paths that the agents of a document name, from the project on; whatever is wrong with them is said when they are read. */
const promptFiles = (from: string, tree: Tree | undefined): ReadonlyArray<string> => {
  const agents = tree?._tag === "Map" ? tree.entries.find(({ key }) => key.text === "agents")?.value : undefined
  return (agents?._tag === "Map" ? agents.entries : []).flatMap(({ value }) => {
    const prompt = valueOf(value, "system_prompt")
    const file = prompt && valueOf(prompt, "from_file")
    if (file?._tag !== "Scalar" || typeof file.value !== "string") return []
    return resolve(from, file.value.trim()) ?? []
  })
}

const valueOf = (tree: Tree, name: string): Tree | undefined =>
  tree._tag === "Map" ? tree.entries.find(({ key }) => key.text === name)?.value : undefined

/** What is declared under `imports:`. */
export const declared = (report: Diagnostics.Report, tree: Tree | undefined): ReadonlyArray<Import> => {
  const map = tree === undefined ? undefined : Decode.map(report, tree, "`imports`", "names, each with a file")
  return (map?.entries ?? []).map(({ key, value }) => {
    if (!/^[\p{L}_][\p{L}\p{N}_-]*$/u.test(key.text)) {
      report.add("FLJ-BLUEPRINT-19", key.span, `${Words.quoted(key.text)} is not a name`, {
        hint: "letters, digits, _ and -, and a letter or _ first"
      })
    }
    const text = Decode.word(report, value, `\`imports.${key.text}\``)
    if (text === undefined) return { key, path: undefined, span: key.span }
    const path = resolve(report.source.path, text.value.trim())
    if (path !== undefined) return { key, path, span: text.span }
    report.add("V-I1", text.span, `${Words.quoted(text.value)} is no path to a file inside the project`, {
      hint: `write it from this file on, for instance ./${text.value.split(/[\\/]/).at(-1) ?? ""}`
    })
    return { key, path: undefined, span: text.span }
  })
}

/** From the project's folder, or undefined where it leads out of it. */
export const resolve = (from: string, to: string): string | undefined => {
  if (to === "" || /^([\\/~]|[A-Za-z][A-Za-z0-9+.-]*:)/.test(to) || /[\\\0]/.test(to)) return undefined
  const isAbsolute = from.startsWith("/") || /^[A-Za-z]:/.test(from)
  const parts = isAbsolute
    ? undefined
    : from
        .split("/")
        .slice(0, -1)
        .filter((part) => part !== ".")
  if (parts === undefined || parts.includes("..")) return undefined
  for (const part of to.split("/")) {
    if (part === "" || part === ".") continue
    if (part !== "..") parts.push(part)
    else if (parts.pop() === undefined) return undefined
  }
  return parts.length === 0 || to.endsWith("/") ? undefined : parts.join("/")
}
