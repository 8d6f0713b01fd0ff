/**
 * What is read again: a run replayed, its ledger verified; and what the ledger costs an entry when it is written, beyond
 * the canonical bytes and the commitments. The floor reads the same rows with the raw driver, parses and hashes them.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { RunId } from "../src/domain/RunId.js"
import * as Flujo from "../src/engine/Flujo.js"
import * as Audit from "../src/journal/Audit.js"
import { Journal } from "../src/journal/Journal.js"
import * as Ledger from "../src/journal/Ledger.js"
import * as MerkleTree from "../src/journal/MerkleTree.js"
import * as SignedNote from "../src/journal/SignedNote.js"
import * as Floor from "./Floor.js"
import { median, on, range, say } from "./Measure.js"
import * as Pipelines from "./Pipelines.js"
import type { Store } from "./Stores.js"

export interface Options {
  readonly store: Store
  readonly steps: number
  readonly rounds: number
}

const run = RunId.make("read")
const times = 5

const reading = async (
  name: string,
  { rounds, store }: Options,
  entries: number,
  effect: Effect.Effect<unknown, unknown, Journal>
): Promise<void> => {
  const all: Array<{ readonly ours: Floor.Took; readonly floor: Floor.Took }> = []
  for (let round = 0; round < rounds; round++) {
    const ours = await on({ store, durability: "normal", keep: true }, Effect.repeatN(effect, times - 1))
    const cpu = process.cpuUsage()
    const start = performance.now()
    for (let time = 0; time < times; time++) Floor.check((await store.recorded()).rows)
    all.push({ ours, floor: Floor.took(start, cpu) })
  }
  const perSecond = (value: (round: (typeof all)[number]) => number): string =>
    median(all.map((round) => (times * entries) / (value(round) / 1000))).toFixed(0)
  say(
    `${name}, ${store.name}: ${range(all.map(({ floor, ours }) => floor.cpu / ours.cpu))} of the floor in CPU time; ` +
      `${perSecond(({ ours }) => ours.cpu)} entries per second of CPU, ${perSecond(({ ours }) => ours.wall)} by the clock`
  )
}

const written = async ({ steps, store }: Options) => {
  const chain = Pipelines.chain(steps)
  await on({ store, durability: "normal" }, Flujo.run(chain, Pipelines.visit, { runId: run }))
  return { chain, rows: (await store.recorded()).rows }
}

export const replay = async (options: Options): Promise<void> => {
  const { chain, rows } = await written(options)
  await reading("W9 replay", options, rows.length, Flujo.replay(chain, run))
}

export const verify = async (options: Options): Promise<void> => {
  const { rows } = await written(options)
  const effect = Effect.gen(function* () {
    const found = yield* Audit.verify(yield* Journal, run)
    if (Ledger.isBad(found)) return yield* Effect.dieMessage(Ledger.describe(found))
  })
  await reading("W10 verify", options, rows.length, effect)
}

export const ledger = async (options: Options): Promise<void> => {
  const { rows } = await written(options)
  const heads = rows.map((row) => ({ ...row, seq: row.seq }))
  const cpus: Array<number> = []
  const seals: Array<number> = []
  const signer = SignedNote.signerOf(SignedNote.generate())!
  for (let round = 0; round < options.rounds; round++) {
    let entries: Parameters<typeof Ledger.grow>[2] = []
    await on(
      { store: options.store, durability: "normal", keep: true },
      Effect.gen(function* () {
        const journal = yield* Journal
        entries = Array.from(yield* Stream.runCollect(journal.read(run)))
        const cpu = process.cpuUsage()
        const start = performance.now()
        const sealed = yield* journal.log.seal(() => Effect.succeed(signer))
        if (Option.isNone(sealed)) return yield* Effect.dieMessage("nothing was sealed")
        if (round === 0) seals.push(Floor.took(start, cpu).cpu)
      })
    )
    const cpu = process.cpuUsage()
    const start = performance.now()
    for (let time = 0; time < 20; time++) {
      let frontier = MerkleTree.empty
      // Two entries in a commit, as a chain of steps is written.
      for (let i = 0; i < heads.length; i += 2) {
        frontier = Ledger.grow(frontier, heads.slice(i, i + 2), entries.slice(i, i + 2), [])
      }
    }
    cpus.push((Floor.took(start, cpu).cpu * 1000) / (20 * heads.length))
  }
  say(
    `W11 ledger, ${options.store.name}: ${median(cpus).toFixed(1)} µs CPU per entry beyond its bytes and commitment; ` +
      `one checkpoint ${seals[0]!.toFixed(1)} ms CPU, at most one a second`
  )
}
