/** What is left of runs that were erased: in the file, in the ledger, and of the forks of one. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Commitment from "../../src/journal/Commitment.js"
import * as Erasure from "../../src/journal/Erasure.js"
import type { Journal, Stored } from "../../src/journal/Journal.js"
import * as JournalMake from "../../src/journal/JournalMake.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as JournalSqlite from "../../src/journal/JournalSqlite.js"
import * as Ledger from "../../src/journal/Ledger.js"
import * as Canary from "./Canary.js"
import * as Histories from "./Histories.js"
import * as Keys from "./Keys.js"

const { run } = Canary
const fact = { reason: "asked to", by: undefined }

for (const encryption of [undefined, Keys.encryption]) {
  it.scoped(`nothing of it stands in any file, where it was ${encryption === undefined ? "plain" : "encrypted"}`, () =>
    Effect.gen(function* () {
      const made = yield* Effect.acquireRelease(
        Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "flujo-erased-"))),
        (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true }))
      )
      const isLeft = () => fs.readdirSync(made).some((name) => Canary.isIn(fs.readFileSync(path.join(made, name))))
      const driver = yield* JournalSqlite.makeDriver({ path: path.join(made, "state.db"), durability: "normal" })
      const journal = yield* Canary.fill(driver, encryption)
      assert.strictEqual(isLeft(), encryption === undefined)
      yield* journal.store.erase(run, fact)
      yield* journal.store.vacuum
      assert.isFalse(isLeft())
      // A copy of the whole state from before is out of reach, a copy of the file from now holds nothing.
      const entries = yield* Stream.runCollect(journal.stored(run, 0))
      assert.isTrue(Array.from(entries).every(({ payload, salt }) => payload === null && salt === null))
    })
  )
}

it.scoped("its forks, and theirs, hold copies and go with it; others stay", () =>
  Effect.gen(function* () {
    const journal = yield* JournalMake.make(JournalMemory.makeDriver())
    const begin = (id: string, parent?: string, subject?: string) =>
      Effect.gen(function* () {
        const started = Histories.started()
        const data = {
          pipeline: "p",
          plan: Histories.plan.digest,
          labels: subject === undefined ? [] : [["subject", subject] as const],
          ...(parent === undefined ? {} : { parent: { run: parent, from: Histories.path("a") } })
        }
        const owned = yield* journal.create(Histories.id(id), Histories.plan)
        journal.stage(owned, { ...started, event: { ...started.event, data } as never })
        yield* journal.release(owned)
      })
    yield* begin("a", undefined, "ann")
    yield* begin("b", "a")
    yield* begin("c", "b")
    yield* begin("d", undefined, "bob")
    yield* begin("e", "d", "ann")
    const idsOf = (wanted: Erasure.Wanted) =>
      Effect.map(Erasure.find(journal, wanted), (found) =>
        found.map(({ forkOf, row }) => `${row.run}${forkOf === undefined ? "" : `<${forkOf}`}`).sort()
      )
    assert.deepStrictEqual(yield* idsOf({ runs: [Histories.id("b")], subjects: [] }), ["b", "c<b"])
    assert.deepStrictEqual(yield* idsOf({ runs: [], subjects: ["ann"] }), ["a", "b<a", "c<b", "e"])
    assert.deepStrictEqual(yield* idsOf({ runs: [], subjects: ["an"] }), [])
    yield* journal.store.erase(Histories.id("c"), fact)
    assert.deepStrictEqual(yield* idsOf({ runs: [Histories.id("a")], subjects: [] }), ["a", "b<a"])
  })
)

it.scoped("only the ledger's own word makes a payload that is not there an erased one", () =>
  Effect.gen(function* () {
    const journal: Journal["Type"] = yield* Canary.fill(JournalMemory.makeDriver())
    const before = Array.from(yield* Stream.runCollect(journal.stored(run, 0)))
    yield* journal.store.erase(run, fact)
    const after = Array.from(yield* Stream.runCollect(journal.stored(run, 0)))
    const roots = Array.from(yield* Stream.runCollect(journal.roots(run)))
    const commit = yield* Commitment.make
    const check = (entries: ReadonlyArray<Stored>, size = entries.length) => {
      const checking = Ledger.check(commit, { run, tenant: undefined })
      for (const entry of entries) {
        const bad = checking.add(entry)
        if (bad !== undefined) return Ledger.describe(bad)
      }
      const found = checking.end(roots.filter((root) => root.size <= size))
      return Ledger.isBad(found) ? Ledger.describe(found) : `${found.erased} erased`
    }
    assert.strictEqual(check(after), `${before.length} erased`)
    assert.strictEqual(check(before), "0 erased")
    const bare = (entry: Stored): Stored => ({ ...entry, payload: null, salt: null })
    // The erasure is cut off, a payload is taken away, or given back, and something is written behind it.
    assert.strictEqual(check(before.map(bare)), "entry 0: its payload is missing")
    for (const n of before.keys()) {
      const taken = before.map((entry, i) => (i === n ? bare(entry) : entry))
      assert.strictEqual(check(taken), `entry ${n}: its payload is missing`)
      const given = after.map((entry, i) => (i === n ? before[n]! : entry))
      const said = `entry ${n}: its payload is there, and entry ${before.length} says that it was erased`
      assert.strictEqual(check(given), said)
    }
    const [first] = before
    const behind = { ...first!, seq: after.length, head: first!.head.replace('"seq":0', `"seq":${after.length}`) }
    assert.match(check([...after, behind]), /says that the run was erased$/)
  })
)
