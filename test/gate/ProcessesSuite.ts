/** Two processes at one run: who drives it, who may write, and that no letter is left unread. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { assert, describe, it } from "vitest"
import type { Entry } from "../../src/domain/Event.js"
import { RunId } from "../../src/domain/RunId.js"
import * as Flujo from "../../src/engine/Flujo.js"
import { Journal } from "../../src/journal/Journal.js"
import * as Long from "../Long.js"
import type { Order } from "./child.js"
import * as Effects from "./effects.js"
import { isGapless, lines, pathsOf } from "./logical.js"
import * as Pipelines from "./pipelines.js"
import * as Processes from "./processes.js"
import { entriesOf } from "./world.js"

const run = RunId.make("the-run")

type Place = Processes.Place

const entriesIn = ({ store }: Place): Promise<ReadonlyArray<Entry>> => Processes.look(store, entriesOf(run))

const replayIn = ({ store }: Place, pipeline: Order["pipeline"]) =>
  Processes.look(store, Flujo.replay(Pipelines.all[pipeline] as typeof Pipelines.order, run))

const tasksIn = ({ store }: Place) =>
  Processes.look(
    store,
    Effect.flatMap(Journal, (journal) =>
      Effect.map(journal.tasks({ run, limit: 10 }), (tasks) => tasks.map(({ path }) => String(path)))
    )
  )

const statusIn = ({ store }: Place) =>
  Processes.look(
    store,
    Effect.flatMap(Journal, (journal) =>
      Effect.map(journal.run(run), Option.match({ onNone: () => undefined, onSome: ({ status }) => status }))
    )
  )

const happened = ({ effects }: Place, name: string): number =>
  Effects.read(effects).filter((effect) => effect.name === name).length

const timeout = 120_000

/** `patience`: how many times longer than on SQLite a process takes to get to work. */
export const processesSuite = (store: string, places: Processes.Places, patience = 1): void => {
  describe(`${store}: a run that is driven`, () => {
    it("is not driven by a second process, which learns who does", { timeout }, () =>
      places(async (place) => {
        const order = { pipeline: "long", patience, ...place } as const
        const owner = Processes.start({ ...order, command: "drive" })
        await Processes.until("the step runs", () => happened(place, "long") === 1)
        const second = await Processes.run({ ...order, command: "resume" })
        assert.strictEqual(second.code, 1)
        assert.strictEqual(second.report?.error?._tag, "RunError")
        assert.strictEqual(second.report?.error?.reason, "Held")
        assert.include(second.report?.error?.message, `process ${owner.pid}`)
        const { report } = await owner.ended
        assert.strictEqual(report?.tag, "Completed")
        assert.strictEqual(happened(place, "long"), 1)
        assert.strictEqual(happened(place, "after_long"), 1)
        assert.strictEqual((await replayIn(place, "long")).end, "Completed")
      })
    )

    it("takes an answer from another process while it is at work elsewhere", { timeout }, () =>
      places(async (place) => {
        const order = { pipeline: "busy", patience, ...place } as const
        const owner = Processes.start({ ...order, command: "drive" })
        await Processes.until(
          "it asks",
          async () => happened(place, "work") === 1 && (await tasksIn(place)).length === 1
        )
        const answer = await Processes.run({ ...order, command: "answer", task: "both/ask/ask" })
        assert.strictEqual(answer.report?.tag, "Answered", answer.stderr)
        const second = await Processes.run({ ...order, command: "answer", task: "both/ask/ask" })
        assert.strictEqual(second.report?.error?.reason, "Taken")
        assert.include(second.report?.error?.message, `process ${answer.pid}`)
        const { report } = await owner.ended
        assert.strictEqual(report?.tag, "Completed")
        const entries = await entriesIn(place)
        const seq = (kind: string, path: string) =>
          entries.findIndex(({ event }) => event.kind === kind && event.path === path)
        assert.isBelow(seq("StepSucceeded", "both/ask/next"), seq("StepSucceeded", "both/work/work"))
        assert.deepStrictEqual(pathsOf(entries, "RunSuspended"), [])
        assert.strictEqual((await replayIn(place, "busy")).end, "Completed")
      })
    )

    it("ends when another process cancels it", { timeout }, () =>
      places(async (place) => {
        const order = { pipeline: "endless", patience, ...place } as const
        const owner = Processes.start({ ...order, command: "drive" })
        await Processes.until(
          "it asks",
          async () => happened(place, "work") === 1 && (await tasksIn(place)).length === 1
        )
        const cancel = await Processes.run({ ...order, command: "cancel" })
        assert.strictEqual(cancel.code, 0, cancel.stderr)
        const { code, report } = await owner.ended
        assert.strictEqual(code, 1)
        assert.strictEqual(report?.error?.reason, "Cancelled")
        assert.include(report?.error?.message, "enough")
        const entries = await entriesIn(place)
        assert.strictEqual(entries.at(-1)?.event.kind, "RunCancelled")
        assert.deepStrictEqual(pathsOf(entries, "StepInterrupted"), ["both/work/work"])
        assert.deepStrictEqual(pathsOf(entries, "TaskClosed"), ["both/ask/ask"])
        assert.deepStrictEqual(await tasksIn(place), [])
        assert.strictEqual((await replayIn(place, "endless")).end, "Cancelled")
        const late = await Processes.run({ ...order, command: "resume" })
        assert.strictEqual(late.report?.error?.reason, "Ended")
      })
    )
  })

  describe(`${store}: a run that rests`, () => {
    it("goes on with an answer that another process left", { timeout }, () =>
      places(async (place) => {
        const order = { pipeline: "rest", patience, ...place } as const
        const first = await Processes.run({ ...order, command: "drive" })
        assert.strictEqual(first.report?.tag, "Suspended")
        assert.strictEqual(first.code, 0)
        assert.strictEqual(await statusIn(place), "suspended")
        await Processes.run({ ...order, command: "answer", task: "ask" })
        assert.strictEqual(await statusIn(place), "ready")
        const last = await Processes.run({ ...order, command: "resume" })
        assert.strictEqual(last.report?.tag, "Completed")
        assert.strictEqual(happened(place, "before"), 1)
        assert.strictEqual(happened(place, "paid"), 1)
      })
    )

    it("is never stranded, whenever the letter comes while it parks", { timeout: 240_000 }, async () => {
      // The answer is aimed at the moment of coming to rest, from well before to well after it.
      const rounds = Long.runs(12, 240)
      const seen = new Map<string, number>()
      await Processes.each(
        Array.from({ length: rounds }, (_, i) => i),
        (i) =>
          places(async (place) => {
            const order = { pipeline: "parking", patience, ...place } as const
            const owner = Processes.start({ ...order, command: "drive" })
            // From one connection that stays open, so that no time is lost.
            await Processes.look(
              place.store,
              Effect.gen(function* () {
                const journal = yield* Journal
                while ((yield* journal.tasks({ run, limit: 1 })).length === 0) yield* Effect.sleep(1)
                yield* Effect.sleep((i * 80 * patience) / rounds)
                yield* Flujo.answer(run, (yield* journal.tasks({ run, limit: 1 }))[0]!.path, { approved: true })
              })
            )
            const { report } = await owner.ended
            const status = await statusIn(place)
            const end = `${report?.tag} and ${status}`
            seen.set(end, (seen.get(end) ?? 0) + 1)
            if (report?.tag === "Completed") assert.strictEqual(status, "completed")
            else {
              // It rested before the letter came: then the letter made it ready.
              assert.strictEqual(status, "ready")
              const next = await Processes.run({ ...order, command: "resume" })
              assert.strictEqual(next.report?.tag, "Completed")
            }
            assert.strictEqual(happened(place, "next"), 1)
            assert.strictEqual(happened(place, "work"), 1)
            assert.strictEqual((await replayIn(place, "parking")).end, "Completed")
          })
      )
      console.log(`park and wake: ${Array.from(seen, ([end, count]) => `${count} × ${end}`).join(", ")}`)
      assert.strictEqual(seen.size, 2, "letters came before and after it rested")
    })
  })

  describe(`${store}: an owner that stands still`, () => {
    it("past its lease loses the run to another, and cannot write any more", { timeout }, () =>
      places(async (place) => {
        const order = { pipeline: "long", leaseMillis: 3000 * patience, patience, ...place } as const
        const frozen = Processes.start({ ...order, command: "drive" })
        await Processes.until("the step runs", () => happened(place, "long") === 1)
        frozen.child.kill("SIGSTOP")
        // As long as its lease lasts, nobody may take the run: it is alive.
        const early = await Processes.run({ ...order, command: "resume" })
        if (early.report?.tag === "Failed") assert.strictEqual(early.report.error?.reason, "Held")
        else assert.fail("the lease had run out already: this machine is too slow for the test")
        await new Promise((resolve) => setTimeout(resolve, 3100 * patience))
        const other = await Processes.run({ ...order, command: "resume" })
        assert.strictEqual(other.report?.tag, "Completed", JSON.stringify(other.report))
        const entries = await entriesIn(place)
        frozen.child.kill("SIGCONT")
        const { code, report } = await frozen.ended
        assert.strictEqual(code, 1)
        assert.strictEqual(report?.error?.reason, "Held")
        assert.include(report?.error?.message, "its lease was taken over")
        assert.deepStrictEqual(await entriesIn(place), entries)
        assert.isTrue(isGapless(entries))
        assert.strictEqual(new Set(entries.map(({ epoch }) => epoch)).size, 2)
        assert.deepStrictEqual(pathsOf(entries, "Recovered"), ["long"])
        assert.strictEqual((await replayIn(place, "long")).end, "Completed")
        const keys = Effects.read(place.effects).filter(({ name }) => name === "long")
        assert.strictEqual(keys.length, 2)
        assert.strictEqual(new Set(keys.map(({ key }) => key)).size, 1)
        assert.strictEqual(happened(place, "after_long"), 1)
      })
    )

    it("is refused also when the other is still at it, which is not disturbed", { timeout }, () =>
      places(async (place) => {
        const order = { pipeline: "long", leaseMillis: 600 * patience, patience, ...place } as const
        const frozen = Processes.start({ ...order, command: "drive" })
        await Processes.until("the step runs", () => happened(place, "long") === 1)
        frozen.child.kill("SIGSTOP")
        await new Promise((resolve) => setTimeout(resolve, 800 * patience))
        const other = Processes.start({ ...order, leaseMillis: 15_000, command: "resume" })
        await Processes.until("the other runs the step", () => happened(place, "long") === 2)
        frozen.child.kill("SIGCONT")
        const lost = await frozen.ended
        assert.strictEqual(lost.report?.error?.reason, "Held")
        const { report } = await other.ended
        assert.strictEqual(report?.tag, "Completed")
        const entries = await entriesIn(place)
        assert.isTrue(isGapless(entries))
        assert.strictEqual(pathsOf(entries, "StepSucceeded").length, 2)
        assert.strictEqual(happened(place, "after_long"), 1)
        const whole = await places(async (other) => {
          await Processes.run({ ...order, ...other, command: "drive" })
          return entriesIn(other)
        })
        assert.deepStrictEqual(lines(entries), lines(whole))
      })
    )
  })

  describe(`${store}: two processes that take up interrupted runs at once`, () => {
    it("never both drive one of them", { timeout }, () =>
      places(async (place) => {
        const runs = Long.runs(25, 400)
        const order = { pipeline: "pay", runs, patience, ...place } as const
        const first = Processes.start({ ...order, command: "litter", stallAtEffect: "paid" })
        await Processes.until("all are in flight", () => happened(place, "paid") === runs)
        first.child.kill("SIGKILL")
        assert.strictEqual((await first.ended).signal, "SIGKILL")
        const at = Date.now() + 2000 * patience
        const [one, other] = await Promise.all([1, 2].map(() => Processes.run({ ...order, command: "race", at })))
        const ends = (ended: Processes.Ended | undefined) => ended?.report?.value as ReadonlyArray<string>
        const counts = new Map<string, number>()
        for (let i = 0; i < runs; i++) {
          const tags = [ends(one)[i], ends(other)[i]].sort().join(" and ")
          counts.set(tags, (counts.get(tags) ?? 0) + 1)
          // The other found it held, or ended already.
          assert.include(["Completed and Held", "Completed and Ended"], tags)
        }
        console.log(`races: ${Array.from(counts, ([tags, count]) => `${count} × ${tags}`).join(", ")}`)
        assert.isAbove(counts.get("Completed and Held") ?? 0, 0, "they met")
        assert.isTrue(
          [one, other].every((ended) => ends(ended).includes("Completed")),
          "each won some"
        )
        // Once in flight when its process was killed, once by the winner, under the same key.
        const paid = new Map<string, number>()
        for (const { key, name } of Effects.read(place.effects)) {
          if (name === "paid") paid.set(key, (paid.get(key) ?? 0) + 1)
        }
        assert.strictEqual(paid.size, runs)
        assert.deepStrictEqual(new Set(paid.values()), new Set([2]))
        assert.strictEqual(happened(place, "before"), runs)
        for (let i = 0; i < runs; i++) {
          const id = RunId.make(`${run}-${i}`)
          const entries = await Processes.look(place.store, entriesOf(id))
          assert.isTrue(isGapless(entries))
          assert.deepStrictEqual(pathsOf(entries, "Recovered"), ["paid"])
          assert.strictEqual((await Processes.look(place.store, Flujo.replay(Pipelines.pay, id))).end, "Completed")
        }
      })
    )
  })
}
