/** Where names lead, where they are spoken of, and how a step is given another one. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { place } from "../cli/Flujo.js"
import { type Answer, Client, cursor } from "./Client.js"

let client: Client
beforeAll(async () => {
  client = new Client(place({ "flujo.toml": "", "sub/child.yaml": "steps:\n  - name: one\n    input: x\n" }))
  await client.start()
})
afterAll(async () => {
  assert.strictEqual(await client.stop(), 0)
})

const text = `version: "0.1"
imports: { child: ./sub/child.yaml }
agents:
  writer: { model: "openai:gpt-4o", system_prompt: "Write." }
steps:
  - name: draft
    uses: agents.writer
  - name: inner
    uses: imports.child
  - kind: conditional
    name: choose
    condition: steps.draft == 'x' or steps['draft'] == 'y'
    branches:
      true: { name: polish, input: "😀 {{ steps.draft | upper }} {{ 'steps.draft' }}" }
      false:
        name: again
        uses: agents.writer
        input: |
          draft, {{ steps.draft }}
          {% if steps.draft is defined %}draft{% endif %}
`

let count = 0
/** Asks at the first place of `piece`, `into` characters within it. */
const ask = async (method: string, piece: string, into: number, more: object = {}, of = text) => {
  const name = `f${++count}.yaml`
  const uri = client.uri(name)
  const at = of.indexOf(piece) + into
  const { position } = cursor(`${of.slice(0, at)}‸${of.slice(at)}`)
  client.open(name, of)
  const answer = await client.ask(`textDocument/${method}`, { textDocument: { uri }, position, ...more })
  return { answer, uri }
}

const pieces = (found: ReadonlyArray<Answer>, of = text): ReadonlyArray<string> =>
  found.map(({ range }) => {
    const line = of.split("\n")[range.start.line]!
    const before = line.slice(0, range.start.character)
    return `${range.start.line}:${before.slice(-1)}${line.slice(range.start.character, range.end.character)}`
  })

const spoken = ["5: draft", "11:.draft", "11:'draft", "13:.draft", "18:.draft", "19:.draft"]

describe("definition", () => {
  it("leads from a template to the step, from `uses` to the agent or import, from a path to the file", async () => {
    const step = await ask("definition", "{{ steps.draft }}", 11)
    assert.deepStrictEqual(pieces(step.answer.result), ["5: draft"])
    assert.strictEqual(step.answer.result[0].uri, step.uri)
    assert.deepStrictEqual(pieces((await ask("definition", "agents.writer", 8)).answer.result), ["3: writer"])
    assert.deepStrictEqual(pieces((await ask("definition", "imports.child", 9)).answer.result), ["1: child"])
    const file = await ask("definition", "./sub/child.yaml", 4)
    assert.strictEqual(file.answer.result[0].uri, client.uri("sub/child.yaml"))
    assert.deepStrictEqual((await ask("definition", "version", 2)).answer.result, [])
  })

  it("means, of two steps of one name, the one that comes before", async () => {
    const both = `steps:
  - kind: conditional
    name: c
    condition: "{{ previous_step == 'x' }}"
    branches:
      true: [{ name: a }, { name: b, input: "{{ steps.a }}" }]
      false: [{ name: a }, { name: d, input: "1 {{ steps.a }}" }]
`
    const { answer } = await ask("definition", "1 {{ steps.a", 11, {}, both)
    assert.strictEqual(answer.result.length, 1)
    assert.strictEqual(answer.result[0].range.start.line, 6)
    const refused = await ask("rename", "1 {{ steps.a", 11, { newName: "z" }, both)
    assert.match(refused.answer.error.message, /2 steps are called a/)
  })
})

describe("references", () => {
  it("are all places that speak of a step, and no other text", async () => {
    const context = { includeDeclaration: true }
    const found = await ask("references", "name: draft", 8, { context })
    assert.sameMembers([...pieces(found.answer.result)], spoken)
    const without = await ask("references", "steps.draft", 8, { context: { includeDeclaration: false } })
    assert.sameMembers([...pieces(without.answer.result)], spoken.slice(1))
    const agent = await ask("references", "writer:", 1, { context })
    assert.sameMembers([...pieces(agent.answer.result)], ["3: writer", "6:.writer", "16:.writer"])
  })
})

describe("rename", () => {
  const edited = async (newName: string, of = text): Promise<string> => {
    const { answer, uri } = await ask("rename", "steps.draft", 8, { newName }, of)
    assert.isUndefined(answer.error, JSON.stringify(answer.error))
    const lines = of.split("\n")
    const edits = [...answer.result.changes[uri]].sort((a, b) => b.range.start.character - a.range.start.character)
    for (const { newText, range } of edits) {
      const line = lines[range.start.line]!
      lines[range.start.line] = line.slice(0, range.start.character) + newText + line.slice(range.end.character)
    }
    return lines.join("\n")
  }

  it("changes the step and every template that reads it, and nothing else", async () => {
    const expected = text
      .replace("name: draft", "name: first")
      .replaceAll("steps.draft", "steps.first")
      .replace("steps['draft']", "steps['first']")
      .replace("{{ 'steps.first' }}", "{{ 'steps.draft' }}")
    assert.strictEqual(await edited("first"), expected)
    const crlf = text.replaceAll("\n", "\r\n")
    assert.strictEqual(await edited("first", crlf), expected.replaceAll("\n", "\r\n"))
  })

  it("says first what it would be of", async () => {
    const { answer } = await ask("prepareRename", "{{ steps.draft", 11)
    assert.strictEqual(answer.result.placeholder, "draft")
    assert.match((await ask("prepareRename", "agents.writer", 8)).answer.error.message, /only steps/)
    assert.match((await ask("prepareRename", "version", 2)).answer.error.message, /no name of a step/)
  })

  it("refuses what is no name, what is taken, and what cannot stand there", async () => {
    const refusal = async (newName: unknown, of = text) =>
      (await ask("rename", "steps.draft", 8, { newName }, of)).answer.error.message
    assert.match(await refusal("1st"), /"1st" is not a name/)
    assert.match(await refusal("a b"), /is not a name/)
    assert.match(await refusal(7), /is not a name/)
    assert.match(await refusal("polish"), /a step is called polish already/)
    assert.match(await refusal("first-draft"), /use letters, digits and _/)
    assert.match(await refusal("null"), /null cannot stand in all the places/)
    assert.match(await refusal("first", `${text}  - [\n`), /cannot be read as it is/)
  })
})

it("answers at every place of a text, also of one that is cut off there", async () => {
  const uri = client.uri("every.yaml")
  client.open("every.yaml", text)
  const asked: Array<Promise<Answer>> = []
  const methods = ["hover", "completion", "definition", "references", "prepareRename"]
  const everything = (position: object) => {
    for (const method of methods) asked.push(client.ask(`textDocument/${method}`, { textDocument: { uri }, position }))
  }
  for (let at = 0; at <= text.length; at += 3) everything(cursor(`${text.slice(0, at)}‸${text.slice(at)}`).position)
  for (let at = text.length; at > 0; at -= 5) {
    client.change("every.yaml", [{ text: text.slice(0, at) }])
    everything(cursor(`${text.slice(0, at)}‸`).position)
  }
  everything({ line: 1_000_000, character: 1_000_000 })
  const answers = await Promise.all(asked)
  const internal = answers.filter(({ error }) => error !== undefined && error.code !== -32803)
  assert.deepStrictEqual(internal, [])
})
