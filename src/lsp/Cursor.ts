/**
 * What stands at a place of a document: the way down to it, and, for a place where somebody types, what may come there. A
 * text is rarely whole while it is typed, so it is read once more with a word put in at the cursor.
 */
import type * as Tree from "../blueprint/Tree.js"
import type { Span } from "../expression/Template.js"
import { type Document, treeOf } from "./Document.js"
import * as Outline from "./Outline.js"

const holds = (span: Span, offset: number): boolean => span.start <= offset && offset <= span.end

/** The key at `offset`, in a map whose keys are known. */
export const keyAt = (
  outline: Outline.Outline,
  offset: number
): { readonly place: Outline.Place; readonly key: Tree.Key } | undefined => {
  for (const place of outline.places) {
    const entry = place.tree.entries.find(({ key }) => holds(key.span, offset))
    if (entry !== undefined) return { place, key: entry.key }
  }
  return undefined
}

/** The text at `offset`, with all that may stand in its place. */
export const slotsAt = (outline: Outline.Outline, offset: number): ReadonlyArray<Outline.Slot> =>
  outline.slots.filter(({ tree }) => tree._tag === "Scalar" && holds(tree.span, offset))

/** The innermost step around `offset`. */
export const stepAt = (outline: Outline.Outline, offset: number): Outline.Step | undefined => {
  let found: Outline.Step | undefined
  for (const step of outline.all) {
    const { span } = step.tree
    const isCloser = found === undefined || span.end - span.start <= found.tree.span.end - found.tree.span.start
    if (holds(span, offset) && isCloser) found = step
  }
  return found
}

/** Those that have run before `step` does, as far as their order in the text says. */
export const before = (step: Outline.Step | undefined): ReadonlyArray<Outline.Step> => {
  const found: Array<Outline.Step> = []
  for (let at = step; at !== undefined; at = at.parent) found.unshift(...at.before)
  return found
}

/** What is being typed: the word around the cursor, and what may stand for it. */
export interface Typed {
  readonly word: Span
  readonly outline: Outline.Outline
  /** A map in which a key is being typed. */
  readonly place: Outline.Place | undefined
  /** What may stand there where a value is being typed. */
  readonly slots: ReadonlyArray<Outline.Slot>
}

const marker = "flujoCursor"
const wordBefore = /[\p{L}\p{N}_.\-/#:]*$/u
const wordAfter = /^[\p{L}\p{N}_.\-/#]*/u

export const typed = ({ text }: Document, offset: number): Typed => {
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1
  const before = wordBefore.exec(text.slice(lineStart, offset))?.[0] ?? ""
  const after = wordAfter.exec(text.slice(offset, offset + 200))?.[0] ?? ""
  const word = { start: offset - before.length, end: offset + after.length }
  const head = text.slice(0, word.start)
  const tail = text.slice(word.end)
  const isKey = /^\s*:(\s|$)/.test(tail.slice(0, 20))
  const mayBeKey = /(?:^|[{,])[\s-]*$/.test(text.slice(lineStart, word.start)) && !isKey
  const asKey = mayBeKey || isKey ? outlineOf(`${head}${marker}${isKey ? "" : ": x"}${tail}`) : undefined
  const place = asKey?.places.find(({ tree }) => tree.entries.some(({ key }) => key.text === marker))
  const asValue = isKey ? undefined : outlineOf(`${head}${marker}${tail}`)
  const slots = (asValue?.slots ?? []).filter(({ tree }) => tree._tag === "Scalar" && tree.text === marker)
  return { word, outline: asKey ?? asValue ?? Outline.of(undefined), place, slots }
}

const outlineOf = (text: string): Outline.Outline | undefined => {
  const tree = treeOf(text)
  return tree && Outline.of(tree)
}
