/**
 * Where runs are kept. A path is taken as written (no `%` decoding, no `~`), and a relative one starts at the project
 * root wherever it was said, so one URI means one file from any folder of the project. Outside a project it starts at
 * the working folder. Forms:
 *
 * - `memory://` (also `memory`, `mem://`, `inmemory://`): nothing outlives the process;
 * - `sqlite:///path/in/project.db`: three slashes, a relative path;
 * - `sqlite:////absolute/path.db`: four slashes, an absolute one; `sqlite:///C:/path.db` on Windows;
 * - `sqlite://path.db`: two slashes, the same as three; `sqlite://:memory:` is `memory://`;
 * - `postgresql://user:password@host:5432/database` (also `postgres://`): see `domain/PostgresUri.ts`.
 */
import type * as Path from "@effect/platform/Path"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as PostgresUri from "../domain/PostgresUri.js"
import { nearest } from "./Nearest.js"
import { maskUri, ProjectError, quoted } from "./ProjectError.js"

/** `path` is absolute and normal. `shown` is `uri` without its password. */
export type StateUri =
  | { readonly _tag: "Memory" }
  | { readonly _tag: "Sqlite"; readonly path: string }
  | { readonly _tag: "Postgres"; readonly uri: Redacted.Redacted; readonly shown: string }

export const memory: StateUri = { _tag: "Memory" }

/** `path` is absolute. */
export const sqlite = (path: string): StateUri => ({ _tag: "Sqlite", path })

/** How a person may see it. */
export const show = (uri: StateUri): string => {
  switch (uri._tag) {
    case "Memory":
      return "memory://"
    case "Sqlite":
      return `sqlite:///${uri.path}`
    case "Postgres":
      return uri.shown
  }
}

const supported = "supported are sqlite, postgresql and memory"
const lengthMax = 4096

/** Reads `text`; relative paths start at `base`, an absolute folder. The error names no file; see `ProjectConfig.read`. */
export const parse = (
  text: string,
  { base, path }: { readonly base: string; readonly path: Path.Path }
): Either.Either<StateUri, ProjectError> => {
  const uri = text.trim()
  if (uri.length > lengthMax) return refuse(`a state URI has at most ${lengthMax} characters, not ${uri.length}`)
  const [, scheme, rest] = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/s.exec(uri) ?? [undefined, undefined, undefined]
  if (uri === "") return refuse("the state URI is empty")
  switch (scheme?.toLowerCase() ?? uri.toLowerCase()) {
    case "memory":
    case "mem":
    case "inmemory":
      return rest === undefined || rest === "" || /^\/{2,3}$/.test(rest)
        ? Either.right(memory)
        : refuse("state in memory has no name", "write memory://")
    case "sqlite":
      return parseSqlite(rest ?? "", base, path)
    case "postgres":
    case "postgresql":
      return Either.mapBoth(PostgresUri.parse(uri), {
        onLeft: ({ detail, hint }) => error(detail, hint),
        onRight: ({ shown }) => ({ _tag: "Postgres", uri: Redacted.make(uri), shown })
      })
  }
  // A drive letter is not a scheme, and neither is what precedes a colon in a path.
  if (scheme === undefined || scheme.length === 1 || !rest?.startsWith("//")) {
    return refuse(
      `${quoted(maskUri(uri))} is not a state URI`,
      `say how the state is kept: sqlite:///${/^[/\\]|^[A-Za-z]:[/\\]/.test(uri) ? "/absolute/path.db" : "path/in/project.db"}, postgresql://… or memory://`
    )
  }
  const meant = nearest(scheme.toLowerCase(), ["sqlite", "memory", "postgresql", "postgres"])
  return refuse(
    `${scheme}:// is no kind of state; ${supported}`,
    meant === undefined ? undefined : `did you mean ${meant}://?`
  )
}

const parseSqlite = (rest: string, base: string, path: Path.Path): Either.Either<StateUri, ProjectError> => {
  const example = "write sqlite:///path/in/project.db, or sqlite:////absolute/path.db"
  if (!rest.startsWith("//")) return refuse("a state URI of SQLite begins with sqlite://", example)
  const file = rest.replace(/^\/\/\/?/, "")
  if (file === ":memory:") return Either.right(memory)
  if (file === "") return refuse("the state URI of SQLite names no file", example)
  if (file.includes("\0")) return refuse("a path cannot hold a NUL character")
  if (/[?#]/.test(file)) return refuse("a state URI of SQLite takes no options after the path", "leave out ? and #")
  if (file === "~" || /^~[/\\]/.test(file)) return refuse("~ is not expanded in a state URI", "write the path out")
  if (/[/\\]$/.test(file) || /(^|[/\\])\.{1,2}$/.test(file)) {
    return refuse("the state URI of SQLite names a folder", "name a file in it, such as state.db")
  }
  return Either.right(sqlite(path.resolve(base, file)))
}

const refuse = (detail: string, hint?: string): Either.Either<never, ProjectError> => Either.left(error(detail, hint))

const error = (detail: string, hint?: string): ProjectError =>
  new ProjectError({ reason: "BadStateUri", detail, ...(hint === undefined ? {} : { hint }) })
