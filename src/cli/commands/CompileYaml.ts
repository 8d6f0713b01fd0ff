/** `flujo dev compile-yaml` */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Compile from "../../blueprint/Compile.js"
import * as BlueprintFile from "../BlueprintFile.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import { exits, Fault } from "../Fault.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as View from "../View.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.plain>["run"] = () =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const workspace = yield* Workspace.read(Option.none())
    const { redaction } = workspace
    const { color } = View.options(host, invocation, "errors", { redaction })
    const file = yield* BlueprintFile.locate(workspace, invocation.args[0])
    const checked = yield* BlueprintFile.read(workspace, file)
    const { pipeline } = yield* BlueprintFile.sound(checked, color)
    const { path } = checked
    const text = yield* Effect.mapError(
      Compile.toTypeScript(pipeline),
      (error) => new Fault({ ...cliErrors.Print, text: error.message, location: { file: path } })
    )
    return { exit: exits.done, data: redaction.json({ path, text }), text: redaction.text(text) }
  })
