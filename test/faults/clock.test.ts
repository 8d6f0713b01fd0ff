/**
 * The wall clock of the machine set back under the built command: between two processes, while one drives, and after one was
 * killed. Nothing waits for the clock to come back, and what is recorded stays sound.
 */
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { asking, ended, place, type Running } from "../cli/Flujo.js"
import { completion } from "../llm/TinyServer.js"
import { cannot, chain, Page, sound } from "./Machine.js"

const day = 86_400

const held: Array<ServerResponse> = []
let arrived = () => {}
const server = createServer((request, response) => {
  request.resume().on("end", () => {
    held.push(response)
    arrived()
  })
})
beforeAll(() => new Promise<void>((done) => server.listen(0, "127.0.0.1", done)))
afterAll(() => {
  server.closeAllConnections()
  server.close()
})
const asked = (running: Running): Promise<void> =>
  new Promise((resolve, reject) => {
    arrived = resolve
    if (held.length > 0) resolve()
    void running.done.then(({ stderr }) => reject(new Error(`nothing was asked: ${stderr}`)))
  })
const answer = (): void => {
  for (const response of held.splice(0)) {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(completion("thought")))
  }
}

describe("a clock that is set back", () => {
  it("between two processes: a run that waits goes on", async (test) => {
    if (cannot.shim !== undefined) return test.skip(cannot.shim)
    const question = '  - { kind: hitl, name: review, message: "Go on?" }\n  - { name: end, input: "{{ steps.s2 }}!" }'
    const here = place({ "flujo.toml": "", "ask.yaml": chain(3, question) })
    const page = new Page(here)
    const env = page.env()
    const day1 = await here.flujo("run ask.yaml --input x --run-id r --no-input --json", { env })
    ended(day1, 0)
    page.setClock(-day)
    ended(await here.flujo("run ask.yaml --input y --run-id earlier --no-input", { env }), 0)
    const listed = await here.flujo("lens list --json", { env })
    assert.deepStrictEqual(
      JSON.parse(listed.stdout).data.map(({ run }: { run: string }) => run),
      ["r", "earlier"],
      "the clock of the process is a day behind"
    )
    const done = await here.flujo("approve r", { env })
    ended(done, 0)
    assert.strictEqual(done.stdout, "x-0-1-2!\n")
    await sound(here, ["r", "earlier"])
  })

  it("while it drives: what it waits for comes, and a pause of a second takes a second", async (test) => {
    if (cannot.shim !== undefined) return test.skip(cannot.shim)
    const pause = "  - { kind: wait, name: rest, for: 1s }\n"
    const here = place({ "flujo.toml": "", "ask.yaml": asking(pause) })
    const page = new Page(here)
    const env = {
      ...page.env(),
      OPENAI_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
    }
    const running = here.start("run ask.yaml --input q --run-id r", { env })
    await asked(running)
    page.setClock(-day)
    answer()
    await running.until("✓ think")
    page.setClock(-2 * day)
    const done = await running.done
    ended(done, 0)
    await sound(here, ["r"])
  })

  it("after its driver was killed: the run is taken over at once", async (test) => {
    if (cannot.shim !== undefined) return test.skip(cannot.shim)
    const here = place({ "flujo.toml": "", "ask.yaml": asking() })
    const page = new Page(here)
    const env = {
      ...page.env(),
      OPENAI_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
    }
    const running = here.start("run ask.yaml --input q --run-id r", { env })
    await asked(running)
    running.child.kill("SIGKILL")
    await running.done
    held.splice(0)
    page.setClock(-day)
    const again = here.start("resume r", { env })
    await asked(again)
    answer()
    const done = await again.done
    ended(done, 0)
    assert.strictEqual(done.stdout, "thought\n")
    await sound(here, ["r"])
  })
})
