/** A pipeline as a program: its flags from what it takes, and its runs by name. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import * as Command from "@effect/cli/Command"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as FlujoCli from "../../src/FlujoCli.js"
import type { Journal } from "../../src/journal/Journal.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import type { Crossing } from "../../src/pipeline/Shape.js"
import * as Step from "../../src/pipeline/Step.js"

/** What a run with these arguments was given, or what was said about them. */
const given = <A, I extends Crossing>(schema: Schema.Schema<A, I>, ...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    let input: A | undefined
    const step = Step.make("take", {
      input: schema,
      output: Schema.Void,
      run: (taken) =>
        Effect.sync(() => {
          input = taken
        })
    })
    const cli = FlujoCli.make(step.pipe(Pipeline.make("taking")))
    const { lines, result } = yield* said(
      Command.run(cli, { name: "taking", version: "1" })(["node", "x", "run", ...args])
    )
    return Either.isRight(result) ? input : lines.join(" ").trim()
  })

/** What is written meanwhile. */
const said = <A, E>(effect: Effect.Effect<A, E, Journal | NodeContext.NodeContext>) => {
  const lines: Array<string> = []
  const write = (...args: ReadonlyArray<unknown>) =>
    Effect.sync(() => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are no words.
      lines.push(args.join(" ").replace(/\u001b\[[0-9;]*m/g, ""))
    })
  return effect.pipe(
    Effect.either,
    Effect.map((result) => ({ lines, result })),
    Console.withConsole(Object.assign(Object.create(silent), { log: write, error: write })),
    Effect.provide(JournalMemory.layerMemory),
    Effect.provide(NodeContext.layer),
    Effect.scoped
  )
}
const silent = Effect.runSync(Console.consoleWith(Effect.succeed))

const Everything = Schema.Struct({
  title: Schema.String,
  maxCount: Schema.Int,
  ratio: Schema.optional(Schema.Number),
  level: Schema.Literal("low", "high"),
  size: Schema.optional(Schema.Literal(1, 2)),
  urgent: Schema.Boolean,
  silent: Schema.optional(Schema.Boolean),
  tags: Schema.Array(Schema.String),
  kinds: Schema.optional(Schema.Array(Schema.Literal("a", 2))),
  counts: Schema.optional(Schema.Array(Schema.Number)),
  hours: Schema.optionalWith(Schema.Number, { default: () => 7 }),
  day: Schema.optional(Schema.Date),
  nested: Schema.optional(Schema.Struct({ a: Schema.Array(Schema.Number) })),
  either: Schema.optional(Schema.Union(Schema.String, Schema.Number)),
  help: Schema.optional(Schema.String)
})
const least = ["--title", "a", "--max-count", "3", "--level", "low"]
const leastRead = { title: "a", maxCount: 3, level: "low", urgent: false, tags: [], hours: 7 }

describe("flags from what a pipeline takes", () => {
  it.effect("are one for each field; what may be absent and is not typed is absent, or its default", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual<unknown>(yield* given(Everything, ...least), leastRead)
    })
  )

  it.effect("read numbers, choices, yes and no, repeated values, dates and JSON", () =>
    Effect.gen(function* () {
      const more = [
        ...[
          "--ratio",
          "2.5",
          "--size",
          "2",
          "--urgent",
          "--silent",
          "--tags",
          "x",
          "--tags",
          "y z",
          "--counts",
          "4",
          "--counts",
          "5",
          "--kinds",
          "2",
          "--kinds",
          "a"
        ],
        ...["--hours", "1", "--day", "2020-01-02", "--nested", '{"a":[1]}', "--either", "5", "--input-help", "me"]
      ]
      assert.deepStrictEqual<unknown>(yield* given(Everything, ...least, ...more), {
        ...leastRead,
        ratio: 2.5,
        size: 2,
        urgent: true,
        silent: true,
        tags: ["x", "y z"],
        counts: [4, 5],
        kinds: [2, "a"],
        hours: 1,
        day: new Date("2020-01-02"),
        nested: { a: [1] },
        either: 5,
        help: "me"
      })
    })
  )

  it.effect("say what is missing or does not fit, before anything is run", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [ReadonlyArray<string>, string]> = [
        [["--title", "a", "--level", "low"], "--max-count"],
        [[...least.slice(0, -1), "middle"], "low, high"],
        [[...least, "--ratio", "many"], "many"],
        [[...least, "--kinds", "b"], "--kinds: one of a, 2"],
        [[...least, "--counts", "four"], "--counts: this is no JSON"],
        [[...least, "--nested", "{a"], "--nested: this is no JSON"],
        [[...least, "--nested", '{"a":["x"]}'], "nested.a.0: Expected number"],
        [[...least, "--day", "someday"], "the input does not fit"],
        [[...least, "--colour", "red"], "--colour"]
      ]
      for (const [args, words] of cases) assert.include(yield* given(Everything, ...args), words)
    })
  )

  it.effect("are one argument where no map is taken", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* given(Schema.String, "12"), "12")
      assert.strictEqual(yield* given(Schema.Number, "12"), 12)
      assert.deepStrictEqual<unknown>(yield* given(Schema.Array(Schema.Number), "[1, 2]"), [1, 2])
      assert.include(yield* given(Schema.Number, "twelve"), "this is no JSON")
      assert.include(yield* given(Schema.Number, '"twelve"'), "the input does not fit")
    })
  )
})

it.effect("runs are resumed, listed and answered by name, and only those of the pipeline", () =>
  Effect.gen(function* () {
    const ask = Step.ask("count", { message: "{{ input }}: how many?", answer: Schema.Number })
    const pipeline = ask.pipe(
      Step.andThen(Step.approve<number>("sure", { message: (n) => `${n}?` })),
      Pipeline.make("asking")
    )
    const other = Step.ask("other", { message: "Other?", answer: Schema.String }).pipe(Pipeline.make("elsewhere"))
    const { lines } = yield* said(
      Effect.gen(function* () {
        const call = (cli: Pipeline.Pipeline<unknown, unknown, unknown, never>, ...args: ReadonlyArray<string>) =>
          Effect.flatMap(
            Effect.either(Command.run(FlujoCli.make(cli), { name: cli.name, version: "1" })(["node", "x", ...args])),
            (result) =>
              Either.isRight(result)
                ? Effect.void
                : Console.error(`! ${(result.left as { readonly message?: string }).message}`)
          )
        yield* call(pipeline, "resume", "last")
        yield* call(pipeline, "run", "--run-id", "one", "pens")
        yield* call(other, "run", "--run-id", "two", "x")
        yield* call(pipeline, "tasks")
        yield* call(pipeline, "answer", "two", "x")
        yield* call(pipeline, "answer", "one", "some")
        yield* call(pipeline, "answer", "one:sure", "yes")
        yield* call(pipeline, "answer", "one", "3")
        yield* call(pipeline, "answer", "one:sure", "perhaps")
        yield* call(pipeline, "answer", "last", "yes")
        yield* call(pipeline, "resume", "one")
        yield* call(pipeline, "tasks")
      })
    )
    const waits = (path: string, words: string) => [
      `run one waits for an answer at ${path}:\n${words}`,
      "next: asking answer one VALUE"
    ]
    assert.deepStrictEqual(lines, [
      "! there are no runs yet",
      ...waits("count", "pens: how many?"),
      "run two waits for an answer at other:\nOther?",
      "next: elsewhere answer two VALUE",
      "one:count  pens: how many?",
      "! there is no run two of asking",
      "! the answer to count does not fit: it must be number",
      "! run one waits for no answer there",
      ...waits("sure", "3?"),
      "! sure is to be approved: answer yes or no",
      "3",
      "run one completed",
      "! run one: it completed already",
      "nothing waits for an answer"
    ])
  })
)

describe("blueprints/command/tickets.ts", () => {
  const root = resolve(import.meta.dirname, "../..")
  const folder = mkdtempSync(join(tmpdir(), "flujo-command-"))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const tickets = (...args: ReadonlyArray<string>) =>
    spawnSync(process.execPath, [join(root, "scripts/ts.mjs"), join(root, "blueprints/command/tickets.ts"), ...args], {
      encoding: "utf8",
      env: { PATH: process.env.PATH, TICKETS: join(folder, "tickets.db") }
    })

  it("is a program of its own: it rests, is answered by another process, and ends", () => {
    const begun = tickets("run", "--title", "Broken link", "--severity", "high", "--tag", "web", "--hours", "2")
    assert.deepStrictEqual([begun.status, begun.stdout], [0, ""], begun.stderr)
    assert.include(begun.stderr, 'Accept "Broken link" at 21?')
    const done = tickets("answer", "last", "yes")
    assert.strictEqual(done.status, 0, done.stderr)
    assert.deepStrictEqual(JSON.parse(done.stdout), { score: 21, title: "Broken link" })
    const refused = tickets("run", "--title", "x")
    assert.deepStrictEqual([refused.status, refused.stdout], [1, ""])
    assert.include(refused.stderr, "--severity")
    const rejected = tickets("run", "--title", "x", "--severity", "low")
    assert.strictEqual(rejected.status, 0)
    const no = tickets("answer", "last", "no")
    assert.deepStrictEqual([no.status, no.stderr.includes("error: accept was rejected")], [1, true], no.stderr)
  }, 300_000)
})
