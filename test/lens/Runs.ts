/** Real runs of small pipelines, and the views of what they wrote. */
import { Effect, Option, Stream } from "effect"
import type { Entry } from "../../src/domain/Event.js"
import { Models } from "../../src/domain/Model.js"
import type { RunId } from "../../src/domain/RunId.js"
import * as RunIds from "../../src/domain/RunId.js"
import * as Flujo from "../../src/engine/Flujo.js"
import { Journal } from "../../src/journal/Journal.js"
import * as Trace from "../../src/lens/Trace.js"
import type { TraceNode } from "../../src/lens/TraceNode.js"
import type * as Pipeline from "../../src/pipeline/Pipeline.js"

export const entriesOf = (run: RunId): Effect.Effect<ReadonlyArray<Entry>, never, Journal> =>
  Effect.flatMap(Journal, (journal) =>
    Effect.orDie(Effect.map(Stream.runCollect(journal.read(run)), Array.from<Entry>))
  )

/** Runs a pipeline until it ends, well or not, or rests. */
export const run = <In, Out, E, R>(
  pipeline: Pipeline.Pipeline<In, Out, E, R>,
  input: In,
  options: Omit<Flujo.RunOptions, "runId"> = {}
) =>
  Effect.gen(function* () {
    const runId = yield* RunIds.make
    const exit = yield* Effect.exit(Flujo.run(pipeline, input, { ...options, runId }))
    return { runId, exit, entries: yield* entriesOf(runId) }
  })

export const traceOf = (entries: ReadonlyArray<Entry>, held = false): Trace.Trace => Trace.make(entries, { held })

/** The tree in short: `label kind status` per node, children indented. */
export const outline = (trace: Trace.Trace): ReadonlyArray<string> => {
  const lines: Array<string> = []
  const visit = (node: TraceNode, depth: number) => {
    lines.push(`${"  ".repeat(depth)}${node.label} ${node.kind} ${node.status}`)
    for (const child of node.children) visit(child, depth + 1)
  }
  visit(trace.root, 0)
  return lines
}

export const nodeAt = (trace: Trace.Trace, path: string): TraceNode =>
  Option.getOrThrowWith(Trace.find(trace, path as TraceNode["path"]), () => new Error(`no node at ${path}`))

/** A model that answers each call with its number and counts tokens by it. */
export const countingModel = () => {
  let calls = 0
  return Models.of({
    driver: (_, { agent }) =>
      Effect.succeed({
        model: "counter",
        driver: {
          call: () =>
            Effect.sync(() => {
              calls += 1
              const usage = { input: 100 * calls, cachedInput: 10, output: calls, reasoning: 0 }
              return { text: `${agent} ${calls}`, finish: "stop" as const, usage, model: "counter-1" }
            })
        }
      })
  })
}
