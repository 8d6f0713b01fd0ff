/** Version markers in plans: what is found wrong with them, and what they make of a step. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Plan from "../../src/plan/Plan.js"
import * as PlanJson from "../../src/plan/PlanJson.js"

const step = (name: string) =>
  Step.make(name, { input: Schema.Number, output: Schema.Number, run: (n) => Effect.succeed(n) })
const found = <In, Out, E, R>(step: Step.Step<In, Out, E, R>) =>
  Plan.make(step.pipe(Pipeline.make("p"))).findings.map(({ code, message, path }) => `${code} ${path}: ${message}`)

describe("a version marker", () => {
  it("is found where no run would have its step, and where it is said twice", () => {
    assert.deepStrictEqual(found(step("a").pipe(Step.before("x"), Step.since("x"))), [
      "FLJ-PLAN-17 a: it is both since and before x, so no run has it"
    ])
    const within = step("a").pipe(Step.since("x"), Step.andThen(step("b")), Step.named("all"), Step.since("x"))
    assert.deepStrictEqual(found(within), ["FLJ-PLAN-17 all/a: it is since x twice"])
    assert.deepStrictEqual(found(step("a").pipe(Step.before("y"), Step.since("x"))), [])
    // Beside each other they are what a change is.
    assert.deepStrictEqual(found(Step.changed("x", { before: step("a"), since: step("b") })), [])
    const twice = step("a").pipe(Step.since("x"), Step.andThen(step("b").pipe(Step.since("x"))))
    assert.deepStrictEqual(found(twice), [])
  })

  it("has a name, stands around a step with a name, and around its undo", () => {
    assert.include(found(step("a").pipe(Step.since("no name")))[0], "FLJ-PLAN-1 a:")
    assert.include(found(step("a").pipe(Step.andThen(step("b")), Step.since("x")))[0], "FLJ-PLAN-3")
    const undo = Step.fn("undo", () => null)
    assert.include(found(step("a").pipe(Step.since("x"), Step.compensate(undo)))[0], "FLJ-PLAN-13 a:")
    assert.deepStrictEqual(found(step("a").pipe(Step.compensate(undo), Step.since("x"))), [])
  })

  it("is part of the plan, and a stored plan names its changes", () => {
    const json = Plan.make(
      step("a").pipe(Step.before("x"), Step.andThen(step("b").pipe(Step.since("y"))), Pipeline.make("p"))
    ).json
    assert.deepStrictEqual([...PlanJson.changes(json)], ["x", "y"])
    const plain = Plan.make(step("a").pipe(Step.andThen(step("b")), Pipeline.make("p")))
    assert.notStrictEqual(
      Plan.make(step("a").pipe(Step.andThen(step("b").pipe(Step.since("y"))), Pipeline.make("p"))).digest,
      plain.digest
    )
    assert.deepStrictEqual([...PlanJson.changes(plain.json)], [])
  })
})
