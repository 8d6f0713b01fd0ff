/**
 * What an agent *is*: a model with a prompt and a wanted output. `agent/` makes it think. Nothing here is called.
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Json from "../domain/Json.js"
import type { ModelError, ModelSettings } from "../domain/Model.js"
import * as Template from "../expression/Template.js"
import { fromJson, type Params } from "./Params.js"
import * as Shape from "./Shape.js"
import type { Skill } from "./Skill.js"
import type { StepUncertain } from "./StepError.js"
import * as Tool from "./Tool.js"

export interface Agent<out A = unknown, out R = never, out E = never> {
  readonly name: string
  /** With the provider's prefix: `openai:gpt-4o`. */
  readonly model: string
  /** Models that are asked where `model` fails, in this order. */
  readonly fallbacks: ReadonlyArray<FallbackModel>
  readonly system: string
  /** Stands for `system`, which is filled in from it when the agent is called. */
  readonly prompt: Prompt | undefined
  /** What is asked for; plain text where absent. */
  readonly output: Shape.Shape | undefined
  readonly settings: ModelSettings
  /** What it may call while it thinks. */
  readonly tools: ReadonlyArray<Tool.AnyTool>
  /** Model calls at most. More than one where it has tools. */
  readonly maxTurns: number
  /** What may be done to a reply that is not the wanted output as it stands. */
  readonly repair: Repair
  /** How long an answer to the same request is taken from the cache; never where absent. */
  readonly cacheMillis: number | undefined
  /** Turns beside `maxTurns` in which a reply that does not fit may be corrected by the model. */
  readonly maxCorrections: number
  /** What leaves for the model only as a placeholder; nothing where absent. */
  readonly redact?: ReadonlyArray<Redactable> | undefined
  /** What a model thought aloud before its answer, between tags, is no part of it. */
  readonly stripsReasoning?: true | undefined
  readonly _A?: (() => A) | undefined
  readonly _R?: (() => R) | undefined
  readonly _E?: (() => E) | undefined
}

/** What can be kept from a model. */
export const redactable = ["secrets", "emails", "phones", "cards", "ibans", "ips"] as const
export type Redactable = (typeof redactable)[number]

/** A prompt with `{{ … }}` in it. */
export interface Prompt {
  readonly template: Template.Template
  /** Names that it reads beside those of every template. */
  readonly variables: ReadonlyArray<readonly [name: string, value: Params]>
  /** Where its text is kept, from the project's folder on. */
  readonly file?: string | undefined
}

/** Names that every template has. */
export const namesTaken = [
  "input",
  "initial_prompt",
  "previous_step",
  "steps",
  "context",
  "resume_input",
  "this",
  "index",
  "output",
  "loop"
]

/** Whether a prompt may call a variable so. */
export const isVariable = (name: string): boolean =>
  /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) && !namesTaken.includes(name)

/**
 * A prompt that is filled in when the agent is called, from what the templates of its step see and from `variables`, whose
 * texts are templates too. Without `{{ … }}` in it a text is better given as it is.
 */
export const prompt = (
  source: string,
  options: {
    readonly variables?: { readonly [name: string]: Json.Json } | undefined
    /** Where its text is kept: what a blueprint that is printed says. */
    readonly file?: string | undefined
  } = {}
): Prompt => ({
  template: Template.parse(source),
  variables: Object.entries(options.variables ?? {}).map(([name, value]) => [name, fromJson(value)] as const),
  file: options.file
})

/** A model that stands in for those before it. */
export interface FallbackModel {
  readonly model: string
  /** The failures before it for which it is asked; it is passed over for others. */
  readonly on: ReadonlyArray<ModelError["reason"]>
}

/** What passes by itself, or with another provider. */
export const fallbackOnDefault: FallbackModel["on"] = ["RateLimited", "Overloaded", "Network", "TimedOut"]

/** Whether it stands in for what a name alone does. */
export const isFallbackDefault = (on: FallbackModel["on"]): boolean =>
  on.length === fallbackOnDefault.length && on.every((reason, index) => reason === fallbackOnDefault[index])

/** All models that an agent may ask, in their order. */
export const modelsOf = ({ fallbacks, model }: AnyAgent): ReadonlyArray<string> => [
  model,
  ...fallbacks.map(({ model }) => model)
]

/** More models that stand in than this are not allowed. */
export const fallbacksMost = 8

/**
 * `off`: the reply is the wanted JSON and nothing else. `syntax`: JSON is taken out of fences and prose, and its syntax is
 * mended. `types`: and texts that say a number or a truth value are read as such, where that is wanted.
 */
export const repairs = ["off", "syntax", "types"] as const
export type Repair = (typeof repairs)[number]

/** No value is changed unless somebody asks for it. */
export const repairDefault: Repair = "syntax"

/** An agent as the tree holds it, its types erased. */
export type AnyAgent = Agent<unknown, unknown, unknown>

/**
 * `NotObject`: the reply has no JSON in it. `Misfit`: it has, but not of the wanted shape, or
 * two values that both are. `Incomplete`: the reply was
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

/** What may be repaired, where that is said: a text is taken as it is. */
export const repairSaid = ({ output, repair }: AnyAgent): Repair | undefined =>
  output === undefined || Json.get(output.jsonSchema, "type") === "string" || repair === repairDefault
    ? undefined
    : repair

/** How long an answer is taken from the cache by an agent that does not say. */
export const cacheMillisDefault = 3_600_000

/** More corrections than this are not allowed. */
export const maxCorrectionsMost = 10

/** Tokens asked for at most where an agent does not say. */
export const maxTokensDefault = 4096

/** Turns of an agent with tools that does not say. */
export const maxTurnsDefault = 10

/** More turns than this are not allowed. */
export const maxTurnsMost = 200

interface Options<T, S extends string | Prompt = string | Prompt> {
  readonly model: string
  /** Models that are asked where `model` fails, in this order; a name alone stands in for `fallbackOnDefault`. */
  readonly fallbacks?:
    | ReadonlyArray<string | { readonly model: string; readonly on?: FallbackModel["on"] | undefined }>
    | undefined
  readonly system: S
  readonly settings?: ModelSettings | undefined
  /** Takes the answer to the same request from the cache where one is there: for so long, or for `cacheMillisDefault`. */
  readonly cache?: true | Duration.DurationInput | undefined
  /** Skills that it may call; `Tool.make` gives one another name, or asks a person first. */
  readonly tools?: T | undefined
  /** A person allows each call of a tool with one of these effects, whatever the tool says of itself. Default: none. */
  readonly approve?: ReadonlyArray<Tool.Effect> | undefined
  /** Model calls at most, of an agent with tools. Default 10. */
  readonly maxTurns?: number | undefined
  /** Leaves for the model only as placeholders, and stands in what comes back. Default: nothing. */
  readonly redact?: ReadonlyArray<Redactable> | undefined
  /** Leaves out of an answer what the model thought aloud before it, between `<think>` tags. Default false. */
  readonly stripReasoning?: boolean | undefined
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
type Failures<T extends Tools, S extends string | Prompt> =
  | ([T[number]] extends [never] ? never : StepUncertain)
  | (S extends Prompt ? Template.TemplateError : never)

export const make: {
  <const T extends Tools = readonly [], S extends string | Prompt = string>(
    name: string,
    options: Options<T, S> & { readonly output?: undefined }
  ): Agent<string, Needs<T>, Failures<T, S>>
  <A, I extends Shape.Crossing, const T extends Tools = readonly [], S extends string | Prompt = string>(
    name: string,
    options: Options<T, S> & {
      readonly output: Schema.Schema<A, I>
      /** What may be done to a reply that does not fit. Default `syntax`. */
      readonly repair?: Repair | undefined
      /** How often the model is told what is wrong with its reply, and answers again. Default 0. */
      readonly maxCorrections?: number | undefined
    }
  ): Agent<A, Needs<T>, Failures<T, S>>
} = (
  name: string,
  options: Options<Tools> & {
    readonly output?: Schema.Schema<unknown, Shape.Crossing> | undefined
    readonly repair?: Repair | undefined
    readonly maxCorrections?: number | undefined
  }
) => {
  const tools = (options.tools ?? []).map((tool) =>
    Tool.approved("_tag" in tool ? tool : Tool.make(tool), options.approve ?? [])
  )
  return {
    name,
    model: options.model,
    fallbacks: (options.fallbacks ?? []).map((one) =>
      typeof one === "string"
        ? { model: one, on: fallbackOnDefault }
        : { model: one.model, on: one.on ?? fallbackOnDefault }
    ),
    system: typeof options.system === "string" ? options.system : "",
    prompt: typeof options.system === "string" ? undefined : options.system,
    output: options.output === undefined ? undefined : Shape.fromSchema(options.output),
    settings: { maxTokens: maxTokensDefault, ...options.settings },
    tools,
    maxTurns: tools.length === 0 ? 1 : (options.maxTurns ?? maxTurnsDefault),
    cacheMillis:
      options.cache === undefined
        ? undefined
        : options.cache === true
          ? cacheMillisDefault
          : Duration.toMillis(options.cache),
    repair: options.output === undefined ? repairDefault : (options.repair ?? repairDefault),
    maxCorrections: options.output === undefined ? 0 : (options.maxCorrections ?? 0),
    ...(options.redact === undefined || options.redact.length === 0
      ? {}
      : { redact: redactable.filter((kind) => options.redact?.includes(kind)) }),
    ...(options.stripReasoning === true ? { stripsReasoning: true as const } : {})
  }
}
