/** Runs as files: exported, replayed elsewhere, and held as tests of a project. */
import { readFileSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { echo, ended, envelope, place, refused, twoQuestions } from "./Flujo.js"

const files = { "flujo.toml": "", "pipeline.yaml": echo, "two.yaml": twoQuestions, "fixtures/.keep": "" }

describe.concurrent("flujo lens replay", () => {
  it("exports a run that a colleague replays without the state, whole or up to a step", async () => {
    const here = place(files)
    ended(await here.flujo("run two.yaml --run-id w1 --no-input"), 0)
    ended(await here.flujo("answer w1 blue"), 0)
    const exported = await here.flujo("lens replay w1 --export w1.jsonl")
    ended(exported, 0)
    assert.match(exported.stderr + exported.stdout, /lens replay --import/)
    const elsewhere = place({ "run.jsonl": here.read("w1.jsonl") })
    const replayed = await elsewhere.flujo("lens replay --import run.jsonl --json")
    ended(replayed, 0)
    assert.deepInclude(envelope(replayed).data, { run: "w1", same: true, end: "suspended" })
    const until = await elsewhere.flujo("lens replay --import run.jsonl --until colour --json")
    ended(until, 0)
    const { entries, step } = envelope(until).data
    assert.isBelow(entries, envelope(replayed).data.entries)
    assert.deepInclude(step, { path: "colour", status: "completed" })
    assert.strictEqual(step.task.answer.value, "blue")
    ended(await here.flujo("lens replay w1 --until colour"), 0)
    refused(await here.flujo("lens replay w1 --until nowhere"), 2, "did not come to it", "FLJ-ENGINE-15")
    refused(await here.flujo("lens replay w1 --import w1.jsonl"), 2, "not both")
    refused(await here.flujo("lens replay"), 2, "--import")
    refused(await here.flujo("lens replay w1 --export w1.jsonl"), 2, "there already")

    const bytes = readFileSync(here.at("w1.jsonl"))
    bytes[bytes.indexOf("blue")]! ^= 1
    writeFileSync(here.at("w1.jsonl"), bytes)
    refused(await here.flujo("lens replay --import w1.jsonl"), 5, "its payload was changed", "FLJ-LEDGER-1")
    refused(await here.flujo("lens replay --import none.jsonl"), 2, "none.jsonl")
  })

  it("walks a run by another blueprint: the same, or exit code 5 with the step and both values", async () => {
    const here = place({
      ...files,
      "same.yaml": `# told again\n${echo}`,
      "other.yaml": echo.replace("{{ initial_prompt }}", "{{ initial_prompt | upper }}")
    })
    ended(await here.flujo("run --input hello --run-id e1"), 0)
    ended(await here.flujo("lens replay e1 --file same.yaml"), 0)
    refused(await here.flujo("lens replay e1 --file other.yaml"), 5, "said", "hello", "HELLO")
  })
})

describe.concurrent("flujo test", () => {
  it("replays the fixtures of a project with its blueprints as they are now", async () => {
    const here = place(files)
    refused(await here.flujo("test"), 2, "no fixtures", "lens replay last --export")
    ended(await here.flujo("run --input hello --run-id e1"), 0)
    ended(await here.flujo("run two.yaml --run-id w1 --no-input"), 0)
    ended(await here.flujo("lens replay e1 --export fixtures/echo.jsonl"), 0)
    ended(await here.flujo("lens replay w1 --export fixtures/two.jsonl"), 0)
    const fine = await here.flujo("test")
    ended(fine, 0)
    assert.match(fine.stdout, /✓ fixtures\/echo.jsonl {2}\d+ entries, by pipeline.yaml/)
    assert.include(fine.stdout, "2 of 2 fixtures go the same way.")

    here.write("two.yaml", twoQuestions.replace("Which colour?", "Which color?"))
    const changed = await here.flujo("test --json")
    ended(changed, 5)
    const { data, ok } = JSON.parse(changed.stdout)
    assert.isFalse(ok)
    assert.deepInclude(data, { held: 1, failed: 1, skipped: 0 })
    assert.deepInclude(data.fixtures[1], { file: "fixtures/two.jsonl", same: false, step: "colour" })
    assert.include(data.fixtures[1].why, "Which color?")
    ended(await here.flujo("test --kept"), 0)
    ended(await here.flujo("test fixtures/echo.jsonl"), 0)

    const bytes = readFileSync(here.at("fixtures/echo.jsonl"))
    bytes[bytes.length >> 1]! ^= 4
    writeFileSync(here.at("fixtures/echo.jsonl"), bytes)
    const broken = await here.flujo("test fixtures/echo.jsonl --json")
    ended(broken, 5)
    assert.include(JSON.parse(broken.stdout).data.fixtures[0].code, "FLJ-LEDGER-1")
  })
})
