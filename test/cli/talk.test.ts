/** What models say while they say it: at a terminal, and as lines of JSON. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TinyServer from "../llm/TinyServer.js"
import { ended, place } from "./Flujo.js"
import * as Terminal from "./Terminal.js"

const agent = (model: string, more = "") => `agents:
  writer: { model: "${model}", system_prompt: Write.${more} }
steps:
  - { name: draft, uses: agents.writer }
`
const delta = (content: string, finish: string | null = null) =>
  `data: ${JSON.stringify({ model: "m", choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`

describe.concurrent("what a model says", () => {
  it.live("stands below the tree while it comes in, made safe, and makes way for the reply", () =>
    Effect.gen(function* () {
      let goOn: () => void = () => {}
      const server = yield* TinyServer.make((response) => {
        response.writeHead(200, { "content-type": "text/event-stream" })
        response.write(delta("It rains \u001b[31mall "))
        goOn = () => response.end(`${delta("day. ")}${delta("", "stop")}data: [DONE]\n\n`)
      })
      const here = place({ "p.yaml": agent("compatible:m") })
      const terminal = Terminal.open(here, "flujo run p.yaml --input x", {
        more: { OPENAI_BASE_URL: `${server.url}/v1` }
      })
      const seen = yield* Effect.promise(() => terminal.until("It rains"))
      assert.include(seen, "draft/turn[0]: It rains \\x1b[31mall")
      assert.include(seen, "● draft")
      goOn()
      const end = yield* Effect.promise(() => terminal.until("[exit 0]"))
      assert.notInclude(end, "draft/turn[0]:")
      assert.include(end, "✓ draft")
    }).pipe(Effect.scoped)
  )

  it("is a line of whole words of --json-stream, masked, between the entries; what failed is told to be void", async () => {
    const key = "sk-abcdefghijklmnopqrstuvwxyz0123456789"
    const here = place({
      "p.yaml": agent("scripted:replies.json", ", fallback_models: ['scripted:other.json']"),
      "replies.json": JSON.stringify({ writer: [{ chunks: ["Half"], error: { reason: "Overloaded" } }] }),
      "other.json": JSON.stringify({
        writer: [{ chunks: ["The ke", `y is ${key.slice(0, 20)}`, `${key.slice(20)} and`, " no more"] }]
      })
    })
    const done = await here.flujo("run p.yaml --input x --json-stream")
    ended(done, 0)
    const lines = done.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line))
    const told = lines.filter(({ kind }) => kind === "Said" || kind === "Discarded")
    assert.deepStrictEqual(
      told.map(({ detail, path, text }) => [path, text ?? detail]),
      [
        ["draft/turn[0]", "Half"],
        ["draft/turn[0]", "model scripted:replies.json: the script says so"],
        ["draft/turn[0]/model[1]", "The "],
        ["draft/turn[0]/model[1]", "key is "],
        ["draft/turn[0]/model[1]", "[redacted] "],
        ["draft/turn[0]/model[1]", "and no "],
        ["draft/turn[0]/model[1]", "more"]
      ]
    )
    const [voided, refused, answered] = [
      lines.findIndex(({ kind }) => kind === "Discarded"),
      lines.findIndex(({ kind }) => kind === "Refused"),
      lines.findIndex(({ kind }) => kind === "Answered")
    ]
    assert.isBelow(voided, refused)
    assert.isBelow(
      lines.findIndex(({ text }) => text === "more"),
      answered
    )
    ended(await here.flujo("lens replay last"), 0)
  })
})
