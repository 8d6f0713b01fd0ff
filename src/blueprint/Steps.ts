/**
 * Steps: what every kind has in common, and what stands around a step. From the inside: the time-out of one attempt, the
 * retries, the time-out of them all, the fallback, the input that all of these are given, and the field that is written.
 */
import * as Words from "../expression/Words.js"
import type { Node } from "../pipeline/Node.js"
import * as Retry from "../pipeline/Retry.js"
import * as Decode from "./Decode.js"
import { type Draft, type Env, hole, placed } from "./Env.js"
import * as Composites from "./internal/Composites.js"
import * as Leaves from "./internal/Leaves.js"
import * as Texts from "./Texts.js"
import type { Tree } from "./Tree.js"

interface Kind {
  readonly keys: ReadonlyArray<string>
  readonly read: (env: Env, draft: Draft) => Node
}

const kinds: Readonly<Record<string, Kind>> = {
  step: { keys: Leaves.stepKeys, read: Leaves.step },
  conditional: { keys: Composites.conditionalKeys, read: Composites.conditional },
  parallel: { keys: Composites.parallelKeys, read: Composites.parallel },
  loop: { keys: Composites.loopKeys, read: Composites.loop },
  map: { keys: Composites.mapKeys, read: Composites.map },
  hitl: { keys: Leaves.hitlKeys, read: Leaves.hitl }
}

export const kindNames: ReadonlyArray<string> = Object.keys(kinds)

const common = ["kind", "name", "step", "input", "sink_to", "description", "config", "fallback"]

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
  const kind = Object.hasOwn(kinds, name) ? kinds[name]! : undefined
  const known = kind === undefined ? undefined : [...common, ...kind.keys]
  const all = [...common, ...Object.values(kinds).flatMap(({ keys }) => keys)]
  // Of an unknown kind any key may be one, and only the common ones are read.
  const fields = Decode.fields(env.report, tree, "a step", {
    of: kindText === undefined ? "a step" : `a step of kind \`${name}\``,
    known: known ?? [...all, ...tree.entries.map(({ key }) => key.text)],
    elsewhere: (key) => {
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
  if (kind === undefined) {
    const meant = Words.closest(name, kindNames)
    const list = `kinds are ${kindNames.join(", ")}`
    env.report.add("FLJ-BLUEPRINT-18", kindTree!.span, `there is no kind ${Words.quoted(name)}`, {
      hint: meant === undefined ? list : `did you mean \`${meant}\`? ${list}`
    })
    return wrapped(env, draft, hole(env, draft))
  }
  const description = fields.value("description")
  if (description !== undefined) Decode.text(env.report, description, "`description`")
  return wrapped(env, draft, kind.read(env, draft))
}

const wrapped = (env: Env, draft: Draft, inner: Node): Node => {
  const { fields } = draft
  let node = configured(env, draft, inner)
  const fallback = fields.value("fallback")
  if (fallback !== undefined) node = placed(env, draft, { _tag: "Fallback", step: node, that: env.step(fallback) })
  const input = fields.value("input")
  if (input !== undefined) {
    const read = inputOf(env, input)
    if (read !== undefined) {
      const head = input.span
      node = placed(env, draft, { _tag: "Input", step: node, input: read.params }, { texts: read.origins, head })
    }
  }
  const sink = fields.value("sink_to")
  const field = sink === undefined ? undefined : fieldOf(env, sink)
  if (sink === undefined || field === undefined) return node
  return placed(
    env,
    draft,
    { _tag: "Sink", step: node, context: undefined, field, reduce: undefined },
    { head: sink.span }
  )
}

const inputOf = (env: Env, tree: Tree): Texts.Value | undefined => {
  if (tree._tag === "Broken") return undefined
  if (tree._tag === "Scalar" && tree.value === null) {
    env.report.add("FLJ-BLUEPRINT-17", tree.span, "`input` says nothing", {
      hint: "leave it out to pass on what came before"
    })
    return undefined
  }
  return Texts.params(env.report, tree)
}

const fieldOf = (env: Env, tree: Tree): string | undefined => {
  const text = Decode.word(env.report, tree, "`sink_to`")
  if (text === undefined) return undefined
  const field = text.value.trim().replace(/^context\./, "")
  if (/^[\p{L}_][\p{L}\p{N}_]*$/u.test(field)) return field
  env.report.add("FLJ-BLUEPRINT-19", text.span, `${Words.quoted(field)} is not the name of a field`, {
    hint: field.includes(".") ? "a step writes one field, not a part of one" : "letters, digits and _, a letter first"
  })
  return undefined
}

const configured = (env: Env, draft: Draft, inner: Node): Node => {
  const tree = draft.fields.value("config")
  if (tree === undefined) return inner
  const { report } = env
  const known = ["retries", "max_retries", "timeout", "total_timeout"]
  const config = Decode.fields(report, tree, "`config`", { of: "`config`", known })
  if (config === undefined) return inner
  const timeout = (step: Node, name: "timeout" | "total_timeout"): Node => {
    const value = config.value(name)
    const millis = value === undefined ? undefined : Decode.duration(report, value, `\`${name}\``, 1)
    if (value === undefined || millis === undefined) return step
    return placed(env, draft, { _tag: "Timeout", step, millis }, { head: value.span })
  }
  const attempt = timeout(inner, "timeout")
  const by = Decode.oneOf(report, config, ["retries", "max_retries"])
  const retry = by === undefined ? undefined : retryOf(env, by, config.value(by)!)
  return timeout(
    retry === undefined
      ? attempt
      : placed(
          env,
          draft,
          { _tag: "Retry", step: attempt, policy: { _tag: "Data", retry } },
          { head: config.value(by!)!.span }
        ),
    "total_timeout"
  )
}

const timesRange = { min: 0, max: 100 }

const retryOf = ({ report }: Env, key: string, tree: Tree): Retry.Retry | undefined => {
  if (key === "max_retries") {
    const times = Decode.integer(report, tree, "`max_retries`", timesRange)
    return times === undefined ? undefined : Retry.make({ times })
  }
  const known = ["times", "base", "factor", "max", "jitter", "while"]
  const fields = Decode.fields(report, tree, "`retries`", { of: "`retries`", known })
  if (fields === undefined) return undefined
  const timesTree = Decode.required(report, fields, "times", {
    at: Decode.headOf(tree),
    of: "`retries`",
    hint: "how many tries follow the first"
  })
  if (timesTree === undefined) return undefined
  const before = report.found.length
  const read = <A>(name: string, decode: (tree: Tree, what: string) => A): A | undefined => {
    const value = fields.value(name)
    return value === undefined ? undefined : decode(value, `\`${name}\``)
  }
  const times = Decode.integer(report, timesTree, "`times`", timesRange)
  const base = read("base", (value, what) => Decode.duration(report, value, what, 0))
  const max = read("max", (value, what) => Decode.duration(report, value, what, 0))
  const factor = read("factor", (value, what) => Decode.number(report, value, what, { min: 1, max: 1_000_000 }))
  const jitter = read("jitter", (value, what) => Decode.boolean(report, value, what))
  const errors = read("while", (value) => tagsOf(report, value))
  if (times === undefined || report.found.length > before) return undefined
  return Retry.make({ times, base, factor, max, jitter, while: errors })
}

const tagsOf = (report: Env["report"], tree: Tree): ReadonlyArray<string> | undefined => {
  if (tree._tag !== "List") {
    const hint = "for instance [ModelError]"
    report.add("FLJ-BLUEPRINT-17", tree.span, "`while` must be a list of names of errors", { hint })
    return undefined
  }
  return tree.items.flatMap((item) => Decode.word(report, item, "a name of an error")?.value ?? [])
}
