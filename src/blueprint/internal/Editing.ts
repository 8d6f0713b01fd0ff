/**
 * A changed document as a change of its text. Only what differs is written anew, so that comments, the order of keys and
 * quotes stay where they stand. What stands in the text in a form of its own cannot be met key by key: then the step
 * around it is written anew, and if that is not met either there is no answer. Whoever asks reads the answer back.
 */
import {
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLMap,
  type YAMLSeq
} from "yaml"
import { type Part, toLine, toText } from "./Document.js"

/** `fine`: single keys. `coarse`: whole steps. */
export type Grain = "fine" | "coarse"

/** `before` and `after`: the document as it would be written, of what the text says and of what it is to say. */
export const edited = (text: string, before: Part, after: Part, grain: Grain): string | undefined => {
  const document = parseDocument(text, {
    version: "1.2",
    schema: "core",
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent"
  })
  if (document.contents === null || document.errors.length > 0) return undefined
  const editor = new Editor(text, grain)
  return editor.change(document.contents, before, after) ? editor.result() : undefined
}

/** Keys that say the same. */
const synonyms = [
  ["name", "step"],
  ["condition", "condition_expression"],
  ["exit_expression", "exit_condition"],
  ["output", "loop_output_mapper"]
]

interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

class Editor {
  private readonly edits: Array<Edit> = []

  constructor(
    private readonly text: string,
    private readonly grain: Grain
  ) {}

  result(): string {
    let out = this.text
    const isCrlf = this.text.includes("\r\n")
    // From the end, so that what is before an edit stands where it stood. Of two at one place the later was made later.
    const sorted = this.edits
      .map((edit, index) => ({ edit, index }))
      .sort((a, b) => b.edit.start - a.edit.start || b.index - a.index)
    for (const { edit } of sorted) {
      const text = isCrlf ? edit.text.replaceAll("\n", "\r\n") : edit.text
      out = out.slice(0, edit.start) + text + out.slice(edit.end)
    }
    return out
  }

  /** Whether it could be made. */
  change(node: Node, before: Part, after: Part): boolean {
    if (same(before, after)) return true
    const isStep = before instanceof Map && (before.has("name") || before.has("kind")) && !before.has("version")
    if (this.grain === "coarse" && isStep && !isLarger(before, after)) return this.replace(node, after)
    const met = plainly(node, before)
    if (isMap(met) && isEntries(before) && isEntries(after)) return this.map(met, asMap(before), asMap(after))
    if (isSeq(met) && Array.isArray(before) && Array.isArray(after)) return this.list(met, before, after)
    return this.replace(met, after)
  }

  private map(
    node: YAMLMap,
    before: ReadonlyMap<string | boolean, Part>,
    after: ReadonlyMap<string | boolean, Part>
  ): boolean {
    for (const [key, value] of before) {
      const now = after.get(key)
      if (now !== undefined && same(value, now)) continue
      const pair = pairOf(node, String(key))
      if (pair === undefined) return false
      if (now === undefined) {
        if (!this.drop(node, pair)) return false
      } else if (!isNode(pair.value) || !this.change(pair.value, value, now)) return false
    }
    const added = [...after].filter(([key]) => !before.has(key))
    return added.every(([key, value]) => this.add(node, key, value))
  }

  private list(node: YAMLSeq, before: ReadonlyArray<Part>, after: ReadonlyArray<Part>): boolean {
    const items = node.items.filter(isNode)
    if (items.length !== before.length) return false
    if (before.length === after.length)
      return items.every((item, index) => this.change(item, before[index]!, after[index]!))
    if (node.flow === true || items.length === 0) return this.replace(node, after)
    let head = 0
    while (head < Math.min(before.length, after.length) && same(before[head]!, after[head]!)) head++
    let tail = 0
    const rest = Math.min(before.length, after.length) - head
    while (tail < rest && same(before.at(-1 - tail)!, after.at(-1 - tail)!)) tail++
    const [gone, come] = [items.slice(head, items.length - tail), after.slice(head, after.length - tail)]
    if (gone.length === items.length) return this.replace(node, after)
    const start = node.range?.[0] ?? 0
    const margin = " ".repeat(start - this.lineStart(start))
    const text = come.map((item) => `- ${indented(toText(item, "piece").trimEnd(), `${margin}  `)}`)
    const dashAt = (index: number): number => {
      const at = items[index]?.range?.[0] ?? 0
      return index === 0 ? start : this.text.lastIndexOf(`\n${margin}-`, at) + 1 + margin.length
    }
    if (gone.length > 0) {
      const from = dashAt(head)
      const isLast = head + gone.length === items.length
      if (isLast) this.put(this.lineStart(from), this.afterLine(this.endOf(items.at(-1)!)), "")
      else this.put(from, this.afterBlanks(this.afterLine(this.endOf(gone.at(-1)!))), "")
    }
    if (text.length === 0) return true
    if (head === 0) this.put(start, start, text.map((item) => `${item}\n${margin}`).join(""))
    else {
      const at = this.lineEnd(this.endOf(items[head - 1]!))
      this.put(at, at, text.map((item) => `\n${margin}${item}`).join(""))
    }
    return true
  }

  /** Another value in the same place. */
  private replace(node: Node, after: Part): boolean {
    const [start, end] = [node.range?.[0], this.endOf(node)]
    if (start === undefined) return false
    const line = this.lineStart(start)
    const before = this.text.slice(line, start)
    const isBlock = (isMap(node) || isSeq(node)) && node.flow !== true
    const isEmptied = (Array.isArray(after) && after.length === 0) || (isEntries(after) && asMap(after).size === 0)
    if (isBlock && !isEmptied && (isEntries(after) || Array.isArray(after))) {
      this.put(start, end, indented(toText(after, "piece").trimEnd(), " ".repeat(before.length)))
    } else this.put(start, Math.max(start, end), `${this.text[start - 1] === ":" ? " " : ""}${toLine(after)}`)
    return true
  }

  private add(node: YAMLMap, key: string | boolean, value: Part): boolean {
    const last = node.items.at(-1)
    const first = node.items[0]
    if (last === undefined || !isNode(first?.key)) return false
    const end =
      isNode(last.value) && last.value.range ? this.endOf(last.value) : isNode(last.key) ? this.endOf(last.key) + 1 : 0
    if (node.flow === true) {
      this.put(end, end, `, ${toLine(String(key))}: ${toLine(value)}`)
      return true
    }
    const start = first.key.range?.[0] ?? 0
    const margin = " ".repeat(start - this.lineStart(start))
    const at = this.lineEnd(end)
    this.put(at, at, `\n${margin}${indented(toText(new Map([[key, value]]), "piece").trimEnd(), margin)}`)
    return true
  }

  private drop(node: YAMLMap, pair: Pair): boolean {
    const index = node.items.indexOf(pair)
    const next = node.items[index + 1]
    const before = node.items[index - 1]
    if (!isNode(pair.key) || (next === undefined && before === undefined)) return false
    const start = pair.key.range?.[0] ?? 0
    const end = isNode(pair.value) ? this.endOf(pair.value) : this.endOf(pair.key) + 1
    if (node.flow === true) {
      if (next !== undefined && isNode(next.key)) this.put(start, next.key.range?.[0] ?? start, "")
      else this.put(isNode(before?.value) ? this.endOf(before.value) : start, end, "")
    } else if (next === undefined) this.put(this.lineStart(start), this.afterLine(end), "")
    else this.put(start, this.afterBlanks(this.afterLine(end)), "")
    return true
  }

  private put(start: number, end: number, text: string): void {
    this.edits.push({ start, end, text })
  }

  /** Where a value ends, without the line break that some values end with. */
  private endOf(node: Node): number {
    const [start, end] = [node.range?.[0] ?? 0, node.range?.[1] ?? 0]
    return start + this.text.slice(start, end).trimEnd().length
  }

  private lineStart(at: number): number {
    return this.text.lastIndexOf("\n", at - 1) + 1
  }

  private lineEnd(at: number): number {
    const end = this.text.indexOf("\n", at)
    if (end < 0) return this.text.length
    return this.text[end - 1] === "\r" ? end - 1 : end
  }

  private afterLine(at: number): number {
    const end = this.text.indexOf("\n", at)
    return end < 0 ? this.text.length : end + 1
  }

  private afterBlanks(at: number): number {
    let end = at
    while (end < this.text.length && " \t\r\n".includes(this.text[end]!)) end++
    return end
  }
}

/** A step that is a list of one in the text, or a list that stands below `steps`, is met inside it. */
const plainly = (node: Node, before: Part): Node => {
  const only = isSeq(node) && node.items.length === 1 ? node.items[0] : undefined
  if (!Array.isArray(before) && isNode(only)) return only
  const steps = isMap(node) && node.items.length === 1 ? pairOf(node, "steps")?.value : undefined
  return Array.isArray(before) && isNode(steps) ? steps : node
}

const pairOf = (node: YAMLMap, key: string): Pair | undefined => {
  const names = synonyms.find((one) => one.includes(key)) ?? [key]
  return node.items.find((pair) => isScalar(pair.key) && names.includes(textOf(pair.key)))
}

const textOf = ({ source, value }: Scalar): string => (typeof value === "string" ? value : (source ?? String(value)))

const isEntries = (part: Part): boolean => typeof part === "object" && part !== null && !Array.isArray(part)

const asMap = (part: Part): ReadonlyMap<string | boolean, Part> =>
  part instanceof Map ? part : new Map(Object.entries(part as Readonly<Record<string, Part>>))

const same = (a: Part, b: Part): boolean => {
  if (a === b) return true
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false
    return a.every((item, index) => same(item, b[index]))
  }
  if (!isEntries(a) || !isEntries(b)) return false
  const [one, other] = [[...asMap(a)], [...asMap(b)]]
  return (
    one.length === other.length &&
    one.every(([key, value], index) => other[index]?.[0] === key && same(value, other[index]![1]))
  )
}

/** Whether what differs is within the steps of a step, and the step itself is the same. */
const isLarger = (before: Part, after: Part): boolean => {
  if (!isEntries(before) || !isEntries(after)) return false
  const [one, other] = [asMap(before), asMap(after)]
  const differing = [...new Set([...one.keys(), ...other.keys()])].filter((key) => {
    const [a, b] = [one.get(key), other.get(key)]
    return a === undefined || b === undefined || !same(a, b)
  })
  return differing.every(
    (key) =>
      ["steps", "branches", "loop", "map", "refine", "states", "router"].includes(String(key)) &&
      one.has(key) &&
      other.has(key)
  )
}

const indented = (text: string, margin: string): string =>
  text
    .split("\n")
    .map((line, index) => (index === 0 || line === "" ? line : margin + line))
    .join("\n")
