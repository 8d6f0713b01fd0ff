/** Steps: what they are by their kind, and what every kind has in common. */
import * as Either from "effect/Either"
import * as Words from "../expression/Words.js"
import type { Node } from "../pipeline/Node.js"
import * as Around from "./Around.js"
import * as Decode from "./Decode.js"
import { type Draft, type Env, hole } from "./Env.js"
import * as Branching from "./internal/Branching.js"
import * as Cache from "./internal/Cache.js"
import * as Custom from "./internal/Custom.js"
import * as Granular from "./internal/Granular.js"
import * as Leaves from "./internal/Leaves.js"
import * as Machine from "./internal/Machine.js"
import * as Refine from "./internal/Refine.js"
import * as Repeating from "./internal/Repeating.js"
import * as TreeSearch from "./internal/TreeSearch.js"
import * as Waits from "./internal/Waits.js"
import type { Tree } from "./Tree.js"

interface Kind {
  readonly keys: ReadonlyArray<string>
  readonly read: (env: Env, draft: Draft) => Node
}

const kinds: Readonly<Record<string, Kind>> = {
  step: { keys: Leaves.stepKeys, read: Leaves.step },
  granular: { keys: Granular.granularKeys, read: Granular.granular },
  conditional: { keys: Branching.conditionalKeys, read: Branching.conditional },
  parallel: { keys: Branching.parallelKeys, read: Branching.parallel },
  dynamic_router: { keys: Branching.routerKeys, read: Branching.router },
  loop: { keys: Repeating.loopKeys, read: Repeating.loop },
  map: { keys: Repeating.mapKeys, read: Repeating.map },
  cache: { keys: Cache.cacheKeys, read: Cache.cache },
  refine: { keys: Refine.refineKeys, read: Refine.refine },
  tree_search: { keys: TreeSearch.treeSearchKeys, read: TreeSearch.treeSearch },
  StateMachine: { keys: Machine.machineKeys, read: Machine.machine },
  hitl: { keys: Waits.hitlKeys, read: Waits.hitl },
  wait: { keys: Waits.waitKeys, read: Waits.wait },
  signal: { keys: Waits.signalKeys, read: Waits.signal }
}

export const kindNames: ReadonlyArray<string> = Object.keys(kinds)

/** Of every kind of step. */
export const commonKeys: ReadonlyArray<string> = ["kind", "name", "step", ...Around.keys]
export { keysOf as customKeysOf } from "./internal/Custom.js"

/** Every key that a step of any kind may have. */
export const keys: ReadonlyArray<string> = [
  ...new Set([...commonKeys, ...Object.values(kinds).flatMap(({ keys }) => keys)])
]

/** A list of steps: the one step that it holds, or a sequence. */
export const list = (env: Env, tree: Tree, what: string): Node => {
  if (tree._tag !== "List") {
    if (tree._tag !== "Broken") {
      env.report.add("FLJ-BLUEPRINT-17", tree.span, `${what} must be a list of steps`, {
        hint: "each step begins with a dash"
      })
    }
    return hole(env, { name: "steps", origin: { whole: tree.span, head: tree.span, isNamed: false } })
  }
  const nodes = tree.items.map(env.step)
  const [only] = nodes
  if (nodes.length === 1 && only !== undefined) return only
  const node: Node = { _tag: "Sequence", steps: nodes }
  env.origins.put(node, { whole: tree.span, isNamed: false })
  return node
}

export const body = (env: Env, tree: Tree): Node => {
  if (tree._tag === "List") return list(env, tree, "this")
  if (tree._tag === "Map" && tree.entries.length === 1 && tree.entries[0]!.key.text === "steps") {
    return list(env, tree.entries[0]!.value, "`steps`")
  }
  return env.step(tree)
}

export const step = (env: Env, tree: Tree): Node => {
  const span = Decode.headOf(tree)
  // A name that nothing refers to, so that what cannot be read stands in nobody's way.
  const nameless = () =>
    hole(env, { name: `unread_${span.start}`, origin: { whole: tree.span, head: span, isNamed: false } })
  if (tree._tag !== "Map") {
    if (tree._tag !== "Broken") {
      Decode.map(env.report, tree, "a step", "for instance { kind: step, name: first, uses: agents.writer }")
    }
    return nameless()
  }
  const kindTree = tree.entries.find(({ key }) => key.text === "kind")?.value
  const kindText = kindTree === undefined ? undefined : Decode.text(env.report, kindTree, "`kind`")
  if (kindTree !== undefined && kindText === undefined) return nameless()
  const name = kindText?.value ?? "step"
  const own = Object.hasOwn(kinds, name) ? undefined : env.options.code?.kind(name)
  const kind = Object.hasOwn(kinds, name)
    ? kinds[name]!
    : own !== undefined && Either.isRight(own)
      ? {
          keys: Custom.keysOf(own.right),
          read: (env: Env, draft: Draft) => Custom.read(env, draft, own.right, kindTree!)
        }
      : undefined
  const known = kind === undefined ? undefined : [...commonKeys, ...kind.keys]
  // Of an unknown kind any key may be one, and only the common ones are read.
  const fields = Decode.fields(env.report, tree, "a step", {
    of: kindText === undefined ? "a step" : `a step of kind \`${name}\``,
    known: known ?? [...keys, ...tree.entries.map(({ key }) => key.text)],
    elsewhere: (key) => {
      if (key === "timeout" || key === "retries" || key === "max_retries") return "put it below `config:`"
      const owners = kindNames.filter((one) => kinds[one]!.keys.includes(key))
      return owners.length === 0 ? undefined : `it belongs to kind ${owners.map((one) => `\`${one}\``).join(" and ")}`
    }
  })!
  const nameKey = Decode.oneOf(env.report, fields, ["name", "step"])
  const nameTree = nameKey === undefined ? undefined : fields.value(nameKey)!
  const nameText = nameTree === undefined ? undefined : Decode.word(env.report, nameTree, `\`${nameKey}\``)
  const given = nameText?.value.trim() ?? (nameTree === undefined ? undefined : `unread_${span.start}`)
  const head = nameText?.span ?? kindTree?.span ?? span
  const draft: Draft = {
    fields,
    kind: name,
    given,
    name: given ?? name,
    origin: { whole: tree.span, head, isNamed: given !== undefined }
  }
  if (own !== undefined && Either.isLeft(own)) {
    env.report.add(own.left.code, kindTree!.span, own.left.message, { hint: own.left.hint })
    return Around.read(env, draft, hole(env, draft))
  }
  if (kind === undefined) {
    const names = [...kindNames, ...(env.options.code?.kinds ?? [])]
    const meant = Words.closest(name, names)
    const list = `kinds are ${names.join(", ")}`
    env.report.add("FLJ-BLUEPRINT-18", kindTree!.span, `there is no kind ${Words.quoted(name)}`, {
      hint: meant === undefined ? list : `did you mean \`${meant}\`? ${list}`,
      repair: meant === undefined ? undefined : { span: kindTree!.span, text: meant }
    })
    return Around.read(env, draft, hole(env, draft))
  }
  return Around.read(env, draft, kind.read(env, draft))
}
