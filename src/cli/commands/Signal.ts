/** `flujo signal` */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Json from "../../domain/Json.js"
import * as RunId from "../../domain/RunId.js"
import type { Module } from "../Command.js"
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
    const run = Runs.idOf(row)
    yield* Effect.mapError(
      journal.deliver(run, { _tag: "Signal", id, signal: name.toWellFormed(), data, by: host.user }),
      Faults.delivery
    )
    return yield* GoOn.afterLetter(workspace, journal, row, flags)
  }).pipe(Effect.scoped)
