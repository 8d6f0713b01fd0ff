/** `flujo dev lsp` */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Check from "../../check/Check.js"
import type { Looked, Project } from "../../lsp/Project.js"
import * as Server from "../../lsp/Server.js"
import * as BlueprintFile from "../BlueprintFile.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import { exits, Fault } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as Severity from "../Severity.js"
import * as UserCode from "../UserCode.js"
import { version } from "../Version.js"
import * as Workspace from "../Workspace.js"

type Services = FileSystem.FileSystem | Host | Invocation | Path.Path

export const run: Module<typeof Flags.plain>["run"] = () =>
  Effect.gen(function* () {
    const host = yield* Host
    const { isJson } = yield* Invocation
    if (isJson) {
      return yield* new Fault({
        ...cliErrors.Excluding,
        text: "standard output belongs to the protocol, so --json says nothing here"
      })
    }
    const context = yield* Effect.context<Services>()
    const pageOf = yield* pages
    const { end, isClean } = yield* Effect.scoped(
      Server.run({
        incoming: host.incoming,
        send: (text) => Effect.ignore(host.result(text)),
        log: (text) => host.message(`flujo dev lsp: ${text}\n`),
        project: (root) => projectOf(root, pageOf, (effect) => Effect.provide(effect, context)),
        version
      })
    )
    if (end._tag === "Garbage") return yield* new Fault({ ...cliErrors.Protocol, text: end.detail })
    return { exit: isClean ? exits.done : exits.failed, data: null }
  })

const projectOf = (
  root: string | undefined,
  pageOf: Project["pageOf"],
  provide: <A>(effect: Effect.Effect<A, never, Services>) => Effect.Effect<A>
): Project => {
  let known: Workspace.Workspace | undefined
  const workspace = Effect.gen(function* () {
    if (known !== undefined) return known
    const host = yield* Host
    const there = root === undefined ? host : { ...host, cwd: Effect.succeed(root) }
    known = yield* Effect.provideService(Workspace.read(Option.none()), Host, there)
    return known
  })
  const look = (file: string | undefined, text: string) =>
    Effect.gen(function* () {
      const path = yield* Path.Path
      const here = yield* workspace
      const shown = yield* Workspace.shownPath(here, file ?? path.join(here.base, "untitled.yaml"))
      const given = { path: shown, text }
      const severities = yield* Severity.of(here.config.rules)
      const files = yield* BlueprintFile.imports(here, given)
      const { code, skillIds, skills } = yield* UserCode.of(here, given, files)
      const undefinedVariables = here.config.undefinedVariables.value
      const checked = Check.check(given, { undefinedVariables, files, code, skillIds, skills }, severities)
      const looked: Looked = { _tag: "Checked", checked, skillIds }
      return looked
    })
  const refusal = ({ code, hint, location, text }: Fault): Looked => {
    const where = location?.file === undefined ? "" : `${location.file}${location.line ? `:${location.line}` : ""}: `
    return { _tag: "Refused", code, text: `${where}${text}`, hint }
  }
  return {
    check: (file, text) =>
      provide(
        Effect.catchAllCause(look(file, text), (cause) => {
          const failure = Cause.failureOption(cause)
          if (Option.isSome(failure)) return Effect.succeed(refusal(failure.value))
          return Cause.isInterruptedOnly(cause)
            ? Effect.interrupt
            : Effect.succeed(refusal(Faults.internal(Cause.squash(cause))))
        })
      ),
    refresh: Effect.sync(() => {
      known = undefined
    }),
    pageOf
  }
}

/** The pages of rules that come with flujo, found from this file on, which stands elsewhere once it is built. */
const pages: Effect.Effect<Project["pageOf"], never, FileSystem.FileSystem | Path.Path> = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = new Map<string, string>()
  let at = path.dirname(yield* Effect.orDie(path.fromFileUrl(new URL(import.meta.url))))
  for (let up = 0; up < 5 && names.size === 0; up++) {
    const folder = path.join(at, "docs", "rules")
    for (const name of yield* Effect.orElseSucceed(fs.readDirectory(folder), () => [])) {
      if (!name.endsWith(".md")) continue
      names.set(name.slice(0, -3), (yield* Effect.orDie(path.toFileUrl(path.join(folder, name)))).href)
    }
    at = path.dirname(at)
  }
  return (code) => names.get(code)
})
