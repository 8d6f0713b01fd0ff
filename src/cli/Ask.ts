/** Asks a person at the terminal for the answer to a task. The question and what is typed stand on standard error. */
import * as Prompt from "@effect/cli/Prompt"
import type { FileSystem } from "@effect/platform/FileSystem"
import type { Path } from "@effect/platform/Path"
import * as Terminal from "@effect/platform/Terminal"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Json } from "../domain/Json.js"
import { printable } from "../redaction/Printable.js"
import type { Redaction } from "../redaction/Redaction.js"
import * as Answers from "./Answers.js"
import { Host } from "./Host.js"
import type { OpenTask } from "./Runs.js"

/** `none`: left for later. Fails where Ctrl-C was typed. */
export const ask = (
  task: OpenTask,
  redaction: Redaction
): Effect.Effect<Option.Option<Json>, Terminal.QuitException, FileSystem | Host | Path | Terminal.Terminal> =>
  Effect.gen(function* () {
    const host = yield* Host
    const terminal = yield* Terminal.Terminal
    const onErrors = Effect.provideService(Terminal.Terminal, {
      ...terminal,
      columns: Effect.sync(host.columns),
      display: (text: string) => host.message(text)
    })
    const line = (message: string, validate: (text: string) => Effect.Effect<string, string>) =>
      onErrors(Prompt.run(Prompt.text({ message, validate })))
    const question = printable(redaction.text(task.message)).trimEnd()
    yield* host.message(`\n${question === "" ? task.row.path : question}\n\n`)
    if (task.row.task === "ask") {
      const text = yield* line(`Answer with ${Answers.wanted(task)} (Enter: later)`, (text) =>
        text === ""
          ? Effect.succeed(text)
          : Either.match(Answers.typed(task, text), {
              onLeft: (fault) => Effect.fail(fault.text),
              onRight: () => Effect.succeed(text)
            })
      )
      return text === "" ? Option.none() : Either.getRight(Answers.typed(task, text))
    }
    const isAmount = (text: string) => task.row.task === "budget" && /^[\d.]/.test(text.trim())
    const word = yield* line(`${verbs[task.row.task]} (Enter: later)`, (text) =>
      isAmount(text)
        ? Either.match(Answers.typed(task, text.trim()), {
            onLeft: (fault) => Effect.fail(fault.text),
            onRight: () => Effect.succeed(text)
          })
        : /^(y|yes|n|no|)$/i.test(text.trim())
          ? Effect.succeed(text)
          : Effect.fail("type yes or no, or Enter to leave it")
    )
    if (isAmount(word)) return Either.getRight(Answers.typed(task, word.trim()))
    const letter = word.trim().charAt(0).toLowerCase()
    if (letter === "") return Option.none()
    if (letter === "y") return Either.getRight(Answers.yes(task))
    const reason = yield* line("Why? (Enter: no reason)", (text) => Effect.succeed(text))
    return Either.getRight(Answers.no(task, reason.trim()))
  })

const verbs = {
  approve: "Approve? yes, no",
  uncertain: "Run it again? yes, no",
  budget: "Allow more? yes, no, or an amount"
}
