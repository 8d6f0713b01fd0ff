/** `flujo dev budgets show` */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { format, toUsd } from "../../domain/NanoUsd.js"
import * as Bound from "../../plan/Bound.js"
import { excerpt, printable } from "../../redaction/Printable.js"
import * as BlueprintFile from "../BlueprintFile.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import { exits, Fault } from "../Fault.js"
import type * as Flags from "../Flags.js"
import { Invocation } from "../Invocation.js"
import * as Workspace from "../Workspace.js"
import * as Labels from "./Labels.js"
import * as Money from "./Money.js"

export const run: Module<typeof Flags.budgets>["run"] = (flags) =>
  Effect.gen(function* () {
    const invocation = yield* Invocation
    const labels = Object.entries(yield* Labels.read(flags.label))
    const workspace = yield* Workspace.read(flags.stateUri)
    const [word, name = ""] = invocation.args
    if (word !== "show") {
      return yield* new Fault({
        ...cliErrors.UnknownCommand,
        text: `there is no command ${JSON.stringify(excerpt(`dev budgets ${word ?? ""}`, 60))}`,
        hint: "did you mean flujo dev budgets show NAME?"
      })
    }
    const { limits, onBudget = "fail", source } = Money.limits(workspace, { pipeline: name, labels }, undefined)
    const shared = yield* Money.standings(workspace, { pipeline: name, labels })
    const said =
      source === undefined
        ? `${printable(name)} has no budget of its own: flujo.toml says none for it`
        : [
            `${printable(name)}, by ${printable(source)}:`,
            `  cost    ${limits.maxCost === undefined ? "no limit" : format(limits.maxCost)}`,
            `  tokens  ${limits.maxTokens === undefined ? "no limit" : String(limits.maxTokens)}`
          ].join("\n")
    // The project's own pipeline, where it is the one that is meant.
    const checked = yield* Effect.option(
      Effect.flatMap(BlueprintFile.locate(workspace, undefined), (file) => BlueprintFile.read(workspace, file))
    )
    const pipeline = Option.getOrUndefined(checked)?.blueprint?.pipeline
    const bound =
      pipeline === undefined || pipeline.name !== name ? undefined : Bound.make(pipeline, Money.prices(workspace))
    const over = bound === undefined ? undefined : Money.excess(bound, limits, shared)
    return {
      exit: exits.done,
      data: {
        name,
        source: source ?? null,
        total_cost_usd_limit: limits.maxCost === undefined ? null : toUsd(limits.maxCost),
        total_tokens_limit: limits.maxTokens ?? null,
        on_budget: onBudget,
        shared: shared.map(Money.standingJson),
        bound: bound === undefined ? null : Money.boundJson(bound),
        starts: over === undefined
      },
      text: [
        said,
        ...(onBudget === "pause" ? ["A call that a limit denies asks a person to allow more."] : []),
        ...(shared.length === 0
          ? []
          : ["Shared with other runs:", ...shared.map((one) => printable(Money.standingLine(one)))]),
        ...(bound === undefined ? [] : Money.boundLines(bound)),
        ...(over === undefined ? [] : [`It does not start under this budget: ${printable(over)}`])
      ].join("\n")
    }
  }).pipe(Effect.scoped)
