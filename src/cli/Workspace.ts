/**
 * Where a command works: the project's folder and settings, the state that they name, the models and skills that
 * pipelines may use here.
 */
import type { CommandExecutor } from "@effect/platform/CommandExecutor"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Models } from "../domain/Model.js"
import { Journal } from "../journal/Journal.js"
import * as JournalOpen from "../journal/JournalOpen.js"
import * as KeyFile from "../journal/KeyFile.js"
import * as CodeAllowed from "../project/CodeAllowed.js"
import * as ProjectConfig from "../project/ProjectConfig.js"
import * as Setting from "../project/Setting.js"
import * as StateUri from "../project/StateUri.js"
import * as Redaction from "../redaction/Redaction.js"
import type { SkillRegistry } from "../skill/SkillRegistry.js"
import { cliErrors } from "./codes/Cli.js"
import { encryptionErrors } from "./codes/Encryption.js"
import { Fault } from "./Fault.js"
import * as Faults from "./Faults.js"
import { Host } from "./Host.js"
import { Invocation } from "./Invocation.js"
import * as WrappingKeys from "./WrappingKeys.js"

export interface Workspace {
  readonly config: ProjectConfig.ProjectConfig
  /** The project's folder, or the working folder outside of one. Relative paths start here. */
  readonly base: string
  readonly cwd: string
  readonly environment: ReadonlyMap<string, string>
  /** Of all secrets of the environment and the project's environment file. */
  readonly redaction: Redaction.Redaction
}

export const read = (
  stateUri: Option.Option<string>
): Effect.Effect<Workspace, Fault, FileSystem.FileSystem | Host | Invocation | Path.Path> =>
  Effect.gen(function* () {
    const host = yield* Host
    const { globals } = yield* Invocation
    const cwd = yield* host.cwd
    const config = yield* Effect.mapError(
      ProjectConfig.read({
        cwd,
        environment: host.environment,
        flags: { project: Option.getOrUndefined(globals.project), stateUri: Option.getOrUndefined(stateUri) }
      }),
      Faults.project
    )
    const environment = Redacted.value(config.environment)
    const workspace: Workspace = {
      config,
      base: Option.match(config.root, { onNone: () => cwd, onSome: ({ value }) => value }),
      cwd,
      environment,
      redaction: Redaction.make({ environment: Object.fromEntries(environment), secrets: keysIn(config, environment) })
    }
    yield* Effect.logInfo("workspace").pipe(
      Effect.annotateLogs({
        folder: workspace.base,
        state: stateOf(workspace),
        said: Setting.describe(config.stateUri.source)
      })
    )
    return workspace
  })

/** Keys of the encryption that are variables, whatever these are called. */
const keysIn = (
  { encryption: { current, old } }: ProjectConfig.ProjectConfig,
  environment: ReadonlyMap<string, string>
): ReadonlyArray<string> =>
  [...(current === undefined ? [] : [current]), ...old].flatMap(({ where: { value } }) => {
    const key = value._tag === "Variable" ? environment.get(value.name) : undefined
    return key === undefined ? [] : [key]
  })

/** Whether runs outlive the process. */
export const isDurable = ({ config }: Workspace): boolean => config.stateUri.value._tag !== "Memory"

/** What a journal is opened with. */
export type Opening = CommandExecutor | FileSystem.FileSystem | Path.Path | Scope.Scope

/** The journal, to write in. What is not there yet is made; where it is encrypted, its key is asked for first. */
export const journal = (workspace: Workspace): Effect.Effect<Journal["Type"], Fault, Opening> =>
  Effect.tap(opened(workspace, "write"), ({ store }) => Effect.mapError(store.encryption.ready, Faults.journal))

/** The journal of runs that are there already; fails where there can be none. `tend`: to write, and nothing that anybody said. */
export const history = (
  workspace: Workspace,
  access: "read" | "write" | "tend"
): Effect.Effect<Journal["Type"], Fault, Opening> =>
  Effect.gen(function* () {
    if (!isDurable(workspace)) {
      return yield* new Fault({ ...cliErrors.InMemory, text: "the state is memory://, so there are no earlier runs" })
    }
    if (!(yield* hasState(workspace))) {
      return yield* new Fault({
        ...cliErrors.NoRuns,
        text: `nothing was run yet: there is no ${stateOf(workspace)}`,
        hint: "flujo run"
      })
    }
    return yield* opened(workspace, access)
  })

/** Whether there can be earlier runs. Of a database only itself can tell. */
export const hasState = ({ config }: Workspace): Effect.Effect<boolean, never, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const uri = config.stateUri.value
    switch (uri._tag) {
      case "Memory":
        return false
      case "Sqlite": {
        const { stands } = yield* Effect.promise(() => import("../project/ProjectFile.js"))
        return yield* stands(uri.path)
      }
      case "Postgres":
        return true
    }
  })

/** The state in words, without a password. */
export const stateOf = ({ config }: Workspace): string => {
  const uri = config.stateUri.value
  return uri._tag === "Sqlite" ? uri.path : StateUri.show(uri)
}

export const phiWithoutKey = "phi is on, and no key is given to encrypt with"
export const phiHint = "say in [encryption] of flujo.toml where it is: key_file, key_env or key_command"

const opened = (
  workspace: Workspace,
  access: "read" | "write" | "tend"
): Effect.Effect<Journal["Type"], Fault, Opening> =>
  Effect.gen(function* () {
    const { config } = workspace
    const readonly = access === "read"
    if (access === "write" && config.phi.value && config.encryption.current === undefined) {
      return yield* new Fault({
        ...encryptionErrors.Phi,
        text: `${phiWithoutKey} (${Setting.describe(config.phi.source)})`,
        hint: phiHint
      })
    }
    const key = readonly || !config.ledger.checkpoints.value ? undefined : yield* keyFile(workspace)
    return yield* JournalOpen.layer(config.stateUri.value, {
      durability: config.durability.value,
      readonly,
      encryption: yield* WrappingKeys.make(config.encryption, workspace.environment),
      sealing: key?.holder
    }).pipe(
      Layer.build,
      Effect.mapBoth({ onFailure: Faults.journal, onSuccess: (context) => Context.get(context, Journal) })
    )
  })

/** The private key of the ledger's log; none where nothing is kept. */
export const keyFile = ({
  config
}: Workspace): Effect.Effect<KeyFile.KeyFile | undefined, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const { key } = config.ledger
    return key === undefined ? undefined : KeyFile.make(fs, path, key.value)
  })

/** Models as the environment says, with scripts found beside the blueprint: there, or elsewhere in the project. */
export const models = (
  { base, config, environment }: Workspace,
  scriptedFolder: string
): Layer.Layer<Models, Fault, FileSystem.FileSystem | Path.Path> => {
  const named = Object.fromEntries(
    Array.from(config.providers, ([name, { value }]) => [
      name,
      { baseUrl: value.baseUrl, keyVariable: value.apiKeyEnv, api: value.api }
    ])
  )
  return Layer.unwrapEffect(
    Effect.map(
      Effect.promise(() => import("../llm/Models.js")),
      (module) =>
        module.layerConfig(
          Config.map(module.optionsWith(named), (options) => ({
            ...options,
            scriptedFolder,
            scriptedWithin: [base, scriptedFolder]
          }))
        )
    )
  ).pipe(
    Layer.mapError(Faults.config),
    Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map(environment))))
  )
}

/** The skills that a step may name: those that come with flujo, kept inside `base`. */
export const skills = ({
  base,
  config
}: Workspace): Effect.Effect<SkillRegistry, Fault, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const [Builtins, SkillRegistry] = yield* Effect.promise(() =>
      Promise.all([import("../skill/Builtins.js"), import("../skill/SkillRegistry.js")])
    )
    // Some file systems do not tell small letters from capitals. What lies below `skills/` may be imported from there.
    const allow = allowedCode(config).map((pattern) => pattern.toLowerCase())
    const isCode = (file: string) => {
      const small = file.toLowerCase()
      return small.startsWith(`${CodeAllowed.skillsFolder}/`) || CodeAllowed.allows(allow, small)
    }
    const builtins = yield* Builtins.make({ root: base, isCode })
    return yield* Effect.mapError(SkillRegistry.make(builtins), (error) => Faults.internal(error))
  })

/** The paths and patterns of files that the project lets be loaded as code, beside those of `skills/`. */
export const allowedCode = ({ codeAllow, kinds }: Workspace["config"]): ReadonlyArray<string> => [
  ...codeAllow.value,
  ...Array.from(kinds.values(), ({ value }) => value.file)
]

/** How a path is shown and kept: from `base` on where it lies within, else whole. */
export const shownPath = ({ base }: Workspace, file: string): Effect.Effect<string, never, Path.Path> =>
  Effect.map(Path.Path, (path) => {
    const way = path.relative(base, file)
    return way === "" || way.startsWith("..") || path.isAbsolute(way) ? file : way
  })
