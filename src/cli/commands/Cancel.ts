/** `flujo cancel` */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Flujo from "../../engine/Flujo.js"
import { RunError } from "../../engine/RunError.js"
import { Journal } from "../../journal/Journal.js"
import { printable } from "../../redaction/Printable.js"
import type { Module } from "../Command.js"
import { runErrors } from "../codes/Engine.js"
import * as Driving from "../Driving.js"
import { exits } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import * as GoOn from "../GoOn.js"
import * as Hints from "../Hints.js"
import { Invocation } from "../Invocation.js"
import type { Reply } from "../Reply.js"
import * as Runs from "../Runs.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.cancel>["run"] = (flags) =>
  Effect.gen(function* () {
    const invocation = yield* Invocation
    const {
      args: [typed = ""]
    } = invocation
    const workspace = yield* Workspace.read(flags.stateUri)
    const journal = yield* Workspace.history(workspace, "write")
    const row = yield* Runs.find(journal, typed)
    const id = row.run
    const reason = Option.getOrElse(flags.reason, () => "").toWellFormed()
    yield* Effect.mapError(journal.deliver(id, { _tag: "Cancel", reason }), Faults.delivery)
    const reply = (status: string, text: string): Reply => ({ exit: exits.done, data: { run: id, status }, text })
    const holder = yield* Effect.mapError(journal.holder(id), Faults.journal)
    if (Option.isSome(holder)) {
      const { host, pid } = holder.value
      return reply("cancelling", `run ${id}: process ${pid} on ${printable(host)} drives it and ends it`)
    }
    if ((yield* GoOn.sources(journal, row)).length === 0) {
      return reply("cancelling", `run ${id}: the program that started it ends it when it goes on with it`)
    }
    // Of the letter comes no more than that the run takes back what can be undone.
    const { blueprint, folder } = yield* GoOn.kept(workspace, journal, row)
    const canUndo = (yield* Runs.entries(journal, row)).some(({ event }) => event.kind === "UndoPlanned")
    const ended = yield* Flujo.resume(blueprint.pipeline, id).pipe(
      Effect.provideService(Journal, journal),
      Effect.either,
      // Where nothing is to be undone, a layer that cannot be built any more keeps no run from its end.
      Effect.provide(canUndo ? Driving.services(workspace, { blueprint, folder }) : Workspace.models(workspace, folder))
    )
    if (Either.isRight(ended)) {
      if (ended.right._tag === "Completed") {
        return reply("ended", `run ${id} came to its end before it could be cancelled`)
      }
      const waits = ended.right.waits.filter(({ _tag }) => _tag !== "Step")
      const where = waits.length === 0 ? "" : ` at ${waits.map(({ path }) => path).join(", ")}`
      const tasks = (yield* Runs.tasks(journal, { run: id, limit: tasksMax })).map((task) => task.row)
      const signals = waits.flatMap((wait) => (wait._tag === "Signal" ? [wait.signal] : []))
      const told = Hints.waiting({ run: id, tasks, signals })
      return {
        ...reply(
          "cancelling",
          `run ${id} is being cancelled: it takes back what it did, and waits in an undo${printable(where)}`
        ),
        next: (told.length === 0 ? [`resume ${id}`] : told).map(invocation.again)
      }
    }
    if (ended.left instanceof RunError && ended.left.reason === "Cancelled") {
      return reply("cancelled", `run ${id} was cancelled`)
    }
    const fault = Faults.run(ended.left, id)
    if (fault.code !== runErrors.Held.code) return yield* fault
    return reply("cancelling", `run ${id}: ${printable(fault.text)}, and ends it`)
  }).pipe(Effect.scoped)

const tasksMax = 100
