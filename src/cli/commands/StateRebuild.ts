/** `flujo state rebuild` */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Mended } from "../../journal/Journal.js"
import type { Difference } from "../../journal/RunIndex.js"
import * as Text from "../../lens/Text.js"
import { excerpt } from "../../redaction/Printable.js"
import type { Module } from "../Command.js"
import { runErrors } from "../codes/Engine.js"
import { exits, Fault } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as View from "../View.js"
import * as Workspace from "../Workspace.js"

const shownMax = 50
/** In the JSON, so that a state that is wholly wrong is no answer without end. */
const listedMax = 10_000

export const run: Module<typeof Flags.stateRebuild>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const workspace = yield* Workspace.read(flags.stateUri)
    const { redaction } = workspace
    const journal = yield* Workspace.history(workspace, "tend")
    // By its id alone: the index, which finds runs otherwise, is what may be wrong.
    const [named] = invocation.args
    const isDry = flags.dryRun
    let runs = 0
    let rows = 0
    let broken = 0
    const found: Array<Mended> = []
    yield* Stream.runForEach(journal.mend({ run: named, isDry }), (one) =>
      Effect.sync(() => {
        runs += 1
        rows += one.differences.length
        if (one.unreadable !== undefined) broken += 1
        if ((one.differences.length > 0 || one.unreadable !== undefined) && found.length < listedMax) found.push(one)
      })
    ).pipe(Effect.mapError(Faults.journal))
    if (named !== undefined && runs === 0) {
      return yield* new Fault({
        ...runErrors.Unknown,
        text: `there is no run ${JSON.stringify(excerpt(named, 60))}`,
        hint: "write its whole id; flujo lens list shows the runs"
      })
    }
    const options = View.options(host, invocation, "output", { redaction })
    const { foreign, line, span } = Text
    const isWrong = broken > 0 || (isDry && rows > 0)
    const counted = `${rows} ${rows === 1 ? "row" : "rows"} of the index, of ${runs} ${runs === 1 ? "run" : "runs"} looked at,`
    return {
      exit: isWrong ? exits.integrity : exits.done,
      data: redaction.json({
        applied: !isDry,
        runs,
        rows,
        unreadable: broken,
        found: found.map(({ differences, entries, run, unreadable }) => ({
          run,
          entries,
          unreadable: unreadable ?? null,
          rows: differences.map(({ of, table, what }) => ({
            table,
            of: of ?? null,
            was: typeof what === "string" ? what : "other",
            columns: typeof what === "string" ? [] : what
          }))
        }))
      }),
      text: [
        ...found
          .slice(0, shownMax)
          .map(({ differences, entries, run, unreadable }) =>
            line(
              [
                span(unreadable === undefined ? "~ " : "✗ ", unreadable === undefined ? "yellow" : "red"),
                foreign(run, options, "bold"),
                span("  "),
                foreign(
                  unreadable ?? [...(entries === 0 ? ["it has no entries"] : []), ...shown(differences)].join("; "),
                  options
                )
              ],
              options
            )
          ),
        ...(found.length > shownMax ? [`… and ${found.length - shownMax} more`] : []),
        ...(broken === 0 ? [] : [`${broken} runs cannot be read; what the index has of them was left as it is`]),
        rows === 0
          ? `The index is what the entries make it, for all of ${runs} runs.`
          : `${counted} ${isDry ? "are wrong; nothing was changed" : "were made again"}`
      ].join("\n"),
      next: isDry && rows > 0 ? [invocation.again("state rebuild")] : []
    }
  }).pipe(Effect.scoped)

const kinds: Readonly<Record<Difference["table"], string>> = {
  runs: "its row",
  tasks: "the task",
  labels: "its labels",
  shares: "its share of",
  pools: "the sum of a pool"
}

const whats = { missing: "is missing", extra: "is one too many", unreadable: "cannot be read" } as const

const shown = (differences: ReadonlyArray<Difference>): ReadonlyArray<string> =>
  differences
    .slice(0, shownMax)
    .map(({ of, table, what }) =>
      [kinds[table], of, typeof what === "string" ? whats[what] : `is otherwise: ${what.join(", ")}`]
        .filter((word) => word !== undefined)
        .join(" ")
    )
