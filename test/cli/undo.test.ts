/** What the command says of a run whose steps are taken back: while that rests, once it is over, and where it failed. */
import { assert, describe, it } from "@effect/vitest"
import { ended, envelope, place, refused } from "./Flujo.js"

/** `undo` takes back `book`; `after` comes behind it. */
const booking = (undo: string, after: string) => `version: "0.1"
name: booking
steps:
  - { name: book, compensate: [${undo}] }
${after}`

const dayLong = "{ kind: wait, name: rest, for: 1d }"
const asks = '{ kind: hitl, name: release, message: "Released?", on_reject: fail }'
const waits = `  - { kind: hitl, name: paid, message: "Paid?" }\n`

describe.concurrent("flujo cancel of a run that can be undone", () => {
  it("says that the run is being cancelled, and where its undo waits, as often as it is asked", async () => {
    const here = place({ "b.yaml": booking(dayLong, waits) })
    ended(await here.flujo("run b.yaml --input x --run-id r"), 0)
    const done = await here.flujo("cancel r --reason wrong")
    ended(done, 0)
    const said = "run r is being cancelled: it takes back what it did, and waits in an undo at book!undo/rest\n"
    assert.strictEqual(done.stdout, said)
    const again = envelope(await here.flujo("cancel r --json"))
    assert.deepStrictEqual(again.data, { run: "r", status: "cancelling" })
    assert.deepStrictEqual(again.next, ["flujo resume r"])
    assert.strictEqual((await here.flujo("cancel r")).stdout, said)
  })

  it("shows what answers the undo that asks; pasted, it ends the run", async () => {
    const here = place({ "b.yaml": booking(asks, waits) })
    ended(await here.flujo("run b.yaml --input x --run-id r"), 0)
    const { data, next } = envelope(await here.flujo("cancel r --json"))
    assert.deepStrictEqual(data, { run: "r", status: "cancelling" })
    assert.deepStrictEqual(next, ["flujo approve r", "flujo reject r --reason WHY"])
    refused(await here.shell(next[0]), 1, "cancelled")
    refused(await here.flujo("cancel r"), 1, "ended")
  })
})

const breaks = '  - { name: pay, input: "{{ previous_step.output.nothing.at_all }}" }\n'

describe.concurrent("flujo lens why of a run that was undone", () => {
  const told = async (undo: string, after: string, cancel?: ReadonlyArray<string>) => {
    const here = place({ "b.yaml": booking(undo, after) })
    await here.flujo("run b.yaml --input x --run-id r")
    if (cancel !== undefined) await here.flujo(["cancel", "r", ...cancel])
    const done = await here.flujo("lens why r --json")
    ended(done, 0)
    const { data, next } = envelope(done)
    assert.isAtMost(data.lines.length, 10)
    return { here, status: data.status, next, text: data.lines.join("\n") }
  }

  it("that failed: what it had done is taken back, a fork goes on, resume does not", async () => {
    const { here, next, status, text } = await told("{ name: release }", breaks)
    assert.strictEqual(status, "failed")
    assert.include(text, "The step pay failed: ")
    assert.include(text, "What it had done was taken back (1 step), so there is nothing to resume; for all else start")
    assert.notInclude(text, "What was finished stays")
    assert.deepStrictEqual(next, ["flujo lens trace r -v", "flujo lens fork r --from book"])
    refused(await here.flujo("resume r"), 2, "undone")
    const fork = await here.shell(next[1])
    assert.include(fork.stderr, "pay")
    const { data } = envelope(await here.flujo("lens show last --json"))
    assert.deepInclude(data, { status: "failed", undone: 1 })
    assert.notStrictEqual(data.run, "r")
  })

  it("that failed, and an undo with it: names the undo, and resume tries it", async () => {
    const { here } = await told(asks, breaks)
    await here.flujo("reject r --reason Never")
    assert.match((await here.flujo("status")).stdout, /^not undone book: .*, flujo resume r tries again$/m)
    const [failure] = envelope(await here.flujo("status --json")).data.undo_failures
    assert.deepInclude(failure, { run: "r", path: "book" })
    const { data, next } = envelope(await here.flujo("lens why r --json"))
    const text = data.lines.join("\n")
    assert.match(text, /Of what it had done, 0 steps could be taken back, 1 step could not:\n {2}at book: \S/)
    assert.include(text, "resume tries again to take these back; for all else start a new run, or fork this one.")
    assert.include(next, "flujo resume r")
    ended(await here.flujo("resume r"), 0)
    assert.include((await here.flujo("lens why r")).stdout, "It failed, and takes back what it did before it ends.")
    await here.flujo("approve r")
    assert.notInclude((await here.flujo("status")).stdout, "not undone")
    refused(await here.flujo("resume r"), 2, "undone")
    const { stdout: explained } = await here.flujo("explain FLJ-ENGINE-7")
    assert.include(explained.replaceAll(/\s+/g, " "), "A failed run of which nothing was taken back can be resumed")
    assert.include((await here.flujo("lens why r")).stdout, "What it had done was taken back (1 step)")
  })

  it("that was cancelled: says why only where a reason was given, and what was taken back", async () => {
    const { next, text } = await told("{ name: release }", waits, [])
    assert.include(text, "Somebody cancelled it, and gave no reason.\n")
    assert.include(text, "What it had done was taken back (1 step), so there is nothing to resume")
    assert.include(next, "flujo lens fork r --from book")
    const { text: other } = await told("{ name: release }", waits, ["--reason", "wrong day"])
    assert.include(other, "Somebody cancelled it: wrong day\n")
  })

  it("and of one whose undo waits: that it is being cancelled, or failed", async () => {
    const cancelled = await told(dayLong, waits, [])
    assert.strictEqual(cancelled.status, "suspended")
    assert.include(cancelled.text, "It is being cancelled, and takes back what it did before it ends.")
    const failed = await told(asks, breaks)
    assert.strictEqual(failed.status, "suspended")
    assert.include(failed.text, "It failed, and takes back what it did before it ends.")
    assert.deepStrictEqual(failed.next.slice(0, 2), ["flujo approve r", "flujo reject r --reason WHY"])
    const waiting = await told("{ name: release }", waits)
    assert.notInclude(waiting.text, "takes back")
  })
})
