/** Answers that are held to validators, what the next try is told, and what must always hold. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type ModelAsk, type ModelDriver, Models } from "../../src/domain/Model.js"
import { RunId } from "../../src/domain/RunId.js"
import * as Usage from "../../src/domain/Usage.js"
import * as Flujo from "../../src/engine/Flujo.js"
import { Journal } from "../../src/journal/Journal.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"

const run = RunId.make("r")
const writer = Agent.make("writer", { model: "a:b", system: "Write." })

/** Answers these in turn, and keeps what it was asked. */
const scripted = (replies: ReadonlyArray<string>) => {
  const asks: Array<ModelAsk> = []
  const driver: ModelDriver = {
    call: (ask) =>
      Effect.sync(() => {
        const text = replies[asks.length] ?? "nothing left"
        asks.push(ask)
        return { text, finish: "stop" as const, usage: Usage.none, model: ask.model }
      })
  }
  return { asks, models: { driver: (model: string) => Effect.succeed({ driver, model }) } }
}

const inMemory = <A, E>(effect: Effect.Effect<A, E, Journal | Models>, replies: ReadonlyArray<string> = []) => {
  const { asks, models } = scripted(replies)
  return Effect.map(
    Effect.scoped(Effect.provide(Effect.provideService(effect, Models, models), JournalMemory.layerMemory)),
    (value) => ({ value, asks })
  )
}

/** How it ends; and a replay must come to the same. */
const ended = <In, Out, E>(pipeline: Pipeline.Pipeline<In, Out, E, Models>, input: In) =>
  Effect.gen(function* () {
    const exit = yield* Effect.exit(Flujo.run(pipeline, input, { runId: run }))
    yield* Flujo.replay(pipeline, run)
    if (Exit.isSuccess(exit)) return exit.value._tag === "Completed" ? exit.value.value : "waits"
    return exit.cause._tag === "Fail" ? String((exit.cause.error as Error).message) : "died"
  })

const draft = Step.agent("draft", writer)
const many = { times: 3, base: 0 }
const said = ({ messages }: ModelAsk) => messages.map(({ content, role }) => [role, content])

describe("validators", () => {
  it.live("tell the next try what it answered and all that was wrong with it", () =>
    Effect.gen(function* () {
      const step = draft.pipe(
        Step.validators([
          { contains: "Dear" },
          { schema: Schema.String.pipe(Schema.maxLength(12)), message: "At most 12 characters." },
          { expression: "'all.' in previous_step or previous_step == 'you'" }
        ]),
        Step.retry(many)
      )
      const replies = ["Good morning, all", "Dear people of Rome", "Dear all."]
      const { asks, value } = yield* inMemory(ended(step.pipe(Pipeline.make("p")), "Rome"), replies)
      assert.strictEqual(value, "Dear all.")
      const first = [
        ["system", "Write."],
        ["user", "Rome"]
      ]
      const feedback = (...lines: ReadonlyArray<string>) =>
        ["Your answer was not accepted:", ...lines.map((line) => `- ${line}`), "Answer again."].join("\n")
      const rule = "this must hold: 'all.' in previous_step or previous_step == 'you'"
      assert.deepStrictEqual(asks.map(said), [
        first,
        [
          ...first,
          ["assistant", "Good morning, all"],
          ["user", feedback('it must contain "Dear"', "At most 12 characters.", rule)]
        ],
        [...first, ["assistant", "Dear people of Rome"], ["user", feedback("At most 12 characters.", rule)]]
      ])
    })
  )

  it.live("fail when tries are used up, with what was said of the last one", () =>
    Effect.gen(function* () {
      const step = draft.pipe(
        Step.validators([{ contains: "x" }, { contains: "y" }]),
        Step.retry({ times: 1, base: 0 })
      )
      const { asks, value } = yield* inMemory(ended(step.pipe(Pipeline.make("p")), "go"), ["a", "x"])
      assert.strictEqual(value, 'draft was not accepted: it must contain "y"')
      assert.strictEqual(asks.length, 2)
    })
  )

  it.live("may be a step, which is journaled beside the step that it judges", () =>
    Effect.gen(function* () {
      const judge = Step.fn("polite", (text: string) =>
        text.includes("please") ? true : { is_valid: false, feedback: `"${text}" is not polite` }
      )
      const step = draft.pipe(Step.validators([{ step: judge }]), Step.retry(many))
      const pipeline = step.pipe(Pipeline.make("p"))
      const { value } = yield* inMemory(
        Effect.gen(function* () {
          const end = yield* ended(pipeline, "go")
          const entries = yield* Effect.flatMap(Journal, (journal) => Stream.runCollect(journal.read(run)))
          const computed = Array.from(entries).flatMap(({ event }) => (event.kind === "Computed" ? [event.path] : []))
          return { end, computed }
        }),
        ["now", "now please"]
      )
      assert.deepStrictEqual(value, {
        end: "now please",
        computed: ["draft!validator/polite", "draft#2!validator/polite"]
      })
    })
  )

  it.live("that wait for a person let the run rest, and go on from there", () =>
    Effect.gen(function* () {
      const judge = Step.ask("good", { message: "{{ previous_step }}?", answer: Schema.Boolean })
      const pipeline = draft.pipe(
        Step.validators([{ step: judge, message: "Better." }]),
        Step.retry(many),
        Pipeline.make("p")
      )
      const { asks, value } = yield* inMemory(
        Effect.gen(function* () {
          let end = yield* Flujo.run(pipeline, "go", { runId: run })
          for (const answer of [false, true]) {
            if (end._tag === "Completed") return "too early"
            yield* Flujo.answer(run, end.waits[0]!.path, answer)
            end = yield* Flujo.resume(pipeline, run)
          }
          yield* Flujo.replay(pipeline, run)
          return end._tag === "Completed" ? end.value : "waits"
        }),
        ["a", "b"]
      )
      assert.strictEqual(value, "b")
      assert.deepStrictEqual(said(asks[1]!).at(-1), ["user", "Your answer was not accepted:\n- Better.\nAnswer again."])
    })
  )

  it.live("are told of again where a failed run is resumed", () =>
    Effect.gen(function* () {
      const pipeline = draft.pipe(Step.validators([{ contains: "x" }]), Pipeline.make("p"))
      const { asks, value } = yield* inMemory(
        Effect.gen(function* () {
          yield* Effect.ignore(Flujo.run(pipeline, "go", { runId: run }))
          const end = yield* Flujo.resume(pipeline, run)
          yield* Flujo.replay(pipeline, run)
          return end._tag === "Completed" ? end.value : "waits"
        }),
        ["a", "x"]
      )
      assert.strictEqual(value, "x")
      assert.include(said(asks[1]!).at(-1)?.[1], 'it must contain "x"')
    })
  )

  it.live("that answer no verdict are refused", () =>
    Effect.gen(function* () {
      const judge = Step.fn("judge", (text: string) => text as unknown as boolean)
      const { value } = yield* inMemory(
        ended(draft.pipe(Step.validators([{ step: judge }]), Pipeline.make("p")), "go"),
        ["a"]
      )
      assert.include(value, "a validator answers true, false, or { is_valid, feedback }")
    })
  )

  it.live("leave a fallback to do what they did not accept", () =>
    Effect.gen(function* () {
      const step = draft.pipe(Step.validators([{ contains: "x" }]), Step.fallback(Step.fn("plain", () => "x")))
      const { value } = yield* inMemory(ended(step.pipe(Pipeline.make("p")), "go"), ["a"])
      assert.strictEqual(value, "x")
    })
  )
})

describe("invariants", () => {
  class Sums extends Pipeline.Context<Sums>()("sums", { total: Schema.Number }) {}
  const add = (n: number) =>
    Step.fn(`add_${n}`, (so: number) => so + n).pipe(
      Step.sinkTo(Sums, "total"),
      Step.invariants(["context.total <= 10"])
    )
  const pipeline = add(4).pipe(Step.andThen(add(5)), Step.andThen(add(6)), Pipeline.make("p", { context: Sums }))

  it.live("see what the step has written, and fail the step after which they do not hold", () =>
    Effect.gen(function* () {
      const { value } = yield* inMemory(ended(pipeline, 0))
      assert.strictEqual(value, "an invariant does not hold after add_6: this must hold: context.total <= 10")
      assert.strictEqual((yield* inMemory(ended(pipeline, -9))).value, 6)
    })
  )

  it.live("are no matter of trying again", () =>
    Effect.gen(function* () {
      const step = draft.pipe(Step.retry(many), Step.invariants(["previous_step == 'b'"]))
      const { asks, value } = yield* inMemory(ended(step.pipe(Pipeline.make("p")), "go"), ["a", "b"])
      assert.include(value, "an invariant does not hold after draft")
      assert.strictEqual(asks.length, 1)
    })
  )
})
