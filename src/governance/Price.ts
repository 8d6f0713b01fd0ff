/** The price of one model: what it is for each kind of token, where it was published, and on which day it was read there. */
import * as Schema from "effect/Schema"
import { NanoUsd } from "../domain/NanoUsd.js"

/** For a million tokens of each kind. */
export const Rate = Schema.Struct({
  input: NanoUsd,
  cachedInput: NanoUsd,
  output: NanoUsd,
  reasoning: NanoUsd
})
export type Rate = typeof Rate.Type

export const Row = Schema.Struct({
  /**
   * `openai:gpt-4o`: the model and its dated snapshots (`-2024-08-06`, `-20250929`), or one with `*` for any text. A
   * model with more than one row has the price of the first that names it whole, else of the first that fits.
   */
  model: Schema.String,
  kind: Schema.Literal("chat", "embedding"),
  rate: Rate,
  /** Tokens that the model takes at most, where published. */
  context: Schema.optional(Schema.Int.pipe(Schema.positive())),
  /** Snapshots, by their date, that are sold at another price and therefore not by this row. */
  except: Schema.optional(Schema.Array(Schema.String)),
  source: Schema.String,
  date: Schema.String
})
export type Row = typeof Row.Type
