/**
 * What kind of value something takes, and what kind a piece of a text will give, known without evaluating it: a filter on
 * a value that it can never take is found before anything runs.
 */
import type { Json } from "../domain/Json.js"
import { Fault } from "./Fault.js"
import type { Expression, Span } from "./Syntax.js"
import * as Words from "./Words.js"

export type Kind = "text" | "number" | "boolean" | "none" | "list" | "map"

/** None given: any kind. */
export type Kinds = ReadonlyArray<Kind> | undefined

export const of = (value: Json): Kind => {
  if (value === null) return "none"
  if (Array.isArray(value)) return "list"
  switch (typeof value) {
    case "string":
      return "text"
    case "number":
      return "number"
    case "boolean":
      return "boolean"
    default:
      return "map"
  }
}

const words: Readonly<Record<Kind, string>> = {
  text: "text",
  number: "a number",
  boolean: "true or false",
  none: "none",
  list: "a list",
  map: "a map"
}

export const word = (kind: Kind): string => words[kind]

/** `text, a list or a map` */
export const oneOf = (kinds: ReadonlyArray<Kind>): string => Words.either(kinds.map(word))

/** The fault of giving `kind` to what takes `kinds`; undefined if that is fine. */
export const mismatch = (name: string, kinds: Kinds, kind: Kind, span: Span): Fault | undefined =>
  kinds === undefined || kinds.includes(kind)
    ? undefined
    : new Fault("Type", `${Words.quoted(name)} takes ${oneOf(kinds)}, and was given ${word(kind)}`, span)

/** The kind that `node` gives whenever it gives a value. */
export const expected = (node: Expression, answers: (filter: string) => Kind | undefined): Kind | undefined => {
  switch (node._tag) {
    case "Literal":
      return of(node.value)
    case "List":
      return "list"
    case "Map":
      return "map"
    case "Concat":
      return "text"
    case "Sign":
      return "number"
    case "Not":
    case "Compare":
    case "Defined":
    case "Test":
      return "boolean"
    case "Filter":
      return answers(node.use.name)
    default:
      return undefined
  }
}
