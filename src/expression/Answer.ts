/**
 * What a text comes to, as far as its form says: one value whatever is put in, text, a yes or no, or what stands under
 * one name. A checker follows from it which branches can be taken and what a step is given.
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Json } from "../domain/Json.js"
import type { Read } from "./Reads.js"
import type { Expression } from "./Syntax.js"
import { evaluate, type Template } from "./Template.js"

export type Answer =
  | { readonly _tag: "Constant"; readonly value: Json }
  | { readonly _tag: "Text" }
  | { readonly _tag: "Boolean" }
  /** The value of one path, unchanged. */
  | { readonly _tag: "Path"; readonly read: Read }
  | { readonly _tag: "Unknown" }

export const of = (template: Template): Answer => {
  if (template.problems.length > 0) return { _tag: "Unknown" }
  if (template.reads.length === 0) {
    const value = evaluate(template, () => Option.none())
    return Either.isRight(value) ? { _tag: "Constant", value: value.right } : { _tag: "Unknown" }
  }
  const { body, reads } = template
  if (body._tag === "Parts") return { _tag: "Text" }
  const [read] = reads
  if (body.expression._tag === "Path" && read !== undefined) return { _tag: "Path", read }
  return isBoolean(body.expression) ? { _tag: "Boolean" } : { _tag: "Unknown" }
}

const isBoolean = (node: Expression): boolean => {
  switch (node._tag) {
    case "Compare":
    case "Defined":
    case "Not":
    case "Test":
      return true
    case "Literal":
      return typeof node.value === "boolean"
    case "Logical":
      return node.operands.every(isBoolean)
    case "Conditional":
      return isBoolean(node.then) && isBoolean(node.otherwise)
    case "Binary":
    case "Concat":
    case "Default":
    case "Filter":
    case "Index":
    case "List":
    case "Map":
    case "Path":
    case "Sign":
    case "Slice":
      return false
  }
}
