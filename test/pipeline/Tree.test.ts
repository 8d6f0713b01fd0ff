/** The tree below a step: names, joining, and what constructors put into it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Schedule, Schema } from "effect"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Node from "../../src/pipeline/Node.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Shape from "../../src/pipeline/Shape.js"
import * as Skill from "../../src/pipeline/Skill.js"
import * as Step from "../../src/pipeline/Step.js"
import { Analysis, analyst, publish, Report, research, researcher } from "./Samples.js"

const pass = (name: string) => Step.pass<string>(name)

describe("the name that a step stands under", () => {
  const nameOf = (step: Step.Step.Any) => Node.nameOf(step.node)
  it("is its own, or that of its kind", () => {
    assert.strictEqual(nameOf(pass("a")), "a")
    assert.strictEqual(nameOf(Step.parallel({ a: pass("a") })), "parallel")
    assert.strictEqual(nameOf(Step.parallel("both", { a: pass("a") })), "both")
    const ask = (mode: "ask" | "approve") =>
      Node.nameOf({ _tag: "Ask", name: undefined, mode, message: { version: "1", call: () => "" }, answer: Shape.any })
    assert.strictEqual(ask("ask"), "hitl")
    assert.strictEqual(ask("approve"), "approve")
  })
  it("a wrapper borrows that of what it wraps, however deep", () => {
    const wrapped = publish.pipe(
      Step.retry({ times: 1 }),
      Step.timeout("1 second"),
      Step.fallback(Step.fn("cheap", (analysis: Analysis) => analysis.topic)),
      Step.map(() => "x"),
      Step.sinkTo(Report, "topic"),
      Step.withInput("{{ input }}")
    )
    assert.strictEqual(nameOf(wrapped), "publish")
  })
  it("a sequence has none, until it is given one", () => {
    const sequence = Step.andThen(pass("a"), pass("b"))
    assert.isUndefined(nameOf(sequence))
    assert.isUndefined(nameOf(sequence.pipe(Step.timeout("1 second"))))
    assert.strictEqual(nameOf(sequence.pipe(Step.named("both"))), "both")
    assert.strictEqual(nameOf(Pipeline.asStep(Pipeline.make("inner")(sequence))), "inner")
    assert.strictEqual(nameOf(Pipeline.asStep(Pipeline.make("inner")(sequence), "other")), "other")
  })
})

describe("wrappers of one kind are told apart by how many stand below", () => {
  const layers = (step: Step.Step.Any, tag: "Timeout" | "Map") => Node.layersBelow(step.node, tag)
  it("counts through other wrappers, and not its own", () => {
    const one = pass("a").pipe(Step.timeout(1))
    const two = one.pipe(Step.retry({ times: 1 }), Step.timeout(2))
    const three = two.pipe(
      Step.map(() => 1),
      Step.timeout(3)
    )
    assert.deepStrictEqual(
      [one, two, three].map((step) => layers(step, "Timeout")),
      [0, 1, 2]
    )
    assert.strictEqual(layers(three, "Map"), 1)
    assert.strictEqual(layers(three.pipe(Step.map(() => 2)), "Map"), 1)
  })
  it("stops at a name: what stands below it has a path of its own", () => {
    const inner = pass("a").pipe(Step.timeout(1), Step.named("outer"), Step.timeout(2))
    assert.strictEqual(layers(inner, "Timeout"), 0)
  })
})

describe("joining", () => {
  it("makes one flat sequence whatever the grouping, and does not share with what was joined", () => {
    const [a, b, c] = [pass("a"), pass("b"), pass("c")]
    const left = Step.andThen(Step.andThen(a, b), c).node
    const right = Step.andThen(a, Step.andThen(b, c)).node
    assert.deepStrictEqual(left, right)
    assert.deepStrictEqual(left, { _tag: "Sequence", steps: [a.node, b.node, c.node] })
  })
  it("data first and data last are one", () => {
    const [a, b] = [pass("a"), pass("b")]
    assert.deepStrictEqual(a.pipe(Step.andThen(b)).node, Step.andThen(a, b).node)
    assert.deepStrictEqual(a.pipe(Step.timeout("2 seconds")).node, Step.timeout(a, "2 seconds").node)
    assert.deepStrictEqual(a.pipe(Step.fallback(b)).node, Step.fallback(a, b).node)
    const f = (text: string) => text.length
    assert.deepStrictEqual(a.pipe(Step.map(f)).node, Step.map(a, f).node)
  })
})

describe("defaults are stated in the tree", () => {
  it("of a code step", () => {
    const { _tag, effect, error, name, onUncertain, replay, version } = research.node as Node.CodeNode
    assert.deepStrictEqual(
      { _tag, name, version, effect, onUncertain, replay },
      { _tag: "Code", name: "research", version: "1", effect: "external", onUncertain: "retry", replay: "whole" }
    )
    assert.strictEqual(error, Shape.never)
  })
  it("of composites", () => {
    const { concurrency } = Step.parallel({ a: pass("a") }).node as Node.ParallelNode
    assert.strictEqual(concurrency, 16)
    const { body: _, ...each } = Step.forEach("each", pass("a")).node as Node.ForEachNode
    assert.deepStrictEqual(each, {
      _tag: "ForEach",
      name: "each",
      items: undefined,
      concurrency: 8,
      max: 1000,
      maxWaiting: 100,
      onFailure: "fail"
    })
    assert.strictEqual((Step.loop("l", pass("a"), { until: () => true, max: 2 }).node as Node.LoopNode).onMax, "fail")
  })
  it("of an agent: it asks for 4,096 tokens unless it says otherwise", () => {
    assert.deepStrictEqual(researcher.settings, { maxTokens: Agent.maxTokensDefault })
    assert.isUndefined(researcher.output)
    assert.strictEqual(analyst.output, Shape.fromSchema(Analysis))
    const cool = Agent.make("a", { model: "offline:", system: "", settings: { temperature: 0, maxTokens: 7 } })
    assert.deepStrictEqual(cool.settings, { maxTokens: 7, temperature: 0 })
  })
  it("of a retry: data, or a schedule with its count", () => {
    const policy = (step: Step.Step.Any) => (step.node as Node.RetryNode).policy
    assert.strictEqual(policy(pass("a").pipe(Step.retry({ times: 2 })))._tag, "Data")
    const scheduled = policy(pass("a").pipe(Step.retry(Schedule.forever, { times: 2, version: "7" })))
    assert.isTrue(scheduled._tag === "Schedule" && scheduled.times === 2 && scheduled.code.version === "7")
  })
  it("lengths of time are whole milliseconds, and never shorter than asked for", () => {
    const millis = (step: Step.Step.Any) => (step.node as Node.TimeoutNode | Node.SleepNode).millis
    assert.strictEqual(millis(pass("a").pipe(Step.timeout("1500 micros"))), 2)
    assert.strictEqual(millis(Step.sleep("s", "2 minutes")), 120_000)
  })
})

describe("a skill's input", () => {
  const skill = (argument: "text" | undefined) =>
    Skill.make("count", {
      description: "Counts.",
      input: Schema.Struct({ text: Schema.String, n: Schema.optional(Schema.Number) }),
      output: Schema.Number,
      effect: "pure",
      argument,
      run: ({ text }) => Effect.succeed(text.length)
    })
  const inputOf = (
    argument: "text" | undefined,
    ...rest: [params: undefined | Skill.Skill["id"] | object, input: unknown]
  ) => Skill.inputOf(skill(argument), rest[0] as never, rest[1] as never)
  it("is what came before, where there are no parameters", () => {
    assert.deepStrictEqual(inputOf("text", undefined, { text: "a" }), { text: "a" })
    assert.strictEqual(inputOf("text", undefined, undefined), null)
  })
  it("becomes the property that the skill names for it, beside the parameters", () => {
    assert.deepStrictEqual(inputOf("text", { n: 1 }, "a"), { n: 1, text: "a" })
    assert.deepStrictEqual(inputOf("text", { n: 1 }, undefined), { n: 1, text: null })
  })
  it("a parameter of that name goes before it, also when it is null", () => {
    assert.deepStrictEqual(inputOf("text", { text: "b" }, "a"), { text: "b" })
    assert.deepStrictEqual(inputOf("text", { text: null }, "a"), { text: null })
  })
  it("parameters are all there is, where the skill names no property or they are no map", () => {
    assert.deepStrictEqual(inputOf(undefined, { n: 1 }, "a"), { n: 1 })
    assert.deepStrictEqual(inputOf("text", "whole", "a"), "whole")
    assert.deepStrictEqual(inputOf("text", ["list"], "a"), ["list"])
  })
  it("pure and reading skills may be called again; others only if they say so", () => {
    const honours = (effect: "pure" | "read" | "write" | "external", honoursKey?: boolean) =>
      Skill.make("s", {
        description: "",
        input: Schema.Void,
        output: Schema.Void,
        effect,
        honoursKey,
        run: () => Effect.void
      })
    const kinds = ["pure", "read", "write", "external"] as const
    assert.deepStrictEqual(
      kinds.map((effect) => honours(effect).honoursKey),
      [true, true, false, false]
    )
    const uncertain = (skill: Skill.Skill<void, void>) => (Step.skill("s", skill).node as Node.SkillNode).onUncertain
    assert.strictEqual(uncertain(honours("write")), "ask")
    assert.strictEqual(uncertain(honours("write", true)), "retry")
    assert.strictEqual(uncertain(honours("read")), "retry")
  })
  it("texts of parameters are templates only where a brace says so", () => {
    const params = Step.params({ a: "plain", b: ["{{ input }}", 1, null], c: { d: true } })
    const tags = JSON.stringify(params, (key, value) => (key === "template" ? value.source : value))
    assert.deepStrictEqual(JSON.parse(tags), {
      _tag: "Map",
      fields: [
        ["a", { _tag: "Value", value: "plain" }],
        [
          "b",
          {
            _tag: "List",
            items: [
              { _tag: "Text", template: "{{ input }}" },
              { _tag: "Value", value: 1 },
              { _tag: "Value", value: null }
            ]
          }
        ],
        ["c", { _tag: "Map", fields: [["d", { _tag: "Value", value: true }]] }]
      ]
    })
  })
})

describe("a context", () => {
  it("has a shape for each field, and is a service that steps read", () => {
    assert.deepStrictEqual(Object.keys(Report.spec.fields), ["topic", "score"])
    assert.strictEqual(Report.spec.id, "report")
    assert.isTrue(Either.isLeft(Report.spec.fields.score!.encode("x")))
    const read = Effect.map(Report, ({ topic }) => topic)
    assert.strictEqual(Effect.runSync(Effect.provideService(read, Report, { topic: "a" })), "a")
  })
})
