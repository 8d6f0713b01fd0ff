/** `flujo answer` */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Answers from "../Answers.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import { Fault } from "../Fault.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import * as Input from "../Input.js"
import { Invocation } from "../Invocation.js"
import * as Letters from "../Letters.js"

export const run: Module<typeof Flags.answer>["run"] = (flags) =>
  Letters.answer(flags, (task, workspace) =>
    Effect.gen(function* () {
      const host = yield* Host
      const {
        args: [, value]
      } = yield* Invocation
      const refuse = (text: string) =>
        new Fault({ ...cliErrors.Arguments, text, hint: `this task takes ${Answers.wanted(task)}` })
      if (value !== undefined && Option.isSome(flags.inputFile)) {
        return yield* refuse("VALUE and --input-file exclude each other")
      }
      if (Option.isSome(flags.inputFile))
        return Answers.typed(task, yield* Input.fromFile(workspace, flags.inputFile.value))
      if (value === "-") return Answers.typed(task, (yield* host.input(Input.bytesMax)).trim())
      if (value === undefined) return yield* refuse("VALUE is missing: the answer")
      return Answers.typed(task, value.toWellFormed())
    })
  )
