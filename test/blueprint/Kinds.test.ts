import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Diagnostics from "../../src/blueprint/Diagnostics.js"
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
import { parse } from "./Marked.js"
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
      "  - kind: hitl\n    name: q\n    message: Age?\n    input_schema: { type: integer }\n",
      Step.ask("q", { message: "Age?", answer: Schema.Int })
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
