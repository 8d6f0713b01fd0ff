/** `model_settings` of an agent, and the same keys on a step that asks one. */
import type { ModelSettings } from "../../domain/Model.js"
import * as Decode from "../Decode.js"
import type { Report } from "../Diagnostics.js"
import { kindOf, type Tree } from "../Tree.js"

export const settingKeys = ["max_tokens", "temperature", "top_p", "seed", "stop", "reasoning", "verbosity"]

export const reasoningKeys = ["effort", "max_tokens", "summary"]

/** Texts at which a reply ends, at most. */
export const stopsMost = 16

const tokensMax = 10_000_000

export const efforts = ["none", "minimal", "low", "medium", "high", "xhigh"] as const
export const summaries = ["auto", "concise", "detailed"] as const
export const verbosities = ["low", "medium", "high"] as const

export const settingsOf = (report: Report, tree: Tree): ModelSettings => {
  const fields = Decode.fields(report, tree, "`model_settings`", { of: "`model_settings`", known: settingKeys })
  return fields === undefined ? {} : settingsIn(report, fields)
}

export const settingsIn = (report: Report, fields: Decode.Fields): ModelSettings => {
  const read = <A>(name: string, decode: (tree: Tree) => A | undefined): A | undefined => {
    const value = fields.value(name)
    return value === undefined ? undefined : decode(value)
  }
  const number = (name: string, decode: typeof Decode.number, min: number, max: number) =>
    read(name, (tree) => decode(report, tree, `\`${name}\``, { min, max }))
  return present({
    maxTokens: number("max_tokens", Decode.integer, 1, tokensMax),
    temperature: number("temperature", Decode.number, 0, 10),
    topP: number("top_p", Decode.number, 0, 1),
    seed: number("seed", Decode.integer, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    stop: read("stop", (tree) => stopOf(report, tree)),
    reasoning: read("reasoning", (tree) => reasoningOf(report, tree)),
    verbosity: read("verbosity", (tree) => Decode.choice(report, tree, "`verbosity`", verbosities))
  })
}

const present = (settings: { readonly [K in keyof ModelSettings]: ModelSettings[K] | undefined }): ModelSettings =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))

/** A text, or a list of them. */
const stopOf = (report: Report, tree: Tree): ReadonlyArray<string> | undefined => {
  const texts = tree._tag === "List" ? tree.items : [tree]
  if (texts.length === 0 || texts.length > stopsMost) {
    report.add("FLJ-BLUEPRINT-19", tree.span, `\`stop\` has ${texts.length} texts`, { hint: `from 1 to ${stopsMost}` })
    return undefined
  }
  const read = texts.flatMap((text) => {
    const found = Decode.text(report, text, "`stop`")
    if (found?.value === "") report.add("FLJ-BLUEPRINT-19", found.span, "a text at which a reply ends is empty")
    return found === undefined || found.value === "" ? [] : [found.value]
  })
  return read.length === texts.length ? read : undefined
}

const reasoningOf = (report: Report, tree: Tree): ModelSettings["reasoning"] => {
  if (tree._tag !== "Map") {
    if (tree._tag === "Broken") return undefined
    report.add("FLJ-BLUEPRINT-17", tree.span, `\`reasoning\` must be a map, and ${kindOf(tree)} was found`, {
      hint: "for instance reasoning: { effort: low }"
    })
    return undefined
  }
  const fields = Decode.fields(report, tree, "`reasoning`", { of: "`reasoning`", known: reasoningKeys })
  if (fields === undefined) return undefined
  const effort = fields.value("effort")
  const summary = fields.value("summary")
  const found = {
    effort: effort && Decode.choice(report, effort, "`effort`", efforts),
    tokensMax: Decode.limit(report, fields, "max_tokens", tokensMax),
    summary: summary && Decode.choice(report, summary, "`summary`", summaries)
  }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined))
}
