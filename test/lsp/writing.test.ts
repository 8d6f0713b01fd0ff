/** What the language server says of what the pointer rests on, and offers to who is writing. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { place } from "../cli/Flujo.js"
import { type Answer, Client, cursor } from "./Client.js"

let client: Client
beforeAll(async () => {
  client = new Client(place({ "flujo.toml": "" }))
  await client.start()
})
afterAll(async () => {
  assert.strictEqual(await client.stop(), 0)
})

let count = 0
const at = async (method: string, marked: string): Promise<{ readonly answer: Answer; readonly text: string }> => {
  const { position, text } = cursor(marked)
  const name = `f${++count}.yaml`
  client.open(name, text)
  const answer = await client.result(`textDocument/${method}`, { textDocument: { uri: client.uri(name) }, position })
  return { answer, text }
}

const labels = async (marked: string): Promise<ReadonlyArray<string>> =>
  (await at("completion", marked)).answer.map(({ label }: Answer) => label)

/** The text after the item of this label was taken. */
const taken = async (marked: string, label: string): Promise<string> => {
  const { answer, text } = await at("completion", marked)
  const item = answer.find((one: Answer) => one.label === label)
  assert.isDefined(item, `${label} among ${answer.map((one: Answer) => one.label)}`)
  const { newText, range } = item.textEdit
  const lines = text.split("\n")
  assert.strictEqual(range.start.line, range.end.line)
  const line = lines[range.start.line]!
  lines[range.start.line] = line.slice(0, range.start.character) + newText + line.slice(range.end.character)
  return lines.join("\n")
}

const head = `version: "0.1"
imports: { child: ./child.yaml }
agents:
  writer: { model: "openai:gpt-4o", system_prompt: "Write." }
context:
  type: object
  properties: { topic: { type: string } }
`

describe("hover", () => {
  it("tells what a key is for, by the map that it is in", async () => {
    const { answer } = await at("hover", "steps:\n  - kind: loop\n    loop: { body: { name: a }, max_l‸oops: 3 }\n")
    assert.match(answer.contents.value, /\*\*max_loops\*\*\n\nHow often at most\.\n\n```yaml\nmax_loops: 5\n```/)
    assert.deepStrictEqual(answer.range, { start: { line: 2, character: 31 }, end: { line: 2, character: 40 } })
    const other = await at("hover", "steps:\n  - name: a\n    meta: { max_l‸oops: 3 }\n")
    assert.isNull(other.answer)
  })

  it("tells what a kind is, and which model an agent has", async () => {
    const kind = await at("hover", "steps:\n  - kind: par‸allel\n")
    assert.match(kind.answer.contents.value, /All of several branches, side by side/)
    const uses = await at("hover", `${head}steps:\n  - uses: agents.wri‸ter\n`)
    assert.match(uses.answer.contents.value, /`openai:gpt-4o`/)
    const child = await at("hover", `${head}steps:\n  - uses: imports.chi‸ld\n`)
    assert.match(child.answer.contents.value, /`\.\/child\.yaml`/)
  })

  it("says nothing of text, and of texts that cannot be read", async () => {
    assert.isNull((await at("hover", "steps:\n  - name: dra‸ft\n")).answer)
    assert.isNull((await at("hover", "steps: [\n  na‸me: draft\n")).answer)
  })
})

describe("completion", () => {
  it("has the keys of the map, without those that are there", async () => {
    const marked = "steps:\n  - kind: loop\n    name: again\n    lo‸\n"
    const found = await labels(marked)
    assert.includeMembers([...found], ["loop", "when", "sink_to"])
    assert.notInclude(found, "name")
    assert.notInclude(found, "branches")
    assert.strictEqual(await taken(marked, "loop"), "steps:\n  - kind: loop\n    name: again\n    loop: \n")
    assert.include(await labels("steps:\n  - ‸\n"), "uses")
    assert.include(await labels("‸"), "version")
    assert.include(await labels("ver‸\nsteps:\n  - name: a\n"), "version")
    assert.include(await labels("steps:\n  - kind: loop\n    loop:\n      body: { name: a }\n      ‸\n"), "max_loops")
    assert.include(await labels("agents:\n  a:\n    mo‸\nsteps: []\n"), "model")
  })

  it("leaves a colon that is there", async () => {
    assert.strictEqual(await taken("steps:\n  - na‸: a\n", "name"), "steps:\n  - name: a\n")
  })

  it("has kinds, words that a key takes, and true and false", async () => {
    assert.strictEqual(await taken("steps:\n  - kind: par‸\n", "parallel"), "steps:\n  - kind: parallel\n")
    assert.sameMembers(
      [...(await labels("steps:\n  - kind: loop\n    loop:\n      on_max: ‸\n      body: { name: a }\n"))],
      ["fail", "continue"]
    )
    assert.sameMembers(
      [...(await labels(`${head}steps:\n  - uses: imports.child\n    config: { inherit_context: ‸ }\n`))],
      ["true", "false"]
    )
  })

  it("has the agents and imports of the file, skills, states and fields", async () => {
    const uses = `${head}steps:\n  - name: a\n    uses: ag‸\n`
    assert.sameMembers([...(await labels(uses))], ["agents.writer", "imports.child"])
    assert.include(await taken(`${head}steps:\n  - uses: agents.‸\n`, "agents.writer"), "uses: agents.writer\n")
    assert.include(await labels("steps:\n  - name: a\n    skill: flujo.‸\n"), "flujo.builtins.write_file")
    const machine = "steps:\n  - kind: StateMachine\n    end_states: [done]\n    states: { one: { name: a } }\n"
    assert.sameMembers([...(await labels(`${machine}    start_state: ‸\n`))], ["one", "done"])
    assert.deepStrictEqual(await labels(`${head}steps:\n  - name: a\n    sink_to: ‸\n`), ["topic"])
  })

  it("has within braces the steps before this one, fields and filters", async () => {
    const steps = `${head}steps:\n  - name: a\n  - name: b\n    steps: [{ name: b1 }, { name: b2, input: "{{ steps.‸ }}" }]\n  - name: c\n`
    assert.deepStrictEqual(await labels(steps), ["a", "b1"])
    assert.include(await taken(steps, "b1"), '"{{ steps.b1 }}"')
    assert.deepStrictEqual(await labels(`${head}steps:\n  - input: "{{ context.to‸ }}"\n`), ["topic"])
    assert.include(await labels('steps:\n  - input: "{{ input | up‸ }}"\n'), "upper")
    assert.include(await labels('steps:\n  - input: "{{ input is de‸ }}"\n'), "defined")
    assert.include(await labels('steps:\n  - input: "{{ ‸ }}"\n'), "previous_step")
    assert.include(await labels("steps:\n  - name: a\n  - name: b\n    when: steps.‸\n"), "a")
    assert.include(await labels("steps:\n  - name: a\n  - name: b\n    when: prev‸\n"), "previous_step")
    assert.notInclude(await labels('steps:\n  - name: "{{ x }} ‸"\n'), "previous_step")
    const map = 'steps:\n  - kind: map\n    map: { body: { name: one, input: "{{ ‸ }}" } }\n'
    assert.include(await labels(map), "this")
  })

  it("answers nothing where there is nothing to say", async () => {
    assert.deepStrictEqual(await labels("steps: [[[{ ‸\n"), [])
    assert.deepStrictEqual(await labels("services:\n  web: {}\n‸\n"), [])
    assert.deepStrictEqual(await labels("steps:\n  - name: 😀‸\n"), [])
  })
})
