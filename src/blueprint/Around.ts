/**
 * What stands around a step. From the inside: its schemas, its validators, the time-out of one attempt, the retries, the
 * time-out of them all, the limits of what they spend, the undo, the fallback, the input that all of these are given, the
 * fields that are written, its invariants, the condition to skip it all,
 * the versions of the pipeline that have it, and words about it.
 */
import * as Json from "../domain/Json.js"
import { isWrapper, type Node } from "../pipeline/Node.js"
import * as Retry from "../pipeline/Retry.js"
import * as Decode from "./Decode.js"
import { type Draft, type Env, placed } from "./Env.js"
import * as Branching from "./internal/Branching.js"
import * as ImportOptions from "./internal/ImportOptions.js"
import * as Settings from "./internal/Settings.js"
import * as JsonSchema from "./JsonSchema.js"
import * as Texts from "./Texts.js"
import * as Tree from "./Tree.js"
import * as UsageLimits from "./UsageLimits.js"
import * as Validators from "./Validators.js"

export const keys = [
  "description",
  "meta",
  "since",
  "before",
  "when",
  "input",
  "input_schema",
  "output_schema",
  "sink_to",
  "updates_context",
  "config",
  "compensate",
  "fallback",
  "validators",
  "static_invariants"
]

export const read = (env: Env, draft: Draft, inner: Node): Node => {
  const { fields } = draft
  let node = configured(env, draft, Validators.validated(env, draft, checked(env, draft, inner)))
  const undo = fields.value("compensate")
  if (undo !== undefined) node = placed(env, draft, { _tag: "Compensate", step: node, undo: env.body(undo) })
  const fallback = fields.value("fallback")
  if (fallback !== undefined) node = placed(env, draft, { _tag: "Fallback", step: node, that: env.step(fallback) })
  node = ImportOptions.caught(env, draft, node)
  const input = fields.value("input")
  if (input !== undefined) {
    const read = inputOf(env, input)
    if (read !== undefined) {
      const head = input.span
      node = placed(env, draft, { _tag: "Input", step: node, input: read.params }, { texts: read.origins, head })
    }
  }
  const outputs = fieldsOf(env, draft, inner)
  for (const key of outputs) {
    node = placed(env, draft, { _tag: "Sink", step: node, context: undefined, field: key, key, reduce: undefined })
  }
  const sink = fields.value("sink_to")
  const field = sink === undefined ? undefined : Decode.field(env.report, sink, "`sink_to`", ofPart)
  if (sink !== undefined && field === undefined) env.origins.markContext()
  if (sink !== undefined && field !== undefined) {
    const head = sink.span
    node = placed(env, draft, { _tag: "Sink", step: node, context: undefined, field, reduce: undefined }, { head })
  }
  node = Validators.invariants(env, draft.origin, fields.value("static_invariants"), node)
  const when = fields.value("when")
  const on = when === undefined ? undefined : Branching.expression(env, when, "`when`")
  if (on !== undefined) {
    const { origins: texts, template } = on
    node = placed(env, draft, { _tag: "When", step: node, on: template }, { texts, head: when!.span })
  }
  return noted(env, draft, versioned(env, draft, node))
}

/** The changes that the step came with, and went with. */
const versioned = (env: Env, draft: Draft, inner: Node): Node => {
  let node = inner
  for (const side of ["before", "since"] as const) {
    const tree = draft.fields.value(side)
    const change = tree === undefined ? undefined : Decode.word(env.report, tree, "the name of a change")?.value
    if (tree === undefined || change === undefined) continue
    node = placed(env, draft, { _tag: "Versioned", step: node, change, side }, { head: tree.span })
  }
  return node
}

const ofPart = (path: ReadonlyArray<string>): string =>
  `a step writes one field, not a part of one: write sink_to: ${path.join("_")}, and read {{ context.${path.join("_")} }}; the parts of one map are set by \`init\`, \`state\` and \`propagation\` of a loop`

/** Words about the step, for people and tools. */
const noted = (env: Env, draft: Draft, step: Node): Node => {
  const descriptionTree = draft.fields.value("description")
  const description = descriptionTree && Decode.text(env.report, descriptionTree, "`description`")?.value
  const metaTree = draft.fields.value("meta")
  const map = metaTree && Decode.map(env.report, metaTree, "`meta`", "names and values of your own")
  const meta = map && Tree.toJson(map)
  if (description === undefined && meta === undefined) return step
  return placed(env, draft, { _tag: "Note", step, description, meta })
}

/** `input_schema` and `output_schema`. Of a question the first is that of the answer. */
const checked = (env: Env, draft: Draft, step: Node): Node => {
  const shape = (name: string) => {
    const tree = draft.fields.value(name)
    return tree === undefined ? undefined : JsonSchema.read(env.report, tree, `\`${name}\``)
  }
  const input = draft.kind === "hitl" ? undefined : shape("input_schema")
  const output = shape("output_schema")
  return input === undefined && output === undefined ? step : placed(env, draft, { _tag: "Check", step, input, output })
}

/** The fields that `updates_context` writes: those named, or with `true` those that the output is known to have. */
const fieldsOf = (env: Env, draft: Draft, inner: Node): ReadonlyArray<string> => {
  const tree = draft.fields.value("updates_context")
  if (tree === undefined) return []
  if (tree._tag === "List") return Branching.names(env, tree, "`updates_context`")
  const hint = "write the fields: updates_context: [topic, summary]"
  if (tree._tag !== "Scalar" || typeof tree.value !== "boolean") {
    if (tree._tag !== "Broken") {
      env.report.add("FLJ-BLUEPRINT-17", tree.span, "`updates_context` must be true, false or a list of fields", {
        hint
      })
    }
    return []
  }
  const schema = draft.fields.value("output_schema")
  if (!tree.value || env.origins.isFaulty(inner)) return []
  const schemas = [outputOf(inner), schema === undefined ? undefined : Tree.toJson(schema)]
  const names = schemas.flatMap((one) => {
    const properties = Json.get(one, "properties")
    return Json.isObject(properties) ? Object.keys(properties) : []
  })
  if (names.length > 0) return [...new Set(names)]
  env.report.add("FLJ-BLUEPRINT-25", tree.span, "it is not known which fields this step answers", { hint })
  return []
}

/** The JSON Schema of what a step answers, where it says so itself. */
const outputOf = (node: Node): Json.Json | undefined => {
  if (isWrapper(node)) return node._tag === "Fallback" ? undefined : outputOf(node.step)
  switch (node._tag) {
    case "Agent":
      return node.agent.output?.jsonSchema
    case "Skill":
      return node.skill.output.jsonSchema
    case "Ask":
      return node.answer.jsonSchema
    case "Signal":
      return node.data.jsonSchema
    case "Sequence":
      return node.steps.length === 0 ? undefined : outputOf(node.steps.at(-1)!)
    case "Scope":
      return outputOf(node.step)
    default:
      return undefined
  }
}

const inputOf = (env: Env, tree: Tree.Tree): Texts.Value | undefined => {
  if (tree._tag === "Broken") return undefined
  if (tree._tag === "Scalar" && tree.value === null) {
    env.report.add("FLJ-BLUEPRINT-17", tree.span, "`input` says nothing", {
      hint: "leave it out to pass on what came before"
    })
    return undefined
  }
  return Texts.params(env.report, tree)
}

const configured = (env: Env, draft: Draft, inner: Node): Node => {
  const tree = draft.fields.value("config")
  if (tree === undefined) return inner
  const { report } = env
  const isImport = ImportOptions.isImport(draft.fields)
  const ofKind = isImport ? ImportOptions.keys : Settings.settingKeys
  const known = ["retries", "max_retries", "timeout", "total_timeout", "usage_limits", ...ofKind]
  const elsewhere = isImport ? ImportOptions.elsewhere : undefined
  const config = Decode.fields(report, tree, "`config`", { of: "`config`", known, elsewhere })
  if (config === undefined) return inner
  ImportOptions.refuse(env, draft)
  const step = withSettings(env, config, inner)
  const timeout = (step: Node, name: "timeout" | "total_timeout"): Node => {
    const value = config.value(name)
    const millis = value === undefined ? undefined : Decode.duration(report, value, `\`${name}\``, 1)
    if (value === undefined || millis === undefined) return step
    return placed(env, draft, { _tag: "Timeout", step, millis }, { head: value.span })
  }
  const attempt = timeout(step, "timeout")
  const by = Decode.oneOf(report, config, ["retries", "max_retries"])
  const retry = by === undefined ? undefined : retryOf(env, by, config.value(by)!)
  const timed = timeout(
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
  const limits = config.value("usage_limits")
  const read = limits === undefined ? undefined : UsageLimits.read(report, limits)
  return limits === undefined || read === undefined
    ? timed
    : placed(env, draft, { _tag: "Capped", step: timed, limits: read }, { head: limits.span })
}

/** Settings of the model that hold for this step, over those of its agent. */
const withSettings = (env: Env, config: Decode.Fields, node: Node): Node => {
  const used = Settings.settingKeys.flatMap((name) => config.key(name) ?? [])
  if (used.length === 0 || env.origins.isFaulty(node)) return node
  const settings = Settings.settingsIn(env.report, config)
  if (node._tag === "Check" || node._tag === "Validate") {
    return env.origins.like(node, { ...node, step: withSettings(env, config, node.step) })
  }
  if (node._tag === "Agent") {
    const { agent } = node
    return env.origins.like(node, { ...node, agent: { ...agent, settings: { ...agent.settings, ...settings } } })
  }
  for (const { span, text } of used) {
    env.report.add("FLJ-BLUEPRINT-20", span, `\`${text}\` is a setting of a model, and this step asks none`, {
      hint: "put it on the step that uses an agent"
    })
  }
  return node
}

const timesRange = { min: 0, max: 100 }

const retryOf = ({ report }: Env, key: string, tree: Tree.Tree): Retry.Retry | undefined => {
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
  const read = <A>(name: string, decode: (tree: Tree.Tree, what: string) => A): A | undefined => {
    const value = fields.value(name)
    return value === undefined ? undefined : decode(value, `\`${name}\``)
  }
  const times = Decode.integer(report, timesTree, "`times`", timesRange)
  const base = read("base", (value, what) => Decode.duration(report, value, what, 0))
  const max = read("max", (value, what) => Decode.duration(report, value, what, 0))
  const factor = read("factor", (value, what) => Decode.number(report, value, what, { min: 1, max: 1_000 }))
  const jitter = read("jitter", (value, what) => Decode.boolean(report, value, what))
  const errors = read("while", (value) => tagsOf(report, value))
  if (times === undefined || report.found.length > before) return undefined
  return Retry.make({ times, base, factor, max, jitter, while: errors })
}

const tagsOf = (report: Env["report"], tree: Tree.Tree): ReadonlyArray<string> | undefined => {
  if (tree._tag !== "List") {
    const hint = "for instance [ModelError]"
    report.add("FLJ-BLUEPRINT-17", tree.span, "`while` must be a list of names of errors", { hint })
    return undefined
  }
  return tree.items.flatMap((item) => Decode.word(report, item, "a name of an error")?.value ?? [])
}
