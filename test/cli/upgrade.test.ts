/** A run that goes on by another version of its blueprint, from the command line. */
import { assert, describe, it } from "@effect/vitest"
import { ended, envelope, place, refused, twoQuestions } from "./Flujo.js"

const more = `${twoQuestions}  - kind: hitl
    name: thanks
    message: "Who is to be thanked?"
`
const otherwise = twoQuestions.replace("Which colour?", "Which color?")

describe.concurrent("flujo resume --upgrade", () => {
  it("goes on by the new blueprint, twice, and everything else follows it", async () => {
    const here = place({ "flujo.toml": "", "two.yaml": twoQuestions, "more.yaml": more })
    ended(await here.flujo("run two.yaml --run-id u1 --no-input"), 0)
    ended(await here.flujo("answer u1 blue --no-input"), 0)
    const upgraded = await here.flujo("resume u1 --upgrade more.yaml --no-input --json")
    ended(upgraded, 0)
    const { data } = envelope(upgraded)
    assert.deepInclude(data, { status: "suspended", upgrades: 1 })
    ended(await here.flujo("approve u1 --no-input"), 0)
    // The file may be gone: what the run goes by is kept.
    here.write("more.yaml", `${more}  - kind: hitl\n    name: last\n    message: "Anything else?"\n`)
    const again = await here.flujo("resume u1 --upgrade more.yaml --no-input")
    ended(again, 0)
    assert.include(again.stderr, "Who is to be thanked?")
    here.write("more.yaml", "nothing")
    ended(await here.flujo("answer u1 Ada --no-input"), 0)
    const done = await here.flujo("answer u1 no --no-input")
    ended(done, 0)
    const shown = await here.flujo("lens show u1")
    assert.match(shown.stdout, /upgraded +2 times, to plan [0-9a-f]{12}/)
    assert.include((await here.flujo("lens trace u1")).stdout, "thanks")
    ended(await here.flujo("lens replay u1"), 0)
    ended(await here.flujo("lens replay u1 --until colour"), 0)
    ended(await here.flujo("ledger verify u1"), 0)
    const fork = await here.flujo("lens fork u1 --from colour --no-input --json")
    ended(fork, 0)
    assert.strictEqual(envelope(fork).data.plan, envelope(await here.flujo("lens show u1 --json")).data.plan)
    assert.notInclude((await here.flujo(`lens diff u1 ${envelope(fork).data.run}`)).stdout, "different versions")

    ended(await here.flujo("lens replay u1 --export u1.jsonl"), 0)
    const there = place({ "flujo.toml": "" })
    there.write("u1.jsonl", here.read("u1.jsonl"))
    ended(await there.flujo("lens replay --import u1.jsonl"), 0)
    ended(await there.flujo("ledger verify --file u1.jsonl"), 0)
    ended(await there.flujo("state import u1.jsonl"), 0)
    ended(await there.flujo("lens replay u1"), 0)
    refused(await here.flujo("resume u1 --upgrade two.yaml"), 2, "FLJ-ENGINE-7")
  })

  it("is refused with the step and the field where the record says otherwise, and changes nothing", async () => {
    const here = place({ "flujo.toml": "", "two.yaml": twoQuestions, "other.yaml": otherwise })
    ended(await here.flujo("run two.yaml --run-id u1 --no-input"), 0)
    here.write("named.yaml", otherwise.replace("name: two_questions", "name: another"))
    here.write("broken.yaml", `${twoQuestions}    nonsense: 1\n`)
    const before = (await here.flujo("ledger verify u1")).stdout
    const done = await here.flujo("resume u1 --upgrade other.yaml --no-input")
    refused(done, 5, "FLJ-ENGINE-17", "colour", "/payload/message", "Which colour?", "Which color?")
    refused(await here.flujo("resume u1 --upgrade named.yaml --no-input"), 5, "another")
    refused(await here.flujo("resume u1 --upgrade broken.yaml --no-input"), 4, "nonsense")
    refused(await here.flujo("resume u1 --upgrade none.yaml --no-input"), 2, "none.yaml")
    assert.strictEqual((await here.flujo("ledger verify u1")).stdout, before)
    const checked = await here.flujo("upgrade-check other.yaml --json")
    ended(checked, 5)
    assert.deepInclude(envelope(checked).data.runs[0], { compatible: false, step: "colour", field: "/payload/message" })
    ended(await here.flujo("answer u1 blue --no-input"), 0)
  })
})
