/**
 * A tree as canonical JSON: what the plan's digest is taken of, and what two plans are compared by. A function stands as
 * `{ code: "<path>!<role>", version }`; nothing of its source enters, since the same source has many forms.
 */
import * as Either from "effect/Either"
import * as Json from "../domain/Json.js"
import type { ModelSettings } from "../domain/Model.js"
import type { Template, UndefinedVariables } from "../expression/Template.js"
import { type Prompt, repairSaid } from "../pipeline/Agent.js"
import type {
  Assign,
  Code,
  ContextSpec,
  Conversation,
  Decider,
  Granular,
  Node,
  Stop,
  Validator
} from "../pipeline/Node.js"
import { nameOf, paramsJson } from "../pipeline/Node.js"
import type { Pipeline } from "../pipeline/Pipeline.js"
import type { Shape } from "../pipeline/Shape.js"
import type { AnyTool } from "../pipeline/Tool.js"

export const toJson = (pipeline: Pipeline.Any): Json.JsonObject => ({
  format: 1,
  name: pipeline.name,
  ...contextJson(pipeline.context),
  ...undefinedJson(pipeline.undefinedVariables),
  root: nodeJson(pipeline.root, "")
})

/** Absent where it is the default, so that a plan is no other for naming that. */
const undefinedJson = (how: Pipeline.Any["undefinedVariables"]): Json.JsonObject =>
  how === undefined || how === "strict" ? {} : { undefined_variables: how }

/** What `toJson` wrote of it. */
export const undefinedVariablesOf = (plan: Json.Json): UndefinedVariables => {
  const how = Json.get(plan, "undefined_variables")
  return how === "warn" || how === "ignore" ? how : "strict"
}

const contextJson = (context: ContextSpec | undefined): Json.JsonObject =>
  context === undefined
    ? {}
    : {
        context: Object.fromEntries(Object.entries(context.fields).map(([name, shape]) => [name, schemaJson(shape)]))
      }

/** One node, whose parent stands at `parent`, as a run has it that keeps the old way of `keeps`. */
export const ofNode = (node: Node, parent: string, keeps: ReadonlySet<string>): Json.Json =>
  resolved(nodeJson(node, parent), keeps) ?? null

/** Without what is marked with changes, as if it had been written so; undefined where nothing is left. */
const resolved = (json: Json.Json, keeps: ReadonlySet<string>): Json.Json | undefined => {
  if (Array.isArray(json)) return json.flatMap((one) => resolved(one, keeps) ?? [])
  if (!Json.isObject(json)) return json
  const { change, kind, step, steps } = json
  if ((kind === "since" || kind === "before") && typeof change === "string" && step !== undefined) {
    return keeps.has(change) === (kind === "before") ? resolved(step, keeps) : undefined
  }
  if (kind === "sequence" && Array.isArray(steps)) {
    const all = steps.flatMap((one) => {
      const left = resolved(one, keeps)
      const inner = Json.isObject(left) && left.kind === "sequence" ? left.steps : undefined
      return left === undefined ? [] : Array.isArray(inner) ? inner : [left]
    })
    return all.length === 1 ? all[0] : { kind, steps: all }
  }
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, resolved(value, keeps) ?? null]))
}

const nodeJson = (node: Node, parent: string): Json.JsonObject => {
  const own = nameOf(node)
  const path = own === undefined ? parent : parent === "" ? own : `${parent}/${own}`
  const leaf = <F>(code: Code<F>, role: string): Json.JsonObject => ({ code: `${path}!${role}`, version: code.version })
  const textOr = <F>(value: Code<F> | Template | Decider, role: string, at = `${path}!${role}`): Json.Json =>
    "source" in value ? value.source : "step" in value ? { step: nodeJson(value.step, at) } : leaf(value, role)
  switch (node._tag) {
    case "Code":
      return {
        kind: "code",
        name: node.name,
        run: { code: `${path}!run`, version: node.version },
        input: schemaJson(node.input),
        output: schemaJson(node.output),
        error: schemaJson(node.error),
        effect: node.effect,
        on_uncertain: node.onUncertain,
        replay: node.replay
      }
    case "Fn":
      return { kind: "fn", name: node.name, fn: leaf(node.code, "fn"), output: schemaJson(node.output) }
    case "Pass":
      return { kind: "pass", name: node.name }
    case "Agent":
      return {
        kind: "agent",
        name: node.name,
        agent: {
          name: node.agent.name,
          model: node.agent.model,
          ...(node.agent.fallbacks.length === 0
            ? {}
            : { fallbacks: node.agent.fallbacks.map(({ model, on }) => ({ model, on })) }),
          system: node.agent.prompt === undefined ? node.agent.system : promptJson(node.agent.prompt),
          output: node.agent.output === undefined ? null : schemaJson(node.agent.output),
          settings: settingsJson(node.agent.settings),
          ...present({ redact: node.agent.redact, strip_reasoning: node.agent.stripsReasoning }),
          ...(node.agent.cacheMillis === undefined ? {} : { cache: node.agent.cacheMillis }),
          ...(repairSaid(node.agent) === undefined ? {} : { repair: node.agent.repair }),
          ...(node.agent.maxCorrections === 0 ? {} : { max_corrections: node.agent.maxCorrections }),
          ...(node.agent.tools.length === 0
            ? {}
            : { max_turns: node.agent.maxTurns, tools: node.agent.tools.map(toolJson) })
        },
        ...present({
          use_history: node.ignoresHistory ? false : undefined,
          granular: node.granular && granularJson(node.granular, (on) => textOr(on, "stop"))
        })
      }
    case "Skill":
      return {
        kind: "skill",
        name: node.name,
        skill: node.skill.id,
        version: node.skill.version,
        effect: node.skill.effect,
        ...present({ cost: node.skill.cost }),
        params: node.params === undefined ? null : paramsJson(node.params),
        on_uncertain: node.onUncertain
      }
    case "Sequence":
      return node.steps.length === 1
        ? nodeJson(node.steps[0]!, parent)
        : { kind: "sequence", steps: node.steps.map((step) => nodeJson(step, parent)) }
    case "Parallel":
      return {
        kind: "parallel",
        name: own!,
        concurrency: node.concurrency,
        ...(node.select === undefined ? {} : { select: textOr(node.select, "select") }),
        ...present({
          merge: node.merge,
          on_failure: node.onFailure === "fail" ? undefined : node.onFailure,
          include: node.include,
          fields: node.fields === undefined ? undefined : Object.fromEntries(node.fields),
          reduce: node.reduce
        }),
        branches: node.branches.map(([key, branch]) => ({ key, step: nodeJson(branch, `${path}/${key}`) }))
      }
    case "Branch":
      return {
        kind: "branch",
        name: node.name,
        on: textOr(node.on, "on"),
        cases: node.cases.map(([key, branch]) => ({ key, step: nodeJson(branch, `${path}/${key}`) })),
        otherwise: node.otherwise === undefined ? null : nodeJson(node.otherwise, `${path}/otherwise`)
      }
    case "Loop":
      return {
        kind: "loop",
        name: node.name,
        until: node.until === undefined ? null : textOr(node.until, "until", `${path}/exit`),
        max: node.max,
        on_max: node.onMax,
        ...present({
          init: assignsJson(node.init),
          state: assignsJson(node.state),
          next: node.next && paramsJson(node.next),
          output: node.output && paramsJson(node.output),
          conversation: node.conversation && conversationJson(node.conversation, `${path}/summary`)
        }),
        body: nodeJson(node.body, path)
      }
    case "ForEach":
      return {
        kind: "map",
        name: node.name,
        items: node.items?.source ?? null,
        concurrency: node.concurrency,
        max: node.max,
        max_waiting: node.maxWaiting,
        on_failure: node.onFailure,
        ...present({ merge: node.merge, init: assignsJson(node.init), output: node.output && paramsJson(node.output) }),
        body: nodeJson(node.body, path)
      }
    case "Ask":
      return {
        kind: node.mode,
        name: own!,
        message: textOr(node.message, "message"),
        answer: schemaJson(node.answer)
      }
    case "Sleep":
      return { kind: "sleep", name: node.name, millis: node.millis, ...present({ until: node.until?.source }) }
    case "Signal":
      return { kind: "signal", name: node.name, signal: node.signal, data: schemaJson(node.data) }
    case "States":
      return {
        kind: "states",
        name: node.name,
        start: node.start,
        ends: node.ends,
        max: node.max,
        transitions: node.transitions.map(({ from, on, to, when }) => ({
          from: from ?? null,
          on,
          to,
          when: when?.source ?? null
        })),
        cases: node.states.map(([key, state]) => ({ key, step: nodeJson(state, `${path}/${key}`) }))
      }
    case "Versioned":
      return { kind: node.side, change: node.change, step: nodeJson(node.step, parent) }
    case "When":
      return { kind: "when", on: textOr(node.on, "when"), step: nodeJson(node.step, parent) }
    case "Check":
      return {
        kind: "check",
        ...present({
          whole: node.whole === true ? true : undefined,
          input: node.input && schemaJson(node.input),
          output: node.output && schemaJson(node.output)
        }),
        step: nodeJson(node.step, parent)
      }
    case "Validate":
      return {
        kind: node.invariant === true ? "invariant" : "validate",
        validators: node.validators.map((validator) => ({
          ...present({ message: validator.message }),
          ...validatorJson(validator, parent)
        })),
        step: nodeJson(node.step, parent)
      }
    case "Note":
      return nodeJson(node.step, parent)
    case "Retry":
      return {
        kind: "retry",
        policy:
          node.policy._tag === "Data"
            ? { ...node.policy.retry, while: node.policy.retry.while ?? null }
            : { ...leaf(node.policy.code, "schedule"), times: node.policy.times },
        step: nodeJson(node.step, parent)
      }
    case "Timeout":
      return { kind: "timeout", millis: node.millis, step: nodeJson(node.step, parent) }
    case "Fallback":
      return { kind: "fallback", step: nodeJson(node.step, parent), that: nodeJson(node.that, `${path}!fallback`) }
    case "Compensate":
      return { kind: "compensate", step: nodeJson(node.step, parent), undo: nodeJson(node.undo, `${path}!undo`) }
    case "Cached":
      return { kind: "cache", ttl: node.ttlMillis, output: schemaJson(node.output), step: nodeJson(node.step, parent) }
    case "Map":
      return { kind: "change", change: leaf(node.code, "map"), step: nodeJson(node.step, parent) }
    case "Input":
      return { kind: "input", input: paramsJson(node.input), step: nodeJson(node.step, parent) }
    case "Sink":
      return {
        kind: "sink",
        field: node.field,
        ...present({ key: node.key }),
        reduce: node.reduce ?? null,
        step: nodeJson(node.step, parent)
      }
    case "Capped": {
      const { maxCost, maxTokens } = node.limits
      const limits = { max_cost: maxCost ?? null, max_tokens: maxTokens ?? null }
      return { kind: "capped", ...limits, step: nodeJson(node.step, parent) }
    }
    case "Scope":
      return {
        kind: "scope",
        name: node.name,
        ...(node.pipeline === undefined
          ? {}
          : {
              pipeline: node.pipeline.name,
              ...contextJson(node.pipeline.context),
              ...present({
                inherits: node.pipeline.inherits === true ? true : undefined,
                outputs: node.pipeline.outputs === undefined ? undefined : Object.fromEntries(node.pipeline.outputs)
              })
            }),
        step: nodeJson(node.step, path)
      }
  }
}

/** Which properties must be there is a set: two plans do not differ by its order. */
const schemaJson = ({ jsonSchema }: Shape): Json.Json => unordered(jsonSchema)

const unordered = (schema: Json.Json): Json.Json => {
  if (Array.isArray(schema)) return schema.map(unordered)
  if (!Json.isObject(schema)) return schema
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => {
      if (key === "const" || key === "default" || key === "enum" || key === "examples") return [key, value]
      if (key === "required" && isTexts(value)) return [key, [...value].sort()]
      return [key, unordered(value)]
    })
  )
}

const isTexts = (value: Json.Json): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.every((one) => typeof one === "string")

/** What is said. A key that is not there means its default, so that a new key changes no old digest. */
const present = (keys: Readonly<Record<string, Json.Json | undefined>>): Json.JsonObject =>
  Object.fromEntries(Object.entries(keys).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))

const assignsJson = (assigns: ReadonlyArray<Assign> | undefined): Json.Json | undefined =>
  assigns?.map(({ op, path, value }) => ({ op, path: [...path], value: paramsJson(value) }))

const toolJson = (tool: AnyTool): Json.JsonObject =>
  tool._tag === "AskUser"
    ? { name: tool.name, asks: "user" }
    : {
        name: tool.name,
        skill: tool.skill.id,
        version: tool.skill.version,
        effect: tool.skill.effect,
        honours_key: tool.skill.honoursKey,
        input: schemaJson(tool.skill.input),
        ...present({ cost: tool.skill.cost, requires_approval: tool.requiresApproval ? true : undefined })
      }

/** `undefined` says nothing, all the way down. What JSON cannot hold fails where the agent asks, not here. */
const settingsJson = (settings: ModelSettings): Json.Json => Either.getOrElse(Json.fromUnknown(settings), () => null)

/** The schemas of what is told with each signal that a stored plan waits for, by the signal's name. */
export const signals = (plan: Json.Json): ReadonlyMap<string, ReadonlyArray<Json.Json>> => {
  const found = new Map<string, Array<Json.Json>>()
  const walk = (json: Json.Json): void => {
    if (Json.isObject(json)) {
      const { data, kind, signal } = json
      if (kind === "signal" && typeof signal === "string" && data !== undefined) {
        found.set(signal, [...(found.get(signal) ?? []), data])
      }
      for (const below of Object.values(json)) walk(below)
    } else if (Array.isArray(json)) for (const below of json) walk(below)
  }
  walk(plan)
  return found
}

/** The changes that steps of a stored plan are marked with. */
export const changes = (plan: Json.Json): ReadonlySet<string> => {
  const found = new Set<string>()
  const walk = (json: Json.Json): void => {
    if (Json.isObject(json)) {
      const { change, kind, step } = json
      if ((kind === "since" || kind === "before") && typeof change === "string" && step !== undefined) found.add(change)
      for (const below of Object.values(json)) walk(below)
    } else if (Array.isArray(json)) for (const below of json) walk(below)
  }
  walk(plan)
  return found
}

export interface Difference {
  /** The step's standing path without iterations, then keys: `triage/high/review/message`. */
  readonly at: string
  /** `undefined`: not there. */
  readonly before: Json.Json | undefined
  readonly after: Json.Json | undefined
}

/** The first place where two plans differ, in the order of the tree. */
export const firstDifference = (before: Json.Json | undefined, after: Json.Json | undefined): Difference | undefined =>
  differ(before, after, "", "plan")

/** `wrapped`: a step whose name its wrapper has said already. `way`: one of several, under its key. */
type Place = "plan" | "step" | "wrapped" | "way" | "data"

const differ = (
  before: Json.Json | undefined,
  after: Json.Json | undefined,
  at: string,
  place: Place
): Difference | undefined => {
  const here = place === "step" ? below(at, nameIn(before) ?? nameIn(after)) : at
  if (before === undefined || after === undefined) {
    return before === after ? undefined : { at: here, before, after }
  }
  if (Json.equals(before, after)) return undefined
  if (Array.isArray(before) && Array.isArray(after)) {
    for (let i = 0; i < Math.max(before.length, after.length); i++) {
      const key = place === "way" ? textAt(before[i] ?? after[i], "key") : place === "data" ? String(i) : undefined
      const found = differ(before[i], after[i], below(here, key), place)
      if (found !== undefined) return found
    }
  } else if (Json.isObject(before) && Json.isObject(after)) {
    for (const key of keysOf(before, after)) {
      const [next, to] = enter(key, here, place, before, after)
      const found = differ(Json.get(before, key), Json.get(after, key), next, to)
      if (found !== undefined) return found
    }
  }
  return { at: here, before, after }
}

/** A plan that was read back has its keys in another order than one just made: what is told must not depend on it. */
const keysOf = (before: Json.JsonObject, after: Json.JsonObject): ReadonlyArray<string> => {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  const first = ["kind", "name"].filter((key) => keys.includes(key))
  return [...first, ...keys.filter((key) => !first.includes(key))]
}

/** Where `key` leads. Keys that only hold the tree together are left out: a person reads the path of names. */
const enter = (
  key: string,
  at: string,
  place: Place,
  before: Json.JsonObject,
  after: Json.JsonObject
): readonly [at: string, place: Place] => {
  if (place === "plan") return key === "root" ? [at, "step"] : [below(at, key), "data"]
  if (place === "way") return key === "step" ? [at, "step"] : [below(at, key), "data"]
  if (place === "data") return [below(at, key), "data"]
  switch (key) {
    case "step": {
      const borrows = Json.get(before, "name") === undefined && Json.get(after, "name") === undefined
      return [at, borrows ? "wrapped" : "step"]
    }
    case "steps":
    case "body":
      return [at, "step"]
    case "branches":
    case "cases":
      return [at, "way"]
    case "otherwise":
      return [below(at, key), "step"]
    case "that":
      return [`${at}!fallback`, "step"]
    case "undo":
      return [`${at}!undo`, "step"]
    default:
      return [below(at, key), "data"]
  }
}

const textAt = (value: Json.Json | undefined, key: string): string | undefined => {
  const text = Json.get(value, key)
  return typeof text === "string" ? text : undefined
}

/** A step's own name, or the one that a wrapper borrows. */
const nameIn = (value: Json.Json | undefined): string | undefined =>
  textAt(value, "name") ?? (Json.get(value, "step") === undefined ? undefined : nameIn(Json.get(value, "step")))

const below = (at: string, key: string | undefined): string =>
  key === undefined ? at : at === "" ? key : `${at}/${key}`

/** With its text; where that is kept does not matter. */
const promptJson = ({ template, variables }: Prompt): Json.JsonObject => ({
  template: template.source,
  variables: Object.fromEntries(variables.map(([name, value]) => [name, paramsJson(value)]))
})

type Holding = (on: Extract<Stop, { readonly _tag: "Holds" }>["on"]) => Json.Json

const stopJson = (stop: Stop, holds: Holding): Json.Json => {
  switch (stop._tag) {
    case "Reply":
    case "Sentinel":
      return stop._tag.toLowerCase()
    case "Flag":
      return { flag: stop.field }
    case "Tool":
      return { tool: stop.name }
    case "Holds":
      return { expression: holds(stop.on) }
  }
}

const granularJson = (granular: Granular, holds: Holding): Json.JsonObject => ({
  max_turns: granular.maxTurns,
  blob_threshold_bytes: granular.blobThresholdBytes,
  enforce_idempotency: granular.enforceIdempotency,
  fingerprint: granular.fingerprint,
  stop: granular.stop.map((stop) => stopJson(stop, holds)),
  no_progress_turns: granular.noProgressTurns,
  on_no_progress: granular.onNoProgress,
  ...present({ history_max_tokens: granular.historyMaxTokens })
})

const conversationJson = ({ ai, answers, history, template, users }: Conversation, at: string): Json.JsonObject => ({
  ai: typeof ai === "string" ? ai : { names: ai.names },
  users,
  history:
    history._tag === "Summarize"
      ? { strategy: "summarize", max: history.max, ratio: history.ratio, step: nodeJson(history.by.step, at) }
      : { strategy: history._tag === "Tokens" ? "truncate_tokens" : "truncate_turns", max: history.max },
  ...present({ template: template?.source, answers })
})

const validatorJson = (validator: Validator, parent: string): Json.JsonObject => {
  switch (validator._tag) {
    case "Contains":
      return { contains: validator.text }
    case "Fits":
      return { schema: schemaJson(validator.shape) }
    case "Holds":
      return { expression: validator.template.source }
    case "Judge":
      return { step: nodeJson(validator.step, parent) }
  }
}
