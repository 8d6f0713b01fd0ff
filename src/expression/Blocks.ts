/**
 * Pieces of a source → parts: each block finds its end. A block that cannot be read keeps its place, so that one mistake
 * is one fault and what closes the block still fits.
 */
import { Cursor, spanOf } from "./Cursor.js"
import { catching, Fault } from "./Fault.js"
import * as Foreign from "./Foreign.js"
import { nestingMax } from "./Limits.js"
import * as Parse from "./Parse.js"
import type { Piece } from "./Scan.js"
import type { Expression, Part, Parts, Span } from "./Syntax.js"
import * as Words from "./Words.js"

export const build = (pieces: ReadonlyArray<Piece>, faults: Array<Fault>): Parts => {
  const builder = new Builder(faults)
  for (const piece of pieces) builder.add(piece)
  return builder.finish()
}

type Kind = "if" | "for" | "set"

/** A block that is open. Without a `head` it could not be read. */
interface Open {
  readonly kind: Kind
  readonly span: Span
  head: Head | undefined
  /** Up to the first `elif` or `else`. */
  readonly body: Array<Part>
  /** Where parts go now. */
  parts: Array<Part>
  readonly branches: Array<{ readonly condition: Expression; readonly parts: Parts }>
  /** Of `else`, once it was met. */
  otherwise: Array<Part> | undefined
}

type Head =
  | { readonly _tag: "If"; readonly condition: Expression }
  | {
      readonly _tag: "For"
      readonly names: ReadonlyArray<string>
      readonly namesSpan: Span
      readonly items: Expression
      readonly condition: Expression | undefined
    }
  | { readonly _tag: "Set"; readonly name: string; readonly span: Span }

const tags = ["if", "elif", "else", "endif", "for", "endfor", "set", "endset"]

class Builder {
  private readonly root: Array<Part> = []
  private readonly open: Array<Open> = []
  /** Names of blocks that there are not, so that what closes one is not reported too. */
  private readonly foreign = new Set<string>()
  private isTooDeep = false

  constructor(private readonly faults: Array<Fault>) {}

  add(piece: Piece): void {
    if (this.isTooDeep) return
    if (piece._tag === "Text") this.parts.push(piece)
    else this.catching(() => (piece._tag === "Output" ? this.output(piece) : this.block(piece)))
  }

  finish(): Parts {
    const innermost = this.open.at(-1)
    // One that could not be read was reported already.
    if (innermost?.head !== undefined && !this.isTooDeep) {
      const { kind, span } = innermost
      const hint = `write \`{% end${kind} %}\` where it ends`
      this.faults.push(new Fault("Syntax", `this \`{% ${kind} %}\` is never closed`, span, hint, "block"))
    }
    return this.root
  }

  private get parts(): Array<Part> {
    return this.open.at(-1)?.parts ?? this.root
  }

  private catching(read: () => void): void {
    catching(read, (fault) => {
      this.faults.push(fault)
    })
  }

  private output({ tokens }: Exclude<Piece, { readonly _tag: "Text" }>): void {
    this.parts.push({ _tag: "Output", expression: Parse.expression(tokens) })
  }

  private block({ span, tokens }: Exclude<Piece, { readonly _tag: "Text" }>): void {
    const cursor = new Cursor(tokens)
    const name = cursor.current
    if (name.kind !== "name") throw cursor.unexpected("the name of a block", `blocks are ${Words.listed(tags)}`)
    const nameSpan = spanOf(name, name)
    cursor.advance()
    const parser = new Parse.Parser(cursor)
    switch (name.text) {
      case "if":
        this.opened("if", span, () => ifHead(parser))
        return
      case "for":
        this.opened("for", span, () => forHead(parser))
        return
      case "set":
        this.set(parser, span)
        return
      case "elif":
        this.elif(parser, span)
        return
      case "else":
        this.otherwise(span)
        cursor.finish()
        return
      case "endif":
      case "endfor":
      case "endset":
        this.closed(name.text === "endif" ? "if" : name.text === "endfor" ? "for" : "set", span)
        cursor.finish()
        return
      default:
        if (name.text.startsWith("end") && this.foreign.has(name.text.slice(3))) return
        this.foreign.add(name.text)
        throw Foreign.block(name.text, nameSpan, tags)
    }
  }

  /** Opens a block even if its head cannot be read. */
  private opened(kind: Kind, span: Span, read: () => Head): void {
    if (this.open.length >= nestingMax) {
      this.isTooDeep = true
      throw new Fault("Limit", `this is nested deeper than ${nestingMax} levels`, span)
    }
    const body: Array<Part> = []
    const open: Open = { kind, span, head: undefined, body, parts: body, branches: [], otherwise: undefined }
    this.open.push(open)
    this.catching(() => {
      open.head = read()
      if (open.head._tag === "If") open.branches.push({ condition: open.head.condition, parts: body })
    })
  }

  private elif(parser: Parse.Parser, span: Span): void {
    const open = this.top("if", "elif", span)
    if (open.otherwise !== undefined) {
      throw new Fault("Syntax", "`{% elif %}` cannot follow `{% else %}`", span, undefined, "block")
    }
    open.parts = []
    const condition = parser.expression()
    parser.cursor.finish()
    open.branches.push({ condition, parts: open.parts })
  }

  private otherwise(span: Span): void {
    const open = this.open.at(-1)
    if (open === undefined || open.kind === "set") {
      throw new Fault("Syntax", "`{% else %}` stands in no `{% if %}` or `{% for %}`", span, undefined, "block")
    }
    if (open.otherwise !== undefined) {
      throw new Fault("Syntax", `this \`{% ${open.kind} %}\` has an \`{% else %}\` already`, span, undefined, "block")
    }
    open.otherwise = []
    open.parts = open.otherwise
  }

  private set(parser: Parse.Parser, span: Span): void {
    const { cursor } = parser
    const name = nameOf(cursor, "a name for the value")
    if (cursor.isOperator("=")) {
      cursor.advance()
      const value = parser.expression()
      cursor.finish()
      this.parts.push({ _tag: "Set", name: name.text, span, value })
      return
    }
    if (cursor.isOperator(",")) throw cursor.unexpected("`=`", "one name is set at a time")
    if (cursor.isOperator(".")) throw cursor.unexpected("`=`", "a name is set, not a key of it")
    if (cursor.current.kind !== "end") throw cursor.unexpected("`=`")
    this.opened("set", span, () => ({ _tag: "Set", name: name.text, span }))
  }

  private top(kind: Kind, tag: string, span: Span): Open {
    const open = this.open.at(-1)
    if (open?.kind === kind) return open
    throw new Fault("Syntax", `\`{% ${tag} %}\` stands in no \`{% ${kind} %}\``, span, undefined, "block")
  }

  /** Closes the innermost block of `kind`, and those within it that were forgotten. */
  private closed(kind: Kind, span: Span): void {
    const top = this.open.at(-1)
    let at = this.open.length - 1
    while (at >= 0 && this.open[at]!.kind !== kind) at--
    if (top === undefined || at < 0) {
      const message = `nothing is open that \`{% end${kind} %}\` could close`
      throw new Fault("Syntax", message, span, undefined, "block")
    }
    const part = partOf(this.open[at]!)
    this.open.length = at
    if (part !== undefined) this.parts.push(part)
    if (top.kind === kind) return
    const message = `\`{% end${kind} %}\` stands where \`{% end${top.kind} %}\` was expected`
    throw new Fault("Syntax", message, span, undefined, "block")
  }
}

const partOf = ({ body, branches, head, otherwise }: Open): Part | undefined => {
  switch (head?._tag) {
    case undefined:
      return undefined
    case "If":
      return { _tag: "If", branches, otherwise: otherwise ?? [] }
    case "For":
      return { ...head, parts: body, otherwise: otherwise ?? [] }
    case "Set":
      return { ...head, value: body }
  }
}

const ifHead = (parser: Parse.Parser): Head => {
  const condition = parser.expression()
  parser.cursor.finish()
  return { _tag: "If", condition }
}

const forHead = (parser: Parse.Parser): Head => {
  const { cursor } = parser
  const first = nameOf(cursor, "a name for the item")
  const names = [first.text]
  let last = first
  while (cursor.isOperator(",")) {
    cursor.advance()
    last = nameOf(cursor, "another name")
    if (names.includes(last.text)) {
      throw new Fault("Syntax", `${Words.quoted(last.text)} is given twice`, spanOf(last, last))
    }
    names.push(last.text)
  }
  if (!cursor.isName("in")) throw cursor.unexpected("`in`", "a loop is written `{% for item in items %}`")
  cursor.advance()
  const items = parser.choiceless()
  const hasCondition = cursor.isName("if")
  if (hasCondition) cursor.advance()
  const condition = hasCondition ? parser.expression() : undefined
  cursor.finish()
  return { _tag: "For", names, namesSpan: spanOf(first, last), items, condition }
}

const nameOf = (cursor: Cursor, wanted: string) => {
  const token = cursor.current
  if (token.kind !== "name") throw cursor.unexpected(wanted)
  if (!Parse.isNameable(token.text) || token.text === "loop") {
    throw new Fault("Syntax", `${Words.quoted(token.text)} cannot be the name of a value`, spanOf(token, token))
  }
  return cursor.advance()
}
