/**
 * Code that a blueprint names: `skill: "./score.ts#score"`, a file relative to the one that names it and what it exports
 * (`default` where nothing is named). Reading stays pure: whoever calls loads what is named first, as far as it may be, and
 * hands it over. A blueprint that was handed over by a stranger is read without `Options.code`, so it loads nothing.
 */
import * as Either from "effect/Either"
import type { Kind } from "../pipeline/Kind.js"
import type { AnySkill } from "../pipeline/Skill.js"
import { askUser } from "../pipeline/Tool.js"
import * as Bytes from "./Bytes.js"
import * as Diagnostics from "./Diagnostics.js"
import * as Imports from "./Imports.js"
import * as Read from "./Read.js"
import type { Code } from "./Rules.js"
import type { Tree } from "./Tree.js"

export interface Reference {
  /** From the project's folder on, with `/` between names. */
  readonly path: string
  /** Of the export. */
  readonly name: string
}

/** Why it was not to be had. */
export interface Refusal {
  readonly code: Extract<Code, "FLJ-CODE-1" | "FLJ-CODE-2" | "FLJ-CODE-3">
  readonly message: string
  readonly hint: string | undefined
}

/** What the code of a project has, as far as the blueprint names it. */
export interface Loaded {
  readonly skill: (reference: Reference) => Either.Either<AnySkill, Refusal>
  /** A kind of step of the project's own; undefined where it has none of this name. */
  readonly kind: (name: string) => Either.Either<Kind, Refusal> | undefined
  /** Their names. */
  readonly kinds: ReadonlyArray<string>
  /** Why some of the project's own skills are not known; nothing where all are. */
  readonly unread: ReadonlyArray<string>
}

/** Whether a text in the place of a skill's id is a file. */
export const isReference = (text: string): boolean => /^\.\.?\//.test(text)

/** The reference as it is written in `from`, or what is wrong with it. */
export const resolve = (from: string, text: string): Either.Either<Reference, string> => {
  const hash = text.indexOf("#")
  const file = hash === -1 ? text : text.slice(0, hash)
  const name = hash === -1 ? "default" : text.slice(hash + 1)
  const path = Imports.resolve(from, file)
  if (path === undefined) return Either.left("this is no path to a file inside the project")
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name)
    ? Either.right({ path, name })
    : Either.left("what stands behind # is not the name of an export")
}

/** What texts name in the places of skills: files, and ids; and the kinds of their steps. What is wrong with a text is said when it is read in earnest. */
export const named = (
  texts: ReadonlyArray<Bytes.Given>
): {
  readonly references: ReadonlyArray<Reference>
  readonly ids: ReadonlyArray<string>
  readonly kinds: ReadonlyArray<string>
} => {
  const references = new Map<string, Reference>()
  const ids = new Set<string>()
  const kinds = new Set<string>()
  for (const given of texts) {
    const source = Bytes.read(given)
    if (Either.isLeft(source) || !/\b(?:skill|id|kind|tools)\b/.test(source.right.text)) continue
    const tree = Read.read(new Diagnostics.Report(source.right))
    for (const [key, text] of tree === undefined ? [] : namesIn(tree)) {
      if (key === "kind") kinds.add(text)
      else if (!isReference(text)) {
        if (!text.startsWith("agents.")) ids.add(text)
      } else {
        const reference = resolve(given.path, text)
        if (Either.isLeft(reference)) continue
        references.set(`${reference.right.path}#${reference.right.name}`, reference.right)
      }
    }
  }
  return { references: [...references.values()], ids: [...ids], kinds: [...kinds] }
}

/** Values of the user's own, in which nothing names a skill. */
const ofValues = new Set(["params", "input", "meta", "value", "output", "input_schema", "output_schema", "context"])

function* namesIn(tree: Tree): Generator<readonly [key: string, text: string]> {
  if (tree._tag === "List") for (const item of tree.items) yield* namesIn(item)
  if (tree._tag !== "Map") return
  for (const { key, value } of tree.entries) {
    if (value._tag === "Scalar") {
      const isName = key.text === "skill" || key.text === "id" || key.text === "kind"
      if (isName && typeof value.value === "string") yield [key.text, value.value]
    } else if (key.text === "tools" && value._tag === "List") {
      for (const item of value.items) {
        if (item._tag !== "Scalar") yield* namesIn(item)
        else if (typeof item.value === "string" && item.value !== askUser.name) yield ["skill", item.value]
      }
    } else if (!ofValues.has(key.text)) yield* namesIn(value)
  }
}
