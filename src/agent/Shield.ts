/**
 * Placeholders in the place of what must not leave: `[EMAIL_1]` for the first e-mail address of a step, and for it again
 * wherever it stands. What is sent has only those, and what comes back is read with the real values in their place. They
 * follow from the texts in their order, so that a run that goes on has the same. Text that only looks like a placeholder
 * has one of its own: nobody outside can ask for a value by its name.
 */
import * as Either from "effect/Either"
import * as Json from "../domain/Json.js"
import type { Redactable } from "../pipeline/Agent.js"
import * as Personal from "../redaction/Personal.js"

export interface Shield {
  readonly hide: (text: string) => string
  readonly show: (text: string) => string
  /** Texts within JSON text, where quotes are escaped. */
  readonly showJson: (text: string) => string
}

const identity = <A>(value: A): A => value

/** Hides nothing. */
export const none: Shield = { hide: identity, show: identity, showJson: identity }

export const make = (kinds: ReadonlyArray<Redactable>): Shield => {
  if (kinds.length === 0) return none
  const placeholders = new Map<string, string>()
  const values = new Map<string, string>()
  const counts = new Map<string, number>()
  const placeholderOf = (kind: Personal.Kind | "texts", value: string): string => {
    const known = placeholders.get(value)
    if (known !== undefined) return known
    const count = (counts.get(kind) ?? 0) + 1
    counts.set(kind, count)
    const made = `[${words[kind]}_${count}]`
    placeholders.set(value, made)
    values.set(made, value)
    return made
  }
  const hide = (text: string): string => {
    const found = Personal.find(text, kinds)
    let at = 0
    let hidden = ""
    const plain = (part: string) => part.replace(alike, (value) => placeholderOf("texts", value))
    for (const { from, kind, to } of found) {
      hidden += plain(text.slice(at, from)) + placeholderOf(kind, text.slice(from, to))
      at = to
    }
    return hidden + plain(text.slice(at))
  }
  const shown = (text: string, form: (value: string) => string): string =>
    text.replace(alike, (name) => {
      const value = values.get(name)
      return value === undefined ? name : form(value)
    })
  const show = (text: string): string => shown(text, identity)
  return {
    hide,
    show,
    showJson: (text) => shown(text, (value) => JSON.stringify(value).slice(1, -1))
  }
}

/** The arguments of a call with the real values in them; as they are where they are no JSON. */
export const argumentsOf = (shield: Shield, text: string): string => {
  if (shield === none || Either.isLeft(Json.parse(text.trim()))) return text
  return shield.showJson(text)
}

const words: Readonly<Record<Personal.Kind | "texts", string>> = {
  secrets: "SECRET",
  emails: "EMAIL",
  phones: "PHONE",
  cards: "CARD",
  ibans: "IBAN",
  ips: "IP",
  texts: "TEXT"
}

const alike = new RegExp(`\\[(?:${Object.values(words).join("|")})_[0-9]{1,9}\\]`, "g")

/** How many times as long a text is at most with its placeholders: what they stand for is itself told by what is around it. */
export const growthMost = 4

/** What a model thought aloud before its answer, between tags of its own; absent where it did not. */
export const withoutReasoning = (text: string): string =>
  text
    .replace(/^\s*<(think|thinking|reasoning)>[\s\S]*?<\/\1>\s*/i, "")
    .replace(/^[\s\S]*?<\/(?:think|thinking)>\s*/i, "")
