/** A document as it was read: plain data with the place of every key and value. Bounded in depth and size by `Read`. */
import { type Json, type JsonObject, set } from "../domain/Json.js"
import type { Span } from "../expression/Template.js"

export interface Scalar {
  readonly _tag: "Scalar"
  readonly value: string | number | boolean | null
  /** As written, without quotes: `0.10` where the value is 0.1. */
  readonly text: string
  readonly span: Span
  /** Where a piece of the value, given by offsets in it, stands in the file. */
  readonly within: (span: Span) => Span
}

export interface List {
  readonly _tag: "List"
  readonly items: ReadonlyArray<Tree>
  readonly span: Span
}

export interface Key {
  readonly text: string
  readonly span: Span
}

export interface Map {
  readonly _tag: "Map"
  readonly entries: ReadonlyArray<{ readonly key: Key; readonly value: Tree }>
  readonly span: Span
}

/** Something that was reported already, and of which nothing more is to be said. */
export interface Broken {
  readonly _tag: "Broken"
  readonly span: Span
}

export type Tree = Scalar | List | Map | Broken

/** What a value is, for people. */
export const kindOf = (tree: Tree): string => {
  switch (tree._tag) {
    case "List":
      return "a list"
    case "Map":
      return "a map"
    case "Broken":
      return "something unreadable"
    case "Scalar":
      if (tree.value === null) return "nothing"
      return typeof tree.value === "string" ? "text" : typeof tree.value === "number" ? "a number" : "true or false"
  }
}

/** The plain value. A broken part is `null`. */
export const toJson = (tree: Tree): Json => {
  switch (tree._tag) {
    case "Broken":
      return null
    case "Scalar":
      return tree.value
    case "List":
      return tree.items.map(toJson)
    case "Map": {
      const object: { [key: string]: Json } = {}
      for (const { key, value } of tree.entries) set(object, key.text, toJson(value))
      return object satisfies JsonObject
    }
  }
}

/** All parts, this one first. */
export function* parts(tree: Tree): Generator<Tree> {
  yield tree
  if (tree._tag === "List") for (const item of tree.items) yield* parts(item)
  if (tree._tag === "Map") for (const { value } of tree.entries) yield* parts(value)
}
