/**
 * The tree below a `Step`: plain data, the same from YAML and from TypeScript. A node says what is to be done and does
 * none of it: it is planned, run, printed and priced elsewhere, each by one exhaustive match.
 */
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import type { Limits } from "../domain/Budget.js"
import type { Json } from "../domain/Json.js"
import type { EffectClass } from "../domain/Once.js"
import type { RunId } from "../domain/RunId.js"
import type { StepPath } from "../domain/StepPath.js"
import type { Template } from "../expression/Template.js"
import type { AnyAgent } from "./Agent.js"
import type { Params } from "./Params.js"
import type { Retry } from "./Retry.js"
import type { Shape } from "./Shape.js"
import type { AnySkill } from "./Skill.js"

export { type Params, paramsJson } from "./Params.js"

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
  readonly agent: AnyAgent
  /** It is not told of the conversation that it stands in. */
  readonly ignoresHistory?: true | undefined
  /** It goes on, turn by turn, until it is done. Absent: its first answer is the answer. */
  readonly granular?: Granular | undefined
}

/** How an agent goes on, and until when. */
export interface Granular {
  readonly maxTurns: number
  /** Of the turns before, the newest that have not more tokens are sent; all where absent. */
  readonly historyMaxTokens: number | undefined
  /** Of a longer result of a tool the model is sent the beginning and a digest. */
  readonly blobThresholdBytes: number
  /** Each tool must honour the idempotency key that it is given. */
  readonly enforceIdempotency: boolean
  /** What a resumed run must still be like, once it has begun: `compat`: history and blobs may have other limits now. */
  readonly fingerprint: "strict" | "compat"
  /** It is done when one of these is so. */
  readonly stop: ReadonlyArray<Stop>
  /** So many equal turns in a row are no progress. */
  readonly noProgressTurns: number
  /** `stop`: it answers what it said last. */
  readonly onNoProgress: "fail" | "stop"
}

export type Stop =
  /** Any answer. */
  | { readonly _tag: "Reply" }
  /** A line that says so, at the end of a text. */
  | { readonly _tag: "Sentinel" }
  /** A property of the answer that is true. */
  | { readonly _tag: "Flag"; readonly field: string }
  /** A tool was called, and answered: that is the answer. */
  | { readonly _tag: "Tool"; readonly name: string }
  /** Sees the answer as `previous_step`. */
  | { readonly _tag: "Holds"; readonly on: Code<(answer: never) => boolean> | Template }

export interface SkillNode {
  readonly _tag: "Skill"
  readonly name: string
  readonly skill: AnySkill
  /** Values with templates in their texts; evaluated when the step starts. */
  readonly params: Params | undefined
  readonly onUncertain: OnUncertain
}

export interface SequenceNode {
  readonly _tag: "Sequence"
  readonly steps: ReadonlyArray<Node>
}

/** A step whose output decides. It stands beside or below what it decides for. */
export interface Decider {
  readonly step: Node
}

/** One change of the context: `path` is a field and keys within it, each of them a map. */
export interface Assign {
  readonly op: "set" | "append" | "merge"
  readonly path: readonly [field: string, ...keys: ReadonlyArray<string>]
  readonly value: Params
}

/**
 * What happens where two branches wrote one field. `update`: maps are merged, lists are joined without what they have
 * twice, of two numbers the later holds, and two other values are a failure. `overwrite`, `keep_first`: the later or
 * earlier branch holds. `no_merge`: what branches write ends with them.
 */
export type Merge = "update" | "overwrite" | "keep_first" | "no_merge"

/** What the outputs of branches make together, in declared order. */
export type Reduce = "keys" | "values" | "union" | "concat" | "first" | "last" | "majority_vote" | "code_consensus"

export interface ParallelNode {
  readonly _tag: "Parallel"
  readonly name: string | undefined
  readonly branches: ReadonlyArray<readonly [string, Node]>
  readonly concurrency: number
  /** Which branches run: one name or a list of names. All where absent. */
  readonly select?: Code<(input: never) => string | ReadonlyArray<string>> | Template | Decider | undefined
  /** Absent: two branches that write one field are a finding. */
  readonly merge?: Merge | undefined
  /** `ignore`: a failed branch answers null, unless all fail. Absent: `fail`. */
  readonly onFailure?: "fail" | "ignore" | undefined
  /** The context fields that branches see; all where absent. */
  readonly include?: ReadonlyArray<string> | undefined
  /** Of what a branch writes, the fields that are kept; all of a branch that is not named. */
  readonly fields?: ReadonlyArray<readonly [branch: string, fields: ReadonlyArray<string>]> | undefined
  readonly reduce?: Reduce | undefined
}

export interface BranchNode {
  readonly _tag: "Branch"
  readonly name: string
  readonly on: Code<(input: never) => string> | Template | Decider
  readonly cases: ReadonlyArray<readonly [string, Node]>
  readonly otherwise: Node | undefined
}

export interface LoopNode {
  readonly _tag: "Loop"
  readonly name: string
  readonly body: Node
  readonly until: Code<(output: never) => boolean> | Template | Decider | undefined
  readonly max: number
  readonly onMax: "fail" | "continue"
  /** Done once, before the first iteration. */
  readonly init?: ReadonlyArray<Assign> | undefined
  /** Done between two iterations. */
  readonly state?: ReadonlyArray<Assign> | undefined
  /** What the next iteration is given; the output of the last one where absent. */
  readonly next?: Params | undefined
  /** What the loop answers; the output of the last iteration where absent. */
  readonly output?: Params | undefined
  /** What is said in an iteration is told to the agents of the next ones. */
  readonly conversation?: Conversation | undefined
}

/** What a loop remembers of what was said in it, and tells the agents of its next iterations. */
export interface Conversation {
  /** Whose answers become turns of the assistant; `names`: of these steps. */
  readonly ai: "last" | "all_agents" | { readonly names: ReadonlyArray<string> }
  /** What becomes turns of the user: what people answer (`hitl`), and what steps of these names do. */
  readonly users: ReadonlyArray<string>
  readonly history: History
  /** Renders what an agent is told; it sees `history`. The usual block where absent. */
  readonly template: Template | undefined
  /** The loop answers what was said in it, in place of what its last iteration did. */
  readonly answers?: true | undefined
}

/** What is kept. The first turn of the user is kept by all. */
export type History =
  | { readonly _tag: "Tokens"; readonly max: number }
  | { readonly _tag: "Turns"; readonly max: number }
  /** What is older is told in few words by `by`, once there are more than `max` tokens. */
  | { readonly _tag: "Summarize"; readonly max: number; readonly ratio: number; readonly by: Decider }

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
  /** As for branches. Absent: a field that the body writes is a finding. */
  readonly merge?: Merge | undefined
  /** Done once, before the items. */
  readonly init?: ReadonlyArray<Assign> | undefined
  /** What the whole answers, made of the list of outputs; that list where absent. */
  readonly output?: Params | undefined
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
  /** Says until when, as a date or in milliseconds since 1970; `millis` is 0 then. */
  readonly until?: Template | undefined
}

/** Waits for something to be told from outside, under a name. */
export interface SignalNode {
  readonly _tag: "Signal"
  readonly name: string
  readonly signal: string
  readonly data: Shape
}

/** Where a machine goes after a state. The first transition that fits holds. */
export interface Transition {
  /** A state; any where absent. */
  readonly from: string | undefined
  readonly on: "success" | "failure"
  /** A state, or an end. */
  readonly to: string
  readonly when: Template | undefined
}

/** Goes from state to state until it comes to an end; answers what the last state answered. */
export interface StatesNode {
  readonly _tag: "States"
  readonly name: string
  readonly start: string
  readonly states: ReadonlyArray<readonly [string, Node]>
  readonly ends: ReadonlyArray<string>
  readonly transitions: ReadonlyArray<Transition>
  /** States entered at most. */
  readonly max: number
}

/** Skips a step that is not wanted now: it passes its input on. */
export interface WhenNode {
  readonly _tag: "When"
  readonly step: Node
  readonly on: Code<(input: never) => boolean> | Template
}

/**
 * Of a pipeline that was changed while runs were under way: a run that came past this place before it was goes on without
 * the steps that are there `since` the change, and with those that were there `before` it; any other run the other way
 * round. Where it is not there, a step passes its input on.
 */
export interface VersionedNode {
  readonly _tag: "Versioned"
  readonly step: Node
  /** The name of the change. */
  readonly change: string
  readonly side: "since" | "before"
}

/** Holds what goes into a step and what comes out to schemas. */
export interface CheckNode {
  readonly _tag: "Check"
  readonly step: Node
  /** Of a whole pipeline: it stands at the root, and what does not fit is nobody's failure but its own. */
  readonly whole?: boolean | undefined
  readonly input: Shape | undefined
  readonly output: Shape | undefined
}

/** What an output is held to. `message`: what is said where it does not hold, in place of what it says itself. */
export type Validator = { readonly message: string | undefined } & (
  | { readonly _tag: "Contains"; readonly text: string }
  | { readonly _tag: "Fits"; readonly shape: Shape }
  /** Sees the output as `previous_step`. */
  | { readonly _tag: "Holds"; readonly template: Template }
  /** A step that is given the output and answers a verdict. */
  | { readonly _tag: "Judge"; readonly step: Node }
)

/** Holds what a step answers to more than its schema. `invariant`: it stands around all tries, and is no matter of trying. */
export interface ValidateNode {
  readonly _tag: "Validate"
  readonly step: Node
  readonly validators: ReadonlyArray<Validator>
  readonly invariant?: boolean | undefined
}

/** Words about a step. They change nothing: a plan has the same digest with and without. */
export interface NoteNode {
  readonly _tag: "Note"
  readonly step: Node
  readonly description: string | undefined
  readonly meta: Json | undefined
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

/** What takes a step back that ended well, where its run fails or is cancelled. It is given `{ input, output }` of the step. */
export interface CompensateNode {
  readonly _tag: "Compensate"
  readonly step: Node
  readonly undo: Node
}

/** Takes what the same step answered to the same input not long ago, in whatever run, and else runs it. */
export interface CachedNode {
  readonly _tag: "Cached"
  readonly step: Node
  readonly output: Shape
  /** What was answered longer ago is not taken. */
  readonly ttlMillis: number
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
  /** Of a map, what is written: the value under this key, if it is there. All of the output where absent. */
  readonly key?: string | undefined
  /** Which of several parallel writes holds; two without are a finding. */
  readonly reduce: "first" | "last" | undefined
}

/** What a step may spend in all its attempts together, with everything below it. */
export interface CappedNode {
  readonly _tag: "Capped"
  readonly step: Node
  readonly limits: Limits
}

/** A name around a step; with `pipeline`, another pipeline with a context of its own. */
export interface ScopeNode {
  readonly _tag: "Scope"
  readonly name: string
  readonly step: Node
  readonly pipeline: Inner | undefined
}

/** A pipeline within another one. */
export interface Inner {
  readonly name: string
  readonly context: ContextSpec | undefined
  /** It begins with the fields of the outer context. Absent: with none. */
  readonly inherits?: boolean | undefined
  /** Its fields that are written outside when it ends, each under a name there. */
  readonly outputs?: ReadonlyArray<readonly [inner: string, outer: string]> | undefined
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
  | StatesNode
  | AskNode
  | SleepNode
  | SignalNode
  | ScopeNode
  | Wrapper

/** What stands around a step, at the place of that step. */
export type Wrapper =
  | RetryNode
  | TimeoutNode
  | FallbackNode
  | CompensateNode
  | CachedNode
  | MapNode
  | InputNode
  | SinkNode
  | WhenNode
  | VersionedNode
  | CheckNode
  | ValidateNode
  | NoteNode
  | CappedNode

const wrappers: { readonly [K in Wrapper["_tag"]]: true } = {
  Retry: true,
  Timeout: true,
  Fallback: true,
  Compensate: true,
  Cached: true,
  Map: true,
  Input: true,
  Sink: true,
  When: true,
  Versioned: true,
  Check: true,
  Validate: true,
  Note: true,
  Capped: true
}

export const isWrapper = (node: Node): node is Wrapper => Object.hasOwn(wrappers, node._tag)

/** The name that a step stands under. A sequence has none; a wrapper borrows that of what it wraps. */
export const nameOf = (node: Node): string | undefined => {
  if (isWrapper(node)) return nameOf(node.step)
  switch (node._tag) {
    case "Sequence":
      return undefined
    case "Parallel":
      return node.name ?? "parallel"
    case "Ask":
      return node.name ?? (node.mode === "approve" ? "approve" : "hitl")
    default:
      return node.name
  }
}

/** How many wrappers of this kind are already around the step that a wrapper borrows its name from. */
export const layersBelow = (node: Node, tag: "Timeout" | "Map" | "When"): number =>
  isWrapper(node) ? layersBelow(node.step, tag) + (node.step._tag === tag ? 1 : 0) : 0

/** Joins two nodes without a place of its own, so that sequences are associative. */
export const sequence = (self: Node, that: Node): SequenceNode => ({
  _tag: "Sequence",
  steps: [...steps(self), ...steps(that)]
})

const steps = (node: Node): ReadonlyArray<Node> => (node._tag === "Sequence" ? node.steps : [node])
