/** A search: what it finds, in which order it looks, when it ends, what it is priced at; the same wherever it is cut. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import fc from "fast-check"
import * as PriceTable from "../../src/governance/PriceTable.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Bound from "../../src/plan/Bound.js"
import * as Plan from "../../src/plan/Plan.js"
import * as World from "../gate/world.js"
import { hash } from "./generated.js"

type Judged = { readonly input: string; readonly candidate: string; readonly depth: number }

/** Words over `abc`; a word scores the share of the wanted one that it begins with. */
const words = () => {
  const asked: Array<string> = []
  const scored: Array<string> = []
  const proposer = Step.fn("letters", ({ candidate }: Step.Search<string, string>) => {
    asked.push(candidate ?? "")
    return ["a", "b", "c"].map((letter) => (candidate ?? "") + letter)
  })
  const evaluator = Step.fn("share", ({ candidate, input }: Judged) => {
    scored.push(candidate)
    return input.startsWith(candidate) ? candidate.length / input.length : 0
  })
  return { asked, scored, proposer, evaluator }
}

const run = <In, Out, E>(pipeline: Pipeline.Pipeline<In, Out, E>, input: In) =>
  Effect.provide(World.start(pipeline, input), World.make().boot())

describe("a search", () => {
  it.live("goes on from what is most promising until a candidate has the score of the goal", () =>
    Effect.gen(function* () {
      const { asked, evaluator, proposer, scored } = words()
      const search = Step.treeSearch("search", { proposer, evaluator }).pipe(Pipeline.make("p"))
      const { value } = yield* run(search, "cab")
      assert.deepStrictEqual(value, {
        candidate: "cab",
        score: 1,
        depth: 3,
        path: ["c", "ca", "cab"],
        reached: true
      })
      assert.deepStrictEqual([...new Set(asked)], ["", "c", "a", "b", "ca"])
      assert.strictEqual(new Set(scored).size, 15)
    })
  )

  it.live("answers the best that it saw, or fails where that is not enough", () =>
    Effect.gen(function* () {
      const { evaluator, proposer } = words()
      const search = Step.treeSearch("search", { proposer, evaluator, depth: 2 })
      const found = yield* run(search.pipe(Pipeline.make("p")), "cabba")
      assert.deepInclude(found.value as object, { candidate: "ca", score: 0.4, reached: false })
      const strict = Step.treeSearch("search", { proposer, evaluator, depth: 2, goal: 0.5, requireGoal: true })
      const { error, tag } = yield* run(strict.pipe(Pipeline.make("p")), "cabba")
      assert.strictEqual(tag, "Failed")
      assert.include(String(error), "no candidate has the score 0.5: the best has 0.4")
      const enough = Step.treeSearch("search", { proposer, evaluator, depth: 2, goal: 0.4, requireGoal: true })
      assert.strictEqual((yield* run(enough.pipe(Pipeline.make("p")), "cabba")).tag, "Completed")
      const one = Step.treeSearch("search", { proposer, evaluator, max: 1 })
      assert.deepInclude((yield* run(one.pipe(Pipeline.make("p")), "cab")).value as object, {
        candidate: "c",
        depth: 1
      })
    })
  )

  it.live("never scores one twice, keeps to its beam, and takes no more turns than it is priced at", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.record({
            seed: fc.nat(),
            branching: fc.integer({ min: 1, max: 4 }),
            beam: fc.integer({ min: 1, max: 4 }),
            depth: fc.integer({ min: 1, max: 5 })
          }),
          async ({ beam, branching, depth, seed }) => {
            const asked: Array<number> = []
            const scores = new Map<number, number>()
            // A graph of 50 points: the same is proposed from many.
            const proposer = Step.fn("p", ({ candidate, count, depth }: Step.Search<string, number>) => {
              asked.push(depth)
              return Array.from({ length: count + 1 }, (_, i) => hash(`${seed} ${candidate} ${i}`) % 50)
            })
            const evaluator = Step.fn("e", ({ candidate }: { readonly candidate: number }) => {
              const score = (hash(`${seed} of ${candidate}`) % 100) / 100
              scores.set(candidate, score)
              return { score, hard_fail: candidate % 7 === 0 }
            })
            const search = Step.treeSearch("s", { proposer, evaluator, branching, beam, depth }).pipe(
              Pipeline.make("p")
            )
            const { entries, value } = await Effect.runPromise(run(search, "x"))
            const turns = entries.filter(({ event }) => event.kind === "IterationEnded").length
            assert.isAtMost(turns, 1 + beam * (depth - 1))
            const judged = entries.filter(({ event }) => /\/judge\/e$/.test(event.path)).length
            assert.strictEqual(judged, scores.size)
            const best = Math.max(...[...scores].map(([candidate, score]) => (candidate % 7 === 0 ? -1 : score)))
            assert.strictEqual((value as { score: number | null }).score, best < 0 ? null : best)
            for (let d = 1; d < depth; d++) {
              const first = entries.flatMap(({ event }) =>
                event.kind === "Computed" && event.path.endsWith("/select") && "value" in event.payload.output
                  ? [(event.payload.output.value as { node: { depth: number } }).node.depth]
                  : []
              )
              assert.isAtMost(first.filter((at) => at === d).length, beam)
              assert.deepStrictEqual(
                first,
                [...first].sort((a, b) => a - b)
              )
            }
          }
        ),
        { numRuns: 60 }
      )
    )
  )

  it.live("is the same wherever it is cut", () =>
    Effect.gen(function* () {
      const thinks = (name: string) =>
        Step.make(name, {
          input: Schema.Struct({ candidate: Schema.NullOr(Schema.String) }),
          output: Schema.String,
          run: ({ candidate }) => Effect.succeed(`- ${candidate ?? ""}a\n2. ${candidate ?? ""}b\n`)
        })
      const { evaluator } = words()
      const search = Step.treeSearch("search", {
        proposer: thinks("think") as unknown as Step.Step<Step.Search<string, string>, ReadonlyArray<string>>,
        evaluator,
        beam: 2,
        depth: 3
      }).pipe(Pipeline.make("p"))
      const { points, whole } = yield* World.everyCut(search, "bab")
      assert.isAbove(points, 5)
      assert.deepInclude(whole.value as object, { candidate: "bab", reached: true })
    })
  )

  it.live("takes lists, maps and text from those it asks, and nothing else", () =>
    Effect.gen(function* () {
      const of = (proposal: unknown, score: unknown) =>
        Step.treeSearch("s", {
          proposer: Step.fn("p", () => proposal as ReadonlyArray<string>),
          evaluator: Step.fn("e", (_: Judged) => score as number),
          depth: 1
        }).pipe(Pipeline.make("p"))
      for (const proposal of [["x"], { candidates: ["x"] }, '["x"]', '{"candidates":["x"]}', "1. x\n\n"]) {
        for (const score of [0.5, { score: 0.5, feedback: "more" }, "0.5", '{"score":0.5}']) {
          assert.deepInclude((yield* run(of(proposal, score), "i")).value as object, { candidate: "x", score: 0.5 })
        }
      }
      for (const [proposal, score] of [
        [7, 0.5],
        [["x"], 2],
        [["x"], "good"],
        [["x"], { score: null }]
      ] as const) {
        const { error } = yield* run(of(proposal, score), "i")
        assert.include(String(error), "is wanted")
      }
      assert.deepInclude((yield* run(of([], 1), "i")).value as object, { candidate: null, reached: false })
    })
  )

  it("tells a proposer of the way only what fits, the last steps", () => {
    const { evaluator } = words()
    const long: Array<number> = []
    const search = Step.treeSearch("search", {
      proposer: Step.fn("p", ({ candidate, path }: Step.Search<string, string>) => {
        long.push(path.length)
        return [`${candidate ?? ""}${"a".repeat(300)}`]
      }),
      evaluator,
      pathTokens: 200
    }).pipe(Pipeline.make("p"))
    return Effect.runPromise(run(search, "b")).then(() => assert.deepStrictEqual(Math.max(...long), 1))
  })

  it("is priced as its turns, each a proposal and the scores of what is proposed", () => {
    const settings = { maxTokens: 100 }
    const proposer = Agent.make("p", {
      model: "openai:gpt-4o",
      system: "",
      output: Schema.Array(Schema.String),
      settings
    })
    const evaluator = Agent.make("e", { model: "openai:gpt-4o", system: "", output: Schema.Number, settings })
    const search = Step.treeSearch("s", {
      proposer: Step.agent("propose_it", proposer),
      evaluator: Step.agent("judge_it", evaluator),
      branching: 4,
      beam: 2,
      depth: 3
    }).pipe(Pipeline.make("p"))
    assert.deepStrictEqual(Plan.errors(Plan.make(search)), [])
    const { calls, cost } = Bound.make(search, PriceTable.shipped, { inputBytes: 10 })
    assert.deepStrictEqual(calls, { least: 1, most: 5 * (1 + 4) })
    assert.isDefined(cost)
  })
})
