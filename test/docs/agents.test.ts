/** What docs/agents.md shows is what is there, and runs as it says. */
import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Repair from "../../src/agent/Repair.js"
import * as ToolCall from "../../src/agent/ToolCall.js"
import * as Turn from "../../src/agent/Turn.js"
import { maxCorrectionsMost, maxTurnsDefault, maxTurnsMost, repairDefault, repairs } from "../../src/pipeline/Agent.js"
import * as Granular from "../../src/pipeline/Granular.js"
import { ended, place } from "../cli/Flujo.js"

const root = resolve(import.meta.dirname, "../..")
const read = (file: string) => readFileSync(join(root, file), "utf8")
const page = read("docs/agents.md")

describe("docs/agents.md", () => {
  it("shows the blueprint as it is", () => {
    for (const name of ["visit", "stand_in"]) {
      const [, shown] = new RegExp(
        `<!-- file: blueprints/${name}.yaml -->\n\`\`\`yaml\n([\\s\\S]*?)^\`\`\`$`,
        "m"
      ).exec(page)!
      assert.strictEqual(read(`blueprints/${name}.yaml`).replace(/^#.*\n/, ""), shown)
    }
  })

  it("and the model that stands in answers, and the trace shows both", async () => {
    const here = place({
      "stand_in.yaml": read("blueprints/stand_in.yaml"),
      "stand_in.script.json": read("blueprints/stand_in.script.json")
    })
    ended(await here.flujo(["run", "stand_in.yaml", "--input", "Rain fell all night. The river rose by a metre."]), 0)
    const { stdout } = await here.flujo("lens trace last -v")
    assert.match(stdout, /turn\[0\]/)
    assert.match(stdout, /model\[1\].* {2}offline/)
    ended(await here.flujo("lens replay last"), 0)
  })

  it("and it asks, then acts once that is approved, then replays as it was", async () => {
    const here = place({
      "visit.yaml": read("blueprints/visit.yaml"),
      "visit.script.json": read("blueprints/visit.script.json")
    })
    let done = await here.flujo(["run", "visit.yaml", "--input", "a day in Bergen"])
    ended(done, 0)
    assert.include(done.stderr, "By boat or on foot?")
    done = await here.flujo(["answer", "last", "by boat"])
    ended(done, 0)
    assert.include(done.stderr, "It waits for you at plan/turn[1]/approval[0]:")
    assert.include(done.stderr, '"path":"visit.md"}?')
    assert.notInclude(done.stderr, "cut off")
    assert.isFalse(here.has("visit.md"))
    assert.include((await here.flujo("lens trace last")).stdout, "approval  waiting")
    done = await here.flujo("approve last")
    ended(done, 0)
    assert.strictEqual(done.stdout, "The plan is in visit.md.\n")
    assert.strictEqual(here.read("visit.md"), "# A day in Bergen\n\nBy boat.\n")
    ended(await here.flujo("lens replay last"), 0)
  })

  it("shows the agent that goes on as it is, and it does until it is done", async () => {
    const [, shown] = /<!-- file: blueprints\/research.yaml -->\n```yaml\n([\s\S]*?)^```$/m.exec(page)!
    assert.strictEqual(read("blueprints/research.yaml"), shown)
    const here = place({
      "research.yaml": read("blueprints/research.yaml"),
      "research.script.json": read("blueprints/research.script.json")
    })
    const done = await here.flujo(["run", "research.yaml", "--input", "Research quantum computing"])
    ended(done, 0)
    assert.strictEqual(done.stdout, "Quantum computers factor small numbers so far.\n")
    ended(await here.flujo("lens replay last"), 0)
  })

  it("says the limits as they are", () => {
    assert.include(page, `up to ${maxTurnsMost}; past it \`AgentError\` \`MaxTurns\` | ${Granular.turnsDefault} |`)
    assert.include(page, `from ${Granular.historyTokensLeast} | all |`)
    assert.include(page, `the first ${ToolCall.blobHeadBytes} bytes`)
    const many = (count: number) => count.toLocaleString("en-US")
    assert.include(
      page,
      `${many(Granular.blobBytesLeast)} to ${many(Granular.blobBytesMost)} | ${many(Granular.blobBytesDefault)} |`
    )
    assert.include(page, `2 to ${Granular.sameTurnsMost} | ${Granular.sameTurnsDefault} |`)

    assert.include(page, `default ${maxTurnsDefault}, at most ${maxTurnsMost}`)
    assert.include(page, `default 0, at most ${maxCorrectionsMost})`)
    for (const level of repairs) {
      assert.include(page, `| \`${level}\`${level === repairDefault ? " (default)" : ""} |`)
    }
    assert.include(page, `more than ${Repair.bytesMax / 1024 / 1024} MiB are not searched`)
    assert.include(page, `| calls in one reply | ${Turn.callsMax} |`)
    assert.include(page, `| a result, as the model is shown it | ${ToolCall.resultBytesMax / 1024} KiB |`)
  })
})
