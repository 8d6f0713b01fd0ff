/**
 * What an agent *is*: a model with a prompt and a wanted output. `agent/` makes it think. Nothing here is called.
 */
import * as Schema from "effect/Schema"
import type { ModelSettings } from "../domain/Model.js"
import * as Shape from "./Shape.js"
import type { Skill } from "./Skill.js"
import type { StepUncertain } from "./StepError.js"
import * as Tool from "./Tool.js"

export interface Agent<out A = unknown, out R = never, out E = never> {
  readonly name: string
  /** With the provider's prefix: `openai:gpt-4o`. */
  readonly model: string
  readonly system: string
  /** What is asked for; plain text where absent. */
  readonly output: Shape.Shape | undefined
  readonly settings: ModelSettings
  /** What it may call while it thinks. */
  readonly tools: ReadonlyArray<Tool.AnyTool>
  /** Model calls at most. More than one where it has tools. */
  readonly maxTurns: number
  readonly _A?: (() => A) | undefined
  readonly _R?: (() => R) | undefined
  readonly _E?: (() => E) | undefined
}

/** An agent as the tree holds it, its types erased. */
export type AnyAgent = Agent<unknown, unknown, unknown>

/**
 * `NotObject`: the reply has no JSON in it. `Misfit`: it has, but not of the wanted shape. `Incomplete`: the reply was
 * cut by its token limit or withheld by the provider, or calls a tool and there is none. `TooLong`: the reply is longer
 * than its tokens can be. `TooManyCalls`: more tools are called at once than may be. `MaxTurns`: the last turn called tools
 * once more. `NoProgress`: three turns in a row made the same calls and got the same results. Every reply is in the journal.
 */
export class AgentError extends Schema.TaggedError<AgentError>("flujo/pipeline/AgentError")("AgentError", {
  agent: Schema.String,
  reason: Schema.Literal("NotObject", "Misfit", "Incomplete", "TooLong", "TooManyCalls", "MaxTurns", "NoProgress"),
  detail: Schema.String
}) {
  override get message(): string {
    return `agent ${this.agent}: ${this.detail}`
  }
}

/** Tokens asked for at most where an agent does not say. */
export const maxTokensDefault = 4096

/** Turns of an agent with tools that does not say. */
export const maxTurnsDefault = 10

/** More turns than this are not allowed. */
export const maxTurnsMost = 200

interface Options<T> {
  readonly model: string
  readonly system: string
  readonly settings?: ModelSettings | undefined
  /** Skills that it may call; `Tool.make` gives one another name, or asks a person first. */
  readonly tools?: T | undefined
  /** Model calls at most, of an agent with tools. Default 10. */
  readonly maxTurns?: number | undefined
}

type Tools = ReadonlyArray<Skill<never, unknown, unknown> | Tool.AnyTool>

/** What the tools need of the run. */
type Needs<T extends Tools> = T[number] extends infer U
  ? U extends Tool.SkillTool<infer R>
    ? R
    : U extends Skill<never, unknown, infer R>
      ? R
      : never
  : never

/** A call that was in flight when its process died may not simply be made again. */
type Failures<T extends Tools> = [T[number]] extends [never] ? never : StepUncertain

export const make: {
  <const T extends Tools = readonly []>(
    name: string,
    options: Options<T> & { readonly output?: undefined }
  ): Agent<string, Needs<T>, Failures<T>>
  <A, I extends Shape.Crossing, const T extends Tools = readonly []>(
    name: string,
    options: Options<T> & { readonly output: Schema.Schema<A, I> }
  ): Agent<A, Needs<T>, Failures<T>>
} = (
  name: string,
  options: Options<Tools> & { readonly output?: Schema.Schema<unknown, Shape.Crossing> | undefined }
) => {
  const tools = (options.tools ?? []).map((tool) => ("_tag" in tool ? tool : Tool.make(tool)))
  return {
    name,
    model: options.model,
    system: options.system,
    output: options.output === undefined ? undefined : Shape.fromSchema(options.output),
    settings: { maxTokens: maxTokensDefault, ...options.settings },
    tools,
    maxTurns: tools.length === 0 ? 1 : (options.maxTurns ?? maxTurnsDefault)
  }
}
