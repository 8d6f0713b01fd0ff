import { assert, describe, it } from "@effect/vitest"
import { rules } from "../../src/blueprint/Rules.js"
import { check, unmark } from "./Marked.js"

const agents = `agents:
  writer: { model: "openai:gpt-4o", system_prompt: Write. }
`
const uses = `steps:
  - uses: agents.writer
`
const steps = (text: string) => `steps:\n${text.replace(/^\n/, "")}`

/** Each with what is wrong, marked where, and with what is right instead. */
const cases: ReadonlyArray<readonly [code: string, bad: string, good: string]> = [
  ["FLJ-BLUEPRINT-1", 'name: «"a\\ud800"»\nsteps: [{ name: a }]', 'name: "a"\nsteps: [{ name: a }]'],
  ["FLJ-BLUEPRINT-2", "name: a«\0»b\nsteps: [{ name: a }]", "name: ab\nsteps: [{ name: a }]"],
  ["FLJ-BLUEPRINT-2", "name: ab«\r»steps: [{ name: a }]", "name: ab\r\nsteps: [{ name: a }]\r\n"],
  ["FLJ-BLUEPRINT-3", `${"#\n".repeat(50_000)}«»name: a`, `${"#\n".repeat(4_000)}steps: [{ name: a }]`],
  ["FLJ-BLUEPRINT-4", `steps: ${"[".repeat(64)}«[»`, "steps: [{ name: a }]"],
  ["FLJ-BLUEPRINT-6", "name: «*nobody»\nsteps: [{ name: a }]", "name: &x one\nsteps: [{ name: *x }]"],
  ["FLJ-BLUEPRINT-6", "steps: &a [«*a»]", "steps: [{ name: &a a, description: *a }]"],
  ["FLJ-BLUEPRINT-7", "steps: [{ name: a }]\n«---»\nsteps: [{ name: b }]", "---\nsteps: [{ name: a }]\n...\n"],
  ["FLJ-BLUEPRINT-8", "name: «!!js/function» x\nsteps: [{ name: a }]", "name: !!str x\nsteps: [{ name: a }]"],
  ["FLJ-BLUEPRINT-8", "«!include» name: x\nsteps: [{ name: a }]", "name: x\nsteps: [{ name: a }]"],
  ["FLJ-BLUEPRINT-9", "name: a\n«name»: b\nsteps: [{ name: a }]", "name: a\nsteps: [{ name: a }]"],
  [
    "FLJ-BLUEPRINT-9",
    steps(
      "  - kind: conditional\n    condition: 1 == 1\n    branches:\n      true: { name: a }\n      «'true'»: { name: b }\n"
    ),
    steps(
      "  - kind: conditional\n    condition: 1 == 1\n    branches:\n      true: { name: a }\n      false: { name: b }\n"
    )
  ],
  ["FLJ-BLUEPRINT-10", "steps: [{ name: a, input: { «__proto__»: 1 } }]", "steps: [{ name: a, input: { proto: 1 } }]"],
  ["FLJ-BLUEPRINT-10", "«constructor»: 1\nsteps: [{ name: a }]", "steps: [{ name: a }]"],
  ["FLJ-BLUEPRINT-11", "steps:\n«\t»- name: a\n", "steps:\n  - name: a\n"],
  ["FLJ-BLUEPRINT-11", "steps:\n  - name: a\n  «\t»uses: b\n", "steps:\n  - name: a\n"],
  ["FLJ-BLUEPRINT-12", "steps: [{ name: «@»a }]", 'steps: [{ name: "a" }]'],
  ["FLJ-BLUEPRINT-12", 'steps:\n  - name: «"»a\n', 'steps:\n  - name: "a"\n'],
  ["FLJ-BLUEPRINT-12", "«%YAML 1.1»\n---\nsteps: [{ name: a }]", "%YAML 1.2\n---\nsteps: [{ name: a }]"],
  ["FLJ-BLUEPRINT-13", "«»# nothing yet\n", "steps: [{ name: a }]"],
  ["FLJ-BLUEPRINT-14", steps("  - name: a\n    input: «{{ previous_step }}»\n"), steps('  - input: "{{ input }}"\n')],
  [
    "FLJ-BLUEPRINT-14",
    steps("  - name: a\n    input: «{{ input['x'] == 'high' }}» # why\n"),
    steps("  - name: a\n    input: \"{{ input['x'] == 'high' }}\" # why\n")
  ],
  ["FLJ-BLUEPRINT-14", steps("  - { name: a, input: «{% if x %}» }\n"), steps("  - { name: a, input: x }\n")],
  ["FLJ-BLUEPRINT-15", "«nmae»: a\nsteps: [{ name: a }]", "name: a\nsteps: [{ name: a }]"],
  ["FLJ-BLUEPRINT-15", steps("  - name: a\n    «whenn»: x\n"), steps("  - name: a\n    when: input\n")],
  ["FLJ-BLUEPRINT-15", steps("  - name: a\n    «message»: x\n"), steps("  - kind: hitl\n    message: x\n")],
  ["FLJ-BLUEPRINT-15", steps("  - name: a\n    config: { «tempo»: 1 }\n"), steps("  - name: a\n    config: {}\n")],
  ["FLJ-BLUEPRINT-15", steps("  - name: a\n    «timeout»: 5\n"), steps("  - name: a\n    config: { timeout: 5 }\n")],
  [
    "FLJ-BLUEPRINT-15",
    "«context»: { «topic»: { type: string }, properties: {} }\nsteps: [{ name: a }]".replace("«context»", "context"),
    "context: { properties: { topic: { type: string } } }\nsteps: [{ name: a }]"
  ],
  [
    "FLJ-BLUEPRINT-16",
    steps("  - kind: «wait»\n    name: w\n".replace("«wait»", "wait").replace("w\n", "«w»\n")),
    steps("  - kind: wait\n    for: 1s\n")
  ],
  [
    "FLJ-BLUEPRINT-16",
    steps("  - kind: hitl\n    «on_expiry»: fail\n"),
    steps("  - kind: hitl\n    expires: 1h\n    on_expiry: fail\n")
  ],
  [
    "FLJ-BLUEPRINT-16",
    steps("  - kind: loop\n    loop: { body: { name: a }, init: [{ «set»: context.n }] }\n"),
    steps("  - kind: loop\n    loop: { body: { name: a }, init: [{ set: context.n, value: 1 }] }\n")
  ],
  [
    "FLJ-BLUEPRINT-16",
    steps("  - kind: StateMachine\n    name: «m»\n    start_state: a\n    states: { a: { name: b } }\n"),
    steps("  - kind: StateMachine\n    start_state: a\n    states: { a: { name: b } }\n    end_states: end\n")
  ],
  [
    "FLJ-BLUEPRINT-16",
    steps("  - kind: dynamic_router\n    name: «r»\n    router: { branches: { a: { name: b } } }\n"),
    agents +
      steps("  - kind: dynamic_router\n    router: { router_agent: agents.writer, branches: { a: { name: b } } }\n")
  ],
  [
    "FLJ-BLUEPRINT-16",
    steps("  - kind: refine\n    refine: { «generator»: { name: a } }\n"),
    steps("  - kind: refine\n    refine: { generator: { name: a }, critic: { name: b }, done_when: input }\n")
  ],
  [
    "FLJ-BLUEPRINT-16",
    steps("  - kind: cache\n    name: «c»\n"),
    steps("  - kind: cache\n    wrapped_step: { name: c }\n")
  ],
  [
    "FLJ-BLUEPRINT-16",
    `${agents}${steps("  - kind: tree_search\n    name: «s»\n    proposer: agents.writer\n")}`,
    `${agents}${steps("  - kind: tree_search\n    proposer: agents.writer\n    evaluator: { id: agents.writer }\n")}`
  ],
  [
    "FLJ-BLUEPRINT-19",
    `${agents}${steps("  - kind: tree_search\n    proposer: agents.writer\n    evaluator: agents.writer\n    goal_score_threshold: «2»\n")}`,
    `${agents}${steps("  - kind: tree_search\n    proposer: agents.writer\n    evaluator: agents.writer\n    goal_score_threshold: 0.5\n")}`
  ],
  [
    "FLJ-BLUEPRINT-19",
    steps("  - kind: cache\n    ttl: «soon»\n    wrapped_step: { name: c }\n"),
    steps("  - kind: cache\n    ttl: 1 day\n    wrapped_step: { name: c }\n")
  ],
  [
    "FLJ-BLUEPRINT-17",
    steps("  - name: a\n    updates_context: «yes»\n"),
    steps("  - name: a\n    updates_context: [yes_field]\n")
  ],
  [
    "FLJ-BLUEPRINT-17",
    steps("  - kind: parallel\n    context_include_keys: «topic»\n    branches: { a: { name: b } }\n"),
    steps("  - kind: parallel\n    context_include_keys: [topic]\n    branches: { a: { name: b } }\n")
  ],
  [
    "FLJ-BLUEPRINT-19",
    steps("  - kind: wait\n    until: «tomorrow»\n"),
    steps('  - kind: wait\n    until: "2030-01-31T09:00:00Z"\n')
  ],
  [
    "FLJ-BLUEPRINT-19",
    steps('  - kind: wait\n    until: «"2030-02-31"»\n'),
    steps("  - kind: wait\n    until: 2030-02-28\n")
  ],
  [
    "FLJ-BLUEPRINT-19",
    steps("  - kind: loop\n    loop: { body: { name: a }, init: [{ set: «notes», value: 1 }] }\n"),
    steps("  - kind: loop\n    loop: { body: { name: a }, init: [{ set: context.notes, value: 1 }] }\n")
  ],
  [
    "FLJ-BLUEPRINT-20",
    steps("  - name: a\n    config: { «temperature»: 1 }\n"),
    agents + steps("  - uses: agents.writer\n    config: { temperature: 1 }\n")
  ],
  [
    "FLJ-BLUEPRINT-20",
    steps("  - kind: wait\n    for: 1s\n    «until»: 2030-01-31\n"),
    steps("  - kind: wait\n    for: 1s\n")
  ],
  [
    "FLJ-BLUEPRINT-20",
    steps("  - kind: loop\n    loop: { body: { name: a }, exit_expression: input, «stop_when»: agent_finished }\n"),
    steps("  - kind: loop\n    loop: { body: { name: a }, stop_when: agent_finished }\n")
  ],
  [
    "FLJ-BLUEPRINT-16",
    steps("  - name: a\n    validators: [{ «message»: x }]\n"),
    steps("  - name: a\n    validators: [{ contains: x, message: x }]\n")
  ],
  [
    "FLJ-BLUEPRINT-17",
    steps("  - name: a\n    validators: «{ contains: x }»\n"),
    steps("  - name: a\n    validators: [{ contains: x }]\n")
  ],
  [
    "FLJ-BLUEPRINT-20",
    steps("  - name: a\n    validators: [{ contains: x, «regex»: y }]\n"),
    steps("  - name: a\n    validators: [{ contains: x }, { regex: y }]\n")
  ],
  [
    "FLJ-BLUEPRINT-20",
    steps("  - name: a\n    validators: [{ contains: x, «params»: {} }]\n"),
    steps("  - name: a\n    validators: [{ contains: x }]\n")
  ],
  [
    "FLJ-BLUEPRINT-22",
    steps('  - name: a\n    validators: [{ regex: «"(a+)+$"» }]\n'),
    steps('  - name: a\n    validators: [{ regex: "a+$" }]\n')
  ],
  [
    "FLJ-BLUEPRINT-19",
    steps("  - name: a\n    validators: [{ skill: «flujo.builtins.stringify» }]\n"),
    steps("  - name: a\n    validators: [{ contains: x }]\n")
  ],
  [
    "FLJ-BLUEPRINT-17",
    `static_invariants: «input»\n${steps("  - name: a\n")}`,
    `static_invariants: [input]\n${steps("  - name: a\n  - name: b\n")}`
  ],
  [
    "FLJ-BLUEPRINT-21",
    `static_invariants: ["input «input»"]\n${steps("  - name: a\n  - name: b\n")}`,
    `static_invariants: [input]\n${steps("  - name: a\n    static_invariants: [input]\n  - name: b\n")}`
  ],
  [
    "FLJ-BLUEPRINT-25",
    `${agents}${uses}    updates_context: «true»\n`,
    `${agents}${uses}    updates_context: true\n    output_schema: { properties: { a: {} } }\n`
  ],
  [
    "V-SM1",
    steps("  - kind: StateMachine\n    start_state: «b»\n    states: { a: { name: x } }\n    end_states: [end]\n"),
    steps("  - kind: StateMachine\n    start_state: a\n    states: { a: { name: x } }\n    end_states: [end]\n")
  ],
  [
    "V-SM1",
    steps(
      "  - kind: StateMachine\n    start_state: a\n    states: { a: { name: x } }\n    end_states: [end]\n    transitions: [{ from: a, on: success, to: «edn» }]\n"
    ),
    steps(
      "  - kind: StateMachine\n    start_state: a\n    states: { a: { name: x } }\n    end_states: [end]\n    transitions: [{ from: a, on: success, to: end }]\n"
    )
  ],
  ["FLJ-BLUEPRINT-16", "«name»: a", "name: a\nsteps: [{ name: a }]"],
  ["FLJ-BLUEPRINT-16", `agents:\n  «writer»: { model: "openai:x" }\n${uses}`, agents + uses],
  [
    "FLJ-BLUEPRINT-16",
    steps("  - kind: conditional\n    name: «which»\n    branches: { a: { name: b } }\n"),
    steps("  - kind: conditional\n    name: which\n    condition: input\n    branches: { a: { name: b } }\n")
  ],
  [
    "FLJ-BLUEPRINT-16",
    steps("  - kind: «parallel»\n"),
    steps("  - kind: parallel\n    branches: { a: { name: b } }\n")
  ],
  ["FLJ-BLUEPRINT-16", steps("  - kind: «loop»\n"), steps("  - kind: loop\n    loop: { body: { name: a } }\n")],
  [
    "FLJ-BLUEPRINT-16",
    steps("  - kind: map\n    map: { «max_items»: 3 }\n"),
    steps("  - kind: map\n    map: { max_items: 3, body: { name: a } }\n")
  ],
  ["FLJ-BLUEPRINT-17", "steps: «x»", "steps: [{ name: a }]"],
  ["FLJ-BLUEPRINT-17", "«hello»", "steps: [{ name: a }]"],
  ["FLJ-BLUEPRINT-17", "«- a\n- b»\n", "steps: [{ name: a }]"],
  ["FLJ-BLUEPRINT-17", "name: «123»\nsteps: [{ name: a }]", 'name: "a123"\nsteps: [{ name: a }]'],
  ["FLJ-BLUEPRINT-17", "steps: [«a»]", "steps: [{ name: a }]"],
  ["FLJ-BLUEPRINT-17", "steps: [{ name: a }]\n? «[x]»\n: 1\n", "steps: [{ name: a }]"],
  ["FLJ-BLUEPRINT-17", steps("  - name: a\n    input:«»\n"), steps("  - name: a\n    input: x\n")],
  ["FLJ-BLUEPRINT-17", steps("  - agent: «agents.a»\n"), `${agents}${steps("  - agent: { id: agents.writer }\n")}`],
  [
    "FLJ-BLUEPRINT-17",
    steps("  - name: a\n    config: { timeout: «true» }\n"),
    steps("  - name: a\n    config: { timeout: 5 }\n")
  ],
  ["FLJ-BLUEPRINT-18", steps("  - kind: «memory»\n"), steps("  - kind: step\n")],
  ["FLJ-BLUEPRINT-19", 'version: «"0.2"»\nsteps: [{ name: a }]', 'version: "0.1"\nsteps: [{ name: a }]'],
  ["FLJ-BLUEPRINT-19", "version: «0.10»\nsteps: [{ name: a }]", "version: 0.1\nsteps: [{ name: a }]"],
  [
    "FLJ-BLUEPRINT-19",
    steps("  - name: a\n    config: { timeout: «soon» }\n"),
    steps("  - name: a\n    config: { timeout: 1 minute }\n")
  ],
  [
    "FLJ-BLUEPRINT-19",
    steps("  - name: a\n    config: { max_retries: «101» }\n"),
    steps("  - name: a\n    config: { max_retries: 100 }\n")
  ],
  [
    "FLJ-BLUEPRINT-19",
    steps("  - kind: loop\n    loop: { body: { name: a }, on_max: «stop» }\n"),
    steps("  - kind: loop\n    loop: { body: { name: a }, on_max: continue }\n")
  ],
  ["FLJ-BLUEPRINT-19", steps("  - name: a\n    sink_to: «a.b.c»\n"), steps("  - name: a\n    sink_to: context.a\n")],
  [
    "FLJ-BLUEPRINT-19",
    `agents:\n  writer: { model: «gpt-4o», system_prompt: x }\n${uses}`,
    `agents:\n  writer: { model: openai:gpt-4o, system_prompt: x }\n${uses}`
  ],
  ["FLJ-BLUEPRINT-19", steps("  - name: a\n    input: «123456789012345678»\n"), steps("  - name: a\n    input: 12\n")],
  [
    "FLJ-BLUEPRINT-20",
    `${agents}${uses}    «skill»: flujo.builtins.stringify\n`,
    steps("  - skill: flujo.builtins.stringify\n")
  ],
  ["FLJ-BLUEPRINT-20", steps("  - name: a\n    «step»: b\n"), steps("  - step: b\n")],
  [
    "FLJ-BLUEPRINT-20",
    steps("  - name: a\n    config: { max_retries: 1, «retries»: { times: 1 } }\n"),
    steps("  - name: a\n    config: { retries: { times: 1 } }\n")
  ],
  ["FLJ-BLUEPRINT-20", `${agents}${uses}    «params»: {}\n`, agents + uses],
  [
    "FLJ-BLUEPRINT-20",
    steps("  - kind: hitl\n    on_reject: fail\n    «input_schema»: { type: string }\n"),
    steps("  - kind: hitl\n    input_schema: { type: string }\n")
  ],
  ["FLJ-BLUEPRINT-21", steps('  - input: "Hi {{ input «&&» 1 }}"\n'), steps('  - input: "Hi {{ input }}"\n')],
  ["FLJ-BLUEPRINT-21", steps('  - input: { a: ["{{ «}}»"] }\n'), steps('  - input: { a: ["{{ input }}"] }\n')],
  [
    "FLJ-BLUEPRINT-22",
    `agents:\n  writer: { model: "a:b", system_prompt: x, output_schema: { $ref: «https://example.com/x» } }\n${uses}`,
    `agents:\n  writer: { model: "a:b", system_prompt: x, output_schema: { $ref: "#/$defs/a", $defs: { a: {} } } }\n${uses}`
  ],
  [
    "FLJ-BLUEPRINT-22",
    steps("  - kind: hitl\n    input_schema: { type: string, pattern: «'(a+)+$'» }\n"),
    steps("  - kind: hitl\n    input_schema: { type: string, pattern: '^(ab|cd)+$' }\n")
  ],
  ["FLJ-BLUEPRINT-23", agents.replace("writer", "«writer»") + steps("  - name: a\n"), agents + uses],
  [
    "FLJ-BLUEPRINT-24",
    steps("  - skill: flujo.builtins.write_file\n    params: { path: a, «contnet»: b }\n"),
    steps("  - skill: flujo.builtins.write_file\n    params: { path: a, content: b }\n")
  ],
  [
    "FLJ-BLUEPRINT-24",
    steps("  - skill: flujo.builtins.write_file\n    params: { «content»: a }\n"),
    steps("  - skill: flujo.builtins.write_file\n    params: { path: a }\n")
  ],
  ["V-A6", agents + steps("  - uses: agents.«writr»\n    name: a\n  - uses: agents.writer\n"), agents + uses],
  ["V-A6", steps('  - agent: { id: "agents.«nobody»" }\n'), agents + steps("  - agent: { id: agents.writer }\n")],
  ["V-A6", steps("  - skill: «flujo.builtins.stringfy»\n"), steps("  - skill: flujo.builtins.stringify\n")],
  ["V-A6", steps("  - uses: «flujo.builtins.stringify»\n"), steps("  - skill: flujo.builtins.stringify\n")],
  [
    "V-S1",
    steps("  - kind: hitl\n    input_schema: { type: object, «proprties»: {} }\n"),
    steps("  - kind: hitl\n    input_schema: { type: object, properties: {} }\n")
  ],
  [
    "V-S1",
    steps("  - kind: hitl\n    input_schema: { type: «strin» }\n"),
    steps("  - kind: hitl\n    input_schema: { type: string }\n")
  ],
  [
    "V-S1",
    steps("  - kind: hitl\n    input_schema: { type: string, minLength: «-1» }\n"),
    steps("  - kind: hitl\n    input_schema: { type: string, minLength: 1 }\n")
  ],
  [
    "V-S1",
    steps("  - kind: hitl\n    input_schema: { $ref: «'#/$defs/none'» }\n"),
    steps("  - kind: hitl\n    input_schema: { $ref: '#/$defs/some', $defs: { some: { type: string } } }\n")
  ],
  [
    "V-L1",
    steps("  - kind: loop\n    loop: { body: { name: a }, on_max: «fail» }\n"),
    steps("  - kind: loop\n    loop: { body: { name: a }, on_max: fail, exit_expression: 1 == 1 }\n")
  ],
  [
    "FLJ-BLUEPRINT-27",
    steps('  - input: { a: [{ «"x {{ input }}"»: 1 }] }\n'),
    steps('  - input: { a: [{ x: "{{ input }}" }] }\n')
  ],
  ["V-T3", steps('  - input: "{{ input | «uper» }}"\n'), steps('  - input: "{{ input | upper }}"\n')],
  ["TEMPLATE-001", steps('  - input: "a «{% if input %}»"\n'), steps('  - input: "{% if input %}a{% endif %}"\n')],
  [
    "TEMPLATE-001",
    steps('  - input: "a {% «fro» x in input %}"\n'),
    steps('  - input: "{% for x in input %}{{ x }}{% endfor %}"\n')
  ]
]

describe("every code", () => {
  for (const [index, [code, bad, good]] of cases.entries()) {
    it(`${code} (${index}) is found at its place, alone, and not in the good example`, () => {
      const { spans, text } = unmark(bad)
      const found = check(text).diagnostics
      assert.deepStrictEqual(
        found.map(({ code, place }) => ({ code, span: place.span })),
        [{ code, span: spans[0] }],
        found.map(({ message }) => message).join("\n")
      )
      const [diagnostic] = found
      assert.isAbove(diagnostic!.why.length, 0)
      const fine = check(good)
      assert.deepStrictEqual(
        fine.diagnostics.map(({ message }) => message),
        []
      )
      assert.isDefined(fine.blueprint)
    })
  }

  it("has an example", () => {
    // Sizes are shown in Read.test.ts, imports in Imports.test.ts, code and kinds of a project in Code.test.ts.
    const shown = new Set(cases.map(([code]) => code))
    assert.deepStrictEqual(
      Object.keys(rules).filter((code) => !shown.has(code)),
      [
        "FLJ-BLUEPRINT-5",
        "FLJ-BLUEPRINT-26",
        "FLJ-CODE-1",
        "FLJ-CODE-2",
        "FLJ-CODE-3",
        "FLJ-KIND-1",
        "FLJ-KIND-2",
        "FLJ-PROMPT-1",
        "V-I1",
        "V-I2",
        "V-I3"
      ]
    )
  })

  it("is explained", () => {
    for (const rule of Object.values(rules)) {
      assert.isAbove(rule.explanation.length, 20)
      assert.match(rule.title, /^\S/)
    }
  })
})
