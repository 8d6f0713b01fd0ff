/**
 * The histories of the corpus: each a blueprint, what it is given, what models reply, and what happens to the run then.
 * `make.ts` plays them and keeps the records; to add one, write it here and run that.
 */
import type { Json } from "../../src/domain/Json.js"
import type { Scripted } from "../../src/llm/Scripted.js"

export type Happening =
  | { readonly answer: string; readonly value: Json }
  | { readonly signal: string; readonly value: Json }
  | { readonly cancel: string }
  /** The files that the run goes on by. */
  | { readonly upgrade: string }
  /** What is kept is the fork. */
  | { readonly fork: string; readonly output?: Json; readonly input?: Json }
  /** The process dies when so many entries are written. */
  | { readonly cut: number }
  | "resume"
  /** What is kept is another run of the same, in the same store. */
  | "again"

export interface Case {
  readonly name: string
  readonly yaml: string
  /** Imported files. */
  readonly files?: Readonly<Record<string, string>>
  readonly input?: Json
  readonly replies?: Readonly<Record<string, ReadonlyArray<Scripted | string>>>
  readonly after?: ReadonlyArray<Happening>
  readonly maxTokens?: number
}

const agents = (more = "") =>
  `agents:\n  writer: { model: "some:model", system_prompt: Write., model_settings: { max_tokens: 100 }${more} }\n`
const ask = (name: string, more = "") =>
  `  - kind: hitl\n    name: ${name}\n    message: "What of {{ previous_step }}?"\n${more}`
const two = `steps:\n${ask("first")}${ask("second")}`
const loop = (body: string, more = "") =>
  `steps:\n  - kind: loop\n    name: grow\n    loop:\n      body: ${body}\n      exit_expression: "previous_step == 'axx'"\n      max_loops: 3\n${more}`
const booked = `${agents()}steps:
  - name: book
    uses: agents.writer
    compensate: { name: release, input: "{{ previous_step.output }} is released" }
  - name: ask
    kind: hitl
    on_reject: fail
`
const usage = { input: 10, output: 5 }
const said = (text: string): Scripted => ({ text, usage })
const calls = (name: string, args: Json): Scripted => ({ toolCalls: [{ name, arguments: args }], usage })

export const cases: ReadonlyArray<Case> = [
  { name: "value", yaml: `steps:\n  - name: said\n    input: "Hello {{ input }}"\n`, input: "Ada" },
  {
    name: "unicode",
    yaml: `steps:\n  - name: größe\n    input: "İstanbul {{ input | upper }} — {{ input | length }}"\n`,
    input: "ıiß😀"
  },
  {
    name: "numbers",
    yaml: `steps:\n  - name: sum\n    input: "{{ input.a + input.b * 0.1 }}"\n`,
    input: { a: 0.1, b: 0.2 }
  },
  {
    name: "object",
    yaml: `steps:\n  - name: made\n    input: { a: "{{ input.x }}", b: [1, null, true] }\n`,
    input: { x: [1, 2] }
  },
  {
    name: "sequence_context",
    yaml: `steps:\n  - { name: a, input: "{{ input }}1", sink_to: kept }\n  - { name: b, input: "{{ context.kept }}2" }\n`,
    input: "x"
  },
  {
    name: "scope",
    yaml: `steps:\n  - name: both\n    steps:\n      - { name: a, input: one }\n      - { name: b, input: "{{ steps.a }} two" }\n  - { name: after, input: "{{ steps.both }}!" }\n`
  },
  {
    name: "when_skipped",
    yaml: `steps:\n  - { name: a, input: one, when: "input == 'x'" }\n  - { name: b, input: two, when: "input == 'y'" }\n`,
    input: "x"
  },
  {
    name: "conditional",
    yaml: `steps:\n  - kind: conditional\n    name: severe\n    condition: "input.severity == 'high'"\n    branches:\n      true: { name: halt, input: stop }\n      false: { name: go_on }\n`,
    input: { severity: "high" }
  },
  {
    name: "conditional_default",
    yaml: `steps:\n  - kind: conditional\n    name: c\n    condition: "input"\n    branches:\n      a: { name: one }\n    default_branch: { name: other, input: none }\n`,
    input: "zzz"
  },
  {
    name: "parallel",
    yaml: `steps:\n  - kind: parallel\n    name: both\n    branches:\n      l: { name: a, input: "{{ input }}!" }\n      r: { name: b, input: "{{ input }}?" }\n`,
    input: "a"
  },
  {
    name: "parallel_ignored",
    yaml: `steps:\n  - kind: parallel\n    name: both\n    on_branch_failure: ignore\n    reduce: values\n    branches:\n      l: { name: a, input: "{{ 1 // (input - 1) }}" }\n      r: { name: b, input: "{{ input }}?" }\n`,
    input: 1
  },
  {
    name: "parallel_failed_waiting",
    yaml: `steps:\n  - kind: parallel\n    name: both\n    branches:\n      l: { name: a, input: "{{ 1 // (input - 1) }}" }\n      r: { name: b, kind: hitl }\n`,
    input: 1
  },
  {
    name: "parallel_waits",
    yaml: `steps:\n  - kind: parallel\n    name: both\n    branches:\n      l: { name: a, kind: hitl }\n      r: { name: b, kind: hitl }\n`,
    after: [{ answer: "both/r/b", value: "late" }, "resume", { answer: "both/l/a", value: "early" }, "resume"]
  },
  {
    name: "router",
    yaml: `${agents(", output_schema: { type: array }")}steps:\n  - kind: dynamic_router\n    name: route\n    router:\n      router_agent: agents.writer\n      branches:\n        bill: { name: b, input: billed }\n        help: { name: h, input: helped }\n`,
    replies: { writer: [{ output: ["bill"], usage }] }
  },
  { name: "loop", yaml: loop(`{ name: add, input: "{{ previous_step }}x" }`), input: "a" },
  {
    name: "loop_exhausted",
    yaml: loop(`{ name: add, input: "{{ previous_step }}y" }`, "      on_max: fail\n"),
    input: "a"
  },
  {
    name: "loop_state",
    yaml: loop(
      `{ name: add, input: "{{ previous_step }}x" }`,
      '      init: [{ set: context.seen, value: [] }]\n      state: [{ append: context.seen, value: "{{ index }}" }]\n      output: { seen: "{{ context.seen }}" }\n'
    ),
    input: "a"
  },
  {
    name: "loop_waits",
    yaml: `steps:\n  - kind: loop\n    name: ask_twice\n    loop: { body: { name: q, kind: hitl }, max_loops: 2 }\n`,
    after: [{ answer: "ask_twice[0]/q", value: "one" }, "resume", { answer: "ask_twice[1]/q", value: "two" }, "resume"]
  },
  {
    name: "map",
    yaml: `steps:\n  - kind: map\n    name: each\n    map:\n      iterable_input: "{{ input.words }}"\n      body: { name: add, input: "{{ this }}{{ index }}" }\n`,
    input: { words: ["a", "b", "c"] }
  },
  {
    name: "map_skipped",
    yaml: `steps:\n  - kind: map\n    name: each\n    map:\n      iterable_input: "{{ input }}"\n      on_item_failure: skip\n      body: { name: add, input: "{{ 6 // this }}" }\n`,
    input: [1, 0, 3]
  },
  {
    name: "map_collected",
    yaml: `steps:\n  - kind: map\n    name: each\n    map:\n      iterable_input: "{{ input }}"\n      on_item_failure: collect\n      body: { name: add, input: "{{ 6 // this }}" }\n`,
    input: [2, 0]
  },
  {
    name: "map_waits",
    yaml: `steps:\n  - kind: map\n    name: each\n    map:\n      iterable_input: "{{ input }}"\n      body: { name: q, kind: hitl, message: "{{ this }}?" }\n`,
    input: ["a", "b"],
    after: [{ answer: "each[1]/q", value: 2 }, { answer: "each[0]/q", value: 1 }, "resume"]
  },
  {
    name: "machine",
    yaml: `steps:\n  - kind: StateMachine\n    name: process\n    start_state: draft\n    end_states: [done]\n    states:\n      draft: { name: d, input: "{{ input }}x" }\n      polish: { name: p, input: "{{ previous_step }}y" }\n    transitions:\n      - { from: draft, on: success, to: polish }\n      - { from: polish, on: success, to: done }\n`,
    input: "a"
  },
  {
    name: "refine",
    yaml: `agents:\n  drafter: { model: "some:model", system_prompt: Draft., model_settings: { max_tokens: 100 } }\n  critic: { model: "some:model", system_prompt: Judge., model_settings: { max_tokens: 100 }, output_schema: { type: object, properties: { is_complete: { type: boolean } }, required: [is_complete] } }\nsteps:\n  - kind: refine\n    name: better\n    refine: { generator: { name: draft, uses: agents.drafter }, critic: { name: judge, uses: agents.critic }, max_refinements: 2 }\n`,
    input: "a topic",
    replies: {
      drafter: ["one", "two"],
      critic: [
        { output: { is_complete: false }, usage },
        { output: { is_complete: true }, usage }
      ]
    }
  },
  {
    name: "agent",
    yaml: `${agents()}steps:\n  - { name: write, uses: agents.writer }\n`,
    input: "Rain",
    replies: { writer: [said("It rains.")] }
  },
  {
    name: "agent_structured",
    yaml: `${agents(", output_schema: { type: object, properties: { n: { type: integer } }, required: [n] }")}steps:\n  - { name: write, uses: agents.writer }\n`,
    replies: { writer: [{ output: { n: 3 }, usage }] }
  },
  {
    name: "agent_repaired",
    yaml: `${agents(", output_schema: { type: object, properties: { n: { type: integer } }, required: [n] }")}steps:\n  - { name: write, uses: agents.writer }\n`,
    replies: { writer: [said("Here: ```json\n{n: 3,}\n```")] }
  },
  {
    name: "agent_corrected",
    yaml: `${agents(", max_corrections: 1, output_schema: { type: object, properties: { n: { type: integer } }, required: [n] }")}steps:\n  - { name: write, uses: agents.writer }\n`,
    replies: { writer: [said("no number"), { output: { n: 4 }, usage }] }
  },
  {
    name: "agent_unfit",
    yaml: `${agents(", output_schema: { type: object, properties: { n: { type: integer } }, required: [n] }")}steps:\n  - { name: write, uses: agents.writer }\n`,
    replies: { writer: [said("no number")] }
  },
  {
    name: "agent_refused",
    yaml: `${agents()}steps:\n  - { name: write, uses: agents.writer }\n`,
    replies: { writer: [{ error: { reason: "Refused", detail: "no" } }] }
  },
  {
    name: "agent_retried",
    yaml: `${agents()}steps:\n  - { name: write, uses: agents.writer, config: { retries: { times: 2, base: 0 } } }\n`,
    replies: { writer: [{ error: { reason: "Overloaded", detail: "busy" } }, said("well")] }
  },
  {
    name: "agent_fallback",
    yaml: `${agents()}steps:\n  - { name: write, uses: agents.writer, fallback: { name: plain, input: "none" } }\n`,
    replies: { writer: [{ error: { reason: "Refused", detail: "no" } }] }
  },
  {
    name: "agent_validated",
    yaml: `${agents()}steps:\n  - name: write\n    uses: agents.writer\n    config: { retries: { times: 1, base: 0 } }\n    validators: [{ contains: Dear }]\n`,
    replies: { writer: [said("Hi"), said("Dear you")] }
  },
  {
    name: "agent_resumed_after_failure",
    yaml: `${agents()}steps:\n  - { name: write, uses: agents.writer }\n  - { name: shout, input: "{{ previous_step | upper }}" }\n`,
    replies: { writer: [{ error: { reason: "Overloaded", detail: "busy" } }, said("quiet")] },
    after: ["resume"]
  },
  {
    name: "tools",
    yaml: `agents:\n  reader: { model: "some:model", system_prompt: Read., model_settings: { max_tokens: 100 }, tools: [{ skill: flujo.builtins.stringify, name: text }], max_turns: 3 }\nsteps:\n  - { name: think, uses: agents.reader }\n`,
    replies: { reader: [calls("text", { value: [1, 2] }), said("done")] }
  },
  {
    name: "tools_unknown",
    yaml: `agents:\n  reader: { model: "some:model", system_prompt: Read., model_settings: { max_tokens: 100 }, tools: [{ skill: flujo.builtins.stringify, name: text }], max_turns: 3 }\nsteps:\n  - { name: think, uses: agents.reader }\n`,
    replies: { reader: [calls("nothing", {}), said("done")] }
  },
  {
    name: "tools_ask_user",
    yaml: `agents:\n  guide: { model: "some:model", system_prompt: Ask., model_settings: { max_tokens: 100 }, tools: [ask_user], max_turns: 3 }\nsteps:\n  - { name: plan, uses: agents.guide }\n`,
    replies: { guide: [calls("ask_user", { question: "By boat?" }), said("By boat then.")] },
    after: [{ answer: "plan/turn[0]/tool[0]", value: "yes" }, "resume"]
  },
  {
    name: "tools_approved",
    yaml: `agents:\n  guide: { model: "some:model", system_prompt: Do., model_settings: { max_tokens: 100 }, tools: [{ skill: flujo.builtins.stringify, name: text, requires_approval: true }], max_turns: 3 }\nsteps:\n  - { name: plan, uses: agents.guide }\n`,
    replies: { guide: [calls("text", { value: 1 }), said("It is done.")] },
    after: [{ answer: "plan/turn[0]/approval[0]", value: { approved: true } }, "resume"]
  },
  {
    name: "skill",
    yaml: `steps:\n  - { name: text, skill: flujo.builtins.stringify, input: "{{ input }}" }\n`,
    input: { a: 1 }
  },
  { name: "waiting", yaml: two },
  {
    name: "answered",
    yaml: two,
    after: [{ answer: "first", value: "one" }, "resume", { answer: "second", value: { n: 2 } }, "resume"]
  },
  {
    name: "approved",
    yaml: `steps:\n${ask("review", "    on_reject: fail\n")}`,
    input: "x",
    after: [{ answer: "review", value: { approved: true } }, "resume"]
  },
  {
    name: "rejected",
    yaml: `steps:\n${ask("review", "    on_reject: fail\n")}`,
    input: "x",
    after: [{ answer: "review", value: { approved: false, reason: "no" } }, "resume"]
  },
  {
    name: "expired",
    yaml: `steps:\n  - { name: q, kind: hitl, expires: 1ms, on_expiry: { answer: none } }\n  - { name: after, input: "over" }\n`,
    after: ["resume"]
  },
  {
    name: "slept",
    yaml: `steps:\n  - { name: rest, kind: wait, for: 1ms }\n  - { name: after, input: "awake" }\n`,
    after: ["resume"]
  },
  {
    name: "signalled",
    yaml: `steps:\n  - { name: paid, kind: signal, signal: paid }\n  - { name: after, input: "{{ previous_step.amount }}" }\n`,
    after: [{ signal: "paid", value: { amount: 3 } }, "resume"]
  },
  { name: "signal_waits", yaml: `steps:\n  - { name: paid, kind: signal, signal: paid }\n` },
  { name: "cancelled", yaml: two, after: [{ cancel: "not wanted" }, "resume"] },
  {
    name: "compensated",
    yaml: booked,
    replies: { writer: [said("room 7")] },
    after: [{ answer: "ask", value: { approved: false } }, "resume"]
  },
  {
    name: "compensated_cancel",
    yaml: booked,
    replies: { writer: [said("room 7")] },
    after: [{ cancel: "ill" }, "resume"]
  },
  {
    name: "cached",
    yaml: `${agents()}steps:\n  - { kind: cache, name: digest, wrapped_step: { name: write, uses: agents.writer } }\n`,
    replies: { writer: [said("short")] },
    input: "a text"
  },
  {
    name: "cached_taken",
    yaml: `${agents()}steps:\n  - { kind: cache, name: digest, wrapped_step: { name: write, uses: agents.writer } }\n`,
    replies: { writer: [said("short")] },
    input: "a text",
    after: ["again"]
  },
  {
    name: "searched",
    yaml: `agents:\n  proposer: { model: "some:model", system_prompt: Propose., model_settings: { max_tokens: 100 }, output_schema: { type: array } }\n  judge: { model: "some:model", system_prompt: Judge., model_settings: { max_tokens: 100 }, output_schema: { type: number } }\nsteps:\n  - kind: tree_search\n    name: best\n    proposer: { name: propose, uses: agents.proposer }\n    evaluator: { name: score, uses: agents.judge }\n    branching_factor: 2\n    beam_width: 1\n    max_depth: 1\n`,
    replies: {
      proposer: [{ output: ["a", "b"], usage }],
      judge: [
        { output: 0.4, usage },
        { output: 0.95, usage }
      ]
    }
  },
  {
    name: "imported",
    yaml: `imports:\n  inner: ./inner.yaml\nsteps:\n  - { name: child, uses: imports.inner }\n  - { name: after, input: "{{ previous_step }}!" }\n`,
    files: { "inner.yaml": `steps:\n  - { name: a, input: "{{ input }} within" }\n` },
    input: "x"
  },
  {
    name: "invariant_broken",
    yaml: `static_invariants: ["previous_step != 'bad'"]\nsteps:\n  - { name: a, input: good }\n  - { name: b, input: bad }\n`
  },
  {
    name: "schema_misfit",
    yaml: `steps:\n  - { name: a, input: "{{ input }}", output_schema: { type: integer } }\n`,
    input: "x"
  },
  { name: "template_failed", yaml: `steps:\n  - { name: a, input: "{{ 1 // input }}" }\n`, input: 0 },
  {
    name: "template_mended",
    yaml: `steps:\n  - { name: a, input: "{{ 1 // input }}" }\n`,
    input: 0,
    after: [{ upgrade: `steps:\n  - { name: a, input: "{{ 1 // (input + 1) }}" }\n` }]
  },
  {
    name: "upgraded",
    yaml: two,
    after: [
      { answer: "first", value: 1 },
      { upgrade: `${two}${ask("third")}` },
      { answer: "second", value: 2 },
      "resume",
      { answer: "third", value: 3 },
      "resume"
    ]
  },
  {
    name: "upgraded_old_way",
    yaml: two,
    after: [
      { answer: "first", value: 1 },
      "resume",
      { upgrade: `steps:\n${ask("first")}${ask("between", "    since: asked_more\n")}${ask("second")}` },
      { answer: "second", value: 2 },
      "resume"
    ]
  },
  {
    name: "marked_new_way",
    yaml: `steps:\n  - { name: old, before: change, input: old }\n  - { name: now, since: change, input: now }\n`
  },
  {
    name: "forked",
    yaml: two,
    after: [{ answer: "first", value: 1 }, "resume", { fork: "second" }, { answer: "second", value: 5 }, "resume"]
  },
  {
    name: "forked_output",
    yaml: `${agents()}steps:\n  - { name: write, uses: agents.writer }\n  - { name: shout, input: "{{ previous_step | upper }}" }\n`,
    replies: { writer: [said("one")] },
    after: [{ fork: "write", output: "another" }]
  },
  {
    name: "cut_and_recovered",
    yaml: `${agents()}steps:\n  - { name: a, input: "{{ input }}1" }\n  - { name: write, uses: agents.writer }\n`,
    input: "x",
    replies: { writer: [said("first"), said("second")] },
    after: [{ cut: 3 }, "resume"]
  },
  {
    name: "budgeted",
    yaml: `${agents()}steps:\n  - { name: write, uses: agents.writer }\n`,
    replies: { writer: [said("well")] },
    maxTokens: 10_000
  },
  {
    name: "denied",
    yaml: `${agents()}steps:\n  - { name: write, uses: agents.writer, config: { usage_limits: { total_tokens_limit: 5 } }, fallback: { name: plain, input: dear } }\n`,
    replies: { writer: [said("never")] }
  },
  {
    name: "conversation",
    yaml: `${agents()}steps:\n  - kind: loop\n    name: talk\n    loop: { conversation: true, body: { name: say, uses: agents.writer }, max_loops: 2 }\n`,
    input: "Hello",
    replies: { writer: [said("one"), said("two")] }
  }
]
