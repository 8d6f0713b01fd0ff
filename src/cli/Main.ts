/**
 * From the arguments to the exit code. Results go to standard output and nothing else does; with `--json` that is one
 * object, whatever happens.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type { JsonObject } from "../domain/Json.js"
import * as Redaction from "../redaction/Redaction.js"
import * as Argv from "./Argv.js"
import type { Services } from "./Command.js"
import { commands } from "./Commands.js"
import { cliErrors } from "./codes/Cli.js"
import { exits, Fault } from "./Fault.js"
import { globals } from "./Flags.js"
import { Host } from "./Host.js"
import { Invocation } from "./Invocation.js"
import * as Reply from "./Reply.js"
import { shellQuoted } from "./Shell.js"
import { version } from "./Version.js"
import * as View from "./View.js"

/** Files, paths, other programs, the keyboard: loaded when a command needs them. */
export type Platform = Layer.Layer<Exclude<Services, Host | Invocation>>

export const main = (
  argv: ReadonlyArray<string>,
  platform: () => Promise<Platform>
): Effect.Effect<number, never, Host> =>
  Effect.gen(function* () {
    const host = yield* Host
    const redaction = Redaction.make({ environment: Object.fromEntries(host.environment) })
    const flags = argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv
    // Also where the arguments are wrong, which is when it matters most.
    const isJson = flags.some((one) => one === "--json" || one === "--json-output" || one === "--json-stream")
    // A stream of objects has one on a line.
    const indent = flags.includes("--json-stream") ? 0 : 2
    const isColored = (stream: "output" | "errors") => View.isColored(host, stream, flags.includes("--no-color"))

    const refuse = (command: string, fault: Fault, cause?: Cause.Cause<unknown>) =>
      Effect.gen(function* () {
        if (isJson) {
          const masked = new Fault({ ...fault, text: redaction.text(fault.text) })
          yield* Effect.ignore(host.result(Reply.failure(command, masked, indent)))
        } else {
          const { lines } = yield* Effect.promise(() => import("./Report.js"))
          yield* host.message(lines(fault, { color: isColored("errors"), redaction }))
        }
        if (flags.includes("--trace") && cause !== undefined) {
          yield* host.message(`${redaction.text(Cause.pretty(cause, { renderErrorCause: true }))}\n`)
        }
        return fault.exit
      })

    const read = Argv.read(argv, commands)
    if (Either.isLeft(read)) return yield* refuse(nameOf(read.left.command), read.left.fault)
    const { args, command, group, tokens } = read.right
    const asks = (name: string) => tokens.some((token) => token.name === name)
    const answer = (text: string, data: JsonObject) =>
      Effect.matchEffect(
        host.result(isJson ? Reply.success(nameOf(command), { exit: exits.done, data }, indent) : text),
        {
          onFailure: (fault) => refuse(nameOf(command), fault),
          onSuccess: () => Effect.succeed(0)
        }
      )
    if (asks(globals.version.name)) return yield* answer(`${version}\n`, { version })
    if (command === undefined || asks(globals.help.name)) {
      const Help = yield* Effect.promise(() => import("./Help.js"))
      const options = {
        color: isColored("output"),
        width: host.isTerminal.output ? host.columns() : 100
      }
      const help =
        command !== undefined
          ? Help.command(command, options)
          : group === undefined
            ? Help.overview(commands, options)
            : Help.group(group, commands, options)
      return yield* answer(help, { help })
    }

    const Decode = yield* Effect.promise(() => import("./Decode.js"))
    const layer = yield* Effect.promise(platform)
    const ifInterrupted = yield* Ref.make<ReadonlyArray<string>>([])
    const onInterrupt = Effect.gen(function* () {
      const next = yield* Ref.get(ifInterrupted)
      const fault = new Fault({ ...cliErrors.Interrupted, text: "interrupted", next })
      if (isJson) return yield* refuse(nameOf(command), fault)
      return yield* host.message(`\n${[fault.text, ...next.map((line) => `to go on: ${line}`)].join("; ")}\n`)
    })
    const run = Effect.gen(function* () {
      const values = yield* Decode.values(globals, tokens)
      const level = LogLevel.fromLiteral(levels[Option.getOrElse(values.logLevel, () => "warning" as const)])
      const invocation = {
        command: nameOf(command),
        args,
        globals: values,
        isJson,
        redaction,
        again: again(host.environment, tokens, redaction),
        ifInterrupted
      }
      const reply = yield* command
        .start(tokens.filter(({ name }) => !isGlobal(name)))
        .pipe(
          Effect.provideService(Invocation, invocation),
          Logger.withMinimumLogLevel(level),
          Effect.provide(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger)))
        )
      if (isJson) yield* host.result(Reply.success(nameOf(command), reply, indent))
      else {
        if (reply.text !== undefined) yield* host.result(reply.text.endsWith("\n") ? reply.text : `${reply.text}\n`)
        for (const next of reply.next ?? []) yield* host.message(`next: ${next}\n`)
      }
      return reply.exit as number
    }).pipe(
      Effect.onInterrupt(() => onInterrupt),
      Effect.provide(layer)
    )

    const exit = yield* Effect.exit(run)
    if (Exit.isSuccess(exit)) return exit.value
    const failure = Cause.failureOption(exit.cause)
    if (Option.isSome(failure)) return yield* refuse(nameOf(command), failure.value, exit.cause)
    if (Cause.isInterrupted(exit.cause)) return yield* Effect.interrupt
    const { internal } = yield* Effect.promise(() => import("./Faults.js"))
    return yield* refuse(nameOf(command), internal(Cause.squash(exit.cause)), exit.cause)
  })

const levels = {
  all: "All",
  trace: "Trace",
  debug: "Debug",
  info: "Info",
  warning: "Warning",
  error: "Error",
  fatal: "Fatal",
  none: "None"
} as const

const nameOf = (command: { readonly path: ReadonlyArray<string> } | undefined): string => command?.path.join(" ") ?? ""

const isGlobal = (name: string): boolean => Object.values(globals).some((flag) => flag.name === name)

/**
 * How a command is to be typed where this one was: through npm where npm started it, with the same project and state.
 * What the shell would read otherwise is put in quotes; a password in the URI of a state is not repeated.
 */
const again =
  (environment: ReadonlyMap<string, string>, tokens: Argv.Argv["tokens"], redaction: Redaction.Redaction) =>
  (words: string): string => {
    const self =
      environment.get("npm_lifecycle_event") === "flujo"
        ? "npm run --silent flujo --"
        : environment.get("npm_command") === "exec"
          ? "npx flujo"
          : "flujo"
    const kept = tokens.flatMap(({ name, value }) =>
      (name === "project" || name === "state-uri") && value !== undefined
        ? [`--${name} ${shellQuoted(redaction.text(value))}`]
        : []
    )
    return [self, words, ...kept].join(" ")
  }
