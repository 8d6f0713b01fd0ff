/**
 * What `flujo.toml` says about money. Amounts are dollars, read exactly: a number as the shortest decimal that means it,
 * which is what was typed up to 15 digits; longer ones go in quotes.
 *
 * ```toml
 * [cost]
 * strict = true                    # a pipeline that reaches a model without a price does not start
 * unknown_price = "ceiling"        # or "error" (default): such a model has no price under a budget
 * ceiling_usd_per_million = 100    # with "ceiling": what each of its tokens is taken to cost
 *
 * [cost.providers.openai."gpt-4o*"]
 * input_usd_per_million = 2.5      # or, as before: prompt_tokens_per_1k
 * output_usd_per_million = 10      # or: completion_tokens_per_1k
 * cached_input_usd_per_million = 1.25     # default: as input
 * reasoning_usd_per_million = 10          # default: as output
 * context_tokens = 128000                 # default: not known
 *
 * [budgets.default]
 * total_cost_usd_limit = 1.50
 * on_budget = "pause"              # or "fail" (default): what a call does that a limit denies
 *
 * [budgets.default.month]          # all runs of the store together; also .day and .all_time
 * total_cost_usd_limit = 300
 *
 * [budgets.pipeline."team-*"]
 * total_cost_usd_limit = 0.50
 * total_tokens_limit = 100000
 *
 * [budgets.label."team=a".day]     # all runs with this label together
 * total_cost_usd_limit = 20
 * ```
 */
import * as Either from "effect/Either"
import * as NanoUsd from "../domain/NanoUsd.js"
import { nearest } from "./Nearest.js"
import { quoted } from "./ProjectError.js"

/** The tables at the top of the file that are read here. */
export const tables: ReadonlyArray<string> = ["cost", "budgets"]

export interface Price {
  /** `openai:gpt-4o`; `*` stands for any text. */
  readonly model: string
  /** Each for a million tokens. */
  readonly input: NanoUsd.NanoUsd
  readonly cachedInput: NanoUsd.NanoUsd
  readonly output: NanoUsd.NanoUsd
  readonly reasoning: NanoUsd.NanoUsd
  readonly context: number | undefined
}

export interface Limits {
  readonly maxCost?: NanoUsd.NanoUsd
  readonly maxTokens?: number
}

export const periods = ["day", "month", "all_time"] as const

/** What each run may spend, and what the runs that it is for may spend together in a period. */
export interface Rule {
  readonly limits: Limits
  /** What a call does that a limit denies. */
  readonly onBudget?: "fail" | "pause"
  readonly shared: ReadonlyArray<{ readonly per: (typeof periods)[number]; readonly limits: Limits }>
}

export interface ProjectMoney {
  readonly strict: boolean
  readonly ceiling: NanoUsd.NanoUsd | undefined
  readonly prices: ReadonlyArray<Price>
  readonly budgetDefault: Rule | undefined
  /** In the order of the file. */
  readonly budgets: ReadonlyArray<readonly [pattern: string, rule: Rule]>
  /** By `NAME=VALUE`. */
  readonly labelBudgets: ReadonlyArray<readonly [label: string, rule: Rule]>
}

export const none: ProjectMoney = {
  strict: false,
  ceiling: undefined,
  prices: [],
  budgetDefault: undefined,
  budgets: [],
  labelBudgets: []
}

interface Refused {
  readonly path: ReadonlyArray<string>
  readonly reason: "BadValue" | "UnknownKey"
  readonly detail: string
  readonly hint: string | undefined
}

type Read<A> = Either.Either<A, Refused>
type Table = { readonly [key: string]: unknown }

const bad = (path: ReadonlyArray<string>, what: string, hint?: string): Either.Either<never, Refused> =>
  Either.left({ path, reason: "BadValue", detail: `${path.join(".")} ${what}`, hint })

export const read = (document: { readonly cost: unknown; readonly budgets: unknown }): Read<ProjectMoney> =>
  Either.gen(function* () {
    const cost = yield* tableOf(document.cost, ["cost"])
    yield* known(cost, ["cost"], ["strict", "unknown_price", "ceiling_usd_per_million", "providers"])
    const strict = cost.strict ?? false
    if (typeof strict !== "boolean") return yield* bad(["cost", "strict"], "must be true or false")
    const unknown = cost.unknown_price ?? "error"
    if (unknown !== "error" && unknown !== "ceiling") {
      return yield* bad(["cost", "unknown_price"], 'must be "error" or "ceiling"')
    }
    const ceilingPath = ["cost", "ceiling_usd_per_million"]
    const ceiling = yield* dollars(cost.ceiling_usd_per_million, ceilingPath)
    if (unknown === "ceiling" && ceiling === undefined) {
      return yield* bad(["cost", "unknown_price"], "needs to know how high", "ceiling_usd_per_million = 100")
    }
    if (unknown === "error" && ceiling !== undefined) {
      return yield* bad(ceilingPath, "counts only with a ceiling", 'unknown_price = "ceiling"')
    }
    const budgets = yield* tableOf(document.budgets, ["budgets"])
    yield* known(budgets, ["budgets"], ["default", "pipeline", "label"])
    const rules = (of: string): Read<ReadonlyArray<readonly [string, Rule]>> =>
      Either.flatMap(tableOf(budgets[of], ["budgets", of]), (table) =>
        Either.all(
          Object.entries(table).map(([name, value]) =>
            Either.map(ruleOf(value, ["budgets", of, name]), (rule) => [name, rule] as const)
          )
        )
      )
    const labelBudgets = yield* rules("label")
    const unfit = labelBudgets.find(([label]) => label.indexOf("=") < 1)
    if (unfit !== undefined) {
      return yield* bad(
        ["budgets", "label", unfit[0]],
        "is no label",
        'a label is named whole: [budgets.label."team=a"]'
      )
    }
    return {
      strict,
      ceiling,
      prices: yield* pricesOf(yield* tableOf(cost.providers, ["cost", "providers"])),
      budgetDefault: budgets.default === undefined ? undefined : yield* ruleOf(budgets.default, ["budgets", "default"]),
      budgets: yield* rules("pipeline"),
      labelBudgets
    }
  })

const priceKeys = [
  "input_usd_per_million",
  "cached_input_usd_per_million",
  "output_usd_per_million",
  "reasoning_usd_per_million",
  "context_tokens",
  "prompt_tokens_per_1k",
  "completion_tokens_per_1k"
]

const pricesOf = (providers: Table): Read<ReadonlyArray<Price>> =>
  Either.gen(function* () {
    const prices: Array<Price> = []
    for (const [provider, value] of Object.entries(providers)) {
      const models = yield* tableOf(value, ["cost", "providers", provider])
      for (const [model, price] of Object.entries(models)) {
        prices.push(yield* priceOf(`${provider}:${model}`, price, ["cost", "providers", provider, model]))
      }
    }
    return prices
  })

const priceOf = (model: string, value: unknown, path: ReadonlyArray<string>): Read<Price> =>
  Either.gen(function* () {
    const table = yield* tableOf(value, path)
    yield* known(table, path, priceKeys)
    const of = (key: string, old?: string): Read<NanoUsd.NanoUsd | undefined> =>
      Either.gen(function* () {
        const now = yield* dollars(table[key], [...path, key])
        const before = old === undefined ? undefined : yield* dollars(table[old], [...path, old], 3)
        if (now !== undefined && before !== undefined)
          return yield* bad([...path, key], `and ${old} say the same thing`)
        return now ?? before
      })
    const input = yield* of("input_usd_per_million", "prompt_tokens_per_1k")
    const output = yield* of("output_usd_per_million", "completion_tokens_per_1k")
    if (input === undefined || output === undefined) {
      const [missing, hint] = input === undefined ? ["input", "input_usd_per_million"] : ["output", priceKeys[2]!]
      return yield* bad(path, `has no price for its ${missing}`, `${hint} = …; 0 where nobody sends a bill`)
    }
    return {
      model,
      input,
      output,
      cachedInput: (yield* of("cached_input_usd_per_million")) ?? input,
      reasoning: (yield* of("reasoning_usd_per_million")) ?? output,
      context: yield* count(table.context_tokens, [...path, "context_tokens"], 1)
    }
  })

const limitKeys = ["total_cost_usd_limit", "total_tokens_limit"]

const ruleOf = (value: unknown, path: ReadonlyArray<string>): Read<Rule> =>
  Either.gen(function* () {
    const table = yield* tableOf(value, path)
    const shared: Array<Rule["shared"][number]> = []
    for (const per of periods) {
      if (table[per] === undefined) continue
      const limits = yield* limitsOf(table[per], [...path, per], [])
      if (Object.keys(limits).length === 0) {
        return yield* bad([...path, per], "limits nothing", limitKeys.join(" or "))
      }
      shared.push({ per, limits })
    }
    const onBudget = table.on_budget
    if (onBudget !== undefined && onBudget !== "fail" && onBudget !== "pause") {
      return yield* bad([...path, "on_budget"], 'must be "fail" or "pause"')
    }
    const limits = yield* limitsOf(table, path, ["on_budget", ...periods])
    return { limits, shared, ...(onBudget === undefined ? {} : { onBudget }) }
  })

const limitsOf = (value: unknown, path: ReadonlyArray<string>, others: ReadonlyArray<string>): Read<Limits> =>
  Either.gen(function* () {
    const table = yield* tableOf(value, path)
    yield* known(table, path, [...limitKeys, ...others])
    const maxCost = yield* dollars(table.total_cost_usd_limit, [...path, "total_cost_usd_limit"])
    const maxTokens = yield* count(table.total_tokens_limit, [...path, "total_tokens_limit"], 0)
    return { ...(maxCost === undefined ? {} : { maxCost }), ...(maxTokens === undefined ? {} : { maxTokens }) }
  })

const tableOf = (value: unknown, path: ReadonlyArray<string>): Read<Table> =>
  value === undefined
    ? Either.right({})
    : typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)
      ? Either.right(value as Table)
      : bad(path, `must be a table: [${path.join(".")}]`)

const known = (table: Table, path: ReadonlyArray<string>, keys: ReadonlyArray<string>): Read<void> => {
  const unknown = Object.keys(table).find((key) => !keys.includes(key))
  if (unknown === undefined) return Either.right(undefined)
  const meant = nearest(unknown, keys)
  return Either.left({
    path: [...path, unknown],
    reason: "UnknownKey",
    detail: `there is no key ${quoted(unknown)} in [${path.join(".")}]`,
    hint: meant === undefined ? `known here: ${keys.join(", ")}` : `did you mean ${meant}?`
  })
}

/** With `shift`, for what is given by the thousand: that many powers of ten smaller. */
const dollars = (value: unknown, path: ReadonlyArray<string>, shift = 0): Read<NanoUsd.NanoUsd | undefined> => {
  if (value === undefined) return Either.right(undefined)
  if (typeof value !== "number" && typeof value !== "bigint" && typeof value !== "string") {
    return bad(path, "must be an amount of dollars, such as 0.50")
  }
  const text = String(value)
  // What a float was read from is lost: beyond 15 digits it may have been another text.
  if (
    typeof value === "number" &&
    text
      .replace(/[eE].*$/, "")
      .replace(/\D/g, "")
      .replace(/^0+/, "").length > 15
  ) {
    return bad(path, "has more digits than a TOML number keeps", `write it in quotes: "${text}"`)
  }
  return Either.match(NanoUsd.fromText(text, shift), {
    onLeft: (why) => bad(path, `cannot be used: ${why}`),
    onRight: (amount) => Either.right(amount)
  })
}

const count = (value: unknown, path: ReadonlyArray<string>, min: number): Read<number | undefined> =>
  value === undefined
    ? Either.right(undefined)
    : typeof value === "number" && Number.isSafeInteger(value) && value >= min
      ? Either.right(value)
      : bad(path, `must be a whole number from ${min} on`)
