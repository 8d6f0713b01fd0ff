/** What the commands of the state have in common: ages as they are typed, and sizes as they are shown. */
import * as Effect from "effect/Effect"
import { excerpt } from "../redaction/Printable.js"
import { cliErrors } from "./codes/Cli.js"
import { Fault } from "./Fault.js"

const unitMillis: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000
}

/** `30d`, in milliseconds. */
export const age = (flag: string, text: string): Effect.Effect<number, Fault> => {
  const found = /^(\d{1,6})([smhdw])$/.exec(text.trim())
  return found === null
    ? Effect.fail(
        new Fault({
          ...cliErrors.BadValue,
          text: `${flag} ${JSON.stringify(excerpt(text, 40))}: a number and s, m, h, d or w is wanted, such as 30d`
        })
      )
    : Effect.succeed(Number(found[1]) * unitMillis[found[2]!]!)
}

export const bytes = (count: number): string => {
  if (count < 1024) return `${count} bytes`
  const [unit, size] = count < 1024 ** 2 ? ["KiB", 1024] : count < 1024 ** 3 ? ["MiB", 1024 ** 2] : ["GiB", 1024 ** 3]
  return `${(count / Number(size)).toFixed(1)} ${unit}`
}
