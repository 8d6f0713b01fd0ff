/** `kind: conditional`, `parallel`, `loop` and `map`: steps that hold steps. */
import type { Span } from "../../expression/Template.js"
import * as Template from "../../expression/Template.js"
import type { Node } from "../../pipeline/Node.js"
import * as Decode from "../Decode.js"
import { type Draft, type Env, hole, placed } from "../Env.js"
import * as Texts from "../Texts.js"
import type { Tree } from "../Tree.js"

export const conditionalKeys = ["condition", "condition_expression", "branches", "default_branch"]

export const conditional = (env: Env, draft: Draft): Node => {
  const { fields } = draft
  const by = Decode.oneOf(env.report, fields, ["condition", "condition_expression"])
  const condition = by === undefined ? undefined : expression(env, fields.value(by)!, `\`${by}\``)
  if (by === undefined && !fields.meant.has("condition_expression")) {
    Decode.required(env.report, fields, "condition", {
      at: draft.origin.head,
      of: "a conditional",
      hint: "for instance condition: \"{{ previous_step.severity == 'high' }}\""
    })
  }
  const otherwise = fields.value("default_branch")
  const branches = branchesOf(env, draft, "a conditional", "true and false, or what the condition answers")
  const rest = otherwise === undefined ? undefined : env.body(otherwise)
  if (condition === undefined || branches === undefined) return hole(env, draft)
  return placed(
    env,
    draft,
    { _tag: "Branch", name: draft.name, on: condition.template, cases: branches.nodes, otherwise: rest },
    { texts: condition.origins, branches: branches.spans }
  )
}

export const parallelKeys = ["branches", "concurrency"]

export const parallel = (env: Env, draft: Draft): Node => {
  const concurrency = limit(env, draft.fields, "concurrency", 1024) ?? 16
  const branches = branchesOf(env, draft, "a parallel", "names, each with a step or a list of steps")
  if (branches === undefined) return hole(env, draft)
  return placed(
    env,
    draft,
    { _tag: "Parallel", name: draft.given, branches: branches.nodes, concurrency },
    { branches: branches.spans }
  )
}

const branchesOf = (env: Env, { fields, origin }: Draft, of: string, hint: string) => {
  const tree = Decode.required(env.report, fields, "branches", { at: origin.head, of, hint })
  if (tree === undefined) return undefined
  const map = Decode.map(env.report, tree, "`branches`", hint)
  if (map === undefined) return undefined
  const spans = new Map<string, Span>(map.entries.map(({ key }) => [key.text, key.span]))
  return { nodes: map.entries.map(({ key, value }) => [key.text, env.body(value)] as const), spans }
}

const expression = (env: Env, tree: Tree, what: string): Texts.Read | undefined => {
  // A condition that is always so is rarely meant, but it is an expression.
  if (tree._tag === "Scalar" && typeof tree.value === "boolean") return Texts.expression(env.report, tree)
  const text = Decode.word(env.report, tree, what)
  return text === undefined ? undefined : Texts.expression(env.report, text)
}

const limit = (env: Env, fields: Decode.Fields, name: string, max: number): number | undefined => {
  const tree = fields.value(name)
  return tree === undefined ? undefined : Decode.integer(env.report, tree, `\`${name}\``, { min: 1, max })
}

/** The options of a loop or a map, which stand below a key of its kind, and its body. */
const inner = (env: Env, { fields, kind, origin }: Draft, known: ReadonlyArray<string>) => {
  const what = `\`${kind}\``
  const tree = Decode.required(env.report, fields, kind, {
    at: origin.head,
    of: `a ${kind}`,
    hint: `put its options under ${what}`
  })
  if (tree === undefined) return undefined
  const options = Decode.fields(env.report, tree, what, {
    of: what,
    known,
    elsewhere: (key) => (commonKeys.includes(key) ? `put it beside \`${kind}:\`, not below` : undefined)
  })
  if (options === undefined) return undefined
  const body = Decode.required(env.report, options, "body", {
    at: Decode.headOf(tree),
    of: what,
    hint: "a step or a list of steps"
  })
  return body === undefined ? undefined : { options, body: env.body(body) }
}

const commonKeys = ["name", "input", "sink_to", "description", "config", "fallback"]

export const loopKeys = ["loop"]

const maxLoopsDefault = 5

export const loop = (env: Env, draft: Draft): Node => {
  const found = inner(env, draft, ["body", "max_loops", "exit_expression", "on_max"])
  if (found === undefined) return hole(env, draft)
  const { body, options } = found
  const max = limit(env, options, "max_loops", 100_000) ?? maxLoopsDefault
  const exit = options.value("exit_expression")
  const until = exit === undefined ? undefined : expression(env, exit, "`exit_expression`")
  const onMaxTree = options.value("on_max")
  const onMax =
    onMaxTree === undefined ? undefined : Decode.choice(env.report, onMaxTree, "`on_max`", ["fail", "continue"])
  if (onMax === "fail" && exit === undefined) {
    env.report.add("V-L1", onMaxTree!.span, "this loop can only fail: it has no exit", {
      hint: "write an `exit_expression`, or leave `on_max` out"
    })
  }
  return placed(
    env,
    draft,
    {
      _tag: "Loop",
      name: draft.name,
      body,
      until: until?.template,
      max,
      onMax: onMax ?? (exit === undefined ? "continue" : "fail")
    },
    { texts: until?.origins ?? [] }
  )
}

export const mapKeys = ["map"]

/** What an expression may begin with; any other bare name is a field of the context. */
const roots = ["input", "initial_prompt", "previous_step", "resume_input", "this", "index", "steps", "context"]

export const map = (env: Env, draft: Draft): Node => {
  const found = inner(env, draft, ["iterable_input", "body", "concurrency", "max_items", "on_item_failure"])
  if (found === undefined) return hole(env, draft)
  const { body, options } = found
  const tree = options.value("iterable_input")
  const items = tree === undefined ? undefined : iterable(env, tree)
  const onFailure = options.value("on_item_failure")
  return placed(
    env,
    draft,
    {
      _tag: "ForEach",
      name: draft.name,
      body,
      items: items?.template,
      concurrency: limit(env, options, "concurrency", 1024) ?? 8,
      max: limit(env, options, "max_items", 100_000) ?? 1000,
      maxWaiting: 100,
      onFailure:
        (onFailure === undefined
          ? undefined
          : Decode.choice(env.report, onFailure, "`on_item_failure`", ["fail", "skip"])) ?? "fail"
    },
    { texts: items?.origins ?? [] }
  )
}

const iterable = (env: Env, tree: Tree): Texts.Read | undefined => {
  const text = Decode.word(env.report, tree, "`iterable_input`")
  if (text === undefined) return undefined
  const name = text.value.trim()
  if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) || roots.includes(name)) return Texts.expression(env.report, text)
  const prefix = "context."
  const start = prefix.length - text.value.indexOf(name)
  return {
    template: Template.parseExpression(prefix + name),
    origins: [
      {
        source: prefix + name,
        within: (span) =>
          text.within({ start: Math.max(0, span.start - start), end: Math.max(name.length, span.end - start) })
      }
    ]
  }
}
