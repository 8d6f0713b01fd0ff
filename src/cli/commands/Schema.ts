/** `flujo dev schema` */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as LanguageSchema from "../../blueprint/LanguageSchema.js"
import { jsonText } from "../../lens/Text.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import type * as Flags from "../Flags.js"
import * as UserCode from "../UserCode.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.plain>["run"] = () =>
  Effect.gen(function* () {
    const workspace = yield* Workspace.read(Option.none())
    const data = LanguageSchema.make(yield* UserCode.kinds(workspace))
    return { exit: exits.done, data, text: jsonText(data, 2) }
  })
