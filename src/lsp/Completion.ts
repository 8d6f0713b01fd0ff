/**
 * What may be written at the cursor: keys of the map that it is in, values of the key, names that the file declares, and
 * within braces the names that a template can read.
 */
import * as Language from "../blueprint/Language.js"
import type { Json, JsonObject } from "../domain/Json.js"
import * as Filters from "../expression/Filters.js"
import type { Span } from "../expression/Template.js"
import * as Tests from "../expression/Tests.js"
import * as Cursor from "./Cursor.js"
import type { Document } from "./Document.js"
import { aboutKey } from "./Hover.js"
import * as Outline from "./Outline.js"

/** In the protocol's table. */
const kinds = { key: 10, value: 12, name: 18, word: 14, function: 3 } as const

interface Item {
  readonly label: string
  readonly kind: number
  readonly detail?: string | undefined
  readonly documentation?: string | undefined
  /** What is written, where that is not the label. */
  readonly text?: string | undefined
}

export const at = (document: Document, offset: number, skillIds: ReadonlyArray<string>): ReadonlyArray<Json> => {
  const template = templateBefore(document.text, offset)
  if (template !== undefined) {
    const { items, length } = inTemplate(document, offset, template)
    return shown(document, { start: offset - length, end: offset }, items)
  }
  const typed = Cursor.typed(document, offset)
  const items = [...keys(document, typed), ...typed.slots.flatMap((slot) => values(document, typed, slot, skillIds))]
  const byLabel = new Map(items.map((item) => [item.label, item]))
  return shown(document, typed.word, [...byLabel.values()])
}

const shown = (document: Document, span: Span, items: ReadonlyArray<Item>): ReadonlyArray<Json> =>
  items.map(({ detail, documentation, kind, label, text }) => ({
    label,
    kind,
    filterText: label,
    ...(detail === undefined ? {} : { detail }),
    ...(documentation === undefined ? {} : { documentation: { kind: "markdown", value: documentation } }),
    textEdit: { range: document.range(span), newText: text ?? label }
  }))

const keys = (document: Document, { place, word }: Cursor.Typed): ReadonlyArray<Item> => {
  if (place === undefined) return []
  const isKey = /^\s*:/.test(document.text.slice(word.end, word.end + 20))
  const there = new Set(place.tree.entries.map(({ key }) => key.text))
  return Object.entries(place.keys).flatMap(([name, key]) =>
    there.has(name)
      ? []
      : [
          {
            label: name,
            kind: kinds.key,
            detail: key.about,
            documentation: aboutKey(name, key).join("\n\n"),
            text: isKey ? name : `${name}: `
          }
        ]
  )
}

/** Keys whose value names something that the file declares or the project has. */
const takesAgents = new Set(["uses", "router_agent", "proposer", "evaluator"])
const takesSkills = new Set(["skill", "id", "tools"])
const takesStates = new Set(["start_state", "end_states", "from", "to"])
const takesFields = new Set(["sink_to", "updates_context", "context_include_keys"])

const values = (
  document: Document,
  typed: Cursor.Typed,
  { key, schema, step }: Outline.Slot,
  skillIds: ReadonlyArray<string>
): ReadonlyArray<Item> => {
  const named = (group: string) => Outline.named(document.lastTree, group).map(({ text }) => `${group}.${text}`)
  const names = (labels: ReadonlyArray<string>) => labels.map((label): Item => ({ label, kind: kinds.name }))
  if (key === "kind") {
    return Object.entries(Language.kinds).map(([label, { about }]) => ({ label, kind: kinds.value, detail: about }))
  }
  const skills = takesSkills.has(key) ? names(skillIds) : []
  if (takesAgents.has(key)) return names([...named("agents"), ...(key === "uses" ? named("imports") : [])])
  if (takesStates.has(key)) return names(states(typed, step))
  if (takesFields.has(key)) return names(fields(document))
  return [...skills, ...enumerated(schema).map((label): Item => ({ label, kind: kinds.value }))]
}

const states = ({ outline }: Cursor.Typed, step: Outline.Step | undefined): ReadonlyArray<string> => {
  const machine = outline.all.find(({ tree }) => tree === step?.tree)?.tree
  const declared = Outline.named(machine, "states").map(({ text }) => text)
  const ends = Outline.valueOf(machine, "end_states")
  const texts = ends?._tag === "List" ? ends.items : ends === undefined ? [] : [ends]
  return [...declared, ...texts.flatMap((one) => Outline.text(one)?.text ?? [])].filter(
    (name) => name !== "flujoCursor"
  )
}

/** The texts that a schema takes, where it says them one by one. */
const enumerated = (schema: JsonObject): ReadonlyArray<string> => {
  const own = Array.isArray(schema.enum) ? schema.enum.filter((one) => typeof one === "string") : []
  return schema.type === "boolean" ? ["true", "false"] : own
}

/** Of the context: those that are declared, and those that steps write. */
const fields = (document: Document): ReadonlyArray<string> => {
  const tree = document.lastTree
  const declared = Outline.named(Outline.valueOf(tree, "context"), "properties").map(({ text }) => text)
  const written = Outline.of(tree).all.flatMap((step) => {
    const sink = Outline.text(Outline.valueOf(step.tree, "sink_to"))?.text.replace(/^context\./, "")
    const updates = Outline.valueOf(step.tree, "updates_context")
    const names = updates?._tag === "List" ? updates.items.flatMap((one) => Outline.text(one)?.text ?? []) : []
    return sink === undefined ? names : [sink, ...names]
  })
  return [...new Set([...declared, ...written])]
}

/** So far back the beginning of a template is looked for. */
const templateMax = 4000
const conditions =
  /(?:^|[\s{,-])(?:condition|condition_expression|when|exit_expression|exit_condition|expression|iterable_input|done_when)\s*:\s+["']?([^"'\n]*)$/

/** What stands between the beginning of a template, or of a condition, and the cursor. */
const templateBefore = (text: string, offset: number): string | undefined => {
  const before = text.slice(Math.max(0, offset - templateMax), offset)
  const open = Math.max(before.lastIndexOf("{{"), before.lastIndexOf("{%"))
  const inside = open < 0 ? undefined : before.slice(open + 2)
  if (inside !== undefined && !/[}%]\}/.test(inside)) return inside
  const condition = conditions.exec(before.slice(before.lastIndexOf("\n") + 1))?.[1]
  return condition === undefined || /\}\}/.test(condition) ? undefined : condition
}

const inTemplate = (
  document: Document,
  offset: number,
  template: string
): { readonly items: ReadonlyArray<Item>; readonly length: number } => {
  const outline = Outline.of(document.lastTree)
  const step = Cursor.stepAt(outline, offset)
  const [, path = "", last = ""] = /((?:[\p{L}_][\p{L}\p{N}_]*\.)*)([\p{L}_][\p{L}\p{N}_]*)?$/u.exec(template) ?? []
  const head = template.slice(0, template.length - path.length - last.length)
  const answer = (items: ReadonlyArray<Item>) => ({ items, length: last.length })
  const words = (labels: ReadonlyArray<string>, kind: number) => labels.map((label): Item => ({ label, kind }))
  if (path === "" && /(?<!\|)\|\s*$/.test(head)) return answer(words(Filters.names, kinds.function))
  if (path === "" && /\bis\s+(?:not\s+)?$/.test(head)) return answer(words(Tests.names, kinds.function))
  if (path === "steps.") {
    return answer(
      Cursor.before(step).flatMap(({ kind, name }) =>
        name === undefined ? [] : [{ label: name.text, kind: kinds.name, detail: kind }]
      )
    )
  }
  if (path === "context.") return answer(words(fields(document), kinds.name))
  if (path !== "" || /["'0-9.]$/.test(head)) return answer([])
  const isItem = step !== undefined && within(step).some(({ kind }) => kind === "map")
  return answer([...roots, ...(isItem ? [item] : [])])
}

const within = (step: Outline.Step): ReadonlyArray<Outline.Step> => {
  const found: Array<Outline.Step> = []
  for (let at: Outline.Step | undefined = step; at !== undefined; at = at.parent) found.push(at)
  return found
}

const roots: ReadonlyArray<Item> = [
  { label: "previous_step", kind: kinds.word, detail: "what the step before answered" },
  { label: "steps", kind: kinds.word, detail: "the answers of steps, by their names" },
  { label: "input", kind: kinds.word, detail: "what the pipeline was given" },
  { label: "context", kind: kinds.word, detail: "the fields that steps share" }
]
const item: Item = { label: "this", kind: kinds.word, detail: "the item" }
