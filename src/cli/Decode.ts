/** Flags as options of `@effect/cli`, which reads their values. What it is handed was looked over by `Argv.ts`. */
import * as CliConfig from "@effect/cli/CliConfig"
import type * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import type * as Terminal from "@effect/platform/Terminal"
import * as Effect from "effect/Effect"
import type { Token } from "./Argv.js"
import { cliErrors } from "./codes/Cli.js"
import { Fault } from "./Fault.js"
import type * as Flag from "./Flag.js"

const named = <A>(info: Flag.Info, options: Options.Options<A>): Options.Options<A> =>
  Options.withDescription(options, info.about)

const kinds: Flag.Kinds = {
  flag: (info) => named(info, Options.boolean(info.name)),
  text: (info) => Options.optional(named(info, Options.text(info.name))),
  texts: (info) => Options.repeated(named(info, Options.text(info.name))),
  whole: (info, { max, min }) =>
    Options.integer(info.name).pipe(
      Options.filterMap(
        (value) => (value >= min && value <= max ? Option_.some(value) : Option_.none()),
        `a whole number from ${min} to ${max} is wanted`
      ),
      (options) => named(info, options),
      Options.optional
    ),
  choice: (info, choices) => Options.optional(named(info, Options.choice(info.name, choices)))
}

const config = CliConfig.make({ isCaseSensitive: true })

/** The values of `flags` as `tokens` say them. */
export const values = <F extends Flag.Flags>(
  flags: F,
  tokens: ReadonlyArray<Token>
): Effect.Effect<Flag.Values<F>, Fault, FileSystem.FileSystem | Path.Path | Terminal.Terminal> =>
  Effect.forEach(Object.entries(flags), ([key, flag]) => {
    const given = tokens.filter(({ name }) => name === flag.name)
    const argv = given.flatMap(({ name, value }) => (value === undefined ? [`--${name}`] : [`--${name}`, value]))
    return Effect.mapBoth(Options.processCommandLine(flag.options(kinds), argv, config), {
      onFailure: (error) =>
        new Fault({
          ...cliErrors.BadValue,
          text: `--${flag.name}: ${shown(given.at(-1)?.value)}${sentence(error.error)}`,
          hint: flag.choices === undefined ? undefined : `allowed: ${flag.choices.join(", ")}`
        }),
      onSuccess: ([, , value]) => [key, value] as const
    })
  }).pipe(Effect.map((pairs) => Object.fromEntries(pairs) as Flag.Values<F>))
