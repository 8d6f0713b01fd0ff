/** `flujo reject` */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Answers from "../Answers.js"
import type { Module } from "../Command.js"
import type * as Flags from "../Flags.js"
import * as Letters from "../Letters.js"

export const run: Module<typeof Flags.reject>["run"] = (flags) =>
  Letters.answer(flags, (task) =>
    Effect.succeed(Answers.no(task, Option.getOrElse(flags.reason, () => "").toWellFormed()))
  )
