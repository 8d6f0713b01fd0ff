/**
 * The arguments, taken apart by the flags as data before anything is loaded: which command is meant, what belongs to it
 * and what stands for all commands. What is no flag, lacks its value or is too much is refused here, with what was
 * probably meant; `@effect/cli` alone would take an unknown flag for an argument, and the next flag for a missing value.
 */
import * as Either from "effect/Either"
import { nearest } from "../project/Nearest.js"
import { excerpt } from "../redaction/Printable.js"
import type { Command } from "./Command.js"
import { type CliError, cliErrors } from "./codes/Cli.js"
import { Fault } from "./Fault.js"
import type * as Flag from "./Flag.js"
import { globals } from "./Flags.js"

export interface Argv {
  /** `undefined`: no command was named. */
  readonly command: Command | undefined
  /** A group such as `lens`, where only that was named. */
  readonly group: string | undefined
  readonly tokens: ReadonlyArray<Flag.Token>
  readonly args: ReadonlyArray<string>
}

/** What was found before something was wrong, for whoever asks for help or JSON. */
export interface Wrong {
  readonly fault: Fault
  readonly command: Command | undefined
}

export const read = (argv: ReadonlyArray<string>, commands: ReadonlyArray<Command>): Either.Either<Argv, Wrong> => {
  const { command, group, rest, wrong } = commandOf(argv, commands)
  const refuse = (error: CliError, text: string, hint?: string) =>
    Either.left({ command, fault: new Fault({ ...cliErrors[error], text, hint }) })
  if (wrong !== undefined) return Either.left({ command, fault: wrong })
  const flags = [...Object.values(globals), ...Object.values(command?.flags ?? {})]
  const tokens: Array<Flag.Token> = []
  const args: Array<string> = []
  for (let at = 0; at < rest.length; at++) {
    const argument = rest[at]!
    if (argument === "--") {
      args.push(...rest.slice(at + 1))
      break
    }
    if (!isFlag(argument)) {
      args.push(argument)
      continue
    }
    const equals = argument.indexOf("=")
    const written = equals === -1 ? argument : argument.slice(0, equals)
    const cluster = equals === -1 && /^-[A-Za-z]{2,}$/.test(argument) ? switches(argument, flags) : undefined
    if (cluster !== undefined) {
      tokens.push(...cluster)
      continue
    }
    const flag = find(written, flags)
    if (flag === undefined) return refuse("UnknownFlag", ...unknownFlag(written, flags, command, commands))
    const { kind, name } = flag
    const inline = equals === -1 ? undefined : argument.slice(equals + 1)
    if (kind === "switch") {
      if (inline !== undefined) return refuse("BadValue", `--${name} takes no value`, `write --${name} alone`)
      tokens.push({ name })
      continue
    }
    if (kind !== "values" && tokens.some((token) => token.name === name)) {
      return refuse("Repeated", `--${name} is given twice`)
    }
    const next = rest[at + 1]
    if (inline !== undefined) tokens.push({ name, value: inline })
    else if (kind === "maybe") {
      const isNext = next !== undefined && !isFlag(next) && flag.isValue?.(next) === true
      tokens.push({ name, value: isNext ? next : "" })
      if (isNext) at++
    } else if (next === undefined || next === "--" || next.startsWith("--") || find(next, flags) !== undefined) {
      const found =
        next === undefined || next === "--" ? "and nothing follows it" : `and ${excerpt(next, 40)} follows it`
      return refuse(
        "MissingValue",
        `${written} needs a value${flag.value === undefined ? "" : ` (${flag.value})`}, ${found}`,
        next === undefined || next === "--" ? undefined : `if that is the value, write ${written}=${excerpt(next, 40)}`
      )
    } else {
      tokens.push({ name, value: next })
      at++
    }
  }
  for (const flag of flags) {
    const other = flag.not?.find((name) => tokens.some((token) => token.name === name))
    if (other !== undefined && tokens.some((token) => token.name === flag.name)) {
      return refuse("Excluding", `--${flag.name} and --${other} exclude each other`)
    }
  }
  const isAsking = tokens.some(({ name }) => name === globals.help.name || name === globals.version.name)
  if (command === undefined && args[0] !== undefined) {
    return refuse("Arguments", `no command stands before ${excerpt(args[0], 60)}`, "usage: flujo COMMAND [ARGUMENTS]")
  }
  if (command !== undefined && !isAsking) {
    const { args: wanted } = command
    const least = wanted.filter(({ isOptional }) => !isOptional).length
    const usage = `flujo ${command.path.join(" ")}${wanted.map((one) => ` ${one.isOptional ? `[${one.name}]` : one.name}`).join("")}`
    if (args.length < least) {
      const missing = wanted[args.length]!
      return refuse("Arguments", `${missing.name} is missing: ${missing.about}`, `usage: ${usage}`)
    }
    if (args.length > wanted.length && wanted.at(-1)?.isMany !== true) {
      return refuse("Arguments", `one argument too many: ${excerpt(args[wanted.length]!, 60)}`, `usage: ${usage}`)
    }
  }
  return Either.right({ command, group, tokens, args })
}

/** `-` alone means standard input, and a number may be below zero. */
const isFlag = (argument: string): boolean => /^-[^\d\s]/.test(argument)

const find = (written: string, flags: ReadonlyArray<Flag.Info>): Flag.Info | undefined =>
  flags.find(({ alias, also, name }) =>
    written.startsWith("--")
      ? name === written.slice(2) || also?.includes(written.slice(2)) === true
      : alias !== undefined && written === `-${alias}`
  )

/** `-vy` is `-v -y`. */
const switches = (argument: string, flags: ReadonlyArray<Flag.Info>): ReadonlyArray<Flag.Token> | undefined => {
  const found = [...argument.slice(1)].map((letter) => find(`-${letter}`, flags))
  return found.every((flag) => flag?.kind === "switch") ? found.map((flag) => ({ name: flag!.name })) : undefined
}

const unknownFlag = (
  written: string,
  flags: ReadonlyArray<Flag.Info>,
  command: Command | undefined,
  commands: ReadonlyArray<Command>
): readonly [text: string, hint: string] => {
  const names = flags.flatMap(({ also, name }) => [name, ...(also ?? [])])
  const meant = nearest(written.replace(/^-+/, ""), names)
  const of = command === undefined ? "flujo" : `flujo ${command.path.join(" ")}`
  const others = commands.filter((other) => find(written, Object.values(other.flags)) !== undefined)
  return [
    `${of} has no flag ${excerpt(written, 60)}`,
    meant !== undefined
      ? `did you mean --${meant}?`
      : command === undefined && others.length > 0
        ? `write it behind the command, as in flujo ${others[0]!.path.join(" ")} ${written}`
        : `see ${of} --help`
  ]
}

/** The first words that are no flags, and no values of flags, name the command; the flags around them stay. */
const commandOf = (
  argv: ReadonlyArray<string>,
  commands: ReadonlyArray<Command>
): {
  readonly command: Command | undefined
  readonly group: string | undefined
  readonly rest: ReadonlyArray<string>
  readonly wrong?: Fault
} => {
  const known = [...Object.values(globals), ...commands.flatMap(({ flags }) => Object.values(flags))]
  const at = wordFrom(argv, 0, known)
  const first = argv[at]
  const without = argv.toSpliced(at, 1)
  if (first === undefined || first === "--") return { command: undefined, group: undefined, rest: argv }
  const single = commands.find(({ path }) => path.length === 1 && path[0] === first)
  if (single !== undefined) return { command: single, group: undefined, rest: without }
  const inGroup = commands.filter(({ path }) => path.length === 2 && path[0] === first)
  if (inGroup.length === 0) {
    const words = [...new Set(commands.map(({ path }) => path[0]!))]
    const meant = nearest(first, words) ?? (argv.length === 1 && /\.ya?ml$/.test(first) ? `run ${first}` : undefined)
    return { command: undefined, group: undefined, rest: without, wrong: unknownCommand(first, "", meant) }
  }
  // Flags may stand between the two words, as in `flujo lens --json list`.
  const then = wordFrom(without, at, known)
  const second = without[then]
  if (second === undefined || second === "--") return { command: undefined, group: first, rest: without }
  const command = inGroup.find(({ path }) => path[1] === second)
  if (command !== undefined) return { command, group: undefined, rest: without.toSpliced(then, 1) }
  const meant = nearest(
    second,
    inGroup.map(({ path }) => path[1]!)
  )
  const wrong = unknownCommand(`${first} ${second}`, first, meant === undefined ? undefined : `${first} ${meant}`)
  return { command: undefined, group: first, rest: without, wrong }
}

/** Where the first word from `from` on stands that is no flag and no flag's value; `--` counts as one. */
const wordFrom = (argv: ReadonlyArray<string>, from: number, flags: ReadonlyArray<Flag.Info>): number => {
  let at = from
  for (; at < argv.length && argv[at] !== "--" && isFlag(argv[at]!); at++) {
    const kind = find(argv[at]!, flags)?.kind
    const next = argv[at + 1]
    if ((kind === "value" || kind === "values") && next !== undefined && !next.startsWith("--")) at++
  }
  return at
}

const unknownCommand = (words: string, group: string, meant: string | undefined): Fault =>
  new Fault({
    ...cliErrors.UnknownCommand,
    text: `there is no command ${JSON.stringify(excerpt(words, 60))}`,
    hint: meant === undefined ? `see flujo${group === "" ? "" : ` ${group}`} --help` : `did you mean flujo ${meant}?`
  })
