/** `flujo lens cost` */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { format, toUsd } from "../../domain/NanoUsd.js"
import * as Cost from "../../governance/Cost.js"
import * as PriceTable from "../../governance/PriceTable.js"
import * as Spend from "../../lens/Spend.js"
import { grouped } from "../../lens/Text.js"
import { printable } from "../../redaction/Printable.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Invocation } from "../Invocation.js"
import * as Runs from "../Runs.js"
import * as Workspace from "../Workspace.js"
import * as Money from "./Money.js"

const limitDefault = 100

export const run: Module<typeof Flags.lensCost>["run"] = (flags) =>
  Effect.gen(function* () {
    const invocation = yield* Invocation
    const workspace = yield* Workspace.read(flags.stateUri)
    const journal = yield* Workspace.history(workspace, "read")
    const [named] = invocation.args
    const rows =
      named === undefined
        ? yield* Effect.mapError(
            journal.runs({
              pipeline: Option.getOrUndefined(flags.pipeline),
              limit: Option.getOrElse(flags.limit, () => limitDefault)
            }),
            Faults.journal
          )
        : [yield* Runs.find(journal, named)]
    const table = Money.prices(workspace)
    const price: Spend.Price = (model, usage) => {
      const priced = PriceTable.priceOf(table, model)
      return priced === undefined ? undefined : Cost.ofUsage(priced.rate, usage)
    }
    // One run at a time: of a run only its charges are kept.
    const erased = named === undefined ? rows.filter(({ status }) => status === "erased") : []
    const readable = rows.filter((row) => !erased.includes(row))
    const [damaged, all] = yield* Effect.partition(readable, (row) =>
      Effect.mapBoth(Runs.entries(journal, row), {
        onFailure: (fault) => ({ row, fault }),
        onSuccess: (entries) => Spend.charges(entries, price)
      })
    )
    const [only] = damaged
    if (named !== undefined && only !== undefined) return yield* only.fault
    const charges = all.flat()
    const by = Option.getOrElse(flags.by, () => (named === undefined ? ("pipeline" as const) : ("step" as const)))
    const groups = Spend.groups(charges, by)
    const sum = Spend.total(charges)
    const shown = (text: string) => printable(workspace.redaction.text(text))
    const lines = [...groups, sum].map(
      (group) => [shown(nameOf(group, by)), format(group.cost), countOf(group)] as const
    )
    const [first, second] = [0, 1].map((i) => Math.max(...lines.map((line) => line[i]!.length)))
    const notes = [
      ...(sum.unknown > 0 ? [`Not in the sums: ${calls(sum.unknown)} of models without a known price.`] : []),
      ...(sum.priced > 0
        ? [`${calls(sum.priced)} told by tokens at the prices of ${table.date}: the run had no budget.`]
        : []),
      ...(erased.length === 0 ? [] : [`Not in the sums: ${erased.length} runs that were erased.`]),
      ...damaged.map(({ fault, row }) => `Not in the sums: run ${row.run}, which cannot be read: ${shown(fault.text)}`)
    ]
    return {
      exit: damaged.length === 0 ? exits.done : exits.integrity,
      data: workspace.redaction.json({
        by,
        runs: all.length,
        erased: erased.length,
        damaged: damaged.map(({ fault, row }) => ({ run: row.run, why: fault.text })),
        groups: groups.map((group) => ({ ...json(group), key: group.key })),
        total: json(sum)
      }),
      text: [
        ...lines.map(([name, cost, count]) => `${name.padEnd(first!)}  ${cost.padStart(second!)}  ${count}`),
        ...notes
      ].join("\n")
    }
  }).pipe(Effect.scoped)

const nameOf = ({ key }: Spend.Group, by: Spend.Dimension): string =>
  key === "" ? (by === "label" ? "(no label)" : "(the run)") : key

const calls = (count: number): string => `${grouped(count)} ${count === 1 ? "call" : "calls"}`

const countOf = (group: Spend.Group): string => `${calls(group.calls)}, ${grouped(group.tokens)} tokens`

const json = ({ calls, cost, priced, tokens, unknown }: Spend.Group) => ({
  cost: toUsd(cost),
  tokens,
  calls,
  unknown,
  priced
})
