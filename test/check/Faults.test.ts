import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { unmark } from "../blueprint/Marked.js"
import { check } from "./Checked.js"

const read = (name: string) => readFileSync(join(import.meta.dirname, "../../blueprints", name), "utf8")
const digest = read("article_digest.yaml")
const review = read("code_review.yaml")

/** What is written wrong in an example, with the place that is to be pointed at. */
type Fault = readonly [code: string, right: string, wrong: string]

const inDigest: ReadonlyArray<Fault> = [
  ["FLJ-BLUEPRINT-19", 'version: "0.1"', 'version: «"0.3"»'],
  ["FLJ-BLUEPRINT-19", 'version: "0.1"', "version: «2»"],
  ["FLJ-BLUEPRINT-17", 'version: "0.1"', "version: «[1]»"],
  ["FLJ-BLUEPRINT-15", "name: article_digest", "«nme»: article_digest"],
  ["FLJ-BLUEPRINT-17", "name: article_digest", "name: «42»"],
  ["FLJ-PLAN-1", "name: article_digest", "name: «article digest»"],
  ["FLJ-BLUEPRINT-9", "name: article_digest", "name: article_digest\n«name»: again"],
  ["FLJ-BLUEPRINT-15", "agents:\n", "«agent_list»: {}\nagents:\n"],
  ["FLJ-BLUEPRINT-19", 'model: "offline:text"\n    system_prompt: Sum', 'model: «"offline"»\n    system_prompt: Sum'],
  ["FLJ-BLUEPRINT-17", 'model: "offline:text"\n    system_prompt: Sum', "model: «12»\n    system_prompt: Sum"],
  ["FLJ-BLUEPRINT-15", "system_prompt: Summarize", "«sytem_prompt»: Summarize"],
  ["FLJ-BLUEPRINT-16", "  summarizer:\n    model", "  «summarizer»:\n    #model"],
  ["V-S1", "maxItems: 8", "«maxItem»: 8"],
  ["V-S1", "maxItems: 8", "maxItems: «-8»"],
  ["V-S1", "items: { type: string }", "items: { type: «text» }"],
  ["FLJ-CHECK-9", "required: [keywords]", "required: [«keyword»]"],
  ["FLJ-BLUEPRINT-15", "kind: parallel\n", "kind: parallel\n    «concurency»: 2\n"],
  ["FLJ-BLUEPRINT-18", "kind: parallel", "kind: «paralell»"],
  ["FLJ-BLUEPRINT-19", "kind: parallel\n", "kind: parallel\n    concurrency: «0»\n"],
  ["V-A6", "uses: agents.summarizer }", "uses: agents.«sumarizer» }"],
  ["V-A6", "uses: agents.critic", "uses: «critic»"],
  ["FLJ-BLUEPRINT-20", "uses: agents.critic }", "uses: agents.critic, «skill»: flujo.builtins.stringify }"],
  ["FLJ-PLAN-7", "previous_step.sentiment.label", "previous_step.«mood».label"],
  ["FLJ-PLAN-7", "previous_step.sentiment.label", "previous_step.sentiment.«lable»"],
  ["FLJ-CHECK-1", "negative:\n        - name: warn", "«nagative»:\n        - name: warn"],
  ["FLJ-BLUEPRINT-21", "previous_step.sentiment.label }}", "previous_step.sentiment.label «(»1) }}"],
  ["FLJ-BLUEPRINT-16", 'name: tone\n    condition: "{{ previous_step.sentiment.label }}"', "name: «tone»"],
  ["FLJ-BLUEPRINT-15", "default_branch:", "«default»:"],
  ["FLJ-BLUEPRINT-17", 'input: "Nothing in its tone asks for special care."', "input:«»"],
  ["FLJ-BLUEPRINT-19", "sink_to: note", "sink_to: «my.note»"],
  ["FLJ-PLAN-7", "{{ context.note }}\n\n      Write", "{{ context.«notes» }}\n\n      Write"],
  ["FLJ-BLUEPRINT-19", "on_reject: fail", "on_reject: «abort»"],
  ["FLJ-BLUEPRINT-15", "message: |", "«mesage»: |"],
  ["V-T3", "keywords | join(', ') }}\n      Sentiment", "keywords | «jion»(', ') }}\n      Sentiment"],
  ["FLJ-PLAN-7", "{{ steps.read.summary }}\n\n      Keywords", "{{ steps.«raed».summary }}\n\n      Keywords"],
  ["FLJ-PLAN-7", "{{ steps.read.summary }}\n\n      Keywords", "{{ steps.read.«sumary» }}\n\n      Keywords"],
  ["V-T5", "{{ steps.read.summary }}\n\n      Keywords", "{{ steps.read.summary.«text» }}\n\n      Keywords"],
  ["V-S2", "{{ steps.read.summary }}\n\n      Keywords", "{{ «steps.read.keywords» }}\n\n      Keywords"],
  ["FLJ-PLAN-7", "{{ steps.read.summary }}\n\n      Keywords", "{{ «summary» }}\n\n      Keywords"],
  ["FLJ-PLAN-7", "{{ steps.read.summary }}\n\n      Keywords", "{{ «this» }}\n\n      Keywords"],
  ["FLJ-PLAN-2", "kind: hitl\n    name: approve", "kind: hitl\n    name: «tone»"],
  ["V-A6", "skill: flujo.builtins.write_file", "skill: «flujo.builtins.writefile»"],
  ["FLJ-BLUEPRINT-24", "path: digest.md", "«file»: digest.md"],
  ["FLJ-BLUEPRINT-24", "path: digest.md", "path: digest.md\n      «mode»: append"],
  [
    "V-A2",
    "name: write\n    skill: flujo.builtins.write_file\n    params:\n      path: digest.md",
    "name: «write»\n    skill: flujo.builtins.write_file\n    params:\n      path: {}"
  ],
  ["FLJ-CHECK-4", "path: digest.md", "path: digest-«sk-abcdefghij0123456789abcd».md"],
  ["FLJ-BLUEPRINT-6", "path: digest.md", "path: «*where»"],
  ["FLJ-BLUEPRINT-8", "path: digest.md", "path: «!env» DIGEST"],
  ["FLJ-BLUEPRINT-10", "path: digest.md", "path: digest.md\n      «__proto__»: {}"],
  ["FLJ-BLUEPRINT-11", "    skill: flujo.builtins.write_file", "  «\t»skill: flujo.builtins.write_file"],
  ["FLJ-BLUEPRINT-7", "steps:\n", "«---»\nsteps:\n"],
  ["FLJ-CHECK-8", "  - name: write\n", "  - name: write # flujo: ignore «V-A5»\n"]
]

const inReview: ReadonlyArray<Fault> = [
  ["FLJ-BLUEPRINT-14", 'input: "{{ initial_prompt }}"', "input: «{{ initial_prompt }}»"],
  ["FLJ-PLAN-7", "{{ initial_prompt }}", "{{ «inital_prompt» }}"],
  ["FLJ-BLUEPRINT-17", 'agent: { id: "agents.senior_dev" }', 'agent: «"agents.senior_dev"»'],
  [
    "FLJ-BLUEPRINT-15",
    'agent: { id: "agents.senior_dev" }',
    'agent: { «ref»: "agents.senior_dev", id: "agents.senior_dev" }'
  ],
  ["V-A6", "agents.senior_dev", "agents.«senor_dev»"],
  ["FLJ-PLAN-7", "previous_step.severity", "previous_step.«sevirity»"],
  ["FLJ-CHECK-1", "      false:\n", "      «no»:\n"],
  ["FLJ-CHECK-3", "{{ previous_step.severity == 'high' }}", "«{{ 'high' == 'high' }}»"],
  ["FLJ-PLAN-11", '"user_approval"\n      false:', '"user_approval"\n      maybe: «[]»\n      false:']
]

describe("a fault in an example is one finding, of the right code, at the right place", () => {
  for (const [name, text, faults] of [
    ["article_digest", digest, inDigest],
    ["code_review", review, inReview]
  ] as const) {
    it(`${name} itself has none`, () => {
      assert.deepStrictEqual(
        check(text).diagnostics.map(({ code, message }) => `${code} ${message}`),
        []
      )
    })
    for (const [code, right, wrong] of faults) {
      it(`${name}: ${JSON.stringify(wrong)} is ${code}`, () => {
        assert.include(text, right)
        const { spans, text: broken } = unmark(text.replace(right, () => wrong))
        const { diagnostics } = check(broken)
        assert.deepStrictEqual(
          diagnostics.map(({ code, place }) => ({ code, span: place.span })),
          [{ code, span: spans[0] }],
          diagnostics
            .map(({ code, message, place }) => `${code} ${place.start.line}:${place.start.column} ${message}`)
            .join("\n")
        )
      })
    }
  }

  it("there are 60 of them or more", () => {
    assert.isAtLeast(inDigest.length + inReview.length, 60)
  })
})

describe("an answer of null", () => {
  const codes = (text: string) => check(text).diagnostics.map(({ code }) => code)

  it("may be what is left where a step or an import fails", () => {
    const imported = (how: string) =>
      `imports: { c: ./child.yaml }\nsteps: [{ name: a, uses: imports.c, config: { on_failure: ${how} } }]\n`
    assert.deepStrictEqual(codes(imported("continue_with_default")), [])
    assert.deepStrictEqual(codes(imported("skip")), [])
    const fallback = '{ name: none, input: "{{ none }}" }'
    assert.deepStrictEqual(
      codes(`steps: [{ name: a, skill: acme.shout, input: "{{ input }}", fallback: ${fallback} }]\n`),
      []
    )
  })

  it("is nothing to work on", () => {
    assert.deepStrictEqual(codes('steps: [{ name: a, skill: acme.shout, input: "{{ none }}" }]\n'), [
      "V-A2",
      "FLJ-CHECK-5"
    ])
    assert.deepStrictEqual(codes(`steps: [{ name: a, input: "{{ '' }}" }]\n`), ["FLJ-CHECK-5"])
  })
})
