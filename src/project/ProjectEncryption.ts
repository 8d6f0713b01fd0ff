/**
 * What a project says about encryption: where the key that wraps the keys of runs is, and which keys wrapped them before.
 * A key itself never stands in `flujo.toml`.
 *
 * ```toml
 * phi = true                      # nothing is written without a key, and no content leaves in traces
 *
 * [encryption]
 * key_id = "2026-01"
 * key_file = "/run/secrets/flujo.key"      # or key_env = "FLUJO_KEY", or key_command = ["vault", "kv", "get", …]
 *
 * [encryption.old.2025-01]                 # until `flujo state rekey --apply` has said that nothing needs it
 * key_env = "FLUJO_KEY_OF_2025"
 * ```
 */
import type * as Path from "@effect/platform/Path"
import * as Either from "effect/Either"
import { ProjectError, quoted } from "./ProjectError.js"
import * as ProjectToml from "./ProjectToml.js"
import type { Setting } from "./Setting.js"

/** Where a key is. A command is a program and its arguments; no shell reads it. */
export type KeySource =
  | { readonly _tag: "File"; readonly path: string }
  | { readonly _tag: "Variable"; readonly name: string }
  | { readonly _tag: "Command"; readonly words: ReadonlyArray<string> }

export interface NamedKey {
  readonly id: string
  readonly where: Setting<KeySource>
}

export interface ProjectEncryption {
  /** Undefined: what is stored is not encrypted. */
  readonly current: NamedKey | undefined
  readonly old: ReadonlyArray<NamedKey>
}

export const idDefault = "1"

export const read = (
  toml: ProjectToml.ProjectToml,
  where: { readonly base: string; readonly path: Path.Path }
): Either.Either<ProjectEncryption, ProjectError> => {
  const refuse = (key: string, detail: string, hint?: string) =>
    Either.left(
      ProjectToml.pointAt(
        new ProjectError({ reason: "BadValue", detail, ...(hint === undefined ? {} : { hint }) }),
        toml,
        key
      )
    )

  const source = (table: string, given: ProjectToml.KeyTable): Either.Either<Setting<KeySource>, ProjectError> => {
    const { key_command: words, key_env: name, key_file: file } = given
    const [said, ...others] = (["key_file", "key_env", "key_command"] as const).filter(
      (key) => given[key] !== undefined
    )
    if (said === undefined || others.length > 0) {
      return refuse(
        table,
        `${table} says ${said === undefined ? "nowhere" : "more than once"} where its key is`,
        `write one of key_file, key_env and key_command below [${table}]`
      )
    }
    const key = `${table}.${said}`
    const value = (one: KeySource): Either.Either<Setting<KeySource>, ProjectError> =>
      Either.right({ value: one, source: ProjectToml.sourceOf(toml, key) })
    if (file !== undefined) {
      return file.trim() === "" || file.includes("\0")
        ? refuse(key, `${key} must name a file`)
        : value({ _tag: "File", path: where.path.resolve(where.base, file) })
    }
    if (name !== undefined) {
      return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)
        ? value({ _tag: "Variable", name })
        : refuse(key, `${key} is not the name of a variable`, "it names the variable; the key itself stays out of here")
    }
    return words === undefined ||
      words.length === 0 ||
      words[0]?.trim() === "" ||
      words.some((one) => one.includes("\0"))
      ? refuse(
          key,
          `${key} must be a program and its arguments`,
          `for instance ["vault", "kv", "get", "-field=key", "flujo"]`
        )
      : value({ _tag: "Command", words })
  }

  const named = (id: string, table: string, key: string, given: ProjectToml.KeyTable) =>
    /^[A-Za-z0-9._-]{1,64}$/.test(id)
      ? Either.map(source(table, given), (where): NamedKey => ({ id, where }))
      : refuse(key, `${quoted(id)} is no id for a key`, "an id has at most 64 letters, digits, '.', '_' and '-'")

  const said = toml.document.encryption
  if (said === undefined) return Either.right({ current: undefined, old: [] })
  const current = named(said.key_id ?? idDefault, "encryption", "encryption.key_id", said)
  if (Either.isLeft(current)) return Either.left(current.left)
  const old: Array<NamedKey> = []
  for (const [id, given] of Object.entries(said.old ?? {})) {
    const one = named(id, `encryption.old.${id}`, `encryption.old.${id}`, given)
    if (Either.isLeft(one)) return Either.left(one.left)
    old.push(one.right)
  }
  return Either.right({ current: current.right, old })
}
