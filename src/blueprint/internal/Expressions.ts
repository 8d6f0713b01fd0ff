/** The nodes of a tree as expressions of TypeScript, and what these need around them. */
import * as Either from "effect/Either"
import * as Json from "../../domain/Json.js"
import * as NanoUsd from "../../domain/NanoUsd.js"
import type { Template } from "../../expression/Template.js"
import * as Agent from "../../pipeline/Agent.js"
import * as Conversation from "../../pipeline/Conversation.js"
import * as Granular from "../../pipeline/Granular.js"
import {
  type AgentNode,
  type Assign,
  type ContextSpec,
  type Decider,
  isWrapper,
  type Node,
  nameOf,
  type Granular as Pace,
  type Params,
  paramsJson,
  type ScopeNode,
  type Stop,
  type Conversation as Talk,
  type Validator
} from "../../pipeline/Node.js"
import * as Retry from "../../pipeline/Retry.js"
import type { Shape } from "../../pipeline/Shape.js"
import type { AnyTool } from "../../pipeline/Tool.js"
import * as TreeSearch from "../../pipeline/TreeSearch.js"

export interface Whole {
  readonly name: string
  readonly context: ContextSpec | undefined
  readonly root: Node
}

type Inner = (whole: Whole, hint: string) => string

/** A value as code. */
export const literal = (value: Json.Json): string => {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  return object(Object.entries(value as Json.JsonObject).map(([key, part]) => [key, literal(part)]))
}

/** A map as code; what has no value is left out. */
export const object = (pairs: ReadonlyArray<readonly [string, string | undefined]>): string => {
  const said = pairs.flatMap(([key, value]) => (value === undefined ? [] : [`${keyOf(key)}: ${value}`]))
  if (said.length === 0) return "{}"
  const line = `{ ${said.join(", ")} }`
  return line.length <= widthMax && !line.includes("\n") ? line : `{\n${said.map(indented).join(",\n")}\n}`
}

const widthMax = 100

const keyOf = (key: string): string =>
  key === "__proto__" ? '["__proto__"]' : /^[A-Za-z_]\w*$/.test(key) ? key : JSON.stringify(key)

/** Lines of a template literal do not occur: a text is always on one line. */
const indented = (text: string): string =>
  text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n")

/** `pipe` takes so many. */
const pipesMax = 15

export const piped = (self: string, pipes: ReadonlyArray<string>): string => {
  if (pipes.length === 0) return self
  if (pipes.length > pipesMax) return piped(piped(self, pipes.slice(0, pipesMax)), pipes.slice(pipesMax))
  const line = `${self}.pipe(${pipes.join(", ")})`
  return line.length <= widthMax && !line.includes("\n") ? line : `${self}.pipe(\n${pipes.map(indented).join(",\n")}\n)`
}

/** An object has its numbers first; these branches stand in another order. */
export const inOrder = [
  "/** Branches in the order in which the blueprint has them, which keys that are numbers do not keep. */",
  "const inOrder =",
  "  (...keys: ReadonlyArray<string>) =>",
  "  <In, Out, E, R>(self: Step.Step<In, Out, E, R>): Step.Step<In, Out, E, R> => {",
  "    const sorted = <A>(pairs: ReadonlyArray<readonly [string, A]>) =>",
  "      [...pairs].sort(([a], [b]) => keys.indexOf(a) - keys.indexOf(b))",
  "    const { node } = self",
  '    if (node._tag === "Branch") return Step.fromNode({ ...node, cases: sorted(node.cases) })',
  '    if (node._tag === "Parallel") return Step.fromNode({ ...node, branches: sorted(node.branches) })',
  '    return node._tag === "States" ? Step.fromNode({ ...node, states: sorted(node.states) }) : self',
  "  }"
].join("\n")

/** One module on its way: what it declares, in order, and what it uses. */
export class Module {
  readonly declarations: Array<string> = []
  readonly uses = new Set<string>()
  private readonly names = new Set<string>([
    ..."Agent Json NanoUsd Pipeline SchemaFromJson Skill Step Tool step code decides inOrder skills pipeline".split(" ")
  ])
  private readonly schemas = new Map<string, string>()
  private readonly agents = new Map<string, string>()
  private readonly pipelines = new Map<Node, string>()

  /** Answers the name that it has got. */
  declare(hint: string, text: (id: string) => string): string {
    const word = hint
      .replace(/\W+/g, "_")
      .replace(/^(?![A-Za-z_])/, "_")
      .slice(0, 60)
    let id = reserved.has(word) ? `${word}_` : word
    for (let count = 2; this.names.has(id); count++) id = `${word}_${count}`
    this.names.add(id)
    this.declarations.push(text(id))
    return id
  }

  schema({ jsonSchema }: Shape): string {
    this.uses.add("schema")
    const text = literal(jsonSchema)
    const known = this.schemas.get(text)
    if (known !== undefined) return known
    const id = this.declare(`Schema${this.schemas.size + 1}`, (id) => `const ${id} = SchemaFromJson.make(${text})`)
    this.schemas.set(text, id)
    return id
  }

  node(node: Node, inner: Inner): string {
    if (node._tag !== "Sequence") return this.step(node, inner)
    const [first, ...rest] = node.steps.map((step) => this.node(step, inner))
    if (first !== undefined)
      return piped(
        first,
        rest.map((step) => `Step.andThen(${step})`)
      )
    return 'Step.fromNode<unknown, null>({ _tag: "Sequence", steps: [] })'
  }

  private step(whole: Node, inner: Inner): string {
    const pipes: Array<string> = []
    let node = whole
    let isSkipped = false
    while (isWrapper(node) && TreeSearch.optionsOf(node) === undefined) {
      isSkipped ||= node._tag === "When" || node._tag === "Versioned"
      pipes.unshift(this.wrapper(node, inner))
      node = node.step
    }
    const text = piped(this.core(node, inner), pipes)
    // A skipped step answers what it was given, of which types know nothing.
    return isSkipped ? this.made(text) : text
  }

  private wrapper(node: Extract<Node, { readonly step: Node }>, inner: Inner): string {
    switch (node._tag) {
      case "Note":
        return `Step.note(${object([
          ["description", said(node.description)],
          ["meta", node.meta === undefined ? undefined : literal(node.meta)]
        ])})`
      case "Versioned":
        return `Step.${node.side}(${JSON.stringify(node.change)})`
      case "When":
        return `Step.when(${text(node.on)})`
      case "Sink":
        return `Step.sink(${JSON.stringify(node.field)}${node.key === undefined ? "" : `, { key: ${JSON.stringify(node.key)} }`})`
      case "Input":
        return `Step.withInput(${value(node.input)})`
      case "Fallback":
        return `Step.fallback(${this.node(node.that, inner)})`
      case "Compensate":
        return `Step.compensate(${this.made(this.node(node.undo, inner))})`
      case "Cached":
        return `Step.cached(${object([
          ["output", this.schema(node.output)],
          ["ttl", number(node.ttlMillis)]
        ])})`
      case "Validate":
        return node.invariant === true
          ? `Step.invariants(${literal(node.validators.map((one) => (one._tag === "Holds" ? one.template.source : refuse(one))))})`
          : `Step.validators([${node.validators.map((one) => this.validator(one)).join(", ")}])`
      case "Timeout":
        return `Step.timeout(${node.millis})`
      case "Capped": {
        const { maxCost, maxTokens } = node.limits
        if (maxCost !== undefined) this.uses.add("NanoUsd")
        const cost = maxCost === undefined ? undefined : `NanoUsd.usd(${JSON.stringify(NanoUsd.toUsd(maxCost))})`
        return `Step.usageLimits(${object([
          ["maxCost", cost],
          ["maxTokens", number(maxTokens)]
        ])})`
      }
      case "Retry": {
        if (node.policy._tag === "Schedule") return refuse(node)
        const { baseMillis, factor, jitter, maxMillis, times, while: errors } = node.policy.retry
        const usual = Retry.make({ times })
        return `Step.retry(${object([
          ["times", number(times)],
          ["base", number(baseMillis === usual.baseMillis ? undefined : baseMillis)],
          ["factor", number(factor === usual.factor ? undefined : factor)],
          ["max", number(maxMillis === usual.maxMillis ? undefined : maxMillis)],
          ["jitter", jitter === usual.jitter ? undefined : String(jitter)],
          ["while", errors && literal(errors)]
        ])})`
      }
      case "Check": {
        const [input, output] = [node.input && this.schema(node.input), node.output && this.schema(node.output)]
        if (input === undefined) return `Step.withOutputSchema(${output})`
        return output === undefined
          ? `Step.withInputSchema(${input})`
          : `Step.withSchemas(${object([
              ["input", input],
              ["output", output]
            ])})`
      }
      default:
        return refuse(node)
    }
  }

  private core(node: Node, inner: Inner): string {
    const search = TreeSearch.optionsOf(node)
    if (search !== undefined) return this.search(search, inner)
    switch (node._tag) {
      case "Pass":
        return this.made(`Step.pass(${JSON.stringify(node.name)})`)
      case "Agent":
        return this.made(this.agent(node))
      case "Skill":
        return `code(${this.skill(node)})`
      case "Sequence":
        return this.node(node, inner)
      case "Sleep": {
        const how =
          node.until === undefined
            ? `sleep(${name(node)}, ${node.millis})`
            : `sleepUntil(${name(node)}, ${text(node.until)})`
        return this.made(`Step.${how}`)
      }
      case "Ask": {
        const message = ["message", text(node.message)] as const
        if (node.mode === "approve") return this.made(`Step.approve(${name(node)}, ${object([message])})`)
        return this.made(`Step.ask(${name(node)}, ${object([message, ["answer", this.schema(node.answer)]])})`)
      }
      case "Signal":
        return this.made(
          `Step.signal(${name(node)}, ${object([
            ["signal", said(node.signal === node.name ? undefined : node.signal)],
            ["data", this.schema(node.data)]
          ])})`
        )
      case "Branch": {
        const options = object([
          ["on", this.decider(node.on)],
          ["cases", this.branches(node.cases, inner)],
          ["otherwise", node.otherwise && this.node(node.otherwise, inner)]
        ])
        return this.made(`Step.branch(${name(node)}, ${options})`, node.cases)
      }
      case "Parallel": {
        const branches = this.branches(node.branches, inner)
        const merge = node.select !== undefined && node.merge === undefined ? "refuse" : node.merge
        const options = [
          ["concurrency", number(node.concurrency === 16 ? undefined : node.concurrency)],
          ["merge", said(merge)],
          ["onFailure", said(node.onFailure)],
          ["include", node.include && literal(node.include)],
          ["fields", node.fields && object(node.fields.map(([key, fields]) => [key, literal(fields)]))],
          ["reduce", said(node.reduce)]
        ] as const
        const made =
          node.select === undefined
            ? `Step.parallel(${name(node)}, ${branches}, ${object(options)})`
            : `Step.route(${name(node)}, ${object([["on", this.decider(node.select)], ["branches", branches], ...options])})`
        return this.made(made, node.branches)
      }
      case "Loop": {
        const options = object([
          ["init", assigns(node.init)],
          ["until", node.until && this.decider(node.until)],
          ["max", number(node.max)],
          ["onMax", node.until === undefined || node.onMax === "fail" ? undefined : said(node.onMax)],
          ["state", assigns(node.state)],
          ["next", node.next && value(node.next)],
          ["output", node.output && value(node.output)],
          ...(node.conversation === undefined ? [] : this.conversation(node.conversation))
        ])
        const make = node.conversation === undefined ? "loop" : "conversation"
        return this.made(`Step.${make}(${name(node)}, ${this.node(node.body, inner)}, ${options})`)
      }
      case "ForEach": {
        const options = object([
          ["items", node.items && text(node.items)],
          ["init", assigns(node.init)],
          ["concurrency", number(node.concurrency === 8 ? undefined : node.concurrency)],
          ["max", number(node.max === 1000 ? undefined : node.max)],
          ["onFailure", said(node.onFailure === "fail" ? undefined : node.onFailure)],
          ["merge", said(node.merge)],
          ["output", node.output && value(node.output)]
        ])
        return this.made(`Step.forEach(${name(node)}, ${this.node(node.body, inner)}, ${options})`)
      }
      case "States": {
        const transitions = node.transitions.map(({ from, on, to, when }) =>
          object([
            ["from", said(from)],
            ["on", said(on)],
            ["to", said(to)],
            ["when", when && text(when)]
          ])
        )
        const options = object([
          ["start", said(node.start)],
          ["states", this.branches(node.states, inner)],
          ["ends", literal(node.ends)],
          ["transitions", `[${transitions.join(", ")}]`],
          ["max", number(node.max === 10 * node.states.length ? undefined : node.max)]
        ])
        return this.made(`Step.states(${name(node)}, ${options})`, node.states)
      }
      case "Scope":
        return node.pipeline === undefined
          ? `Step.named(${name(node)})(${this.node(node.step, inner)})`
          : this.imported(node, node.pipeline, inner)
      default:
        return refuse(node)
    }
  }

  /** A step that takes and answers JSON, as far as types say. */
  private made(text: string, branches: ReadonlyArray<readonly [string, Node]> = []): string {
    this.uses.add("step")
    const keys = branches.map(([key]) => key)
    const kept = Object.keys(Object.fromEntries(branches))
    if (keys.every((key, index) => key === kept[index])) return `step(${text})`
    this.uses.add("inOrder")
    return `inOrder(${keys.map((key) => JSON.stringify(key)).join(", ")})(step(${text}))`
  }

  private search(search: NonNullable<ReturnType<typeof TreeSearch.optionsOf>>, inner: Inner): string {
    this.uses.add("decides")
    const { defaults } = TreeSearch
    const unless = (value: number | undefined, usual?: number) => number(value === usual ? undefined : value)
    const options = object([
      ["proposer", `decides(${this.node(search.proposer, inner)})`],
      ["evaluator", `decides(${this.node(search.evaluator, inner)})`],
      ["branching", unless(search.branching, defaults.branching)],
      ["beam", unless(search.beam, defaults.beam)],
      ["depth", unless(search.depth, defaults.depth)],
      ["max", unless(search.max)],
      ["goal", unless(search.goal, defaults.goal)],
      ["requireGoal", search.requireGoal ? "true" : undefined],
      ["pathTokens", unless(search.pathTokens, defaults.pathTokens)]
    ])
    return this.made(`Step.treeSearch(${JSON.stringify(search.name)}, ${options})`)
  }

  private validator(validator: Validator): string {
    const message = ["message", said(validator.message)] as const
    switch (validator._tag) {
      case "Contains":
        return object([["contains", said(validator.text)], message])
      case "Fits":
        return object([["schema", this.schema(validator.shape)], message])
      case "Holds":
        return object([["expression", text(validator.template)], message])
      case "Judge":
        return object([["step", this.decider({ step: validator.step })], message])
    }
  }

  private branches(branches: ReadonlyArray<readonly [string, Node]>, inner: Inner): string {
    return object(branches.map(([key, branch]) => [key, this.node(branch, inner)]))
  }

  private decider<F>(on: F | Template | Decider): string {
    if (typeof on !== "object" || on === null || !("step" in on)) return text(on)
    this.uses.add("decides")
    const { step } = on
    const said =
      step._tag === "Agent" ? this.agent(step) : step._tag === "Skill" ? `code(${this.skill(step)})` : refuse(step)
    return `decides(${said})`
  }

  private conversation({
    ai,
    answers,
    history,
    template,
    users
  }: Talk): ReadonlyArray<readonly [string, string | undefined]> {
    const isUsual = history._tag === "Tokens" && history.max === Conversation.tokensDefault
    const kept =
      history._tag === "Summarize"
        ? object([
            ["strategy", '"summarize"'],
            ["maxTokens", number(history.max)],
            ["ratio", number(history.ratio)],
            ["by", this.decider(history.by)]
          ])
        : history._tag === "Turns"
          ? object([
              ["strategy", '"truncate_turns"'],
              ["maxTurns", number(history.max)]
            ])
          : object([
              ["strategy", '"truncate_tokens"'],
              ["maxTokens", number(history.max)]
            ])
    return [
      ["ai", ai === "last" ? undefined : literal(typeof ai === "string" ? ai : [...ai.names])],
      ["users", users.length === 1 && users[0] === Conversation.people ? undefined : literal(users)],
      ["history", isUsual ? undefined : kept],
      ["historyTemplate", said(template?.source)],
      ["answers", answers === true ? "true" : undefined]
    ]
  }

  private granular(agent: AgentNode["agent"], pace: Pace): ReadonlyArray<readonly [string, string | undefined]> {
    const usual = Granular.make(agent, {})
    const unless = <A extends string | number | boolean>(value: A, usual: A): string | undefined =>
      value === usual ? undefined : JSON.stringify(value)
    const stops = pace.stop.map(stopOf)
    return [
      ["maxTurns", unless(pace.maxTurns, usual.maxTurns)],
      ["historyMaxTokens", number(pace.historyMaxTokens)],
      ["blobThresholdBytes", unless(pace.blobThresholdBytes, usual.blobThresholdBytes)],
      ["enforceIdempotency", unless(pace.enforceIdempotency, usual.enforceIdempotency)],
      ["fingerprint", unless(pace.fingerprint, usual.fingerprint)],
      ["stop", `[${stops.join(", ")}]`],
      ["noProgressTurns", unless(pace.noProgressTurns, usual.noProgressTurns)],
      ["onNoProgress", unless(pace.onNoProgress, usual.onNoProgress)]
    ]
  }

  private skill({ name, params, skill }: Extract<Node, { readonly _tag: "Skill" }>): string {
    this.uses.add("skills")
    this.uses.add("code")
    const given = params === undefined ? "" : `, { params: ${value(params)} }`
    return `Step.skill(${JSON.stringify(name)}, skills(${JSON.stringify(skill.id)})${given})`
  }

  private agent({ agent, granular, ignoresHistory, name }: AgentNode): string {
    this.uses.add("Agent")
    const own = Object.entries(settings(agent.settings)).filter(
      ([key, value]) => key !== "maxTokens" || value !== Agent.maxTokensDefault
    )
    const text = object([
      ["model", said(agent.model)],
      [
        "fallbacks",
        agent.fallbacks.length === 0
          ? undefined
          : literal(agent.fallbacks.map(({ model, on }) => (Agent.isFallbackDefault(on) ? model : { model, on })))
      ],
      ["system", agent.prompt === undefined ? said(agent.system) : promptSaid(agent.prompt)],
      ["output", agent.output && this.schema(agent.output)],
      ["settings", own.length === 0 ? undefined : literal(Object.fromEntries(own))],
      ["cache", agent.cacheMillis === undefined ? undefined : number(agent.cacheMillis)],
      ["redact", agent.redact && literal(agent.redact)],
      ["stripReasoning", agent.stripsReasoning === true ? "true" : undefined],
      ["tools", agent.tools.length === 0 ? undefined : `[${agent.tools.map((tool) => this.tool(tool)).join(", ")}]`],
      ["maxTurns", agent.tools.length === 0 ? undefined : number(agent.maxTurns)],
      ["repair", Agent.repairSaid(agent) && JSON.stringify(agent.repair)],
      ["maxCorrections", agent.maxCorrections === 0 ? undefined : number(agent.maxCorrections)]
    ])
    const key = `${agent.name} ${text}`
    const known =
      this.agents.get(key) ??
      this.declare(agent.name, (id) => `const ${id} = Agent.make(${JSON.stringify(agent.name)}, ${text})`)
    this.agents.set(key, known)
    const options = object([
      ["useHistory", ignoresHistory === true ? "false" : undefined],
      ...(granular === undefined ? [] : this.granular(agent, granular))
    ])
    const more = options === "{}" ? "" : `, ${options}`
    return `Step.${granular === undefined ? "agent" : "granular"}(${JSON.stringify(name)}, ${known}${more})`
  }

  private tool(tool: AnyTool): string {
    this.uses.add("Tool")
    if (tool._tag === "AskUser") return "Tool.askUser"
    this.uses.add("skills")
    const options = object([
      ["name", said(tool.name)],
      ["requiresApproval", tool.requiresApproval ? "true" : undefined]
    ])
    // What a skill needs is known to whoever looks it up.
    return `Tool.make(skills(${JSON.stringify(tool.skill.id)}), ${options}) as Tool.SkillTool`
  }

  private imported({ name, step }: ScopeNode, pipeline: NonNullable<ScopeNode["pipeline"]>, inner: Inner): string {
    let id = this.pipelines.get(step)
    if (id === undefined) {
      const made = inner({ name: pipeline.name, context: pipeline.context, root: step }, pipeline.name)
      id = this.declare(pipeline.name, (id) => `const ${id} = ${made}`)
      this.pipelines.set(step, id)
    }
    const options = object([
      ["inherits", pipeline.inherits === true ? "true" : undefined],
      ["outputs", pipeline.outputs && literal(Object.fromEntries(pipeline.outputs))]
    ])
    return this.made(`Pipeline.asStep(${id}, ${JSON.stringify(name)}, ${options})`)
  }
}

/** Words that name nothing in TypeScript. */
const reserved = new Set(
  "await break case catch class const continue debugger default delete do else enum export extends false finally for function if implements import in instanceof interface let new null package private protected public return static super switch this throw true try typeof undefined var void while with yield arguments eval".split(
    " "
  )
)

const said = (text: string | undefined): string | undefined => (text === undefined ? undefined : JSON.stringify(text))
const number = (value: number | undefined): string | undefined => (value === undefined ? undefined : String(value))
const name = (node: Node): string => JSON.stringify(nameOf(node) ?? "")
const promptSaid = ({ file, template, variables }: Agent.Prompt): string => {
  const options = object([
    ["variables", variables.length === 0 ? undefined : object(variables.map(([name, given]) => [name, value(given)]))],
    ["file", said(file)]
  ])
  return `Agent.prompt(${JSON.stringify(template.source)}, ${options})`
}

const value = (params: Params): string => literal(paramsJson(params))

const text = (on: unknown): string =>
  typeof on === "object" && on !== null && "source" in on ? JSON.stringify(on.source) : refuse(on)

const settings = (settings: AgentNode["agent"]["settings"]): Json.JsonObject =>
  Object.fromEntries(
    Object.entries(settings).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, Either.getOrThrow(Json.fromUnknown(value))]]
    )
  )

const assigns = (assigns: ReadonlyArray<Assign> | undefined): string | undefined =>
  assigns &&
  `[${assigns
    .map(({ op, path, value: params }) =>
      object([
        ["op", said(op)],
        ["target", said(path.join("."))],
        ["value", value(params)]
      ])
    )
    .join(", ")}]`

const stopOf = (stop: Stop): string => {
  switch (stop._tag) {
    case "Reply":
    case "Sentinel":
      return JSON.stringify(stop._tag.toLowerCase())
    case "Flag":
      return object([["flag", said(stop.field)]])
    case "Tool":
      return object([["tool", said(stop.name)]])
    case "Holds":
      return object([["expression", text(stop.on)]])
  }
}

/** A blueprint has no such part: to meet one is a fault of flujo. */
const refuse = (part: unknown): never => {
  const tag = typeof part === "object" && part !== null && "_tag" in part ? String(part._tag) : "a function"
  throw new Error(`${tag} does not come from a blueprint`)
}
