/**
 * A pipeline as what is drawn and told of it: steps in order, each with what it does in words, and with what stands
 * within it. Every picture and every explanation is made of this, so a kind of step is described in one place.
 */

import { format } from "../domain/NanoUsd.js"
import type { Template } from "../expression/Template.js"
import { type AnyAgent, modelsOf } from "../pipeline/Agent.js"
import { summarizersOf } from "../pipeline/Conversation.js"
import {
  type Assign,
  type Code,
  type Decider,
  type Granular,
  type LoopNode,
  type Node,
  nameOf,
  type Params,
  paramsJson,
  type Validator
} from "../pipeline/Node.js"
import type { Pipeline } from "../pipeline/Pipeline.js"

export interface Piece {
  /** Standing path, with `[*]` for any iteration or item. */
  readonly path: string
  readonly name: string
  readonly kind: string
  /**
   * `step`: nothing stands within it. `choice`: one of its ways is taken. `together`: all are, side by side. `within`: its
   * one way is part of it, once or again and again.
   */
  readonly form: "step" | "choice" | "together" | "within"
  /** One sentence without a full stop, that begins with a verb: `asks a person`. */
  readonly does: string
  /** More about it, each likewise. */
  readonly notes: ReadonlyArray<string>
  readonly ways: ReadonlyArray<Way>
}

export interface Way {
  readonly label: string | undefined
  /** Nothing follows it: what comes after the whole comes after the other ways. */
  readonly isLast?: boolean | undefined
  readonly pieces: ReadonlyArray<Piece>
}

export const of = (pipeline: Pipeline.Any): ReadonlyArray<Piece> => pieces(pipeline.root, "", [])

/** `notes`: of what stands around the node. */
const pieces = (node: Node, parent: string, notes: ReadonlyArray<string>): ReadonlyArray<Piece> => {
  const name = nameOf(node) ?? ""
  const path = parent === "" ? name : `${parent}/${name}`
  const step = (kind: string, does: string): ReadonlyArray<Piece> => [
    { path, name, kind, form: "step", does, notes, ways: [] }
  ]
  const whole = (
    kind: string,
    form: "choice" | "together" | "within",
    does: string,
    ways: ReadonlyArray<Way>,
    more: ReadonlyArray<string> = []
  ): ReadonlyArray<Piece> => [{ path, name, kind, form, does, notes: [...more, ...notes], ways }]
  const around = (inner: Node, ...more: ReadonlyArray<string>) => pieces(inner, parent, [...more, ...notes])
  switch (node._tag) {
    case "Code":
      return step("code", `runs code of the program${effects[node.effect]}`)
    case "Fn":
      return step("function", "computes a value")
    case "Pass":
      return step("value", "passes on what it is given")
    case "Sleep":
      return step("wait", `waits ${node.until === undefined ? time(node.millis) : `until ${said(node.until)}`}`)
    case "Signal":
      return step("signal", `waits until it is told of ${node.signal} from outside`)
    case "Agent":
      if (node.agent.redact !== undefined) notes = [...notes, `keeps ${node.agent.redact.join(", ")} from the model`]
      if (node.ignoresHistory === true) notes = [...notes, "is not told what was said before"]
      return step(
        "agent",
        `asks the model ${modelsOf(node.agent).join(", else ")} as agent ${node.agent.name}${tools(node.agent)}${untilDone(node.granular)}`
      )
    case "Skill":
      return step("skill", `runs the skill ${node.skill.id}${effects[node.skill.effect]}`)
    case "Ask":
      return node.mode === "approve"
        ? step("approval", `waits until a person approves: ${said(node.message)}`)
        : step("question", `waits for a person's answer: ${said(node.message)}`)
    case "Sequence":
      return node.steps.flatMap((one) => pieces(one, parent, []))
    case "Parallel": {
      const things = count(node.branches.length, "thing")
      const which = node.select === undefined ? things : `those of ${things} that ${condition(node.select)} names`
      const reduce = node.reduce === undefined ? "" : `, and answers their ${node.reduce}`
      return [
        ...decider(node.select, `${path}!select`),
        ...whole(
          "parallel",
          "together",
          `does ${which} side by side${reduce}`,
          node.branches.map(([label, branch]) => ({ label, pieces: pieces(branch, `${path}/${label}`, []) }))
        )
      ]
    }
    case "Branch":
      return [
        ...decider(node.on, `${path}!on`),
        ...whole("choice", "choice", `chooses by ${condition(node.on)}`, [
          ...node.cases.map(([label, branch]) => ({ label, pieces: pieces(branch, `${path}/${label}`, []) })),
          ...(node.otherwise === undefined
            ? []
            : [{ label: "otherwise", pieces: pieces(node.otherwise, `${path}/otherwise`, []) }])
        ])
      ]
    case "Loop": {
      const turns = count(node.max, "time")
      const end = node.onMax === "fail" ? "and fails then" : "and goes on then"
      const does =
        node.until === undefined
          ? `repeats ${turns}`
          : `repeats until ${condition(node.until)}, at most ${turns}, ${end}`
      const summaries = summarizersOf(node.conversation).flatMap((by) => decider({ step: by }, `${path}[*]/summary`))
      const body = [...pieces(node.body, `${path}[*]`, []), ...decider(node.until, `${path}[*]/exit`), ...summaries]
      return whole(
        "loop",
        "within",
        does,
        [{ label: undefined, pieces: body }],
        [
          ...changes(node.init, "sets", "first"),
          ...changes(node.state, "changes", "after each turn"),
          ...(node.conversation === undefined
            ? []
            : [`tells its agents what was said in it, ${kept(node.conversation)}`])
        ]
      )
    }
    case "ForEach": {
      const items = node.items === undefined ? "what it is given" : condition(node.items)
      return whole(
        "map",
        "within",
        `does the same for each item of ${items}, ${node.concurrency} at once, at most ${node.max}; ${failures[node.onFailure]}`,
        [{ label: undefined, pieces: pieces(node.body, `${path}[*]`, []) }],
        changes(node.init, "sets", "first")
      )
    }
    case "States":
      return whole(
        "machine",
        "choice",
        `goes from state to state, from ${node.start} to ${node.ends.join(" or ")}, at most ${count(node.max, "step")}`,
        node.states.map(([label, state]) => ({ label, pieces: pieces(state, `${path}[*]/${label}`, []) })),
        node.transitions.map(
          ({ from, on, to, when }) =>
            `goes from ${from ?? "any state"} to ${to} on ${on}${when === undefined ? "" : ` when ${condition(when)}`}`
        )
      )
    case "Versioned":
      return around(
        node.step,
        node.side === "since"
          ? `is there since the change ${node.change}: not for runs that came past it before`
          : `was there before the change ${node.change}: only for runs that came past it before`
      )
    case "When":
      return around(node.step, `is skipped unless ${condition(node.on)}`)
    case "Check":
      return around(
        node.step,
        ...(node.input === undefined ? [] : ["takes only what fits its schema"]),
        ...(node.output === undefined ? [] : ["answers only what fits its schema"])
      )
    case "Validate": {
      const { invariant, step: inner, validators } = node
      const shown = validators.flatMap((one) =>
        one._tag === "Judge"
          ? []
          : [invariant === true ? `fails unless after it this holds: ${held(one)}` : `is accepted only if ${held(one)}`]
      )
      const judges = validators.flatMap((one) =>
        one._tag === "Judge" ? pieces(one.step, `${path}!validator`, [`judges what ${name} answers`]) : []
      )
      return [...around(inner, ...shown), ...judges]
    }
    case "Note":
      return around(node.step, ...(node.description === undefined ? [] : [`is described so: ${node.description}`]))
    case "Scope": {
      const does = node.pipeline === undefined ? "is made of steps" : `runs the pipeline ${node.pipeline.name}`
      return whole("steps", "within", does, [{ label: undefined, pieces: pieces(node.step, path, []) }])
    }
    case "Retry": {
      const times = node.policy._tag === "Data" ? node.policy.retry.times : node.policy.times
      return times === 0 ? around(node.step) : around(node.step, `tries again up to ${count(times, "time")}`)
    }
    case "Capped": {
      const { maxCost, maxTokens } = node.limits
      const most = [
        ...(maxCost === undefined ? [] : [format(maxCost)]),
        ...(maxTokens === undefined ? [] : [count(maxTokens, "token")])
      ]
      return around(node.step, `spends at most ${most.join(" and ")}`)
    }
    case "Timeout":
      return around(node.step, `takes at most ${time(node.millis)}`)
    case "Cached":
      return around(node.step, `is taken from the cache where it was answered in the last ${time(node.ttlMillis)}`)
    case "Compensate":
      return whole("undo", "choice", "is done, and can be taken back", [
        { label: "the step", pieces: pieces(node.step, parent, []) },
        { label: "if the run fails later", isLast: true, pieces: pieces(node.undo, `${path}!undo`, []) }
      ])
    case "Map":
      return around(node.step, "changes what it answers")
    case "Input":
      return around(node.step, `is given ${valueOf(node.input)}`)
    case "Sink":
      return around(node.step, `keeps its answer as context.${node.field}`)
    case "Fallback":
      return whole("fallback", "choice", "tries the first way, and takes the second if it fails", [
        { label: "first", pieces: pieces(node.step, parent, []) },
        { label: "if it fails", pieces: pieces(node.that, `${path}!fallback`, []) }
      ])
  }
}

/** A step whose answer decides stands before what it decides for. */
const decider = (by: object | undefined, parent: string): ReadonlyArray<Piece> =>
  by !== undefined && isDecider(by) ? pieces(by.step, parent, []) : []

const untilDone = (granular: Granular | undefined): string =>
  granular === undefined ? "" : `, turn by turn until it is done, at most ${count(granular.maxTurns, "turn")}`

/** What of a conversation is kept. */
const kept = ({ history }: NonNullable<LoopNode["conversation"]>): string => {
  switch (history._tag) {
    case "Tokens":
      return `the newest ${count(history.max, "token")} of it`
    case "Turns":
      return `the newest ${count(history.max, "turn")} of it`
    case "Summarize":
      return `what is older than ${count(history.max, "token")} in short`
  }
}

/** What must be so. */
const held = (validator: Exclude<Validator, { readonly _tag: "Judge" }>): string => {
  switch (validator._tag) {
    case "Contains":
      return `it contains ${JSON.stringify(validator.text)}`
    case "Fits":
      return "it fits its schema"
    case "Holds":
      return condition(validator.template)
  }
}

const isDecider = (by: object): by is Decider => "step" in by

const changes = (all: ReadonlyArray<Assign> | undefined, verb: string, when: string): ReadonlyArray<string> =>
  all === undefined || all.length === 0
    ? []
    : [`${verb} ${[...new Set(all.map(({ path }) => `context.${path.join(".")}`))].join(", ")} ${when}`]

const effects = {
  pure: "",
  read: ", which reads from outside",
  write: ", which writes",
  external: ", which acts on the world outside"
} as const

const failures = {
  fail: "fails where one of them fails",
  skip: "leaves out those that fail",
  collect: "answers for each whether it failed"
} as const

const said = <F>(value: Template | Code<F>): string => {
  if (!("source" in value)) return "code of the program"
  const text = value.source.replace(/\s+/g, " ").trim()
  return text === "{{ previous_step }}" ? "what it is given" : text === "" ? "nothing" : quoted(text)
}

const valueOf = (params: Params): string =>
  params._tag === "Text" ? said(params.template) : JSON.stringify(paramsJson(params))

/** What is an expression, with or without braces. */
const condition = <F>(value: Template | Code<F> | Decider): string =>
  "step" in value
    ? `what ${nameOf(value.step) ?? "a step"} answers`
    : "source" in value
      ? value.source
          .trim()
          .replace(/^\{\{|\}\}$/g, "")
          .replace(/\s+/g, " ")
          .trim()
      : "code of the program"

/** An expression without the braces around it, any other text in quotes. */
const quoted = (text: string): string => {
  const inner = /^\{\{((?:(?!\{\{|\}\}).)*)\}\}$/.exec(text)?.[1]
  return inner === undefined ? (text.includes("{{") || /\s/.test(text) ? `"${text}"` : text) : inner.trim()
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`

const units = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1_000]
] as const

export const time = (millis: number): string => {
  for (const [unit, length] of units) if (millis >= length && millis % length === 0) return count(millis / length, unit)
  return `${millis} ms`
}

/** Of all pieces, those below included, in order. */
export function* all(of: ReadonlyArray<Piece>): Generator<Piece> {
  for (const piece of of) {
    yield piece
    for (const { pieces } of piece.ways) yield* all(pieces)
  }
}

/** What an agent may do while it thinks. */
const tools = ({ maxTurns, tools }: AnyAgent): string =>
  tools.length === 0
    ? ""
    : `, which may call ${tools
        .map((tool) => (tool._tag === "Skill" && tool.requiresApproval ? `${tool.name} (once approved)` : tool.name))
        .join(", ")} and take ${maxTurns} turns`
