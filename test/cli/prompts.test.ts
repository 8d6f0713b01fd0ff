/** Prompts in files, on the command line. */
import { symlinkSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { ended, place } from "./Flujo.js"

const blueprint = `agents:
  writer:
    model: scripted:replies.json
    system_prompt: { from_file: ./prompts/writer.md, variables: { tone: formal } }
steps:
  - kind: hitl
    name: topic
    message: About what?
  - name: draft
    uses: agents.writer
`
const replies = JSON.stringify({ writer: ["A text."] })

describe.concurrent("a prompt file", () => {
  it("is kept by a run, which goes on with it, whatever the file says by then", async () => {
    const here = place({
      "flujo.toml": "",
      "pipeline.yaml": blueprint,
      "prompts/writer.md": "Write in a {{ tone }} tone.\n",
      "replies.json": replies
    })
    ended(await here.flujo("run --input x --no-input"), 0)
    here.write("prompts/writer.md", "Sing.\n")
    const done = await here.flujo("answer last rain")
    ended(done, 0)
    assert.include(done.stderr, "prompts/writer.md has changed since; the run goes on with what it keeps")
    const { stdout } = await here.flujo("lens trace last --json")
    assert.include(stdout, "Write in a formal tone.")
    assert.notInclude(stdout, "Sing.")
    ended(await here.flujo("lens replay last"), 0)
  })

  it("is not read where a link leads out of the project", async () => {
    const outside = place({ "secret.md": "the secret\n" })
    const here = place({ "flujo.toml": "", "pipeline.yaml": blueprint, "replies.json": replies, "prompts/a.md": "" })
    symlinkSync(outside.at("secret.md"), here.at("prompts/writer.md"))
    const done = await here.flujo("validate")
    ended(done, 4)
    assert.include(
      done.stdout,
      "error[FLJ-PROMPT-1]: prompts/writer.md is not read: this file lies outside the project"
    )
    assert.notInclude(done.stdout + done.stderr, "the secret")
  })
})
