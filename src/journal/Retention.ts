/**
 * Which runs may be dropped. Only runs that have ended ever are; and never one that a run which stays began as: a fork is
 * looked at beside its parent, as far back as there are any.
 */
import * as Effect from "effect/Effect"
import type { RunId } from "../domain/RunId.js"
import type { Journal, JournalError } from "./Journal.js"
import type { RunRow } from "./RunIndex.js"

export const statuses = ["completed", "failed", "cancelled", "erased"] as const
export type Ended = (typeof statuses)[number]

export interface Rule {
  readonly status: ReadonlyArray<Ended>
  /** Runs that came to their end before this instant. */
  readonly before: number
  readonly pipeline: string | undefined
}

export interface Found {
  readonly drop: ReadonlyArray<{ readonly row: RunRow; readonly bytes: number }>
  /** Runs that the rule is about, and that stay for the sake of a fork. */
  readonly needed: ReadonlyArray<{ readonly run: RunId; readonly by: RunId }>
}

const pageRows = 1_000

export const find = (journal: Journal["Type"], rule: Rule): Effect.Effect<Found, JournalError> =>
  Effect.gen(function* () {
    const candidates = new Map<string, RunRow>()
    const staying: Array<RunId> = []
    let before: RunId | undefined
    for (;;) {
      const rows = yield* journal.runs({ before, limit: pageRows })
      for (const row of rows) {
        if (isMeant(rule, row)) candidates.set(row.run, row)
        else staying.push(row.run)
      }
      if (rows.length < pageRows) break
      before = rows.at(-1)?.run
    }
    const needed: Array<Found["needed"][number]> = []
    for (let by = staying.pop(); by !== undefined; by = staying.pop()) {
      if (candidates.size === 0) break
      const parent = candidates.get((yield* journal.store.parentOf(by)) ?? "")
      if (parent === undefined) continue
      candidates.delete(parent.run)
      needed.push({ run: parent.run, by })
      staying.push(parent.run)
    }
    const drop = yield* Effect.forEach(candidates.values(), (row) =>
      Effect.map(journal.store.bytesOf(row.run), (bytes) => ({ row, bytes }))
    )
    return { drop, needed }
  })

const isMeant = ({ before, pipeline, status }: Rule, row: RunRow): boolean =>
  status.some((one) => one === row.status) &&
  row.updatedAt < before &&
  (pipeline === undefined || pipeline === row.pipeline)
