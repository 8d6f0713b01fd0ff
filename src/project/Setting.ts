/** A value together with where it was said, so that it can be shown and so that a message about it can point there. */
import { ProjectError } from "./ProjectError.js"

/** Where a value was said. */
export type Source =
  | { readonly _tag: "Flag"; readonly name: string }
  | { readonly _tag: "Environment"; readonly name: string }
  | { readonly _tag: "EnvFile"; readonly name: string; readonly file: string; readonly line: number }
  | { readonly _tag: "File"; readonly key: string; readonly file: string; readonly line: number }
  | { readonly _tag: "Default" }

export interface Setting<A> {
  readonly value: A
  readonly source: Source
}

export const byDefault: Source = { _tag: "Default" }

/** A source in words: `environment variable FLUJO_STATE_URI`, `flujo.toml:3`. */
export const describe = (source: Source): string => {
  switch (source._tag) {
    case "Flag":
      return `flag ${source.name}`
    case "Environment":
      return `environment variable ${source.name}`
    case "EnvFile":
      return `${source.name} in ${source.file}:${source.line}`
    case "File":
      return `${source.file}:${source.line}`
    case "Default":
      return "default"
  }
}

/** `error`, about a value that was said at `source`, with that place. A key of `flujo.toml` is pointed at by `ProjectToml`. */
export const at = (error: ProjectError, source: Source): ProjectError => {
  if (source._tag === "Default") return error
  const isNamed = "name" in source && error.detail.includes(source.name)
  const name = source._tag === "EnvFile" ? source.name : describe(source)
  const detail = isNamed || source._tag === "File" ? error.detail : `${name}: ${error.detail}`
  return source._tag === "EnvFile" || source._tag === "File"
    ? new ProjectError({ ...error, detail, file: source.file, line: source.line })
    : new ProjectError({ ...error, detail })
}
