/**
 * Driving a run from the command line, the same for all commands that do: it is watched, a person at the terminal is
 * asked what it waits for, and its end or rest becomes the command's reply.
 */

import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import type { Failure } from "../blueprint/Blueprint.js"
import type { Entry } from "../domain/Event.js"
import type { Json, JsonObject } from "../domain/Json.js"
import type { Models } from "../domain/Model.js"
import type { RunId } from "../domain/RunId.js"
import * as Flujo from "../engine/Flujo.js"
import type { RunError } from "../engine/RunError.js"
import { Journal } from "../journal/Journal.js"
import * as FinalOutput from "../lens/FinalOutput.js"
import * as Render from "../lens/Render.js"
import * as Text from "../lens/Text.js"
import * as Trace from "../lens/Trace.js"
import * as ViewJson from "../lens/ViewJson.js"
import { printable } from "../redaction/Printable.js"
import type { Services } from "./Command.js"
import { runErrors } from "./codes/Engine.js"
import * as Money from "./commands/Money.js"
import { exits, Fault } from "./Fault.js"
import * as Faults from "./Faults.js"
import type * as Flag from "./Flag.js"
import type * as Flags from "./Flags.js"
import * as Hints from "./Hints.js"
import { Host } from "./Host.js"
import { Invocation } from "./Invocation.js"
import type { Heard } from "./Pieces.js"
import type { Reply } from "./Reply.js"
import * as Runs from "./Runs.js"
import * as View from "./View.js"
import * as Watch from "./Watch.js"
import type { Workflow } from "./Workflow.js"
import * as Workspace from "./Workspace.js"

export type Shown = Flag.Values<typeof Flags.approve>

export interface Driven {
  readonly workspace: Workspace.Workspace
  readonly journal: Journal["Type"]
  readonly blueprint: Workflow
  /** Where the files that it names start. */
  readonly folder: string
  readonly run: RunId
  readonly flags: Shown
}

type Ended = Flujo.Completed<Json> | Flujo.Suspended
type Effort = Effect.Effect<Ended, Failure | RunError, Journal | Models>

/** What every run that is driven from here has: what its own code needs, the models of the project, and traces. */
export const services = (workspace: Workspace.Workspace, { blueprint, folder }: Pick<Driven, "blueprint" | "folder">) =>
  Layer.mergeAll(
    Layer.mapError(blueprint.layer ?? Layer.empty, (error) => Faults.layer(error, blueprint.sources[0]?.path)),
    Workspace.models(workspace, folder),
    Money.layer(workspace),
    Layer.unwrapEffect(
      Effect.map(
        Effect.promise(() => import("../telemetry/Otlp.js")),
        (Otlp) => Otlp.layerConfigWith({ withheld: workspace.config.phi.value })
      )
    ).pipe(
      Layer.mapError(Faults.config),
      Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map(workspace.environment))))
    )
  )

/** Drives by `effort`, and on by resuming, until the run ends or rests with nobody here to ask. */
export const drive = (driven: Driven, effort: Effort): Effect.Effect<Reply, Fault, Services> =>
  Effect.gen(function* () {
    const { blueprint, flags, run, workspace } = driven
    const exportTo = Option.getOrElse(flags.debugExport, () => "")
    if (exportTo !== "") {
      const { mayReplace } = yield* Effect.promise(() => import("./DebugExport.js"))
      yield* mayReplace(workspace, exportTo)
    }
    const host = yield* Host
    const invocation = yield* Invocation
    const isQuiet = invocation.isJson || workspace.config.testMode.value
    const mayAsk = host.isTerminal.input && host.isTerminal.errors && !flags.noInput && !isQuiet
    const loop = (effort: Effort): Effect.Effect<Exit.Exit<Ended, unknown>, Fault, Services | Models> =>
      Effect.gen(function* () {
        const exit = yield* watched(driven, effort)
        if (!mayAsk || Exit.isFailure(exit) || exit.value._tag === "Completed") return exit
        const isAnswered = yield* askAll(driven)
        return isAnswered ? yield* loop(Flujo.resume(blueprint.pipeline, run)) : exit
      })

    yield* Ref.set(invocation.ifInterrupted, [invocation.again(`resume ${run}`)])
    return yield* conclude(driven, yield* Effect.provide(loop(effort), services(workspace, driven)))
  })

/** One stretch of driving, shown as it goes. */
const watched = (driven: Driven, effort: Effort) =>
  Effect.gen(function* () {
    const { flags, journal, run, workspace } = driven
    const host = yield* Host
    const invocation = yield* Invocation
    const only = onlyOf(flags)
    const options = () =>
      View.options(host, invocation, "errors", {
        redaction: workspace.redaction,
        previewLength: Option.getOrUndefined(flags.outputPreviewLen)
      })
    const before = yield* Effect.mapError(Stream.runCollect(journal.read(run)), Faults.journal)
    yield* Effect.logInfo("driving").pipe(Effect.annotateLogs({ run, entries: before.length }))
    const show = (): Effect.Effect<Watch.Watch> => {
      const isWanted = flags.showSteps || !(flags.summary || flags.noSteps)
      if (invocation.isJson || !isWanted) return Effect.succeed(Watch.silent)
      const isLive =
        host.isTerminal.errors && !workspace.config.testMode.value && host.environment.get("TERM") !== "dumb"
      return isLive
        ? Watch.live(host, options, only, Array.from(before))
        : Watch.lines(host, options(), only, Array.from(before))
    }
    const watch = yield* show()
    const stream = flags.jsonStream ? yield* streamed(run, workspace) : undefined
    const see = stream?.see ?? watch.see
    const hear = stream?.hear ?? watch.hear
    let exit: Exit.Exit<Ended, unknown> | undefined
    const noted = Effect.onExit(effort, (end) =>
      Effect.sync(() => {
        exit = end
      })
    )
    // Without a listener no model is asked to answer in pieces.
    const shown =
      hear === undefined
        ? Stream.runForEach(Flujo.entriesOf(journal, run, noted), see)
        : Stream.runForEach(Flujo.liveOf(journal, run, noted), (one) =>
            one._tag === "Entry" ? see(one.entry) : hear(one)
          )
    yield* shown.pipe(
      Effect.provideService(Journal, journal),
      Effect.catchAll(() => Effect.void),
      Effect.ensuring(watch.end)
    )
    return exit ?? (yield* Effect.interrupt)
  })

/** Each entry as it is written, and between them the words of models, a JSON object a line. */
const streamed = (run: RunId, { redaction }: Workspace.Workspace) =>
  Effect.gen(function* () {
    const host = yield* Host
    const { Pieces } = yield* Effect.promise(() => import("./Pieces.js"))
    const pieces = new Pieces()
    const write = (json: Json) => Effect.ignore(host.result(`${Text.jsonText(json)}\n`))
    const words = (all: ReturnType<(typeof pieces)["rest"]>) =>
      Effect.forEach(all, (one) => write(ViewJson.words(run, one, redaction)), { discard: true })
    return {
      see: (entry: Entry) =>
        Effect.zipRight(
          entry.event.kind === "Answered" ? words(pieces.rest(entry.event.path)) : Effect.void,
          write(ViewJson.entry(entry, redaction))
        ),
      hear: (heard: Heard) =>
        heard._tag === "Said"
          ? words(pieces.take(heard))
          : Effect.zipRight(words(pieces.rest(heard.path)), write(ViewJson.discarded(run, heard, redaction)))
    }
  })

/** Asks for each open task; whether any was answered. */
const askAll = ({ journal, run, workspace }: Driven) =>
  Effect.gen(function* () {
    const { ask } = yield* Effect.promise(() => import("./Ask.js"))
    const host = yield* Host
    let isAnswered = false
    for (const task of yield* Runs.tasks(journal, { run, limit: tasksMax })) {
      // Ctrl-C at the prompt is no signal, and is meant as one.
      const answer = yield* Effect.catchAll(ask(task, workspace.redaction), () => Effect.interrupt)
      if (Option.isNone(answer)) continue
      yield* Effect.mapError(
        journal.deliver(run, {
          _tag: "Answer",
          path: task.row.path,
          answer: answer.value,
          by: host.user
        }),
        Faults.delivery
      )
      isAnswered = true
    }
    return isAnswered
  })

const tasksMax = 100

/** What the command says of the end or rest of a run. */
const conclude = (driven: Driven, exit: Exit.Exit<Ended, unknown>): Effect.Effect<Reply, Fault, Services> =>
  Effect.gen(function* () {
    const { flags, journal, run, workspace } = driven
    const host = yield* Host
    const invocation = yield* Invocation
    if (Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)) return yield* Effect.interrupt
    const failure = Exit.isFailure(exit) ? Faults.run(Cause.squash(exit.cause), run) : undefined
    // What could not be started has no entries, and what is not ours is somebody else's to tell.
    const entries = Array.from(yield* Effect.mapError(Stream.runCollect(journal.read(run)), Faults.journal))
    if (failure !== undefined && (entries.length === 0 || unowned.has(failure.code))) return yield* failure
    const trace = Trace.make(entries, { held: false, now: yield* Clock.currentTimeMillis })
    const { summary } = trace
    const options = View.options(host, invocation, "errors", {
      redaction: workspace.redaction,
      previewLength: Option.getOrUndefined(flags.outputPreviewLen)
    })
    const say = (lines: ReadonlyArray<string>) =>
      invocation.isJson || lines.length === 0 ? Effect.void : host.message(`${lines.join("\n")}\n`)
    if (flags.debug) {
      yield* say(Render.trace(trace, { ...options, verbose: true, previewLength: debugPreviewLength }))
    }
    const exported = yield* debugExport(driven, trace, entries)
    if (exported !== undefined) yield* say([`debug export: ${printable(exported)}`])
    // Only a run that has come to its end has said what its context holds then.
    const context = Exit.isSuccess(exit) && exit.value._tag === "Completed" ? exit.value.context : undefined
    if (context !== undefined && (flags.showContext || (flags.debug && !flags.noContext))) {
      const rows = Object.entries(context).map(([name, value]) => contextLine(name, value, options))
      yield* say(rows.length === 0 ? ["the context holds no fields"] : ["context:", ...rows])
    }
    const view = ViewJson.summary(summary, workspace.redaction) as JsonObject
    const data: JsonObject = { ...view, context: context === undefined ? null : workspace.redaction.json(context) }
    if (failure !== undefined) {
      yield* say([Render.totals(summary, options), ...Render.undos(summary, options)])
      const next = [invocation.again(`resume ${run}`), invocation.again(`lens trace ${run} -v`)]
      // What was taken back is not gone on from; an undo that failed can be tried again.
      const isOver =
        summary.undoFailures.length === 0 && (failure.code === runErrors.Cancelled.code || summary.undone > 0)
      const step = failure.location?.step ?? Option.getOrUndefined(summary.error)?.at[0]
      return yield* new Fault({
        ...failure,
        text: workspace.redaction.text(failure.text),
        location: { ...failure.location, step },
        details: data,
        next: isOver ? next.slice(1) : next
      })
    }
    if (Exit.isSuccess(exit) && exit.value._tag === "Completed") {
      // The result is the user's own, so it is handed over as it is.
      const value = Option.getOrUndefined(summary.output)
      yield* say([Render.totals(summary, options)])
      const output = value === undefined ? undefined : yield* finalText(value, flags)
      const next = Workspace.isDurable(workspace) ? [invocation.again(`lens trace ${run}`)] : []
      return { exit: exits.done, data: { ...data, output: value ?? null }, text: output, next }
    }
    const open = yield* Runs.tasks(journal, { run, limit: tasksMax })
    const signals = summary.signals.map(({ signal }) => signal)
    const told = Hints.waiting({ run, signals, tasks: open.map(({ row }) => row) })
    const hints = (told.length === 0 ? [`resume ${run}`] : told).map(invocation.again)
    const isKept = Workspace.isDurable(workspace)
    const lost = "The state is memory://: nothing is kept, so this run ends here. Use a state file for runs that pause."
    yield* say([Render.totals(summary, options), ...waits(open, summary, options), ...(isKept ? [] : [lost])])
    return { exit: flags.requireComplete ? exits.paused : exits.done, data, next: isKept ? hints : [] }
  })

/** Codes of runs that this process did not drive. */
const unowned: ReadonlySet<string> = new Set(
  (["Held", "Plan", "Input", "Unknown", "Ended", "Exists", "Changed", "Upgrade"] as const).map(
    (reason) => runErrors[reason].code
  )
)

const debugPreviewLength = 1000

const onlyOf = (flags: Pick<Shown, "onlySteps">): Watch.Only =>
  new Set(
    Option.match(flags.onlySteps, {
      onNone: () => [],
      onSome: (names) =>
        names
          .split(",")
          .map((name) => name.trim())
          .filter((name) => name !== "")
    })
  )

const contextLine = (name: string, value: Json, options: Text.Options): string =>
  Text.line([Text.span("  "), Text.whole(name, options, "bold"), Text.span(": "), Text.value(value, options)], options)

/** The questions in full: they are what a person has to read. */
const waits = (
  open: ReadonlyArray<Runs.OpenTask>,
  summary: Trace.Trace["summary"],
  options: Text.Options
): ReadonlyArray<string> => [
  ...open.flatMap((task) => [
    "",
    Text.line(
      [Text.span("It waits for you at "), Text.whole(task.row.path, options, "yellow"), Text.span(":")],
      options
    ),
    ...printable(options.redaction.text(task.message))
      .trimEnd()
      .split("\n")
      .map((line) => `  ${line}`)
  ]),
  ...summary.signals.map(({ path, signal }) =>
    Text.line(
      [
        Text.span("It waits for the signal "),
        Text.foreign(signal, options, "yellow"),
        Text.span(" at "),
        Text.whole(path, options),
        Text.span(".")
      ],
      options
    )
  ),
  ...(open.length === 0 && Option.isSome(summary.wakeAt)
    ? [`It goes on by itself at ${Text.instant(summary.wakeAt.value)}, when somebody resumes it then.`]
    : [])
]

const finalText = (value: Json, flags: Shown) =>
  Effect.gen(function* () {
    const host = yield* Host
    const text = FinalOutput.text(
      value,
      Option.getOrElse(flags.finalOutputFormat, () => "auto" as const)
    )
    if (!host.isTerminal.output) return text
    if (!flags.pager) return printable(text)
    const { page } = yield* Effect.promise(() => import("./Pager.js"))
    return (yield* page(printable(text))) ? undefined : printable(text)
  })

const debugExport = ({ flags, workspace }: Driven, trace: Trace.Trace, entries: ReadonlyArray<Entry>) =>
  Effect.gen(function* () {
    if (Option.isNone(flags.debugExport)) return undefined
    const { write } = yield* Effect.promise(() => import("./DebugExport.js"))
    return yield* write(workspace, { path: flags.debugExport.value, trace, entries })
  })
