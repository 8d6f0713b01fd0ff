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
