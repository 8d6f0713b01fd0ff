/**
 * A pipeline, checked: every step has its path, every template reads what is there, and the whole has a digest. A plan
 * with findings of severity `error` is never run.
 */
import * as Digest from "../domain/Digest.js"
import * as Json from "../domain/Json.js"
import * as NanoUsd from "../domain/NanoUsd.js"
import * as StepPath from "../domain/StepPath.js"
import type { Template, UndefinedVariables } from "../expression/Template.js"
import { isVariable, maxCorrectionsMost, maxTurnsMost, namesTaken } from "../pipeline/Agent.js"
import * as Conversation from "../pipeline/Conversation.js"
import * as Granular from "../pipeline/Granular.js"
import type {
  AgentNode,
  Assign,
  Code as CodeLeaf,
  ContextSpec,
  Decider,
  LoopNode,
  Node,
  Granular as Pace,
  Params,
  Conversation as Talk,
  ValidateNode
} from "../pipeline/Node.js"
import { isWrapper, nameOf } from "../pipeline/Node.js"
import type { Pipeline } from "../pipeline/Pipeline.js"
import * as Tool from "../pipeline/Tool.js"
import { type Code, type Finding, rules } from "./Finding.js"
import * as PlanJson from "./PlanJson.js"
import { faultOf, outside, type Sight, seen, withMore, withOnly } from "./Sight.js"

/** One step as a list of a plan shows it. */
export interface Outline {
  /** Standing path, with `[*]` for any iteration or item. */
  readonly path: string
  readonly kind: Node["_tag"]
  /** What is said about it. */
  readonly description?: string | undefined
  readonly meta?: Json.Json | undefined
}

export interface Plan {
  readonly name: string
  readonly json: Json.JsonObject
  /** Canonical text of `json`; the digest is of this. */
  readonly text: string
  readonly digest: Digest.Digest
  readonly outline: ReadonlyArray<Outline>
  readonly findings: ReadonlyArray<Finding>
}

export const make = (pipeline: Pipeline.Any): Plan => {
  const json = PlanJson.toJson(pipeline)
  const { findings, outline } = check(pipeline)
  const text = Json.canonical(json)
  return { name: pipeline.name, json, text, digest: Digest.ofText(text), outline, findings }
}

export const errors = (plan: Plan): ReadonlyArray<Finding> =>
  plan.findings.filter((finding) => finding.severity === "error")

interface Told {
  /** JSON Schema of the output, where known. */
  readonly output: Json.Json | undefined
  /** Context fields that the step writes, with the node that does. */
  readonly writes: ReadonlyMap<string, Node>
}

const nothing: ReadonlyMap<string, Node> = new Map()

/** The longest time that anything may take: ten years, in milliseconds. */
const years = 10 * 366 * 86_400_000

const check = (pipeline: Pipeline.Any) => {
  const outline: Array<Outline> = []
  const notes = new Map<string, Pick<Outline, "description" | "meta">>()
  const findings: Array<Finding> = []
  const claimed = new Map<string, Node>()
  const everywhere = new Set<string>()
  const absence = absences[pipeline.undefinedVariables ?? "strict"]

  const find = (code: Code, path: string, node: Node, message: string, hint?: string, template?: Finding["template"]) =>
    findings.push({ code, severity: rules[code].severity, path, message, hint, node, template })

  const claim = (parent: string, name: string, node: Node): string => {
    const path = parent === "" ? name : `${parent}/${name}`
    if (!StepPath.isName(name)) {
      find("FLJ-PLAN-1", path, node, `${JSON.stringify(name.slice(0, 140))} is not a step name`, suggestName(name))
    }
    if (claimed.has(path)) {
      const unnamed = "name" in node && node.name === undefined
      find(
        "FLJ-PLAN-2",
        path,
        node,
        `two steps stand at ${path}`,
        unnamed ? "name it: without a name it takes that of its kind" : "give one of them another name"
      )
    } else {
      claimed.set(path, node)
      outline.push({ path, kind: node._tag })
    }
    return path
  }

  const text = (template: Template, path: string, node: Node, sight: Sight): void => {
    for (const problem of template.problems) {
      find("FLJ-PLAN-6", path, node, problem.message, problem.hint, { source: template.source, span: problem.span })
    }
    if (template.problems.length > 0) return
    if (absence === undefined) return
    for (const read of template.reads) {
      const fault = faultOf(read, sight, everywhere)
      if (fault === undefined) continue
      const { hint, message, span } = fault
      const severity = absence
      findings.push({
        code: "FLJ-PLAN-7",
        severity,
        path,
        message,
        hint,
        node,
        template: { source: template.source, span }
      })
    }
  }
  const textOrCode = <F>(value: CodeLeaf<F> | Template, path: string, node: Node, sight: Sight): void => {
    if ("source" in value) text(value, path, node, sight)
  }
  /** `at`: where a step that decides stands. Answers what it writes. */
  const decider = <F>(
    value: CodeLeaf<F> | Template | Decider,
    path: string,
    at: string,
    node: Node,
    sight: Sight
  ): ReadonlyMap<string, Node> => {
    if ("step" in value) return walk(value.step, at, sight).writes
    textOrCode(value, path, node, sight)
    return nothing
  }
  const declared = (field: string, path: string, node: Node, context: ContextSpec | undefined): void => {
    if (context === undefined || Object.hasOwn(context.fields, field)) return
    const fields = Object.keys(context.fields).join(", ")
    find("FLJ-PLAN-8", path, node, `context.${field} is not declared`, `declared are: ${fields}`)
  }
  const known = (name: string, what: string, names: ReadonlyArray<string>, path: string, node: Node): void => {
    if (!names.includes(name)) {
      find("FLJ-PLAN-12", path, node, `there is no ${what} ${JSON.stringify(name)}`, `there are: ${names.join(", ")}`)
    }
  }
  const assigned = (
    assigns: ReadonlyArray<Assign> | undefined,
    path: string,
    node: Node,
    sight: Sight
  ): ReadonlyMap<string, Node> => {
    for (const assign of assigns ?? []) {
      declared(assign.path[0], path, node, sight.context)
      texts(assign.value, path, node, sight)
    }
    return new Map((assigns ?? []).map(({ path: [field] }) => [field, node]))
  }
  const texts = (value: Params, path: string, node: Node, sight: Sight): void => {
    if (value._tag === "Text") text(value.template, path, node, sight)
    if (value._tag === "List") for (const item of value.items) texts(item, path, node, sight)
    if (value._tag === "Map") for (const [, item] of value.fields) texts(item, path, node, sight)
  }
  const limit = (value: number, min: number, max: number, what: string, path: string, node: Node): void => {
    if (!Number.isInteger(value) || value < min || value > max) {
      find("FLJ-PLAN-10", path, node, `${what} is ${value}`, `a whole number from ${min} to ${max}`)
    }
  }
  const named = (node: Node, wrapper: Node, what: string, parent: string): string => {
    const name = nameOf(node)
    if (name !== undefined) return parent === "" ? name : `${parent}/${name}`
    find("FLJ-PLAN-3", parent, wrapper, `a ${what} around a sequence without a name`, "name the sequence")
    return parent === "" ? what : `${parent}/${what}`
  }
  /** Writes of steps that run side by side. */
  const together = (
    writes: ReadonlyArray<ReadonlyMap<string, Node>>,
    path: string,
    hint: string
  ): ReadonlyMap<string, Node> => {
    const all = new Map<string, Node>()
    for (const map of writes) {
      for (const [field, node] of map) {
        const other = all.get(field)
        if (other !== undefined && !(reduces(node) && reduces(other))) {
          find("FLJ-PLAN-9", path, node, `two parallel steps write context.${field}`, hint)
        }
        all.set(field, node)
      }
    }
    return all
  }

  const granular = (node: AgentNode, pace: Pace, path: string, sight: Sight): void => {
    limit(pace.maxTurns, 1, maxTurnsMost, "max_turns", path, node)
    limit(pace.blobThresholdBytes, Granular.blobBytesLeast, Granular.blobBytesMost, "blob_threshold_bytes", path, node)
    limit(pace.noProgressTurns, 2, Granular.sameTurnsMost, "no_progress_turns", path, node)
    if (pace.historyMaxTokens !== undefined) {
      const [least, most] = [Granular.historyTokensLeast, Granular.historyTokensMost]
      limit(pace.historyMaxTokens, least, most, "history_max_tokens", path, node)
    }
    for (const { hint, message } of Granular.faults(pace, node.agent)) find("FLJ-PLAN-18", path, node, message, hint)
    for (const stop of pace.stop) {
      const output = node.agent.output?.jsonSchema ?? { type: "string" }
      if (stop._tag === "Holds") textOrCode(stop.on, path, node, { ...sight, previous: output })
    }
  }

  const conversation = (about: Talk, path: string, node: LoopNode, sight: Sight): void => {
    const { history, template } = about
    const names = new Set<string>()
    collectNames(node.body, names)
    for (const name of Conversation.namesOf(about)) {
      if (names.has(name)) continue
      const message = `the conversation names the step ${JSON.stringify(name.slice(0, 140))}, which is not in the loop`
      find("FLJ-PLAN-16", path, node, message, `in it are: ${[...names].join(", ")}`)
    }
    if (history._tag === "Turns") limit(history.max, 1, Conversation.turnsMost, "max_turns", path, node)
    else limit(history.max, Conversation.tokensLeast, Conversation.tokensMost, "max_tokens", path, node)
    if (history._tag === "Summarize" && !(history.ratio > 0 && history.ratio <= 1)) {
      find("FLJ-PLAN-10", path, node, `summarize_ratio is ${history.ratio}`, "a number over 0, and at most 1")
    }
    if (template !== undefined) text(template, path, node, { ...outside, inHistory: true })
    for (const by of Conversation.summarizersOf(about)) {
      walk(by, `${path}[*]/summary`, { ...sight, previous: { type: "string" }, inConversation: false })
    }
  }
  /** The changes of the version markers that are walked in, and on which side. */
  const versions = new Map<string, "since" | "before">()

  const walk = (node: Node, parent: string, sight: Sight): Told => {
    switch (node._tag) {
      case "Code":
      case "Fn":
        claim(parent, node.name, node)
        return { output: node.output.jsonSchema, writes: nothing }
      case "Pass":
      case "Sleep": {
        const path = claim(parent, node.name, node)
        if (node._tag === "Sleep") {
          limit(node.millis, 0, years, "the time to sleep (ms)", path, node)
          if (node.until !== undefined) text(node.until, path, node, sight)
        }
        return { output: sight.previous, writes: nothing }
      }
      case "Signal": {
        const path = claim(parent, node.name, node)
        if (!StepPath.isName(node.signal)) {
          find("FLJ-PLAN-1", path, node, `${JSON.stringify(node.signal)} is not a name`, suggestName(node.signal))
        }
        return { output: node.data.jsonSchema, writes: nothing }
      }
      case "Agent": {
        const path = claim(parent, node.name, node)
        const { cacheMillis, maxCorrections, maxTurns, prompt, tools } = node.agent
        if (cacheMillis !== undefined)
          limit(cacheMillis, 1, years, "the time that an answer is cached (ms)", path, node)
        if (prompt !== undefined) {
          for (const [, value] of prompt.variables) texts(value, path, node, sight)
          const names = prompt.variables.map(([name]) => name)
          text(prompt.template, path, node, { ...sight, variables: new Set(names) })
          for (const name of names.filter((name) => !isVariable(name))) {
            find("FLJ-PLAN-7", path, node, `${name} is not a name for a variable`, `not: ${namesTaken.join(", ")}`)
          }
        }
        limit(maxTurns, 1, maxTurnsMost, "max_turns", path, node)
        limit(maxCorrections, 0, maxCorrectionsMost, "max_corrections", path, node)
        if (node.granular !== undefined) granular(node, node.granular, path, sight)
        if (node.ignoresHistory && !sight.inConversation) {
          const hint = "leave use_history out: only a loop with `conversation: true` has a history"
          find(
            "FLJ-PLAN-16",
            path,
            node,
            "this step stands in no conversation, and there is nothing to leave out",
            hint
          )
        }
        tools.forEach(({ name }, index) => {
          const isFirst = tools.findIndex((tool) => tool.name === name) === index
          if (Tool.isName(name) && isFirst) return
          const what = isFirst ? `${JSON.stringify(name)} is not a name for a tool` : `two tools are called ${name}`
          find("FLJ-PLAN-15", path, node, what, "give it a name of its own: { skill: …, name: … }")
        })
        return { output: node.agent.output?.jsonSchema ?? { type: "string" }, writes: nothing }
      }
      case "Skill": {
        const path = claim(parent, node.name, node)
        if (node.params !== undefined) texts(node.params, path, node, sight)
        return { output: node.skill.output.jsonSchema, writes: nothing }
      }
      case "Ask": {
        const path = claim(parent, nameOf(node)!, node)
        textOrCode(node.message, path, node, sight)
        return { output: node.mode === "approve" ? sight.previous : node.answer.jsonSchema, writes: nothing }
      }
      case "Sequence": {
        if (node.steps.length === 0) find("FLJ-PLAN-11", parent, node, "there are no steps", "write at least one")
        const steps = new Map(sight.steps)
        const written = new Set(sight.written)
        const writes = new Map<string, Node>()
        let previous = sight.previous
        for (const step of node.steps) {
          const told = walk(step, parent, { ...sight, steps, written, previous })
          previous = told.output
          for (const [field, by] of told.writes) {
            writes.set(field, by)
            written.add(field)
          }
          const name = nameOf(step)
          if (name !== undefined) steps.set(name, told.output)
        }
        return { output: previous, writes }
      }
      case "Parallel": {
        const path = claim(parent, nameOf(node)!, node)
        if (node.branches.length === 0) find("FLJ-PLAN-11", path, node, "there are no branches", "write at least one")
        limit(node.concurrency, 1, 1024, "concurrency", path, node)
        const keys = node.branches.map(([key]) => key)
        for (const [key, fields] of node.fields ?? []) {
          known(key, "branch", keys, path, node)
          for (const field of fields) declared(field, path, node, sight.context)
        }
        for (const field of node.include ?? []) declared(field, path, node, sight.context)
        const selected = node.select === undefined ? nothing : decider(node.select, path, `${path}!select`, node, sight)
        const { include } = node
        const inside = include === undefined ? sight : withOnly(sight, include)
        const told = node.branches.map(([key, branch]) => [key, walk(branch, keyed(path, key, node), inside)] as const)
        const kept = told.map(([key, { writes }]) => {
          const fields = node.fields?.find(([name]) => name === key)?.[1]
          return fields === undefined ? writes : new Map([...writes].filter(([field]) => fields.includes(field)))
        })
        const writes =
          node.merge === undefined
            ? together(kept, path, `write two fields, or ${strategy}`)
            : new Map(node.merge === "no_merge" ? [] : kept.flatMap((map) => [...map]))
        const all = node.select === undefined && node.onFailure !== "ignore"
        const outputs = told.map(([key, { output }]) => [key, output] as const)
        return {
          output:
            node.reduce === "keys"
              ? { type: "array", items: { type: "string" } }
              : node.reduce === "values" || node.reduce === "concat"
                ? { type: "array" }
                : node.reduce !== undefined
                  ? undefined
                  : all
                    ? objectOf(outputs)
                    : undefined,
          writes: new Map([...selected, ...writes])
        }
      }
      case "Branch": {
        const path = claim(parent, node.name, node)
        const decided = decider(node.on, path, `${path}!on`, node, sight)
        if (node.cases.length === 0) find("FLJ-PLAN-11", path, node, "there are no branches", "write at least one")
        const told = node.cases.map(([key, branch]) => walk(branch, keyed(path, key, node), sight))
        if (node.otherwise !== undefined) told.push(walk(node.otherwise, keyed(path, "otherwise", node), sight))
        return { output: undefined, writes: new Map([...decided, ...told.flatMap(({ writes }) => [...writes])]) }
      }
      case "Loop": {
        const path = claim(parent, node.name, node)
        limit(node.max, 1, 100_000, "max", path, node)
        const begun = assigned(node.init, path, node, sight)
        const first = withMore(sight, begun)
        const { output, writes } = walk(node.body, `${path}[*]`, {
          ...first,
          previous: undefined,
          inConversation: sight.inConversation || node.conversation !== undefined
        })
        const later = { ...withMore(first, writes), previous: output }
        const decided = node.until === undefined ? nothing : decider(node.until, path, `${path}[*]/exit`, node, later)
        const between = { ...later, counts: true }
        const kept = assigned(node.state, path, node, between)
        const after = { ...withMore(between, kept), previous: output }
        if (node.next !== undefined) texts(node.next, path, node, after)
        if (node.output !== undefined) texts(node.output, path, node, { ...after, counts: sight.counts })
        if (node.conversation !== undefined) conversation(node.conversation, path, node, after)
        return {
          output:
            node.conversation?.answers === true ? { type: "string" } : node.output === undefined ? output : undefined,
          writes: new Map([...begun, ...writes, ...decided, ...kept])
        }
      }
      case "ForEach": {
        const path = claim(parent, node.name, node)
        limit(node.concurrency, 1, 1024, "concurrency", path, node)
        limit(node.max, 1, 100_000, "max", path, node)
        limit(node.maxWaiting, 1, 100_000, "max_waiting", path, node)
        const begun = assigned(node.init, path, node, sight)
        const first = withMore(sight, begun)
        if (node.items !== undefined) text(node.items, path, node, first)
        const told = walk(node.body, `${path}[*]`, { ...first, previous: undefined, inItem: true })
        const merged =
          node.merge === undefined
            ? together(
                [told.writes, told.writes],
                path,
                `the map answers the list of what its items answer: write that, or ${strategy}`
              )
            : node.merge === "no_merge"
              ? nothing
              : told.writes
        const writes = new Map([...begun, ...merged])
        const items = told.output === undefined ? {} : { items: told.output }
        const list = node.onFailure === "collect" ? undefined : { type: "array", ...items }
        if (node.output === undefined) return { output: list, writes }
        texts(node.output, path, node, { ...withMore(first, writes), previous: list })
        return { output: undefined, writes }
      }
      case "States": {
        const path = claim(parent, node.name, node)
        limit(node.max, 1, 100_000, "max", path, node)
        const names = node.states.map(([key]) => key)
        const places = [...names, ...node.ends]
        if (names.length === 0) find("FLJ-PLAN-11", path, node, "there are no states", "write at least one")
        known(node.start, "state", places, path, node)
        const told = node.states.map(([key, state]) =>
          walk(state, keyed(`${path}[*]`, key, node), { ...sight, previous: undefined })
        )
        const writes = new Map(told.flatMap(({ writes }) => [...writes]))
        for (const { from, to, when } of node.transitions) {
          if (from !== undefined) known(from, "state", names, path, node)
          known(to, "state", places, path, node)
          if (when !== undefined) {
            text(when, path, node, { ...withMore(sight, writes), previous: undefined, inTransition: true })
          }
        }
        return { output: undefined, writes }
      }
      case "Retry": {
        const path = named(node.step, node, "retry", parent)
        if (wrapped(node.step, "Retry")) find("FLJ-PLAN-4", path, node, "two retries on one step", "keep one")
        limit(node.policy._tag === "Data" ? node.policy.retry.times : node.policy.times, 0, 100, "times", path, node)
        if (node.policy._tag === "Data") {
          const { baseMillis, factor, maxMillis } = node.policy.retry
          limit(baseMillis, 0, years, "the first wait (ms)", path, node)
          limit(maxMillis, 0, years, "the longest wait (ms)", path, node)
          if (!(factor >= 1 && factor <= 1000)) {
            find("FLJ-PLAN-10", path, node, `factor is ${factor}`, "a number from 1 to 1000")
          }
        }
        return walk(node.step, parent, sight)
      }
      case "Timeout": {
        const path = named(node.step, node, "timeout", parent)
        limit(node.millis, 1, years, "the time-out (ms)", path, node)
        if (!isAsk(node.step) && waits(node.step)) {
          find("FLJ-PLAN-5", path, node, "the time-out counts the time that a person takes to answer")
        }
        return walk(node.step, parent, sight)
      }
      case "Fallback": {
        const path = named(node.step, node, "fallback", parent)
        const first = walk(node.step, parent, sight)
        const second = walk(node.that, `${path}!fallback`, sight)
        return { output: undefined, writes: new Map([...first.writes, ...second.writes]) }
      }
      case "Compensate": {
        const path = named(node.step, node, "compensate", parent)
        const wrong = uncompensable(node)
        if (wrong !== undefined) find("FLJ-PLAN-13", path, node, wrong.message, wrong.hint)
        const told = walk(node.step, parent, sight)
        const name = nameOf(node)
        const given = objectOf([["input", sight.previous] as const, ["output", told.output] as const])
        const steps = name === undefined ? sight.steps : new Map([...sight.steps, [name, told.output] as const])
        walk(node.undo, `${path}!undo`, { ...withMore(sight, told.writes), steps, previous: given })
        return told
      }
      case "Cached": {
        const path = named(node.step, node, "cache", parent)
        limit(node.ttlMillis, 1, years, "how long an answer is kept (ms)", path, node)
        if (wrapped(node.step, "Cached")) find("FLJ-PLAN-14", path, node, "two caches on one step", "keep one")
        for (const { hint, message } of uncached(node.step)) find("FLJ-PLAN-14", path, node, message, hint)
        return { output: node.output.jsonSchema, writes: walk(node.step, parent, sight).writes }
      }
      case "Map": {
        named(node.step, node, "map", parent)
        return { ...walk(node.step, parent, sight), output: node.output.jsonSchema }
      }
      case "Input": {
        const name = nameOf(node.step)
        const path = name === undefined ? parent : parent === "" ? name : `${parent}/${name}`
        texts(node.input, path, node, sight)
        return walk(node.step, parent, { ...sight, previous: undefined })
      }
      case "Sink": {
        const { output, writes } = walk(node.step, parent, sight)
        declared(node.field, parent, node, sight.context)
        if (node.context !== undefined && node.context.id !== sight.context?.id) {
          const given = sight.context === undefined ? "none" : JSON.stringify(sight.context.id)
          find(
            "FLJ-PLAN-8",
            parent,
            node,
            `the step writes into context "${node.context.id}", the pipeline has ${given}`
          )
        }
        return { output, writes: new Map([...writes, [node.field, node]]) }
      }
      case "Capped": {
        const path = named(node.step, node, "usage limit", parent)
        const { maxCost, maxTokens } = node.limits
        if (maxCost === undefined && maxTokens === undefined) {
          find("FLJ-PLAN-11", path, node, "usage limits that limit nothing", "say a cost or a number of tokens")
        }
        if (maxTokens !== undefined) limit(maxTokens, 0, Number.MAX_SAFE_INTEGER, "the limit of tokens", path, node)
        if (maxCost !== undefined) limit(maxCost, 0, NanoUsd.limitMax, "the limit of the cost", path, node)
        return walk(node.step, parent, sight)
      }
      case "Scope": {
        const path = claim(parent, node.name, node)
        if (node.pipeline === undefined) return walk(node.step, path, sight)
        const { context, inherits, outputs } = node.pipeline
        const own = {
          ...outside,
          inConversation: sight.inConversation,
          input: sight.previous,
          previous: sight.previous,
          context,
          written: inherits === true ? seen(sight) : outside.written
        }
        const { output, writes } = walk(node.step, path, own)
        const inner = context === undefined ? [...own.written, ...writes.keys()] : Object.keys(context.fields)
        for (const [from, to] of outputs ?? []) {
          known(from, "field of its context", inner, path, node)
          declared(to, path, node, sight.context)
        }
        return { output, writes: new Map((outputs ?? []).map(([, to]) => [to, node])) }
      }
      case "Versioned": {
        const path = named(node.step, node, node.side, parent)
        if (!StepPath.isName(node.change)) {
          find("FLJ-PLAN-1", path, node, `${JSON.stringify(node.change)} is not a name`, suggestName(node.change))
        }
        const outer = versions.get(node.change)
        if (outer !== undefined) {
          const [message, hint] =
            outer === node.side
              ? [`it is ${node.side} ${node.change} twice`, "say it once, around all of it"]
              : [`it is both since and before ${node.change}, so no run has it`, "leave one of the two out"]
          find("FLJ-PLAN-17", path, node, message, hint)
        } else versions.set(node.change, node.side)
        const { writes } = walk(node.step, parent, sight)
        if (outer === undefined) versions.delete(node.change)
        return { output: undefined, writes }
      }
      case "When": {
        const path = named(node.step, node, "when", parent)
        textOrCode(node.on, path, node, sight)
        return { output: undefined, writes: walk(node.step, parent, sight).writes }
      }
      case "Check": {
        if (node.whole !== true) named(node.step, node, "schema", parent)
        const previous = node.input?.jsonSchema ?? sight.previous
        const told = walk(node.step, parent, { ...sight, previous })
        return { output: node.output?.jsonSchema ?? told.output, writes: told.writes }
      }
      case "Validate": {
        const path = named(node.step, node, node.invariant === true ? "invariant" : "validator", parent)
        const told = walk(node.step, parent, sight)
        const after = { ...withMore(sight, told.writes), previous: told.output }
        for (const validator of node.validators) {
          if (validator._tag === "Holds") text(validator.template, path, node, after)
          if (validator._tag === "Judge") walk(validator.step, `${path}!validator`, after)
        }
        return told
      }
      case "Note": {
        const { description, meta } = node
        notes.set(named(node.step, node, "note", parent), {
          ...(description === undefined ? {} : { description }),
          ...(meta === undefined ? {} : { meta })
        })
        return walk(node.step, parent, sight)
      }
    }
  }
  const keyed = (path: string, key: string, node: Node): string => {
    if (!StepPath.isName(key)) {
      const message = `the branch ${JSON.stringify(key.slice(0, 140))} is not a step name`
      find("FLJ-PLAN-1", path, node, message, node._tag === "Branch" ? suggestAnswer(key) : suggestName(key))
    }
    return `${path}/${key}`
  }

  collectNames(pipeline.root, everywhere)
  if (!StepPath.isName(pipeline.name)) {
    find("FLJ-PLAN-1", "", pipeline.root, `${JSON.stringify(pipeline.name)} is not a name`, suggestName(pipeline.name))
  }
  const input = pipeline.root._tag === "Check" ? pipeline.root.input?.jsonSchema : undefined
  walk(pipeline.root, "", { ...outside, input, previous: input, context: pipeline.context })
  return { outline: outline.map((step) => ({ ...step, ...notes.get(step.path) })), findings }
}

/** A question with nothing but words and schemas around it. */
const isAsk = (node: Node): boolean =>
  node._tag === "Ask" || ((node._tag === "Note" || node._tag === "Check") && isAsk(node.step))

/** Why a step cannot have an undo, or not here, and what to do. */
const uncompensable = ({ step, undo }: Extract<Node, { readonly _tag: "Compensate" }>) => {
  if (hasUndo(undo)) return { message: "an undo within an undo", hint: "what takes back is not taken back itself" }
  if (wrapped(step, "Compensate")) return { message: "two undos of one step", hint: "make a sequence of the two" }
  return wrapped(step, "When") || wrapped(step, "Versioned")
    ? {
        message: "an undo of a step that may be skipped",
        hint: "undo the step itself, and say when it is skipped around that"
      }
    : undefined
}

/** What must happen each time. */
const uncached = (node: Node): ReadonlyArray<{ readonly message: string; readonly hint: string }> => {
  const acts = (name: string, effect: string) =>
    effect === "write" || effect === "external"
      ? [{ message: `${name} acts on the world (${effect}), and would not where the cache has its answer` }]
      : []
  const hint = 'cache what comes before it; code that acts on nothing says effect: "pure" or "read"'
  switch (node._tag) {
    case "Code":
      return acts(node.name, node.effect).map(({ message }) => ({ message, hint }))
    case "Skill":
      return acts(node.name, node.skill.effect).map(({ message }) => ({ message, hint: "cache what comes before it" }))
    case "Agent":
      return node.agent.tools.flatMap((tool) =>
        isAsking(tool)
          ? [
              {
                message: `${node.name} may ask a person, and would not where the cache has an answer`,
                hint: "cache what comes before it"
              }
            ]
          : tool._tag === "Skill"
            ? acts(`${node.name} with its tool ${tool.name}`, tool.skill.effect).map(({ message }) => ({
                message,
                hint: "cache what comes before it"
              }))
            : []
      )
    case "Ask":
    case "Signal":
      return [
        {
          message: `${nameOf(node)} waits for ${node._tag === "Ask" ? "a person" : "a signal"}, and would not where the cache has an answer`,
          hint: "what was said of another run is not said of this one: put it before or after the cache"
        }
      ]
    default:
      return children(node).flatMap(uncached)
  }
}

const hasUndo = (node: Node): boolean => node._tag === "Compensate" || children(node).some(hasUndo)

const decidersOf = (value: object | undefined): ReadonlyArray<Node> =>
  value !== undefined && "step" in value ? [(value as Decider).step] : []

const strategy =
  "say with merge_strategy (in TypeScript `merge`) what becomes of both: overwrite, keep_first, context_update (`update`)"

const reduces = (node: Node): boolean => node._tag === "Sink" && node.reduce !== undefined

const objectOf = (fields: ReadonlyArray<readonly [string, Json.Json | undefined]>): Json.Json => ({
  type: "object",
  properties: Object.fromEntries(fields.map(([key, schema]) => [key, schema ?? {}])),
  required: fields.map(([key]) => key),
  additionalProperties: false
})

const suggestName = (name: string): string | undefined => {
  const better = betterName(name)
  return better === "" ? undefined : `for instance ${better}`
}

const betterName = (name: string): string =>
  name
    .replace(/[^\p{L}\p{N}_-]+/gu, "_")
    .replace(/^[^\p{L}_]+/u, "")
    .slice(0, 128)

/** What a branch is called is what its condition answers, so another name alone does not help. */
const suggestAnswer = (key: string): string => {
  const isNumber = /^\d{1,9}$/.test(key)
  const isPlain = /^[\p{L}\p{N} _.-]{1,40}$/u.test(key)
  const value = isNumber ? Number(key) : isPlain ? `'${key}'` : "'that'"
  const name = isNumber ? `is_${key}` : (isPlain && betterName(key)) || "this_way"
  return `a name is letters, digits, _ and -, a letter or _ first: call it ${name}, and let the condition answer that, for instance {{ '${name}' if input == ${value} else 'other' }}`
}

/** The nodes directly below. */
export const children = (node: Node): ReadonlyArray<Node> => {
  switch (node._tag) {
    case "Sequence":
      return node.steps
    case "Parallel":
      return [...decidersOf(node.select), ...node.branches.map(([, branch]) => branch)]
    case "Branch":
      return [
        ...decidersOf(node.on),
        ...node.cases.map(([, branch]) => branch),
        ...(node.otherwise === undefined ? [] : [node.otherwise])
      ]
    case "Loop":
      return [node.body, ...decidersOf(node.until), ...Conversation.summarizersOf(node.conversation)]
    case "ForEach":
      return [node.body]
    case "States":
      return node.states.map(([, state]) => state)
    case "Fallback":
      return [node.step, node.that]
    case "Validate":
      return [node.step, ...judgesOf(node)]
    case "Compensate":
      return [node.step, node.undo]
    case "Cached":
    case "Retry":
    case "Timeout":
    case "Map":
    case "Input":
    case "Sink":
    case "When":
    case "Versioned":
    case "Check":
    case "Note":
    case "Capped":
    case "Scope":
      return [node.step]
    case "Code":
    case "Fn":
    case "Pass":
    case "Agent":
    case "Skill":
    case "Ask":
    case "Sleep":
    case "Signal":
      return []
  }
}

const judgesOf = ({ validators }: ValidateNode): ReadonlyArray<Node> =>
  validators.flatMap((validator) => (validator._tag === "Judge" ? [validator.step] : []))

const waits = (node: Node): boolean =>
  node._tag === "Ask" || (node._tag === "Agent" && node.agent.tools.some(isAsking)) || children(node).some(waits)

const isAsking = (tool: Tool.AnyTool): boolean => tool._tag === "AskUser" || tool.requiresApproval

/** Whether a wrapper of this kind already stands around the step that a wrapper borrows its name from. */
const wrapped = (node: Node, tag: Node["_tag"]): boolean =>
  isWrapper(node) && (node._tag === tag || wrapped(node.step, tag))

const collectNames = (node: Node, names: Set<string>): void => {
  const name = nameOf(node)
  if (name !== undefined) names.add(name)
  for (const child of children(node)) collectNames(child, names)
}

/** How bad it is that a template reads what is not there. */
const absences: Readonly<Record<UndefinedVariables, Finding["severity"] | undefined>> = {
  strict: "error",
  warn: "warning",
  ignore: undefined
}
