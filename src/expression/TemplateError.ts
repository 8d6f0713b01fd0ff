/** The one error of this room: why a text could not be evaluated. */
import * as Schema from "effect/Schema"
import type { Fault } from "./Fault.js"
import { sourceUnitsMax } from "./Limits.js"
import * as Words from "./Words.js"

/**
 * `Syntax`: the text does not parse. `Undefined`: a name or a key that is not there; `default(…)` or `is defined` allow
 * for that. `Type`: a value of the wrong kind. `Limit`: too much work, text or nesting (`Limits`). `start` and `end` are
 * offsets in `source`. No value is ever shown, only names, keys and kinds.
 */
export class TemplateError extends Schema.TaggedError<TemplateError>("flujo/expression/TemplateError")(
  "TemplateError",
  {
    source: Schema.String,
    reason: Schema.Literal("Syntax", "Undefined", "Type", "Limit"),
    detail: Schema.String,
    start: Schema.Number,
    end: Schema.Number
  }
) {
  override get message(): string {
    const piece = this.source.slice(this.start, this.end)
    return piece === "" ? `template: ${this.detail}` : `template: at ${Words.quoted(piece)}: ${this.detail}`
  }
}

/** The error as the caller sees it: text that JSON can hold, and not more of it than is ever read. */
export const fromFault = (source: string, { reason, message, hint, span }: Fault): TemplateError =>
  new TemplateError({
    source: source.slice(0, sourceUnitsMax).toWellFormed(),
    reason,
    detail: hint === undefined ? message : `${message}; ${hint}`,
    start: span.start,
    end: span.end
  })
