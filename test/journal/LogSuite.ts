/** What the log of every store must do: sealed once, in order, by one of many; keys that follow one another. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Journal, JournalError } from "../../src/journal/Journal.js"
import * as JournalMake from "../../src/journal/JournalMake.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as KeyFile from "../../src/journal/KeyFile.js"
import * as LogAudit from "../../src/journal/LogAudit.js"
import * as SignedNote from "../../src/journal/SignedNote.js"
import * as StateFile from "../../src/journal/StateFile.js"
import * as Long from "../Long.js"
import * as Histories from "./Histories.js"
import type { Backend } from "./JournalSuite.js"

type Service = Journal["Type"]

export const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "flujo-log-"))),
  (name) => Effect.sync(() => fs.rmSync(name, { recursive: true }))
)

export const keyAt = (file: string) =>
  Effect.zipWith(FileSystem.FileSystem, Path.Path, (files, paths) => KeyFile.make(files, paths, file))

/** A run that rests, which leaves one root. */
export const rest = (journal: Service, name: string) =>
  Effect.gen(function* () {
    const owned = yield* journal.create(Histories.id(name), Histories.plan)
    journal.stage(owned, Histories.started())
    yield* journal.park(owned, Histories.suspended())
  })

export const goOn = (journal: Service, name: string) =>
  Effect.gen(function* () {
    const owned = Option.getOrThrow(yield* journal.own(Histories.id(name)))
    journal.stage(owned, Histories.resumed)
    journal.stage(owned, Histories.completed)
    yield* journal.release(owned)
  })

export const sound = (journal: Service, claims?: LogAudit.Claims) =>
  Effect.map(LogAudit.verify(journal, claims), (found) => {
    if (LogAudit.isBad(found)) throw new Error(found.why)
    return found
  })

export const wrong = (journal: Service, claims?: LogAudit.Claims) =>
  Effect.map(LogAudit.verify(journal, claims), (found) => (LogAudit.isBad(found) ? found.why : "sound"))

export const noteOf = (sealed: Option.Option<{ readonly note: string }>) =>
  SignedNote.parse(Option.getOrThrow(sealed).note)!

export const logSuite = ({ name, open }: Backend): void => {
  const scoped = <E>(
    title: string,
    body: (
      connect: Effect.Effect<Service, JournalError, Scope.Scope>,
      key: KeyFile.KeyFile
    ) => Effect.Effect<void, E, Scope.Scope>
  ): void =>
    it.scoped(title, () =>
      Effect.gen(function* () {
        const key = yield* keyAt(path.join(yield* folder, "ledger.key"))
        const { connect } = yield* open
        yield* body(
          Effect.flatMap(connect, (driver) => JournalMake.make(driver)),
          key
        )
      }).pipe(Effect.provide(NodeContext.layer))
    )

  describe(`${name}: the log`, () => {
    scoped("holds each root once, in order, under checkpoints that anybody can check", (connect, key) =>
      Effect.gen(function* () {
        const journal = yield* connect
        assert.isTrue(Option.isNone(yield* journal.log.seal(key.holder)))
        for (const one of ["a", "b", "c"]) yield* rest(journal, one)
        assert.deepInclude(yield* sound(journal), { size: 0, waiting: 3 })
        const first = yield* journal.log.seal(key.holder)
        assert.deepStrictEqual(yield* journal.log.seal(key.holder), first)
        assert.strictEqual(fs.statSync(key.file).mode & 0o777, 0o600)
        yield* goOn(journal, "b")
        assert.deepInclude(yield* sound(journal, { checkpoint: noteOf(first) }), { size: 3, waiting: 1 })
        yield* journal.log.seal(key.holder)
        const all = Array.from(yield* Stream.runCollect(journal.log.leaves(0)))
        assert.deepStrictEqual(
          all.map(({ run, size }) => `${run} ${size}`),
          ["a 2", "b 2", "c 2", "b 4"]
        )
        assert.deepInclude(yield* sound(journal, { checkpoint: noteOf(first) }), { size: 4, waiting: 0 })
        assert.strictEqual(yield* LogAudit.sealedOf(journal, Histories.id("b")), 4)
        const [only] = yield* journal.log.keys
        const verifier = SignedNote.verifierOf(only!.verifier)!
        assert.deepInclude(yield* sound(journal, { verifier }), { size: 4 })
        const stranger = SignedNote.signerOf(SignedNote.generate())!
        assert.include(yield* wrong(journal, { verifier: stranger }), "not signed by the key that was kept elsewhere")
      })
    )

    scoped("has each root once however many seal at the same time", (connect, key) =>
      Effect.gen(function* () {
        const journals = yield* Effect.all([connect, connect, connect, connect])
        const count = Long.runs(40, 400)
        yield* Effect.forEach(
          Array.from({ length: count }, (_, i) => i),
          (i) => Effect.zipRight(rest(journals[i % 4]!, `r${i}`), journals[(i + 1) % 4]!.log.seal(key.holder)),
          { concurrency: 8 }
        )
        yield* journals[0]!.log.seal(key.holder)
        assert.deepInclude(yield* sound(journals[0]!), { size: count, waiting: 0, unvouched: [] })
        const runs = Array.from(yield* Stream.runCollect(journals[1]!.log.leaves(0)), ({ run }) => run)
        assert.strictEqual(new Set(runs).size, count)
        assert.strictEqual((yield* journals[0]!.log.keys).length, 1)
      })
    )

    scoped("goes on under the next key; a lost key is said, and never replaced by itself", (connect, key) =>
      Effect.gen(function* () {
        const journal = yield* connect
        yield* rest(journal, "a")
        yield* journal.log.seal(key.holder)
        yield* key.renew(journal.log, { isLost: false })
        yield* rest(journal, "b")
        const second = yield* journal.log.seal(key.holder)
        assert.deepInclude(yield* sound(journal), { size: 2, unvouched: [] })

        fs.rmSync(key.file)
        yield* rest(journal, "c")
        assert.propertyVal(yield* Effect.flip(journal.log.seal(key.holder)), "reason", "Lost")
        assert.propertyVal(yield* Effect.flip(key.renew(journal.log, { isLost: false })), "reason", "Lost")
        fs.writeFileSync(key.file, SignedNote.generate())
        assert.propertyVal(yield* Effect.flip(journal.log.seal(key.holder)), "reason", "Unknown")
        assert.deepInclude(yield* sound(journal), { size: 2, waiting: 1 })
        yield* key.renew(journal.log, { isLost: true })
        const third = yield* journal.log.seal(key.holder)
        assert.notStrictEqual(Option.getOrThrow(third).origin, Option.getOrThrow(second).origin)
        assert.deepInclude(yield* sound(journal, { checkpoint: noteOf(second) }), { size: 3, unvouched: [2] })
      })
    )

    scoped("a store goes over as one file, with its log, and the log goes on there", (connect, key) =>
      Effect.gen(function* () {
        const there = yield* JournalMake.make(JournalMemory.makeDriver())
        for (const one of ["a", "b", "c"]) yield* rest(there, one)
        yield* there.log.seal(key.holder)
        for (const one of ["a", "b"]) yield* goOn(there, one)
        yield* there.log.seal(key.holder)
        assert.isTrue(yield* there.store.forget(Histories.id("b")))
        const kept = yield* there.log.seal(key.holder)
        yield* there.deliver(Histories.id("c"), { _tag: "Cancel", reason: "enough" })
        yield* rest(there, "d")
        const text = yield* Stream.mkString(StateFile.write(there, undefined))
        const file = Stream.encodeText(Stream.make(text))

        const journal = yield* connect
        const runs: Array<string> = []
        yield* StateFile.read(file, ({ run }) => Effect.sync(() => runs.push(run)))
        assert.deepStrictEqual(runs, ["a", "c", "d"])
        assert.deepStrictEqual(yield* StateFile.take(journal, file), {
          added: runs,
          same: [],
          others: [],
          outrun: [],
          log: true
        })
        assert.strictEqual(yield* Stream.mkString(StateFile.write(journal, undefined)), text)
        assert.deepInclude(yield* sound(journal, { checkpoint: noteOf(kept) }), { size: 6, waiting: 1 })
        assert.strictEqual(yield* LogAudit.sealedOf(journal, Histories.id("a")), 4)
        yield* journal.log.seal(key.holder)
        assert.deepInclude(yield* sound(journal, { checkpoint: noteOf(kept) }), { size: 7, waiting: 0, unvouched: [] })
        assert.deepStrictEqual(yield* StateFile.take(journal, file), {
          added: [],
          same: runs,
          others: [],
          outrun: [],
          log: false
        })

        const single = yield* Stream.mkString(StateFile.write(there, [Histories.id("d")]))
        const alone = yield* JournalMake.make(JournalMemory.makeDriver())
        const taken = yield* StateFile.take(alone, Stream.encodeText(Stream.make(single)))
        assert.deepStrictEqual(taken, { added: ["d"], same: [], others: [], outrun: [], log: false })
        assert.deepInclude(yield* sound(alone), { size: 0, waiting: 1 })
      })
    )

    scoped("a rotation that is cut between its halves goes on", (connect, key) =>
      Effect.gen(function* () {
        const journal = yield* connect
        yield* rest(journal, "a")
        yield* journal.log.seal(key.holder)
        const old = fs.readFileSync(key.file)
        yield* key.renew(journal.log, { isLost: false })
        fs.renameSync(key.file, `${key.file}.next`)
        fs.writeFileSync(key.file, old)
        yield* rest(journal, "b")
        yield* journal.log.seal(key.holder)
        assert.isFalse(fs.existsSync(`${key.file}.next`))
        assert.deepInclude(yield* sound(journal), { size: 2, unvouched: [] })
      })
    )
  })
}
