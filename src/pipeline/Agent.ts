/**
 * What an agent *is*: a model with a prompt and a wanted output. `agent/` makes it think. Nothing here is called.
 */
import * as Schema from "effect/Schema"
import type { ModelSettings } from "../domain/Model.js"
import * as Shape from "./Shape.js"

export interface Agent<out A = unknown> {
  readonly name: string
  /** With the provider's prefix: `openai:gpt-4o`. */
  readonly model: string
  readonly system: string
  /** What is asked for; plain text where absent. */
  readonly output: Shape.Shape | undefined
  readonly settings: ModelSettings
  readonly _A?: (() => A) | undefined
}

/**
 * `NotObject`: the reply has no JSON in it. `Misfit`: it has, but not of the wanted shape. `Incomplete`: the reply was
 * cut by its token limit or withheld by the provider. The reply itself is in the journal.
 */
export class AgentError extends Schema.TaggedError<AgentError>("flujo/pipeline/AgentError")("AgentError", {
  agent: Schema.String,
  reason: Schema.Literal("NotObject", "Misfit", "Incomplete"),
  detail: Schema.String
}) {
  override get message(): string {
    return `agent ${this.agent}: ${this.detail}`
  }
}

/** Tokens asked for at most where an agent does not say. */
export const maxTokensDefault = 4096

interface Options {
  readonly model: string
  readonly system: string
  readonly settings?: ModelSettings | undefined
}

export const make: {
  (name: string, options: Options & { readonly output?: undefined }): Agent<string>
  <A, I extends Shape.Crossing>(name: string, options: Options & { readonly output: Schema.Schema<A, I> }): Agent<A>
} = (name: string, options: Options & { readonly output?: Schema.Schema<unknown, Shape.Crossing> | undefined }) => ({
  name,
  model: options.model,
  system: options.system,
  output: options.output === undefined ? undefined : Shape.fromSchema(options.output),
  settings: { maxTokens: maxTokensDefault, ...options.settings }
})
