/**
 * Agents with tools against a real server: killed in the midst of a reply, of a tool and of a correction, and given odd
 * replies. What was asked is compared with the server's own log.
 */
import { existsSync } from "node:fs"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { ended, envelope, type Place, place } from "./Flujo.js"
import { type Asked, type Exchange, provider } from "./Provider.js"

/** Says with which key it was called, and answers once it may. */
const tool = `import { appendFileSync, existsSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Skill from "flujo/Skill"

export const count = Skill.make("town.count", {
  description: "Counts the people of a town.",
  input: Schema.Struct({ town: Schema.String }),
  output: Schema.Number,
  effect: "external",
  honoursKey: true,
  run: ({ town }, { idempotencyKey }) =>
    Effect.promise(async () => {
      appendFileSync("tool.log", idempotencyKey + "\\n")
      while (!existsSync("go")) await new Promise((resolve) => setTimeout(resolve, 10))
      return town.length
    })
})
`

const blueprint = (kind = "step", tool = "./skills/town.ts#count") => `agents:
  counter:
    model: "compatible:some-model"
    system_prompt: Count.
    tools: [${tool}]
    output_schema: { type: object, properties: { n: { type: integer }, is_complete: { type: boolean } }, required: [n], additionalProperties: false }
    max_corrections: 1
steps:
  - kind: ${kind}
    name: count
    uses: agents.counter
`

const call = { name: "count", arguments: '{"town":"Oslo"}' }

const asText = { name: "count", arguments: '{"value":1}' }

/** What the model says, by how far it is: a call, a reply that does not fit, a whole one. */
const answerOf = ({ asked, call: calls, say }: Exchange, wanted: typeof call): void => {
  const { messages } = asked
  if (messages.at(-1)!.content?.startsWith("Your answer was not accepted")) say('{"n":4,"is_complete":true}')
  else if (messages.some(({ role }) => role === "tool")) say('{"n":"four","more":1}')
  else calls(wanted)
}

type Point = "the first reply" | "the tool" | "the reply after a tool" | "the correction"

const isAt: Readonly<Record<Point, (asked: Asked) => boolean>> = {
  "the first reply": ({ messages }) => messages.length === 2,
  "the tool": () => false,
  "the reply after a tool": ({ messages }) => messages.at(-1)!.role === "tool",
  "the correction": ({ messages }) => messages.at(-1)!.content?.startsWith("Your answer was not accepted") === true
}

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 20))
}

const points = Object.keys(isAt) as ReadonlyArray<Point>

const builtin = "{ skill: flujo.builtins.stringify, name: count }"

const cases: ReadonlyArray<readonly [kind: string, point: Point]> = [
  ...points.map((point) => ["step", point] as const),
  ["granular", "the reply after a tool"]
]

describe.concurrent("an agent that is killed in the midst of", () => {
  for (const [kind, point] of cases) {
    it(`${point} goes on, and no answered call is asked again (kind: ${kind})`, async () => {
      const isTool = point === "the tool"
      let isHeld = true
      const server = provider((exchange) =>
        isHeld && isAt[point](exchange.asked) ? exchange.stall('{"n":') : answerOf(exchange, isTool ? call : asText)
      )
      await server.open()
      try {
        const env = server.env()
        const text = isTool ? blueprint(kind) : blueprint(kind, builtin)
        const at = place({ "flujo.toml": "", "skills/town.ts": tool, "pipeline.yaml": text })
        const first = at.start("run --input go --run-id r", { env })
        await until(() => (isTool ? existsSync(at.at("tool.log")) : server.log.some((asked) => isAt[point](asked))))
        first.child.kill("SIGKILL")
        assert.strictEqual((await first.done).signal, "SIGKILL")
        isHeld = false
        at.write("go", "")
        const done = await at.flujo("resume r", { env })
        ended(done, 0)
        assert.strictEqual(done.stdout, '{\n  "is_complete": true,\n  "n": 4\n}\n')
        answeredOnce(server.log, isTool ? 3 : 4)
        if (isTool) {
          const keys = at.read("tool.log").trim().split("\n")
          assert.strictEqual(keys.length, 2)
          assert.strictEqual(new Set(keys).size, 1)
        }
        ended(await at.flujo("lens replay r"), 0)
      } finally {
        server.close()
      }
    })
  }
})

/** Of equal requests one was answered, and nothing was asked after that. */
const answeredOnce = (log: ReadonlyArray<Asked>, count: number): void => {
  assert.strictEqual(log.length, count)
  const byBody = new Map<string, Array<Asked>>()
  for (const asked of log) byBody.set(asked.body, [...(byBody.get(asked.body) ?? []), asked])
  assert.strictEqual(byBody.size, 3)
  for (const asked of byBody.values()) {
    assert.deepStrictEqual(
      asked.map(({ answered }) => answered),
      [...asked.slice(1).map(() => false), true]
    )
    assert.strictEqual(new Set(asked.map(({ key }) => key)).size, 1)
  }
}

describe("odd replies on the wire", () => {
  const replies: Readonly<Record<string, (exchange: Exchange) => void>> = {
    "an unknown tool": ({ asked, call, say }) => {
      const told = asked.messages.at(-1)!
      if (told.role !== "tool") call({ name: "wether", arguments: "{}" })
      else say(`{"n":${told.content === 'UnknownTool: there is no tool "wether"; there are: count' ? 1 : 0}}`)
    },
    "arguments that are no JSON": ({ asked, call, say }) => {
      const told = asked.messages.at(-1)!
      if (told.role !== "tool") call({ name: "count", arguments: '{"value":' })
      else say(`{"n":${told.content.startsWith("NotJson: ") ? 1 : 0}}`)
    },
    "a thousand calls at once": (exchange) => exchange.call(...Array.from({ length: 1000 }, () => asText)),
    "an endless loop of calls": (exchange) => exchange.call(asText),
    "a content filter": ({ response }) => {
      const choice = { index: 0, finish_reason: "content_filter", message: { role: "assistant", content: "" } }
      const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
      const body = { id: "c", object: "chat.completion", created: 1, model: "m", choices: [choice], usage }
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body))
    }
  }
  let now = ""
  const server = provider((exchange) => replies[now]!(exchange))
  let at: Place
  beforeAll(async () => {
    await server.open()
    at = place({
      "flujo.toml": "",
      "pipeline.yaml": blueprint("step", builtin)
    })
  })
  afterAll(() => server.close())

  const run = async (name: string) => {
    now = name
    const before = server.log.length
    const done = await at.flujo("run --input go --json", { env: server.env() })
    return { done, asked: server.log.length - before }
  }

  for (const name of ["an unknown tool", "arguments that are no JSON"]) {
    it(`${name}: the model is told, and does better`, async () => {
      const { asked, done } = await run(name)
      ended(done, 0)
      assert.deepStrictEqual(envelope(done).data.output, { n: 1 })
      assert.strictEqual(asked, 2)
    })
  }

  const errors: ReadonlyArray<readonly [name: string, code: string, reason: string, asked: number]> = [
    ["a thousand calls at once", "FLJ-PIPELINE-16", "1000 tools at once, and 16 are allowed", 1],
    ["an endless loop of calls", "FLJ-PIPELINE-18", "3 turns in a row called count", 3],
    ["a content filter", "FLJ-PIPELINE-9", "content filter", 1]
  ]
  for (const [name, code, reason, count] of errors) {
    it(`${name}: the step fails with its own error`, async () => {
      const { asked, done } = await run(name)
      ended(done, 1)
      const { error } = envelope(done)
      assert.strictEqual(error.code, code, JSON.stringify(error))
      assert.include(JSON.stringify(error), reason)
      assert.strictEqual(asked, count)
    })
  }
})
