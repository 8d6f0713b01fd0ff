/**
 * What a skill *is*: code that a step may call by name, with what it takes, gives and does to the world. The same
 * declaration serves checking, running and documentation.
 */
import type * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { Json } from "../domain/Json.js"
import { NanoUsd } from "../domain/NanoUsd.js"
import type { EffectClass } from "../domain/Once.js"
import * as Shape from "./Shape.js"

export interface SkillInfo {
  /** The same for every try of this call, in this process and after a restart. */
  readonly idempotencyKey: string
}

export interface Skill<in In = never, out Out = unknown, out R = never> {
  readonly id: string
  readonly version: string
  readonly description: string
  readonly input: Shape.Shape
  readonly output: Shape.Shape
  readonly effect: Exclude<EffectClass, "model">
  /** What one call costs, whoever bills it; absent where nothing is said. */
  readonly cost?: NanoUsd | undefined
  /** Whether a second call with the same idempotency key does nothing more. */
  readonly honoursKey: boolean
  /** The property of the input that a step's own input becomes, when the step also names parameters. */
  readonly argument: string | undefined
  readonly run: (input: In, info: SkillInfo) => Effect.Effect<Out, SkillError, R>
}

/** A skill as the tree holds it, its types erased. */
export type AnySkill = Skill<never, unknown, unknown>

/** `Refused`: the skill will not do this. `Failed`: it tried. */
export class SkillError extends Schema.TaggedError<SkillError>("flujo/pipeline/SkillError")("SkillError", {
  skill: Schema.String,
  reason: Schema.Literal("Refused", "Failed"),
  detail: Schema.String
}) {
  override get message(): string {
    return `skill ${this.skill}: ${this.detail}`
  }
}

export const make = <A, AI extends Shape.Crossing, B, BI extends Shape.Crossing, R = never>(
  id: string,
  options: {
    readonly description: string
    readonly input: Schema.Schema<A, AI>
    readonly output: Schema.Schema<B, BI>
    readonly effect: Exclude<EffectClass, "model">
    readonly version?: string | undefined
    /**
     * What one call costs. It is set aside before the call and counted however that ends, unless the skill fails with
     * `Refused`: then nothing was done.
     */
    readonly cost?: NanoUsd | undefined
    /** Default false, save for `pure` and `read` skills, which may always be called again. */
    readonly honoursKey?: boolean | undefined
    readonly argument?: (keyof A & string) | undefined
    readonly run: (input: A, info: SkillInfo) => Effect.Effect<NoInfer<B>, SkillError, R>
  }
): Skill<A, B, R> => ({
  id,
  version: options.version ?? "1",
  description: options.description,
  input: Shape.fromSchema(options.input),
  output: Shape.fromSchema(options.output),
  effect: options.effect,
  ...(options.cost === undefined ? {} : { cost: NanoUsd.make(options.cost) }),
  honoursKey: options.honoursKey ?? (options.effect === "pure" || options.effect === "read"),
  argument: options.argument,
  run: options.run
})

/** What a call of it costs, as the call says it. */
export const costOf = ({ cost, id }: AnySkill): { readonly of: string; readonly most: NanoUsd } | undefined =>
  cost === undefined ? undefined : { of: `skill:${id}`, most: cost }

/** Finds a skill by id. */
export type Lookup = (id: string) => AnySkill | undefined

/** What a step's own input and its parameters make together. */
export const inputOf = (skill: AnySkill, params: Json | undefined, input: Json | undefined): Json => {
  if (params === undefined) return input ?? null
  if (typeof params !== "object" || params === null || Array.isArray(params)) return params
  return skill.argument === undefined || Object.hasOwn(params, skill.argument)
    ? params
    : { ...params, [skill.argument]: input ?? null }
}

/** Whether a value, such as what a file exports, is a skill. Told by its parts: it may be of another copy of flujo. */
export const isSkill = (value: unknown): value is AnySkill =>
  Predicate.isRecord(value) &&
  typeof value.id === "string" &&
  typeof value.version === "string" &&
  typeof value.description === "string" &&
  Shape.isShape(value.input) &&
  Shape.isShape(value.output) &&
  typeof value.run === "function"
