/** Vectors of texts: on the wire, in the journal, and paid from the budget. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { ModelError, Models } from "../../src/domain/Model.js"
import { usd } from "../../src/domain/NanoUsd.js"
import * as Once from "../../src/domain/Once.js"
import * as PriceTable from "../../src/governance/PriceTable.js"
import * as Embeddings from "../../src/llm/Embeddings.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Money from "../engine/money.js"
import * as World from "../gate/world.js"
import { driver } from "./reach.js"
import * as TinyServer from "./TinyServer.js"

const small = { model: "openai:text-embedding-3-small" }

/** At a server, with a door that remembers nothing. */
const at =
  (url: string) =>
  <A, E>(effect: Effect.Effect<A, E, Models | Once.Once>): Effect.Effect<A, E> =>
    effect.pipe(
      Effect.provide(Layer.merge(Once.layerPlain, Layer.succeed(Models, { driver: (name) => driver(url, name) })))
    )

const data = (...vectors: ReadonlyArray<ReadonlyArray<number>>) =>
  vectors.map((embedding, index) => ({ index, embedding }))
const counted = { model: "served", usage: { prompt_tokens: 7, total_tokens: 7 } }

describe("on the wire", () => {
  it.scopedLive("texts are sent as they are, and vectors come in their order", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(
        TinyServer.json(200, { ...counted, data: data([1, 0], [0, 1]).toReversed() })
      )
      const vectors = yield* Embeddings.embed(["a", "b"], { ...small, dimensions: 2 }).pipe(at(server.url))
      assert.deepStrictEqual(vectors, [
        [1, 0],
        [0, 1]
      ])
      const [request] = server.requests
      assert.strictEqual(request?.path, "/v1/embeddings")
      assert.deepStrictEqual(request?.body, {
        model: "text-embedding-3-small",
        input: ["a", "b"],
        encoding_format: "float",
        dimensions: 2
      })
      assert.isDefined(request?.headers["idempotency-key"])
    })
  )

  it.scopedLive("what is no vector for each text is a BadReply, and a refusal is typed like any other", () =>
    Effect.gen(function* () {
      const reasonOf = (handler: TinyServer.Handler, model = small.model) =>
        Effect.gen(function* () {
          const server = yield* TinyServer.make(handler)
          const error = yield* Effect.flip(Embeddings.embed(["a", "b"], { model }).pipe(at(server.url)))
          return error.reason
        })
      const answers = (data: unknown) => TinyServer.json(200, { ...counted, data })
      assert.strictEqual(yield* reasonOf(answers(data([1, 0]))), "BadReply")
      assert.strictEqual(yield* reasonOf(answers(data([1, 0], [1]))), "BadReply")
      assert.strictEqual(yield* reasonOf(answers(data([], []))), "BadReply")
      assert.strictEqual(yield* reasonOf(answers([{ index: 0, embedding: "AAAA" }])), "BadReply")
      assert.strictEqual(yield* reasonOf(TinyServer.raw(200, "<html>", { "content-type": "text/html" })), "BadReply")
      assert.strictEqual(yield* reasonOf(TinyServer.json(401, {})), "Auth")
      assert.strictEqual(yield* reasonOf(answers(data([1], [1])), "anthropic:claude-sonnet-4-5"), "BadRequest")
      assert.strictEqual(yield* reasonOf(answers(data([1], [1])), "offline:x"), "BadRequest")
    })
  )

  it.effect("no texts ask nobody, and too many are refused", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Embeddings.embed([], small), [])
      const many = Array.from({ length: Embeddings.textsMax + 1 }, () => "x")
      const error = yield* Effect.flip(Embeddings.embed(many, small))
      assert.strictEqual(error.reason, "BadRequest")
    }).pipe(at("http://127.0.0.1:1"))
  )
})

describe("in a run", () => {
  const texts = Array.from({ length: 40 }, (_, index) => `text ${index} ${"words ".repeat(400)}`)
  const pipeline = Step.make("index", {
    input: Schema.String,
    output: Schema.Array(Schema.Array(Schema.Number)),
    error: ModelError,
    effect: "read",
    run: () => Embeddings.embed(texts, small)
  }).pipe(Pipeline.make("p"))
  let asked = 0
  const tokens = 40 * 401
  const server = Layer.succeed(Models, {
    driver: (name) =>
      Effect.succeed({
        model: name,
        driver: {
          call: ({ messages }) =>
            Effect.sync(() => {
              asked++
              return {
                text: JSON.stringify(messages.map((_, index) => [index, 1])),
                finish: "stop" as const,
                usage: { input: tokens, cachedInput: 0, output: 0, reasoning: 0 },
                model: name
              }
            })
        }
      })
  })
  const start = (maxCost: string) =>
    World.start(pipeline, "go", { budget: { maxCost: usd(maxCost), mode: "reserve" } }).pipe(
      Effect.provide(server),
      Effect.provideService(PriceTable.Prices, PriceTable.shipped),
      Effect.provide(World.make().boot())
    )

  it.effect("a call is journaled, set aside for all its texts, and settled at the list price", () =>
    Effect.gen(function* () {
      const { entries, value } = yield* start("1")
      assert.strictEqual((value as ReadonlyArray<unknown>).length, 40)
      const { cost, guessed, open } = Money.spentOf(entries)
      // $0.02 for a million.
      assert.deepStrictEqual([cost, guessed, open], [BigInt(tokens * 20), 0, 0])
      assert.deepStrictEqual(
        entries.flatMap(({ event }) => (event.kind === "Answered" ? [event.path.replace(/_[0-9a-f]{12}/, "")] : [])),
        ["index/embed[0]"]
      )
    })
  )

  it.effect("is denied what it may not spend, before anybody is asked", () =>
    Effect.gen(function* () {
      asked = 0
      const { error } = yield* start("0.0001")
      assert.deepInclude(error, { _tag: "BudgetExceeded" })
      assert.strictEqual(asked, 0)
    })
  )
})

it("similarity is a cosine: 1 with itself, the same both ways, within bounds, 0 where it has no sense", () => {
  const vector = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), {
    minLength: 3,
    maxLength: 3
  })
  fc.assert(
    fc.property(vector, vector, (a, b) => {
      const found = Embeddings.similarity(a, b)
      return found === Embeddings.similarity(b, a) && found >= -1 && found <= 1
    })
  )
  assert.strictEqual(Embeddings.similarity([3, 4], [3, 4]), 1)
  assert.strictEqual(Embeddings.similarity([1, 0], [0, 1]), 0)
  assert.strictEqual(Embeddings.similarity([1, 0], [-2, 0]), -1)
  assert.strictEqual(Embeddings.similarity([0, 0], [1, 0]), 0)
  assert.strictEqual(Embeddings.similarity([1], [1, 0]), 0)
})
