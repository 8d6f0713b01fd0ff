/** A skill by the id that somebody wrote; one that is not there is reported with what was probably meant. */
import * as Either from "effect/Either"
import * as Words from "../../expression/Words.js"
import type { AnySkill, Lookup } from "../../pipeline/Skill.js"
import * as Code from "../Code.js"
import type * as Decode from "../Decode.js"
import type { Report } from "../Diagnostics.js"
import type { Origins } from "../Origins.js"

export interface Known {
  readonly skills: Lookup
  /** To guess from what was meant by an unknown id. */
  readonly skillIds: ReadonlyArray<string>
  readonly code?: Code.Loaded | undefined
  /** Told of each skill that is named by its file. */
  readonly origins: Origins
}

export const skillNamed = (report: Report, known: Known, text: Decode.Text, isAgent: boolean): AnySkill | undefined => {
  if (Code.isReference(text.value)) return referred(report, known, text)
  const { code, skillIds, skills } = known
  const found = skills(text.value)
  if (found !== undefined) return found
  const unread = code?.unread ?? []
  if (unread.length > 0) {
    const message = `there is no skill ${Words.quoted(text.value)} among those that could be loaded`
    report.add("FLJ-CODE-2", text.span, message, { hint: unread.join("; ") })
    return undefined
  }
  const last = (id: string) => id.slice(id.lastIndexOf(".") + 1)
  const meant =
    Words.closest(text.value, skillIds) ??
    skillIds.find((id) => last(id) === Words.closest(last(text.value), skillIds.map(last)))
  report.add("V-A6", text.span, `there is no skill ${Words.quoted(text.value)}`, {
    hint: isAgent
      ? `this is an agent: write uses: agents.${text.value.replace(/^agents\./, "")}`
      : meant !== undefined
        ? `did you mean \`${meant}\`?`
        : skillIds.length === 0
          ? undefined
          : `there are ${Words.listed(skillIds)}`,
    repair: isAgent || meant === undefined ? undefined : { span: text.span, text: meant }
  })
  return undefined
}

/** A skill by its file, or why there is none, which is said. */
const referred = (report: Report, { code, origins }: Known, text: Decode.Text): AnySkill | undefined => {
  const reference = Code.resolve(report.source.path, text.value)
  if (Either.isLeft(reference)) {
    report.add("FLJ-CODE-1", text.span, `${Words.quoted(text.value)}: ${reference.left}`, {
      hint: "write it from this file on, for instance ./skills/score.ts#score"
    })
    return undefined
  }
  if (code === undefined) {
    report.add("FLJ-CODE-1", text.span, `${Words.quoted(text.value)}: no code is loaded here`, {
      hint: "name a skill by its id"
    })
    return undefined
  }
  const skill = code.skill(reference.right)
  if (Either.isRight(skill)) {
    origins.refer(skill.right, reference.right)
    return skill.right
  }
  report.add(skill.left.code, text.span, skill.left.message, { hint: skill.left.hint })
  return undefined
}
