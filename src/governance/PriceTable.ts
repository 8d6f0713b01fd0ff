/**
 * What models cost, as data: dollars per million tokens, each row with the place where the price was published and the
 * day it was read there. A model that is not in the table has no price: never zero. The table has a digest, by which a
 * run pins the prices that it is settled at.
 */
import * as Context from "effect/Context"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Digest from "../domain/Digest.js"
import * as Json from "../domain/Json.js"
import { NanoUsd } from "../domain/NanoUsd.js"
import * as ListPrices from "./ListPrices.js"
import { type Rate, Row } from "./Price.js"

export const PriceTable = Schema.Struct({
  version: Schema.Literal(1),
  /** The day of the newest row that flujo ships. */
  date: Schema.String,
  rows: Schema.Array(Row),
  /** What a million tokens of a model without a row are taken to cost; `null`: it has no price. */
  ceiling: Schema.NullOr(NanoUsd)
})
export type PriceTable = typeof PriceTable.Type

/** Public list prices, as flujo ships them. */
export const shipped: PriceTable = {
  version: 1,
  date: ListPrices.date,
  rows: ListPrices.all,
  ceiling: null
}

/** The prices that runs of this process are started with. */
export class Prices extends Context.Reference<Prices>()("flujo/governance/Prices", {
  defaultValue: (): PriceTable => shipped
}) {}

/** `rows` before those of `table`. */
export const override = (
  table: PriceTable,
  { ceiling, rows }: { readonly rows: ReadonlyArray<Row>; readonly ceiling: NanoUsd | null }
): PriceTable => ({ ...table, rows: [...rows, ...table.rows], ceiling })

export const toJson = (table: PriceTable): Json.Json => Either.getOrThrow(Json.fromUnknown(table))

export const digest = (table: PriceTable): Digest.Digest => Digest.of(toJson(table))

export const fromJson = (json: Json.Json): Either.Either<PriceTable, unknown> =>
  Schema.decodeUnknownEither(PriceTable)(json)

/** One provider under its several names. */
const providers: Readonly<Record<string, string>> = { "google-gla": "google", gemini: "google" }

const canonicalName = (model: string): string => {
  const colon = model.indexOf(":")
  const provider = model.slice(0, colon).trim().toLowerCase()
  return colon < 0 ? model.trim() : `${providers[provider] ?? provider}:${model.slice(colon + 1).trim()}`
}

/** The row of a model, which is named with its provider: `openai:gpt-4o`. */
export const find = (table: PriceTable, model: string): Row | undefined => {
  const name = canonicalName(model)
  return (
    table.rows.find((row) => canonicalName(row.model) === name) ??
    table.rows.find((row) => fits(canonicalName(row.model), row.except ?? [], name))
  )
}

const snapshot = /^-(\d{4}-?\d{2}-?\d{2})$/

const fits = (pattern: string, except: ReadonlyArray<string>, name: string): boolean => {
  if (pattern.includes("*")) {
    const parts = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    return new RegExp(`^${parts.join("[^]*")}$`).test(name)
  }
  const date = name.startsWith(pattern) ? snapshot.exec(name.slice(pattern.length))?.[1] : undefined
  return date !== undefined && !except.includes(date)
}

/** What a model is priced by, and the tokens that it takes at most where that is known. */
export interface Priced {
  readonly rate: Rate
  readonly context: number | undefined
}

/** `undefined`: the model has no price, and none may be assumed. */
export const priceOf = (table: PriceTable, model: string): Priced | undefined => {
  const row = find(table, model)
  if (row !== undefined) return { rate: row.rate, context: row.context }
  const { ceiling } = table
  if (ceiling === null) return undefined
  const rate = { input: ceiling, cachedInput: ceiling, output: ceiling, reasoning: ceiling }
  return { rate, context: undefined }
}
