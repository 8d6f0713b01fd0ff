/** `flujo validate` */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Diagnostics from "../../blueprint/Diagnostics.js"
import { format as money } from "../../domain/NanoUsd.js"
import { jsonText } from "../../lens/Text.js"
import * as Bound from "../../plan/Bound.js"
import { printable } from "../../redaction/Printable.js"
import * as BlueprintFile from "../BlueprintFile.js"
import type { Module } from "../Command.js"
import { exits, type Fault } from "../Fault.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as View from "../View.js"
import * as Workspace from "../Workspace.js"
import * as Money from "./Money.js"

export const run: Module<typeof Flags.validate>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const workspace = yield* Workspace.read(Option.none())
    const named = invocation.args.length === 0 ? [undefined] : invocation.args
    const { color } = View.options(host, invocation, "output", { redaction: workspace.redaction })
    const looks = yield* Effect.forEach(named, (name) =>
      BlueprintFile.locate(workspace, name).pipe(
        Effect.flatMap((file) => BlueprintFile.read(workspace, file)),
        Effect.mapError((fault) => ({ fault, path: name ?? "" })),
        Effect.either
      )
    )
    const [only, ...others] = looks
    // One that cannot be read does not keep the others from being told of.
    if (only !== undefined && Either.isLeft(only) && others.length === 0) return yield* only.left.fault
    const unread = looks.flatMap((look) => (Either.isLeft(look) ? [look.left.fault] : []))
    const maxCost = yield* Money.amount("max-cost", flags.maxCost)
    const boundOf = ({ blueprint }: BlueprintFile.Checked) =>
      maxCost === undefined || blueprint === undefined
        ? undefined
        : Bound.make(blueprint.pipeline, Money.prices(workspace))
    const isDear = (bound: Bound.Bound | undefined) =>
      bound !== undefined && Bound.excess(bound, { maxCost }) !== undefined
    const results = looks.map(
      Either.match({
        onLeft: unreadJson,
        onRight: (checked) => {
          const bound = boundOf(checked)
          const priced = bound === undefined ? {} : { bound: Money.boundJson(bound), within_max_cost: !isDear(bound) }
          return { ...checkedJson(checked), ...priced }
        }
      })
    )
    const isValid = results.every(({ is_valid }) => is_valid)
    const data =
      results[0] !== undefined && others.length === 0
        ? results[0]
        : {
            is_valid: isValid,
            errors: results.flatMap(({ errors }) => errors),
            warnings: results.flatMap(({ warnings }) => warnings),
            files: results
          }
    const human = looks
      .map(
        Either.match({
          onLeft: ({ fault, path }) => `${printable(path)}: not read, ${printable(fault.text)}`,
          onRight: (checked) => {
            const { blueprint, diagnostics, path } = checked
            const bound = boundOf(checked)
            const priced = bound === undefined ? "" : `, costs ${printable(Bound.words(bound))}`
            const over = maxCost !== undefined && isDear(bound) ? `: that is not within ${money(maxCost)}` : ""
            const known = `${blueprint === undefined ? "not valid" : "valid"}${counted(diagnostics)}`
            const verdict = `${printable(path)}: ${known}${priced}${over}`
            return diagnostics.length === 0 ? verdict : `${Diagnostics.renderAll(diagnostics, { color })}\n\n${verdict}`
          }
        })
      )
      .join("\n\n")
    const isTooDear = looks.some((look) => Either.isRight(look) && isDear(boundOf(look.right)))
    const hasErrors = looks.some((look) => Either.isRight(look) && look.right.blueprint === undefined)
    const format = Option.getOrElse(flags.format, () => "human" as const)
    return {
      exit: isTooDear || (hasErrors && !flags.noStrict) ? exits.invalid : (unread[0]?.exit ?? exits.done),
      data: workspace.redaction.json(data),
      text: format === "json" ? jsonText(workspace.redaction.json(data), 2) : workspace.redaction.text(human)
    }
  })

const checkedJson = ({ blueprint, diagnostics, path }: BlueprintFile.Checked) => ({
  is_valid: blueprint !== undefined,
  errors: diagnostics.filter(({ severity }) => severity === "error").map(Diagnostics.toJson),
  warnings: diagnostics.filter(({ severity }) => severity === "warning").map(Diagnostics.toJson),
  path
})

const unreadJson = ({ fault, path }: { readonly fault: Fault; readonly path: string }) => ({
  is_valid: false,
  errors: [{ code: fault.code, severity: "error", message: fault.text, file: path }],
  warnings: [],
  path
})

const counted = (diagnostics: ReadonlyArray<Diagnostics.Diagnostic>): string => {
  const count = (of: Diagnostics.Diagnostic["severity"]) => {
    const { length } = diagnostics.filter(({ severity }) => severity === of)
    return length === 0 ? [] : [`${length} ${of}${length === 1 ? "" : "s"}`]
  }
  const parts = [...count("error"), ...count("warning")]
  return parts.length === 0 ? "" : `, ${parts.join(", ")}`
}
