/** Long results through the user's pager: `$PAGER`, else `less`. Its words are split at blanks; no shell reads them. */
import * as Command from "@effect/platform/Command"
import type { CommandExecutor } from "@effect/platform/CommandExecutor"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Host } from "./Host.js"

/** Whether it was shown; false where there is no such pager, or it failed. */
export const page = (text: string): Effect.Effect<boolean, never, CommandExecutor | Host> =>
  Effect.gen(function* () {
    const { environment } = yield* Host
    const [program = "less", ...args] = (environment.get("PAGER") || "less").trim().split(/\s+/)
    const command = Command.make(program, ...args).pipe(
      Command.stdin(Stream.encodeText(Stream.make(`${text}\n`))),
      Command.stdout("inherit"),
      Command.stderr("inherit")
    )
    return yield* Effect.match(Command.exitCode(command), { onFailure: () => false, onSuccess: (code) => code === 0 })
  })
