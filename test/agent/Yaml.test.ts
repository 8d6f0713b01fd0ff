import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Blueprint from "../../src/blueprint/Blueprint.js"
import * as Compile from "../../src/blueprint/Compile.js"
import * as Print from "../../src/blueprint/Print.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Tool from "../../src/pipeline/Tool.js"
import * as Plan from "../../src/plan/Plan.js"
import { plan } from "../blueprint/Marked.js"
import { options, stringify, writeFile } from "../blueprint/Skills.js"

const blueprint = (agent: string) => `name: visit
agents:
  guide:
    model: "test:m"
    system_prompt: Plan.
${agent}
steps:
  - name: plan
    uses: agents.guide
`

const findings = (agent: string) =>
  Blueprint.check({ path: "pipeline.yaml", text: blueprint(agent) }, options, plan).diagnostics.map(
    ({ code, hint, message }) => `${code} ${message} (${hint})`
  )

describe("tools in a blueprint", () => {
  it("are the same plan as in TypeScript", () => {
    const text = blueprint(
      "    tools: [ask_user, flujo.builtins.stringify, { skill: flujo.builtins.write_file, name: save, requires_approval: true }]\n    max_turns: 6"
    )
    const { pipeline } = Either.getOrThrow(Blueprint.parse({ path: "pipeline.yaml", text }, options))
    const guide = Agent.make("guide", {
      model: "test:m",
      system: "Plan.",
      tools: [Tool.askUser, stringify, Tool.make(writeFile, { name: "save", requiresApproval: true })],
      maxTurns: 6
    })
    const twin = Step.agent("plan", guide).pipe(Pipeline.make("visit"))
    assert.strictEqual(Plan.make(pipeline).text, Plan.make(twin).text)
  })

  it("are checked: names, keys, forms, and turns without tools", () => {
    assert.match(
      findings("    tools: [flujo.builtins.stringfy]")[0]!,
      /^V-A6 .*did you mean `flujo.builtins.stringify`/
    )
    assert.match(findings("    tools: ask_user")[0]!, /^FLJ-BLUEPRINT-17 `tools` must be a list/)
    assert.match(findings("    tools: [{ name: x }]")[0]!, /^FLJ-BLUEPRINT-16 `skill` of the tool is missing/)
    assert.match(findings("    tools: [{ skill: flujo.builtins.stringify, approval: true }]")[0]!, /^FLJ-BLUEPRINT-15/)
    assert.match(findings("    max_turns: 5")[0]!, /^FLJ-BLUEPRINT-20 `max_turns` is for an agent with `tools`/)
    const settings = (text: string) => findings(`    model_settings: { ${text} }`)
    assert.deepStrictEqual(
      settings("stop: [END], reasoning: { effort: low, max_tokens: 2000, summary: auto }, verbosity: high"),
      []
    )
    assert.deepStrictEqual(settings("stop: END"), [])
    assert.match(settings("reasoning: { effort: lots }")[0]!, /^FLJ-BLUEPRINT-19 `effort` is/)
    assert.match(settings("reasoning: low")[0]!, /^FLJ-BLUEPRINT-17 `reasoning` must be a map/)
    assert.match(settings("reasoning: { tokens: 1 }")[0]!, /^FLJ-BLUEPRINT-15/)
    assert.match(settings("stop: []")[0]!, /^FLJ-BLUEPRINT-19 `stop` has 0 texts/)
    assert.match(settings("stop: ['']")[0]!, /^FLJ-BLUEPRINT-19 .* is empty/)
    assert.match(settings("verbosity: loud")[0]!, /^FLJ-BLUEPRINT-19 `verbosity` is/)
    assert.match(findings("    cache: soon")[0]!, /^FLJ-BLUEPRINT-19 `cache` is not a time/)
    for (const cache of ["true", "false", "1 day", "90"]) assert.deepStrictEqual(findings(`    cache: ${cache}`), [])
    assert.match(findings("    repair: types")[0]!, /^FLJ-BLUEPRINT-20 `repair` is for an agent whose `output_schema`/)
    const data = "    output_schema: { type: object, properties: { n: { type: integer } } }\n"
    assert.match(findings(`${data}    repair: type`)[0]!, /^FLJ-BLUEPRINT-19 .*did you mean `types`/)
    assert.match(findings("    max_corrections: 1")[0]!, /^FLJ-BLUEPRINT-20 `max_corrections` is for an agent whose/)
    assert.match(findings(`${data}    max_corrections: 11`)[0]!, /^FLJ-BLUEPRINT-19/)
    assert.deepStrictEqual(findings(`${data}    max_corrections: 10`), [])
    for (const level of ["off", "syntax", "types"]) assert.deepStrictEqual(findings(`${data}    repair: ${level}`), [])
    assert.match(findings("    tools: [ask_user]\n    max_turns: 0")[0]!, /^FLJ-BLUEPRINT-19/)
  })
})

describe("approval by what a tool does", () => {
  const tools = "    tools: [flujo.builtins.stringify, { skill: flujo.builtins.write_file, name: save }]\n"

  it("is wanted of each tool with such an effect, the same as in TypeScript, and no other", () => {
    const text = blueprint(`${tools}    approve: [write, external]`)
    const { pipeline } = Either.getOrThrow(Blueprint.parse({ path: "pipeline.yaml", text }, options))
    const guide = Agent.make("guide", {
      model: "test:m",
      system: "Plan.",
      tools: [stringify, Tool.make(writeFile, { name: "save" })],
      approve: ["write", "external"]
    })
    assert.deepStrictEqual(
      guide.tools.map((tool) => tool._tag === "Skill" && tool.requiresApproval),
      [false, true]
    )
    const twin = Step.agent("plan", guide).pipe(Pipeline.make("visit"))
    assert.strictEqual(Plan.make(pipeline).text, Plan.make(twin).text)
    const printed = Either.getOrThrow(Print.print(pipeline)).text
    const read = Either.getOrThrow(Blueprint.parse({ path: "pipeline.yaml", text: printed }, options))
    assert.strictEqual(Plan.make(read.pipeline).text, Plan.make(twin).text)
  })

  it("is checked: effects, a tool that says no, and an agent without tools", () => {
    assert.deepStrictEqual(findings(`${tools}    approve: [read]`), [])
    assert.match(findings(`${tools}    approve: [delete]`)[0]!, /^FLJ-BLUEPRINT-19 .*`read` or `write` or `external`/)
    assert.match(findings(`${tools}    approve: write`)[0]!, /^FLJ-BLUEPRINT-17/)
    assert.match(findings("    approve: [write]")[0]!, /^FLJ-BLUEPRINT-20 `approve` is for an agent with `tools`/)
    const no = "    tools: [{ skill: flujo.builtins.write_file, requires_approval: false }]\n    approve: [write]"
    assert.match(findings(no)[0]!, /^FLJ-BLUEPRINT-20 `approve` of the agent wants approval for write_file/)
  })
})

describe("an agent with tools, written anew", () => {
  const parsed = (text: string) => Either.getOrThrow(Blueprint.parse({ path: "pipeline.yaml", text }, options)).pipeline
  const pipeline = parsed(
    blueprint(
      "    tools: [ask_user, flujo.builtins.stringify, { skill: flujo.builtins.write_file, name: save, requires_approval: true }]\n    max_turns: 6"
    )
  )

  it("as TypeScript names its tools and its turns", () => {
    const text = Either.getOrThrow(Compile.toTypeScript(pipeline))
    assert.include(text, "Tool.askUser")
    assert.include(text, 'Tool.make(skills("flujo.builtins.write_file"), ')
    assert.match(text, /name: "save",\s+requiresApproval: true/)
    assert.match(text, /maxTurns: 6/)
  })

  it("as TypeScript and as YAML says what may be repaired", () => {
    const text = blueprint(
      "    output_schema: { type: object, properties: { n: { type: integer } } }\n    repair: types\n    max_corrections: 2"
    )
    assert.match(Either.getOrThrow(Compile.toTypeScript(parsed(text))), /maxCorrections: 2/)
    assert.match(Either.getOrThrow(Compile.toTypeScript(parsed(text))), /repair: "types"/)
    const printed = Either.getOrThrow(Print.print(parsed(text))).text
    assert.include(printed, "repair: types")
    assert.include(printed, "max_corrections: 2")
    assert.strictEqual(Plan.make(parsed(printed)).text, Plan.make(parsed(text)).text)
    const plain = parsed(text.replace("\n    repair: types", ""))
    assert.notStrictEqual(Plan.make(plain).digest, Plan.make(parsed(text)).digest)
  })
})
