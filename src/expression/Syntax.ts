/**
 * The tree that a text is read into: plain data, made by `Parse`, walked by `Reads` and `Evaluate`. Chains that people
 * write long (`a.b.c`, `a and b and c`) are flat, so the depth of a tree is bounded by `Limits.nestingMax` and every
 * walk may recurse.
 */
import type { Json } from "../domain/Json.js"

/** A stretch of the source: offsets in UTF-16 units, `end` exclusive. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** What a problem is about, for those who report it under a code of its own. */
export type Topic = "filter" | "test" | "block"

/** Something wrong with a text, at `span`. `hint` says what to write instead, where that can be guessed. */
export interface Problem {
  readonly message: string
  readonly hint?: string | undefined
  readonly span: Span
  /** An unknown filter or test, or a block that does not fit where it stands. */
  readonly topic?: Topic | undefined
}

interface Node {
  readonly span: Span
  /** Levels below this node. */
  readonly depth: number
}

/** What a text is made of. Blocks stand in one another `Limits.nestingMax` deep at most. */
export type Part = Text | Output | If | For | Set

export type Parts = ReadonlyArray<Part>

export interface Text {
  readonly _tag: "Text"
  readonly text: string
}

export interface Output {
  readonly _tag: "Output"
  readonly expression: Expression
}

/** The first branch whose condition holds; else `otherwise`. */
export interface If {
  readonly _tag: "If"
  readonly branches: ReadonlyArray<{ readonly condition: Expression; readonly parts: Parts }>
  readonly otherwise: Parts
}

/** `parts` once for each item that `condition` lets pass, `otherwise` if there is none. */
export interface For {
  readonly _tag: "For"
  /** One name for the item, or as many names as each item, a list, has values. */
  readonly names: ReadonlyArray<string>
  readonly namesSpan: Span
  readonly items: Expression
  readonly condition: Expression | undefined
  readonly parts: Parts
  readonly otherwise: Parts
}

/** Gives a name to a value, or to the text that parts make, up to the end of the enclosing `for` or of the text. */
export interface Set {
  readonly _tag: "Set"
  readonly name: string
  readonly span: Span
  readonly value: Expression | Parts
}

/** `Value` keeps the type of what it evaluates to, `Parts` make text. */
export type Body =
  | { readonly _tag: "Value"; readonly expression: Expression }
  | { readonly _tag: "Parts"; readonly parts: ReadonlyArray<Part> }

export type Expression =
  | Literal
  | Path
  | Index
  | Slice
  | List
  | Map
  | Sign
  | Binary
  | Concat
  | Not
  | Logical
  | Compare
  | Defined
  | Test
  | Conditional
  | Default
  | Filter

export interface Literal extends Node {
  readonly _tag: "Literal"
  readonly value: Json
}

/** A name and the constant keys after it. */
export interface Path extends Node {
  readonly _tag: "Path"
  readonly root: string
  readonly rootSpan: Span
  readonly keys: ReadonlyArray<string | number>
  readonly keySpans: ReadonlyArray<Span>
  /** It stands right behind a `-` without spaces, as in `my-step`, which is a subtraction. */
  readonly afterDash?: true
}

/** A key of anything else, or a key that is computed. */
export interface Index extends Node {
  readonly _tag: "Index"
  readonly object: Expression
  readonly key: Expression
}

/** `object[from:to:step]` */
export interface Slice extends Node {
  readonly _tag: "Slice"
  readonly object: Expression
  readonly from: Expression | undefined
  readonly to: Expression | undefined
  readonly step: Expression | undefined
}

export interface List extends Node {
  readonly _tag: "List"
  readonly items: ReadonlyArray<Expression>
}

export interface Map extends Node {
  readonly _tag: "Map"
  readonly entries: ReadonlyArray<{ readonly key: Expression; readonly value: Expression }>
}

/** `-operand` and `+operand` */
export interface Sign extends Node {
  readonly _tag: "Sign"
  readonly operator: "+" | "-"
  readonly operand: Expression
}

export type Operator = "+" | "-" | "*" | "/" | "//" | "%" | "**"

/** `first` with `rest` from left to right: operators of one precedence, so that a long sum is flat. */
export interface Binary extends Node {
  readonly _tag: "Binary"
  readonly first: Expression
  readonly rest: ReadonlyArray<{ readonly operator: Operator; readonly span: Span; readonly operand: Expression }>
}

/** `a ~ b ~ c`: the texts of its operands, side by side. */
export interface Concat extends Node {
  readonly _tag: "Concat"
  readonly operands: ReadonlyArray<Expression>
}

export interface Not extends Node {
  readonly _tag: "Not"
  readonly operand: Expression
}

/** Two operands or more. Answers the operand that decided. */
export interface Logical extends Node {
  readonly _tag: "Logical"
  readonly operator: "and" | "or"
  readonly operands: ReadonlyArray<Expression>
}

export type Comparator = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in"

/** `a < b < c` holds if both neighbours do, as in Python; `b` is evaluated once. */
export interface Compare extends Node {
  readonly _tag: "Compare"
  readonly first: Expression
  readonly rest: ReadonlyArray<{
    readonly comparator: Comparator
    readonly span: Span
    readonly operand: Expression
  }>
}

export interface Defined extends Node {
  readonly _tag: "Defined"
  readonly operand: Expression
  readonly negated: boolean
}

/** `operand is name(parameters)` */
export interface Test extends Node {
  readonly _tag: "Test"
  readonly operand: Expression
  readonly use: Use
  readonly negated: boolean
}

/** A filter or a test with its parameters, in the order in which it declares them; one not given is undefined. */
export interface Use {
  readonly name: string
  readonly nameSpan: Span
  readonly parameters: ReadonlyArray<Expression | undefined>
  /** What `map`, `select` and their like do with each item. */
  readonly each?: Use | undefined
}

/** `then if condition else otherwise` */
export interface Conditional extends Node {
  readonly _tag: "Conditional"
  readonly condition: Expression
  readonly then: Expression
  readonly otherwise: Expression
}

/** `operand | default(fallback, whenFalsy)`: the one filter that sees that nothing is there. */
export interface Default extends Node {
  readonly _tag: "Default"
  readonly operand: Expression
  readonly fallback: Expression | undefined
  readonly whenFalsy: Expression | undefined
}

export interface Filter extends Node {
  readonly _tag: "Filter"
  readonly operand: Expression
  readonly use: Use
}
