/** What the project says about money, as the commands that price and run pipelines need it. */
import * as PriceTable from "../../governance/PriceTable.js"
import type { Workspace } from "../Workspace.js"

/** The shipped prices, with the project's own before them. */
export const prices = ({ config }: Workspace): PriceTable.PriceTable =>
  PriceTable.override(PriceTable.shipped, {
    ceiling: config.money.ceiling ?? null,
    rows: config.money.prices.map(({ cachedInput, context, input, model, output, reasoning }) => ({
      model,
      kind: "chat",
      rate: { input, cachedInput, output, reasoning },
      ...(context === undefined ? {} : { context }),
      source: "flujo.toml",
      date: PriceTable.shipped.date
    }))
  })
