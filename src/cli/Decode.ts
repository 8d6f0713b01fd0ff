/** Flags as options of `@effect/cli`, which reads their values. What it is handed was looked over by `Argv.ts`. */
import * as CliConfig from "@effect/cli/CliConfig"
import type * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import type * as Terminal from "@effect/platform/Terminal"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { excerpt } from "../redaction/Printable.js"
import { cliErrors } from "./codes/Cli.js"
import { Fault } from "./Fault.js"
import type * as Flag from "./Flag.js"

const kinds: Flag.Kinds = {
  flag: ({ name }) => Options.boolean(name),
  text: ({ name }) => Options.optional(Options.text(name)),
  texts: ({ name }) => Options.repeated(Options.text(name)),
  whole: ({ name }, { max, min }) =>
    Options.integer(name).pipe(
      Options.filterMap(
        (value) => (value >= min && value <= max ? Option.some(value) : Option.none()),
        `a whole number from ${min} to ${max} is wanted`
      ),
      Options.optional
    ),
  choice: ({ name }, choices) => Options.optional(Options.choice(name, choices))
}

const config = CliConfig.make({ isCaseSensitive: true })

/** The values of `flags` as `tokens` say them. */
export const values = <F extends Flag.Flags>(
  flags: F,
  tokens: ReadonlyArray<Flag.Token>
): Effect.Effect<Flag.Values<F>, Fault, FileSystem.FileSystem | Path.Path | Terminal.Terminal> =>
  Effect.forEach(Object.entries(flags), ([key, flag]) => {
    const given = tokens.filter(({ name }) => name === flag.name)
    const argv = given.flatMap(({ name, value }) => (value === undefined ? [`--${name}`] : [`--${name}`, value]))
    return Effect.mapBoth(Options.processCommandLine(flag.options(kinds), argv, config), {
      onFailure: ({ error }) =>
        new Fault({
          ...cliErrors.BadValue,
          text: `--${flag.name} ${JSON.stringify(excerpt(given.at(-1)?.value ?? "", 60))}: ${
            flag.choices === undefined ? words(error) : `allowed are ${flag.choices.join(", ")}`
          }`
        }),
      onSuccess: ([, , value]) => [key, value] as const
    })
  }).pipe(Effect.map((pairs) => Object.fromEntries(pairs) as Flag.Values<F>))

/** What `@effect/cli` says of a value, which is one paragraph of plain text. */
const words = (doc: HelpDoc.HelpDoc): string =>
  doc._tag === "Paragraph" && doc.value._tag === "Text"
    ? doc.value.value.replace(/^'.*' is not a integer$/s, "a whole number is wanted")
    : "this value is not allowed"
