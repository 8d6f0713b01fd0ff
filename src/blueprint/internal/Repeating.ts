/** `kind: loop` and `map`: steps that run their body more than once. */
import * as Template from "../../expression/Template.js"
import * as Words from "../../expression/Words.js"
import type { Node, Params } from "../../pipeline/Node.js"
import * as Step from "../../pipeline/Step.js"
import * as Decode from "../Decode.js"
import { type Draft, type Env, hole, placed } from "../Env.js"
import type { Text } from "../Origins.js"
import * as Texts from "../Texts.js"
import type { Tree } from "../Tree.js"
import * as Assigns from "./Assigns.js"
import * as Branching from "./Branching.js"
import * as Conversing from "./Conversing.js"
import * as Propagation from "./Propagation.js"

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

const commonKeys = ["name", "input", "sink_to", "description", "config", "fallback", "since", "before", "when", "meta"]

/** A value with templates in it, under the first of `names` that is there; of two it is said that they exclude. */
const made = (env: Env, fields: Decode.Fields, names: ReadonlyArray<string>): Texts.Value | undefined => {
  const by = Decode.oneOf(env.report, fields, names)
  return by === undefined ? undefined : Texts.made(env.report, fields.value(by)!, `\`${by}\``)
}

export const loopKeys = ["loop"]

const loopOptions = [
  "body",
  "max_loops",
  "exit_expression",
  "exit_condition",
  "stop_when",
  "on_max",
  "init",
  "state",
  "propagation",
  "propagate",
  "initial_input_mapper",
  "iteration_input_mapper",
  "loop_output_mapper",
  "output",
  ...Conversing.keys
]

const maxLoopsDefault = 5

export const loop = (env: Env, draft: Draft): Node => {
  const found = inner(env, draft, loopOptions)
  if (found === undefined) return hole(env, draft)
  const { body, options } = found
  const max = Decode.limit(env.report, options, "max_loops", 100_000) ?? maxLoopsDefault
  const by = Decode.oneOf(env.report, options, ["exit_expression", "exit_condition", "stop_when"])
  const until = by === undefined ? undefined : exitOf(env, draft, by, options.value(by)!)
  const onMaxTree = options.value("on_max")
  const onMax =
    onMaxTree === undefined ? undefined : Decode.choice(env.report, onMaxTree, "`on_max`", ["fail", "continue"])
  if (onMax === "fail" && by === undefined) {
    env.report.add("V-L1", onMaxTree!.span, "this loop can only fail: it has no exit", {
      hint: "write an `exit_expression`, or leave `on_max` out"
    })
  }
  const init = assigns(env, options, "init")
  const state = assigns(env, options, "state")
  const { kept, next } = Propagation.read(env, options, body)
  const isHistory = answersHistory(options)
  const output = isHistory ? undefined : outputOf(env, options)
  const talk = Conversing.read(env, draft, options, isHistory)
  const first = options.value("initial_input_mapper")
  const firstInput = first === undefined ? undefined : Texts.made(env.report, first, "`initial_input_mapper`")
  const node = placed(
    env,
    draft,
    {
      _tag: "Loop",
      name: draft.name,
      body,
      until: until?.on,
      max,
      onMax: onMax ?? (by === undefined ? "continue" : "fail"),
      init: init?.assigns,
      state: kept === undefined ? state?.assigns : [...(state?.assigns ?? []), kept],
      next: next?.params,
      output: output?.params,
      ...(talk === undefined ? {} : { conversation: talk.conversation })
    },
    { texts: textsOf(init, state, until, next, output, talk) }
  )
  if (firstInput === undefined) return node
  const { origins: texts, params: input } = firstInput
  return placed(env, draft, { _tag: "Input", step: node, input }, { texts, head: first!.span })
}

/** What an agent says that has finished. */
const finished = "(previous_step.action | default('')) == 'finish'"

const exitOf = (env: Env, draft: Draft, by: string, tree: Tree): ReturnType<typeof Branching.decider> => {
  if (by !== "stop_when") return Branching.decider(env, draft, tree, by)
  return Decode.choice(env.report, tree, "`stop_when`", ["agent_finished"]) === undefined
    ? undefined
    : { on: Template.parseExpression(finished), texts: [] }
}

/** `output: { text: conversation_history }` of a conversation. */
const answersHistory = (options: Decode.Fields): boolean => {
  const map = options.value("output")
  const conversation = options.value("conversation")
  const isOn = conversation?._tag === "Scalar" && conversation.value === true
  if (!isOn || map?._tag !== "Map" || map.entries.length !== 1) return false
  const { key, value } = map.entries[0]!
  return key.text === "text" && value._tag === "Scalar" && value.value === "conversation_history"
}

/** `output`: any value with templates; `{ fields: { NAME: context.PATH } }` is short for a map of fields. */
const outputOf = (env: Env, options: Decode.Fields): Texts.Value | undefined => {
  const tree = options.value("output")
  const only = tree?._tag === "Map" && tree.entries.length === 1 ? tree.entries[0]! : undefined
  if (only?.key.text === "text" && only.value._tag === "Scalar" && only.value.value === "conversation_history") {
    env.report.add("FLJ-BLUEPRINT-19", only.value.span, "this loop keeps no conversation", {
      hint: "add `conversation: true`"
    })
    return undefined
  }
  if (only?.key.text !== "fields" || options.value("loop_output_mapper") !== undefined) {
    return made(env, options, ["output", "loop_output_mapper"])
  }
  const map = Decode.map(env.report, only.value, "`fields`", "names, each with a path such as context.topic")
  const parts: Array<readonly [string, Params]> = []
  for (const { key, value } of map?.entries ?? []) {
    const path = Decode.word(env.report, value, `\`fields.${key.text}\``)
    if (path === undefined) continue
    if (/^context(\.[\p{L}_][\p{L}\p{N}_]*)+$/u.test(path.value.trim())) {
      parts.push([key.text, Step.params(`{{ ${path.value.trim()} }}`)])
    } else {
      env.report.add("FLJ-BLUEPRINT-19", path.span, `${Words.quoted(path.value)} is not a path in the context`, {
        hint: "for instance context.topic"
      })
    }
  }
  const origins = parts.flatMap(([, part]) =>
    part._tag === "Text" ? [{ source: part.template.source, within: () => only.value.span }] : []
  )
  return { params: { _tag: "Map", fields: parts }, origins }
}

const assigns = (env: Env, options: Decode.Fields, name: string) => {
  const tree = options.value(name)
  return tree === undefined ? undefined : Assigns.read(env, tree, `\`${name}\``)
}

const textsOf = (
  ...parts: ReadonlyArray<
    { readonly origins: ReadonlyArray<Text> } | { readonly texts: ReadonlyArray<Text> } | undefined
  >
): ReadonlyArray<Text> =>
  parts.flatMap((part) => (part === undefined ? [] : "texts" in part ? part.texts : part.origins))

export const mapKeys = ["map"]

/** What an expression may begin with; any other bare name is a field of the context. */
const roots = ["input", "initial_prompt", "previous_step", "resume_input", "this", "index", "steps", "context"]

export const map = (env: Env, draft: Draft): Node => {
  const found = inner(env, draft, [
    "iterable_input",
    "body",
    "concurrency",
    "max_items",
    "on_item_failure",
    "merge_strategy",
    "init",
    "finalize"
  ])
  if (found === undefined) return hole(env, draft)
  const { body, options } = found
  const tree = options.value("iterable_input")
  const items = tree === undefined ? undefined : iterable(env, tree)
  const onFailure = options.value("on_item_failure")
  const strategy = options.value("merge_strategy")
  const init = assigns(env, options, "init")
  const output = finalOf(env, options)
  return placed(
    env,
    draft,
    {
      _tag: "ForEach",
      name: draft.name,
      body,
      items: items?.template,
      concurrency: Decode.limit(env.report, options, "concurrency", 1024) ?? 8,
      max: Decode.limit(env.report, options, "max_items", 100_000) ?? 1000,
      maxWaiting: 100,
      onFailure:
        (onFailure === undefined
          ? undefined
          : Decode.choice(env.report, onFailure, "`on_item_failure`", ["fail", "skip", "collect"])) ?? "fail",
      merge:
        strategy === undefined
          ? undefined
          : Branching.mergeOf(Decode.choice(env.report, strategy, "`merge_strategy`", Branching.mergeStrategies)),
      init: init?.assigns,
      output: output?.params
    },
    { texts: textsOf(items, init, output) }
  )
}

/** What is made of the list of outputs. */
const finalOf = (env: Env, options: Decode.Fields): Texts.Value | undefined => {
  const tree = options.value("finalize")
  if (tree === undefined) return undefined
  const fields = Decode.fields(env.report, tree, "`finalize`", {
    of: "`finalize`",
    known: ["output_template", "output"]
  })
  return fields && made(env, fields, ["output_template", "output"])
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
