/** What the ledger says to people and programs: a run verified, exported, proven, and tampered with. */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import { echo, ended, envelope, type Place, place, refused, twoQuestions } from "./Flujo.js"

const ran = async (...ids: ReadonlyArray<string>): Promise<Place> => {
  const here = place({ "flujo.toml": "", "pipeline.yaml": echo, "two.yaml": twoQuestions })
  for (const id of ids) ended(await here.flujo(`run --input x${id} --run-id ${id}`), 0)
  return here
}

const sql = (here: Place, text: string): void => {
  const db = new Database(here.at(".flujo/state.db"))
  db.exec(text)
  db.close()
}

describe.concurrent("flujo ledger verify", () => {
  it("says of a run, and of all, that they are as they were written, and the root to keep elsewhere", async () => {
    const here = await ran("a1", "a2")
    const all = await here.flujo("ledger verify")
    ended(all, 0)
    assert.match(all.stdout, /^2 runs, \d+ entries: as they were written\n$/)
    const one = await here.flujo("ledger verify a1")
    ended(one, 0)
    const root = /^root (\d+:[0-9a-f]{64})$/m.exec(one.stdout)![1]!
    ended(await here.flujo(`ledger verify a1 --root ${root}`), 0)
    refused(await here.flujo(`ledger verify a2 --root ${root}`), 5, "not the one that was kept elsewhere")
    refused(await here.flujo("ledger verify a1 --root nonsense"), 2, "--root")
    refused(await here.flujo(`ledger verify --root ${root}`), 2, "say which")
    refused(await here.flujo("ledger verify nowhere"), 2, "there is no run")
  })

  it("of a run that waits too, and after it went on", async () => {
    const here = await ran()
    ended(await here.flujo("run two.yaml --run-id w1 --no-input"), 0)
    const { data } = envelope(await here.flujo("ledger verify w1 --json"))
    assert.strictEqual(data.rooted, data.entries)
    ended(await here.flujo("answer w1 blue"), 0)
    const later = await here.flujo(`ledger verify w1 --root ${data.root.size}:${data.root.root} --json`)
    ended(later, 0)
    assert.isAbove(envelope(later).data.entries, data.entries)
  })

  it("ends with 5 and names the first bad entry; of all runs, each that is bad", async () => {
    const here = await ran("b1", "b2", "b3")
    sql(here, "UPDATE entries SET payload = '{}' WHERE seq = 1 AND run IN ('b1', 'b3') AND payload IS NOT NULL")
    sql(here, "UPDATE entries SET payload = '{}' WHERE seq = 0 AND run IN ('b1', 'b3')")
    refused(await here.flujo("ledger verify b1"), 5, "run b1: entry 0: its payload was changed", "FLJ-LEDGER-1")
    ended(await here.flujo("ledger verify b2"), 0)
    refused(await here.flujo("ledger verify"), 5, "2 runs are not as they were written, first run b1: entry 0")
    const { error } = envelope(await here.flujo("ledger verify --json"))
    assert.deepInclude(error, { code: "FLJ-LEDGER-1" })
    assert.deepStrictEqual(
      error.details.bad.map((bad: { run: string; entry: number }) => [bad.run, bad.entry]),
      [
        ["b1", 0],
        ["b3", 0]
      ]
    )
    refused(await here.flujo("ledger export b1"), 5, "entry 0")
    refused(await here.flujo("ledger prove b1"), 5, "entry 0")
    assert.deepStrictEqual(
      readdirSync(here.folder).filter((name) => /json/.test(name)),
      []
    )
  })
})

describe.concurrent("an exported run", () => {
  it("is one file that verifies anywhere, for its owner only, and never overwrites", async () => {
    const here = await ran("c1")
    const done = await here.flujo("ledger export c1")
    ended(done, 0)
    assert.strictEqual(statSync(here.at("c1.jsonl")).mode & 0o777, 0o600)
    refused(await here.flujo("ledger export c1"), 2, "there already")
    ended(await here.flujo("ledger export last --out copy.jsonl"), 0)
    assert.strictEqual(here.read("copy.jsonl"), here.read("c1.jsonl"))
    const elsewhere = place({ "run.jsonl": here.read("c1.jsonl") })
    const verified = await elsewhere.flujo("ledger verify --file run.jsonl --json")
    ended(verified, 0)
    assert.strictEqual(envelope(verified).data.run, "c1")
    refused(await here.flujo("ledger verify c1 --file c1.jsonl"), 2, "not both")
    refused(await here.flujo("ledger verify --file none.jsonl"), 2, "none.jsonl")

    const bytes = readFileSync(here.at("c1.jsonl"))
    bytes[bytes.indexOf("xc1")]! ^= 1
    writeFileSync(here.at("c1.jsonl"), bytes)
    refused(await here.flujo("ledger verify --file c1.jsonl"), 5, "run c1: entry 0: its payload was changed")
  })
})

describe.concurrent("a proof", () => {
  it("of the last entry, of a step or of a number, is checked without the state", async () => {
    const here = await ran("d1")
    const proofs = { "d1 --out last.json": "RunCompleted", "d1:said --out step.json": "Computed" }
    const elsewhere = place()
    for (const [words, kind] of Object.entries(proofs)) {
      const done = await here.flujo(`ledger prove ${words}`)
      ended(done, 0)
      const file = words.split(" ").at(-1)!
      elsewhere.write(file, here.read(file))
      const checked = await elsewhere.flujo(`ledger check-proof ${file}`)
      ended(checked, 0)
      assert.include(checked.stdout, kind)
      assert.include(checked.stdout, "xd1")
      const { data } = envelope(await here.flujo("ledger verify d1 --json"))
      const root = `${data.root.size}:${data.root.root}`
      ended(await elsewhere.flujo(`ledger check-proof ${file} --root ${root}`), 0)
      refused(
        await elsewhere.flujo(`ledger check-proof ${file} --root 7:${"0".repeat(64)}`),
        5,
        "it leads to another root"
      )
    }
    elsewhere.write("step.json", here.read("step.json").replace("xd1", "yd1"))
    refused(await elsewhere.flujo("ledger check-proof step.json"), 5, "its payload was changed", "FLJ-LEDGER-2")
    elsewhere.write("none.json", "{}")
    refused(await elsewhere.flujo("ledger check-proof none.json"), 5, "not a proof")

    ended(await here.flujo("ledger prove d1 --entry 0 --no-payload"), 0)
    assert.notInclude(here.read("d1-0.proof.json"), "xd1")
    ended(await here.flujo("ledger check-proof d1-0.proof.json"), 0)
    refused(await here.flujo("ledger prove d1:nowhere"), 2, "nowhere", "FLJ-LEDGER-3")
    refused(await here.flujo("ledger prove d1 --entry 99"), 2, "FLJ-LEDGER-3")
    refused(await here.flujo("ledger prove d1:said --entry 1"), 2, "not both")
  })
})
