/**
 * What a pipeline can cost at most, before it runs: every call that its tree allows, at its worst. Loops count `max`
 * times, items `max` times, a retry each of its tries, a fallback beside what it stands in for, a branch as its dearest
 * case. What is not known is not guessed: that part has no bound, and says why.
 *
 * The bound is of one run in one go under a strict budget. A call that is cut by a crash is paid for and made again, and
 * so is a failed step that a person has tried again; the run's limits hold for those too. Code steps and skills count
 * nothing: under a strict budget a call that they make is denied, unless the step has a cost limit of its own, which is
 * then what counts.
 */
import * as Conversing from "../agent/Conversation.js"
import * as Turn from "../agent/Turn.js"
import type { Limits } from "../domain/Budget.js"
import * as Json from "../domain/Json.js"
import * as NanoUsd from "../domain/NanoUsd.js"
import * as Cost from "../governance/Cost.js"
import * as PriceTable from "../governance/PriceTable.js"
import { type AnyAgent, modelsOf } from "../pipeline/Agent.js"
import * as Conversation from "../pipeline/Conversation.js"
import type * as Node from "../pipeline/Node.js"
import { nameOf } from "../pipeline/Node.js"
import type { Pipeline } from "../pipeline/Pipeline.js"

/** A request of more tokens than this is refused under a limit, so nothing that is sent is larger. */
export const inputTokensMax = 16 * 1024 * 1024

/** Why a part has no bound. */
export interface Reason {
  readonly path: string
  readonly of: "cost" | "tokens"
  readonly why: string
}

export interface Bound {
  /** `undefined`: it has none. */
  readonly cost: NanoUsd.NanoUsd | undefined
  readonly tokens: number | undefined
  /** Model calls of a run that completes; `most` is `undefined` where code may make any number within its cost limit. */
  readonly calls: { readonly least: number; readonly most: number | undefined }
  /** Empty where both are known. */
  readonly because: ReadonlyArray<Reason>
}

export interface Options {
  /** Bytes of the input, where it is known. */
  readonly inputBytes?: number | undefined
  /** What the run may spend: nothing costs more than what it is allowed to. */
  readonly limits?: Limits | undefined
}

export const make = (pipeline: Pipeline.Any, prices: PriceTable.PriceTable, options: Options = {}): Bound => {
  const { because, calls, cost, tokens } = walk({ prices, history: 0 }, pipeline.root, "", options.inputBytes)
  return capped(
    { because, calls, cost, tokens, fixed: NanoUsd.zero, hasCode: false, rate: undefined, size: undefined },
    options.limits ?? {}
  )
}

/** Whether the worst case may be over the limits: what is wrong, in words, if so. */
export const excess = (bound: Bound, { maxCost, maxTokens }: Limits): string | undefined => {
  const why = (of: Reason["of"]) => reasons(bound, of)
  if (maxCost !== undefined) {
    const limit = `its budget of ${NanoUsd.format(maxCost)}`
    if (bound.cost === undefined) return `it may cost any amount, and ${limit} is not that: ${why("cost")}`
    if (bound.cost > maxCost) return `it may cost up to ${NanoUsd.format(bound.cost)}, which is over ${limit}`
  }
  if (maxTokens !== undefined) {
    const limit = `its budget of ${maxTokens} tokens`
    if (bound.tokens === undefined) return `it may use any number of tokens, and ${limit} is not that: ${why("tokens")}`
    if (bound.tokens > maxTokens) return `it may use up to ${bound.tokens} tokens, which is over ${limit}`
  }
  return undefined
}

/** `at most $0.42`, or `unbounded, because …`. */
export const words = (bound: Bound): string =>
  bound.cost === undefined ? `unbounded, because ${reasons(bound, "cost")}` : `at most ${NanoUsd.format(bound.cost)}`

const shownMax = 3

const reasons = ({ because }: Bound, of: Reason["of"]): string => {
  const found = because.filter((reason) => reason.of === of)
  const more = found.length > shownMax ? `, and ${found.length - shownMax} more` : ""
  return `${found
    .slice(0, shownMax)
    .map(({ path, why }) => `${path} ${why}`)
    .join("; ")}${more}`
}

// ---------------------------------------------------------------- private

interface Part extends Bound {
  /** Of the cost, what no tokens are paid for with: skills. */
  readonly fixed: NanoUsd.NanoUsd
  /** The dearest million tokens of any model below; `undefined` where that is not known. */
  readonly rate: NanoUsd.NanoUsd | undefined
  /** Whether there is code below that has no cost limit around it. */
  readonly hasCode: boolean
  /** Bytes of the output at most, as a model would be sent it; `undefined`: not known. */
  readonly size: number | undefined
}

const nothing = (size: number | undefined, hasCode = false): Part => ({
  cost: NanoUsd.zero,
  fixed: NanoUsd.zero,
  tokens: 0,
  calls: { least: 0, most: 0 },
  because: [],
  rate: NanoUsd.zero,
  hasCode,
  size
})

const tokensMax = Number.MAX_SAFE_INTEGER

const fold =
  (ways: "sum" | "worst", least: "sum" | "worst" = ways) =>
  (parts: ReadonlyArray<Part>, size: number | undefined): Part => {
    const join = <N extends number>(values: ReadonlyArray<N | undefined>, total: (values: ReadonlyArray<N>) => N) => {
      const known = values.filter((value) => value !== undefined)
      return known.length === values.length ? total(known) : undefined
    }
    const dearest = (values: ReadonlyArray<NanoUsd.NanoUsd>) => values.reduce(NanoUsd.larger, NanoUsd.zero)
    const added = (values: ReadonlyArray<number>) =>
      Math.min(
        tokensMax,
        values.reduce((a, b) => a + b, 0)
      )
    const leasts = parts.map(({ calls }) => calls.least)
    const mosts = parts.map(({ calls }) => calls.most)
    return {
      cost: join(
        parts.map(({ cost }) => cost),
        ways === "sum" ? NanoUsd.sum : dearest
      ),
      fixed: (ways === "sum" ? NanoUsd.sum : dearest)(parts.map(({ fixed }) => fixed)),
      tokens: join(
        parts.map(({ tokens }) => tokens),
        ways === "sum" ? added : (values) => Math.max(0, ...values)
      ),
      calls: {
        least: least === "sum" ? added(leasts) : leasts.length === 0 ? 0 : Math.min(...leasts),
        most: join(mosts, ways === "sum" ? added : (values) => Math.max(0, ...values))
      },
      because: parts.flatMap(({ because }) => because),
      rate: join(
        parts.map(({ rate }) => rate),
        dearest
      ),
      hasCode: parts.some(({ hasCode }) => hasCode),
      size
    }
  }

const all = fold("sum")
const any = fold("worst")
/** The first may have spent all it can before the second did. */
const either = fold("sum", "worst")

const repeated = (part: Part, count: number, least: number, size: number | undefined): Part => ({
  ...part,
  cost: part.cost === undefined ? undefined : NanoUsd.times(part.cost, count),
  fixed: NanoUsd.times(part.fixed, count),
  tokens: part.tokens === undefined ? undefined : Math.min(tokensMax, part.tokens * count),
  calls: {
    least: part.calls.least * least,
    most: part.calls.most === undefined ? undefined : Math.min(tokensMax, part.calls.most * count)
  },
  size
})

const capped = (part: Part, { maxCost, maxTokens }: Limits): Part => {
  const smaller = <N extends number>(a: N | undefined, b: N | undefined): N | undefined =>
    a === undefined ? b : b === undefined || a < b ? a : b
  // Code with a cost limit may spend all of it, on any model and any number of tokens.
  const isOpen = part.hasCode && maxCost !== undefined
  // Each call is rounded up.
  const byTokens =
    part.rate === undefined || maxTokens === undefined || part.calls.most === undefined
      ? undefined
      : NanoUsd.sum([part.fixed, Cost.ofTokens(part.rate, maxTokens), NanoUsd.fromBigInt(BigInt(part.calls.most))])
  const cost = isOpen ? maxCost : smaller(smaller(part.cost, maxCost), byTokens)
  const tokens = isOpen ? maxTokens : smaller(part.tokens, maxTokens)
  return {
    ...part,
    cost,
    tokens,
    calls: isOpen ? { least: part.calls.least, most: undefined } : part.calls,
    because: part.because.filter(({ of }) => (of === "cost" ? cost : tokens) === undefined),
    rate: isOpen ? undefined : part.rate,
    hasCode: part.hasCode && !isOpen
  }
}

interface World {
  readonly prices: PriceTable.PriceTable
  /** Bytes that an agent is told before its input, of the conversation that it stands in; `undefined`: not known. */
  readonly history: number | undefined
}

const walk = (world: World, node: Node.Node, parent: string, size: number | undefined): Part => {
  const own = nameOf(node)
  const path = own === undefined ? parent : parent === "" ? own : `${parent}/${own}`
  /** With the step that decides, where there is one. */
  const decided = (part: Part, on: object | undefined): Part =>
    on !== undefined && "step" in on
      ? all([walk(world, (on as Node.Decider).step, path, undefined), part], part.size)
      : part
  const below = (child: Node.Node, at = parent) => walk(world, child, at, size)
  switch (node._tag) {
    case "Agent":
      return agent(world, node, path, size)
    case "Code":
      return nothing(undefined, true)
    case "Skill": {
      const { cost = NanoUsd.zero } = node.skill
      return { ...nothing(undefined, true), cost, fixed: cost }
    }
    case "Fn":
      return nothing(undefined)
    case "Pass":
    case "Sleep":
      return nothing(size)
    case "Signal":
      return nothing(undefined)
    case "Ask":
      return nothing(node.mode === "approve" ? size : undefined)
    case "Sequence": {
      const parts: Array<Part> = []
      for (const step of node.steps)
        parts.push(walk(world, step, parent, parts.length === 0 ? size : parts.at(-1)!.size))
      return all(parts, parts.length === 0 ? size : parts.at(-1)!.size)
    }
    case "Parallel":
      return all(
        node.branches.map(([key, branch]) => below(branch, `${path}/${key}`)),
        undefined
      )
    case "Branch": {
      const cases = node.cases.map(([key, branch]) => below(branch, `${path}/${key}`))
      const parts = node.otherwise === undefined ? cases : [...cases, below(node.otherwise, `${path}/otherwise`)]
      return decided(any(parts, largerOf(parts)), node.on)
    }
    case "Loop": {
      const { conversation } = node
      const history = conversation === undefined ? world.history : Conversing.bytesMost(conversation)
      const body = decided(walk({ ...world, history }, node.body, `${path}[*]`, undefined), node.until)
      // A summary is made where there is too much to tell, between two iterations.
      const summaries = Conversation.summarizersOf(conversation).map((by) => {
        const part = walk({ ...world, history: 0 }, by, `${path}[*]/summary`, undefined)
        return { ...part, calls: { ...part.calls, least: 0 } }
      })
      return repeated(all([body, ...summaries], undefined), node.max, 1, undefined)
    }
    case "ForEach": {
      // An item is no longer than the list that it is of.
      const given = node.items === undefined ? size : undefined
      return repeated(walk(world, node.body, `${path}[*]`, given), node.max, 0, undefined)
    }
    case "Retry": {
      const times = node.policy._tag === "Data" ? node.policy.retry.times : node.policy.times
      const part = below(node.step)
      return repeated(part, times + 1, 1, part.size)
    }
    case "Fallback": {
      const parts = [below(node.step), below(node.that, `${path}!fallback`)]
      return either(parts, largerOf(parts))
    }
    case "Compensate": {
      // It is undone where the run fails, after all else that it did.
      const part = below(node.step)
      const undo = walk(world, node.undo, `${path}!undo`, undefined)
      return { ...all([part, { ...undo, calls: { ...undo.calls, least: 0 } }], part.size) }
    }
    case "Cached": {
      // The cache may have it, or not.
      const part = below(node.step)
      return { ...part, calls: { ...part.calls, least: 0 }, size: undefined }
    }
    case "Map":
      return { ...below(node.step), size: undefined }
    case "Input":
      return walk(world, node.step, parent, sizeOf(node.input))
    case "Versioned":
    case "When": {
      const part = below(node.step)
      const passed = size === undefined || part.size === undefined ? undefined : Math.max(size, part.size)
      return { ...part, calls: { ...part.calls, least: 0 }, size: passed }
    }
    case "States": {
      // Any state may be the next one, each time.
      const states = node.states.map(([key, state]) => walk(world, state, `${path}/${key}`, undefined))
      return repeated(any(states, undefined), node.max, 0, undefined)
    }
    case "Timeout":
    case "Sink":
    case "Check":
    case "Note":
      return below(node.step)
    case "Capped": {
      const part = capped(below(node.step), node.limits)
      const isLoose = part.tokens === undefined && !part.because.some(({ of }) => of === "tokens")
      const why = "may use any number of tokens within its cost limit"
      return isLoose ? { ...part, because: [...part.because, { path, of: "tokens", why }] } : part
    }
    case "Validate": {
      // A later try is told what the one before answered, so that how long the input is says little.
      const step = walk(world, node.step, parent, undefined)
      const judges = node.validators.flatMap((validator) =>
        validator._tag === "Judge" ? [walk(world, validator.step, `${path}!validator`, step.size)] : []
      )
      return all([step, ...judges], step.size)
    }
    case "Scope":
      return below(node.step, path)
  }
}

/** Of an input that reads nothing. */
const sizeOf = (input: Node.Params): number | undefined => {
  switch (input._tag) {
    case "Text":
      return input.template.source.includes("{") ? undefined : Buffer.byteLength(input.template.source)
    case "Value":
      return Buffer.byteLength(typeof input.value === "string" ? input.value : Json.canonical(input.value))
    case "List":
    case "Map":
      return undefined
  }
}

const largerOf = (parts: ReadonlyArray<Part>): number | undefined => {
  let larger = 0
  for (const { size } of parts) {
    if (size === undefined) return undefined
    larger = Math.max(larger, size)
  }
  return larger
}

/** Every turn that it may take: each is sent what the ones before it said, and what their tools answered. */
const agent = (
  { history, prices }: World,
  { agent, granular, ignoresHistory }: Node.AgentNode,
  path: string,
  size: number | undefined
): Part => {
  const { prompt } = agent
  // What fills a prompt in may be of any size.
  const isFixed = prompt === undefined || prompt.template.isLiteral
  const asked = prompt === undefined ? agent : { ...agent, system: prompt.template.source }
  const before = ignoresHistory === true ? 0 : history
  const given = size === undefined || before === undefined || !isFixed ? inputTokensMax : size + before
  const { inputs, output } = Turn.most(asked, given, granular)
  const models = modelsOf(agent).map((model) => {
    const priced = PriceTable.priceOf(prices, model)
    return {
      model,
      priced,
      sent: inputs.map((input) => Math.min(input, inputTokensMax, priced?.context ?? inputTokensMax))
    }
  })
  const unpriced = models.filter(({ priced }) => priced === undefined)
  const because: Array<Reason> = []
  if (output === undefined) {
    const why = "has no token limit"
    because.push({ path, of: "cost", why }, { path, of: "tokens", why })
  }
  for (const { model } of unpriced) because.push({ path, of: "cost", why: `asks ${model}, which has no known price` })
  const rates = models.flatMap(({ priced }) => priced?.rate ?? [])
  // The last turn calls none.
  const fixed = NanoUsd.times(dearestTool(agent), Turn.callsMax * (inputs.length - 1))
  return {
    fixed,
    calls: { least: agent.cacheMillis === undefined ? 1 : 0, most: inputs.length + agent.fallbacks.length },
    // Its tools are code.
    hasCode: agent.tools.length > 0,
    size: undefined,
    because,
    cost:
      unpriced.length > 0 || output === undefined
        ? undefined
        : NanoUsd.sum([
            fixed,
            dearestWay(
              models.map(({ sent }, index) => sent.map((input) => Cost.worst(rates[index]!, { input, output }))),
              NanoUsd.zero,
              (a, b) => NanoUsd.sum([a, b]),
              NanoUsd.larger
            )
          ]),
    tokens:
      output === undefined
        ? undefined
        : dearestWay(
            models.map(({ sent }) => sent.map((input) => input + output)),
            0,
            (a, b) => Math.min(tokensMax, a + b),
            Math.max
          ),
    rate: unpriced.length > 0 ? undefined : rates.map(Cost.dearest).reduce(NanoUsd.larger, NanoUsd.zero)
  }
}

/** What a call of the dearest of its tools costs. */
const dearestTool = ({ tools }: AnyAgent): NanoUsd.NanoUsd =>
  tools
    .map((tool) => (tool._tag === "Skill" ? (tool.skill.cost ?? NanoUsd.zero) : NanoUsd.zero))
    .reduce(NanoUsd.larger, NanoUsd.zero)

/**
 * The worst of all ways through a list of models: in each turn a model may answer, and go on with the next turn, or fail at
 * its full price and leave the same turn to the next model. `costs`: of each model in each turn.
 */
const dearestWay = <N>(
  costs: ReadonlyArray<ReadonlyArray<N>>,
  zero: N,
  add: (a: N, b: N) => N,
  larger: (a: N, b: N) => N
): N => {
  const turns = costs[0]?.length ?? 0
  // What is still to come, by the model that is asked next; after the last model nothing is.
  let after = costs.map(() => zero)
  for (let turn = turns - 1; turn >= 0; turn--) {
    const now: Array<N> = []
    let next = zero
    for (let model = costs.length - 1; model >= 0; model--) {
      next = add(costs[model]![turn]!, larger(after[model]!, next))
      now[model] = next
    }
    after = now
  }
  return after[0] ?? zero
}
