import { assert, it } from "@effect/vitest"
import * as Needs from "../../src/plan/Needs.js"
import * as Plan from "../../src/plan/Plan.js"
import { parse } from "../blueprint/Marked.js"
import { generate } from "../engine/generated.js"

it("models, skills and people are named once each, with the steps that ask them", () => {
  const read = parse(`agents:
  a: { model: "openai:x", system_prompt: Write. }
  b: { model: "openai:x", system_prompt: Write. }
  c: { model: "offline:text", fallback_models: ["openai:x", "openai:y"], system_prompt: Write. }
steps:
  - { name: one, uses: agents.a, fallback: { name: other, uses: agents.c } }
  - kind: loop
    name: again
    loop: { body: { name: two, uses: agents.b } }
  - kind: conditional
    name: which
    condition: input
    branches: { yes: { name: three, uses: agents.a } }
    default_branch: { kind: hitl, name: ask, message: "So: {{ input }}?", input_schema: { type: string } }
  - { name: keep, skill: flujo.builtins.write_file, params: { path: a } }
  - { kind: hitl, on_reject: fail, message: "Go on?" }
`)
  if (read._tag === "Left") throw new Error("the blueprint is sound")
  assert.deepStrictEqual(Needs.of(read.right.pipeline), {
    models: [
      {
        model: "openai:x",
        agents: ["a", "c", "b"],
        steps: ["one", "one!fallback/other", "again[*]/two", "which/yes/three"]
      },
      { model: "offline:text", agents: ["c"], steps: ["one!fallback/other"] },
      { model: "openai:y", agents: ["c"], steps: ["one!fallback/other"] }
    ],
    skills: [{ id: "flujo.builtins.write_file", effect: "write", steps: ["keep"] }],
    people: [
      { step: "which/otherwise/ask", kind: "ask", message: "So: {{ input }}?", answer: { type: "string" } },
      { step: "hitl", kind: "approve", message: "Go on?", answer: {} }
    ]
  })
})

it("whoever waits in the plan is among the people", () => {
  for (let seed = 0; seed < 200; seed++) {
    const { pipeline } = generate(seed)
    const waits = Plan.make(pipeline).outline.flatMap(({ kind, path }) => (kind === "Ask" ? [path] : []))
    assert.deepStrictEqual(
      Needs.of(pipeline).people.map(({ step }) => step),
      waits,
      String(seed)
    )
  }
})
