/** What is told while a run happens: in which order, what is void, and that the journal is the same without a listener. */
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { type ModelChunk, ModelError, Models } from "../../src/domain/Model.js"
import { RunId } from "../../src/domain/RunId.js"
import * as Flujo from "../../src/engine/Flujo.js"
import * as Live from "../../src/engine/Live.js"
import { Journal } from "../../src/journal/Journal.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import { replyOf } from "../agent/models.js"
import { logical } from "../gate/logical.js"
import * as World from "../gate/world.js"

const text = (text: string): ModelChunk => ({ _tag: "Text", text })
const reply = (text: string): ModelChunk => ({ _tag: "Reply", reply: replyOf(text, 0) })

/** Models by name, each a stream. */
const models = (streams: Readonly<Record<string, Stream.Stream<ModelChunk, ModelError>>>, asked: Array<string> = []) =>
  Layer.succeed(Models, {
    driver: (name) =>
      Effect.succeed({
        model: name,
        driver: {
          call: () =>
            Effect.suspend(() => {
              asked.push("call")
              return Effect.flatMap(Stream.runLast(streams[name]!), (last) =>
                last._tag === "Some" && last.value._tag === "Reply"
                  ? Effect.succeed(last.value.reply)
                  : Effect.die("no reply")
              )
            }),
          stream: () => {
            asked.push("stream")
            return streams[name]!
          }
        }
      })
  })

const failed = new ModelError({ reason: "Overloaded", model: "test:b", detail: "it broke off" })
const sound = { "test:a": Stream.make(text("Hel"), text("lo"), reply("Hello")) }
const broken = { ...sound, "test:b": Stream.concat(Stream.make(text("Hal")), Stream.fail(failed)) }

const writer = (model: string, fallbacks: ReadonlyArray<string> = []) =>
  Step.agent("draft", Agent.make("writer", { model, fallbacks, system: "" })).pipe(
    Pipeline.make("p")
  ) as unknown as Pipeline.Pipeline<string, unknown, ModelError, never>

const shown = (happened: Iterable<Live.Happening>) =>
  Array.from(happened, (one) =>
    one._tag === "Entry"
      ? `${one.entry.event.kind} ${one.entry.event.path}`.trim()
      : one._tag === "Said"
        ? `said ${one.path} ${one.piece._tag === "Text" ? one.piece.text : one.piece._tag}`
        : `void ${one.path}: ${one.detail}`
  )

const live = (pipeline: ReturnType<typeof writer>, name = "r") =>
  Effect.map(Stream.runCollect(Flujo.live(pipeline, "go", { runId: RunId.make(name) })), shown)

const here = <A, E>(effect: Effect.Effect<A, E, Journal>) => Effect.provide(effect, World.make().boot())

describe("a run that is listened to", () => {
  it.effect("tells the pieces of a reply before the reply is written down", () =>
    Effect.gen(function* () {
      const told = yield* live(writer("test:a"))
      const entries = told.filter((one) => !one.startsWith("said"))
      assert.deepStrictEqual(entries, [
        "RunStarted",
        "StepStarted draft",
        "Asked draft/turn[0]",
        "Answered draft/turn[0]",
        "StepSucceeded draft",
        "RunCompleted"
      ])
      const answered = told.indexOf("Answered draft/turn[0]")
      assert.deepStrictEqual(
        told.slice(0, answered).filter((one) => one.startsWith("said")),
        ["said draft/turn[0] Hel", "said draft/turn[0] lo"]
      )
      assert.isTrue(told.slice(answered).every((one) => !one.startsWith("said")))
    }).pipe(Effect.provide(models(sound)), here)
  )

  it.effect("tells that what was said is void where the call failed, and then what stood in for it", () =>
    Effect.gen(function* () {
      const told = yield* live(writer("test:b", ["test:a"]))
      const voided = told.indexOf("void draft/turn[0]: model test:b: it broke off")
      assert.isAbove(voided, told.indexOf("said draft/turn[0] Hal"))
      assert.isBelow(voided, told.indexOf("Refused draft/turn[0]"))
      assert.isBelow(told.indexOf("said draft/turn[0]/model[1] lo"), told.indexOf("Answered draft/turn[0]/model[1]"))
      assert.include(told, "said draft/turn[0]/model[1] Hel")
    }).pipe(Effect.provide(models(broken)), here)
  )

  it.effect("has the journal that it has without a listener, which asks for no stream", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const entriesOf = (drive: Effect.Effect<unknown, unknown, Journal>, name: string) =>
        Effect.zipRight(Effect.either(drive), World.entriesOf(RunId.make(name))).pipe(
          Effect.provide(World.make().boot()),
          Effect.provide(models(broken, asked))
        )
      for (const pipeline of [writer("test:a"), writer("test:b", ["test:a"]), writer("test:b")]) {
        const listened = yield* entriesOf(Effect.either(live(pipeline)), "r")
        asked.length = 0
        const alone = yield* entriesOf(Flujo.run(pipeline, "go", { runId: RunId.make("r") }), "r")
        assert.deepStrictEqual([...new Set(asked)], ["call"])
        assert.deepStrictEqual(logical(listened), logical(alone))
      }
    })
  )

  it.effect("that is taken up again tells what is recorded first, and of the reply the rest", () =>
    Effect.gen(function* () {
      const world = World.make()
      const hangs = { "test:a": Stream.concat(Stream.make(text("Hel")), Stream.never) }
      const fiber = yield* Effect.fork(
        Flujo.live(writer("test:a"), "go", { runId: RunId.make("r") }).pipe(
          Stream.takeUntil((one) => one._tag === "Said"),
          Stream.runCollect,
          Effect.provide(models(hangs)),
          Effect.provide(world.boot())
        )
      )
      assert.include(shown(yield* Fiber.join(fiber)), "said draft/turn[0] Hel")
      const again = yield* live(writer("test:a")).pipe(Effect.provide(models(sound)), Effect.provide(world.boot()))
      assert.deepStrictEqual(again.slice(0, 3), ["RunStarted", "StepStarted draft", "Asked draft/turn[0]"])
      assert.strictEqual(again.at(-1), "RunCompleted")
      assert.deepStrictEqual(
        again.filter((one) => one.startsWith("said")),
        ["said draft/turn[0] Hel", "said draft/turn[0] lo"]
      )
      const tail = yield* Effect.flatMap(Journal, (journal) =>
        Effect.map(
          Stream.runCollect(Flujo.liveOf(journal, RunId.make("r"), Effect.void, { from: 5 }).pipe(Stream.take(2))),
          shown
        )
      ).pipe(Effect.provide(world.boot()))
      assert.isAbove(tail.length, 0)
      assert.notInclude(tail, "RunStarted")
    })
  )

  it.effect("leaves out pieces, and never entries, where they are not taken; and says how many", () =>
    Effect.gen(function* () {
      const many = 3 * Live.waitingMax
      const taken = yield* Effect.makeLatch(false)
      const flood = {
        "test:a": Stream.concat(
          Stream.fromIterable(Array.from({ length: many }, (_, i) => text(`${i} `))),
          // While it pauses, what waits is taken.
          Stream.concat(Stream.drain(Stream.fromEffect(taken.await)), Stream.make(text("end"), reply("done")))
        )
      }
      let count = 0
      const all = yield* Flujo.live(writer("test:a"), "go").pipe(
        Stream.tap((one) =>
          Effect.suspend(() => (one._tag === "Said" && ++count >= Live.waitingMax / 2 ? taken.open : Effect.void))
        ),
        Stream.runCollect,
        Effect.provide(models(flood))
      )
      const entries = Chunk.filter(all, (one) => one._tag === "Entry")
      assert.strictEqual(Chunk.size(entries), 6)
      const said = Chunk.toReadonlyArray(all).flatMap((one) => (one._tag === "Said" ? [one] : []))
      const lost = said.reduce((sum, { lost }) => sum + lost, 0)
      assert.isAbove(lost, 0)
      assert.isAtMost(said.length + lost, many + 1)
    }).pipe(here)
  )
})
