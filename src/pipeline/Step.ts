/**
 * A step of a workflow as a value: `Step<In, Out, E, R>` carries its types to the end, and its node is plain data. A
 * step that fits no other does not compile; what its code needs (`R`) and how it can fail (`E`) become what running the
 * pipeline needs and how that can fail.
 */
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import { dual } from "effect/Function"
import { type Pipeable, pipeArguments } from "effect/Pipeable"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Types from "effect/Types"
import type { BudgetExceeded, Limits } from "../domain/Budget.js"
import type { Encoded, Json } from "../domain/Json.js"
import type { ModelError, ModelSettings, Models } from "../domain/Model.js"
import type { EffectClass, Once } from "../domain/Once.js"
import * as Template from "../expression/Template.js"
import type { Agent, AgentError } from "./Agent.js"
import * as Conversation from "./Conversation.js"
import * as Granular from "./Granular.js"
import * as Node from "./Node.js"
import { fromJson } from "./Params.js"
import type { ContextClass, Fields, Snapshot } from "./PipelineContext.js"
import * as Refine from "./Refine.js"
import * as Retry from "./Retry.js"
import * as Shape from "./Shape.js"
import type { Skill, SkillError } from "./Skill.js"
import type {
  InvariantViolated,
  ItemsRefused,
  LoopExhausted,
  NoBranch,
  NoTransition,
  Rejected,
  SchemaMismatch,
  StepTimedOut,
  StepUncertain,
  ValidationFailed,
  ValueRefused
} from "./StepError.js"

import * as TreeSearch from "./TreeSearch.js"

import type * as Validator from "./Validator.js"

export const TypeId: unique symbol = Symbol.for("flujo/pipeline/Step")
export type TypeId = typeof TypeId

export interface Variance<in In, out Out, out E, out R> {
  readonly _In: Types.Contravariant<In>
  readonly _Out: Types.Covariant<Out>
  readonly _E: Types.Covariant<E>
  readonly _R: Types.Covariant<R>
}

export interface Step<in In, out Out, out E = never, out R = never> extends Pipeable {
  readonly [TypeId]: Variance<In, Out, E, R>
  readonly node: Node.Node
}

export declare namespace Step {
  export type Any = Step<never, unknown, unknown, unknown>
  export type In<S> = S extends { readonly [TypeId]: { readonly _In: (_: infer In) => void } } ? In : never
  export type Out<S> = S extends { readonly [TypeId]: { readonly _Out: (_: never) => infer Out } } ? Out : never
  export type Error<S> = S extends { readonly [TypeId]: { readonly _E: (_: never) => infer E } } ? E : never
  export type Requirements<S> = S extends { readonly [TypeId]: { readonly _R: (_: never) => infer R } } ? R : never
}

const identity = <A>(value: A): A => value
const variance: Variance<unknown, never, never, never> = { _In: identity, _Out: identity, _E: identity, _R: identity }

const Proto = {
  [TypeId]: variance,
  pipe() {
    // biome-ignore lint/complexity/noArguments: `pipeArguments` takes them as they are.
    return pipeArguments(this, arguments)
  }
}

/** A step around a node. The types are the caller's word: one of the two places where they are not checked. */
export const fromNode = <In, Out, E = never, R = never>(node: Node.Node): Step<In, Out, E, R> =>
  Object.assign(Object.create(Proto), { node })

// Where a function or a text may stand, the overload with the function comes last: a misfit is told by the last one.

// ---------------------------------------------------------------- leaves

/**
 * Any Effect as a step. Input, output and typed error cross the journal, so each has a schema; an effect that fails
 * with anything undeclared does not compile. The body may run more than once (a retry, a crash), always with the same
 * `idempotencyKey`; parts that must not be repeated go through `Once`.
 */
export const make = <
  A,
  AI extends Shape.Crossing,
  B,
  BI extends Shape.Crossing,
  R = never,
  E = never,
  EI extends Shape.Crossing = never,
  const U extends Node.OnUncertain = "retry"
>(
  name: string,
  options: {
    readonly input: Schema.Schema<A, AI>
    readonly output: Schema.Schema<B, BI>
    readonly error?: Schema.Schema<E, EI> | undefined
    /** Raise it when the meaning of `run` changes: a function has no digest. Default "1". */
    readonly version?: string | undefined
    /** What the step does to the world. Default `external`. */
    readonly effect?: Exclude<EffectClass, "model"> | undefined
    /**
     * What to do with a step that had started when its process died. `retry` (default): run it again under the same key.
     * `ask`: a person decides, and a no is `StepUncertain`. `fail`: it is `StepUncertain`.
     */
    readonly onUncertain?: U | undefined
    /**
     * `whole` (default): a replay takes what the step answered. `inside`: a replay runs the body, which must go through
     * `Once` for whatever it learns from outside.
     */
    readonly replay?: "whole" | "inside" | undefined
    readonly run: (input: A, info: Node.StepInfo) => Effect.Effect<NoInfer<B>, NoInfer<E>, R>
  }
): Step<A, B, E | (U extends "retry" ? never : StepUncertain), Exclude<R, Once>> =>
  fromNode({
    _tag: "Code",
    name,
    version: options.version ?? "1",
    input: Shape.fromSchema(options.input),
    output: Shape.fromSchema(options.output),
    error: options.error === undefined ? Shape.never : Shape.fromSchema(options.error),
    effect: options.effect ?? "external",
    onUncertain: options.onUncertain ?? "retry",
    replay: options.replay ?? "whole",
    run: options.run
  })

/** A pure function as a step. It runs again on every resume and replay, and must then answer the same. */
export const fn: {
  <A, B extends Encoded>(
    name: string,
    call: (input: A) => B,
    options?: { readonly version?: string | undefined }
  ): Step<A, B>
  <A, B, BI extends Shape.Crossing>(
    name: string,
    call: (input: A) => B,
    options: { readonly output: Schema.Schema<B, BI>; readonly version?: string | undefined }
  ): Step<A, B>
} = <A, B>(
  name: string,
  call: (input: A) => B,
  options?: { readonly output?: Schema.Schema<B, Shape.Crossing>; readonly version?: string | undefined }
): Step<A, B> => fromNode({ _tag: "Fn", name, output: shapeOf(options?.output), code: code(call, options?.version) })

/** Passes its input on: a place in the tree with a name. */
export const pass = <A>(name: string): Step<A, A> => fromNode({ _tag: "Pass", name })

/** An agent thinks, and calls its tools, until it has an answer. Text goes to the model as it is, any other value as JSON. */
export const agent = <A, R = never, E = never>(
  name: string,
  who: Agent<A, R, E>,
  options?: {
    /** Hold for this step, over those of the agent. */
    readonly settings?: ModelSettings | undefined
    /** Whether it is told of the conversation that it stands in (`Step.conversation`). Default: yes. */
    readonly useHistory?: boolean | undefined
  }
): Step<Encoded, A, ModelError | AgentError | E, Models | R> =>
  fromNode({
    _tag: "Agent",
    name,
    agent: options?.settings === undefined ? who : { ...who, settings: { ...who.settings, ...options.settings } },
    ...(options?.useHistory === false ? { ignoresHistory: true as const } : {})
  })

type StopOption<A> =
  | "sentinel"
  | "reply"
  | { readonly flag: string }
  | { readonly tool: string }
  | { readonly expression: string }
  | ((answer: A) => boolean)

/**
 * An agent that goes on, turn by turn, until it is done: by default at a text that ends in a line `COMPLETE` or `DONE`, or at
 * an output whose `is_complete` is true. Each turn is journaled before its result is used, and none is paid for twice.
 */
export const granular = <A, R = never, E = never>(
  name: string,
  who: Agent<A, R, E>,
  options: {
    /** Model calls at most. Default 20. */
    readonly maxTurns?: number | undefined
    /** Of the turns before, the newest that have not more tokens (estimated) are sent. Default: all. */
    readonly historyMaxTokens?: number | undefined
    /** Of a longer result of a tool the model is sent the beginning and a digest. Default 20,000. */
    readonly blobThresholdBytes?: number | undefined
    /** Each tool must honour the idempotency key that it is given. Default false. */
    readonly enforceIdempotency?: boolean | undefined
    /** What must be as it was where a run goes on: all (`strict`, the default), or all but the two limits above. */
    readonly fingerprint?: "strict" | "compat" | undefined
    /** It is done when one of these is so. */
    readonly stop?: ReadonlyArray<StopOption<NoInfer<A>>> | undefined
    /** So many equal turns in a row are no progress. Default 3. */
    readonly noProgressTurns?: number | undefined
    /** `fail` (default), or `stop`: it answers what it said last. */
    readonly onNoProgress?: "fail" | "stop" | undefined
    readonly useHistory?: boolean | undefined
    /** Raise it when the meaning of a function in `stop` changes. */
    readonly version?: string | undefined
  } = {}
): Step<Encoded, A, ModelError | AgentError | Template.TemplateError | E, Models | R> => {
  const { stop, useHistory, version, ...said } = options
  const stops = stop?.map((one): Node.Stop => {
    if (typeof one === "function") return { _tag: "Holds", on: code(one, version) }
    if (typeof one === "string") return { _tag: one === "reply" ? "Reply" : "Sentinel" }
    if ("flag" in one) return { _tag: "Flag", field: one.flag }
    return "tool" in one
      ? { _tag: "Tool", name: one.tool }
      : { _tag: "Holds", on: Template.parseExpression(one.expression) }
  })
  return fromNode({
    ...agent(name, who, { useHistory }).node,
    granular: Granular.make(who, {
      ...(said as Partial<Node.Granular>),
      ...(stops === undefined ? {} : { stop: stops })
    })
  } as Node.AgentNode)
}

/** A skill as a step. Texts in `params` are templates; the input becomes the parameter that the skill names for it. */
export const skill: {
  <In, Out, R>(name: string, what: Skill<In, Out, R>): Step<In, Out, SkillError | StepUncertain, R>
  <In, Out, R>(
    name: string,
    what: Skill<In, Out, R>,
    options: { readonly params: { readonly [name: string]: Json }; readonly onUncertain?: Node.OnUncertain | undefined }
  ): Step<Encoded, Out, SkillError | StepUncertain | Template.TemplateError, R>
} = (
  name: string,
  what: Node.SkillNode["skill"],
  options?: { readonly params?: Json | undefined; readonly onUncertain?: Node.OnUncertain | undefined }
) =>
  fromNode<unknown, never>({
    _tag: "Skill",
    name,
    skill: what,
    params: options?.params === undefined ? undefined : params(options.params),
    onUncertain: options?.onUncertain ?? (what.honoursKey ? "retry" : "ask")
  })

/** Every text of `json` read as a template. */
export const params: (json: Json) => Node.Params = fromJson

// ---------------------------------------------------------------- waiting

/** Waits for a person's yes and passes its input on; a no is `Rejected`. */
export const approve: {
  <A>(name: string, options: { readonly message: string }): Step<A, A, Rejected | Template.TemplateError>
  <A>(
    name: string,
    options: { readonly message: (input: A) => string; readonly version?: string }
  ): Step<A, A, Rejected>
} = <A>(name: string, options: { readonly message: ((input: A) => string) | string; readonly version?: string }) =>
  fromNode<A, A, Rejected>({
    _tag: "Ask",
    name,
    mode: "approve",
    message: textOrCode(options.message, options.version),
    answer: Shape.any
  })

/** Waits for a person's answer, which must fit `answer`. */
export const ask: {
  <A, I extends Shape.Crossing>(
    name: string,
    options: { readonly message: string; readonly answer: Schema.Schema<A, I> }
  ): Step<unknown, A, Template.TemplateError>
  <In, A, I extends Shape.Crossing>(
    name: string,
    options: {
      readonly message: (input: In) => string
      readonly answer: Schema.Schema<A, I>
      readonly version?: string
    }
  ): Step<In, A>
} = <In, A, I extends Shape.Crossing>(
  name: string,
  options: {
    readonly message: ((input: In) => string) | string
    readonly answer: Schema.Schema<A, I>
    readonly version?: string
  }
) =>
  fromNode<In, A>({
    _tag: "Ask",
    name,
    mode: "ask",
    message: textOrCode(options.message, options.version),
    answer: Shape.fromSchema(options.answer)
  })

/** Rests for a while and passes its input on. The end is an instant in the journal: outages count. */
export const sleep = <A>(name: string, duration: Duration.DurationInput): Step<A, A> =>
  fromNode({ _tag: "Sleep", name, millis: Math.ceil(Duration.toMillis(duration)) })

/**
 * Rests until a time and passes its input on. `time` is a date, with its zone where it has a time of day, or a template
 * that says one, or that says milliseconds since 1970. A time that has passed is no wait at all.
 */
export const sleepUntil = <A>(name: string, time: string): Step<A, A, ValueRefused | Template.TemplateError> =>
  fromNode({ _tag: "Sleep", name, millis: 0, until: Template.parse(time) })

/**
 * Waits to be told something from outside under the name `signal` (`Flujo.signal`), and answers what was told. What was
 * told before anybody waited for it is kept; one that does not fit `data` is a failure of this step.
 */
export const signal = <A, I extends Shape.Crossing>(
  name: string,
  options: {
    /** Default: the step's own name. */
    readonly signal?: string | undefined
    readonly data: Schema.Schema<A, I>
  }
): Step<unknown, A, SchemaMismatch> =>
  fromNode({ _tag: "Signal", name, signal: options.signal ?? name, data: Shape.fromSchema(options.data) })

// ---------------------------------------------------------------- composites

/** Runs `that` after `self`; `that` sees what `self` answered. */
export const andThen: {
  <Out, Out2, E2, R2>(
    that: Step<Out, Out2, E2, R2>
  ): <In, E, R>(self: Step<In, Out, E, R>) => Step<In, Out2, E | E2, R | R2>
  <In, Out, E, R, Out2, E2, R2>(
    self: Step<In, Out, E, R>,
    that: Step<Out, Out2, E2, R2>
  ): Step<In, Out2, E | E2, R | R2>
} = dual(
  2,
  <In, Out, E, R, Out2, E2, R2>(
    self: Step<In, Out, E, R>,
    that: Step<Out, Out2, E2, R2>
  ): Step<In, Out2, E | E2, R | R2> => fromNode(Node.sequence(self.node, that.node))
)

/** What every branch can take: the intersection of their inputs. */
type InputOf<B> = (
  B extends Record<string, infer S>
    ? S extends { readonly [TypeId]: { readonly _In: (_: infer In) => void } }
      ? (_: In) => void
      : never
    : never
) extends (_: infer In) => void
  ? In
  : never

type Branches = { readonly [key: string]: Step.Any }

interface ParallelOptions<B extends Branches, M, F, G> {
  /** How many branches run at once. Default 16. */
  readonly concurrency?: number | undefined
  /** What two branches make of one context field. Without it, two that write one are a finding. */
  readonly merge?: G | undefined
  /** `ignore`: a failed branch answers null, unless all fail. Default `fail`. */
  readonly onFailure?: F | undefined
  /** The context fields that branches see. Default: all. */
  readonly include?: ReadonlyArray<string> | undefined
  /** Of what a branch writes into the context, the fields that are kept. Default: all. */
  readonly fields?: { readonly [K in keyof B]?: ReadonlyArray<string> } | undefined
  /** What the outputs make together, in declared order. Default: a map of them by branch. */
  readonly reduce?: M | undefined
}

type Outs<B extends Branches> = Step.Out<B[keyof B]>

/** What the branches answer together; `N` is null where a branch may be missing. */
type Reduced<B extends Branches, M, N> = M extends Node.Reduce
  ? M extends "keys"
    ? ReadonlyArray<keyof B & string>
    : M extends "values"
      ? ReadonlyArray<Outs<B>>
      : M extends "concat"
        ? ReadonlyArray<Json>
        : M extends "union"
          ? { readonly [key: string]: Json }
          : Outs<B> | N
  : { readonly [K in keyof B]: Step.Out<B[K]> | N }

type ParallelStep<B extends Branches, M = undefined, F = "fail"> = Step<
  InputOf<B>,
  Reduced<B, M, F extends "ignore" ? null : never>,
  Step.Error<B[keyof B]>,
  Step.Requirements<B[keyof B]>
>

/** Runs its branches side by side on one input. It fails as the first failing branch in declared order did. */
export const parallel: {
  <const B extends Branches>(branches: B): ParallelStep<B>
  <
    const B extends Branches,
    const M extends Node.Reduce | undefined = undefined,
    const F extends "fail" | "ignore" = "fail",
    const G extends Node.Merge = "overwrite"
  >(
    name: string,
    branches: B,
    options?: ParallelOptions<B, M, F, G>
  ): Step<
    InputOf<B>,
    Reduced<B, M, F extends "ignore" ? null : never>,
    Step.Error<B[keyof B]> | (M extends "union" ? ValueRefused : never) | (G extends "update" ? ValueRefused : never),
    Step.Requirements<B[keyof B]>
  >
} = (
  nameOrBranches: string | Branches,
  given?: Branches,
  options?: ParallelOptions<Branches, Node.Reduce | undefined, "fail" | "ignore", Node.Merge>
) => {
  const named = typeof nameOrBranches === "string"
  return fromNode<unknown, never>(
    parallelNode(named ? nameOrBranches : undefined, named ? given! : nameOrBranches, options)
  )
}

const parallelNode = (
  name: string | undefined,
  branches: Branches,
  options: ParallelOptions<Branches, Node.Reduce | undefined, "fail" | "ignore", Node.Merge> | undefined
): Node.ParallelNode => ({
  _tag: "Parallel",
  name,
  branches: Object.entries(branches).map(([key, step]) => [key, step.node] as const),
  concurrency: options?.concurrency ?? 16,
  merge: options?.merge,
  onFailure: options?.onFailure,
  include: options?.include,
  fields:
    options?.fields === undefined
      ? undefined
      : Object.entries(options.fields).map(([branch, fields]) => [branch, fields ?? []] as const),
  reduce: options?.reduce
})

interface RouteOptions<B extends Branches>
  extends Omit<ParallelOptions<B, Node.Reduce, "fail" | "ignore", Node.Merge>, "merge"> {
  /** As for parallel branches; `refuse`: two that write one context field are a finding. Default `no_merge`. */
  readonly merge?: Node.Merge | "refuse" | undefined
}

/**
 * Runs those of its branches that `on` names: one name or a list of names, said by a function, an expression or a step,
 * such as an agent. A name that no branch has is a failure; no name at all answers an empty map.
 */
export const route: {
  <const B extends Branches, In, E, R>(
    name: string,
    options: {
      readonly on: Step<In, string | ReadonlyArray<string>, E, R>
      readonly branches: B
      readonly concurrency?: number | undefined
    }
  ): Step<
    In & InputOf<B>,
    { readonly [K in keyof B]?: Step.Out<B[K]> },
    Step.Error<B[keyof B]> | NoBranch | E,
    Step.Requirements<B[keyof B]> | R
  >
  <const B extends Branches>(
    name: string,
    options: { readonly on: string; readonly branches: B; readonly concurrency?: number | undefined }
  ): Step<
    InputOf<B>,
    { readonly [K in keyof B]?: Step.Out<B[K]> },
    Step.Error<B[keyof B]> | NoBranch | Template.TemplateError,
    Step.Requirements<B[keyof B]>
  >
  <const B extends Branches, In, E, R>(
    name: string,
    options: RouteOptions<B> & { readonly on: Step<In, string | ReadonlyArray<string>, E, R>; readonly branches: B }
  ): Step<
    In & InputOf<B>,
    Json,
    Step.Error<B[keyof B]> | NoBranch | ValueRefused | E,
    Step.Requirements<B[keyof B]> | R
  >
  <In, const B extends { readonly [key: string]: Step<In, unknown, unknown, unknown> }>(
    name: string,
    options: {
      readonly on: (input: In) => (keyof B & string) | ReadonlyArray<keyof B & string>
      readonly branches: B
      readonly concurrency?: number | undefined
      readonly version?: string
    }
  ): Step<In, { readonly [K in keyof B]?: Step.Out<B[K]> }, Step.Error<B[keyof B]>, Step.Requirements<B[keyof B]>>
} = (
  name: string,
  options: RouteOptions<Branches> & {
    readonly on: string | Step.Any | ((input: never) => string | ReadonlyArray<string>)
    readonly branches: Branches
    readonly version?: string
  }
) =>
  fromNode<unknown, never>({
    ...parallelNode(name, options.branches, { ...options, merge: undefined }),
    merge: options.merge === "refuse" ? undefined : (options.merge ?? "no_merge"),
    select: deciderOrCode(options.on, options.version)
  })

/** Goes one way out of several. With a function, the cases must cover what it answers; a text is an expression. */
export const branch: {
  <const C extends Branches, D extends Step.Any = never>(
    name: string,
    options: { readonly on: string; readonly cases: C; readonly otherwise?: D }
  ): Step<
    InputOf<C> & ([D] extends [never] ? unknown : Step.In<D>),
    Step.Out<C[keyof C]> | Step.Out<D>,
    Step.Error<C[keyof C]> | Step.Error<D> | NoBranch | Template.TemplateError,
    Step.Requirements<C[keyof C]> | Step.Requirements<D>
  >
  <const C extends Branches, In, E, R, D extends Step.Any = never>(
    name: string,
    options: { readonly on: Step<In, string | boolean, E, R>; readonly cases: C; readonly otherwise?: D }
  ): Step<
    In & InputOf<C> & ([D] extends [never] ? unknown : Step.In<D>),
    Step.Out<C[keyof C]> | Step.Out<D>,
    Step.Error<C[keyof C]> | Step.Error<D> | NoBranch | E,
    Step.Requirements<C[keyof C]> | Step.Requirements<D> | R
  >
  <In, K extends string, C extends { readonly [P in K]: Step<In, unknown, unknown, unknown> }>(
    name: string,
    options: { readonly on: (input: In) => K; readonly cases: C; readonly version?: string }
  ): Step<In, Step.Out<C[K]>, Step.Error<C[K]>, Step.Requirements<C[K]>>
} = (
  name: string,
  options: {
    readonly on: ((input: never) => string) | string | Step.Any
    readonly cases: Branches
    readonly otherwise?: Step.Any
    readonly version?: string
  }
) =>
  fromNode<unknown, never>({
    _tag: "Branch",
    name,
    on: deciderOrCode(options.on, options.version),
    cases: Object.entries(options.cases).map(([key, step]) => [key, step.node] as const),
    otherwise: options.otherwise?.node
  })

interface LoopOptions<M> {
  /** Iterations at most. */
  readonly max: number
  /** What a loop does whose last iteration did not meet its exit. Default `fail`. */
  readonly onMax?: M | undefined
  /** Changes of the context, once before the first iteration. */
  readonly init?: ReadonlyArray<AssignOptions> | undefined
  /** Changes of the context between two iterations; `index` is the number, from 0, of the one that ended. */
  readonly state?: ReadonlyArray<AssignOptions> | undefined
  /** What the next iteration is given; texts in it are templates. Default: what the last one answered. */
  readonly next?: Json | undefined
}

/** `target` is a context field, and keys within it behind dots. Texts in `value` are templates. */
export interface AssignOptions {
  readonly op: Node.Assign["op"]
  readonly target: string
  readonly value: Json
}

/**
 * Runs `body` on its own output until `until` holds, at most `max` times; then it fails, or goes on if told to. Without
 * `until` it runs `max` times, and that is well.
 */
export const loop: {
  <In, Out extends In, E, R>(
    name: string,
    body: Step<In, Out, E, R>,
    options: { readonly until?: undefined; readonly max: number }
  ): Step<In, Out, E, R>
  <In, Out extends In, E, R, const M extends "fail" | "continue" = "fail">(
    name: string,
    body: Step<In, Out, E, R>,
    options: { readonly until: string; readonly max: number; readonly onMax?: M | undefined }
  ): Step<In, Out, E | Template.TemplateError | (M extends "fail" ? LoopExhausted : never), R>
  <In, Out extends In, E, R, const M extends "fail" | "continue" = "fail">(
    name: string,
    body: Step<In, Out, E, R>,
    options: LoopOptions<M> & { readonly until?: string | undefined }
  ): Step<In, Out, E | LoopError | (M extends "fail" ? LoopExhausted : never), R>
  <In, Out extends In, E, R, E2, R2, const M extends "fail" | "continue" = "fail">(
    name: string,
    body: Step<In, Out, E, R>,
    options: LoopOptions<M> & { readonly until: Step<Out, boolean, E2, R2> }
  ): Step<In, Out, E | E2 | LoopError | (M extends "fail" ? LoopExhausted : never), R | R2>
  <In, Out extends In, E, R, E2 = never, R2 = never, const M extends "fail" | "continue" = "fail">(
    name: string,
    body: Step<In, Out, E, R>,
    options: LoopOptions<M> & {
      readonly until?: string | Step<Out, boolean, E2, R2> | undefined
      /** What the loop answers; texts in it are templates. Default: what the last iteration answered. */
      readonly output: Json
    }
  ): Step<In, Json, E | E2 | LoopError | (M extends "fail" ? LoopExhausted : never), R | R2>
  <In, Out extends In, E, R, const M extends "fail" | "continue" = "fail">(
    name: string,
    body: Step<In, Out, E, R>,
    options: {
      readonly until: (output: Out) => boolean
      readonly max: number
      readonly onMax?: M | undefined
      readonly version?: string
    }
  ): Step<In, Out, E | (M extends "fail" ? LoopExhausted : never), R>
} = <In, Out extends In, E, R>(
  name: string,
  body: Step<In, Out, E, R>,
  options: LoopOptions<"fail" | "continue"> & {
    readonly until?: ((output: Out) => boolean) | string | Step<Out, boolean, unknown, unknown> | undefined
    readonly output?: Json | undefined
    readonly version?: string
  }
) =>
  fromNode<In, never, never, R>({
    _tag: "Loop",
    name,
    body: body.node,
    until: options.until === undefined ? undefined : deciderOrCode(options.until, options.version),
    max: options.max,
    onMax: options.onMax ?? (options.until === undefined ? "continue" : "fail"),
    init: options.init?.map(assign),
    state: options.state?.map(assign),
    next: options.next === undefined ? undefined : params(options.next),
    output: options.output === undefined ? undefined : params(options.output)
  })

export interface ConversationOptions<E, R> {
  /** Whose answers are turns of the assistant: the last agent's of an iteration (default), all agents', or these steps'. */
  readonly ai?: "last" | "all_agents" | ReadonlyArray<string> | undefined
  /** What becomes turns of the user: what people answer (`hitl`, the default), and what these steps do. */
  readonly users?: ReadonlyArray<string> | undefined
  /** Tokens are estimated. Default: the newest turns of 4,096 tokens. */
  readonly history?:
    | { readonly strategy: "truncate_tokens"; readonly maxTokens?: number | undefined }
    | { readonly strategy: "truncate_turns"; readonly maxTurns?: number | undefined }
    | {
        readonly strategy: "summarize"
        readonly maxTokens?: number | undefined
        /** The share of the turns, the oldest, that is told in short. Default 0.5. */
        readonly ratio?: number | undefined
        /** Answers in short the text that it is given. */
        readonly by: Step<string, unknown, E, R>
      }
    | undefined
  /** A text of its own for what agents are told; it sees `history` and `left_out`. */
  readonly historyTemplate?: string | undefined
}

interface Talking<Out, E, R, E2, R2, M> extends LoopOptions<M & ("fail" | "continue")>, ConversationOptions<E, R> {
  /** Says, of what an iteration answered, whether it was the last. */
  readonly until?: string | Step<Out, boolean, E2, R2> | ((output: Out) => boolean) | undefined
  readonly version?: string | undefined
}

type Exhausted<M> = LoopError | (M extends "fail" ? LoopExhausted : never)

/**
 * A loop whose agents are told what was said in the iterations before: the loop's input, what people answered, and what
 * agents did. `answers`: the loop answers all of that as a text.
 */
export const conversation: {
  <
    In,
    Out extends In,
    E,
    R,
    E2 = never,
    R2 = never,
    E3 = never,
    R3 = never,
    const M extends "fail" | "continue" = "fail"
  >(
    name: string,
    body: Step<In, Out, E, R>,
    options: Talking<Out, E2, R2, E3, R3, M> & { readonly answers: true }
  ): Step<In, string, E | E2 | E3 | Exhausted<M>, R | R2 | R3>
  <
    In,
    Out extends In,
    E,
    R,
    E2 = never,
    R2 = never,
    E3 = never,
    R3 = never,
    const M extends "fail" | "continue" = "fail"
  >(
    name: string,
    body: Step<In, Out, E, R>,
    options: Talking<Out, E2, R2, E3, R3, M> & {
      /** What the loop answers; texts in it are templates. Default: what the last iteration answered. */
      readonly output: Json
    }
  ): Step<In, Json, E | E2 | E3 | Exhausted<M>, R | R2 | R3>
  <
    In,
    Out extends In,
    E,
    R,
    E2 = never,
    R2 = never,
    E3 = never,
    R3 = never,
    const M extends "fail" | "continue" = "fail"
  >(
    name: string,
    body: Step<In, Out, E, R>,
    options: Talking<Out, E2, R2, E3, R3, M>
  ): Step<In, Out, E | E2 | E3 | Exhausted<M>, R | R2 | R3>
} = <In, Out extends In, E, R>(
  name: string,
  body: Step<In, Out, E, R>,
  options: Talking<Out, unknown, unknown, unknown, unknown, "fail" | "continue"> & {
    readonly output?: Json | undefined
    readonly answers?: true | undefined
  }
) => {
  const { node } = loop(name, body, options as Parameters<typeof loop<In, Out, E, R>>[2])
  return fromNode<In, never, never, R>({ ...(node as Node.LoopNode), conversation: talkOf(options) })
}

const talkOf = ({
  ai = "last",
  answers,
  history = { strategy: "truncate_tokens" },
  historyTemplate,
  users = [Conversation.people]
}: ConversationOptions<unknown, unknown> & { readonly answers?: true | undefined }): Node.Conversation => ({
  ai: typeof ai === "string" ? ai : { names: ai },
  users,
  history:
    history.strategy === "truncate_turns"
      ? { _tag: "Turns", max: history.maxTurns ?? Conversation.turnsDefault }
      : history.strategy === "truncate_tokens"
        ? { _tag: "Tokens", max: history.maxTokens ?? Conversation.tokensDefault }
        : {
            _tag: "Summarize",
            max: history.maxTokens ?? Conversation.tokensDefault,
            ratio: history.ratio ?? Conversation.ratioDefault,
            by: { step: history.by.node }
          },
  template: historyTemplate === undefined ? undefined : Template.parse(historyTemplate),
  ...(answers === true ? { answers } : {})
})

type LoopError = Template.TemplateError | ValueRefused

/** One change of the context as the tree holds it. */
export const assign = ({ op, target, value }: AssignOptions): Node.Assign => {
  const [field = "", ...keys] = target.split(".")
  return { op, path: [field, ...keys], value: params(value) }
}

/**
 * Goes from state to state: each runs its step on what the one before answered, and the first transition that fits how
 * it ended says where to go. It ends at one of `ends` with the output of the last state, and fails where no transition
 * fits. `when` is an expression that sees `output`: `{ event, state, last_output, error }`.
 */
export const states = <const S extends Branches>(
  name: string,
  options: {
    readonly start: keyof S & string
    readonly states: S
    readonly ends: ReadonlyArray<string>
    readonly transitions: ReadonlyArray<{
      /** Any state where absent. */
      readonly from?: (keyof S & string) | undefined
      readonly on: "success" | "failure"
      readonly to: string
      readonly when?: string | undefined
    }>
    /** States entered at most. Default: ten for each state. */
    readonly max?: number | undefined
  }
): Step<
  InputOf<S>,
  Step.Out<S[keyof S]>,
  Step.Error<S[keyof S]> | NoTransition | LoopExhausted | Template.TemplateError,
  Step.Requirements<S[keyof S]>
> =>
  fromNode({
    _tag: "States",
    name,
    start: options.start,
    states: Object.entries(options.states).map(([key, step]) => [key, step.node] as const),
    ends: options.ends,
    transitions: options.transitions.map(({ from, on, to, when }) => ({
      from,
      on,
      to,
      when: when === undefined ? undefined : Template.parseExpression(when)
    })),
    max: options.max ?? 10 * Object.keys(options.states).length
  })

/** What a generator is given: what there is to do, its last draft, and what was said about it. */
export interface Draft<In, Out> {
  readonly input: In
  readonly draft: Out | null
  readonly feedback: Json
}

/**
 * A generator and a critic in turns, until the critic's verdict says that nothing more is to be done; answers the last
 * draft. The next draft is told the verdict's `feedback`, or the whole verdict where it has none. `until` is an
 * expression over `previous_step`: `{ input, draft, verdict }`.
 */
export const refine = <In extends Json, Out extends Json, E, R, E2, R2, const M extends "fail" | "continue" = "fail">(
  name: string,
  options: {
    readonly generator: Step<Draft<In, Out>, Out, E, R>
    readonly critic: Step<Out, unknown, E2, R2>
    /** Default: `previous_step.verdict.is_complete`. */
    readonly until?: string | undefined
    /** Drafts at most. Default 5. */
    readonly max?: number | undefined
    readonly onMax?: M | undefined
  }
): Step<In, Out, E | E2 | Template.TemplateError | (M extends "fail" ? LoopExhausted : never), R | R2> =>
  fromNode(
    Refine.node(name, {
      generator: options.generator.node,
      critic: options.critic.node,
      until: Template.parseExpression(options.until ?? Refine.untilDefault),
      max: options.max ?? Refine.maxDefault,
      onMax: options.onMax ?? "fail"
    })
  )

/** What a proposer is told: `candidate` is null at first; `path` leads to it, `count` are wanted. */
export type Search<In, C> = {
  readonly input: In
  readonly candidate: C | null
  readonly depth: number
  readonly path: ReadonlyArray<{ readonly candidate: C; readonly score: number; readonly feedback?: Json }>
  readonly count: number
}

/** What a search found: the best candidate, the way to it, and whether its score is that of the goal. */
export type Found<C> = {
  readonly candidate: C | null
  readonly score: number | null
  readonly depth: number
  readonly path: ReadonlyArray<C>
  readonly reached: boolean
}

/**
 * Searches for a candidate: the proposer says what may follow one, the evaluator scores each from 0 to 1, and the most
 * promising are gone on from, until one has the score `goal` or none is left. A candidate with `hard_fail` is out. What
 * was proposed before is not scored again. At most `1 + beam * (depth - 1)` turns; each of the two may be an agent.
 */
export const treeSearch = <In extends Json, C extends Json, E, R, E2, R2>(
  name: string,
  options: {
    readonly proposer: Step<Search<In, C>, ReadonlyArray<C> | { readonly candidates: ReadonlyArray<C> }, E, R>
    readonly evaluator: Step<
      { readonly input: In; readonly candidate: C; readonly depth: number },
      number | { readonly score: number; readonly hard_fail?: boolean; readonly feedback?: Json },
      E2,
      R2
    >
    /** Candidates of one proposal that are scored, the first ones. Default 3. */
    readonly branching?: number | undefined
    /** Candidates that are kept to go on from. Default 3. */
    readonly beam?: number | undefined
    /** How far from the beginning. Default 5. */
    readonly depth?: number | undefined
    /** Turns at most. Default: all. */
    readonly max?: number | undefined
    /** From 0 to 1. Default 1. */
    readonly goal?: number | undefined
    /** Fails with `SchemaMismatch` where no candidate comes to the goal. Default: answers the best. */
    readonly requireGoal?: boolean | undefined
    /** Tokens of the way that a proposer is told, the last steps. Default 2,000. */
    readonly pathTokens?: number | undefined
  }
): Step<In, Found<C>, E | E2 | SchemaMismatch | Template.TemplateError, R | R2> => {
  const { beam, branching, depth, goal, pathTokens } = TreeSearch.defaults
  return fromNode(
    TreeSearch.node(name, {
      proposer: options.proposer.node,
      evaluator: options.evaluator.node,
      beam: options.beam ?? beam,
      branching: options.branching ?? branching,
      depth: options.depth ?? depth,
      goal: options.goal ?? goal,
      pathTokens: options.pathTokens ?? pathTokens,
      max: options.max,
      requireGoal: options.requireGoal ?? false
    })
  )
}

type Items<Out, E, F> = F extends "collect" ? ReadonlyArray<Either.Either<Out, E>> : ReadonlyArray<Out>

/**
 * Runs `body` on each item of a list. `onFailure`: `fail` (default) starts no new item after a failure and fails as the
 * first failing item did; `skip` leaves failed items out; `collect` answers an `Either` for each.
 */
export const forEach: {
  <E, R, const F extends Node.OnItemFailure = "fail">(
    name: string,
    body: Step<Json, unknown, E, R>,
    options: ItemsOptions<F> &
      ItemsInWords &
      (
        | { readonly items: string }
        | { readonly init: ReadonlyArray<AssignOptions> }
        | { readonly output: Json }
        | { readonly merge: "update" }
      )
  ): Step<unknown, Json, ItemsRefused | LoopError | (F extends "fail" ? E : never), R>
  <In, Out, E, R, const F extends Node.OnItemFailure = "fail">(
    name: string,
    body: Step<In, Out, E, R>,
    options?: ItemsOptions<F> & {
      /** What two items make of one context field. Without it, a field that the body writes is a finding. */
      readonly merge?: Exclude<Node.Merge, "update"> | undefined
    }
  ): Step<ReadonlyArray<In>, Items<Out, E, F>, ItemsRefused | (F extends "fail" ? E : never), R>
} = (name: string, body: Step.Any, options?: ItemsOptions<Node.OnItemFailure> & ItemsInWords) =>
  fromNode<unknown, never>({
    _tag: "ForEach",
    name,
    body: body.node,
    items: options?.items === undefined ? undefined : Template.parseExpression(options.items),
    concurrency: options?.concurrency ?? 8,
    max: options?.max ?? 1000,
    maxWaiting: options?.maxWaiting ?? 100,
    onFailure: options?.onFailure ?? "fail",
    ...(options?.merge === undefined ? {} : { merge: options.merge }),
    ...(options?.init === undefined ? {} : { init: options.init.map(assign) }),
    ...(options?.output === undefined ? {} : { output: params(options.output) })
  })

/** What templates say of the items: then types do not know what comes out. */
interface ItemsInWords {
  readonly merge?: Node.Merge | undefined
  /** An expression that says the list. Default: the input. */
  readonly items?: string | undefined
  /** Changes of the context, once before the items. */
  readonly init?: ReadonlyArray<AssignOptions> | undefined
  /** What is made of the list of answers, which is `previous_step`; texts in it are templates. Default: that list. */
  readonly output?: Json | undefined
}

interface ItemsOptions<F> {
  /** How many items run at once. Default 8. */
  readonly concurrency?: number | undefined
  /** More items are refused. Default 1,000. */
  readonly max?: number | undefined
  /** How many items may wait for a person or a timer at once. Default 100. */
  readonly maxWaiting?: number | undefined
  readonly onFailure?: F | undefined
}

// ---------------------------------------------------------------- wrappers

/** Gives a name to what has none, so that it can be retried, timed or found. */
export const named =
  (name: string) =>
  <In, Out, E, R>(self: Step<In, Out, E, R>): Step<In, Out, E, R> =>
    fromNode({ _tag: "Scope", name, step: self.node, pipeline: undefined })

/** Changes what a step answered. A pure function, as in `fn`. */
export const map: {
  <A, B extends Encoded>(f: (output: A) => B): <In, E, R>(self: Step<In, A, E, R>) => Step<In, B, E, R>
  <In, A, E, R, B extends Encoded>(self: Step<In, A, E, R>, f: (output: A) => B): Step<In, B, E, R>
} = dual(
  2,
  <In, A, E, R, B extends Encoded>(self: Step<In, A, E, R>, f: (output: A) => B): Step<In, B, E, R> =>
    fromNode({ _tag: "Map", step: self.node, output: Shape.any, code: code(f, undefined) })
)

/**
 * Runs a failed step again from its start, as `name#2`, `name#3`, …. Takes data, or any `Schedule` with the number of
 * tries that it may not exceed. What was decided is in the journal: a crash does not start the count anew.
 */
export const retry: {
  (options: Retry.RetryOptions): <In, Out, E, R>(self: Step<In, Out, E, R>) => Step<In, Out, E, R>
  <Decision, E0, R2>(
    schedule: Schedule.Schedule<Decision, E0, R2>,
    options: { readonly times: number; readonly version?: string }
  ): <In, Out, E extends E0, R>(self: Step<In, Out, E, R>) => Step<In, Out, E, R | R2>
} =
  (
    policy: Retry.RetryOptions | Schedule.Schedule<unknown, never, unknown>,
    options?: { readonly times: number; readonly version?: string }
  ) =>
  <In, Out, E, R>(self: Step<In, Out, E, R>): Step<In, Out, E, R> =>
    fromNode({
      _tag: "Retry",
      step: self.node,
      policy: Schedule.isSchedule(policy)
        ? {
            _tag: "Schedule",
            times: options?.times ?? 0,
            code: { version: options?.version ?? "1", call: policy as Schedule.Schedule<unknown, never, unknown> }
          }
        : { _tag: "Data", retry: Retry.make(policy as Retry.RetryOptions) }
    })

/** A durable deadline: counts waiting and outages. Around a retry it is for all attempts, inside for each. */
export const timeout: {
  (duration: Duration.DurationInput): <In, Out, E, R>(self: Step<In, Out, E, R>) => Step<In, Out, E | StepTimedOut, R>
  <In, Out, E, R>(self: Step<In, Out, E, R>, duration: Duration.DurationInput): Step<In, Out, E | StepTimedOut, R>
} = dual(
  2,
  <In, Out, E, R>(self: Step<In, Out, E, R>, duration: Duration.DurationInput): Step<In, Out, E | StepTimedOut, R> =>
    fromNode({ _tag: "Timeout", step: self.node, millis: Math.ceil(Duration.toMillis(duration)) })
)

/** What to run on the same input when a step has failed. */
export const fallback: {
  <In2, Out2, E2, R2>(
    that: Step<In2, Out2, E2, R2>
  ): <In, Out, E, R>(self: Step<In, Out, E, R>) => Step<In & In2, Out | Out2, E2, R | R2>
  <In, Out, E, R, In2, Out2, E2, R2>(
    self: Step<In, Out, E, R>,
    that: Step<In2, Out2, E2, R2>
  ): Step<In & In2, Out | Out2, E2, R | R2>
} = dual(
  2,
  <In, Out, E, R, In2, Out2, E2, R2>(
    self: Step<In, Out, E, R>,
    that: Step<In2, Out2, E2, R2>
  ): Step<In & In2, Out | Out2, E2, R | R2> => fromNode({ _tag: "Fallback", step: self.node, that: that.node })
)

/** What an undo is given: what the step was given, and what it answered. */
export interface Undoable<In, Out> {
  readonly input: In
  readonly output: Out
}

/**
 * Takes a step back that ended well, where its run fails or is cancelled later. All that is to be taken back is, one at a
 * time, what ended last first; an undo that fails is told of, and keeps neither the others nor the run's own failure
 * back. A step that was cut while it ran has not ended well. Nothing within an undo has an undo of its own.
 */
export const compensate: {
  <In, Out, E2, R2>(
    undo: Step<Undoable<In, Out>, unknown, E2, R2>
  ): <E, R>(self: Step<In, Out, E, R>) => Step<In, Out, E, R | R2>
  <In, Out, E, R, E2, R2>(
    self: Step<In, Out, E, R>,
    undo: Step<Undoable<In, Out>, unknown, E2, R2>
  ): Step<In, Out, E, R | R2>
} = dual(
  2,
  <In, Out, E, R, E2, R2>(
    self: Step<In, Out, E, R>,
    undo: Step<Undoable<In, Out>, unknown, E2, R2>
  ): Step<In, Out, E, R | R2> => fromNode({ _tag: "Compensate", step: self.node, undo: undo.node })
)

/**
 * Takes what the same step answered to the same input not long ago, in whatever run of the store, and else runs it. The
 * same: the plan of the step, what it is given, and what its templates read from around it. What it answers is read by
 * `output`, from the cache as from the step; what does not fit is not taken. A step that acts on the world or waits for
 * anybody is a finding: code says `effect: "pure"` or `"read"`.
 */
export const cached =
  <A, I extends Shape.Crossing>(options: {
    readonly output: Schema.Schema<A, I>
    /** How long an answer is taken. Default 1 hour. */
    readonly ttl?: Duration.DurationInput | undefined
  }) =>
  <In, E, R>(self: Step<In, NoInfer<A>, E, R>): Step<In, A, E | SchemaMismatch, R> =>
    fromNode({
      _tag: "Cached",
      step: self.node,
      output: Shape.fromSchema(options.output),
      ttlMillis: Math.ceil(Duration.toMillis(options.ttl ?? "1 hour"))
    })

/**
 * Runs a step only if `on` holds; else it is skipped: it passes its input on, and writes nothing. A text is an
 * expression.
 */
export const when: {
  (on: string): <In, Out, E, R>(self: Step<In, Out, E, R>) => Step<In, Out | In, E | Template.TemplateError, R>
  <In>(
    on: (input: In) => boolean,
    options?: { readonly version?: string }
  ): <Out, E, R>(self: Step<In, Out, E, R>) => Step<In, Out | In, E, R>
} =
  (on: string | ((input: never) => boolean), options?: { readonly version?: string }) =>
  <In, Out, E, R>(self: Step<In, Out, E, R>): Step<In, Out | In, E, R> =>
    fromNode({ _tag: "When", step: self.node, on: expressionOrCode(on, options?.version) })

/**
 * A step that is there since a change of the pipeline: a run that came past its place before goes on without it, and the
 * step passes its input on. `change` names what was changed, for all steps that it is about.
 */
export const since =
  (change: string) =>
  <In, Out, E, R>(self: Step<In, Out, E, R>): Step<In, Out | In, E, R> =>
    fromNode({ _tag: "Versioned", step: self.node, change, side: "since" })

/** A step that was there before a change of the pipeline: only a run that came past its place before still has it. */
export const before =
  (change: string) =>
  <In, Out, E, R>(self: Step<In, Out, E, R>): Step<In, Out | In, E, R> =>
    fromNode({ _tag: "Versioned", step: self.node, change, side: "before" })

/** One step in the place of another: what is there `since` a change, and what was there `before` it, for runs that came past. */
export const changed = <In, Out, E, R, In2, Out2, E2, R2>(
  change: string,
  ways: { readonly before: Step<In, Out, E, R>; readonly since: Step<In2, Out2, E2, R2> }
): Step<In & In2, Out | Out2, E | E2, R | R2> => {
  const old: Node.Node = { _tag: "Versioned", step: ways.before.node, change, side: "before" }
  return fromNode(Node.sequence(old, { _tag: "Versioned", step: ways.since.node, change, side: "since" }))
}

/** Holds what goes into a step to a schema. What does not fit is a `SchemaMismatch`, before the step runs. */
export const withInputSchema =
  <A, I extends Shape.Crossing>(schema: Schema.Schema<A, I>) =>
  <In, Out, E, R>(self: Step<In, Out, E, R>): Step<In & A, Out, E | SchemaMismatch, R> =>
    fromNode({ _tag: "Check", step: self.node, input: Shape.fromSchema(schema), output: undefined })

/** Reads what a step answered by a schema. What does not fit is a `SchemaMismatch`, which a retry tries again. */
export const withOutputSchema =
  <A, I extends Shape.Crossing>(schema: Schema.Schema<A, I>) =>
  <In, Out, E, R>(self: Step<In, Out, E, R>): Step<In, A, E | SchemaMismatch, R> =>
    fromNode({ _tag: "Check", step: self.node, input: undefined, output: Shape.fromSchema(schema) })

/** What an output is held to. `step` is given the output; its verdict's feedback is told where it does not hold. */
export type Check = { readonly message?: string | undefined } & (
  | { readonly contains: string }
  | { readonly schema: Schema.Schema.AnyNoContext }
  /** An expression, in which `previous_step` is the output. */
  | { readonly expression: string }
  | { readonly step: Step<never, Validator.Verdict, unknown, unknown> }
)
type Judge<V> = V extends { readonly step: infer S } ? S : never
/** What every judge among them can take. */
type Judged<V extends Check> = [Judge<V>] extends [never] ? unknown : InputOf<{ readonly judge: Judge<V> }>

/**
 * Holds a step's output to all of `checks`. What does not hold is a `ValidationFailed` with what each has to say; a retry
 * tries again, and an agent is then told so, together with what it answered.
 */
export const validators =
  <const V extends Check>(checks: ReadonlyArray<V>) =>
  <In, Out extends Judged<V>, E, R>(
    self: Step<In, Out, E, R>
  ): Step<
    In,
    Out,
    E | ValidationFailed | ValueRefused | Template.TemplateError | Step.Error<Judge<V>>,
    R | Step.Requirements<Judge<V>>
  > =>
    fromNode({ _tag: "Validate", step: self.node, validators: checks.map(validator) })

/** Fails with `InvariantViolated` unless each of these expressions holds after the step. `previous_step` is its output. */
export const invariants =
  (rules: ReadonlyArray<string>) =>
  <In, Out, E, R>(self: Step<In, Out, E, R>): Step<In, Out, E | InvariantViolated | Template.TemplateError, R> =>
    fromNode({
      _tag: "Validate",
      step: self.node,
      validators: rules.map((expression) => validator({ expression })),
      invariant: true
    })

/** Both at once: a step that is held to a schema on either side, each where it is given. */
export const withSchemas =
  <A, AI extends Shape.Crossing, B, BI extends Shape.Crossing>(schemas: {
    readonly input: Schema.Schema<A, AI>
    readonly output: Schema.Schema<B, BI>
  }) =>
  <In, Out, E, R>(self: Step<In, Out, E, R>): Step<In & A, B, E | SchemaMismatch, R> =>
    fromNode({
      _tag: "Check",
      step: self.node,
      input: Shape.fromSchema(schemas.input),
      output: Shape.fromSchema(schemas.output)
    })

/** Words about a step, for people and tools. They do not make it another plan. */
export const note =
  (about: { readonly description?: string | undefined; readonly meta?: Json | undefined }) =>
  <In, Out, E, R>(self: Step<In, Out, E, R>): Step<In, Out, E, R> =>
    fromNode({ _tag: "Note", step: self.node, description: about.description, meta: about.meta })

/** Gives a step this as its input, whatever came before it. Every text in it is a template. */
export const withInput =
  (input: Json) =>
  <In, Out, E, R>(self: Step<In, Out, E, R>): Step<unknown, Out, E | Template.TemplateError, R> =>
    fromNode({ _tag: "Input", step: self.node, input: params(input) })

/**
 * Writes a step's output into a field of the context. Parallel writes to one field are a finding, unless `reduce` says
 * which one holds, in declared order.
 */
export const sinkTo =
  <Self, F extends Fields, const K extends keyof F & string>(
    context: ContextClass<Self, F>,
    field: K,
    options?: { readonly reduce?: "first" | "last" | undefined }
  ) =>
  <In, Out extends NonNullable<Snapshot<F>[K]>, E, R>(self: Step<In, Out, E, R>): Step<In, Out, E, R | Self> =>
    fromNode({ _tag: "Sink", step: self.node, context: context.spec, field, reduce: options?.reduce })

/**
 * Writes a step's output into the field of that name, in a pipeline whose context is not declared in types. With `key`,
 * of a map only what stands under that key, if it is there.
 */
export const sink =
  (field: string, options?: { readonly key?: string | undefined }) =>
  <In, Out, E, R>(self: Step<In, Out, E, R>): Step<In, Out, E, R> =>
    fromNode({ _tag: "Sink", step: self.node, context: undefined, field, key: options?.key, reduce: undefined })

/**
 * Limits what a step may spend, in all its attempts together and with everything below it. The call that could exceed
 * them is not made, and the step fails with `BudgetExceeded`.
 */
export const usageLimits =
  (limits: Limits) =>
  <In, Out, E, R>(self: Step<In, Out, E, R>): Step<In, Out, E | BudgetExceeded, R> =>
    fromNode({ _tag: "Capped", step: self.node, limits })

// ---------------------------------------------------------------- private

const code = <F>(call: F, version: string | undefined): Node.Code<F> => ({ version: version ?? "1", call })

const shapeOf = <B>(schema: Schema.Schema<B, Shape.Crossing> | undefined): Shape.Shape =>
  schema === undefined ? Shape.any : Shape.fromSchema(schema)

const textOrCode = <F>(value: F | string, version: string | undefined): Node.Code<F> | Template.Template =>
  typeof value === "string" ? Template.parse(value) : code(value, version)

const expressionOrCode = <F>(value: F | string, version: string | undefined): Node.Code<F> | Template.Template =>
  typeof value === "string" ? Template.parseExpression(value) : code(value, version)

const deciderOrCode = <F>(
  value: F | string | Step.Any,
  version: string | undefined
): Node.Code<F> | Template.Template | Node.Decider =>
  isStep(value) ? { step: value.node } : expressionOrCode(value, version)

const validator = (check: Check): Node.Validator => {
  const { message } = check
  if ("contains" in check) return { _tag: "Contains", text: check.contains, message }
  if ("schema" in check) return { _tag: "Fits", shape: Shape.fromSchema(check.schema), message }
  if ("step" in check) return { _tag: "Judge", step: check.step.node, message }
  return { _tag: "Holds", template: Template.parseExpression(check.expression), message }
}

const isStep = (value: unknown): value is Step.Any => typeof value === "object" && value !== null && TypeId in value
