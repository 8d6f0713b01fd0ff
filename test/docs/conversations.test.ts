/** What docs/conversations.md shows is what is there, and runs as it says. */
import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { contentMax } from "../../src/agent/Conversation.js"
import * as Conversation from "../../src/pipeline/Conversation.js"
import { ended, place } from "../cli/Flujo.js"

const root = resolve(import.meta.dirname, "../..")
const read = (file: string) => readFileSync(join(root, file), "utf8")
const page = read("docs/conversations.md")

describe("docs/conversations.md", () => {
  it("shows the blueprint as it is", () => {
    const [, shown] = /<!-- file: blueprints\/interview.yaml -->\n```yaml\n([\s\S]*?)^```$/m.exec(page)!
    assert.strictEqual(read("blueprints/interview.yaml"), shown)
  })

  it("and it tells what was said before, and replays as it was", async () => {
    const here = place({
      "interview.yaml": read("blueprints/interview.yaml"),
      "interview.script.json": read("blueprints/interview.script.json")
    })
    let done = await here.flujo(["run", "interview.yaml", "--input", "a trip"])
    ended(done, 0)
    assert.include(done.stderr, "Where to?")
    done = await here.flujo("answer last Oslo")
    ended(done, 0)
    const trace = (await here.flujo("lens trace last -v")).stdout
    assert.include(trace, "The conversation so far: user: a trip assistant: Where to?")
    done = await here.flujo("answer last May")
    ended(done, 0)
    assert.strictEqual(done.stdout, "user: a trip\nassistant: Where to?\nuser: Oslo\nassistant: When?\nuser: May\n")
    ended(await here.flujo("lens replay last"), 0)
  })

  it("says the limits as they are", () => {
    const many = (count: number) => count.toLocaleString("en-US")
    assert.include(page, `the newest ${many(Conversation.tokensDefault)} tokens`)
    assert.include(page, `from ${Conversation.tokensLeast} to ${many(Conversation.tokensMost)}`)
    assert.include(page, `max_turns: ${Conversation.turnsDefault} }`)
    assert.include(page, `up to ${many(Conversation.turnsMost)}`)
    assert.include(page, `summarize_ratio: ${Conversation.ratioDefault},`)
    assert.include(page, `more than ${many(contentMax)}\ncharacters`)
  })
})
