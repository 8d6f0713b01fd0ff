/**
 * A process that takes back what its run did is killed with SIGKILL, at each effect and around each of its last commits;
 * another one goes on with the rest.
 */
import * as Effect from "effect/Effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { RunId } from "../../src/domain/RunId.js"
import * as Flujo from "../../src/engine/Flujo.js"
import type { Order } from "./child.js"
import * as Effects from "./effects.js"
import { logical, pathsOf } from "./logical.js"
import * as Pipelines from "./pipelines.js"
import * as Processes from "./processes.js"
import { entriesOf } from "./world.js"

beforeAll(Processes.bundle)
afterAll(Processes.discard)

const run = RunId.make("the-run")
const look = (store: string) =>
  Processes.look(store, Effect.zipRight(Flujo.replay(Pipelines.saga, run), entriesOf(run)))
const order = { command: "drive", pipeline: "saga" } as const

describe("a process that dies while it takes back", () => {
  it("is followed by one that takes back the rest, each once or twice under one key", {
    timeout: 120_000
  }, async () => {
    const whole = await Processes.inFolder(async (place) => {
      const { report } = await Processes.run({ ...order, ...place })
      assert.include(report?.error?.message, "sold out")
      return { commits: report?.commits ?? 0, entries: await look(place.store) }
    })
    assert.deepStrictEqual(pathsOf(whole.entries, "Undone"), ["charge!undo", "book!undo"])
    const kills: ReadonlyArray<Pick<Order, "killAt" | "killAfterEffect">> = [
      { killAfterEffect: "refund" },
      { killAfterEffect: "release" },
      ...[1, 2, 3, 4, 5, 6].map((back) => ({ killAt: { commit: whole.commits - back, when: "after" as const } }))
    ]
    await Processes.each(kills, (kill) =>
      Processes.inFolder(async (place) => {
        const where = JSON.stringify(kill)
        const killed = await Processes.run({ ...order, ...place, ...kill })
        assert.strictEqual(killed.signal, "SIGKILL", where)
        const before = await Processes.look(place.store, entriesOf(run))
        const isOver = before.some(({ event }) => event.kind === "RunFailed")
        const { report } = await Processes.run({ ...order, ...place })
        assert.include(report?.error?.message, isOver ? "was undone" : "sold out", where)
        const entries = await look(place.store)
        assert.strictEqual(logical(entries), logical(whole.entries), where)
        const effects = Effects.read(place.effects)
        for (const name of ["refund", "release"]) {
          const made = effects.filter((effect) => effect.name === name)
          const isDone = pathsOf(before, "StepSucceeded").includes(made[0]?.path ?? "")
          assert.isAtMost(made.length, isDone ? 1 : 2, `${where}: ${name}`)
          assert.strictEqual(new Set(made.map(({ key }) => key)).size, 1, `${where}: ${name}`)
        }
        const last = effects.map(({ name }) => name).lastIndexOf("refund")
        assert.isBelow(last, effects.map(({ name }) => name).indexOf("release"), where)
      })
    )
  })
})
