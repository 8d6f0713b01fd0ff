/** `flujo state prune` */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Retention from "../../journal/Retention.js"
import * as Text from "../../lens/Text.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import { exits, Fault } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as States from "../States.js"
import * as View from "../View.js"
import * as Workspace from "../Workspace.js"

const shownMax = 20

export const run: Module<typeof Flags.statePrune>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const { olderThan, pipeline, status } = flags
    if (Option.isNone(olderThan) && Option.isNone(pipeline) && Option.isNone(status)) {
      return yield* new Fault({
        ...cliErrors.Arguments,
        text: "say which runs: --older-than, --status or --pipeline"
      })
    }
    const age = Option.isNone(olderThan) ? 0 : yield* States.age("--older-than", olderThan.value)
    const workspace = yield* Workspace.read(flags.stateUri)
    const { redaction } = workspace
    const journal = yield* Workspace.history(workspace, flags.apply ? "tend" : "read")
    const now = yield* Clock.currentTimeMillis
    const { drop, needed } = yield* Effect.mapError(
      Retention.find(journal, {
        status: Option.match(status, { onNone: () => ["completed", "cancelled"], onSome: (one) => [one] }),
        before: now - age + (age === 0 ? 1 : 0),
        pipeline: Option.getOrUndefined(pipeline)
      }),
      Faults.journal
    )
    const dropped = flags.apply
      ? yield* Effect.filter(drop, ({ row }) => Effect.mapError(journal.store.forget(row.run), Faults.journal))
      : drop
    const bytes = dropped.reduce((sum, one) => sum + one.bytes, 0)
    const options = View.options(host, invocation, "output", { redaction })
    const { line, span, whole } = Text
    return {
      exit: exits.done,
      data: redaction.json({
        applied: flags.apply,
        runs: dropped.length,
        bytes,
        dropped: dropped.map(({ bytes, row }) => ({ run: row.run, pipeline: row.pipeline, status: row.status, bytes })),
        needed: needed.map(({ by, run }) => ({ run, by }))
      }),
      text: [
        ...dropped
          .slice(0, shownMax)
          .map(({ bytes, row }) =>
            line(
              [
                whole(row.run, options, "bold"),
                span(`  ${row.status}  ${Text.iso(row.updatedAt)}  ${States.bytes(bytes)}  `),
                whole(row.pipeline, options)
              ],
              options
            )
          ),
        ...(dropped.length > shownMax ? [`… and ${dropped.length - shownMax} more`] : []),
        ...(needed.length === 0 ? [] : [`${needed.length} stay because a fork of them does`]),
        flags.apply
          ? `${dropped.length} runs dropped, ${States.bytes(bytes)}`
          : `${dropped.length} runs would be dropped, ${States.bytes(bytes)}; nothing was changed`
      ].join("\n"),
      next: flags.apply
        ? ["flujo state vacuum"]
        : dropped.length === 0
          ? []
          : [`${invocation.again("state prune")} … --apply`]
    }
  }).pipe(Effect.scoped)
