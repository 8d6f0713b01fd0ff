/** Rounds of flujo and of a floor that take turns, and the medians of what they took: absolute times are the machine's. */
import * as Effect from "effect/Effect"
import type { Driver } from "../src/journal/Driver.js"
import { Journal } from "../src/journal/Journal.js"
import * as JournalMake from "../src/journal/JournalMake.js"
import * as Floor from "./Floor.js"
import type { Durability, Store } from "./Stores.js"

export interface Took extends Floor.Took {
  readonly commits: number
}

export interface On {
  readonly store: Store
  readonly durability: Durability
  /** Goes on with what is there. */
  readonly keep?: boolean
}

/** On a fresh store, counting its commits. */
export const on = async <A>(
  { durability, keep, store }: On,
  effect: Effect.Effect<A, unknown, Journal>
): Promise<Took> => {
  if (keep !== true) await store.empty()
  let commits = 0
  const program = Effect.scoped(
    Effect.gen(function* () {
      const driver = yield* store.driver(durability)
      const counting: Driver = {
        ...driver,
        commit: (slices) => {
          commits++
          return driver.commit(slices)
        }
      }
      const journal = yield* JournalMake.make(counting)
      const cpu = process.cpuUsage()
      const start = performance.now()
      yield* Effect.provideService(effect, Journal, journal)
      return { ...Floor.took(start, cpu), commits }
    })
  )
  return Effect.runPromise(program)
}

export const median = (values: ReadonlyArray<number>): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!

export const range = (values: ReadonlyArray<number>): string =>
  `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})`

export const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

export interface Measured extends On {
  readonly name: string
  readonly steps: number
  readonly runs: number
  readonly effect: Effect.Effect<unknown, unknown, Journal>
  /** Rows in one commit of the floor. */
  readonly perCommit: number
  readonly rounds: number
}

export const writing = async (measured: Measured): Promise<void> => {
  const { durability, effect, name, perCommit, rounds, runs, steps, store } = measured
  const all: Array<{ readonly ours: Took; readonly floor: Floor.Took; readonly data: Floor.Recorded }> = []
  for (let round = 0; round < rounds; round++) {
    const ours = await on(measured, effect)
    const data = await store.recorded()
    all.push({ ours, data, floor: await store.write(durability, data.rows, perCommit) })
  }
  const { data, ours } = all.at(-1)!
  const of = (value: (round: (typeof all)[number]) => number) => median(all.map(value))
  const perStep = (value: number): string => (value / steps).toFixed(2)
  const perSecond = (count: number): string => of(({ ours }) => count / (ours.wall / 1000)).toFixed(0)
  say(
    `${name}, ${store.name} ${durability}: ${range(all.map(({ floor, ours }) => floor.wall / ours.wall))} of the floor; ` +
      `${perSecond(data.rows.length)} appends/s${runs > 1 ? `, ${perSecond(runs)} runs/s` : ""}; per step ` +
      `${of(({ ours }) => (ours.cpu / steps) * 1000).toFixed(0)} µs CPU (floor ${of(({ floor }) => (floor.cpu / steps) * 1000).toFixed(0)}), ` +
      `${perStep(data.rows.length)} rows, ${perStep(data.bytes)} bytes, ${perStep(ours.commits)} commits`
  )
}
