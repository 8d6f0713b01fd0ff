/** `flujo prices check` */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { toUsd } from "../../domain/NanoUsd.js"
import * as PriceTable from "../../governance/PriceTable.js"
import { printable } from "../../redaction/Printable.js"
import * as BlueprintFile from "../BlueprintFile.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as View from "../View.js"
import * as Workspace from "../Workspace.js"
import * as Money from "./Money.js"

export const run: Module<typeof Flags.plain>["run"] = () =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const workspace = yield* Workspace.read(Option.none())
    const { color } = View.options(host, invocation, "errors", { redaction: workspace.redaction })
    const file = yield* BlueprintFile.locate(workspace, invocation.args[0])
    const checked = yield* BlueprintFile.read(workspace, file)
    const { pipeline } = yield* BlueprintFile.sound(checked, color)
    const table = Money.prices(workspace)
    const models = [...Money.models(pipeline.root)].map((model) => {
      const row = PriceTable.find(table, model)
      const priced = PriceTable.priceOf(table, model)
      return {
        model,
        input: priced === undefined ? null : toUsd(priced.rate.input),
        output: priced === undefined ? null : toUsd(priced.rate.output),
        by: row?.model ?? (priced === undefined ? null : "ceiling")
      }
    })
    const unknown = models.filter(({ by }) => by === null)
    const lines = models.map(({ by, input, model, output }) =>
      by === null
        ? `${printable(model)}: no price is known`
        : `${printable(model)}: $${input} in, $${output} out per million tokens (${printable(by)})`
    )
    return {
      exit: unknown.length === 0 ? exits.done : exits.invalid,
      data: { path: checked.path, models },
      text: lines.length === 0 ? "the pipeline asks no model" : lines.join("\n")
    }
  })
