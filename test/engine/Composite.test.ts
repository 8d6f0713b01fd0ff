import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Entry, Event } from "../../src/domain/Event.js"
import { RunId } from "../../src/domain/RunId.js"
import * as StepPath from "../../src/domain/StepPath.js"
import * as Composite from "../../src/engine/Composite.js"
import { Record } from "../../src/engine/Record.js"
import * as World from "../gate/world.js"

const ask = World.at("both/ask")
const step = World.at("both/step")
const both = World.at("both")
const waits = [
  { _tag: "Task" as const, path: ask },
  { _tag: "Timer" as const, path: World.at("both/rest"), due: 1 },
  { _tag: "Step" as const, path: step }
]

/** What is said when `both` ends with all these waits, after `events`. */
const said = (...events: ReadonlyArray<Pick<Event, "path" | "kind" | "data" | "payload">>) =>
  Effect.map(Effect.clock, (clock) => {
    const history = events.map(
      (event, seq): Entry => ({ run: RunId.make("r"), seq, at: 0, epoch: 1, event: { ordinal: 0, ...event } as Event })
    )
    const record = new Record({ _tag: "Replay", ended: false }, clock, history)
    return Composite.closing(record, waits, both).map(({ kind, path }) => `${kind} ${path}`)
  })

describe("what is said of what is open when a composite ends", () => {
  it.effect("tasks are closed, steps interrupted, timers need nothing", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* said(), ["TaskClosed both/ask", "StepInterrupted both/step"])
    })
  )
  it.effect("an answer that came while it was coming to rest has ended its task", () =>
    Effect.gen(function* () {
      const answered = { path: ask, kind: "TaskAnswered", data: {}, payload: { answer: true } } as const
      assert.deepStrictEqual(yield* said(answered), ["StepInterrupted both/step"])
    })
  )
  it.effect("what an earlier closure had ended is not ended again; what this one ended is said once more", () =>
    Effect.gen(function* () {
      const closed = (because: StepPath.StepPath) =>
        ({ path: ask, kind: "TaskClosed", data: { because }, payload: {} }) as const
      assert.deepStrictEqual(yield* said(closed(StepPath.root)), ["StepInterrupted both/step"])
      assert.deepStrictEqual(yield* said(closed(both)), ["TaskClosed both/ask", "StepInterrupted both/step"])
    })
  )
})
