/**
 * The document of `flujo.toml`: which keys there are, and what is said about one that is wrong. Keys that nothing reads
 * are refused, because a setting that is silently ignored is worse than none.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Toml from "smol-toml"
import { nearest } from "./Nearest.js"
import { frame, type Place, ProjectError, quoted } from "./ProjectError.js"
import * as ProjectFile from "./ProjectFile.js"
import * as ProjectMoney from "./ProjectMoney.js"
import { byDefault, type Setting } from "./Setting.js"
import * as TomlKeys from "./TomlKeys.js"

const sizeMax = 256 * 1024
const depthMax = 16

/** Absent, but never `undefined`: a union with that would hide what the schema says about a wrong value. */
const optional = <A>(schema: Schema.Schema<A>) => Schema.optionalWith(schema, { exact: true })
const text = Schema.String.annotations({ message: () => "must be a text in quotes" })
const Settings = Schema.Struct({
  test_mode: optional(Schema.Boolean.annotations({ message: () => "must be true or false" }))
})
const State = Schema.Struct({
  durability: optional(
    Schema.Literal("full", "normal").annotations({
      // Each literal would say its own otherwise.
      message: () => ({ message: 'must be "full" or "normal"', override: true })
    })
  )
})
const Ledger = Schema.Struct({
  checkpoints: optional(Schema.Boolean.annotations({ message: () => "must be true or false" })),
  key: optional(text),
  anchors: optional(Schema.Array(text).annotations({ message: () => "must be a list of texts in quotes" }))
})
const Template = Schema.Struct({
  undefined_variables: optional(
    Schema.Literal("strict", "warn", "ignore").annotations({
      message: () => ({ message: 'must be "strict", "warn" or "ignore"', override: true })
    })
  )
})
const Rules = Schema.Record({
  key: Schema.String,
  value: Schema.Literal("off", "warning", "error").annotations({
    message: () => ({ message: 'must be "off", "warning" or "error"', override: true })
  })
})
const Code = Schema.Struct({
  allow: optional(
    Schema.Array(text).annotations({
      message: () => ({ message: "must be a list of texts, each a path or a pattern", override: true })
    })
  )
})
const Provider = Schema.Struct({
  base_url: text,
  api_key_env: optional(text),
  api: optional(
    Schema.Literal("chat", "responses").annotations({
      message: () => ({ message: 'must be "chat" or "responses"', override: true })
    })
  )
})
const words = Schema.Array(text).annotations({
  message: () => ({ message: "must be a list of texts in quotes: a program and its arguments", override: true })
})
const KeyTable = Schema.Struct({ key_file: optional(text), key_env: optional(text), key_command: optional(words) })
export type KeyTable = typeof KeyTable.Type
const Encryption = Schema.Struct({
  key_id: optional(text),
  ...KeyTable.fields,
  /** By the id of the key. */
  old: optional(Schema.Record({ key: Schema.String, value: KeyTable }))
})
const Document = Schema.Struct({
  state_uri: optional(text),
  env_file: optional(text),
  phi: optional(Schema.Boolean.annotations({ message: () => "must be true or false" })),
  settings: optional(Settings),
  state: optional(State),
  ledger: optional(Ledger),
  encryption: optional(Encryption),
  template: optional(Template),
  rules: optional(Rules),
  code: optional(Code),
  /** By the name of the kind: a file and its export. */
  kinds: optional(Schema.Record({ key: Schema.String, value: text })),
  /** By the name that stands in `compatible:NAME/MODEL`. */
  providers: optional(Schema.Record({ key: Schema.String, value: Provider }))
})
export type Document = typeof Document.Type

const tables: Readonly<Record<string, ReadonlyArray<string>>> = {
  settings: Object.keys(Settings.fields),
  state: Object.keys(State.fields),
  ledger: Object.keys(Ledger.fields),
  encryption: Object.keys(Encryption.fields),
  template: Object.keys(Template.fields),
  rules: [],
  code: Object.keys(Code.fields),
  kinds: []
}
/** Tables whose keys are names of the user's; who reads them knows which there are. */
const open: ReadonlySet<string> = new Set(["rules", "kinds"])
/** Of these there is one table for each name that the user chooses: `[providers.NAME]`. */
const tablesByName: Readonly<Record<string, ReadonlyArray<string>>> = { providers: Object.keys(Provider.fields) }
const isTable = (key: string): boolean => Object.hasOwn(tables, key) || Object.hasOwn(tablesByName, key)
const topKeys: ReadonlyArray<string> = Object.keys(Document.fields).filter((key) => !isTable(key))

/** Every key that there is, dotted. */
export const known: ReadonlyArray<string> = [
  ...topKeys,
  ...Object.entries(tables).flatMap(([table, keys]) => keys.map((key) => `${table}.${key}`))
]

/** What `flujo.toml` says; without a file, nothing. */
export interface ProjectToml {
  readonly document: Document
  readonly money: ProjectMoney.ProjectMoney
  readonly file?: { readonly name: string; readonly text: string; readonly keys: ReadonlyArray<TomlKeys.TomlKey> }
}

export const absent: ProjectToml = { document: {}, money: ProjectMoney.none }

/** Reads the `flujo.toml` at `file`. Where there is none it says nothing. */
export const read = (file: string): Effect.Effect<ProjectToml, ProjectError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    if (!(yield* ProjectFile.stands(file))) return absent
    const source = yield* ProjectFile.read(file, { sizeMax })
    const refuse = (
      reason: ProjectError["reason"],
      place: Place,
      detail: string,
      hint: string | undefined
    ): ProjectError =>
      new ProjectError({
        reason,
        file,
        line: place.line,
        column: place.column,
        detail,
        frame: frame(source, place),
        ...(hint === undefined ? {} : { hint })
      })
    const parsed = yield* Effect.try({
      try: () => Toml.parse(source, { maxDepth: depthMax, integersAsBigInt: "asNeeded" }),
      catch: (error) => {
        if (!(error instanceof Toml.TomlError)) throw error
        const what = error.message.replace(/^Invalid TOML document: /, "").split("\n")[0] ?? ""
        return refuse("Syntax", error, `this is not TOML: ${what}`, syntaxHint(what))
      }
    })
    const keys = TomlKeys.keys(source)
    const unknown = firstUnknown(parsed)
    if (unknown !== undefined) {
      const place = TomlKeys.find(keys, unknown)
      const table = unknown.slice(0, -1)
      const header =
        table.length === 0
          ? undefined
          : keys.find((key) => key.isHeader && table.every((part, index) => key.path[index] === part))
      const { detail, hint, reason } = explain(unknown, place, header)
      return yield* refuse(reason, place, detail, hint)
    }
    const { budgets, cost, ...others } = parsed
    const money = ProjectMoney.read({ budgets, cost })
    if (Either.isLeft(money)) {
      const { detail, hint, path, reason } = money.left
      return yield* refuse(reason, TomlKeys.find(keys, path), detail, hint)
    }
    const decoded = Schema.decodeUnknownEither(Document)(others)
    if (Either.isLeft(decoded)) {
      // Never the parser's own message: it repeats the value.
      const issue = ParseResult.ArrayFormatter.formatErrorSync(decoded.left)[0]
      const where = (issue?.path ?? []).map(String)
      const first = where[0] ?? ""
      const hasFields =
        (where.length === 1 && isTable(first)) || (where.length === 2 && Object.hasOwn(tablesByName, first))
      const name = where.length === 1 && Object.hasOwn(tablesByName, first) ? `${first}.NAME` : where.join(".")
      const what = hasFields ? `must be a table: [${name}]` : (issue?.message ?? "has a value it cannot have")
      return yield* refuse("BadValue", TomlKeys.find(keys, where), `${where.join(".")} ${what}`, undefined)
    }
    return { document: decoded.right, money: money.right, file: { name: file, text: source, keys } }
  })

/** What the file says under `key`, which `get` reads. */
export const setting = <A>(
  { document, file }: ProjectToml,
  key: string,
  get: (document: Document) => A | undefined
): Setting<A> | undefined => {
  const value = get(document)
  return value === undefined || file === undefined
    ? undefined
    : {
        value,
        source: { _tag: "File", key, file: file.name, line: TomlKeys.find(file.keys, key.split(".")).line }
      }
}

/** Where `key` stands. */
export const sourceOf = ({ file }: ProjectToml, key: string): Setting<unknown>["source"] =>
  file === undefined
    ? byDefault
    : { _tag: "File", key, file: file.name, line: TomlKeys.find(file.keys, key.split(".")).line }

/** What the file says of rules of the checker, by code or pattern, in order. */
export const rules = ({ document, file }: ProjectToml): ReadonlyMap<string, Setting<Level>> =>
  new Map(
    Object.entries(document.rules ?? {}).map(([name, value]) => {
      const { line } = file === undefined ? { line: 1 } : TomlKeys.find(file.keys, ["rules", name])
      return [name, { value, source: { _tag: "File", key: `rules.${name}`, file: file?.name ?? "", line } }]
    })
  )

export type Level = NonNullable<Document["rules"]>[string]

/** `error` with the place where `key` stands and the lines around it. */
export const pointAt = (error: ProjectError, { file }: ProjectToml, key: string): ProjectError => {
  if (file === undefined) return error
  const place = TomlKeys.find(file.keys, key.split("."))
  const { column, line } = place
  return new ProjectError({ ...error, file: file.name, line, column, frame: frame(file.text, place) })
}

const syntaxHint = (what: string): string | undefined => {
  if (what === "invalid value") return 'a text needs quotes: state_uri = "memory://"'
  if (what.startsWith("trying to redefine")) return "a key can stand once only; leave one of them out"
  if (what.startsWith("incomplete key-value")) return "write KEY = VALUE"
  return undefined
}

/** The path of the first key that nothing reads. */
const firstUnknown = (document: Toml.TomlTable): ReadonlyArray<string> | undefined => {
  for (const [key, value] of Object.entries(document)) {
    if (topKeys.includes(key) || ProjectMoney.tables.includes(key) || open.has(key)) continue
    if (!isTable(key)) return [key]
    const byName = tablesByName[key]
    const unknown =
      byName === undefined
        ? unknownIn(value, tables[key]!)
        : entriesOf(value)
            .map(([name, table]) => ({ name, inner: unknownIn(table, byName) }))
            .flatMap(({ inner, name }) => (inner === undefined ? [] : [[name, ...inner]]))[0]
    if (unknown !== undefined) return [key, ...unknown]
    if (key !== "encryption") continue
    const old = entriesOf(value).find(([name]) => name === "old")?.[1] ?? {}
    for (const [id, table] of entriesOf(old)) {
      const inner = unknownIn(table, Object.keys(KeyTable.fields))
      if (inner !== undefined) return [key, "old", id, ...inner]
    }
  }
  return undefined
}

const entriesOf = (value: Toml.TomlValue): ReadonlyArray<readonly [string, Toml.TomlValue]> =>
  typeof value === "object" && !Array.isArray(value) ? Object.entries(value) : []

const unknownIn = (value: Toml.TomlValue, known: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
  const unknown = entriesOf(value).find(([key]) => !known.includes(key))
  return unknown === undefined ? undefined : [unknown[0]]
}

const explain = (
  path: ReadonlyArray<string>,
  place: Place,
  header: Place | undefined
): { readonly reason: "UnknownKey" | "MisplacedKey"; readonly detail: string; readonly hint: string } => {
  const key = path.at(-1) ?? ""
  const table = path.length === 1 ? undefined : path.slice(0, -1).join(".")
  if (table !== undefined && topKeys.includes(key)) {
    return {
      reason: "MisplacedKey",
      detail: `${key} belongs at the top of the file, and here it is inside [${table}]`,
      hint:
        header === undefined
          ? `write it as ${key} = …, outside of ${table}`
          : `move line ${place.line} above [${table}] in line ${header.line}`
    }
  }
  if (path[0] === "encryption" && key === "key") {
    return {
      reason: "UnknownKey",
      detail: `a key does not belong into this file, which others read: [${table}] has no key`,
      hint: 'say where it is: key_file = "/run/secrets/flujo.key", key_env = "FLUJO_KEY" or key_command = ["…"]'
    }
  }
  const home = Object.keys(tables).find((name) => name !== table && tables[name]!.includes(key))
  if (home !== undefined) {
    return {
      reason: "MisplacedKey",
      detail: `${key} belongs into [${home}]`,
      hint: table === undefined ? `write ${home}.${key} = …` : `move it below a line [${home}]`
    }
  }
  if (path[0] === "providers" && key === "api_key") {
    return {
      reason: "UnknownKey",
      detail: `a key does not belong into this file, which others read: [${table}] has no api_key`,
      hint: 'name the variable that holds it: api_key_env = "MY_API_KEY"'
    }
  }
  const here =
    table === undefined
      ? [...topKeys, ...Object.keys(tables), ...Object.keys(tablesByName), ...ProjectMoney.tables]
      : path[0] === "encryption" && path.length > 2
        ? Object.keys(KeyTable.fields)
        : (tablesByName[path[0] ?? ""] ?? tables[table] ?? [])
  const meant = nearest(key, here)
  return {
    reason: "UnknownKey",
    detail: `there is no key ${quoted(key)}${table === undefined ? "" : ` in [${table}]`}`,
    hint: meant === undefined ? `known here: ${here.join(", ")}` : `did you mean ${meant}?`
  }
}
