/**
 * Plays the cases of the corpus that are not recorded yet, and writes each as an exported run: `node scripts/ts.mjs
 * test/corpus/make.ts`. What is recorded stays as it is, because that is what it is for; to record a case anew, remove its
 * file first. Ids are the names of cases; times and salts are those of the day.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { ModelError, type ModelReply, Models } from "../../src/domain/Model.js"
import { RunId } from "../../src/domain/RunId.js"
import type { StepPath } from "../../src/domain/StepPath.js"
import * as Flujo from "../../src/engine/Flujo.js"
import * as PriceTable from "../../src/governance/PriceTable.js"
import { Prices } from "../../src/governance/PriceTable.js"
import { Journal } from "../../src/journal/Journal.js"
import * as JournalMake from "../../src/journal/JournalMake.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as LedgerFile from "../../src/journal/LedgerFile.js"
import * as RunIndex from "../../src/journal/RunIndex.js"
import type { Scripted } from "../../src/llm/Scripted.js"
import * as Corpus from "./Corpus.js"
import { type Case, cases } from "./cases.js"

const folder = Corpus.folderOf(".")

const replyOf = (given: Scripted | string): Effect.Effect<ModelReply, ModelError> => {
  if (typeof given === "string") return replyOf({ text: given })
  const { error, output, text, toolCalls = [], usage = {} } = given
  if (error !== undefined) {
    return Effect.fail(
      new ModelError({ reason: error.reason, model: "some:model", detail: error.detail ?? "" } as never)
    )
  }
  const reply = {
    text: text ?? (output === undefined ? "" : JSON.stringify(output)),
    finish: toolCalls.length > 0 ? "tool-calls" : "stop",
    usage: { input: usage.input ?? 0, cachedInput: 0, output: usage.output ?? 0, reasoning: 0 },
    model: "some-model",
    ...(toolCalls.length === 0
      ? {}
      : {
          parts: toolCalls.map((call, i) => ({
            _tag: "ToolCall",
            id: `call_${i}`,
            name: call.name,
            arguments: JSON.stringify(call.arguments)
          }))
        })
  }
  return Effect.succeed(reply as unknown as ModelReply)
}

const modelsOf = (replies: Case["replies"]) => {
  const left = new Map(Object.entries(replies ?? {}).map(([agent, all]) => [agent, [...all]]))
  return Layer.succeed(Models, {
    driver: (name: string, { agent }: { readonly agent: string }) =>
      Effect.succeed({
        model: name,
        driver: {
          call: () => Effect.suspend(() => replyOf(left.get(agent)?.shift() ?? { error: { reason: "Refused" } }))
        }
      })
  } as never)
}

const play = (one: Case) =>
  Effect.gen(function* () {
    const more = Object.entries(one.files ?? {}).map(([path, text]) => ({ path, text }))
    const textOf = (yaml: string) => [{ path: `${one.name}.yaml`, text: `name: ${one.name}\n${yaml}` }, ...more]
    let blueprint = yield* Corpus.read(textOf(one.yaml))
    let driver = JournalMemory.makeDriver()
    let run = RunId.make(one.name)
    const within = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.scoped(
        Effect.flatMap(JournalMake.make(driver, { owner: { id: "o", host: "here", pid: 1, started: "" } }), (journal) =>
          Effect.provideService(effect, Journal, journal)
        )
      )
    const options = { parkAfterMillis: 0 }
    const input = (one.input ?? "") as never
    const budget = one.maxTokens === undefined ? undefined : { maxTokens: one.maxTokens, mode: "reserve" as const }
    yield* within(
      Effect.exit(
        Flujo.run(blueprint.pipeline, input, {
          ...options,
          runId: run,
          sources: blueprint.sources,
          budget
        })
      )
    )
    for (const what of one.after ?? []) {
      if (what === "resume") {
        yield* Effect.sleep("5 millis")
        yield* within(Effect.exit(Flujo.resume(blueprint.pipeline, run, options)))
      } else if (what === "again") {
        run = RunId.make(`${one.name}_again`)
        yield* within(
          Effect.exit(Flujo.run(blueprint.pipeline, input, { ...options, runId: run, sources: blueprint.sources }))
        )
      } else if ("answer" in what) yield* within(Flujo.answer(run, what.answer as StepPath, what.value, "ada"))
      else if ("signal" in what) yield* within(Flujo.signal(run, what.signal, what.value))
      else if ("cancel" in what) yield* within(Flujo.cancel(run, what.cancel))
      else if ("upgrade" in what) {
        blueprint = yield* Corpus.read(textOf(what.upgrade))
        const { sources } = blueprint
        yield* within(Flujo.resume(blueprint.pipeline, run, { ...options, upgrade: true, sources }))
      } else if ("fork" in what) {
        const edit = "output" in what ? ({ _tag: "Output", value: what.output! } as const) : undefined
        const fork = RunId.make(`${one.name}_fork`)
        yield* within(
          Effect.exit(
            Flujo.fork(blueprint.pipeline, run, { ...options, from: what.fork as StepPath, edit, runId: fork })
          )
        )
        run = fork
      } else {
        const from = driver
        const entries = Array.from(
          yield* within(
            Effect.flatMap(Journal, (journal) => Stream.runCollect(Stream.take(journal.read(run), what.cut)))
          )
        )
        const rows = yield* from.select({ run, from: 0, limit: what.cut })
        const [first] = entries
        const digest = first!.event.kind === "RunStarted" ? first!.event.data.plan : (undefined as never)
        const json = (yield* from.plan(digest))!
        driver = JournalMemory.makeDriver()
        yield* driver.commit([
          {
            run,
            epoch: 1,
            acquire: {
              owner: { id: "dead", host: "here", pid: 1, started: "" },
              expiresAt: 0,
              key: new Uint8Array(32),
              plan: { digest, json }
            },
            rows: rows.slice(0, what.cut),
            roots: [],
            blobs: [],
            letters: [],
            changes: entries.flatMap((entry) => RunIndex.changes(entry)),
            rest: undefined
          }
        ] as never)
      }
    }
    const written = yield* within(
      Effect.gen(function* () {
        yield* Flujo.replay(blueprint.pipeline, run)
        const file = Either.getOrThrowWith(yield* LedgerFile.write(yield* Journal, run), ({ why }) => new Error(why))
        return yield* Stream.mkString(file.text)
      })
    )
    writeFileSync(join(folder, `${one.name}.jsonl`), written)
    const kinds = written.match(/Run(Completed|Failed|Cancelled|Suspended|Stuck)/g)
    console.log(`${one.name}: ${written.split("\n").length - 1} lines, ${kinds?.at(-1) ?? "open"}`)
  }).pipe(Effect.provide(modelsOf(one.replies)), Effect.provideService(Prices, PriceTable.shipped))

mkdirSync(folder, { recursive: true })
let broken = 0
for (const one of cases) {
  if (existsSync(join(folder, `${one.name}.jsonl`))) continue
  await Effect.runPromise(play(one) as Effect.Effect<void>).catch((error: unknown) => {
    broken += 1
    console.error(`${one.name}: ${String(error)}`)
  })
}
if (broken > 0) process.exitCode = 1
