/**
 * Vectors of texts, for what users write in steps of their own: to find texts that are near in meaning. A call goes through the
 * step's door like that of any model: it is journaled, paid for from the budget, and not made again on a resume.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Digest from "../domain/Digest.js"
import * as Json from "../domain/Json.js"
import { type ModelAsk, ModelError, ModelReply, Models } from "../domain/Model.js"
import { Once } from "../domain/Once.js"
import { keyIn } from "./internal/CallKey.js"

export type Vector = ReadonlyArray<number>

/** Texts of one call at most. */
export const textsMax = 256

export interface Options {
  /** With its provider: `openai:text-embedding-3-small`. */
  readonly model: string
  /** How many numbers a vector has, where the model can have fewer. */
  readonly dimensions?: number | undefined
}

/** A vector for each text, in their order. */
export const embed = (
  texts: ReadonlyArray<string>,
  { dimensions, model }: Options
): Effect.Effect<ReadonlyArray<Vector>, ModelError, Once | Models> =>
  Effect.gen(function* () {
    if (texts.length === 0) return []
    const refuse = (reason: ModelError["reason"], detail: string) => new ModelError({ reason, model, detail })
    if (texts.length > textsMax) {
      return yield* refuse("BadRequest", `${texts.length} texts at once, and ${textsMax} are allowed: ask in parts`)
    }
    const request: ModelAsk = {
      model,
      messages: texts.map((text) => ({ role: "user", content: text.toWellFormed() })),
      output: { _tag: "Vectors", ...(dimensions === undefined ? {} : { dimensions }) },
      // Nothing is answered in tokens; what is paid for must have a bound.
      settings: { maxTokens: 1 }
    }
    const json = Either.getOrThrow(Json.fromUnknown(request))
    const once = yield* Once
    const reply = yield* once.run(
      {
        key: keyIn(once, "embed", Digest.of(json)),
        request: json,
        success: ModelReply,
        failure: ModelError,
        effect: "model",
        describe: ({ model, usage }) => ({ model, usage })
      },
      (info) =>
        Effect.gen(function* () {
          const models = yield* Models
          const found = yield* models.driver(model, { path: info.path ?? "", agent: "" })
          return yield* found.driver.call({ ...request, model: found.model }, info)
        })
    )
    const vectors = Either.flatMap(Json.parse(reply.text), Schema.decodeUnknownEither(Vectors))
    return Either.isRight(vectors) && vectors.right.length === texts.length
      ? vectors.right
      : yield* refuse("BadReply", "what it answered is not a vector for each text")
  })

const Vectors = Schema.Array(Schema.Array(Schema.Finite))

/** From -1 to 1: the cosine of the angle between two vectors; 0 where one has no direction, or they are not alike. */
export const similarity = (a: Vector, b: Vector): number => {
  if (a.length !== b.length) return 0
  let [dot, ofA, ofB] = [0, 0, 0]
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0
    dot += value * other
    ofA += value * value
    ofB += other * other
  }
  return ofA === 0 || ofB === 0 ? 0 : Math.max(-1, Math.min(1, dot / Math.sqrt(ofA * ofB)))
}
