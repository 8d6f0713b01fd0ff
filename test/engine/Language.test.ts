/** What each kind answers, or fails with, as a blueprint says it: one line of input, one of outcome. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as TestClock from "effect/TestClock"
import * as Diagnostics from "../../src/blueprint/Diagnostics.js"
import type { Json } from "../../src/domain/Json.js"
import { RunId } from "../../src/domain/RunId.js"
import * as Flujo from "../../src/engine/Flujo.js"
import type { Journal } from "../../src/journal/Journal.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import type * as Pipeline from "../../src/pipeline/Pipeline.js"
import { parse } from "../blueprint/Marked.js"

type Failure = { readonly _tag: string; readonly message: string; readonly reason?: string }

const pipelineOf = (steps: string, head = "") => {
  const blueprint = parse(`${head}steps:\n${steps.replace(/^\n/, "").replace(/^(?! {2})/gm, "")}`)
  if (Either.isLeft(blueprint)) throw new Error(Diagnostics.renderAll(blueprint.left))
  return blueprint.right.pipeline as unknown as Pipeline.Pipeline<Json, Json, Failure>
}

const run = RunId.make("r")
const started = (steps: string, input: Json, head = "") =>
  Effect.map(Effect.either(Flujo.run(pipelineOf(steps, head), input, { runId: run })), (end) =>
    Either.isRight(end)
      ? end.right._tag === "Completed"
        ? end.right.value
        : end.right.waits.map((wait) => `${wait._tag} ${wait.path}`)
      : `${end.left._tag}: ${end.left.message}`
  )

/** Runs, and replays what was recorded. */
const ends = (steps: string, input: Json, wanted: Json, head = "") =>
  it.effect(`${steps.trim().split("\n")[0]!.trim()} … ${JSON.stringify(input)} → ${JSON.stringify(wanted)}`, () =>
    inMemory(
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* started(steps, input, head), wanted)
        yield* Flujo.replay(pipelineOf(steps, head), run)
      })
    )
  )

const inMemory = <A, E>(effect: Effect.Effect<A, E, Journal>) =>
  Effect.scoped(Effect.provide(effect, JournalMemory.layerMemory))

const fail = (name: string) => `{ name: ${name}, input: {}, output_schema: { type: string } }`

describe("when", () => {
  const steps = `
  - name: a
    when: input > 1
    input: done
    sink_to: x
  - name: b
    input: ["{{ previous_step }}", "{{ context.x | default('none') }}"]
`
  ends(steps, 2, ["done", "done"])
  ends(steps, 1, [1, "none"])
  ends(
    "  - name: a\n    when: input.x\n",
    {},
    "TemplateError: template: at `x`: `input` has no `x`: it is an empty map; if that is fine, add `| default(…)`"
  )
})

describe("schemas", () => {
  const schema = "{ type: object, required: [n], properties: { n: { type: integer } } }"
  ends(`  - name: a\n    input_schema: ${schema}\n`, { n: 1 }, { n: 1 })
  ends(`  - name: a\n    input_schema: ${schema}\n    fallback: { name: b, input: other }\n`, {}, "other")
  ends(
    `  - name: a\n    input: { n: x }\n    output_schema: ${schema}\n`,
    1,
    "SchemaMismatch: a: the output does not fit its schema: at n: it must be integer"
  )
  ends(
    "  - name: a\n",
    {},
    "SchemaMismatch: the pipeline: the output does not fit its schema: it must be string",
    "output_schema: { type: string }\n"
  )
  it.effect("of the whole pipeline are held to before the run starts", () =>
    inMemory(
      Effect.gen(function* () {
        const error = yield* Effect.flip(Flujo.run(pipelineOf("  - name: a\n", "input_schema: { type: string }\n"), 1))
        assert.deepInclude(error, { _tag: "RunError", reason: "Input" })
      })
    )
  )
  ends(
    "  - name: a\n    sink_to: n\n",
    "x",
    "RunError: run r, a: it must be integer",
    "context: { properties: { n: { type: integer } } }\n"
  )
  ends("  - name: a\n    updates_context: [x, y]\n  - name: b\n    input: '{{ context }}'\n", { x: 1, z: 2 }, { x: 1 })
})

describe("parallel", () => {
  const branches = (options: string, a: string, b: string) =>
    `  - kind: parallel\n    name: p\n    ${options}\n    branches: { a: { name: x, input: ${a}, sink_to: f }, b: { name: y, input: ${b}, sink_to: f } }\n  - name: end\n    input: "{{ context.f | default('none') }}"\n`
  ends(branches("merge_strategy: overwrite", "one", "two"), 0, "two")
  ends(branches("merge_strategy: keep_first", "one", "two"), 0, "one")
  ends(branches("merge_strategy: no_merge", "one", "two"), 0, "none")
  ends(branches("merge_strategy: context_update", "{ a: 1, l: [1, 2] }", "{ b: 2, l: [2, 3] }"), 0, {
    a: 1,
    l: [1, 2, 3],
    b: 2
  })
  ends(branches("merge_strategy: context_update", "1", "2"), 0, 2)
  ends(
    branches("merge_strategy: context_update", "{ k: one }", "{ k: two }"),
    0,
    "ValueRefused: p: two branches wrote context.f.k, and the values cannot be merged"
  )
  ends(branches("merge_strategy: overwrite\n    field_mapping: { b: [] }", "one", "two"), 0, "one")
  const reduced = (reduce: string, a: string, b: string, c: string) =>
    `  - kind: parallel\n    reduce: ${reduce}\n    branches: { a: { name: x, input: ${a} }, b: { name: y, input: ${b} }, c: { name: z, input: ${c} } }\n`
  ends(reduced("keys", "1", "2", "3"), 0, ["a", "b", "c"])
  ends(reduced("values", "1", "2", "3"), 0, [1, 2, 3])
  ends(reduced("union", "{ k: 1 }", "{ k: 2, l: 3 }", "{}"), 0, { k: 2, l: 3 })
  ends(
    reduced("union", "{ k: 1 }", "2", "{}"),
    0,
    'ValueRefused: parallel: branch "b" answered no map, and reduce: union joins maps'
  )
  ends(reduced("concat", "[1, 2]", "'{{ none }}'", "3"), 0, [1, 2, 3])
  ends(reduced("first", "1", "2", "3"), 0, 1)
  ends(reduced("last", "1", "2", "3"), 0, 3)
  ends(reduced("majority_vote", "{ a: 1 }", "2", "2"), 0, 2)
  ends(reduced("majority_vote", "1", "2", "3"), 0, 1)
  ends(reduced("code_consensus", "'y'", '"```js\\nx  \\n```"', "'x'"), 0, "```js\nx  \n```")
  const failing = (options: string, b: string) =>
    `  - kind: parallel\n    name: p\n    ${options}\n    branches: { a: ${fail("x")}, b: ${b} }\n`
  ends(failing("on_branch_failure: ignore", "{ name: y }"), 5, { a: null, b: 5 })
  ends(failing("on_branch_failure: ignore\n    reduce: values", "{ name: y }"), 5, [5])
  ends(
    failing("on_branch_failure: ignore", fail("y")),
    5,
    "SchemaMismatch: p/a/x: the output does not fit its schema: it must be string"
  )
  ends(
    failing("on_branch_failure: propagate", "{ name: y }"),
    5,
    "SchemaMismatch: p/a/x: the output does not fit its schema: it must be string"
  )
  ends(
    "  - name: a\n    sink_to: f\n  - kind: parallel\n    context_include_keys: []\n    branches: { a: { name: x, input: \"{{ context.f | default('hidden') }}\" } }\n",
    1,
    { a: "hidden" }
  )
})

describe("dynamic_router", () => {
  const route = `
  - kind: dynamic_router
    name: r
    router: { router_agent: { id: flujo.builtins.stringify }, branches: { a: { name: x }, b: { name: y } } }
`
  ends(route, "b", { b: "b" })
  ends(route, "c", 'NoBranch: r: no branch for "c"; there are a, b')
})

describe("conditional", () => {
  const by =
    "  - kind: conditional\n    name: c\n    condition: { skill: flujo.builtins.stringify }\n    branches: { a: { name: x, input: is_a } }\n"
  ends(by, "a", "is_a")
  ends(`${by}    default_branch: { name: y }\n`, "z", "z")
})

describe("loop", () => {
  const loop = (options: string, body = '{ name: a, input: "{{ previous_step }}x" }') =>
    `  - kind: loop\n    name: l\n    loop: { body: ${body}, ${options} }\n`
  ends(loop("max_loops: 3"), "", "xxx")
  ends(loop("max_loops: 3, exit_expression: previous_step == 'xx'"), "", "xx")
  ends(
    loop("max_loops: 1, exit_expression: previous_step == 'xx'"),
    "",
    "LoopExhausted: l did not meet its exit within 1 iterations"
  )
  ends(loop("max_loops: 1, exit_expression: previous_step == 'xx', on_max: continue"), "", "x")
  ends(loop("max_loops: 2, iteration_input_mapper: '{{ index }}'"), "", "0x")
  ends(loop("max_loops: 1, initial_input_mapper: first"), "", "firstx")
  ends(loop("max_loops: 1, output: { a: '{{ previous_step }}' }"), "", { a: "x" })
  ends(loop("stop_when: agent_finished", "{ name: a, input: { action: finish } }"), 0, { action: "finish" })
  ends(
    loop("stop_when: agent_finished, max_loops: 2", "{ name: a }"),
    0,
    "LoopExhausted: l did not meet its exit within 2 iterations"
  )
  ends(loop("max_loops: 2, propagation: context", "{ name: a, sink_to: seen }"), 1, { seen: 1 })
  ends(
    loop("max_loops: 3, exit_condition: { skill: flujo.builtins.stringify }", "{ name: a, input: 'true' }"),
    0,
    "true"
  )
  ends(
    loop(
      "max_loops: 3, init: { set: [{ target: context.n, value: 1 }] }, state: { append: [{ target: context.n, value: 2 }] }"
    ),
    "",
    "ValueRefused: l: context.n is no list to append to"
  )
  ends(
    loop(
      "max_loops: 3, init: [{ set: context.a.b, value: {} }], state: [{ merge: context.a.b, value: { '{{ 1 }}': '{{ index }}', i: '{{ index }}' } }], output: '{{ context }}'".replace(
        "'{{ 1 }}': '{{ index }}', ",
        ""
      )
    ),
    "",
    { a: { b: { i: 1 } } }
  )
})

describe("map", () => {
  const map = (options: string, body = '{ name: a, input: "{{ this }}{{ index }}" }') =>
    `  - kind: map\n    name: m\n    map: { body: ${body}, ${options} }\n`
  ends(map("concurrency: 1"), ["a", "b"], ["a0", "b1"])
  ends(map("finalize: { output_template: \"{{ previous_step | join('-') }}\" }"), ["a", "b"], "a0-b1")
  ends(map("max_items: 1"), ["a", "b"], "ItemsRefused: m: 2 items, over the limit of 1; raise max, or give fewer")
  const picky = "{ name: a, output_schema: { type: number } }"
  ends(map("on_item_failure: skip", picky), [1, "x"], [1])
  ends(
    `${map("on_item_failure: collect", picky)}  - name: end\n    input: "{{ previous_step }}"\n`,
    [1],
    [{ _tag: "Right", right: 1 }]
  )
  ends(
    map("on_item_failure: fail", picky),
    [1, "x"],
    "SchemaMismatch: m[1]/a: the output does not fit its schema: it must be number"
  )
})

describe("refine", () => {
  const refine = (critic: string, more = "") =>
    `  - kind: refine\n    name: r\n    refine: { generator: { name: g, input: "{{ previous_step.input }}{{ previous_step.feedback or '' }}" }, critic: ${critic}${more} }\n`
  ends(refine("{ name: c, input: { is_complete: \"{{ previous_step == 'a!' }}\", feedback: '!' } }"), "a", "a!")
  ends(
    refine("{ name: c, input: { is_complete: false } }", ", max_refinements: 2"),
    "a",
    "LoopExhausted: r did not meet its exit within 2 iterations"
  )
  ends(
    refine(
      "{ name: c, input: no }",
      ", max_refinements: 2, on_max: continue, done_when: \"previous_step.verdict == 'yes'\""
    ),
    "a",
    "ano"
  )
})

describe("StateMachine", () => {
  const machine = (states: string, transitions: string, more = "") =>
    `  - kind: StateMachine\n    name: m\n    start_state: a\n    end_states: [end]\n    states: ${states}\n    transitions: ${transitions}\n${more}`
  ends(machine("{ a: { name: x, input: 1 } }", "[{ from: a, on: success, to: end }]"), 0, 1)
  ends(machine("{ a: { name: x } }", "[]"), 0, 'NoTransition: m: no transition fits success of "a"')
  ends(
    machine(
      `{ a: ${fail("x")}, b: { name: y } }`,
      "[{ from: a, on: failure, to: b }, { from: b, on: success, to: end }]"
    ),
    7,
    7
  )
  ends(
    machine(`{ a: ${fail("x")} }`, "[{ from: a, on: success, to: end }]"),
    7,
    "SchemaMismatch: m[0]/a/x: the output does not fit its schema: it must be string"
  )
  ends(
    machine("{ a: { name: x } }", "[{ from: '*', on: success, to: a }]", "    max_hops: 3\n"),
    0,
    "LoopExhausted: m did not meet its exit within 3 iterations"
  )
})

describe("steps that wait", () => {
  ends(
    "  - kind: wait\n    until: '{{ input }}'\n",
    "soon",
    'ValueRefused: wait: it is to wait until "soon", which is no time within the next ten years'
  )
  ends("  - kind: wait\n    until: '{{ input }}'\n", 0, 0)
  ends("  - kind: wait\n    name: w\n    for: 1h\n", 5, ["Timer w"])
  ends("  - kind: signal\n    name: s\n", 5, ["Signal s"])
  it.effect("a question that expires is answered by what it says, and its late answer is refused", () =>
    inMemory(
      Effect.gen(function* () {
        const steps =
          "  - kind: hitl\n    name: q\n    message: Well?\n    expires: 1h\n    on_expiry: { answer: '{{ input }} later' }\n"
        assert.deepStrictEqual(yield* started(steps, "x"), ["Task q", "Timer q!deadline"])
        yield* TestClock.adjust("2 hours")
        assert.deepInclude(yield* Flujo.resume(pipelineOf(steps), run), { value: "x later" })
        assert.strictEqual((yield* Effect.flip(Flujo.answer(run, "q" as never, 1)))._tag, "LetterRefused")
        yield* Flujo.replay(pipelineOf(steps), run)
      })
    )
  )
  it.effect(
    "a signal is kept until it is awaited, is taken once, first come first taken, and told twice is told once",
    () =>
      inMemory(
        Effect.gen(function* () {
          const steps =
            "  - kind: hitl\n    name: q\n    message: Go?\n  - kind: signal\n    name: s\n  - kind: signal\n    name: t\n    signal: s\n  - name: end\n    input: ['{{ steps.s }}', '{{ steps.t }}']\n"
          yield* started(steps, "x")
          yield* Flujo.signal(run, "s", 1, { id: "1" })
          yield* Flujo.signal(run, "s", 1, { id: "1" })
          yield* Flujo.signal(run, "s", 2, { id: "2" })
          yield* Flujo.answer(run, "q" as never, "yes")
          assert.deepInclude(yield* Flujo.resume(pipelineOf(steps), run), { value: [1, 2] })
          yield* Flujo.replay(pipelineOf(steps), run)
          assert.strictEqual((yield* Effect.flip(Flujo.signal(run, "s", 3)))._tag, "LetterRefused")
        })
      )
  )
  it.effect("a signal that does not fit is a failure of the step, which may wait for another", () =>
    inMemory(
      Effect.gen(function* () {
        const steps =
          "  - kind: signal\n    name: s\n    schema: { type: number }\n    config: { retries: { times: 1, base: 0s } }\n"
        yield* started(steps, "x")
        yield* Flujo.signal(run, "s", "text")
        assert.deepInclude(yield* Flujo.resume(pipelineOf(steps), run), {
          waits: [{ _tag: "Signal", path: "s#2" as never, signal: "s" }]
        })
        yield* Flujo.signal(run, "s", 3)
        assert.deepInclude(yield* Flujo.resume(pipelineOf(steps), run), { value: 3 })
        yield* Flujo.replay(pipelineOf(steps), run)
      })
    )
  )
  it.effect("signals that nobody takes do not keep a run from resting, nor grow without end", () =>
    inMemory(
      Effect.gen(function* () {
        const steps = "  - kind: signal\n    name: s\n"
        yield* started(steps, "x")
        const many = Array.from({ length: 1005 }, (_, i) => Flujo.signal(run, "other", i))
        yield* Effect.all(many, { concurrency: "unbounded", discard: true })
        assert.deepInclude(yield* Flujo.resume(pipelineOf(steps), run), { _tag: "Suspended" })
        yield* Flujo.cancel(run, "enough")
        assert.deepInclude(yield* Effect.flip(Flujo.resume(pipelineOf(steps), run)), { reason: "Cancelled" })
        yield* Flujo.replay(pipelineOf(steps), run)
      })
    )
  )
})
