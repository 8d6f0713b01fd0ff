/** How a command was called: its flags and arguments, and what stood for all commands. */
import * as Context from "effect/Context"
import type * as Ref from "effect/Ref"
import type { Redaction } from "../redaction/Redaction.js"
import type * as Flag from "./Flag.js"
import type { globals } from "./Flags.js"

export class Invocation extends Context.Tag("flujo/cli/Invocation")<
  Invocation,
  {
    /** The command's words: `lens list`. */
    readonly command: string
    readonly args: ReadonlyArray<string>
    readonly globals: Flag.Values<typeof globals>
    readonly isJson: boolean
    /** Of the environment's secrets; of the project's too, once it has been read. */
    readonly redaction: Redaction
    /** A command line that does what is named, typed as this one was: `resume 01J…`. */
    readonly again: (words: string) => string
    /** Commands that make sense once this one was interrupted. */
    readonly ifInterrupted: Ref.Ref<ReadonlyArray<string>>
  }
>() {}
