/** `init` and `state`: changes of the context, as a list of them or by what they do. */
import * as Words from "../../expression/Words.js"
import type { Assign } from "../../pipeline/Node.js"
import * as Decode from "../Decode.js"
import type { Env } from "../Env.js"
import type { Text } from "../Origins.js"
import * as Texts from "../Texts.js"
import type { Tree } from "../Tree.js"

export interface Read {
  readonly assigns: ReadonlyArray<Assign>
  readonly texts: ReadonlyArray<Text>
}

const ops = ["set", "append", "merge"] as const
type Op = (typeof ops)[number]

/** More changes are refused: each is made on every iteration. */
const countMax = 100

/**
 * `[{ set: context.a, value: 1 }, { append: { target: context.b, value: 2 } }]`, or `{ set: [{ target, value }] }`.
 */
export const read = (env: Env, tree: Tree, what: string): Read => {
  const assigns: Array<Assign> = []
  const texts: Array<Text> = []
  const add = (op: Op, target: Tree | undefined, value: Tree | undefined, at: Tree): void => {
    const of = `a change in ${what}`
    if (target === undefined || value === undefined) {
      env.report.add("FLJ-BLUEPRINT-16", Decode.headOf(at), `${of} needs a target and a value`, {
        hint: `for instance { ${op}: context.notes, value: "{{ previous_step }}" }`
      })
      return
    }
    const path = pathOf(env, target)
    if (value._tag === "Broken" || path === undefined) return
    const { origins, params } = Texts.params(env.report, value)
    texts.push(...origins)
    assigns.push({ op, path, value: params })
  }
  if (tree._tag === "List") {
    for (const item of tree.items) {
      const fields = Decode.fields(env.report, item, `a change in ${what}`, {
        of: `a change in ${what}`,
        known: [...ops, "value"]
      })
      const op = fields && Decode.oneOf(env.report, fields, ops)
      if (fields === undefined || item._tag !== "Map") continue
      if (op === undefined) {
        const hint = "say set, append or merge, and the field: { set: context.count, value: 0 }"
        if (item.entries.length === 0 || fields.value("value") !== undefined) {
          env.report.add("FLJ-BLUEPRINT-16", Decode.headOf(item), `a change in ${what} does not say what it does`, {
            hint
          })
        }
        continue
      }
      const target = fields.value(op)!
      if (target._tag === "Map") pair(env, op as Op, target, add)
      else add(op as Op, target, fields.value("value"), item)
    }
  } else {
    const fields = Decode.fields(env.report, tree, what, { of: what, known: ops })
    for (const { key, value } of fields?.map.entries ?? []) {
      const op = ops.find((one) => one === key.text)
      if (op === undefined) continue
      for (const item of value._tag === "List" ? value.items : [value]) pair(env, op, item, add)
    }
  }
  if (assigns.length > countMax) {
    env.report.add("FLJ-BLUEPRINT-19", tree.span, `${what} has more than ${countMax} changes`, {
      hint: "make them in a step of the body"
    })
  }
  return { assigns, texts }
}

const pair = (
  env: Env,
  op: Op,
  tree: Tree,
  add: (op: Op, target: Tree | undefined, value: Tree | undefined, at: Tree) => void
): void => {
  const what = `\`${op}\``
  const fields = Decode.fields(env.report, tree, what, { of: what, known: ["target", "value"] })
  if (fields !== undefined) add(op, fields.value("target"), fields.value("value"), tree)
}

const pathOf = (env: Env, tree: Tree): Assign["path"] | undefined => {
  const text = Decode.word(env.report, tree, "a target")
  if (text === undefined) return undefined
  const [root, field, ...keys] = text.value.trim().split(".")
  const isPath = /^context(\.[\p{L}_][\p{L}\p{N}_]*)+$/u.test(text.value.trim())
  if (isPath && root !== undefined && field !== undefined) return [field, ...keys]
  env.report.add("FLJ-BLUEPRINT-19", text.span, `${Words.quoted(text.value)} is not a place in the context`, {
    hint: "a target begins with context, for instance context.notes"
  })
  return undefined
}
