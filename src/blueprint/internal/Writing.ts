/**
 * Steps to the plain data of their YAML: the inverse of reading. What stands around a step is taken off from the outside
 * in the one order in which keys put it on; what is left is the step of its kind. What has no form in text is collected.
 */
import * as Json from "../../domain/Json.js"
import * as NanoUsd from "../../domain/NanoUsd.js"
import type { Template } from "../../expression/Template.js"
import * as Conversation from "../../pipeline/Conversation.js"
import * as Granular from "../../pipeline/Granular.js"
import {
  type AgentNode,
  type Assign,
  type Code,
  type Decider,
  type History,
  isWrapper,
  type LoopNode,
  type Node,
  nameOf,
  type ParallelNode,
  type Params,
  paramsJson,
  type ScopeNode,
  type SkillNode,
  type StatesNode,
  type Stop,
  type ValidateNode,
  type Validator
} from "../../pipeline/Node.js"
import * as Refine from "../../pipeline/Refine.js"
import * as Retry from "../../pipeline/Retry.js"
import type { Shape } from "../../pipeline/Shape.js"
import type { AnySkill } from "../../pipeline/Skill.js"
import * as TreeSearch from "../../pipeline/TreeSearch.js"
import * as Cache from "./Cache.js"
import type { Cast } from "./Cast.js"
import { summarizerName } from "./Conversing.js"
import { type Entries, entries, type Part } from "./Document.js"
import { duration } from "./Times.js"
import { type Expiry, expiryOf, isAny, isMapped, isSpecial, type RefineParts, refineOf } from "./Together.js"

export interface Unsayable {
  /** Of the step, as plans name it. */
  readonly path: string
  readonly detail: string
  readonly hint: string
}

type Pairs = ReadonlyArray<readonly [string, Part | undefined]>

/** Takes the pipeline of an import, and answers the alias that it is used by. */
export type ImportAs = (scope: ScopeNode, path: string) => string

export class Writer {
  readonly unsayable: Array<Unsayable> = []

  constructor(
    private readonly cast: Cast,
    private readonly importAs: ImportAs,
    /** What names a skill. */
    private readonly skillAs: (skill: AnySkill) => string
  ) {}

  refuse(path: string, detail: string, hint: string): null {
    this.unsayable.push({ path, detail, hint })
    return null
  }

  list(node: Node, path: string): ReadonlyArray<Part> {
    return (node._tag === "Sequence" ? flat(node.steps) : [node]).map((step) => this.step(step, path))
  }

  /** What a branch or a loop holds. */
  body(node: Node, path: string): Part {
    return node._tag === "Sequence" ? this.list(node, path) : this.step(node, path)
  }

  schema({ jsonSchema }: Shape, path: string): Part {
    return Json.isObject(jsonSchema) && typeof jsonSchema.opaque === "string"
      ? this.refuse(path, `JSON Schema cannot say ${jsonSchema.opaque}`, "use a schema of plain JSON values")
      : jsonSchema
  }

  step(whole: Node, parent: string): Part {
    const own = nameOf(whole)
    const path = own === undefined ? parent : parent === "" ? own : `${parent}/${own}`
    let node = whole
    const head: Array<readonly [string, Part | undefined]> = []
    const take = <T extends Node["_tag"]>(tag: T): Extract<Node, { readonly _tag: T }> | undefined => {
      if (node._tag !== tag || isSpecial(node)) return undefined
      const taken = node as Extract<Node, { readonly _tag: T }>
      if (isWrapper(node)) node = node.step
      return taken
    }
    const note = take("Note")
    if (note?.meta !== undefined && !Json.isObject(note.meta)) {
      this.refuse(path, "`meta` is not a map", "put it under a name")
    }
    head.push(["description", note?.description])
    for (const side of ["since", "before"] as const) {
      const marker = node._tag === "Versioned" && node.side === side ? take("Versioned") : undefined
      head.push([side, marker?.change])
    }
    const when = take("When")
    if (when !== undefined) head.push(["when", this.text(when.on, path, "`when`")])
    const invariants = isInvariant(node) ? take("Validate") : undefined
    const sink = node._tag === "Sink" && node.key === undefined ? this.sink(take("Sink")!, path) : undefined
    const updates: Array<string> = []
    while (node._tag === "Sink" && node.key !== undefined) {
      if (node.key !== node.field) this.refuse(path, "one key of an output is written under another name", sinkHint)
      updates.unshift(this.sink(take("Sink")!, path))
    }
    const input = take("Input")
    if (input !== undefined) head.push(["input", this.given(input.input, path, "`input`")])
    const fallback = take("Fallback")
    const undo = take("Compensate")
    const capped = take("Capped")
    const isTotal = node._tag === "Timeout" && (node.step._tag === "Retry" || node.step._tag === "Timeout")
    const total = isTotal ? take("Timeout") : undefined
    const retry = take("Retry")
    const timeout = take("Timeout")
    const validate = isInvariant(node) ? undefined : take("Validate")
    const check = take("Check")
    if (check?.whole === true) this.refuse(path, "a whole pipeline's schemas stand at a step", "use withInputSchema")
    const [config, pairs] = this.core(node, path, parent)
    const settings: Pairs = [
      ["retries", retry && this.retries(retry, path)],
      ["timeout", timeout && duration(timeout.millis)],
      ["total_timeout", total && duration(total.millis)],
      ["usage_limits", capped && limits(capped.limits)],
      ...config
    ]
    const isConfigured = settings.some(([, value]) => value !== undefined)
    const [kind, name, ...rest] = pairs
    return entries([
      ...[kind, name].flatMap((pair) => (pair === undefined ? [] : [pair])),
      ...head,
      ["input_schema", check?.input && this.schema(check.input, path)],
      ["output_schema", check?.output && this.schema(check.output, path)],
      ...rest,
      ["sink_to", sink],
      ["updates_context", updates.length === 0 ? undefined : updates],
      ["config", isConfigured ? entries(settings) : undefined],
      ["compensate", undo && this.body(undo.undo, `${path}!undo`)],
      ["fallback", fallback && this.one(fallback.that, `${path}!fallback`)],
      ["validators", validate?.validators.map((validator) => this.validator(validator, path))],
      ["static_invariants", invariants && this.invariants(invariants, path)],
      ["meta", note?.meta]
    ])
  }

  /** The step of its kind: what it says below `config`, and its other keys, the first of them its kind and name. */
  private core(node: Node, path: string, parent: string): readonly [config: Pairs, pairs: Pairs] {
    const refine = refineOf(node)
    if (refine !== undefined) return [[], this.refine(refine, path)]
    const expiry = expiryOf(node)
    if (expiry !== undefined) return [[], this.waits(expiry, path)]
    const search = TreeSearch.optionsOf(node)
    if (search !== undefined) return [[], this.search(search, path)]
    if (isMapped(node)) {
      const [config, [kind, name]] = this.core(node.step, path, parent)
      const first = this.given(node.input, path, "`initial_input_mapper`")
      const options = entries([["initial_input_mapper", first], ...this.loopOptions(node.step, path)])
      return [config, [kind!, name!, ["loop", options]]]
    }
    switch (node._tag) {
      case "Code":
      case "Fn":
        this.refuse(path, "a function has no form in text", "make it a skill, and use it by its id")
        return [[], []]
      case "Map":
        this.refuse(path, "a function changes its output", "say it as a template: the `input` of a next step")
        return [[], []]
      case "Pass":
        return [[], [none, ["name", node.name]]]
      case "Agent": {
        const settings = this.cast.settingsOf(node, path)
        const history = ["use_history", node.ignoresHistory === true ? false : undefined] as const
        const kind = node.granular === undefined ? none : (["kind", "granular"] as const)
        const pairs: Pairs = [kind, ["name", node.name], ["uses", `agents.${node.agent.name}`], history]
        return [settings, [...pairs, ...this.granular(node, path)]]
      }
      case "Skill":
        return [[], [none, ["name", node.name], ...this.skill(node, path)]]
      case "Cached": {
        const { step, ttlMillis } = node
        if (step._tag !== "Scope" || step.pipeline !== undefined) {
          this.refuse(path, "what is cached has no name of its own", "use Step.named around it")
          return [[], []]
        }
        const pairs: Pairs = [
          ["kind", "cache"],
          ["name", step.name],
          ["wrapped_step", this.body(step.step, path)],
          ["ttl", ttlMillis === Cache.ttlMillisDefault ? undefined : duration(ttlMillis)]
        ]
        return [[], pairs]
      }
      case "Branch":
        return [
          [],
          [
            ["kind", "conditional"],
            ["name", node.name],
            this.decider(node.on, ["condition", "condition_expression"], path),
            ["branches", this.branches(node.cases, path)],
            ["default_branch", node.otherwise && this.body(node.otherwise, `${path}/otherwise`)]
          ]
        ]
      case "Parallel":
        return [[], this.parallel(node, path)]
      case "Loop":
        return [
          [],
          [
            ["kind", "loop"],
            ["name", node.name],
            ["loop", entries(this.loopOptions(node, path))]
          ]
        ]
      case "ForEach": {
        const { body, concurrency, init, items, max, maxWaiting, merge, name, onFailure, output } = node
        if (maxWaiting !== 100) this.refuse(path, "`maxWaiting` has no key", "leave it at 100")
        const options = entries([
          ["iterable_input", items?.source],
          ["init", init && this.assigns(init)],
          ["body", this.body(body, path)],
          ["concurrency", concurrency === 8 ? undefined : concurrency],
          ["max_items", max === 1000 ? undefined : max],
          ["on_item_failure", onFailure === "fail" ? undefined : onFailure],
          ["merge_strategy", merge && strategy(merge)],
          ["finalize", output && entries([["output", this.given(output, path, "`finalize`")]])]
        ])
        return [
          [],
          [
            ["kind", "map"],
            ["name", name],
            ["map", options]
          ]
        ]
      }
      case "Sleep":
        return [
          [],
          [
            ["kind", "wait"],
            ["name", node.name],
            node.until === undefined ? ["for", duration(node.millis)] : ["until", node.until.source]
          ]
        ]
      case "States":
        return [[], this.states(node, path)]
      case "Scope":
        return this.scope(node, path)
      case "Ask":
      case "Signal":
        return [[], this.waits({ node, expires: undefined, instead: undefined, isChecked: false }, path)]
      case "Sequence":
        this.refuse(path, "something stands around several steps that have no name together", "use Step.named")
        return [[], []]
      default: {
        const what = node._tag.toLowerCase()
        this.refuse(
          path,
          `its \`${what}\` stands where no key puts one`,
          "docs/blueprints.md says in which order keys act"
        )
        return [[], []]
      }
    }
  }

  private one(node: Node, path: string): Part {
    if (node._tag !== "Sequence") return this.step(node, path)
    const [only] = node.steps
    if (node.steps.length === 1 && only !== undefined) return this.one(only, path)
    return this.refuse(path, "a fallback is one step", "give its steps a name together: Step.named")
  }

  private validator(validator: Validator, path: string): Part {
    const message = ["message", validator.message] as const
    switch (validator._tag) {
      case "Contains":
        return entries([["contains", validator.text], message])
      case "Fits":
        return entries([["schema", this.schema(validator.shape, path)], message])
      case "Holds":
        return entries([["expression", validator.template.source], message])
      case "Judge": {
        const { step } = validator
        if (step._tag === "Skill") return entries([...this.skill(step, path), ["name", step.name], message])
        return this.refuse(path, "a step judges that is no skill", "make it a skill")
      }
    }
  }

  invariants({ validators }: ValidateNode, path: string): Part {
    return validators.map((validator) =>
      validator._tag === "Holds" && validator.message === undefined
        ? validator.template.source
        : this.refuse(path, "an invariant is more than an expression", "say it as an expression, without a message")
    )
  }

  private text<F>(value: Code<F> | Template, path: string, what: string): Part {
    return "source" in value
      ? value.source
      : this.refuse(path, `${what} is a function, which has no form in text`, "write it as an expression")
  }

  private decider<F>(
    on: Code<F> | Template | Decider,
    names: readonly [expression: string, other: string],
    path: string
  ): readonly [string, Part] {
    if (!("step" in on)) return [names[0], this.text(on, path, `\`${names[0]}\``)]
    const { step } = on
    const key = names.find((name) => step._tag === "Skill" && step.name === name)
    if (step._tag === "Skill" && key !== undefined) return [key, entries(this.skill(step, path))]
    return [names[0], this.refuse(path, "a step decides that is no skill", `use a skill, as a step named ${names[0]}`)]
  }

  private skill({ onUncertain, params, skill }: SkillNode, path: string): Pairs {
    if (onUncertain !== (skill.honoursKey ? "retry" : "ask")) {
      this.refuse(path, "`onUncertain` has no key", "leave it to the skill")
    }
    return [
      ["skill", this.skillAs(skill)],
      ["params", params && this.value(params, path)]
    ]
  }

  private branches(branches: ReadonlyArray<readonly [string, Node]>, path: string): Entries {
    return entries(branches.map(([key, node]) => [keyOf(key), this.body(node, `${path}/${key}`)]))
  }

  private parallel(node: ParallelNode, path: string): Pairs {
    const { concurrency, fields, include, merge, name, onFailure, reduce, select } = node
    const branches = this.branches(node.branches, path)
    const router = select === undefined ? undefined : this.router(select, path)
    const usual = router === undefined ? undefined : "no_merge"
    const written = merge === undefined ? "error_on_conflict" : strategy(merge)
    return [
      ["kind", router === undefined ? "parallel" : "dynamic_router"],
      ["name", name],
      ...(router === undefined
        ? ([["branches", branches]] as const)
        : ([
            [
              "router",
              entries([
                ["router_agent", router],
                ["branches", branches]
              ])
            ]
          ] as const)),
      ["concurrency", concurrency === 16 ? undefined : concurrency],
      ["merge_strategy", merge === usual ? undefined : written],
      ["on_branch_failure", onFailure === "ignore" ? onFailure : undefined],
      ["context_include_keys", include],
      ["field_mapping", fields && entries(fields)],
      ["reduce", reduce]
    ]
  }

  private router(select: NonNullable<ParallelNode["select"]>, path: string): Part {
    const step = "step" in select ? select.step : undefined
    if (step?._tag === "Agent" && step.name === "router_agent") {
      const config = this.cast.settingsOf(step, path)
      if (config.some(([, value]) => value !== undefined))
        this.refuse(path, "the router has settings of its own", "give it an agent of its own")
      return `agents.${step.agent.name}`
    }
    if (step?._tag === "Skill" && step.name === "router_agent") {
      const [id, params] = this.skill(step, path)
      return entries([["id", id![1]], params!])
    }
    return this.refuse(
      path,
      "what routes is no agent or skill",
      "use an agent or a skill, as a step named router_agent"
    )
  }

  private loopOptions(node: LoopNode, path: string): Pairs {
    const { body, init, max, next, onMax, output, state, until } = node
    if (until === undefined && onMax === "fail") {
      this.refuse(path, "a loop without an exit that fails at its limit can only fail", "give it an exit")
    }
    const only = output?._tag === "Map" && output.fields.length === 1 && output.fields[0]![0] === "fields"
    return [
      ["init", init && this.assigns(init)],
      ["body", this.body(body, path)],
      ...(until === undefined ? [] : [this.decider(until, ["exit_expression", "exit_condition"], `${path}/exit`)]),
      ["max_loops", max === 5 ? undefined : max],
      ["on_max", until !== undefined && onMax === "continue" ? onMax : undefined],
      ["state", state && this.assigns(state)],
      isContext(next)
        ? ["propagation", "context"]
        : ["iteration_input_mapper", next && this.given(next, path, "`iteration_input_mapper`")],
      [only ? "loop_output_mapper" : "output", output && this.given(output, path, "`output`")],
      ...this.conversation(node.conversation, path)
    ]
  }

  private granular({ agent, granular }: AgentNode, path: string): Pairs {
    if (granular === undefined) return []
    const usual = Granular.make(agent, {})
    const unless = <A>(value: A, usual: A): A | undefined => (value === usual ? undefined : value)
    const isUsual = granular.stop.length === 1 && Json.equals(granular.stop[0] as Json.Json, usual.stop[0] as Json.Json)
    const stops = isUsual ? [] : granular.stop.map((stop) => this.stop(stop, path))
    return [
      ["max_turns", unless(granular.maxTurns, usual.maxTurns)],
      ["history_max_tokens", granular.historyMaxTokens],
      ["blob_threshold_bytes", unless(granular.blobThresholdBytes, usual.blobThresholdBytes)],
      ["enforce_idempotency", unless(granular.enforceIdempotency, usual.enforceIdempotency)],
      ["fingerprint", unless(granular.fingerprint, usual.fingerprint)],
      ["stop_when", stops.length === 0 ? undefined : stops],
      ["no_progress_turns", unless(granular.noProgressTurns, usual.noProgressTurns)],
      ["on_no_progress", unless(granular.onNoProgress, usual.onNoProgress)]
    ]
  }

  private stop(stop: Stop, path: string): Part {
    switch (stop._tag) {
      case "Reply":
      case "Sentinel":
        return stop._tag.toLowerCase()
      case "Flag":
        return entries([["flag", stop.field]])
      case "Tool":
        return entries([["tool", stop.name]])
      case "Holds":
        return entries([["expression", this.text(stop.on, path, "`stop_when`")]])
    }
  }

  private conversation(talk: LoopNode["conversation"], path: string): Pairs {
    if (talk === undefined) return []
    const { ai, answers, history, template, users } = talk
    const isUsual = history._tag === "Tokens" && history.max === Conversation.tokensDefault
    const isPeople = users.length === 1 && users[0] === Conversation.people
    return [
      ["conversation", true],
      ["history_management", isUsual ? undefined : this.history(history, path)],
      ["history_template", template?.source],
      ["ai_turn_source", ai === "last" ? undefined : typeof ai === "string" ? ai : "named_steps"],
      ["named_steps", typeof ai === "object" ? ai.names : undefined],
      ["user_turn_sources", isPeople ? undefined : users],
      ["output", answers ? entries([["text", "conversation_history"]]) : undefined]
    ]
  }

  private history(history: History, path: string): Part {
    switch (history._tag) {
      case "Tokens":
        return entries([
          ["strategy", "truncate_tokens"],
          ["max_tokens", history.max]
        ])
      case "Turns":
        return entries([
          ["strategy", "truncate_turns"],
          ["max_turns", history.max]
        ])
      case "Summarize": {
        const { step } = history.by
        const by =
          step._tag === "Agent" && step.name === summarizerName
            ? this.plainAgent(step, path)
            : this.refuse(path, "what summarizes is no agent", `use an agent, as a step named ${summarizerName}`)
        return entries([
          ["strategy", "summarize"],
          ["max_tokens", history.max],
          ["summarize_ratio", history.ratio],
          ["summarizer", by]
        ])
      }
    }
  }

  /** An agent that is named without a step of its own. */
  private plainAgent(node: Extract<Node, { readonly _tag: "Agent" }>, path: string): Part {
    const config = this.cast.settingsOf(node, path)
    if (config.some(([, value]) => value !== undefined))
      this.refuse(path, `${node.name} has settings of its own`, "give it an agent of its own")
    return `agents.${node.agent.name}`
  }

  private assigns(assigns: ReadonlyArray<Assign>): Part {
    return assigns.map(({ op, path, value }) =>
      entries([
        [op, `context.${path.join(".")}`],
        ["value", this.value(value, "")]
      ])
    )
  }

  private refine({ critic, generator, loop, until }: RefineParts, path: string): Pairs {
    const options = entries([
      ["generator", this.body(generator, `${path}/generate`)],
      ["critic", this.body(critic, `${path}/critique`)],
      ["done_when", until.source === Refine.untilDefault ? undefined : until.source],
      ["max_refinements", loop.max === Refine.maxDefault ? undefined : loop.max],
      ["on_max", loop.onMax === "continue" ? loop.onMax : undefined]
    ])
    return [
      ["kind", "refine"],
      ["name", loop.name],
      ["refine", options]
    ]
  }

  private search(search: NonNullable<ReturnType<typeof TreeSearch.optionsOf>>, path: string): Pairs {
    const { defaults } = TreeSearch
    const unless = <A>(value: A, usual: A): A | undefined => (value === usual ? undefined : value)
    return [
      ["kind", "tree_search"],
      ["name", search.name],
      ["proposer", this.body(search.proposer, `${path}/propose`)],
      ["evaluator", this.body(search.evaluator, `${path}/evaluate/judge`)],
      ["branching_factor", unless(search.branching, defaults.branching)],
      ["beam_width", unless(search.beam, defaults.beam)],
      ["max_depth", unless(search.depth, defaults.depth)],
      ["max_iterations", search.max],
      ["path_max_tokens", unless(search.pathTokens, defaults.pathTokens)],
      ["goal_score_threshold", unless(search.goal, defaults.goal)],
      ["require_goal", unless(search.requireGoal, false)]
    ]
  }

  private states({ ends, max, name, start, states, transitions }: StatesNode, path: string): Pairs {
    const rules = transitions.map(({ from, on, to, when }) =>
      entries([
        ["from", from ?? "*"],
        ["on", on],
        ["to", to],
        ["when", when?.source]
      ])
    )
    return [
      ["kind", "StateMachine"],
      ["name", name],
      ["start_state", start],
      ["end_states", ends],
      ["states", this.branches(states, path)],
      ["transitions", rules.length === 0 ? undefined : rules],
      ["max_hops", max === 10 * Math.max(1, states.length) ? undefined : max]
    ]
  }

  private waits({ expires, instead, isChecked, node }: Expiry, path: string): Pairs {
    const wanted = node._tag === "Ask" ? node.answer : node.data
    const schema = isAny(wanted.jsonSchema) && !isChecked ? undefined : this.schema(wanted, path)
    const expiry: Pairs = [
      ["expires", expires === undefined ? undefined : duration(expires)],
      ["on_expiry", instead && entries([["answer", this.given(instead, path, "the answer")]])]
    ]
    if (node._tag === "Signal") {
      return [
        ["kind", "signal"],
        ["name", node.name],
        ["signal", node.signal === node.name ? undefined : node.signal],
        ["schema", schema],
        ...expiry
      ]
    }
    const approves = node.mode === "approve"
    if (approves && schema !== undefined) this.refuse(path, "an approval is answered yes or no", "use Step.ask")
    const message = this.text(node.message, path, "`message`")
    return [
      ["kind", "hitl"],
      ["name", approves ? (node.name ?? nameOf(node)) : node.name],
      ["message", message],
      [approves ? "on_reject" : "input_schema", approves ? "fail" : schema],
      ...expiry
    ]
  }

  private scope(node: ScopeNode, path: string): readonly [Pairs, Pairs] {
    const { name, pipeline } = node
    if (pipeline === undefined) return [[], [none, ["name", name], ["steps", this.list(node.step, path)]]]
    const config: Pairs = [
      ["inherit_context", pipeline.inherits === true ? true : undefined],
      ["outputs", pipeline.outputs && entries(pipeline.outputs)]
    ]
    return [config, [none, ["name", name], ["uses", `imports.${this.importAs(node, path)}`]]]
  }

  private sink({ field, reduce }: Extract<Node, { readonly _tag: "Sink" }>, path: string): string {
    if (reduce !== undefined) this.refuse(path, "`reduce` of a sink has no key", sinkHint)
    return field
  }

  private retries({ policy }: Extract<Node, { readonly _tag: "Retry" }>, path: string): Part {
    if (policy._tag === "Schedule") {
      return this.refuse(path, "a schedule has no form in text", "say it as data: times, base, factor, max, jitter")
    }
    const { baseMillis, factor, jitter, maxMillis, times, while: errors } = policy.retry
    const usual = Retry.make({ times })
    return entries([
      ["times", times],
      ["base", baseMillis === usual.baseMillis ? undefined : duration(baseMillis)],
      ["factor", factor === usual.factor ? undefined : factor],
      ["max", maxMillis === usual.maxMillis ? undefined : duration(maxMillis)],
      ["jitter", jitter === usual.jitter ? undefined : jitter],
      ["while", errors]
    ])
  }

  /** A value that must say something. */
  private given(params: Params, path: string, what: string): Part {
    return params._tag === "Value" && params.value === null
      ? this.refuse(path, `${what} is nothing, which text leaves out`, 'say "{{ none }}"')
      : this.value(params, path)
  }

  private value(params: Params, path: string): Part {
    if (hasBraces(params)) {
      this.refuse(path, "a text has braces in it that are no template", "write a backslash before them, in a template")
    }
    return paramsJson(params)
  }
}

/** What must hold after a step, around all of its tries. */
export const isInvariant = (node: Node): node is ValidateNode & { readonly invariant: true } =>
  node._tag === "Validate" && node.invariant === true

const none = ["kind", undefined] as const
const sinkHint = "name the fields that are written as the output does"

const flat = (steps: ReadonlyArray<Node>): ReadonlyArray<Node> =>
  steps.flatMap((step) => (step._tag === "Sequence" ? flat(step.steps) : [step]))

const keyOf = (key: string): string | boolean => (key === "true" || key === "false" ? key === "true" : key)

const strategy = (merge: NonNullable<ParallelNode["merge"]>): string => (merge === "update" ? "context_update" : merge)

const isContext = (params: Params | undefined): boolean =>
  params?._tag === "Text" && params.template.source === "{{ context }}"

/** Braces in what is no template: in text they would begin one. */
const hasBraces = (params: Params): boolean => {
  switch (params._tag) {
    case "Text":
      return false
    case "List":
      return params.items.some(hasBraces)
    case "Map":
      return params.fields.some(([, value]) => hasBraces(value))
    case "Value":
      return holdsBraces(params.value)
  }
}

const holdsBraces = (json: Json.Json): boolean => {
  if (typeof json === "string") return json.includes("{")
  if (Array.isArray(json)) return json.some(holdsBraces)
  return Json.isObject(json) && Object.values(json).some(holdsBraces)
}

const limits = ({ maxCost, maxTokens }: Extract<Node, { readonly _tag: "Capped" }>["limits"]): Part =>
  entries([
    ["total_cost_usd_limit", maxCost === undefined ? undefined : NanoUsd.toUsd(maxCost)],
    ["total_tokens_limit", maxTokens]
  ])
