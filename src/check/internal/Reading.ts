/** V-T1, V-T5, V-S2 and FLJ-CHECK-5: what templates read, and what comes of it. */
import * as Answer from "../../expression/Answer.js"
import { outputKeys, type Read, type Template } from "../../expression/Template.js"
import * as Words from "../../expression/Words.js"
import type { Node } from "../../pipeline/Node.js"
import { stopsOf, templatesOf } from "../../pipeline/Templates.js"
import * as Known from "../Known.js"
import type { Seen } from "../Visit.js"
import type { Find } from "./Find.js"

type InputNode = Extract<Node, { readonly _tag: "Input" }>

export const check = (seen: Seen, find: Find): void => {
  const { node } = seen
  // What loops, maps and machines read sees what a turn made, which the walk does not tell of at their place.
  const isTurning = node._tag === "Loop" || node._tag === "ForEach" || node._tag === "States"
  const sight = isTurning ? { ...nothing, steps: seen.sight.steps, input: seen.sight.input } : seen.sight
  const stops = stopsOf(node)
  for (const template of templatesOf(node)) {
    if (template.problems.length > 0) continue
    // What says whether an agent is done sees its answer.
    const at = stops.includes(template) ? { ...sight, previous: seen.output } : sight
    for (const read of template.reads) reads(seen, template, read, at, find)
  }
  if (node._tag === "Input" && node.input._tag === "Text" && !answersNull(node)) {
    empty(seen, node.input.template, "the input", find)
  }
  if (node._tag === "Input" && node.input._tag === "Value" && node.input.value === "") {
    find("FLJ-CHECK-5", seen, "the input is always empty")
  }
  if (node._tag === "Ask" && "source" in node.message) empty(seen, node.message, "the message", find)
}

/** A step that works on nothing may answer nothing: `null` is what it is for, as where a `fallback` has no other answer. */
const answersNull = ({ input, step }: InputNode): boolean => {
  if (step._tag !== "Pass" || input._tag !== "Text") return false
  const answer = Answer.of(input.template)
  return answer._tag === "Constant" && answer.value === null
}

const nothing: Known.Sight = { previous: undefined, input: undefined, steps: new Map(), context: new Map() }

const reads = (seen: Seen, template: Template, read: Read, sight: Known.Sight, find: Find): void => {
  if (read.guarded) return
  const { at, dead, schema } = Known.follow(read, sight)
  if (dead !== undefined) {
    const key = read.keys[dead]!
    const span = read.keySpans[dead] ?? read.span
    const what = Known.words(Known.typesOf(at) ?? [])
    const whole = [read.root, ...read.keys.slice(0, dead)].join(".")
    if (read.root === "previous_step" && dead === 0 && outputKeys.has(String(key))) {
      find("V-T1", seen, `previous_step is ${what}, and has no field ${Words.quoted(String(key))}`, {
        hint: "write {{ previous_step }}",
        template: { of: template, span },
        repair: repairOf(template, read)
      })
    } else {
      find("V-T5", seen, `${Words.quoted(whole)} is ${what}, and has no field ${Words.quoted(String(key))}`, {
        hint: undefined,
        template: { of: template, span }
      })
    }
    return
  }
  if (template.body._tag !== "Parts" || !standsAlone(template.source, read)) return
  const types = Known.typesOf(schema)
  if (types === undefined || types.length === 0 || !types.every((type) => type === "object" || type === "array")) return
  const list = types.every((type) => type === "array")
  find("V-S2", seen, `${Words.quoted(template.source.slice(read.span.start, endOf(read)))} is ${Known.words(types)}`, {
    hint: list ? "join it: | join(', '), or say | tojson" : "name one of its fields, or say | tojson",
    template: { of: template, span: { start: read.span.start, end: endOf(read) } }
  })
}

const endOf = (read: Read): number => read.keySpans.at(-1)?.end ?? read.span.end

/** `.output` behind the name is left out; written in brackets it is left to people. */
const repairOf = (template: Template, { keySpans, span }: Read) => {
  const end = keySpans[0]?.end ?? span.end
  return template.source[span.end] === "." ? { span: { start: span.end, end }, text: "" } : undefined
}

/** Whether the path is all that stands between its braces. */
const standsAlone = (source: string, read: Read): boolean =>
  /\{\{\s*$/.test(source.slice(Math.max(0, read.span.start - 40), read.span.start)) &&
  /^['"\]]*\s*\}\}/.test(source.slice(endOf(read), endOf(read) + 40))

const empty = (seen: Seen, template: Template, what: string, find: Find): void => {
  const answer = Answer.of(template)
  if (answer._tag !== "Constant" || (answer.value !== null && answer.value !== "")) return
  if (typeof answer.value === "string" && answer.value.trim() !== "") return
  find("FLJ-CHECK-5", seen, `${what} is always empty`, {
    template: { of: template, span: { start: 0, end: template.source.length } }
  })
}
