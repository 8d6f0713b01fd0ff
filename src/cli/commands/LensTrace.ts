/** `flujo lens trace` */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Render from "../../lens/Render.js"
import * as ViewJson from "../../lens/ViewJson.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as Lens from "../Lens.js"
import * as View from "../View.js"

export const run: Module<typeof Flags.lensTrace>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const { redaction, trace } = yield* Lens.open(flags.stateUri)
    const previewLength = Option.getOrUndefined(flags.outputPreviewLen)
    const options = View.options(host, invocation, "output", { redaction, previewLength })
    return {
      exit: exits.done,
      data: ViewJson.trace(trace, redaction),
      text: Render.trace(trace, options).join("\n")
    }
  }).pipe(Effect.scoped)
