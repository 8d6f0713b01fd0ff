/** `kind: step`: an agent, a skill, a named sequence or nothing. */

import * as Json from "../../domain/Json.js"
import * as Words from "../../expression/Words.js"
import type { Node } from "../../pipeline/Node.js"
import type { AnySkill } from "../../pipeline/Skill.js"
import * as Step from "../../pipeline/Step.js"
import * as Decode from "../Decode.js"
import { type Draft, type Env, hole, placed } from "../Env.js"
import * as Texts from "../Texts.js"
import type { Tree } from "../Tree.js"
import * as ImportOptions from "./ImportOptions.js"
import { skillNamed } from "./SkillNamed.js"

export const stepKeys = ["uses", "agent", "skill", "params", "steps", "use_history"]

export const step = (env: Env, draft: Draft): Node => {
  const { fields } = draft
  const by = Decode.oneOf(env.report, fields, ["uses", "agent", "skill", "steps"])
  const params = fields.value("params")
  const paramsKey = fields.key("params")
  if (paramsKey !== undefined && by !== "skill") {
    env.report.add("FLJ-BLUEPRINT-20", paramsKey.span, "`params` are those of a `skill`", {
      hint: by === "agent" ? "put them beside the id: agent: { id: …, params: { … } }" : "name the skill with `skill:`"
    })
  }
  const node = stepOf(env, draft, by, params)
  const historyTree = fields.value("use_history")
  const usesHistory = historyTree && Decode.boolean(env.report, historyTree, "`use_history`")
  if (usesHistory === undefined || env.origins.isFaulty(node)) return node
  if (node._tag !== "Agent") {
    env.report.add("FLJ-BLUEPRINT-20", fields.key("use_history")!.span, "`use_history` is for a step with an agent", {
      hint: "leave it out: this step asks no model"
    })
    return node
  }
  return usesHistory ? node : placed(env, draft, { ...node, ignoresHistory: true })
}

const stepOf = (env: Env, draft: Draft, by: string | undefined, params: Tree | undefined): Node => {
  const { fields } = draft
  switch (by) {
    case "uses": {
      const text = Decode.word(env.report, fields.value("uses")!, "`uses`")
      if (text === undefined) return hole(env, draft)
      return text.value.startsWith("imports.") ? imported(env, draft, text) : agent(env, draft, text)
    }
    case "agent":
      return reference(env, draft, fields.value("agent")!)
    case "skill": {
      const text = Decode.word(env.report, fields.value("skill")!, "`skill`")
      return text === undefined ? hole(env, draft) : skill(env, draft, text, params)
    }
    case "steps":
      return placed(env, draft, {
        _tag: "Scope",
        name: draft.name,
        step: env.body(fields.value("steps")!),
        pipeline: undefined
      })
    default:
      return placed(env, draft, Step.pass(draft.name).node)
  }
}

/** Another blueprint as one step: its steps stand below, and its context is its own. */
const imported = (env: Env, draft: Draft, text: Decode.Text): Node => {
  const prefix = "imports."
  const name = text.value.slice(prefix.length)
  const child = env.imports.get(name)
  if (child === undefined) {
    const names = [...env.imports.keys()]
    const meant = Words.closest(name, names)
    const known = names.length === 0 ? "the file imports nothing" : `imported are ${Words.listed(names)}`
    const span = text.within({ start: prefix.length, end: text.value.length })
    env.report.add("V-I2", span, `there is no import ${Words.quoted(name)}`, {
      hint: meant === undefined ? known : `did you mean \`imports.${meant}\`? ${known}`
    })
    return hole(env, draft)
  }
  env.used.add(text.value)
  const inheritTree = ImportOptions.of(draft, "inherit_context")
  const inherits = inheritTree && Decode.boolean(env.report, inheritTree, "`inherit_context`")
  const outputsTree = ImportOptions.of(draft, "outputs")
  const outputs = outputsTree && outputsOf(env, outputsTree)
  if (child.inner === undefined) return hole(env, draft)
  const { context, name: pipeline, root } = child.inner
  return placed(env, draft, {
    _tag: "Scope",
    name: draft.name,
    step: root,
    pipeline: { name: pipeline, context, inherits: inherits === true ? true : undefined, outputs }
  })
}

/** Fields of the inner context, each with the field of the outer one that it becomes. */
const outputsOf = (env: Env, tree: Tree): ReadonlyArray<readonly [string, string]> => {
  const hint = "for instance { summary: report } or [{ from: summary, to: report }]"
  const pair = (from: string | undefined, to: Tree | undefined): ReadonlyArray<readonly [string, string]> => {
    const outer = to && Decode.field(env.report, to, "a field")
    return from === undefined || outer === undefined ? [] : [[from, outer]]
  }
  if (tree._tag === "Map") {
    return tree.entries.flatMap(({ key, value }) => pair(key.text.replace(/^context\./, ""), value))
  }
  if (tree._tag !== "List") {
    if (tree._tag !== "Broken") {
      env.report.add("FLJ-BLUEPRINT-17", tree.span, "`outputs` must be a map or a list", { hint })
    }
    return []
  }
  return tree.items.flatMap((item) => {
    const fields = Decode.fields(env.report, item, "an output", {
      of: "an output",
      known: ["from", "to", "child", "parent"]
    })
    if (fields === undefined) return []
    const from = Decode.oneOf(env.report, fields, ["from", "child"])
    const to = Decode.oneOf(env.report, fields, ["to", "parent"])
    if (from === undefined || to === undefined) {
      env.report.add("FLJ-BLUEPRINT-16", Decode.headOf(item), "an output needs `from` and `to`", { hint })
      return []
    }
    return pair(Decode.field(env.report, fields.value(from)!, "a field"), fields.value(to))
  })
}

/** `agent: { id, params }`: an agent of the file, or a skill. */
export const reference = (env: Env, draft: Draft, tree: Tree): Node => {
  if (tree._tag === "Scalar" && typeof tree.value === "string") {
    env.report.add("FLJ-BLUEPRINT-17", tree.span, "`agent` must be a map, and text was found", {
      hint: `write { id: "${tree.value}" }`
    })
    return hole(env, draft)
  }
  const fields = Decode.fields(env.report, tree, "`agent`", { of: "`agent`", known: ["id", "params"] })
  if (fields === undefined) return hole(env, draft)
  const id = Decode.required(env.report, fields, "id", {
    at: Decode.headOf(tree),
    of: "`agent`",
    hint: 'for instance { id: "agents.writer" }'
  })
  if (id === undefined) return hole(env, draft)
  const text = Decode.word(env.report, id, "`id`")
  if (text === undefined) return hole(env, draft)
  const params = fields.key("params")
  if (!text.value.startsWith("agents.")) return skill(env, draft, text, fields.value("params"))
  if (params !== undefined) {
    env.report.add("FLJ-BLUEPRINT-20", params.span, "an agent takes no `params`", {
      hint: "what it is to work on is its `input`"
    })
  }
  return agent(env, draft, text)
}

export const agent = (env: Env, draft: Draft, text: Decode.Text): Node => {
  const names = [...env.agents.keys()]
  const prefix = "agents."
  const name = text.value.startsWith(prefix) ? text.value.slice(prefix.length) : undefined
  const declared = name === undefined ? undefined : env.agents.get(name)
  if (name === undefined || declared === undefined) {
    const known = names.length === 0 ? "the file declares no agents" : `declared are ${Words.listed(names)}`
    const meant = Words.closest(name ?? text.value, names)
    const isSkill = env.options.skills(text.value) !== undefined
    env.report.add(
      "V-A6",
      name === undefined ? text.span : text.within({ start: prefix.length, end: text.value.length }),
      name === undefined
        ? `\`uses\` names an agent as agents.NAME, not ${Words.quoted(text.value)}`
        : `there is no agent ${Words.quoted(name)}`,
      {
        hint: isSkill
          ? `this is a skill: write skill: ${text.value}`
          : meant === undefined
            ? known
            : `did you mean \`agents.${meant}\`? ${known}`,
        repair: isSkill || meant === undefined ? undefined : { span: text.span, text: `agents.${meant}` }
      }
    )
    return hole(env, draft)
  }
  env.used.add(name)
  if (declared.agent === undefined) return hole(env, draft)
  return placed(env, draft, { _tag: "Agent", name: draft.name, agent: declared.agent })
}

export const skill = (env: Env, draft: Draft, text: Decode.Text, params: Tree | undefined): Node => {
  const isAgent = env.agents.has(text.value.replace(/^agents\./, ""))
  const found = skillNamed(env.report, { ...env.options, origins: env.origins }, text, isAgent)
  if (found === undefined) return hole(env, draft)
  if (params === undefined) return placed(env, draft, Step.skill(draft.name, found).node)
  if (Decode.map(env.report, params, "`params`") === undefined) return hole(env, draft)
  parametersOf(env, found, params)
  const read = Texts.params(env.report, params)
  const node = { ...Step.skill(draft.name, found).node, params: read.params } as Node
  return placed(env, draft, node, { texts: read.origins })
}

/** Names only: values are templates, and known when the step runs. */
const parametersOf = (env: Env, { argument, id, input }: AnySkill, tree: Tree): void => {
  const properties = Json.get(input.jsonSchema, "properties")
  if (tree._tag !== "Map" || !Json.isObject(properties)) return
  const names = Object.keys(properties)
  const guesses = new Set<string>()
  let strays = 0
  if (Json.get(input.jsonSchema, "additionalProperties") === false) {
    for (const { key } of tree.entries) {
      if (names.includes(key.text)) continue
      const meant = Words.closest(key.text, names)
      if (meant !== undefined) guesses.add(meant)
      else strays++
      env.report.add("FLJ-BLUEPRINT-24", key.span, `the skill \`${id}\` takes no ${Words.quoted(key.text)}`, {
        hint: meant === undefined ? `it takes ${Words.listed(names)}` : `did you mean \`${meant}\`?`,
        repair:
          meant === undefined || tree.entries.some(({ key }) => key.text === meant)
            ? undefined
            : { span: key.span, text: meant }
      })
    }
  }
  const required = Json.get(input.jsonSchema, "required")
  for (const name of Array.isArray(required) ? required : []) {
    if (
      typeof name !== "string" ||
      name === argument ||
      guesses.has(name) ||
      tree.entries.some(({ key }) => key.text === name)
    )
      continue
    // A name that is unknown may be that of one that is missing: that is one mistake.
    if (strays-- > 0) continue
    env.report.add("FLJ-BLUEPRINT-24", Decode.headOf(tree), `the skill \`${id}\` needs \`${name}\``)
  }
}
