/**
 * The skills that steps can name, as a value: made once, handed to whatever resolves names. An id means one skill; two
 * with the same id are refused, so that no order of registration decides which of them runs.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { AnySkill, Lookup } from "../pipeline/Skill.js"

/** `Duplicate`: two skills have this id; rename one. `Unnamed`: an id is not of the form `name` or `group.name`. */
export class SkillRegistryError extends Schema.TaggedError<SkillRegistryError>("flujo/skill/SkillRegistryError")(
  "SkillRegistryError",
  {
    reason: Schema.Literal("Duplicate", "Unnamed"),
    id: Schema.String,
    /** Both descriptions of a duplicate: the ids alone do not tell them apart. */
    descriptions: Schema.Array(Schema.String)
  }
) {
  override get message(): string {
    const id = JSON.stringify(this.id)
    return this.reason === "Duplicate"
      ? `two skills have the id ${id} (${this.descriptions.map((text) => JSON.stringify(text)).join(" and ")}); rename one`
      : `${id} is no id for a skill: say letters, digits, "_" and "-", in parts joined by "."`
  }
}

export interface SkillRegistry {
  readonly lookup: Lookup
  /** In the order given; what a misspelt id is compared with. */
  readonly ids: ReadonlyArray<string>
}

const idPattern = /^[\p{L}_][\p{L}\p{N}_-]*(?:\.[\p{L}_][\p{L}\p{N}_-]*)*$/u
const idLengthMax = 200

export const make = (skills: Iterable<AnySkill>): Either.Either<SkillRegistry, SkillRegistryError> => {
  const byId = new Map<string, AnySkill>()
  for (const skill of skills) {
    const { description, id } = skill
    if (id.length > idLengthMax || !idPattern.test(id)) {
      return Either.left(new SkillRegistryError({ reason: "Unnamed", id, descriptions: [description] }))
    }
    const known = byId.get(id)
    if (known !== undefined) {
      const descriptions = [known.description, description]
      return Either.left(new SkillRegistryError({ reason: "Duplicate", id, descriptions }))
    }
    byId.set(id, skill)
  }
  return Either.right({ lookup: (id) => byId.get(id), ids: [...byId.keys()] })
}
