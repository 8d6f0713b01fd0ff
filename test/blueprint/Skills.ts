/** Skills for blueprints of tests: what they declare is looked at, and they do nothing. */
import { Effect, Schema } from "effect"
import type { Options } from "../../src/blueprint/Blueprint.js"
import * as Skill from "../../src/pipeline/Skill.js"

export const stringify = Skill.make("flujo.builtins.stringify", {
  description: "the input as text",
  input: Schema.Unknown as Schema.Schema<unknown, string>,
  output: Schema.String,
  effect: "pure",
  run: (input) => Effect.succeed(String(input))
})

export const writeFile = Skill.make("flujo.builtins.write_file", {
  description: "writes a file",
  input: Schema.Struct({ path: Schema.String, content: Schema.String }),
  output: Schema.Struct({ path: Schema.String }),
  effect: "write",
  argument: "content",
  run: ({ path }) => Effect.succeed({ path })
})

export const judge = Skill.make("house.judge", {
  description: "whether a text is polite",
  input: Schema.Struct({ text: Schema.String, strict: Schema.optional(Schema.Boolean) }),
  output: Schema.Boolean,
  effect: "pure",
  argument: "text",
  run: () => Effect.succeed(true)
})

const all: ReadonlyArray<Skill.AnySkill> = [stringify, writeFile, judge]

export const options: Options = {
  skills: (id) => all.find((skill) => skill.id === id),
  skillIds: all.map(({ id }) => id)
}
