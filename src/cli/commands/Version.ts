/** `flujo version` */
import * as Effect from "effect/Effect"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import type * as Flags from "../Flags.js"
import { version } from "../Version.js"

export const run: Module<typeof Flags.plain>["run"] = () =>
  Effect.succeed({ exit: exits.done, data: { version, node: process.version }, text: `flujo ${version}` })
