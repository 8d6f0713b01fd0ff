/**
 * A tree seen with the language's keys: which map is what, which values a key takes, and the steps within each other. It is
 * made of any tree that can be read, however much is wrong with it.
 */
import * as Language from "../blueprint/Language.js"
import type * as Tree from "../blueprint/Tree.js"
import { isObject, type JsonObject } from "../domain/Json.js"
import type { Span } from "../expression/Template.js"

export interface Step {
  readonly tree: Tree.Map
  readonly kind: string
  /** `undefined`: it has none of its own. */
  readonly name: { readonly text: string; readonly span: Span } | undefined
  readonly parent: Step | undefined
  /** Those that stand before it in its list. */
  readonly before: ReadonlyArray<Step>
  readonly children: Array<Step>
}

/** A map of known keys. */
export interface Place {
  readonly tree: Tree.Map
  readonly about: string
  readonly keys: Language.Keys
  readonly step: Step | undefined
}

/** A value, and what may stand there. */
export interface Slot {
  readonly tree: Tree.Tree
  readonly key: string
  readonly schema: JsonObject
  readonly step: Step | undefined
}

export interface Outline {
  /** Of the first level. */
  readonly steps: ReadonlyArray<Step>
  readonly all: ReadonlyArray<Step>
  readonly places: ReadonlyArray<Place>
  readonly slots: ReadonlyArray<Slot>
}

const shapes: Readonly<Record<string, Language.Shape>> = {
  agent: Language.agent,
  model_settings: Language.modelSettings,
  retries: Language.retries,
  validator: Language.validator,
  loop: Language.loop,
  map: Language.map,
  router: Language.router,
  refine: Language.refine,
  finalize: Language.finalize,
  history_management: Language.history
}

/** Where a walk is. */
interface At {
  readonly key: string
  readonly parent: Step | undefined
  readonly into: Array<Step>
}

export const of = (tree: Tree.Tree | undefined): Outline => {
  const all: Array<Step> = []
  const places: Array<Place> = []
  const slots: Array<Slot> = []
  const top: Array<Step> = []

  const shaped = (tree: Tree.Tree, { about, keys }: Pick<Language.Shape, "about" | "keys">, at: At) => {
    if (tree._tag !== "Map") return
    places.push({ tree, about, keys, step: at.parent })
    for (const { key, value } of tree.entries) {
      const known = Object.hasOwn(keys, key.text) ? keys[key.text] : undefined
      if (known !== undefined) walk(value, known.schema, { ...at, key: key.text })
    }
  }

  const steps = (tree: Tree.Tree, at: At) => {
    if (tree._tag !== "List") return
    const list: Array<Step> = []
    for (const item of tree.items) step(item, at, list)
    at.into.push(...list)
  }

  const step = (tree: Tree.Tree, at: At, list: Array<Step>) => {
    if (tree._tag !== "Map") {
      slots.push({ tree, key: at.key, schema: { $ref: "#/definitions/step" }, step: at.parent })
      return
    }
    const kind = text(valueOf(tree, "kind"))?.text ?? "step"
    const one: Step = {
      tree,
      kind,
      name: text(valueOf(tree, "name") ?? valueOf(tree, "step")),
      parent: at.parent,
      before: [...list],
      children: []
    }
    list.push(one)
    all.push(one)
    const shape = Object.hasOwn(Language.kinds, kind) ? Language.kinds[kind] : undefined
    const isImport = text(valueOf(tree, "uses"))?.text.startsWith("imports.") === true
    const inner = { key: "", parent: one, into: one.children }
    shaped(tree, { about: shape?.about ?? "", keys: { ...Language.common, ...shape?.keys } }, inner)
    const config = valueOf(tree, "config")
    if (config !== undefined) shaped(config, isImport ? Language.importConfig : Language.config, inner)
  }

  const body = (tree: Tree.Tree, at: At) => {
    const only = tree._tag === "Map" && tree.entries.length === 1 ? valueOf(tree, "steps") : undefined
    if (tree._tag === "List" || only !== undefined) {
      steps(only ?? tree, at)
      return
    }
    const list: Array<Step> = []
    step(tree, at, list)
    at.into.push(...list)
  }

  const walk = (tree: Tree.Tree, schema: JsonObject, at: At): void => {
    slots.push({ tree, key: at.key, schema, step: at.parent })
    const name = typeof schema.$ref === "string" ? schema.$ref.replace("#/definitions/", "") : undefined
    if (name !== undefined) {
      const shape = Object.hasOwn(shapes, name) ? shapes[name] : undefined
      if (name === "steps") steps(tree, at)
      else if (name === "body" || name === "step") body(tree, at)
      else if (shape !== undefined) shaped(tree, shape, at)
      return
    }
    if (Array.isArray(schema.anyOf)) for (const one of schema.anyOf) if (isObject(one)) walk(tree, one, at)
    if (tree._tag === "List" && isObject(schema.items)) for (const item of tree.items) walk(item, schema.items, at)
    if (tree._tag !== "Map") return
    if (isObject(schema.additionalProperties)) {
      for (const { value } of tree.entries) walk(value, schema.additionalProperties, at)
    }
    if (isObject(schema.properties)) {
      const keys = Object.entries(schema.properties).map(
        ([key, one]) => [key, { about: "", example: null, schema: isObject(one) ? one : {} }] as const
      )
      shaped(tree, { about: "", keys: Object.fromEntries(keys) }, at)
    }
  }

  if (tree !== undefined) shaped(tree, Language.document, { key: "", parent: undefined, into: top })
  return { steps: top, all, places, slots }
}

export const valueOf = (tree: Tree.Tree | undefined, key: string): Tree.Tree | undefined =>
  tree?._tag === "Map" ? tree.entries.find((entry) => entry.key.text === key)?.value : undefined

/** A text that is not empty, and where it stands, quotes aside. */
export const text = (tree: Tree.Tree | undefined): { readonly text: string; readonly span: Span } | undefined =>
  tree?._tag === "Scalar" && typeof tree.value === "string" && tree.value !== ""
    ? { text: tree.value, span: tree.within({ start: 0, end: tree.value.length }) }
    : undefined

/** Keys under a key of the document, such as the names of agents. */
export const named = (tree: Tree.Tree | undefined, key: string): ReadonlyArray<Tree.Key> => {
  const map = valueOf(tree, key)
  return map?._tag === "Map" ? map.entries.map((entry) => entry.key) : []
}
