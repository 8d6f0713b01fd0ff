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

/** Something wrong with a text, at `span`. `hint` says what to write instead, where that can be guessed. */
export interface Problem {
  readonly message: string
  readonly hint?: string | undefined
  readonly span: Span
}

interface Node {
  readonly span: Span
  /** Levels below this node. */
  readonly depth: number
}

/** What a text is made of. Blocks (`{% if %}`) will be further members. */
export type Part =
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Output"; readonly expression: Expression }

/** `Value` keeps the type of what it evaluates to, `Parts` make text. */
export type Body =
  | { readonly _tag: "Value"; readonly expression: Expression }
  | { readonly _tag: "Parts"; readonly parts: ReadonlyArray<Part> }

export type Expression =
  | Literal
  | Path
  | Index
  | List
  | Map
  | Not
  | Logical
  | Compare
  | Defined
  | IsNone
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
}

/** A key of anything else, or a key that is computed. */
export interface Index extends Node {
  readonly _tag: "Index"
  readonly object: Expression
  readonly key: Expression
}

export interface List extends Node {
  readonly _tag: "List"
  readonly items: ReadonlyArray<Expression>
}

export interface Map extends Node {
  readonly _tag: "Map"
  readonly entries: ReadonlyArray<{ readonly key: Expression; readonly value: Expression }>
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

export interface IsNone extends Node {
  readonly _tag: "IsNone"
  readonly operand: Expression
  readonly negated: boolean
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

/** `parameters` are in the order in which the filter declares them; one not given is undefined. */
export interface Filter extends Node {
  readonly _tag: "Filter"
  readonly name: string
  readonly nameSpan: Span
  readonly operand: Expression
  readonly parameters: ReadonlyArray<Expression | undefined>
}
