/**
 * Runs that could go on now and that nobody drives: a letter came, a time has come, or the process that drove it is gone.
 * What waits for a person or for a later time is left alone, and so is a run that failed: that is for somebody to look at.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { RunId } from "../domain/RunId.js"
import type { Journal, JournalError } from "./Journal.js"
import type { RunRow, RunStatus } from "./RunIndex.js"

export interface DueRun {
  readonly row: RunRow
  readonly why: "letter" | "timer" | "abandoned"
}

const pageRows = 1_000

/** The oldest first, at most `limit`; `more`: there are others. */
export const find = (
  journal: Journal["Type"],
  options: { readonly now: number; readonly limit: number }
): Effect.Effect<{ readonly due: ReadonlyArray<DueRun>; readonly more: boolean }, JournalError> =>
  Effect.gen(function* () {
    const all: Array<DueRun> = []
    for (const status of ["ready", "suspended", "running"] as const) {
      let before: RunId | undefined
      for (;;) {
        const rows = yield* journal.runs({ status: [status], before, limit: pageRows })
        for (const row of rows) {
          const why = yield* whyOf(journal, row, status, options.now)
          if (why !== undefined) all.push({ row, why })
        }
        if (rows.length < pageRows) break
        before = rows.at(-1)?.run
      }
    }
    all.sort((a, b) => a.row.updatedAt - b.row.updatedAt || (a.row.run < b.row.run ? -1 : 1))
    return { due: all.slice(0, options.limit), more: all.length > options.limit }
  })

const whyOf = (
  journal: Journal["Type"],
  { run, wakeAt }: RunRow,
  status: RunStatus,
  now: number
): Effect.Effect<DueRun["why"] | undefined, JournalError> => {
  switch (status) {
    case "ready":
      return Effect.succeed("letter")
    case "suspended":
      return Effect.succeed(wakeAt !== null && wakeAt <= now ? "timer" : undefined)
    default:
      return Effect.map(journal.holder(run), (holder) => (Option.isNone(holder) ? "abandoned" : undefined))
  }
}
