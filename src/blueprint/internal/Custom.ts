/** Kinds of a project's own: what stands below one is handed to its function, and what that answers is the step. */
import * as Either from "effect/Either"
import { get, isObject, type JsonObject, set } from "../../domain/Json.js"
import type { Kind, Misfit } from "../../pipeline/Kind.js"
import type { Node } from "../../pipeline/Node.js"
import * as Pipeline from "../../pipeline/Pipeline.js"
import { type Draft, type Env, hole, placed } from "../Env.js"
import * as Tree from "../Tree.js"

/** The keys that stand beside those of every step. */
export const keysOf = ({ jsonSchema }: Kind): ReadonlyArray<string> => {
  const properties = get(jsonSchema, "properties")
  return isObject(properties) ? Object.keys(properties) : []
}

/** `at`: where the kind is named. */
export const read = (env: Env, draft: Draft, kind: Kind, at: Tree.Tree): Node => {
  const { map } = draft.fields
  const own = keysOf(kind)
  const entries = map.entries.filter(({ key }) => own.includes(key.text))
  const document: JsonObject = {}
  for (const { key, value } of entries) set(document, key.text, Tree.toJson(value))
  const expanded = kind.expand(document, draft.name)
  if (Either.isRight(expanded)) {
    const node = placed(env, draft, Pipeline.asStep(expanded.right, draft.name).node)
    for (const inner of nodesIn(node)) env.origins.enclose(inner, node)
    return node
  }
  if (expanded.left._tag === "Thrown") {
    const { thrown } = expanded.left
    const said = thrown instanceof Error && thrown.message !== "" ? thrown.message : "it throws"
    env.report.add("FLJ-KIND-2", at.span, `the kind \`${draft.kind}\` makes nothing of this: ${said.split("\n")[0]}`)
    return hole(env, draft)
  }
  for (const { message, path } of expanded.left.misfits) {
    const where = path.length === 0 ? "" : `${path.join(".")}: `
    env.report.add("FLJ-KIND-1", spanOf(map, path) ?? at.span, `${where}${message.split("\n").join("; ")}`)
  }
  return hole(env, draft)
}

/** Of the value at a path, or of the nearest one above it that is there. */
const spanOf = (tree: Tree.Tree, path: Misfit["path"]) => {
  let at: Tree.Tree = tree
  let span: Tree.Key["span"] | undefined
  for (const key of path) {
    const entry: { readonly key?: Tree.Key; readonly value: Tree.Tree } | undefined =
      at._tag === "Map"
        ? at.entries.find((one) => one.key.text === String(key))
        : at._tag === "List" && typeof key === "number" && at.items[key] !== undefined
          ? { value: at.items[key] }
          : undefined
    if (entry === undefined) return span
    at = entry.value
    // A map or a list is too much to underline.
    span = at._tag === "Scalar" ? at.span : (entry.key?.span ?? at.span)
  }
  return span
}

/** What nodes hold that is no node. */
const others = new Set([
  "agent",
  "skill",
  "input",
  "output",
  "answer",
  "data",
  "code",
  "context",
  "tag",
  "run",
  "error"
])
const nodesMax = 100_000

/** Every node below, found by its tag: code of the project may hold kinds that are newer than this one. */
const nodesIn = (root: Node): ReadonlyArray<Node> => {
  const found = new Set<object>()
  const queue: Array<unknown> = [root]
  while (queue.length > 0 && found.size < nodesMax) {
    const one = queue.pop()
    if (typeof one !== "object" || one === null || found.has(one)) continue
    found.add(one)
    for (const [key, value] of Object.entries(one)) if (!others.has(key)) queue.push(value)
  }
  found.delete(root)
  return [...found].filter((one): one is Node => "_tag" in one)
}
