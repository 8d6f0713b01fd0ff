/** Runs that nobody drives are gone on with from cron: by time, by letter, and after a kill. */
import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import { echo, ended, envelope, type Place, place, twoQuestions } from "./Flujo.js"

const waiting = `version: "0.1"
name: waiting
steps:
  - { kind: wait, name: rest, for: HOW_LONG }
  - { name: said, input: "{{ initial_prompt }}" }
`

const woken = async (here: Place, flags = "") =>
  envelope(await here.flujo(`wake --json ${flags}`)).data.runs.map(
    ({ end, run, why }: { run: string; why: string; end: string }) => `${run} ${why} ${end}`
  )

describe.concurrent("flujo wake", () => {
  it("goes on by letter and after a kill, and leaves alone what waits or failed", async () => {
    const here = place({
      "flujo.toml": "",
      "pipeline.yaml": echo,
      "two.yaml": twoQuestions,
      "waiting.yaml": waiting.replace("HOW_LONG", "2h")
    })
    assert.include((await here.flujo("wake")).stdout, "No run was due.")
    ended(await here.flujo("run two.yaml --run-id w1 --no-input"), 0)
    ended(await here.flujo("run two.yaml --run-id w2 --no-input"), 0)
    ended(await here.flujo("run waiting.yaml --input x --run-id t1"), 0)
    ended(await here.flujo("run --input x --run-id a1"), 0)
    assert.deepStrictEqual(await woken(here), [])

    const db = new Database(here.at(".flujo/state.db"))
    // A letter from somewhere that could not drive; a process that died.
    db.exec(`INSERT INTO inbox (tenant, run, id, kind, path, data, at) VALUES ('default', 'w1', 'answer:colour', 'Answer', 'colour',
      '{"_tag":"Answer","answer":"blue","path":"colour"}', 1)`)
    db.exec("UPDATE runs SET status = 'ready' WHERE run = 'w1'; UPDATE runs SET status = 'running' WHERE run = 'w2'")
    db.close()
    const all = await woken(here)
    assert.sameMembers(all, ["w1 letter suspended", "w2 abandoned suspended"])
    assert.include((await here.flujo("tasks")).stdout, "Publish blue?")
    assert.deepStrictEqual(await woken(here), [])
  })

  it("goes on when the time has come, and says what came of it", async () => {
    // Longer than a process sleeps through, and no longer.
    const here = place({ "flujo.toml": "", "waiting.yaml": waiting.replace("HOW_LONG", "5500ms") })
    ended(await here.flujo("run waiting.yaml --input x --run-id t1"), 0)
    assert.strictEqual(envelope(await here.flujo("runs list --json")).data[0].status, "suspended")
    let found: ReadonlyArray<string> = []
    while (found.length === 0) found = await woken(here)
    assert.deepStrictEqual(found, ["t1 timer completed"])
    ended(await here.flujo("lens replay t1"), 0)
  })

  it("wakes the one that rested longest first, as many as wanted, and one that fails hinders no other", async () => {
    const here = place({ "flujo.toml": "", "two.yaml": twoQuestions })
    for (const id of ["w1", "w2", "w3"]) ended(await here.flujo(`run two.yaml --run-id ${id} --no-input`), 0)
    const db = new Database(here.at(".flujo/state.db"))
    db.exec("UPDATE runs SET status = 'running'; DELETE FROM plans")
    db.exec("UPDATE entries SET payload = '{}' WHERE run = 'w1' AND seq = 0")
    db.close()
    const first = await here.flujo("wake --limit 2 --json")
    ended(first, 0)
    const { data } = envelope(first)
    assert.deepStrictEqual(
      data.runs.map(({ end, run }: { run: string; end: string }) => `${run} ${end}`),
      ["w1 failed", "w2 suspended"]
    )
    assert.isTrue(data.more)
    assert.include(data.runs[0].error, "payload was changed")
  })

  it("takes up a run that dies five times in a row and no more; why tells where", async () => {
    const here = place({ "flujo.toml": "", "two.yaml": twoQuestions })
    ended(await here.flujo("run two.yaml --run-id w1 --no-input"), 0)
    assert.include((await here.flujo("lens why w1")).stdout, "for an answer at colour since")
    const db = new Database(here.at(".flujo/state.db"))
    const { head } = db.prepare<[], { head: string }>("SELECT head FROM entries ORDER BY seq DESC LIMIT 1").get()!
    db.exec("DELETE FROM roots; UPDATE runs SET status = 'running'")
    const last = JSON.parse(head)
    const insert = db.prepare("INSERT INTO entries (tenant, run, seq, head) VALUES ('default', 'w1', ?, ?)")
    for (let i = 1; i <= 6; i++) {
      const { data: _, ...rest } = { ...last, kind: "RunResumed", ordinal: i - 1, seq: last.seq + i }
      const sorted = Object.fromEntries(
        Object.entries({ ...rest, data: { again: [] } }).sort(([a], [b]) => (a < b ? -1 : 1))
      )
      insert.run(last.seq + i, JSON.stringify(sorted))
    }
    db.close()
    assert.deepStrictEqual(await woken(here), ["w1 abandoned stuck"])
    assert.deepStrictEqual(await woken(here), [])
    const why = await here.flujo("lens why w1")
    ended(why, 0)
    assert.include(why.stdout, "run w1 of two_questions: stuck")
    assert.include(why.stdout, "died 5 times in a row")
    assert.isAtMost(why.stdout.trim().split("\n").length, 10)
    assert.include((await here.flujo("runs list --status stuck")).stdout, "w1")
    ended(await here.flujo("resume w1 --no-input"), 0)
    assert.strictEqual(envelope(await here.flujo("runs list --json")).data[0].status, "suspended")
  })
})
