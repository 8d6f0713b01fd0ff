/** `flujo validate` */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Diagnostics from "../../blueprint/Diagnostics.js"
import { jsonText } from "../../lens/Text.js"
import { printable } from "../../redaction/Printable.js"
import * as BlueprintFile from "../BlueprintFile.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as View from "../View.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.validate>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const workspace = yield* Workspace.read(Option.none())
    const named = invocation.args.length === 0 ? [undefined] : invocation.args
    const all = yield* Effect.forEach(named, (name) =>
      Effect.flatMap(BlueprintFile.locate(workspace, name), (file) => BlueprintFile.read(workspace, file))
    )
    const { color } = View.options(host, invocation, "output", { redaction: workspace.redaction })
    const results = all.map(({ blueprint, diagnostics, path }) => ({
      is_valid: blueprint !== undefined,
      errors: diagnostics.filter(({ severity }) => severity === "error").map(Diagnostics.toJson),
      warnings: diagnostics.filter(({ severity }) => severity === "warning").map(Diagnostics.toJson),
      path
    }))
    const isValid = results.every(({ is_valid }) => is_valid)
    const [only, ...others] = results
    const data =
      only !== undefined && others.length === 0
        ? only
        : {
            is_valid: isValid,
            errors: results.flatMap(({ errors }) => errors),
            warnings: results.flatMap(({ warnings }) => warnings),
            files: results
          }
    const human = all
      .map(({ blueprint, diagnostics, path }) => {
        const verdict = `${printable(path)}: ${blueprint === undefined ? "not valid" : "valid"}${counted(diagnostics)}`
        return diagnostics.length === 0 ? verdict : `${Diagnostics.renderAll(diagnostics, { color })}\n\n${verdict}`
      })
      .join("\n\n")
    const format = Option.getOrElse(flags.format, () => "human" as const)
    return {
      exit: isValid || flags.noStrict ? exits.done : exits.invalid,
      data: workspace.redaction.json(data),
      text: format === "json" ? jsonText(workspace.redaction.json(data), 2) : workspace.redaction.text(human)
    }
  })

const counted = (diagnostics: ReadonlyArray<Diagnostics.Diagnostic>): string => {
  const count = (of: Diagnostics.Diagnostic["severity"]) => {
    const { length } = diagnostics.filter(({ severity }) => severity === of)
    return length === 0 ? [] : [`${length} ${of}${length === 1 ? "" : "s"}`]
  }
  const parts = [...count("error"), ...count("warning")]
  return parts.length === 0 ? "" : `, ${parts.join(", ")}`
}
