/**
 * A command as data: its words, what it takes and what is said about it. Help and the look over the arguments read the
 * data; what the command does is loaded when it is called.
 */
import type { CommandExecutor } from "@effect/platform/CommandExecutor"
import type { FileSystem } from "@effect/platform/FileSystem"
import type { Path } from "@effect/platform/Path"
import type { Terminal } from "@effect/platform/Terminal"
import * as Effect from "effect/Effect"
import type { Fault } from "./Fault.js"
import type * as Flag from "./Flag.js"
import type { Host } from "./Host.js"
import type { Invocation } from "./Invocation.js"
import type { Reply } from "./Reply.js"

/** What a command may ask for. */
export type Services = CommandExecutor | FileSystem | Host | Invocation | Path | Terminal

export interface Arg {
  readonly name: string
  readonly about: string
  readonly isOptional?: boolean | undefined
  /** The last one may stand as often as wanted. */
  readonly isMany?: boolean | undefined
}

export interface Command {
  readonly path: ReadonlyArray<string>
  readonly about: string
  readonly args: ReadonlyArray<Arg>
  readonly flags: Flag.Flags
  /** Command lines, each with what it does. */
  readonly examples: ReadonlyArray<readonly [line: string, does: string]>
  readonly start: (tokens: ReadonlyArray<Flag.Token>) => Effect.Effect<Reply, Fault, Services>
}

/** What a file in `commands/` exports. */
export interface Module<F extends Flag.Flags> {
  readonly run: (flags: Flag.Values<F>) => Effect.Effect<Reply, Fault, Services>
}

export const make = <const F extends Flag.Flags>(
  said: Omit<Command, "flags" | "start"> & { readonly flags: F; readonly load: () => Promise<Module<F>> }
): Command => {
  const { load, ...data } = said
  return {
    ...data,
    start: (tokens) =>
      Effect.gen(function* () {
        const [{ values }, { run }] = yield* Effect.promise(() => Promise.all([import("./Decode.js"), load()]))
        return yield* run(yield* values(said.flags, tokens))
      })
  }
}
