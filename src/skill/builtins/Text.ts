/** Skills that only look at a value: `stringify` and `passthrough`. */

import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Json from "../../domain/Json.js"
import * as Skill from "../../pipeline/Skill.js"

/**
 * A value as text: a text as it is, anything else as JSON with two spaces of indent and sorted keys. Sorted, because the
 * order of keys does not cross the journal: a run gone on with after a restart must say the same text.
 */
export const textOf = (value: Json.Json): string =>
  typeof value === "string" ? value : JSON.stringify(JSON.parse(Json.canonical(value)), null, 2)

export const stringify = Skill.make("flujo.builtins.stringify", {
  description: "The input as text: a text as it is, any other value as indented JSON with sorted keys.",
  input: Json.Json,
  output: Schema.String,
  effect: "pure",
  run: (input) => Effect.sync(() => textOf(input))
})

export const passthrough = Skill.make("flujo.builtins.passthrough", {
  description: "The input, unchanged.",
  input: Json.Json,
  output: Json.Json,
  effect: "pure",
  run: (input) => Effect.succeed(input)
})
