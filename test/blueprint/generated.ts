/**
 * Generated pipelines that text can say, of every kind of step with every key around it. A tree is a function of its
 * seed. Its texts are awkward on purpose: what YAML could take for something else, and templates of all kinds.
 */

import * as Cache from "../../src/blueprint/internal/Cache.js"
import { shape } from "../../src/blueprint/JsonSchema.js"
import { get, type Json } from "../../src/domain/Json.js"
import { usd } from "../../src/domain/NanoUsd.js"
import * as Template from "../../src/expression/Template.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Granular from "../../src/pipeline/Granular.js"
import type { Assign, ContextSpec, Conversation, Node, Validator } from "../../src/pipeline/Node.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Refine from "../../src/pipeline/Refine.js"
import * as Retry from "../../src/pipeline/Retry.js"
import * as Shape from "../../src/pipeline/Shape.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Tool from "../../src/pipeline/Tool.js"
import * as TreeSearch from "../../src/pipeline/TreeSearch.js"
import { numbers } from "../engine/generated.js"
import { judge, stringify, writeFile } from "./Skills.js"

const words = [
  "no",
  "yes",
  "null",
  "true",
  "1",
  "0x1f",
  "1e3",
  "~",
  "- a",
  "a: b",
  "#x",
  "  in ",
  "größe 🚀",
  "it's",
  'a "b"',
  "line\nbreak",
  "tab\there",
  "%TAG",
  "@at",
  "&a",
  "*a",
  "!b",
  "|",
  ">",
  "[1]",
  "x #y",
  "2030-01-31",
  "a\n\n  b\n",
  "\u2028",
  ":",
  "?",
  "=",
  "<<",
  ""
]
const templates = [
  "{{ previous_step }}",
  "{{ input | tojson }}",
  "a {{ initial_prompt }} b",
  "{% if input %}x{% endif %}",
  "\\{{ no }}",
  "{{ {'a': 1} }}",
  "{# note #}{{ input }}",
  "{{ \"a\" ~ 'b' }}\n  two: {{ input }}"
]
const conditions = [
  "previous_step == 'good'",
  "{{ previous_step | length > 3 }}",
  "true",
  "not previous_step",
  "input == 1"
]
const schemas: ReadonlyArray<Json> = [
  { type: "string" },
  { type: "object", properties: { "a-b": { type: "number" }, 1: {} }, required: ["a-b"] },
  { enum: ["no", 1, null, "1"] },
  {},
  { type: "array", items: { type: "string", pattern: "^#" } }
]

export const pipeline = (seed: number): Pipeline.Pipeline.Any => {
  const below = numbers(seed)
  const pick = <A>(list: ReadonlyArray<A>): A => list[below(list.length)]!
  const maybe = <A>(f: () => A, one = 4): A | undefined => (below(one) === 0 ? f() : undefined)
  let names = 0
  const fresh = () => `${pick(["s", "größe", "on", "null-", "_"])}${names++}`
  const anyShape = (): Shape.Shape => shape(pick(schemas))
  const tools = [
    Tool.askUser,
    Tool.make(stringify),
    Tool.make(writeFile, { requiresApproval: true }),
    Tool.make(stringify, { name: "text" })
  ]
  const drafts = Array.from({ length: 3 }, (_, index) => ({
    ...Agent.make(`agent_${index}`, {
      model: pick(["openai:gpt-4o", "scripted:x.json"]),
      fallbacks: [
        ...(maybe(() => ["anthropic:claude-sonnet-4-5"]) ?? []),
        ...(maybe(() => [{ model: "google:gemini-2.5-pro", on: ["TooLong" as const, "Cut" as const] }]) ?? [])
      ],
      cache: pick([undefined, undefined, true as const, "90 seconds"]),
      system: pick([
        ...words,
        "Write.",
        Agent.prompt("Write in {{ tone }} of {{ input }}.", { variables: { tone: pick(["plain", "{{ input }}", 3]) } })
      ])
    }),
    output: maybe(() => shape(pick(schemas.slice(1))), 2),
    ...(index === 0 ? {} : { tools, maxTurns: index === 1 ? 4 : 10 })
  }))
  const agents = drafts.map((agent, index) =>
    index === 0 || get(agent.output?.jsonSchema, "type") !== "object"
      ? agent
      : { ...agent, repair: Agent.repairs[index - 1]!, maxCorrections: index }
  )
  const text = () => pick([...templates, ...words.filter((word) => word.trim() !== "")])
  const json = (depth = 0): Json => {
    if (depth > 2 || below(3) > 0) return pick<Json>([...words, ...templates, 1, 0.5, true, null, [], {}])
    if (below(2) === 0) return Array.from({ length: below(4) }, () => json(depth + 1))
    return Object.fromEntries(
      Array.from({ length: below(4) }, () => [pick(["a", "1", "no", "größe", "x y", "fields"]), json(depth + 1)])
    )
  }
  const some = (): Json => {
    const value = json()
    return value === null ? "x" : value
  }
  const params = () => Step.params(some())
  const condition = () => Template.parseExpression(pick(conditions))
  const assigns = (): ReadonlyArray<Assign> =>
    Array.from({ length: below(3) }, () => ({
      op: pick(["set", "append", "merge"] as const),
      path: ["field", ...pick([[], ["on"], ["a", "b"]])],
      value: params()
    }))
  const skill = (name: string): Node => {
    const given = maybe(() => ({ path: text(), ...(below(2) === 0 ? { content: text() } : {}) }), 2)
    return given === undefined ? Step.skill(name, stringify).node : Step.skill(name, writeFile, { params: given }).node
  }
  const merge = () => maybe(() => pick(["update", "overwrite", "keep_first", "no_merge"] as const), 2)
  const keys = ["true", "false", "1", "0", "no", "größe", "a b", "zz", "otherwise"]
  const branches = (depth: number): ReadonlyArray<readonly [string, Node]> =>
    Array.from(
      { length: 1 + below(3) },
      (_, index) => [keys[(below(3) * 3 + index) % keys.length]!, body(depth)] as const
    ).filter(([key], at, all) => all.findIndex(([other]) => other === key) === at)
  const agent = (name: string): Node => {
    const { node } = Step.agent(name, pick(agents), {
      settings:
        below(3) === 0
          ? {
              temperature: below(10) / 10,
              seed: below(5),
              ...(below(2) === 0 ? { stop: pick([["END"], ["a", "b"]]) } : {}),
              ...(below(2) === 0 ? { reasoning: pick([{ effort: "low" as const }, { tokensMax: 2000 }]) } : {}),
              ...(below(2) === 0 ? { verbosity: pick(["low", "high"] as const) } : {})
            }
          : undefined
    })
    return node._tag === "Agent" && below(4) === 0 ? { ...node, granular: granular(node.agent) } : node
  }
  const granular = (agent: Agent.AnyAgent) => {
    const said = {
      maxTurns: pick([20, 3]),
      historyMaxTokens: maybe(() => 500),
      blobThresholdBytes: pick([20_000, 2000]),
      enforceIdempotency: below(2) === 0,
      fingerprint: pick(["strict", "compat"] as const),
      noProgressTurns: pick([3, 5]),
      onNoProgress: pick(["fail", "stop"] as const)
    }
    const stop = maybe(
      () => [
        { _tag: "Holds" as const, on: Template.parseExpression("previous_step is defined") },
        { _tag: "Reply" as const }
      ],
      2
    )
    return Granular.make(agent, stop === undefined ? said : { ...said, stop })
  }
  const leaf = (): Node => {
    const name = fresh()
    switch (below(6)) {
      case 0:
        return Step.pass(name).node
      case 1:
        return skill(name)
      case 2:
        return { _tag: "Sleep", name, millis: pick([0, 1, 1500, 60_000, 86_400_000, 604_800_000, 90_061_001]) }
      case 3:
        return Step.sleepUntil(name, "2030-01-31").node
      default:
        return agent(name)
    }
  }
  const waiting = (): Node => {
    const name = fresh()
    const wanted = below(2) === 0 ? Shape.any : anyShape()
    const node: Node =
      below(2) === 0
        ? { _tag: "Signal", name, signal: below(2) === 0 ? name : "paid", data: wanted }
        : { _tag: "Ask", name, mode: "ask", message: Template.parse(text()), answer: wanted }
    if (below(2) === 0) return node
    const timed: Node = { _tag: "Timeout", step: node, millis: 1 + below(100_000) }
    if (below(2) === 0) return timed
    const given: Node = { _tag: "Input", step: Step.pass("expired").node, input: params() }
    return {
      _tag: "Fallback",
      step: timed,
      that: wanted === Shape.any ? given : { _tag: "Check", step: given, input: undefined, output: wanted }
    }
  }
  const validator = (): Validator => {
    const message = maybe(() => pick(words.filter((word) => word.trim() !== "")), 2)
    switch (below(4)) {
      case 0:
        return { _tag: "Contains", text: pick(words.filter((word) => word.trim() !== "")), message }
      case 1:
        return { _tag: "Fits", shape: anyShape(), message }
      case 2:
        return { _tag: "Holds", template: condition(), message }
      default:
        return { _tag: "Judge", step: Step.skill(fresh(), judge).node, message }
    }
  }
  const invariant = (step: Node): Node => ({
    _tag: "Validate",
    step,
    validators: [{ _tag: "Holds", template: condition(), message: undefined }],
    invariant: true
  })
  const conversation = (mayAnswer: boolean): Conversation => ({
    ai: pick(["last", "all_agents", { names: ["on", "null-1"] }] as const),
    users: pick([["hitl"], ["hitl", "on"], ["size"]]),
    history: pick([
      { _tag: "Tokens", max: 4096 },
      { _tag: "Tokens", max: 100 },
      { _tag: "Turns", max: 20 },
      {
        _tag: "Summarize",
        max: 500,
        ratio: 0.25,
        by: { step: { _tag: "Agent", name: "summarizer", agent: agents[0]! } }
      }
    ] as const),
    template: maybe(() => Template.parse("{% for turn in history %}{{ turn.role }}: {{ turn.content }}{% endfor %}")),
    ...(mayAnswer && below(2) === 0 ? { answers: true as const } : {})
  })
  const until = () => (below(2) === 0 ? condition() : { step: skill(pick(["exit_expression", "exit_condition"])) })
  const core = (depth: number): Node => {
    if (depth <= 0) return leaf()
    const name = fresh()
    switch (below(13)) {
      case 11: {
        const { limits } = TreeSearch
        return TreeSearch.node(name, {
          proposer: node(0),
          evaluator: body(0),
          branching: pick([3, 1, limits.branching]),
          beam: pick([3, 2]),
          depth: pick([5, 2]),
          max: maybe(() => 4),
          goal: pick([1, 0.5]),
          requireGoal: below(2) === 0,
          pathTokens: pick([2_000, 300])
        })
      }
      case 10: {
        const step = body(depth - 1)
        return {
          _tag: "Cached",
          step: { _tag: "Scope", name, step, pipeline: undefined },
          output: Cache.outputOf(step),
          ttlMillis: pick([3_600_000, 1, 86_400_000])
        }
      }
      case 0:
        return {
          _tag: "Branch",
          name,
          on: below(2) === 0 ? condition() : { step: skill(pick(["condition", "condition_expression"])) },
          cases: branches(depth - 1),
          otherwise: maybe(() => body(depth - 1), 2)
        }
      case 1:
      case 2: {
        const routes = below(2) === 0
        const made = branches(depth - 1)
        return {
          _tag: "Parallel",
          name: routes ? name : name,
          branches: made,
          concurrency: pick([16, 1, 4]),
          merge: merge(),
          onFailure: maybe(() => "ignore" as const),
          include: maybe(() => ["field", "on"]),
          fields: maybe(() => made.slice(0, 1).map(([key]) => [key, ["field"]] as const)),
          reduce: maybe(() =>
            pick(["keys", "values", "union", "concat", "first", "last", "majority_vote", "code_consensus"] as const)
          ),
          ...(routes
            ? {
                select: {
                  step:
                    below(2) === 0 ? { _tag: "Agent", name: "router_agent", agent: agents[0]! } : skill("router_agent")
                }
              }
            : {})
        }
      }
      case 3: {
        const exit = maybe(until, 2)
        const output = maybe(params)
        const loop: Node = {
          _tag: "Loop",
          name,
          body: body(depth - 1),
          until: exit,
          max: pick([5, 1, 7]),
          onMax: exit === undefined ? "continue" : pick(["fail", "continue"] as const),
          init: maybe(assigns),
          state: maybe(assigns),
          next: maybe(() => (below(2) === 0 ? Step.params("{{ context }}") : params())),
          output,
          ...(below(3) === 0 ? { conversation: conversation(output === undefined) } : {})
        }
        return below(3) === 0 ? { _tag: "Input", step: loop, input: params() } : loop
      }
      case 4:
        return {
          _tag: "ForEach",
          name,
          body: body(depth - 1),
          items: maybe(
            () => Template.parseExpression(pick(["previous_step.items", "context.field", "{{ input }}"])),
            2
          ),
          concurrency: pick([8, 1]),
          max: pick([1000, 3]),
          maxWaiting: 100,
          onFailure: pick(["fail", "skip", "collect"] as const),
          merge: merge(),
          init: maybe(assigns),
          output: maybe(params)
        }
      case 5:
        return Refine.node(name, {
          generator: body(depth - 1),
          critic: body(depth - 1),
          until: Template.parseExpression(pick([Refine.untilDefault, "previous_step.verdict"])),
          max: pick([5, 2]),
          onMax: pick(["fail", "continue"] as const)
        })
      case 6:
        return {
          _tag: "States",
          name,
          start: "a",
          states: [
            ["a", body(depth - 1)],
            ["2", body(depth - 1)]
          ],
          ends: ["no", "end"],
          max: pick([20, 7]),
          transitions: [
            { from: "a", on: "success", to: "2", when: maybe(condition) },
            { from: undefined, on: "failure", to: "end", when: undefined },
            { from: "2", on: "success", to: "no", when: undefined }
          ]
        }
      case 7:
        return { _tag: "Ask", name, mode: "approve", message: Template.parse(text()), answer: Shape.any }
      case 8:
        return waiting()
      case 9:
        return { _tag: "Scope", name, step: body(depth - 1), pipeline: undefined }
      default:
        return {
          _tag: "Scope",
          name,
          step: whole(body(depth - 1)),
          pipeline: {
            name: pick(["pipeline", "child x", "1child", name]),
            context: maybe(context, 2),
            inherits: maybe(() => true as const),
            outputs: maybe(() => [["field", "on"]] as const)
          }
        }
    }
  }
  const node = (depth: number): Node => {
    let made = core(depth)
    const kind = made._tag
    const around = (f: (step: Node) => Node, one = 5) => {
      if (below(one) === 0) made = f(made)
    }
    // An answer's schema is that of the question.
    const isQuestion = kind === "Ask" || kind === "Timeout" || kind === "Fallback"
    around((step) => ({
      _tag: "Check",
      step,
      input: isQuestion ? undefined : anyShape(),
      output: isQuestion ? anyShape() : maybe(anyShape, 2)
    }))
    around((step) => ({ _tag: "Validate", step, validators: Array.from({ length: 1 + below(3) }, validator) }), 6)
    around((step) => ({ _tag: "Timeout", step, millis: 1 + below(100_000) }))
    around((step) => ({
      _tag: "Retry",
      step,
      policy: {
        _tag: "Data",
        retry: Retry.make({
          times: below(4),
          ...(below(2) === 0 ? {} : { base: below(5000), factor: 1.5, max: 9000, jitter: false, while: ["ModelError"] })
        })
      }
    }))
    around((step) => ({ _tag: "Timeout", step, millis: 1 + below(100_000) }))
    around(
      (step) => ({
        _tag: "Capped",
        step,
        limits: below(2) === 0 ? { maxCost: usd("0.50") } : { maxCost: usd("12.000000001"), maxTokens: 9 }
      }),
      8
    )
    around((step) => ({ _tag: "Compensate", step, undo: below(2) === 0 ? body(0) : node(0) }), 8)
    around((step) => ({ _tag: "Fallback", step, that: node(0) }))
    around((step) => ({ _tag: "Input", step, input: params() }), 3)
    around((step) => ({ _tag: "Sink", step, context: undefined, field: "on", key: "on", reduce: undefined }))
    around((step) => ({ _tag: "Sink", step, context: undefined, field: "field", reduce: undefined }))
    around(invariant, 8)
    around((step) => ({ _tag: "When", step, on: condition() }))
    around((step) => ({ _tag: "Versioned", step, change: `went_${names++}`, side: "before" }), 8)
    around((step) => ({ _tag: "Versioned", step, change: `came_${names++}`, side: "since" }), 8)
    around((step) => ({
      _tag: "Note",
      step,
      description: pick([undefined, ...words]),
      meta: { owner: pick(words), n: [1] }
    }))
    return made
  }
  const body = (depth: number): Node => {
    const count = below(4) === 0 ? below(4) : 1
    return count === 1 ? node(depth) : { _tag: "Sequence", steps: Array.from({ length: count }, () => node(depth - 1)) }
  }
  const context = (): ContextSpec => ({ id: "context", fields: { field: anyShape(), on: anyShape() }, tag: undefined })
  const whole = (step: Node): Node =>
    below(3) === 0 ? { _tag: "Check", whole: true, step, input: anyShape(), output: maybe(anyShape) } : step
  const root: Node = { _tag: "Sequence", steps: Array.from({ length: 1 + below(4) }, () => node(3)) }
  return {
    ...Pipeline.make(pick(["p", "pipeline", "no", "größe x", "1"]))(
      Step.fromNode<never, unknown, unknown, unknown>(whole(root))
    ),
    context: maybe(context, 2)
  }
}
