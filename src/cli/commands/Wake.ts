/** `flujo wake` */

import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Flujo from "../../engine/Flujo.js"
import { RunError } from "../../engine/RunError.js"
import * as Due from "../../journal/Due.js"
import { Journal } from "../../journal/Journal.js"
import * as Text from "../../lens/Text.js"
import type { Module, Services } from "../Command.js"
import * as Driving from "../Driving.js"
import { exits } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import * as GoOn from "../GoOn.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as View from "../View.js"
import * as Workspace from "../Workspace.js"

const limitDefault = 100

export const run: Module<typeof Flags.wake>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const workspace = yield* Workspace.read(flags.stateUri)
    const { redaction } = workspace
    const isEmpty = Workspace.isDurable(workspace) && !(yield* Workspace.hasState(workspace))
    if (isEmpty) return { exit: exits.done, data: { runs: [], more: false }, text: "No run was due." }
    const journal = yield* Workspace.history(workspace, "write")
    const limit = Option.getOrElse(flags.limit, () => limitDefault)
    const now = yield* Clock.currentTimeMillis
    const { due, more } = yield* Effect.mapError(Due.find(journal, { now, limit }), Faults.journal)
    yield* Ref.set(invocation.ifInterrupted, [invocation.again("wake")])
    const woken = yield* Effect.forEach(due, (one) =>
      Effect.map(goOn(workspace, journal, one), (outcome) => ({ ...one, ...outcome }))
    )
    const count = woken.filter(({ end }) => end !== "held" && end !== "skipped").length
    const options = View.options(host, invocation, "output", { redaction })
    const { foreign, line, span, whole } = Text
    return {
      exit: exits.done,
      data: redaction.json({
        runs: woken.map(({ end, row, text, why }) => ({
          run: row.run,
          pipeline: row.pipeline,
          why,
          end,
          error: text ?? null
        })),
        more
      }),
      text: [
        ...woken.map(({ end, row, text, why }) =>
          line(
            [
              whole(row.run, options, "bold"),
              span(`  ${why} → ${end}`),
              ...(text === undefined ? [] : [span(": "), foreign(text, options)])
            ],
            options
          )
        ),
        woken.length === 0
          ? "No run was due."
          : `${count} ${count === 1 ? "run" : "runs"} woken${more ? "; more are due" : ""}.`
      ].join("\n")
    }
  }).pipe(Effect.scoped)

interface Outcome {
  readonly end: "completed" | "suspended" | "failed" | "stuck" | "held" | "skipped"
  readonly text?: string
}

/** What one run comes to is its own affair: the others are woken all the same. */
const goOn = (
  workspace: Workspace.Workspace,
  journal: Journal["Type"],
  { row }: Due.DueRun
): Effect.Effect<Outcome, never, Services> =>
  Effect.gen(function* () {
    const known = yield* Effect.orElseSucceed(GoOn.sources(journal, row), () => undefined)
    if (known?.length === 0) return { end: "skipped", text: "a program started it, and must go on with it" }
    const exit = yield* Effect.exit(
      Effect.gen(function* () {
        const kept = yield* GoOn.kept(workspace, journal, row)
        return yield* Effect.provide(
          Effect.provideService(Flujo.resume(kept.blueprint.pipeline, row.run), Journal, journal),
          Driving.services(workspace, kept)
        )
      })
    )
    if (Exit.isSuccess(exit)) {
      return { end: exit.value._tag === "Completed" ? "completed" : "suspended" }
    }
    if (Cause.isInterruptedOnly(exit.cause)) return yield* Effect.interrupt
    const error = Cause.squash(exit.cause)
    const reason = error instanceof RunError ? error.reason : undefined
    const end = reason === "Held" ? "held" : reason === "Stuck" ? "stuck" : "failed"
    return { end, text: Faults.run(error, row.run).text }
  })
