/** `flujo state erase` */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Erasure from "../../journal/Erasure.js"
import type { JournalError, RunHeld } from "../../journal/Journal.js"
import * as Text from "../../lens/Text.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import { exits, Fault } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as Runs from "../Runs.js"
import * as States from "../States.js"
import * as View from "../View.js"
import * as Workspace from "../Workspace.js"

const shownMax = 50
const textMax = 1_000

export const run: Module<typeof Flags.stateErase>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const { apply, subject } = flags
    if (flags.run.length === 0 && subject.length === 0) {
      return yield* new Fault({ ...cliErrors.Arguments, text: "say which runs: --run RUN or --subject WHO" })
    }
    const reason = Option.getOrElse(flags.reason, () => "").trim()
    if (reason === "") {
      return yield* new Fault({
        ...cliErrors.Arguments,
        text: "say why: --reason TEXT",
        hint: "it stays in the ledger, readable for everybody, so it names nobody"
      })
    }
    const by = Option.getOrElse(flags.by, () => host.user ?? "").trim()
    for (const [flag, text] of [
      ["--reason", reason],
      ["--by", by]
    ] as const) {
      if (text.length <= textMax && text.isWellFormed()) continue
      return yield* new Fault({
        ...cliErrors.BadValue,
        text: `${flag}: a text of at most ${textMax} characters is wanted`
      })
    }
    const workspace = yield* Workspace.read(flags.stateUri)
    const { redaction } = workspace
    const journal = yield* Workspace.history(workspace, apply ? "tend" : "read")
    const runs = yield* Effect.forEach(flags.run, (typed) => Effect.map(Runs.find(journal, typed), ({ run }) => run))
    const found = yield* Effect.mapError(Erasure.find(journal, { runs, subjects: subject }), Faults.journal)
    const all = yield* Effect.forEach(found, ({ forkOf, row }) =>
      Effect.map(Effect.mapError(journal.store.bytesOf(row.run), Faults.journal), (bytes) => ({ row, forkOf, bytes }))
    )
    const erased: Array<{ readonly run: string; readonly payloads: number }> = []
    const fact = { reason, by: by === "" ? undefined : by }
    // Forks first: cut, what is left to do is found from the run that was named.
    for (const { row } of apply ? all.slice().reverse() : []) {
      const payloads = yield* Effect.either(journal.store.erase(row.run, fact))
      if (Either.isLeft(payloads)) return yield* stopped(payloads.left, erased.length, all.length)
      if (Option.isSome(payloads.right)) erased.push({ run: row.run, payloads: payloads.right.value })
    }
    // Until then what was removed may still stand in the log of the file.
    if (apply) {
      yield* Effect.mapError(journal.store.vacuum, (error) => {
        const fault = Faults.journal(error)
        const text = `${erased.length} runs were erased, and their bytes not yet overwritten: ${fault.text}`
        return new Fault({ ...fault, text, hint: "flujo state vacuum does what is left" })
      })
    }
    const options = View.options(host, invocation, "output", { redaction })
    const { line, span, whole } = Text
    const count = (n: number) => `${n} ${n === 1 ? "run" : "runs"}`
    return {
      exit: exits.done,
      data: redaction.json({
        applied: apply,
        runs: all.map(({ bytes, forkOf, row }) => ({
          run: row.run,
          pipeline: row.pipeline,
          status: row.status,
          fork_of: forkOf ?? null,
          bytes
        })),
        erased: erased.map(({ payloads, run }) => ({ run, payloads }))
      }),
      text: [
        ...all
          .slice(0, shownMax)
          .map(({ bytes, forkOf, row }) =>
            line(
              [
                whole(row.run, options, "bold"),
                span(`  ${row.status}  ${Text.iso(row.updatedAt)}  ${States.bytes(bytes)}  `),
                whole(row.pipeline, options),
                span(forkOf === undefined ? "" : `  (a fork of ${forkOf})`)
              ],
              options
            )
          ),
        ...(all.length > shownMax ? [`… and ${all.length - shownMax} more`] : []),
        apply
          ? `${count(erased.length)} erased, ${erased.reduce((sum, { payloads }) => sum + payloads, 0)} payloads`
          : `${count(all.length)} would be erased for good; nothing was changed`
      ].join("\n"),
      next: apply ? ["flujo ledger verify"] : all.length === 0 ? [] : [`${invocation.again("state erase")} … --apply`]
    }
  }).pipe(Effect.scoped)

const stopped = (error: RunHeld | JournalError, done: number, of: number): Fault => {
  const fault = error._tag === "RunHeld" ? Faults.held(error) : Faults.journal(error)
  return new Fault({
    ...fault,
    text: `${fault.text}; ${done} of ${of} runs were erased before it`,
    hint: "the same command goes on with the others"
  })
}
