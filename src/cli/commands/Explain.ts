/** `flujo explain` */
import * as Effect from "effect/Effect"
import { nearest } from "../../project/Nearest.js"
import { excerpt } from "../../redaction/Printable.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import * as Codes from "../codes/Codes.js"
import type { Explained } from "../codes/Explained.js"
import { exits, Fault } from "../Fault.js"
import type * as Flags from "../Flags.js"
import { Invocation } from "../Invocation.js"

export const run: Module<typeof Flags.plain>["run"] = () =>
  Effect.gen(function* () {
    const {
      args: [code]
    } = yield* Invocation
    if (code === undefined) {
      const width = Math.max(...Codes.all.map((one) => one.code.length))
      const text = Codes.all.map((one) => `${one.code.padEnd(width)}  ${one.title}`).join("\n")
      return { exit: exits.done, data: Codes.all.map(toJson), text }
    }
    const found = Codes.find(code)
    if (found === undefined) {
      const meant = nearest(
        code,
        Codes.all.map((one) => one.code)
      )
      return yield* new Fault({
        ...cliErrors.UnknownCode,
        text: `there is no code ${JSON.stringify(excerpt(code, 40))}`,
        hint: meant === undefined ? "flujo explain lists them all" : `did you mean ${meant}?`
      })
    }
    return {
      exit: exits.done,
      data: toJson(found),
      text: `${found.code}: ${found.title}\n\n${found.explanation}\n\nA command that fails so ends with exit code ${found.exit}.`
    }
  })

const toJson = ({ code, exit, explanation, title }: Explained) => ({ code, title, explanation, exit })
