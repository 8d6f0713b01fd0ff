/** An outside with models that cost money: what was asked of them and what they would bill, beside what a journal says. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Limits } from "../../src/domain/Budget.js"
import type { Entry } from "../../src/domain/Event.js"
import { type ModelAsk, ModelError, type ModelReply, Models } from "../../src/domain/Model.js"
import { NanoUsd, usd } from "../../src/domain/NanoUsd.js"
import * as StepPath from "../../src/domain/StepPath.js"
import type { Usage } from "../../src/domain/Usage.js"
import * as Cost from "../../src/governance/Cost.js"
import type { Rate } from "../../src/governance/Price.js"
import * as PriceTable from "../../src/governance/PriceTable.js"
import { Quota } from "../../src/governance/Quota.js"
import type { Journal } from "../../src/journal/Journal.js"
import * as Tokens from "../../src/llm/Tokens.js"

export const rate = (input: string, output: string): Rate => ({
  input: usd(input),
  cachedInput: usd(input),
  output: usd(output),
  reasoning: usd(output)
})

export const table = (rates: Readonly<Record<string, Rate>>): PriceTable.PriceTable => ({
  version: 1,
  date: "2026-01-01",
  ceiling: null,
  rows: Object.entries(rates).map(([model, rate]) => ({
    model,
    kind: "chat",
    rate,
    source: "https://example.test",
    date: "2026-01-01"
  }))
})

/** One call as the provider saw it. */
export interface Served {
  readonly model: string
  readonly key: string
  /** What it bills. */
  readonly cost: NanoUsd
}

export interface Server {
  readonly served: Array<Served>
  readonly layer: Layer.Layer<Models>
}

/** What a call does: a reply with this usage, or a failure. What fails may still be billed for `billed`. */
export type Reaction =
  | { readonly _tag: "Reply"; readonly usage: Usage; readonly text?: string }
  | { readonly _tag: "Fail"; readonly reason: ModelError["reason"]; readonly billed: Usage | undefined }
  | { readonly _tag: "Never"; readonly billed: Usage }
  | { readonly _tag: "Die" }

/** How much a call may use: what a driver would see. */
export const mostOf = (ask: ModelAsk) => ({ input: Tokens.boundOfAsk(ask), output: ask.settings.maxTokens ?? 0 })

export const server = (
  prices: PriceTable.PriceTable,
  react: (ask: ModelAsk, model: string) => Reaction,
  pause: () => Effect.Effect<void> = () => Effect.void
): Server => {
  const served: Array<Served> = []
  const bill = (model: string, key: string, usage: Usage | undefined) => {
    const rate = PriceTable.priceOf(prices, model)?.rate
    const cost = usage === undefined || rate === undefined ? NanoUsd.make(0) : Cost.ofUsage(rate, usage)
    served.push({ model, key, cost })
  }
  return {
    served,
    layer: Layer.succeed(Models, {
      driver: (name) =>
        Effect.succeed({
          model: name,
          driver: {
            call: (ask, { idempotencyKey }) =>
              Effect.suspend((): Effect.Effect<ModelReply, ModelError> => {
                const reaction = react(ask, name)
                switch (reaction._tag) {
                  case "Reply": {
                    const { text = "a reply", usage } = reaction
                    const most = mostOf(ask)
                    bill(name, idempotencyKey, Cost.isBelievable(usage, most) ? usage : undefined)
                    return Effect.as(pause(), { text, usage, finish: "stop", model: name })
                  }
                  case "Fail": {
                    const { billed, reason } = reaction
                    bill(name, idempotencyKey, billed)
                    return Effect.zipRight(pause(), new ModelError({ reason, model: name, detail: "as scripted" }))
                  }
                  case "Never":
                    bill(name, idempotencyKey, reaction.billed)
                    return Effect.never
                  case "Die":
                    bill(name, idempotencyKey, undefined)
                    return Effect.dieMessage("the driver broke")
                }
              })
          }
        })
    })
  }
}

export const provide =
  (prices: PriceTable.PriceTable, { layer }: Server) =>
  <A, E>(effect: Effect.Effect<A, E, Models | Journal>): Effect.Effect<A, E, Journal> =>
    effect.pipe(Effect.provide(layer), Effect.provideService(PriceTable.Prices, prices))

/** The names of steps with limits: a scope is the path of one. */
export type Caps = ReadonlyMap<string, Limits>

/** The first prefix at which what is settled and what is reserved are more than a limit. */
export const overspent = (entries: ReadonlyArray<Entry>, caps: Caps = new Map()): string | undefined => {
  const first = entries[0]?.event
  if (first?.kind !== "RunStarted") return "no beginning"
  const { budget } = first.data
  const limits = (scope: string): Limits =>
    scope === ""
      ? { maxCost: budget?.maxCost ?? undefined, maxTokens: budget?.maxTokens ?? undefined }
      : (caps.get(StepPath.nameOf(scope as StepPath.StepPath)) ?? {})
  const scopes = new Set([""])
  for (let length = 1; length <= entries.length; length++) {
    const { event } = entries[length - 1]!
    if (event.kind !== "Reserved" && event.kind !== "Settled") continue
    if (event.kind === "Reserved") for (const scope of event.data.under) scopes.add(scope)
    const quota = Quota.of(entries.slice(0, length))
    for (const scope of scopes) {
      const { maxCost, maxTokens } = limits(scope)
      const { cost, tokens } = quota.total(scope)
      const granted = quota.granted(scope)
      const where = `${scope === "" ? "the run" : scope} after ${length} entries`
      if (maxCost !== undefined && cost > BigInt(maxCost) + granted.cost) return `${where}: ${cost} of ${maxCost}`
      if (maxTokens !== undefined && tokens > BigInt(maxTokens) + granted.tokens)
        return `${where}: ${tokens} of ${maxTokens} tokens`
    }
  }
  return undefined
}

/**
 * How the provider's own log and what a run says of its calls do not agree; undefined where they do. Of calls with one
 * idempotency key the provider has served no more than were reserved, those that were answered cost in the journal what
 * they cost there, and each of the others is paid for at its worst case. `kills`: how often the run's process died.
 */
export const disagreement = (
  entries: ReadonlyArray<Entry>,
  served: ReadonlyArray<Served>,
  kills: number
): string | undefined => {
  const keys = new Map<string, string>()
  const holds = new Map<string, number>()
  const open = new Map<string, number>()
  const answered = new Map<string, Array<number>>()
  const others = new Map<string, Array<number>>()
  const lost = new Map<string, number>()
  const answers = new Map<string, number>()
  let isRecovering = false
  const isSkill = skillCalls(entries)
  for (const { event } of entries) {
    const { path } = event
    if (event.kind === "Asked") keys.set(path, event.payload.idempotencyKey)
    if (event.kind === "RunResumed") isRecovering = true
    else if (event.kind !== "Settled" && event.kind !== "TaskAnswered") isRecovering = false
    const key = keys.get(path) ?? path
    if (event.kind === "Answered") answers.set(path, (answers.get(path) ?? 0) + 1)
    if (event.kind === "Reserved") {
      open.set(path, event.data.cost ?? 0)
      holds.set(key, (holds.get(key) ?? 0) + 1)
    }
    if (event.kind !== "Settled") continue
    const { basis, cost } = event.data
    if (basis === "cut" && isRecovering) lost.set(path, (lost.get(path) ?? 0) + 1)
    if (isSkill.has(path)) {
      if (basis === "usage" && cost !== open.get(path)) return `${path}: a skill did not cost what it says`
    } else if (basis === "usage") answered.set(key, [...(answered.get(key) ?? []), cost ?? 0])
    else if (basis !== "free") {
      if (cost !== open.get(path) && cost !== null) return `${path}: ${basis} was not settled at its worst case`
      others.set(key, [...(others.get(key) ?? []), cost ?? 0])
    }
  }
  for (const [path, count] of answers) if (count > 1) return `${path} was answered ${count} times`
  for (const [path, count] of lost) if (count > kills) return `${path} was cut ${count} times by ${kills} deaths`
  const servedByKey = new Map<string, Array<number>>()
  for (const { cost, key } of served) servedByKey.set(key, [...(servedByKey.get(key) ?? []), cost])
  for (const [key, costs] of answered) {
    for (const cost of costs) {
      const left = servedByKey.get(key) ?? []
      const at = left.indexOf(cost)
      if (at < 0) return `${key}: the provider has no call that costs ${cost}`
      left.splice(at, 1)
    }
  }
  for (const [key, left] of servedByKey) {
    const cover = (others.get(key) ?? []).toSorted((a, b) => b - a)
    const billed = left.filter((cost) => cost > 0).toSorted((a, b) => b - a)
    if (billed.some((cost, i) => cost > (cover[i] ?? -1))) return `${key}: a call that was billed is not paid for`
    const count = served.filter((one) => one.key === key).length
    if (count > (holds.get(key) ?? 0)) return `${key}: served ${count} times, reserved ${holds.get(key) ?? 0} times`
  }
  return undefined
}

export interface Spent {
  readonly cost: bigint
  /** Of the cost, that of skills, which no provider of models bills. */
  readonly skills: bigint
  readonly modelCalls: number
  readonly open: number
  readonly reserved: number
  /** Settled otherwise than as counted. */
  readonly guessed: number
}

/** Paths of calls that are paid for, and ask no model. */
const skillCalls = (entries: ReadonlyArray<Entry>): ReadonlySet<string> =>
  new Set(
    entries.flatMap(({ event }) =>
      event.kind === "Reserved" && event.data.model.startsWith("skill:") ? [event.path] : []
    )
  )

export const spentOf = (entries: ReadonlyArray<Entry>): Spent => {
  const quota = Quota.of(entries)
  const settled = entries.flatMap(({ event }) => (event.kind === "Settled" ? [event.data] : []))
  const isSkill = skillCalls(entries)
  return {
    skills: entries.reduce(
      (sum, { event }) =>
        event.kind === "Settled" && isSkill.has(event.path) ? sum + BigInt(event.data.cost ?? 0) : sum,
      0n
    ),
    modelCalls: entries.filter(({ event }) => event.kind === "Reserved" && !isSkill.has(event.path)).length,
    cost: settled.reduce((sum, { cost }) => sum + BigInt(cost ?? 0), 0n),
    open: quota.open.length,
    reserved: entries.filter(({ event }) => event.kind === "Reserved").length,
    guessed: settled.filter(({ basis }) => basis !== "usage" && basis !== "free").length
  }
}
