/** What docs/blueprints.md shows is valid, and does what it says. */
import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Blueprint from "../../src/blueprint/Blueprint.js"
import * as Diagnostics from "../../src/blueprint/Diagnostics.js"
import * as Print from "../../src/blueprint/Print.js"
import * as Steps from "../../src/blueprint/Steps.js"
import type { Json } from "../../src/domain/Json.js"
import { type ModelDriver, Models } from "../../src/domain/Model.js"
import { RunId } from "../../src/domain/RunId.js"
import * as Usage from "../../src/domain/Usage.js"
import * as Flujo from "../../src/engine/Flujo.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as Plan from "../../src/plan/Plan.js"
import { plan } from "../blueprint/Marked.js"
import { options } from "../blueprint/Skills.js"

const root = resolve(import.meta.dirname, "../..")
const page = readFileSync(join(root, "docs/blueprints.md"), "utf8")

interface Script {
  readonly file?: string
  readonly input?: Json
  readonly output?: Json
  /** Replies by agent: one for each call, or one for all. */
  readonly replies?: Readonly<Record<string, Json>>
  readonly answers?: ReadonlyArray<Json>
  readonly signals?: ReadonlyArray<readonly [name: string, data: Json]>
}

interface Example {
  readonly line: number
  readonly script: Script | undefined
  readonly text: string
}

const examples: ReadonlyArray<Example> = [...page.matchAll(/^(?:<!-- (.*) -->\n)?```yaml\n([\s\S]*?)^```$/gm)].map(
  ({ index, 1: script, 2: text }) => ({
    line: page.slice(0, index).split("\n").length,
    script: script === undefined ? undefined : (JSON.parse(script) as Script),
    text: text!
  })
)
const files = new Map(
  examples.flatMap(({ script, text }) =>
    script?.file === undefined ? [] : [[script.file, { path: script.file, text }] as const]
  )
)

const models = (replies: Script["replies"]) => {
  const counts = new Map<string, number>()
  const driver = (agent: string): ModelDriver => ({
    call: (ask) =>
      Effect.sync(() => {
        const count = counts.get(agent) ?? 0
        counts.set(agent, count + 1)
        const said = replies?.[agent]
        const isList = Array.isArray(said) && (said.length > 1 || count > 0)
        const reply = isList ? (said as ReadonlyArray<Json>)[count]! : said!
        const wrapped = ask.output._tag === "Object" && Array.isArray(reply) ? { value: reply } : reply
        const text = typeof wrapped === "string" ? wrapped : JSON.stringify(wrapped)
        return { text, finish: "stop" as const, usage: Usage.none, model: ask.model }
      })
  })
  return {
    driver: (name: string, { agent }: { readonly agent: string }) =>
      Effect.succeed({ driver: driver(agent), model: name })
  }
}

describe("docs/blueprints.md", () => {
  for (const { line, script, text } of examples) {
    it(`line ${line}: the example has no findings`, () => {
      const { diagnostics } = Blueprint.check({ path: "pipeline.yaml", text }, { ...options, files }, plan)
      assert.deepStrictEqual(
        diagnostics.map((one) => Diagnostics.render(one)),
        []
      )
    })
    it(`line ${line}: the example is printed as itself, and written anew it makes the same plan`, () => {
      const from = Either.getOrThrow(Blueprint.parse({ path: "pipeline.yaml", text }, { ...options, files }))
      assert.strictEqual(Either.getOrThrow(Print.print(from.pipeline, { from })).text, text)
      const fresh = Either.getOrThrow(Print.print(from.pipeline, { from, layout: "fresh" }))
      const renewed = new Map([...files, ...fresh.files.map((file) => [file.path, file] as const)])
      const again = { path: "pipeline.yaml", text: fresh.text }
      const { blueprint, diagnostics } = Blueprint.check(again, { ...options, files: renewed }, plan)
      assert.deepStrictEqual(
        diagnostics.map((one) => Diagnostics.render(one)),
        []
      )
      assert.strictEqual(blueprint && Plan.make(blueprint.pipeline).digest, Plan.make(from.pipeline).digest)
    })
    if (script === undefined || script.file !== undefined) continue
    it.live(`line ${line}: the example does what it says`, () =>
      Effect.gen(function* () {
        const { pipeline } = Either.getOrThrow(Blueprint.parse({ path: "pipeline.yaml", text }, { ...options, files }))
        const run = RunId.make("docs")
        const answers = [...(script.answers ?? [])]
        const signals = [...(script.signals ?? [])]
        let ended = yield* Flujo.run(pipeline, script.input ?? null, { runId: run })
        while (ended._tag === "Suspended") {
          const task = ended.waits.find((wait) => wait._tag === "Task")
          if (task !== undefined) yield* Flujo.answer(run, task.path, answers.shift()!)
          else yield* Flujo.signal(run, ...signals.shift()!)
          ended = yield* Flujo.resume(pipeline, run)
        }
        assert.deepStrictEqual(ended.value, script.output)
        assert.deepStrictEqual([answers, signals], [[], []])
        yield* Flujo.replay(pipeline, run)
      }).pipe(
        Effect.provideService(Models, models(script.replies)),
        Effect.scoped,
        Effect.provide(JournalMemory.layerMemory)
      )
    )
  }

  it("has every kind, with an example", () => {
    const told = [...page.matchAll(/^## kind: (\w+)$/gm)].map(([, kind]) => kind)
    assert.deepStrictEqual([...told].sort(), [...Steps.kindNames].sort())
    for (const kind of Steps.kindNames) {
      assert.isTrue(kind === "step" || examples.some(({ text }) => text.includes(`kind: ${kind}\n`)), kind)
    }
  })

  it("has every key of every kind, of a step and of a document", () => {
    for (const key of Steps.keys) assert.isTrue(page.includes(`\`${key}\``), key)
  })
})
