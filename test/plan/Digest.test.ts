/** The plan as data: its digest, what changes it and what does not, and how two plans are told apart. */
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, FastCheck as fc, Schedule, Schema } from "effect"
import * as Digest from "../../src/domain/Digest.js"
import * as Json from "../../src/domain/Json.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Skill from "../../src/pipeline/Skill.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Plan from "../../src/plan/Plan.js"
import * as PlanJson from "../../src/plan/PlanJson.js"
import { runs } from "../Long.js"
import { golden } from "./Golden.js"

type Any = Step.Step<never, unknown, unknown, unknown>
type Text = Step.Step<string, string, unknown, unknown>

const plan = (step: Any) => Plan.make(Pipeline.make("p")(step) as Pipeline.Pipeline.Any)
const digest = (step: Any) => plan(step).digest
const pass = (name: string) => Step.pass<string>(name)

/** Trees of every kind. */
const step: fc.Arbitrary<Text> = fc.letrec<{ readonly step: Text; readonly leaf: Text }>((tie) => ({
  leaf: fc.constantFrom("a", "b", "c", "d").chain((name) =>
    fc.constantFrom<Text>(
      pass(name),
      Step.fn(name, (text: string) => text),
      Step.approve<string>(name, { message: "{{ previous_step }}" }),
      Step.sleep<string>(name, 5)
    )
  ),
  step: fc.oneof(
    { maxDepth: 3, depthIdentifier: "step" },
    tie("leaf"),
    fc.tuple(tie("step"), tie("step")).map(([a, b]) => Step.andThen(a, b)),
    fc.tuple(tie("step"), tie("step")).map(([a, b]) => Step.map(Step.parallel({ a, b }), ({ a }) => a)),
    tie("step").map((body) => Step.loop("l", body, { until: () => true, max: 2 })),
    tie("step").map((inner) => inner.pipe(Step.named("n"))),
    tie("leaf").map((inner) => inner.pipe(Step.retry({ times: 2 }))),
    tie("leaf").map((inner) => inner.pipe(Step.timeout("1 second"))),
    fc.tuple(tie("leaf"), tie("step")).map(([a, b]) => a.pipe(Step.fallback(b)))
  )
})).step

const check = (property: fc.IRawProperty<unknown>) => fc.assert(property, { numRuns: runs(300, 10_000) })

describe("the digest", () => {
  it("of a sequence does not depend on how it was put together", () => {
    check(
      fc.property(step, step, step, (a, b, c) => {
        const left = Step.andThen(Step.andThen(a, b), c)
        const right = Step.andThen(a, Step.andThen(b, c))
        assert.deepStrictEqual(plan(left).json, plan(right).json)
        assert.strictEqual(digest(left), digest(right))
      })
    )
  })
  it("of a sequence depends on its order", () => {
    assert.notStrictEqual(digest(Step.andThen(pass("a"), pass("b"))), digest(Step.andThen(pass("b"), pass("a"))))
  })
  it("is that of the canonical text, which is JSON", () => {
    check(
      fc.property(step, (one) => {
        const { digest, json, text } = plan(one)
        assert.deepStrictEqual(JSON.parse(text), json)
        assert.strictEqual(Digest.ofText(text), digest)
        assert.strictEqual(Digest.of(json), digest)
      })
    )
  })
  it("one step alone and a sequence of that one step are the same", () => {
    const alone = pass("a")
    assert.strictEqual(digest(alone), digest(Step.fromNode({ _tag: "Sequence", steps: [alone.node] })))
  })
  it("a time-out around retries is not retries around a time-out", () => {
    const around = pass("a").pipe(Step.retry({ times: 2 }), Step.timeout("1 second"))
    const inside = pass("a").pipe(Step.timeout("1 second"), Step.retry({ times: 2 }))
    assert.notStrictEqual(digest(around), digest(inside))
  })
  it("does not change with a function's source, nor with what it closes over", () => {
    const times = (n: number) => Step.fn("f", (x: number) => x * n)
    assert.strictEqual(digest(times(2)), digest(times(3)))
    assert.strictEqual(digest(Step.fn("f", (x: number) => x + 1)), digest(Step.fn("f", (y: number) => y)))
    const make = (run: (text: string) => Effect.Effect<string>) =>
      Step.make("m", { input: Schema.String, output: Schema.String, run })
    assert.strictEqual(digest(make(Effect.succeed)), digest(make((text) => Effect.succeed(`${text}!`))))
    const retried = (schedule: Schedule.Schedule<unknown>) => pass("a").pipe(Step.retry(schedule, { times: 2 }))
    assert.strictEqual(digest(retried(Schedule.forever)), digest(retried(Schedule.spaced("1 second"))))
  })
  it("is equal for equal schemas made twice", () => {
    const make = () =>
      Step.fn("f", (n: number) => ({ n }), { output: Schema.Struct({ n: Schema.Number.pipe(Schema.positive()) }) })
    assert.strictEqual(digest(make()), digest(make()))
  })
})

// ---------------------------------------------------------------- what changes it

const skill = (options: { readonly id?: string; readonly version?: string; readonly effect?: "pure" | "write" }) =>
  Skill.make(options.id ?? "count", {
    description: "Counts.",
    input: Schema.Struct({ text: Schema.String }),
    output: Schema.Number,
    effect: options.effect ?? "pure",
    version: options.version,
    honoursKey: true,
    argument: "text",
    run: ({ text }) => Effect.succeed(text.length)
  })

interface Options {
  readonly pipeline?: string
  readonly name?: string
  readonly version?: string
  readonly input?: Schema.Schema<string>
  readonly onUncertain?: "retry" | "ask"
  readonly replay?: "whole" | "inside"
  readonly times?: number
  readonly tags?: ReadonlyArray<string>
  readonly timeout?: number
  readonly message?: string
  readonly codeVersion?: string
  readonly max?: number
  readonly onMax?: "fail" | "continue"
  readonly until?: string
  readonly system?: string
  readonly model?: string
  readonly temperature?: number
  readonly concurrency?: number
  readonly branch?: string
  readonly on?: string
  readonly field?: "topic" | "score"
  readonly skill?: Parameters<typeof skill>[0]
  readonly params?: string
  readonly onFailure?: "fail" | "skip"
  readonly sleep?: number
  readonly cheap?: string
  readonly more?: boolean
  readonly context?: Schema.Schema<string>
}

const build = (o: Options = {}): Plan.Plan => {
  class Report extends Pipeline.Context<Report>()("report", {
    topic: (o.context ?? Schema.String) as typeof Schema.String,
    score: Schema.String
  }) {}
  const publish = Step.make(o.name ?? "publish", {
    input: o.input ?? Schema.String,
    output: Schema.String,
    version: o.version,
    onUncertain: o.onUncertain,
    replay: o.replay,
    run: Effect.succeed
  }).pipe(Step.retry({ times: o.times ?? 3, while: o.tags }), Step.timeout(o.timeout ?? 1000))
  const agent = Agent.make("writer", {
    model: o.model ?? "openai:gpt-4o",
    system: o.system ?? "Write.",
    settings: { temperature: o.temperature ?? 0 }
  })
  const review = Step.approve<string>("review", { message: o.message ?? "Publish {{ previous_step }}?" })
  const steps: ReadonlyArray<Any> = [
    Step.agent("write", agent).pipe(Step.sinkTo(Report, o.field ?? "topic")),
    Step.branch("triage", { on: o.on ?? "input", cases: { [o.branch ?? "high"]: review }, otherwise: pass("low") }),
    Step.loop(
      "refine",
      Step.fn("shorten", (text: string) => text, { version: o.codeVersion }),
      {
        until: o.until ?? "previous_step == ''",
        max: o.max ?? 3,
        onMax: o.onMax
      }
    ),
    Step.parallel(
      "gather",
      { n: Step.skill("count", skill(o.skill ?? {}), { params: { text: o.params ?? "x" } }) },
      {
        concurrency: o.concurrency
      }
    ),
    Step.forEach("each", pass("item"), { onFailure: o.onFailure }),
    Step.sleep("rest", o.sleep ?? 10),
    publish,
    pass("plan").pipe(Step.fallback(pass(o.cheap ?? "cheap"))),
    ...(o.more === true ? [pass("more")] : [])
  ]
  const whole: Step.Step<string, string, unknown, Report> = Step.fromNode({
    _tag: "Sequence",
    steps: steps.map(({ node }) => node)
  })
  return Plan.make(Pipeline.make(o.pipeline ?? "p", { context: Report })(whole) as Pipeline.Pipeline.Any)
}

/** Each edit with the place that a person is told. */
const edits: ReadonlyArray<readonly [edit: Options, at: string]> = [
  [{ pipeline: "q" }, "name"],
  [{ context: Schema.String.pipe(Schema.minLength(1)) }, "context/topic/minLength"],
  [{ context: Schema.String.annotations({ description: "of the day" }) }, "context/topic/description"],
  [{ model: "openai:gpt-4o-mini" }, "write/agent/model"],
  [{ system: "Write well." }, "write/agent/system"],
  [{ temperature: 1 }, "write/agent/settings/temperature"],
  [{ field: "score" }, "write/field"],
  [{ on: "previous_step" }, "triage/on"],
  [{ message: "Really?" }, "triage/high/review/message"],
  [{ branch: "urgent" }, "triage/high/key"],
  [{ until: "true" }, "refine/until"],
  [{ max: 4 }, "refine/max"],
  [{ onMax: "continue" }, "refine/on_max"],
  [{ codeVersion: "2" }, "refine/shorten/fn/version"],
  [{ concurrency: 2 }, "gather/concurrency"],
  [{ skill: { id: "tally" } }, "gather/n/count/skill"],
  [{ skill: { version: "2" } }, "gather/n/count/version"],
  [{ skill: { effect: "write" } }, "gather/n/count/effect"],
  [{ params: "{{ input }}" }, "gather/n/count/params/text"],
  [{ onFailure: "skip" }, "each/on_failure"],
  [{ sleep: 11 }, "rest/millis"],
  [{ timeout: 2000 }, "publish/millis"],
  [{ times: 4 }, "publish/policy/times"],
  [{ tags: ["Network"] }, "publish/policy/while"],
  [{ name: "release" }, "publish/name"],
  [{ version: "2" }, "publish/run/version"],
  [{ input: Schema.Literal("a") as never }, "publish/input/enum"],
  [{ onUncertain: "ask" }, "publish/on_uncertain"],
  [{ replay: "inside" }, "publish/replay"],
  [{ cheap: "cheaper" }, "plan!fallback/cheap/name"],
  [{ more: true }, "more"]
]

describe("an edit that means something changes the digest, and is told by step and key", () => {
  const before = build()
  it("nothing was edited", () => {
    assert.strictEqual(build().digest, before.digest)
    assert.isUndefined(PlanJson.firstDifference(before.json, build().json))
    assert.deepStrictEqual(Plan.errors(before), [])
  })
  for (const [edit, at] of edits) {
    it(`${Object.keys(edit).join()}: ${at}`, () => {
      const after = build(edit)
      assert.notStrictEqual(after.digest, before.digest)
      const there = PlanJson.firstDifference(before.json, after.json)
      // One of them is read back from a store, where its keys stand sorted.
      const stored = Either.getOrThrow(Json.parse(before.text))
      assert.deepStrictEqual(PlanJson.firstDifference(stored, after.json), there)
      assert.strictEqual(there?.at, at)
      assert.notDeepEqual(there?.before, there?.after)
      // And back, with the two sides changed over.
      const back = PlanJson.firstDifference(after.json, before.json)
      assert.deepStrictEqual([back?.before, back?.after], [there?.after, there?.before])
    })
  }
  it("what was there and what is there now stand beside the place", () => {
    const told = (edit: Options) => {
      const { after, before: was } = PlanJson.firstDifference(before.json, build(edit).json)!
      return [was, after]
    }
    assert.deepStrictEqual(told({ max: 4 }), [3, 4])
    assert.deepStrictEqual(told({ message: "Really?" }), ["Publish {{ previous_step }}?", "Really?"])
    assert.deepStrictEqual(told({ more: true }), [undefined, { kind: "pass", name: "more" }])
  })
  it("a wrapper that came or went is told at its step", () => {
    const difference = (a: Any, b: Any) => PlanJson.firstDifference(plan(a).json, plan(b).json)?.at
    const bare = Step.andThen(pass("a"), pass("b"))
    assert.strictEqual(difference(bare, Step.andThen(pass("a"), pass("b").pipe(Step.timeout(1)))), "b/kind")
    assert.strictEqual(difference(pass("a").pipe(Step.retry({ times: 1 })), pass("a")), "a/kind")
    assert.strictEqual(difference(bare, Step.andThen(pass("a"), Step.andThen(pass("x"), pass("b")))), "b/name")
  })
  it("keys of user data are never taken for keys of the tree, nor for those of a prototype", () => {
    const shaped = (fields: Schema.Struct.Fields) =>
      Step.fn("f", () => undefined as never, { output: Schema.Struct(fields) as never as Schema.Schema<never> })
    const at = (a: Schema.Struct.Fields, b: Schema.Struct.Fields) => {
      const found = PlanJson.firstDifference(plan(shaped(a)).json, plan(shaped(b)).json)
      return [found?.at, found?.before, found?.after]
    }
    assert.deepStrictEqual(
      at({ step: Schema.String, name: Schema.String }, { step: Schema.Number, name: Schema.String }),
      ["f/output/properties/step/type", "string", "number"]
    )
    assert.deepStrictEqual(at({ a: Schema.String }, { a: Schema.String, constructor: Schema.String }), [
      "f/output/properties/constructor",
      undefined,
      { type: "string" }
    ])
    assert.deepStrictEqual(PlanJson.firstDifference({ a: JSON.parse('{"__proto__":1}') }, { a: {} }), {
      at: "a/__proto__",
      before: 1,
      after: undefined
    })
    assert.deepStrictEqual(PlanJson.firstDifference({ toString: 1 }, {}), {
      at: "toString",
      before: 1,
      after: undefined
    })
  })
  it("of any two plans: none if they are equal, else one that is really different", () => {
    check(
      fc.property(step, step, (a, b) => {
        const [one, two] = [plan(a).json, plan(b).json]
        const found = PlanJson.firstDifference(one, two)
        assert.strictEqual(found === undefined, Json.equals(one, two))
        if (found !== undefined) assert.notDeepEqual(found.before, found.after)
      })
    )
  })
})

// ---------------------------------------------------------------- golden

/**
 * Runs that wait for a person were started with such a digest. If this fails, plans are written in another way, and no
 * open run of a released version can go on: restore the form, or raise `format` and say how old runs are resumed.
 */
const expected = "b604105a260d9536f66f183116d6e276146597c3049dc2b7745ce9dfbe02ea34"

describe("the form of plans does not change by accident", () => {
  it("the digest of one pipeline of every kind is as it was", () => {
    assert.deepStrictEqual(Plan.errors(Plan.make(golden)), [])
    assert.strictEqual(Plan.make(golden).digest, expected)
  })
  it("in another process too", () => {
    const here = fileURLToPath(new URL(".", import.meta.url))
    const code = `
      import * as Plan from "${join(here, "../../src/plan/Plan.ts")}"
      import { golden } from "${join(here, "Golden.ts")}"
      process.stdout.write(Plan.make(golden).digest)`
    const esbuild = join(here, "../../node_modules/esbuild/bin/esbuild")
    const bundle = execFileSync(esbuild, ["--bundle", "--platform=node", "--format=cjs", "--minify", "--loader=ts"], {
      cwd: here,
      input: code,
      maxBuffer: 64 * 1024 * 1024
    })
    // Minified, so that no name of a class or function is what it was in the source.
    const answer = execFileSync(process.execPath, ["-"], {
      input: bundle,
      cwd: here,
      env: { TZ: "Asia/Tokyo", LANG: "tr_TR" }
    })
    assert.strictEqual(answer.toString(), expected)
  })
})
