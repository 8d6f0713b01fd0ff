/**
 * Which runs are erased where one is: a fork began as a copy of what its parent held, so it goes too, as do its own forks.
 * Forks of runs that were dropped are not found by way of these.
 */
import * as Effect from "effect/Effect"
import type { RunId } from "../domain/RunId.js"
import type { Journal, JournalError } from "./Journal.js"
import type { RunRow } from "./RunIndex.js"

/** The label that tells whom a run is about. */
export const subjectLabel = "subject"

export interface Found {
  readonly row: RunRow
  /** The run that this one is a fork of, where it is erased for that. */
  readonly forkOf: RunId | undefined
}

export interface Wanted {
  readonly runs: ReadonlyArray<RunId>
  readonly subjects: ReadonlyArray<string>
}

const pageRows = 1_000

/** Those that were erased before are not among them. */
export const find = (
  journal: Journal["Type"],
  { runs, subjects }: Wanted
): Effect.Effect<ReadonlyArray<Found>, JournalError> =>
  Effect.gen(function* () {
    const chosen = new Set(runs)
    const found = new Map<RunId, Found>()
    const childrenOf = new Map<string, Array<RunRow>>()
    let before: RunId | undefined
    for (;;) {
      const rows = yield* journal.runs({ before, limit: pageRows })
      for (const row of rows) {
        const isAbout = row.labels.some(([name, value]) => name === subjectLabel && subjects.includes(value))
        if (chosen.has(row.run) || isAbout) found.set(row.run, { row, forkOf: undefined })
        const parent = yield* journal.store.parentOf(row.run)
        if (parent === undefined) continue
        const children = childrenOf.get(parent)
        if (children === undefined) childrenOf.set(parent, [row])
        else children.push(row)
      }
      if (rows.length < pageRows) break
      before = rows.at(-1)?.run
    }
    const open = Array.from(found.keys())
    for (let parent = open.pop(); parent !== undefined; parent = open.pop()) {
      for (const row of childrenOf.get(parent) ?? []) {
        if (found.has(row.run)) continue
        found.set(row.run, { row, forkOf: parent })
        open.push(row.run)
      }
    }
    return Array.from(found.values()).filter(({ row }) => row.status !== "erased")
  })
