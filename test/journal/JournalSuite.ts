/**
 * What every store must do. `open` makes an empty store for one test; `connect` is another way into the same store, as
 * a second process would have it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Digest from "../../src/domain/Digest.js"
import type { Entry, Event } from "../../src/domain/Event.js"
import * as Json from "../../src/domain/Json.js"
import type { Letter } from "../../src/domain/Letter.js"
import * as Pool from "../../src/domain/Pool.js"
import { RunId } from "../../src/domain/RunId.js"
import * as StepPath from "../../src/domain/StepPath.js"
import * as Audit from "../../src/journal/Audit.js"
import type { Driver } from "../../src/journal/Driver.js"
import * as Inbox from "../../src/journal/Inbox.js"
import { type Journal, JournalError, type OwnedRun, type Owner, type Staged } from "../../src/journal/Journal.js"
import * as JournalMake from "../../src/journal/JournalMake.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as Ledger from "../../src/journal/Ledger.js"
import * as LedgerFile from "../../src/journal/LedgerFile.js"
import * as MerkleTree from "../../src/journal/MerkleTree.js"
import * as RunIndex from "../../src/journal/RunIndex.js"
import * as Histories from "./Histories.js"

export interface Store {
  readonly connect: Effect.Effect<Driver, JournalError, Scope.Scope>
}

export interface Backend {
  readonly name: string
  readonly open: Effect.Effect<Store, JournalError, Scope.Scope>
}

type Service = Journal["Type"]

const run = Histories.id("r1")

const journalOf = (store: Store, options?: JournalMake.Options): Effect.Effect<Service, JournalError, Scope.Scope> =>
  Effect.flatMap(store.connect, (driver) => JournalMake.make(driver, options))

const entriesOf = (journal: Service, of: RunId = run, from = 0) =>
  Effect.map(Stream.runCollect(journal.read(of, from)), Chunk.toReadonlyArray)

const stageAll = (journal: Service, owned: OwnedRun, all: ReadonlyArray<Staged>): void => {
  for (const staged of all) journal.stage(owned, staged)
}

/** A run with its first entry and these. */
const begin = (journal: Service, of: RunId, ...more: ReadonlyArray<Staged>) =>
  Effect.gen(function* () {
    const owned = yield* journal.create(of, Histories.plan)
    stageAll(journal, owned, [Histories.started(), ...more])
    yield* journal.barrier(owned)
    return owned
  })

const same = (entries: ReadonlyArray<Entry>, staged: ReadonlyArray<Staged>): void => {
  assert.deepStrictEqual(
    entries.map(({ at, event, seq }) => ({ at, event: Histories.plain(event), seq })),
    staged.map(({ at, event }, seq) => ({ at, event: Histories.plain(event), seq }))
  )
}

const ordinals = (entries: ReadonlyArray<Entry>): ReadonlyArray<number> => entries.map(({ event }) => event.ordinal)

const answer = (name: string, by?: string): Letter => ({ _tag: "Answer", path: Histories.path(name), answer: true, by })
const cancel: Letter = { _tag: "Cancel", reason: "enough" }

const reasonOf = <A, E extends { readonly reason: string }>(effect: Effect.Effect<A, E>): Effect.Effect<string> =>
  Effect.match(effect, { onFailure: ({ reason }) => reason, onSuccess: () => "none" })

/** Why the run was lost; "not" if it is not. */
const lossOf = (owned: OwnedRun): Effect.Effect<string> =>
  Effect.flatMap(Deferred.poll(owned.lost), Option.match({ onNone: () => Effect.succeed("not"), onSome: reasonOf }))

const someoneElse: Owner = { id: "else", host: "elsewhere", pid: 1, started: "boot 1" }

/** What a process on another machine does that believes the owner to be dead. */
const takeOver = (driver: Driver, of: RunId = run, expiresAt = 1_000_000_000) =>
  Effect.gen(function* () {
    const seen = yield* driver.lease(of)
    const taken = yield* driver.take({ run: of, seen: seen!, owner: someoneElse, expiresAt })
    return taken!
  })

const statusOf = (journal: Service, of: RunId = run) =>
  Effect.map(journal.run(of), (row) => Option.getOrUndefined(row)?.status)

/** `trials` of each property: fewer where a store takes its time. */
export const journalSuite = ({ name, open }: Backend, trials = 25): void => {
  const scoped = <A, E>(title: string, body: (store: Store) => Effect.Effect<A, E, Scope.Scope>): void =>
    it.scoped(title, () => Effect.flatMap(open, body))

  const property = <T, E>(
    title: string,
    arbitrary: FastCheck.Arbitrary<T>,
    body: (store: Store, value: T) => Effect.Effect<unknown, E, Scope.Scope>,
    numRuns = trials
  ): void =>
    it.effect.prop(
      title,
      { value: arbitrary },
      ({ value }) => Effect.scoped(Effect.flatMap(open, (store) => body(store, value))),
      { fastCheck: { numRuns } }
    )

  describe(`${name}: entries`, () => {
    property(
      "reads back what was staged, in order and without gaps",
      FastCheck.array(Histories.anyStaged, { minLength: 1, maxLength: 40 }),
      (store, all) =>
        Effect.gen(function* () {
          const journal = yield* journalOf(store)
          const owned = yield* journal.create(run, Histories.plan)
          stageAll(journal, owned, all)
          yield* journal.barrier(owned)
          const entries = yield* entriesOf(journal)
          same(entries, all)
          for (const entry of entries) assert.deepInclude(entry, { run, epoch: 1 })
          const half = Math.floor(all.length / 2)
          assert.deepStrictEqual(yield* entriesOf(journal, run, half), entries.slice(half))
        })
    )

    property(
      "entries of a run stay in the order of staging, whatever others stage and whoever waits",
      FastCheck.array(
        FastCheck.record({ who: FastCheck.nat(2), after: FastCheck.constantFrom("go on", "yield", "barrier") }),
        {
          maxLength: 60
        }
      ),
      (store, moves) =>
        Effect.gen(function* () {
          const journal = yield* journalOf(store)
          const runs = [Histories.id("a"), Histories.id("b"), Histories.id("c")]
          const owned = yield* Effect.forEach(runs, (id) => journal.create(id, Histories.plan))
          const counts = [0, 0, 0]
          for (const { after, who } of moves) {
            journal.stage(owned[who]!, Histories.note(counts[who]!++))
            if (after === "yield") yield* Effect.yieldNow()
            if (after === "barrier") yield* journal.barrier(owned[who]!)
          }
          yield* Effect.forEach(owned, (one) => journal.barrier(one), { concurrency: "unbounded" })
          for (const [who, id] of runs.entries()) {
            assert.deepStrictEqual(
              ordinals(yield* entriesOf(journal, id)),
              Array.from({ length: counts[who]! }, (_, i) => i)
            )
          }
        })
    )

    scoped("a long run is read in pages, from anywhere", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store)
        const all = Array.from({ length: 1030 }, (_, i) =>
          i % 100 === 50 ? Histories.large(i, 70_000) : Histories.note(i)
        )
        const owned = yield* journal.create(run, Histories.plan)
        stageAll(journal, owned, all)
        yield* journal.barrier(owned)
        same(yield* entriesOf(journal), all)
        assert.deepStrictEqual(
          ordinals(yield* entriesOf(journal, run, 1000)),
          Array.from({ length: 30 }, (_, i) => 1000 + i)
        )
        assert.deepStrictEqual(yield* entriesOf(journal, run, 1030), [])
        const first = yield* Stream.runCollect(Stream.take(journal.read(run), 3))
        assert.strictEqual(first.length, 3)
      })
    )

    scoped("of an unknown run there is nothing", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store)
        assert.deepStrictEqual(yield* entriesOf(journal), [])
        assert.isTrue(Option.isNone(yield* journal.own(run)))
        assert.isTrue(Option.isNone(yield* journal.run(run)))
        assert.isTrue(Option.isNone(yield* journal.holder(run)))
        assert.isTrue(Option.isNone(yield* journal.plan(Histories.plan.digest)))
        assert.deepStrictEqual(yield* journal.letters(run), [])
      })
    )

    scoped("a run that was created does not exist before its first entry commits", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store)
        const owned = yield* journal.create(run, Histories.plan)
        yield* journal.barrier(owned)
        assert.isTrue(Option.isNone(yield* journal.holder(run)))
        journal.discard(owned, "cancel")
        journal.stage(owned, Histories.started())
        yield* journal.barrier(owned)
        assert.isTrue(Option.isSome(yield* journal.holder(run)))
        assert.deepStrictEqual(Option.getOrThrow(yield* journal.plan(Histories.plan.digest)), { steps: [] })
        const never = yield* journal.create(Histories.id("never"), Histories.plan)
        yield* journal.release(never)
        assert.isTrue(Option.isNone(yield* journal.own(Histories.id("never"))))
      })
    )

    scoped("a new run whose id is taken is lost with Conflict, and the other one goes on", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store)
        const first = yield* begin(journal, run)
        const second = yield* journal.create(run, Histories.plan)
        journal.stage(second, Histories.note(9))
        assert.strictEqual(yield* reasonOf(journal.barrier(second)), "Conflict")
        assert.strictEqual(yield* lossOf(second), "Conflict")
        // Giving back what it never had must not give back the other one's lease, which has the same epoch.
        yield* journal.release(second)
        journal.stage(first, Histories.note(1))
        yield* journal.barrier(first)
        assert.deepStrictEqual(ordinals(yield* entriesOf(journal)), [0, 1])
      })
    )

    scoped("large payloads are stored once in a run and never shared by two", (store) =>
      Effect.gen(function* () {
        const driver = yield* store.connect
        const journal = yield* JournalMake.make(driver)
        const other = Histories.id("r2")
        const all = [Histories.large(0, 80_000), Histories.large(1, 80_000), Histories.large(2, 80_000, "y")]
        for (const id of [run, other]) {
          const owned = yield* journal.create(id, Histories.plan)
          stageAll(journal, owned, all.slice(0, 2))
          yield* journal.barrier(owned)
          stageAll(journal, owned, all.slice(2))
          yield* journal.barrier(owned)
          same(yield* entriesOf(journal, id), all)
        }
        const addresses = (of: RunId) =>
          Effect.map(driver.select({ run: of, from: 0, limit: 9 }), (rows) => rows.map(({ blob }) => blob))
        const [a, b] = [yield* addresses(run), yield* addresses(other)]
        assert.strictEqual(a[0], a[1])
        assert.strictEqual(new Set([...a, ...b]).size, 4)
        assert.isUndefined(yield* driver.blob({ run: other, address: a[0]! }))
      })
    )

    scoped("a payload over the limit is refused and loses the run, but nothing that was staged before it", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store, { payloadBytesMax: 1000 })
        assert.strictEqual(journal.limits.payloadBytes, 1000)
        const owned = yield* journal.create(run, Histories.plan)
        stageAll(journal, owned, [Histories.started(), Histories.note(1), Histories.large(2, 1000), Histories.note(3)])
        assert.strictEqual(yield* reasonOf(journal.barrier(owned)), "TooLarge")
        assert.strictEqual(yield* lossOf(owned), "TooLarge")
        yield* journal.release(owned)
        assert.deepStrictEqual(ordinals(yield* entriesOf(journal)), [0, 1])
        const again = Option.getOrThrow(yield* journal.own(run))
        assert.strictEqual(yield* reasonOf(journal.park(again, Histories.large(2, 1000))), "TooLarge")
      })
    )

    scoped("what is stored and cannot be trusted is Corrupt, and says where", (store) =>
      Effect.gen(function* () {
        const driver = yield* store.connect
        const journal = yield* JournalMake.make(driver)
        yield* begin(journal, run, Histories.note(1), Histories.note(2))
        const broken = (select: Driver["select"]) =>
          Effect.flatMap(JournalMake.make({ ...driver, select }), (other) => Effect.flip(entriesOf(other)))
        const changed = yield* broken((page) =>
          Effect.map(driver.select(page), (rows) =>
            rows.map((row) => (row.seq === 1 ? { ...row, payload: '{"output":{"value":7}}' } : row))
          )
        )
        assert.strictEqual(changed.reason, "Corrupt")
        assert.strictEqual(changed.message, "run r1: entry 1 cannot be read: its payload was changed")
        const gap = yield* broken((page) =>
          Effect.map(driver.select(page), (rows) => rows.filter(({ seq }) => seq !== 1))
        )
        assert.strictEqual(gap.message, "run r1: entry 1 is missing")
        const swapped = yield* broken((page) =>
          Effect.map(driver.select(page), (rows) =>
            rows.map((row, i) => ({ ...row, head: rows[rows.length - 1 - i]!.head }))
          )
        )
        assert.strictEqual(swapped.reason, "Corrupt")
      })
    )
  })

  describe(`${name}: ledger`, () => {
    const dueKinds = ["RunSuspended", "RunStuck", "RunCompleted", "RunFailed", "RunCancelled"]

    const walked = (journal: Service) =>
      Effect.map(Audit.walk(journal, run), ({ found, roots }) => {
        if (Ledger.isBad(found)) return assert.fail(Ledger.describe(found))
        return { found, roots }
      })

    property(
      "has a root wherever a run rests or ends, over all entries so far, whoever owned the run",
      FastCheck.array(
        FastCheck.record({
          all: FastCheck.array(Histories.anyStaged, { maxLength: 9 }),
          end: FastCheck.constantFrom("park", "release", "go on")
        }),
        { minLength: 1, maxLength: 6 }
      ),
      (store, parts) =>
        Effect.gen(function* () {
          const journal = yield* journalOf(store)
          let owned: OwnedRun | undefined = yield* begin(journal, run)
          for (const { all, end } of parts) {
            owned ??= Option.getOrThrow(yield* journal.own(run))
            stageAll(journal, owned, all)
            if (end === "go on") yield* journal.barrier(owned)
            else if (end === "release") yield* journal.release(owned)
            else yield* journal.park(owned, Histories.suspended())
            if (end !== "go on") owned = undefined
          }
          if (owned !== undefined) yield* journal.release(owned)
          const heads = yield* Stream.runCollect(Stream.map(journal.stored(run, 0), ({ head }) => head))
          const leaves = Array.from(heads, MerkleTree.leafHash)
          const due = (yield* entriesOf(journal)).filter(({ event }) => dueKinds.includes(event.kind))
          const { found, roots } = yield* walked(journal)
          assert.deepStrictEqual(
            roots,
            due.map(({ seq }) => ({
              size: seq + 1,
              root: MerkleTree.root(leaves.slice(0, seq + 1)).toString("hex")
            }))
          )
          assert.deepStrictEqual(found, {
            entries: leaves.length,
            root: MerkleTree.root(leaves).toString("hex"),
            rooted: roots.at(-1)?.size ?? 0,
            locked: 0,
            erased: 0
          })
        })
    )

    scoped("has a root after every 256 entries, however they were written", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store)
        const first = yield* begin(journal, run, ...Array.from({ length: 254 }, (_, i) => Histories.note(i)))
        yield* journal.release(first)
        const second = Option.getOrThrow(yield* journal.own(run))
        stageAll(
          journal,
          second,
          Array.from({ length: 300 }, (_, i) => Histories.note(1000 + i))
        )
        yield* journal.release(second)
        const { found, roots } = yield* walked(journal)
        assert.deepStrictEqual(
          roots.map(({ size }) => size),
          [256, 512]
        )
        assert.deepInclude(found, { entries: 555, rooted: 512 })
      })
    )

    scoped("a park that a letter stops leaves no root of what it did not write", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store)
        const owned = yield* begin(journal, run, Histories.opened("a"), Histories.opened("b"))
        yield* journal.deliver(run, answer("a"))
        const wait = Histories.suspended({ _tag: "Task", path: Histories.path("b") })
        assert.isFalse(yield* journal.park(owned, wait))
        assert.deepStrictEqual((yield* walked(journal)).roots, [])
        journal.stage(owned, Histories.answered("a"))
        assert.isTrue(yield* journal.park(owned, wait))
        assert.deepStrictEqual(
          (yield* walked(journal)).roots.map(({ size }) => size),
          [5]
        )
      })
    )

    scoped("a run is exported, and verifies without the store", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store)
        const all = [Histories.large(1, 70_000, "é"), Histories.large(2, 10, "\u0000\u2028"), Histories.completed]
        yield* journal.release(yield* begin(journal, run, ...all))
        const { found } = yield* walked(journal)
        const { text } = Either.getOrThrow(yield* LedgerFile.write(journal, run))
        assert.deepStrictEqual(yield* LedgerFile.verify(Stream.encodeText(text)), { found, run })
      })
    )

    scoped("names every run that has left anything", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store)
        for (const id of ["b", "a", "c"]) yield* begin(journal, Histories.id(id))
        assert.deepStrictEqual(Array.from(yield* Stream.runCollect(journal.ids)), ["a", "b", "c"])
      })
    )
  })

  describe(`${name}: owners`, () => {
    scoped("a run that is driven is held, and whoever asks learns by whom", (store) =>
      Effect.gen(function* () {
        const [a, b] = [yield* journalOf(store), yield* journalOf(store)]
        const owned = yield* begin(a, run)
        for (const journal of [a, b]) {
          const held = yield* Effect.flip(journal.own(run))
          assert.strictEqual(held._tag, "RunHeld")
          assert.include(held.message, `process ${process.pid}`)
        }
        assert.strictEqual(Option.getOrThrow(yield* b.holder(run)).pid, process.pid)
        yield* a.release(owned)
        assert.isTrue(Option.isNone(yield* b.holder(run)))
        assert.isTrue(Option.isSome(yield* b.own(run)))
      })
    )

    scoped("of two that make one run at once, in one batch or in two, one makes it", (store) =>
      Effect.gen(function* () {
        const [a, b] = [yield* journalOf(store), yield* journalOf(store)]
        for (const [id, others] of [
          ["one", [a, a]],
          ["two", [a, b]],
          ["three", [b, a, a]]
        ] as const) {
          const all = yield* Effect.forEach(others, (journal) =>
            Effect.map(journal.create(Histories.id(id), Histories.plan), (owned) => ({ journal, owned }))
          )
          for (const [i, { journal, owned }] of all.entries()) {
            journal.stage(owned, Histories.started())
            journal.stage(owned, Histories.note(i))
          }
          const exits = yield* Effect.forEach(all, ({ journal, owned }) => Effect.exit(journal.barrier(owned)), {
            concurrency: "unbounded"
          })
          assert.strictEqual(exits.filter(Exit.isSuccess).length, 1, id)
          const entries = yield* entriesOf(a, Histories.id(id))
          assert.strictEqual(entries.length, 2, id)
          assert.strictEqual(entries[1]!.event.ordinal, exits.findIndex(Exit.isSuccess), id)
        }
      })
    )

    property(
      "epochs only ever grow, and numbers go on where the last owner stopped",
      FastCheck.array(FastCheck.nat(3), { maxLength: 8 }),
      (store, turns) =>
        Effect.gen(function* () {
          const journals = [yield* journalOf(store), yield* journalOf(store)]
          yield* journals[0]!.release(yield* begin(journals[0]!, run))
          let count = 1
          for (const [i, notes] of turns.entries()) {
            const journal = journals[i % 2]!
            const owned = Option.getOrThrow(yield* journal.own(run))
            assert.strictEqual(owned.epoch, i + 2)
            for (let n = 0; n < notes; n++) journal.stage(owned, Histories.note(count++))
            yield* journal.release(owned)
            yield* journal.release(owned)
          }
          const entries = yield* entriesOf(journals[0]!)
          assert.deepStrictEqual(
            ordinals(entries),
            Array.from({ length: count }, (_, i) => i)
          )
          const epochs = entries.map(({ epoch }) => epoch)
          assert.deepStrictEqual(
            epochs,
            [...epochs].sort((a, b) => a - b)
          )
        })
    )

    scoped("whoever lost the lease writes nothing more: Conflict, at once or when it next renews", (store) =>
      Effect.gen(function* () {
        const driver = yield* store.connect
        const journal = yield* JournalMake.make(driver)
        const other = Histories.id("r2")
        const [writing, silent] = [yield* begin(journal, run), yield* begin(journal, other)]
        const [taken] = [yield* takeOver(driver), yield* takeOver(driver, other)]
        assert.deepInclude(taken, { epoch: 2, next: 1 })
        journal.stage(writing, Histories.note(1))
        const error = yield* Effect.flip(journal.barrier(writing))
        assert.strictEqual(error.reason, "Conflict")
        assert.strictEqual(error.message, "run r1: its lease was taken over by process 1 on elsewhere")
        assert.strictEqual(yield* lossOf(writing), "Conflict")
        journal.stage(writing, Histories.note(2))
        assert.strictEqual(yield* reasonOf(journal.barrier(writing)), "Conflict")
        assert.strictEqual(yield* reasonOf(journal.park(writing, Histories.suspended())), "Conflict")
        assert.deepStrictEqual(ordinals(yield* entriesOf(journal)), [0])
        // Giving back a lease that is somebody else's by now leaves theirs alone.
        yield* journal.release(writing)
        assert.strictEqual((yield* driver.lease(run))?.owner?.id, "else")

        assert.strictEqual(yield* lossOf(silent), "not")
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual((yield* Effect.flip(Deferred.await(silent.lost))).reason, "Conflict")
      })
    )

    scoped("a lease is renewed for as long as its run is owned, and runs out after", (store) =>
      Effect.gen(function* () {
        const mine = yield* Scope.make()
        const a = yield* Scope.extend(journalOf(store), mine)
        const driver = yield* store.connect
        const b = yield* JournalMake.make(driver, { owner: someoneElse })
        yield* begin(a, run)
        for (let seconds = 5; seconds <= 60; seconds += 5) {
          yield* TestClock.adjust("5 seconds")
          yield* renewed(driver, (seconds + 15) * 1000)
        }
        const held = yield* Effect.flip(b.own(run))
        assert.deepInclude(held, { _tag: "RunHeld" })
        if (held._tag === "RunHeld") assert.isAbove(held.expiresAt, 60_000)
      })
    )

    scoped("a lease that ran out may be taken", (store) =>
      Effect.gen(function* () {
        const driver = yield* store.connect
        const a = yield* JournalMake.make({ ...driver, renew: () => Effect.never })
        const b = yield* journalOf(store, { owner: someoneElse })
        const owned = yield* begin(a, run)
        yield* TestClock.adjust("14999 millis")
        assert.strictEqual((yield* Effect.flip(b.own(run)))._tag, "RunHeld")
        yield* TestClock.adjust("1 millis")
        const taken = Option.getOrThrow(yield* b.own(run))
        assert.strictEqual(taken.epoch, 2)
        a.stage(owned, Histories.note(1))
        assert.strictEqual(yield* reasonOf(a.barrier(owned)), "Conflict")
      })
    )

    scoped("when renewing fails, a run is lost only as its lease runs out", (store) =>
      Effect.gen(function* () {
        const driver = yield* store.connect
        let isDown = true
        const journal = yield* JournalMake.make({
          ...driver,
          renew: (wish) => Effect.suspend(() => (isDown ? Effect.fail(unavailable) : driver.renew(wish)))
        })
        const owned = yield* begin(journal, run)
        yield* TestClock.adjust("10 seconds")
        isDown = false
        yield* TestClock.adjust("5 seconds")
        yield* renewed(driver, 30_000)
        isDown = true
        yield* TestClock.adjust("14 seconds")
        assert.strictEqual(yield* lossOf(owned), "not")
        yield* TestClock.adjust("1 seconds")
        assert.strictEqual(yield* lossOf(owned), "Unavailable")
      })
    )

    scoped("of two that take at once, one gets it", (store) =>
      Effect.gen(function* () {
        const [first, second] = [yield* store.connect, yield* store.connect]
        const journal = yield* JournalMake.make(first)
        yield* journal.release(yield* begin(journal, run))
        const seen = (yield* first.lease(run))!
        const wish = { run, seen, owner: someoneElse, expiresAt: 10 }
        const taken = [yield* first.take(wish), yield* second.take({ ...wish, owner: { ...someoneElse, id: "third" } })]
        assert.deepStrictEqual(
          taken.map((one) => one?.epoch),
          [2, undefined]
        )
        // A renewal in between counts as a change too: the owner was not dead after all.
        const held = (yield* first.lease(run))!
        yield* first.renew({ runs: [run], owner: someoneElse, expiresAt: 20 })
        assert.isUndefined(yield* second.take({ ...wish, seen: held }))
      })
    )

    scoped("closing the journal writes what was staged and gives leases back", (store) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const a = yield* Scope.extend(journalOf(store), scope)
        const owned = yield* begin(a, run)
        a.stage(owned, Histories.note(1))
        yield* a.create(Histories.id("unborn"), Histories.plan)
        yield* Scope.close(scope, Exit.void)
        const b = yield* journalOf(store)
        assert.deepStrictEqual(ordinals(yield* entriesOf(b)), [0, 1])
        assert.strictEqual(Option.getOrThrow(yield* b.own(run)).epoch, 2)
        a.stage(owned, Histories.note(2))
        assert.strictEqual(yield* lossOf(owned), "Unavailable")
        assert.strictEqual(yield* reasonOf(a.barrier(owned)), "Unavailable")
      })
    )

    scoped("what is staged after a lease was given back is refused", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store)
        const owned = yield* begin(journal, run)
        yield* journal.release(owned)
        yield* journal.barrier(owned)
        assert.strictEqual(yield* lossOf(owned), "not")
        journal.stage(owned, Histories.note(1))
        assert.strictEqual(yield* lossOf(owned), "Conflict")
        assert.deepStrictEqual(ordinals(yield* entriesOf(journal)), [0])
      })
    )
  })

  describe(`${name}: letters`, () => {
    scoped("a letter wakes a parked run, and a waiting letter keeps a run from parking", (store) =>
      Effect.gen(function* () {
        const [journal, other] = [yield* journalOf(store), yield* journalOf(store)]
        const owned = yield* begin(journal, run, Histories.opened("review"))
        yield* other.deliver(run, answer("review", "Ann"))
        const [letter] = yield* journal.letters(run)
        assert.deepInclude(letter, { id: "answer:review", at: 0 })
        assert.deepStrictEqual(Histories.plain(letter!.letter), Histories.plain(answer("review", "Ann")))

        assert.isFalse(yield* journal.park(owned, Histories.suspended()))
        assert.strictEqual(yield* statusOf(journal), "running")
        assert.strictEqual((yield* entriesOf(journal)).length, 2)
        assert.isTrue(Option.isSome(yield* journal.holder(run)))

        journal.stage(owned, Histories.answered("review"))
        yield* journal.barrier(owned)
        assert.deepStrictEqual(yield* journal.letters(run), [])
        assert.isTrue(yield* journal.park(owned, Histories.suspended()))
        assert.strictEqual(yield* statusOf(journal), "suspended")
        assert.isTrue(Option.isNone(yield* journal.holder(run)))
        assert.strictEqual((yield* entriesOf(journal)).length, 4)

        yield* other.deliver(run, cancel)
        assert.strictEqual(yield* statusOf(journal), "ready")
        const again = Option.getOrThrow(yield* journal.own(run))
        assert.strictEqual(again.epoch, 2)
        journal.discard(again, "cancel")
        yield* journal.barrier(again)
        assert.deepStrictEqual(yield* journal.letters(run), [])
        assert.strictEqual(yield* statusOf(journal), "suspended")
        journal.stage(again, Histories.resumed)
        yield* journal.barrier(again)
        assert.strictEqual(yield* statusOf(journal), "running")
      })
    )

    scoped("what was staged before a park is written also when the park is not", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store)
        const owned = yield* begin(journal, run)
        yield* journal.deliver(run, cancel)
        journal.stage(owned, Histories.note(1))
        const parking = yield* Effect.fork(journal.park(owned, Histories.suspended()))
        yield* Effect.yieldNow()
        journal.stage(owned, Histories.note(2))
        assert.isFalse(yield* Fiber.join(parking))
        yield* journal.barrier(owned)
        assert.deepStrictEqual(ordinals(yield* entriesOf(journal)), [0, 1, 2])
        // The letter taken in the same transaction as the park does not stop it.
        journal.stage(owned, { ...Histories.note(3), letter: "cancel" })
        assert.isTrue(yield* journal.park(owned, Histories.suspended()))
      })
    )

    scoped("a letter is taken in the transaction of the event that it became, or not at all", (store) =>
      Effect.gen(function* () {
        const driver = yield* store.connect
        let isDown = false
        const journal = yield* JournalMake.make({
          ...driver,
          commit: (slices) => (isDown ? Effect.fail(unavailable) : driver.commit(slices))
        })
        const owned = yield* begin(journal, run, Histories.opened("review"))
        yield* journal.deliver(run, answer("review"))
        isDown = true
        journal.stage(owned, Histories.answered("review"))
        assert.strictEqual(yield* reasonOf(journal.barrier(owned)), "Unavailable")
        assert.strictEqual((yield* journal.letters(run)).length, 1)
        assert.strictEqual((yield* entriesOf(journal)).length, 2)
        yield* journal.release(owned)
        isDown = false
        const again = Option.getOrThrow(yield* journal.own(run))
        journal.stage(again, Histories.answered("review"))
        yield* journal.barrier(again)
        assert.strictEqual((yield* journal.letters(run)).length, 0)
        assert.strictEqual((yield* entriesOf(journal)).length, 3)
      })
    )

    scoped("a signal is kept in order, once for its id, until the run has ended", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store)
        const signal = (id: string, data: number): Letter => ({ _tag: "Signal", id, signal: "paid", data })
        assert.deepInclude(yield* Effect.flip(journal.deliver(run, signal("1", 1))), { reason: "Unknown" })
        const owned = yield* begin(journal, run)
        for (const letter of [signal("1", 1), signal("2", 2), signal("1", 3)]) yield* journal.deliver(run, letter)
        const waiting = Effect.map(journal.letters(run), (letters) =>
          letters.map(({ letter }) => (letter._tag === "Signal" ? letter.data : undefined))
        )
        assert.deepStrictEqual(yield* waiting, [1, 2])
        stageAll(journal, owned, [Histories.signalled("1")])
        yield* journal.barrier(owned)
        assert.deepStrictEqual(yield* waiting, [2])
        // Told again after it was taken, it happened already.
        yield* journal.deliver(run, signal("1", 1))
        assert.deepStrictEqual(yield* waiting, [2])
        stageAll(journal, owned, [Histories.failed])
        yield* journal.barrier(owned)
        assert.deepInclude(yield* Effect.flip(journal.deliver(run, signal("3", 1))), { reason: "Ended" })
      })
    )

    scoped("a letter that cannot mean anything is refused, with what would", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store)
        const refusal = (letter: Letter, of = run) => Effect.flip(journal.deliver(of, letter))
        // While nothing is owned: a clock that moves by years would renew leases all the way.
        yield* TestClock.setTime(Date.parse("2026-03-01T10:00:00Z"))
        assert.deepInclude(yield* refusal(cancel), { _tag: "LetterRefused", reason: "Unknown" })
        assert.deepInclude(yield* refusal(answer("review")), { reason: "Unknown" })

        const owned = yield* begin(journal, run, Histories.opened("review"), Histories.opened("sign"))
        const noTask = yield* refusal(answer("revue"))
        assert.strictEqual(noTask.message, "run r1 has no open task at revue; open: review, sign")

        yield* journal.deliver(run, answer("review", "Ann"))
        for (const isTaken of [false, true]) {
          if (isTaken) {
            stageAll(journal, owned, [Histories.answered("review")])
            yield* journal.barrier(owned)
          }
          const taken = yield* refusal(answer("review", "Bob"))
          assert.deepInclude(taken, { reason: "Taken" })
          assert.strictEqual(taken.message, "the task at review of run r1 was answered 2026-03-01T10:00:00.000Z by Ann")
        }
        stageAll(journal, owned, [Histories.closed("sign")])
        yield* journal.barrier(owned)
        assert.strictEqual((yield* refusal(answer("sign"))).message, "run r1 has no open task at sign; none is open")

        yield* journal.deliver(run, cancel)
        yield* journal.deliver(run, cancel)
        assert.strictEqual((yield* journal.letters(run)).length, 1)
        stageAll(journal, owned, [{ ...Histories.failed, letter: "cancel" }])
        yield* journal.barrier(owned)
        assert.deepInclude(yield* refusal(cancel), { reason: "Ended" })
        assert.deepInclude(yield* refusal(answer("sign")), { reason: "Ended" })
        // Resumed, it can be cancelled once more.
        stageAll(journal, owned, [Histories.resumed])
        yield* journal.barrier(owned)
        yield* journal.deliver(run, cancel)
        assert.strictEqual((yield* journal.letters(run)).length, 1)
        stageAll(journal, owned, [Histories.completed])
        yield* journal.barrier(owned)
        assert.deepInclude(yield* refusal(cancel), { reason: "Ended" })
      })
    )

    scoped("a letter over the limit is refused", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store, { payloadBytesMax: 100 })
        yield* begin(journal, run)
        assert.strictEqual(
          yield* reasonOf(journal.deliver(run, { _tag: "Cancel", reason: "x".repeat(100) })),
          "TooLarge"
        )
        assert.deepStrictEqual(yield* journal.letters(run), [])
      })
    )

    it.effect("no interleaving of park and wake strands a run", () =>
      Effect.gen(function* () {
        // The owner looks, and parks if it saw nothing; two others each leave a letter. All orders of the four, through
        // two connections.
        const orders = interleavings(["look", "park"], interleavings(["answer"], [["cancel"]]))
        assert.strictEqual(orders.length, 12)
        let parked = 0
        for (const order of orders) {
          yield* Effect.scoped(
            Effect.gen(function* () {
              const store = yield* open
              const [mine, theirs] = [yield* store.connect, yield* store.connect]
              const journal = yield* JournalMake.make(mine)
              const owned = yield* begin(journal, run, Histories.opened("review"))
              let seen = 0
              let isParked = false
              for (const move of order) {
                if (move === "look") seen = (yield* mine.letters(run)).length
                else if (move === "park") isParked = seen === 0 && (yield* journal.park(owned, Histories.suspended()))
                else {
                  const letter = move === "answer" ? answer("review") : cancel
                  assert.strictEqual((yield* theirs.deliver(Inbox.toRow(run, letter, 0)))._tag, "Left")
                }
              }
              const letters = yield* mine.letters(run)
              assert.strictEqual(letters.length, 2)
              assert.strictEqual(yield* statusOf(journal), isParked ? "ready" : "running", order.join(" "))
              assert.strictEqual(Option.isNone(yield* journal.holder(run)), isParked)
              if (isParked) parked += 1
            })
          )
        }
        // Only if both letters come after the park does it succeed: else this test would have tried nothing.
        assert.strictEqual(parked, 2)
      })
    )

    scoped("mail rings once for each letter, from here at once and from elsewhere within a moment", (store) =>
      Effect.gen(function* () {
        const [journal, other] = [yield* journalOf(store), yield* journalOf(store)]
        const owned = yield* begin(journal, run, Histories.opened("review"))
        const first = yield* Effect.fork(journal.mail(owned))
        yield* Effect.yieldNow()
        yield* journal.deliver(run, answer("review"))
        yield* Fiber.join(first)

        const second = yield* Effect.fork(journal.mail(owned))
        yield* TestClock.adjust("10 seconds")
        assert.isTrue(Option.isNone(yield* Fiber.poll(second)))
        yield* other.deliver(run, cancel)
        yield* Effect.yieldNow()
        assert.isTrue(Option.isNone(yield* Fiber.poll(second)))
        yield* TestClock.adjust("200 millis")
        yield* Fiber.join(second)
      })
    )

    scoped("mail that came while nobody waited rings when somebody does", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store)
        const owned = yield* begin(journal, run)
        yield* journal.deliver(run, cancel)
        yield* journal.mail(owned)
        const waiting = yield* Effect.fork(journal.mail(owned))
        yield* TestClock.adjust("1 seconds")
        assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
        yield* journal.release(owned)
        yield* Fiber.join(waiting)
        yield* journal.mail(owned)
      })
    )

    scoped("the store is looked into only while somebody waits", (store) =>
      Effect.gen(function* () {
        const driver = yield* store.connect
        let looks = 0
        const journal = yield* JournalMake.make({
          ...driver,
          waiting: (runs) =>
            Effect.suspend(() => {
              looks += 1
              return driver.waiting(runs)
            })
        })
        const owned = yield* begin(journal, run)
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(looks, 0)
        const waiting = yield* Effect.fork(journal.mail(owned))
        yield* Effect.yieldNow()
        for (let look = 1; look <= 5; look++) {
          yield* TestClock.adjust("200 millis")
          // Some stores take a moment to answer.
          while (looks < look) yield* Effect.yieldNow()
          yield* TestClock.adjust(0)
        }
        assert.strictEqual(looks, 5)
        yield* Fiber.interrupt(waiting)
        yield* TestClock.adjust("1 minute")
        assert.isAtMost(looks, 6)
      })
    )
  })

  describe(`${name}: views`, () => {
    scoped("a subscriber sees every entry committed after it came, in the order of commits", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store)
        const [a, b] = [yield* begin(journal, run), yield* begin(journal, Histories.id("r2"))]
        const seen: Array<string> = []
        const fiber = yield* Effect.fork(
          Stream.runForEach(journal.committed, (entry) => Effect.sync(() => seen.push(`${entry.run} ${entry.seq}`)))
        )
        yield* settle
        journal.stage(b, Histories.note(1))
        yield* journal.barrier(b)
        journal.stage(a, Histories.note(1))
        journal.stage(b, Histories.note(2))
        journal.stage(a, Histories.note(2))
        yield* journal.barrier(a)
        yield* journal.park(a, Histories.suspended())
        yield* settle
        assert.deepStrictEqual(seen, ["r2 1", "r1 1", "r1 2", "r2 2", "r1 3"])
        yield* Fiber.interrupt(fiber)
        journal.stage(b, Histories.note(3))
        yield* journal.barrier(b)
        assert.strictEqual(seen.length, 5)
      })
    )

    property(
      "the projections are what the entries alone make, and rebuild mends what is not",
      FastCheck.record({
        all: FastCheck.array(Histories.telling, { maxLength: 25 }),
        cut: FastCheck.nat(25),
        letter: FastCheck.boolean(),
        tampering: FastCheck.constantFrom("none", "gone", "other", "more")
      }),
      (store, { all, cut, letter, tampering }) =>
        Effect.gen(function* () {
          const driver = yield* store.connect
          const journal = yield* JournalMake.make(driver)
          const owned = yield* begin(journal, run, ...all.slice(0, cut))
          if (letter) yield* Effect.ignore(journal.deliver(run, cancel))
          stageAll(journal, owned, all.slice(cut))
          yield* journal.barrier(owned)
          yield* begin(journal, Histories.id("r2"), Histories.opened("review"))
          assert.strictEqual(yield* journal.rebuild, 0)

          const before = yield* views(journal)
          const projection = (yield* entriesOf(journal))
            .flatMap((entry) => RunIndex.changes(entry))
            .reduce(RunIndex.apply, RunIndex.empty)
          const row = projection.row!
          const made: RunIndex.Projection =
            tampering === "none"
              ? projection
              : tampering === "gone"
                ? RunIndex.empty
                : tampering === "other"
                  ? { ...projection, row: { ...row, tokens: row.tokens + 1 } }
                  : { ...projection, tasks: new Map(projection.tasks).set(Histories.path("extra"), extraTask) }
          const count = (yield* entriesOf(journal)).length
          yield* driver.project({ run, count, projection: made, isDry: false })
          const shared = [...projection.pools.values()].filter((share) => !Pool.equals(share, Pool.nothing))
          const whole = 1 + projection.tasks.size + shared.length
          const expected = tampering === "none" ? 0 : tampering === "gone" ? whole : 1
          const dry = yield* Stream.runCollect(journal.mend({ run, isDry: true }))
          const wrong = Array.from(dry).filter(({ differences }) => differences.length > 0)
          assert.deepStrictEqual(
            wrong.map(({ differences, run }) => [run, differences.length]),
            expected === 0 ? [] : [[run, expected]]
          )
          // Only looked at, it is as wrong as before.
          assert.strictEqual(yield* journal.rebuild, expected)
          assert.deepStrictEqual(yield* views(journal), before)
          assert.strictEqual(yield* journal.rebuild, 0)
          // A projection of another history is not put in place.
          assert.isUndefined(yield* driver.project({ run, count: count + 1, projection, isDry: false }))
        }),
      60
    )

    scoped("a run that was upgraded is told with its new plan, also after a rebuild", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store)
        const json = Json.canonical({ steps: ["other"] })
        const other = { digest: Digest.ofText(json), json }
        const owned = yield* begin(journal, run)
        const planNow = Effect.map(journal.run(run), (row) => Option.getOrThrow(row).plan)
        yield* journal.keepPlan(other)
        yield* journal.keepPlan(other)
        assert.strictEqual(yield* planNow, Histories.plan.digest)
        journal.stage(owned, {
          ...Histories.resumed,
          event: { ...Histories.resumed.event, data: { again: [], plan: other.digest } } as Event
        })
        journal.stage(owned, Histories.note(1))
        yield* journal.barrier(owned)
        assert.strictEqual(yield* planNow, other.digest)
        assert.deepStrictEqual(Option.getOrThrow(yield* journal.plan(other.digest)), { steps: ["other"] })
        journal.stage(owned, { ...Histories.resumed, event: { ...Histories.resumed.event, ordinal: 1 } })
        yield* journal.barrier(owned)
        assert.strictEqual(yield* planNow, other.digest)
        assert.strictEqual(yield* journal.rebuild, 0)
      })
    )

    scoped("runs are listed newest first, page by page, each once", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store)
        const ids = ["b", "a", "d", "c", "x-1", "x-2", "X-3"].map(Histories.id)
        for (const [i, id] of ids.entries()) {
          const owned = yield* journal.create(id, Histories.plan)
          journal.stage(owned, Histories.started(i < 4 ? "early" : "late", i < 2 ? 5 : i * 10))
          if (i % 2 === 0) journal.stage(owned, Histories.completed)
          yield* journal.release(owned)
        }
        const list = (filter: Omit<Parameters<Service["runs"]>[0], "limit">, limit = 100) =>
          Effect.map(journal.runs({ ...filter, limit }), (rows) => rows.map((row) => row.run))
        assert.deepStrictEqual(yield* list({}), ["X-3", "x-2", "x-1", "c", "d", "b", "a"])
        const pages: Array<string> = []
        for (let before: RunId | undefined; ; ) {
          const page = yield* list({ before }, 2)
          if (page.length === 0) break
          pages.push(...page)
          before = Histories.id(page.at(-1)!)
        }
        assert.deepStrictEqual(pages, ["X-3", "x-2", "x-1", "c", "d", "b", "a"])
        assert.deepStrictEqual(yield* list({ prefix: "x-" }), ["x-2", "x-1"])
        assert.deepStrictEqual(yield* list({ pipeline: "early", status: ["completed"] }), ["d", "b"])
        assert.deepStrictEqual(yield* list({ status: ["running"], before: Histories.id("x-2") }), ["c", "a"])
        assert.deepStrictEqual(yield* list({ status: [] }), [])
        assert.deepStrictEqual(yield* list({ before: Histories.id("nobody") }), [])
      })
    )

    scoped("open tasks are listed oldest first, of one run or of all", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store)
        yield* begin(
          journal,
          run,
          Histories.opened("late", 30),
          Histories.opened("early", 10),
          Histories.opened("shut", 1)
        )
        yield* begin(journal, Histories.id("r2"), Histories.opened("middle", 20))
        const owned = yield* begin(journal, Histories.id("r3"), Histories.opened("gone", 5))
        stageAll(journal, owned, [Histories.answered("gone")])
        yield* journal.barrier(owned)
        const list = (filter: Parameters<Service["tasks"]>[0]) =>
          Effect.map(journal.tasks(filter), (rows) => rows.map(({ path }) => path))
        assert.deepStrictEqual(
          yield* list({ limit: 10 }),
          ["shut", "early", "middle", "late"].map((one) => Histories.path(one))
        )
        assert.strictEqual((yield* list({ limit: 2 })).length, 2)
        const [task] = yield* journal.tasks({ run, limit: 1 })
        assert.deepStrictEqual(task, { run, path: Histories.path("shut"), task: "approve", openedAt: 1, seq: 3 })
      })
    )

    scoped("the row of a run tells what it waits for and what it spent", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store)
        const usage = { input: 1, cachedInput: 10, output: 100, reasoning: 1000 }
        const spent = (ordinal: number): Staged =>
          Histories.staged({
            path: Histories.path("ask"),
            kind: "Answered",
            ordinal,
            data: { usage },
            payload: { answer: {} }
          })
        const owned = yield* begin(journal, run, spent(0), spent(1))
        const due = (at: number) => ({ _tag: "Timer" as const, path: StepPath.root, due: at })
        yield* journal.park(owned, {
          ...Histories.suspended(due(70), due(50), { _tag: "Task", path: StepPath.root }),
          at: 9
        })
        assert.deepStrictEqual(Option.getOrThrow(yield* journal.run(run)), {
          run,
          pipeline: "pipeline",
          plan: Histories.plan.digest,
          status: "suspended",
          startedAt: 0,
          updatedAt: 9,
          wakeAt: 50,
          tokens: 2222,
          labels: []
        })
      })
    )

    scoped("runs are found by label, part of a name and time, a page at a time", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store)
        const labelled = (
          pipeline: string,
          at: number,
          ...labels: ReadonlyArray<readonly [string, string]>
        ): Staged => ({
          ...Histories.staged({
            path: StepPath.root,
            kind: "RunStarted",
            ordinal: 0,
            data: { pipeline, plan: Histories.plan.digest, labels },
            payload: { input: { value: 1 }, sources: [] }
          }),
          at
        })
        const all = {
          a: labelled("Refunds", 1, ["team", "blue"], ["x", 'quote " and \u0000 and \n']),
          b: labelled('re"funds', 2, ["team", "red"]),
          c: labelled("other", 3, ["team", "blue"], ["team", "red"]),
          d: labelled("refunds 100% _", 4)
        }
        for (const [name, staged] of Object.entries(all)) {
          const owned = yield* journal.create(Histories.id(name), Histories.plan)
          journal.stage(owned, staged)
          yield* journal.release(owned)
        }
        const found = (filter: Omit<Parameters<Service["runs"]>[0], "limit">, limit = 9) =>
          Effect.map(journal.runs({ ...filter, limit }), (rows) => rows.map((row) => row.run).join(""))
        assert.strictEqual(yield* found({ label: ["team", "blue"] }), "ca")
        assert.strictEqual(yield* found({ label: ["team", "red"], before: Histories.id("c") }), "b")
        assert.strictEqual(yield* found({ label: ["team", "red"], status: ["completed"] }), "")
        assert.strictEqual(yield* found({ label: ["x", 'quote " and \u0000 and \n'] }), "a")
        assert.strictEqual(yield* found({ label: ["team", "green"] }), "")
        assert.strictEqual(yield* found({ name: "FUNDS" }), "dba")
        assert.strictEqual(yield* found({ name: 'e"f' }), "b")
        assert.strictEqual(yield* found({ name: "%" }), "d")
        assert.strictEqual(yield* found({ since: 2, until: 4 }), "cb")
        assert.strictEqual(yield* found({ label: ["team", "blue"], since: 2 }), "c")
        assert.strictEqual(yield* found({ name: "funds", pipeline: "Refunds" }), "a")
        assert.strictEqual(yield* found({ label: ["team", "blue"] }, 1), "c")
      })
    )

    scoped("a run that has ended can be dropped; the log says so, and nothing of it is left", (store) =>
      Effect.gen(function* () {
        const journal = yield* journalOf(store)
        const owned = yield* begin(journal, run, Histories.large(0, 100_000), Histories.opened("ask"))
        assert.isFalse(yield* journal.store.forget(run), "somebody drives it")
        yield* journal.park(owned, Histories.suspended({ _tag: "Task", path: Histories.path("ask") }))
        assert.isFalse(yield* journal.store.forget(run), "it may go on")
        yield* journal.deliver(run, answer("ask"))
        const again = Option.getOrThrow(yield* journal.own(run))
        stageAll(journal, again, [Histories.resumed, Histories.answered("ask"), Histories.completed])
        yield* journal.release(again)
        const other = yield* begin(journal, Histories.id("r2"))
        yield* journal.release(other)
        assert.isAbove(yield* journal.store.bytesOf(run), 100_000)
        for (const of of ["r1", "r2"]) {
          const answer = { run: Histories.id(of), path: Histories.path("step"), writes: [] }
          yield* journal.keep({ key: Digest.ofText(of), answer, at: 1, expiresAt: 9 })
        }
        const before = yield* journal.store.info
        assert.deepStrictEqual(before.runsByStatus, { completed: 1, running: 1 })
        assert.isTrue(yield* journal.store.forget(run))
        assert.isFalse(yield* journal.store.forget(run))
        yield* journal.store.vacuum
        assert.deepStrictEqual((yield* journal.store.info).runsByStatus, { running: 1 })
        assert.strictEqual(yield* journal.store.bytesOf(run), 0)
        assert.deepStrictEqual(Array.from(yield* Stream.runCollect(journal.ids)), [Histories.id("r2")])
        assert.deepStrictEqual(yield* journal.recall(Digest.ofText("r1")), Option.none())
        assert.isTrue(Option.isSome(yield* journal.recall(Digest.ofText("r2"))))
        assert.deepStrictEqual(yield* entriesOf(journal), [])
        assert.deepStrictEqual(yield* journal.letters(run), [])
        const queued = Array.from(yield* Stream.runCollect(journal.log.queued))
        assert.deepStrictEqual(
          queued.map(({ gone, size }) => `${size}${gone === true ? " gone" : ""}`),
          ["4", "7", "7 gone"]
        )
        const anew = yield* begin(journal, run)
        yield* journal.release(anew)
        assert.strictEqual(yield* statusOf(journal), "running")
      })
    )

    scoped("a run that is erased leaves what verifies, and nothing that was said in it", (store) =>
      Effect.gen(function* () {
        const [journal, other] = [yield* journalOf(store), yield* journalOf(store)]
        const fact = { reason: "asked to", by: "ann" }
        const owned = yield* begin(journal, run, Histories.large(0, 100_000), Histories.opened("ask"))
        const held = yield* Effect.flip(other.store.erase(run, fact))
        assert.strictEqual(held._tag, "RunHeld")
        yield* journal.park(owned, Histories.suspended({ _tag: "Task", path: Histories.path("ask") }))
        yield* journal.deliver(run, answer("ask", "bob"))
        yield* journal.release(yield* begin(journal, Histories.id("r2")))
        for (const of of ["r1", "r2"]) {
          const answer = { run: Histories.id(of), path: Histories.path("step"), writes: [] }
          yield* journal.keep({ key: Digest.ofText(of), answer, at: 1, expiresAt: 9 })
        }
        const heads = yield* Stream.runCollect(journal.heads(run, 0))

        assert.deepStrictEqual(yield* other.store.erase(run, fact), Option.some(3))
        assert.deepStrictEqual(yield* other.store.erase(run, fact), Option.none())
        assert.deepStrictEqual(yield* journal.store.erase(Histories.id("none"), fact), Option.none())
        const driver = yield* store.connect
        for (const row of yield* driver.select({ run, from: 0, limit: 99 })) {
          assert.deepInclude(row, { payload: null, salt: null, blob: null })
        }
        assert.isUndefined(yield* driver.runKey(run))
        assert.deepStrictEqual(yield* journal.letters(run), [])
        assert.deepStrictEqual(yield* journal.recall(Digest.ofText("r1")), Option.none())
        assert.isTrue(Option.isSome(yield* journal.recall(Digest.ofText("r2"))))
        assert.deepStrictEqual(yield* journal.tasks({ limit: 9 }), [])
        assert.strictEqual(yield* statusOf(journal), "erased")
        assert.strictEqual(yield* statusOf(journal, Histories.id("r2")), "running")
        assert.strictEqual(yield* journal.rebuild, 0)

        const left = Array.from(yield* Stream.runCollect(journal.heads(run, 0)))
        assert.deepStrictEqual(left.slice(0, -1), Array.from(heads))
        const last = left.at(-1)!
        assert.deepInclude(last.event, { kind: "RunErased", data: { ...fact, payloads: 3 } })
        const found = yield* Audit.verify(journal, run)
        assert.isTrue(!Ledger.isBad(found) && found.erased === 3 && found.rooted === left.length)
        const queued = Array.from(yield* Stream.runCollect(journal.log.queued))
        assert.include(
          queued.map(({ run, size }) => `${run} ${size}`),
          `r1 ${left.length}`
        )

        const errors: ReadonlyArray<Effect.Effect<unknown, JournalError>> = [
          entriesOf(journal),
          Effect.catchTag(journal.own(run), "RunHeld", Effect.die)
        ]
        for (const error of errors) assert.strictEqual(yield* reasonOf(error), "Erased")
        const { detail } = yield* Effect.flip(entriesOf(journal))
        assert.match(detail, /^entry 0 cannot be read: .* was erased \S+ by ann \(entry 4\): asked to$/)
        assert.strictEqual(yield* reasonOf(journal.deliver(run, answer("ask"))), "Ended")
        assert.isTrue(Option.isNone(yield* journal.holder(run)))

        const written = Either.getOrThrow(yield* LedgerFile.write(journal, run))
        const copy = Either.getOrThrow(yield* LedgerFile.read(Stream.encodeText(written.text)))
        const there = yield* JournalMake.make(JournalMemory.makeDriver())
        assert.isTrue(yield* there.restore(copy))
        assert.deepStrictEqual(yield* Audit.verify(there, run), found)
        assert.strictEqual(yield* reasonOf(entriesOf(there)), "Erased")
        assert.isTrue(yield* journal.store.forget(run))
      })
    )

    scoped("a run that is taken in from elsewhere is whole, once, and goes on as it would have there", (store) =>
      Effect.gen(function* () {
        const there = yield* JournalMake.make(JournalMemory.makeDriver())
        const owned = yield* begin(there, run, Histories.large(0, 100_000), Histories.opened("ask"))
        yield* there.park(owned, Histories.suspended({ _tag: "Task", path: Histories.path("ask") }))
        const again = Option.getOrThrow(yield* there.own(run))
        stageAll(there, again, [Histories.resumed, Histories.note(1)])
        yield* there.release(again)
        yield* there.deliver(run, answer("ask", "ann"))
        const written = Either.getOrThrow(yield* LedgerFile.write(there, run))
        const copy = Either.getOrThrow(yield* LedgerFile.read(Stream.encodeText(written.text)))
        const letters = yield* there.letters(run)

        const journal = yield* journalOf(store)
        assert.isTrue(yield* journal.restore({ ...copy, letters }))
        assert.isFalse(yield* journal.restore({ ...copy, letters }))
        assert.deepStrictEqual(yield* entriesOf(journal), yield* entriesOf(there))
        assert.deepStrictEqual(yield* journal.letters(run), letters)
        assert.deepStrictEqual(yield* views(journal), yield* views(there))
        assert.deepStrictEqual(yield* Audit.verify(journal, run), written.sound)
        assert.isTrue(Option.isNone(yield* journal.holder(run)))
        const here = Option.getOrThrow(yield* journal.own(run))
        assert.isAbove(here.epoch, again.epoch)
        stageAll(journal, here, [Histories.resumed, Histories.answered("ask"), Histories.completed])
        yield* journal.release(here)
        assert.isFalse(Ledger.isBad(yield* Audit.verify(journal, run)))
        assert.strictEqual(yield* statusOf(journal), "completed")

        const foreign = yield* JournalMake.make(JournalMemory.makeDriver(), { tenant: "other" })
        assert.strictEqual(yield* reasonOf(foreign.restore(copy)), "Corrupt")
        assert.strictEqual(yield* Stream.runCount(foreign.ids), 0)
      })
    )

    scoped("what cached steps answered is kept for every process, until it expires or nobody can read it", (store) =>
      Effect.gen(function* () {
        const [one, other] = [yield* journalOf(store), yield* journalOf(store)]
        const [a, b] = [Digest.ofText("a"), Digest.ofText("b")]
        yield* one.release(yield* begin(one, run))
        const answer = {
          run,
          path: Histories.path("step"),
          output: { "\u0000": "é" },
          writes: [{ field: "f", json: 1 }]
        }
        assert.deepStrictEqual(yield* one.recall(a), Option.none())
        yield* one.keep({ key: a, answer, at: 10, expiresAt: 20 })
        assert.deepStrictEqual(yield* other.recall(a), Option.some({ key: a, answer, at: 10, expiresAt: 20 }))
        const { output: _, ...nothing } = answer
        yield* other.keep({ key: a, answer: nothing, at: 11, expiresAt: 30 })
        assert.deepStrictEqual(yield* one.recall(a), Option.some({ key: a, answer: nothing, at: 11, expiresAt: 30 }))
        yield* one.keep({ key: b, answer, at: 30, expiresAt: 99 })
        assert.deepStrictEqual(yield* one.recall(a), Option.none())
        const driver = yield* store.connect
        yield* driver.keep({ key: a, run, value: "{", at: 31, expiresAt: 99 }, 9)
        assert.deepStrictEqual(yield* one.recall(a), Option.none(), "what cannot be read is not there")
        assert.isTrue(Option.isSome(yield* one.recall(b)))
        yield* driver.keep({ key: Digest.ofText("c"), run, value: "{", at: 32, expiresAt: 99 }, 2)
        assert.isTrue(Option.isNone(yield* one.recall(b)), "the oldest goes first")
        assert.isDefined(yield* driver.recall(a))
      })
    )
  })
}

const unavailable = new JournalError({ reason: "Unavailable", where: "the store", detail: "is down" })

const extraTask: RunIndex.TaskRow = {
  run: RunId.make("r1"),
  path: Histories.path("extra"),
  task: "ask",
  openedAt: 0,
  seq: 0
}

const views = (journal: Service) =>
  Effect.all({ runs: journal.runs({ limit: 10 }), tasks: journal.tasks({ limit: 1000 }) })

/** Waits until the lease of the run lasts to `instant`, and its owner knows. */
const renewed = (driver: Driver, instant: number) =>
  Effect.repeat(driver.lease(run), { until: (lease) => lease !== undefined && lease.expiresAt >= instant }).pipe(
    Effect.zipRight(driver.lease(run)),
    Effect.zipRight(settle)
  )

/** Lets everything that can go on go on. */
const settle = Effect.repeatN(Effect.yieldNow(), 50)

/** Every way to merge `moves` into each of `others`, the order of both kept. */
const interleavings = (
  moves: ReadonlyArray<string>,
  others: ReadonlyArray<ReadonlyArray<string>>
): ReadonlyArray<ReadonlyArray<string>> => others.flatMap((other) => merge(moves, other))

const merge = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> => {
  const [x, ...as] = a
  const [y, ...bs] = b
  if (x === undefined) return [b]
  if (y === undefined) return [a]
  return [...merge(as, b).map((rest) => [x, ...rest]), ...merge(a, bs).map((rest) => [y, ...rest])]
}
