/** `flujo dev compile-yaml` */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Compile from "../../blueprint/Compile.js"
import * as BlueprintFile from "../BlueprintFile.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
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
    const from = yield* BlueprintFile.sound(yield* BlueprintFile.read(workspace, file), color)
    const text = Compile.toTypeScript(from.pipeline)
    return {
      exit: exits.done,
      data: redaction.json({ path: from.sources[0]?.path ?? "", text }),
      text: redaction.text(text)
    }
  })
