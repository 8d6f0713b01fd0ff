/** Conversations as the command runs them: the sample that is printed in the README of the first version, and over the wire. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { ended, place } from "./Flujo.js"
import { type Exchange, provider } from "./Provider.js"

/** As it was printed. */
const printed = `- kind: loop
  name: clarify
  loop:
    conversation: true
    history_management:
      strategy: truncate_tokens
      max_tokens: 4096
    body:
      - kind: step
        name: clarify
`

const agents = (model: string) => `agents:
  helper: { model: "${model}", system_prompt: "Ask until it is clear." }
steps:
`

const withAgent = (model: string) => `${agents(model)}${printed}        uses: agents.helper\n`

const questions = ["where?", "when?", "who?", "how?", "clear."]

/** A question for each that was told of before. */
const ask = ({ asked, say }: Exchange): void => {
  const told = asked.messages.at(-1)!.content
  say(questions[questions.filter((one) => told.includes(`assistant: ${one}`)).length] ?? "?")
}

describe("the printed sample", () => {
  it("is valid as it stands below steps, and with an agent added", async () => {
    const at = place({
      "printed.yaml": `steps:\n${printed}`,
      "agent.yaml": withAgent("scripted:s.json"),
      "s.json": "{}"
    })
    for (const file of ["printed.yaml", "agent.yaml"]) {
      const done = await at.flujo(`validate ${file}`)
      ended(done, 0)
      assert.strictEqual(done.stdout, `${file}: valid\n`)
    }
  })

  it("runs with a scripted model, and the trace shows what each agent was told", async () => {
    const at = place({ "talk.yaml": withAgent("scripted:s.json"), "s.json": JSON.stringify({ "*": questions }) })
    const done = await at.flujo("run talk.yaml --run-id r", {
      input: "plan a trip, sk-abcdefghijklmnopqrstuvwx0123456789"
    })
    ended(done, 0)
    assert.strictEqual(done.stdout, "clear.\n")
    const trace = (await at.flujo("lens trace r")).stdout
    assert.match(trace, /is told 5 turns of before: .*user: plan a trip/)
    assert.match(trace, /is told 2 turns of before:/)
    assert.notInclude(trace, "sk-abcdefghijklmnopqrstuvwx0123456789")
    ended(await at.flujo("lens replay r"), 0)
  })
})

describe("over the wire", () => {
  const server = provider(ask)
  beforeAll(() => server.open())
  afterAll(() => server.close())

  it("runs the printed sample: each request has what was said before", async () => {
    const at = place({ "talk.yaml": withAgent("compatible:some-model") })
    const done = await at.flujo("run talk.yaml --input trip --run-id r", { env: server.env() })
    ended(done, 0)
    assert.strictEqual(done.stdout, "clear.\n")
    const before = "The conversation so far:\nuser: trip\n"
    assert.deepStrictEqual(
      server.log.map(({ messages }) => messages.at(-1)!.content),
      [
        "trip",
        `${before}assistant: where?\n\nwhere?`,
        `${before}assistant: where?\nassistant: when?\n\nwhen?`,
        `${before}assistant: where?\nassistant: when?\nassistant: who?\n\nwho?`,
        `${before}assistant: where?\nassistant: when?\nassistant: who?\nassistant: how?\n\nhow?`
      ]
    )
  })
})

describe("a conversation with a person", () => {
  let isHeld = true
  const server = provider((exchange) => {
    const told = exchange.asked.messages.at(-1)!.content
    if (told.includes("user: Oslo") || told.endsWith("Oslo")) {
      if (isHeld) return exchange.stall("whe")
      return exchange.say("when?")
    }
    return exchange.say("where?")
  })
  beforeAll(() => server.open())
  afterAll(() => server.close())

  it("goes on with all its turns after it rested for a person and was killed in the midst of an answer", async () => {
    const at = place({
      "talk.yaml": `${agents("compatible:some-model")}  - kind: loop
    name: clarify
    loop:
      conversation: true
      max_loops: 2
      output: { text: conversation_history }
      body:
        - { name: ask, uses: agents.helper }
        - { kind: hitl, name: user }
`
    })
    const env = server.env()
    ended(await at.flujo("run talk.yaml --input trip --run-id r", { env }), 0)
    const second = at.start("answer last Oslo", { env })
    await server.until(2)
    second.child.kill("SIGKILL")
    assert.strictEqual((await second.done).signal, "SIGKILL")
    isHeld = false
    ended(await at.flujo("resume r", { env }), 0)
    const done = await at.flujo("answer last May", { env })
    ended(done, 0)
    assert.strictEqual(done.stdout, "user: trip\nassistant: where?\nuser: Oslo\nassistant: when?\nuser: May\n")
    const contents = server.log.map(({ messages }) => messages.at(-1)!.content)
    const told = "The conversation so far:\nuser: trip\nassistant: where?\n\nOslo"
    // The cut call is asked again, the answered one is not.
    assert.deepStrictEqual(contents, ["trip", told, told])
    ended(await at.flujo("lens replay r"), 0)
  })
})
