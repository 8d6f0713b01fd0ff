/**
 * The process that a command runs in, as facts and two streams. Everything else of `cli/` asks this, so a test can stand
 * in for a process.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Fault } from "./Fault.js"

export class Host extends Context.Tag("flujo/cli/Host")<
  Host,
  {
    /** An absolute folder; fails where it was deleted. */
    readonly cwd: Effect.Effect<string, Fault>
    readonly environment: ReadonlyMap<string, string>
    /** Who uses the process, as the system knows them. */
    readonly user: string | undefined
    readonly isTerminal: { readonly input: boolean; readonly output: boolean; readonly errors: boolean }
    /** Of the terminal that messages go to. */
    readonly columns: () => number
    readonly rows: () => number
    /** The public modules of the flujo that runs, by the names that programs import them under: `flujo`, `flujo/Step`, …. */
    readonly modules: () => Promise<Readonly<Record<string, unknown>>>
    /** All of standard input as text, at most `bytesMax` of it. */
    readonly input: (bytesMax: number) => Effect.Effect<string, Fault>
    /** Standard input as it comes, for a conversation. */
    readonly incoming: Stream.Stream<Uint8Array, Fault>
    /** Writes exactly this to standard output. A reader that has gone is no failure: nobody wants the rest. */
    readonly result: (text: string) => Effect.Effect<void, Fault>
    /** Writes exactly this to standard error, if it can be. */
    readonly message: (text: string) => Effect.Effect<void>
  }
>() {}
