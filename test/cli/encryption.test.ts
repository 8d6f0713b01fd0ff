/** Encryption as a project has it: the key from a file, a variable or a command, a new key, and what is refused. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { type Done, ended, envelope, type Place, place, refused } from "./Flujo.js"

const canary = "canary-7f3a91"
const [first, second] = ["1a".repeat(32), Buffer.alloc(32, 9).toString("base64")]

const asks = `version: "0.1"
name: asks
steps:
  - name: said
    input: "{{ initial_prompt }}"
  - kind: hitl
    name: ask
    message: "Is it {{ previous_step }}?"
`

const project = (toml: string) => place({ "flujo.toml": toml, "pipeline.yaml": asks, k1: first, k2: second })

const byFile = (n: 1 | 2) => `[encryption]\nkey_id = "k-${n}"\nkey_file = "k${n}"\n`

/** Whether the word stands in any file of the state. */
const isLeft = (here: Place): boolean =>
  readdirSync(here.at(".flujo")).some((name) => readFileSync(join(here.at(".flujo"), name)).includes(canary))

const saysNoKey = (done: Done): void => {
  for (const key of [first, second]) assert.notInclude(done.stdout + done.stderr, key)
}

describe.concurrent("encryption", () => {
  it("a run pauses, is answered, ends, replays and verifies as without, and nothing of it stands in the state", async () => {
    const here = project(byFile(1))
    const ran = await here.flujo(`run --input ${canary} --no-input`)
    ended(ran, 0)
    assert.include(ran.stderr, canary)
    assert.isFalse(isLeft(here))
    ended(await here.flujo(`answer last ${canary}`), 0)
    assert.isFalse(isLeft(here))
    ended(await here.flujo("lens replay last"), 0)
    ended(await here.flujo("ledger verify"), 0)
    assert.include((await here.flujo("lens trace last --json")).stdout, canary)
    const info = envelope(await here.flujo("state info --json")).data.encryption
    assert.deepInclude(info, { key_id: "k-1", plain: 0, phi: false })
    assert.match(info.runs_by_key[0].key, /^k-1 \([0-9a-f]{16}\)$/)
  })

  it("the key comes from a file, a variable or a command, and is never said", async () => {
    const sources = [
      ["key_file = 'k1'", {}],
      ["key_env = 'WHATEVER'", { WHATEVER: first }],
      ["key_command = ['cat', 'k1']", {}]
    ] as const
    for (const [said, env] of sources) {
      const here = project(`[encryption]\n${said}\n`)
      const ran = await here.flujo(`run --input ${canary}-${first} --no-input --debug --log-level all`, { env })
      ended(ran, 0)
      if (said.startsWith("key_env")) saysNoKey(ran)
      assert.isFalse(isLeft(here))
      const shown = await Promise.all(
        ["state info", "dev doctor", "dev show-config", "lens list"].map((words) => here.flujo(words, { env }))
      )
      for (const done of shown) {
        ended(done, 0)
        saysNoKey(done)
      }
    }
  })

  it("what is no key, or not there, is refused before anything is written, and not shown", async () => {
    const secret = "0123456789abcdef-not-a-key"
    const wrong = [
      ["key_file = 'nowhere'", "no such file"],
      ["key_file = 'bad'", "is not a key"],
      ["key_env = 'NOT_THERE'", "NOT_THERE is not set"],
      ["key_command = ['false']", "exit code 1"],
      ["key_command = ['/no/such/program']", "could not be run"],
      ["key_command = ['cat', 'bad']", "is not a key"]
    ] as const
    for (const [said, why] of wrong) {
      const here = place({ "flujo.toml": `[encryption]\n${said}\n`, "pipeline.yaml": asks, bad: secret })
      const ran = await here.flujo("run --input x --no-input")
      refused(ran, 2, "FLJ-JOURNAL-14", why)
      assert.notInclude(ran.stderr, secret)
      assert.deepStrictEqual(envelope(await here.flujo("lens list --json")).data, [])
      ended(await here.flujo("dev doctor"), 1)
    }
    for (const toml of ["key = 'x'", "key_file = 'a'\nkey_env = 'B'", "key_id = 'a b'\nkey_env = 'B'", "old.x = {}"]) {
      refused(await project(`[encryption]\n${toml}\n`).flujo("status"), 2, "flujo.toml")
    }
  })

  it("without the key, lists and the ledger are as ever; with another key id than its own, a key is refused", async () => {
    const here = project(byFile(1))
    ended(await here.flujo(`run --input ${canary} --no-input`), 0)
    here.write("flujo.toml", "")
    for (const words of ["lens list", "tasks", "status", "state info"]) {
      const done = await here.flujo(words)
      if (words !== "tasks") ended(done, 0)
      assert.notInclude(done.stdout, canary)
    }
    const doctor = await here.flujo("dev doctor")
    ended(doctor, 1)
    assert.include(doctor.stdout, "off, and 1 runs of this state are encrypted")
    const verified = await here.flujo("ledger verify")
    ended(verified, 0)
    assert.match(verified.stdout, /payloads of 3 of them are encrypted/)
    for (const words of [
      "lens show last",
      "answer last x",
      "lens replay last",
      "state export --decrypt",
      "cancel last"
    ]) {
      refused(await here.flujo(words), 2, "FLJ-JOURNAL-14", "key k-1 (")
    }
    here.write("flujo.toml", `[encryption]\nkey_id = "k-1"\nkey_file = "k2"\n`)
    refused(await here.flujo("run --input x --no-input"), 2, "FLJ-JOURNAL-14", "give that one")
    assert.strictEqual(envelope(await here.flujo("lens list --json")).data.length, 1)
  })

  it("a new wrapping key takes the place of the old one, also where that is cut", async () => {
    const here = project(byFile(1))
    for (let i = 0; i < 3; i++) ended(await here.flujo(`run --input ${canary} --no-input`), 0)
    here.write("flujo.toml", byFile(2))
    refused(await here.flujo("state rekey --apply"), 2, "k-1 (")
    here.write("flujo.toml", `${byFile(2)}[encryption.old.k-1]\nkey_file = "k1"\n`)
    const shown = await here.flujo("state rekey")
    assert.include(shown.stdout, "nothing was changed")
    ended(await here.flujo("lens show last"), 0)
    for (const millis of [200, 350, 500]) {
      const { child, done } = here.start("state rekey --apply")
      setTimeout(() => child.kill("SIGKILL"), millis)
      await done
    }
    ended(await here.flujo("state rekey --apply"), 0)
    here.write("flujo.toml", byFile(2))
    ended(await here.flujo("lens show last"), 0)
    assert.match((await here.flujo("state info")).stdout, /^ {2}3 under k-2 \(/m)
    ended(await here.flujo("ledger verify"), 0)
  })

  it("leaves the state in a file only where that is said, and is encrypted again where it is taken in", async () => {
    const here = project(byFile(1))
    ended(await here.flujo(`run --input ${canary} --no-input`), 0)
    const exports = [
      "state export --out a",
      "ledger export last --out b",
      "lens replay last --export c",
      "ledger prove last --out d"
    ]
    for (const words of exports) {
      refused(await here.flujo(words), 2, "FLJ-ENCRYPTION-2", "--decrypt")
      ended(await here.flujo(`${words} --decrypt`), 0)
    }
    ended(await here.flujo("ledger prove last --no-payload --out e"), 0)
    for (const file of ["a", "b", "c"]) assert.include(here.read(file), canary)
    assert.notInclude(here.read("e"), canary)
    ended(await here.flujo("ledger verify --file b"), 0)
    ended(await here.flujo("state import a --state-uri sqlite:///.flujo/other.db"), 0)
    assert.isFalse(isLeft(here))
    ended(await here.flujo("lens show last --state-uri sqlite:///.flujo/other.db"), 0)
  })
})

describe.concurrent("phi mode", () => {
  it("without a key nothing that may write starts, and nothing is written", async () => {
    const kinds = [
      ["phi = true\n", {}],
      ["", { FLUJO_PHI: "1" }],
      ["phi = true\n", { FLUJO_PHI: "0" }],
      ["phi = false\n", { FLUJO_PHI: "yes" }]
    ] as const
    for (const [toml, env] of kinds) {
      const here = project(toml)
      refused(await here.flujo("run --input x --no-input", { env }), 2, "FLJ-ENCRYPTION-1", "key_file")
      assert.isFalse(here.has(".flujo"))
      refused(await here.flujo("run --input x --state-uri memory://", { env }), 2, "FLJ-ENCRYPTION-1")
      const doctor = await here.flujo("dev doctor", { env })
      ended(doctor, 1)
      assert.include(doctor.stdout, "phi is on")
    }
    const here = project("")
    ended(await here.flujo("run --input x --no-input"), 0)
    here.write("flujo.toml", "phi = true\n")
    const writing = ["answer last x", "cancel last", "resume last", "wake", "lens fork last", "signal last paid"]
    for (const words of writing) refused(await here.flujo(words), 2, "FLJ-ENCRYPTION-1")
    ended(await here.flujo("lens list"), 0)
    ended(await here.flujo("ledger verify"), 0)
  })

  it("a debug export tells what happened, and not what was said", async () => {
    const here = project(`phi = true\n${byFile(1)}`)
    ended(await here.flujo(`run --input ${canary} --no-input --debug-export out.json`), 0)
    const written = JSON.parse(here.read("out.json"))
    assert.notInclude(here.read("out.json"), canary)
    assert.deepInclude(written, { content: "withheld", pipeline: "asks" })
    assert.includeMembers(
      written.entries.map(({ kind }: { kind: string }) => kind),
      ["RunStarted", "TaskOpened", "RunSuspended"]
    )
    assert.isFalse(isLeft(here))
  })
})
