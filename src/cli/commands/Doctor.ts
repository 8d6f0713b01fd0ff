/** `flujo dev doctor` */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Blueprint } from "../../blueprint/Blueprint.js"
import * as Check from "../../check/Check.js"
import * as Search from "../../check/Search.js"
import { Models } from "../../domain/Model.js"
import * as Encryption from "../../journal/Encryption.js"
import * as Needs from "../../plan/Needs.js"
import * as CodeAllowed from "../../project/CodeAllowed.js"
import { printable } from "../../redaction/Printable.js"
import * as BlueprintFile from "../BlueprintFile.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import type * as Flags from "../Flags.js"
import * as UserCode from "../UserCode.js"
import * as Workspace from "../Workspace.js"
import { phiHint, phiWithoutKey } from "../Workspace.js"
import * as WrappingKeys from "../WrappingKeys.js"

/** What was looked at. `warning`: it works without, though perhaps not as meant. */
interface Finding {
  readonly what: string
  readonly state: "ok" | "warning" | "error"
  readonly text: string
  readonly hint?: string | undefined
}

export const run: Module<typeof Flags.status>["run"] = (flags) =>
  Effect.gen(function* () {
    const read = yield* Effect.either(Workspace.read(flags.stateUri))
    const findings: ReadonlyArray<Finding> = Either.isLeft(read)
      ? [nodeFinding, { what: "settings", state: "error", text: read.left.text, hint: read.left.hint }]
      : [nodeFinding, ...(yield* lookedAt(read.right))]
    const redact = Either.match(read, {
      onLeft: () => (text: string) => text,
      onRight: ({ redaction }) => redaction.text
    })
    const width = Math.max(...findings.map(({ what }) => what.length))
    const errors = findings.filter(({ state }) => state === "error").length
    return {
      exit: errors === 0 ? exits.done : exits.failed,
      data: findings.map(({ hint, state, text, what }) => ({ what, state, text: redact(text), hint: hint ?? null })),
      text: [
        ...findings.flatMap(({ hint, state, text, what }) => [
          `${signs[state]}  ${what.padEnd(width)}  ${printable(redact(text))}`,
          ...(hint === undefined ? [] : [`${" ".repeat(signs.ok.length + width + 4)}${printable(redact(hint))}`])
        ]),
        "",
        errors === 0 ? "Nothing stands in the way of a run." : `${errors} to be repaired before everything can run.`
      ].join("\n")
    }
  })

const signs = { ok: "ok     ", warning: "warning", error: "error  " } as const

/** The first version that is tested. */
const nodeMin = [20, 18] as const

const nodeFinding: Finding = ((version: string): Finding => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  const isRecent = major > nodeMin[0] || (major === nodeMin[0] && minor >= nodeMin[1])
  return isRecent
    ? { what: "Node", state: "ok", text: version }
    : { what: "Node", state: "error", text: version, hint: `flujo needs ${nodeMin.join(".")} or later` }
})(process.versions.node)

const lookedAt = (workspace: Workspace.Workspace) =>
  Effect.gen(function* () {
    const { config } = workspace
    const project: Finding = Option.match(config.root, {
      onNone: () => ({ what: "project", state: "warning", text: "none here", hint: "make one with `flujo init`" }),
      onSome: ({ value }) => ({ what: "project", state: "ok", text: value })
    })
    const state = yield* stateFinding(workspace)
    const secrets = yield* secretsFinding(workspace)
    const { found, sound } = yield* blueprints(workspace)
    return [
      project,
      state,
      ...(yield* encryption(workspace)),
      ...secrets,
      ...(yield* skills(workspace)),
      ...(yield* kinds(workspace)),
      ...found,
      ...(yield* models(workspace, sound))
    ]
  })

const stateFinding = (workspace: Workspace.Workspace) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const uri = workspace.config.stateUri.value
    if (uri._tag === "Memory") {
      return { what: "state", state: "ok", text: "memory://: runs end with their process" } satisfies Finding
    }
    if (uri._tag === "Postgres") {
      return { what: "state", state: "ok", text: `${uri.shown}, which was not asked` } satisfies Finding
    }
    const unloadable = yield* sqliteFault
    if (unloadable !== undefined) {
      return {
        what: "state",
        state: "error",
        text: `SQLite cannot be loaded: ${unloadable}`,
        hint: "npm rebuild better-sqlite3"
      } satisfies Finding
    }
    let at = uri.path
    while (!(yield* Effect.orElseSucceed(fs.exists(at), () => false)) && path.dirname(at) !== at) at = path.dirname(at)
    const isWritable = Option.isSome(yield* Effect.option(fs.access(at, { writable: true })))
    return isWritable
      ? ({ what: "state", state: "ok", text: uri.path } satisfies Finding)
      : ({ what: "state", state: "error", text: `${uri.path} cannot be written` } satisfies Finding)
  })

/** Whether the key is where it is said to be. It is fetched, looked at and dropped. */
const encryption = (workspace: Workspace.Workspace) =>
  Effect.gen(function* () {
    const { config, environment } = workspace
    const what = "encryption"
    const stored = yield* storedUnder(workspace)
    const keys = yield* WrappingKeys.make(config.encryption, environment)
    if (keys === undefined) {
      return config.phi.value
        ? [{ what, state: "error", text: phiWithoutKey, hint: phiHint } satisfies Finding]
        : stored.encrypted > 0
          ? [
              {
                what,
                state: "error",
                text: `off, and ${stored.encrypted} runs of this state are encrypted: what they hold cannot be read, and what comes is stored as it is`,
                hint: "give their key under [encryption] in flujo.toml"
              } satisfies Finding
            ]
          : [{ what, state: "ok", text: "off: what runs hold is stored as it is" } satisfies Finding]
    }
    const findings: Array<Finding> = []
    for (const source of [keys.current, ...keys.old]) {
      const key = yield* Effect.either(Encryption.load(source, (size) => new Uint8Array(size)))
      if (Either.isLeft(key)) findings.push({ what, state: "error", text: key.left.message })
      else if (source === keys.current) findings.push({ what, state: "ok", text: `on, with the key ${source.id}` })
    }
    if (stored.why !== undefined) findings.push({ what, state: "error", text: stored.why })
    return findings
  })

/** How many runs of the state are encrypted, and why those keys that are given are not theirs. */
const storedUnder = (workspace: Workspace.Workspace) =>
  Effect.gen(function* () {
    const none = { encrypted: 0, why: undefined }
    if (!(yield* Workspace.hasState(workspace))) return none
    const { encryption } = (yield* Workspace.history(workspace, "read")).store
    let encrypted = 0
    for (const [key, count] of yield* encryption.runsByKey) if (key !== undefined) encrypted += count
    const ready = yield* Effect.either(encryption.ready)
    return { encrypted, why: Either.isLeft(ready) ? ready.left.message : undefined }
  }).pipe(
    Effect.scoped,
    // What is wrong with the state itself is a finding of its own.
    Effect.orElseSucceed(() => ({ encrypted: 0, why: undefined }))
  )

/** Why SQLite cannot be loaded, in the first line of what was said; `undefined` where it can. */
const sqliteFault = Effect.tryPromise(() => import("better-sqlite3")).pipe(
  Effect.flatMap(({ default: Database }) => Effect.try(() => new Database(":memory:").close())),
  Effect.as(undefined),
  Effect.catchAll(({ error }) =>
    Effect.succeed(String(error instanceof Error ? error.message : error).split("\n")[0] ?? "")
  )
)

/** Whether an environment file would be committed. */
const secretsFinding = ({ base, config }: Workspace.Workspace) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    if (Option.isNone(config.envFile) || !config.envFile.value.value.found) return []
    const { file } = config.envFile.value.value
    const name = path.relative(base, file)
    const hasGit = yield* Effect.orElseSucceed(fs.exists(path.join(base, ".git")), () => false)
    if (!hasGit) return [{ what: "secrets", state: "ok", text: `from ${name}` } satisfies Finding]
    const ignored = yield* Effect.orElseSucceed(fs.readFileString(path.join(base, ".gitignore")), () => "")
    const isIgnored = ignored.split(/\r?\n/).some((line) => [name, `/${name}`, ".env*", "*.env"].includes(line.trim()))
    return [
      isIgnored
        ? ({ what: "secrets", state: "ok", text: `from ${name}, which .gitignore names` } satisfies Finding)
        : ({
            what: "secrets",
            state: "warning",
            text: `${name} is not named in .gitignore`,
            hint: "add it, so that keys are not committed"
          } satisfies Finding)
    ]
  })

/** Those that the project's own code has. */
const skills = (workspace: Workspace.Workspace) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const folder = path.join(workspace.base, CodeAllowed.skillsFolder)
    const names = yield* Effect.orElseSucceed(fs.readDirectory(folder), () => [])
    if (!names.some((name) => CodeAllowed.isSkillFile(`${CodeAllowed.skillsFolder}/${name}`))) return []
    const own = yield* Effect.either(UserCode.own(workspace))
    if (Either.isLeft(own)) {
      const { hint, location, text } = own.left
      return [{ what: "skills", state: "error", text: `${location?.file}: ${text}`, hint } satisfies Finding]
    }
    const { broken, found } = own.right
    const ids = found.map(({ module, skill }) => `${skill.id} (${module.file})`)
    return [
      ...broken.map(({ hint, message }): Finding => ({ what: "skills", state: "error", text: message, hint })),
      ids.length === 0
        ? ({ what: "skills", state: "warning", text: "no file of skills/ exports a skill" } satisfies Finding)
        : ({ what: "skills", state: "ok", text: ids.join(", ") } satisfies Finding)
    ]
  })

const kinds = (workspace: Workspace.Workspace) =>
  Effect.gen(function* () {
    if (workspace.config.kinds.size === 0) return []
    const own = yield* Effect.either(UserCode.kinds(workspace))
    if (Either.isRight(own))
      return [{ what: "kinds", state: "ok", text: [...own.right.keys()].join(", ") } satisfies Finding]
    const { hint, location, text } = own.left
    return [{ what: "kinds", state: "error", text: `${location?.file}: ${text}`, hint } satisfies Finding]
  })

const blueprints = (workspace: Workspace.Workspace) =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    const searched = yield* Effect.either(Search.blueprints(workspace.base))
    if (Either.isLeft(searched)) {
      const finding: Finding = { what: "blueprints", state: "warning", text: searched.left.message }
      return { found: [finding], sound: [] }
    }
    const sound: Array<{ readonly blueprint: Blueprint; readonly folder: string }> = []
    const found: Array<Finding> = []
    for (const file of searched.right) {
      const given = yield* BlueprintFile.bytes(workspace, file)
      const files = yield* BlueprintFile.imports(workspace, given)
      const known = yield* Effect.either(UserCode.of(workspace, given, files))
      // What is wrong with its skills is told of as that of the skills.
      if (Either.isLeft(known)) continue
      const { code, skillIds, skills } = known.right
      const { undefinedVariables } = workspace.config
      const options = { files, code, skillIds, skills, undefinedVariables: undefinedVariables.value }
      const { blueprint, diagnostics } = Check.check(given, options)
      if (blueprint !== undefined) sound.push({ blueprint, folder: path.dirname(file) })
      else {
        const count = diagnostics.filter(({ severity }) => severity === "error").length
        found.push({
          what: "blueprint",
          state: "error",
          text: `${given.path} is not valid: ${count} error${count === 1 ? "" : "s"}`,
          hint: `flujo validate ${given.path}`
        })
      }
    }
    const count = searched.right.length
    return {
      found: [
        ...found,
        count === 0
          ? ({
              what: "blueprints",
              state: "warning",
              text: "none here",
              hint: "flujo init writes one"
            } satisfies Finding)
          : ({ what: "blueprints", state: "ok", text: `${sound.length} of ${count} valid` } satisfies Finding)
      ],
      sound
    }
  })

/** Whether each model that a blueprint names can be reached, as far as keys and files say. Nothing is sent. */
const models = (
  workspace: Workspace.Workspace,
  sound: ReadonlyArray<{ readonly blueprint: Blueprint; readonly folder: string }>
) =>
  Effect.gen(function* () {
    const found = new Map<string, Finding>()
    for (const { blueprint, folder } of sound) {
      const uses = Needs.of(blueprint.pipeline).models
      const layer = Workspace.models(workspace, folder)
      const all = yield* Effect.either(
        Effect.provide(
          Effect.flatMap(Models, ({ driver }) =>
            Effect.forEach(uses, ({ agents, model, steps }) =>
              Effect.map(
                Effect.either(driver(model, { path: steps[0] ?? "", agent: agents[0] ?? "" })),
                (reached): Finding =>
                  Either.isLeft(reached)
                    ? { what: "model", state: "error", text: reached.left.message }
                    : model.startsWith("openai:") && (workspace.environment.get("OPENAI_API_KEY") ?? "") === ""
                      ? { what: "model", state: "error", text: `${model} has no key`, hint: "set OPENAI_API_KEY" }
                      : { what: "model", state: "ok", text: model }
              )
            )
          ),
          layer
        )
      )
      if (Either.isLeft(all)) return [{ what: "models", state: "error", text: all.left.text } satisfies Finding]
      for (const finding of all.right) found.set(`${finding.state} ${finding.text}`, finding)
    }
    return [...found.values()]
  })
