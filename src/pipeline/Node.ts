/**
 * The tree below a `Step`: plain data, the same from YAML and from TypeScript. A node says what is to be done and does
 * none of it: it is planned, run, printed and priced elsewhere, each by one exhaustive match.
 */
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import type { Json } from "../domain/Json.js"
import type { EffectClass } from "../domain/Once.js"
import type { RunId } from "../domain/RunId.js"
import type { StepPath } from "../domain/StepPath.js"
import type { Template } from "../expression/Template.js"
import type { Agent } from "./Agent.js"
import type { Retry } from "./Retry.js"
import type { Shape } from "./Shape.js"
import type { AnySkill } from "./Skill.js"

/** A function in the tree. It has a version because it has no digest: raise it when the meaning changes. */
export interface Code<F> {
  readonly version: string
  readonly call: F
}

/** What a step's own code is told beside its input. */
export interface StepInfo {
  readonly run: RunId
  readonly path: StepPath
  /** From 1. */
  readonly attempt: number
  /** The same for every attempt and every restart of this step. */
  readonly idempotencyKey: string
}

export type OnUncertain = "retry" | "ask" | "fail"
export type OnItemFailure = "fail" | "skip" | "collect"

/** Fields that steps of one pipeline share. `tag` gives code steps their snapshot. */
export interface ContextSpec {
  readonly id: string
  readonly fields: Readonly<Record<string, Shape>>
  readonly tag: Context.Tag<unknown, unknown> | undefined
}

export interface CodeNode {
  readonly _tag: "Code"
  readonly name: string
  readonly version: string
  readonly input: Shape
  readonly output: Shape
  readonly error: Shape
  readonly effect: Exclude<EffectClass, "model">
  readonly onUncertain: OnUncertain
  /** `whole`: replay takes the recorded result. `inside`: replay runs the body, whose outside all goes through `Once`. */
  readonly replay: "whole" | "inside"
  readonly run: (input: never, info: StepInfo) => Effect.Effect<unknown, unknown, unknown>
}

export interface FnNode {
  readonly _tag: "Fn"
  readonly name: string
  readonly output: Shape
  readonly code: Code<(input: never) => unknown>
}

/** A step that passes its input on. */
export interface PassNode {
  readonly _tag: "Pass"
  readonly name: string
}

export interface AgentNode {
  readonly _tag: "Agent"
  readonly name: string
  readonly agent: Agent
}

export interface SkillNode {
  readonly _tag: "Skill"
  readonly name: string
  readonly skill: AnySkill
  /** Values with templates in their texts; evaluated when the step starts. */
  readonly params: Params | undefined
  readonly onUncertain: OnUncertain
}

/** JSON whose texts are templates. */
export type Params =
  | { readonly _tag: "Text"; readonly template: Template }
  | { readonly _tag: "List"; readonly items: ReadonlyArray<Params> }
  | { readonly _tag: "Map"; readonly fields: ReadonlyArray<readonly [string, Params]> }
  | { readonly _tag: "Value"; readonly value: Json }

export interface SequenceNode {
  readonly _tag: "Sequence"
  readonly steps: ReadonlyArray<Node>
}

export interface ParallelNode {
  readonly _tag: "Parallel"
  readonly name: string | undefined
  readonly branches: ReadonlyArray<readonly [string, Node]>
  readonly concurrency: number
}

export interface BranchNode {
  readonly _tag: "Branch"
  readonly name: string
  readonly on: Code<(input: never) => string> | Template
  readonly cases: ReadonlyArray<readonly [string, Node]>
  readonly otherwise: Node | undefined
}

export interface LoopNode {
  readonly _tag: "Loop"
  readonly name: string
  readonly body: Node
  readonly until: Code<(output: never) => boolean> | Template | undefined
  readonly max: number
  readonly onMax: "fail" | "continue"
}

export interface ForEachNode {
  readonly _tag: "ForEach"
  readonly name: string
  readonly body: Node
  /** Where the items come from; the input itself where absent. */
  readonly items: Template | undefined
  readonly concurrency: number
  readonly max: number
  readonly maxWaiting: number
  readonly onFailure: OnItemFailure
}

/** Waits for a person. `approve` passes its input on or fails with `Rejected`; `ask` answers what was answered. */
export interface AskNode {
  readonly _tag: "Ask"
  readonly name: string | undefined
  readonly mode: "approve" | "ask"
  readonly message: Code<(input: never) => string> | Template
  readonly answer: Shape
}

export interface SleepNode {
  readonly _tag: "Sleep"
  readonly name: string
  readonly millis: number
}

export interface RetryNode {
  readonly _tag: "Retry"
  readonly step: Node
  readonly policy:
    | { readonly _tag: "Data"; readonly retry: Retry }
    | {
        readonly _tag: "Schedule"
        readonly times: number
        readonly code: Code<Schedule.Schedule<unknown, never, unknown>>
      }
}

export interface TimeoutNode {
  readonly _tag: "Timeout"
  readonly step: Node
  readonly millis: number
}

export interface FallbackNode {
  readonly _tag: "Fallback"
  readonly step: Node
  readonly that: Node
}

/** Changes what a step answered. */
export interface MapNode {
  readonly _tag: "Map"
  readonly step: Node
  readonly output: Shape
  readonly code: Code<(output: never) => unknown>
}

/** Gives a step another input than what came before it. */
export interface InputNode {
  readonly _tag: "Input"
  readonly step: Node
  readonly input: Params
}

/** Writes what a step answered into a field of the pipeline's context. */
export interface SinkNode {
  readonly _tag: "Sink"
  readonly step: Node
  readonly context: ContextSpec | undefined
  readonly field: string
  /** Which of several parallel writes holds; two without are a finding. */
  readonly reduce: "first" | "last" | undefined
}

/** A name around a step; with `pipeline`, another pipeline with a context of its own. */
export interface ScopeNode {
  readonly _tag: "Scope"
  readonly name: string
  readonly step: Node
  readonly pipeline: { readonly name: string; readonly context: ContextSpec | undefined } | undefined
}

export type Node =
  | CodeNode
  | FnNode
  | PassNode
  | AgentNode
  | SkillNode
  | SequenceNode
  | ParallelNode
  | BranchNode
  | LoopNode
  | ForEachNode
  | AskNode
  | SleepNode
  | RetryNode
  | TimeoutNode
  | FallbackNode
  | MapNode
  | InputNode
  | SinkNode
  | ScopeNode

/** The name that a step stands under. A sequence has none; a wrapper borrows that of what it wraps. */
export const nameOf = (node: Node): string | undefined => {
  switch (node._tag) {
    case "Sequence":
      return undefined
    case "Parallel":
      return node.name ?? "parallel"
    case "Ask":
      return node.name ?? (node.mode === "approve" ? "approve" : "hitl")
    case "Retry":
    case "Timeout":
    case "Fallback":
    case "Map":
    case "Input":
    case "Sink":
      return nameOf(node.step)
    default:
      return node.name
  }
}

/** How many wrappers of this kind are already around the step that a wrapper borrows its name from. */
export const layersBelow = (node: Node, tag: "Timeout" | "Map"): number => {
  switch (node._tag) {
    case "Retry":
    case "Timeout":
    case "Fallback":
    case "Map":
    case "Input":
    case "Sink":
      return layersBelow(node.step, tag) + (node.step._tag === tag ? 1 : 0)
    default:
      return 0
  }
}

/** Joins two nodes without a place of its own, so that sequences are associative. */
export const sequence = (self: Node, that: Node): SequenceNode => ({
  _tag: "Sequence",
  steps: [...steps(self), ...steps(that)]
})

const steps = (node: Node): ReadonlyArray<Node> => (node._tag === "Sequence" ? node.steps : [node])
