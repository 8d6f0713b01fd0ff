/** At a terminal: a live tree, the question asked right there, and what keys do. */
import { chmodSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { asking, echo, envelope, place, twoQuestions } from "./Flujo.js"
import * as Terminal from "./Terminal.js"

const green = "\u001b[32m"

describe.concurrent("a person at a terminal", () => {
  it("sees the tree, is asked right there, and gets the result, the run and the next command", async () => {
    const here = place({ "two.yaml": twoQuestions })
    const terminal = Terminal.open(here, "flujo run two.yaml --input x --run-id r")
    const tree = await terminal.until("Answer with any text or JSON")
    assert.match(tree, /● two_questions|⏸ two_questions/)
    assert.include(tree, "⏸ colour  waiting")
    assert.include(tree, "Which colour?")
    terminal.type("blue")
    terminal.keys("Enter")
    await terminal.until("Approve? yes, no")
    assert.include(terminal.screen(), "Publish blue?")
    terminal.type("perhaps")
    terminal.keys("Enter")
    await terminal.until("type yes or no")
    for (let i = 0; i < "perhaps".length; i++) terminal.keys("BSpace")
    terminal.type("y")
    terminal.keys("Enter")
    const end = await terminal.until("[exit 0]")
    assert.include(end, "✓ two_questions  completed")
    assert.match(end, /run r\b/)
    assert.include(end, "next: flujo lens trace r")
    assert.include(terminal.screen(true), green)
    assert.deepStrictEqual(envelope(await here.flujo("lens show r --json")).data.output, "blue")
  })

  it("may leave a question for later with Enter, and may say no with a reason", async () => {
    const here = place({ "two.yaml": twoQuestions })
    const later = Terminal.open(here, "flujo run two.yaml --run-id r")
    await later.until("Answer with")
    later.keys("Enter")
    const left = await later.until("[exit 0]")
    assert.include(left, "next: flujo answer r ANSWER")
    const again = place({ "two.yaml": twoQuestions })
    const no = Terminal.open(again, "flujo run two.yaml --run-id r")
    await no.until("Answer with")
    no.type("red")
    no.keys("Enter")
    await no.until("Approve?")
    no.type("no")
    no.keys("Enter")
    await no.until("Why?")
    no.type("too red")
    no.keys("Enter")
    const end = await no.until("[exit 1]")
    assert.include(end, "publish was rejected: too red")
  })

  it("leaves the question with Ctrl-C, and the run waits on", async () => {
    const here = place({ "two.yaml": twoQuestions })
    const terminal = Terminal.open(here, "flujo run two.yaml --run-id r")
    await terminal.until("Answer with")
    terminal.keys("C-c")
    const seen = await terminal.until(/\[exit \d+\]/)
    assert.include(seen, "[exit 130]")
    assert.include(seen, "flujo resume r")
    assert.strictEqual(envelope(await here.flujo("lens show r --json")).data.status, "suspended")
    // The terminal is as it was: what is typed is seen.
    terminal.type("hello")
    await terminal.until("hello")
  })

  it("interrupts a step with Ctrl-C, and is told how to go on", async () => {
    const here = place({ "ask.yaml": asking() })
    const server = (await import("node:http")).createServer(() => {})
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done))
    const { port } = server.address() as import("node:net").AddressInfo
    const terminal = Terminal.open(here, "flujo run ask.yaml --input x --run-id r", {
      more: { OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` }
    })
    await terminal.until("● think")
    terminal.keys("C-c")
    const seen = await terminal.until("[exit 130]")
    assert.include(seen, "interrupted; to go on: flujo resume r")
    server.closeAllConnections()
    server.close()
  })

  it("is not asked with --no-input, in test mode, or where a message cannot be seen", async () => {
    const here = place({ "two.yaml": twoQuestions })
    const seen = await Terminal.open(
      here,
      "flujo run two.yaml --no-input && FLUJO_TEST_MODE=1 flujo run two.yaml && flujo run two.yaml 2>/dev/null"
    ).until("[exit 0]")
    assert.notInclude(seen, "Answer with")
    assert.include(seen, "next: flujo answer")
  })

  it("has no colours with --no-color or NO_COLOR, and no steering of the terminal by a result", async () => {
    const here = place({ "echo.yaml": echo, "two.yaml": twoQuestions, esc: "\u001b[31mred\u001b]0;title\u0007" })
    const plain = Terminal.open(
      here,
      "flujo run echo.yaml --no-color --input-file esc; NO_COLOR=1 flujo lens list; flujo status --no-color; flujo nope --no-color; flujo --help --no-color"
    )
    await plain.until("[exit 0]")
    assert.notInclude(plain.screen(true), "\u001b[3")
    assert.notInclude(plain.screen(true), "\u001b[1m")
  })

  it("reads a long result through $PAGER with --pager", async () => {
    const here = place({ "echo.yaml": echo, pager: "#!/bin/sh\necho PAGED BEGIN\ncat\necho PAGED END\n" })
    chmodSync(here.at("pager"), 0o755)
    const terminal = Terminal.open(here, "flujo run echo.yaml --input words --pager", {
      more: { PAGER: here.at("pager") }
    })
    assert.match(await terminal.until("[exit 0]"), /PAGED BEGIN\nwords\nPAGED END/)
    const none = Terminal.open(place({ "echo.yaml": echo }), "flujo run echo.yaml --input words --pager", {
      more: { PAGER: "/no/such/pager" }
    })
    assert.match(await none.until("[exit 0]"), /^words$/m)
  })

  it("sees a tree taller than the screen to its end", async () => {
    const many = `version: "0.1"\nname: many\nsteps:\n${Array.from({ length: 60 }, (_, i) => `  - name: s${i}\n`).join("")}`
    const terminal = Terminal.open(place({ "many.yaml": many }), "flujo run many.yaml --input x", { rows: 12 })
    const seen = await terminal.until("[exit 0]")
    assert.include(seen, "✓ s59")
  })

  it("confirms what init would overwrite", async () => {
    const here = place({ "pipeline.yaml": "mine" })
    const no = Terminal.open(here, "flujo init --force")
    await no.until("Go on?")
    assert.include(no.screen(), "  pipeline.yaml")
    no.type("n")
    await no.until("[exit 1]")
    assert.strictEqual(here.read("pipeline.yaml"), "mine")
    const there = place({ "pipeline.yaml": "mine" })
    const yes = Terminal.open(there, "flujo init --force")
    await yes.until("Go on?")
    yes.type("y")
    await yes.until("[exit 0]")
    assert.include(there.read("pipeline.yaml"), "digest")
  })
})
