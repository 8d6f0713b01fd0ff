/**
 * A skill that costs money, called by a step: a call of `Once` below the step, by which it is paid for, and not made again
 * once it was answered, should the process die before its step has ended.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Digest from "../domain/Digest.js"
import * as Json from "../domain/Json.js"
import * as Once from "../domain/Once.js"
import { type AnySkill, costOf, SkillError, type SkillInfo } from "../pipeline/Skill.js"

/** A skill may answer nothing. */
const Answer = Schema.Struct({ value: Schema.optionalWith(Json.Json, { exact: true }) })

export const call = (
  skill: AnySkill,
  input: unknown,
  json: Json.Json | undefined,
  info: SkillInfo
): Effect.Effect<unknown, unknown, unknown> =>
  Effect.flatMap(
    Once.run(
      {
        key: "call",
        // What it was given stands in the step already.
        request: { skill: skill.id, version: skill.version, input: Digest.of(json ?? null) },
        success: Answer,
        failure: SkillError,
        per: "attempt",
        effect: skill.effect,
        cost: costOf(skill)
      },
      () =>
        Effect.flatMap(skill.run(input as never, info) as Effect.Effect<unknown, SkillError, unknown>, (output) =>
          Effect.map(Effect.orDie(skill.output.encode(output)), (value) => (value === undefined ? {} : { value }))
        )
    ),
    ({ value }) => Effect.orDie(skill.output.decode(value))
  )
