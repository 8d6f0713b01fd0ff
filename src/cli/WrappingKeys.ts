/** The keys of the encryption, fetched where `flujo.toml` says that they are: when they are needed, and never before. */
import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type * as Encryption from "../journal/Encryption.js"
import { JournalError } from "../journal/Journal.js"
import type * as ProjectEncryption from "../project/ProjectEncryption.js"
import * as ProjectFile from "../project/ProjectFile.js"

/** Of a key; it is far shorter. */
const sizeMax = 4096
const commandTimeout = "30 seconds"

export const make = (
  { current, old }: ProjectEncryption.ProjectEncryption,
  environment: ReadonlyMap<string, string>
): Effect.Effect<
  Encryption.Encryption | undefined,
  never,
  CommandExecutor.CommandExecutor | FileSystem.FileSystem | Path.Path
> =>
  Effect.map(Effect.context<CommandExecutor.CommandExecutor | FileSystem.FileSystem | Path.Path>(), (services) => {
    if (current === undefined) return undefined
    const source = ({ id, where }: ProjectEncryption.NamedKey): Encryption.Source => ({
      id,
      key: Effect.provide(fetched(where.value, environment), services).pipe(
        Effect.mapBoth({
          onFailure: (detail) => new JournalError({ reason: "Key", where: `encryption key ${id}`, detail }),
          onSuccess: Redacted.make
        })
      )
    })
    return { current: source(current), old: old.map(source) }
  })

/** How people know where a key is. */
export const show = (source: ProjectEncryption.KeySource): string => {
  switch (source._tag) {
    case "File":
      return source.path
    case "Variable":
      return `the variable ${source.name}`
    case "Command":
      return `the command ${source.words[0]}`
  }
}

/** Fails with what is to be told: never with what was read. */
const fetched = (
  source: ProjectEncryption.KeySource,
  environment: ReadonlyMap<string, string>
): Effect.Effect<string, string, CommandExecutor.CommandExecutor | FileSystem.FileSystem | Path.Path> => {
  switch (source._tag) {
    case "File":
      return Effect.mapError(
        ProjectFile.read(source.path, { sizeMax }),
        ({ detail }) => `${source.path} cannot be used: ${detail}`
      )
    case "Variable": {
      const value = environment.get(source.name) ?? ""
      return value.trim() === "" ? Effect.fail(`the variable ${source.name} is not set`) : Effect.succeed(value)
    }
    case "Command": {
      const [program = "", ...args] = source.words
      const failed = (why: string) => `the command ${program} of key_command ${why}`
      return Effect.gen(function* () {
        const process = yield* Command.start(Command.make(program, ...args).pipe(Command.stderr("pipe")))
        // What it says beside its answer may hold the key: it is read, so that it does not wait, and dropped.
        yield* Effect.forkScoped(Effect.ignore(Stream.runDrain(process.stderr)))
        const text = yield* process.stdout.pipe(
          Stream.decodeText(),
          Stream.runFoldWhile(
            "",
            (said) => said.length <= sizeMax,
            (said, more) => said + more
          )
        )
        if (text.length > sizeMax) return yield* Effect.fail(failed(`said more than ${sizeMax} characters`))
        const exit = yield* process.exitCode
        return exit === 0 ? text : yield* Effect.fail(failed(`ended with exit code ${exit}`))
      }).pipe(
        Effect.scoped,
        Effect.catchTags({
          SystemError: ({ reason }) => Effect.fail(failed(`could not be run: ${reason}`)),
          BadArgument: () => Effect.fail(failed("could not be run"))
        }),
        Effect.timeoutFail({ duration: commandTimeout, onTimeout: () => failed("did not end within 30 seconds") })
      )
    }
  }
}
