/** `agents:` — a model with a prompt and a wanted output, under a name that steps use. */
import * as Json from "../domain/Json.js"
import * as StepPath from "../domain/StepPath.js"
import * as Words from "../expression/Words.js"
import * as Agent from "../pipeline/Agent.js"
import * as Tool from "../pipeline/Tool.js"
import * as Decode from "./Decode.js"
import type { Report } from "./Diagnostics.js"
import { agentTools } from "./internal/AgentTools.js"
import * as Fallbacks from "./internal/Fallbacks.js"
import * as Prompt from "./internal/Prompt.js"
import * as Settings from "./internal/Settings.js"
import type { Known } from "./internal/SkillNamed.js"
import * as JsonSchema from "./JsonSchema.js"
import type { Key, Tree } from "./Tree.js"

export interface Declared {
  readonly key: Key
  /** `undefined` where it could not be read: it is known, and nothing more. */
  readonly agent: Agent.AnyAgent | undefined
}

const keys = [
  "model",
  "fallback_models",
  "system_prompt",
  "output_schema",
  "model_settings",
  "cache",
  "approve",
  "redact",
  "strip_reasoning",
  "tools",
  "max_turns",
  "repair",
  "max_corrections"
]

/** What agents are read with. */
export type Around = Known & { readonly prompts: Prompt.Prompts }

export const read = (report: Report, known: Around, tree: Tree | undefined): ReadonlyMap<string, Declared> => {
  const declared = new Map<string, Declared>()
  const map = tree === undefined ? undefined : Decode.map(report, tree, "`agents`", "names, each with a model")
  for (const { key, value } of map?.entries ?? []) {
    if (!StepPath.isName(key.text)) {
      report.add("FLJ-BLUEPRINT-19", key.span, `${Words.quoted(key.text)} is not a name`, {
        hint: "letters, digits, _ and -, and a letter or _ first"
      })
    }
    declared.set(key.text, { key, agent: agent(report, known, key, value) })
  }
  return declared
}

const agent = (report: Report, known: Around, key: Key, tree: Tree): Agent.AnyAgent | undefined => {
  const before = report.found.length
  const fields = Decode.fields(report, tree, `the agent \`${key.text}\``, { of: "an agent", known: keys })
  if (fields === undefined) return undefined
  const of = `the agent \`${key.text}\``
  const model = Decode.required(report, fields, "model", {
    at: key.span,
    of,
    hint: "for instance openai:gpt-4o-mini, or offline:text without a key"
  })
  const modelText = model === undefined ? undefined : Fallbacks.modelNamed(report, model)
  const fallbacks = Fallbacks.read(report, fields.value("fallback_models"), modelText?.value)
  const system = Decode.required(report, fields, "system_prompt", {
    at: key.span,
    of,
    hint: "say in a sentence what the agent is to do"
  })
  const prompt = system?._tag === "Map" ? Prompt.read(report, known, system) : undefined
  const systemText =
    system === undefined || system._tag === "Map" ? undefined : Decode.text(report, system, "`system_prompt`")
  const schema = fields.value("output_schema")
  const output = schema === undefined ? undefined : JsonSchema.read(report, schema, "`output_schema`")
  const settings = fields.value("model_settings")
  const modelSettings = settings === undefined ? {} : Settings.settingsOf(report, settings)
  const cacheTree = fields.value("cache")
  const cacheMillis = cacheTree && cacheOf(report, cacheTree)
  const toolsTree = fields.value("tools")
  const approveTree = fields.value("approve")
  const approve = approveTree === undefined ? [] : approveOf(report, approveTree)
  const approveKey = fields.key("approve")
  if (approveKey !== undefined && toolsTree === undefined) {
    report.add("FLJ-BLUEPRINT-20", approveKey.span, "`approve` is for an agent with `tools`", {
      hint: "leave it out, or give the agent `tools`"
    })
  }
  const tools = toolsTree === undefined ? [] : agentTools(report, known, toolsTree, approve)
  const turns = Decode.limit(report, fields, "max_turns", Agent.maxTurnsMost)
  const turnsKey = fields.key("max_turns")
  if (turnsKey !== undefined && toolsTree === undefined) {
    report.add("FLJ-BLUEPRINT-20", turnsKey.span, "`max_turns` is for an agent with `tools`", {
      hint: "an agent without tools takes one turn: leave it out, or give the agent `tools`"
    })
  }
  const isData = schema !== undefined && !isText(output)
  const repair = repairOf(report, fields, isData)
  const corrections = fields.value("max_corrections")
  const range = { min: 0, max: Agent.maxCorrectionsMost }
  const maxCorrections =
    corrections === undefined ? undefined : Decode.integer(report, corrections, "`max_corrections`", range)
  if (!isData) ofData(report, fields, "max_corrections")
  const redactTree = fields.value("redact")
  const redact = redactTree === undefined ? [] : redactOf(report, redactTree)
  const stripTree = fields.value("strip_reasoning")
  const strips = stripTree && Decode.boolean(report, stripTree, "`strip_reasoning`")
  if (report.found.length > before || modelText === undefined) return undefined
  if (systemText === undefined && prompt === undefined) return undefined
  return {
    name: key.text,
    model: modelText.value,
    fallbacks,
    system: systemText?.value ?? "",
    prompt,
    // A schema that says only "text" is what an agent without a schema answers.
    output: output !== undefined && isPlainText(output.jsonSchema) ? undefined : output,
    settings: { maxTokens: Agent.maxTokensDefault, ...modelSettings },
    cacheMillis,
    tools,
    maxTurns: tools.length === 0 ? 1 : (turns ?? Agent.maxTurnsDefault),
    repair,
    maxCorrections: maxCorrections ?? 0,
    ...(redact.length === 0 ? {} : { redact }),
    ...(strips === true ? { stripsReasoning: true as const } : {})
  }
}

const approveOf = (report: Report, tree: Tree): ReadonlyArray<Tool.Effect> => {
  if (tree._tag === "List")
    return tree.items.flatMap((item) => Decode.choice(report, item, "an effect", Tool.effects) ?? [])
  if (tree._tag !== "Broken") {
    report.add("FLJ-BLUEPRINT-17", tree.span, "`approve` must be a list", { hint: "for instance [write, external]" })
  }
  return []
}

/** `all`, or a list of what is kept from the model. */
const redactOf = (report: Report, tree: Tree): ReadonlyArray<Agent.Redactable> => {
  if (tree._tag === "Scalar" && tree.value === "all") return Agent.redactable
  if (tree._tag !== "List") {
    if (tree._tag !== "Broken") {
      const hint = `for instance redact: [${Agent.redactable.slice(0, 2).join(", ")}]`
      report.add("FLJ-BLUEPRINT-17", tree.span, "`redact` must be a list, or all", { hint })
    }
    return []
  }
  const wanted = tree.items.map((item) => Decode.choice(report, item, "what is redacted", Agent.redactable))
  return Agent.redactable.filter((kind) => wanted.includes(kind))
}

/** `true`, `false`, or how long. */
const cacheOf = (report: Report, tree: Tree): number | undefined => {
  if (tree._tag !== "Scalar" || typeof tree.value !== "boolean") return Decode.duration(report, tree, "`cache`", 1)
  return tree.value ? Agent.cacheMillisDefault : undefined
}

const isText = (output: Agent.AnyAgent["output"]): boolean =>
  output !== undefined && Json.get(output.jsonSchema, "type") === "string"

const ofData = (report: Report, fields: Decode.Fields, name: string): void => {
  const key = fields.key(name)
  if (key === undefined) return
  report.add("FLJ-BLUEPRINT-20", key.span, `\`${name}\` is for an agent whose \`output_schema\` is not a text`, {
    hint: "a text is taken as it is: leave it out, or give the agent an `output_schema`"
  })
}

const repairOf = (report: Report, fields: Decode.Fields, isData: boolean): Agent.Repair => {
  const tree = fields.value("repair")
  if (tree === undefined) return Agent.repairDefault
  if (!isData) ofData(report, fields, "repair")
  return Decode.choice(report, tree, "`repair`", Agent.repairs) ?? Agent.repairDefault
}

const isPlainText = (schema: unknown): boolean =>
  typeof schema === "object" &&
  schema !== null &&
  "type" in schema &&
  schema.type === "string" &&
  Object.keys(schema).every((name) => name === "type" || name === "description")
