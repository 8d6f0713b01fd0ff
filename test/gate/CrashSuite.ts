/**
 * The crash matrix: a process runs one of everything and is killed with SIGKILL right before and right after every
 * single commit of its journal; a fresh process takes over at once, because the owner is dead, and finishes. It must
 * end as the uncut run did, with the same events, replay equal, and repeat nothing that was recorded as finished.
 */
import * as Effect from "effect/Effect"
import { assert, describe, it } from "vitest"
import type { Entry } from "../../src/domain/Event.js"
import { RunId } from "../../src/domain/RunId.js"
import * as Flujo from "../../src/engine/Flujo.js"
import * as Audit from "../../src/journal/Audit.js"
import { Journal } from "../../src/journal/Journal.js"
import * as Ledger from "../../src/journal/Ledger.js"
import * as Long from "../Long.js"
import type { Order, When } from "./child.js"
import * as Effects from "./effects.js"
import { isGapless, lines, logical, pathsOf } from "./logical.js"
import * as Pipelines from "./pipelines.js"
import * as Processes from "./processes.js"
import { entriesOf } from "./world.js"

const run = RunId.make("the-run")

const entriesIn = (store: string): Promise<ReadonlyArray<Entry>> => Processes.look(store, entriesOf(run))

const replayIn = (store: string) => Processes.look(store, Flujo.replay(Pipelines.order, run))

/** Also of a run that was cut: whatever was committed has its roots with it. */
const holds = async (store: string, where: string): Promise<void> => {
  const found = await Processes.look(
    store,
    Effect.flatMap(Journal, (journal) => Audit.verify(journal, run))
  )
  if (Ledger.isBad(found)) assert.fail(`${where}: ${Ledger.describe(found)}`)
}

interface Whole {
  readonly entries: ReadonlyArray<Entry>
  readonly effects: ReadonlyArray<Effects.Happened>
  readonly value: unknown
  readonly commits: number
}

/** The same run in one go. */
const runWhole = (places: Processes.Places, durability: "full" | "normal"): Promise<Whole> =>
  places(async (place) => {
    const { code, report, stderr } = await Processes.run({ command: "finish", pipeline: "order", durability, ...place })
    assert.strictEqual(code, 0, stderr)
    const entries = await entriesIn(place.store)
    assert.strictEqual((await replayIn(place.store)).end, "Completed")
    return { entries, effects: Effects.read(place.effects), value: report?.value, commits: report?.commits ?? 0 }
  })

const nameOf = ({ name, path }: Effects.Happened): string => `${name} at ${path}`

const count = (effects: ReadonlyArray<Effects.Happened>, path: string): number =>
  effects.filter((effect) => effect.path === path).length

/** Kills one run as `kill` says, has another process finish it, and compares with the whole one. */
const killAndFinish = (
  places: Processes.Places,
  whole: Whole,
  kill: Pick<Order, "killAt" | "killAfterEffect">,
  durability: "full" | "normal" = "full"
) =>
  places(async (place) => {
    const where = JSON.stringify(kill)
    const order = { command: "finish", pipeline: "order", durability, ...place } as const
    const killed = await Processes.run({ ...order, ...kill })
    assert.strictEqual(killed.signal, "SIGKILL", `${where}: it died; ${killed.stderr}`)
    const before = await entriesIn(place.store)
    const effectsBefore = Effects.read(place.effects)
    // Killed before its first commit there is no run yet.
    if (before.length > 0) await holds(place.store, `${where}, killed`)

    const finished = await Processes.run(order)
    assert.strictEqual(finished.code, 0, `${where}: ${finished.stderr} ${JSON.stringify(finished.report)}`)
    assert.strictEqual(finished.report?.tag, "Completed", where)
    const entries = await entriesIn(place.store)
    const effects = Effects.read(place.effects)

    await holds(place.store, where)
    assert.isTrue(isGapless(entries), where)
    assert.deepStrictEqual(entries.slice(0, before.length), before, `${where}: what was written stays`)
    assert.deepStrictEqual(lines(entries), lines(whole.entries), where)
    assert.strictEqual(logical(entries), logical(whole.entries), where)
    assert.deepStrictEqual(
      entries.find(({ event }) => event.kind === "RunCompleted")?.event.payload,
      whole.entries.find(({ event }) => event.kind === "RunCompleted")?.event.payload,
      where
    )
    const { end } = await replayIn(place.store)
    assert.strictEqual(end, "Completed", where)

    // What was finished was not done again.
    for (const kind of ["StepSucceeded", "StepFailed"] as const) {
      for (const path of pathsOf(before, kind)) {
        assert.strictEqual(count(effects, path), count(effectsBefore, path), `${where}: ${path} was finished`)
      }
    }
    for (const path of pathsOf(before, "Answered")) {
      assert.strictEqual(count(effects, path.replace("pay", "once")), 1, `${where}: ${path} was answered`)
    }
    // What was done again was said to be, and has the key that it had before.
    const recovered = pathsOf(entries, "Recovered")
    const names = Array.from(new Set(whole.effects.map(nameOf))).sort()
    assert.deepStrictEqual(Array.from(new Set(effects.map(nameOf))).sort(), names, `${where}: all of it happened`)
    const again: Array<string> = []
    for (const name of names) {
      const [first, ...more] = effects.filter((effect) => nameOf(effect) === name)
      for (const effect of more) {
        again.push(name)
        assert.strictEqual(effect.key, first!.key, `${where}: ${name} again under the same key`)
        assert.include(recovered, effect.path.replace(/^once\/.*/, "pay"), `${where}: ${name} was recovered`)
      }
      assert.isAtMost(more.length, 1, `${where}: ${name}`)
      assert.strictEqual(first!.key, whole.effects.find((effect) => nameOf(effect) === name)!.key, where)
    }
    return { again, recovered, entries }
  })

export interface Options {
  readonly name: string
  readonly places: Processes.Places
  readonly whens: ReadonlyArray<When>
  /** Of the points, one in so many is tried; all of them under `npm run test:long`. */
  readonly oneIn: number
}

const timeout = Long.runs(300_000, 1_800_000)

export const crashSuite = ({ name, oneIn, places, whens }: Options): void => {
  const points = (commits: number, step: number) =>
    Array.from({ length: commits }, (_, commit) => commit)
      .flatMap((commit) => whens.map((when) => ({ commit, when })))
      .filter((_, i) => i % Long.runs(step, 1) === 0)

  describe(`a process that dies, on ${name}`, () => {
    it("around any commit is finished by another one, as if nothing had been", { timeout }, async () => {
      const whole = await runWhole(places, "full")
      const all = points(whole.commits, oneIn)
      assert.isAbove(whole.commits, 20)
      const began = Date.now()
      let again = 0
      await Processes.each(all, async (killAt) => {
        again += (await killAndFinish(places, whole, { killAt })).again.length
      })
      console.log(
        `crash matrix on ${name}: ${all.length} points (${whole.commits} commits) in ${Date.now() - began} ms; ${again} effects in flight were repeated`
      )
      // Points at which a step was in flight are among all of them; a share of them need not hold one.
      if (Long.runs(oneIn, 1) === 1) assert.isAbove(again, 0)
    })

    it("is finished likewise where commits are not forced to the disk", { timeout }, async () => {
      const whole = await runWhole(places, "normal")
      await Processes.each(points(whole.commits, 9 * oneIn), async (killAt) => {
        await killAndFinish(places, whole, { killAt }, "normal")
      })
    })

    it("in the middle of an effect has it made twice under one key, and says so", { timeout: 120_000 }, async () => {
      const whole = await runWhole(places, "full")
      const effects = Array.from(new Set(whole.effects.map(({ name }) => name)))
      assert.includeMembers(effects, ["ship", "pay", "charge", "mail", "flaky", "critique"])
      await Processes.each(effects, async (killAfterEffect) => {
        const { again, recovered } = await killAndFinish(places, whole, { killAfterEffect })
        assert.isTrue(
          again.some((name) => name.startsWith(`${killAfterEffect} at`)),
          `${killAfterEffect} was made twice`
        )
        assert.isAbove(recovered.length, 0)
      })
    })
  })
}
