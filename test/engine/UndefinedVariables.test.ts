/** What a run does with names that are not there, as its pipeline says, and that it keeps to it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import type { Json } from "../../src/domain/Json.js"
import * as Flujo from "../../src/engine/Flujo.js"
import type { UndefinedVariables } from "../../src/expression/Template.js"
import { Journal } from "../../src/journal/Journal.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Runs from "../lens/Runs.js"

/** It reads a key that the input may not have in each place where a template may stand. */
const pipeline = (how: UndefinedVariables) => {
  const on = "{{ 'yes' if input.flag else 'no' }}"
  const shown = Step.pass<Json>("shown").pipe(
    Step.withInput({ text: "Hi {{ input.gone }}!", value: "{{ input.gone }}", guarded: "{{ input.gone or 'x' }}" })
  )
  return shown.pipe(
    Step.andThen(Step.branch("way", { on, cases: { yes: Step.pass<Json>("a"), no: Step.pass<Json>("b") } })),
    Step.andThen(Step.approve<Json>("review", { message: "Well{{ input.dots }}?" })),
    Pipeline.make("p"),
    Pipeline.undefinedVariables(how)
  )
}

const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const messages: Array<string> = []
  const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
    if (logLevel.label === "WARN") messages.push(String(message))
  })
  return Effect.map(Effect.provide(effect, Logger.replace(Logger.defaultLogger, logger)), (answer) => ({
    answer,
    messages
  }))
}

describe("a name that is not there", () => {
  it.effect("fails the step by default", () =>
    Effect.gen(function* () {
      const { exit } = yield* Runs.run(pipeline("strict"), {})
      assert.strictEqual(exit._tag, "Failure")
      assert.include(String(exit), "`input` has no `gone`")
    }).pipe(Effect.provide(JournalMemory.layerMemory))
  )

  for (const how of ["warn", "ignore"] as const) {
    it.effect(`reads as none with ${how}, also when the run goes on and when it is replayed`, () =>
      Effect.gen(function* () {
        const going = pipeline(how)
        const { answer: ran, messages } = yield* logged(Runs.run(going, {}))
        assert.strictEqual(messages.length, how === "warn" ? 3 : 0)
        const expected = { text: "Hi !", value: null, guarded: "x" }
        const opened = ran.entries.find(({ event }) => event.kind === "TaskOpened")
        assert.include(JSON.stringify(opened), "Well?")
        assert.strictEqual(yield* Flujo.undefinedVariables(ran.runId), how)
        const { deliver } = yield* Journal
        yield* deliver(ran.runId, { _tag: "Answer", path: "review" as never, answer: { approved: true } })
        const ended = yield* Flujo.resume(going, ran.runId)
        assert.deepStrictEqual(ended._tag === "Completed" ? ended.value : ended, expected)
        assert.strictEqual((yield* Flujo.replay(going, ran.runId)).end, "Completed")
      }).pipe(Effect.provide(JournalMemory.layerMemory))
    )
  }

  it.effect("is taken as the run was started: another policy is another plan", () =>
    Effect.gen(function* () {
      const { runId } = yield* Runs.run(pipeline("ignore"), {})
      const refused = yield* Effect.flip(Flujo.resume(pipeline("strict"), runId))
      assert.include(String(refused), "undefined_variables")
    }).pipe(Effect.provide(JournalMemory.layerMemory))
  )
})
