import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Diagnostics from "../../src/blueprint/Diagnostics.js"
import type { Json } from "../../src/domain/Json.js"
import * as NanoUsd from "../../src/domain/NanoUsd.js"
import * as Env from "../../src/engine/Env.js"
import * as Outcome from "../../src/engine/Outcome.js"
import * as Value from "../../src/engine/Value.js"
import * as Template from "../../src/expression/Template.js"
import * as Agent from "../../src/pipeline/Agent.js"
import type { Node } from "../../src/pipeline/Node.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Shape from "../../src/pipeline/Shape.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Plan from "../../src/plan/Plan.js"
import { check, parse, short, unmark } from "./Marked.js"
import { stringify, writeFile } from "./Skills.js"

const Verdict = Schema.Struct({ label: Schema.String, score: Schema.Number })
const writer = Agent.make("writer", { model: "openai:gpt-4o", system: "Write well." })
const judge = Agent.make("judge", {
  model: "scripted:x.json",
  system: "",
  output: Verdict,
  settings: { maxTokens: 100, temperature: 0.5, topP: 1, seed: 7 }
})

const agents = `
agents:
  writer:
    model: openai:gpt-4o
    system_prompt: Write well.
    output_schema: { type: string }
  judge:
    model: scripted:x.json
    system_prompt: ""
    model_settings: { max_tokens: 100, temperature: 0.5, top_p: 1, seed: 7 }
    output_schema:
      $schema: https://json-schema.org/draft/2020-12/schema
      type: object
      properties: { label: { type: string }, score: { type: number } }
      required: [label, score]
      additionalProperties: false
`

type AnyStep = Step.Step<never, unknown, unknown, unknown>

const rootOf = (text: string): Node => {
  const blueprint = parse(text)
  if (Either.isLeft(blueprint)) throw new Error(Diagnostics.renderAll(blueprint.left))
  return blueprint.right.pipeline.root
}

/** The steps in text make the same plan as those in code. */
const twins = (steps: string, step: AnyStep, head = "") => {
  const text = `name: twin\n${head}steps:\n${steps.replace(/^\n/, "")}`
  const blueprint = parse(text)
  if (Either.isLeft(blueprint)) throw new Error(Diagnostics.renderAll(blueprint.left))
  const ours = Plan.make(blueprint.right.pipeline)
  const theirs = Plan.make(Pipeline.make("twin")(step))
  assert.deepStrictEqual(ours.json, theirs.json)
  assert.strictEqual(ours.digest, theirs.digest)
}

const of = (node: Node): AnyStep => Step.fromNode(node)

describe("a twin in code has the same plan digest", () => {
  it("of a pass step, with and without a name", () => {
    twins("  - name: a\n  - kind: step\n", Step.pass("a").pipe(Step.andThen(Step.pass("step"))))
    twins("  - step: a\n    description: passes on\n", Step.pass("a"))
  })

  it("of agents, referred to in each way", () => {
    const head = agents.replace("      $schema: https://json-schema.org/draft/2020-12/schema\n", "")
    twins(
      `
  - name: draft
    uses: agents.writer
  - name: check
    agent: { id: "agents.judge" }
`,
      Step.agent("draft", writer).pipe(Step.andThen(Step.agent("check", judge))) as AnyStep,
      head
    )
  })

  it("of skills, referred to in each way", () => {
    twins(
      `
  - name: a
    skill: flujo.builtins.stringify
  - name: b
    agent: { id: flujo.builtins.stringify }
  - name: c
    skill: flujo.builtins.write_file
    params: { path: out.md, content: "Hi {{ input }}" }
  - name: d
    agent:
      id: flujo.builtins.write_file
      params: { path: "{{ input }}" }
`,
      Step.skill("a", stringify).pipe(
        Step.andThen(Step.skill("b", stringify)),
        Step.andThen(Step.skill("c", writeFile, { params: { path: "out.md", content: "Hi {{ input }}" } })),
        Step.andThen(Step.skill("d", writeFile, { params: { path: "{{ input }}" } }))
      ) as AnyStep
    )
  })

  it("of a named sequence, and of a list of one step, which is that step", () => {
    twins(
      `
  - name: both
    steps:
      - name: a
      - name: b
  - name: one
    steps: [{ name: c }]
`,
      Step.pass("a").pipe(
        Step.andThen(Step.pass("b")),
        Step.named("both"),
        Step.andThen(Step.pass("c").pipe(Step.named("one")))
      )
    )
  })

  it("of a conditional, whose keys match as text", () => {
    twins(
      `
  - kind: conditional
    name: which
    condition: "{{ input == 'x' }}"
    branches:
      true: { name: yes_step }
      false:
        - name: a
        - name: b
      maybe: { steps: [{ name: c }, { name: d }] }
    default_branch: { name: rest }
`,
      Step.branch("which", {
        on: "{{ input == 'x' }}",
        cases: {
          true: Step.pass("yes_step"),
          false: Step.pass("a").pipe(Step.andThen(Step.pass("b"))),
          maybe: Step.pass("c").pipe(Step.andThen(Step.pass("d")))
        },
        otherwise: Step.pass("rest")
      })
    )
    twins(
      `
  - kind: conditional
    condition_expression: input.a
    branches: { a: { name: b } }
`,
      Step.branch("conditional", { on: "input.a", cases: { a: Step.pass("b") } })
    )
  })

  it("of a parallel, with and without a name", () => {
    twins(
      "  - kind: parallel\n    branches: { a: { name: x }, b: [{ name: y }, { name: z }] }\n",
      Step.parallel({ a: Step.pass("x"), b: Step.pass("y").pipe(Step.andThen(Step.pass("z"))) })
    )
    twins(
      "  - kind: parallel\n    name: all\n    concurrency: 3\n    branches: { a: { name: x } }\n",
      Step.parallel("all", { a: Step.pass("x") }, { concurrency: 3 })
    )
  })

  it("of a loop with an exit", () => {
    twins(
      `
  - kind: loop
    name: refine
    loop: { body: { name: refine }, max_loops: 3, exit_expression: "{{ previous_step == 1 }}", on_max: continue }
`,
      Step.loop("refine", Step.pass("refine"), { until: "{{ previous_step == 1 }}", max: 3, onMax: "continue" })
    )
    twins(
      "  - kind: loop\n    loop: { body: { name: a }, exit_expression: previous_step == 1 }\n",
      Step.loop("loop", Step.pass("a"), { until: "previous_step == 1", max: 5 })
    )
  })

  it("of a loop without an exit, which runs max_loops times and succeeds", () => {
    const body = Step.pass("clarify").node
    twins(
      "  - kind: loop\n    name: clarify\n    loop:\n      body:\n        - kind: step\n          name: clarify\n",
      of({ _tag: "Loop", name: "clarify", body, until: undefined, max: 5, onMax: "continue" })
    )
  })

  it("of a map over the input, over a field of the context and over an expression", () => {
    twins("  - kind: map\n    name: each\n    map: { body: { name: a } }\n", Step.forEach("each", Step.pass("a")))
    twins(
      "  - kind: map\n    map: { body: { name: a }, concurrency: 2, max_items: 9, on_item_failure: skip }\n",
      Step.forEach("map", Step.pass("a"), { concurrency: 2, max: 9, onFailure: "skip" })
    )
    const over = (items: string): AnyStep => {
      const { node } = Step.forEach("each", Step.pass("a"))
      return of({ ...node, items: Template.parseExpression(items) } as Node)
    }
    const inText = (items: string) =>
      `  - kind: map\n    name: each\n    map: { iterable_input: ${items}, body: { name: a } }\n`
    twins(inText("items"), over("context.items"))
    twins(inText('"{{ input.items }}"'), over("{{ input.items }}"))
    twins(inText("previous_step"), over("previous_step"))
  })

  it("of a question, an approval and a question with a schema", () => {
    twins(
      '  - kind: hitl\n    name: q\n    message: "{{ input }}?"\n',
      of({ _tag: "Ask", name: "q", mode: "ask", message: Template.parse("{{ input }}?"), answer: Shape.any })
    )
    twins(
      "  - kind: hitl\n",
      of({
        _tag: "Ask",
        name: undefined,
        mode: "ask",
        message: Template.parse("{{ previous_step }}"),
        answer: Shape.any
      })
    )
    twins(
      "  - kind: hitl\n    name: ok\n    message: Go?\n    on_reject: fail\n",
      Step.approve("ok", { message: "Go?" })
    )
    twins("  - kind: hitl\n    on_reject: fail\n    message: Go?\n", Step.approve("hitl", { message: "Go?" }))
    twins(
      "  - kind: hitl\n    name: q\n    message: Age?\n    input_schema: { type: number }\n",
      Step.ask("q", { message: "Age?", answer: Schema.Number })
    )
    // In another order, and with a class that has a name only in code.
    class Person extends Schema.Class<Person>("Person")({ name: Schema.NonEmptyString, age: Schema.Int }) {}
    twins(
      `
  - kind: hitl
    name: q
    message: Who?
    input_schema:
      type: object
      properties:
        age: { type: integer }
        name: { type: string, minLength: 1 }
      required: [age, name]
      additionalProperties: false
`,
      Step.ask("q", { message: "Who?", answer: Person })
    )
  })

  it("of everything around a step, from the inside: time-out, retries, total, fallback, input, sink", () => {
    twins(
      `
  - name: a
    input: "Now {{ input }}"
    sink_to: context.result
    config:
      timeout: 30s
      total_timeout: 1 minute
      retries: { times: 3, base: 100ms, factor: 3, max: 5 seconds, jitter: false, while: [ModelError] }
    fallback: { name: cheap }
`,
      of({
        _tag: "Sink",
        context: undefined,
        field: "result",
        reduce: undefined,
        step: Step.pass("a").pipe(
          Step.timeout("30 seconds"),
          Step.retry({ times: 3, base: 100, factor: 3, max: "5 seconds", jitter: false, while: ["ModelError"] }),
          Step.timeout("1 minute"),
          Step.fallback(Step.pass("cheap")),
          Step.withInput("Now {{ input }}")
        ).node
      })
    )
    twins(
      "  - name: a\n    config: { max_retries: 2, timeout: 1.5 }\n",
      Step.pass("a").pipe(Step.timeout(1500), Step.retry({ times: 2 }))
    )
    twins(
      "  - name: a\n    config: { max_retries: 2, usage_limits: { total_cost_usd_limit: 0.10, total_tokens_limit: 500 } }\n",
      Step.pass("a").pipe(Step.retry({ times: 2 }), Step.usageLimits({ maxCost: NanoUsd.usd("0.10"), maxTokens: 500 }))
    )
    twins("  - name: a\n    config: { retries: { times: 2 } }\n", Step.pass("a").pipe(Step.retry({ times: 2 })))
  })

  it("of an input that is a value, whose texts are templates", () => {
    twins(
      `
  - name: a
    input:
      who: "{{ input.name }}"
      text: "Hi {{ input.name }}, \\\\{{ and {{ index | default('}}') }}!"
      list: [1, -2.5, true, null, plain, "a \\"b\\""]
`,
      Step.pass("a").pipe(
        Step.withInput({
          who: "{{ input.name }}",
          text: "Hi {{ input.name }}, \\{{ and {{ index | default('}}') }}!",
          list: [1, -2.5, true, null, "plain", 'a "b"']
        })
      )
    )
  })
})

const assigns = [
  { op: "set", target: "n", value: 0 },
  { op: "append", target: "list.items", value: "{{ input }}" }
] as const

describe("a twin in code has the same plan digest, of kinds", () => {
  const a = Step.pass("a")
  const schema = Schema.Struct({ x: Schema.String })
  const asText = "{ type: object, required: [x], properties: { x: { type: string } }, additionalProperties: false }"

  it("of a condition to skip, schemas and words", () => {
    twins(
      `
  - name: a
    description: Passes on.
    meta: { owner: me }
    when: input == 1
    input_schema: ${asText}
    output_schema: ${asText}
    updates_context: true
`,
      of({
        _tag: "When",
        on: Template.parseExpression("input == 1"),
        step: {
          _tag: "Sink",
          context: undefined,
          field: "x",
          key: "x",
          reduce: undefined,
          step: {
            _tag: "Check",
            step: a.node,
            input: Shape.fromSchema(schema),
            output: Shape.fromSchema(schema)
          }
        }
      })
    )
    twins("  - name: a\n    when: input == 1\n", a.pipe(Step.when("input == 1")))
    twins(`  - name: a\n    input_schema: ${asText}\n`, a.pipe(Step.withInputSchema(schema)) as AnyStep)
    twins(`  - name: a\n    output_schema: ${asText}\n`, a.pipe(Step.withOutputSchema(schema)))
    const whole = `input_schema: ${asText}\noutput_schema: ${asText}\n`
    const { root } = Pipeline.withSchemas({ input: schema, output: schema })(Pipeline.make("twin")(a))
    twins(`  - name: a\n`, of(root), whole)
  })

  it("of undos and caches", () => {
    const b = Step.pass<unknown>("b").pipe(Step.withInput("{{ previous_step.output }}"))
    const undone = Step.pass<unknown>("a").pipe(
      Step.retry({ times: 1 }),
      Step.compensate(b.pipe(Step.andThen(Step.pass("c"))))
    )
    twins(
      `
  - name: a
    config: { max_retries: 1 }
    compensate: [{ name: b, input: "{{ previous_step.output }}" }, { name: c }]
    fallback: { name: d }
`,
      undone.pipe(Step.fallback(Step.pass("d")))
    )
    const head = agents.replace("      $schema: https://json-schema.org/draft/2020-12/schema\n", "")
    const draft = Step.named("digest")(Step.agent("draft", writer))
    const step = "{ name: draft, uses: agents.writer }"
    twins(
      `  - kind: cache\n    name: digest\n    ttl: 2 days\n    wrapped_step: ${step}\n`,
      draft.pipe(Step.cached({ output: Schema.String, ttl: "2 days" })) as AnyStep,
      head
    )
    twins(
      `  - kind: cache\n    name: digest\n    wrapped_step: [${step}]\n`,
      draft.pipe(Step.cached({ output: Schema.String })) as AnyStep,
      head
    )
  })

  it("of a search", () => {
    const proposer = Step.pass<unknown>("p").pipe(Step.withInput(["a"]), Step.named("q"))
    const evaluator = Step.pass<unknown>("e").pipe(Step.withInput(1))
    const search = { proposer: proposer as never, evaluator: evaluator as never }
    const who = `proposer: { name: q, steps: [{ name: p, input: [a] }] }\n    evaluator: [{ name: e, input: 1 }]`
    twins(`  - kind: tree_search\n    name: s\n    ${who}\n`, Step.treeSearch("s", search))
    twins(
      `
  - kind: tree_search
    name: s
    ${who}
    branching_factor: 4
    beam_width: 2
    max_depth: 3
    max_iterations: 9
    path_max_tokens: 300
    goal_score_threshold: 0.9
    require_goal: true
`,
      Step.treeSearch("s", {
        ...search,
        branching: 4,
        beam: 2,
        depth: 3,
        max: 9,
        pathTokens: 300,
        goal: 0.9,
        requireGoal: true
      })
    )
  })

  it("of settings of the model on a step", () => {
    const settings = { temperature: 0, maxTokens: 9, topP: 1, seed: 3 }
    twins(
      "  - name: d\n    uses: agents.writer\n    config: { temperature: 0, max_tokens: 9, top_p: 1, seed: 3 }\n",
      Step.agent("d", writer, { settings }) as AnyStep,
      "agents: { writer: { model: openai:gpt-4o, system_prompt: Write well. } }\n"
    )
  })

  it("of a loop with all that it may say", () => {
    twins(
      `
  - kind: loop
    loop:
      body: { name: a }
      max_loops: 2
      init: [{ set: context.n, value: 0 }, { append: { target: context.list.items, value: "{{ input }}" } }]
      state: { set: [{ target: context.n, value: 0 }], append: [{ target: context.list.items, value: "{{ input }}" }] }
      iteration_input_mapper: "{{ context.n }}"
`,
      Step.loop("loop", a, { max: 2, init: assigns, state: assigns, next: "{{ context.n }}" })
    )
    const exit = Step.skill("exit_condition", stringify).node
    twins(
      "  - kind: loop\n    loop: { body: { name: a }, exit_condition: { skill: flujo.builtins.stringify } }\n",
      of({ _tag: "Loop", name: "loop", body: a.node, until: { step: exit }, max: 5, onMax: "fail" })
    )
    twins(
      "  - kind: loop\n    loop: { body: { name: a }, stop_when: agent_finished }\n",
      Step.loop("loop", a, { until: "(previous_step.action | default('')) == 'finish'", max: 5 })
    )
  })

  it("of what a loop is given and answers", () => {
    const loop = { _tag: "Loop", name: "loop", body: a.node, until: undefined, max: 5, onMax: "continue" } as const
    const inText = (more: string) => `  - kind: loop\n    loop: { body: { name: a }, ${more} }\n`
    twins(inText("propagation: previous_output"), of(loop))
    twins(inText("propagation: auto"), of(loop))
    const next = Step.params("{{ context }}")
    twins(inText("propagation: context"), of({ ...loop, next }))
    twins(inText("propagate: { next_input: context }"), of({ ...loop, next }))
    const kept = (start: string, ...path: readonly [string, ...Array<string>]) =>
      ({ op: "merge", path, value: Step.params(`{{ {'${start}' ~ (index + 1): previous_step} }}`) }) as const
    twins(inText("propagation: { field: notes }"), of({ ...loop, state: [kept("loop_", "notes")] }))
    twins(
      inText("propagate: { path: context.notes.all, prefix: turn_, next_input: context }"),
      of({ ...loop, next, state: [kept("turn_", "notes", "all")] })
    )
    const set = { op: "set", path: ["n"], value: Step.params(1) } as const
    twins(
      inText("state: [{ set: context.n, value: 1 }], propagation: { field: notes }"),
      of({ ...loop, state: [set, kept("loop_", "notes")] })
    )
    const writing = Step.loop(
      "loop",
      of({ _tag: "Sink", step: a.node, context: undefined, field: "x", reduce: undefined }) as typeof a,
      { max: 5 }
    )
    twins(
      "  - kind: loop\n    loop: { body: { name: a, sink_to: x }, propagation: auto }\n",
      of({ ...writing.node, next } as Node)
    )
    twins(inText('output: "n {{ previous_step }}"'), of({ ...loop, output: Step.params("n {{ previous_step }}") }))
    twins(inText("loop_output_mapper: [1]"), of({ ...loop, output: Step.params([1]) }))
    twins(
      "  - kind: loop\n    loop: { body: { name: a, sink_to: x }, output: { fields: { y: context.x } } }\n",
      of({ ...writing.node, output: Step.params({ y: "{{ context.x }}" }) } as Node)
    )
    twins(inText('initial_input_mapper: "{{ input }}!"'), of(loop).pipe(Step.withInput("{{ input }}!")))
  })

  it("of a map with all that it may say", () => {
    const { node } = Step.forEach("map", a, { onFailure: "collect", merge: "no_merge" })
    const init: Extract<Node, { _tag: "ForEach" }>["init"] = [
      { op: "merge", path: ["m"], value: Step.params({ k: 1 }) }
    ]
    const inText = (more: string) =>
      `  - kind: map\n    map: { body: { name: a }, on_item_failure: collect, merge_strategy: no_merge, init: [{ merge: context.m, value: { k: 1 } }], finalize: ${more} }\n`
    const twin = (output: Json) => of({ ...node, init, output: Step.params(output) } as Node)
    twins(inText('{ output_template: "{{ previous_step }}" }'), twin("{{ previous_step }}"))
    twins(inText('{ output: { all: "{{ previous_step }}" } }'), twin({ all: "{{ previous_step }}" }))
  })

  it("of a parallel with all that it may say", () => {
    const branches = { a: Step.pass("x"), b: Step.pass("y") }
    const inText = (more: string) =>
      `  - kind: parallel\n    name: p\n    branches: { a: { name: x }, b: { name: y } }\n${more}`
    const merges = {
      context_update: "update",
      overwrite: "overwrite",
      keep_first: "keep_first",
      no_merge: "no_merge"
    } as const
    for (const [strategy, merge] of Object.entries(merges)) {
      twins(inText(`    merge_strategy: ${strategy}\n`), Step.parallel("p", branches, { merge }))
    }
    twins(
      inText("    merge_strategy: error_on_conflict\n    on_branch_failure: propagate\n"),
      Step.parallel("p", branches)
    )
    twins(inText("    on_branch_failure: ignore\n"), Step.parallel("p", branches, { onFailure: "ignore" }))
    twins(
      inText("    context_include_keys: [t]\n    field_mapping: { a: [u] }\n"),
      Step.parallel("p", branches, { include: ["t"], fields: { a: ["u"] } })
    )
    for (const reduce of [
      "keys",
      "values",
      "union",
      "concat",
      "first",
      "last",
      "majority_vote",
      "code_consensus"
    ] as const) {
      twins(inText(`    reduce: ${reduce}\n`), Step.parallel("p", branches, { reduce }) as AnyStep)
    }
  })

  it("of a router, and of conditions that are skills", () => {
    const on = Step.skill("router_agent", stringify)
    twins(
      `
  - kind: dynamic_router
    name: r
    router: { router_agent: { id: flujo.builtins.stringify }, branches: { a: { name: x } } }
`,
      Step.route("r", { on, branches: { a: Step.pass("x") } }) as AnyStep
    )
    const condition = Step.skill("condition", stringify)
    twins(
      `
  - kind: conditional
    name: c
    condition: { skill: flujo.builtins.stringify }
    branches: { a: { name: x } }
`,
      Step.branch("c", { on: condition, cases: { a: Step.pass("x") } }) as AnyStep
    )
  })

  it("of a generator and a critic", () => {
    const g = Step.pass("g") as unknown as Step.Step<Step.Draft<string, string>, string>
    twins(
      "  - kind: refine\n    name: r\n    refine: { generator: { name: g }, critic: { name: c } }\n",
      Step.refine("r", { generator: g, critic: Step.pass<string>("c") })
    )
    twins(
      "  - kind: refine\n    refine: { generator: { name: g }, critic: { name: c }, done_when: previous_step.verdict, max_refinements: 2, on_max: continue }\n",
      Step.refine("refine", {
        generator: g,
        critic: Step.pass<string>("c"),
        until: "previous_step.verdict",
        max: 2,
        onMax: "continue"
      })
    )
  })

  it("of a machine", () => {
    twins(
      `
  - kind: StateMachine
    name: m
    start_state: draft
    states: { draft: { name: x }, check: [{ name: y }] }
    end_states: [done, failed]
    transitions:
      - { from: draft, on: success, to: check }
      - { from: check, on: success, to: done, when: "output.last_output == 1" }
      - { from: "*", on: failure, to: failed }
`,
      Step.states("m", {
        start: "draft",
        states: { draft: Step.pass("x"), check: Step.pass("y") },
        ends: ["done", "failed"],
        transitions: [
          { from: "draft", on: "success", to: "check" },
          { from: "check", on: "success", to: "done", when: "output.last_output == 1" },
          { on: "failure", to: "failed" }
        ]
      })
    )
    twins(
      "  - kind: StateMachine\n    start_state: s\n    states: { s: { name: x } }\n    end_states: e\n    max_hops: 3\n",
      Step.states("StateMachine", { start: "s", states: { s: Step.pass("x") }, ends: ["e"], transitions: [], max: 3 })
    )
  })

  it("of steps that wait", () => {
    twins("  - kind: wait\n    name: w\n    for: 2h\n", Step.sleep("w", "2 hours"))
    twins('  - kind: wait\n    until: "{{ input }}"\n', Step.sleepUntil("wait", "{{ input }}"))
    twins("  - kind: wait\n    until: 2030-01-31\n", Step.sleepUntil("wait", "2030-01-31"))
    twins(
      "  - kind: signal\n    name: paid\n    schema: { type: number }\n",
      Step.signal("paid", { data: Schema.Number })
    )
    twins(
      "  - kind: signal\n    signal: paid\n    schema: { type: number }\n    expires: 1h\n    on_expiry: fail\n",
      Step.signal("signal", { signal: "paid", data: Schema.Number }).pipe(Step.timeout("1 hour"))
    )
    twins(
      "  - kind: hitl\n    name: q\n    message: Age?\n    input_schema: { type: number }\n    expires: 1d\n    on_expiry: { answer: 18 }\n",
      Step.ask("q", { message: "Age?", answer: Schema.Number }).pipe(
        Step.timeout("1 day"),
        Step.fallback(Step.pass("expired").pipe(Step.withInput(18), Step.withOutputSchema(Schema.Number)))
      )
    )
  })
})

describe("durations", () => {
  const millis = (text: string): unknown => {
    const node = rootOf(`steps: [{ name: a, config: { timeout: ${text} } }]`)
    return node._tag === "Timeout" ? node.millis : undefined
  }

  it("are numbers of seconds or numbers with a unit", () => {
    const read = ["30s", "1 minute", "2h", "1.5h", "250ms", "3 days", "10", "0.25", '"20"', "5 min", "1w"].map(millis)
    assert.deepStrictEqual(
      read,
      [30_000, 60_000, 7_200_000, 5_400_000, 250, 259_200_000, 10_000, 250, 20_000, 300_000, 604_800_000]
    )
  })

  it("are refused when they are none, or out of range", () => {
    for (const text of [
      "soon",
      "-5",
      "5 parsecs",
      "0",
      "0.0001",
      "1000000d",
      '""',
      "1h30m",
      "constructor",
      "5 toString"
    ]) {
      const [first, ...others] = Either.isLeft(parse(`steps: [{ name: a, config: { timeout: ${text} } }]`))
        ? (
            parse(`steps: [{ name: a, config: { timeout: ${text} } }]`) as Either.Left<
              ReadonlyArray<Diagnostics.Diagnostic>,
              never
            >
          ).left
        : []
      assert.strictEqual(first?.code, "FLJ-BLUEPRINT-19", text)
      assert.deepStrictEqual(others, [])
    }
  })
})

describe("a value as an input", () => {
  const evaluate = (input: string, names: Record<string, string | number | null>) => {
    const node = rootOf(`steps:\n  - name: a\n    input: ${input}\n`)
    if (node._tag !== "Input") throw new Error(node._tag)
    const env = Env.make(Outcome.raw(names.input ?? null), undefined, {})
    return Either.getOrThrow(Value.evaluated(node.input, env, Outcome.raw(null)))
  }

  it("keeps the types of its parts, and makes text where text stands around a placeholder", () => {
    assert.deepStrictEqual(
      evaluate(
        '{ n: "{{ input }}", t: "no. {{ input }}", l: ["{{ input }}", 2], e: "", b: "{% if input > 5 %}big{% endif %}" }',
        { input: 7 }
      ),
      { n: 7, t: "no. 7", l: [7, 2], e: "", b: "big" }
    )
  })

  it("does not expand what a template yields", () => {
    assert.deepStrictEqual(evaluate('{ t: "x {{ input }}" }', { input: "{{ secret }}" }), { t: "x {{ secret }}" })
  })
})

describe("what a loop cannot mean", () => {
  const cases: ReadonlyArray<readonly [code: string, options: string]> = [
    ["FLJ-BLUEPRINT-19", "propagation: «contxt»"],
    ["FLJ-BLUEPRINT-19", "propagation: { next_input: «previous_output» }"],
    ["FLJ-BLUEPRINT-16", "propagation: «{}»"],
    ["FLJ-BLUEPRINT-16", "propagation: { next_input: context, «prefix»: turn_ }"],
    ["FLJ-BLUEPRINT-20", "propagation: { field: a, «path»: b }"],
    ["FLJ-BLUEPRINT-15", "propagation: { «feild»: a, next_input: context }"],
    ["FLJ-BLUEPRINT-19", "propagation: { field: «a-b» }"],
    ["FLJ-BLUEPRINT-19", "propagation: { path: «a..b» }"],
    ["FLJ-BLUEPRINT-19", 'propagation: { field: a, prefix: «"x\'"» }'],
    ["FLJ-BLUEPRINT-19", "output: { text: «conversation_history» }"]
  ]
  for (const [code, options] of cases) {
    it(`is said at the place: ${options}`, () => {
      const { spans, text } = unmark(`steps: [{ kind: loop, loop: { body: { name: a }, ${options} } }]\n`)
      const [{ end, start }] = spans as [{ start: number; end: number }]
      const { diagnostics } = check(text)
      assert.deepStrictEqual(diagnostics.map(short), [`${code} 1:${start + 1}-1:${end + 1}`])
    })
  }

  it("is mended where a word is nearly right", () => {
    const { diagnostics } = check("steps: [{ kind: loop, loop: { body: { name: a }, propagation: contxt } }]\n")
    assert.strictEqual(diagnostics[0]?.hint, "did you mean `context`?")
  })
})

describe("a path into a field", () => {
  const hint = (text: string) => check(text).diagnostics.map((one) => `${short(one)} ${one.hint}`)

  it("is no place to write to, and a field that can be written to is named", () => {
    for (const path of ["a.b", "context.a.b"]) {
      const text = `steps: [{ name: a, sink_to: ${path} }]\n`
      const [said, ...more] = hint(text)
      assert.deepStrictEqual(more, [])
      assert.match(said!, /^FLJ-BLUEPRINT-19 1:29-.*: write sink_to: a_b, and read {{ context\.a_b }}/)
    }
    const [said] = hint("steps: [{ name: a, sink_to: a b.c }]\n")
    assert.match(said!, /letters, digits and _, a letter first$/)
  })

  it("is not what branches are shown", () => {
    const text = "steps: [{ kind: parallel, branches: { b: { name: b } }, context_include_keys: [a.b] }]\n"
    assert.deepStrictEqual(hint(text), ["FLJ-BLUEPRINT-19 1:80-1:83 a field is meant as a whole: write a"])
  })
})
