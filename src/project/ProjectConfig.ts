/**
 * What a project says about how its runs are kept. Each setting is the first that is said of: flag, environment,
 * environment file, `flujo.toml`, default; and remembers where it was said. The environment comes in as data, so what is
 * answered depends on nothing but the arguments and the files of the project.
 *
 * ```toml
 * state_uri = "sqlite:///.flujo/state.db"  # see StateUri.ts
 * env_file = ".env"                        # a file inside the project; see EnvFile.ts. It may be absent
 * settings.test_mode = false               # state in memory unless a state URI is given
 * state.durability = "full"                # "full": survives a power cut; "normal": survives a kill
 * ledger.checkpoints = true                # processes that write sign checkpoints of the ledger as they go
 * ledger.key = ".flujo/ledger.key"         # the private key; by default beside the state
 * ledger.anchors = ["file:seals.txt"]      # where `flujo ledger checkpoint` leaves them; also https:// of a witness
 * phi = true                               # patients' data: no key, no run; no content in traces. docs/encryption.md
 * encryption.key_file = "flujo.key"        # what runs hold is encrypted; see ProjectEncryption.ts
 * template.undefined_variables = "strict"  # "strict", "warn" or "ignore": names that are not there; docs/expressions.md
 * rules.V-A5 = "off"                       # "off", "warning" or "error": what the checker makes of a finding
 *
 * code.allow = ["flows/**"]                # files that may be loaded as code, beside skills/; see CodeAllowed.ts
 *
 * kinds.wait_and_tell = "./kinds/wait.ts#kind"  # a kind of step of one's own; docs/code.md
 *
 * [providers.groq]                         # a server that speaks OpenAI's protocol: compatible:groq/MODEL
 * base_url = "https://api.groq.com/openai/v1"
 * api_key_env = "GROQ_API_KEY"             # the variable that holds its key; leave it out if it wants none
 * api = "chat"                             # or "responses"
 * ```
 *
 * Prices and budgets are tables of their own: see ProjectMoney.ts.
 *
 * The environment: `FLUJO_PROJECT_ROOT`, `FLUJO_STATE_URI`, `FLUJO_STATE_MODE` (`memory`, `ephemeral`),
 * `FLUJO_TEMPLATE_UNDEFINED` (as `undefined_variables`), `FLUJO_PHI`, `FLUJO_EPHEMERAL_STATE` and `FLUJO_TEST_MODE` (`1`, `true`, `yes`, `on`; `0`, `false`, `no`, `off`). An empty variable
 * counts as absent. Of those that say where the state is, the first in this order counts.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as CodeAllowed from "./CodeAllowed.js"
import * as EnvFile from "./EnvFile.js"
import * as ProjectEncryption from "./ProjectEncryption.js"
import { ProjectError, quoted } from "./ProjectError.js"
import * as ProjectFile from "./ProjectFile.js"
import * as ProjectLedger from "./ProjectLedger.js"
import type { ProjectMoney } from "./ProjectMoney.js"
import * as ProjectRoot from "./ProjectRoot.js"
import * as ProjectToml from "./ProjectToml.js"
import { at, byDefault, type Setting, type Source } from "./Setting.js"
import * as StateUri from "./StateUri.js"

export type Durability = "full" | "normal"

/** As the expression language has it. */
export type UndefinedVariables = "strict" | "warn" | "ignore"

/** A server that speaks OpenAI's protocol. `apiKeyEnv` names the variable that holds its key. */
export interface Provider {
  readonly baseUrl: string
  readonly apiKeyEnv?: string
  readonly api?: "chat" | "responses"
}

/** All paths are absolute. */
export interface ProjectConfig {
  /** The project's folder and how it was found (`Default`: looking upwards), or none. */
  readonly root: Option.Option<Setting<string>>
  /** The project's `flujo.toml`, if it has one. */
  readonly file: Option.Option<string>
  readonly stateUri: Setting<StateUri.StateUri>
  readonly durability: Setting<Durability>
  readonly testMode: Setting<boolean>
  readonly undefinedVariables: Setting<UndefinedVariables>
  /** Of the checker, by code or pattern. Whether there are such is for the checker to say. */
  readonly rules: ReadonlyMap<string, Setting<ProjectToml.Level>>
  /** Paths and patterns of files that may be loaded as code, beside those of `skills/`. */
  readonly codeAllow: Setting<ReadonlyArray<string>>
  /** Kinds of steps of the project's own, by name: where each is exported. */
  readonly kinds: ReadonlyMap<string, Setting<CodeAllowed.Export>>
  /** `found` is false where the file is named but absent. */
  readonly envFile: Option.Option<Setting<{ readonly file: string; readonly found: boolean }>>
  readonly ledger: ProjectLedger.ProjectLedger
  readonly encryption: ProjectEncryption.ProjectEncryption
  /** Whether nothing may be written without encryption, and no content may leave in traces. */
  readonly phi: Setting<boolean>
  /** Prices and budgets. */
  readonly money: ProjectMoney
  /** By the name that stands in `compatible:NAME/MODEL`. */
  readonly providers: ReadonlyMap<string, Setting<Provider>>
  /** The real environment over that of the environment file. */
  readonly environment: Redacted.Redacted<ReadonlyMap<string, string>>
}

/** What the command line and the process say. `cwd` is an absolute folder. */
export interface Said {
  readonly cwd: string
  readonly environment: ReadonlyMap<string, string>
  readonly flags: { readonly project?: string | undefined; readonly stateUri?: string | undefined }
}

const sizeMax = 256 * 1024

/** Finds the project and reads what it says. Nothing is written or created. */
export const read = (said: Said): Effect.Effect<ProjectConfig, ProjectError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    const root = yield* ProjectRoot.find({ ...said, project: said.flags.project })
    const base = Option.match(root, { onNone: () => said.cwd, onSome: ({ value }) => value })
    const toml = Option.isSome(root) ? yield* ProjectToml.read(path.join(base, "flujo.toml")) : ProjectToml.absent
    const envFile = Option.isSome(root) ? yield* readEnvFile(toml, base) : undefined
    // A variable that is really set, be it to nothing, hides the one in the file.
    const inFile = new Map(Array.from(envFile?.variables ?? []).filter(([name]) => !said.environment.has(name)))
    const sayings = [said.environment, inFile] as const
    const uri = (where: Setting<string>) =>
      Either.match(StateUri.parse(where.value, { base, path }), {
        onLeft: (error) => Effect.fail(pointAt(error, where.source, toml)),
        onRight: (value) => Effect.succeed({ value, source: where.source })
      })

    const testMode =
      (yield* switchOf("FLUJO_TEST_MODE", sayings)) ??
      ProjectToml.setting(toml, "settings.test_mode", (document) => document.settings?.test_mode) ??
      ({ value: false, source: byDefault } as const)
    const declaredUri = ProjectToml.setting(toml, "state_uri", (document) => document.state_uri)
    // What follows the first that says something is not looked at, so a mistake there does not hinder.
    const stateUri =
      (said.flags.stateUri === undefined
        ? undefined
        : yield* uri({ value: said.flags.stateUri, source: { _tag: "Flag", name: "--state-uri" } })) ??
      (yield* stateOf(sayings[0], uri)) ??
      (yield* stateOf(sayings[1], uri)) ??
      (declaredUri === undefined ? undefined : yield* uri(declaredUri)) ??
      (testMode.value
        ? { value: StateUri.memory, source: testMode.source }
        : {
            value: StateUri.sqlite(
              Option.isSome(root) ? path.join(base, ".flujo/state.db") : path.join(base, "flujo_ops.db")
            ),
            source: byDefault
          })
    return {
      root,
      file: Option.map(Option.fromNullable(toml.file), ({ name }) => name),
      stateUri,
      durability: ProjectToml.setting(toml, "state.durability", (document) => document.state?.durability) ?? {
        value: "full",
        source: byDefault
      },
      testMode,
      undefinedVariables:
        (yield* undefinedOf(sayings)) ??
        ProjectToml.setting(
          toml,
          "template.undefined_variables",
          (document) => document.template?.undefined_variables
        ) ??
        ({ value: "strict", source: byDefault } as const),
      rules: ProjectToml.rules(toml),
      codeAllow: yield* codeAllowOf(toml),
      kinds: yield* kindsOf(toml),
      ledger: yield* ProjectLedger.read(toml, { base, path, state: stateUri.value }),
      encryption: yield* ProjectEncryption.read(toml, { base, path }),
      phi: yield* phiOf(toml, sayings),
      money: toml.money,
      providers: yield* providersOf(toml),
      envFile: Option.map(Option.fromNullable(envFile), ({ setting }) => setting),
      environment: Redacted.make(merged(said.environment, inFile))
    }
  })

/** The project's folder, or the error that says how to make one. */
export const requireRoot = (config: ProjectConfig): Either.Either<string, ProjectError> =>
  Option.match(config.root, {
    onNone: () =>
      Either.left(
        new ProjectError({
          reason: "NoProject",
          detail: `there is no project here: no ${ProjectRoot.markers.join(", ")} in this folder or above`,
          hint: "make one with `flujo init`, or name one with --project PATH"
        })
      ),
    onSome: ({ value }) => Either.right(value)
  })

const codeAllowOf = (toml: ProjectToml.ProjectToml): Either.Either<Setting<ReadonlyArray<string>>, ProjectError> => {
  const found = ProjectToml.setting(toml, "code.allow", (document) => document.code?.allow)
  if (found === undefined) return Either.right({ value: [], source: byDefault })
  const refuse = (detail: string) =>
    Either.left(
      ProjectToml.pointAt(
        new ProjectError({ reason: "BadValue", detail, hint: 'for instance allow = ["flows/**", "lib/score.ts"]' }),
        toml,
        "code.allow"
      )
    )
  if (found.value.length > CodeAllowed.patternsMax) {
    return refuse(`code.allow has more than ${CodeAllowed.patternsMax} entries`)
  }
  for (const pattern of found.value) {
    const why = CodeAllowed.wrong(pattern)
    if (why !== undefined) return refuse(`code.allow: ${quoted(pattern)} ${why}`)
  }
  return Either.right(found)
}

const kindsOf = (
  toml: ProjectToml.ProjectToml
): Either.Either<ReadonlyMap<string, Setting<CodeAllowed.Export>>, ProjectError> => {
  const out = new Map<string, Setting<CodeAllowed.Export>>()
  for (const [name, text] of Object.entries(toml.document.kinds ?? {})) {
    const key = `kinds.${name}`
    const refuse = (detail: string, hint: string) =>
      Either.left(ProjectToml.pointAt(new ProjectError({ reason: "BadValue", detail, hint }), toml, key))
    if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name)) {
      return refuse(`${quoted(name)} is no name for a kind`, "letters, digits, _ and -, and a letter first")
    }
    const value = CodeAllowed.reference(text)
    if (typeof value === "string")
      return refuse(`${key}: ${quoted(text)} ${value}`, 'for instance "./kinds/wait.ts#wait"')
    const { source } = ProjectToml.setting(toml, key, () => text) ?? { source: byDefault }
    out.set(name, { value, source })
  }
  return Either.right(out)
}

const providersOf = (
  toml: ProjectToml.ProjectToml
): Either.Either<ReadonlyMap<string, Setting<Provider>>, ProjectError> => {
  const out = new Map<string, Setting<Provider>>()
  for (const name of Object.keys(toml.document.providers ?? {})) {
    const key = `providers.${name}`
    const refuse = (inner: string, detail: string, hint: string) =>
      Either.left(ProjectToml.pointAt(new ProjectError({ reason: "BadValue", detail, hint }), toml, `${key}${inner}`))
    if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name)) {
      return Either.left(
        new ProjectError({
          reason: "BadValue",
          detail: `${quoted(name)} is no name for a provider`,
          hint: "a name has letters, digits, '_' and '-', and begins with a letter",
          ...(toml.file === undefined ? {} : { file: toml.file.name })
        })
      )
    }
    const found = ProjectToml.setting(toml, key, (document) => document.providers?.[name])
    if (found === undefined) continue
    const { api, api_key_env: apiKeyEnv, base_url: baseUrl } = found.value
    const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
      return refuse(
        ".base_url",
        `${key}.base_url is not an http or https address without a password`,
        'write it up to the version: base_url = "https://api.example.com/v1"'
      )
    }
    if (apiKeyEnv !== undefined && !/^[A-Za-z_][A-Za-z0-9_]*$/.test(apiKeyEnv)) {
      return refuse(
        ".api_key_env",
        `${key}.api_key_env is not the name of a variable`,
        "it names the variable that holds the key; the key itself stays out of this file"
      )
    }
    const value = {
      baseUrl,
      ...(apiKeyEnv === undefined ? {} : { apiKeyEnv }),
      ...(api === undefined ? {} : { api })
    }
    out.set(name, { value, source: found.source })
  }
  return Either.right(out)
}

const readEnvFile = (
  toml: ProjectToml.ProjectToml,
  root: string
): Effect.Effect<
  | {
      readonly setting: Setting<{ readonly file: string; readonly found: boolean }>
      readonly variables: ReadonlyMap<string, EnvVariable>
    }
  | undefined,
  ProjectError,
  FileSystem.FileSystem | Path.Path
> =>
  Effect.gen(function* () {
    const named = ProjectToml.setting(toml, "env_file", (document) => document.env_file)
    if (named === undefined) return undefined
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const refuse = (reason: ProjectError["reason"], detail: string) =>
      pointAt(new ProjectError({ reason, detail }), named.source, toml)
    if (named.value.trim() === "" || named.value.includes("\0")) {
      return yield* refuse("BadValue", "env_file must name a file inside the project")
    }
    const file = path.resolve(root, named.value)
    const isInside = (folder: string, inner: string) => {
      const way = path.relative(folder, inner)
      return way !== "" && way !== ".." && !way.startsWith(`..${path.sep}`) && !path.isAbsolute(way)
    }
    const outside = () => refuse("Outside", `env_file leads out of the project: ${quoted(named.value)}`)
    if (!isInside(root, file)) return yield* outside()
    if (!(yield* ProjectFile.stands(file))) {
      return { setting: { value: { file, found: false }, source: named.source }, variables: new Map() }
    }
    // A link may lead out where the name does not.
    const [realRoot, realFile] = yield* Effect.all([fs.realPath(root), fs.realPath(file)]).pipe(
      Effect.mapError(ProjectFile.unreadable(file))
    )
    if (!isInside(realRoot, realFile)) return yield* outside()
    const source = yield* ProjectFile.read(file, { sizeMax })
    const variables = yield* Either.mapLeft(EnvFile.parse(source), (error) => new ProjectError({ ...error, file }))
    return {
      setting: { value: { file, found: true }, source: named.source },
      variables: new Map(Array.from(variables, ([name, variable]) => [name, { ...variable, file }]))
    }
  })

type EnvVariable = EnvFile.Variable & { readonly file: string }
type Variables = ReadonlyMap<string, string> | ReadonlyMap<string, EnvVariable>

/** A variable that says something. */
const lookup = (variables: Variables, name: string): Setting<string> | undefined => {
  const found = variables.get(name)
  if (found === undefined) return undefined
  if (typeof found === "string") {
    return found.trim() === "" ? undefined : { value: found, source: { _tag: "Environment", name } }
  }
  return found.value.trim() === ""
    ? undefined
    : { value: found.value, source: { _tag: "EnvFile", name, file: found.file, line: found.line } }
}

const yes = ["1", "true", "yes", "on"]
const no = ["0", "false", "no", "off"]

const isSet = (said: Setting<string>, name: string): Effect.Effect<Setting<boolean>, ProjectError> => {
  const word = said.value.trim().toLowerCase()
  return yes.includes(word) || no.includes(word)
    ? Effect.succeed({ value: yes.includes(word), source: said.source })
    : Effect.fail(
        at(
          new ProjectError({
            reason: "BadValue",
            detail: `${name} is neither yes nor no`,
            hint: `write one of ${[...yes, ...no].join(", ")}`
          }),
          said.source
        )
      )
}

const switchOf = (
  name: string,
  sayings: ReadonlyArray<Variables>
): Effect.Effect<Setting<boolean> | undefined, ProjectError> => {
  for (const variables of sayings) {
    const found = lookup(variables, name)
    if (found !== undefined) return isSet(found, name)
  }
  return Effect.succeed(undefined)
}

/** Either of the two may say yes, and neither can take back the other's. */
const phiOf = (
  toml: ProjectToml.ProjectToml,
  sayings: ReadonlyArray<Variables>
): Effect.Effect<Setting<boolean>, ProjectError> =>
  Effect.map(switchOf("FLUJO_PHI", sayings), (variable) => {
    const said = ProjectToml.setting(toml, "phi", (document) => document.phi)
    if (variable?.value === true) return variable
    return said ?? variable ?? { value: false, source: byDefault }
  })

const undefinedNames: ReadonlyArray<UndefinedVariables> = ["strict", "warn", "ignore"]

const undefinedOf = (
  sayings: ReadonlyArray<Variables>
): Effect.Effect<Setting<UndefinedVariables> | undefined, ProjectError> => {
  for (const variables of sayings) {
    const found = lookup(variables, "FLUJO_TEMPLATE_UNDEFINED")
    if (found === undefined) continue
    const value = undefinedNames.find((name) => name === found.value.trim().toLowerCase())
    if (value !== undefined) return Effect.succeed({ value, source: found.source })
    const detail = "FLUJO_TEMPLATE_UNDEFINED can only be strict, warn or ignore"
    return at(new ProjectError({ reason: "BadValue", detail }), found.source)
  }
  return Effect.succeed(undefined)
}

const stateOf = (
  variables: Variables,
  uri: (said: Setting<string>) => Effect.Effect<Setting<StateUri.StateUri>, ProjectError>
): Effect.Effect<Setting<StateUri.StateUri> | undefined, ProjectError> =>
  Effect.gen(function* () {
    const given = lookup(variables, "FLUJO_STATE_URI")
    if (given !== undefined) return yield* uri(given)
    const mode = lookup(variables, "FLUJO_STATE_MODE")
    if (mode !== undefined) {
      if (!["memory", "ephemeral"].includes(mode.value.trim().toLowerCase())) {
        const error = new ProjectError({
          reason: "BadValue",
          detail: "FLUJO_STATE_MODE can only be memory or ephemeral",
          hint: "unset it, or say where the state is with FLUJO_STATE_URI"
        })
        return yield* at(error, mode.source)
      }
      return { value: StateUri.memory, source: mode.source }
    }
    const ephemeral = lookup(variables, "FLUJO_EPHEMERAL_STATE")
    if (ephemeral === undefined) return undefined
    const set = yield* isSet(ephemeral, "FLUJO_EPHEMERAL_STATE")
    return set.value ? { value: StateUri.memory, source: set.source } : undefined
  })

const pointAt = (error: ProjectError, source: Source, toml: ProjectToml.ProjectToml): ProjectError =>
  source._tag === "File" ? ProjectToml.pointAt(error, toml, source.key) : at(error, source)

const merged = (
  environment: ReadonlyMap<string, string>,
  inFile: ReadonlyMap<string, EnvVariable>
): ReadonlyMap<string, string> =>
  new Map([...Array.from(inFile, ([name, { value }]) => [name, value] as const), ...environment])
