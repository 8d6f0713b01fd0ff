/**
 * YAML text to a `Tree`: YAML 1.2, one document, plain data. Every limit is held before anything recurses, and
 * whatever is refused is reported with its place. What comes out has no duplicate key, no tag and no alias left in it.
 */
import {
  type Alias,
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type ParsedNode,
  type YAMLMap
} from "yaml"
import type { Span } from "../expression/Template.js"
import * as Words from "../expression/Words.js"
import type { Report } from "./Diagnostics.js"
import * as Lexemes from "./internal/Lexemes.js"
import * as SyntaxFault from "./internal/SyntaxFault.js"
import * as Offsets from "./Offsets.js"
import type { Key, Tree } from "./Tree.js"

/** `undefined`: nothing to decode, and it was said why. */
export const read = (report: Report): Tree | undefined => {
  const { text } = report.source
  const first = Lexemes.group(text, report)
  if (first === undefined) return undefined
  if (first.unquoted.length === 0) return compose(text, first, [], report)
  for (const span of first.unquoted) {
    const piece = text.slice(span.start, span.end)
    const quote = piece.includes('"') ? "'" : '"'
    const inner = quote === "'" ? piece.replaceAll("'", "''") : piece
    report.add("FLJ-BLUEPRINT-14", span, "a text that begins with braces must be in quotes", {
      hint: `quote it: ${quote}${inner}${quote}`,
      repair: { span, text: `${quote}${inner}${quote}` }
    })
  }
  // What was meant as text is made text of the same length, so that the rest of the document can be read too.
  let mended = text
  for (const { end, start } of first.unquoted) {
    mended = mended.slice(0, start) + "x".repeat(end - start) + mended.slice(end)
  }
  const second = Lexemes.group(mended, report)
  return second === undefined || second.unquoted.length > 0
    ? undefined
    : compose(mended, second, first.unquoted, report)
}

const compose = (
  text: string,
  { openQuote, tokens }: Lexemes.Grouped,
  broken: ReadonlyArray<Span>,
  report: Report
): Tree | undefined => {
  const { documents, faults } = composed(tokens, text.length)
  // Whatever stands before the second document is at fault first: a text of several is not read at all.
  const [document, another] = documents
  if (another !== undefined && (faults.length === 0 || faults[0]!.pos[0] >= another.range[0])) {
    const at = text.lastIndexOf("---", another.contents?.range?.[0] ?? another.range[1])
    const start = at < 0 ? another.range[0] : at
    const end = Math.min(start + 3, text.length)
    report.add("FLJ-BLUEPRINT-7", { start, end }, "another document begins here", {
      hint: "remove this line, or put what follows into a file of its own"
    })
    return undefined
  }
  const version = /^%YAML[ \t]+(?!1\.2\b)\S*/m.exec(text.slice(0, document?.contents?.range?.[0] ?? 0))
  if (version !== null) {
    const span = { start: version.index, end: version.index + version[0].length }
    report.add("FLJ-BLUEPRINT-12", span, "blueprints are YAML 1.2", { hint: "remove this line" })
    return undefined
  }
  const fault = faults[0]
  if (fault !== undefined) {
    // Beside unquoted braces a fault says little: they are to be quoted first.
    if (broken.length === 0) SyntaxFault.report(text, fault, openQuote, report)
    return undefined
  }
  const contents = document?.contents ?? null
  if (contents === null || (isScalar(contents) && contents.value === null && contents.source === "")) {
    report.add("FLJ-BLUEPRINT-13", { start: 0, end: 0 }, "there is nothing in this file", {
      hint: "a blueprint has a name and steps: see blueprints/ for examples"
    })
    return undefined
  }
  const conversion = new Conversion(text, broken, report)
  const tree = conversion.tree(contents, 0)
  return conversion.isFull ? undefined : tree
}

/** More faults are not collected: only the first is shown. */
const faultsMax = 50

const composed = (tokens: ReadonlyArray<CST.Token>, length: number) => {
  const composer = new Composer({
    version: "1.2",
    schema: "core",
    uniqueKeys: false,
    merge: false,
    prettyErrors: false,
    strict: true,
    logLevel: "silent"
  })
  const report: unknown = Reflect.get(composer, "onError")
  if (typeof report === "function") {
    // Each fault is an `Error` with a stack, and one line of commas makes a hundred thousand.
    let count = 0
    Reflect.set(composer, "onError", (...args: ReadonlyArray<unknown>): void => {
      if (count++ < faultsMax) Reflect.apply(report, composer, args)
    })
  }
  const documents = [...composer.compose(tokens, true, length)] as ReadonlyArray<Document.Parsed>
  const faults = documents.flatMap(({ errors }) => errors).sort((a, b) => a.pos[0] - b.pos[0])
  return { documents, faults }
}

/** What a converted part is made of, with what its aliases repeat. */
interface Extent {
  readonly parts: number
  readonly depth: number
}

const core = new Set(["str", "int", "float", "bool", "null", "map", "seq"].map((name) => `tag:yaml.org,2002:${name}`))

const refusedKeys = new Set(["__proto__", "constructor", "prototype"])

class Conversion {
  private readonly anchored = new Map<string, { readonly tree: Tree; readonly extent: Extent } | "open">()
  private parts = 0
  private deepest = 0
  isFull = false

  constructor(
    private readonly text: string,
    private readonly broken: ReadonlyArray<Span>,
    private readonly report: Report
  ) {}

  tree(node: ParsedNode, depth: number): Tree {
    const span = { start: node.range[0], end: node.range[1] }
    if (isAlias(node)) return this.alias(node, span, depth)
    this.count(1, depth, span)
    if (this.isTagged(node)) return { _tag: "Broken", span }
    const { anchor } = node
    if (anchor === undefined) return this.plain(node, span, depth)
    this.anchored.set(anchor, "open")
    const parts = this.parts
    const deepest = this.deepest
    this.deepest = depth
    const tree = this.plain(node, span, depth)
    this.anchored.set(anchor, { tree, extent: { parts: this.parts - parts + 1, depth: this.deepest - depth } })
    this.deepest = Math.max(deepest, this.deepest)
    return tree
  }

  /** Whether a tag is there that is not known; it is reported. */
  private isTagged(node: Exclude<ParsedNode, Alias.Parsed>): boolean {
    if (node.tag === undefined || core.has(node.tag)) return false
    const [at] = node.range
    const before = this.text.slice(Math.max(0, at - 400), at)
    const tag = /!\S*(?=\s*(?:&\S+\s*)?$)/.exec(before)
    const start = tag === null ? at : at - before.length + tag.index
    const name = tag?.[0] ?? node.tag
    const span = { start, end: start + name.length }
    this.report.add("FLJ-BLUEPRINT-8", span, `the tag ${Words.quoted(name)} is not allowed`, {
      hint: "remove it, or put the text in quotes if it is text"
    })
    return true
  }

  private count(parts: number, depth: number, span: Span): void {
    this.parts += parts
    this.deepest = Math.max(this.deepest, depth)
    if (this.isFull) return
    this.isFull = this.parts > Lexemes.partsMax || depth > Lexemes.depthMax
    if (!this.isFull) return
    if (depth > Lexemes.depthMax) {
      this.report.add("FLJ-BLUEPRINT-4", span, `with what aliases repeat, this is more than ${Lexemes.depthMax} deep`)
    } else {
      this.report.add(
        "FLJ-BLUEPRINT-5",
        span,
        `with what aliases repeat, there are more than ${Lexemes.partsMax} parts`
      )
    }
  }

  private alias(node: Alias, span: Span, depth: number): Tree {
    const found = this.anchored.get(node.source)
    if (found === undefined || found === "open") {
      const name = Words.quoted(node.source)
      this.report.add(
        "FLJ-BLUEPRINT-6",
        span,
        found === "open" ? `${name} would contain itself` : `there is no anchor ${name} before this`
      )
      return { _tag: "Broken", span }
    }
    this.count(found.extent.parts, depth + found.extent.depth, span)
    // The tree is shared, so that repeating it costs nothing; it is counted as if it were not.
    return this.isFull ? { _tag: "Broken", span } : found.tree
  }

  private plain(node: Exclude<ParsedNode, Alias.Parsed>, span: Span, depth: number): Tree {
    if (isScalar(node)) {
      if (this.isBroken(span)) return { _tag: "Broken", span }
      const { value } = node
      const style =
        node.type === "QUOTE_DOUBLE"
          ? "double"
          : node.type === "QUOTE_SINGLE"
            ? "single"
            : node.type === "BLOCK_LITERAL" || node.type === "BLOCK_FOLDED"
              ? "block"
              : "plain"
      const text = typeof value === "string" ? value : (node.source ?? "")
      if (
        typeof value === "number" &&
        (Number.isInteger(value) ? !Number.isSafeInteger(value) : !Number.isFinite(value))
      ) {
        this.report.add("FLJ-BLUEPRINT-19", span, "this number cannot be kept exactly", {
          hint: "put it in quotes if it is text"
        })
        return { _tag: "Broken", span }
      }
      if (value !== null && typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
        return { _tag: "Broken", span }
      }
      if (typeof value === "string" && !value.isWellFormed()) {
        this.report.add("FLJ-BLUEPRINT-1", span, "an escape in this text makes half a character (a lone surrogate)")
        return { _tag: "Broken", span }
      }
      const written = this.text.slice(span.start, span.end)
      return {
        _tag: "Scalar",
        value: typeof value === "number" ? value + 0 : value,
        text,
        span: style === "block" ? { start: span.start, end: span.start + written.trimEnd().length } : span,
        within: Offsets.within(text, style, written, span.start)
      }
    }
    if (isSeq(node)) {
      return { _tag: "List", items: node.items.map((item) => this.item(item, span, depth)), span: this.trimmed(span) }
    }
    return isMap(node) ? this.map(node, span, depth) : { _tag: "Broken", span }
  }

  private item(item: unknown, span: Span, depth: number): Tree {
    if (this.isFull) return { _tag: "Broken", span }
    return this.tree(item as ParsedNode, depth + 1)
  }

  private map(node: YAMLMap.Parsed, span: Span, depth: number): Tree {
    const seen = new Map<string, Key>()
    const entries: Array<{ readonly key: Key; readonly value: Tree }> = []
    for (const pair of node.items) {
      if (this.isFull) break
      const key = this.key(pair.key as ParsedNode | null, span)
      const value: Tree =
        pair.value === null ? nothingAt(key?.span.end ?? span.start) : this.tree(pair.value as ParsedNode, depth + 1)
      this.count(1, depth, span)
      if (key === undefined) continue
      const before = seen.get(key.text)
      if (before !== undefined) {
        this.report.add("FLJ-BLUEPRINT-9", key.span, `the key ${Words.quoted(key.text)} stands here twice`, {
          related: [{ message: "first here", span: before.span }]
        })
        continue
      }
      seen.set(key.text, key)
      if (refusedKeys.has(key.text)) {
        this.report.add("FLJ-BLUEPRINT-10", key.span, `the key ${Words.quoted(key.text)} is refused`, {
          hint: "use another name"
        })
        continue
      }
      entries.push({ key, value })
    }
    return { _tag: "Map", entries, span: this.trimmed(span) }
  }

  /** A key as text: `true` and `1` as they would be written. */
  private key(node: ParsedNode | null, map: Span): Key | undefined {
    const span = node === null ? { start: map.start, end: map.start } : { start: node.range[0], end: node.range[1] }
    if (node !== null && isScalar(node) && this.isTagged(node)) return undefined
    if (node === null || !isScalar(node) || (node.value === null && node.source === "")) {
      if (!this.isBroken(span)) {
        this.report.add("FLJ-BLUEPRINT-17", span, "a key is text", {
          hint: node !== null && isAlias(node) ? "aliases stand for values only" : undefined
        })
      }
      return undefined
    }
    if (this.isBroken(span)) return undefined
    const { anchor, source, value } = node
    if (anchor !== undefined) {
      this.anchored.set(anchor, { tree: this.plain(node, span, 0), extent: { parts: 1, depth: 0 } })
    }
    const text =
      typeof value === "string" ? value : typeof value === "boolean" ? String(value) : (source ?? String(value))
    return { text, span }
  }

  private isBroken(span: Span): boolean {
    return this.broken.some(({ end, start }) => start < span.end && end > span.start)
  }

  /** Blocks end with the line break after them, which nobody wants underlined. */
  private trimmed({ end, start }: Span): Span {
    return { start, end: start + this.text.slice(start, end).trimEnd().length }
  }
}

const nothingAt = (at: number): Tree => ({
  _tag: "Scalar",
  value: null,
  text: "",
  span: { start: at, end: at },
  within: () => ({ start: at, end: at })
})
