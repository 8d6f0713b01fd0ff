import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { RunId } from "../../src/domain/RunId.js"
import type { Answer, Driver, Slice } from "../../src/journal/Driver.js"
import { type Journal, JournalError, type OwnedRun } from "../../src/journal/Journal.js"
import * as JournalMake from "../../src/journal/JournalMake.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as Histories from "./Histories.js"

type Service = Journal["Type"]
type Commit = (slices: ReadonlyArray<Slice>, driver: Driver) => Effect.Effect<ReadonlyArray<Answer>, JournalError>

/** A journal whose commits go through `commit`, and the sizes of the batches that were tried. */
const faulty = (commit: Commit, options?: JournalMake.Options) =>
  Effect.gen(function* () {
    const driver = JournalMemory.makeDriver()
    const batches: Array<ReadonlyArray<string>> = []
    const journal = yield* JournalMake.make(
      {
        ...driver,
        commit: (slices) =>
          Effect.suspend(() => {
            batches.push(slices.map(({ run }) => run))
            return commit(slices, driver)
          })
      },
      options
    )
    return { journal, driver, batches }
  })

const honest: Commit = (slices, driver) => driver.commit(slices)

const failure = (reason: JournalError["reason"]) =>
  new JournalError({ reason, where: "the store", detail: "is not well" })

const ids = (...names: ReadonlyArray<string>) => names.map(Histories.id)

const create = (journal: Service, of: ReadonlyArray<RunId>) =>
  Effect.forEach(of, (id) => journal.create(id, Histories.plan))

const ordinals = (journal: Service, of: RunId) =>
  Effect.map(Stream.runCollect(journal.read(of)), (entries) =>
    Chunk.toReadonlyArray(entries).map(({ event }) => event.ordinal)
  )

const reasonOf = <A>(effect: Effect.Effect<A, JournalError>): Effect.Effect<string> =>
  Effect.match(effect, { onFailure: ({ reason }) => reason, onSuccess: () => "none" })

const isLost = (owned: OwnedRun): Effect.Effect<boolean> => Effect.map(Deferred.poll(owned.lost), Option.isSome)

describe("Writer", () => {
  it.scoped("runs that go on together are written together", () =>
    Effect.gen(function* () {
      const { batches, journal } = yield* faulty(honest)
      const owned = yield* create(journal, ids(...Array.from({ length: 64 }, (_, i) => `r${i}`)))
      yield* Effect.forEach(
        owned,
        (one) =>
          Effect.gen(function* () {
            for (let n = 0; n < 10; n++) {
              journal.stage(one, Histories.note(2 * n))
              journal.stage(one, Histories.note(2 * n + 1))
              yield* journal.barrier(one)
            }
          }),
        { concurrency: "unbounded" }
      )
      assert.isAtMost(batches.length, 12)
      assert.deepStrictEqual(
        yield* ordinals(journal, Histories.id("r63")),
        Array.from({ length: 20 }, (_, i) => i)
      )
    })
  )

  it.scoped("staging is enough: nobody needs to wait for it to be written", () =>
    Effect.gen(function* () {
      const { journal } = yield* faulty(honest)
      const [owned] = yield* create(journal, ids("a"))
      journal.stage(owned!, Histories.note(0))
      yield* Effect.repeatN(Effect.yieldNow(), 20)
      assert.deepStrictEqual(yield* ordinals(journal, Histories.id("a")), [0])
    })
  )

  it.effect.prop(
    "when a batch fails each run is tried alone, all or nothing, and only who fails is lost",
    {
      bad: FastCheck.uniqueArray(FastCheck.nat(4), { minLength: 1 }),
      counts: FastCheck.array(FastCheck.integer({ min: 1, max: 4 }), { minLength: 5, maxLength: 5 })
    },
    ({ bad, counts }) =>
      Effect.scoped(
        Effect.gen(function* () {
          const all = ids("a", "b", "c", "d", "e")
          const isBad = ({ rows, run }: Slice) => bad.includes(all.indexOf(run)) && rows.some(({ seq }) => seq > 0)
          const { batches, journal } = yield* faulty((slices, driver) =>
            slices.some(isBad) ? Effect.fail(failure("Unavailable")) : driver.commit(slices)
          )
          const owned = yield* create(journal, all)
          for (const one of owned) journal.stage(one, Histories.note(0))
          yield* Effect.forEach(owned, journal.barrier)
          for (const [i, one] of owned.entries()) {
            for (let n = 1; n <= counts[i]!; n++) journal.stage(one, Histories.note(n))
          }
          const answers = yield* Effect.forEach(owned, (one) => reasonOf(journal.barrier(one)), {
            concurrency: "unbounded"
          })
          for (const [i, id] of all.entries()) {
            const isLostRun = bad.includes(i)
            assert.strictEqual(answers[i], isLostRun ? "Unavailable" : "none")
            assert.strictEqual(yield* isLost(owned[i]!), isLostRun)
            assert.strictEqual((yield* ordinals(journal, id)).length, isLostRun ? 1 : 1 + counts[i]!)
          }
          // What is staged later is not tried.
          const tried = batches.length
          for (const i of bad) journal.stage(owned[i]!, Histories.note(9))
          yield* Effect.repeatN(Effect.yieldNow(), 20)
          assert.strictEqual(batches.length, tried)
          for (const i of bad) assert.strictEqual(yield* reasonOf(journal.barrier(owned[i]!)), "Unavailable")
        })
      )
  )

  it.scoped("what was staged while a commit was under way is dropped if that fails: it would follow a gap", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const { batches, journal } = yield* faulty((slices, driver) =>
        slices[0]!.rows[0]!.seq === 1
          ? Effect.zipRight(Deferred.await(gate), Effect.fail(failure("Unavailable")))
          : driver.commit(slices)
      )
      const [owned] = yield* create(journal, ids("a"))
      journal.stage(owned!, Histories.note(0))
      yield* journal.barrier(owned!)
      journal.stage(owned!, Histories.note(1))
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      journal.stage(owned!, Histories.note(2))
      const waiting = yield* Effect.fork(reasonOf(journal.barrier(owned!)))
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual(yield* Fiber.join(waiting), "Unavailable")
      yield* Effect.repeatN(Effect.yieldNow(), 20)
      assert.strictEqual(batches.length, 2)
      assert.deepStrictEqual(yield* ordinals(journal, Histories.id("a")), [0])
    })
  )

  it.scoped("a locked store is not asked again for each run", () =>
    Effect.gen(function* () {
      const { batches, journal } = yield* faulty(() => Effect.fail(failure("Locked")))
      const owned = yield* create(journal, ids("a", "b", "c"))
      for (const one of owned) journal.stage(one, Histories.note(0))
      const answers = yield* Effect.forEach(owned, (one) => reasonOf(journal.barrier(one)))
      assert.deepStrictEqual(answers, ["Locked", "Locked", "Locked"])
      assert.strictEqual(batches.length, 1)
    })
  )

  it.scoped("entries that are staged while a park is under way wait for its answer", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const { journal } = yield* faulty((slices, driver) =>
        slices.some(({ rest }) => rest?._tag === "Park")
          ? Effect.zipRight(Deferred.await(gate), driver.commit(slices))
          : driver.commit(slices)
      )
      const [stays, goes] = yield* create(journal, ids("stays", "goes"))
      for (const one of [stays!, goes!]) journal.stage(one, Histories.started())
      yield* journal.barrier(stays!)
      yield* journal.deliver(Histories.id("stays"), { _tag: "Cancel", reason: "" })
      const parking = yield* Effect.fork(
        Effect.forEach([stays!, goes!], (one) => journal.park(one, Histories.suspended()), { concurrency: "unbounded" })
      )
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      for (const one of [stays!, goes!]) journal.stage(one, Histories.note(1))
      const late = yield* Effect.fork(reasonOf(journal.barrier(goes!)))
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(yield* Fiber.join(parking), [false, true])
      yield* journal.barrier(stays!)
      assert.deepStrictEqual(yield* ordinals(journal, Histories.id("stays")), [0, 1])
      // It gave its lease back; what came after is lost, and says so.
      assert.strictEqual(yield* Fiber.join(late), "Conflict")
      assert.isTrue(yield* isLost(goes!))
      assert.strictEqual((yield* ordinals(journal, Histories.id("goes"))).length, 2)
    })
  )

  const ends: ReadonlyArray<readonly [string, Commit]> = [
    ["dies of a defect", () => Effect.die(new Error("a broken driver"))],
    ["is interrupted", () => Effect.interrupt],
    [
      "throws",
      () => {
        throw new Error("a broken driver")
      }
    ],
    ["gets an answer it cannot use", () => Effect.succeed([])]
  ]
  for (const [how, end] of ends) {
    it.scoped(`if the writer ${how}, all that waits and all that comes fails with Unavailable`, () =>
      Effect.gen(function* () {
        let isBroken = false
        const { journal } = yield* faulty((slices, driver) => (isBroken ? end(slices, driver) : driver.commit(slices)))
        const [writing, parking, idle, releasing] = yield* create(journal, ids("a", "b", "c", "d"))
        for (const one of [writing, parking, idle, releasing]) journal.stage(one!, Histories.started())
        yield* journal.barrier(idle!)
        isBroken = true
        journal.stage(writing!, Histories.note(1))
        const waiting = yield* Effect.forEach(
          [
            journal.barrier(writing!),
            journal.barrier(writing!),
            journal.park(parking!, Histories.suspended()),
            Deferred.await(idle!.lost)
          ],
          (effect) => Effect.fork(reasonOf<unknown>(effect))
        )
        const released = yield* Effect.fork(journal.release(releasing!))
        const mailed = yield* Effect.fork(journal.mail(idle!))
        assert.deepStrictEqual(yield* Effect.forEach(waiting, Fiber.join), Array(4).fill("Unavailable"))
        yield* Fiber.join(released)
        yield* Fiber.join(mailed)
        journal.stage(idle!, Histories.note(1))
        assert.strictEqual(yield* reasonOf(journal.barrier(idle!)), "Unavailable")
        assert.strictEqual(yield* reasonOf(journal.park(idle!, Histories.suspended())), "Unavailable")
        const late = yield* journal.create(Histories.id("late"), Histories.plan)
        journal.stage(late, Histories.started())
        assert.strictEqual(yield* reasonOf(journal.barrier(late)), "Unavailable")
        yield* journal.release(late)
        yield* journal.release(idle!)
      })
    )
  }

  it.scoped("what cannot be encoded is a defect of its own run and of no other", () =>
    Effect.gen(function* () {
      const { journal } = yield* faulty(honest)
      const [good, bad] = yield* create(journal, ids("good", "bad"))
      journal.stage(good!, Histories.started())
      const nonsense = { ...Histories.note(0), event: { ...Histories.note(0).event, data: { n: 1n } as never } }
      const exit = yield* Effect.exit(Effect.sync(() => journal.stage(bad!, nonsense)))
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
      yield* journal.barrier(bad!)
      yield* journal.barrier(good!)
      assert.isTrue(Option.isNone(yield* journal.own(Histories.id("bad"))))
    })
  )

  it.scoped("a right to append that was made elsewhere is a defect", () =>
    Effect.gen(function* () {
      const { journal } = yield* faulty(honest)
      const [owned] = yield* create(journal, ids("a"))
      const exit = yield* Effect.exit(Effect.sync(() => journal.stage({ ...owned! }, Histories.note(0))))
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
    })
  )

  it.scoped("past the limit of bytes a barrier waits, also for what others staged", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      let isSlow = false
      const { journal } = yield* faulty(
        (slices, driver) =>
          isSlow ? Effect.zipRight(Deferred.await(gate), driver.commit(slices)) : driver.commit(slices),
        { queueBytesMax: 10_000 }
      )
      const [slow, other] = yield* create(journal, ids("slow", "other"))
      for (const one of [slow, other]) journal.stage(one!, Histories.started())
      yield* journal.barrier(other!)
      isSlow = true
      journal.stage(slow!, Histories.note(1))
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      yield* journal.barrier(other!)
      journal.stage(slow!, Histories.large(2, 20_000))
      const held = yield* Effect.fork(journal.barrier(other!))
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      assert.isTrue(Option.isNone(yield* Fiber.poll(held)))
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(held)
    })
  )

  it.scoped("a reader of committed entries who does not read is cut off, and holds nobody up", () =>
    Effect.gen(function* () {
      const { journal } = yield* faulty(honest, { lagMax: 100 })
      const [owned] = yield* create(journal, ids("a"))
      journal.stage(owned!, Histories.started())
      yield* journal.barrier(owned!)
      const gate = yield* Deferred.make<void>()
      const slow = yield* Effect.fork(Stream.runForEach(journal.committed, () => Deferred.await(gate)))
      yield* Effect.repeatN(Effect.yieldNow(), 30)
      for (let n = 1; n <= 102; n++) {
        journal.stage(owned!, Histories.note(n))
        yield* journal.barrier(owned!)
      }
      yield* Deferred.succeed(gate, undefined)
      const exit = yield* Fiber.await(slow)
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
    })
  )
})
