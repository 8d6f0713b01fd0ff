/** `flujo lens diff` */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Diff from "../../lens/Diff.js"
import * as RenderDiff from "../../lens/RenderDiff.js"
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
    const [before = "", after = ""] = invocation.args
    const opened = yield* Lens.history(flags.stateUri)
    const view = Diff.make(yield* opened.trace(before), yield* opened.trace(after))
    const { redaction } = opened
    const options = View.options(host, invocation, "output", {
      redaction,
      previewLength: Option.getOrUndefined(flags.outputPreviewLen)
    })
    return {
      exit: exits.done,
      data: ViewJson.diff(view, redaction),
      text: RenderDiff.lines(view, options).join("\n")
    }
  }).pipe(Effect.scoped)
