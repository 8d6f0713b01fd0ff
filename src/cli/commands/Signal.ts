/** `flujo signal`: what no step of the run can take is refused here, and not left for the run to fail of. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as JsonSchema from "../../blueprint/JsonSchema.js"
import * as Json from "../../domain/Json.js"
import * as RunId from "../../domain/RunId.js"
import type { Journal } from "../../journal/Journal.js"
import type { RunRow } from "../../journal/RunIndex.js"
import * as PlanJson from "../../plan/PlanJson.js"
import { excerpt } from "../../redaction/Printable.js"
import * as Answers from "../Answers.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import { Fault } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import * as GoOn from "../GoOn.js"
import { Host } from "../Host.js"
import * as Input from "../Input.js"
import { Invocation } from "../Invocation.js"
import * as Runs from "../Runs.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.signal>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const {
      args: [typed = "", name = "", value]
    } = yield* Invocation
    const workspace = yield* Workspace.read(flags.stateUri)
    const journal = yield* Workspace.history(workspace, "write")
    const row = yield* Runs.find(journal, typed)
    const text = value === "-" ? (yield* host.input(Input.bytesMax)).trim() : (value ?? "null").toWellFormed()
    // JSON where it is JSON, else the text itself.
    const data = Either.getOrElse(Json.parse(text), () => text)
    const id = Option.getOrUndefined(flags.id) ?? (yield* RunId.make)
    const run = row.run
    yield* takes(journal, row, name, data)
    yield* Effect.mapError(
      journal.deliver(run, { _tag: "Signal", id, signal: name.toWellFormed(), data, by: host.user }),
      Faults.delivery
    )
    return yield* GoOn.afterLetter(workspace, journal, row, flags)
  }).pipe(Effect.scoped)

const takes = (journal: Journal["Type"], { plan, run }: RunRow, name: string, data: Json.Json) =>
  Effect.gen(function* () {
    const stored = yield* Effect.mapError(journal.plan(plan), Faults.journal)
    if (Option.isNone(stored)) return
    const signals = PlanJson.signals(stored.value)
    const schemas = signals.get(name)
    const refuse = (text: string, hint: string) => new Fault({ ...cliErrors.Answer, text, hint, location: { run } })
    if (schemas === undefined) {
      const known = [...signals.keys()].map((known) => JSON.stringify(known)).join(", ")
      return yield* refuse(
        `no step of this run waits for a signal ${JSON.stringify(excerpt(name, 60))}`,
        known === "" ? "it waits for no signals" : `it waits for ${excerpt(known, 300)}`
      )
    }
    const misfits = schemas.flatMap((schema) => {
      const fitted = Answers.isOpaque(schema) ? undefined : JsonSchema.shape(schema).decode(data)
      return fitted === undefined || Either.isRight(fitted) ? [] : [fitted.left.detail]
    })
    if (misfits.length < schemas.length) return
    return yield* refuse(
      `what is told with ${name} does not fit: ${misfits[0]}`,
      "nothing was left for the run; tell it again"
    )
  })
