/** Several processes and one run: who drives it, what others may say, and what a signal or a kill leaves behind. */
import type { ServerResponse } from "node:http"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { completion } from "../llm/TinyServer.js"
import { asking, type Done, ended, envelope, type Place, place, refused } from "./Flujo.js"

/** A model that answers when it is told to; what was asked is told by the text of the question. */
const held = new Map<string, Array<ServerResponse>>()
const arrived = new Map<string, () => void>()
const server = createServer((request, response) => {
  let body = ""
  request.on("data", (piece) => {
    body += piece
  })
  request.on("end", () => {
    const question = JSON.parse(body).messages.at(-1).content
    held.set(question, [...(held.get(question) ?? []), response])
    arrived.get(question)?.()
  })
})
beforeAll(() => new Promise<void>((done) => server.listen(0, "127.0.0.1", done)))
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

/** Until `question` has been asked `count` times. */
const asked = (question: string, count = 1): Promise<void> =>
  new Promise((resolve) => {
    const look = () => {
      if ((held.get(question)?.length ?? 0) >= count) resolve()
    }
    arrived.set(question, look)
    look()
  })

const release = (question: string, answer = "thought"): void => {
  for (const response of held.get(question) ?? []) {
    if (!response.writableEnded) {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(completion(answer)))
    }
  }
}

const approval = '  - kind: hitl\n    name: publish\n    message: "Publish?"\n'
const here = (
  files: Readonly<Record<string, string>> = {}
): { readonly it: Place; readonly env: Record<string, string> } => ({
  it: place({ "ask.yaml": asking(), "both.yaml": both, ...files }),
  env: { OPENAI_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` }
})

/** A question to a person beside one to the model. */
const both = `version: "0.1"
name: both
agents:
  thinker: { model: "compatible:some-model", system_prompt: "Think.", output_schema: { type: string } }
steps:
  - kind: parallel
    name: both
    branches:
      thought: { name: think, uses: agents.thinker, input: "{{ initial_prompt }}" }
      said: { kind: hitl, name: publish, message: "Publish?" }
${approval.replace("publish", "again").replace("Publish?", "Again?")}`

const status = async (at: Place, run: string): Promise<string> =>
  envelope(await at.flujo(`lens show ${run} --json`)).data.status

describe.concurrent("a run that a live process drives", () => {
  it("is driven by no other, which says who does and exits with 1", async () => {
    const { env, it: at } = here()
    const owner = at.start("run ask.yaml --input q1 --run-id r", { env })
    await asked("q1")
    const pid = String(owner.child.pid)
    refused(await at.flujo("resume r", { env }), 1, pid)
    const program = await at.flujo("resume r --json", { env })
    ended(program, 1)
    assert.include(envelope(program).error.message, pid)
    refused(await at.flujo("run ask.yaml --input q1 --run-id r", { env }), 1, pid)
    assert.strictEqual(await status(at, "r"), "running")
    release("q1")
    const done = await owner.done
    ended(done, 0)
    assert.strictEqual(done.stdout, "thought\n")
    assert.lengthOf(held.get("q1")!, 1)
  })

  it("takes an answer that another process leaves", async () => {
    const { env, it: at } = here()
    const owner = at.start("run both.yaml --input q2 --run-id r", { env })
    await asked("q2")
    await owner.until("⏸ both/said/publish")
    const approve = await at.flujo("approve r", { env })
    ended(approve, 0)
    assert.include(approve.stderr, `process ${owner.child.pid} on `)
    assert.strictEqual(approve.stdout, "")
    await owner.until('✓ both/said/publish  {"approved":true}')
    refused(await at.flujo("reject r:both/said/publish", { env }), 1, "was answered before")
    release("q2")
    const done = await owner.done
    ended(done, 0)
    assert.include(done.stderr, "Again?")
    assert.lengthOf(held.get("q2")!, 1)
  })

  it("is cancelled by another one: the driver ends with 1, the call is cut", async () => {
    const { env, it: at } = here()
    const owner = at.start("run ask.yaml --input q3 --run-id r", { env })
    await asked("q3")
    const cancel = await at.flujo("cancel r --reason wrong", { env })
    ended(cancel, 0)
    assert.include(cancel.stdout, `process ${owner.child.pid} on `)
    const done = await owner.done
    refused(done, 1, "cancelled")
    assert.notInclude(done.stderr, "next: flujo resume")
    assert.strictEqual(await status(at, "r"), "cancelled")
  })
})

describe.concurrent("a signal", () => {
  const interrupted = async (question: string, signal: NodeJS.Signals, code: number, words = "") => {
    const { env, it: at } = here()
    const owner = at.start(`run ask.yaml --input ${question} --run-id r ${words}`, { env })
    await asked(question)
    owner.child.kill(signal)
    const done = await owner.done
    assert.strictEqual(done.status, code, done.stderr)
    assert.notInclude(done.stderr, "    at ")
    return { at, done, env }
  }
  const goesOn = async (question: string, at: Place, env: Record<string, string>, command: string): Promise<Done> => {
    const again = at.startShell(command, { env })
    await asked(question, 2)
    release(question)
    const done = await again.done
    ended(done, 0)
    assert.strictEqual(done.stdout, "thought\n")
    ended(await at.flujo("lens replay r"), 0)
    return done
  }

  it("SIGINT ends with 130 and says how to go on, which works", async () => {
    const { at, done, env } = await interrupted("q4", "SIGINT", 130)
    const [, command] = /^interrupted; to go on: (.*)$/m.exec(done.stderr)!
    assert.strictEqual(command, "flujo resume r")
    await goesOn("q4", at, env, command!)
  })

  it("SIGTERM ends with 143, and the run goes on", async () => {
    const { at, env } = await interrupted("q5", "SIGTERM", 143)
    await goesOn("q5", at, env, "flujo resume last")
  })

  it("with --json leaves one object", async () => {
    const { done } = await interrupted("q6", "SIGINT", 130, "--json")
    const { error, ok } = envelope(done)
    assert.isFalse(ok)
    assert.strictEqual(error.code, "FLJ-CLI-20")
    assert.include(envelope(done).next, "flujo resume r")
  })

  it("twice ends at once, and the run goes on", async () => {
    const { env, it: at } = here()
    const owner = at.start("run ask.yaml --input q7 --run-id r", { env })
    await asked("q7")
    owner.child.kill("SIGINT")
    owner.child.kill("SIGINT")
    const done = await owner.done
    assert.strictEqual(done.status, 130)
    await goesOn("q7", at, env, "flujo resume r")
  })

  it("SIGKILL leaves a run that goes on at once", async () => {
    const { env, it: at } = here()
    const owner = at.start("run ask.yaml --input q8 --run-id r", { env })
    await asked("q8")
    assert.match((await at.flujo("lens list")).stdout, /^. r +\S+ +running/m)
    owner.child.kill("SIGKILL")
    assert.strictEqual((await owner.done).signal, "SIGKILL")
    assert.match((await at.flujo("lens list")).stdout, /^. r +\S+ +cut off/m)
    assert.match((await at.flujo("status")).stdout, /^. r +\S+ +cut off/m)
    const done = await goesOn("q8", at, env, "flujo resume r")
    assert.include(done.stderr, "it was cut off, and is run again")
    assert.strictEqual(envelope(await at.flujo("lens show r --json")).data.recoveries, 1)
  })
})
