/** The state as such: shown, taken elsewhere, thinned out, searched. */
import { execFileSync } from "node:child_process"
import { readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import { echo, ended, envelope, place, refused, twoQuestions } from "./Flujo.js"

const files = { "flujo.toml": "", "pipeline.yaml": echo, "two.yaml": twoQuestions }
const elsewhere = "--state-uri sqlite:///other/new.db"

describe.concurrent("flujo state", () => {
  it("export and import take all runs elsewhere, where they go on and verify, under the checkpoints from here", async () => {
    const here = place(files)
    refused(await here.flujo("state info"), 2, "nothing was run yet")
    for (const id of ["a1", "a2"]) ended(await here.flujo(`run --input x${id} --run-id ${id}`), 0)
    ended(await here.flujo("run two.yaml --run-id w1 --no-input"), 0)
    const info = envelope(await here.flujo("state info --json")).data
    assert.deepInclude(info, { runs: 3, runs_by_status: { completed: 2, suspended: 1 } })
    assert.deepInclude(info.log, { size: 3, roots_waiting: 0 })
    assert.match((await here.flujo("state migrate")).stdout, /version \d+ of its tables/)
    here.write("kept.txt", (await here.flujo("ledger checkpoint")).stdout)

    const exported = await here.flujo("state export --out all.jsonl")
    ended(exported, 0)
    assert.include(exported.stdout, "3 runs")
    refused(await here.flujo("state export --out all.jsonl"), 2, "there already")
    const imported = await here.flujo(`state import all.jsonl ${elsewhere}`)
    ended(imported, 0)
    assert.include(imported.stdout, "3 of 3 runs were taken in")
    assert.include(imported.stdout, "the log of the ledger came with them")
    ended(await here.flujo(`ledger verify --checkpoint kept.txt ${elsewhere}`), 0)
    ended(await here.flujo(`answer w1 blue ${elsewhere} --no-input`), 0)
    ended(await here.flujo(`lens replay a1 ${elsewhere}`), 0)
    // w1 went on there, and what is here is its beginning.
    const again = envelope(await here.flujo(`state import all.jsonl ${elsewhere} --json`)).data
    assert.deepInclude(again, { added: 0, same: 3, log: false })

    ended(await here.flujo(`state export a2 --out a2.jsonl`), 0)
    const other = place(files)
    ended(await other.flujo("run --input other --run-id a2"), 0)
    other.write("a2.jsonl", here.read("a2.jsonl"))
    refused(await other.flujo("state import a2.jsonl"), 2, "in use for another run, first a2", "FLJ-ENGINE-8")

    const bytes = readFileSync(here.at("all.jsonl"))
    bytes[bytes.length - 200]! ^= 1
    writeFileSync(here.at("broken.jsonl"), bytes)
    refused(await here.flujo("state import broken.jsonl --state-uri sqlite:///third/new.db"), 5, "FLJ-LEDGER-1")
    assert.isFalse(here.has("third/new.db"))
    refused(await here.flujo("state import none.jsonl"), 2, "cannot be read")
  })

  it("import brings nothing back that was dropped here after it had gone on", async () => {
    const here = place(files)
    ended(await here.flujo("run two.yaml --run-id w1 --no-input"), 0)
    ended(await here.flujo("state export --out before.jsonl"), 0)
    ended(await here.flujo("state erase --run w1 --reason asked --apply"), 0)
    ended(await here.flujo("state export --out after.jsonl"), 0)
    ended(await here.flujo("state prune --status erased --apply"), 0)
    refused(await here.flujo("state import before.jsonl"), 2, "dropped or erased since, first w1", "FLJ-ENGINE-8")
    assert.deepStrictEqual(envelope(await here.flujo("lens list --json")).data, [])
    ended(await here.flujo("ledger verify"), 0)
    // As it was when it was dropped, it may come back.
    ended(await here.flujo("state import after.jsonl"), 0)
    ended(await here.flujo("ledger verify"), 0)
    assert.strictEqual(envelope(await here.flujo("lens list --json")).data[0].status, "erased")
  })

  it("what is no file, such as a device that never ends, is refused by everything that reads an export", async () => {
    const here = place(files)
    symlinkSync("/dev/zero", here.at("zero.jsonl"))
    execFileSync("mkfifo", [here.at("pipe.jsonl")])
    for (const name of ["zero", "pipe"]) {
      for (const words of ["state import", "ledger verify --file", "lens replay --import"]) {
        refused(await here.flujo(`${words} ${name}.jsonl`), 2, "not a regular file")
      }
      assert.include((await here.flujo(`test ${name}.jsonl`)).stdout, "not a regular file")
    }
  })

  it("rebuild finds what is wrong in the index, and mends it", async () => {
    const here = place(files)
    for (const id of ["a1", "a2"]) ended(await here.flujo(`run --input x --run-id ${id}`), 0)
    const before = (await here.flujo("lens list")).stdout
    assert.include((await here.flujo("state rebuild --dry-run")).stdout, "for all of 2 runs")
    const db = new Database(here.at(".flujo/state.db"))
    db.exec("UPDATE runs SET status = 'nonsense' WHERE run = 'a1'; DELETE FROM runs WHERE run = 'a2'")
    db.exec("INSERT INTO tasks VALUES ('default', 'ghost', 'a', 'ask', 1, 1)")
    db.close()
    refused(await here.flujo("lens list"), 5, "flujo state rebuild")
    const dry = await here.flujo("state rebuild --dry-run")
    ended(dry, 5)
    assert.include(dry.stdout, "a1  its row cannot be read")
    assert.include(dry.stdout, "a2  its row is missing")
    assert.include(dry.stdout, "ghost  it has no entries; the task a is one too many")
    assert.include(dry.stdout, "3 rows of the index, of 3 runs looked at, are wrong; nothing was changed")
    refused(await here.flujo("lens list"), 5)
    const one = await here.flujo("state rebuild a2 --json")
    ended(one, 0)
    assert.deepInclude(envelope(one).data, { applied: true, runs: 1, rows: 1, unreadable: 0 })
    const rest = await here.flujo("state rebuild")
    ended(rest, 0)
    assert.include(rest.stdout, "2 rows of the index, of 3 runs looked at, were made again")
    assert.strictEqual((await here.flujo("lens list")).stdout, before)
    refused(await here.flujo("state rebuild none"), 2, "there is no run")
  })

  it("prune shows first, drops what was meant, keeps what a fork needs, and the ledger knows", async () => {
    const here = place(files)
    for (const id of ["a1", "a2"]) ended(await here.flujo(`run --input x${id} --run-id ${id}`), 0)
    ended(await here.flujo("run two.yaml --run-id w1 --no-input"), 0)
    ended(await here.flujo("cancel w1"), 0)
    ended(await here.flujo("lens fork w1 --from colour --no-input"), 0)
    refused(await here.flujo("state prune"), 2, "--older-than, --status or --pipeline")
    refused(await here.flujo("state prune --older-than soon"), 2, "30d")
    assert.include((await here.flujo("state prune --older-than 1d")).stdout, "0 runs would be dropped")
    const dry = await here.flujo("state prune --older-than 0s --json")
    ended(dry, 0)
    const { data } = envelope(dry)
    assert.deepInclude(data, { applied: false, runs: 2 })
    assert.isAbove(data.bytes, 0)
    assert.strictEqual(data.needed[0].run, "w1")
    assert.strictEqual(envelope(await here.flujo("state info --json")).data.runs, 4)
    const done = await here.flujo("state prune --older-than 0s --apply")
    ended(done, 0)
    assert.include(done.stdout, "2 runs dropped")
    ended(await here.flujo("state vacuum"), 0)
    assert.strictEqual(envelope(await here.flujo("state info --json")).data.runs, 2)
    ended(await here.flujo("ledger verify"), 0)
    ended(await here.flujo("ledger checkpoint"), 0)
    ended(await here.flujo("ledger verify"), 0)
    refused(await here.flujo("lens show a1"), 2, "there is no run")
  })
})

describe.concurrent("flujo runs list", () => {
  it("finds runs by label, part of a name and time, page by page", async () => {
    const here = place(files)
    ended(await here.flujo("run --input x --run-id a1 --label team=blue"), 0)
    ended(await here.flujo("run --input x --run-id a2 --label team=red"), 0)
    ended(await here.flujo("run two.yaml --run-id w1 --no-input --label team=blue"), 0)
    const ids = async (flags: string) =>
      envelope(await here.flujo(`runs list ${flags} --json`)).data.map(({ run }: { run: string }) => run)
    assert.deepStrictEqual(await ids("--label team=blue"), ["w1", "a1"])
    assert.deepStrictEqual(await ids("--label team=blue --status completed"), ["a1"])
    assert.deepStrictEqual(await ids("--name QUEST"), ["w1"])
    assert.deepStrictEqual(await ids("--before w1 --limit 1"), ["a2"])
    assert.deepStrictEqual(await ids("--since 1h"), ["w1", "a2", "a1"])
    assert.deepStrictEqual(await ids("--until 1h"), [])
    assert.deepStrictEqual(await ids("--since 2000-01-01 --until 2001-01-01T00:00:00Z"), [])
    refused(await here.flujo("runs list --label blue"), 2, "NAME=VALUE")
    refused(await here.flujo("runs list --since yesterday"), 2, "--since")
  })
})
