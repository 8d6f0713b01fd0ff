/**
 * The engine under simulation, over generated pipelines: whatever happens to a run, its journal replays and holds. As the
 * same seed gives the same bytes, what a seed breaks can be looked at for as long as it takes: `npm run simulate` says how.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Simulate from "../../src/testing/Simulate.js"
import * as Explore from "../../src/testing/simulation/Explore.js"
import * as Faults from "../../src/testing/simulation/Faults.js"
import * as Outside from "../../src/testing/simulation/Outside.js"
import { runs } from "../Long.js"
import { settingOf } from "./setting.js"

const count = runs(2_000, 20_000)

describe("simulation of the engine", () => {
  it(`holds under ${count} seeds, in which every fault strikes`, async () => {
    const { found, ...explored } = await Explore.explore(settingOf, { from: 1, count })
    console.log(JSON.stringify(explored))
    if (found !== undefined) {
      const { broken, outcome } = found
      throw new Error(
        [`seed ${outcome.seed}: ${broken.invariant}: ${broken.detail}`, ...Simulate.trace(outcome)].join("\n")
      )
    }
    const wanted = [...Faults.all, ...Outside.modelErrors.map((reason) => `model-error:${reason}`)]
    assert.deepStrictEqual(
      wanted.filter((name) => explored.fired[name] === undefined),
      [],
      "never struck"
    )
    for (const end of ["Completed", "Failed", "Cancelled"]) assert.isAbove(explored.ends[end] ?? 0, count / 100, end)
    assert.isAbove(explored.lives, count * 1.5)
  }, 900_000)
})
