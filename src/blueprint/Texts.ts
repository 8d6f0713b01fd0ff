/**
 * Texts with `{{ … }}` in them, and values whose texts are such. Every problem in a template is reported here, at the
 * wrong word in the file, so that a pipeline from a blueprint has no template that cannot be read.
 */
import * as Template from "../expression/Template.js"
import type { Params } from "../pipeline/Node.js"
import * as Step from "../pipeline/Step.js"
import type { Report } from "./Diagnostics.js"
import type { Text } from "./Origins.js"
import * as Tree from "./Tree.js"

export interface Read {
  readonly template: Template.Template
  readonly origins: ReadonlyArray<Text>
}

export const text = (report: Report, scalar: Tree.Scalar): Read => fromSource(report, scalar, Template.parse)

/** A condition, with or without braces. */
export const expression = (report: Report, scalar: Tree.Scalar): Read =>
  fromSource(report, scalar, Template.parseExpression)

const fromSource = (report: Report, scalar: Tree.Scalar, parse: (source: string) => Template.Template): Read => {
  const template = parse(scalar.text)
  problems(report, template, scalar)
  return { template, origins: [{ source: template.source, within: scalar.within }] }
}

const problems = (report: Report, { problems }: Template.Template, scalar: Tree.Scalar): void => {
  for (const { hint, message, span, topic } of problems) {
    const code = topic === "block" ? "TEMPLATE-001" : topic === undefined ? "FLJ-BLUEPRINT-21" : "V-T3"
    report.add(code, scalar.within(span), message, { hint })
  }
}

/** Every text of a value as a template of its own. */
export const params = (
  report: Report,
  tree: Tree.Tree
): { readonly params: Params; readonly origins: ReadonlyArray<Text> } => {
  const origins: Array<Text> = []
  for (const part of Tree.parts(tree)) {
    if (part._tag !== "Scalar" || typeof part.value !== "string" || !part.value.includes("{")) continue
    const template = Template.parse(part.value)
    problems(report, template, part)
    origins.push({ source: template.source, within: part.within })
  }
  return { params: Step.params(Tree.toJson(tree)), origins }
}

/**
 * A value as one template that makes it: `{ a: "Hi {{ x }}" }` is `{{ {"a": (["Hi ", (x)] | join(''))} }}`. So what is
 * made is a value and not text, each part of the type that it was written with.
 */
export const value = (report: Report, tree: Tree.Tree): Read | undefined => {
  const before = report.found.length
  const writer = new Writer(report)
  writer.add("{{ ")
  writer.value(tree)
  writer.add(" }}")
  if (report.found.length > before) return undefined
  const template = Template.parse(writer.source)
  if (template.problems.length > 0) {
    report.add("FLJ-BLUEPRINT-19", tree.span, "this value is too large or too deep for a template", {
      hint: "make it in a step of its own"
    })
    return undefined
  }
  return { template, origins: [{ source: template.source, within: writer.within }] }
}

/** A stretch of the made source, and the text in the file that it was taken from. */
interface Stretch extends Template.Span {
  readonly scalar: Tree.Scalar
  /** Where in the scalar's value it begins. */
  readonly from: number
}

class Writer {
  source = ""
  private readonly stretches: Array<Stretch> = []

  constructor(private readonly report: Report) {}

  add(piece: string): void {
    this.source += piece
  }

  readonly within = (span: Template.Span): Template.Span => {
    const stretch = this.stretches.find(({ end, start }) => start <= span.start && span.start <= end)
    if (stretch === undefined) return this.stretches[0]?.scalar.span ?? { start: 0, end: 0 }
    const shift = stretch.from - stretch.start
    return stretch.scalar.within({ start: span.start + shift, end: Math.min(span.end, stretch.end) + shift })
  }

  value(tree: Tree.Tree): void {
    switch (tree._tag) {
      case "Broken":
        this.add("none")
        break
      case "List":
        this.joined("[", tree.items, "]", (item) => this.value(item))
        break
      case "Map":
        this.joined("{", tree.entries, "}", ({ key, value }) => {
          this.add(`${JSON.stringify(key.text)}: `)
          this.value(value)
        })
        break
      case "Scalar":
        if (typeof tree.value === "string") this.text(tree, tree.value)
        else this.add(tree.value === null ? "none" : JSON.stringify(tree.value))
    }
  }

  private joined<A>(open: string, items: ReadonlyArray<A>, close: string, write: (item: A) => void): void {
    this.add(open)
    for (const [index, item] of items.entries()) {
      if (index > 0) this.add(", ")
      write(item)
    }
    this.add(close)
  }

  private text(scalar: Tree.Scalar, text: string): void {
    const template = Template.parse(text)
    problems(this.report, template, scalar)
    if (template.problems.length > 0) return
    const pieces = split(text)
    if (pieces === undefined) {
      this.report.add("FLJ-BLUEPRINT-19", scalar.span, "this text is too intricate to stand within a value", {
        hint: "make it in a step of its own"
      })
      return
    }
    const [only] = pieces
    if (pieces.length === 1 && only !== undefined) this.piece(scalar, only)
    else this.joined("([", pieces, "] | join(''))", (piece) => this.piece(scalar, piece))
  }

  private piece(scalar: Tree.Scalar, piece: Piece): void {
    if (piece._tag === "Plain") {
      this.add(JSON.stringify(piece.text))
      return
    }
    this.add("(")
    const start = this.source.length
    this.add(piece.text)
    this.stretches.push({ start, end: this.source.length, scalar, from: piece.from })
    this.add(")")
  }
}

interface Piece {
  readonly _tag: "Plain" | "Expression"
  readonly text: string
  /** Of an expression: where it begins in the text. */
  readonly from: number
}

/** Longer searches for the end of a placeholder are given up. */
const triesMax = 1_000

/** A template without problems as its plain texts and expressions. A text without placeholders is one piece. */
const split = (text: string): ReadonlyArray<Piece> | undefined => {
  const pieces: Array<Piece> = []
  let plain = ""
  let tries = 0
  const flush = () => {
    if (plain !== "") pieces.push({ _tag: "Plain", text: plain, from: 0 })
    plain = ""
  }
  for (let at = 0; at < text.length; ) {
    if (text[at] === "\\" && /^\{[{%#]/.test(text.slice(at + 1, at + 3))) {
      plain += text.slice(at + 1, at + 3)
      at += 3
    } else if (text.startsWith("{{", at)) {
      // The placeholder ends at the first braces with which it reads; those in its own texts do not.
      let end = at + 3
      do {
        end = text.indexOf("}}", end - 1) + 2
        if (end < 2 || tries++ > triesMax) return undefined
      } while (Template.parse(text.slice(at, end)).problems.length > 0)
      flush()
      pieces.push({ _tag: "Expression", text: text.slice(at + 2, end - 2), from: at + 2 })
      at = end
    } else {
      plain += text[at]
      at++
    }
  }
  flush()
  return pieces.length === 0 ? [{ _tag: "Plain", text: "", from: 0 }] : pieces
}
