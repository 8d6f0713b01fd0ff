import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Node } from "../../src/pipeline/Node.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Plan from "../../src/plan/Plan.js"
import * as Leaves from "../../src/testing/simulation/Leaves.js"
import { generate } from "../engine/generated.js"

const code = (name: string) =>
  Step.make(name, { input: Schema.String, output: Schema.String, run: (text) => Effect.succeed(text) })

/** As the plan finds them, whatever stands around them. */
const leavesOf = (node: Node): ReadonlyArray<string> =>
  node._tag === "Code" || node._tag === "Agent" || node._tag === "Signal" || node._tag === "Skill"
    ? [node.name]
    : Plan.children(node).flatMap(leavesOf)

describe("what a simulation puts its own in the place of", () => {
  it("is each step that reaches the outside, also one that tells a conversation in short", () => {
    const talk = Step.conversation("talk", code("say"), {
      max: 2,
      history: { strategy: "summarize", maxTokens: 100, by: code("shorten") }
    }).pipe(Pipeline.make("talks"))
    for (const { root } of [talk, ...Array.from({ length: 100 }, (_, i) => generate(i + 1).pipeline)]) {
      assert.deepStrictEqual(
        Leaves.of(root)
          .map(({ name }) => name)
          .toSorted(),
        leavesOf(root).toSorted()
      )
    }
    assert.deepStrictEqual(
      Leaves.of(talk.root).map(({ name }) => name),
      ["say", "shorten"]
    )
  })
})
