/** What answers the question whether a step that may have taken effect is run again. */
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Answers from "../../src/cli/Answers.js"
import * as Hints from "../../src/cli/Hints.js"
import type { OpenTask } from "../../src/cli/Runs.js"
import * as RunId from "../../src/domain/RunId.js"
import * as StepPath from "../../src/domain/StepPath.js"

const run = RunId.RunId.make("r")
const path = StepPath.beside(StepPath.child(StepPath.root, "pay"), "uncertain")
const task = (kind: OpenTask["row"]["task"]): OpenTask => ({
  row: { run, path, task: kind, openedAt: 0, seq: 1 },
  message: "Run it again?",
  schema: {}
})

describe("a step that may have taken effect", () => {
  it("is run again at a yes, fails at a no, and stays as it is at anything else", () => {
    const typed = (text: string) => Either.getOrUndefined(Answers.typed(task("uncertain"), text))
    for (const text of ["yes", "Y", "approved", "true", '"yes"', '{"approved":true}']) {
      assert.deepStrictEqual(typed(text), { approved: true }, text)
    }
    for (const text of ["no", "N ", "rejected", "false", '{"approved":false}']) {
      assert.deepStrictEqual(typed(text), { approved: false, reason: "" }, text)
    }
    assert.deepStrictEqual(typed('{"approved":false,"reason":"paid"}'), { approved: false, reason: "paid" })
    for (const text of ["", "sure", "yess", "1", "null", "{}", "[true]", '{"approved":"maybe"}', '{"approve":true}']) {
      assert.isUndefined(typed(text), text)
    }
    const refused = Either.flip(Answers.typed(task("uncertain"), "sure"))
    const fault = Either.getOrThrow(refused)
    assert.include(fault.text, 'pay!uncertain is neither a yes nor a no: "sure"')
    assert.include(fault.hint, "say yes or no")
  })

  it("and only such a one: elsewhere a text is the answer", () => {
    assert.deepStrictEqual(Answers.typed(task("ask"), "sure"), Either.right("sure"))
  })

  it("is answered with approve and reject, named so that a shell reads it", () => {
    const other = { path: StepPath.child(StepPath.root, "colour"), task: "ask" } as const
    assert.deepStrictEqual(
      Hints.waiting({ run, tasks: [{ path, task: "uncertain" }, other], signals: ["two words"] }),
      [
        "approve 'r:pay!uncertain'",
        "reject 'r:pay!uncertain' --reason WHY",
        "answer r:colour ANSWER",
        "signal r 'two words' VALUE"
      ]
    )
  })
})
