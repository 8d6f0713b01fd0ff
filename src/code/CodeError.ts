/** Why code of a project was not to be had: always before anything is run. */
import * as Schema from "effect/Schema"

/**
 * `Refused`: it may not be loaded. `Unloadable`: it is not there, is not TypeScript, or throws. `Export`: what is wanted is
 * not what it exports.
 */
export class CodeError extends Schema.TaggedError<CodeError>("flujo/code/CodeError")("CodeError", {
  reason: Schema.Literal("Refused", "Unloadable", "Export"),
  /** From the project's folder on. */
  file: Schema.String,
  /** From 1, as `column`. */
  line: Schema.optional(Schema.Int),
  column: Schema.optional(Schema.Int),
  /** What is wrong, in one sentence without a full stop. */
  detail: Schema.String,
  hint: Schema.optional(Schema.String),
  /** The lines around the place. */
  frame: Schema.optional(Schema.String)
}) {
  override get message(): string {
    const place = [this.file, this.line, this.column].filter((part) => part !== undefined).join(":")
    return `${place}: ${this.detail}`
  }
}
