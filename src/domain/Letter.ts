/**
 * The inbox is how anybody but a run's owner tells it something: a letter is left, and only the owner takes it and turns
 * it into an event. The id is the letter's key within its run, so the same thing said twice is one letter.
 */
import * as Schema from "effect/Schema"
import { Json } from "./Json.js"
import { StepPath } from "./StepPath.js"

export const Letter = Schema.Union(
  /** The answer to the task at `path`; at most one per task. */
  Schema.TaggedStruct("Answer", { path: StepPath, answer: Json, by: Schema.optional(Schema.String) }),
  Schema.TaggedStruct("Cancel", { reason: Schema.String }),
  /** Something that happened outside, under a name. `id` tells two of them apart that say the same. */
  Schema.TaggedStruct("Signal", {
    id: Schema.String,
    signal: Schema.String,
    data: Json,
    by: Schema.optional(Schema.String)
  })
)
export type Letter = typeof Letter.Type

export const idOf = (letter: Letter): string => {
  switch (letter._tag) {
    case "Answer":
      return `answer:${letter.path}`
    case "Cancel":
      return "cancel"
    case "Signal":
      return `signal:${letter.signal}:${letter.id}`
  }
}
