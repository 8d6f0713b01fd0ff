/** Every finding with a pipeline that has it and one that has not. */
import { assert, describe, it } from "@effect/vitest"
import { Either, Schedule, Schema } from "effect"
import type { Json } from "../../src/domain/Json.js"
import * as Template from "../../src/expression/Template.js"
import * as Agent from "../../src/pipeline/Agent.js"
import type { Node } from "../../src/pipeline/Node.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Shape from "../../src/pipeline/Shape.js"
import * as Step from "../../src/pipeline/Step.js"
import { type Code, type Finding, rules } from "../../src/plan/Finding.js"
import * as Plan from "../../src/plan/Plan.js"
import * as PlanJson from "../../src/plan/PlanJson.js"
import { run } from "../expression/Scope.js"

type Any = Step.Step<never, unknown, unknown, unknown>

const pass = (name: string) => Step.pass<string>(name)
const text = Step.fn("text", () => "")
const then = (...steps: ReadonlyArray<Any>): Step.Step<string, string, unknown, unknown> =>
  Step.fromNode({ _tag: "Sequence", steps: steps.map((step) => step.node) })
const ask = (name: string, message = "Well?") => Step.approve<string>(name, { message })
const plan = (step: Any, context?: typeof Report) =>
  Plan.make(
    (context === undefined ? Pipeline.make("p")(step) : Pipeline.make("p", { context })(step)) as Pipeline.Pipeline.Any
  )
class Report extends Pipeline.Context<Report>()("report", {
  topic: Schema.String,
  detail: Schema.Struct({ score: Schema.Number })
}) {}
class Other extends Pipeline.Context<Other>()("other", { topic: Schema.String }) {}

const shown = ({ code, message, path }: Finding) => `${code} at ${path === "" ? "the root" : path}: ${message}`
const findings = (step: Any, context?: typeof Report) => plan(step, context).findings.map(shown)
const clean = (step: Any, context?: typeof Report) => assert.deepStrictEqual(findings(step, context), [])
/** The words that a template finding points at. */
const pointed = (step: Any, context?: typeof Report) =>
  plan(step, context).findings.map(({ code, template }) =>
    template === undefined ? code : template.source.slice(template.span.start, template.span.end)
  )
const reading = (template: string) => ask("reader", template)

describe("FLJ-PLAN-1: names", () => {
  it("of steps", () => {
    assert.deepStrictEqual(findings(pass("my step/1")), ['FLJ-PLAN-1 at my step/1: "my step/1" is not a step name'])
    assert.strictEqual(plan(pass("my step/1")).findings[0]!.hint, "for instance my_step_1")
    assert.strictEqual(plan(pass("1 a")).findings[0]!.hint, "for instance _a")
    assert.isUndefined(plan(pass("1")).findings[0]!.hint)
    assert.strictEqual(findings(pass("x".repeat(129))).length, 1)
    for (const name of ["", "a.b", "a#2", "a[0]", "a!b", "*", "a\n"]) assert.lengthOf(findings(pass(name)), 1, name)
    for (const name of ["a", "_", "schön", "步骤", "a-1"]) clean(pass(name))
  })
  it("of branches and of the pipeline", () => {
    assert.deepStrictEqual(findings(Step.parallel("both", { "a b": pass("x") })), [
      'FLJ-PLAN-1 at both: the branch "a b" is not a step name'
    ])
    assert.lengthOf(findings(Step.branch("b", { on: "input", cases: { "": pass("x") } })), 1)
    assert.strictEqual(plan(Step.parallel("both", { "a b": pass("x") })).findings[0]!.hint, "for instance a_b")
    const named = Plan.make(Pipeline.make("my pipeline")(pass("a")))
    assert.deepStrictEqual(named.findings.map(shown), ['FLJ-PLAN-1 at the root: "my pipeline" is not a name'])
  })
})

it("FLJ-PLAN-1: of a branch that is no name, the hint says a condition that answers one", () => {
  const branch = (on: string, key: string) => Step.branch("b", { on, cases: { [key]: pass("x"), other: pass("y") } })
  for (const [key, input] of [
    ["1", 1],
    ["007", 7],
    ["high risk", "high risk"],
    ["2.5", "2.5"],
    ["it's {{ x }}", "that"],
    ["!", "that"],
    ["x".repeat(500), "that"]
  ] as const) {
    const { hint } = plan(branch("{{ input }}", key)).findings[0]!
    const [, name, condition] = /call it (\S+), .*(\{\{.*\}\})$/.exec(hint!)!
    clean(branch(condition!, name!))
    assert.isBelow(hint!.length, 300, key)
    assert.deepStrictEqual(run(condition!, { input }), Either.right(name!))
    assert.deepStrictEqual(run(condition!, { input: "something else" }), Either.right("other"))
  }
})

describe("FLJ-PLAN-2: one step at a path", () => {
  it("siblings of one name", () => {
    assert.deepStrictEqual(findings(then(pass("a"), pass("b"), pass("a"))), ["FLJ-PLAN-2 at a: two steps stand at a"])
    clean(then(pass("a"), pass("b")))
  })
  it("steps without a name take that of their kind, and no counter is invented", () => {
    const twice = plan(then(Step.parallel({ a: pass("a") }), Step.parallel({ a: pass("b") })))
    assert.deepStrictEqual(twice.findings.map(shown), ["FLJ-PLAN-2 at parallel: two steps stand at parallel"])
    assert.match(twice.findings[0]!.hint!, /^name it/)
    const hitl: Node = {
      _tag: "Ask",
      name: undefined,
      mode: "ask",
      message: Template.parse("Well?"),
      answer: Shape.any
    }
    assert.deepStrictEqual(findings(then(Step.fromNode(hitl), Step.fromNode(hitl))), [
      "FLJ-PLAN-2 at hitl: two steps stand at hitl"
    ])
    clean(Step.fromNode(hitl))
  })
  it("the same name in different places is fine", () => {
    clean(
      then(
        pass("clarify").pipe(Step.named("outer")),
        pass("clarify"),
        Step.parallel({ a: pass("clarify"), b: pass("clarify") }),
        Step.loop("l", pass("clarify"), { until: () => true, max: 1 }),
        Step.named("clarify")(Step.named("clarify")(pass("clarify"))).pipe(Step.named("deep"))
      )
    )
  })
  it("a fallback stands beside, and meets only another fallback of the same step", () => {
    clean(pass("a").pipe(Step.fallback(pass("a"))))
    assert.deepStrictEqual(findings(pass("a").pipe(Step.fallback(pass("b")), Step.fallback(pass("b")))), [
      "FLJ-PLAN-2 at a!fallback/b: two steps stand at a!fallback/b"
    ])
    clean(pass("a").pipe(Step.fallback(pass("b")), Step.fallback(pass("c"))))
  })
  it("the way taken otherwise meets a branch of that name only in a step of one name", () => {
    const branch = (name: string) =>
      Step.branch("b", { on: "input", cases: { otherwise: pass("x") }, otherwise: pass(name) })
    assert.lengthOf(findings(branch("x")), 1)
    clean(branch("y"))
  })
})

describe("FLJ-PLAN-3: what borrows a path wants one", () => {
  const two = Step.andThen(pass("a"), pass("b"))
  const wrappers: Readonly<Record<string, (step: typeof two) => Any>> = {
    retry: (step) => step.pipe(Step.retry({ times: 1 })),
    timeout: (step) => step.pipe(Step.timeout("1 second")),
    fallback: (step) => step.pipe(Step.fallback(pass("c"))),
    map: (step) => step.pipe(Step.map((output) => output.length))
  }
  for (const [what, wrap] of Object.entries(wrappers)) {
    it(what, () => {
      assert.deepStrictEqual(findings(wrap(two)), [
        `FLJ-PLAN-3 at the root: a ${what} around a sequence without a name`
      ])
      assert.deepStrictEqual(findings(Step.named("outer")(wrap(two) as typeof two)), [
        `FLJ-PLAN-3 at outer: a ${what} around a sequence without a name`
      ])
      clean(wrap(two.pipe(Step.named("both"))))
      clean(wrap(pass("a")))
    })
  }
  it("a sink and an input need no path of their own", () => {
    clean(two.pipe(Step.sinkTo(Report, "topic"), Step.withInput("{{ input }}")), Report)
  })
})

describe("FLJ-PLAN-4: one count of attempts", () => {
  it("two retries on one step, whatever stands between", () => {
    const one = pass("a").pipe(Step.retry({ times: 1 }))
    clean(one)
    const between: ReadonlyArray<(step: typeof one) => Any> = [
      (step) => step,
      (step) => step.pipe(Step.timeout("1 second")),
      (step) => step.pipe(Step.fallback(pass("b"))),
      (step) => step.pipe(Step.map((output) => output))
    ]
    for (const wrap of between) {
      assert.deepStrictEqual(findings(Step.retry(Schedule.forever, { times: 1 })(wrap(one) as typeof one)), [
        "FLJ-PLAN-4 at a: two retries on one step"
      ])
    }
  })
  it("a name between them makes two counts", () => {
    clean(pass("a").pipe(Step.retry({ times: 1 }), Step.named("outer"), Step.retry({ times: 1 })))
    clean(pass("a").pipe(Step.fallback(pass("b").pipe(Step.retry({ times: 1 }))), Step.retry({ times: 1 })))
  })
})

describe("FLJ-PLAN-5: a deadline over a human wait", () => {
  it("is a warning, at any depth, and does not keep the pipeline from running", () => {
    const asked = plan(then(pass("draft"), ask("b")).pipe(Step.named("review"), Step.timeout("1 hour")))
    assert.deepStrictEqual(asked.findings.map(shown), [
      "FLJ-PLAN-5 at review: the time-out counts the time that a person takes to answer"
    ])
    assert.strictEqual(asked.findings[0]!.severity, "warning")
    assert.deepStrictEqual(Plan.errors(asked), [])
    const deep = Step.parallel("both", {
      a: pass("a"),
      b: Step.loop("l", then(pass("x"), ask("y")), { until: () => true, max: 2 })
    })
    assert.lengthOf(findings(deep.pipe(Step.timeout("1 hour"))), 1)
    assert.lengthOf(findings(pass("a").pipe(Step.fallback(ask("b")), Step.timeout("1 hour"))), 1)
    const inner = Pipeline.asStep(Pipeline.make("inner")(ask("b")))
    assert.lengthOf(findings(inner.pipe(Step.timeout("1 hour"))), 1)
  })
  it("not over a question alone, which is what is meant then", () => {
    clean(ask("review").pipe(Step.timeout("1 hour")))
    clean(ask("review").pipe(Step.note({ description: "x" }), Step.timeout("1 hour")))
  })
  it("not over a sleep or work", () => {
    clean(Step.sleep("rest", "1 hour").pipe(Step.timeout("2 hours")))
    clean(then(pass("a").pipe(Step.timeout("1 second")), ask("b")))
  })
})

describe("FLJ-PLAN-6: templates that cannot be read", () => {
  it("each problem with its place, and no more about its reads", () => {
    assert.deepStrictEqual(pointed(reading("a {{ steps.x. }} b {{ }} {% if a %}")).length, 3)
    assert.deepStrictEqual(
      plan(reading("{{ steps.nope. }}")).findings.map(({ code }) => code),
      ["FLJ-PLAN-6"]
    )
    clean(reading("a { b } \\{{ c }} {{ input }}"))
  })
  it("everywhere a template stands", () => {
    const bad = "{{ ( }}"
    const skill = (params: Json) =>
      Step.fromNode<string, string>({
        _tag: "Skill",
        name: "skill",
        skill: {
          id: "s",
          version: "1",
          description: "",
          input: Shape.any,
          output: Shape.any,
          effect: "pure",
          honoursKey: true,
          argument: undefined,
          run: () => undefined as never
        },
        params: Step.params(params),
        onUncertain: "retry"
      })
    const each: Node = {
      ...(Step.forEach("each", pass("x")).node as Extract<Node, { readonly _tag: "ForEach" }>),
      items: Template.parse(bad)
    }
    const places: Readonly<Record<string, Any>> = {
      reader: reading(bad),
      branch: Step.branch("branch", { on: bad, cases: { a: pass("a") } }),
      loop: Step.loop("loop", pass("a"), { until: bad, max: 2 }),
      each: Step.fromNode(each),
      fed: pass("fed").pipe(Step.withInput(bad)),
      skill: skill({ a: [1, { b: bad }] })
    }
    for (const [path, step] of Object.entries(places)) {
      assert.deepStrictEqual(
        plan(step).findings.map(({ code, path }) => `${code} ${path}`),
        [`FLJ-PLAN-6 ${path}`]
      )
    }
  })
})

describe("FLJ-PLAN-7: templates read what is there", () => {
  const Topic = Schema.Struct({ topic: Schema.String, below: Schema.Struct({ n: Schema.Number }) })
  const typed = Step.agent("typed", Agent.make("a", { model: "offline:", system: "", output: Topic }))
  const open = Step.fn("open", () => ({ anything: 1 }))
  it("unless the pipeline relaxes that: then a warning, or nothing, and another plan", () => {
    const step = reading("{{ steps.gone }}")
    const pipeline = Pipeline.make("p")(step) as Pipeline.Pipeline.Any
    const of = (how: "strict" | "warn" | "ignore") => Plan.make(Pipeline.undefinedVariables(pipeline, how))
    assert.deepStrictEqual(
      (["strict", "warn", "ignore"] as const).map((how) => of(how).findings.map(({ severity }) => severity)),
      [["error"], ["warning"], []]
    )
    assert.strictEqual(of("strict").digest, Plan.make(pipeline).digest)
    assert.strictEqual(new Set([of("strict"), of("warn"), of("ignore")].map(({ digest }) => digest)).size, 3)
    for (const how of ["strict", "warn", "ignore"] as const) {
      assert.strictEqual(PlanJson.undefinedVariablesOf(of(how).json), how)
    }
  })
  it("also in loops and branches of a text, where names that the text gives itself are not looked for", () => {
    const text = "{% for x in input %}{{ x.a }}{{ loop.index }}{{ gone }}{% endfor %}{% set y = 1 %}{{ y }}{{ x }}"
    assert.deepStrictEqual(pointed(reading(text)), ["gone", "x"])
    clean(reading("{% if steps.gone is defined %}{{ steps.gone.a }}{% endif %}{{ steps.gone or 'none' }}"))
    assert.deepStrictEqual(pointed(reading("{% if input %}{{ gone }}{% elif here %}{% endif %}")), ["gone", "here"])
    assert.include(plan(reading("{{ input.my-key }}")).findings[0]!.hint, "x['a-b']")
  })
  const message = (step: Any, context?: typeof Report) =>
    plan(step, context).findings.map(({ hint, message }) => `${message} (${hint})`)

  it("a step that is not there", () => {
    assert.deepStrictEqual(message(then(text, reading("{{ steps.nope.output }}"))), [
      "there is no step nope (before this step come: text)"
    ])
    assert.deepStrictEqual(message(reading("{{ steps.nope }}")), [
      "there is no step nope (no step comes before this one)"
    ])
    clean(then(text, reading("{{ steps.text.output }} {{ steps.text }} {{ steps['text'].result }}")))
  })
  it("a step that comes later, the step itself, and one in another branch", () => {
    assert.deepStrictEqual(message(then(reading("{{ steps.text }}"), text)), [
      "step text does not come before this one (no step comes before this one)"
    ])
    assert.deepStrictEqual(message(reading("{{ steps.reader }}")), [
      "step reader does not come before this one (no step comes before this one)"
    ])
    const branches = (a: Any, b: Any) => Step.parallel("both", { a: a as typeof text, b: b as typeof text })
    assert.deepStrictEqual(message(branches(text, reading("{{ steps.text }}"))), [
      "step text does not come before this one (no step comes before this one)"
    ])
    assert.deepStrictEqual(message(then(branches(text, pass("x")), reading("{{ steps.text }}"))), [
      "step text does not come before this one (before this step come: both)"
    ])
    clean(then(text, branches(pass("x"), reading("{{ steps.text }}")), ask("last", "{{ steps.both.output.a }}")))
  })
  it("a step inside a named one is seen inside only, and sees what came before", () => {
    const inner = then(pass("in"), reading("{{ steps.in }} {{ steps.text }}")).pipe(Step.named("inner"))
    clean(then(text, inner))
    assert.lengthOf(findings(then(text, inner, ask("last", "{{ steps.in }}"))), 1)
    clean(then(text, inner, ask("last", "{{ steps.inner }}")))
  })
  it("a pipeline as a step sees nothing of the outer one", () => {
    const inner = (template: string) => Pipeline.asStep(Pipeline.make("inner")(reading(template)))
    assert.lengthOf(findings(then(text, inner("{{ steps.text }}"))), 1)
    clean(then(text, inner("{{ input }} {{ previous_step }}")))
  })
  it("a field that a closed schema does not have, at the very word", () => {
    const cases: ReadonlyArray<readonly [string, string]> = [
      ["{{ steps.typed.output.titel }}", "titel"],
      ["{{ steps.typed.titel }}", "titel"],
      ["{{ steps.typed.value.below.m }}", "m"],
      ["{{ steps['typed'].output['below']['m'] }}", "'m'"],
      ["{{ previous_step.titel | upper }}", "titel"],
      ["a {{ input }} b {{ previous_step.below.m }}", "m"],
      ["{{ steps.nope.titel }}", "nope"],
      ["{{ nope }}", "nope"],
      ["{{ this.x }}", "this"]
    ]
    for (const [template, word] of cases) {
      const step = then(typed, reading(template))
      assert.deepStrictEqual(pointed(step), [word], template)
      const { source, span } = plan(step).findings[0]!.template!
      assert.strictEqual(source, template)
      assert.strictEqual(span.start, template.lastIndexOf(word), template)
    }
    assert.deepStrictEqual(message(then(typed, reading("{{ steps.typed.output.below.m }}"))), [
      "steps.typed.below has no field m (it has: n)"
    ])
    clean(then(typed, reading("{{ steps.typed.output.topic }} {{ previous_step.below.n }} {{ steps.typed.below.n }}")))
  })
  it("a field of a class, whose schema stands under a definition", () => {
    class Topic extends Schema.Class<Topic>("Topic")({ topic: Schema.String }) {}
    const classy = Step.agent("classy", Agent.make("a", { model: "offline:", system: "", output: Topic }))
    assert.deepStrictEqual(pointed(then(classy, reading("{{ steps.classy.titel }}"))), ["titel"])
    const both = Step.parallel("both", { a: classy })
    assert.deepStrictEqual(pointed(then(both, reading("{{ previous_step.a.titel }}"))), ["titel"])
    clean(then(both, reading("{{ previous_step.a.topic }}")))
  })
  it("what is not known is not complained of", () => {
    clean(then(open, reading("{{ steps.open.whatever.it.is }} {{ previous_step.x }} {{ input.x.y }}")))
    const list = Step.forEach("each", typed as never)
    clean(then(list, reading("{{ previous_step[0].titel }}")))
    clean(then(typed, Step.branch("b", { on: "input", cases: { a: text } }), reading("{{ previous_step.x }}")))
    clean(then(typed, text.pipe(Step.fallback(pass("x"))), reading("{{ previous_step.x }}")))
  })
  it("what passes its input on passes its schema on", () => {
    const steps = [pass("p"), Step.sleep("s", 1), ask("a")]
    for (const step of steps)
      assert.deepStrictEqual(pointed(then(typed, step, reading("{{ previous_step.titel }}"))), ["titel"])
    const read = "{{ previous_step.titel }}"
    clean(then(typed, pass("p").pipe(Step.withInput("{{ input }}")), reading(read)))
    clean(then(typed, pass("p").pipe(Step.map(() => ({}))), reading(read)))
  })
  it("what a branch of parallel answers stands under its key", () => {
    const both = Step.parallel("both", { a: typed, b: open })
    assert.deepStrictEqual(pointed(then(both, reading("{{ previous_step.c }}"))), ["c"])
    assert.deepStrictEqual(pointed(then(both, reading("{{ steps.both.output.a.titel }}"))), ["titel"])
    clean(then(both, reading("{{ previous_step.a.topic }} {{ steps.both.b.whatever }}")))
  })
  it("this and index stand in a map, however deep, and nowhere else", () => {
    const each = (body: Any) => Step.forEach("each", body as typeof text)
    clean(each(reading("{{ this.x }} {{ index }}")))
    clean(each(then(pass("x"), Step.parallel("q", { a: reading("{{ this }}{{ index }}") }))))
    assert.lengthOf(findings(reading("{{ this }} {{ index }}")), 2)
    assert.lengthOf(findings(then(each(pass("x")), reading("{{ this }}"))), 1)
    assert.lengthOf(findings(each(Pipeline.asStep(Pipeline.make("inner")(reading("{{ this }}"))))), 1)
  })
  it("in a loop: what came before, not what comes after; its exit reads what the body gave", () => {
    const loop = (body: Any, until: string) => Step.loop("l", body as typeof text, { until, max: 2 })
    clean(then(text, loop(then(pass("a"), reading("{{ steps.text }} {{ steps.a }}")), "previous_step.x")))
    assert.lengthOf(findings(loop(then(reading("{{ steps.a }}"), pass("a")), "true")), 1)
    assert.deepStrictEqual(pointed(loop(typed, "previous_step.titel == 1")), ["titel"])
    assert.deepStrictEqual(pointed(loop(typed, "{{ steps.typed }}")), ["typed"])
    clean(loop(typed, "previous_step.topic == 'x'"))
    // What the body is first given is not what it is given next.
    clean(then(typed, loop(reading("{{ previous_step.titel }}"), "true")))
  })
  it("a name that nobody knows, with what was meant", () => {
    assert.deepStrictEqual(message(then(text, reading("{{ text }}"))), ["there is no text (write steps.text)"])
    assert.match(message(reading("{{ foo }}"))[0]!, /^there is no foo \(there are: input, /)
    clean(reading("{{ input }} {{ initial_prompt }} {{ previous_step }} {{ resume_input }} {{ context }} {{ steps }}"))
  })
  it("a read that allows for absence is fine", () => {
    clean(
      reading(
        "{{ nope | default('x') }} {{ steps.nope.output | default('') }} {{ steps.nope is defined }} {{ this.a if this is defined else 1 }} {{ context.x | default(1) }}"
      )
    )
    assert.deepStrictEqual(pointed(reading("{{ nope | default(neither) }}")), ["neither"])
  })
  it("fields of the context: declared ones, and of those what they hold", () => {
    clean(reading("{{ context.topic }} {{ context.detail.score }}"), Report)
    assert.deepStrictEqual(pointed(reading("{{ context.titel }} {{ context.detail.points }}"), Report), [
      "titel",
      "points"
    ])
    assert.deepStrictEqual(message(reading("{{ context.titel }}"), Report), [
      "context has no field titel (it has: topic, detail)"
    ])
  })
  it("fields of a context that nobody declared: those written before", () => {
    const sink = (field: string) =>
      Step.fromNode<string, string>({ _tag: "Sink", step: text.node, context: undefined, field, reduce: undefined })
    clean(then(sink("topic"), reading("{{ context.topic.whatever }}")))
    assert.deepStrictEqual(message(then(reading("{{ context.topic }}"), sink("topic"))), [
      "context has no field topic before this step (a step writes one with sink_to)"
    ])
    assert.deepStrictEqual(message(then(sink("a"), reading("{{ context.b }}"))), [
      "context has no field b before this step (it has: a)"
    ])
    clean(then(Step.parallel("both", { a: sink("a"), b: pass("x") }), reading("{{ context.a }}")))
    assert.lengthOf(findings(Step.parallel("both", { a: sink("a"), b: reading("{{ context.a }}") })), 1)
    clean(Step.loop("l", sink("a"), { until: "context.a == 1", max: 2 }))
  })
})

describe("FLJ-PLAN-8: fields of a declared context", () => {
  it("a field that is not declared, and a context that is not the pipeline's", () => {
    const sink = (field: string) =>
      Step.fromNode<string, string>({ _tag: "Sink", step: text.node, context: undefined, field, reduce: undefined })
    assert.deepStrictEqual(findings(sink("titel"), Report), ["FLJ-PLAN-8 at the root: context.titel is not declared"])
    assert.strictEqual(plan(sink("titel"), Report).findings[0]!.hint, "declared are: topic, detail")
    clean(sink("topic"), Report)
    const other = text.pipe(Step.sinkTo(Other, "topic"))
    assert.deepStrictEqual(findings(other, Report), [
      'FLJ-PLAN-8 at the root: the step writes into context "other", the pipeline has "report"'
    ])
    assert.deepStrictEqual(findings(text.pipe(Step.sinkTo(Report, "topic"))), [
      'FLJ-PLAN-8 at the root: the step writes into context "report", the pipeline has none'
    ])
    clean(text.pipe(Step.sinkTo(Report, "topic")), Report)
    const inner = Pipeline.asStep(Pipeline.make("inner", { context: Other })(other))
    clean(inner, Report)
  })
})

describe("FLJ-PLAN-9: parallel writes to one field", () => {
  const sink = (reduce?: "first" | "last") => text.pipe(Step.sinkTo(Report, "topic", { reduce }))
  const both = (a: Any, b: Any) => Step.parallel("both", { a: a as typeof text, b: b as typeof text })
  it("branches, unless each says which holds", () => {
    assert.deepStrictEqual(findings(both(sink(), sink()), Report), [
      "FLJ-PLAN-9 at both: two parallel steps write context.topic"
    ])
    assert.lengthOf(findings(both(sink("last"), sink()), Report), 1)
    assert.lengthOf(findings(both(sink(), sink("first")), Report), 1)
    clean(both(sink("last"), sink("last")), Report)
    clean(both(sink(), text), Report)
  })
  it("at any depth, and items of a map", () => {
    assert.lengthOf(findings(both(then(pass("x"), sink()), both(sink(), text)), Report), 1)
    assert.deepStrictEqual(findings(Step.forEach("each", sink()), Report), [
      "FLJ-PLAN-9 at each: two parallel steps write context.topic"
    ])
    clean(Step.forEach("each", sink("first")), Report)
  })
  it("with a hint that helps there", () => {
    const branches = { a: sink(), b: sink() }
    const hint = (step: Any) => plan(step, Report).findings[0]!.hint!
    assert.match(hint(Step.parallel("both", branches)), /^write two fields, or say with merge_strategy/)
    assert.match(hint(Step.parallel("both", branches, { reduce: "keys" })), /merge_strategy \(in TypeScript `merge`\)/)
    assert.match(hint(Step.forEach("each", sink())), /^the map answers the list .* or say with merge_strategy/)
    for (const merge of ["overwrite", "keep_first", "update"] as const) {
      assert.include(hint(Step.forEach("each", sink())), merge)
      clean(Step.parallel("both", branches, { merge, reduce: "keys" }), Report)
      clean(
        merge === "update" ? Step.forEach("each", sink(), { merge }) : Step.forEach("each", sink(), { merge }),
        Report
      )
    }
  })
  it("not one after the other, and not where only one of two happens", () => {
    clean(then(sink(), pass("x"), sink().pipe(Step.named("again"))), Report)
    clean(Step.branch("b", { on: () => "a" as "a" | "b", cases: { a: sink(), b: sink() } }), Report)
    clean(Step.loop("l", sink() as Any as Step.Step<string, string>, { until: () => true, max: 2 }), Report)
  })
})

describe("FLJ-PLAN-10: limits", () => {
  const loop = (max: number) => Step.loop("l", pass("a"), { until: () => true, max })
  const each = (options: object) => Step.forEach("e", pass("a"), options)
  const retry = (options: object) => pass("a").pipe(Step.retry({ times: 1, ...options }))
  const cases: ReadonlyArray<
    readonly [string, (n: number) => Any, good: ReadonlyArray<number>, bad: ReadonlyArray<number>]
  > = [
    ["iterations", loop, [1, 100_000], [0, -1, 1.5, 100_001, Number.NaN, Number.POSITIVE_INFINITY]],
    ["items", (max) => each({ max }), [1, 100_000], [0, 100_001, Number.NaN]],
    ["items at once", (concurrency) => each({ concurrency }), [1, 1024], [0, 1025, Number.POSITIVE_INFINITY]],
    ["waiting items", (maxWaiting) => each({ maxWaiting }), [1, 100_000], [0, 100_001]],
    ["branches at once", (concurrency) => Step.parallel("p", { a: text }, { concurrency }), [1, 1024], [0, 1025, 0.5]],
    ["retries", (times) => retry({ times }), [0, 100], [-1, 101, 1.5]],
    ["retries of a schedule", (times) => Step.retry(Schedule.forever, { times })(text), [0, 100], [101, Number.NaN]],
    ["the first wait", (base) => retry({ base }), [0, 1e9], [Number.POSITIVE_INFINITY, 1e12]],
    ["the longest wait", (max) => retry({ max }), [0, 1e9], [Number.POSITIVE_INFINITY, 1e12]],
    ["growth of waits", (factor) => retry({ factor }), [1, 1.5, 1000], [0.5, 0, -1, 1001, Number.NaN]],
    ["a time-out", (millis) => text.pipe(Step.timeout(millis)), [1, 1e9], [0, 1e12, Number.POSITIVE_INFINITY]],
    ["a sleep", (millis) => Step.sleep("s", millis), [0, 1e9], [1e12, Number.POSITIVE_INFINITY]]
  ]
  for (const [what, make, good, bad] of cases) {
    it(what, () => {
      for (const n of good) clean(make(n))
      for (const n of bad) {
        const found = plan(make(n)).findings
        assert.deepStrictEqual(
          found.map(({ code }) => code),
          ["FLJ-PLAN-10"],
          String(n)
        )
        assert.match(found[0]!.hint!, /^a (whole )?number from \d+ to \d+$/)
      }
    })
  }
})

describe("FLJ-PLAN-11: something to do", () => {
  it("an empty pipeline, branching or choice", () => {
    assert.deepStrictEqual(findings(then()), ["FLJ-PLAN-11 at the root: there are no steps"])
    assert.deepStrictEqual(findings(Step.parallel("p", {})), ["FLJ-PLAN-11 at p: there are no branches"])
    assert.deepStrictEqual(findings(Step.branch("b", { on: "input", cases: {} })), [
      "FLJ-PLAN-11 at b: there are no branches"
    ])
    assert.deepStrictEqual(findings(Step.loop("l", then(), { until: () => true, max: 1 })), [
      "FLJ-PLAN-11 at l[*]: there are no steps"
    ])
    clean(then(text))
  })
})

describe("FLJ-PLAN-12: a name that leads nowhere", () => {
  const states = (start: string, transitions: ReadonlyArray<{ from?: string; on: "success"; to: string }>) =>
    Step.states("m", { start: start as "a", states: { a: pass("x") }, ends: ["end"], transitions: transitions as [] })
  it("of a state", () => {
    clean(states("a", [{ from: "a", on: "success", to: "end" }]))
    assert.deepStrictEqual(findings(states("b", [{ on: "success", to: "end" }])), [
      'FLJ-PLAN-12 at m: there is no state "b"'
    ])
    assert.deepStrictEqual(findings(states("a", [{ from: "end", on: "success", to: "nowhere" }])), [
      'FLJ-PLAN-12 at m: there is no state "end"',
      'FLJ-PLAN-12 at m: there is no state "nowhere"'
    ])
  })
  it("of a branch whose fields are kept, and of a field that is handed out", () => {
    const fields = { b: ["x"] } as Record<never, never>
    assert.deepStrictEqual(findings(Step.parallel("p", { a: pass("x") }, { fields })), [
      'FLJ-PLAN-12 at p: there is no branch "b"'
    ])
    const scope = (inner: string): Any =>
      Step.fromNode({
        _tag: "Scope",
        name: "s",
        step: writes(pass("x") as Any, "inner").node,
        pipeline: { name: "p", context: undefined, outputs: [[inner, "outer"]] }
      })
    clean(then(scope("inner"), reading("{{ context.outer }}")))
    assert.deepStrictEqual(findings(scope("nope")), ['FLJ-PLAN-12 at s: there is no field of its context "nope"'])
  })
})

const writes = (step: Any, field: string): Any =>
  Step.fromNode({ _tag: "Sink", step: step.node, context: undefined, field, reduce: undefined })

describe("what a step sees", () => {
  it("is what was written before a loop's templates, and index between its iterations only", () => {
    const loop = (body: Any, options: object) =>
      Step.loop("l", body as Step.Step<string, string>, {
        max: 2,
        init: [{ op: "set", target: "n", value: 0 }],
        ...options
      })
    clean(loop(reading("{{ context.n }}"), { next: "{{ index }} {{ context.n }}" }))
    clean(loop(pass("a"), { state: [{ op: "set", target: "n", value: "{{ index }}" }] }))
    assert.lengthOf(findings(loop(reading("{{ index }}"), {})), 1)
    assert.lengthOf(findings(loop(pass("a"), { next: "{{ context.m }}" })), 1)
    assert.lengthOf(findings(loop(pass("a"), { state: [{ op: "set", target: "n", value: "{{ this }}" }] })), 1)
  })
  it("is a branch's own share of the context", () => {
    const both = (include: ReadonlyArray<string>) =>
      then(
        writes(text, "a"),
        writes(pass("other") as Any, "b"),
        Step.parallel("p", { x: reading("{{ context.a }}") }, { include })
      )
    clean(both(["a"]))
    assert.lengthOf(findings(both(["b"])), 1)
  })
  it("is output in a transition, and nowhere else", () => {
    const machine = (when: string) =>
      Step.states("m", {
        start: "a",
        states: { a: text },
        ends: ["end"],
        transitions: [{ on: "success", to: "end", when }]
      })
    clean(machine("output.event == 'success'"))
    assert.lengthOf(findings(machine("nope")), 1)
    assert.lengthOf(findings(reading("{{ output }}")), 1)
  })
  it("is the input as its schema says", () => {
    const Input = Schema.Struct({ topic: Schema.String })
    clean(reading("{{ input.topic }}").pipe(Step.withInputSchema(Input)) as Any)
    assert.deepStrictEqual(pointed(reading("{{ input.topik }}").pipe(Step.withInputSchema(Input)) as Any), ["topik"])
  })
  it("two branches may write one field where a strategy is named", () => {
    const both = (merge: "overwrite" | undefined) =>
      Step.parallel("p", { x: writes(text, "a"), y: writes(text, "a") }, { merge })
    clean(both("overwrite"))
    assert.lengthOf(findings(both(undefined)), 1)
    const each = (merge: "no_merge" | undefined) => Step.forEach("e", writes(pass("x") as Any, "a"), { merge })
    clean(each("no_merge"))
    assert.lengthOf(findings(each(undefined)), 1)
  })
})

describe("notes", () => {
  it("stand in the outline, and make no other plan", () => {
    const plain = plan(pass("a"))
    const noted = plan(pass("a").pipe(Step.note({ description: "Passes on.", meta: { owner: "x" } })))
    assert.strictEqual(noted.digest, plain.digest)
    assert.deepStrictEqual(noted.outline, [
      { path: "a", kind: "Pass", description: "Passes on.", meta: { owner: "x" } }
    ])
  })
})

describe("all findings", () => {
  it("are told at once, each with the node at fault", () => {
    const bad = ask("bad name", "{{ nope }} {{ ( }}").pipe(Step.timeout(0))
    const step = then(bad, Step.parallel({}), Step.parallel({}))
    assert.sameMembers(
      plan(step).findings.map(({ code }) => code),
      ["FLJ-PLAN-1", "FLJ-PLAN-6", "FLJ-PLAN-10", "FLJ-PLAN-2", "FLJ-PLAN-11", "FLJ-PLAN-11"]
    )
    for (const { node } of plan(step).findings) assert.isString(node._tag)
  })
  it("have a rule that says why and what to do, and the severity of that rule", () => {
    const numbers = Object.keys(rules).map((code) => Number(code.replace("FLJ-PLAN-", "")))
    assert.deepStrictEqual(
      numbers,
      numbers.map((_, i) => i + 1)
    )
    for (const code of Object.keys(rules) as ReadonlyArray<Code>) {
      assert.isAbove(rules[code].explanation.length, 40, code)
      assert.isNotEmpty(rules[code].title)
    }
  })
  it("a sound pipeline of every kind has none", () => {
    clean(
      then(
        text.pipe(Step.retry({ times: 2 }), Step.timeout("1 minute"), Step.fallback(pass("cheap"))),
        Step.parallel("both", { a: pass("a"), b: pass("b") }),
        Step.branch("tone", { on: "previous_step.a", cases: { x: pass("x") }, otherwise: pass("y") }),
        Step.loop("refine", pass("r"), { until: () => true, max: 3 }),
        Step.forEach("each", pass("e") as never),
        ask("review"),
        Step.sleep("rest", "1 second")
      )
    )
  })
})

describe("the outline", () => {
  it("lists every step once, under its standing path", () => {
    const step = then(
      text.pipe(Step.retry({ times: 1 }), Step.timeout(1)),
      Step.parallel("both", { a: pass("x"), b: then(pass("y"), pass("z")) }),
      Step.loop("l", pass("x"), { until: () => true, max: 1 }),
      Step.forEach("each", pass("x") as never),
      pass("plan").pipe(Step.fallback(pass("cheap")))
    )
    assert.deepStrictEqual(
      plan(step).outline.map(({ kind, path }) => `${kind} ${path}`),
      [
        "Fn text",
        "Parallel both",
        "Pass both/a/x",
        "Pass both/b/y",
        "Pass both/b/z",
        "Loop l",
        "Pass l[*]/x",
        "ForEach each",
        "Pass each[*]/x",
        "Pass plan",
        "Pass plan!fallback/cheap"
      ]
    )
  })
})
