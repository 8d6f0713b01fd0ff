/**
 * What runs spent, as one charge for each model call: by run, pipeline, step, model, day or labels. Every grouping is of
 * the same charges, so its sums are equal to the last billionth of a dollar. Where a call was reserved, it costs what
 * was settled in the journal; another call is told by its tokens, at the prices of whoever looks, and says so.
 */
import type { Entry, EventOf } from "../domain/Event.js"
import { get } from "../domain/Json.js"
import * as NanoUsd from "../domain/NanoUsd.js"
import * as StepPath from "../domain/StepPath.js"
import * as Usage from "../domain/Usage.js"

export interface Charge {
  readonly run: string
  readonly pipeline: string
  /** Standing path of the step that asked. */
  readonly step: string
  /** As it was asked for, with its provider. */
  readonly model: string
  /** UTC, `2026-01-31`. */
  readonly day: string
  /** `a=1, b=2`, in the order of the run; empty without labels. */
  readonly labels: string
  /** `undefined`: nobody knows. */
  readonly cost: NanoUsd.NanoUsd | undefined
  readonly tokens: number
  /** `settled`: as the journal has it. `priced`: by its tokens, at the prices given. */
  readonly by: "settled" | "priced"
}

/** What a call of a model costs by its tokens; `undefined` where the model has no price. */
export type Price = (model: string, usage: Usage.Usage) => NanoUsd.NanoUsd | undefined

/** The charges of one run, in their order. */
export const charges = (entries: ReadonlyArray<Entry>, price: Price): ReadonlyArray<Charge> => {
  const started = entries[0]?.event
  if (started?.kind !== "RunStarted") return []
  const labels = started.data.labels.map(([name, value]) => `${name}=${value}`).join(", ")
  const { pipeline } = started.data
  const reserved = new Map<string, EventOf<"Reserved">>()
  const asked = new Map<string, string>()
  const steps = new Set<string>()
  const out: Array<Charge> = []
  for (const { at, event, run } of entries) {
    const { path } = event
    const charge = (charged: Pick<Charge, "model" | "cost" | "tokens" | "by">) => {
      const day = new Date(at).toISOString().slice(0, 10)
      out.push({ run, pipeline, step: stepOf(path, steps), day, labels, ...charged })
    }
    switch (event.kind) {
      case "StepStarted":
        steps.add(StepPath.standing(path))
        break
      case "Reserved":
        reserved.set(path, event)
        break
      case "Settled": {
        const { cost, tokens } = event.data
        const model = reserved.get(path)?.data.model ?? "unknown"
        charge({ model, cost: cost ?? undefined, tokens, by: "settled" })
        break
      }
      case "Asked": {
        const model = event.data.effect === "model" ? get(event.payload.request, "model") : undefined
        if (typeof model === "string") asked.set(path, model)
        break
      }
      case "Answered": {
        const { charge: said, model, usage } = event.data
        if (said !== undefined && !reserved.has(path)) {
          charge({ model: said.of, cost: said.cost, tokens: 0, by: "settled" })
        }
        if (usage === undefined || reserved.has(path)) break
        const name = asked.get(path) ?? model ?? "unknown"
        charge({ model: name, cost: price(name, usage), tokens: Usage.total(usage), by: "priced" })
        break
      }
      default:
    }
  }
  return out
}

/** The nearest step that a call stands below. */
const stepOf = (path: StepPath.StepPath, steps: ReadonlySet<string>): string => {
  const segments = StepPath.parse(StepPath.standing(path))
  for (let length = segments.length - 1; length > 1; length--) {
    const above = StepPath.print(segments.slice(0, length))
    if (steps.has(above)) return above
  }
  return StepPath.print(segments.slice(0, 1))
}

export const dimensions = ["run", "pipeline", "step", "model", "day", "label"] as const
export type Dimension = (typeof dimensions)[number]

export interface Group {
  readonly key: string
  /** Of the charges whose cost is known. */
  readonly cost: NanoUsd.NanoUsd
  readonly tokens: number
  readonly calls: number
  /** Calls whose cost nobody knows. */
  readonly unknown: number
  /** Calls told by their tokens. */
  readonly priced: number
}

const keyOf = (charge: Charge, by: Dimension): string => {
  switch (by) {
    case "run":
      return charge.run
    case "pipeline":
      return charge.pipeline
    case "step":
      return `${charge.pipeline}: ${charge.step}`
    case "model":
      return charge.model
    case "day":
      return charge.day
    case "label":
      return charge.labels
  }
}

/** All of them as one. */
export const total = (all: ReadonlyArray<Charge>, key = "total"): Group => ({
  key,
  cost: NanoUsd.sum(all.flatMap(({ cost }) => (cost === undefined ? [] : [cost]))),
  tokens: all.reduce((sum, { tokens }) => sum + tokens, 0),
  calls: all.length,
  unknown: all.filter(({ cost }) => cost === undefined).length,
  priced: all.filter(({ by }) => by === "priced").length
})

/** The dearest first; of equal ones, in the order of their names. */
export const groups = (all: ReadonlyArray<Charge>, by: Dimension): ReadonlyArray<Group> => {
  const byKey = new Map<string, Array<Charge>>()
  for (const charge of all) {
    const key = keyOf(charge, by)
    const same = byKey.get(key)
    if (same === undefined) byKey.set(key, [charge])
    else same.push(charge)
  }
  return [...byKey]
    .map(([key, charges]) => total(charges, key))
    .sort((a, b) => b.cost - a.cost || (a.key < b.key ? -1 : 1))
}
