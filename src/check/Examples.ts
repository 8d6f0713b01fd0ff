/**
 * For every code a blueprint that has the fault, with «…» around the place that is pointed at, and one that has not: what
 * the pages of `docs/rules/` show and the tests hold.
 */
import type { AnyCode } from "./Rule.js"

export interface Example {
  /** With marks. */
  readonly bad: string
  readonly good: string
}

const agents = `agents:
  writer: { model: "openai:gpt-4o", system_prompt: Write. }
`
const judge = `agents:
  judge:
    model: "openai:gpt-4o"
    system_prompt: Judge.
    output_schema:
      type: object
      properties: { grade: { enum: [good, bad] }, notes: { type: string } }
      required: [grade, notes]
      additionalProperties: false
`
const sound = `steps:
  - name: greet
    input: "Hello {{ input }}"
`
const reader = (more: string): string => `agents:
  reader:
    model: "openai:gpt-4o"
    system_prompt: Read.
    tools: [flujo.builtins.stringify, { skill: flujo.builtins.stringify${more} }]
`
const step = (lines: string): string => `steps:\n  - name: greet\n${lines}`

const ofBlueprints = {
  "FLJ-BLUEPRINT-1": { bad: `name: «"a\\ud800"»\n${sound}`, good: `name: "a"\n${sound}` },
  "FLJ-BLUEPRINT-2": { bad: `name: a«\u0007»b\n${sound}`, good: `name: ab\n${sound}` },
  "FLJ-BLUEPRINT-3": { bad: `${"# a line\n".repeat(50_000)}«»${sound}`, good: sound },
  "FLJ-BLUEPRINT-4": { bad: `steps: ${"[".repeat(64)}«[»`, good: sound },
  "FLJ-BLUEPRINT-5": {
    bad: step(`    input: [${"x, ".repeat(24_997)}«x», ${"x, ".repeat(25_000)}x]\n`),
    good: step("    input: [x, x]\n")
  },
  "FLJ-BLUEPRINT-6": { bad: `name: «*nobody»\n${sound}`, good: `name: &x greeting\ndescription: *x\n${sound}` },
  "FLJ-BLUEPRINT-7": { bad: `${sound}«---»\n${sound}`, good: sound },
  "FLJ-BLUEPRINT-8": { bad: `name: «!include» name.txt\n${sound}`, good: `name: name\n${sound}` },
  "FLJ-BLUEPRINT-9": { bad: `name: a\n«name»: b\n${sound}`, good: `name: a\n${sound}` },
  "FLJ-BLUEPRINT-10": { bad: step("    input: { «__proto__»: 1 }\n"), good: step("    input: { proto: 1 }\n") },
  "FLJ-BLUEPRINT-11": { bad: "steps:\n«\t»- name: greet\n", good: "steps:\n  - name: greet\n" },
  "FLJ-BLUEPRINT-12": { bad: step("    input: «@»home\n"), good: step('    input: "@home"\n') },
  "FLJ-BLUEPRINT-13": { bad: "«»# nothing yet\n", good: sound },
  "FLJ-BLUEPRINT-14": { bad: step("    input: «{{ input }}»\n"), good: step('    input: "{{ input }}"\n') },
  "FLJ-BLUEPRINT-15": { bad: step('    «inptu»: "{{ input }}"\n'), good: step('    input: "{{ input }}"\n') },
  "FLJ-BLUEPRINT-16": {
    bad: `agents:\n  «writer»: { model: "openai:gpt-4o" }\nsteps:\n  - uses: agents.writer\n    name: write\n`,
    good: `${agents}steps:\n  - uses: agents.writer\n    name: write\n`
  },
  "FLJ-BLUEPRINT-17": { bad: `name: «123»\n${sound}`, good: `name: "a123"\n${sound}` },
  "FLJ-BLUEPRINT-18": { bad: "steps:\n  - kind: «lopo»\n    name: again\n", good: sound },
  "FLJ-BLUEPRINT-19": { bad: `version: «"0.2"»\n${sound}`, good: `version: "0.1"\n${sound}` },
  "FLJ-BLUEPRINT-20": { bad: "steps:\n  - name: a\n    «step»: b\n", good: "steps:\n  - name: a\n" },
  "FLJ-BLUEPRINT-21": {
    bad: step('    input: "Hello {{ input input«»"\n').replace("input input«»", "input «input» }}"),
    good: step('    input: "Hello {{ input }}"\n')
  },
  "FLJ-BLUEPRINT-22": {
    bad: "steps:\n  - kind: hitl\n    input_schema: { $ref: «https://example.com/x» }\n",
    good: 'steps:\n  - kind: hitl\n    input_schema: { $ref: "#/$defs/name", $defs: { name: { type: string } } }\n'
  },
  "FLJ-BLUEPRINT-23": {
    bad: agents.replace("writer", "«writer»") + sound,
    good: `${agents}steps:\n  - uses: agents.writer\n`
  },
  "FLJ-BLUEPRINT-24": {
    bad: "steps:\n  - skill: flujo.builtins.write_file\n    params: { path: a.txt, «contnet»: b }\n",
    good: "steps:\n  - skill: flujo.builtins.write_file\n    params: { path: a.txt, content: b }\n"
  },
  "FLJ-BLUEPRINT-25": {
    bad: `${agents}steps:\n  - { name: draft, uses: agents.writer, updates_context: «true» }\n`,
    good: `${agents}steps:\n  - { name: draft, uses: agents.writer, updates_context: [topic] }\n`
  },
  "FLJ-BLUEPRINT-26": {
    bad: `imports: { «child»: ./child.yaml }\n${sound}`,
    good: "imports: { child: ./child.yaml }\nsteps:\n  - { name: inner, uses: imports.child }\n"
  },
  "FLJ-BLUEPRINT-27": {
    bad: step('    input: { «"{{ input }}"»: 1 }\n'),
    good: step('    input: { name: "{{ input }}", count: 1 }\n')
  },
  "FLJ-CODE-1": {
    bad: "steps:\n  - { name: rate, skill: «./lib/rate.ts#rate» }\n",
    good: "steps:\n  - { name: rate, skill: ./skills/rate.ts#rate }\n"
  },
  "FLJ-CODE-2": {
    bad: "steps:\n  - { name: rate, skill: «./skills/broken.ts#rate» }\n",
    good: "steps:\n  - { name: rate, skill: ./skills/rate.ts#rate }\n"
  },
  "FLJ-CODE-3": {
    bad: "steps:\n  - { name: rate, skill: «./skills/rate.ts#ratio» }\n",
    good: "steps:\n  - { name: rate, skill: ./skills/rate.ts#rate }\n"
  },
  "FLJ-KIND-1": {
    bad: "steps:\n  - { kind: wait_and_tell, hours: «soon», name: later }\n",
    good: "steps:\n  - { kind: wait_and_tell, hours: 2, name: later }\n"
  },
  "FLJ-KIND-2": {
    bad: "steps:\n  - { kind: «wait_and_tell», hours: -1, name: later }\n",
    good: "steps:\n  - { kind: wait_and_tell, hours: 2, name: later }\n"
  },
  "FLJ-PROMPT-1": {
    bad: 'agents:\n  writer: { model: "openai:gpt-4o", system_prompt: { from_file: «./nobody.md» } }\nsteps:\n  - { name: draft, uses: agents.writer }\n',
    good: 'agents:\n  writer: { model: "openai:gpt-4o", system_prompt: { from_file: ./writer.md } }\nsteps:\n  - { name: draft, uses: agents.writer }\n'
  },
  "V-I1": {
    bad: "imports: { child: «./nobody.yaml» }\nsteps:\n  - { name: inner, uses: imports.child }\n",
    good: "imports: { child: ./child.yaml }\nsteps:\n  - { name: inner, uses: imports.child }\n"
  },
  "V-I2": {
    bad: `steps:\n  - { name: inner, uses: imports.«child» }\n`,
    good: "imports: { child: ./child.yaml }\nsteps:\n  - { name: inner, uses: imports.child }\n"
  },
  "V-I3": {
    bad: "imports: { me: «./pipeline.yaml» }\nsteps:\n  - { name: inner, uses: imports.me }\n",
    good: "imports: { child: ./child.yaml }\nsteps:\n  - { name: inner, uses: imports.child }\n"
  },
  "V-SM1": {
    bad: `${agents}steps:\n  - kind: StateMachine\n    name: process\n    start_state: «draf»\n    states: { draft: { name: write, uses: agents.writer } }\n    end_states: [done]\n    transitions: [{ from: draft, on: success, to: done }]\n`,
    good: `${agents}steps:\n  - kind: StateMachine\n    name: process\n    start_state: draft\n    states: { draft: { name: write, uses: agents.writer } }\n    end_states: [done]\n    transitions: [{ from: draft, on: success, to: done }]\n`
  },
  "V-A6": {
    bad: `${agents}steps:\n  - name: draft\n    uses: agents.«writr»\n  - uses: agents.writer\n`,
    good: `${agents}steps:\n  - name: draft\n    uses: agents.writer\n`
  },
  "V-S1": {
    bad: "steps:\n  - kind: hitl\n    input_schema: { type: object, «proprties»: { name: { type: string } } }\n",
    good: "steps:\n  - kind: hitl\n    input_schema: { type: object, properties: { name: { type: string } } }\n"
  },
  "V-L1": {
    bad: `${agents}steps:\n  - kind: loop\n    loop:\n      body: { name: draft, uses: agents.writer }\n      exit_expression: «input == 'done'»\n`,
    good: `${agents}steps:\n  - kind: loop\n    loop:\n      body: { name: draft, uses: agents.writer }\n      exit_expression: previous_step == 'done'\n`
  },
  "V-T3": { bad: step('    input: "{{ input | «uper» }}"\n'), good: step('    input: "{{ input | upper }}"\n') },
  "TEMPLATE-001": {
    bad: step('    input: "Hello «{% if input %}»{{ input }}"\n'),
    good: step('    input: "Hello {% if input %}{{ input }}{% else %}you{% endif %}"\n')
  }
}

const ofPlans = {
  "FLJ-PLAN-1": { bad: "steps:\n  - name: «two words»\n", good: "steps:\n  - name: two_words\n" },
  "FLJ-PLAN-2": {
    bad: `${agents}steps:\n  - { name: draft, uses: agents.writer }\n  - { name: «draft», uses: agents.writer }\n`,
    good: `${agents}steps:\n  - { name: draft, uses: agents.writer }\n  - { name: better, uses: agents.writer }\n`
  },
  "FLJ-PLAN-3": { bad: "", good: "" },
  "FLJ-PLAN-4": { bad: "", good: "" },
  "FLJ-PLAN-5": {
    bad: "steps:\n  - name: review\n    config: { timeout: «1h» }\n    steps:\n      - { kind: hitl, name: ask }\n      - { kind: hitl, name: confirm }\n",
    good: "steps:\n  - name: review\n    steps:\n      - { kind: hitl, name: ask, expires: 1h }\n      - { kind: hitl, name: confirm }\n"
  },
  "FLJ-PLAN-6": { bad: "", good: "" },
  "FLJ-PLAN-7": {
    bad: `steps:\n  - name: greet\n    input: "{{ steps.«later» }}"\n  - name: later\n    input: "Bye {{ input }}"\n`,
    good: `steps:\n  - name: earlier\n    input: "Hello {{ input }}"\n  - name: greet\n    input: "{{ steps.earlier }}"\n`
  },
  "FLJ-PLAN-8": { bad: "", good: "" },
  "FLJ-PLAN-9": {
    bad: `${agents}steps:\n  - kind: parallel\n    branches:\n      a: { name: one, uses: agents.writer, sink_to: text }\n      b: { name: two, uses: agents.writer, sink_to: «text» }\n`,
    good: `${agents}steps:\n  - kind: parallel\n    branches:\n      a: { name: one, uses: agents.writer, sink_to: text }\n      b: { name: two, uses: agents.writer, sink_to: other }\n`
  },
  "FLJ-PLAN-10": { bad: "", good: "" },
  "FLJ-PLAN-12": {
    bad: `${agents}steps:\n  - kind: parallel\n    name: «both»\n    branches: { a: { name: one, uses: agents.writer, sink_to: text } }\n    field_mapping: { b: [text] }\n`,
    good: `${agents}steps:\n  - kind: parallel\n    name: both\n    branches: { a: { name: one, uses: agents.writer, sink_to: text } }\n    field_mapping: { a: [text] }\n`
  },
  "FLJ-PLAN-11": { bad: "steps: «[]»\n", good: sound },
  "FLJ-PLAN-13": {
    bad: `${agents}steps:\n  - name: «book»\n    uses: agents.writer\n    compensate: { name: release, compensate: { name: book_again } }\n`,
    good: `${agents}steps:\n  - name: book\n    uses: agents.writer\n    compensate: { name: release }\n`
  },
  "FLJ-PLAN-14": {
    bad: `${agents}steps:\n  - kind: cache\n    name: «digest»\n    wrapped_step: [{ name: ask, kind: hitl }, { name: write, uses: agents.writer }]\n`,
    good: `${agents}steps:\n  - { name: ask, kind: hitl }\n  - kind: cache\n    name: digest\n    wrapped_step: { name: write, uses: agents.writer }\n`
  },
  "FLJ-PLAN-15": {
    bad: `${reader("")}steps:\n  - { name: «ask», uses: agents.reader }\n`,
    good: `${reader(", name: as_text")}steps:\n  - { name: ask, uses: agents.reader }\n`
  },
  "FLJ-PLAN-18": {
    bad: `${agents}steps:\n  - kind: granular\n    name: «research»\n    uses: agents.writer\n    stop_when: { tool: finish }\n`,
    good: `${agents}steps:\n  - kind: granular\n    name: research\n    uses: agents.writer\n    stop_when: sentinel\n`
  },
  "FLJ-PLAN-16": {
    bad: `${agents}steps:\n  - kind: loop\n    name: «talk»\n    loop: { conversation: true, user_turn_sources: [reader], body: { name: write, uses: agents.writer } }\n`,
    good: `${agents}steps:\n  - kind: loop\n    name: talk\n    loop: { conversation: true, body: { name: write, uses: agents.writer } }\n`
  },
  "FLJ-PLAN-17": {
    bad: "steps:\n  - { name: ask, kind: hitl, since: review, before: «review» }\n",
    good: "steps:\n  - { name: ask, kind: hitl, since: review, before: signing }\n"
  }
}

const machine = (first: string, second: string, transitions: string, name = "process"): string =>
  `${agents}steps:\n  - kind: StateMachine\n    name: ${name}\n    start_state: draft\n    end_states: [done]\n    states:\n      ${first}: { name: write, uses: agents.writer }\n      ${second}: { name: better, uses: agents.writer }\n    transitions: [${transitions}]\n`

const ofChecks = {
  "V-A1": {
    bad: "steps:\n  - name: «nothing»\n  - kind: hitl\n    name: ask\n",
    good: "steps:\n  - kind: hitl\n    name: ask\n"
  },
  "V-A2": {
    bad: `${judge}steps:\n  - { name: judge, uses: agents.judge }\n  - { name: «keep», skill: acme.shout }\n`,
    good: `${judge}steps:\n  - { name: judge, uses: agents.judge }\n  - { name: keep, skill: acme.shout, input: "{{ previous_step.notes }}" }\n`
  },
  "V-A5": {
    bad: `${agents}steps:\n  - { name: «draft», uses: agents.writer }\n  - { name: final, uses: agents.writer, input: "Again: {{ input }}" }\n`,
    good: `${agents}steps:\n  - { name: draft, uses: agents.writer }\n  - { name: final, uses: agents.writer, input: "Again: {{ steps.draft }}" }\n`
  },
  "V-S2": {
    bad: `${judge}steps:\n  - { name: judge, uses: agents.judge }\n  - { name: tell, input: "It is {{ «previous_step» }}" }\n`,
    good: `${judge}steps:\n  - { name: judge, uses: agents.judge }\n  - { name: tell, input: "It is {{ previous_step.grade }}" }\n`
  },
  "V-T1": {
    bad: `${agents}steps:\n  - { name: draft, uses: agents.writer }\n  - { name: tell, input: "It is {{ previous_step.«output» }}" }\n`,
    good: `${agents}steps:\n  - { name: draft, uses: agents.writer }\n  - { name: tell, input: "It is {{ previous_step }}" }\n`
  },
  "V-T5": {
    bad: `${agents}steps:\n  - { name: draft, uses: agents.writer }\n  - { name: tell, input: "It is {{ steps.draft.«title» }}" }\n`,
    good: `${agents}steps:\n  - { name: draft, uses: agents.writer }\n  - { name: tell, input: "It is {{ steps.draft }}" }\n`
  },
  "V-T6": {
    bad: `steps:\n  - name: «count»\n    skill: acme.count\n    input: '{"items": []}'\n`,
    good: "steps:\n  - name: count\n    skill: acme.count\n    input: { items: [] }\n"
  },
  "V-C3": { bad: step(`    input: «"${"word ".repeat(2_001)}"»\n`), good: step('    input: "word {{ input }}"\n') },
  "V-CF1": {
    bad: `${agents}steps:\n  - kind: loop\n    name: «again»\n    loop: { body: { name: draft, uses: agents.writer }, max_loops: 5000 }\n`,
    good: `${agents}steps:\n  - kind: loop\n    name: again\n    loop: { body: { name: draft, uses: agents.writer }, max_loops: 50 }\n`
  },
  "FLJ-CHECK-1": {
    bad: `${judge}steps:\n  - { name: judge, uses: agents.judge }\n  - kind: conditional\n    condition: previous_step.grade\n    branches:\n      good: { name: keep }\n      bad: { name: drop }\n      «poor»: { name: mend }\n`,
    good: `${judge}steps:\n  - { name: judge, uses: agents.judge }\n  - kind: conditional\n    condition: previous_step.grade\n    branches:\n      good: { name: keep }\n      bad: { name: drop }\n`
  },
  "FLJ-CHECK-2": {
    bad: `${judge}steps:\n  - { name: judge, uses: agents.judge }\n  - kind: conditional\n    name: «choose»\n    condition: previous_step.grade\n    branches:\n      good: { name: keep }\n`,
    good: `${judge}steps:\n  - { name: judge, uses: agents.judge }\n  - kind: conditional\n    name: choose\n    condition: previous_step.grade\n    branches:\n      good: { name: keep }\n    default_branch: { name: drop }\n`
  },
  "FLJ-CHECK-3": {
    bad: "steps:\n  - kind: conditional\n    condition: «1 == 1»\n    branches:\n      true: { name: keep }\n      false: { name: drop }\n",
    good: "steps:\n  - kind: conditional\n    condition: input == 'keep'\n    branches:\n      true: { name: keep }\n      false: { name: drop }\n"
  },
  "FLJ-CHECK-4": {
    bad: step('    input: "Use the key «sk-«»abcdefghij0123456789»"\n').replace("«»", ""),
    good: step('    input: "Use the key {{ input }}"\n')
  },
  "FLJ-CHECK-5": { bad: step(`    input: "«{{ '' }}»"\n`), good: step('    input: "{{ input }}"\n') },
  "FLJ-CHECK-6": {
    bad: "steps:\n  - name: send\n    skill: acme.send_mail\n    config: { max_retries: «3» }\n",
    good: "steps:\n  - name: send\n    skill: acme.send_mail\n"
  },
  "FLJ-CHECK-7": {
    bad: `${agents}steps:\n  - name: draft\n    uses: agents.writer\n    config: { timeout: 60s, max_retries: 3, total_timeout: «30s» }\n`,
    good: `${agents}steps:\n  - name: draft\n    uses: agents.writer\n    config: { timeout: 60s, max_retries: 3, total_timeout: 5m }\n`
  },
  "FLJ-CHECK-8": {
    bad: `steps:\n  # flujo: ignore «V-A5»\n  - name: greet\n    input: "Hello {{ input }}"\n`,
    good: `steps:\n  # flujo: ignore V-A1\n  - name: nothing\n  - kind: hitl\n    name: ask\n`
  },
  "FLJ-CHECK-9": {
    bad: "steps:\n  - kind: hitl\n    input_schema:\n      type: object\n      properties: { color: { type: string } }\n      required: [«colour»]\n",
    good: "steps:\n  - kind: hitl\n    input_schema:\n      type: object\n      properties: { colour: { type: string } }\n      required: [colour]\n"
  },
  "FLJ-CHECK-10": {
    bad: machine("draft", "«polish»", "{ from: draft, on: success, to: done }"),
    good: machine(
      "draft",
      "polish",
      "{ from: draft, on: success, to: polish }, { from: polish, on: success, to: done }"
    )
  },
  "FLJ-CHECK-11": {
    bad: machine(
      "draft",
      "polish",
      "{ from: draft, on: success, to: polish }, { from: polish, on: success, to: draft }",
      "«process»"
    ),
    good: machine(
      "draft",
      "polish",
      "{ from: draft, on: success, to: polish }, { from: polish, on: success, to: done }"
    )
  },
  "FLJ-CHECK-12": {
    bad: machine(
      "draft",
      "polish",
      "{ from: draft, on: success, to: polish }, { from: draft, on: success, to: done, when: input == 'short' }, { from: polish, on: success, to: done }",
      "«process»"
    ),
    good: machine(
      "draft",
      "polish",
      "{ from: draft, on: success, to: done, when: input == 'short' }, { from: draft, on: success, to: polish }, { from: polish, on: success, to: done }"
    )
  },
  "FLJ-CHECK-13": {
    bad: machine("draft", "done", "{ from: draft, on: success, to: done }", "«process»"),
    good: machine(
      "draft",
      "polish",
      "{ from: draft, on: success, to: polish }, { from: polish, on: success, to: done }"
    )
  },
  "FLJ-CHECK-14": {
    bad: 'steps:\n  - kind: hitl\n    name: ask\n    input: «"The text"»\n    message: Is it good?\n',
    good: 'steps:\n  - kind: hitl\n    name: ask\n    input: "The text"\n    message: "Is this good? {{ previous_step }}"\n'
  }
}

/** Empty where a blueprint cannot say it: only a program can. */
export const examples: Readonly<Record<AnyCode, Example>> = { ...ofBlueprints, ...ofPlans, ...ofChecks }
