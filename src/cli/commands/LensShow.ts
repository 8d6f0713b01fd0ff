/** `flujo lens show` */
import * as Effect from "effect/Effect"
import * as Render from "../../lens/Render.js"
import * as ViewJson from "../../lens/ViewJson.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as Lens from "../Lens.js"
import * as View from "../View.js"

const previewLength = 2000

export const run: Module<typeof Flags.lens>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const { redaction, trace } = yield* Lens.open(flags.stateUri)
    const options = View.options(host, invocation, "output", { redaction, previewLength })
    return {
      exit: exits.done,
      data: ViewJson.summary(trace.summary, redaction),
      // Values are what was asked for, so no line of them is cut.
      text: Render.summary(trace.summary, { ...options, width: Number.MAX_SAFE_INTEGER }).join("\n")
    }
  }).pipe(Effect.scoped)
