/**
 * The folder that file skills stay in. A name is read as the way down from it, and every component is looked at without
 * following links: what leads out (`..`, a path elsewhere, a link anywhere on the way), what is no plain file, and, for
 * writing, what belongs to flujo or git, is refused.
 *
 * Looking and working are two moments. On Linux the folder is held open, and it is checked that what was opened is what
 * was looked at, so that a folder swapped for a link in between gives nothing away and takes nothing. Where the system
 * cannot tell that (macOS), whoever may change the project folder could win that race: keep it to people who may read
 * and write what flujo does. A hard link is the file itself and cannot be told apart.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { SkillError } from "../../pipeline/Skill.js"
import * as NodeFile from "./NodeFile.js"

export interface ProjectFolder {
  /** Where `given` leads. Nothing is made and nothing is opened. */
  readonly locate: (given: string, access: "read" | "write") => Effect.Effect<Located, SkillError>
  /** Looks at every component; answers what stands at the end. */
  readonly check: (located: Located) => Effect.Effect<Option.Option<NodeFile.Found>, SkillError>
  /** Holds a folder of this project open while `use` works in it, by the name it is handed. */
  readonly holding: <A>(
    located: Located,
    folder: string,
    use: (base: string) => Effect.Effect<A, SkillError>
  ) => Effect.Effect<A, SkillError>
  readonly refused: (detail: string) => SkillError
  /** What the system said about `given`. */
  readonly failed: (given: string, fault: NodeFile.Fault) => SkillError
}

/** A place inside the project folder. */
export interface Located {
  /** As the caller said it. */
  readonly given: string
  /** With forward slashes, from the project folder. */
  readonly relative: string
  readonly root: string
  /** The folders on the way below the project folder, outermost first. */
  readonly folders: ReadonlyArray<string>
  readonly folder: string
  readonly name: string
  readonly file: string
}

const givenLengthMax = 1024

export const make = (skill: string, root: string, files: FileSystem.FileSystem, paths: Path.Path): ProjectFolder => {
  const refused = (detail: string) => new SkillError({ skill, reason: "Refused", detail })
  const failed = (given: string, { code, detail }: NodeFile.Fault) =>
    new SkillError({ skill, reason: "Failed", detail: `${quoted(given)}: ${faults[code] ?? detail}` })

  /** The project folder itself may be reached through a link: where it really is, is where files stay. */
  const realRoot = Effect.mapError(
    files.realPath(root),
    (error) =>
      new SkillError({ skill, reason: "Failed", detail: `the project folder ${quoted(root)}: ${error.message}` })
  )

  const components = (given: string, real: string): ReadonlyArray<string> | SkillError => {
    const show = quoted(given)
    if (given === "") return refused("the path is empty")
    if (given.length > givenLengthMax) return refused(`${show}: the path is longer than ${givenLengthMax} characters`)
    if (unsafe.test(given)) return refused(`${show}: the path has control characters in it`)
    const parts = given.split(separator(paths))
    if (parts.includes("..")) return refused(`${show}: a path may not have ".." in it`)
    if (parts.at(-1) === "" || parts.at(-1) === ".") return refused(`${show} names a folder, not a file`)
    if (!paths.isAbsolute(given)) {
      // On Windows, `C:file` and `file:stream` are not the names they seem to be.
      if (paths.sep === "\\" && given.includes(":")) return refused(`${show}: a path may not have ":" in it`)
      return named(parts)
    }
    for (const from of [real, paths.resolve(root)]) {
      const below = paths.relative(from, given)
      const inside = named(below.split(separator(paths)))
      if (below !== "" && !paths.isAbsolute(below) && inside[0] !== "..") return inside
    }
    return refused(`${show} is outside the project folder`)
  }

  const check = Effect.fnUntraced(function* (located: Located) {
    const { file, folders, given } = located
    const show = quoted(given)
    const look = (path: string) => Effect.mapError(NodeFile.look(path), (fault) => failed(given, fault))
    for (const folder of folders) {
      const found = yield* look(folder)
      if (Option.isNone(found)) return Option.none()
      if (found.value.kind === "link")
        return yield* refused(`${show}: ${quoted(nameIn(paths, folder))} is a symbolic link`)
      if (found.value.kind !== "folder")
        return yield* refused(`${show}: ${quoted(nameIn(paths, folder))} is not a folder`)
    }
    const found = yield* look(file)
    if (Option.isNone(found) || found.value.kind === "file") return found
    return yield* refused(`${show} ${notAFile[found.value.kind]}`)
  })

  return {
    locate: Effect.fnUntraced(function* (given, access) {
      const real = yield* realRoot
      const parts = components(given, real)
      if (parts instanceof SkillError) return yield* parts
      const kept = access === "write" ? parts.find(isKept) : undefined
      if (kept !== undefined) return yield* refused(`${quoted(given)}: nothing is written into ${quoted(kept)}`)
      // What says where keys go is not a pipeline's to change, and what holds keys is not its to read.
      const name = plainly(parts.at(-1)!)
      if (isEnvironment(name) || (access === "write" && settings.has(name))) {
        return yield* refused(`${quoted(given)}: ${quoted(name)} holds settings, which no skill may ${access}`)
      }
      const folders = parts.slice(0, -1).map((_, i) => paths.join(real, ...parts.slice(0, i + 1)))
      const folder = folders.at(-1) ?? real
      const last = parts.at(-1)!
      return {
        given,
        root: real,
        relative: parts.join("/"),
        folders,
        folder,
        name: last,
        file: paths.join(folder, last)
      }
    }),
    check,
    holding: (located, folder, use) =>
      Effect.mapError(NodeFile.holding(folder, use), (error) => {
        if (error instanceof SkillError) return error
        const isSwapped = error.code === "ESTALE" || error.code === "ELOOP" || error.code === "ENOTDIR"
        return isSwapped
          ? refused(`${quoted(located.given)}: a folder on the way was replaced meanwhile; try again`)
          : failed(located.given, error)
      }),
    refused,
    failed
  }
}

const separator = (paths: Path.Path): RegExp => (paths.sep === "\\" ? /[\\/]/ : /\//)

const named = (parts: ReadonlyArray<string>): ReadonlyArray<string> =>
  parts.filter((part) => part !== "" && part !== ".")

const nameIn = (paths: Path.Path, path: string): string => paths.basename(path)

// Control characters, line and paragraph separators, and halves of characters.
const unsafe = /[\p{Cc}\u2028\u2029]|\p{Surrogate}/u

/** As file systems that ignore case, format characters or trailing dots would find it. */
const plainly = (name: string): string =>
  name
    .normalize("NFKC")
    .replace(/\p{Cf}/gu, "")
    .replace(/[. ]+$/, "")
    .toLowerCase()

/** `.env`, `.env.local` and the like, but not the example without values. */
const isEnvironment = (name: string): boolean => /^\.env(\.|$)/.test(name) && name !== ".env.example"

/** What says which files are loaded, and where keys go. */
const settings: ReadonlySet<string> = new Set(["flujo.toml", "package.json"])

/** `.git`, `.flujo` and `node_modules`. */
const isKept = (name: string): boolean => {
  const plain = plainly(name)
  return plain === ".git" || plain === ".flujo" || plain === "node_modules" || /^git~[0-9]+$/.test(plain)
}

const notAFile = {
  folder: "is a folder",
  link: "is a symbolic link",
  other: "is not a plain file (a device, a pipe or a socket)"
}

const faults: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ENOSPC: "no space is left on the device",
  EROFS: "the file system is read-only",
  ENAMETOOLONG: "a name in the path is too long",
  EMFILE: "too many files are open"
}

/** A path as a message shows it: in quotes, escaped, and not longer than one would read. */
export const quoted = (text: string): string => {
  const shown = text.length > lengthShown ? `${text.slice(0, lengthShown).toWellFormed()}…` : text
  return JSON.stringify(shown).replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`
  )
}

const lengthShown = 200
