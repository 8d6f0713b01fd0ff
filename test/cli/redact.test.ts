/** What an agent keeps from its model, on the wire. */
import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import { ended, place } from "./Flujo.js"
import { provider } from "./Provider.js"

const server = provider(({ asked, say }) => {
  const { content } = asked.messages.at(-1)!
  say(`<think>who is that?</think>I write to ${/\[EMAIL_\d+\]/.exec(content)?.[0]} and not to [EMAIL_7].`)
})
beforeAll(() => server.open())
afterAll(() => server.close())

it("the provider is sent placeholders, the answer has the values, and the journal what was sent", async () => {
  const at = place({
    "help.yaml": `agents:
  clerk: { model: "compatible:some-model", system_prompt: "Help.", redact: all, strip_reasoning: true }
steps:
  - { name: help, uses: agents.clerk }
`
  })
  const input = "Write to ada@example.org, card 4111 1111 1111 1111, from 10.1.2.3"
  const done = await at.flujo(["run", "help.yaml", "--input", input, "--run-id", "r"], { env: server.env() })
  ended(done, 0)
  assert.strictEqual(done.stdout, "I write to ada@example.org and not to [EMAIL_7].\n")
  assert.strictEqual(server.log.length, 1)
  assert.include(server.log[0]!.body, "Write to [EMAIL_1], card [CARD_1], from [IP_1]")
  assert.notMatch(server.log[0]!.body, /ada@|4111|10\.1\.2\.3/)
  const { stdout } = await at.flujo("lens trace r --json")
  assert.include(stdout, "Write to [EMAIL_1], card [CARD_1], from [IP_1]")
  ended(await at.flujo("lens replay r"), 0)
})
