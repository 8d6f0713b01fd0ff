/** The process, as `Host` tells of it. The one file of `cli/` that reaches for `process`. */
import { userInfo } from "node:os"
import { isatty } from "node:tty"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { cliErrors } from "./codes/Cli.js"
import { Fault } from "./Fault.js"
import { Host } from "./Host.js"

/** `own`: the public modules of this flujo. */
export const layer = (own: () => Promise<Readonly<Record<string, unknown>>>): Layer.Layer<Host> =>
  Layer.sync(Host, () => {
    // Without a listener an error of a stream ends the process; each write hears of it by its own callback.
    for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {})
    const environment = new Map(
      Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
    )
    return {
      cwd: Effect.try({
        try: () => process.cwd(),
        catch: () => new Fault({ ...cliErrors.WorkingFolder, text: "the working folder was deleted" })
      }),
      environment,
      user: userName(),
      isTerminal: { input: isatty(0), output: isatty(1), errors: isatty(2) },
      columns: () => process.stderr.columns || process.stdout.columns || columnsDefault,
      rows: () => process.stderr.rows || process.stdout.rows || rowsDefault,
      modules: async () => {
        const all = await own()
        return Object.fromEntries([["flujo", all], ...Object.entries(all).map(([name, one]) => [`flujo/${name}`, one])])
      },
      input: read,
      incoming,
      result: (text) =>
        Effect.catchIf(
          write(process.stdout, text),
          ({ code }) => code === "EPIPE",
          () => Effect.void
        ).pipe(
          Effect.mapError(
            ({ code }) =>
              new Fault({
                ...cliErrors.Output,
                text: `standard output did not take the result (${code ?? "unknown reason"})`
              })
          )
        ),
      message: (text) => Effect.ignore(write(process.stderr, text))
    }
  })

/** There need be no entry for a user id, as in a container. */
const userName = (): string | undefined => {
  try {
    return userInfo().username
  } catch {
    return undefined
  }
}

const columnsDefault = 80
const rowsDefault = 24

const write = (stream: NodeJS.WriteStream, text: string): Effect.Effect<void, NodeJS.ErrnoException> =>
  text === ""
    ? Effect.void
    : Effect.async((resume) => {
        stream.write(text, (error) => resume(error ? Effect.fail(error) : Effect.void))
      })

const incoming: Stream.Stream<Uint8Array, Fault> = Stream.unwrap(
  Effect.map(
    Effect.promise(() => import("@effect/platform-node/NodeStream")),
    ({ stdin }) =>
      Stream.catchAllCause(stdin, () =>
        Stream.fail(new Fault({ ...cliErrors.File, text: "standard input cannot be read" }))
      )
  )
)

const read = (bytesMax: number): Effect.Effect<string, Fault> =>
  Effect.gen(function* () {
    const { stdin } = yield* Effect.promise(() => import("@effect/platform-node/NodeStream"))
    const refuse = (text: string) => new Fault({ ...cliErrors.File, text })
    const chunks: Array<Uint8Array> = []
    let size = 0
    yield* Stream.runForEach(stdin, (chunk) => {
      size += chunk.length
      if (size > bytesMax)
        return Effect.fail(refuse(`standard input has more than ${bytesMax / 1024 / 1024} MiB, the most that is read`))
      chunks.push(chunk)
      return Effect.void
    }).pipe(Effect.catchAllDefect(() => Effect.fail(refuse("standard input cannot be read"))))
    return yield* Effect.try({
      try: () => new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks)),
      catch: () => refuse("standard input is not UTF-8 text")
    })
  })
