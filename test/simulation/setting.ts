/** The engine under simulation: what a seed is run with. */
import * as Context from "effect/Context"
import * as Faults from "../../src/testing/simulation/Faults.js"
import * as Outside from "../../src/testing/simulation/Outside.js"
import type * as Trial from "../../src/testing/simulation/Trial.js"
import { generate, prices } from "./pipelines.js"

export const settingOf = (seed: number): Trial.Setting => {
  const { budget, pipeline } = generate(seed)
  const furnishing = { code: "run" as const }
  return {
    pipeline: { ...pipeline, root: Outside.furnish(pipeline.root, furnishing) } as Trial.Setting["pipeline"],
    furnishing,
    context: Context.empty(),
    input: () => 1,
    answer: ({ task }, numbers) =>
      task === "ask" && numbers.below(2) === 0 ? numbers.below(50) : { approved: numbers.below(5) > 0 },
    signals: new Map([0, 1, 2].map((i) => [`signal_${i}`, (numbers) => numbers.below(50)])),
    budget,
    prices,
    kinds: new Set(Faults.all.filter((kind) => Outside.kindsOf(pipeline.root).has(kind))),
    isResumed: true,
    judge: () => []
  }
}
