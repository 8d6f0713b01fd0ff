/** What `--help` shows, made of the commands as data. */
import type { Command } from "./Command.js"
import type * as Flag from "./Flag.js"
import { globals } from "./Flags.js"

export interface Options {
  readonly color: boolean
  readonly width: number
}

const bold = (text: string, { color }: Options): string => (color ? `\u001b[1m${text}\u001b[0m` : text)

/** Of flujo as a whole. */
export const overview = (commands: ReadonlyArray<Command>, options: Options): string =>
  lines(
    "flujo runs AI workflows that people must be able to trust.",
    "",
    `${bold("Usage:", options)} flujo COMMAND [ARGUMENTS] [FLAGS]`,
    "",
    bold("Commands:", options),
    ...table(commands.filter(isShown).map(rowOf), options),
    "",
    bold("Flags of every command:", options),
    ...table(Object.values(globals).map(flagRow), options),
    "",
    "`flujo COMMAND --help` tells more, `flujo explain CODE` explains a message.",
    "Exit codes: 0 done or waiting, 1 failed, 2 usage, 3 loading, 4 invalid, 5 not as recorded, 6 waiting with --require-complete."
  )

/** Of the commands that begin with one word. */
export const group = (name: string, commands: ReadonlyArray<Command>, options: Options): string =>
  lines(
    `${bold("Usage:", options)} flujo ${name} COMMAND [ARGUMENTS] [FLAGS]`,
    "",
    bold("Commands:", options),
    ...table(commands.filter(({ path }) => path.length > 1 && path[0] === name).map(rowOf), options)
  )

export const command = ({ about, args, examples, flags, path }: Command, options: Options): string => {
  const own = Object.values(flags)
  return lines(
    `${about}.`,
    "",
    `${bold("Usage:", options)} ${usage({ args, path })} [FLAGS]`,
    ...section(
      "Arguments:",
      args.map(({ about, name }) => [name, about]),
      options
    ),
    ...section("Flags:", own.map(flagRow), options),
    ...section("Flags of every command:", Object.values(globals).map(flagRow), options),
    ...(examples.length === 0
      ? []
      : ["", bold("Examples:", options), ...examples.flatMap(([line, does]) => [`  # ${does}`, `  ${line}`])])
  )
}

/** `flujo lens show RUN`. */
export const usage = ({ args, path }: Pick<Command, "args" | "path">): string =>
  `flujo ${path.join(" ")}${args
    .map(({ isMany, isOptional, name }) => {
      const shown = `${name}${isMany === true ? "…" : ""}`
      return ` ${isOptional === true ? `[${shown}]` : shown}`
    })
    .join("")}`

/** A second name of a command is left out. */
const isShown = ({ path }: Command): boolean => path.join(" ") !== "dev validate" && path.join(" ") !== "dev version"

type Row = readonly [left: string, right: string]

const rowOf = ({ about, args, path }: Command): Row => [usage({ args, path }).slice("flujo ".length), about]

const flagRow = ({ about, alias, choices, kind, name, value }: Flag.Info): Row => {
  const shown = value === undefined ? "" : kind === "maybe" ? ` [${value}]` : ` ${value}`
  const allowed = choices === undefined ? "" : `: ${choices.join(", ")}`
  return [`${alias === undefined ? "    " : `-${alias}, `}--${name}${shown}`, about + allowed]
}

const section = (title: string, rows: ReadonlyArray<Row>, options: Options): ReadonlyArray<string> =>
  rows.length === 0 ? [] : ["", bold(title, options), ...table(rows, options)]

const leftWidthMax = 34

/** Two columns; the right one is folded to the width of the terminal. */
const table = (rows: ReadonlyArray<Row>, { width }: Options): ReadonlyArray<string> => {
  const leftWidth = Math.min(leftWidthMax, Math.max(...rows.map(([left]) => left.length)))
  const indent = " ".repeat(leftWidth + 4)
  const room = Math.max(24, Math.min(width, 120) - indent.length)
  return rows.flatMap(([left, right]) => {
    const [first = "", ...others] = folded(right, room)
    const head = left.length > leftWidth ? [`  ${left}`, indent + first] : [`  ${left.padEnd(leftWidth)}  ${first}`]
    return [...head, ...others.map((line) => indent + line)]
  })
}

const folded = (text: string, room: number): ReadonlyArray<string> => {
  const out: Array<string> = []
  for (const word of text.split(" ")) {
    const last = out.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= room) out[out.length - 1] = `${last} ${word}`
    else out.push(word)
  }
  return out
}

const lines = (...all: ReadonlyArray<string>): string => `${all.join("\n")}\n`
