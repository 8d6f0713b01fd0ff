/** `flujo dev schema` */
import * as Effect from "effect/Effect"
import * as LanguageSchema from "../../blueprint/LanguageSchema.js"
import { jsonText } from "../../lens/Text.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import type * as Flags from "../Flags.js"

export const run: Module<typeof Flags.plain>["run"] = () =>
  Effect.sync(() => {
    const data = LanguageSchema.make()
    return { exit: exits.done, data, text: jsonText(data, 2) }
  })
