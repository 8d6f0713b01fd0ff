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
      for (const path of named(given)) {
        if (path === main.path || files.has(path) || files.size >= filesMax || size > bytesMax) continue
        const bytes = yield* read(path)
        if (isRefused(bytes)) {
          files.set(path, bytes)
          continue
        }
        size += bytes?.length ?? 0
        const found = bytes === undefined || size > bytesMax ? undefined : { path, bytes }
        files.set(path, found)
        if (found !== undefined) queue.push(found)
      }
    }
    return files
  })

/** The files that a run keeps: the first is its own, the others are those that it imports. */
export const fromSources = (sources: ReadonlyArray<{ readonly path: string; readonly text: string }>): Files =>
  new Map(sources.slice(1).map((source) => [source.path, source]))

/** Paths that a text imports; whatever is wrong with it is said when it is read in earnest. */
const named = (given: Bytes.Given): ReadonlyArray<string> => {
  const source = Bytes.read(given)
  if (Either.isLeft(source)) return []
  const report = new Diagnostics.Report(source.right)
  const tree = Read.read(report)
  const imports = tree?._tag === "Map" ? tree.entries.find(({ key }) => key.text === "imports")?.value : undefined
  return declared(report, imports).flatMap(({ path }) => path ?? [])
}

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
