import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Journal, JournalError } from "../../src/journal/Journal.js"
import * as JournalMake from "../../src/journal/JournalMake.js"
import * as JournalSqlite from "../../src/journal/JournalSqlite.js"
import * as ProcessIdentity from "../../src/journal/ProcessIdentity.js"
import { runs } from "../Long.js"
import * as Histories from "./Histories.js"
import * as Processes from "./Processes.js"

const run = Histories.id("r1")
const linux = process.platform === "linux"

const journalAt = (options: JournalSqlite.Options): Effect.Effect<Journal["Type"], JournalError, Scope.Scope> =>
  Effect.flatMap(JournalSqlite.makeDriver(options), (driver) => JournalMake.make(driver, options))

const inFolder = Effect.map(Processes.folder, (folder) => path.join(folder, "flujo.db"))

describe("ProcessIdentity", () => {
  const me = ProcessIdentity.owner("me")

  it("a process that runs is not gone", () => {
    assert.isFalse(ProcessIdentity.isGone(me, me))
    assert.isFalse(ProcessIdentity.isGone({ ...me, id: "another journal in it" }, me))
  })

  it.runIf(linux)("a pid that belongs to another process by now is gone", () => {
    const at = me.started.lastIndexOf(" ")
    assert.isTrue(ProcessIdentity.isGone({ ...me, started: `${me.started.slice(0, at)} 1` }, me))
    // Of a process that does not exist.
    assert.isTrue(ProcessIdentity.isGone({ ...me, pid: 2 ** 22 + 1 }, me))
  })

  it("of another machine, boot or container nothing is known", () => {
    const pid = 2 ** 22 + 1
    assert.isFalse(ProcessIdentity.isGone({ ...me, pid, host: "other" }, me))
    assert.isFalse(ProcessIdentity.isGone({ ...me, pid, started: `another boot ${me.started}` }, me))
    const unknown = { ...me, pid, started: " " }
    assert.isFalse(ProcessIdentity.isGone(unknown, unknown))
    assert.isFalse(ProcessIdentity.isGone({ ...me, pid, started: "" }, { ...me, started: "" }))
  })
})

describe.runIf(linux)("Lease, between processes", () => {
  it.scopedLive("a run is held while its process lives, and taken over at once when it was killed", () =>
    Effect.gen(function* () {
      const file = yield* inFolder
      const child = yield* Processes.start({ path: file })
      assert.deepStrictEqual(yield* child.ask({ do: "create", run }), { ok: 1 })
      const journal = yield* journalAt({ path: file })
      const held = yield* Effect.flip(journal.own(run))
      assert.strictEqual(held._tag, "RunHeld")
      assert.include(held.message, `process ${child.pid} `)

      yield* child.signal("SIGKILL")
      yield* child.ended
      const owned = Option.getOrThrow(yield* journal.own(run))
      assert.strictEqual(owned.epoch, 2)
      journal.stage(owned, Histories.note(1))
      yield* journal.barrier(owned)
      assert.strictEqual((yield* Stream.runCollect(journal.read(run))).length, 2)
    })
  )

  it.scopedLive("a process that slept past its lease loses the run, and its next append fails with Conflict", () =>
    Effect.gen(function* () {
      const file = yield* inFolder
      const child = yield* Processes.start({ path: file, leaseMillis: 1500 })
      yield* child.ask({ do: "create", run })
      yield* child.signal("SIGSTOP")
      const journal = yield* journalAt({ path: file })
      assert.strictEqual((yield* Effect.flip(journal.own(run)))._tag, "RunHeld")
      yield* Effect.sleep("1600 millis")
      const owned = Option.getOrThrow(yield* journal.own(run))
      yield* child.signal("SIGCONT")
      const reply = yield* child.ask({ do: "note", run })
      assert.deepInclude(reply, { error: "Conflict" })
      assert.deepStrictEqual(yield* child.ask({ do: "lost", run }), { ok: "Conflict" })
      journal.stage(owned, Histories.note(1))
      yield* journal.barrier(owned)
      const epochs = Array.from(yield* Stream.runCollect(journal.read(run)), ({ epoch }) => epoch)
      assert.deepStrictEqual(epochs, [1, 2])
    })
  )

  it.scopedLive("a letter from another process always wakes the run", () =>
    Effect.gen(function* () {
      const file = yield* inFolder
      const count = runs(60, 2000)
      const child = yield* Processes.start({ path: file, durability: "normal" })
      const journal = yield* journalAt({ path: file, durability: "normal" })
      const first = yield* journal.create(run, Histories.plan)
      journal.stage(first, Histories.started())
      yield* journal.barrier(first)
      let parks = 0
      yield* Effect.fork(Effect.forEach(Array.from({ length: count }), () => child.ask({ do: "cancel", run })))
      let owned = first
      for (let taken = 0; ; ) {
        const letters = yield* journal.letters(run)
        for (const { id } of letters) journal.discard(owned, id)
        taken += letters.length
        if (taken === count) break
        if (!(yield* journal.park(owned, Histories.suspended()))) continue
        parks += 1
        while (Option.getOrThrow(yield* journal.run(run)).status !== "ready") yield* Effect.sleep("1 millis")
        owned = Option.getOrThrow(yield* journal.own(run))
      }
      yield* journal.barrier(owned)
      assert.deepStrictEqual(yield* journal.letters(run), [])
      const entries = Chunk.toReadonlyArray(yield* Stream.runCollect(journal.read(run)))
      assert.strictEqual(entries.length, 1 + parks)
      assert.isAbove(parks, 0)
    })
  )

  it.scopedLive("many processes may make the same new file at once", () =>
    Effect.gen(function* () {
      const file = yield* inFolder
      const children = yield* Effect.forEach(
        ["a", "b", "c", "d"],
        (id) => Effect.map(Processes.start({ path: file }), (child) => ({ child, id })),
        {
          concurrency: "unbounded"
        }
      )
      for (const { child, id } of children) {
        assert.deepStrictEqual(child.opened, { ok: "ready" })
        assert.deepStrictEqual(yield* child.ask({ do: "create", run: id }), { ok: 1 })
      }
      assert.deepStrictEqual(yield* children[0]!.child.ask({ do: "count", run }), { ok: 4 })
    })
  )
})
