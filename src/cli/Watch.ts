/**
 * What is shown of a run while it is driven, on standard error: a tree that is drawn again as entries are committed, or,
 * where there is no terminal, a line for each step that came to its end. Only what is in the journal is shown; below the
 * tree stands what models are just saying, until their replies are there.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { Carried, Entry } from "../domain/Event.js"
import type { Json } from "../domain/Json.js"
import type { Discarded, Said } from "../domain/Live.js"
import * as StepPath from "../domain/StepPath.js"
import * as Usage from "../domain/Usage.js"
import * as Render from "../lens/Render.js"
import * as Text from "../lens/Text.js"
import * as Trace from "../lens/Trace.js"
import type { TraceNode } from "../lens/TraceNode.js"
import * as Values from "../lens/Values.js"
import type { Host } from "./Host.js"
import { Talk } from "./Talk.js"

export interface Watch {
  readonly see: (entry: Entry) => Effect.Effect<void>
  /** What a model says while it says it; absent where that is not shown. */
  readonly hear?: ((heard: Said | Discarded) => Effect.Effect<void>) | undefined
  /** Shows the last state and stops. */
  readonly end: Effect.Effect<void>
}

export const silent: Watch = { see: () => Effect.void, end: Effect.void }

/** Steps of these names and what is below them; all where there are none. */
export type Only = ReadonlySet<string>

const isShown = (path: StepPath.StepPath, only: Only): boolean =>
  only.size === 0 || StepPath.parse(path).some(({ name }) => only.has(name))

/** The part of a trace that is to be shown. */
export const pruned = (node: TraceNode, only: Only): TraceNode =>
  only.size === 0
    ? node
    : {
        ...node,
        children: node.children.flatMap((child) => {
          if (isShown(child.path, only)) return [child]
          const inner = pruned(child, only)
          return inner.children.length === 0 ? [] : [inner]
        })
      }

const frameMillis = 80
const tickMillis = 500
/** Drawing a long run takes its time; at most a fifth of all time is spent on it. */
const restPerDraw = 4

/** A tree that is drawn over itself. `before` are the entries that are there already. */
export const live = (
  host: Host["Type"],
  options: () => Text.Options,
  only: Only,
  before: ReadonlyArray<Entry>
): Effect.Effect<Watch> =>
  Effect.gen(function* () {
    const entries = [...before]
    const talk = new Talk()
    let drawn = 0
    let isDirty = true
    const draw = (isLast: boolean) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const trace = Trace.make(entries, { held: true, now })
        const all = Render.trace({ ...trace, root: pruned(trace.root, only) }, options())
        // A tree taller than the screen could not be drawn over: its end is what moves.
        const said = isLast ? [] : talk.lines(options())
        const shown = isLast ? all : [...all, ...said].slice(-Math.max(1, host.rows() - 2))
        const up = drawn === 0 ? "" : `\u001b[${drawn}A\r\u001b[J`
        yield* host.message(`${up}${shown.join("\n")}\n`)
        drawn = shown.length
      })
    const loop = Effect.gen(function* () {
      let waited = tickMillis
      while (true) {
        const begun = yield* Clock.currentTimeMillis
        if ((isDirty || waited >= tickMillis) && entries.length > 0) {
          isDirty = false
          waited = 0
          yield* draw(false)
        }
        const rest = Math.max(frameMillis, restPerDraw * ((yield* Clock.currentTimeMillis) - begun))
        yield* Effect.sleep(rest)
        waited += rest
      }
    })
    const fiber = yield* Effect.forkDaemon(Effect.interruptible(loop))
    return {
      see: (entry) =>
        Effect.sync(() => {
          entries.push(entry)
          talk.see(entry)
          isDirty = true
        }),
      hear: (heard) =>
        Effect.sync(() => {
          talk.hear(heard)
          isDirty = true
        }),
      end: Effect.zipRight(
        Fiber.interrupt(fiber),
        Effect.suspend(() => (entries.length === 0 ? Effect.void : draw(true)))
      )
    }
  })

/** A line for each end of a step and each question; with `verbose` also for what a step is given, and for calls. */
export const lines = (
  host: Host["Type"],
  options: Text.Options,
  only: Only,
  before: ReadonlyArray<Entry>
): Effect.Effect<Watch> =>
  Effect.sync(() => {
    const startedAt = new Map<string, number>()
    const usages: Array<readonly [path: StepPath.StepPath, usage: Usage.Usage]> = []
    const values = Values.growing()
    for (const entry of before) values.see(entry)
    const line = (sign: string, style: Text.Style, path: string, ...rest: ReadonlyArray<Text.Span | string>) => {
      const spans = rest.flatMap((part) => [Text.span("  "), typeof part === "string" ? Text.span(part, "dim") : part])
      const shown = Text.line([Text.span(sign, style), Text.span(" "), Text.whole(path, options), ...spans], options)
      return host.message(`${shown}\n`)
    }
    const [done, failed, waiting, again, begun] =
      options.ascii === true ? ["+", "x", "=", "~", "*"] : ["✓", "✗", "⏸", "↻", "●"]
    const timed = (path: StepPath.StepPath, at: number): ReadonlyArray<string> => {
      const from = startedAt.get(path)
      const spent = usages
        .filter(([of]) => StepPath.isWithin(of, path))
        .reduce((sum, [, usage]) => sum + Usage.total(usage), 0)
      return [
        ...(from === undefined ? [] : [Text.duration(Math.max(0, at - from))]),
        ...(spent === 0 ? [] : [Text.tokens(spent)])
      ]
    }
    const valueOf = (carried: Carried): Option.Option<Json> =>
      "value" in carried ? Option.some(carried.value) : values.of(carried)
    const preview = (value: Option.Option<Json>): ReadonlyArray<Text.Span> =>
      Option.isSome(value) ? [Text.value(value.value, options, "dim")] : []
    return {
      see: (entry) => {
        values.see(entry)
        const { at, event } = entry
        const { path } = event
        if (event.kind === "StepStarted") startedAt.set(path, at)
        if (event.kind === "Answered" && event.data.usage !== undefined) usages.push([path, event.data.usage])
        if (!isShown(path, only)) return Effect.void
        switch (event.kind) {
          case "StepStarted":
            return options.verbose ? line(begun, "cyan", path, ...preview(valueOf(event.payload.input))) : Effect.void
          case "Answered": {
            const { model, usage } = event.data
            const told = [
              ...(model === undefined ? [] : [model]),
              ...(usage === undefined ? [] : [Text.tokens(Usage.total(usage))])
            ]
            return options.verbose
              ? line(done, "dim", path, ...told, ...preview(valueOf(event.payload.answer)))
              : Effect.void
          }
          case "Computed":
            // What a pure function changed beside a step is part of that step.
            if (StepPath.parse(path).at(-1)?.role !== undefined) return Effect.void
            return line(done, "green", path, ...preview(valueOf(event.payload.output)))
          case "StepSucceeded":
            return line(done, "green", path, ...timed(path, at), ...preview(valueOf(event.payload.output)))
          case "StepFailed":
            return line(failed, "red", path, ...timed(path, at), Text.failure(event.payload.error, options))
          case "TaskOpened":
            return line(waiting, "yellow", path, Text.foreign(event.payload.message, options))
          case "TaskAnswered":
            return line(done, "green", path, Text.value(event.payload.answer, options, "dim"))
          case "CacheRead":
            return event.data.from === undefined
              ? Effect.void
              : line(done, "green", path, `from the cache: run ${event.data.from.run}, ${event.data.from.path}`)
          case "Undone":
            return event.data.end === "done"
              ? line(done, "yellow", path, "taken back")
              : line(failed, "red", path, "not taken back", Text.failure(event.payload.error ?? null, options))
          case "Recovered":
            return line(again, "yellow", path, "it was cut off, and is run again")
          case "RetryDecided":
            return event.data.again
              ? line(again, "yellow", path, `attempt ${event.ordinal} failed, it is tried again`)
              : Effect.void
          default:
            return Effect.void
        }
      },
      end: Effect.void
    }
  })
