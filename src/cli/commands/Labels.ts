/** Labels of a run as they are typed: `NAME=VALUE`. */
import * as Effect from "effect/Effect"
import { excerpt } from "../../redaction/Printable.js"
import { cliErrors } from "../codes/Cli.js"
import { Fault } from "../Fault.js"

const labelsMax = 32
const labelLengthMax = 256

export const read = (given: ReadonlyArray<string>): Effect.Effect<Record<string, string>, Fault> =>
  Effect.gen(function* () {
    const labels = new Map<string, string>()
    for (const label of given) {
      const equals = label.indexOf("=")
      const refuse = (text: string) =>
        new Fault({ ...cliErrors.BadValue, text: `--label ${JSON.stringify(excerpt(label, 60))}: ${text}` })
      if (equals < 1) return yield* refuse("NAME=VALUE is wanted")
      if (label.length > labelLengthMax) return yield* refuse(`a label has at most ${labelLengthMax} characters`)
      if (labels.has(label.slice(0, equals))) return yield* refuse("this name is given twice")
      labels.set(label.slice(0, equals), label.slice(equals + 1).toWellFormed())
    }
    if (labels.size > labelsMax) {
      return yield* new Fault({ ...cliErrors.BadValue, text: `a run has at most ${labelsMax} labels` })
    }
    return Object.fromEntries(labels)
  })
