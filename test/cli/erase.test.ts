/** `flujo state erase`: what is shown first, what is left, what everything else says of it, and a process killed in it. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { echo, ended, envelope, type Place, place, refused, root } from "./Flujo.js"

const canary = "canary-7f3a91"
const key = "1a".repeat(32)

const asks = `version: "0.1"
name: asks
steps:
  - kind: cache
    name: kept
    wrapped_step:
      name: said
      input: "{{ initial_prompt }}"
  - kind: hitl
    name: ask
    message: "Is it {{ previous_step }}?"
`

const project = (toml = "") => place({ "flujo.toml": toml, "pipeline.yaml": asks, "echo.yaml": echo, key })

const isLeft = (here: Place): boolean =>
  readdirSync(here.at(".flujo")).some((name) => readFileSync(join(here.at(".flujo"), name)).includes(canary))

const start = (here: Place, id: string, more = "") =>
  here.flujo(`run --input ${canary} --no-input --run-id ${id} ${more}`)

const why = "--reason asked_to --by ann"

describe.concurrent("flujo state erase", () => {
  for (const toml of ["", '[encryption]\nkey_file = "key"\n']) {
    const kind = toml === "" ? "plain" : "encrypted"
    it(`of a ${kind} state, shows first, then removes what was said; the ledger verifies, and nothing else reads it`, async () => {
      const here = project(toml)
      ended(await start(here, "a1"), 0)
      ended(await here.flujo(`answer a1 ${canary}`), 0)
      ended(await start(here, "b1"), 0)
      assert.strictEqual(isLeft(here), toml === "")
      refused(await here.flujo("state erase --run a1"), 2, "--reason")
      refused(await here.flujo(`state erase ${why}`), 2, "--subject")
      refused(await here.flujo(`state erase --run a1 --subject x ${why}`), 2)
      refused(await here.flujo(`state erase --run nowhere ${why}`), 2, "nowhere")
      const dry = await here.flujo(`state erase --run a1 --run b1 ${why}`)
      ended(dry, 0)
      assert.match(dry.stdout, /2 runs would be erased for good; nothing was changed/)
      assert.include((await here.flujo("lens show a1")).stdout, canary)
      // The key is not wanted for it, and is not there.
      here.write("flujo.toml", "")
      const done = await here.flujo(`state erase --run a1 --run b1 ${why} --apply`)
      ended(done, 0)
      assert.match(done.stdout, /2 runs erased, \d+ payloads/)
      here.write("flujo.toml", toml)
      assert.isFalse(isLeft(here))

      const verified = envelope(await here.flujo("ledger verify --json"))
      assert.isTrue(verified.ok)
      assert.strictEqual(verified.data.erased, 8)
      // What is said of it is the same for both.
      if (toml !== "") return refused(await here.flujo("lens replay a1"), 5, "FLJ-JOURNAL-15", "entry 0 ")
      assert.match((await here.flujo("ledger verify a1")).stdout, /\d+ payloads were erased/)
      const listed = envelope(await here.flujo("lens list --status erased --json")).data
      assert.sameMembers(
        listed.map(({ run }: { run: string }) => run),
        ["a1", "b1"]
      )
      const reading = [
        "lens replay a1",
        "lens show a1",
        "lens trace a1",
        "lens cost a1",
        "lens why a1",
        "lens diff a1 b1",
        "lens fork a1 --from ask",
        "resume b1",
        "answer b1 x"
      ]
      for (const words of reading) {
        const refusal = await here.flujo(words)
        refused(refusal, 5, "FLJ-JOURNAL-15", /entry 0 |was erased/)
      }
      const { error } = envelope(await here.flujo("lens replay a1 --json"))
      assert.match(error.message, /entry 0 cannot be read: .* was erased \S+ by ann \(entry \d+\): asked_to/)
      refused(await here.flujo("cancel b1"), 1, "erased")
      ended(await here.flujo("lens cost"), 0)
      ended(await here.flujo("tasks"), 0)
      ended(await here.flujo("wake"), 0)
      const again = await here.flujo(`state erase --run a1 ${why} --apply`)
      ended(again, 0)
      assert.include(again.stdout, "0 runs erased")

      ended(await here.flujo("ledger export a1 --out a1.jsonl"), 0)
      ended(await here.flujo("ledger verify --file a1.jsonl"), 0)
      const verifier = await here.shell(
        `NODE_PATH= "${process.execPath}" "${join(root, "docs/verify-run.mjs")}" a1.jsonl`
      )
      ended(verifier, 0)
      ended(await here.flujo("state export --out all.jsonl"), 0)
      ended(await here.flujo("state import all.jsonl --state-uri sqlite:///other/new.db"), 0)
      ended(await here.flujo("ledger verify --state-uri sqlite:///other/new.db"), 0)
      refused(await here.flujo("lens show a1 --state-uri sqlite:///other/new.db"), 5, "was erased")
      ended(await here.flujo("state prune --status erased --apply"), 0)
      ended(await here.flujo("ledger verify"), 0)
      assert.deepStrictEqual(envelope(await here.flujo("lens list --json")).data, [])
    })
  }

  it("takes all runs of a subject and their forks, and stops at one that is driven", async () => {
    const here = project()
    ended(await start(here, "a1", "--label subject=p-1"), 0)
    ended(await here.flujo("lens fork a1 --from ask --no-input"), 0)
    ended(await start(here, "b1", "--label subject=p-2"), 0)
    const shown = envelope(await here.flujo(`state erase --run a1 ${why} --json`)).data
    assert.deepStrictEqual(
      shown.runs.map(({ fork_of }: { fork_of: string | null }) => fork_of),
      [null, "a1"]
    )
    ended(await here.flujo(`state erase --subject p-1 ${why} --apply`), 0)
    assert.include((await here.flujo("lens show b1")).stdout, canary)
    assert.strictEqual(envelope(await here.flujo("lens list --status erased --json")).data.length, 2)

    // Each is too short to be parked.
    const waits = [1, 2, 3, 4, 5, 6].map((n) => `  - kind: wait\n    name: rest${n}\n    for: 4s\n`)
    here.write("slow.yaml", `version: "0.1"\nname: slow\nsteps:\n${waits.join("")}`)
    const driven = here.start("run slow.yaml --run-id s1 --input x --no-input")
    let running: ReadonlyArray<unknown> = []
    while (running.length === 0) running = envelope(await here.flujo("lens list --status running --json")).data
    const refusal = await here.flujo(`state erase --run s1 ${why} --apply`)
    driven.child.kill("SIGTERM")
    await driven.done
    refused(refusal, 1, "is driven by process", "0 of 1 runs were erased")
  })

  it("killed in the middle it has erased whole runs or none, and goes on when it is called again", async () => {
    const here = project()
    const ids = ["a1", "a2", "a3", "a4"]
    for (const id of ids) ended(await start(here, id, "--label subject=p-1"), 0)
    for (const millis of [150, 250, 350]) {
      const { child, done } = here.start(`state erase --subject p-1 ${why} --apply`)
      setTimeout(() => child.kill("SIGKILL"), millis)
      await done
      ended(await here.flujo("ledger verify"), 0)
    }
    // A lease of a process that is gone is free.
    ended(await here.flujo(`state erase --subject p-1 ${why} --apply`), 0)
    ended(await here.flujo("ledger verify"), 0)
    assert.isFalse(isLeft(here))
    assert.strictEqual(envelope(await here.flujo("lens list --status erased --json")).data.length, ids.length)
  })
})
