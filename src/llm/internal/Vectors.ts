/**
 * OpenAI's embeddings, spoken by most servers like it (https://platform.openai.com/docs/api-reference/embeddings). Vectors
 * come in the order of the texts, whatever the order in which they are sent.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type * as Json from "../../domain/Json.js"
import { textOf } from "../../domain/Model.js"
import * as Tokens from "../Tokens.js"
import { Count, given, maybe, reading, type Wire } from "./Wire.js"

export const wire: Wire = {
  request: ({ messages, model, output }, streamed) => {
    if (output._tag !== "Vectors") return Either.left("a reply in words")
    if (streamed) return Either.left("vectors in pieces")
    const input = messages.map(textOf)
    const { dimensions } = output
    return Either.right({
      path: "/embeddings",
      body: { model, input, encoding_format: "float", ...given("dimensions", dimensions) }
    })
  },
  reply: (json, ask, explain) =>
    Either.flatMap(read(json, explain), ({ data, model, usage }) => {
      const vectors = data.toSorted((a, b) => (a.index ?? 0) - (b.index ?? 0)).map(({ embedding }) => embedding)
      const [first] = vectors
      const isWhole = vectors.length === ask.messages.length && vectors.every(({ length }) => length === first?.length)
      if (!isWhole || first?.length === 0) {
        return Either.left(
          explain("BadReply", `the reply has ${vectors.length} vectors for ${ask.messages.length} texts`)
        )
      }
      return Either.right({
        text: JSON.stringify(vectors),
        finish: "stop" as const,
        usage: {
          // What is not counted is an upper bound, not zero.
          input: usage?.prompt_tokens ?? Tokens.boundOfAsk(ask),
          cachedInput: 0,
          output: 0,
          reasoning: 0
        },
        model: model ?? ask.model
      })
    }),
  gather: () => ({ take: () => [], isOver: () => true, whole: (): Json.Json => null })
}

const read = reading(
  Schema.Struct({
    model: maybe(Schema.String),
    data: Schema.Array(Schema.Struct({ index: maybe(Count), embedding: Schema.Array(Schema.Finite) })),
    usage: maybe(Schema.Struct({ prompt_tokens: maybe(Count) }))
  }),
  "a list of vectors"
)
