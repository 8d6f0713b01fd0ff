/** `flujo upgrade-check` */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Flujo from "../../engine/Flujo.js"
import { Journal } from "../../journal/Journal.js"
import type { RunRow } from "../../journal/RunIndex.js"
import * as Text from "../../lens/Text.js"
import * as BlueprintFile from "../BlueprintFile.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as View from "../View.js"
import * as Workspace from "../Workspace.js"

/** More open runs than this are not looked at in one call. */
const openMax = 1000
const endedDefault = 20

export const run: Module<typeof Flags.upgradeCheck>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const workspace = yield* Workspace.read(flags.stateUri)
    const { redaction } = workspace
    const file = yield* BlueprintFile.locate(workspace, invocation.args[0])
    const messages = View.options(host, invocation, "errors", { redaction })
    const { pipeline } = yield* BlueprintFile.sound(yield* BlueprintFile.read(workspace, file), messages.color)
    const journal = yield* Workspace.history(workspace, "read")
    const of = (status: ReadonlyArray<RunRow["status"]>, limit: number) =>
      Effect.mapError(journal.runs({ pipeline: pipeline.name, status, limit }), Faults.journal)
    const open = yield* of(["running", "suspended", "ready", "stuck", "failed"], openMax)
    const ended = yield* of(
      ["completed"],
      Option.getOrElse(flags.ended, () => endedDefault)
    )
    const checks = yield* Effect.forEach([...open, ...ended], (row) =>
      Flujo.upgradeCheck(pipeline, row.run).pipe(
        Effect.provideService(Journal, journal),
        Effect.either,
        Effect.map((checked) => ({
          row,
          stuck: Either.isLeft(checked) ? Faults.run(checked.left, row.run) : undefined,
          field: Either.isLeft(checked) ? checked.left.field : undefined,
          keeps: Either.isRight(checked) ? checked.right.keeps : []
        }))
      )
    )
    const stuck = checks.filter((check) => check.stuck !== undefined)
    const options = View.options(host, invocation, "output", { redaction, previewLength: 300 })
    const { foreign, line, span, whole } = Text
    return {
      exit: stuck.length === 0 ? exits.done : exits.integrity,
      data: redaction.json({
        pipeline: pipeline.name,
        compatible: checks.length - stuck.length,
        stuck: stuck.length,
        runs: checks.map(({ field, keeps, row, stuck }) => ({
          run: row.run,
          status: row.status,
          compatible: stuck === undefined,
          step: stuck?.location?.step ?? null,
          field: field ?? null,
          why: stuck?.text ?? null,
          keeps
        }))
      }),
      text: [
        ...stuck.map(({ row, stuck }) =>
          line(
            [
              span("✗ ", "red"),
              whole(row.run, options, "bold"),
              span(`  ${row.status}  `),
              ...(stuck!.location?.step === undefined ? [] : [whole(stuck!.location.step, options), span(": ")]),
              foreign(stuck!.text, options)
            ],
            options
          )
        ),
        ...checks.flatMap(({ keeps, row }) =>
          keeps.length === 0
            ? []
            : line(
                [
                  span("✓ ", "green"),
                  whole(row.run, options, "bold"),
                  span(`  ${row.status}  keeps the old way of `),
                  foreign(keeps.join(", "), options)
                ],
                options
              )
        ),
        checks.length === 0
          ? `There are no runs of ${pipeline.name}.`
          : `${checks.length - stuck.length} of ${checks.length} runs of ${pipeline.name} go the same way with it.`,
        ...(stuck.length === 0
          ? []
          : [
              "Mark what is new with `since: NAME` and what it replaces with `before: NAME`: a run that came past it keeps the old way. See docs/upgrading.md."
            ])
      ].join("\n")
    }
  }).pipe(Effect.scoped)
