/** `flujo test` */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Flujo from "../../engine/Flujo.js"
import { Journal } from "../../journal/Journal.js"
import * as Text from "../../lens/Text.js"
import * as ProjectFile from "../../project/ProjectFile.js"
import * as BlueprintFile from "../BlueprintFile.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import { exits, Fault } from "../Fault.js"
import * as Faults from "../Faults.js"
import * as Fixtures from "../Fixtures.js"
import type * as Flags from "../Flags.js"
import * as GoOn from "../GoOn.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as View from "../View.js"
import * as Workspace from "../Workspace.js"

const folderDefault = "fixtures"
/** More files of one folder are not looked at in one call. */
const filesMax = 10_000

interface Held {
  readonly run: string
  readonly entries: number
  /** What it was walked by: a file of the project, or the text that the run keeps. */
  readonly by: string | undefined
}

/** `undefined`: nobody here has the code of its steps. */
type Found = Either.Either<Held | undefined, Fault>

export const run: Module<typeof Flags.test>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const workspace = yield* Workspace.read(Option.none())
    const files = yield* fixtures(workspace, invocation.args)
    const results = yield* Effect.forEach(files, ({ file, shown }) =>
      Effect.map(Effect.either(Effect.scoped(walk(workspace, file, shown, flags.kept))), (found: Found) => ({
        file: shown,
        found
      }))
    )
    const failed = results.filter(({ found }) => Either.isLeft(found)).length
    const skipped = results.filter(({ found }) => Either.isRight(found) && found.right === undefined).length
    const held = results.length - failed - skipped
    const { redaction } = workspace
    const options = View.options(host, invocation, "output", { redaction, previewLength: 300 })
    const { foreign, line, span, whole } = Text
    return {
      exit: failed === 0 ? exits.done : exits.integrity,
      data: redaction.json({
        held,
        failed,
        skipped,
        fixtures: results.map(({ file, found }) => ({ file, ...jsonOf(found) }))
      }),
      text: [
        ...results.map(({ file, found }) =>
          line(
            Either.isLeft(found)
              ? [
                  span("✗ ", "red"),
                  whole(file, options, "bold"),
                  span(found.left.location?.step === undefined ? "  " : `  ${found.left.location.step}: `),
                  foreign(found.left.text, options)
                ]
              : found.right === undefined
                ? [
                    span("- "),
                    whole(file, options, "bold"),
                    span("  skipped: a program started it, and must replay it")
                  ]
                : [
                    span("✓ ", "green"),
                    whole(file, options, "bold"),
                    span(`  ${found.right.entries} entries, by ${found.right.by ?? "the text that it keeps"}`)
                  ],
            options
          )
        ),
        `${held} of ${results.length} fixtures go the same way${skipped === 0 ? "" : `, ${skipped} skipped`}.`
      ].join("\n")
    }
  })

const jsonOf = (found: Found) => {
  if (Either.isLeft(found)) {
    const { code, location, text } = found.left
    return { same: false, run: location?.run ?? null, code, step: location?.step ?? null, why: text }
  }
  if (found.right === undefined) return { same: null, skipped: "a program started it" }
  const { by, entries, run } = found.right
  return { same: true, run, entries, by: by ?? null }
}

/** By the project's blueprint as it is now, where there is one of the name that the run keeps. */
const walk = (workspace: Workspace.Workspace, file: string, shown: string, kept: boolean) =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    const { journal, row } = yield* Fixtures.open(file, shown)
    const [main] = yield* GoOn.sources(journal, row)
    if (main === undefined) return undefined
    const now = path.resolve(workspace.base, main.path)
    const isThere = !kept && (yield* ProjectFile.stands(now))
    const id = row.run
    const replay = isThere
      ? Flujo.replay(
          (yield* Effect.flatMap(BlueprintFile.read(workspace, now), (checked) => BlueprintFile.sound(checked, false)))
            .pipeline,
          id,
          { anyVersion: true }
        )
      : Flujo.replay((yield* GoOn.kept(workspace, journal, row)).blueprint.pipeline, id)
    const { entries } = yield* replay.pipe(
      Effect.provideService(Journal, journal),
      Effect.mapError((error) => Faults.run(error, row.run))
    )
    const held: Held = { run: row.run, entries, by: isThere ? main.path : undefined }
    return held
  })

/** The files that are named, and those of the folders that are; in order. */
const fixtures = (workspace: Workspace.Workspace, named: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const places =
      named.length === 0
        ? [path.join(workspace.base, folderDefault)]
        : named.map((one) => path.resolve(workspace.cwd, one))
    const files: Array<{ readonly file: string; readonly shown: string }> = []
    for (const place of places) {
      const refuse = (text: string, hint?: string) =>
        new Fault({ ...cliErrors.File, text, hint, location: { file: place } })
      const hint = `flujo lens replay last --export ${folderDefault}/NAME.jsonl makes one`
      const info = yield* Effect.mapError(fs.stat(place), () => refuse("there are no fixtures: it is not there", hint))
      if (info.type !== "Directory") {
        files.push({ file: place, shown: yield* Workspace.shownPath(workspace, place) })
        continue
      }
      const all = yield* Effect.mapError(fs.readDirectory(place), () => refuse("the folder cannot be read"))
      const found = all.filter((name) => name.endsWith(".jsonl")).sort()
      if (found.length === 0) return yield* refuse("there are no fixtures: no file in it ends in .jsonl", hint)
      if (found.length > filesMax) return yield* refuse(`the folder has more than ${filesMax} fixtures`)
      for (const name of found) {
        const file = path.join(place, name)
        files.push({ file, shown: yield* Workspace.shownPath(workspace, file) })
      }
    }
    return files
  })
