/** `flujo prices show` */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type NanoUsd, toUsd } from "../../domain/NanoUsd.js"
import type { Row } from "../../governance/Price.js"
import * as PriceTable from "../../governance/PriceTable.js"
import { printable } from "../../redaction/Printable.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import type * as Flags from "../Flags.js"
import { Invocation } from "../Invocation.js"
import * as Workspace from "../Workspace.js"
import * as Money from "./Money.js"

export const run: Module<typeof Flags.plain>["run"] = () =>
  Effect.gen(function* () {
    const invocation = yield* Invocation
    const table = Money.prices(yield* Workspace.read(Option.none()))
    const [model] = invocation.args
    const found = model === undefined ? undefined : PriceTable.find(table, model)
    const rows = model === undefined ? table.rows : found === undefined ? [] : [found]
    const ceiling = table.ceiling === null ? null : toUsd(table.ceiling)
    const data = {
      date: table.date,
      digest: PriceTable.digest(table),
      unit: "USD per million tokens",
      unknown_price: ceiling === null ? "error" : "ceiling",
      ceiling,
      models: rows.map(json)
    }
    const rest =
      ceiling === null
        ? "A model that is not listed has no price."
        : `A model that is not listed: $${ceiling}, each token.`
    const lines = [
      ...columns([header, ...rows.map(line)]),
      "",
      `Dollars per million tokens, as of ${table.date}. ${rest}`,
      `Table ${data.digest.slice(0, 12)}`
    ]
    const none = `no price is known for ${printable(model ?? "")}`
    return {
      exit: model !== undefined && rows.length === 0 && ceiling === null ? exits.invalid : exits.done,
      data,
      text:
        model !== undefined && rows.length === 0 ? `${none}. ${ceiling === null ? "" : rest}`.trim() : lines.join("\n")
    }
  })

const header = ["model", "input", "cached", "output", "reasoning", "context", "published"]

const line = ({ context, date, model, rate, source }: Row): ReadonlyArray<string> => [
  printable(model),
  toUsd(rate.input),
  toUsd(rate.cachedInput),
  toUsd(rate.output),
  toUsd(rate.reasoning),
  context === undefined ? "" : String(context),
  source === "flujo.toml" ? source : `${source} (${date})`
]

const json = ({ context, date, kind, model, rate, source }: Row) => {
  const price = (amount: NanoUsd) => toUsd(amount)
  return {
    model,
    kind,
    input: price(rate.input),
    cached_input: price(rate.cachedInput),
    output: price(rate.output),
    reasoning: price(rate.reasoning),
    context: context ?? null,
    source,
    date
  }
}

const columns = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = header.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  const isNumber = (i: number) => i > 0 && i < header.length - 1
  return rows.map((row) =>
    row
      .map((cell, i) => (isNumber(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd()
  )
}
