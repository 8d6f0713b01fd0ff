/** `flujo validate` */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Diagnostics from "../../blueprint/Diagnostics.js"
import * as Source from "../../blueprint/Source.js"
import * as Baseline from "../../check/Baseline.js"
import * as Check from "../../check/Check.js"
import * as Diff from "../../check/Diff.js"
import * as Fix from "../../check/Fix.js"
import * as Github from "../../check/format/Github.js"
import * as Junit from "../../check/format/Junit.js"
import * as Plain from "../../check/format/Plain.js"
import * as Sarif from "../../check/format/Sarif.js"
import * as Search from "../../check/Search.js"
import * as Severities from "../../check/Severities.js"
import type { JsonObject } from "../../domain/Json.js"
import { jsonText } from "../../lens/Text.js"
import * as Bound from "../../plan/Bound.js"
import * as ProjectFile from "../../project/ProjectFile.js"
import * as ProjectToml from "../../project/ProjectToml.js"
import { printable } from "../../redaction/Printable.js"
import * as BlueprintFile from "../BlueprintFile.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import { isLoading } from "../codes/Code.js"
import { exits, Fault } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as PipelineFile from "../PipelineFile.js"
import * as Severity from "../Severity.js"
import * as UserCode from "../UserCode.js"
import { version } from "../Version.js"
import * as View from "../View.js"
import type { Workflow } from "../Workflow.js"
import * as Workspace from "../Workspace.js"
import * as Money from "./Money.js"

interface Result extends Check.Checked {
  /** Absolute; `path` is how it is shown. */
  readonly file: string
  readonly fixed: Fix.Fixed | undefined
  readonly diff: string
  /** Findings that are in the baseline, and so not among the others. */
  readonly knownCount: number
  /** Whether it could run, the files that it imports too. */
  readonly isSound: boolean
  /** What it can cost, where `--max-cost` asks. */
  readonly cost: Cost | undefined
}

interface Cost {
  readonly bound: Bound.Bound
  readonly isWithin: boolean
}

export const run: Module<typeof Flags.validate>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const baselineFile = Option.getOrUndefined(flags.baseline)
    if (flags.updateBaseline && baselineFile === undefined) return yield* needs("--update-baseline", "--baseline FILE")
    if (flags.dryRun && !flags.fix) return yield* needs("--dry-run", "--fix")
    const workspace = yield* Workspace.read(Option.none())
    const severities = yield* severitiesOf(workspace, Option.getOrUndefined(flags.rules))
    const { files, unread } = yield* filesOf(workspace, invocation.args)
    const common = { undefinedVariables: workspace.config.undefinedVariables.value }
    const maxCost = yield* Money.amount("max-cost", flags.maxCost)
    const costOf = ({
      blueprint
    }: {
      readonly blueprint: Pick<Workflow, "pipeline"> | undefined
    }): Cost | undefined => {
      if (maxCost === undefined || blueprint === undefined) return undefined
      const bound = Bound.make(blueprint.pipeline, Money.prices(workspace))
      return { bound, isWithin: Bound.excess(bound, { maxCost }) === undefined }
    }
    const look = (file: string, fixes: boolean) =>
      Effect.gen(function* () {
        if (PipelineFile.parts(file) !== undefined) {
          const { blueprint, diagnostics, path } = yield* BlueprintFile.read(workspace, file)
          const kept = diagnostics.flatMap((one) => {
            const level = Severities.levelOf(severities, one.code, one.severity)
            return level === "off" ? [] : [{ ...one, severity: level }]
          })
          return {
            file,
            path,
            text: undefined,
            blueprint: undefined,
            diagnostics: kept,
            ignoredCount: 0,
            fixed: undefined,
            diff: "",
            knownCount: 0,
            isSound: true,
            cost: costOf({ blueprint })
          } satisfies Result
        }
        const given = yield* BlueprintFile.bytes(workspace, file)
        const files = yield* BlueprintFile.imports(workspace, given)
        const { code, skillIds, skills } = yield* UserCode.of(workspace, given, files)
        const options = { ...common, files, code, skillIds, skills }
        const checked = Check.check(given, options, severities)
        if (!fixes || checked.text === undefined) {
          return {
            ...checked,
            file,
            fixed: undefined,
            diff: "",
            knownCount: 0,
            isSound: true,
            cost: costOf(checked)
          } satisfies Result
        }
        const { path, text } = checked
        const again = (text: string) => Check.check({ path, text }, options, severities)
        // A file that is imported is repaired as itself.
        const fixed = Fix.fix(text, (text) => again(text).diagnostics.filter(({ file }) => file === path))
        const diff = Diff.unified(path, text, fixed.text)
        if (!flags.dryRun && fixed.text !== text) yield* write(file, path, `${markOf(given)}${fixed.text}`)
        const shown = flags.dryRun ? checked : again(fixed.text)
        return { ...shown, file, fixed, diff, knownCount: 0, isSound: true, cost: costOf(shown) } satisfies Result
      })
    const looked: Array<Result> = []
    for (const file of files) {
      const either = yield* Effect.either(look(file, flags.fix))
      if (Either.isRight(either)) looked.push(either.right)
      else unread.push({ path: yield* Workspace.shownPath(workspace, file), fault: either.left })
    }
    // One that cannot be read does not keep the others from being told of.
    const [first] = unread
    if (first !== undefined && looked.length === 0 && unread.length === 1) return yield* first.fault
    // What was read before a file that it imports was repaired is looked at again.
    const wasRepaired = ({ fixed }: Result): boolean => !flags.dryRun && (fixed?.repaired.length ?? 0) > 0
    const repaired = new Set(looked.filter(wasRepaired).map(({ path }) => path))
    for (const [at, { diagnostics, diff, file, fixed, path }] of looked.entries()) {
      if (!diagnostics.some((one) => one.file !== path && repaired.has(one.file))) continue
      looked[at] = { ...(yield* look(file, false)), diff, fixed }
    }
    // What an imported file has is told of once, where it is checked itself: not what it has only as it is used here.
    const told = new Set(looked.flatMap(({ diagnostics, path }) => diagnostics.filter(isOf(path)).map(keyOf)))
    const results = looked.map((result): Result => {
      const isOwn = isOf(result.path)
      const own = result.diagnostics.filter((one) => isOwn(one) || !told.has(keyOf(one)))
      return { ...result, diagnostics: own, isSound: Check.isValid(result) }
    })
    const all = results.flatMap(({ diagnostics }) => diagnostics)
    if (flags.updateBaseline && baselineFile !== undefined) {
      yield* write(yield* absolute(workspace, baselineFile), baselineFile, Baseline.print(Baseline.make(all)))
    }
    const baseline = baselineFile === undefined ? undefined : yield* baselineOf(workspace, baselineFile)
    const compared = baseline === undefined ? undefined : Baseline.compared(baseline, all)
    const fresh = compared === undefined ? undefined : new Set(compared.fresh)
    const shown = results.map((result): Result => {
      const diagnostics = result.diagnostics.filter((one) => fresh === undefined || fresh.has(one))
      const knownCount = result.diagnostics.length - diagnostics.length
      return {
        ...result,
        diagnostics,
        knownCount,
        isSound: knownCount > 0 ? Check.isValid({ diagnostics }) : result.isSound
      }
    })
    const said = shown.flatMap(({ diagnostics }) => diagnostics)
    const isValid = unread.length === 0 && shown.every((result) => result.isSound && Check.isValid(result))
    const data = workspace.redaction.json(
      dataOf(shown, unread, isValid, {
        ...(compared === undefined ? {} : { baseline: Baseline.toJson(compared) }),
        ...(flags.fix ? { fixes: fixesOf(shown, flags.dryRun) } : {})
      })
    )
    const { color } = View.options(host, invocation, "output", { redaction: workspace.redaction })
    const format = Option.getOrElse(flags.format, () => "human" as const)
    const text = (): string => {
      switch (format) {
        case "json":
          return jsonText(data, 2)
        case "sarif":
          return jsonText(workspace.redaction.json(Sarif.toJson([...said, ...unread.map(asFinding)], version)), 2)
        case "github":
          return workspace.redaction.text(Github.toText([...said, ...unread.map(asFinding)]))
        case "junit":
          return workspace.redaction.text(
            Junit.toText(
              [...shown, ...unread.map((one) => ({ path: one.path, diagnostics: [asFinding(one)] }))],
              flags.failOnWarn
            )
          )
        case "human":
          return workspace.redaction.text(human(shown, unread, { ...flags, color, compared }))
      }
    }
    const hasErrors = shown.some((result) => !result.isSound || !Check.isValid(result))
    const fails = hasErrors || (flags.failOnWarn && said.length > 0)
    const isDear = shown.some(({ cost }) => cost?.isWithin === false)
    // Code that cannot be loaded is another matter than a blueprint that is not valid.
    const errors = said.filter(({ severity }) => severity === "error")
    const isLoadingOnly = errors.length > 0 && errors.every(({ code }) => isLoading(code))
    const invalid = isLoadingOnly && !isDear ? exits.loading : exits.invalid
    const exit = isDear || (fails && !flags.noStrict) ? invalid : (first?.fault.exit ?? exits.done)
    return { exit, data, text: text() }
  })

const isOf =
  (path: string) =>
  ({ file }: Diagnostics.Diagnostic): boolean =>
    file === path

/** Without the message, which may name a path of steps that is another one where the file is imported. */
const keyOf = ({ code, file, place, severity }: Diagnostics.Diagnostic): string =>
  JSON.stringify([file, code, severity, place.span.start, place.span.end])

const needs = (flag: string, other: string) =>
  new Fault({ ...cliErrors.Excluding, text: `${flag} says nothing without ${other}` })

/** Of `flujo.toml` and, before it, of the file of `--rules`. */
const severitiesOf = (workspace: Workspace.Workspace, named: string | undefined) =>
  Effect.gen(function* () {
    const given = named === undefined ? [] : yield* rulesOf(yield* absolute(workspace, named), named)
    return yield* Severity.of([...workspace.config.rules, ...given])
  })

const rulesOf = (file: string, named: string) =>
  Effect.gen(function* () {
    if (!(yield* ProjectFile.stands(file))) {
      return yield* new Fault({ ...cliErrors.File, text: "there is no such file", location: { file: named } })
    }
    const toml = yield* Effect.mapError(ProjectToml.read(file), Faults.project)
    const other = Object.keys(toml.document).find((key) => key !== "rules")
    if (other !== undefined) {
      return yield* new Fault({
        ...cliErrors.File,
        text: `a file of rules holds [rules] and nothing else, not ${other}`,
        location: { file: named }
      })
    }
    return ProjectToml.rules(toml)
  })

const absolute = (workspace: Workspace.Workspace, named: string) =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    if (named === "" || named.includes("\0")) return yield* new Fault({ ...cliErrors.File, text: "this is no path" })
    return path.resolve(workspace.cwd, named)
  })

/** Named, and not to be read. */
interface Unread {
  readonly path: string
  readonly fault: Fault
}

/** The files that are meant: each file that is named, all blueprints of a folder, without names those of the project. */
const filesOf = (workspace: Workspace.Workspace, args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const files = new Set<string>()
    const unread: Array<Unread> = []
    for (const named of args.length === 0 ? [workspace.base] : args) {
      const found = Effect.gen(function* () {
        const file = yield* BlueprintFile.locate(workspace, named)
        const info = yield* Effect.option(fs.stat(file))
        return Option.isSome(info) && info.value.type === "Directory" ? yield* inFolder(file, named) : [file]
      })
      const either = yield* Effect.either(found)
      if (Either.isLeft(either)) unread.push({ path: named, fault: either.left })
      else for (const file of either.right) files.add(file)
    }
    return { files: [...files], unread }
  })

const inFolder = (folder: string, named: string) =>
  Effect.gen(function* () {
    const found = yield* Effect.mapError(Search.blueprints(folder), (error) =>
      error._tag === "SearchLimit"
        ? new Fault({ ...cliErrors.File, text: error.detail, hint: "name a smaller folder, or files" })
        : new Fault({ ...cliErrors.File, text: ProjectFile.unreadable(named)(error).detail, location: { file: named } })
    )
    if (found.length > 0) return found
    return yield* new Fault({
      ...cliErrors.NoBlueprint,
      text: `there is no blueprint in ${printable(named)}`,
      hint: "a blueprint ends in .yaml or .yml and has `steps` at its top"
    })
  })

const baselineOf = (workspace: Workspace.Workspace, named: string) =>
  Effect.gen(function* () {
    const file = yield* absolute(workspace, named)
    const refuse = (text: string, hint?: string) =>
      new Fault({ ...cliErrors.File, text, hint, location: { file: named } })
    if (!(yield* ProjectFile.stands(file))) {
      return yield* refuse("there is no such file", "--update-baseline writes it")
    }
    const text = yield* Effect.mapError(ProjectFile.read(file, { sizeMax: 16 * 1024 * 1024 }), Faults.project)
    return yield* Either.mapLeft(Baseline.read(text), (detail) => refuse(detail, "--update-baseline writes it anew"))
  })

/** Into a file of its own first, so that a full disk leaves what was there. A link is followed, not replaced. */
const write = (file: string, named: string, text: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const real = Option.getOrElse(yield* Effect.option(fs.realPath(file)), () => file)
    const temporary = `${real}.flujo-new`
    // Who may read what was there may read what takes its place, and nobody else.
    const info = yield* Effect.option(fs.stat(real))
    const mode = Option.isSome(info) ? info.value.mode & 0o777 : undefined
    yield* fs.writeFileString(temporary, text, mode === undefined ? {} : { mode: mode & 0o600 }).pipe(
      Effect.zipRight(mode === undefined ? Effect.void : fs.chmod(temporary, mode)),
      Effect.zipRight(fs.rename(temporary, real)),
      Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true }))),
      Effect.mapError(
        (error) =>
          new Fault({ ...cliErrors.File, text: ProjectFile.unreadable(named)(error).detail, location: { file: named } })
      )
    )
  })

/** The byte order mark, where the file begins with one: it is no part of its text, and stays. */
const markOf = ({ bytes: [first, second, third] }: { readonly bytes: Uint8Array }): string =>
  first === 0xef && second === 0xbb && third === 0xbf ? "\ufeff" : ""

/** For reports that know only findings. */
const asFinding = ({ fault, path }: Unread): Diagnostics.Diagnostic =>
  Diagnostics.make(
    Source.make(path, ""),
    { code: fault.code, severity: "error", title: "not read", why: "a file that cannot be read is not checked" },
    { start: 0, end: 0 },
    fault.text,
    { hint: fault.hint }
  )

const dataOf = (
  results: ReadonlyArray<Result>,
  unread: ReadonlyArray<Unread>,
  isValid: boolean,
  more: JsonObject
): JsonObject => {
  const checked = results.map((result) => ({
    is_valid: result.isSound && Check.isValid(result),
    errors: of(result.diagnostics, "error").map(Diagnostics.toJson),
    warnings: of(result.diagnostics, "warning").map(Diagnostics.toJson),
    path: result.path,
    ...(result.cost === undefined
      ? {}
      : { bound: Money.boundJson(result.cost.bound), within_max_cost: result.cost.isWithin }),
    ...(result.ignoredCount === 0 ? {} : { ignored: result.ignoredCount })
  }))
  const refused = unread.map(({ fault, path }) => ({
    is_valid: false,
    errors: [{ code: fault.code, severity: "error", message: fault.text, file: path }],
    warnings: [],
    path
  }))
  const files: ReadonlyArray<JsonObject & Pick<(typeof checked)[number], "errors" | "warnings">> = [
    ...checked,
    ...refused
  ]
  const [only, ...others] = files
  if (only !== undefined && others.length === 0) return { ...only, ...more }
  return {
    is_valid: isValid,
    errors: files.flatMap(({ errors }) => errors),
    warnings: files.flatMap(({ warnings }) => warnings),
    files,
    ...more
  }
}

const of = (all: ReadonlyArray<Diagnostics.Diagnostic>, severity: Diagnostics.Diagnostic["severity"]) =>
  all.filter((one) => one.severity === severity)

const fixesOf = (results: ReadonlyArray<Result>, isDryRun: boolean): JsonObject => ({
  applied: !isDryRun,
  total: results.reduce((sum, { fixed }) => sum + (fixed?.repaired.length ?? 0), 0),
  findings: results.flatMap(({ fixed }) => (fixed?.repaired ?? []).map(Diagnostics.toJson)),
  diff: results
    .map(({ diff }) => diff)
    .filter((diff) => diff !== "")
    .join("\n")
})

interface HumanOptions {
  readonly color: boolean
  readonly plain: boolean
  readonly dryRun: boolean
  readonly compared: Baseline.Compared | undefined
}

const human = (
  results: ReadonlyArray<Result>,
  unread: ReadonlyArray<Unread>,
  { color, compared, dryRun, plain }: HumanOptions
): string =>
  [
    ...results.map((result) => {
      const { cost, diagnostics, diff, fixed, ignoredCount, knownCount, path } = result
      const count = fixed?.repaired.length ?? 0
      const parts = [
        !Check.isValid(result) || !result.isSound ? "not valid" : knownCount > 0 ? "nothing new" : "valid",
        ...(knownCount === 0 ? [] : [`${knownCount} in the baseline`]),
        ...counted(of(diagnostics, "error").length, "error"),
        ...counted(of(diagnostics, "warning").length, "warning"),
        ...(ignoredCount === 0 ? [] : [`${ignoredCount} ignored`]),
        ...(cost === undefined ? [] : [`costs ${printable(Bound.words(cost.bound))}`]),
        ...(cost?.isWithin === false ? ["which is not within --max-cost"] : []),
        ...(count === 0 ? [] : [`${count} ${dryRun ? "can be repaired" : "repaired"}`])
      ]
      const verdict = `${printable(path)}: ${parts.join(", ")}`
      const shown = plain ? Plain.toText(diagnostics) : Diagnostics.renderAll(diagnostics, { color })
      return [shown, dryRun ? diff : "", verdict].filter((part) => part !== "").join("\n\n")
    }),
    ...unread.map(({ fault, path }) => `${printable(path)}: not read, ${printable(fault.text)}`),
    ...(compared === undefined
      ? []
      : [`Of the baseline ${compared.knownCount} found again, ${compared.goneCount} not any more.`])
  ].join("\n\n")

const counted = (count: number, what: string): ReadonlyArray<string> =>
  count === 0 ? [] : [`${count} ${what}${count === 1 ? "" : "s"}`]
