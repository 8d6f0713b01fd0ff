/** `flujo init` */
import * as Prompt from "@effect/cli/Prompt"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Terminal from "@effect/platform/Terminal"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { jsonText } from "../../lens/Text.js"
import * as ProjectFile from "../../project/ProjectFile.js"
import * as Templates from "../../project/Templates.js"
import { printable } from "../../redaction/Printable.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import { exits, Fault } from "../Fault.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import { shellQuoted } from "../Shell.js"

const sizeMax = 1024 * 1024

export const run: Module<typeof Flags.init>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const cwd = yield* host.cwd
    const named = invocation.args[0] ?? Option.getOrUndefined(invocation.globals.project) ?? "."
    if (named === "" || named.includes("\0")) return yield* new Fault({ ...cliErrors.File, text: "this is no path" })
    const folder = path.resolve(cwd, named)
    const refuse = (file: string) => (error: Parameters<ReturnType<typeof ProjectFile.unreadable>>[0]) =>
      new Fault({ ...cliErrors.File, text: ProjectFile.unreadable(file)(error).detail, location: { file } })
    const info = yield* Effect.option(fs.stat(folder))
    if (Option.isSome(info) && info.value.type !== "Directory") {
      return yield* new Fault({ ...cliErrors.File, text: "this is not a folder", location: { file: folder } })
    }
    const { make } = yield* Effect.promise(() => import("../../blueprint/LanguageSchema.js"))
    const more = { "flujo.schema.json": `${jsonText(make(), 2)}\n` }
    const existing = new Map<string, string | null>()
    for (const name of Object.keys({ ...Templates.templates, ...more })) {
      const file = path.join(folder, name)
      // A link is left alone, wherever it leads: init writes its own files and no others.
      const isLink = Option.isSome(yield* Effect.option(fs.readLink(file)))
      if (isLink) existing.set(name, null)
      else if (yield* ProjectFile.stands(file)) {
        existing.set(name, Option.getOrNull(yield* Effect.option(ProjectFile.read(file, { sizeMax }))))
      }
    }
    const actions = Templates.plan(existing, { force: flags.force, more })
    const overwritten = actions.filter(({ action }) => action === "overwrite").map(({ file }) => file)
    if (overwritten.length > 0 && !flags.yes) {
      if (!host.isTerminal.input || !host.isTerminal.errors || invocation.isJson) {
        return yield* new Fault({
          ...cliErrors.Overwrite,
          text: `this would overwrite ${overwritten.join(", ")}; nothing was changed`,
          hint: "--yes says that it is meant",
          location: { file: folder }
        })
      }
      yield* host.message(
        `This overwrites, in ${printable(folder)}:\n${overwritten.map((file) => `  ${file}\n`).join("")}`
      )
      const terminal = yield* Terminal.Terminal
      const isMeant = yield* Prompt.run(Prompt.confirm({ message: "Go on?", initial: false })).pipe(
        Effect.provideService(Terminal.Terminal, { ...terminal, display: (text) => host.message(text) }),
        Effect.option
      )
      if (!Option.getOrElse(isMeant, () => false)) {
        return { exit: exits.failed, data: { folder, files: [] }, text: "Nothing was changed." }
      }
    }
    yield* Effect.mapError(ProjectFile.makeFolder(folder), refuse(folder))
    for (const { content, file } of actions) {
      if (content === undefined) continue
      const whole = path.join(folder, file)
      // Into a file of its own first, so that a full disk leaves what was there.
      const temporary = `${whole}.flujo-new`
      yield* fs.writeFileString(temporary, content).pipe(
        Effect.zipRight(fs.rename(temporary, whole)),
        Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true }))),
        Effect.mapError(refuse(whole))
      )
    }
    const isKept = actions.some(({ action }) => action === "keep")
    const shown = actions.map(({ action, file }) => `  ${words[action].padEnd(width)}  ${file}`)
    const way = path.relative(cwd, folder)
    const goThere = way === "" ? "" : `cd ${shellQuoted(way)} && `
    return {
      exit: exits.done,
      data: { folder, files: actions.map(({ action, file }) => ({ file, action })) },
      text: [
        `${printable(folder)}:`,
        ...shown,
        ...(isKept ? ["", "What was there is kept; --force overwrites it."] : [])
      ].join("\n"),
      next: [`${goThere}flujo run --input "Some text to summarize."`]
    }
  })

const words: Readonly<Record<Templates.Action["action"], string>> = {
  create: "created",
  unchanged: "unchanged",
  keep: "kept",
  overwrite: "overwritten",
  extend: "extended",
  blocked: "left alone"
}
const width = Math.max(...Object.values(words).map((word) => word.length))
