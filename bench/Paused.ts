/** Runs that wait for a person: made, listed, one answered and driven to its end; and what they cost while nobody comes. */
import * as Effect from "effect/Effect"
import { RunId } from "../src/domain/RunId.js"
import * as Flujo from "../src/engine/Flujo.js"
import { Journal } from "../src/journal/Journal.js"
import * as Floor from "./Floor.js"
import { on, say } from "./Measure.js"
import * as Pipelines from "./Pipelines.js"
import type { Store } from "./Stores.js"

const mebibytes = (): number => {
  globalThis.gc?.()
  return process.memoryUsage().rss / 2 ** 20
}

export const paused = async (store: Store, count: number, idleMillis: number): Promise<void> => {
  const memory: Array<number> = []
  const some = Effect.forEach(Array.from({ length: count / 4 }), () => Flujo.run(Pipelines.waiting, Pipelines.visit), {
    concurrency: 64,
    discard: true
  })
  const took = await on(
    { store, durability: "normal" },
    Effect.repeatN(
      Effect.zipRight(
        some,
        Effect.sync(() => memory.push(mebibytes()))
      ),
      3
    )
  )
  let list = 0
  let one = 0
  let idle: Floor.Took = { wall: 1, cpu: 0 }
  await on(
    { store, durability: "normal", keep: true },
    Effect.gen(function* () {
      const journal = yield* Journal
      let start = performance.now()
      const page = yield* journal.runs({ status: ["suspended"], limit: 50 })
      list = performance.now() - start
      start = performance.now()
      const run = RunId.make(page[0]!.run)
      const [task] = yield* journal.tasks({ run, limit: 1 })
      yield* Flujo.answer(run, task!.path, { approved: true })
      yield* Flujo.resume(Pipelines.waiting, run)
      one = performance.now() - start
      start = performance.now()
      const cpu = process.cpuUsage()
      yield* Effect.sleep(idleMillis)
      idle = Floor.took(start, cpu)
    })
  )
  say(
    `W8 ${count} runs waiting, ${store.name}: made in ${(took.wall / count).toFixed(2)} ms each, ` +
      `${((await store.size()) / count / 1024).toFixed(1)} KiB each; a page of 50 listed in ${list.toFixed(1)} ms; one answered and ` +
      `driven to its end in ${one.toFixed(1)} ms; memory after each quarter ${memory.map((mb) => mb.toFixed(0)).join(", ")} MB; ` +
      `while idle ${((idle.cpu / idle.wall) * 100).toFixed(1)} % of a CPU`
  )
}
